//! Payloads about refunds.

use crate::truelayer::App;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;

/// The webhook for an event, when it is about one of the endpoint's refunds and
/// this provider has a word for it.
pub(super) fn render(_app: &App, _stored: &StoredEvent, _endpoint: &Endpoint) -> Option<Rendered> {
    None
}
