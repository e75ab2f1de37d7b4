//! Estimates: what a refund would cost, and how much can be given back
//! (contract 3.2). Nothing is changed.
//!
//! Round trips: one read.

use super::call::Call;
use super::config::{Config, OverRemainder, Strictness};
use super::errors::Fault;
use super::keys::Scope;
use super::refunds::Left;
use super::wire::input::EstimateInput;
use super::wire::money::money;
use super::wire::out::{Object, Out};
use super::{App, fees, idempotency, refunds, routes};
use crate::answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::Method;
use refundry_domain::money::Amount;
use std::sync::Arc;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    method: Method,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let (body, query) = (call.body()?, call.query());
    let key = idempotency::key(&call.headers);
    if call.config().estimate_requires_key && key?.is_none() {
        return Err(idempotency::missing_key());
    }
    // Libraries and proxies drop the body of a GET: then all that is left is meant.
    let asked = body.is_some() || !query.is_empty() || method == Method::POST;
    let complete = asked && call.config().estimate_strictness == Strictness::Seed;
    let input = EstimateInput::read(body.as_ref(), &query, complete, call.config())?;
    let pay_in = refunds::payin_to_refund(&app, &call.caller, &routes::id(id)).await?;
    let (minor, left) = amounts(&app, call.config(), &pay_in, input.amount)?;
    let payment = pay_in.payment;
    let currency = payment.amount.currency;
    let fee = if minor == 0 { 0 } else { fees::estimated(&app, &call.caller, &payment, minor) };
    let body = Object::new()
        .put("fee", money(Amount::new(fee, currency)))
        .put("maxAvailableToRefund", money(Amount::new(left, currency)));
    Ok(answer::json(200, Out::from(body).print()))
}

/// How much the refund would be, and how much is left.
fn amounts(app: &App, config: &Config, pay_in: &Left, asked: Option<Amount>) -> Result<(u64, u64), Fault> {
    let (payment, left) = (&pay_in.payment, pay_in.refundable);
    let currency = payment.amount.currency;
    if asked.is_some_and(|asked| asked.currency != currency) {
        return Err(Fault::field("amount.currency", "is not the currency of the pay-in"));
    }
    let minor = asked.map(|asked| match config.estimate_over_remainder {
        OverRemainder::Error => asked.minor,
        OverRemainder::Cap => asked.minor.min(left),
    });
    refunds::check(app, config, payment, (minor, left))?;
    match minor {
        Some(minor) if minor > left => Err(Fault::invalid_amount(config, payment.id, Amount::new(left, currency))),
        Some(_) | None => Ok((minor.unwrap_or(left), left)),
    }
}
