//! Webhooks: which event goes where, signature, retry schedule (contract 7).
//! The payloads are in the files below.

mod payments;
mod payouts;
mod refunds;

use super::errors::to_json;
use super::{App, DIALECT};
use refundry_domain::event::Event;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};
use serde::Serialize;
use std::sync::Arc;

/// This provider's webhooks.
#[derive(Debug)]
pub(super) struct Webhooks {
    app: Arc<App>,
}

impl Webhooks {
    /// Webhooks under the settings of the dialect.
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

/// What every payload begins with.
#[derive(Serialize)]
struct Payload<'a, T> {
    r#type: &'static str,
    /// An integer, not a text (contract 10, row 32).
    event_version: u8,
    event_id: String,
    #[serde(flatten)]
    members: &'a T,
}

/// A webhook with these members behind the common ones.
fn rendered<T: Serialize>(event: &Event, event_type: &'static str, members: &T) -> Rendered {
    let payload = Payload { r#type: event_type, event_version: 1, event_id: event.id().to_string(), members };
    Rendered { event_type: event_type.to_owned(), body: to_json(&payload) }
}

impl WebhookDialect for Webhooks {
    fn family(&self) -> &'static str {
        DIALECT
    }

    fn render(&self, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        if endpoint.merchant != stored.event.merchant || endpoint.dialect != DIALECT {
            return None;
        }
        let rendered = refunds::render(&self.app, stored, endpoint)
            .or_else(|| payments::render(&self.app, stored, endpoint))
            .or_else(|| payouts::render(&self.app, stored, endpoint))?;
        let wanted = endpoint.events.is_empty() || endpoint.events.contains(&rendered.event_type);
        wanted.then_some(rendered)
    }

    fn sign(
        &self,
        _event: &StoredEvent,
        _endpoint: &Endpoint,
        _body: &[u8],
        _at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn retry_after(&self, _failed_tries: u32, _jitter: u32) -> Option<Span> {
        None
    }

    fn timeout(&self) -> Span {
        self.app.config.webhook_timeout
    }

    /// Every status but a success is tried again, also "gone".
    fn stops_on(&self, _status: u16) -> bool {
        false
    }
}
