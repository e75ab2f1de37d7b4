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
/// Refunds that one can walk through; a merchant that has more of them waiting
/// than this needs other help than pages.
const WALKED: usize = 1_000;

#[derive(Template)]
#[template(path = "approvals.html")]
struct List {
    frame: Frame,
    summary: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
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
                word: if count > 1 { format!("{count} things") } else { "Unusual".to_owned() },
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
    page.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn list_page(console: &Console, headers: &HeaderMap, query: &Form) -> Result<Response, Stop> {
    let visitor = Visitor::who_looks(console, headers, LIST)?;
    let merchant = visitor.person.merchant;
    let after = RefundId::parse(query.text("after")).ok();
    let (found, part) = console
        .engine
        .read(move |reader| {
            // One more than is walked through tells whether there are others.
            let mut pending = reader.pending_approvals(merchant, PageRequest { limit: WALKED + 1, before: None })?;
            let others = pending.len() > WALKED;
            pending.truncate(WALKED);
            // Ids begin with their time.
            pending.sort_by_key(|refund| refund.id);
            let from = after.map_or(0, |after| pending.partition_point(|refund| refund.id <= after));
            let part = Part { all: pending.len(), others, from };
            let shown = pending.into_iter().skip(from).take(PAGE_LENGTH);
            let loaded = shown.map(|refund| Loaded::of(reader, refund)).collect::<Result<Vec<_>, _>>()?;
            Ok((loaded, part))
        })
        .await?;
    let now = console.engine.now();
    let rows: Vec<Row> = found.iter().map(|loaded| Row::new(loaded, &visitor, now)).collect();
    let next = found.last().filter(|_| part.from.saturating_add(rows.len()) < part.all);
    let frame = visitor.frame(console, "Approvals", LIST);
    let shown = List {
        frame,
        summary: part.summary(rows.len()),
        next: next.map(|last| format!("{LIST}?after={}", last.refund.id)),
        first: (part.from > 0).then(|| LIST.to_owned()),
        rows,
    };
    Ok(html(StatusCode::OK, &shown, &Policy::default()))
}

/// Which part of the list is shown.
struct Part {
    /// Refunds that are walked through.
    all: usize,
    /// More wait than are walked through.
    others: bool,
    /// How many stand before the first one.
    from: usize,
}

impl Part {
    fn summary(&self, shown: usize) -> String {
        let Self { all, others, from } = *self;
        let which = match (all, from, shown) {
            (1, 0, 1) => return "One refund waits for a decision.".to_owned(),
            (_, 0, _) if shown == all => format!("{all} refunds wait for a decision, the longest waiting first."),
            (..) => {
                let (first, last) = (from.saturating_add(1), from.saturating_add(shown));
                format!("Refunds {first} to {last} of {all} that wait for a decision, the longest waiting first.")
            }
        };
        if others { format!("{which} Older ones wait, too; they follow when these are decided.") } else { which }
    }
}

/// `GET /console/approvals/{id}`.
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
    let view = View::new(&loaded, &visitor, console.engine.now());
    let title = format!("Refund of {}", view.money.figures());
    let frame = visitor.frame(console, &title, LIST);
    Ok(html(StatusCode::OK, &Detail { frame, view }, &Policy::default()))
}
