//! Total maps from our states to this provider's words (contract 4.2, 4.4).

use refundry_domain::mandate::Period;
use refundry_domain::payment::PaymentState;
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::refund::{Funding, Gate, RefundState};
use std::borrow::Cow;

/// The words of a refund that is under way, and of its two ends.
pub(super) const PENDING: &str = "PENDING";
const SENT: &str = "SENT";
pub(super) const FAILED: &str = "FAILED";
const CANCELED: &str = "CANCELED";
/// The code of what nobody gave a reason for.
const UNKNOWN: &str = "UNKNOWN";

/// Why a refund failed, in this provider's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// The code; clients must accept unknown ones.
    pub(super) code: &'static str,
    /// What people read.
    pub(super) message: Cow<'static, str>,
}

impl Reason {
    fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }
}

/// What a refund shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The status word.
    pub(super) status: &'static str,
    /// Why it failed.
    pub(super) reason: Option<Reason>,
}

/// What a refund shows in a state. Blocks before the send and cases after it
/// have no word here.
pub(super) fn refund(state: RefundState, funding: Funding, canceled_state: bool) -> Shown {
    let failed = |reason| Shown { status: FAILED, reason: Some(reason) };
    match state {
        RefundState::Awaiting(_) | RefundState::Ready | RefundState::Submitted => {
            Shown { status: PENDING, reason: None }
        }
        // A return after the money was sent has no word on this wire.
        RefundState::Settled { by: _ } | RefundState::Returned { .. } => Shown { status: SENT, reason: None },
        RefundState::Failed { failure } => failed(reason(failure, funding)),
        RefundState::Rejected { by: _ } => failed(Reason::new("REFUND_REJECTED", "Refund Was Not Approved")),
        RefundState::Cancelled { cause: _ } if canceled_state => Shown { status: CANCELED, reason: None },
        RefundState::Cancelled { cause: _ } => failed(Reason::new("REFUND_CANCELED", "Refund Was Canceled")),
        RefundState::Expired { at: _ } => failed(expired()),
    }
}

/// The webhook that a refund's entry into a state sends, if any. `first` is
/// true for the event that created the refund.
pub(super) fn refund_event(state: RefundState, first: bool, canceled_state: bool) -> Option<&'static str> {
    match state {
        RefundState::Awaiting(_) | RefundState::Ready | RefundState::Submitted => first.then_some("refund_pending"),
        RefundState::Settled { by: _ } => Some("refund_sent"),
        RefundState::Cancelled { cause: _ } if canceled_state => Some("refund_canceled"),
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => Some("refund_failed"),
        RefundState::Returned { .. } => None,
    }
}

/// The native states behind a status word, for lists; none for an unknown word.
pub(super) fn native_states(status: &str, canceled_state: bool) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    match status {
        PENDING => {
            for gate in Gate::ALL {
                add(&[RefundState::Awaiting(gate).code()]);
            }
            add(&["ready", "submitted"]);
        }
        SENT => add(&["settled", "returned"]),
        FAILED if canceled_state => add(&["failed", "rejected", "expired"]),
        FAILED => add(&["failed", "rejected", "cancelled", "expired"]),
        CANCELED if canceled_state => add(&["cancelled"]),
        _ => return None,
    }
    Some(words)
}

fn expired() -> Reason {
    Reason::new("PAYMENT_EXPIRED", "Refund Expired")
}

/// The reason of a failure (contract 4.4), with the network codes of 4.5.
fn reason(failure: Failure, funding: Funding) -> Reason {
    if let Some(reason) = failure.bank_code.and_then(|code| by_network_code(code, failure.kind, funding)) {
        return reason;
    }
    match failure.kind {
        FailureKind::MandateAmountExceeded => {
            Reason::new("MANDATE_INELIGIBLE_AMOUNT_EXCEEDED", "Amount Requested Exceeds Mandate Limit")
        }
        FailureKind::MandateAmount => {
            Reason::new("MANDATE_INELIGIBLE_AMOUNT", "Amount Requested Does Not Fit Mandate Terms")
        }
        FailureKind::MandateCount => Reason::new("MANDATE_INELIGIBLE_COUNT", "Mandate Payment Count Is Used Up"),
        FailureKind::MandateInactive => Reason::new("MANDATE_INACTIVE", "Mandate Is Not Active"),
        FailureKind::MandateExpired => Reason::new("MANDATE_EXPIRED", "Mandate Has Expired"),
        FailureKind::InsufficientFunds => Reason::new("INSUFFICIENT_FUNDS", "Insufficient Funds"),
        FailureKind::OwnAccountBlocked => Reason::new("PAYER_ACCOUNT_BLOCKED", "Merchant Account Is Blocked"),
        FailureKind::OwnAccountClosed => Reason::new("PAYER_ACCOUNT_CLOSED", "Merchant Account Is Closed"),
        FailureKind::OwnAccount => Reason::new("PAYER_ACCOUNT_NOT_FOUND", "Merchant Account Was Not Found"),
        FailureKind::AliasUnknown => Reason::new("ALIAS_PAYEE_NOT_FOUND", "Customer Alias Was Not Found"),
        FailureKind::Expired => expired(),
        FailureKind::AccountInvalid
        | FailureKind::AccountClosed
        | FailureKind::AccountBlocked
        | FailureKind::NameMismatch
        | FailureKind::PayeeDeceased
        | FailureKind::LimitExceeded
        | FailureKind::Unsupported
        | FailureKind::Regulatory
        | FailureKind::FraudSuspect
        | FailureKind::Format
        | FailureKind::CutOff
        | FailureKind::Technical => rejected_by_bank(failure.bank_code),
        FailureKind::Unspecified if failure.bank_code.is_some() => rejected_by_bank(failure.bank_code),
        FailureKind::Unspecified
        | FailureKind::Duplicate
        | FailureKind::NotExecuted
        | FailureKind::PaymentFailed
        | FailureKind::PaymentShort
        | FailureKind::PaymentBlocked
        | FailureKind::AuthorisationDeclined => Reason::new(UNKNOWN, "Refund Failed"),
    }
}

