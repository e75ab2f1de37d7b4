//! What happens once: the key of a request, its scope and its fingerprint
//! (contract 6).

use super::DIALECT;
use super::auth::Caller;
use super::errors::Fault;
use crate::json::{self, Json, JsonFault};
use http::{HeaderMap, Method};
use refundry_domain::id::PaymentId;
use refundry_domain::reference::as_uuid_v4;
use refundry_domain::time::Span;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::Once;

/// Name of the header.
pub(super) const HEADER: &str = "Idempotency-Key";
/// Longest key, in bytes.
const KEY_LENGTH_MAX: usize = 255;

/// The idempotency key of a request; an empty one is none.
///
/// # Errors
/// It is too long, given twice, or has characters that nobody sees.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let bad =
        || Fault::invalid_field(HEADER, format!("Must be given once, with 1 to {KEY_LENGTH_MAX} visible characters."));
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(bad());
    }
    let text = value.to_str().map_err(|_| bad())?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let good = text.len() <= KEY_LENGTH_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(Some(text)) } else { Err(bad()) }
}

/// A body without its nulls: for its content and for its fingerprint. No body
/// is an empty object.
pub(super) fn read(body: &[u8]) -> Result<Json, JsonFault> {
    if body.trim_ascii().is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    json::parse(body).map(without_nulls)
}

/// Removes null members at every depth: they equal absent ones (contract 1.4).
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| *member != Json::Null);
            Json::Object(kept.map(|(name, member)| (name, without_nulls(member))).collect())
        }
        Json::Array(elements) => Json::Array(elements.into_iter().map(without_nulls).collect()),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::OtherNumber(_) | Json::Text(_) => value,
    }
}

/// A path without `/v3` and without its trailing slash.
pub(super) fn canonical_path(path: &str) -> &str {
    let path = match path.strip_prefix("/v3") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) | None => path,
    };
    path.strip_suffix('/').unwrap_or(path)
}

/// What a key names: one request of its client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'r> {
    /// The method.
    pub(super) method: &'r Method,
    /// The path, under any of its names.
    pub(super) path: &'r str,
    /// The key.
    pub(super) key: &'r str,
}

/// The record under which a request happens once. The key names one request
/// of the client, wherever it goes; a body that is no JSON counts as it is.
pub(super) fn once(caller: &Caller, request: Named<'_>, body: Result<&Json, &[u8]>, kept_for: Span) -> Once {
    let Named { method, path, key } = request;
    let scope: [&[u8]; 3] = [DIALECT.as_bytes(), caller.client.as_bytes(), key.as_bytes()];
    let canonical = body.map_or_else(<[u8]>::to_vec, json::canonical);
    let request: [&[u8]; 3] = [method.as_str().as_bytes(), canonical_path(path).as_bytes(), &canonical];
    Once { key: once_key(&scope), fingerprint: fingerprint(&request), keep_world_refusals: true, kept_for }
}

/// The trace id of an answer that is kept: the same whenever the key is
/// repeated, because a repetition gets the same body.
pub(super) fn trace(once: &Once) -> String {
    let derived = fingerprint(&[b"trace", &once.key.0, &once.fingerprint.0]);
    PaymentId(as_uuid_v4(u128::from_be_bytes(derived.0))).to_string()
}

/// Whether an answer with this status is kept under its key.
pub(super) fn is_kept(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404)
}
