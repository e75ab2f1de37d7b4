//! Who changed what about the merchant's people, keys, rules and endpoints.
//!
//! Round trips: one read.

use super::call::{Call, json};
use super::errors::Problem;
use super::paging::{self, Listing};
use super::states;
use super::wire::{Page, time};
use axum::response::Response;
use http::StatusCode;
use refundry_engine::audit::AuditRecord;
use refundry_engine::store::PageRequest;
use serde::Serialize;

/// One change.
#[derive(Debug, Serialize)]
pub(super) struct ChangeBody {
    number: u64,
    at: String,
    actor: &'static str,
    actor_id: Option<String>,
    /// The human behind the actor, where one is known.
    person_id: Option<String>,
    kind: String,
    id: Option<String>,
    description: String,
}

/// A change as this API shows it.
pub(super) fn change(record: AuditRecord) -> ChangeBody {
    let (actor, actor_id) = states::actor(&record.by);
    ChangeBody {
        number: record.number,
        at: time(record.at),
        actor,
        actor_id,
        person_id: record.person.map(|person| person.to_string()),
        kind: record.kind,
        id: Some(record.id).filter(|id| !id.is_empty()),
        description: record.words,
    }
}

/// `GET /v1/audit`: newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let query = call.query(&["limit", "cursor"])?;
    let limit = paging::limit(query.get("limit"))?;
    let before = query.get("cursor").map(|text| paging::row(Listing::Changes, text)).transpose()?;
    let before = before.map(|row| u64::try_from(row).unwrap_or(u64::MAX));
    let (merchant, page) = (call.merchant, PageRequest { limit: limit.saturating_add(1), before });
    let mut found = call.native.host.engine.read(move |reader| reader.audit(merchant, page)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| paging::cursor(Listing::Changes, u128::from(last.number)));
    let data = found.into_iter().map(change).collect();
    json(StatusCode::OK, &Page { data, has_more, next_cursor })
}
