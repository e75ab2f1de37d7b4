//! Refunds: create, get, list (contract 3.3, 3.4).
//!
//! Round trips: create is one read and one envelope; get is one read, list one
//! or more.

use super::auth::{self, Caller};
use super::errors::{self, Fault, Kind, Reply, SESSION_PATH, Shape, no_account, no_refund, not_now};
use super::extension::RefundExtension;
use super::sessions::{is_session, links};
use super::wire::{self, PayeeInput, RefundRequest};
use super::{DIALECT, accounts, states};
use crate::account_number;
use crate::answer;
use crate::banked::call::{self, Call, Post};
use crate::banked::config::Config;
use crate::banked::read::Fields;
use crate::banked::{App, paths};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use refundry_domain::command::{Command, FeeInput, ReferenceInput, RequestRefund};
use refundry_domain::deadline::{Limits, Pace};
use refundry_domain::id::{PaymentId, PersonId, RefundId};
use refundry_domain::money::Currency;
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{Origin, Payment};
use refundry_domain::reference::{AutoContent, Tag, auto_hash};
use refundry_domain::refund::{Funding, Refund, ReserveAt, Shortage};
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_engine::envelope::Answer;
use refundry_engine::mint;
use refundry_engine::store::{PageRequest, RefundFilter};
use std::sync::Arc;
use url::form_urlencoded;

/// Rows of a list when the caller names no number.
const PAGE_LENGTH: usize = 50;
/// Most rows of a list.
const PAGE_LENGTH_MAX: usize = 200;

pub(super) async fn create(State(app): State<Arc<App>>, post: Post) -> Response {
    try_create(&app, post).await.unwrap_or_else(|fault| fault.respond(Shape::V2, &app.config))
}

async fn try_create(app: &App, post: Post) -> Result<Response, Fault> {
    let call = Call::open(app, post, Shape::V2, false)?;
    let request = call.json().and_then(|json| RefundRequest::read(json, app.config.reference_required));
    let prepared = match request {
        Ok(request) => prepare(app, &call.caller, call.key.as_deref(), request).await,
        Err(fault) => Err(fault),
    };
    let command = match prepared {
        Ok(command) => Command::RequestRefund(Box::new(command)),
        Err(fault) => return Ok(call.refuse(app, &fault).await),
    };
    match call.execute(app, command).await? {
        Ok(Answer::Refund(refund)) => Ok(answer::json(201, wire::created_refund(links(app), &refund))),
        Ok(other) => call::replayed(other),
        Err(refusal) => Err(errors::of_refusal(refusal)),
    }
}

/// The session that a request names. A refund's own session is none that can
/// be refunded.
async fn session(app: &App, caller: &Caller, id: PaymentId) -> Result<Payment, Fault> {
    let (merchant, refund) = (caller.merchant, links(app).refund_of(id.0));
    let found =
        app.host.engine.read(move |reader| Ok((reader.payment(merchant, id)?, reader.refund(merchant, refund)?))).await;
    let (payment, refund) = found.map_err(Fault::of_unavailable)?;
    let payment = payment.filter(|payment| caller.sees(&payment.origin) && is_session(payment));
    let own = refund.is_some_and(|refund| caller.sees(&refund.origin) && states::has_session(&refund));
    payment.ok_or_else(|| if own { not_now("belongs to a refund") } else { errors::no_session() })
}

/// What a refund of this generation is made of.
pub(super) struct Ask {
    /// The payment to give back.
    pub(super) payment: PaymentId,
    /// Minor units; none for all that is left.
    pub(super) amount: Option<u64>,
    /// For whom.
    pub(super) application: Arc<str>,
    /// What the client will say again.
    pub(super) named: ReferenceInput,
    /// The account to use where nobody knows the payer's.
    pub(super) creditor: Option<Party>,
    /// The person who asks, where one does.
    pub(super) maker: Option<PersonId>,
    /// The text for the customer.
    pub(super) statement_text: Option<Arc<str>>,
    /// What is kept with the refund.
    pub(super) extension: RefundExtension,
}

