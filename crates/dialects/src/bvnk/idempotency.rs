//! What happens once: the key of a refund (contract 6). A key is the
//! merchant's, whatever the path and the credential; only what succeeded is
//! remembered.

use super::App;
use super::auth::Caller;
use super::config::{Config, KeyMode, ResponseReference};
use super::errors::Fault;
use super::extension::RefundNotes;
use crate::json::{self, Json};
use http::HeaderMap;
use refundry_domain::id::PaymentId;
use refundry_domain::once::Fingerprint;
use refundry_domain::refund::Refund;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{KEPT_FOR, Once};

/// The header, and its other name.
const HEADERS: [&str; 2] = ["x-idempotency-key", "idempotency-key"];

/// The idempotency key of a request, where one came.
///
/// # Errors
/// It is too short or too long, has characters that nobody sees, or comes
/// twice with different values.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let wrong = |why: &str| Fault::field("X-Idempotency-Key", why);
    let mut found: Option<&str> = None;
    for name in HEADERS {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(wrong("is given twice"));
        }
        let bytes = value.as_bytes();
        let good = (8..=36).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = value.to_str().ok().filter(|_| good).ok_or_else(|| wrong("must be 8 to 36 visible characters"))?;
        if found.is_some_and(|other| other != text) {
            return Err(wrong("differs from Idempotency-Key"));
        }
        found = Some(text);
    }
    Ok(found)
}

/// The error for a key that must be there and is not.
pub(super) fn missing_key() -> Fault {
    Fault::field("X-Idempotency-Key", "is required")
}

/// The record under which a refund happens once. Every request with the key
/// finds the refund, so the fingerprint is that of the key alone.
pub(super) fn once(caller: &Caller, key: &str) -> Once {
    let merchant = caller.merchant.to_string();
    Once {
        key: once_key(&[b"bvnk", merchant.as_bytes(), key.as_bytes()]),
        fingerprint: Fingerprint([0; 16]),
        keep_world_refusals: false,
        kept_for: KEPT_FOR,
    }
}

/// What two equal requests share: pay-in and body, whatever the path.
pub(super) fn request_hash(payin: PaymentId, body: &Json) -> Fingerprint {
    fingerprint(&[payin.to_string().as_bytes(), &json::canonical(body)])
}

/// Whether a repeated key gets the first answer again.
///
/// # Errors
/// It does not: the key is spent.
pub(super) fn repeated(app: &App, config: &Config, refund: &Refund, request: Fingerprint) -> Result<(), Fault> {
    let shown = match config.response_reference {
        ResponseReference::Payin => refund.payment.0,
        ResponseReference::Payout => refund.id.0,
    };
    let spent = || Err(Fault::key_repeated_by(shown, refund.id, refund.payment));
    match config.key_mode {
        KeyMode::Strict => spent(),
        KeyMode::Replay => {
            let equal = RefundNotes::of(refund).is_some_and(|notes| notes.request == request);
            let kept = app.host.engine.now() < refund.created_at.plus(config.key_retention);
            if equal && kept { Ok(()) } else { spent() }
        }
    }
}
