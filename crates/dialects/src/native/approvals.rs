//! Four eyes by calls: what waits for people, and their word. The engine
//! decides who is asked and whose word counts.
//!
//! Round trips: a decision goes through the door once and reads once; lists
//! read once.

use super::call::{Call, json, marked};
use super::errors::{self, Problem};
use super::fields::Fields;
use super::paging::{self, Listing};
use super::refunds;
use super::wire::{self, Page, PendingBody};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::approval::NOTE_LENGTH_MAX;
use refundry_domain::command::Command;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::Environment;
use refundry_engine::store::{PageRequest, Reader, StoreError};
use std::sync::Arc;

/// `GET /v1/approvals`: refunds that wait for people, newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let query = call.query(&["limit", "cursor"])?;
    let limit = paging::limit(query.get("limit"))?;
    let before = query.get("cursor").map(|text| paging::row(Listing::Approvals, text)).transpose()?;
    let page = PageRequest { limit: limit.saturating_add(1), before: before.map(RefundId) };
    let (merchant, environment) = (call.merchant, call.native.host.environment);
    let read = move |reader: &dyn Reader| {
        let mut found = reader.pending_approvals(merchant, page)?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more);
        let next_cursor = last.map(|last| paging::cursor(Listing::Approvals, last.id.0));
        let bodies = found.iter().map(|refund| pending(reader, merchant, refund, environment));
        Ok(Page { data: bodies.collect::<Result<Vec<_>, StoreError>>()?, has_more, next_cursor })
    };
    json(StatusCode::OK, &call.native.host.engine.read(read).await?)
}

fn pending(
    reader: &dyn Reader,
    merchant: MerchantId,
    refund: &Refund,
    environment: Environment,
) -> Result<PendingBody, StoreError> {
    let payment = refunds::payer(reader, merchant, refund)?;
    let account = match refund.funding {
        Funding::Held { account } => reader.account(merchant, account)?,
        Funding::Mandate { .. } | Funding::MerchantAuthorised => None,
    };
    let body = wire::refund(refund, payment.as_ref(), environment);
    Ok(wire::pending(refund, body, account.as_ref()))
}

/// `GET /v1/refunds/{id}/approval`: who must agree, who did, and to what.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    let merchant = call.merchant;
    let found = call.native.host.engine.read(move |reader| reader.refund(merchant, id)).await?;
    let approval = found.ok_or(Refusal::RefundUnknown)?.approval.ok_or_else(|| Problem::of(errors::NOT_FOUND))?;
    json(StatusCode::OK, &wire::approval(&approval))
}

/// `POST /v1/refunds/{id}/approve`.
pub(super) async fn approve(call: Call) -> Response {
    call.answer(try_decide(&call, true).await)
}

/// `POST /v1/refunds/{id}/reject`: final.
pub(super) async fn reject(call: Call) -> Response {
    call.answer(try_decide(&call, false).await)
}

async fn try_decide(call: &Call, agrees: bool) -> Result<Response, Problem> {
    let by = call.decider()?;
    let once = call.optional_once()?;
    let body = call.json_or_empty()?;
    let fields = Fields::of_body(&body, &["reason", "content"])?;
    let note = fields.free_text("reason", NOTE_LENGTH_MAX)?.map(Arc::from);
    let refund = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    let seen = content(&fields)?;
    let command = if agrees {
        Command::ApproveRefund { refund, by, seen, note }
    } else {
        Command::RejectRefund { refund, by, seen, note }
    };
    let outcome = call.execute(command, once).await?;
    match &outcome.result {
        Ok(_) => Ok(marked(json(StatusCode::OK, &refunds::current(call, refund).await?)?, &outcome)),
        Err(refusal) => Err((*refusal).into()),
    }
}

/// The content that the caller saw, as an approval shows it.
fn content(fields: &Fields<'_>) -> Result<Option<[u8; 32]>, Problem> {
    let Some(text) = fields.text("content")? else { return Ok(None) };
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| fields.invalid("content", "This must be the content of an approval."))
}
