//! Pay-ins with what was given back of them (contract 3.6).
//!
//! Round trips: one read.

use super::App;
use super::call::Call;
use super::errors::Fault;
use super::keys::Scope;
use super::wire::money::money;
use super::wire::out::Out;
use super::wire::{payin, payout};
use super::{refunds, routes, states};
use crate::answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use refundry_domain::money::Amount;
use std::sync::Arc;

/// `GET /payment/v1/payins/{ref}`; a refund's id answers its pay-in.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let id = routes::id(id);
    let found =
        refunds::find(&app, &call.caller, &id).await?.ok_or_else(|| Fault::payin_unknown(call.config(), &id))?;
    let payment = &found.payment;
    let (currency, counters) = (payment.amount.currency, payment.counters);
    let lines = found.refunds.iter().map(|refund| payout::line(&app, refund).into()).collect();
    let body = payin::data(&app, payment, states::payin(payment))
        .put("refundedAmount", money(Amount::new(counters.claimed, currency)))
        .put("maxAvailableToRefund", money(Amount::new(found.refundable, currency)))
        .put("refunds", Out::List(lines));
    Ok(answer::json(200, Out::from(body).print()))
}
