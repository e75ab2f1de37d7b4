//! Evidence: what a rail reports, late, doubled, out of order or
//! contradictory. The machine takes evidence, not order; the first final word
//! is kept and a contradiction opens a case (rails M8, M23).

use super::{Done, flow, funds, send};
use crate::attempt::AttemptState;
use crate::event::{Actor, EventKind};
use crate::facts::{Draft, Evidence, Stray};
use crate::instruction::{EvidenceId, Report};
use crate::ledger::{Subject, TransferKind};
use crate::payment::Payment;
use crate::reason::{BankCode, Failure, FailureKind, kind_of_iso, says_duplicate, says_unknown};
use crate::refund::{Block, BlockCode, CaseCode, Funding, Refund, RefundState, Reservation, SettledBy};
use crate::refusal::Refusal;

pub(super) fn record(
    draft: &mut Draft<'_>,
    instruction_id: &str,
    evidence: EvidenceId,
    report: Report,
) -> Result<Done, Refusal> {
    let context = draft.context();
    let Some((id, number)) = draft.facts().instructions.get(instruction_id).copied() else {
        draft.put_stray(Stray {
            merchant: context.merchant,
            instruction_id: instruction_id.to_owned(),
            amount: None,
            creditor: None,
            at: context.at,
        });
        return Ok(Done::Unchanged);
    };
    if draft.facts().evidence.contains(&(id, evidence)) {
        return Ok(Done::Unchanged);
    }
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    draft.put_evidence(Evidence { refund: id, id: evidence, report, at: context.at });
    apply(draft, &mut payment, &mut refund, number, report)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// Applies a report to one attempt and lets the refund follow.
pub(super) fn apply(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    number: u8,
    report: Report,
) -> Result<(), Refusal> {
    let Some(state) = refund.attempts.iter().find(|attempt| attempt.number == number).map(|attempt| attempt.state)
    else {
        return Err(Refusal::RefundUnknown);
    };
    match report {
        Report::Accepted => accepted(draft, payment, refund, (number, state)),
        Report::Screening => {
            accepted(draft, payment, refund, (number, state))?;
            if state.under_way() {
                flow::open_case(draft, payment, refund, CaseCode::Screening);
            }
            Ok(())
        }
        Report::Executed { amount, charges } => executed(draft, payment, refund, (number, state), (amount, charges)),
        Report::Rejected { code } => rejected(draft, payment, refund, (number, state), code),
        Report::Returned { amount_back, code } => {
            returned(draft, payment, refund, (number, state), (amount_back, code))
        }
        Report::Withdrawn => ended(draft, payment, refund, (number, state), AttemptState::Withdrawn),
        Report::Lapsed => {
            let failure = Failure::of(FailureKind::Expired);
            ended(draft, payment, refund, (number, state), AttemptState::Rejected { failure })
        }
    }
}

/// Evidence about what we had not sent (a restored store): the send is caught
/// up with, and its money set aside where it is there.
fn ensure_submitted(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    if !refund.state.before_send() {
        return Ok(());
    }
    flow::enter(draft, payment, refund, RefundState::Submitted)?;
    if refund.reservation == Reservation::None && funds::shortage(draft, refund)?.is_none() {
        funds::reserve(draft, refund)?;
    }
    Ok(())
}

/// The refund takes the state that all its attempts together say.
fn follow(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    let Some(next) = flow::state_of_attempts(refund) else { return Ok(()) };
    if next == refund.state {
        return Ok(());
    }
    match refund.state {
        RefundState::Submitted => flow::enter(draft, payment, refund, next),
        RefundState::Settled { .. } => match next {
            RefundState::Returned { .. } => flow::enter(draft, payment, refund, next),
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Submitted
            | RefundState::Settled { .. }
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. } => Ok(()),
        },
        // Ends do not move; contradictions were made cases before.
        RefundState::Awaiting(_)
        | RefundState::Ready
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => Ok(()),
    }
}

fn accepted(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, state): (u8, AttemptState),
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due | AttemptState::Sending { .. } | AttemptState::Unknown { .. } => {
            ensure_submitted(draft, payment, refund)?;
            let since = draft.context().at;
            flow::set_attempt(refund, number, AttemptState::Accepted { since });
            Ok(())
        }
        AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => Ok(()),
    }
}

fn executed(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, state): (u8, AttemptState),
    (amount, charges): (u64, u64),
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            if amount.checked_sub(charges) != Some(refund.amount.minor) {
                flow::open_case(draft, payment, refund, CaseCode::Difference);
                return Ok(());
            }
            ensure_submitted(draft, payment, refund)?;
            flow::set_attempt(refund, number, AttemptState::Executed);
            follow(draft, payment, refund)?;
            if charges > 0 {
                let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
                let subject = Subject::Refund(refund.id);
                draft.transfer(book.bank_charges, book.refund_clearing, charges, TransferKind::Posted, subject)?;
            }
            let moved = refund
                .attempts
                .iter()
                .filter(|attempt| matches!(attempt.state, AttemptState::Executed | AttemptState::Returned));
            let paid_outside = refund.state == RefundState::Settled { by: SettledBy::External };
            if moved.count() > 1 || paid_outside {
                flow::open_case(draft, payment, refund, CaseCode::Conflict);
            }
            Ok(())
        }
        AttemptState::Rejected { .. } | AttemptState::Absent | AttemptState::Withdrawn => {
            flow::open_case(draft, payment, refund, CaseCode::Conflict);
            Ok(())
        }
        AttemptState::Executed | AttemptState::Returned => Ok(()),
    }
}

