//! Checking out: a customer pays a session, or a merchant authorises a refund.
//! Both choose a bank, consent there, and come back to where they came from.

use super::{Hosted, Note, on_to, page, web_address};
use crate::form::Form;
use crate::page::{Frame, Link, Money, PartyView, Problems, source_sentence};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_domain::id::PaymentId;
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{Bank, Checkout, CheckoutItem, CheckoutState};
use std::sync::Arc;

/// The choice of a bank.
#[derive(Template)]
#[template(path = "hosted/checkout.html")]
struct Choose {
    frame: Frame,
    /// What was wrong with the choice.
    asked: Option<Problems>,
    merchant: String,
    refund: bool,
    money: Money,
    to: PartyView,
    /// Who named the account that receives a refund.
    source: &'static str,
    remittance: String,
    own_text: Option<String>,
    items: Vec<Row>,
    banks: Vec<Bank>,
    chosen: Option<Bank>,
}

/// A row of what is paid for.
struct Row {
    name: String,
    description: Option<String>,
    quantity: u64,
    /// Of one of them.
    price: Money,
}

fn rows(checkout: &Checkout) -> Vec<Row> {
    let row = |item: &CheckoutItem| Row {
        name: item.name.clone(),
        description: item.description.clone(),
        quantity: item.quantity,
        price: Money(item.price),
    };
    checkout.items.iter().map(row).collect()
}

/// The path of a checkout's page, or of its result.
pub(super) fn path(id: u128, result: bool) -> String {
    format!("/checkout/{}{}", PaymentId(id), if result { "/result" } else { "?v3" })
}

/// A checkout, asked of everybody whose links lead here.
async fn find(hosted: &Hosted, id: &str) -> Result<Option<Checkout>, Unavailable> {
    for pages in &hosted.checkouts {
        if let Some(checkout) = pages.checkout(id).await? {
            return Ok(Some(checkout));
        }
    }
    Ok(None)
}

/// Who receives the money.
pub(super) fn receiver(checkout: &Checkout) -> PartyView {
    let unknown = || "an account that is not known yet".to_owned();
    PartyView {
        name: checkout.creditor_name.clone(),
        account: checkout.creditor_account.clone().unwrap_or_else(unknown),
    }
}

/// What is said of a checkout where nothing can be chosen: title and lines.
fn standing(checkout: &Checkout, merchant: &str) -> (String, Vec<String>) {
    let money = Money(checkout.amount).figures();
    let to = receiver(checkout).sentence();
    let bank = checkout.bank.as_ref().map_or("the bank", |bank| bank.name);
    let reference = match &*checkout.remittance {
        "" => None,
        text => Some(format!("The text on the statement is {text}.")),
    };
    let with = |lines: Vec<String>| lines.into_iter().chain(reference.clone()).collect::<Vec<String>>();
    match (checkout.state, checkout.refund) {
        (CheckoutState::Open, _) => (format!("{money} waits for a bank"), vec![]),
        (CheckoutState::Waiting, _) => (
            format!("{money} cannot be sent yet"),
            vec![
                "This refund waits for something else first, such as an approval. Nothing was sent.".to_owned(),
                "Open this page again when that is done.".to_owned(),
            ],
        ),
        (CheckoutState::Pending, _) => (
            format!("{money} is on its way to {to}"),
            with(vec![format!("{bank} has the order and will say when it is done.")]),
        ),
        (CheckoutState::Sent, true) => {
            (format!("{money} was sent back to {to}"), with(vec![format!("Thank you from {merchant}.")]))
        }
        (CheckoutState::Sent, false) => (format!("You paid {money} to {merchant}"), with(vec![])),
        (CheckoutState::Failed, true) => (
            format!("The refund of {money} was not sent"),
            vec!["No money left your account.".to_owned(), "You can ask for a new refund.".to_owned()],
        ),
        (CheckoutState::Failed, false) => (
            format!("{money} was not paid"),
            vec!["No money left your account.".to_owned(), format!("Go back to {merchant} to begin again.")],
        ),
    }
}