/// The command for it: the merchant authorises, the customer may be asked.
pub(super) fn command(app: &App, ask: Ask) -> RequestRefund {
    RequestRefund {
        id: RefundId(mint::new_id(app.host.engine.now())),
        payment: ask.payment,
        amount: ask.amount,
        currency: None,
        origin: Origin { dialect: Arc::clone(&app.dialect), group: ask.application },
        reference: ask.named,
        merchant_reference: None,
        fee: FeeInput::Given(0),
        creditor: ask.creditor,
        refuse_other_creditor: false,
        may_ask_details: true,
        funding: Some(Funding::MerchantAuthorised),
        shortage: Shortage::Fail,
        reserve_at: ReserveAt::Send,
        wait_for_settlement: false,
        approval: None,
        maker: ask.maker,
        limits: limits(&app.config),
        remittance: ask.statement_text,
        extension: ask.extension.encode(),
    }
}

/// Each gate has its own end; all of it together may take as long as both.
fn limits(config: &Config) -> Limits {
    let overall = Span(config.details_ttl.0.saturating_add(config.authorisation_ttl.0));
    Limits {
        overall,
        details: Some(config.details_ttl),
        authorisation: Some(config.authorisation_ttl),
        pace: Pace { overdue_after: config.investigation_after, ..Pace::default() },
        ..Limits::default()
    }
}

/// The command for a request whose form is right.
async fn prepare(
    app: &App,
    caller: &Caller,
    key: Option<&str>,
    request: RefundRequest<'_>,
) -> Result<RequestRefund, Fault> {
    let payment = session(app, caller, request.payment).await?;
    let creditor = match &request.payee {
        // Beside a known account nobody looks at it.
        Some(payee) if payment.debtor.is_none() && payment.state.credited() => Some(usable_payee(
            payee.as_ref().map_err(|faults| Fault::of_body(faults.clone()))?,
            payment.amount.currency,
        )?),
        Some(_) | None => None,
    };
    let named = match key {
        Some(key) => ReferenceInput::Named { tag: Tag::Key, value: Arc::from(key) },
        None => ReferenceInput::Auto { hash: Arc::from(content_hash(&request, creditor.as_ref())) },
    };
    let owned = |url: Option<&str>| url.unwrap_or_default().to_owned();
    let extension = RefundExtension {
        success_url: owned(request.success_url),
        error_url: owned(request.error_url),
        merchant_name: accounts::merchant_name(app, caller),
        ..RefundExtension::default()
    };
    let ask = Ask {
        payment: request.payment,
        amount: request.amount,
        application: Arc::clone(&caller.application),
        named,
        creditor,
        maker: None,
        statement_text: request.statement_text.map(Arc::from),
        extension,
    };
    Ok(command(app, ask))
}

/// The account of a request, where the payment's own is unknown. A British
/// IBAN names a sort code and an account number, and strict clients expect
/// those of every session in pounds (contract 3.1).
fn usable_payee(payee: &PayeeInput<'_>, currency: Currency) -> Result<Party, Fault> {
    let domestic = match &payee.account {
        AccountIdentifier::Iban(iban) if currency == Currency::GBP => account_number::scan_of_iban(iban),
        account @ (AccountIdentifier::Iban(_)
        | AccountIdentifier::Scan { .. }
        | AccountIdentifier::Bsb { .. }
        | AccountIdentifier::PayId(_)
        | AccountIdentifier::Other { .. }) => Some(account.clone()),
    };
    let account = domestic.filter(|account| fits(account, currency));
    let account = account.ok_or_else(|| no_account("this kind of account does not take the currency"))?;
    Ok(Party { name: payee.name.map(str::to_owned), account })
}

/// Whether an account of this kind can receive a currency.
fn fits(account: &AccountIdentifier, currency: Currency) -> bool {
    match account {
        AccountIdentifier::Scan { .. } => currency == Currency::GBP,
        AccountIdentifier::Bsb { .. } | AccountIdentifier::PayId(_) => currency == Currency::AUD,
        AccountIdentifier::Iban(_) => currency == Currency::EUR,
        AccountIdentifier::Other { .. } => false,
    }
}

