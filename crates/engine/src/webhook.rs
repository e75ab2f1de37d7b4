//! What a dialect says about its webhooks. The webhooks crate claims,
//! delivers and retries; the payload and the signature are the dialect's.

use crate::registry::Endpoint;
use crate::store::StoredEvent;
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

    /// The headers that sign a body: names and values. `at` is real time,
    /// because the receiver compares it with its own clock.
    fn sign(&self, event: &StoredEvent, endpoint: &Endpoint, body: &[u8], at: Timestamp)
    -> Vec<(&'static str, String)>;

    /// How long to wait after this many failed tries (1 for the first), or
    /// none when the schedule ends. `jitter` is 0..=999 999 millionths.
    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span>;

    /// How long a receiver may take.
    fn timeout(&self) -> Span;

    /// Whether this HTTP status ends the delivery without another try.
    fn stops_on(&self, status: u16) -> bool;
}
