//! Deciding by program (contract 3.9): off unless set, and only with a key
//! whose human owner decides.
//!
//! Round trips: one envelope that uses the signature up, and one per refund.

use super::call::Call;
use super::errors::Fault;
use super::states::Standing;
use super::wire::input::missing;
use super::wire::out::{Object, Out};
use super::{App, auth};
use crate::answer;
use crate::json::Json;
use axum::extract::State;
use axum::response::Response;
use refundry_domain::command::Command;
use refundry_domain::id::{PersonId, RefundId};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Envelope};
use std::sync::Arc;

/// Most refunds of one call.
const REFERENCE_COUNT_MAX: usize = 100;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Approve,
    Reject,
}

/// `POST /api/approval-workflow/v2/action`.
pub(super) async fn act(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    if !call.config().approval_api {
        return Err(Fault::no_such_path());
    }
    let by = call.caller.decider().ok_or_else(Fault::forbidden)?;
    let body = call.body()?.unwrap_or_else(|| Json::Object(Vec::new()));
    let decision = match body.member("action").and_then(Json::as_text) {
        Some("APPROVE") => Decision::Approve,
        Some("REJECT") => Decision::Reject,
        Some(_) | None => return Err(Fault::field("action", "must be APPROVE or REJECT")),
    };
    let references = body.member("reference").ok_or_else(|| missing("reference"))?;
    let references = references.as_array().filter(|list| (1..=REFERENCE_COUNT_MAX).contains(&list.len()));
    let references = references.ok_or_else(|| Fault::field("reference", "must be a list of 1 to 100 payouts"))?;
    let texts: Option<Vec<&str>> = references.iter().map(Json::as_text).collect();
    let texts = texts.ok_or_else(|| Fault::field("reference", "must hold texts"))?;
    auth::use_up(&app, &call.caller).await?;
    let mut results = Vec::with_capacity(texts.len());
    for text in texts {
        results.push(decide(&app, &call, (decision, by), text).await?.into());
    }
    let body = Object::new().put("results", Out::List(results));
    Ok(answer::json(200, Out::from(body).print()))
}

async fn decide(app: &App, call: &Call, (decision, by): (Decision, PersonId), text: &str) -> Result<Object, Fault> {
    let line = |result: &str| Object::new().put("reference", text).put("result", result);
    let Ok(refund) = RefundId::parse(text) else { return Ok(line("NOT_FOUND")) };
    let command = match decision {
        Decision::Approve => Command::ApproveRefund { refund, by, note: None, seen: None },
        Decision::Reject => Command::RejectRefund { refund, by, seen: None, note: None },
    };
    let caller = &call.caller;
    let envelope = Envelope::command(caller.merchant, caller.actor(), command);
    let outcome = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    match (outcome.result, decision) {
        (Ok(Answer::Refund(refund)), _) => {
            let word = Standing::of(&refund).word(call.config().waiting_as);
            let result = if decision == Decision::Approve { "APPROVED" } else { "REJECTED" };
            Ok(line(result).put("status", word.text()))
        }
        (Ok(_), _) => Ok(line("NOT_PENDING")),
        (Err(Refusal::SelfApproval), _) => Ok(line("SELF_APPROVAL")),
        (Err(Refusal::AlreadyDecided), _) => Ok(line("ALREADY_DECIDED")),
        (Err(Refusal::RefundUnknown), _) => Ok(line("NOT_FOUND")),
        (Err(Refusal::NotEligible), _) => Err(Fault::forbidden()),
        (Err(refusal), _) => {
            tracing::debug!(code = refusal.code(), "a decision by program was refused");
            Ok(line("NOT_PENDING"))
        }
    }
}
