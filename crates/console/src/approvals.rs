//! The approvals: what waits for a second person, what would happen, and the
//! decision itself. What a page shows is what the decision binds: a refund
//! that changed since it was looked at is looked at again.

mod decide;
mod history;
mod load;
mod texts;
mod unusual;
mod view;

pub(crate) use decide::{confirm, decide};
pub(crate) use texts::{chip as refund_chip, refusal as refusal_sentence};

use crate::app::Console;
use crate::form::Form;
use crate::page::{Chip, Frame, Money, PartyView, Policy, Tone, age, html, left, source_sentence};
use crate::stop::Stop;
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use load::Loaded;
use refundry_domain::id::RefundId;
use refundry_domain::time::Timestamp;
use refundry_engine::store::PageRequest;
use std::sync::Arc;
use view::View;

/// Where the list is.
pub(crate) const LIST: &str = "/console/approvals";
/// Refunds on one page of the list.
const PAGE_LENGTH: usize = 50;

#[derive(Template)]
#[template(path = "approvals.html")]
struct List {
    frame: Frame,
    summary: String,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// A refund in the list.
struct Row {
    href: String,
    creditor: PartyView,
    source: &'static str,
    money: Money,
    chip: Chip,
    unusual: String,
    maker: String,
    own: bool,
    age: String,
    left: String,
}

#[derive(Template)]
#[template(path = "approval.html")]
struct Detail {
    frame: Frame,
    view: View,
}

/// The path of a refund's page.
fn href(id: RefundId) -> String {
    format!("{LIST}/{id}")
}

impl Row {
    fn new(loaded: &Loaded, visitor: &Visitor, now: Timestamp) -> Self {
        let refund = &loaded.refund;
        let mut unusual = unusual::points(loaded, now);
        let count = unusual.len();
        let valid_until = refund.approval.as_ref().map_or(now, |approval| approval.valid_until);
        let maker = refund.approval.as_ref().and_then(|approval| approval.maker);
        Self {
            href: href(refund.id),
            creditor: PartyView::of(loaded.creditor()),
            source: source_sentence(refund.creditor.source()),
            money: Money(refund.amount),
            chip: Chip {
                tone: Tone::Warning,
                word: if count > 1 { format!("{count} things") } else { "Look".to_owned() },
            },
            unusual: if count == 0 { String::new() } else { unusual.swap_remove(0) },
            maker: texts::maker(refund, visitor),
            own: maker == Some(visitor.person.id),
            age: age(refund.created_at, now),
            left: left(now, valid_until),
        }
    }
}

/// `GET /console/approvals`.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let page = list_page(&console, &headers, &query).await;
    page.unwrap_or_else(|stop| stop.respond(&console))
}

async fn list_page(console: &Console, headers: &HeaderMap, query: &Form) -> Result<Response, Stop> {
    let visitor = Visitor::who_looks(console, headers, LIST)?;
    let merchant = visitor.person.merchant;
    let before = RefundId::parse(query.text("before")).ok();
    // One more than is shown tells whether there is a next page.
    let page = PageRequest { limit: PAGE_LENGTH + 1, before };
    let mut found = console
        .engine
        .read(move |reader| {
            let pending = reader.pending_approvals(merchant, page)?;
            pending.into_iter().map(|refund| Loaded::of(reader, refund)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let more = found.len() > PAGE_LENGTH;
    found.truncate(PAGE_LENGTH);
    let older = found.last().filter(|_| more).map(|last| format!("{LIST}?before={}", last.refund.id));
    let count = found.len();
    // The longest waiting first, as far as one page goes.
    found.reverse();
    let now = console.engine.now();
    let rows: Vec<Row> = found.iter().map(|loaded| Row::new(loaded, &visitor, now)).collect();
    let summary = match (count, more) {
        (1, false) => "One refund waits for a decision.".to_owned(),
        (_, false) => format!("{count} refunds wait for a decision, the longest waiting first."),
        (_, true) => {
            format!("The {count} newest of the refunds that wait for a decision; older ones are on the next page.")
        }
    };
    let frame = visitor.frame(console, "Approvals", LIST);
    let shown = List { frame, summary, rows, newer: before.map(|_| LIST.to_owned()), older };
    Ok(html(StatusCode::OK, &shown, &Policy::default()))
}

/// `GET /console/approvals/{id}`.
pub(crate) async fn detail(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let page = detail_page(&console, &headers, &id).await;
    page.unwrap_or_else(|stop| stop.respond(&console))
}

async fn detail_page(console: &Console, headers: &HeaderMap, id: &str) -> Result<Response, Stop> {
    let visitor = Visitor::who_looks(console, headers, &format!("{LIST}/{id}"))?;
    let loaded = load::by_id(console, &visitor, id).await?;
    let view = View::new(&loaded, &visitor, console.engine.now());
    let title = format!("Refund of {}", view.money.figures());
    let frame = visitor.frame(console, &title, LIST);
    Ok(html(StatusCode::OK, &Detail { frame, view }, &Policy::default()))
}
