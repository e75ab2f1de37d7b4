//! How a refund moves: entering a state with its event, its claim and its
//! money; the first unmet gate; the state as a function of all attempts.

use super::funds;
use super::order::{Ordered, Pair};
use crate::approval::Approval;
use crate::attempt::{Attempt, AttemptState, Course, course};
use crate::bytes::Encoder;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::RefundId;
use crate::party::Creditor;
use crate::payment::Payment;
use crate::reason::{Failure, FailureKind};
use crate::reference::Sha256;
use crate::refund::{
    Authorisation, CancelCause, CaseCode, Funding, Gate, Refund, RefundState, Reservation, ReserveAt, SettledBy,
    Shortage,
};
use crate::refusal::Refusal;
use crate::time::{Span, Timestamp};

/// How long a refund that lacks money waits before it looks again.
pub(super) const FUNDS_RECHECK: Span = Span::seconds(5);

/// Loads a refund with its payment.
pub(super) fn pair(draft: &Draft<'_>, id: RefundId) -> Result<(Payment, Refund), Refusal> {
    let refund = draft.refund(id).ok_or(Refusal::RefundUnknown)?;
    let payment = draft.payment(refund.payment).ok_or(Refusal::PaymentUnknown)?;
    Ok((payment, refund))
}

/// Puts both back.
pub(super) fn put(draft: &mut Draft<'_>, payment: Payment, refund: Refund) {
    assert!(payment.counters.claimed <= payment.counters.claimable, "claimed never exceeds claimable");
    draft.put_payment(payment);
    draft.put_refund(refund);
}

/// The first gate that is not met.
pub(super) fn unmet_gate(payment: &Payment, refund: &Refund) -> Option<Gate> {
    Gate::ALL.into_iter().find(|gate| match gate {
        Gate::Details => refund.creditor == Creditor::Unknown,
        Gate::Settlement => !payment.state.credited(),
        Gate::Approval => refund.approval.as_ref().is_some_and(|approval| !approval.complete()),
        Gate::Funds => refund.waits_for_funds.is_some(),
        Gate::Authorisation => refund.authorisation == Authorisation::Needed,
    })
}

/// Enters a state: writes the event, moves the claim, resolves the money.
pub(super) fn enter(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    state: RefundState,
) -> Result<(), Refusal> {
    let was_live = refund.state.is_live();
    refund.state = state;
    let at = draft.context().at;
    if state == RefundState::Awaiting(Gate::Approval) {
        super::approvals::begin_waiting(draft, payment, refund);
    }
    refund.deadlines.gate_at = match state {
        RefundState::Awaiting(gate) => gate_end(refund, gate, at),
        RefundState::Ready
        | RefundState::Submitted
        | RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => None,
    };
    draft.refund_event(payment, refund, EventKind::RefundEntered { state });
    if was_live && !state.is_live() {
        let claimed = payment.counters.claimed.checked_sub(refund.amount.minor);
        assert!(claimed.is_some(), "a live refund is part of the claimed sum");
        payment.counters.claimed = claimed.unwrap_or(0);
    }
    match state {
        RefundState::Awaiting(_) | RefundState::Ready | RefundState::Submitted => Ok(()),
        RefundState::Settled { by } => funds::spend(draft, refund, by),
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => funds::release(draft, refund),
        RefundState::Returned { amount_back, charges, .. } => funds::take_back(draft, refund, amount_back, charges),
    }
}

/// When the time of a gate that is entered now is up.
pub(super) fn gate_end(refund: &Refund, gate: Gate, at: Timestamp) -> Option<Timestamp> {
    let own = refund.deadlines.limits.of(gate).map(|span| at.plus(span));
    let approval = refund.approval.as_ref().filter(|_| gate == Gate::Approval).map(|approval| approval.valid_until);
    own.into_iter().chain(approval).min()
}

/// Ends a refund that was not sent, or whose attempts all ended without money.
pub(super) fn fail(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    kind: FailureKind,
) -> Result<(), Refusal> {
    withdraw_due(refund);
    enter(draft, payment, refund, RefundState::Failed { failure: Failure::of(kind) })
}

/// An attempt that nobody claimed is withdrawn with its refund.
pub(super) fn withdraw_due(refund: &mut Refund) {
    for attempt in &mut refund.attempts {
        if attempt.state == AttemptState::Due {
            attempt.state = AttemptState::Withdrawn;
        }
    }
}

