//! Payments: record, show, list.
//!
//! Round trips: recording reads the accounts where none is named, then goes
//! through the door once; the others read once.

use super::call::{Call, json, kept_before, marked};
use super::errors::{self, Problem};
use super::extension::{self, PaymentExtension};
use super::paging::{self, Listing};
use super::requests::{self, NewPayment};
use super::wire::{self, Page};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::money::Currency;
use refundry_domain::payment::{Payment, Provenance};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Once, Outcome};
use refundry_engine::mint::new_id;
use refundry_engine::store::PageRequest;
use std::sync::Arc;

/// `POST /v1/payments`: 201 when it is new, 200 when an origin key names one
/// that we know.
pub(super) async fn record(call: Call) -> Response {
    call.answer(try_record(&call).await)
}

async fn try_record(call: &Call) -> Result<Response, Problem> {
    let (once, _) = call.required_once()?;
    let asked = match call.json().and_then(|body| requests::new_payment(&body)) {
        Ok(asked) => asked,
        Err(problem) => return call.refuse_form(problem, once).await,
    };
    let account = match asked.account {
        Some(account) => account,
        None => account_of(call, asked.amount.currency).await?,
    };
    let outcome = call.execute(command(call, asked, account, once), Some(once)).await?;
    if let Some(response) = kept_before(&outcome) {
        return Ok(response);
    }
    let payment = payment_in(&outcome)?;
    let made = PaymentExtension::of(&payment).filter(|kept| kept.once == once.key);
    let response = match made {
        Some(kept) => {
            let environment = call.native.host.environment;
            json(StatusCode::CREATED, &wire::payment_as_recorded(&payment, kept, environment))?
        }
        None => json(StatusCode::OK, &wire::payment(&payment))?,
    };
    Ok(marked(response, &outcome))
}

fn command(call: &Call, asked: NewPayment, account: AccountId, once: Once) -> Command {
    let NewPayment { amount, account: _, debtor, state, origin_keys, merchant_reference, payment_method, metadata } =
        asked;
    let kept = PaymentExtension { metadata, state, debtor: debtor.as_ref().map(wire::masked), once: once.key };
    Command::RecordPayment(RecordPayment {
        id: PaymentId(new_id(call.native.host.engine.now())),
        origin: extension::origin(),
        account,
        amount,
        debtor,
        state,
        provenance: Provenance::Imported,
        origin_keys,
        merchant_reference,
        method: payment_method.map(Arc::from),
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: Arc::from(kept.encode()),
    })
}

/// The merchant's oldest held account of a currency.
async fn account_of(call: &Call, currency: Currency) -> Result<AccountId, Problem> {
    let merchant = call.merchant;
    let accounts = call.native.host.engine.read(move |reader| reader.accounts(merchant)).await?;
    let fitting = accounts.into_iter().filter(|account| account.currency == currency);
    let oldest = fitting.min_by_key(|account| (account.created_at, account.id));
    let none = || {
        let detail = "The merchant holds no account of this currency.";
        Problem::at(errors::kind_of(Refusal::AccountUnknown), "/currency", detail)
    };
    oldest.map(|account| account.id).ok_or_else(none)
}

fn payment_in(outcome: &Outcome) -> Result<Payment, Problem> {
    match &outcome.result {
        Ok(Answer::Payment(payment)) => Ok(Payment::clone(payment)),
        Ok(
            Answer::Refund(_)
            | Answer::Payout(_)
            | Answer::Account(_)
            | Answer::Mandate(_)
            | Answer::Send(_)
            | Answer::Kept { .. }
            | Answer::Done,
        ) => Err(Problem::of(errors::INTERNAL)),
        Err(refusal) => Err((*refusal).into()),
    }
}

/// `GET /v1/payments/{id}`.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = call.id(PaymentId::parse, Refusal::PaymentUnknown)?;
    let merchant = call.merchant;
    let found = call.native.host.engine.read(move |reader| reader.payment(merchant, id)).await?;
    json(StatusCode::OK, &wire::payment(&found.ok_or(Refusal::PaymentUnknown)?))
}

/// `GET /v1/payments`: newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let query = call.query(&["limit", "cursor"])?;
    let limit = paging::limit(query.get("limit"))?;
    let before = query.get("cursor").map(|text| paging::row(Listing::Payments, text)).transpose()?;
    let page = PageRequest { limit: limit.saturating_add(1), before: before.map(PaymentId) };
    let merchant = call.merchant;
    let mut found = call.native.host.engine.read(move |reader| reader.payments(merchant, page)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| paging::cursor(Listing::Payments, last.id.0));
    json(StatusCode::OK, &Page { data: found.iter().map(wire::payment).collect(), has_more, next_cursor })
}
