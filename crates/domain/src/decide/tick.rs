//! Time: what must be done when nothing else happens, and when that is. The
//! clock alone never ends a submitted refund (design section 3).

use super::order::{Ordered, Pair};
use super::{Done, flow, gates, payments, payouts, send};
use crate::attempt::AttemptState;
use crate::deadline::Pace;
use crate::facts::Draft;
use crate::id::{PaymentId, RefundId};
use crate::instruction::Order;
use crate::payment::{Payment, PaymentFailureReason};
use crate::payout::PayoutState;
use crate::reason::{Failure, FailureKind};
use crate::refund::{Case, CaseCode, ExpiredAt, Refund, RefundState, ReserveAt};
use crate::refusal::Refusal;
use crate::time::{Span, Timestamp};

/// An unknown attempt opens a case after this long (rails R-05).
const UNKNOWN_CASE_AFTER: Span = Span::seconds(900);

pub(super) fn tick(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let before = (refund.clone(), payment.event_count);
    match refund.state {
        RefundState::Awaiting(_) | RefundState::Ready => tick_before_send(draft, &mut payment, &mut refund)?,
        RefundState::Submitted => tick_submitted(draft, &mut payment, &mut refund)?,
        RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => return Ok(Done::Unchanged),
    }
    if (&before.0, before.1) == (&refund, payment.event_count) {
        return Ok(Done::Unchanged);
    }
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// Lets the time of a refund that has not ended be up at this moment.
pub(super) fn end_time(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (payment, mut refund) = flow::pair(draft, id)?;
    if refund.state.is_final() {
        return Err(Refusal::AlreadyEnded);
    }
    refund.deadlines.overall_at = draft.context().at.min(refund.deadlines.overall_at);
    flow::put(draft, payment, refund);
    tick(draft, id)?;
    Ok(Done::Refund(id))
}

/// A payment that nobody authorised in time fails.
pub(super) fn tick_payment(draft: &mut Draft<'_>, id: PaymentId) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    if payment.due_at().is_none_or(|due_at| due_at > draft.context().at) {
        return Ok(Done::Unchanged);
    }
    payments::fail(draft, &mut payment, PaymentFailureReason::Expired)?;
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

fn tick_before_send(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    let at = draft.context().at;
    if refund.deadlines.earliest() <= at {
        let expired = match refund.state {
            RefundState::Awaiting(gate) => ExpiredAt::Gate(gate),
            RefundState::Ready
            | RefundState::Submitted
            | RefundState::Settled { .. }
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. }
            | RefundState::Returned { .. } => ExpiredAt::Ready,
        };
        flow::withdraw_due(refund);
        return flow::enter(draft, payment, refund, RefundState::Expired { at: expired });
    }
    if refund.waits_for_funds.is_some_and(|look_at| look_at <= at) {
        match refund.reserve_at {
            ReserveAt::Creation => flow::advance(draft, payment, refund)?,
            ReserveAt::Send => {
                if super::funds::shortage(draft, refund)?.is_some() {
                    refund.waits_for_funds = Some(at.plus(flow::FUNDS_RECHECK));
                } else {
                    refund.waits_for_funds = None;
                    flow::advance(draft, payment, refund)?;
                }
            }
        }
    }
    Ok(())
}

fn tick_submitted(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    let at = draft.context().at;
    tick_attempt(draft, &mut Pair { payment, refund });
    let due = refund.newest_attempt().is_some_and(|newest| newest.state == AttemptState::Due);
    if refund.deadlines.overall_at <= at && refund.withdrawal.is_none() {
        gates::ask_withdrawal(draft, payment, refund, true);
        if due {
            // Nothing is under way: every earlier attempt ended without money.
            flow::withdraw_due(refund);
            let failure = Failure::of(FailureKind::Expired);
            return flow::enter(draft, payment, refund, RefundState::Failed { failure });
        }
    }
    Ok(())
}

