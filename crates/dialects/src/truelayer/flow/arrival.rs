//! The payer's return (contract 3.6): four paths that do the same. Nothing is
//! paid before it; a repeated return is harmless, because a payment has one
//! plan at the bank. What happens at once has happened when the return is
//! answered: its caller reads the payment next, and may refund it.

use super::super::auth::{Caller, Scope};
use super::super::call::{Call, Incoming, Signed};
use super::super::errors::{Fault, to_json};
use super::super::extension::{Choice, Flow, PaymentExtension, Step};
use super::super::mock_bank::{self, payer};
use super::super::routes::both;
use super::super::states::payments as states;
use super::super::wire::flow::{Returned, ReturnedBody};
use super::super::{App, DIALECT};
use crate::answer;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::header::AUTHORIZATION;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::envelope::Envelope;
use refundry_engine::rail::{PayinPlan, PayinStep};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = both(router, "/payments-provider-return", post(arrive));
    let router = both(router, "/spa/payments-provider-return", post(arrive));
    both(router, "/spa/submit-provider-return-parameters", post(arrive))
}

async fn arrive(State(app): State<Arc<App>>, incoming: Incoming) -> Result<Response, Fault> {
    let visit = match incoming.json().and_then(|json| Returned::read(&json)) {
        Ok(returned) => open(&app, &returned).await,
        Err(fault) => Err(fault),
    };
    let call = call(&app, &incoming, visit.as_ref().ok())?;
    let done = match visit {
        Ok(visit) => finish(&app, visit, call.as_ref().map(|call| &call.caller)).await,
        Err(fault) => Err(fault),
    };
    match (call, done) {
        (None, done) => done.map(|payment| answer::json(200, body(payment))),
        (Some(call), Ok(payment)) => call.keep_answer(&app, 200, body(payment)).await,
        (Some(call), Err(fault)) => call.keep(&app, fault).await.and_then(|answer| call.answered(answer)),
    }
}

fn body(payment: PaymentId) -> Vec<u8> {
    to_json(&ReturnedBody::new(payment.to_string()))
}

/// Whoever posts the values, where a token came with them.
fn call(app: &App, incoming: &Incoming, visit: Option<&mock_bank::Visit>) -> Result<Option<Call>, Fault> {
    if !incoming.headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let id = visit.map(|visit| visit.payment.to_string()).unwrap_or_default();
    Call::open(app, incoming, Signed::WhenPresent, Scope::OnePayment(&id)).map(Some)
}

/// The visit at the mock bank that the values tell of. Either part may be
/// empty, so the payment's id is enough where no token came: whoever posts it
/// brings nothing about that the payer did not decide at the bank.
async fn open(app: &App, returned: &Returned) -> Result<mock_bank::Visit, Fault> {
    let named = returned.value("mock-payment-id");
    let visit = match returned.value("token") {
        Some(token) => mock_bank::open(app, &token)
            .filter(|visit| named.is_none_or(|named| PaymentId::parse(&named) == Ok(visit.payment))),
        None => match named.and_then(|named| PaymentId::parse(&named).ok()) {
            Some(payment) => visit_of(app, payment).await?,
            None => None,
        },
    };
    visit.ok_or_else(|| Fault::invalid_parameters("The values do not belong to a payment."))
}

async fn visit_of(app: &App, payment: PaymentId) -> Result<Option<mock_bank::Visit>, Fault> {
    let directory = app.host.engine.directory();
    let clients = directory.groups.values().filter(|group| group.dialect == DIALECT);
    let merchants: BTreeSet<MerchantId> = clients.map(|client| client.merchant).collect();
    for merchant in merchants {
        let found = app.host.engine.read(move |reader| reader.payment(merchant, payment)).await;
        if found.map_err(Fault::of_unavailable)?.is_some() {
            return Ok(Some(mock_bank::Visit { merchant, payment }));
        }
    }
    Ok(None)
}