/// What makes two refunds without a key equal (rails 3.4).
fn content_hash(request: &RefundRequest<'_>, creditor: Option<&Party>) -> String {
    let creditor = creditor.map_or_else(|| "-".to_owned(), |party| party.account.canonical());
    let content = AutoContent {
        amount: &request.amount.map_or_else(|| "rest".to_owned(), |minor| minor.to_string()),
        currency: "-",
        creditor: &creditor,
        funding: "merchant",
        text: request.statement_text.unwrap_or_default(),
    };
    auto_hash(content, sha256)
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match find(&app, &headers, &paths::id(id)).await {
        Ok(refund) => {
            let renewals = RefundExtension::of(&refund).renewals;
            let body = wire::current_refund(links(&app), &refund, renewals, app.host.engine.now());
            Reply { status: 200, body }.respond()
        }
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

async fn find(app: &App, headers: &HeaderMap, id: &str) -> Result<Refund, Fault> {
    let caller = auth::caller(app, headers)?;
    let id = RefundId::parse(id).map_err(|_| no_refund())?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.refund(merchant, id)).await.map_err(Fault::of_unavailable)?;
    let known = |refund: &Refund| caller.sees(&refund.origin) && wire::speaks_of(refund.amount.currency);
    found.filter(known).ok_or_else(no_refund)
}

pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    match try_list(&app, &uri, &headers).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

/// What a list shows.
struct Query {
    filter: RefundFilter,
    page: PageRequest<RefundId>,
    /// The word of its state, where one is asked for: two words share a native one.
    state: Option<String>,
}

async fn try_list(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Vec<u8>, Fault> {
    let caller = auth::caller(app, headers)?;
    let Query { filter, page, state } = query(app, &caller, uri.query().unwrap_or_default())?;
    let merchant = caller.merchant;
    let config = app.config.clone();
    let known = caller.clone();
    let found = app.host.engine.read(move |reader| {
        if let Some(before) = page.before {
            let place = reader.refund(merchant, before)?.filter(|refund| known.sees(&refund.origin));
            if place.is_none() {
                return Ok(None);
            }
        }
        let shown = |refund: &Refund| {
            let word = states::refund(refund.state, &config);
            state.as_ref().is_none_or(|wanted| wanted == word) && wire::speaks_of(refund.amount.currency)
        };
        let (mut refunds, mut before) = (Vec::new(), page.before);
        loop {
            let rows = reader.refunds(merchant, &filter, PageRequest { limit: page.limit, before })?;
            let full = rows.len() == page.limit;
            before = rows.last().map(|refund| refund.id);
            refunds.extend(rows.into_iter().filter(&shown));
            if !full || refunds.len() >= page.limit {
                refunds.truncate(page.limit);
                return Ok(Some(refunds));
            }
        }
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    let no_place = || Fault::of(Kind::Schema, "The request is not valid", "before", "no such refund");
    let found = found.ok_or_else(no_place)?;
    let with_renewals = |refund: Refund| {
        let renewals = RefundExtension::of(&refund).renewals;
        (refund, renewals)
    };
    let refunds: Vec<(Refund, u64)> = found.into_iter().map(with_renewals).collect();
    Ok(wire::refund_list(links(app), &refunds, app.host.engine.now()))
}

fn query(app: &App, caller: &Caller, query: &str) -> Result<Query, Fault> {
    let mut fields = Fields::default();
    let visible_to = Some((DIALECT.to_owned(), caller.application.to_string()));
    let mut filter = RefundFilter { visible_to, ..RefundFilter::default() };
    let mut page = PageRequest { limit: PAGE_LENGTH, before: None };
    let mut state = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            SESSION_PATH => match PaymentId::parse(&value) {
                Ok(id) => filter.payment = Some(id),
                Err(_) => fields.fault(Kind::Schema, &name, "must be a UUID"),
            },
            "state" => match states::native_states(&value, &app.config) {
                Some(words) => {
                    filter.states = words;
                    state = Some(value.into_owned());
                }
                None => fields.fault(Kind::Schema, &name, "no such state"),
            },
            "limit" => match value.parse::<usize>() {
                Ok(limit) if (1..=PAGE_LENGTH_MAX).contains(&limit) => page.limit = limit,
                Ok(_) | Err(_) => fields.fault(Kind::Schema, &name, format!("must be 1 to {PAGE_LENGTH_MAX}")),
            },
            "before" => match RefundId::parse(&value) {
                Ok(id) => page.before = Some(id),
                Err(_) => fields.fault(Kind::Schema, &name, "must be a refund's id"),
            },
            _ => {}
        }
    }
    fields.finish(Some(Query { filter, page, state }))
}
