//! Refunds: create, get, list (contract 3.8 to 3.10).
//!
//! Round trips: create is one read of the payment, whose beneficiary and
//! amount never change, and one envelope; get and list are one read each.

use super::auth::{self, Caller, Scope};
use super::call::{Call, Incoming, Signed};
use super::errors::{Fault, to_json};
use super::extension::PaymentExtension;
use super::states::refunds::shown;
use super::wire::metadata::Metadata;
use super::wire::refunds::{self as wire, Items, ReferenceRules, RefundRequest};
use super::{App, DIALECT, clients, routes};
use crate::answer;
use crate::json::{self, Json};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use refundry_domain::command::{Command, FeeInput, ReferenceInput, RequestRefund};
use refundry_domain::deadline::Limits;
use refundry_domain::event::Event;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::payment::{Origin, Payment};
use refundry_domain::reference::Tag;
use refundry_domain::refund::{Refund, ReserveAt, Shortage};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Answer;
use refundry_engine::mint;
use refundry_engine::store::{PageRequest, Reader, RefundFilter, StoreError};
use std::sync::Arc;

/// Name of the field that most refusals are about.
const AMOUNT: &str = "amount_in_minor";
/// Rows that are read at once.
const ROWS_PER_READ: usize = 500;

/// Adds the routes of refunds.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = routes::both(router, "/payments/{id}/refunds", get(list).post(create));
    routes::both(router, "/payments/{id}/refunds/{refund_id}", get(get_one))
}

async fn create(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payments)?;
    let (prepared, whole) = match prepare(&app, &call, &incoming, &routes::id(id)).await {
        Ok((command, whole)) => (Ok(Command::RequestRefund(Box::new(command))), whole),
        Err(fault) => (Err(fault), false),
    };
    let answer = call.run(&app, prepared, |refusal| of_refusal(refusal, whole)).await?;
    if let Answer::Refund(refund) = answer {
        return Ok(answer::json(202, to_json(&wire::created(refund.id.0))));
    }
    call.answered(answer)
}

/// The command, and whether no amount was named: that means the original
/// value of the payment, not what is left of it.
async fn prepare(app: &App, call: &Call, incoming: &Incoming, payment: &str) -> Result<(RequestRefund, bool), Fault> {
    let body = as_sent(call, incoming)?;
    let rules = ReferenceRules { length_max: app.config.reference_length_max, overflow: app.config.reference_overflow };
    let request = RefundRequest::read(&body, rules)?;
    let payment = find_payment(app, &call.caller, payment).await?;
    if PaymentExtension::of(&payment).is_some_and(|extension| extension.external) {
        return Err(Fault::invalid_state("Payments to external accounts cannot be refunded."));
    }
    let whole = request.amount.is_none();
    let amount = request.amount.unwrap_or(payment.amount.minor);
    let command = command(app, call, payment.id, amount)?;
    let remittance = Some(Arc::from(&*request.statement_text));
    Ok((RequestRefund { remittance, extension: request.metadata.encode(), ..command }, whole))
}

fn command(app: &App, call: &Call, payment: PaymentId, amount: u64) -> Result<RequestRefund, Fault> {
    let key = call.key.clone().ok_or_else(Fault::internal)?;
    let reference = ReferenceInput::Named { tag: Tag::Key, value: key };
    Ok(RequestRefund { amount: Some(amount), ..blank(app, payment, call.caller.origin(app), reference) })
}

/// A refund of all that is left, as all of this dialect are made.
pub(super) fn blank(app: &App, payment: PaymentId, origin: Origin, reference: ReferenceInput) -> RequestRefund {
    RequestRefund {
        id: RefundId(mint::new_id(app.host.engine.now())),
        payment,
        amount: None,
        currency: None,
        origin,
        reference,
        merchant_reference: None,
        fee: FeeInput::Given(0),
        creditor: None,
        refuse_other_creditor: false,
        may_ask_details: false,
        // The account that the payment credited.
        funding: None,
        shortage: Shortage::Fail,
        reserve_at: ReserveAt::Send,
        wait_for_settlement: !app.config.require_settled,
        approval: None,
        maker: None,
        limits: Limits { pace: app.pace(), ..Limits::default() },
        remittance: None,
        extension: Metadata::default().encode(),
    }
}

/// The body with its nulls: in metadata a null value is a fault (contract
/// 3.2), everywhere else it equals an absent member.
pub(super) fn as_sent(call: &Call, incoming: &Incoming) -> Result<Json, Fault> {
    let without_nulls = call.json()?;
    Ok(json::parse(&incoming.body).unwrap_or_else(|_| without_nulls.clone()))
}

