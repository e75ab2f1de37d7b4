//! Payments: create, get, cancel (contract 3.2, 3.3, 3.5).
//!
//! Round trips: create is one read of the merchant's accounts and one
//! envelope; get is one read; cancel is one read and one envelope.

mod prepare;

use super::auth::{self, Caller, Scope};
use super::call::{Call, Incoming, Signed};
use super::errors::{Fault, Kind};
use super::extension::PaymentExtension;
use super::states::payments::{self as states, AUTHORIZATION_REQUIRED, AUTHORIZING};
use super::wire::payments::request::PaymentRequest;
use super::wire::payments::{self as wire, Created};
use super::{App, flow, refunds, routes};
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use refundry_domain::command::Command;
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Answer;
use std::sync::Arc;

/// Adds the routes of payments. `GET /payments` itself is the hosted page.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = routes::both(router, "/payments", post(create));
    let router = routes::both(router, "/payments/{id}", get(one));
    routes::both(router, "/payments/{id}/actions/cancel", post(cancel))
}

async fn create(State(app): State<Arc<App>>, incoming: Incoming) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payments)?;
    let request = read(&app, &call, &incoming);
    let prepared = match &request {
        Ok(request) => prepare::record(&app, &call.caller, request).await.map(Command::RecordPayment),
        Err(fault) => Err(fault.clone()),
    };
    let answer = call.run(&app, prepared, of_refusal).await?;
    let Answer::Payment(payment) = answer else { return call.answered(answer) };
    Ok(created(&app, &call.caller, &payment, &request?))
}

fn read(app: &App, call: &Call, incoming: &Incoming) -> Result<PaymentRequest, Fault> {
    let as_sent = refunds::as_sent(call, incoming)?;
    PaymentRequest::read(call.json()?, &as_sent, prepare::limits(app))
}

/// The answer to a created payment. A repetition gets the same bytes, so
/// everything in them follows from the request and what never changes.
fn created(app: &App, caller: &Caller, payment: &Payment, request: &PaymentRequest) -> Response {
    let known = PaymentExtension::of(payment).unwrap_or_default();
    let extension = prepare::extension(request, known.user_id);
    let resource_token = auth::resource_token(app, caller, payment.id, payment.created_at);
    let page = request.hosted_page.as_ref().map(|return_uri| {
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("payment_id", &payment.id.to_string());
        parameters.append_pair("resource_token", &resource_token);
        if let Some(return_uri) = return_uri {
            parameters.append_pair("return_uri", return_uri);
        }
        format!("{}/payments#{}", app.hpp_origin(), parameters.finish())
    });
    let body = wire::created(
        payment,
        Created {
            user_id: &extension.user_id,
            resource_token: &resource_token,
            status: if extension.flow.is_some() { AUTHORIZING } else { AUTHORIZATION_REQUIRED },
            flow: flow::body(app, payment, &extension),
            hosted_page: page.as_deref(),
        },
    );
    answer::json(201, body)
}

async fn one(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let id = routes::id(path);
    let caller = auth::caller(&app, &headers, Scope::OnePayment(&id))?;
    let payment = find(&app, &caller, &id).await?;
    let extension = PaymentExtension::of(&payment).unwrap_or_else(|| prepare::of_other_door(&payment));
    let shown = states::payment(&payment, Some(&extension));
    let flow = if payment.state == PaymentState::Open { flow::body(&app, &payment, &extension) } else { None };
    Ok(answer::json(200, wire::payment(&payment, &extension, shown, flow)))
}

async fn cancel(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payments)?;
    let prepared = match (call.json(), find(&app, &call.caller, &routes::id(path)).await) {
        (Err(fault), _) | (Ok(_), Err(fault)) => Err(fault),
        (Ok(_), Ok(payment)) => cancellation(&payment),
    };
    let answer = call.run(&app, prepared, of_refusal).await?;
    if matches!(answer, Answer::Payment(_) | Answer::Done) {
        return Ok(answer::empty(202));
    }
    call.answered(answer)
}

fn cancellation(payment: &Payment) -> Result<Command, Fault> {
    let shown = states::payment(payment, PaymentExtension::of(payment).as_ref());
    if !matches!(shown.status, AUTHORIZATION_REQUIRED | AUTHORIZING) {
        return Err(Fault::invalid_state("The payment can no longer be canceled."));
    }
    Ok(Command::AdvancePayment {
        payment: payment.id,
        to: PaymentState::Failed,
        credited: None,
        debtor: None,
        failure: Some(PaymentFailureReason::Cancelled),
    })
}

/// A payment that the caller sees.
///
/// # Errors
/// 404, also for text that is no id and for another client's payment.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Payment, Fault> {
    let id = routes::payment_id(id)?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.payment(merchant, id)).await;
    let found = found.map_err(Fault::of_unavailable)?;
    found.filter(|payment| caller.sees(&payment.origin)).ok_or_else(|| Fault::not_found("Payment"))
}

/// This provider's error for what the core refuses about a payment.
pub(super) fn of_refusal(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::PaymentUnknown => Fault::not_found("Payment"),
        Refusal::AccountUnknown => {
            Fault::invalid_field("payment_method.beneficiary.merchant_account_id", "is not an account of yours")
        }
        Refusal::CurrencyMismatch => Fault::invalid_field("currency", "is not the currency of the merchant account"),
        Refusal::AmountNotPositive | Refusal::AmountTooLarge => {
            Fault::invalid_field("amount_in_minor", "must be a whole number of at least 1")
        }
        Refusal::Changed => Fault::new(Kind::Conflict, "The payment is being changed by another request."),
        other @ (Refusal::RefundUnknown
        | Refusal::MandateUnknown
        | Refusal::AmountExceedsRefundable { .. }
        | Refusal::AlreadyRefunded
        | Refusal::PaymentNotSettled
        | Refusal::PaymentFailed
        | Refusal::PaymentBlocked
        | Refusal::InsufficientFunds { .. }
        | Refusal::AccountNotEligible
        | Refusal::MandateNotActive
        | Refusal::AlreadySubmitted
        | Refusal::AlreadyEnded
        | Refusal::NotAwaited
        | Refusal::SelfApproval
        | Refusal::AlreadyDecided
        | Refusal::NotEligible
        | Refusal::ApprovalExpired
        | Refusal::PayeeMismatch
        | Refusal::MorePeopleNeeded
        | Refusal::ProofMissing
        | Refusal::TooManyAttempts
        | Refusal::DuplicateSuspect
        | Refusal::DuplicateReference
        | Refusal::KeyReused
        | Refusal::TransitionImpossible
        | Refusal::AlreadyExists
        | Refusal::FundingCurrency
        | Refusal::RefundBlocked
        | Refusal::EndpointUnknown
        | Refusal::TooManyEndpoints
        | Refusal::FeeTooLarge
        | Refusal::CaseUnknown
        | Refusal::CreditorMissing
        | Refusal::PayoutUnknown) => {
            tracing::debug!(refusal = other.code(), "a payment's command was refused");
            Fault::invalid_state("This cannot be done in the payment's present state.")
        }
    }
}