/// Codes that say more on this network than the general table knows.
fn by_network_code(code: BankCode, kind: FailureKind, funding: Funding) -> Option<Reason> {
    let on_mandate = matches!(funding, Funding::Mandate { .. });
    match (code.as_str(), kind) {
        ("MD16" | "MD17", _) => Some(Reason::new("MANDATE_INACTIVE", "Mandate Is Not Active")),
        ("AM02" | "AM14", _) if on_mandate => {
            Some(Reason::new("MANDATE_INELIGIBLE_AMOUNT_EXCEEDED", "Amount Requested Exceeds Mandate Limit"))
        }
        ("AC05", FailureKind::OwnAccount) => Some(Reason::new("PAYER_ACCOUNT_CLOSED", "Merchant Account Is Closed")),
        ("AC06", FailureKind::OwnAccount) => Some(Reason::new("PAYER_ACCOUNT_BLOCKED", "Merchant Account Is Blocked")),
        _ => None,
    }
}

fn rejected_by_bank(code: Option<BankCode>) -> Reason {
    let message = match code {
        Some(code) => Cow::Owned(format!("Bank Rejected Refund ({})", code.as_str())),
        None => Cow::Borrowed("Bank Rejected Refund"),
    };
    Reason { code: "BANK_REJECTED", message }
}

/// What a pay-in shows in a state. A recall after it was sent has no word.
pub(super) fn payin(state: PaymentState, bank_chosen: bool) -> &'static str {
    match state {
        PaymentState::Open if bank_chosen => "AWAITING_AUTHORIZATION",
        PaymentState::Open => "CREATED",
        PaymentState::Authorised => "INITIATED",
        PaymentState::Executed => PENDING,
        PaymentState::Settled | PaymentState::Reversed => SENT,
        PaymentState::Failed => FAILED,
    }
}

/// What a mandate shows in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MandateShown {
    /// The webhook's name.
    pub(super) event_type: &'static str,
    /// The word of the older generation.
    pub(super) state: &'static str,
    /// The word of the v3 envelope.
    pub(super) status: &'static str,
    /// Why, where the state is one that somebody chose or caused.
    pub(super) reason: Option<&'static str>,
}

/// What a mandate shows that entered this native state; none for a state
/// without a webhook.
pub(super) fn mandate(native: &str) -> Option<MandateShown> {
    let shown = |event_type, state, status, reason| Some(MandateShown { event_type, state, status, reason });
    match native {
        "active" => shown("mandate_active", "active", "ACTIVE", None),
        "pending" => shown("mandate_pending", "pending", PENDING, None),
        "suspended" => shown("mandate_suspended", "suspended", "SUSPENDED", Some(UNKNOWN)),
        "cancelled" => shown("mandate_cancelled", "cancelled", "CANCELLED", Some(UNKNOWN)),
        "declined" => shown("mandate_declined", "declined", "DECLINED", Some(UNKNOWN)),
        "expired" => shown("mandate_expired", "expired", "EXPIRED", None),
        "failed" => shown("mandate_failed", "failed", FAILED, Some(UNKNOWN)),
        _ => None,
    }
}

/// How often a mandate may be used. The pages show `ADHOC` alone; the other
/// words follow its form and the network's names.
pub(super) fn frequency(period: Period) -> &'static str {
    match period {
        Period::None => "MANDATE_PAYMENTS_FREQUENCY_ADHOC",
        Period::Intraday => "MANDATE_PAYMENTS_FREQUENCY_INTRADAY",
        Period::Day => "MANDATE_PAYMENTS_FREQUENCY_DAILY",
        Period::Week => "MANDATE_PAYMENTS_FREQUENCY_WEEKLY",
        Period::Fortnight => "MANDATE_PAYMENTS_FREQUENCY_FORTNIGHTLY",
        Period::Month => "MANDATE_PAYMENTS_FREQUENCY_MONTHLY",
        Period::Quarter => "MANDATE_PAYMENTS_FREQUENCY_QUARTERLY",
        Period::HalfYear => "MANDATE_PAYMENTS_FREQUENCY_SEMI_ANNUAL",
        Period::Year => "MANDATE_PAYMENTS_FREQUENCY_ANNUAL",
    }
}
