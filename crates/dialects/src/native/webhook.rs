//! Webhooks of this dialect: Standard Webhooks headers around the native
//! event, heard for every event of the merchant, whoever caused it.

use super::events;
use super::extension::DIALECT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};

/// What every secret of this dialect begins with (Standard Webhooks).
pub(super) const SECRET_PREFIX: &str = "whsec_";

/// Seconds between a failed try and the next one; the first try is at once.
const SCHEDULE_SECONDS: [u64; 10] = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Seconds that a receiver may take.
const TIMEOUT_SECONDS: u64 = 15;

/// The receiver is gone for good and says so.
const STATUS_GONE: u16 = 410;

/// The native family of webhooks.
#[derive(Debug, Clone, Copy)]
pub struct NativeWebhooks;

impl WebhookDialect for NativeWebhooks {
    fn family(&self) -> &'static str {
        DIALECT
    }

    fn render(&self, event: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        // This API has no payouts.
        if event.event.merchant != endpoint.merchant || event.event.payout.is_some() {
            return None;
        }
        let event_type = super::states::event_type(&event.event);
        let wanted = endpoint.events.is_empty() || endpoint.events.contains(&event_type);
        wanted.then(|| Rendered { event_type, body: events::webhook_body(event) })
    }

    fn sign(
        &self,
        event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let id = event.event.id().to_string();
        let seconds = at.unix_seconds().to_string();
        let signature = signature(&endpoint.secret, &id, &seconds, body);
        vec![("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", signature)]
    }

    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span> {
        let place = usize::try_from(failed_tries.checked_sub(1)?).ok()?;
        let base = Span::seconds(*SCHEDULE_SECONDS.get(place)?);
        // 80 % of the wait plus up to 40 % of it: ±20 % around the wait.
        let spread = base.0 / 10 * 4;
        let part = u128::from(spread) * u128::from(jitter.min(999_999)) / 1_000_000;
        Some(Span(base.0 / 10 * 8 + u64::try_from(part).unwrap_or(spread)))
    }

    fn timeout(&self) -> Span {
        Span::seconds(TIMEOUT_SECONDS)
    }

    fn stops_on(&self, status: u16) -> bool {
        status == STATUS_GONE
    }
}

/// `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body` under the decoded
/// secret. A secret that does not decode (set by hand) signs with its bytes.
fn signature(secret: &str, id: &str, seconds: &str, body: &[u8]) -> String {
    use aws_lc_rs::hmac;
    let encoded = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(encoded).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        context.update(part);
    }
    format!("v1,{}", STANDARD.encode(context.sign()))
}

/// A new signing secret of 32 random bytes.
pub(super) fn new_secret() -> String {
    let mut bytes = [0_u8; 32];
    refundry_engine::mint::fill_random(&mut bytes);
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))
}
