//! Bodies in and out, in this provider's spelling. Members of our bodies are
//! declared in alphabetical order, because they are printed in it.

mod mandates;
mod requests;

pub(super) use crate::banked::read::Fields;
#[cfg(test)]
pub(super) use crate::banked::wire::EVENTS;
pub(super) use mandates::mandate_event;
pub(super) use requests::{Method, PayinRequest, RefundRequest};

use super::errors::to_json;
use super::extension::Texts;
use super::states::{self, PENDING, Reason, Shown};
use crate::print::{Text, rfc3339_nanos, uuid};
use refundry_domain::payment::Payment;
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::time::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The only kind of account in this provider's words.
pub(super) const ACCOUNT_TYPE: &str = "BANKED_BANK_ACCOUNT_ENTITY";
/// How pay-ins name a party.
pub(super) const IDENTITY_TYPE: &str = "PARTY_IDENTIFICATION";

/// A refund as answers show it.
#[derive(Serialize)]
struct RefundBody<'a> {
    amount: u64,
    created_at: Text<30>,
    currency: &'a str,
    debtor_account: Option<BankAccount>,
    expiration: Text<30>,
    id: Text<36>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mandate: Option<Identified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Pairs<'a>>,
    original_payin_information: OriginalPayin,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_identification: Option<PaymentIdentification<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remittance_information: Option<Remittance<'a>>,
    status_details: StatusDetails<'a>,
    updated_at: Text<30>,
}

#[derive(Serialize)]
struct BankAccount {
    account_type: &'static str,
    bank_account_id: Text<36>,
}

#[derive(Serialize)]
struct Identified {
    id: Text<36>,
}

#[derive(Serialize)]
struct OriginalPayin {
    amount: u64,
    id: Text<36>,
}

#[derive(Serialize)]
struct PaymentIdentification<'a> {
    end_to_end_identification: &'a str,
}

#[derive(Serialize)]
struct Remittance<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    structured: Option<Structured<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unstructured: Option<&'a str>,
}

#[derive(Serialize)]
struct Structured<'a> {
    creditor_reference_information: CreditorReference<'a>,
}

#[derive(Serialize)]
struct CreditorReference<'a> {
    #[serde(rename = "reference")]
    creditor_reference: &'a str,
}

#[derive(Serialize)]
struct StatusDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonBody<'a>>,
    status: &'static str,
}

#[derive(Serialize)]
struct ReasonBody<'a> {
    code: &'static str,
    message: &'a str,
}

/// Metadata in its stored order.
struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Puts metadata into the order that a JavaScript object prints: keys that
/// are array indices first, ascending; then the others, by their bytes.
pub(super) fn sort_metadata(pairs: &mut [(&str, &str)]) {
    let rank = |key: &str| array_index(key).map_or((1, 0), |index| (0, index));
    pairs.sort_by(|(left, _), (right, _)| rank(left).cmp(&rank(right)).then_with(|| left.cmp(right)));
}

/// The array index that a key spells (ECMA-262: 0 up to 2^32 - 2, no leading zero).
fn array_index(key: &str) -> Option<u32> {
    let plain =
        key == "0" || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()));
    let index: u32 = if plain { key.parse().ok()? } else { return None };
    (index < u32::MAX).then_some(index)
}

/// When optional members are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Only what was supplied.
    Answer,
    /// Always (contract 7.1).
    Webhook,
}

fn remittance<'a>(texts: &Texts<'a>, form: Form) -> Option<Remittance<'a>> {
    let structured = match form {
        Form::Webhook => Some(texts.structured.unwrap_or_default()),
        Form::Answer => texts.structured,
    };
    let given = structured.is_some() || texts.unstructured.is_some();
    given.then(|| Remittance {
        structured: structured
            .map(|text| Structured { creditor_reference_information: CreditorReference { creditor_reference: text } }),
        unstructured: texts.unstructured,
    })
}

fn identification<'a>(texts: &Texts<'a>, form: Form) -> Option<PaymentIdentification<'a>> {
    let text = match form {
        Form::Webhook => Some(texts.end_to_end.unwrap_or_default()),
        Form::Answer => texts.end_to_end,
    };
    text.map(|end_to_end_identification| PaymentIdentification { end_to_end_identification })
}

fn metadata<'a>(texts: &mut Texts<'a>, form: Form) -> Option<Pairs<'a>> {
    match form {
        Form::Webhook => Some(Pairs(texts.metadata.take().unwrap_or_default())),
        Form::Answer => texts.metadata.take().map(Pairs),
    }
}

fn status(shown: &Shown) -> StatusDetails<'_> {
    let reason = shown.reason.as_ref().map(|Reason { code, message }| ReasonBody { code, message });
    StatusDetails { reason, status: shown.status }
}

fn refund_body<'a>(refund: &'a Refund, shown: &'a Shown, updated_at: Timestamp, form: Form) -> RefundBody<'a> {
    let mut texts = Texts::of_refund(refund);
    let (account, mandate) = match refund.funding {
        Funding::Held { account } => (Some(account), None),
        Funding::Mandate { mandate, debtor_account } => (debtor_account, Some(mandate)),
        Funding::MerchantAuthorised => (None, None),
    };
    RefundBody {
        amount: refund.amount.minor,
        created_at: rfc3339_nanos(refund.created_at),
        currency: refund.amount.currency.code(),
        debtor_account: account.map(|id| BankAccount { account_type: ACCOUNT_TYPE, bank_account_id: uuid(id.0) }),
        expiration: rfc3339_nanos(refund.deadlines.overall_at),
        id: uuid(refund.id.0),
        mandate: mandate.map(|id| Identified { id: uuid(id.0) }),
        metadata: metadata(&mut texts, form),
        original_payin_information: OriginalPayin { amount: refund.payment_amount, id: uuid(refund.payment.0) },
        payment_identification: identification(&texts, form),
        remittance_information: remittance(&texts, form),
        status_details: status(shown),
        updated_at: rfc3339_nanos(updated_at),
    }
}

