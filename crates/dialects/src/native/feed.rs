//! The merchant's events in one stable order, for those who pull.
//!
//! Round trips: one read per call, which looks at a bounded number of rows.

use super::call::{Call, json};
use super::errors::Problem;
use super::events;
use super::paging::{self, Listing};
use super::wire::Page;
use axum::response::Response;
use http::StatusCode;
use refundry_domain::id::MerchantId;
use refundry_engine::store::{Reader, StoreError, StoredEvent};

/// Events looked at in one step of a read.
const STEP: usize = 500;
/// Steps of one read. Where other merchants wrote more than that in between,
/// the page may be short, or empty, and its cursor still goes on.
const STEP_COUNT_MAX: usize = 10;

/// What a read brought.
struct Found {
    events: Vec<StoredEvent>,
    /// How far it looked.
    seen: u64,
    /// Something may follow.
    has_more: bool,
}

/// `GET /v1/events`: oldest first, after a cursor. The last page has a cursor
/// too, to go on from when more has happened.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let query = call.query(&["after", "limit"])?;
    let limit = paging::limit(query.get("limit"))?;
    let after = query.get("after").map(|text| paging::row(Listing::Events, text)).transpose()?;
    let after = after.map_or(0, |row| u64::try_from(row).unwrap_or(u64::MAX));
    let merchant = call.merchant;
    let found = call.native.host.engine.read(move |reader| collect(reader, merchant, after, limit)).await?;
    let next_cursor = Some(paging::cursor(Listing::Events, u128::from(found.seen)));
    let data = found.events.iter().map(events::feed_entry).collect();
    json(StatusCode::OK, &Page { data, has_more: found.has_more, next_cursor })
}

fn collect(reader: &dyn Reader, merchant: MerchantId, after: u64, limit: usize) -> Result<Found, StoreError> {
    let mut found = Found { events: Vec::new(), seen: after, has_more: true };
    for _ in 0..STEP_COUNT_MAX {
        let step = reader.events_after(found.seen, STEP)?;
        let last_step = step.len() < STEP;
        for event in step {
            if found.events.len() == limit {
                return Ok(found);
            }
            found.seen = event.place;
            // This API has no payouts.
            if event.event.merchant == merchant && event.event.payout.is_none() {
                found.events.push(event);
            }
        }
        if last_step {
            found.has_more = false;
            return Ok(found);
        }
    }
    Ok(found)
}
