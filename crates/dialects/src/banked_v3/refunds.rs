//! Refunds: create, get, list (contract 3.7, 3.8).
//!
//! Round trips: create is one envelope; get and list are one read each.

use super::auth::{self, Caller};
use super::errors::{self, FLOAT_PATH, Fault, Kind, PAYIN_PATH, Reply, Shape, TOKEN_PATH};
use super::wire::{self, Method as Paying, RefundRequest};
use super::{App, DIALECT, routes, states};
use crate::answer;
use crate::banked::call::{self, Call, Post};
use crate::banked::config::Config;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use refundry_domain::command::{Command, FeeInput, ReferenceInput, RequestRefund};
use refundry_domain::deadline::{Limits, Pace};
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::Origin;
use refundry_domain::reference::{AutoContent, Tag, auto_hash};
use refundry_domain::refund::{Funding, Refund, ReserveAt, Shortage};
use refundry_domain::refusal::Refusal;
use refundry_engine::digest::sha256;
use refundry_engine::envelope::Answer;
use refundry_engine::mint;
use refundry_engine::store::{PageRequest, RefundFilter};
use std::sync::Arc;
use url::form_urlencoded;

/// Rows of a page when the caller names no number.
const PAGE_LENGTH: usize = 50;
/// Most rows of a page.
const PAGE_LENGTH_MAX: usize = 200;

pub(super) async fn create(State(app): State<Arc<App>>, post: Post) -> Response {
    try_create(&app, post).await.unwrap_or_else(|fault| fault.respond(Shape::V3, &app.config))
}

async fn try_create(app: &App, post: Post) -> Result<Response, Fault> {
    let call = Call::open(app, post, Shape::V3, app.config.key_required)?;
    let request = call.json().and_then(|json| RefundRequest::read(json, &app.config.currencies));
    let prepared = request.and_then(|request| prepare(app, &call.caller, call.key.as_deref(), &request));
    let checked = match prepared {
        Ok(command) => check_currency(app, &call.caller, command).await,
        Err(fault) => Err(fault),
    };
    let command = match checked {
        Ok(command) => command,
        Err(fault) => return Ok(call.refuse(app, &fault).await),
    };
    let (payment, funding) = (command.payment, command.funding);
    match call.execute(app, Command::RequestRefund(Box::new(command))).await? {
        Ok(Answer::Refund(refund)) => Ok(answer::json(201, wire::created_refund(&refund))),
        Ok(other) => call::replayed(other),
        Err(refusal) => Err(refused(app, &call.caller, refusal, payment, funding).await),
    }
}

/// The command for a request whose form is right.
fn prepare(app: &App, caller: &Caller, key: Option<&str>, request: &RefundRequest<'_>) -> Result<RequestRefund, Fault> {
    let funding = match request.method {
        Paying::Float(account) => Funding::Held { account },
        Paying::Mandate(token) => {
            let directory = app.host.engine.directory();
            let known = directory.mandate_tokens.get(&token).filter(|entry| {
                entry.merchant == caller.merchant && (entry.group.is_empty() || entry.group == caller.application)
            });
            // The id of a mandate is not its token: it is not found here.
            let entry = known.ok_or_else(|| Fault::not_found("No such mandate"))?;
            Funding::Mandate { mandate: entry.mandate, debtor_account: None }
        }
    };
    let remittance = request.texts.unstructured.or(request.texts.structured).filter(|text| !text.is_empty());
    // With one currency on offer the request means that one.
    let currency = match app.config.currencies.as_slice() {
        [only] => request.currency.or(Some(*only)),
        _ => request.currency,
    };
    Ok(RequestRefund {
        amount: Some(request.amount),
        currency,
        reference: match key {
            Some(key) => ReferenceInput::Named { tag: Tag::Key, value: Arc::from(key) },
            None => ReferenceInput::Auto { hash: Arc::from(content_hash(request, currency, funding, remittance)) },
        },
        funding: Some(funding),
        remittance: remittance.map(Arc::from),
        extension: request.texts.encode(),
        ..blank(app, request.payment, Arc::clone(&caller.application))
    })
}

/// A refund of which nothing is said yet, as all of this dialect are.
pub(super) fn blank(app: &App, payment: PaymentId, application: Arc<str>) -> RequestRefund {
    RequestRefund {
        id: RefundId(mint::new_id(app.host.engine.now())),
        payment,
        amount: None,
        currency: None,
        origin: Origin { dialect: Arc::clone(&app.dialect), group: application },
        reference: ReferenceInput::Auto { hash: Arc::from("") },
        merchant_reference: None,
        fee: FeeInput::Given(0),
        creditor: None,
        refuse_other_creditor: false,
        may_ask_details: false,
        funding: None,
        shortage: Shortage::Fail,
        reserve_at: ReserveAt::Send,
        wait_for_settlement: false,
        approval: None,
        maker: None,
        limits: limits(&app.config),
        remittance: None,
        extension: Arc::from([]),
    }
}

/// One end, and how long a bank's silence lasts before people look at it.
fn limits(config: &Config) -> Limits {
    let pace = Pace { overdue_after: config.investigation_after, ..Pace::default() };
    Limits { overall: config.refund_ttl, pace, ..Limits::default() }
}