/// The answer to the creation of a refund, also when it is asked for again
/// years later: always under way, never changed.
pub(super) fn created_refund(refund: &Refund) -> Vec<u8> {
    let shown = Shown { status: PENDING, reason: None };
    to_json(&refund_body(refund, &shown, refund.created_at, Form::Answer))
}

/// A refund as it is now.
pub(super) fn current_refund(refund: &Refund, canceled_state: bool) -> Vec<u8> {
    let shown = states::refund(refund.state, refund.funding, canceled_state);
    to_json(&refund_body(refund, &shown, refund.updated_at, Form::Answer))
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<RefundBody<'a>>,
    next_cursor: Option<Text<36>>,
}

/// A page of refunds; `next` is the last one of a full page.
pub(super) fn refund_list(refunds: &[Refund], next: Option<u128>, canceled_state: bool) -> Vec<u8> {
    let shown: Vec<Shown> =
        refunds.iter().map(|refund| states::refund(refund.state, refund.funding, canceled_state)).collect();
    let bodies =
        refunds.iter().zip(&shown).map(|(refund, shown)| refund_body(refund, shown, refund.updated_at, Form::Answer));
    to_json(&List { data: bodies.collect(), next_cursor: next.map(uuid) })
}

/// A pay-in as answers show it.
#[derive(Serialize)]
struct PayinBody<'a> {
    amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_url: Option<&'a str>,
    created_at: Text<30>,
    currency: &'a str,
    id: Text<36>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_error: Option<ReasonBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Pairs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_identification: Option<PaymentIdentification<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remittance_information: Option<Remittance<'a>>,
    status_details: StatusDetails<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ultimate_creditor: Option<UltimateCreditor<'a>>,
    updated_at: Text<30>,
}

#[derive(Serialize)]
struct UltimateCreditor<'a> {
    identity_type: &'static str,
    name: &'a str,
}

/// What a pay-in shows, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct PayinMoment {
    /// The status word.
    pub(super) status: &'static str,
    /// Since when.
    pub(super) updated_at: Timestamp,
}

fn payin_body<'a>(payment: &'a Payment, moment: PayinMoment, form: Form) -> PayinBody<'a> {
    let mut texts = Texts::of_payment(payment);
    let failed = moment.status == states::FAILED;
    PayinBody {
        amount: payment.amount.minor,
        checkout_url: None,
        created_at: rfc3339_nanos(payment.created_at),
        currency: payment.amount.currency.code(),
        id: uuid(payment.id.0),
        latest_error: failed.then_some(ReasonBody { code: "UNKNOWN", message: "Payment Failed" }),
        metadata: metadata(&mut texts, form),
        payment_identification: identification(&texts, form),
        // Answers do not repeat the remittance text (contract 3.9); webhooks do.
        remittance_information: if form == Form::Webhook { remittance(&texts, form) } else { None },
        status_details: StatusDetails { reason: None, status: moment.status },
        ultimate_creditor: texts.creditor_name.map(|name| UltimateCreditor { identity_type: IDENTITY_TYPE, name }),
        updated_at: rfc3339_nanos(moment.updated_at),
    }
}

/// A pay-in with the link to its checkout page.
pub(super) fn payin(payment: &Payment, moment: PayinMoment, checkout_url: &str) -> Vec<u8> {
    let mut body = payin_body(payment, moment, Form::Answer);
    body.checkout_url = Some(checkout_url);
    to_json(&body)
}

#[derive(Serialize)]
struct EnvelopeBody<D> {
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_version: Option<u8>,
    id: Text<36>,
    #[serde(rename = "type")]
    event_type: &'static str,
    version: &'static str,
}

/// Around every webhook's data.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventHead {
    /// The event's own id, the same for every delivery.
    pub(super) id: u128,
    /// The event's name.
    pub(super) event_type: &'static str,
    /// When it happened.
    pub(super) at: Timestamp,
    /// Whether the version of the data is told.
    pub(super) data_version: bool,
}

impl EventHead {
    fn around<D: Serialize>(self, data: D, data_version: u8) -> Vec<u8> {
        to_json(&EnvelopeBody {
            data,
            data_version: self.data_version.then_some(data_version),
            id: uuid(self.id),
            event_type: self.event_type,
            version: "v3",
        })
    }
}

/// The body of a refund's webhook: the refund as it was at the event.
pub(super) fn refund_event(head: EventHead, refund: &Refund, shown: &Shown) -> Vec<u8> {
    head.around(refund_body(refund, shown, head.at, Form::Webhook), 1)
}

/// The body of a pay-in's webhook.
pub(super) fn payin_event(head: EventHead, payment: &Payment, status: &'static str) -> Vec<u8> {
    let moment = PayinMoment { status, updated_at: head.at };
    head.around(payin_body(payment, moment, Form::Webhook), 3)
}
