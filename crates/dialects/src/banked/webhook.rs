//! Webhooks of the family: one signature and one schedule; the payloads are
//! the generations' own (contract 7).

use super::FAMILY;
use super::config::Config;
use aws_lc_rs::hmac;
use refundry_domain::event::Event;
use refundry_domain::payment::Origin;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};
use std::sync::Arc;

/// Tries after the first one.
const REDELIVERY_COUNT_MAX: u32 = 25;
/// The receiver's way to end a delivery: the thing is gone.
const GONE: u16 = 410;
/// Millionths in one, the range of the jitter.
const MILLION: u64 = 1_000_000;

/// The payloads of one generation. An event is one generation's business at
/// most: that of the object's origin.
pub(crate) trait Generation: Send + Sync {
    /// See [`WebhookDialect::needs_history`].
    fn needs_history(&self, event: &StoredEvent) -> bool {
        let _ = event;
        false
    }

    /// See [`WebhookDialect::render_after`]. The endpoint is the family's and
    /// the merchant's.
    fn render(&self, event: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered>;
}

/// The family's webhooks.
pub(crate) struct Webhooks {
    generations: Vec<Arc<dyn Generation>>,
    timeout: Span,
    disable_on_gone: bool,
}

impl Webhooks {
    /// The webhooks of these generations.
    pub(crate) fn new(generations: Vec<Arc<dyn Generation>>, config: &Config) -> Self {
        Self { generations, timeout: config.webhook_timeout, disable_on_gone: config.disable_on_gone }
    }
}

/// Whether an endpoint of the family gets this event of an object of this origin.
pub(crate) fn wants(endpoint: &Endpoint, origin: &Origin, event_type: &str) -> bool {
    (endpoint.group.is_empty() || *endpoint.group == *origin.group) && subscribed(endpoint, event_type)
}

/// Whether an endpoint asked for this event.
pub(crate) fn subscribed(endpoint: &Endpoint, event_type: &str) -> bool {
    endpoint.events.is_empty() || endpoint.events.iter().any(|wanted| wanted == event_type)
}

impl WebhookDialect for Webhooks {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn render(&self, event: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        self.render_after(event, &[], endpoint)
    }

    fn needs_history(&self, event: &StoredEvent) -> bool {
        self.generations.iter().any(|generation| generation.needs_history(event))
    }

    fn render_after(&self, event: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        if endpoint.merchant != event.event.merchant || endpoint.dialect != FAMILY {
            return None;
        }
        self.generations.iter().find_map(|generation| generation.render(event, history, endpoint))
    }

    fn sign(
        &self,
        _event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let seconds = at.unix_seconds();
        let key = hmac::Key::new(hmac::HMAC_SHA256, endpoint.secret.as_bytes());
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("{seconds}.").as_bytes());
        signed.update(body);
        let signature = hex::encode(signed.sign());
        vec![("banked-signature", format!("{seconds}.{signature}"))]
    }

    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span> {
        if failed_tries == 0 || failed_tries > REDELIVERY_COUNT_MAX {
            return None;
        }
        // After try n, counted from 0: n^4 + 15 + random(0..30) x (n + 1) seconds.
        let tries = u64::from(failed_tries);
        let fixed = (tries - 1).pow(4) + 15;
        let random = Span::seconds(30 * tries).0 / MILLION * u64::from(jitter);
        Some(Span(Span::seconds(fixed).0.saturating_add(random)))
    }

    fn timeout(&self) -> Span {
        self.timeout
    }

    fn stops_on(&self, status: u16) -> bool {
        status == GONE
    }

    fn disables_on(&self, status: u16) -> bool {
        self.disable_on_gone && status == GONE
    }
}
