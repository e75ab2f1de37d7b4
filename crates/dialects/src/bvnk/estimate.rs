//! Estimates: what a refund would cost, and how much can be given back
//! (contract 3.2). Nothing is changed.
//!
//! Round trips: one read.

use super::call::Call;
use super::config::{Config, MissingPayer, OverRemainder, Strictness};
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
use refundry_domain::id::PaymentId;
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
    let pay_in = payin(&app, &call, &routes::id(id)).await?;
    let (minor, left) = amounts(&app, call.config(), &pay_in, input.amount)?;
    let payment = pay_in.payment;
    let currency = payment.amount.currency;
    let fee = if minor == 0 { 0 } else { fees::estimated(&app, &call.caller, &payment, minor) };
    let body = Object::new()
        .put("fee", money(Amount::new(fee, currency)))
        .put("maxAvailableToRefund", money(Amount::new(left, currency)));
    Ok(answer::json(200, Out::from(body).print()))
}

async fn payin(app: &App, call: &Call, id: &str) -> Result<Left, Fault> {
    let unknown = || Fault::payin_unknown(call.config(), id);
    let id = PaymentId::parse(id).map_err(|_| unknown())?;
    let (merchant, rules) = (call.caller.merchant, fees::rules(app, &call.caller));
    let found = app.host.engine.read(move |reader| {
        let payment = reader.payment(merchant, id)?;
        payment.map(|payment| Left::of(reader, &rules, payment)).transpose()
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    found.filter(|left| refunds::is_shared(call.config(), &left.payment)).ok_or_else(unknown)
}

/// How much the refund would be, and how much is left.
fn amounts(app: &App, config: &Config, pay_in: &Left, asked: Option<Amount>) -> Result<(u64, u64), Fault> {
    let (payment, left) = (&pay_in.payment, pay_in.refundable);
    let payer = payment.debtor.is_some() || config.missing_payer_account == MissingPayer::Ask;
    if !refunds::is_refundable(config, payment.state)
        || !payment.blocks.is_empty()
        || payment.counters.exposure() > 0
        || !payer
    {
        return Err(Fault::not_refundable(config, payment.id.0));
    }
    let currency = payment.amount.currency;
    if asked.is_some_and(|asked| asked.currency != currency) {
        return Err(Fault::field("amount.currency", "is not the currency of the pay-in"));
    }
    let Some(asked) = asked else { return Ok((left, left)) };
    refunds::check(app, config, payment, (Some(asked.minor), left))?;
    match config.estimate_over_remainder {
        OverRemainder::Error if asked.minor > left => {
            Err(Fault::invalid_amount(config, payment.id, Amount::new(left, currency)))
        }
        OverRemainder::Error | OverRemainder::Cap => Ok((asked.minor.min(left), left)),
    }
}
