//! Paths. Every one tolerates one trailing slash; `/api/v2` is another name
//! of `/v2`.

use super::{App, payins, refunds};
use crate::answer;
use crate::banked::paths::method_not_allowed;
use crate::banked::{endpoints, oauth, signature};
use axum::Router;
use axum::response::Response;
use axum::routing::{MethodRouter, get, patch, post};
use http::StatusCode;
use std::sync::Arc;

pub(super) use crate::banked::paths::id;

/// What this dialect owns on a shared origin; unknown paths below answer here.
pub(super) const PREFIXES: &[&str] =
    &["/oauth", "/v3/refunds", "/v3/payins", "/v3/webhooks", "/openapi/banked-v3.json"];

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
    let router = router.method_not_allowed_fallback(method_not_allowed);
    signature::guard(router, &app).with_state(app)
}

/// The description of this API, open to everybody.
async fn openapi() -> Response {
    answer::json(StatusCode::OK.as_u16(), OPENAPI)
}
