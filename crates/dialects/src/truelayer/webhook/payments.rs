//! Payloads of payments (contract 7.1): flat about the payment method, unlike
//! the answer to a GET.

use super::rendered;
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::extension::PaymentExtension;
use crate::truelayer::states::payments as states;
use crate::truelayer::wire::accounts::{PaymentSource, payment_source};
use crate::truelayer::wire::metadata::Metadata;
use crate::truelayer::wire::payments::metadata;
use crate::truelayer::{App, DIALECT};
use refundry_domain::event::EventKind;
use refundry_domain::payment::Payment;
use refundry_domain::time::Timestamp;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;
use serde::Serialize;

#[derive(Serialize)]
struct Method<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_id: Option<&'a str>,
}

#[derive(Serialize)]
struct SettlementRisk {
    category: &'static str,
}

#[derive(Serialize)]
struct Members<'a> {
    payment_id: Text<36>,
    payment_method: Method<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_source: Option<PaymentSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement_risk: Option<SettlementRisk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

impl<'a> Members<'a> {
    fn new(payment: &Payment, extension: &'a PaymentExtension) -> Self {
        Self {
            payment_id: uuid(payment.id.0),
            payment_method: Method {
                r#type: "bank_transfer",
                provider_id: extension.provider.as_deref(),
                scheme_id: extension.scheme.as_deref(),
            },
            payment_source: None,
            authorized_at: None,
            executed_at: None,
            settled_at: None,
            settlement_risk: None,
            user_id: None,
            failed_at: None,
            failure_stage: None,
            failure_reason: None,
            metadata: metadata(extension),
        }
    }
}

/// The webhook of a payment's event, where this provider has a word for it
/// and the endpoint's client asked for the payment.
pub(super) fn render(_app: &App, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
    let (event, payment) = (&stored.event, stored.payment.as_ref()?);
    let own =
        *payment.origin.dialect == *DIALECT && (endpoint.group.is_empty() || *endpoint.group == *payment.origin.group);
    if !own {
        return None;
    }
    let extension = PaymentExtension::of(payment)?;
    let mut members = Members::new(payment, &extension);
    let at = |moment: Option<Timestamp>| Some(rfc3339_nanos(moment.unwrap_or(event.at)));
    let moments = payment.moments;
    let event_type = match &event.kind {
        EventKind::PaymentAuthorised => {
            members.authorized_at = at(moments.authorised_at);
            "payment_authorized"
        }
        EventKind::PaymentExecuted => {
            members.executed_at = at(moments.executed_at);
            "payment_executed"
        }
        EventKind::PaymentSettled { credited: _ } => {
            members.settled_at = at(moments.settled_at);
            members.settlement_risk = Some(SettlementRisk { category: "low_risk" });
            members.user_id = Some(&extension.user_id);
            members.payment_source = Some(PaymentSource { user_id: None, ..payment_source(payment) });
            "payment_settled"
        }
        EventKind::PaymentFailed => {
            let failed = states::payment(payment, Some(&extension)).failed;
            members.failed_at = at(moments.failed_at);
            members.failure_stage = failed.map(|failed| failed.stage);
            members.failure_reason = failed.map(|failed| failed.reason);
            "payment_failed"
        }
        EventKind::PaymentRecorded
        | EventKind::PaymentReversed { .. }
        | EventKind::PaymentBlock { .. }
        | EventKind::RefundEntered { .. }
        | EventKind::DetailsGiven
        | EventKind::ApprovalGiven { .. }
        | EventKind::ApprovalVoided
        | EventKind::AuthorisationGiven
        | EventKind::BlockPlaced { .. }
        | EventKind::BlockLifted { .. }
        | EventKind::CaseOpened { .. }
        | EventKind::CaseClosed { .. }
        | EventKind::AttemptOpened { .. }
        | EventKind::WithdrawalAsked
        | EventKind::MandateEntered { .. }
        | EventKind::AccountFunded { .. }
        | EventKind::AccountDrained { .. }
        | EventKind::AccountPaused { .. }
        | EventKind::AccountResumed { .. }
        | EventKind::StrayFound { .. }
        | EventKind::StrayReturned { .. }
        | EventKind::StrayClosed { .. }
        | EventKind::PayoutEntered { .. } => return None,
    };
    Some(rendered(event, event_type, &members))
}
