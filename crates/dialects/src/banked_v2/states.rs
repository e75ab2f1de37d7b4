//! Total maps from our states to this provider's words (contract 4.2).

use super::config::{Config, ExternalSpelling};
use refundry_domain::approval::Approval;
use refundry_domain::party::Creditor;
use refundry_domain::payment::PaymentState;
use refundry_domain::refund::{Authorisation, Funding, Gate, Refund, RefundState, SettledBy};

const AWAITING_DETAILS: &str = "awaiting_details";
const AWAITING_PAYMENT: &str = "awaiting_payment";
const AWAITING_PROVIDER: &str = "awaiting_provider";
const AWAITING_CONSENT: &str = "awaiting_payment_consent";
const INITIATED: &str = "initiated";
const PENDING: &str = "pending";
pub(super) const SENT: &str = "sent";
pub(super) const FAILED: &str = "failed";

fn external(spelling: ExternalSpelling) -> &'static str {
    match spelling {
        ExternalSpelling::Underscore => "externally_processed",
        ExternalSpelling::Space => "externally processed",
    }
}

/// What a refund shows in a state. Blocks and cases have no word here.
pub(super) fn refund(state: RefundState, config: &Config) -> &'static str {
    match state {
        RefundState::Awaiting(Gate::Details) => AWAITING_DETAILS,
        RefundState::Awaiting(Gate::Settlement | Gate::Approval | Gate::Funds | Gate::Authorisation)
        | RefundState::Ready
        | RefundState::Submitted => AWAITING_PAYMENT,
        RefundState::Settled { by: SettledBy::External } => external(config.external_spelling),
        RefundState::Settled { by: SettledBy::Attempt(_) | SettledBy::Sweep } | RefundState::Returned { .. } => SENT,
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => FAILED,
    }
}

/// The native states behind a word, for lists; none for an unknown word.
pub(super) fn native_states(word: &str, config: &Config) -> Option<Vec<String>> {
    let states: &[&str] = match word {
        AWAITING_DETAILS => &["awaiting_details"],
        AWAITING_PAYMENT => &[
            "awaiting_settlement",
            "awaiting_approval",
            "awaiting_funds",
            "awaiting_authorisation",
            "ready",
            "submitted",
        ],
        SENT => &["settled", "returned"],
        FAILED => &["failed", "rejected", "cancelled", "expired"],
        word if word == external(config.external_spelling) => &["settled"],
        _ => return None,
    };
    Some(states.iter().map(|state| (*state).to_owned()).collect())
}

/// Whether a state comes after the details and the first approval, so that a
/// refund that enters it has a payment session.
pub(super) fn begins_session(state: RefundState) -> bool {
    match state {
        RefundState::Awaiting(Gate::Details | Gate::Approval) => false,
        RefundState::Awaiting(Gate::Settlement | Gate::Funds | Gate::Authorisation)
        | RefundState::Ready
        | RefundState::Submitted => true,
        RefundState::Settled { .. }
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. }
        | RefundState::Returned { .. } => false,
    }
}

/// Whether a refund has a payment session: the merchant authorises it, the
/// creditor is known, and who must agree first has agreed once.
pub(super) fn has_session(refund: &Refund) -> bool {
    let by_merchant = match refund.funding {
        Funding::MerchantAuthorised => true,
        Funding::Held { .. } | Funding::Mandate { .. } => false,
    };
    let agreed = refund.approval.as_ref().is_none_or(Approval::complete)
        || matches!(refund.authorisation, Authorisation::Given { .. })
        || !refund.attempts.is_empty();
    by_merchant && refund.creditor != Creditor::Unknown && agreed
}

/// What a refund's payment session shows in a state; `chosen` once the
/// merchant went to a bank.
pub(super) fn refund_session(state: RefundState, chosen: bool) -> &'static str {
    match state {
        RefundState::Awaiting(Gate::Authorisation) if chosen => AWAITING_CONSENT,
        RefundState::Awaiting(_) => AWAITING_PROVIDER,
        RefundState::Ready => AWAITING_CONSENT,
        RefundState::Submitted => PENDING,
        RefundState::Settled { by: _ } | RefundState::Returned { .. } => SENT,
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => FAILED,
    }
}

/// What a payment session shows in a state; `chosen` once the payer went to a
/// bank. A recall after it was sent has no word.
pub(super) fn session(state: PaymentState, chosen: bool, config: &Config) -> &'static str {
    match state {
        PaymentState::Open if chosen => AWAITING_CONSENT,
        PaymentState::Open => AWAITING_PROVIDER,
        PaymentState::Authorised if config.initiated_state => INITIATED,
        PaymentState::Authorised | PaymentState::Executed => PENDING,
        PaymentState::Settled | PaymentState::Reversed => SENT,
        PaymentState::Failed => FAILED,
    }
}

/// What a payment shows in the steps of an Australian checkout, which alone
/// have a word of their own for what waits for its payer.
pub(super) fn au_checkout(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Open => "awaiting_authorisation",
        PaymentState::Authorised | PaymentState::Executed => PENDING,
        PaymentState::Settled | PaymentState::Reversed => SENT,
        PaymentState::Failed => FAILED,
    }
}

/// A webhook's name, and the one of the same event without names and accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventName {
    /// With everything.
    pub(super) full: &'static str,
    /// Without payer and payee.
    pub(super) redacted: &'static str,
}

const EVENT_INITIATED: EventName = EventName { full: "payment_initiated", redacted: "redacted_payment_initiated" };
const EVENT_PENDING: EventName = EventName { full: "payment_pending", redacted: "redacted_payment_pending" };
const EVENT_SENT: EventName = EventName { full: "payment_sent", redacted: "redacted_payment_sent" };
const EVENT_FAILED: EventName = EventName { full: "payment_failed", redacted: "redacted_payment_failed" };

/// The webhook of a session that entered a state.
pub(super) fn session_event(state: PaymentState, config: &Config) -> Option<EventName> {
    match state {
        PaymentState::Open | PaymentState::Reversed => None,
        PaymentState::Authorised => config.initiated_state.then_some(EVENT_INITIATED),
        PaymentState::Executed => Some(EVENT_PENDING),
        PaymentState::Settled => Some(EVENT_SENT),
        PaymentState::Failed => Some(EVENT_FAILED),
    }
}

/// The webhook of a refund's session when the refund entered a state.
pub(super) fn refund_session_event(state: RefundState) -> Option<EventName> {
    match state {
        RefundState::Awaiting(_) | RefundState::Ready | RefundState::Returned { .. } => None,
        RefundState::Submitted => Some(EVENT_PENDING),
        RefundState::Settled { by: _ } => Some(EVENT_SENT),
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => Some(EVENT_FAILED),
    }
}
