//! Total maps between the core's states and the words of the native API.
//! Most words are the core's own `code()`; what stands here are the words
//! that only this API needs.

use refundry_domain::attempt::AttemptState;
use refundry_domain::event::{Actor, Event, EventKind};
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::party::CreditorSource;
use refundry_domain::payment::{PaymentBlockCode, PaymentState, Provenance};
use refundry_domain::reason::FailureKind;
use refundry_domain::refund::{CancelCause, ExpiredAt, Gate, SettledBy, Shortage};

/// The states that a payment may be recorded in.
pub(super) const RECORDABLE: [PaymentState; 4] =
    [PaymentState::Settled, PaymentState::Executed, PaymentState::Authorised, PaymentState::Open];

/// Every word that a refund's status may have.
pub(super) const REFUND_STATUSES: [&str; 13] = [
    "awaiting_details",
    "awaiting_settlement",
    "awaiting_approval",
    "awaiting_funds",
    "awaiting_authorisation",
    "ready",
    "submitted",
    "settled",
    "failed",
    "rejected",
    "cancelled",
    "expired",
    "returned",
];

/// Every event type that an endpoint may subscribe to.
pub(super) const EVENT_TYPES: [&str; 49] = [
    "payment.recorded",
    "payment.authorised",
    "payment.executed",
    "payment.settled",
    "payment.failed",
    "payment.reversed",
    "payment.block_placed",
    "payment.block_lifted",
    "payment.case_opened",
    "payment.case_closed",
    "refund.awaiting_details",
    "refund.awaiting_settlement",
    "refund.awaiting_approval",
    "refund.awaiting_funds",
    "refund.awaiting_authorisation",
    "refund.ready",
    "refund.submitted",
    "refund.settled",
    "refund.failed",
    "refund.rejected",
    "refund.cancelled",
    "refund.expired",
    "refund.returned",
    "refund.details_given",
    "refund.approval_given",
    "refund.approval_voided",
    "refund.authorisation_given",
    "refund.block_placed",
    "refund.block_lifted",
    "refund.case_opened",
    "refund.case_closed",
    "refund.attempt_opened",
    "refund.withdrawal_asked",
    "mandate.created",
    "mandate.active",
    "mandate.pending",
    "mandate.suspended",
    "mandate.cancelled",
    "mandate.declined",
    "mandate.expired",
    "mandate.failed",
    "mandate.changed",
    "account.funded",
    "account.drained",
    "account.paused",
    "account.resumed",
    "stray.found",
    "stray.returned",
    "stray.closed",
];

/// The type of an event: the noun it is about and what happened to it.
pub(super) fn event_type(event: &Event) -> String {
    let noun = if event.refund.is_some() { "refund" } else { "payment" };
    let said = |what: &str| format!("{noun}.{what}");
    match &event.kind {
        EventKind::PaymentRecorded => "payment.recorded".to_owned(),
        EventKind::PaymentAuthorised => "payment.authorised".to_owned(),
        EventKind::PaymentExecuted => "payment.executed".to_owned(),
        EventKind::PaymentSettled { .. } => "payment.settled".to_owned(),
        EventKind::PaymentFailed => "payment.failed".to_owned(),
        EventKind::PaymentReversed { .. } => "payment.reversed".to_owned(),
        EventKind::PaymentBlock { placed: true, .. } => "payment.block_placed".to_owned(),
        EventKind::PaymentBlock { placed: false, .. } => "payment.block_lifted".to_owned(),
        EventKind::RefundEntered { state } => format!("refund.{}", state.code()),
        EventKind::DetailsGiven => said("details_given"),
        EventKind::ApprovalGiven { .. } => said("approval_given"),
        EventKind::ApprovalVoided => said("approval_voided"),
        EventKind::AuthorisationGiven => said("authorisation_given"),
        EventKind::BlockPlaced { .. } => said("block_placed"),
        EventKind::BlockLifted { .. } => said("block_lifted"),
        EventKind::CaseOpened { .. } => said("case_opened"),
        EventKind::CaseClosed { .. } => said("case_closed"),
        EventKind::AttemptOpened { .. } => said("attempt_opened"),
        EventKind::WithdrawalAsked => said("withdrawal_asked"),
        EventKind::MandateEntered { state, .. } => mandate_event(state),
        EventKind::AccountFunded { .. } => "account.funded".to_owned(),
        EventKind::AccountDrained { .. } => "account.drained".to_owned(),
        EventKind::PayoutEntered { state } => format!("payout.{}", state.code()),
        EventKind::StrayFound { .. } => "stray.found".to_owned(),
        EventKind::StrayReturned { .. } => "stray.returned".to_owned(),
        EventKind::StrayClosed { .. } => "stray.closed".to_owned(),
        EventKind::AccountPaused { .. } => "account.paused".to_owned(),
        EventKind::AccountResumed { .. } => "account.resumed".to_owned(),
    }
}

/// The stored state is a text; one that no subscription could name (written
/// by a newer version) gets the neutral word.
fn mandate_event(state: &str) -> String {
    let name = format!("mandate.{state}");
    if EVENT_TYPES.contains(&name.as_str()) { name } else { "mandate.changed".to_owned() }
}

