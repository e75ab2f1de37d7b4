//! `POST /oauth/token`: client credentials become a short-lived token
//! (contract 2.2). Parameters come as a form, as JSON, or in the query.

use super::{App, FAMILY, auth, wire};
use crate::answer;
use crate::json::{self, Json};
use crate::token::Claims;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, Uri};
use refundry_domain::time::Span;
use std::sync::Arc;
use url::form_urlencoded;

/// Seconds that a token lives.
const LIFETIME_SECONDS: u64 = 7_200;

/// The parameters, each at most once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    grant_type: Option<String>,
    scope: Option<String>,
}

/// The request is malformed (RFC 6749: `invalid_request`).
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

pub(crate) async fn token(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(credential) = auth::basic_credential(&app, &headers) else {
        return answer::with_header(error(401, "invalid_client"), WWW_AUTHENTICATE, "Basic realm=\"api\"");
    };
    let Ok(body) = body else {
        return error(413, "invalid_request");
    };
    let Ok(parameters) = parameters(&uri, &headers, &body) else {
        return error(400, "invalid_request");
    };
    match parameters.grant_type.as_deref() {
        None | Some("") => return error(400, "invalid_request"),
        Some("client_credentials") => {}
        Some(_) => return error(400, "unsupported_grant_type"),
    }
    let Some(group) = auth::scope_of(&app, &credential, parameters.scope.as_deref()) else {
        return error(400, "invalid_scope");
    };
    let now = app.host.engine.now();
    let claims = Claims {
        dialect: FAMILY.to_owned(),
        credential: credential.id.clone(),
        group,
        expires_at: now.plus(Span::seconds(LIFETIME_SECONDS)),
    };
    let token = app.host.tokens.issue(&claims);
    not_stored(answer::json(200, wire::token(&token, LIFETIME_SECONDS, &claims.group, now)))
}

fn error(status: u16, code: &'static str) -> Response {
    not_stored(answer::json(status, wire::oauth_error(code)))
}

fn not_stored(response: Response) -> Response {
    answer::with_header(response, CACHE_CONTROL, "no-store")
}

fn parameters(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Parameters, Malformed> {
    if body.trim_ascii().is_empty() {
        return of_form(uri.query().unwrap_or_default().as_bytes());
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A JSON body says so by its first byte, too: form data cannot begin with a brace.
    if media_type.to_ascii_lowercase().contains("json") || body.trim_ascii_start().starts_with(b"{") {
        return of_json(body);
    }
    of_form(body)
}

fn of_form(bytes: &[u8]) -> Result<Parameters, Malformed> {
    let mut found = Parameters::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let place = match &*name {
            "grant_type" => &mut found.grant_type,
            "scope" => &mut found.scope,
            _ => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(Malformed);
        }
    }
    Ok(found)
}

fn of_json(bytes: &[u8]) -> Result<Parameters, Malformed> {
    let json = json::parse(bytes).map_err(|_| Malformed)?;
    let text = |name: &str| -> Result<Option<String>, Malformed> {
        match json.member(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text.clone())),
            Some(
                Json::Null | Json::Bool(_) | Json::Integer(_) | Json::OtherNumber(_) | Json::Array(_) | Json::Object(_),
            ) => Err(Malformed),
        }
    };
    if json.as_object().is_none() {
        return Err(Malformed);
    }
    Ok(Parameters { grant_type: text("grant_type")?, scope: text("scope")? })
}
