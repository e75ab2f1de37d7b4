//! Which page is where. Whatever else is asked for below `/console` gets a
//! page, too; everything beside it belongs to others.

use crate::app::Console;
use crate::page::{assets, redirect};
use crate::stop::Stop;
use crate::{approvals, authenticator, payments, sign_in};
use axum::Router;
use axum::extract::State;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{any, get, post};
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// The routes of the console.
pub(crate) fn routes(console: Arc<Console>) -> Router {
    Router::new()
        .route("/console", get(home))
        .route("/console/", get(home))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/link/{token}", get(sign_in::link::show).post(sign_in::link::submit))
        .route(authenticator::PAGE, get(authenticator::show).post(authenticator::submit))
        .route("/console/approvals", get(approvals::list))
        .route("/console/approvals/{id}", get(approvals::detail))
        .route("/console/approvals/{id}/{step}", get(approvals::confirm).post(approvals::decide))
        .route("/console/payments", get(payments::list))
        .route("/console/payments/{id}", get(payments::detail))
        .route("/console/payments/{id}/refund", get(payments::detail).post(payments::submit))
        .route("/console/payments/{id}/links/{refund}", post(payments::send_again))
        .route("/console/{*rest}", any(nothing))
        .route("/assets/{file}", get(assets::serve))
        .layer(map_response_with_state(Arc::clone(&console), stay_on_tls))
        .with_state(console)
}

/// Who came over TLS once comes over TLS for the next year.
async fn stay_on_tls(State(console): State<Arc<Console>>, mut response: Response) -> Response {
    if console.site.is_secure() {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

async fn home() -> Response {
    redirect("/console/approvals")
}

async fn nothing(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    Stop::NotFound.respond(&console, &headers)
}
