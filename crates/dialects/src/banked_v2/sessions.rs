//! Payment sessions: create, get, delete, and the account that one was paid
//! from (contract 3.1, 3.2, 3.13).
//!
//! Round trips: create is one read and one envelope, get one read, delete two
//! reads and two envelopes.

mod removable;

use self::removable::removable;
use super::accounts::{self, Linked};
use super::auth::{self, Caller};
use super::errors::{self, Fault, Reply, Shape, no_account, no_session};
use super::extension::SessionExtension;
use super::links::Links;
use super::refund_session::{self, RefundSession};
use super::wire::{self, PayeeBody, PayerBody, SessionBody, SessionRequest, Shown};
use super::{DIALECT, states};
use crate::answer;
use crate::banked::call::{self, Call, Post};
use crate::banked::idempotency::{self, Content};
use crate::banked::{App, FAMILY, paths};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::event::Event;
use refundry_domain::id::PaymentId;
use refundry_domain::ledger::Account;
use refundry_domain::money::Amount;
use refundry_domain::payment::{Origin, Payment, PaymentFailureReason, PaymentState, Provenance};
use refundry_domain::refund::Refund;
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::envelope::{Answer, Envelope, Outcome, Work};
use refundry_engine::hosted::Decision;
use refundry_engine::mint;
use refundry_engine::store::{PageRequest, Reader, RefundFilter, StoreError};
use serde_json::Map;
use std::sync::Arc;

/// Refunds of a session that are read at once.
const REFUNDS_PER_READ: usize = 1_000;
/// Longest text that is taken from another door's payment, in characters.
const TEXT_LENGTH_MAX: usize = 18;

/// The links of this server.
pub(super) fn links(app: &App) -> Links<'_> {
    Links { host: &app.host, config: &app.config }
}

pub(super) async fn create(State(app): State<Arc<App>>, post: Post) -> Response {
    try_create(&app, post).await.unwrap_or_else(|fault| fault.respond(Shape::V2, &app.config))
}

async fn try_create(app: &App, post: Post) -> Result<Response, Fault> {
    let call = Call::open(app, post, Shape::V2, false)?;
    let prepared = match call.json().and_then(SessionRequest::read) {
        Ok(request) => prepare(app, &call.caller, request).await,
        Err(fault) => Err(fault),
    };
    let command = match prepared {
        Ok(command) => Command::RecordPayment(command),
        Err(fault) => return Ok(call.refuse(app, &fault).await),
    };
    match call.execute(app, command).await? {
        Ok(Answer::Payment(payment)) => {
            let extension = SessionExtension::of(&payment).ok_or_else(errors::unexpected)?;
            // A repetition gets the first answer, whatever happened since.
            let shown = Shown { state: states::session(PaymentState::Open, false, &app.config), sent_at: None };
            Ok(answer::json(201, session_body(links(app), &payment, &extension, Vec::new()).answer(shown)))
        }
        Ok(other) => call::replayed(other),
        Err(refusal) => Err(errors::of_refusal(refusal)),
    }
}

async fn prepare(app: &App, caller: &Caller, request: SessionRequest<'_>) -> Result<RecordPayment, Fault> {
    let linked = accounts::linked_to(app, caller).await?;
    let account = payee_account(&linked, &request)?;
    let owned = |url: Option<&str>| url.unwrap_or_default().to_owned();
    let named = request.payee.as_ref().and_then(|payee| payee.name).map(str::to_owned);
    let extension = SessionExtension {
        statement_text: request.statement_text.to_owned(),
        success_url: owned(request.success_url),
        error_url: owned(request.error_url),
        line_items: request.line_items,
        payee_name: named.unwrap_or_else(|| accounts::merchant_name(app, caller)),
        payee_account: account.number.clone(),
        payer: request.payer,
        email_receipt: request.email_receipt,
        echoed: request.echoed,
        provider: None,
        decision: None,
    };
    Ok(RecordPayment {
        id: PaymentId(mint::new_id(app.host.engine.now())),
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::clone(&caller.application) },
        account: account.id,
        amount: Amount::new(request.total, request.currency),
        debtor: None,
        state: PaymentState::Open,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        // By this text the merchant's people find the payment again.
        merchant_reference: Some(request.statement_text.to_owned()),
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: extension.encode(),
    })
}

/// The account that is named, or the default one of the currency.
fn payee_account<'l>(linked: &'l [Linked], request: &SessionRequest<'_>) -> Result<&'l Linked, Fault> {
    let Some(payee) = &request.payee else {
        return accounts::default_of(linked, request.currency).ok_or_else(|| no_account("there is no default account"));
    };
    let mut own = linked.iter().filter(|account| payee.account == account.number);
    let known = own.next().ok_or_else(|| no_account("is no account of the application"))?;
    if known.currency == request.currency { Ok(known) } else { Err(no_account("is in another currency")) }
}

