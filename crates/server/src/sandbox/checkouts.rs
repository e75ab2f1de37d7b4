//! Checkouts without their pages: a customer pays a session, a merchant
//! authorises a refund.

use super::state::{Caller, Sandbox, json};
use super::wire::{NewDecision, invalid, parse};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{Checkout, CheckoutPages, CheckoutState, Decision};
use serde_json::json as object;
use std::sync::Arc;

fn no_such_checkout() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such checkout in this sandbox.")
}

/// `POST /checkouts/{id}/decision`: chooses a bank and decides there.
pub(super) async fn decide(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: NewDecision = parse(&body)?;
    let decision = match body.decision.as_str() {
        "authorise" => Decision::Authorise,
        "decline" => Decision::Decline,
        "keep_pending" => Decision::KeepPending,
        _ => return Err(invalid("decision must be authorise, decline or keep_pending.")),
    };
    for dialect in &sandbox.parts.dialects {
        let Some(pages) = dialect.checkout_pages() else { continue };
        let shown = pages.checkout(&id).await?.filter(|checkout| checkout.merchant == merchant);
        if let Some(checkout) = shown {
            let decided = at_bank(&*pages, &id, &checkout, body.bank.as_deref(), decision).await?;
            let onward = decided.onward();
            return Ok(json(StatusCode::OK, &object!({ "state": word(decided.state), "redirect_url": onward })));
        }
    }
    Err(no_such_checkout())
}

/// The named bank, or the first one on offer.
async fn at_bank(
    pages: &dyn CheckoutPages,
    id: &str,
    checkout: &Checkout,
    bank: Option<&str>,
    decision: Decision,
) -> Result<Checkout, Problem> {
    let closed = || {
        let detail = "The checkout does not wait for a decision, or has no such bank.";
        Problem::new(StatusCode::CONFLICT, "transition_impossible", detail)
    };
    let first = checkout.banks.first().map(|bank| bank.id);
    let bank = bank.or(first).ok_or_else(closed)?;
    let visit = pages.visit(id, bank).await?.ok_or_else(closed)?;
    let decided = pages.decide(&visit, decision).await?;
    decided.ok_or_else(|| Problem::from(Unavailable::Overloaded))
}

fn word(state: CheckoutState) -> &'static str {
    match state {
        CheckoutState::Open => "open",
        CheckoutState::Waiting => "waiting",
        CheckoutState::Pending => "pending",
        CheckoutState::Sent => "sent",
        CheckoutState::Failed => "failed",
    }
}
