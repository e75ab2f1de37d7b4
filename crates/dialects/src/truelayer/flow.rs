//! The authorisation of a payment, step by step (contract 3.4), and the
//! payer's return (3.6).
//!
//! Round trips: every call is one read and one envelope, which writes the
//! extension only if nobody else did since it was read; otherwise the call
//! looks again.

mod arrival;
pub(super) mod steps;

use super::auth::Scope;
use super::call::{Call, Incoming, Signed};
use super::errors::{Fault, Kind, to_json};
use super::extension::{PaymentExtension, Step};
use super::payments::{find, of_refusal};
use super::providers::catalogue;
use super::states::payments as states;
use super::wire::flow::{self as wire, Envelope, FlowBody, FlowRequest, Input, Next, ProviderItem};
use super::{App, mock_bank, routes};
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use refundry_domain::command::Command;
use refundry_domain::payment::Payment;
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Work};
use std::sync::Arc;
use steps::Taken;

/// How often a call looks again when somebody else was faster.
const ATTEMPT_COUNT_MAX: usize = 5;
/// What a client hears about a step out of order.
const OUT_OF_ORDER: &str = "This is not the announced next action of the payment.";

/// Adds the routes of the authorisation.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let mut router = routes::both(router, "/payments/{id}/authorization-flow", post(start));
    for (action, handler) in
        [("provider-selection", post(select_provider)), ("consent", post(consent)), ("form", post(submit_form))]
    {
        router = routes::both(router, &format!("/payments/{{id}}/authorization-flow/actions/{action}"), handler);
    }
    arrival::routes(router)
}

/// What a call of the authorisation asks for.
#[derive(Debug, Clone)]
enum Ask {
    Start(FlowRequest),
    Take(Taken),
}

impl Ask {
    /// The extension once it is done, whatever happened before.
    fn done(&self, extension: PaymentExtension) -> PaymentExtension {
        match self {
            Self::Start(request) => steps::begun(extension, request.clone()),
            Self::Take(step) => steps::taken(extension, step),
        }
    }

    /// The extension from now on; none when nothing changes.
    fn apply(&self, payment: &Payment, extension: &PaymentExtension) -> Result<Option<PaymentExtension>, Fault> {
        let shown = states::payment(payment, Some(extension));
        match self {
            Self::Start(_) => match shown.status {
                states::AUTHORIZATION_REQUIRED | states::ATTEMPT_FAILED => Ok(Some(self.done(extension.clone()))),
                states::AUTHORIZING => Ok(None),
                _ => Err(Fault::invalid_state("The payment is not awaiting authorization.")),
            },
            Self::Take(step) => {
                if shown.status != states::AUTHORIZING || extension.step() != Some(step.announced()) {
                    return Err(Fault::invalid_state(OUT_OF_ORDER));
                }
                if let Taken::Provider(id) = step {
                    let choices = steps::choices(extension, payment.amount.currency);
                    if !choices.iter().any(|provider| provider.id == id) {
                        return Err(Fault::invalid_field("provider_id", "is not one of the offered providers"));
                    }
                }
                Ok(Some(self.done(extension.clone())))
            }
        }
    }
}

async fn start(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let id = routes::id(path);
    let call = Call::open(&app, &incoming, Signed::WhenPresent, Scope::OnePayment(&id))?;
    let allowed = &app.config.return_uri_allowlist;
    let ask = call.json().and_then(|json| FlowRequest::read(json, allowed)).map(Ask::Start);
    step(&app, &call, &id, ask).await
}

async fn select_provider(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let id = routes::id(path);
    let call = Call::open(&app, &incoming, Signed::WhenPresent, Scope::OnePayment(&id))?;
    let ask = call.json().and_then(wire::chosen_provider).map(|id| Ask::Take(Taken::Provider(id)));
    step(&app, &call, &id, ask).await
}