/// What is kept of a session that came through another door of the merchant.
fn foreign_extension(payment: &Payment, merchant_name: String, linked: &[Linked]) -> Option<SessionExtension> {
    let own = linked.iter().find(|account| account.id == payment.account)?;
    let text = payment.merchant_reference.as_deref().unwrap_or_default();
    let plain = text.chars().filter(|character| character.is_ascii_alphanumeric() || *character == ' ');
    let line_item = super::extension::LineItem {
        name: "Payment".to_owned(),
        amount: payment.amount.minor,
        quantity: 1,
        description: None,
    };
    Some(SessionExtension {
        statement_text: plain.take(TEXT_LENGTH_MAX).collect(),
        success_url: String::new(),
        error_url: String::new(),
        line_items: vec![line_item],
        payee_name: merchant_name,
        payee_account: own.number.clone(),
        payer: None,
        email_receipt: false,
        echoed: String::new(),
        provider: None,
        decision: None,
    })
}

/// A payment session before it is written.
pub(super) fn session_body<'a>(
    links: Links<'_>,
    payment: &Payment,
    extension: &'a SessionExtension,
    refunds: Vec<wire::RefundItem>,
) -> SessionBody<'a> {
    let payer = extension.payer.as_ref();
    SessionBody {
        id: payment.id.0,
        amount: payment.amount,
        created_at: payment.created_at,
        statement_text: &extension.statement_text,
        success_url: &extension.success_url,
        error_url: &extension.error_url,
        line_items: &extension.line_items,
        payee: PayeeBody::new(Some(&extension.payee_name), Some(&extension.payee_account)),
        payer: payer.map(|payer| PayerBody { name: payer.name.as_deref(), email: payer.email.as_deref() }),
        email_receipt: extension.email_receipt,
        live: links.host.environment == Environment::Live,
        url: links.checkout_url(payment.id.0),
        refunds,
        echoed: serde_json::from_str(&extension.echoed).unwrap_or_else(|_| Map::new()),
    }
}

/// Whether a payment is a session of this generation: not one that another
/// generation made, not one that was deleted, and in a currency that it knows.
pub(super) fn is_session(payment: &Payment) -> bool {
    let of_another = payment.origin.family() == FAMILY && *payment.origin.dialect != *DIALECT;
    !of_another && !is_deleted(payment) && wire::speaks_of(payment.amount.currency)
}

/// Whether its merchant took a payment back before anybody paid.
pub(super) fn is_deleted(payment: &Payment) -> bool {
    payment.failure.is_some_and(|failure| failure.reason == PaymentFailureReason::Cancelled)
}

/// What an id leads to.
#[expect(clippy::large_enum_variant, reason = "one at a time, and not kept")]
enum Found {
    Payment { payment: Payment, refunds: Vec<Refund>, accounts: Vec<Account> },
    Refund { refund: Refund, payer: Option<Payment>, events: Vec<Event> },
    Nothing,
}

/// Looks an id up among the payments and refunds that a caller may see.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<Found, Fault> {
    let id = PaymentId::parse(id).map_err(|_| no_session())?;
    let refund = links(app).refund_of(id.0);
    let caller = caller.clone();
    let found = app.host.engine.read(move |reader| {
        if let Some(payment) = reader.payment(caller.merchant, id)? {
            if !caller.sees(&payment.origin) || !is_session(&payment) {
                return Ok(Found::Nothing);
            }
            let refunds = refunds_of(reader, &caller, id)?;
            return Ok(Found::Payment { payment, refunds, accounts: reader.accounts(caller.merchant)? });
        }
        match reader.refund(caller.merchant, refund)? {
            Some(refund) if caller.sees(&refund.origin) && states::has_session(&refund) => {
                let payer = reader.payment(caller.merchant, refund.payment)?;
                let events = reader.refund_events(caller.merchant, refund.id)?;
                Ok(Found::Refund { refund, payer, events })
            }
            Some(_) | None => Ok(Found::Nothing),
        }
    });
    found.await.map_err(Fault::of_unavailable)
}

