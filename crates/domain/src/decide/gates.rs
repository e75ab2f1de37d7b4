//! The gates before the send: details, approval, authorisation; and the way out.

use super::{Done, flow};
use crate::approval::Decision;
use crate::attempt::AttemptState;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{PersonId, RefundId};
use crate::party::{Creditor, CreditorSource, Party};
use crate::reason::FailureKind;
use crate::refund::{Authorisation, CancelCause, Gate, Refund, RefundState, Withdrawal};
use crate::refusal::Refusal;

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
    renew_approval(draft, &mut payment, &mut refund);
    flow::advance(draft, &mut payment, &mut refund)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// What was agreed to changed: earlier words are void, the content is bound anew.
pub(super) fn renew_approval(draft: &mut Draft<'_>, payment: &mut crate::payment::Payment, refund: &mut Refund) {
    let context = draft.context();
    let Some(mut approval) = refund.approval.clone() else { return };
    let had_decisions = !approval.decisions.is_empty();
    approval.decisions.clear();
    approval.valid_until = context.at.plus(approval.policy.valid_for);
    approval.content = flow::approved_content(payment, refund, &approval, context.sha256);
    refund.approval = Some(approval);
    if had_decisions {
        draft.refund_event(payment, refund, EventKind::ApprovalVoided);
    }
}

/// The gate must be open for a decision; one that is shown later may be met early.
fn decidable(draft: &Draft<'_>, refund: &Refund, by: PersonId) -> Result<(), Refusal> {
    if !refund.state.before_send() {
        return Err(past_send(refund));
    }
    let approval = refund.approval.as_ref().ok_or(Refusal::NotAwaited)?;
    if approval.complete() {
        return Err(Refusal::NotAwaited);
    }
    if approval.valid_until <= draft.context().at {
        return Err(Refusal::ApprovalExpired);
    }
    if !draft.facts().approvers.contains(&by) {
        return Err(Refusal::NotEligible);
    }
    if approval.maker == Some(by) {
        return Err(Refusal::SelfApproval);
    }
    if approval.decisions.iter().any(|decision| decision.by == by) {
        return Err(Refusal::AlreadyDecided);
    }
    Ok(())
}

pub(super) fn approve(draft: &mut Draft<'_>, id: RefundId, by: PersonId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    decidable(draft, &refund, by)?;
    if refund.creditor == Creditor::Unknown {
        // Nobody can agree to an account that nobody knows.
        return Err(Refusal::NotAwaited);
    }
    let at = draft.context().at;
    if let Some(approval) = &mut refund.approval {
        approval.decisions.push(Decision { by, at });
    }
    draft.refund_event(&mut payment, &mut refund, EventKind::ApprovalGiven { by });
    flow::advance(draft, &mut payment, &mut refund)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn reject(draft: &mut Draft<'_>, id: RefundId, by: PersonId) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    decidable(draft, &refund, by)?;
    flow::withdraw_due(&mut refund);
    flow::enter(draft, &mut payment, &mut refund, RefundState::Rejected { by })?;
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