impl Hosted {
    fn choose(&self, checkout: &Checkout, asked: Option<Problems>) -> Response {
        let money = Money(checkout.amount);
        let frame = self.frame("", checkout.merchant, &checkout.merchant_name);
        let title = match checkout.refund {
            true => "Send a refund".to_owned(),
            false => format!("Pay {}", frame.brand),
        };
        let frame = Frame { title, wrong: asked.is_some(), ..frame };
        let shown = Choose {
            asked,
            merchant: frame.brand.clone(),
            frame,
            refund: checkout.refund,
            money,
            to: receiver(checkout),
            source: source_sentence(checkout.creditor_source),
            remittance: checkout.remittance.clone(),
            own_text: checkout.own_text.clone().filter(|text| *text != checkout.remittance),
            items: rows(checkout),
            banks: checkout.banks.clone(),
            chosen: checkout.bank.clone(),
        };
        page(StatusCode::OK, &shown)
    }

    /// Where a checkout stands. Back from the bank the page leads on to the
    /// merchant by itself: by a GET of its own, because browsers hold the
    /// redirects after a form to `form-action`.
    fn stands(&self, checkout: &Checkout, goes_on: bool) -> Response {
        let frame = self.frame("", checkout.merchant, &checkout.merchant_name);
        let (title, lines) = standing(checkout, &frame.brand);
        let label = format!("Back to {}", frame.brand);
        let next = web_address(checkout.onward()).map(|href| Link { href, label });
        let goes_on = goes_on && next.is_some();
        page(StatusCode::OK, &Note { frame: Frame { title, ..frame }, lines, next, goes_on })
    }
}

/// Back from the bank, to the page that leads on.
pub(super) fn leave(checkout: &Checkout) -> Response {
    on_to(&path(checkout.id, true))
}

/// `GET /checkout/{id}`.
pub(super) async fn show(State(hosted): State<Arc<Hosted>>, Path(id): Path<String>) -> Response {
    match find(&hosted, &id).await {
        Ok(Some(checkout)) if checkout.state == CheckoutState::Open => hosted.choose(&checkout, None),
        Ok(Some(checkout)) => hosted.stands(&checkout, false),
        Ok(None) => hosted.nowhere(),
        Err(unavailable) => hosted.busy(unavailable),
    }
}

/// `GET /checkout/{id}/result`: back from the bank, and on to the merchant
/// where it named an address.
pub(super) async fn result(State(hosted): State<Arc<Hosted>>, Path(id): Path<String>) -> Response {
    match find(&hosted, &id).await {
        Ok(Some(checkout)) if checkout.state == CheckoutState::Open => on_to(&path(checkout.id, false)),
        Ok(Some(checkout)) => hosted.stands(&checkout, true),
        Ok(None) => hosted.nowhere(),
        Err(unavailable) => hosted.busy(unavailable),
    }
}

/// `POST /checkout/{id}`: goes to the bank that was chosen.
pub(super) async fn submit(
    State(hosted): State<Arc<Hosted>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hosted.sent_by_us(&headers) {
        return hosted.foreign();
    }
    match visit(&hosted, &id, Form::parse(&body).text("bank")).await {
        Ok(response) => response,
        Err(unavailable) => hosted.busy(unavailable),
    }
}

fn no_bank() -> Problems {
    Problems {
        title: "Choose your bank".to_owned(),
        text: "Nothing was sent.".to_owned(),
        points: vec![Link { href: "#bank".to_owned(), label: "Choose the bank that your account is at.".to_owned() }],
    }
}

async fn visit(hosted: &Hosted, id: &str, bank: &str) -> Result<Response, Unavailable> {
    for pages in &hosted.checkouts {
        if let Some(visit) = pages.visit(id, bank).await? {
            return Ok(on_to(&format!("/mock-bank/{visit}")));
        }
    }
    // No such bank, or nothing to choose any more: the page says which.
    Ok(match find(hosted, id).await? {
        Some(checkout) if checkout.state == CheckoutState::Open => hosted.choose(&checkout, Some(no_bank())),
        Some(checkout) => on_to(&path(checkout.id, false)),
        None => hosted.nowhere(),
    })
}