async fn consent(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let id = routes::id(path);
    let call = Call::open(&app, &incoming, Signed::WhenPresent, Scope::OnePayment(&id))?;
    let ask = call.json().map(|_| Ask::Take(Taken::Consent));
    step(&app, &call, &id, ask).await
}

async fn submit_form(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let id = routes::id(path);
    let call = Call::open(&app, &incoming, Signed::WhenPresent, Scope::OnePayment(&id))?;
    let ask = call.json().and_then(wire::form_inputs).map(|()| Ask::Take(Taken::Form));
    step(&app, &call, &id, ask).await
}

async fn step(app: &App, call: &Call, id: &str, ask: Result<Ask, Fault>) -> Result<Response, Fault> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let prepared = match &ask {
            Ok(ask) => prepare(app, call, id, ask).await,
            Err(fault) => Err(fault.clone()),
        };
        let mut changed = false;
        let answer = call.run_work(app, prepared, |refusal| {
            changed = refusal == Refusal::Changed;
            of_refusal(refusal)
        });
        match answer.await {
            Err(_) if changed => {}
            Err(fault) => return Err(fault),
            // A repetition is answered as the first call was: from the step
            // that it took, not from where the payment stands now.
            Ok(Answer::Payment(payment)) => {
                let extension = PaymentExtension::of(&payment).unwrap_or_default();
                let extension = ask.as_ref().map_or(extension.clone(), |ask| ask.done(extension));
                return Ok(answer::json(200, envelope(app, &payment, &extension)));
            }
            Ok(other) => return call.answered(other),
        }
    }
    Err(Fault::new(Kind::Conflict, "The payment is being changed by another request."))
}

async fn prepare(app: &App, call: &Call, id: &str, ask: &Ask) -> Result<Work, Fault> {
    let payment = find(app, &call.caller, id).await?;
    let not_ours = || Fault::invalid_state("The payment was not made here and cannot be authorized here.");
    let extension = PaymentExtension::of(&payment).ok_or_else(not_ours)?;
    match ask.apply(&payment, &extension)? {
        Some(after) => Ok(Work::Command(Box::new(annotation(&payment, &after)))),
        None => Ok(Work::Keep { status: 200, body: envelope(app, &payment, &extension) }),
    }
}

/// The command that replaces what is stored, if nobody did since.
pub(super) fn annotation(payment: &Payment, after: &PaymentExtension) -> Command {
    Command::AnnotatePayment { payment: payment.id, before: Arc::clone(&payment.extension), extension: after.encode() }
}

/// The answer of every call while the authorisation is under way.
fn envelope(app: &App, payment: &Payment, extension: &PaymentExtension) -> Vec<u8> {
    to_json(&Envelope::new(states::AUTHORIZING, body(app, payment, extension)))
}

/// The authorisation as answers show it; none where none began.
pub(super) fn body(app: &App, payment: &Payment, extension: &PaymentExtension) -> Option<FlowBody> {
    let flow = extension.flow.as_ref()?;
    let provider = extension.provider.as_deref().and_then(catalogue::find);
    let next = match flow.step {
        Step::ProviderSelection => {
            let origin = app.api_origin();
            let choices = steps::choices(extension, payment.amount.currency);
            Next::ProviderSelection {
                providers: choices.into_iter().map(|provider| ProviderItem::new(provider, &origin)).collect(),
            }
        }
        Step::Consent => {
            let form = steps::after_consent(extension, flow) == Step::Form;
            Next::Consent { subsequent_action_hint: if form { "form" } else { "redirect" } }
        }
        Step::Form => {
            let questions = provider.map(|provider| provider.questions).unwrap_or_default();
            Next::Form { inputs: questions.iter().map(Input::new).collect() }
        }
        Step::Redirect => Next::Redirect { uri: mock_bank::login_uri(app, payment) },
        Step::Wait => Next::Wait,
        Step::Retry => Next::Retry,
    };
    Some(FlowBody::new(next))
}
