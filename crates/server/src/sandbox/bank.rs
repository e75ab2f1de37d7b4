//! The mock bank's levers: outcomes, its books, its kill switch.

use super::state::{Caller, Sandbox, json};
use super::wire::{NewOutcome, invalid, parse, print_time};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::Command;
use refundry_domain::id::{MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::refund::RefundState;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::rail::Rail;
use refundry_engine::store::{PageRequest, RefundFilter};
use refundry_rails::mock_bank::{
    BankDown, BankInstruction, Outcome, OutcomeKind, OutcomeRefused, Page, PaidTotal, Target, parse_reason,
};
use serde::{Deserialize, Serialize};
use serde_json::json as object;
use std::sync::Arc;

/// The furthest future that an outcome may be set for: ten years.
const AFTER_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// Where a refund rests while it waits for the bank.
const READY: RefundState = RefundState::Ready;
/// Most instructions on one page.
const PAGE_LENGTH_MAX: usize = 1_000;
/// Instructions on a page that names no limit.
const PAGE_LENGTH: usize = 100;

/// `POST /refunds/{id}/outcome`: what the bank does with one refund.
pub(super) async fn refund_outcome(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let refund = RefundId::parse(&id).map_err(|_| Refusal::RefundUnknown)?;
    let outcome = outcome(&sandbox, &body)?;
    let found = sandbox.parts.engine.read(move |reader| reader.refund(merchant, refund)).await?;
    let found = found.ok_or(Refusal::RefundUnknown)?;
    let orders = vec![(Order::Refund(refund), Some(found.payment))];
    set(&sandbox, merchant, (Target::Refund(refund), orders), outcome).await
}

/// `POST /payouts/{id}/outcome`: what the bank does with a payout.
pub(super) async fn payout_outcome(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let payout = PayoutId::parse(&id).map_err(|_| Refusal::PayoutUnknown)?;
    let outcome = outcome(&sandbox, &body)?;
    let found = sandbox.parts.engine.read(move |reader| reader.payout(merchant, payout)).await?;
    found.ok_or(Refusal::PayoutUnknown)?;
    set(&sandbox, merchant, (Target::Payout(payout), vec![(Order::Payout(payout), None)]), outcome).await
}

/// `POST /payments/{id}/outcome`: what the bank does with a payment's later refunds.
pub(super) async fn payment_outcome(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let payment = PaymentId::parse(&id).map_err(|_| Refusal::PaymentUnknown)?;
    let outcome = outcome(&sandbox, &body)?;
    let filter =
        RefundFilter { payment: Some(payment), states: vec![READY.code().to_owned()], ..RefundFilter::default() };
    let found = sandbox.parts.engine.read(move |reader| {
        let page = PageRequest { limit: PAGE_LENGTH_MAX, before: None };
        Ok((reader.payment(merchant, payment)?, reader.refunds(merchant, &filter, page)?))
    });
    let (found, ready) = found.await?;
    found.ok_or(Refusal::PaymentUnknown)?;
    let orders = ready.iter().map(|refund| (Order::Refund(refund.id), Some(payment))).collect();
    set(&sandbox, merchant, (Target::Payment(payment), orders), outcome).await
}

fn outcome(sandbox: &Sandbox, body: &[u8]) -> Result<Outcome, Problem> {
    let body: NewOutcome = parse(body)?;
    let kind = OutcomeKind::from_code(&body.outcome).ok_or_else(|| {
        let words: Vec<&str> = OutcomeKind::ALL.iter().map(|kind| kind.code()).collect();
        invalid(format!("outcome must be one of {}.", words.join(", ")))
    })?;
    // A dialect's own words are as good as ours.
    let word = |reason: &str| sandbox.parts.dialects.iter().find_map(|dialect| dialect.failure_of_word(reason));
    let reason = body.reason.map(|reason| {
        parse_reason(&reason)
            .or_else(|| word(&reason).and_then(|kind| parse_reason(kind.code())))
            .ok_or_else(|| invalid("reason must be an ISO code or a failure reason that a bank can give."))
    });
    let after = body.after_seconds;
    if after.is_some_and(|seconds| seconds > AFTER_SECONDS_MAX) {
        return Err(super::wire::invalid("after_seconds must be at most ten years."));
    }
    Ok(Outcome { kind, reason: reason.transpose()?, after: after.map(Span::seconds) })
}

/// What may wait for the bank: a refund with its payment, or a payout.
type Ordered = (Order, Option<PaymentId>);

async fn set(
    sandbox: &Sandbox,
    merchant: MerchantId,
    (target, orders): (Target, Vec<Ordered>),
    outcome: Outcome,
) -> Result<Response, Problem> {
    let bank = &sandbox.parts.bank;
    let waited = bank.withheld(orders.clone()).await;
    match bank.set_outcome(target, outcome, sandbox.parts.engine.now()).await {
        Ok(()) => {}
        Err(OutcomeRefused::Sent) => {
            let detail = "The bank has it already; hold, settle, fail and others still apply.";
            return Err(Problem::new(StatusCode::CONFLICT, "already_submitted", detail));
        }
        Err(OutcomeRefused::Executed) => {
            let detail = "The money has left; only return, report_twice and contradict still apply.";
            return Err(Problem::new(StatusCode::CONFLICT, "already_executed", detail));
        }
        Err(OutcomeRefused::Down(down)) => return Err(away(&down)),
    }
    let waits = bank.withheld(orders.clone()).await;
    let at = |answers: &[Option<Span>], index: usize| answers.get(index).copied().flatten().is_some();
    for (index, (order, _)) in orders.into_iter().enumerate() {
        if at(&waited, index) && !at(&waits, index) {
            match sandbox.command(merchant, Command::Postpone { order, rest: Span(0) }).await {
                Ok(_) => {}
                // It went on meanwhile.
                Err(problem) if problem.status == StatusCode::CONFLICT => {}
                Err(problem) => return Err(problem),
            }
        }
    }
    // The worker sleeps until the bank's next report was due; now there may
    // be an earlier one.
    sandbox.parts.engine.notifier().refunds_changed();
    Ok(json(StatusCode::OK, &object!({ "outcome": outcome.kind.code() })))
}

fn away(down: &BankDown) -> Problem {
    tracing::error!(error = %down, "the mock bank is not available");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bank_unavailable", "The mock bank does not answer.").passing()
}

/// Which instructions to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    payment_id: Option<String>,
    refund_id: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Books {
    data: Vec<Line>,
    has_more: bool,
    next_cursor: Option<String>,
    /// Of the payment that was asked for.
    totals: Option<Totals>,
    /// Double payments and changed contents; must be 0.
    violations: usize,
}

#[derive(Serialize)]
struct Line {
    instruction_id: String,
    end_to_end_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payout_id: Option<String>,
    attempt: u8,
    amount: u64,
    currency: String,
    creditor: String,
    state: &'static str,
    asked_count: u64,
    paid_count: u64,
    taken_at: String,
}

#[derive(Serialize)]
struct Totals {
    paid_count: u64,
    paid: u64,
    returned: u64,
}

impl From<BankInstruction> for Line {
    fn from(from: BankInstruction) -> Self {
        let (refund_id, payout_id) = match from.order {
            Order::Refund(id) => (Some(id.to_string()), None),
            Order::Payout(id) => (None, Some(id.to_string())),
        };
        Self {
            instruction_id: from.instruction_id,
            end_to_end_id: from.end_to_end_id,
            refund_id,
            payment_id: from.payment.map(|id| id.to_string()),
            payout_id,
            attempt: from.attempt,
            amount: from.amount.minor,
            currency: from.amount.currency.to_string(),
            creditor: from.creditor_masked,
            state: from.state.code(),
            asked_count: from.asked_count,
            paid_count: from.paid_count,
            taken_at: print_time(from.at),
        }
    }
}

impl From<PaidTotal> for Totals {
    fn from(from: PaidTotal) -> Self {
        Self { paid_count: from.count, paid: from.paid, returned: from.returned }
    }
}

/// `GET /bank/instructions`: the mock bank's own books, in the order in which
/// it took the instructions.
pub(super) async fn instructions(
    State(sandbox): State<Arc<Sandbox>>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(filter) = filter.map_err(|_| invalid("The query takes payment_id, refund_id, limit and cursor."))?;
    let limit = filter.limit.unwrap_or(PAGE_LENGTH);
    if !(1..=PAGE_LENGTH_MAX).contains(&limit) {
        return Err(invalid(format!("limit must be between 1 and {PAGE_LENGTH_MAX}.")));
    }
    let payment = filter.payment_id.as_deref().map(PaymentId::parse).transpose();
    let payment = payment.map_err(|_| invalid("payment_id must be a UUID."))?;
    let refund = filter.refund_id.as_deref().map(RefundId::parse).transpose();
    let refund = refund.map_err(|_| invalid("refund_id must be a UUID."))?;
    let bank = &sandbox.parts.bank;
    let page = Page { payment, refund, after: filter.cursor, limit };
    let lines = bank.instructions(page).await.map_err(|down| away(&down))?;
    let totals = match payment {
        Some(payment) => Some(bank.paid_total(payment).await.map_err(|down| away(&down))?.into()),
        None => None,
    };
    let violations = bank.violations().await.map_err(|down| away(&down))?.len();
    let has_more = lines.len() == limit;
    let next_cursor = lines.last().filter(|_| has_more).map(|line| line.instruction_id.clone());
    let data = lines.into_iter().map(Line::from).collect();
    Ok(json(StatusCode::OK, &Books { data, has_more, next_cursor, totals, violations }))
}

/// `POST /rails/pause`: nothing is sent until it is resumed; reports still come.
pub(super) async fn pause(State(sandbox): State<Arc<Sandbox>>) -> Result<Response, Problem> {
    switch(&sandbox, true).await
}

/// `POST /rails/resume`.
pub(super) async fn resume(State(sandbox): State<Arc<Sandbox>>) -> Result<Response, Problem> {
    switch(&sandbox, false).await
}

async fn switch(sandbox: &Sandbox, paused: bool) -> Result<Response, Problem> {
    sandbox.parts.bank.pause(paused).await.map_err(|down| away(&down))?;
    sandbox.parts.worker.pause(paused);
    Ok(json(StatusCode::OK, &object!({ "paused": paused })))
}
