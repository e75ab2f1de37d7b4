//! Payloads of payouts (contract 7.1).

use super::{App, rendered};
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::DIALECT;
use crate::truelayer::clients;
use crate::truelayer::states::{Destination, Ending, payouts as states};
use crate::truelayer::wire::payouts::{Stored, Told};
use crate::truelayer::wire::refunds::scheme_of;
use refundry_domain::event::EventKind;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;
use serde::Serialize;

#[derive(Serialize)]
struct Members {
    payout_id: Text<36>,
    merchant_account_id: Text<36>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beneficiary: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_id: Option<&'static str>,
}

/// The webhook for an event, when it is about one of the endpoint's payouts and
/// this provider has a word for it.
pub(super) fn render(app: &App, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
    let event = &stored.event;
    let payout = stored.payout.as_ref()?;
    let EventKind::PayoutEntered { state } = &event.kind else { return None };
    let own = endpoint.group.is_empty() || *endpoint.group == *payout.origin.group;
    if *payout.origin.dialect != *DIALECT || !own {
        return None;
    }
    let step = states::step(*state, Destination::of(&payout.creditor.account));
    let at = rfc3339_nanos(event.at);
    let (event_type, executed_at, failed_at, failure_reason) =
        match step.ending(clients::reports_returns(app, &endpoint.group))? {
            Ending::Executed => ("payout_executed", Some(at), None, None),
            Ending::Failed(reason) => ("payout_failed", None, Some(at), Some(reason)),
        };
    let members = Members {
        payout_id: uuid(payout.id.0),
        merchant_account_id: uuid(payout.account.0),
        beneficiary: Stored::decode(&payout.extension).told(),
        executed_at,
        failed_at,
        failure_reason,
        scheme_id: scheme_of(payout.amount.currency),
    };
    Some(rendered(event, event_type, &members))
}
