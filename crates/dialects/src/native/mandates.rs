//! Mandates: the merchant's standing authority to debit its own account.
//!
//! Round trips: creation goes through the door once; a move reads the mandate
//! first; the others read once.

use super::call::{Call, json, kept_before, marked};
use super::errors::{self, Problem};
use super::requests::{self, NewMandate};
use super::wire::{self, Page};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::{Command, CreateMandate};
use refundry_domain::id::{MandateId, MandateToken};
use refundry_domain::mandate::{Mandate, MandateState};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::Environment;
use refundry_engine::envelope::{Answer, Outcome};
use refundry_engine::mint::{new_id, random_id};
use std::sync::Arc;

/// `POST /v1/mandates`: the answer, and every repetition of it, carries the
/// token; no other answer does.
pub(super) async fn create(call: Call) -> Response {
    call.answer(try_create(&call).await)
}

async fn try_create(call: &Call) -> Result<Response, Problem> {
    let (once, _) = call.required_once()?;
    let asked = match call.json().and_then(|body| requests::new_mandate(&body)) {
        Ok(asked) => asked,
        Err(problem) => return call.refuse_form(problem, once).await,
    };
    check_application(call, asked.application.as_deref())?;
    let NewMandate { application, merchant_reference, debtor_account, currency, amount, amount_max, period, count_max } =
        asked;
    let command = CreateMandate {
        id: MandateId(new_id(call.native.host.engine.now())),
        token: MandateToken(random_id()),
        group: Arc::from(application.unwrap_or_default()),
        debtor_account,
        currency,
        amount_max,
        amount,
        period,
        count_max,
        merchant_reference,
    };
    let outcome = call.execute(Command::CreateMandate(Box::new(command)), Some(once)).await?;
    if let Some(response) = kept_before(&outcome) {
        return Ok(response);
    }
    let response = json(StatusCode::CREATED, &wire::mandate_as_created(&mandate_in(&outcome)?))?;
    Ok(marked(response, &outcome))
}

/// An application must be a credential group of this merchant.
fn check_application(call: &Call, application: Option<&str>) -> Result<(), Problem> {
    let Some(application) = application else {
        return Ok(());
    };
    let directory = call.native.host.engine.directory();
    let known = directory.groups.values().any(|group| group.merchant == call.merchant && group.id == application);
    if known {
        return Ok(());
    }
    Err(Problem::at(errors::INVALID_PARAMETER, "/application", "There is no such application."))
}

fn mandate_in(outcome: &Outcome) -> Result<Mandate, Problem> {
    match &outcome.result {
        Ok(Answer::Mandate(mandate)) => Ok(Mandate::clone(mandate)),
        Ok(
            Answer::Refund(_)
            | Answer::Payout(_)
            | Answer::Payment(_)
            | Answer::Account(_)
            | Answer::Send(_)
            | Answer::Kept { .. }
            | Answer::Done,
        ) => Err(Problem::of(errors::INTERNAL)),
        Err(refusal) => Err((*refusal).into()),
    }
}

/// `GET /v1/mandates`: newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let merchant = call.merchant;
    let mandates = call.native.host.engine.read(move |reader| reader.mandates(merchant)).await?;
    let data = mandates.iter().map(wire::mandate).collect();
    json(StatusCode::OK, &Page { data, has_more: false, next_cursor: None })
}

/// `GET /v1/mandates/{id}`.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    json(StatusCode::OK, &wire::mandate(&found(call).await?))
}

async fn found(call: &Call) -> Result<Mandate, Problem> {
    let id = call.id(MandateId::parse, Refusal::MandateUnknown)?;
    let merchant = call.merchant;
    let found = call.native.host.engine.read(move |reader| reader.mandate(merchant, id)).await?;
    Ok(found.ok_or(Refusal::MandateUnknown)?)
}

/// `POST /v1/mandates/{id}/state`: suspend, resume, cancel.
pub(super) async fn set_state(call: Call) -> Response {
    call.answer(try_set_state(&call).await)
}

async fn try_set_state(call: &Call) -> Result<Response, Problem> {
    let once = call.optional_once()?;
    let to = requests::mandate_state(&call.json()?)?;
    let mandate = found(call).await?;
    if call.native.host.environment == Environment::Live && !merchant_may(mandate.state, to) {
        return Err(Refusal::TransitionImpossible.into());
    }
    let outcome = call.execute(Command::MoveMandate { mandate: mandate.id, to }, once).await?;
    let response = match &outcome.result {
        Ok(_) => json(StatusCode::OK, &wire::mandate(&found(call).await?))?,
        Err(refusal) => return Err((*refusal).into()),
    };
    Ok(marked(response, &outcome))
}

/// What the merchant's side may do in live: suspend, lift its own suspension,
/// cancel. Whatever else happens to a mandate, its signatories and its
/// network decide.
fn merchant_may(from: MandateState, to: MandateState) -> bool {
    match to {
        MandateState::Suspended { .. } | MandateState::Cancelled => true,
        MandateState::Active => matches!(from, MandateState::Suspended { by_merchant: true }),
        MandateState::Created
        | MandateState::Pending
        | MandateState::Declined
        | MandateState::Expired
        | MandateState::Failed => false,
    }
}
