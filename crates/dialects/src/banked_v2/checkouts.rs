//! The customer's side of a payment session without our pages, for apps that
//! show a checkout of their own (contract 3.6). Who has a client key and a
//! session's id may look at the session and choose its bank.
//!
//! Round trips: get is one read; patch is one read and two envelopes at most.

pub(super) mod au;

use super::accounts;
use super::auth::{self, Caller};
use super::errors::{self, Fault, Kind, Reply, Shape, no_session, not_now};
use super::extension::SessionExtension;
use super::hosted;
use super::sessions::is_session;
use super::wire::{self, CheckoutBody, ProviderChoice};
use crate::banked::idempotency::{self, Content};
use crate::banked::{App, paths};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use refundry_domain::id::PaymentId;
use refundry_domain::payment::{Payment, PaymentState};
use refundry_engine::envelope::{Envelope, Outcome, Work};
use refundry_engine::hosted::Bank;
use std::sync::Arc;

/// Where the sandbox's bank asks its visitors, below the public origin.
const BANK_PATH: &str = "/mock-bank";

/// What customers are told before they go to their bank.
const TERMS: &str = "Your bank shows you amount and receiver and asks whether you agree. Nothing is sent before.";

pub(super) async fn get(State(app): State<Arc<App>>, id: Result<Path<String>, PathRejection>, uri: Uri) -> Response {
    match try_get(&app, &uri, &paths::id(id)).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

async fn try_get(app: &App, uri: &Uri, id: &str) -> Result<Vec<u8>, Fault> {
    let client = auth::client(app, uri.query().unwrap_or_default())?;
    let (payment, extension) = find(app, &client, id).await?;
    let banks = accounts::banks(app, payment.amount.currency, false);
    let state = super::states::session(payment.state, extension.provider.is_some(), &app.config);
    Ok(wire::checkout_session(&CheckoutBody {
        payment: &payment,
        extension: &extension,
        state,
        banks: &banks,
        terms: TERMS,
    }))
}

/// A session that the application of the key made; a refund's own session is
/// its merchant's business and not offered here.
async fn find(app: &App, client: &Caller, id: &str) -> Result<(Payment, SessionExtension), Fault> {
    let id = PaymentId::parse(id).map_err(|_| no_session())?;
    let merchant = client.merchant;
    let found = app.host.engine.read(move |reader| reader.payment(merchant, id)).await;
    let found = found.map_err(Fault::of_unavailable)?;
    let known = found.filter(|payment| client.sees(&payment.origin) && is_session(payment));
    let session = known.and_then(|payment| SessionExtension::of(&payment).map(|extension| (payment, extension)));
    session.ok_or_else(no_session)
}

pub(super) async fn choose(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let done = try_choose(&app, (&uri, &headers), &paths::id(id), body).await;
    done.unwrap_or_else(|fault| fault.respond(Shape::V2, &app.config))
}

async fn try_choose(
    app: &App,
    (uri, headers): (&Uri, &HeaderMap),
    id: &str,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let client = auth::client(app, uri.query().unwrap_or_default())?;
    let key = idempotency::key(headers)?;
    let body = paths::body(body)?;
    let content = Content::read(&body);
    let once = key.map(|key| idempotency::once(app, &client, &Method::PATCH, uri.path(), key, &content));
    let wanted = content.json.as_ref().map_err(Fault::of_json).and_then(ProviderChoice::read);
    let chosen = match wanted {
        Ok(wanted) => go(app, &client, id, wanted.provider_id).await,
        Err(fault) => Err(fault),
    };
    let reply = match chosen {
        Ok(body) => Reply { status: 200, body },
        Err(fault) => return Ok(idempotency::keep(app, &client, once, &fault, Shape::V2).await),
    };
    if once.is_none() {
        return Ok(reply.respond());
    }
    let work = Work::Keep { status: reply.status, body: reply.body.clone() };
    let envelope = Envelope { merchant: client.merchant, actor: client.actor(), once, work };
    let Outcome { result, .. } = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    let answer = result.map_err(errors::of_refusal)?;
    Ok(idempotency::kept(answer).unwrap_or(reply).respond())
}

/// Notes the bank, and says where its page is.
async fn go(app: &App, client: &Caller, id: &str, provider: &str) -> Result<Vec<u8>, Fault> {
    let (payment, _) = find(app, client, id).await?;
    if payment.state != PaymentState::Open {
        return Err(not_now("the payer has consented"));
    }
    let offered = accounts::banks(app, payment.amount.currency, false);
    known_bank(&offered, provider)?;
    let visit = hosted::checkout::visit(app, id, provider).await.map_err(Fault::of_unavailable)?;
    let visit = visit.ok_or_else(|| not_now("the payer has consented"))?;
    let url = format!("{}{BANK_PATH}/{visit}", app.host.public_origin());
    let state = super::states::session(PaymentState::Open, true, &app.config);
    Ok(wire::chosen_bank(payment.id, state, &url))
}

/// A bank that is on offer.
fn known_bank(offered: &[Bank], provider: &str) -> Result<Bank, Fault> {
    let unknown = || Fault::of(Kind::Schema, "The request is not valid", "provider_id", "is not on offer");
    offered.iter().find(|bank| bank.id == provider).cloned().ok_or_else(unknown)
}
