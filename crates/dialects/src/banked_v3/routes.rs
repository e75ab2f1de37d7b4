//! Paths. Every one tolerates one trailing slash; `/api/v2` is another name
//! of `/v2`.

use super::errors::{Fault, Kind, Shape};
use super::{App, endpoints, oauth, payins, refunds, wire};
use crate::answer;
use axum::Router;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, patch, post};
use bytes::Bytes;
use http::{StatusCode, Uri};
use std::sync::Arc;

/// What this dialect owns on a shared origin; unknown paths below answer here.
pub(super) const PREFIXES: &[&str] = &[
    "/v2",
    "/api/v2",
    "/oauth",
    "/checkout",
    "/refunds",
    "/v3/refunds",
    "/v3/payins",
    "/v3/webhooks",
    "/openapi/banked-v3.json",
];

/// The description of this API.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

type Route = MethodRouter<Arc<App>>;

/// Every path with its methods; the description is tested against this list.
pub(super) fn paths() -> Vec<(String, &'static [&'static str], Route)> {
    let mut paths: Vec<(String, &'static [&'static str], Route)> = vec![
        ("/oauth/token".to_owned(), &["post"], post(oauth::token)),
        ("/v3/refunds".to_owned(), &["get", "post"], post(refunds::create).get(refunds::list)),
        ("/v3/refunds/{id}".to_owned(), &["get"], get(refunds::get)),
        ("/v3/payins".to_owned(), &["post"], post(payins::create)),
        ("/v3/payins/{id}".to_owned(), &["get"], get(payins::get)),
        ("/openapi/banked-v3.json".to_owned(), &["get"], get(openapi)),
    ];
    for root in ["/v2/webhooks", "/api/v2/webhooks", "/v3/webhooks"] {
        paths.push((root.to_owned(), &["get", "post"], get(endpoints::list).post(endpoints::create)));
        let one = patch(endpoints::change).delete(endpoints::remove);
        paths.push((format!("{root}/{{id}}"), &["patch", "delete"], one));
    }
    paths
}

/// All routes of the dialect.
pub(super) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, _, route) in paths() {
        router = router.route(&path, route.clone()).route(&format!("{path}/"), route);
    }
    router.method_not_allowed_fallback(method_not_allowed).with_state(app)
}

/// The description of this API, open to everybody.
async fn openapi() -> Response {
    answer::json(StatusCode::OK.as_u16(), OPENAPI)
}

/// The shape of errors below a path.
pub(super) fn shape_of(path: &str) -> Shape {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/v3/payins") {
        Shape::Payin
    } else if below("/v3") {
        Shape::V3
    } else {
        Shape::V2
    }
}

/// The answer to a path that leads nowhere.
pub(super) fn not_found(app: &App, path: &str) -> Response {
    if path.starts_with("/oauth") {
        return answer::json(404, wire::oauth_error("not_found"));
    }
    Fault::not_found("No such path").respond(shape_of(path), &app.config)
}

async fn method_not_allowed(State(app): State<Arc<App>>, uri: Uri) -> Response {
    if uri.path().starts_with("/oauth") {
        return answer::json(405, wire::oauth_error("invalid_request"));
    }
    Fault::new(Kind::MethodNotAllowed, "This path has other methods").respond(shape_of(uri.path()), &app.config)
}

/// The body of a request, unless it was too large or broke off.
pub(super) fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Fault> {
    body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Fault::new(Kind::TooLarge, "The body is too large")
        } else {
            Fault::new(Kind::Decoding, "The body could not be read")
        }
    })
}

/// The id in a path; what is not UTF-8 names nothing.
pub(super) fn id(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(id)| id).unwrap_or_default()
}
