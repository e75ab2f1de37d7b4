//! Events on the wire: the pull feed, a refund's timeline and the body of a
//! webhook. A body is a pure function of what never changes about its event,
//! so that every delivery of it has the same bytes.

use super::states;
use super::wire::{self, FundingBody, StatusBody, time};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_engine::store::StoredEvent;
use serde::Serialize;

/// An event in the feed and, without its id, in a webhook.
#[derive(Debug, Serialize)]
pub(super) struct EventBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type")]
    event_type: String,
    timestamp: String,
    data: Data,
}

/// What an event is about, and what it says.
#[derive(Debug, Serialize)]
struct Data {
    object: &'static str,
    id: Option<String>,
    /// Number of the event within its refund, or within its payment's chain.
    sequence: u32,
    #[serde(flatten)]
    refund: Option<RefundData>,
    #[serde(flatten)]
    payment: Option<PaymentData>,
    #[serde(flatten)]
    details: Details,
}

/// What never changes about a refund.
#[derive(Debug, Serialize)]
struct RefundData {
    payment_id: String,
    amount: u64,
    currency: String,
    fee: u64,
    merchant_reference: Option<String>,
    funding: FundingBody,
    created_at: String,
}

/// What never changes about a payment.
#[derive(Debug, Serialize)]
struct PaymentData {
    amount: u64,
    currency: String,
    account_id: String,
    merchant_reference: Option<String>,
    created_at: String,
}

/// What an event of this kind says beyond the object; absent members stay away.
#[derive(Debug, Default, Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    state: Option<StatusBody>,
    #[serde(rename = "status", skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credited: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_reversed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_moved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<String>,
}

/// The body of a webhook.
pub(super) fn webhook_body(stored: &StoredEvent) -> Vec<u8> {
    serde_json::to_vec(&EventBody { id: None, ..feed_entry(stored) }).unwrap_or_default()
}

/// The event as the feed shows it.
pub(super) fn feed_entry(stored: &StoredEvent) -> EventBody {
    let event = &stored.event;
    let (object, id) = subject(event);
    let refund = stored.refund.as_ref().filter(|_| event.refund.is_some());
    let payment = stored.payment.as_ref().filter(|_| event.refund.is_none() && event.payment.is_some());
    EventBody {
        id: Some(event.id().to_string()),
        event_type: states::event_type(event),
        timestamp: time(event.at),
        data: Data {
            object,
            id,
            sequence: event.number,
            refund: refund.map(refund_data),
            payment: payment.map(payment_data),
            details: details(&event.kind),
        },
    }
}

fn subject(event: &Event) -> (&'static str, Option<String>) {
    match (&event.kind, event.refund, event.payment) {
        (_, Some(refund), _) => ("refund", Some(refund.to_string())),
        (_, None, Some(payment)) => ("payment", Some(payment.to_string())),
        (EventKind::MandateEntered { mandate, .. }, None, None) => ("mandate", Some(mandate.to_string())),
        (
            EventKind::AccountFunded { account, .. }
            | EventKind::AccountDrained { account, .. }
            | EventKind::AccountPaused { account }
            | EventKind::AccountResumed { account },
            None,
            None,
        ) => ("account", Some(account.to_string())),
        (
            EventKind::StrayFound { instruction, .. }
            | EventKind::StrayReturned { instruction, .. }
            | EventKind::StrayClosed { instruction, .. },
            None,
            None,
        ) => ("stray", Some(instruction.to_string())),
        (_, None, None) => ("merchant", None),
    }
}

fn refund_data(refund: &Refund) -> RefundData {
    RefundData {
        payment_id: refund.payment.to_string(),
        amount: refund.amount.minor,
        currency: refund.amount.currency.to_string(),
        fee: refund.fee,
        merchant_reference: refund.merchant_reference.as_deref().map(str::to_owned),
        funding: wire::funding(refund.funding),
        created_at: time(refund.created_at),
    }
}

fn payment_data(payment: &Payment) -> PaymentData {
    PaymentData {
        amount: payment.amount.minor,
        currency: payment.amount.currency.to_string(),
        account_id: payment.account.to_string(),
        merchant_reference: payment.merchant_reference.clone(),
        created_at: time(payment.created_at),
    }
}

/// What an event of this kind says.
pub(super) fn details(kind: &EventKind) -> Details {
    let mut said = Details { word: kind.payment_state().map(|state| state.code().to_owned()), ..Details::default() };
    match kind {
        EventKind::PaymentRecorded
        | EventKind::PaymentAuthorised
        | EventKind::PaymentExecuted
        | EventKind::PaymentFailed
        | EventKind::DetailsGiven
        | EventKind::ApprovalVoided
        | EventKind::AuthorisationGiven
        | EventKind::WithdrawalAsked => {}
        EventKind::PaymentSettled { credited } => said.credited = Some(*credited),
        EventKind::PaymentReversed { amount } => said.amount_reversed = Some(*amount),
        EventKind::PaymentBlock { code, placed: _ } => said.block = states::payment_block_word(*code),
        EventKind::RefundEntered { state } => said.state = Some(wire::status(*state)),
        EventKind::ApprovalGiven { by } => said.person_id = Some(by.to_string()),
        EventKind::BlockPlaced { code } | EventKind::BlockLifted { code } => said.block = Some(code.code().to_owned()),
        EventKind::CaseOpened { code } | EventKind::CaseClosed { code } => said.case = Some(code.code()),
        EventKind::AttemptOpened { number } => said.attempt = Some(*number),
        EventKind::MandateEntered { mandate: _, state } => said.word = Some(state.to_string()),
        EventKind::AccountFunded { account: _, amount } | EventKind::AccountDrained { account: _, amount } => {
            said.amount_moved = Some(*amount);
        }
        EventKind::PayoutEntered { state } => said.word = Some(state.code().to_owned()),
        EventKind::StrayFound { instruction: _, amount } | EventKind::StrayReturned { instruction: _, amount } => {
            said.amount_moved = Some(*amount);
        }
        EventKind::StrayClosed { instruction: _, explained } => {
            said.word = Some(if *explained { "explained" } else { "written_off" }.to_owned());
        }
        EventKind::AccountPaused { account: _ } | EventKind::AccountResumed { account: _ } => {}
    }
    said
}

/// One line of a refund's timeline.
#[derive(Debug, Serialize)]
pub(super) struct TimelineEntry {
    number: u32,
    id: String,
    at: String,
    actor: ActorBody,
    what: String,
    details: Details,
}

#[derive(Debug, Serialize)]
struct ActorBody {
    kind: &'static str,
    id: Option<String>,
}

/// An event as a line of its refund's timeline.
pub(super) fn timeline_entry(event: &Event) -> TimelineEntry {
    let (kind, id) = states::actor(&event.actor);
    TimelineEntry {
        number: event.number,
        id: event.id().to_string(),
        at: time(event.at),
        actor: ActorBody { kind, id },
        what: states::event_type(event),
        details: details(&event.kind),
    }
}