/// The state that a payment is recorded in, from its word.
pub(super) fn recordable_of(word: &str) -> Option<PaymentState> {
    RECORDABLE.into_iter().find(|state| state.code() == word)
}

/// What to do when money lacks, from its word.
pub(super) fn shortage_of(word: &str) -> Option<Shortage> {
    match word {
        "refuse" => Some(Shortage::Refuse),
        "fail" => Some(Shortage::Fail),
        "wait" => Some(Shortage::Wait),
        _ => None,
    }
}

/// The period of a mandate, from its word.
pub(super) fn period_of(word: &str) -> Option<Period> {
    Period::ALL.iter().find(|(_, known)| *known == word).map(|(period, _)| *period)
}

/// The word of a mandate's period.
pub(super) fn period(period: Period) -> &'static str {
    Period::ALL.iter().find(|(known, _)| *known == period).map_or("none", |(_, word)| word)
}

/// The state that a mandate is moved to, from its word. A merchant's own
/// program speaks for the merchant's side, so a suspension is the merchant's.
pub(super) fn mandate_state_of(word: &str) -> Option<MandateState> {
    match word {
        "active" => Some(MandateState::Active),
        "pending" => Some(MandateState::Pending),
        "suspended" => Some(MandateState::Suspended { by_merchant: true }),
        "cancelled" => Some(MandateState::Cancelled),
        "declined" => Some(MandateState::Declined),
        "expired" => Some(MandateState::Expired),
        "failed" => Some(MandateState::Failed),
        _ => None,
    }
}

/// The word of a payment's block.
pub(super) fn payment_block(code: PaymentBlockCode) -> &'static str {
    match code {
        PaymentBlockCode::Recall => "recall",
        PaymentBlockCode::Dispute => "dispute",
        PaymentBlockCode::Fraud => "fraud",
        PaymentBlockCode::Legal => "legal",
        PaymentBlockCode::TooOld => "too_old",
        PaymentBlockCode::RefundedElsewhere => "refunded_elsewhere",
        PaymentBlockCode::Unverified => "unverified",
    }
}

/// Every block of a payment; its place is the number that events carry.
const PAYMENT_BLOCKS: [PaymentBlockCode; 7] = [
    PaymentBlockCode::Recall,
    PaymentBlockCode::Dispute,
    PaymentBlockCode::Fraud,
    PaymentBlockCode::Legal,
    PaymentBlockCode::TooOld,
    PaymentBlockCode::RefundedElsewhere,
    PaymentBlockCode::Unverified,
];

/// The word of a payment's block by the number that its event carries.
pub(super) fn payment_block_word(number: u8) -> Option<String> {
    PAYMENT_BLOCKS.get(usize::from(number)).map(|code| payment_block(*code).to_owned())
}

/// The word of how a payment became known.
pub(super) fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::OwnCheckout => "own_checkout",
        Provenance::StatementEntry => "statement_entry",
        Provenance::VerifiedWebhook => "verified_webhook",
        Provenance::Imported => "imported",
    }
}

/// The word of where a creditor's account came from.
pub(super) fn creditor_source(source: CreditorSource) -> &'static str {
    match source {
        CreditorSource::PayerAccount => "payer_account",
        CreditorSource::MerchantSupplied => "merchant_supplied",
        CreditorSource::CustomerSupplied => "customer_supplied",
        CreditorSource::OperatorOverride => "operator_override",
    }
}

/// The word of an attempt's state.
pub(super) fn attempt_state(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Due => "due",
        AttemptState::Sending { .. } => "sending",
        AttemptState::Unknown { .. } => "unknown",
        AttemptState::Accepted { .. } => "accepted",
        AttemptState::Executed => "executed",
        AttemptState::Rejected { .. } => "rejected",
        AttemptState::Absent => "absent",
        AttemptState::Withdrawn => "withdrawn",
        AttemptState::Returned => "returned",
    }
}

/// The word of what made a refund final.
pub(super) fn settled_by(by: SettledBy) -> &'static str {
    match by {
        SettledBy::Attempt(_) => "attempt",
        SettledBy::Sweep => "sweep",
        SettledBy::External => "external",
    }
}

/// The word of why a refund ran out of time.
pub(super) fn expired_reason(at: ExpiredAt) -> &'static str {
    match at {
        ExpiredAt::Gate(Gate::Details) => "details_not_provided",
        ExpiredAt::Gate(Gate::Settlement | Gate::Approval | Gate::Funds | Gate::Authorisation) | ExpiredAt::Ready => {
            FailureKind::Expired.code()
        }
    }
}

/// The word of why a refund was withdrawn.
pub(super) fn cancel_cause(cause: CancelCause) -> &'static str {
    match cause {
        CancelCause::Requested => "requested",
        CancelCause::Withdrawn => "withdrawn",
    }
}

/// Who caused an event: a kind, and a public id where there is one.
pub(super) fn actor(actor: &Actor) -> (&'static str, Option<String>) {
    match actor {
        Actor::Engine => ("engine", None),
        Actor::Credential(id) => ("credential", Some(id.to_string())),
        Actor::Person(id) => ("person", Some(id.to_string())),
        Actor::Customer => ("customer", None),
        Actor::Rail(name) => ("rail", Some(name.to_string())),
        Actor::Sandbox => ("sandbox", None),
        Actor::Operator => ("operator", None),
    }
}
