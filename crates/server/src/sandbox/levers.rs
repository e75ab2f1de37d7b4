//! Levers on refunds, accounts, mandates and the clock.

use super::clock_file;
use super::state::{Caller, Sandbox, json};
use super::wire::{Advance, NewBalance, NewState, PartyBody, invalid, parse, print_time};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::Command;
use refundry_domain::id::{AccountId, MandateId, RefundId};
use refundry_domain::mandate::MandateState;
use refundry_domain::party::CreditorSource;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::clock::Clock;
use refundry_engine::envelope::Answer;
use serde_json::json as object;
use std::sync::{Arc, PoisonError};

/// The furthest that the clock may run ahead, seconds: a hundred years, so
/// that every deadline after it still fits the stored range.
const AHEAD_SECONDS_MAX: u64 = 100 * 366 * 86_400;

/// `POST /refunds/{id}/details`: the customer gives an account.
pub(super) async fn details(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let refund = RefundId::parse(&id).map_err(|_| Refusal::RefundUnknown)?;
    let creditor = parse::<PartyBody>(&body)?.into_party()?;
    let source = CreditorSource::CustomerSupplied;
    let command = Command::GiveDetails { refund, creditor, source, people: Vec::new() };
    Ok(refund_answer(refund, &sandbox.command(merchant, command).await?))
}

/// `POST /refunds/{id}/expire`: its time is up now; the clock stays where it is.
pub(super) async fn expire(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let refund = RefundId::parse(&id).map_err(|_| Refusal::RefundUnknown)?;
    Ok(refund_answer(refund, &sandbox.command(merchant, Command::EndTime { refund }).await?))
}

fn refund_answer(id: RefundId, answer: &Answer) -> Response {
    let state = match answer {
        Answer::Refund(refund) => Some(refund.state.code()),
        Answer::Payment(_)
        | Answer::Payout(_)
        | Answer::Account(_)
        | Answer::Mandate(_)
        | Answer::Send(_)
        | Answer::Kept { .. }
        | Answer::Done => None,
    };
    json(StatusCode::OK, &object!({ "id": id.to_string(), "state": state }))
}

/// `POST /accounts/{id}/balance`: this much is available afterwards.
pub(super) async fn balance(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let account = AccountId::parse(&id).map_err(|_| Refusal::AccountUnknown)?;
    let body: NewBalance = parse(&body)?;
    sandbox.command(merchant, Command::SetBalance { account, available: body.amount }).await?;
    // Refunds that wait for money look again.
    sandbox.parts.engine.notifier().refunds_changed();
    Ok(json(StatusCode::OK, &object!({ "id": account.to_string(), "available": body.amount })))
}

/// `POST /mandates/{id}/state`: signatories, networks and merchants in one.
pub(super) async fn mandate_state(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let mandate = MandateId::parse(&id).map_err(|_| Refusal::MandateUnknown)?;
    let body: NewState = parse(&body)?;
    let to = match body.state.as_str() {
        "active" => MandateState::Active,
        "pending" => MandateState::Pending,
        "suspended" => MandateState::Suspended { by_merchant: false },
        "cancelled" => MandateState::Cancelled,
        "declined" => MandateState::Declined,
        "expired" => MandateState::Expired,
        "failed" => MandateState::Failed,
        _ => {
            return Err(invalid("state must be active, pending, suspended, cancelled, declined, expired or failed."));
        }
    };
    sandbox.command(merchant, Command::MoveMandate { mandate, to }).await?;
    Ok(json(StatusCode::OK, &object!({ "id": mandate.to_string(), "state": to.code() })))
}

/// `GET /clock`.
pub(super) async fn clock(State(sandbox): State<Arc<Sandbox>>) -> Response {
    shown(&sandbox)
}

/// `POST /clock/advance`.
pub(super) async fn advance_clock(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Result<Response, Problem> {
    let body: Advance = parse(&body)?;
    let moved = tokio::task::spawn_blocking({
        let sandbox = Arc::clone(&sandbox);
        move || advance(&sandbox, body.seconds)
    });
    moved.await.unwrap_or_else(|_| Err(unsaved()))?;
    Ok(shown(&sandbox))
}

/// The file is written first: a crash in between leaves the clock further on
/// after the restart, never back.
fn advance(sandbox: &Sandbox, seconds: u64) -> Result<(), Problem> {
    let _moving = sandbox.moving.lock().unwrap_or_else(PoisonError::into_inner);
    let clock = &sandbox.parts.clock;
    let span = Span::seconds(seconds);
    let ahead = Span(clock.ahead().0.saturating_add(span.0));
    if ahead > Span::seconds(AHEAD_SECONDS_MAX) {
        return Err(invalid("The clock would be more than a hundred years ahead."));
    }
    clock_file::save(&sandbox.parts.data, ahead).map_err(|error| {
        tracing::error!(%error, "the clock file was not written");
        unsaved()
    })?;
    clock.advance(span);
    Ok(())
}

fn unsaved() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", "The clock could not be kept.").passing()
}

fn shown(sandbox: &Sandbox) -> Response {
    let clock = &sandbox.parts.clock;
    let advanced_seconds = clock.ahead().0 / 1_000_000_000;
    json(StatusCode::OK, &object!({ "now": print_time(clock.now()), "advanced_seconds": advanced_seconds }))
}