/// Moves a refund that was not sent to its first unmet gate or to `ready`,
/// setting money aside where the time for it has come.
pub(super) fn advance(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    assert!(refund.state.before_send(), "only what was not sent passes gates");
    let mut reserve_now = false;
    if wants_reservation(payment, refund) {
        match (funds::shortage(draft, refund)?, refund.shortage) {
            (None, _) => {
                refund.waits_for_funds = None;
                reserve_now = true;
            }
            (Some(_), Shortage::Wait) => {
                refund.waits_for_funds = Some(draft.context().at.plus(FUNDS_RECHECK));
            }
            (Some(_), Shortage::Refuse | Shortage::Fail) => {
                return fail(draft, payment, refund, FailureKind::InsufficientFunds);
            }
        }
    }
    let next = unmet_gate(payment, refund).map_or(RefundState::Ready, RefundState::Awaiting);
    if next != refund.state {
        enter(draft, payment, refund, next)?;
    } else if reserve_now {
        // The reservation needs a cause; a refund that stays at its gate shows it again.
        draft.refund_event(payment, refund, EventKind::RefundEntered { state: next });
    }
    if reserve_now {
        funds::reserve(draft, refund)?;
    }
    Ok(())
}

/// Money is set aside at creation, or when the payment of a held refund settles.
pub(super) fn wants_reservation(payment: &Payment, refund: &Refund) -> bool {
    let held = match refund.funding {
        Funding::Held { .. } => true,
        Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
    };
    held && refund.reserve_at == ReserveAt::Creation
        && refund.reservation == Reservation::None
        && payment.state.credited()
}

/// The refund's state as a function of all its attempts (rails 2.3); none
/// when the gates and commands decide.
#[must_use]
pub fn state_of_attempts(refund: &Refund) -> Option<RefundState> {
    Some(match course(&refund.attempts) {
        Course::NotBegun => return None,
        Course::Executed(number) => RefundState::Settled { by: SettledBy::Attempt(number) },
        Course::Returned => match refund.state {
            returned @ RefundState::Returned { .. } => returned,
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Submitted
            | RefundState::Settled { .. }
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. } => {
                RefundState::Returned { code: None, amount_back: refund.amount.minor, charges: 0 }
            }
        },
        Course::UnderWay => RefundState::Submitted,
        Course::Rejected(failure) => RefundState::Failed { failure },
        Course::Withdrawn => withdrawn_state(refund),
    })
}

fn withdrawn_state(refund: &Refund) -> RefundState {
    if refund.withdrawal.is_some_and(|asked| asked.because_expired) {
        RefundState::Failed { failure: Failure::of(FailureKind::Expired) }
    } else {
        RefundState::Cancelled { cause: CancelCause::Withdrawn }
    }
}

/// Opens the next attempt; every earlier one must have ended without money (I-8).
pub(super) fn open_attempt(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    if !refund.attempts.iter().all(|attempt| attempt.state.ended_without_money()) {
        return Err(Refusal::ProofMissing);
    }
    let number = refund.newest_attempt().map_or(1, |attempt| attempt.number.saturating_add(1));
    if number > crate::reference::ATTEMPT_COUNT_MAX {
        return Err(Refusal::TooManyAttempts);
    }
    refund.attempts.push(Attempt::due(number));
    draft.refund_event(payment, refund, EventKind::AttemptOpened { number });
    Ok(())
}

/// Opens a case on a refund unless one of its kind is open.
pub(super) fn open_case(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund, code: CaseCode) {
    Pair { payment, refund }.open_case(draft, code);
}

/// The hash that an approval binds (I-19, F-68).
pub(super) fn approved_content(payment: &Payment, refund: &Refund, approval: &Approval, sha256: Sha256) -> [u8; 32] {
    let mut to = Encoder::new();
    to.text("refundry-approval-1").id(refund.id.0).id(refund.payment.0).number(refund.amount.minor);
    to.text(refund.amount.currency.code());
    let (account, source) = match &refund.creditor {
        Creditor::Unknown => (String::new(), 0),
        Creditor::Payer => (payment.debtor.as_ref().map(|party| party.account.canonical()).unwrap_or_default(), 1),
        Creditor::Given { party, source } => (
            party.account.canonical(),
            match source {
                crate::party::CreditorSource::PayerAccount => 1,
                crate::party::CreditorSource::MerchantSupplied => 2,
                crate::party::CreditorSource::CustomerSupplied => 3,
                crate::party::CreditorSource::OperatorOverride => 4,
            },
        ),
    };
    to.text(&account).byte(source);
    match refund.funding {
        Funding::Held { account } => to.byte(1).id(account.0),
        Funding::Mandate { mandate, .. } => to.byte(2).id(mandate.0),
        Funding::MerchantAuthorised => to.byte(3),
    };
    to.number(refund.fee).number(u64::from(approval.policy.version)).signed(approval.valid_until.0);
    sha256(&to.finish())
}
