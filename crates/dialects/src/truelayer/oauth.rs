//! `POST /connect/token`: client credentials become an access token
//! (contract 3.1). Parameters come as a form or as JSON. Errors have the
//! shape of OAuth, never that of problems.

use super::call::Incoming;
use super::errors::Fault;
use super::{App, DIALECT, auth, clients, errors, routes};
use crate::answer;
use crate::json::{self, Json};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use refundry_engine::digest::sha256;
use serde::Serialize;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// Where tokens are asked for.
const PATH: &str = "/connect/token";

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    routes::both(router, PATH, post(token).fallback(other_method))
}

/// The status of a method that a path does not have.
const METHOD_NOT_ALLOWED: u16 = 405;

/// The parameters, each at most once.
#[derive(Default, PartialEq, Eq)]
struct Parameters {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// An error code of OAuth (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
}

impl Code {
    fn word(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

#[derive(Serialize)]
struct Error {
    error: &'static str,
}

#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
    scope: &'a str,
}

async fn token(State(app): State<Arc<App>>, incoming: Result<Incoming, Fault>) -> Response {
    let issued = incoming.map_err(|_| Code::InvalidRequest).and_then(|incoming| issue(&app, &incoming));
    match issued {
        Ok(body) => answer::with_header(answer::json(200, body), CACHE_CONTROL, "no-store"),
        Err(code) => print(code),
    }
}

/// The answer to a request for a token that was refused before it got here:
/// its caller reads errors of OAuth, too. None where the path is another one,
/// or the request is not to blame.
pub(super) fn refuse(status: u16, path: &str) -> Option<Response> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let asked = path.strip_prefix("/v3").unwrap_or(path) == PATH;
    let to_blame = (400..500).contains(&status) && status != 404;
    (asked && to_blame).then(|| if status == METHOD_NOT_ALLOWED { wrong_method() } else { print(Code::InvalidRequest) })
}

async fn other_method() -> Response {
    wrong_method()
}

/// Tokens are only posted for. The status is that of every other path, the
/// shape that of OAuth.
fn wrong_method() -> Response {
    answer::with_header(with_status(METHOD_NOT_ALLOWED, Code::InvalidRequest), ALLOW, "POST")
}

fn print(code: Code) -> Response {
    with_status(400, code)
}

fn with_status(status: u16, code: Code) -> Response {
    let body = errors::to_json(&Error { error: code.word() });
    answer::with_header(answer::json(status, body), CACHE_CONTROL, "no-store")
}

fn issue(app: &App, incoming: &Incoming) -> Result<Vec<u8>, Code> {
    let parameters = parameters(&incoming.headers, &incoming.body).ok_or(Code::InvalidRequest)?;
    match parameters.grant_type.as_deref() {
        None | Some("") => return Err(Code::InvalidRequest),
        Some("client_credentials") => {}
        Some(_) => return Err(Code::UnsupportedGrantType),
    }
    let (Some(id), Some(secret)) = (&parameters.client_id, &parameters.client_secret) else {
        return Err(Code::InvalidRequest);
    };
    let credential =
        app.host.engine.directory().credential(DIALECT, id, app.host.engine.now()).ok_or(Code::InvalidClient)?;
    if !bool::from(sha256(secret.as_bytes()).ct_eq(&credential.secret_hash)) {
        return Err(Code::InvalidClient);
    }
    let (_, client) = clients::find(app, &credential.group).ok_or(Code::InvalidClient)?;
    let scope = match parameters.scope.as_deref().map(str::trim) {
        None | Some("") => client.scopes.join(" "),
        Some(asked) => {
            let asked: Vec<&str> = asked.split_ascii_whitespace().collect();
            if !asked.iter().all(|scope| client.scopes.iter().any(|owned| owned == scope)) {
                return Err(Code::InvalidScope);
            }
            asked.join(" ")
        }
    };
    let lifetime = app.config.access_token_ttl;
    let token = auth::access_token(app, &credential.id, &scope, lifetime);
    let expires_in = lifetime.0 / refundry_domain::time::NANOS_PER_SECOND;
    Ok(errors::to_json(&Token { access_token: &token, expires_in, token_type: "Bearer", scope: &scope }))
}

/// None when they are malformed.
fn parameters(headers: &HeaderMap, body: &[u8]) -> Option<Parameters> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A JSON body says so by its first byte, too: form data cannot begin with a brace.
    if media_type.to_ascii_lowercase().contains("json") || body.trim_ascii_start().starts_with(b"{") {
        return of_json(body);
    }
    let mut found = Parameters::default();
    for (name, value) in form_urlencoded::parse(body) {
        if let Some(place) = found.place(&name)
            && place.replace(value.into_owned()).is_some()
        {
            return None;
        }
    }
    Some(found)
}

fn of_json(body: &[u8]) -> Option<Parameters> {
    let read = json::parse(body).ok()?;
    let mut found = Parameters::default();
    for (name, value) in read.as_object()? {
        let Some(place) = found.place(name) else { continue };
        match value {
            Json::Null => {}
            Json::Text(text) => *place = Some(text.clone()),
            Json::Bool(_) | Json::Integer(_) | Json::OtherNumber(_) | Json::Array(_) | Json::Object(_) => return None,
        }
    }
    Some(found)
}

impl Parameters {
    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "grant_type" => Some(&mut self.grant_type),
            "client_id" => Some(&mut self.client_id),
            "client_secret" => Some(&mut self.client_secret),
            "scope" => Some(&mut self.scope),
            _ => None,
        }
    }
}
