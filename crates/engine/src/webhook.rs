//! What a dialect says about its webhooks. The webhooks crate claims,
//! delivers and retries; the payload and the signature are the dialect's.

use crate::registry::Endpoint;
use crate::store::{Reader, StoreError, StoredEvent};
use refundry_domain::event::Event;
use refundry_domain::time::{Span, Timestamp};

/// A webhook's body, ready to be signed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The dialect's name of the event.
    pub event_type: String,
    /// The body bytes; the same for every delivery of one event.
    pub body: Vec<u8>,
}

/// A dialect's webhooks.
pub trait WebhookDialect: Send + Sync {
    /// The family that endpoints name as their `dialect`.
    fn family(&self) -> &'static str;

    /// The body for an event, or none when this endpoint gets nothing of it:
    /// another dialect's or group's object, not subscribed, no word for it.
    /// Pure: the same event gives the same bytes for ever.
    fn render(&self, event: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered>;

    /// Whether the body for this event depends on what happened to its refund
    /// before; [`WebhookDialect::render_after`] is asked then.
    fn needs_history(&self, event: &StoredEvent) -> bool {
        let _ = event;
        false
    }

    /// As [`WebhookDialect::render`], with all events of the event's refund,
    /// oldest first; empty where none are needed. As pure as that: later
    /// events of the refund change nothing.
    fn render_after(&self, event: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        let _ = history;
        self.render(event, endpoint)
    }

    /// The ways in which its webhooks may be signed, where there are several.
    fn signature_schemes(&self) -> &'static [&'static str] {
        &[]
    }

    /// The settings of an endpoint whose webhooks are signed in one of these
    /// ways. Where it replaces another one, with the time and the new secret,
    /// the secret before may sign on for a while.
    fn endpoint_settings(&self, scheme: Option<&str>, replaced: Option<(&Endpoint, &str, Timestamp)>) -> Vec<u8> {
        let _ = scheme;
        replaced.map(|(before, _, _)| before.settings.clone()).unwrap_or_default()
    }

    /// Webhooks that go out with the one of this event, after it: together they
    /// are one delivery, and the receiver has it when it has all of them. Asked
    /// only where there is one. As pure as [`WebhookDialect::render`].
    fn further(&self, event: &StoredEvent, endpoint: &Endpoint) -> Vec<Rendered> {
        let _ = (event, endpoint);
        Vec::new()
    }

    /// The headers that sign a body: names and values. `at` is real time,
    /// because the receiver compares it with its own clock.
    fn sign(&self, event: &StoredEvent, endpoint: &Endpoint, body: &[u8], at: Timestamp)
    -> Vec<(&'static str, String)>;

    /// How long to wait after this many failed tries (1 for the first), or
    /// none when the schedule ends. `jitter` is 0..=999 999 millionths.
    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span>;

    /// How long a receiver may take.
    fn timeout(&self) -> Span;

    /// Whether this HTTP status says that the receiver has the webhook.
    fn is_taken_by(&self, endpoint: &Endpoint, status: u16) -> bool {
        let _ = endpoint;
        (200..300).contains(&status)
    }

    /// The longest wait that a receiver gets by `Retry-After` with 429 or 503,
    /// where it asks for more than the schedule gives; none where its word
    /// does not count.
    fn waits_as_told_up_to(&self) -> Option<Span> {
        None
    }

    /// Whether this HTTP status ends the delivery without another try.
    fn stops_on(&self, status: u16) -> bool;

    /// Whether this HTTP status, besides, switches the endpoint off until
    /// somebody switches it on again.
    fn disables_on(&self, status: u16) -> bool {
        let _ = status;
        false
    }
}

/// The events that a dialect needs beside one, see [`WebhookDialect::needs_history`].
///
/// # Errors
/// The store is not available.
pub fn history_of(
    dialect: &dyn WebhookDialect,
    reader: &dyn Reader,
    event: &StoredEvent,
) -> Result<Vec<Event>, StoreError> {
    match event.event.refund.filter(|_| dialect.needs_history(event)) {
        Some(refund) => reader.refund_events(event.event.merchant, refund),
        None => Ok(Vec::new()),
    }
}
