//! Paths, and what every answer carries. Every path is served with and
//! without `/v3`, and with and without one trailing slash (contract 1.4):
//! the path is signed, so nothing may rewrite it before us.

use super::call::Traced;
use super::errors::{Fault, Kind};
use super::{App, accounts, flow, hosted, mock_bank, oauth, payments, payouts, providers, refunds, signing, sweeping};
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use http::{HeaderName, Method, Uri};
use refundry_domain::id::PaymentId;
use refundry_engine::mint;
use std::sync::Arc;

/// What this dialect owns on a shared origin; unknown paths below answer here.
/// The last ones are products that are not served (contract 1.1): their
/// clients read a problem in this dialect's shape.
pub(super) const PREFIXES: &[&str] = &[
    "/v3",
    "/connect",
    "/payments",
    "/payouts",
    "/merchant-accounts",
    "/payments-providers",
    "/payments-provider-return",
    "/spa",
    "/test-signature",
    "/.well-known/jwks",
    "/login",
    "/provider-return",
    "/api/single-immediate-payments",
    "/mandates",
    "/payment-links",
    "/signup-plus",
];

const TRACE: HeaderName = HeaderName::from_static("tl-trace-id");
const CORRELATION: HeaderName = HeaderName::from_static("x-tl-correlation-id");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("tl-should-retry");
/// The header in which the server's edge names every request.
const REQUEST_ID: &str = "x-request-id";

/// All routes of the dialect.
pub(super) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for add in [
        oauth::routes,
        signing::routes,
        payments::routes,
        flow::routes,
        providers::routes,
        mock_bank::routes,
        hosted::routes,
        refunds::routes,
        accounts::routes,
        sweeping::routes,
        payouts::routes,
    ] {
        router = add(router);
    }
    router
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), finish))
        .with_state(app)
}

/// Adds a path under all its names: with and without `/v3`, with and without
/// one trailing slash.
pub(super) fn both(router: Router<Arc<App>>, path: &str, methods: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    slashed(slashed(router, path, methods.clone()), &format!("/v3{path}"), methods)
}

/// Adds a path with and without one trailing slash.
pub(super) fn slashed(router: Router<Arc<App>>, path: &str, methods: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    router.route(path, methods.clone()).route(&format!("{path}/"), methods)
}

/// The id in a path; what is not UTF-8 names nothing.
pub(super) fn id(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(id)| id).unwrap_or_default()
}

/// A payment's id in a path.
///
/// # Errors
/// 404 when the text is no id.
pub(super) fn payment_id(text: &str) -> Result<PaymentId, Fault> {
    PaymentId::parse(text).map_err(|_| Fault::not_found("Payment"))
}

/// The answer to a path that leads nowhere.
pub(super) fn not_found(app: &App) -> Response {
    print_alone(app, &Fault::new(Kind::NotFound, "There is nothing at this path."))
}

/// The answer to a request that was refused before it reached a route.
pub(super) fn refuse(app: &App, status: u16, detail: &'static str, path: &str) -> Response {
    oauth::refuse(status, path).unwrap_or_else(|| print_alone(app, &Fault::new(Kind::of_status(status), detail)))
}

/// Prints a fault of a request whose id is not known here; [`named`] prints it
/// anew for whoever knows.
fn print_alone(app: &App, fault: &Fault) -> Response {
    let trace = new_trace();
    let mut response = with_trace(fault.print(&app.config, &trace), &trace);
    response.extensions_mut().insert(fault.clone());
    response
}

/// The same answer with the id of its request.
pub(super) fn named(app: &App, response: Response, request_id: &str) -> Response {
    let trace = trace_of(Some(request_id));
    match response.extensions().get::<Fault>() {
        Some(fault) => with_trace(fault.print(&app.config, &trace), &trace),
        None => with_trace(response, &trace),
    }
}

async fn method_not_allowed() -> Fault {
    Fault::new(Kind::MethodNotAllowed, "This path has other methods.")
}

/// Prints marked faults, and puts the headers of contract 2.3 on every answer.
async fn finish(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let trace = trace_of(request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()));
    let retry_shown = takes_keys(request.method(), request.uri());
    let response = next.run(request).await;
    let fault = response.extensions().get::<Fault>().cloned();
    let own = response.extensions().get::<Traced>().map(|Traced(trace)| trace.clone());
    let mut response = match fault {
        Some(fault) => {
            let trace = fault.trace(&trace).to_owned();
            with_trace(fault.print(&app.config, &trace), &trace)
        }
        None => with_trace(response, own.as_deref().unwrap_or(&trace)),
    };
    if retry_shown {
        let status = response.status().as_u16();
        let retry = matches!(status, 409 | 429 | 500..);
        response = answer::with_header(response, SHOULD_RETRY, if retry { "true" } else { "false" });
    }
    response
}

fn with_trace(response: Response, trace: &str) -> Response {
    answer::with_header(answer::with_header(response, TRACE, trace), CORRELATION, trace)
}

/// The id of the request: the server's own one in the form of a UUID, else
/// as it came.
fn trace_of(given: Option<&str>) -> String {
    match given {
        Some(hex) if hex.len() == 32 => {
            u128::from_str_radix(hex, 16).map_or_else(|_| hex.to_owned(), |id| PaymentId(id).to_string())
        }
        Some(given) if !given.is_empty() => given.to_owned(),
        Some(_) | None => new_trace(),
    }
}

fn new_trace() -> String {
    PaymentId(mint::random_id()).to_string()
}

/// Whether a call takes an idempotency key, so that its answer says whether
/// it is worth repeating.
fn takes_keys(method: &Method, uri: &Uri) -> bool {
    matches!(*method, Method::POST | Method::DELETE) && !uri.path().starts_with("/connect")
}