/// The refunds of a payment, newest last.
fn refunds_of(reader: &dyn Reader, caller: &Caller, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
    let visible_to = Some((DIALECT.to_owned(), caller.application.to_string()));
    let filter = RefundFilter { payment: Some(payment), visible_to, ..RefundFilter::default() };
    let (mut refunds, mut before) = (Vec::new(), None);
    loop {
        let rows = reader.refunds(caller.merchant, &filter, PageRequest { limit: REFUNDS_PER_READ, before })?;
        let full = rows.len() == REFUNDS_PER_READ;
        before = rows.last().map(|refund| refund.id);
        refunds.extend(rows);
        if !full {
            break;
        }
    }
    refunds.sort_by_key(|refund| (refund.created_at, refund.id));
    Ok(refunds)
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match try_get(&app, &headers, &paths::id(id)).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

async fn try_get(app: &App, headers: &HeaderMap, id: &str) -> Result<Vec<u8>, Fault> {
    let caller = auth::caller(app, headers)?;
    let links = links(app);
    match find(app, &caller, id).await? {
        Found::Nothing => Err(no_session()),
        Found::Payment { payment, refunds, accounts } => {
            let foreign = || {
                let linked = accounts::linked(accounts, &caller.application);
                foreign_extension(&payment, accounts::merchant_name(app, &caller), &linked)
            };
            let extension = SessionExtension::of(&payment).or_else(foreign).ok_or_else(no_session)?;
            let items = refunds.iter().map(|refund| wire::refund_item(links, refund)).collect();
            let shown = Shown {
                state: states::session(state_heard(&payment, &extension), extension.provider.is_some(), &app.config),
                sent_at: sent_at(&payment),
            };
            Ok(session_body(links, &payment, &extension, items).answer(shown))
        }
        Found::Refund { refund, payer, events } => {
            let moments = refund_session::moments(&refund, events.iter());
            let session = RefundSession::new(links, &refund, moments);
            let payer = payer.as_ref().and_then(|payment| payment.debtor.as_ref());
            Ok(session.body(payer).answer(session.shown(refund.state, moments)))
        }
    }
}

/// Where a payment stands, with the consent that its payer gave a moment ago.
fn state_heard(payment: &Payment, extension: &SessionExtension) -> PaymentState {
    match (payment.state, extension.decision) {
        (PaymentState::Open, Some(Decision::Authorise | Decision::KeepPending)) => PaymentState::Executed,
        (state, Some(Decision::Authorise | Decision::KeepPending | Decision::Decline) | None) => state,
    }
}

/// When a payment was sent, where it was.
fn sent_at(payment: &Payment) -> Option<Timestamp> {
    payment.moments.settled_at
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let done = try_remove(&app, &uri, &headers, &paths::id(id)).await;
    done.unwrap_or_else(|fault| fault.respond(Shape::V2, &app.config))
}

async fn try_remove(app: &App, uri: &Uri, headers: &HeaderMap, id: &str) -> Result<Response, Fault> {
    let caller = auth::caller(app, headers)?;
    let key = idempotency::key(headers)?;
    let once = key.map(|key| idempotency::once(app, &caller, &Method::DELETE, uri.path(), key, &Content::none()));
    let work = match removable(app, &caller, id).await {
        Ok(payment) => {
            let failure = Some(PaymentFailureReason::Cancelled);
            let to = PaymentState::Failed;
            let command = Command::AdvancePayment { payment, to, credited: None, debtor: None, failure };
            Work::Command(Box::new(command))
        }
        Err(fault) => {
            let reply = fault.reply(Shape::V2, &app.config);
            if once.is_none() || !idempotency::is_kept(reply.status) {
                return Err(fault);
            }
            Work::Keep { status: reply.status, body: reply.body }
        }
    };
    let envelope = Envelope { merchant: caller.merchant, actor: caller.actor(), once, work };
    let Outcome { result, .. } = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    match result {
        Ok(Answer::Kept { status, body }) => Ok(Reply { status, body }.respond()),
        // Deleted now, or by the first request with this key.
        Ok(
            Answer::Payment(_)
            | Answer::Done
            | Answer::Refund(_)
            | Answer::Payout(_)
            | Answer::Account(_)
            | Answer::Mandate(_)
            | Answer::Send(_),
        ) => Ok(answer::empty(204)),
        Err(refusal) => Err(errors::of_refusal(refusal)),
    }
}

pub(super) async fn consumer_account(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match try_consumer_account(&app, &headers, &paths::id(id)).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

async fn try_consumer_account(app: &App, headers: &HeaderMap, id: &str) -> Result<Vec<u8>, Fault> {
    let caller = auth::caller(app, headers)?;
    match find(app, &caller, id).await? {
        Found::Payment { payment: Payment { debtor: Some(debtor), .. }, .. } => Ok(wire::consumer_account(&debtor)),
        Found::Payment { .. } => Err(Fault::not_found("The customer's account is not known")),
        Found::Refund { .. } | Found::Nothing => Err(no_session()),
    }
}
