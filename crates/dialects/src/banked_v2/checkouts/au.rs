//! The checkout of Australian payments, step by step (contract 3.6): choose a
//! bank, then name the account that pays. Nothing of a checkout is stored: its
//! id is derived from the payment's, and whoever has the payment's id may go.
//!
//! Round trips: a look is one read; the last step is one read, one envelope
//! and a word to the payers' bank.

use super::known_bank;
use crate::account_number::{self, Misread};
use crate::banked::{App, FAMILY, paths};
use crate::banked_v2::accounts::MOCK_BANK_AU;
use crate::banked_v2::errors::{Fault, Kind, Reply, Shape, no_session, not_now};
use crate::banked_v2::extension::SessionExtension;
use crate::banked_v2::hosted::checkout::write_decision;
use crate::banked_v2::sessions::{is_deleted, links};
use crate::banked_v2::states;
use crate::banked_v2::wire::{self, NewAuCheckout, PayerAccount, ProviderChoice, Step};
use crate::json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::money::Currency;
use refundry_domain::party::Party;
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};
use refundry_engine::hosted::Decision;
use refundry_engine::rail::{PayinPlan, PayinStep};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Account numbers at the mock bank whose owner or bank says no (contract 8.2).
const DECLINED: [&str; 7] = ["991111", "991101", "991103", "991100", "992120", "992115", "992107"];

pub(in crate::banked_v2) async fn create(State(app): State<Arc<App>>, body: Result<Bytes, BytesRejection>) -> Response {
    respond(&app, 201, try_create(&app, body).await)
}

pub(in crate::banked_v2) async fn get(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let done = find(&app, &paths::id(id)).await;
    let shown = done.map(|payment| shown(&app, &payment, first_step(&payment)));
    respond(&app, 200, shown)
}

pub(in crate::banked_v2) async fn choose(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let done = try_choose(&app, &paths::id(id), body).await;
    respond(&app, 200, done)
}

pub(in crate::banked_v2) async fn authorise(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let done = try_authorise(&app, &paths::id(id), body).await;
    respond(&app, 200, done)
}

fn respond(app: &App, status: u16, done: Result<Vec<u8>, Fault>) -> Response {
    match done {
        Ok(body) => Reply { status, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

fn shown(app: &App, payment: &Payment, step: Option<Step>) -> Vec<u8> {
    let checkout = links(app).session_of(refundry_domain::id::RefundId(payment.id.0));
    wire::au_checkout(checkout, payment.id, states::au_checkout(payment.state), step)
}

/// What comes first, while something can be done.
fn first_step(payment: &Payment) -> Option<Step> {
    (payment.state == PaymentState::Open).then_some(Step::SelectProvider)
}

async fn try_create(app: &App, body: Result<Bytes, BytesRejection>) -> Result<Vec<u8>, Fault> {
    let body = paths::body(body)?;
    let json = json::parse(&body).map_err(|fault| Fault::of_json(&fault))?;
    let asked = NewAuCheckout::read(&json)?;
    let payment = payment(app, asked.payment).await?;
    Ok(shown(app, &payment, first_step(&payment)))
}

/// The payment behind a checkout.
async fn find(app: &App, id: &str) -> Result<Payment, Fault> {
    let id = PaymentId::parse(id).map_err(|_| no_session())?;
    payment(app, PaymentId(links(app).refund_of(id.0).0)).await
}

/// A payment of this family in Australian dollars, whichever generation asked for it.
async fn payment(app: &App, id: PaymentId) -> Result<Payment, Fault> {
    let directory = app.host.engine.directory();
    let own = directory.groups.values().filter(|group| group.dialect == FAMILY);
    let merchants: BTreeSet<MerchantId> = own.map(|group| group.merchant).collect();
    let found = app.host.engine.read(move |reader| {
        for merchant in merchants {
            if let Some(payment) = reader.payment(merchant, id)? {
                return Ok(Some(payment));
            }
        }
        Ok(None)
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    let payable = |payment: &Payment| {
        payment.origin.family() == FAMILY && payment.amount.currency == Currency::AUD && !is_deleted(payment)
    };
    found.filter(payable).ok_or_else(no_session)
}

async fn open(app: &App, id: &str) -> Result<Payment, Fault> {
    let payment = find(app, id).await?;
    if payment.state == PaymentState::Open { Ok(payment) } else { Err(not_now("the payer has consented")) }
}

async fn try_choose(app: &App, id: &str, body: Result<Bytes, BytesRejection>) -> Result<Vec<u8>, Fault> {
    let body = paths::body(body)?;
    let payment = open(app, id).await?;
    let json = json::parse(&body).map_err(|fault| Fault::of_json(&fault))?;
    known_bank(&[MOCK_BANK_AU], ProviderChoice::read(&json)?.provider_id)?;
    Ok(shown(app, &payment, Some(Step::InitiateAuthorisation)))
}

async fn try_authorise(app: &App, id: &str, body: Result<Bytes, BytesRejection>) -> Result<Vec<u8>, Fault> {
    let body = paths::body(body)?;
    let payment = open(app, id).await?;
    let json = json::parse(&body).map_err(|fault| Fault::of_json(&fault))?;
    let payer = PayerAccount::read(&json)?;
    let account = account_number::bsb(payer.bsb, payer.number).map_err(|misread| {
        let path = match misread {
            Misread::Bank => "supplemental_checkout_attributes/BSB_NUMBER",
            Misread::Number => "supplemental_checkout_attributes/ACCOUNT_NUMBER",
        };
        Fault::of(Kind::BankAccount, "The bank account cannot be used", path, "is not valid")
    })?;
    let number = account_number::digits_of(payer.number);
    let declined = DECLINED.contains(&&*number);
    let decision = if declined { Decision::Decline } else { Decision::Authorise };
    let bank = app.host.payer_bank.as_ref().ok_or_else(|| not_now("no bank is connected"))?;
    // Who decided before, on a page or here, decided.
    if SessionExtension::of(&payment).is_some() {
        write_decision(app, payment.merchant, payment.id, (MOCK_BANK_AU, decision))
            .await
            .map_err(Fault::of_unavailable)?
            .ok_or_else(|| not_now("the payer has consented"))?;
    }
    let debtor = Some(Party { name: Some(payer.name.to_owned()), account });
    let steps = steps(app, declined);
    let plan = PayinPlan { merchant: payment.merchant, payment: payment.id, debtor, steps };
    bank.play(plan).await.map_err(|_| Fault::new(Kind::Unavailable, "The bank does not answer"))?;
    Ok(wire::au_checkout(
        links(app).session_of(refundry_domain::id::RefundId(payment.id.0)),
        payment.id,
        states::au_checkout(PaymentState::Executed),
        None,
    ))
}

/// What the bank does with it.
fn steps(app: &App, declined: bool) -> Vec<PayinStep> {
    let at = app.host.engine.now();
    if declined {
        return vec![PayinStep { to: PaymentState::Failed, at, failure: Some(PaymentFailureReason::NotAuthorised) }];
    }
    [PaymentState::Executed, PaymentState::Settled].map(|to| PayinStep { to, at, failure: None }).to_vec()
}