/// Our reason for a bank's refusal, as it stands for this funding.
fn failure_of(refund: &Refund, code: Option<BankCode>) -> Failure {
    let text = code.as_ref().map_or("", BankCode::as_str);
    let kind = match (refund.funding, text) {
        (Funding::Mandate { .. }, "MD16" | "MD17") => FailureKind::MandateInactive,
        (Funding::Mandate { .. }, "AM02" | "AM14") => FailureKind::MandateAmountExceeded,
        (Funding::Held { .. } | Funding::Mandate { .. } | Funding::MerchantAuthorised, _) => kind_of_iso(text),
    };
    Failure { kind, bank_code: code }
}

fn rejected(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, state): (u8, AttemptState),
    code: Option<BankCode>,
) -> Result<(), Refusal> {
    let text = code.as_ref().map_or("", BankCode::as_str);
    let doubtful = match state {
        AttemptState::Sending { .. } | AttemptState::Unknown { .. } => true,
        AttemptState::Due
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => false,
    };
    if says_duplicate(text) || (doubtful && says_unknown(text)) {
        // It has seen this before: find the original, never fail, never resend.
        send::doubt(draft, refund, number);
        if says_duplicate(text) {
            flow::open_case(draft, payment, refund, CaseCode::Duplicate);
        }
        return Ok(());
    }
    let failure = failure_of(refund, code);
    if failure.kind == FailureKind::InsufficientFunds && is_drift(draft, refund) && state.under_way() {
        return drift(draft, payment, refund, (number, failure));
    }
    ended(draft, payment, refund, (number, state), AttemptState::Rejected { failure })
}

/// AM04 on an account that has the money by our ledger (rails M22).
fn is_drift(draft: &Draft<'_>, refund: &Refund) -> bool {
    match refund.funding {
        // Nothing follows what was to be withdrawn.
        Funding::Held { .. } => draft.context().rules.am04_is_drift && refund.withdrawal.is_none(),
        Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
    }
}

fn drift(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, failure): (u8, Failure),
) -> Result<(), Refusal> {
    flow::set_attempt(refund, number, AttemptState::Rejected { failure });
    let code = BlockCode::Paused;
    refund.blocks.push(Block { code, by: Actor::Engine, at: draft.context().at, lifted_at: None });
    draft.refund_event(payment, refund, EventKind::BlockPlaced { code });
    flow::open_case(draft, payment, refund, CaseCode::Drift);
    flow::open_attempt(draft, payment, refund)
}

/// A definite end without money.
fn ended(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, state): (u8, AttemptState),
    end: AttemptState,
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            ensure_submitted(draft, payment, refund)?;
            flow::set_attempt(refund, number, end);
            follow(draft, payment, refund)
        }
        AttemptState::Executed | AttemptState::Returned => {
            flow::open_case(draft, payment, refund, CaseCode::Conflict);
            Ok(())
        }
        AttemptState::Rejected { .. } | AttemptState::Absent | AttemptState::Withdrawn => Ok(()),
    }
}

fn returned(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    (number, state): (u8, AttemptState),
    (amount_back, code): (u64, Option<BankCode>),
) -> Result<(), Refusal> {
    match state {
        AttemptState::Executed => {}
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            // Heard first: it was executed before it came back (rails M23).
            let report = (refund.amount.minor, 0);
            executed(draft, payment, refund, (number, state), report)?;
        }
        AttemptState::Returned => return second_return(draft, payment, refund, amount_back),
        // A batch booking credits back what was refused (rails 8.5): not ours.
        AttemptState::Rejected { .. } => return Ok(()),
        AttemptState::Absent | AttemptState::Withdrawn => {
            flow::open_case(draft, payment, refund, CaseCode::Conflict);
            return Ok(());
        }
    }
    let settled = matches!(refund.state, RefundState::Settled { by: SettledBy::Attempt(_) | SettledBy::Sweep });
    if !settled {
        flow::open_case(draft, payment, refund, CaseCode::Conflict);
        return Ok(());
    }
    let kept = amount_back.min(refund.amount.minor);
    let charges = refund.amount.minor.saturating_sub(kept);
    flow::set_attempt(refund, number, AttemptState::Returned);
    let state = RefundState::Returned { code, amount_back: kept, charges };
    flow::enter(draft, payment, refund, state)?;
    let excess = amount_back.saturating_sub(kept);
    if excess > 0 {
        second_return(draft, payment, refund, excess)?;
    }
    Ok(())
}

/// Money that came back twice, or too much of it, is unexplained.
fn second_return(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    amount: u64,
) -> Result<(), Refusal> {
    let code = CaseCode::Returned;
    let at = draft.context().at;
    refund.cases.push(crate::refund::Case { code, at, closed_at: None });
    draft.refund_event(payment, refund, EventKind::CaseOpened { code });
    let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
    let subject = Subject::Refund(refund.id);
    draft.transfer(book.return_clearing, book.suspense, amount, TransferKind::Posted, subject)?;
    Ok(())
}
