//! The mock bank, where payers of the sandbox say yes or no (contract 8.3): a
//! page for people, and one call for programs. It writes down what the payer
//! decided; nothing is paid before the payer's return (`flow/arrival`).
//!
//! A visit is opened by a token that stands in the fragment of its address,
//! so it reaches no server's log.

pub(super) mod payer;

use super::auth::bearer;
use super::call::Incoming;
use super::errors::{Fault, Kind};
use super::extension::{Choice, Flow, PaymentExtension, Step};
use super::flow::annotation;
use super::payments::of_refusal;
use super::routes::{id, slashed};
use super::wire::flow as read;
use super::wire::mock_bank as wire;
use super::{App, hosted};
use crate::answer;
use crate::token::Claims;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, LOCATION};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::envelope::Envelope;
use std::sync::Arc;
use url::Url;

/// What tokens of visits open, and nothing else.
const VISIT: &str = "truelayer_mock_bank";
/// How long a visit can be returned from after its payment has ended.
const VISIT_KEPT: Span = Span::days(30);
/// How often a call looks again when somebody else was faster.
const ATTEMPT_COUNT_MAX: usize = 5;

/// Adds the routes of the mock bank.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = slashed(router, "/api/single-immediate-payments/{id}/action", post(act));
    let router = slashed(router, "/api/single-immediate-payments/{id}", get(show));
    let router = slashed(router, "/login/{id}", get(login));
    slashed(router, "/provider-return", get(returned))
}

/// A payer's visit at the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    /// Who receives the payment.
    pub(super) merchant: MerchantId,
    /// The payment; it is also the visit's id.
    pub(super) payment: PaymentId,
}

/// The address at which the payer visits the bank.
pub(super) fn login_uri(app: &App, payment: &Payment) -> String {
    format!("{}/login/{}#token={}", app.mock_bank_origin(), payment.id, token(app, payment))
}

/// The same token whenever it is made for a payment.
fn token(app: &App, payment: &Payment) -> String {
    app.host.tokens.issue(&Claims {
        dialect: VISIT.to_owned(),
        credential: payment.merchant.to_string(),
        group: payment.id.to_string(),
        expires_at: payment.expires_at.unwrap_or(payment.created_at).plus(VISIT_KEPT),
    })
}

/// The visit that a token opens.
pub(super) fn open(app: &App, token: &str) -> Option<Visit> {
    let claims = app.host.tokens.check(token, app.host.engine.now())?;
    if claims.dialect != VISIT {
        return None;
    }
    let merchant = MerchantId::parse(&claims.credential).ok()?;
    Some(Visit { merchant, payment: PaymentId::parse(&claims.group).ok()? })
}

/// The payment of a visit.
///
/// # Errors
/// 404 when it is not there or was not made here.
pub(super) async fn find(app: &App, visit: Visit) -> Result<(Payment, PaymentExtension), Fault> {
    let found = app.host.engine.read(move |reader| reader.payment(visit.merchant, visit.payment)).await;
    let payment = found.map_err(Fault::of_unavailable)?.ok_or_else(|| Fault::not_found("Payment"))?;
    let extension = PaymentExtension::of(&payment).ok_or_else(|| Fault::not_found("Payment"))?;
    Ok((payment, extension))
}

/// The visit that a request's token opens, if its path names the same one.
fn visit(app: &App, headers: &HeaderMap, id: &str) -> Result<Visit, Fault> {
    let visit = bearer(headers).and_then(|token| open(app, token));
    visit.filter(|visit| PaymentId::parse(id) == Ok(visit.payment)).ok_or_else(Fault::unauthenticated)
}

async fn act(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let visit = visit(&app, &incoming.headers, &id(path))?;
    let (choice, redirect) = read::deed(&incoming.json()?)?;
    let uri = decide(&app, visit, choice).await?;
    if redirect {
        return Ok(answer::with_header(answer::empty(303), LOCATION, &uri));
    }
    // The bare address: clients parse the whole body as one.
    Ok(answer::bytes(202, "text/plain", uri))
}

/// Writes down what the payer decided, and tells where the payer goes.
async fn decide(app: &App, visit: Visit, choice: Choice) -> Result<String, Fault> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let (payment, extension) = find(app, visit).await?;
        let over = || Fault::invalid_state("The payment does not wait for a decision at the bank.");
        let flow = extension.flow.clone().ok_or_else(over)?;
        let uri = return_uri(app, &payment, &flow);
        if flow.choice == Some(choice) {
            return Ok(uri);
        }
        if payment.state != PaymentState::Open || flow.step != Step::Redirect {
            return Err(over());
        }
        let after = PaymentExtension { flow: Some(Flow { choice: Some(choice), ..flow }), ..extension };
        let envelope = Envelope::command(payment.merchant, Actor::Customer, annotation(&payment, &after));
        match app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?.result {
            Ok(_) => return Ok(uri),
            Err(Refusal::Changed | Refusal::TransitionImpossible) => {}
            Err(refusal) => return Err(of_refusal(refusal)),
        }
    }
    Err(Fault::new(Kind::Conflict, "The payment is being changed by another request."))
}

/// Where the bank sends the payer: always with a query and a fragment.
fn return_uri(app: &App, payment: &Payment, flow: &Flow) -> String {
    let token = token(app, payment);
    let own = || format!("{}/provider-return?mock-payment-id={}#token={token}", app.return_origin(), payment.id);
    let Some(direct) = flow.direct_return_uri.as_deref().and_then(|uri| Url::parse(uri).ok()) else {
        return own();
    };
    let mut uri = direct;
    uri.query_pairs_mut().append_pair("mock-payment-id", &payment.id.to_string());
    uri.set_fragment(Some(&format!("token={token}")));
    uri.into()
}

/// What the pages show of a payment.
async fn show(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let visit = visit(&app, &headers, &id(path))?;
    let (payment, extension) = find(&app, visit).await?;
    let directory = app.host.engine.directory();
    let merchant = directory.merchants.get(&payment.merchant).map(|merchant| merchant.name.as_str());
    let body = wire::visit(&payment, &extension, merchant.unwrap_or_default());
    Ok(answer::with_header(answer::json(200, body), CACHE_CONTROL, "no-store"))
}

async fn login() -> Response {
    hosted::page(include_str!("mock_bank/login.html"))
}

async fn returned() -> Response {
    hosted::page(include_str!("mock_bank/returned.html"))
}