/// A payment that the caller sees.
///
/// # Errors
/// 404 for every other one.
async fn find_payment(app: &App, caller: &Caller, id: &str) -> Result<Payment, Fault> {
    let id = routes::payment_id(id)?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.payment(merchant, id)).await;
    let found = found.map_err(Fault::of_unavailable)?;
    found.filter(|payment| caller.sees(&payment.origin)).ok_or_else(|| Fault::not_found("Payment"))
}

/// What the core's refusal of a refund means here. `whole`: no amount was
/// named.
fn of_refusal(refusal: Refusal, whole: bool) -> Fault {
    match refusal {
        Refusal::PaymentUnknown => Fault::not_found("Payment"),
        Refusal::AmountExceedsRefundable { remaining: _ } | Refusal::AlreadyRefunded if whole => {
            let message = "Without an amount the full original value is refunded, and that much is not left.";
            Fault::invalid_field(AMOUNT, message)
        }
        Refusal::AmountExceedsRefundable { remaining: _ } | Refusal::AlreadyRefunded => {
            Fault::invalid_field(AMOUNT, "The total of live refunds would exceed the payment amount.")
        }
        Refusal::AmountNotPositive => Fault::invalid_field(AMOUNT, "The amount must be at least 1."),
        Refusal::AmountTooLarge | Refusal::FeeTooLarge => Fault::invalid_field(AMOUNT, "The amount is too large."),
        Refusal::PaymentNotSettled | Refusal::PaymentFailed => {
            Fault::invalid_state("The payment is not in a state in which it can be refunded.")
        }
        Refusal::PaymentBlocked => Fault::invalid_state("The payment cannot be refunded at the moment."),
        Refusal::CreditorMissing => Fault::invalid_state("The account that the payment came from is not known."),
        Refusal::AccountUnknown | Refusal::AccountNotEligible | Refusal::FundingCurrency => {
            Fault::invalid_state("The merchant account of the payment cannot pay refunds.")
        }
        Refusal::RefundUnknown
        | Refusal::PayoutUnknown
        | Refusal::MandateUnknown
        | Refusal::CurrencyMismatch
        | Refusal::InsufficientFunds { available: _ }
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
        | Refusal::RefundBlocked
        | Refusal::EndpointUnknown
        | Refusal::TooManyEndpoints
        | Refusal::CaseUnknown
        | Refusal::Changed => Fault::internal(),
    }
}

async fn get_one(
    State(app): State<Arc<App>>,
    ids: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payments)?;
    let Path((payment, refund)) = ids.map_err(|_| Fault::not_found("Refund"))?;
    let payment = find_payment(&app, &caller, &payment).await?;
    let unknown = || Fault::not_found("Refund");
    let id = RefundId::parse(&refund).map_err(|_| unknown())?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| {
        let refund = reader.refund(merchant, id)?;
        refund.map(|refund| with_events(reader, refund)).transpose()
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    let of_payment = |told: &Told| told.refund.payment == payment.id && caller.sees(&told.refund.origin);
    let told = found.filter(of_payment).ok_or_else(unknown)?;
    let report_returns = clients::reports_returns(&app, &caller.client);
    let shown = shown(&told.refund, Some(&payment), &told.events, report_returns);
    Ok(answer::json(200, to_json(&wire::body(&told.refund, &shown))))
}

/// A refund with its events.
pub(super) struct Told {
    /// The refund.
    pub(super) refund: Refund,
    /// Its events, oldest first.
    pub(super) events: Vec<Event>,
}

/// Reads the events of a refund.
pub(super) fn with_events(reader: &dyn Reader, refund: Refund) -> Result<Told, StoreError> {
    let events = reader.refund_events(refund.merchant, refund.id)?;
    Ok(Told { refund, events })
}

async fn list(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payments)?;
    let payment = find_payment(&app, &caller, &routes::id(id)).await?;
    let (merchant, of, client) = (caller.merchant, payment.id, caller.client.to_string());
    let found = app.host.engine.read(move |reader| {
        let visible_to = Some((DIALECT.to_owned(), client));
        let filter = RefundFilter { payment: Some(of), visible_to, ..RefundFilter::default() };
        let mut all: Vec<Told> = Vec::new();
        loop {
            let before = all.last().map(|told| told.refund.id);
            let rows = reader.refunds(merchant, &filter, PageRequest { limit: ROWS_PER_READ, before })?;
            let more = rows.len() == ROWS_PER_READ;
            for refund in rows {
                all.push(with_events(reader, refund)?);
            }
            if !more {
                return Ok(all);
            }
        }
    });
    let mut all = found.await.map_err(Fault::of_unavailable)?;
    all.sort_by_key(|told| (told.refund.created_at, told.refund.id));
    let report_returns = clients::reports_returns(&app, &caller.client);
    let items = all.iter().map(|told| {
        let shown = shown(&told.refund, Some(&payment), &told.events, report_returns);
        wire::body(&told.refund, &shown)
    });
    Ok(answer::json(200, to_json(&Items { items: items.collect() })))
}
