//! Accounts that we hold for the merchant, with their balances. Each call
//! reads once.

use super::call::{Call, json};
use super::errors::Problem;
use super::wire::{self, Page};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::AccountKind;
use refundry_domain::refusal::Refusal;

/// `GET /v1/accounts`.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let merchant = call.merchant;
    let accounts = call.native.host.engine.read(move |reader| reader.accounts(merchant)).await?;
    let data = accounts.iter().map(wire::account).collect();
    json(StatusCode::OK, &Page { data, has_more: false, next_cursor: None })
}

/// `GET /v1/accounts/{id}`; the inner accounts of a book are nobody's.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = call.id(AccountId::parse, Refusal::AccountUnknown)?;
    let merchant = call.merchant;
    let found = call.native.host.engine.read(move |reader| reader.account(merchant, id)).await?;
    let held = found.filter(|account| account.kind == AccountKind::Held).ok_or(Refusal::AccountUnknown)?;
    json(StatusCode::OK, &wire::account(&held))
}