async fn finish(app: &App, visit: mock_bank::Visit, caller: Option<&Caller>) -> Result<PaymentId, Fault> {
    for _ in 0..super::ATTEMPT_COUNT_MAX {
        let (payment, extension) = mock_bank::find(app, visit).await?;
        if caller.is_some_and(|caller| caller.merchant != payment.merchant || !caller.sees(&payment.origin)) {
            return Err(Fault::not_found("Payment"));
        }
        let Some(flow) = extension.flow.clone().filter(|_| is_under_way(payment.state)) else {
            return Ok(payment.id);
        };
        let plan = flow.choice.map(|choice| plan(app, &payment, &extension, choice));
        if payment.state != PaymentState::Open || matches!(flow.step, Step::Wait | Step::Retry) {
            // Another return had it played, and need not have got further.
            if let Some(plan) = plan.filter(|_| flow.step != Step::Retry) {
                catch_up(app, plan).await?;
            }
            return Ok(payment.id);
        }
        let undecided = || Fault::invalid_state("The payer has not decided at the bank yet.");
        let (choice, plan) = flow.choice.zip(plan).ok_or_else(undecided)?;
        let again = extension.may_retry && states::failure_of(choice.deed).is_some();
        if !again {
            // The plan is durable before the step shows, so that a crash in
            // between leaves nothing that waits for ever.
            let bank = app.host.payer_bank.as_ref().ok_or_else(Fault::provider_error)?;
            bank.play(plan.clone()).await.map_err(|_| Fault::provider_error())?;
        }
        let step = if again { Step::Retry } else { Step::Wait };
        let mut after = extension;
        after.flow = Some(Flow { step, ..flow });
        let command = super::annotation(&payment, &after);
        let envelope = Envelope::command(payment.merchant, Actor::Customer, command);
        match app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?.result {
            Ok(_) if again => return Ok(payment.id),
            Ok(_) => return catch_up(app, plan).await.map(|()| payment.id),
            Err(Refusal::Changed | Refusal::TransitionImpossible) => {}
            Err(refusal) => return Err(super::of_refusal(refusal)),
        }
    }
    Ok(visit.payment)
}

/// Whether the payer's bank may still have something to do at once.
fn is_under_way(state: PaymentState) -> bool {
    match state {
        PaymentState::Open | PaymentState::Authorised => true,
        PaymentState::Executed | PaymentState::Settled | PaymentState::Failed | PaymentState::Reversed => false,
    }
}

/// What the payer's bank does after what its customer decided.
fn plan(app: &App, payment: &Payment, extension: &PaymentExtension, choice: Choice) -> PayinPlan {
    let debtor = payment.debtor.clone().unwrap_or_else(|| payer::account(payment, extension));
    PayinPlan {
        merchant: payment.merchant,
        payment: payment.id,
        debtor: Some(debtor),
        steps: steps(app, extension.external, choice),
    }
}

/// Takes the steps of a plan that are due by now, as the rail's worker does
/// once it hears of them. Whoever comes second finds the payment moved, which
/// is no fault; a step that is due later is the worker's alone.
async fn catch_up(app: &App, plan: PayinPlan) -> Result<(), Fault> {
    let bank = app.host.payer_bank.as_ref().ok_or_else(Fault::provider_error)?;
    let now = app.host.engine.now();
    let due = plan.steps.into_iter().filter(|step| step.at <= now);
    let envelopes = due.map(|PayinStep { to, at: _, failure }| {
        let debtor = plan.debtor.clone();
        let command = Command::AdvancePayment { payment: plan.payment, to, credited: None, debtor, failure };
        Envelope::command(plan.merchant, bank.payins_actor(), command)
    });
    for outcome in app.host.engine.execute_all(envelopes.collect()).await {
        // The bank keeps the step, so that the worker decides what was not.
        outcome.map_err(Fault::of_unavailable)?;
    }
    Ok(())
}

fn steps(app: &App, external: bool, choice: Choice) -> Vec<PayinStep> {
    let now = app.host.engine.now();
    let step = |to, at| PayinStep { to, at, failure: None };
    let seconds = |delay: Option<u32>| delay.map(|seconds| Span::seconds(u64::from(seconds)));
    let Some((stage, reason)) = states::failure_of(choice.deed) else {
        let executed_at = now.plus(seconds(choice.execution_delay).unwrap_or_default());
        let settled_at: Timestamp =
            executed_at.plus(seconds(choice.settlement_delay).unwrap_or(app.config.settle_delay));
        let mut steps = vec![step(PaymentState::Authorised, now), step(PaymentState::Executed, executed_at)];
        if !external {
            steps.push(step(PaymentState::Settled, settled_at));
        }
        return steps;
    };
    let failed_at = now.plus(seconds(choice.execution_delay).unwrap_or_default());
    let failed = PayinStep { to: PaymentState::Failed, at: failed_at, failure: Some(reason) };
    match stage {
        PaymentState::Authorised => vec![step(PaymentState::Authorised, now), failed],
        PaymentState::Open
        | PaymentState::Executed
        | PaymentState::Settled
        | PaymentState::Failed
        | PaymentState::Reversed => vec![failed],
    }
}
