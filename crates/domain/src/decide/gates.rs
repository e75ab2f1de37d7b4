//! The gates before the send: details and authorisation; and the way out.

use super::{Done, approvals, flow};
use crate::attempt::AttemptState;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{PersonId, RefundId};
use crate::party::{Creditor, CreditorSource, Party};
use crate::reason::FailureKind;
use crate::refund::{Authorisation, CancelCause, Gate, Refund, RefundState, Withdrawal};
use crate::refusal::Refusal;
use std::sync::Arc;

/// Why nothing before the send can be done to a refund any more.
pub(super) fn past_send(refund: &Refund) -> Refusal {
    match refund.state {
        RefundState::Submitted => Refusal::AlreadySubmitted,
        RefundState::Awaiting(_) | RefundState::Ready => Refusal::NotAwaited,
        RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => Refusal::AlreadyEnded,
    }
}

/// Replaces what the dialect keeps with the refund, if nobody did since it was
/// read. It decides about nothing, so it may be written in every state.
pub(super) fn annotate(
    draft: &mut Draft<'_>,
    id: RefundId,
    before: &[u8],
    extension: &Arc<[u8]>,
) -> Result<Done, Refusal> {
    let (payment, mut refund) = flow::pair(draft, id)?;
    if *refund.extension != *before {
        return Err(Refusal::Changed);
    }
    refund.extension = Arc::clone(extension);
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn give_details(
    draft: &mut Draft<'_>,
    id: RefundId,
    creditor: &Party,
    source: CreditorSource,
    people: &[PersonId],
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    if !refund.state.before_send() {
        return Err(past_send(&refund));
    }
    match source {
        CreditorSource::OperatorOverride => super::people::enough(draft, people)?,
        CreditorSource::CustomerSupplied | CreditorSource::MerchantSupplied | CreditorSource::PayerAccount => {
            if refund.creditor != Creditor::Unknown {
                return Err(if payment.debtor.is_some() { Refusal::PayeeMismatch } else { Refusal::NotAwaited });
            }
        }
    }
    refund.creditor = Creditor::Given { party: creditor.clone(), source };
    draft.refund_event(&mut payment, &mut refund, EventKind::DetailsGiven);
    approvals::creditor_named(draft, &mut payment, &mut refund);
    flow::advance(draft, &mut payment, &mut refund)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

fn awaiting_authorisation(refund: &Refund) -> Result<(), Refusal> {
    if !refund.state.before_send() {
        return Err(past_send(refund));
    }
    // The consent is always the last gate (design section 3).
    if refund.state == RefundState::Awaiting(Gate::Authorisation) { Ok(()) } else { Err(Refusal::NotAwaited) }
}

pub(super) fn authorise(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    awaiting_authorisation(&refund)?;
    refund.authorisation = Authorisation::Given { at: draft.context().at };
    draft.refund_event(&mut payment, &mut refund, EventKind::AuthorisationGiven);
    flow::advance(draft, &mut payment, &mut refund)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn decline(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    awaiting_authorisation(&refund)?;
    flow::fail(draft, &mut payment, &mut refund, FailureKind::AuthorisationDeclined)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// Before the send a refund is withdrawn at once; after it the rail is asked
/// and its word decides.
pub(super) fn cancel(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    match refund.state {
        RefundState::Awaiting(_) | RefundState::Ready => {
            flow::withdraw_due(&mut refund);
            let cause = CancelCause::Requested;
            flow::enter(draft, &mut payment, &mut refund, RefundState::Cancelled { cause })?;
        }
        RefundState::Submitted => {
            let due = refund.newest_attempt().is_some_and(|attempt| attempt.state == AttemptState::Due);
            if due {
                flow::withdraw_due(&mut refund);
                let cause = CancelCause::Withdrawn;
                flow::enter(draft, &mut payment, &mut refund, RefundState::Cancelled { cause })?;
            } else if refund.withdrawal.is_some() {
                return Ok(Done::Unchanged);
            } else {
                ask_withdrawal(draft, &mut payment, &mut refund, false);
            }
        }
        RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => return Err(Refusal::AlreadyEnded),
    }
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// Notes that the rail must be asked to withdraw what is under way.
pub(super) fn ask_withdrawal(
    draft: &mut Draft<'_>,
    payment: &mut crate::payment::Payment,
    refund: &mut Refund,
    because_expired: bool,
) {
    refund.withdrawal = Some(Withdrawal { asked_at: draft.context().at, because_expired, passed_on: false });
    draft.refund_event(payment, refund, EventKind::WithdrawalAsked);
}
