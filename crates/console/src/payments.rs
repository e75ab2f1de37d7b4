//! Payments: what was received, what went back, and giving some of it back.
//! A refund made here is what the payment's own dialect would have made.

mod link;
mod load;
mod plan;
mod refund;
mod view;

pub(crate) use link::send_again;
pub(crate) use refund::submit;

use crate::app::Console;
use crate::form::Form;
use crate::page::{Chip, Field, Frame, Moment, Money, Notice, Policy, Problems, html};
use crate::stop::Stop;
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_domain::id::PaymentId;
use refundry_domain::payment::Payment;
use refundry_engine::store::PageRequest;
use std::sync::Arc;
use view::{PayerView, View};

/// Where the list is.
pub(crate) const LIST: &str = "/console/payments";
/// Payments on one page of the list.
const PAGE_LENGTH: usize = 50;

#[derive(Template)]
#[template(path = "payments.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// A payment in the list.
struct Row {
    href: String,
    payer: PayerView,
    merchant_reference: Option<String>,
    money: Money,
    free: Money,
    chip: Chip,
    at: Moment,
}

/// One payment with its refunds.
#[derive(Template)]
#[template(path = "payment.html")]
struct Detail {
    frame: Frame,
    view: View,
    form_token: String,
    problem: Option<Notice>,
    problems: Option<Problems>,
    fields: Vec<Field>,
    /// The single-use id of the form.
    intent: String,
}

/// The path of a payment's page.
fn href(id: PaymentId) -> String {
    format!("{LIST}/{id}")
}

impl Row {
    fn new(console: &Console, payment: &Payment) -> Self {
        let money = |minor| Money(refundry_domain::money::Amount::new(minor, payment.amount.currency));
        Self {
            href: href(payment.id),
            payer: PayerView::of(console, payment),
            merchant_reference: payment.merchant_reference.clone(),
            money: Money(payment.amount),
            free: money(payment.counters.refundable()),
            chip: view::chip(payment.state),
            at: Moment(payment.created_at),
        }
    }
}

/// `GET /console/payments`.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let page = list_page(&console, &headers, &query).await;
    page.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn list_page(console: &Console, headers: &HeaderMap, query: &Form) -> Result<Response, Stop> {
    let visitor = Visitor::who_looks(console, headers, LIST)?;
    let merchant = visitor.person.merchant;
    let before = PaymentId::parse(query.text("before")).ok();
    // One more than is shown tells whether there is a next page.
    let page = PageRequest { limit: PAGE_LENGTH + 1, before };
    let mut found = console.engine.read(move |reader| reader.payments(merchant, page)).await?;
    let more = found.len() > PAGE_LENGTH;
    found.truncate(PAGE_LENGTH);
    let next = found.last().filter(|_| more).map(|last| format!("{LIST}?before={}", last.id));
    let frame = visitor.frame(console, "Payments", LIST);
    let rows = found.iter().map(|payment| Row::new(console, payment)).collect();
    let shown = List { frame, rows, first: before.map(|_| LIST.to_owned()), next };
    Ok(html(StatusCode::OK, &shown, &Policy::default()))
}

/// `GET /console/payments/{id}`.
pub(crate) async fn detail(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let page = detail_page(&console, &headers, &id).await;
    page.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn detail_page(console: &Console, headers: &HeaderMap, id: &str) -> Result<Response, Stop> {
    let visitor = Visitor::who_looks(console, headers, &format!("{LIST}/{id}"))?;
    let loaded = load::by_id(console, &visitor, id).await?;
    let typed = refund::Typed::first(&loaded);
    Ok(refund::detail(console, &visitor, &loaded, &typed, None))
}
