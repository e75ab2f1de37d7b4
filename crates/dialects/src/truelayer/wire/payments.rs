//! Bodies of payments (contract 3.2, 3.3).

pub(in crate::truelayer) mod read;
pub(in crate::truelayer) mod request;

use super::accounts::{PaymentSource, payment_source};
use super::flow::FlowBody;
use super::metadata::Metadata;
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::errors::to_json;
use crate::truelayer::extension::PaymentExtension;
use crate::truelayer::states::payments::{Failed, Shown};
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct UserBody<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct HostedPage<'a> {
    uri: &'a str,
}

/// What the answer to a created payment says beside its id.
#[derive(Debug)]
pub(in crate::truelayer) struct Created<'a> {
    /// The payer's id.
    pub(in crate::truelayer) user_id: &'a str,
    /// Opens the payment for the payer's page.
    pub(in crate::truelayer) resource_token: &'a str,
    /// What the payment showed when it was made.
    pub(in crate::truelayer) status: &'static str,
    /// What comes next, where the authorisation began at once.
    pub(in crate::truelayer) flow: Option<FlowBody>,
    /// The address of the hosted page, where it was asked for.
    pub(in crate::truelayer) hosted_page: Option<&'a str>,
}

#[derive(Serialize)]
struct CreatedBody<'a> {
    id: Text<36>,
    user: UserBody<'a>,
    resource_token: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_flow: Option<FlowBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosted_page: Option<HostedPage<'a>>,
}

/// The answer to a created payment.
pub(in crate::truelayer) fn created(payment: &Payment, created: Created<'_>) -> Vec<u8> {
    to_json(&CreatedBody {
        id: uuid(payment.id.0),
        user: UserBody { id: created.user_id },
        resource_token: created.resource_token,
        status: created.status,
        authorization_flow: created.flow,
        hosted_page: created.hosted_page.map(|uri| HostedPage { uri }),
    })
}

#[derive(Serialize)]
struct SettlementRisk {
    category: &'static str,
}

#[derive(Serialize)]
struct PaymentBody<'a> {
    id: Text<36>,
    amount_in_minor: u64,
    currency: &'a str,
    user: UserBody<'a>,
    payment_method: Value,
    created_at: Text<30>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_flow: Option<FlowBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Text<30>>,
    /// With the settlement: until then a payment may still fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    creditable_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement_risk: Option<SettlementRisk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_source: Option<PaymentSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// A payment as it is now.
pub(in crate::truelayer) fn payment(
    payment: &Payment,
    extension: &PaymentExtension,
    shown: Shown,
    flow: Option<FlowBody>,
) -> Vec<u8> {
    let moments = payment.moments;
    let credited = payment.state.credited();
    let sent = credited || payment.state == PaymentState::Executed;
    let if_true = |shown: bool, at: Option<Timestamp>| at.filter(|_| shown).map(rfc3339_nanos);
    let failed: Option<Failed> = shown.failed;
    to_json(&PaymentBody {
        id: uuid(payment.id.0),
        amount_in_minor: payment.amount.minor,
        currency: payment.amount.currency.code(),
        user: UserBody { id: &extension.user_id },
        payment_method: method(extension),
        created_at: rfc3339_nanos(payment.created_at),
        status: shown.status,
        authorization_flow: flow,
        authorized_at: if_true(payment.state == PaymentState::Authorised, moments.authorised_at),
        executed_at: if_true(sent, moments.executed_at),
        settled_at: if_true(credited, moments.settled_at),
        creditable_at: if_true(credited, moments.settled_at),
        settlement_risk: sent.then_some(SettlementRisk { category: "low_risk" }),
        payment_source: credited.then(|| payment_source(payment)),
        failed_at: if_true(payment.state == PaymentState::Failed, moments.failed_at),
        failure_stage: failed.map(|failed| failed.stage),
        failure_reason: failed.map(|failed| failed.reason),
        metadata: metadata(extension),
    })
}

/// The pairs of a payment.
pub(in crate::truelayer) fn metadata(extension: &PaymentExtension) -> Metadata<'_> {
    Metadata(extension.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
}

/// The payment method as the client gave it, with the bank and the scheme
/// that were chosen.
fn method(extension: &PaymentExtension) -> Value {
    let mut method: Value = serde_json::from_str(&extension.method).unwrap_or(Value::Null);
    let Some(members) = method.as_object_mut() else { return method };
    let selection = members.entry("provider_selection").or_insert_with(|| {
        Value::Object(Map::from_iter([("type".to_owned(), Value::String("user_selected".to_owned()))]))
    });
    if let Some(selection) = selection.as_object_mut() {
        for (name, chosen) in [("provider_id", &extension.provider), ("scheme_id", &extension.scheme)] {
            if let Some(chosen) = chosen {
                selection.insert(name.to_owned(), Value::String(chosen.clone()));
            }
        }
    }
    method
}
