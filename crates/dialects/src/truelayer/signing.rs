//! Signatures: those of requests (contract 2.4), our own ones under webhooks
//! (7.2), and the public keys to check the latter (3.17).
//!
//! | file | what |
//! |---|---|
//! | `jws` | detached signatures, signed bytes; nothing about HTTP |
//! | `keys` | keys in PEM, DER and JWK |
//! | `requests` | what a request's signature must be |
//! | `ring` | our own keys, and when which one signs |

pub(super) mod jws;
pub(super) mod keys;
mod requests;
pub(super) mod ring;

#[cfg(test)]
mod tests;

use super::auth::{Caller, Scope};
use super::call::{Call, Incoming, Signed};
use super::config::SignatureRequiredOn;
use super::errors::{self, Fault};
use super::{App, routes};
use crate::answer;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::header::CACHE_CONTROL;
use requests::Request;
use std::sync::Arc;

/// Name of the header that holds a signature.
pub(super) const HEADER: &str = "Tl-Signature";
/// How long receivers may keep our keys: half an hour.
const KEYS_CACHED: &str = "public, max-age=1800";

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = routes::both(router, "/test-signature", post(probe));
    routes::both(router, "/.well-known/jwks", get(jwks))
}

/// Checks the signature of a request.
///
/// # Errors
/// 401 when it is needed and missing, or wrong.
pub(super) fn check(app: &App, caller: &Caller, incoming: &Incoming, signed: Signed) -> Result<(), Fault> {
    let needed = match signed {
        Signed::Required | Signed::Probe => true,
        Signed::WhenPresent => match app.config.signature_required_on {
            SignatureRequiredOn::Money => false,
            SignatureRequiredOn::All => true,
        },
    };
    if !needed && !incoming.headers.contains_key(HEADER) {
        return Ok(());
    }
    let request = Request {
        method: incoming.method.as_str(),
        path: incoming.uri.path(),
        headers: &incoming.headers,
        body: &incoming.body,
    };
    let rules =
        requests::Rules { key_signed: needed && signed != Signed::Probe, version_1: app.config.allow_signature_v1 };
    let client = super::clients::find(app, &caller.client).map(|(_, client)| client).unwrap_or_default();
    let point = |key_id: &str| {
        let active = client.keys.iter().find(|key| key.key_id == key_id && key.revoked_at.is_none());
        active.map(|key| key.point.as_slice())
    };
    requests::verify(&request, rules, point).map_err(|bad| Fault::invalid_signature(bad.why()))
}

/// `POST /test-signature`: whether a client's bearer and signature are good.
async fn probe(State(app): State<Arc<App>>, incoming: Incoming) -> Result<Response, Fault> {
    Call::open(&app, &incoming, Signed::Probe, Scope::Any)?;
    Ok(answer::empty(204))
}

/// `GET /.well-known/jwks`.
async fn jwks(State(app): State<Arc<App>>) -> Response {
    let body = errors::to_json(&ring::published(&app));
    answer::with_header(answer::json(200, body), CACHE_CONTROL, KEYS_CACHED)
}
