//! The bodies that both generations share: webhook endpoints and tokens.

use super::errors::{Fault, Kind, to_json};
use super::read::{Fields, read_url};
use crate::json::Json;
use crate::print::{Text, spaced_utc, uuid};
use refundry_domain::time::Timestamp;
use refundry_engine::registry::Endpoint;
use serde::Serialize;

/// Event names that an endpoint may ask for, also those that are never sent.
pub(crate) const EVENTS: &[&str] = &[
    "payment_initiated",
    "payment_pending",
    "payment_sent",
    "payment_failed",
    "payment_canceled",
    "refund_pending",
    "refund_sent",
    "refund_failed",
    "refund_canceled",
    "mandate_active",
    "mandate_cancelled",
    "mandate_declined",
    "mandate_expired",
    "mandate_failed",
    "mandate_pending",
    "mandate_suspended",
    "redacted_payment_initiated",
    "redacted_payment_pending",
    "redacted_payment_sent",
    "redacted_payment_failed",
    "payout_pending",
    "payout_canceled",
    "payout_sent",
    "payout_failed",
];

/// A webhook endpoint that is to be made.
#[derive(Debug)]
pub(crate) struct EndpointRequest<'j> {
    /// Where to send.
    pub(crate) target_url: &'j str,
    /// Event names.
    pub(crate) events: Vec<String>,
    /// The signing key, where one was given.
    pub(crate) signature_key: Option<&'j str>,
}

impl<'j> EndpointRequest<'j> {
    /// Reads the body; every fault is named.
    pub(crate) fn read(json: &'j Json) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let target_url = read_url(&mut fields, json, "target_url");
        if json.member("events").is_none() {
            fields.missing("events");
        }
        let events = read_events(&mut fields, json);
        let signature_key = read_key(&mut fields, json);
        let read = match (target_url, events) {
            (Some(target_url), Some(events)) => Some(Self { target_url, events, signature_key }),
            _ => None,
        };
        fields.finish(read)
    }
}

/// A webhook endpoint that is to be changed.
#[derive(Debug)]
pub(crate) struct EndpointChange<'j> {
    /// Where to send.
    pub(crate) target_url: Option<&'j str>,
    /// Event names.
    pub(crate) events: Option<Vec<String>>,
    /// The signing key.
    pub(crate) signature_key: Option<&'j str>,
}

impl<'j> EndpointChange<'j> {
    /// Reads the body; every fault is named.
    pub(crate) fn read(json: &'j Json) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let target_url = match json.member("target_url") {
            Some(_) => read_url(&mut fields, json, "target_url"),
            None => None,
        };
        let events = read_events(&mut fields, json);
        let signature_key = read_key(&mut fields, json);
        fields.finish(Some(Self { target_url, events, signature_key }))
    }
}

fn read_events(fields: &mut Fields, json: &Json) -> Option<Vec<String>> {
    let Some(names) = json.member("events")?.as_array() else {
        fields.fault(Kind::Decoding, "events", "must be an array");
        return None;
    };
    if names.is_empty() {
        fields.fault(Kind::Schema, "events", "must not be empty");
        return None;
    }
    let mut events: Vec<String> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let path = format!("events/{place}");
        match name.as_text() {
            None => fields.fault(Kind::Decoding, &path, "must be a string"),
            Some(name) if !EVENTS.contains(&name) => fields.fault(Kind::Schema, &path, "no such event"),
            Some(name) if events.iter().any(|known| known == name) => {}
            Some(name) => events.push(name.to_owned()),
        }
    }
    Some(events)
}

fn read_key<'j>(fields: &mut Fields, json: &'j Json) -> Option<&'j str> {
    json.member("signature_key")?;
    let key = fields.required_text(json, "signature_key", 255)?;
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(key);
    }
    fields.fault(Kind::Schema, "signature_key", "must be of visible ASCII characters");
    None
}

/// A webhook endpoint as answers show it; the key only once.
#[derive(Serialize)]
struct EndpointBody<'a> {
    id: Text<36>,
    target_url: &'a str,
    events: &'a [String],
    created_at: Text<23>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_key: Option<&'a str>,
}

fn endpoint_body(endpoint: &Endpoint, with_key: bool) -> EndpointBody<'_> {
    EndpointBody {
        id: uuid(endpoint.id.0),
        target_url: &endpoint.url,
        events: &endpoint.events,
        created_at: spaced_utc(endpoint.created_at),
        signature_key: with_key.then_some(&*endpoint.secret),
    }
}

/// One endpoint; with its key right after we made it.
pub(crate) fn endpoint(endpoint: &Endpoint, with_key: bool) -> Vec<u8> {
    to_json(&endpoint_body(endpoint, with_key))
}

/// All endpoints, as a bare array.
pub(crate) fn endpoints<'a>(all: impl Iterator<Item = &'a Endpoint>) -> Vec<u8> {
    let bodies: Vec<EndpointBody<'_>> = all.map(|found| endpoint_body(found, false)).collect();
    to_json(&bodies)
}

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
    created_at: i64,
}

/// The answer of the token endpoint.
pub(crate) fn token(access_token: &str, expires_in: u64, scope: &str, created_at: Timestamp) -> Vec<u8> {
    let created_at = created_at.unix_seconds();
    to_json(&TokenBody { access_token, token_type: "Bearer", expires_in, scope, created_at })
}

#[derive(Serialize)]
struct OauthError {
    error: &'static str,
}

/// An error of the token endpoint (RFC 6749, 5.2).
pub(crate) fn oauth_error(error: &'static str) -> Vec<u8> {
    to_json(&OauthError { error })
}
