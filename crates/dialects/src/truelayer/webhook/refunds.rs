//! Payloads of refunds (contract 7.1): what they ended with, neither amount
//! nor text, so that receivers fetch the refund.

use super::{App, rendered};
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::DIALECT;
use crate::truelayer::clients;
use crate::truelayer::states::{Ending, refunds as states};
use crate::truelayer::wire::metadata::Metadata;
use crate::truelayer::wire::refunds::{metadata_of, scheme_of};
use refundry_domain::event::EventKind;
use refundry_domain::payment::{Origin, Payment};
use refundry_domain::refund::Refund;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;
use serde::Serialize;

#[derive(Serialize)]
struct Executed<'a> {
    refund_id: Text<36>,
    payment_id: Text<36>,
    executed_at: Text<30>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Failed<'a> {
    refund_id: Text<36>,
    payment_id: Text<36>,
    failed_at: Text<30>,
    failure_reason: &'static str,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// The webhook of a refund's event, where there is one.
pub(super) fn render(app: &App, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
    let event = &stored.event;
    let refund = stored.refund.as_ref()?;
    let EventKind::RefundEntered { state } = &event.kind else { return None };
    if !states::is_told(event, refund) || !concerns(endpoint, refund, stored.payment.as_ref()) {
        return None;
    }
    let step = states::step(*state, states::destination(refund, stored.payment.as_ref()));
    let (refund_id, payment_id) = (uuid(refund.id.0), uuid(refund.payment.0));
    let (at, metadata) = (rfc3339_nanos(event.at), metadata_of(refund));
    Some(match step.ending(clients::reports_returns(app, &endpoint.group))? {
        Ending::Executed => {
            let scheme_id = scheme_of(refund.amount.currency);
            let members = Executed { refund_id, payment_id, executed_at: at, scheme_id, metadata };
            rendered(event, "refund_executed", &members)
        }
        Ending::Failed(failure_reason) => {
            let members = Failed { refund_id, payment_id, failed_at: at, failure_reason, metadata };
            rendered(event, "refund_failed", &members)
        }
    })
}

/// Whether an endpoint's client made the refund, or its payment, which people
/// of the merchant may give back in other ways, too.
fn concerns(endpoint: &Endpoint, refund: &Refund, payment: Option<&Payment>) -> bool {
    let own = |origin: &Origin| {
        *origin.dialect == *DIALECT && (endpoint.group.is_empty() || *endpoint.group == *origin.group)
    };
    let elsewhere = *refund.origin.dialect != *DIALECT;
    own(&refund.origin) || (elsewhere && payment.is_some_and(|payment| own(&payment.origin)))
}
