//! The sandbox's routes under `/sandbox/v1`. They are mounted in the sandbox
//! only: in live all of `/sandbox` is an unknown path.

use super::state::{Sandbox, authenticate};
use super::{bank, checkouts, clients, keys, letters, levers, payments};
use crate::problem::print_problems;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use std::sync::Arc;

/// All routes of the sandbox API.
pub fn routes(sandbox: Arc<Sandbox>) -> Router {
    let guarded = Router::new()
        .route("/sandbox/v1/payments", post(payments::create))
        .route("/sandbox/v1/payments/{id}/status", post(payments::advance))
        .route("/sandbox/v1/payments/{id}/outcome", post(bank::payment_outcome))
        .route("/sandbox/v1/refunds/{id}/outcome", post(bank::refund_outcome))
        .route("/sandbox/v1/payouts/{id}/outcome", post(bank::payout_outcome))
        .route("/sandbox/v1/bank/instructions", get(bank::instructions))
        .route("/sandbox/v1/rails/pause", post(bank::pause))
        .route("/sandbox/v1/rails/resume", post(bank::resume))
        .route("/sandbox/v1/checkouts/{id}/decision", post(checkouts::decide))
        .route("/sandbox/v1/refunds/{id}/details", post(levers::details))
        .route("/sandbox/v1/refunds/{id}/expire", post(levers::expire))
        .route("/sandbox/v1/accounts/{id}/balance", post(levers::balance))
        .route("/sandbox/v1/mandates/{id}/state", post(levers::mandate_state))
        .route("/sandbox/v1/clock", get(levers::clock))
        .route("/sandbox/v1/clock/advance", post(levers::advance_clock))
        .route("/sandbox/v1/clients", post(clients::create))
        .route("/sandbox/v1/clients/{dialect}/{client}/settings", put(keys::set))
        .route("/sandbox/v1/clients/{dialect}/{client}/keys", post(keys::add))
        .route("/sandbox/v1/clients/{dialect}/{client}/keys/{key_id}", delete(keys::revoke))
        .route("/sandbox/v1/webhooks/{dialect}", put(clients::set_endpoint))
        .route("/sandbox/v1/webhooks/{dialect}/signing-key", post(keys::rotate))
        .route("/sandbox/v1/webhooks/pause", post(clients::pause_webhooks))
        .route("/sandbox/v1/webhooks/resume", post(clients::resume_webhooks))
        .route("/sandbox/v1/mails", get(letters::mails));
    let inbox = get(letters::show).layer(from_fn_with_state(Arc::clone(&sandbox), authenticate)).post(letters::receive);
    guarded
        .route_layer(from_fn_with_state(Arc::clone(&sandbox), authenticate))
        .route("/sandbox/v1/inbox/{name}", inbox)
        .route_layer(from_fn(print_problems))
        .with_state(sandbox)
}
