//! The paths of this dialect and what stands behind them.

use super::call;
use super::errors::{self, Kind, Problem};
use super::{
    NativeState, accounts, approvals, changes, deliveries, endpoints, estimate, feed, mandates, payments, refunds,
    rules,
};
use crate::answer;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::{HeaderMap, StatusCode};
use refundry_domain::refusal::Refusal;
use serde::Serialize;
use std::sync::Arc;

/// The description of this API.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

type Route = MethodRouter<Arc<NativeState>>;

/// Every path with its methods; the description is tested against this list.
pub(super) fn paths() -> Vec<(&'static str, &'static [&'static str], Route)> {
    vec![
        ("/v1/payments", &["get", "post"], get(payments::list).post(payments::record)),
        ("/v1/payments/{id}", &["get"], get(payments::show)),
        ("/v1/refunds", &["get", "post"], get(refunds::list).post(refunds::create)),
        ("/v1/refunds/estimate", &["post"], post(estimate::estimate)),
        ("/v1/refunds/{id}", &["get"], get(refunds::show)),
        ("/v1/refunds/{id}/cancel", &["post"], post(refunds::cancel)),
        ("/v1/refunds/{id}/creditor", &["post"], post(refunds::name_creditor)),
        ("/v1/refunds/{id}/timeline", &["get"], get(refunds::timeline)),
        ("/v1/refunds/{id}/approval", &["get"], get(approvals::show)),
        ("/v1/refunds/{id}/approve", &["post"], post(approvals::approve)),
        ("/v1/refunds/{id}/reject", &["post"], post(approvals::reject)),
        ("/v1/approvals", &["get"], get(approvals::list)),
        ("/v1/approval-policy", &["get", "put"], get(rules::show_policy).put(rules::set_policy)),
        ("/v1/fees", &["get", "put"], get(rules::show_fees).put(rules::set_fees)),
        ("/v1/accounts", &["get"], get(accounts::list)),
        ("/v1/accounts/{id}", &["get"], get(accounts::show)),
        ("/v1/mandates", &["get", "post"], get(mandates::list).post(mandates::create)),
        ("/v1/mandates/{id}", &["get"], get(mandates::show)),
        ("/v1/mandates/{id}/state", &["post"], post(mandates::set_state)),
        ("/v1/webhook-endpoints", &["get", "post"], get(endpoints::list).post(endpoints::create)),
        (
            "/v1/webhook-endpoints/{id}",
            &["get", "patch", "delete"],
            get(endpoints::show).patch(endpoints::change).delete(endpoints::remove),
        ),
        ("/v1/webhook-endpoints/{id}/deliveries", &["get"], get(deliveries::list)),
        ("/v1/webhook-endpoints/{id}/deliveries/{event}", &["get"], get(deliveries::show)),
        ("/v1/webhook-endpoints/{id}/deliveries/{event}/replay", &["post"], post(deliveries::replay)),
        ("/v1/events", &["get"], get(feed::list)),
        ("/v1/audit", &["get"], get(changes::list)),
        ("/openapi.json", &["get"], get(openapi)),
        ("/problems/{code}", &["get"], get(problem)),
    ]
}

/// The router over all paths.
pub(super) fn router(native: Arc<NativeState>) -> Router {
    let mut router = Router::new();
    for (path, _, route) in paths() {
        router = router.route(path, route.fallback(method_not_allowed));
    }
    router.with_state(native)
}

async fn method_not_allowed(request: Request) -> Response {
    refused(Problem::of(errors::METHOD_NOT_ALLOWED), request.headers(), request.uri().path())
}

/// A problem outside any call.
pub(super) fn refused(problem: Problem, headers: &HeaderMap, path: &str) -> Response {
    let request_id = call::request_id(headers);
    call::identified(problem.respond(&request_id, path), &request_id)
}

/// `GET /openapi.json`: open to everybody.
async fn openapi() -> Response {
    answer::json(StatusCode::OK.as_u16(), OPENAPI)
}

/// What a problem's `type` leads to.
#[derive(Serialize)]
struct ProblemType {
    #[serde(rename = "type")]
    problem_type: String,
    code: &'static str,
    title: &'static str,
    status: u16,
    retryable: bool,
}

/// `GET /problems/{code}`: what a problem's type means; open to everybody.
async fn problem(request: Request) -> Response {
    let path = request.uri().path();
    let code = path.rsplit('/').next().unwrap_or_default();
    let Some(kind) = kinds().find(|kind| kind.code == code) else {
        return refused(Problem::of(errors::NOT_FOUND), request.headers(), path);
    };
    let Kind { code, status, title, retryable } = kind;
    let shown =
        ProblemType { problem_type: format!("/problems/{code}"), code, title, status: status.as_u16(), retryable };
    call::json(StatusCode::OK, &shown).unwrap_or_else(|problem| refused(problem, request.headers(), path))
}

/// Every kind of problem that this API has, and those that the server prints
/// in its shape.
pub(super) fn kinds() -> impl Iterator<Item = Kind> {
    let refusals = Refusal::one_of_each().into_iter().map(errors::kind_of);
    errors::OWN.into_iter().chain(refusals).chain(errors::OF_SERVER)
}
