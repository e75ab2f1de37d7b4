//! What happens once: the key of a request, its scope and its fingerprint
//! (contract 6). This contract keeps every 2xx and 4xx answer under its key,
//! also those that depend on the state of the world.

use super::App;
use super::auth::Caller;
use super::errors::{self, Blame, Fault, KEY_HEADER, Kind, Reply, Shape};
use crate::json::{self, Json, JsonFault};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method};
use refundry_domain::refusal::Refusal;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome, Work};

/// Longest key, in bytes.
const KEY_LENGTH_MAX: usize = 255;

/// The idempotency key of a request, where one came.
///
/// # Errors
/// It is empty, too long, given twice, or has characters that nobody sees.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    let good = (1..=KEY_LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let text = if good { value.to_str().ok() } else { None };
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        (Some(_) | None, _) => {
            let message = "The Idempotency-Key header is not valid";
            Err(Fault::of(Kind::Schema, message, KEY_HEADER, "1 to 255 visible characters, once"))
        }
    }
}

/// The error for a key that must be there and is not.
pub(crate) fn missing_key() -> Fault {
    Fault::of(Kind::Schema, "The Idempotency-Key header is missing", KEY_HEADER, "required on this call")
}

/// A body, read once: for its content and for its fingerprint.
#[derive(Debug)]
pub(crate) struct Content {
    /// The JSON, or why it is none.
    pub(crate) json: Result<Json, JsonFault>,
    /// What two equal requests share: canonical JSON, or the raw bytes.
    canonical: Bytes,
}

impl Content {
    /// Reads a body.
    pub(crate) fn read(body: &Bytes) -> Self {
        let json = json::parse(body);
        let canonical = match &json {
            Ok(json) => Bytes::from(json::canonical(json)),
            Err(_) => body.clone(),
        };
        Self { json, canonical }
    }

    /// A request without a body of interest.
    pub(crate) fn none() -> Self {
        Self { json: Err(JsonFault::NotJson), canonical: Bytes::new() }
    }
}

/// A path without its alias prefix and trailing slash.
pub(crate) fn canonical_path(path: &str) -> &str {
    let path = match path.strip_prefix("/api") {
        Some(rest) if rest.starts_with("/v2/") => rest,
        Some(_) | None => path,
    };
    path.strip_suffix('/').unwrap_or(path)
}

/// The record under which a request happens once.
pub(crate) fn once(app: &App, caller: &Caller, method: &Method, path: &str, key: &str, content: &Content) -> Once {
    let scope: [&[u8]; 5] = [
        b"banked",
        caller.application.as_bytes(),
        method.as_str().as_bytes(),
        canonical_path(path).as_bytes(),
        key.as_bytes(),
    ];
    Once {
        key: once_key(&scope),
        fingerprint: fingerprint(&[&content.canonical]),
        keep_world_refusals: true,
        kept_for: app.config.idempotency_ttl,
    }
}

/// Answers with an error, or, under a key, with what the key's first request
/// was answered; a new key keeps the error.
pub(crate) async fn keep(app: &App, caller: &Caller, once: Option<Once>, fault: &Fault, shape: Shape) -> Response {
    let reply = fault.reply(shape, &app.config);
    if once.is_none() || !is_kept(reply.status) {
        return reply.respond();
    }
    let work = Work::Keep { status: reply.status, body: reply.body.clone() };
    let envelope = Envelope { merchant: caller.merchant, actor: caller.actor(), once, work };
    match app.host.engine.execute(envelope).await {
        Err(unavailable) => Fault::of_unavailable(unavailable).respond(shape, &app.config),
        Ok(Outcome { result: Err(refusal), .. }) => of_refusal(app, refusal).respond(shape, &app.config),
        Ok(Outcome { result: Ok(answer), .. }) => kept(answer).unwrap_or(reply).respond(),
    }
}

/// Whether an answer with this status is kept under its key.
pub(crate) fn is_kept(status: u16) -> bool {
    matches!(status, 400 | 404 | 405 | 413 | 422)
}

/// The error of a refused record.
pub(crate) fn of_refusal(app: &App, refusal: Refusal) -> Fault {
    errors::of_refusal(refusal, Blame { payment: app.payment_path, funding: KEY_HEADER })
}

/// The answer that was kept, where there is one.
pub(crate) fn kept(answer: Answer) -> Option<Reply> {
    match answer {
        Answer::Kept { status, body } => Some(Reply { status, body }),
        Answer::Refund(_)
        | Answer::Payout(_)
        | Answer::Payment(_)
        | Answer::Account(_)
        | Answer::Mandate(_)
        | Answer::Send(_)
        | Answer::Done => None,
    }
}