/// What makes two refunds without a key equal (rails 3.4).
fn content_hash(
    request: &RefundRequest<'_>,
    currency: Option<Currency>,
    funding: Funding,
    remittance: Option<&str>,
) -> String {
    let funding = match funding {
        Funding::Held { account } => format!("held:{account}"),
        Funding::Mandate { mandate, debtor_account: _ } => format!("mandate:{mandate}"),
        Funding::MerchantAuthorised => "merchant".to_owned(),
    };
    let content = AutoContent {
        amount: &request.amount.to_string(),
        currency: currency.as_ref().map_or("-", Currency::code),
        creditor: "-",
        funding: &funding,
        text: remittance.unwrap_or_default(),
    };
    auto_hash(content, sha256)
}

/// Where several currencies are on offer and none is named, the pay-in's own
/// must be one of them.
async fn check_currency(app: &App, caller: &Caller, command: RequestRefund) -> Result<RequestRefund, Fault> {
    if command.currency.is_some() {
        return Ok(command);
    }
    match payin_amount(app, caller, command.payment).await? {
        Some(amount) if !app.config.currencies.contains(&amount.currency) => Err(foreign_currency()),
        Some(_) | None => Ok(command),
    }
}

fn foreign_currency() -> Fault {
    Fault::of(Kind::Action, "The pay-in is in another currency", PAYIN_PATH, "another currency")
}

async fn payin_amount(app: &App, caller: &Caller, payment: PaymentId) -> Result<Option<Amount>, Fault> {
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.payment(merchant, payment)).await;
    Ok(found.map_err(Fault::of_unavailable)?.map(|payment| payment.amount))
}

/// The error for a refusal. Which of two currencies is to blame only the
/// pay-in can tell; its currency never changes, so a repetition reads the same.
async fn refused(app: &App, caller: &Caller, refusal: Refusal, payment: PaymentId, funding: Option<Funding>) -> Fault {
    let path = match funding {
        Some(Funding::Held { .. }) | None => FLOAT_PATH,
        Some(Funding::Mandate { .. } | Funding::MerchantAuthorised) => TOKEN_PATH,
    };
    if refusal == Refusal::FundingCurrency {
        return match payin_amount(app, caller, payment).await {
            Err(unavailable) => unavailable,
            Ok(Some(amount)) if app.config.currencies.contains(&amount.currency) => errors::of_refusal(refusal, path),
            Ok(_) => foreign_currency(),
        };
    }
    errors::of_refusal(refusal, path)
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match find(&app, &headers, &routes::id(id)).await {
        Ok(refund) => answer::json(200, wire::current_refund(&refund, app.config.canceled_state)),
        Err(fault) => fault.respond(Shape::V3, &app.config),
    }
}

async fn find(app: &App, headers: &HeaderMap, id: &str) -> Result<Refund, Fault> {
    let caller = auth::caller(app, headers)?;
    let unknown = || Fault::not_found("No such refund");
    let id = RefundId::parse(id).map_err(|_| unknown())?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.refund(merchant, id)).await.map_err(Fault::of_unavailable)?;
    found.filter(|refund| caller.sees(&refund.origin)).ok_or_else(unknown)
}

pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    match try_list(&app, &uri, &headers).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V3, &app.config),
    }
}

async fn try_list(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Vec<u8>, Fault> {
    let caller = auth::caller(app, headers)?;
    let (filter, page) = query(app, &caller, uri.query().unwrap_or_default())?;
    let merchant = caller.merchant;
    // One row more than asked for tells whether there is a next page.
    let wanted = PageRequest { limit: page.limit + 1, before: page.before };
    let known = caller.clone();
    let found = app.host.engine.read(move |reader| {
        if let Some(before) = wanted.before {
            let place = reader.refund(merchant, before)?.filter(|refund| known.sees(&refund.origin));
            if place.is_none() {
                return Ok(None);
            }
        }
        reader.refunds(merchant, &filter, wanted).map(Some)
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    let no_place = || Fault::of(Kind::Schema, "The request is not valid", "cursor", "must be a cursor of this list");
    let mut refunds = found.ok_or_else(no_place)?;
    let more = refunds.len() > page.limit;
    refunds.truncate(page.limit);
    let next = if more { refunds.last().map(|refund| refund.id.0) } else { None };
    Ok(wire::refund_list(&refunds, next, app.config.canceled_state))
}

fn query(app: &App, caller: &Caller, query: &str) -> Result<(RefundFilter, PageRequest<RefundId>), Fault> {
    let mut fields = wire::Fields::default();
    let visible_to = Some((DIALECT.to_owned(), caller.application.to_string()));
    let mut filter = RefundFilter { visible_to, ..RefundFilter::default() };
    let mut page = PageRequest { limit: PAGE_LENGTH, before: None };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "original_payin_id" => match PaymentId::parse(&value) {
                Ok(id) => filter.payment = Some(id),
                Err(_) => fields.fault(Kind::Schema, &name, "must be a UUID"),
            },
            "status" => match states::native_states(&value, app.config.canceled_state) {
                Some(words) => filter.states = words,
                None => fields.fault(Kind::Schema, &name, "no such status"),
            },
            "limit" => match value.parse::<usize>() {
                Ok(limit) if (1..=PAGE_LENGTH_MAX).contains(&limit) => page.limit = limit,
                Ok(_) | Err(_) => fields.fault(Kind::Schema, &name, format!("must be 1 to {PAGE_LENGTH_MAX}")),
            },
            "cursor" => match RefundId::parse(&value) {
                Ok(id) => page.before = Some(id),
                Err(_) => fields.fault(Kind::Schema, &name, "must be a cursor of this list"),
            },
            _ => {}
        }
    }
    fields.finish(Some((filter, page)))
}
