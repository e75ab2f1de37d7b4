//! Whether the process lives, whether it should get requests, and what it is.

use crate::problem::{Problem, print_problems};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::StatusCode;
use refundry_engine::engine::Engine;
use refundry_engine::worker::RailWorker;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the store may take to show that it reads.
const STORE_DEADLINE: Duration = Duration::from_secs(2);

/// What readiness is judged by.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// Must read.
    pub engine: Arc<Engine>,
    /// Its sweep is told for information; requests are taken before it ends.
    pub worker: Option<Arc<RailWorker>>,
    /// True once the process is stopping.
    pub stopping: watch::Receiver<bool>,
}

/// `/healthz`, `/readyz` and `/version`; no credential, no secrets.
pub fn routes(vitals: Vitals) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "alive" }))))
        .route("/readyz", get(ready))
        .route("/version", get(async || Json(json!({ "name": "refundry", "version": env!("CARGO_PKG_VERSION") }))))
        .route_layer(middleware::from_fn(print_problems))
        .with_state(vitals)
}

async fn ready(State(vitals): State<Vitals>) -> Result<Response, Problem> {
    let unavailable = |code, detail: &str| Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).passing());
    if *vitals.stopping.borrow() {
        return unavailable("stopping", "The server is stopping.");
    }
    let read = vitals.engine.read(|reader| reader.newest_event());
    match tokio::time::timeout(STORE_DEADLINE, read).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => return unavailable("storage_unavailable", "The storage does not read now."),
    }
    let swept = vitals.worker.as_ref().map(|worker| worker.has_swept());
    Ok(Json(json!({ "status": "ready", "swept": swept })).into_response())
}
