//! Payouts: a refund as the payout that it is, in three versions of the read
//! (contract 3.5, 3.11). Payouts that give back no pay-in are switched off.
//!
//! Round trips: one read.

use super::App;
use super::call::Call;
use super::errors::Fault;
use super::keys::Scope;
use super::refunds::{self, Found};
use super::routes;
use super::wire::out::Out;
use super::wire::payout as wire;
use crate::answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

type Id = Result<Path<String>, PathRejection>;

async fn found(app: &App, call: &Call, id: &str) -> Result<Found, Fault> {
    call.needs(app, Scope::Read)?;
    let found = refunds::find(app, &call.caller, id).await?;
    found.filter(|found| found.shown().is_some()).ok_or_else(|| Fault::payout_unknown(id))
}

/// `GET /payment/v1/payouts/{ref}`.
pub(super) async fn show(State(app): State<Arc<App>>, id: Id, call: Call) -> Result<Response, Fault> {
    let found = found(&app, &call, &routes::id(id)).await?;
    let body = found.shown().map(|pair| wire::status(&app, pair)).unwrap_or_default();
    Ok(answer::json(200, Out::from(body).print()))
}

/// `GET /payment/v2/payouts/{id}`.
pub(super) async fn show_second(State(app): State<Arc<App>>, id: Id, call: Call) -> Result<Response, Fault> {
    let found = found(&app, &call, &routes::id(id)).await?;
    let body = found.shown().map(|pair| wire::second(&app, pair)).unwrap_or_default();
    Ok(answer::json(200, Out::from(body).print()))
}

/// `GET /api/wallet/payout/status/{uuid}` and `/api/wallet/payout/{uuid}`.
pub(super) async fn show_legacy(State(app): State<Arc<App>>, id: Id, call: Call) -> Result<Response, Fault> {
    let found = found(&app, &call, &routes::id(id)).await?;
    let body = found.shown().map(|pair| wire::legacy(&app, pair.refund)).unwrap_or_default();
    Ok(answer::json(200, Out::from(body).print()))
}

/// `POST /payment/v1/payouts`.
pub(super) async fn create(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    call.needs(&app, Scope::Refund)?;
    Err(Fault::switched_off("Payouts that are not refunds are switched off for this account."))
}
