//! Webhooks: which event goes where, signature, retry schedule (contract 7).
//! The payloads are in the files below.

mod further;
mod payments;
mod payouts;
mod refunds;
mod schedule;

use super::config::TIMESTAMP;
use super::errors::to_json;
use super::signing::ring;
use super::{App, DIALECT};
use crate::print;
use refundry_domain::event::Event;
use refundry_domain::id::EventId;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::egress::{INBOX_PATH, inbox_name};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use url::Url;

/// The media type of payloads, as it is sent and signed.
const JSON: &str = "application/json";

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
    rendered_as(event.id(), event_type, members)
}

/// The same under another id.
fn rendered_as<T: Serialize>(id: EventId, event_type: &'static str, members: &T) -> Rendered {
    let payload = Payload { r#type: event_type, event_version: 1, event_id: id.to_string(), members };
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

    fn further(&self, stored: &StoredEvent, endpoint: &Endpoint) -> Vec<Rendered> {
        let wanted = |further: &Rendered| endpoint.events.is_empty() || endpoint.events.contains(&further.event_type);
        further::of(&self.app, stored, endpoint).filter(wanted).into_iter().collect()
    }

    fn sign(
        &self,
        _event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let timestamp = print::rfc3339_seconds(at);
        let headers: Vec<(&str, &[u8])> = self
            .app
            .config
            .webhook_signed_headers
            .iter()
            .map(|name| {
                let value = if *name == TIMESTAMP { timestamp.as_str() } else { JSON };
                (*name, value.as_bytes())
            })
            .collect();
        let path = path_of(&endpoint.url);
        let signature = ring::sign(&self.app, endpoint.merchant, &path, &headers, body);
        let mut sent = vec![("x-tl-webhook-timestamp", timestamp.to_string()), ("content-type", JSON.to_owned())];
        match signature {
            Some(signature) => sent.push(("tl-signature", signature)),
            // The receiver refuses it, and it is tried again.
            None => tracing::error!("a webhook could not be signed"),
        }
        sent
    }

    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span> {
        schedule::retry_after(failed_tries, jitter, self.app.config.webhook_retry_window)
    }

    fn timeout(&self) -> Span {
        self.app.config.webhook_timeout
    }

    /// Every status but a success is tried again, also "gone".
    fn stops_on(&self, _status: u16) -> bool {
        false
    }
}

/// The path that the receiver sees. Its query is not signed (contract 7.2).
fn path_of(url: &str) -> Cow<'static, str> {
    if let Some(Ok(name)) = inbox_name(url) {
        return Cow::Owned(format!("{INBOX_PATH}/{name}"));
    }
    match Url::parse(url) {
        Ok(url) if !url.path().is_empty() => Cow::Owned(url.path().to_owned()),
        Ok(_) | Err(_) => Cow::Borrowed("/"),
    }
}
