//! Banks of payers: one by its id, and a search (contract 3.7). A fixed table;
//! nothing is read from the store.

pub(super) mod catalogue;

use super::App;
use super::auth::{self, Scope};
use super::call::{Call, Incoming, Signed};
use super::errors::Fault;
use super::routes::{both, id, slashed};
use super::wire::payments::request;
use super::wire::providers as wire;
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Uri};
use std::sync::Arc;

/// How long pictures may be kept by browsers.
const PICTURE_CACHING: &str = "public, max-age=86400";

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = both(router, "/payments-providers/search", post(search));
    let router = both(router, "/payments-providers/{id}", get(one));
    slashed(router, "/static/{picture}", get(picture))
}

async fn one(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if !names_client(&app, &uri) {
        auth::caller(&app, &headers, Scope::Any)?;
    }
    let provider = catalogue::find(&id(path)).ok_or_else(|| Fault::not_found("Provider"))?;
    Ok(answer::json(200, wire::one(provider, &app.api_origin())))
}

/// Whether the query names a client that we know; such a call needs no token.
fn names_client(app: &App, uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    let client = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "client_id");
    let directory = app.host.engine.directory();
    client.is_some_and(|(_, client)| directory.groups.contains_key(&(super::DIALECT.to_owned(), client.into_owned())))
}

async fn search(State(app): State<Arc<App>>, incoming: Incoming) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::WhenPresent, Scope::Any)?;
    match call.json().and_then(request::search) {
        Ok(filter) => {
            let body = wire::many(filter.providers(), &app.api_origin());
            call.keep_answer(&app, 200, body).await
        }
        Err(fault) => call.keep(&app, fault).await.and_then(|answer| call.answered(answer)),
    }
}

async fn picture(path: Result<Path<String>, PathRejection>) -> Result<Response, Fault> {
    let name = id(path);
    let country = name.strip_prefix("mock-").and_then(|name| name.strip_suffix(".svg"));
    let known = country.and_then(|country| catalogue::countries().find(|known| known.eq_ignore_ascii_case(country)));
    let country = known.ok_or_else(|| Fault::not_found("Picture"))?;
    let picture = format!(
        concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="Mock bank {0}">"##,
            r##"<rect width="48" height="48" rx="6" fill="#0b5c63"/>"##,
            r##"<text x="24" y="31" font-family="sans-serif" font-size="18" fill="#fff" "##,
            r##"text-anchor="middle">{0}</text></svg>"##,
        ),
        country
    );
    Ok(answer::with_header(answer::bytes(200, "image/svg+xml", picture), CACHE_CONTROL, PICTURE_CACHING))
}
