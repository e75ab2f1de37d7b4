//! Paths, and what every answer carries (contract 3.1).

use super::call::Merchant;
use super::config::Config;
use super::errors::Fault;
use super::{App, approvals, estimate, payins, payouts, refunds, simulate, transactions, wallets};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::ALLOW;
use http::{HeaderName, HeaderValue};
use refundry_engine::mint;
use std::sync::Arc;

/// What this dialect owns on a shared origin; unknown paths below answer here.
pub(super) const PREFIXES: &[&str] = &["/payment", "/ledger", "/api"];
/// The header that names every request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All routes of the dialect.
pub(super) fn router(app: Arc<App>) -> Router {
    let estimated = || get(estimate::show).post(estimate::show);
    let refunded = || get(refunds::status).post(refunds::create);
    let prefix = app.config.mount_prefix.clone();
    let router = Router::new()
        .route("/payment/v1/payins/{id}/refund/estimate", estimated())
        .route("/payment/v1/payins/{id}/estimate", estimated())
        .route("/payment/v1/payins/{id}/refund", refunded())
        .route("/payment/v1/payouts/{id}/refund", refunded())
        .route("/{id}/refund", post(refunds::create_at_root))
        .route("/payment/v1/payins/{id}", get(payins::show))
        .route("/payment/v1/payins/simulate", post(simulate::first))
        .route("/payment/v2/payins/simulation", post(simulate::second))
        .route("/payment/v1/payouts", post(payouts::create))
        .route("/payment/v1/payouts/{id}", get(payouts::show))
        .route("/payment/v2/payouts/{id}", get(payouts::show_second))
        .route("/api/wallet/payout/status/{id}", get(payouts::show_legacy))
        .route("/api/wallet/payout/{id}", get(payouts::show_legacy))
        .route("/api/approval-workflow/v2/action", post(approvals::act))
        .route("/ledger/v1/transactions", get(transactions::list))
        .route("/api/transaction/{wallet}", get(transactions::list_legacy))
        .route("/ledger/v1/wallets", get(wallets::list))
        .route("/ledger/v1/wallets/{wallet}", get(wallets::show))
        .route("/ledger/v2/wallets", get(wallets::list))
        .route("/ledger/v2/wallets/{wallet}", get(wallets::show))
        .route("/api/wallet", get(wallets::list_legacy))
        .route("/api/wallet/balances", get(wallets::list_legacy))
        .route("/api/wallet/{wallet}", get(wallets::show_legacy))
        .method_not_allowed_fallback(async || Fault::wrong_method())
        .layer(from_fn_with_state(Arc::clone(&app), finish))
        .with_state(app);
    match prefix {
        Some(prefix) => Router::new().nest(&prefix, router),
        None => router,
    }
}

/// The id in a path; what is not UTF-8 names nothing.
pub(super) fn id(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(id)| id).unwrap_or_default()
}

/// Whether errors below a path have the older shape.
fn is_legacy(config: &Config, path: &str) -> bool {
    config.legacy_errors || path.starts_with("/api/")
}

/// Prints a fault of a request that met no route; [`named`] prints it anew for
/// whoever knows the request's id.
pub(super) fn print_alone(app: &App, fault: Fault, path: &str) -> Response {
    let id = new_id();
    let prefix = app.config.mount_prefix.as_deref().unwrap_or_default();
    let legacy = is_legacy(&app.config, path.strip_prefix(prefix).unwrap_or(path));
    let mut response = with_id(fault.print(&id, legacy), &id);
    response.extensions_mut().insert((fault, legacy));
    response
}

/// The same answer with the id of its request.
pub(super) fn named(_app: &App, response: Response, request_id: &str) -> Response {
    match response.extensions().get::<(Fault, bool)>() {
        Some((fault, legacy)) => with_id(fault.print(request_id, *legacy), request_id),
        None => response,
    }
}

/// Prints marked faults, and names the request on every answer.
async fn finish(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map_or_else(new_id, str::to_owned);
    let (path, merchant) = (request.uri().path().to_owned(), Merchant::default());
    request.extensions_mut().insert(merchant.clone());
    let response = next.run(request).await;
    let Some(fault) = response.extensions().get::<Fault>().cloned() else { return with_id(response, &id) };
    let config = merchant.0.get().map_or_else(|| Arc::clone(&app.config), |merchant| app.config(*merchant));
    let mut printed = fault.print(&id, is_legacy(&config, &path));
    if let Some(methods) = response.headers().get(ALLOW) {
        printed.headers_mut().insert(ALLOW, methods.clone());
    }
    with_id(printed, &id)
}

fn with_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn new_id() -> String {
    format!("{:032x}", mint::random_id())
}
