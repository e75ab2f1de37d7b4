//! Paths. Every one tolerates one trailing slash; `/api/v2` is another name
//! of `/v2`.

use super::checkouts::{self, au};
use super::{accounts, refunds, sessions};
use crate::answer;
use crate::banked::paths::method_not_allowed;
use crate::banked::{App, signature};
use axum::Router;
use axum::response::Response;
use axum::routing::{MethodRouter, get, patch, post};
use http::StatusCode;
use std::sync::Arc;

/// What this dialect owns on a shared origin; unknown paths below answer here.
pub(super) const PREFIXES: &[&str] = &["/v2", "/api/v2", "/checkout", "/refunds", "/openapi/banked-v2.json"];

/// The description of this API.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

type Route = MethodRouter<Arc<App>>;

/// Every path with its methods; the description is tested against this list.
pub(super) fn paths() -> Vec<(String, &'static [&'static str], Route)> {
    let mut paths: Vec<(String, &'static [&'static str], Route)> =
        vec![("/openapi/banked-v2.json".to_owned(), &["get"], get(openapi))];
    for root in ["/v2", "/api/v2"] {
        let mut add = |path: &str, methods, route| paths.push((format!("{root}{path}"), methods, route));
        add("/payment_sessions", &["post"], post(sessions::create));
        add("/payment_sessions/{id}", &["get", "delete"], get(sessions::get).delete(sessions::remove));
        add("/payment_sessions/{id}/consumer_account", &["get"], get(sessions::consumer_account));
        add("/checkout_sessions/{id}", &["get", "patch"], get(checkouts::get).patch(checkouts::choose));
        add("/refunds", &["get", "post"], post(refunds::create).get(refunds::list));
        add("/refunds/{id}", &["get"], get(refunds::get));
        add("/bank_accounts", &["get"], get(accounts::list));
        add("/providers", &["get"], get(accounts::providers));
    }
    let mut add = |path: &str, methods, route| paths.push((format!("/checkout/v3/sessions{path}"), methods, route));
    add("", &["post"], post(au::create));
    add("/{id}", &["get"], get(au::get));
    add("/{id}/actions/select_provider", &["patch"], patch(au::choose));
    add("/{id}/actions/initiate_authorisation", &["patch"], patch(au::authorise));
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
