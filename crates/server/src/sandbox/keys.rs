//! The keys with which a dialect's clients, and we, sign; and the settings
//! that clients have of their own.

use super::clients::no_such_dialect;
use super::state::{Caller, Sandbox, json};
use super::wire::{NewKey, invalid, parse};
use crate::problem::Problem;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use refundry_dialects::host::{KeyRefused, SigningKeys};
use serde_json::json as object;
use std::sync::Arc;

/// `POST /clients/{dialect}/{client}/keys`: a further public key of a client,
/// beside those it has.
pub(super) async fn add(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path((dialect, client)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: NewKey = parse(&body)?;
    let keys = keys(&sandbox, &dialect)?;
    let key_id = keys.add(merchant, &client, body.key_id.as_deref(), &body.public_key_pem).await.map_err(refused)?;
    Ok(json(StatusCode::CREATED, &object!({ "key_id": key_id })))
}

/// `PUT /clients/{dialect}/{client}/settings`: what a dialect lets its clients
/// have differently.
pub(super) async fn set(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path((dialect, client)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    let settings: serde_json::Value = parse(&body)?;
    let dialect = sandbox.dialect(&dialect).ok_or_else(no_such_dialect)?;
    let change = dialect.change_client(merchant, &client, &settings);
    let change = change.ok_or_else(|| invalid("Clients of this dialect have no settings."))?;
    change.await.map_err(|fault| match fault {
        KeyRefused::Malformed => invalid("The clients of this dialect have no such settings."),
        fault @ (KeyRefused::ClientUnknown
        | KeyRefused::KeyUnknown
        | KeyRefused::KeyIdTaken
        | KeyRefused::Unavailable(_)) => refused(fault),
    })?;
    Ok(json(StatusCode::OK, &settings))
}

/// `DELETE /clients/{dialect}/{client}/keys/{key_id}`: it signs nothing more.
pub(super) async fn revoke(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path((dialect, client, key_id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    keys(&sandbox, &dialect)?.revoke(merchant, &client, &key_id).await.map_err(refused)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `POST /webhooks/{dialect}/signing-key`: the next key under our webhooks.
pub(super) async fn rotate(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(dialect): Path<String>,
) -> Result<Response, Problem> {
    keys(&sandbox, &dialect)?.rotate(merchant).await.map_err(refused)?;
    Ok(json(StatusCode::OK, &object!({ "rotated": true })))
}

fn keys<'a>(sandbox: &'a Sandbox, dialect: &str) -> Result<&'a dyn SigningKeys, Problem> {
    let dialect = sandbox.dialect(dialect).ok_or_else(no_such_dialect)?;
    dialect.signing_keys().ok_or_else(|| invalid("Nobody signs with keys in this dialect."))
}

fn refused(refused: KeyRefused) -> Problem {
    let unknown = |detail| Problem::new(StatusCode::NOT_FOUND, "not_found", detail);
    match refused {
        KeyRefused::ClientUnknown => unknown("There is no such client in this sandbox."),
        KeyRefused::KeyUnknown => unknown("The client has no such key."),
        KeyRefused::KeyIdTaken => Problem::new(StatusCode::CONFLICT, "already_exists", "The client has this key id."),
        KeyRefused::Malformed => invalid("public_key_pem is no public key of this dialect, or key_id is none."),
        KeyRefused::Unavailable(unavailable) => unavailable.into(),
    }
}