/// Doubts a claim whose lease ended, and opens the cases of silence.
pub(super) fn tick_attempt(draft: &mut Draft<'_>, order: &mut impl Ordered) {
    let at = draft.context().at;
    let Some(newest) = order.attempts().last().copied() else { return };
    match newest.state {
        AttemptState::Sending { lease_until, .. } => {
            if lease_until <= at {
                send::doubt(draft, order, newest.number);
            }
        }
        AttemptState::Unknown { since, .. } => {
            if since.plus(UNKNOWN_CASE_AFTER) <= at && !order.had_case(CaseCode::UnknownOutcome) {
                order.open_case(draft, CaseCode::UnknownOutcome);
            }
        }
        AttemptState::Accepted { since } => {
            if since.plus(order.pace().overdue_after) <= at && !order.had_case(CaseCode::Overdue) {
                order.open_case(draft, CaseCode::Overdue);
            }
        }
        AttemptState::Due
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => {}
    }
}

/// When a refund that is ready may be sent.
pub(super) fn send_at(refund: &Refund) -> Timestamp {
    refund.deadlines.limits.pace.send_at(refund.updated_at)
}

/// Lets what was not sent rest from now on; no time at all lets it go.
pub(super) fn postpone(draft: &mut Draft<'_>, order: Order, rest: Span) -> Result<Done, Refusal> {
    let at = draft.context().at;
    match order {
        Order::Refund(id) => {
            let (payment, mut refund) = flow::pair(draft, id)?;
            if !refund.state.before_send() {
                return Err(gates::past_send(&refund));
            }
            refund.deadlines.limits.pace.rest = at.plus(rest).since(refund.updated_at);
            flow::put(draft, payment, refund);
            Ok(Done::Refund(id))
        }
        Order::Payout(id) => {
            let mut payout = payouts::known(draft, id)?;
            match payout.state {
                PayoutState::Ready => {}
                PayoutState::Submitted => return Err(Refusal::AlreadySubmitted),
                PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. } => {
                    return Err(Refusal::AlreadyEnded);
                }
            }
            payout.pace.rest = at.plus(rest).since(payout.updated_at);
            draft.put_payout(payout);
            Ok(Done::Payout(id))
        }
    }
}

/// When something must be done about a refund if nothing happens before:
/// send it, doubt a lease, inquire, expire it, open a case. None when only
/// people or reports can move it.
#[must_use]
pub fn wake_at(refund: &Refund) -> Option<Timestamp> {
    match refund.state {
        RefundState::Ready if !refund.is_blocked() => {
            Some(send_at(refund).min(refund.deadlines.earliest()).max(refund.updated_at))
        }
        RefundState::Awaiting(_) | RefundState::Ready => {
            let deadline = refund.deadlines.earliest();
            Some(refund.waits_for_funds.map_or(deadline, |look_at| look_at.min(deadline)))
        }
        RefundState::Submitted => wake_submitted(refund),
        RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => None,
    }
}

fn wake_submitted(refund: &Refund) -> Option<Timestamp> {
    let newest = refund.newest_attempt()?;
    let by_attempt = match newest.state {
        AttemptState::Due => (!refund.is_blocked()).then_some(refund.updated_at),
        AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => wake_by_attempt(newest.state, &refund.cases, refund.deadlines.limits.pace),
    };
    let by_clock = match refund.withdrawal {
        None => Some(refund.deadlines.overall_at),
        Some(asked) => (!asked.passed_on && newest.state.under_way()).then_some(asked.asked_at),
    };
    match (by_attempt, by_clock) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// When an attempt that was sent must be looked at again.
pub(super) fn wake_by_attempt(state: AttemptState, cases: &[Case], pace: Pace) -> Option<Timestamp> {
    let case_at = |since: Timestamp, after: Span, code| {
        let had = cases.iter().any(|case| case.code == code);
        (!had).then(|| since.plus(after))
    };
    match state {
        AttemptState::Sending { lease_until, .. } => Some(lease_until),
        AttemptState::Unknown { since, inquire_at, .. } => {
            let case = case_at(since, UNKNOWN_CASE_AFTER, CaseCode::UnknownOutcome);
            Some(case.map_or(inquire_at, |case| case.min(inquire_at)))
        }
        AttemptState::Accepted { since } => case_at(since, pace.overdue_after, CaseCode::Overdue),
        AttemptState::Due
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => None,
    }
}
