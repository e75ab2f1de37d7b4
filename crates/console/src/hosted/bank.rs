//! The mock bank's own page, unmistakably a simulator: whoever sits before it
//! decides as an account's owner would at a real bank. Its form leads back to
//! the checkout's result, and from there to the merchant.

use super::checkout::{leave, receiver};
use super::{Hosted, page};
use crate::form::Form;
use crate::page::{Frame, Money, PartyView};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{Checkout, CheckoutState, Decision};
use std::sync::Arc;

/// What the bank asks.
#[derive(Template)]
#[template(path = "hosted/bank.html")]
struct Consent {
    frame: Frame,
    bank: &'static str,
    merchant: String,
    refund: bool,
    money: Money,
    to: PartyView,
    remittance: String,
    /// The same without a browser.
    command: String,
}

/// The word of a decision in the form.
const DECISIONS: [(&str, Decision); 3] =
    [("authorise", Decision::Authorise), ("decline", Decision::Decline), ("keep-pending", Decision::KeepPending)];

impl Hosted {
    fn consent(&self, checkout: &Checkout, visit: &str, host: &str) -> Response {
        let bank = checkout.bank.as_ref().map_or("Mock Bank", |bank| bank.name);
        let merchant = self.frame("", checkout.merchant, &checkout.merchant_name).brand;
        let title = "Do you agree to this payment?";
        let origin = self.site.origin().map_or_else(|| format!("http://{host}"), str::to_owned);
        let shown = Consent {
            frame: Frame { brand: bank.to_owned(), ..self.neutral_frame(title) },
            bank,
            merchant,
            refund: checkout.refund,
            money: Money(checkout.amount),
            to: receiver(checkout),
            remittance: checkout.remittance.clone(),
            command: format!("curl --data decision=authorise {origin}/mock-bank/{visit}"),
        };
        page(StatusCode::OK, &shown)
    }
}

async fn find(hosted: &Hosted, visit: &str) -> Result<Option<Checkout>, Unavailable> {
    for pages in &hosted.checkouts {
        if let Some(checkout) = pages.at_bank(visit).await? {
            return Ok(Some(checkout));
        }
    }
    Ok(None)
}

/// `GET /mock-bank/{visit}`.
pub(super) async fn show(State(hosted): State<Arc<Hosted>>, Path(visit): Path<String>, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match find(&hosted, &visit).await {
        Ok(Some(checkout)) if checkout.state == CheckoutState::Open => hosted.consent(&checkout, &visit, host),
        Ok(Some(checkout)) => leave(&checkout),
        Ok(None) => hosted.nowhere(),
        Err(unavailable) => hosted.busy(unavailable),
    }
}

/// `POST /mock-bank/{visit}`: the decision. The first one counts.
pub(super) async fn submit(
    State(hosted): State<Arc<Hosted>>,
    Path(visit): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hosted.sent_by_us(&headers) {
        return hosted.foreign();
    }
    let form = Form::parse(&body);
    let word = form.text("decision");
    let Some((_, decision)) = DECISIONS.iter().find(|(known, _)| *known == word) else {
        return show(State(hosted), Path(visit), headers).await;
    };
    match decide(&hosted, &visit, *decision).await {
        Ok(Some(checkout)) => leave(&checkout),
        Ok(None) => hosted.nowhere(),
        Err(unavailable) => hosted.busy(unavailable),
    }
}

async fn decide(hosted: &Hosted, visit: &str, decision: Decision) -> Result<Option<Checkout>, Unavailable> {
    for pages in &hosted.checkouts {
        if let Some(checkout) = pages.decide(visit, decision).await? {
            return Ok(Some(checkout));
        }
    }
    Ok(None)
}
