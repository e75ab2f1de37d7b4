//! What people decide besides approvals: blocks, cases, payments made
//! outside, and attempts that were proven absent.

use super::{Done, flow, gates};
use crate::attempt::{AttemptState, set_state};
use crate::command::AbsentDecision;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{PersonId, RefundId};
use crate::reason::{Failure, FailureKind};
use crate::refund::{Block, BlockCode, CancelCause, CaseCode, RefundState, SettledBy};
use crate::refusal::Refusal;
use std::collections::BTreeSet;

/// An exception path takes two different people who may approve (I-19).
pub(super) fn enough(draft: &Draft<'_>, people: &[PersonId]) -> Result<(), Refusal> {
    let distinct: BTreeSet<_> = people.iter().copied().collect();
    if distinct.len() < usize::from(draft.context().rules.exception_people) {
        return Err(Refusal::MorePeopleNeeded);
    }
    if distinct.iter().all(|person| draft.may_approve(*person)) { Ok(()) } else { Err(Refusal::NotEligible) }
}

pub(super) fn place_block(draft: &mut Draft<'_>, id: RefundId, code: BlockCode) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    if !refund.state.before_send() {
        return Err(gates::past_send(&refund));
    }
    if refund.blocks.iter().any(|block| block.code == code && block.lifted_at.is_none()) {
        return Ok(Done::Unchanged);
    }
    let context = draft.context();
    refund.blocks.push(Block { code, by: context.actor.clone(), at: context.at, lifted_at: None });
    draft.refund_event(&mut payment, &mut refund, EventKind::BlockPlaced { code });
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn lift_block(draft: &mut Draft<'_>, id: RefundId, code: BlockCode) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let at = draft.context().at;
    let Some(block) = refund.blocks.iter_mut().find(|block| block.code == code && block.lifted_at.is_none()) else {
        return Err(Refusal::NotAwaited);
    };
    block.lifted_at = Some(at);
    draft.refund_event(&mut payment, &mut refund, EventKind::BlockLifted { code });
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn close_case(draft: &mut Draft<'_>, id: RefundId, code: CaseCode) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let at = draft.context().at;
    let Some(case) = refund.cases.iter_mut().find(|case| case.code == code && case.closed_at.is_none()) else {
        return Err(Refusal::CaseUnknown);
    };
    case.closed_at = Some(at);
    draft.refund_event(&mut payment, &mut refund, EventKind::CaseClosed { code });
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn record_external(draft: &mut Draft<'_>, id: RefundId, people: &[PersonId]) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    if !refund.state.before_send() {
        return Err(gates::past_send(&refund));
    }
    enough(draft, people)?;
    flow::withdraw_due(&mut refund);
    flow::enter(draft, &mut payment, &mut refund, RefundState::Settled { by: SettledBy::External })?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// The final statement proves that the newest attempt did not execute (rails M6).
pub(super) fn record_absent(draft: &mut Draft<'_>, id: RefundId, people: &[PersonId]) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    if refund.state != RefundState::Submitted {
        return Err(gates::past_send(&refund));
    }
    enough(draft, people)?;
    let Some(newest) = refund.newest_attempt().copied() else { return Err(Refusal::NotAwaited) };
    match newest.state {
        AttemptState::Unknown { .. } => {}
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => return Err(Refusal::ProofMissing),
    }
    set_state(&mut refund.attempts, newest.number, AttemptState::Absent);
    flow::open_case(draft, &mut payment, &mut refund, CaseCode::Absent);
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn decide_absent(
    draft: &mut Draft<'_>,
    id: RefundId,
    decision: AbsentDecision,
    people: &[PersonId],
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    if refund.state != RefundState::Submitted {
        return Err(gates::past_send(&refund));
    }
    if refund.newest_attempt().is_none_or(|attempt| attempt.state != AttemptState::Absent) {
        return Err(Refusal::ProofMissing);
    }
    enough(draft, people)?;
    match decision {
        AbsentDecision::NewAttempt => flow::open_attempt(draft, &mut payment, &mut refund)?,
        AbsentDecision::Fail => {
            let failure = Failure::of(FailureKind::NotExecuted);
            flow::enter(draft, &mut payment, &mut refund, RefundState::Failed { failure })?;
        }
        AbsentDecision::Cancel => {
            let cause = CancelCause::Withdrawn;
            flow::enter(draft, &mut payment, &mut refund, RefundState::Cancelled { cause })?;
        }
    }
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}
