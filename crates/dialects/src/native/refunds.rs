//! Refunds: make, show, list, cancel, and tell their story.
//!
//! Round trips: making goes through the door once (the payment's own account
//! pays unless the call says otherwise); the others read once.

use super::NativeState;
use super::call::{Call, json, kept_before, marked};
use super::errors::{self, Problem};
use super::events;
use super::extension::{self, RefundExtension};
use super::paging::{self, Listing};
use super::requests::{self, NewRefund};
use super::states;
use super::wire::{self, Page};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::{Command, FeeInput, ReferenceInput, RequestRefund};
use refundry_domain::deadline::Limits;
use refundry_domain::fee::FeeTerms;
use refundry_domain::id::{MerchantId, PaymentId, RefundId};
use refundry_domain::party::{Creditor, CreditorSource};
use refundry_domain::payment::Payment;
use refundry_domain::reference::Tag;
use refundry_domain::refund::{Funding, Refund, ReserveAt, Shortage};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::envelope::{Answer, Outcome};
use refundry_engine::mint::new_id;
use refundry_engine::store::{PageRequest, Reader, RefundFilter, StoreError};
use std::sync::Arc;

/// `POST /v1/refunds/{id}/creditor`: the account that a refund waits for,
/// whatever dialect made it.
pub(super) async fn name_creditor(call: Call) -> Response {
    call.answer(try_name_creditor(&call).await)
}

async fn try_name_creditor(call: &Call) -> Result<Response, Problem> {
    let once = call.optional_once()?;
    let creditor = requests::creditor(&call.json()?)?;
    let refund = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    let source = CreditorSource::MerchantSupplied;
    let command = Command::GiveDetails { refund, creditor, source, people: Vec::new() };
    let outcome = call.execute(command, once).await?;
    match &outcome.result {
        Ok(_) => Ok(marked(json(StatusCode::OK, &current(call, refund).await?)?, &outcome)),
        Err(refusal) => Err((*refusal).into()),
    }
}

/// `POST /v1/refunds`.
pub(super) async fn create(call: Call) -> Response {
    call.answer(try_create(&call).await)
}

async fn try_create(call: &Call) -> Result<Response, Problem> {
    let (once, key) = call.required_once()?;
    let asked = match call.json().and_then(|body| requests::new_refund(&body)) {
        Ok(asked) => asked,
        Err(problem) => return call.refuse_form(problem, once).await,
    };
    let merchant_reference = asked.merchant_reference.clone();
    let outcome = call.execute(command(call, asked, &key), Some(once)).await?;
    if matches!(outcome.result, Err(Refusal::DuplicateReference)) {
        return Err(duplicate(call, merchant_reference).await);
    }
    if let Some(response) = kept_before(&outcome) {
        return Ok(response);
    }
    let refund = refund_in(&outcome)?;
    let body = wire::refund_as_created(&refund, outcome.payer.as_ref(), call.native.host.environment);
    let response = json(StatusCode::CREATED, &body)?;
    Ok(marked(response, &outcome))
}

fn command(call: &Call, asked: NewRefund, key: &str) -> Command {
    let funding = match (asked.mandate, asked.account) {
        (Some(mandate), _) => Some(Funding::Mandate { mandate, debtor_account: None }),
        (None, account) => account.map(|account| Funding::Held { account }),
    };
    let given = asked.creditor.as_ref().map(wire::masked);
    let kept = RefundExtension { metadata: asked.metadata, given };
    let merchant_reference: Option<Arc<str>> = asked.merchant_reference.map(Arc::from);
    let reference = match &merchant_reference {
        Some(value) => ReferenceInput::Named { tag: Tag::Ref, value: Arc::clone(value) },
        None => ReferenceInput::Named { tag: Tag::Key, value: Arc::from(key) },
    };
    let reserve_at = match funding {
        Some(Funding::Held { .. }) | None => ReserveAt::Creation,
        Some(Funding::Mandate { .. } | Funding::MerchantAuthorised) => ReserveAt::Send,
    };
    Command::RequestRefund(Box::new(RequestRefund {
        amount: asked.amount,
        currency: asked.currency,
        merchant_reference,
        fee: FeeInput::ByRules {
            method: Arc::from(asked.payment_method.unwrap_or_default()),
            terms: FeeTerms::default(),
        },
        creditor: asked.creditor,
        may_ask_details: asked.may_ask_details,
        funding,
        shortage: asked.shortage,
        reserve_at,
        wait_for_settlement: asked.wait_for_settlement,
        remittance: asked.remittance.map(Arc::from),
        extension: Arc::from(kept.encode()),
        ..blank(&call.native, asked.payment, reference)
    }))
}

/// A refund of all that is left from the payment's own account, as it is made
/// where nothing else is said.
pub(super) fn blank(native: &NativeState, payment: PaymentId, reference: ReferenceInput) -> RequestRefund {
    RequestRefund {
        id: RefundId(new_id(native.host.engine.now())),
        payment,
        amount: None,
        currency: None,
        origin: extension::origin(),
        reference,
        merchant_reference: None,
        fee: FeeInput::ByRules { method: Arc::from(""), terms: FeeTerms::default() },
        creditor: None,
        refuse_other_creditor: true,
        may_ask_details: false,
        funding: None,
        shortage: Shortage::Refuse,
        reserve_at: ReserveAt::Creation,
        wait_for_settlement: true,
        approval: None,
        maker: None,
        limits: Limits { overall: Span::days(native.config.refund_days), ..Limits::default() },
        remittance: None,
        extension: Arc::from(RefundExtension::default().encode()),
    }
}

/// The refusal of a reference that names another refund, with that refund.
async fn duplicate(call: &Call, merchant_reference: Option<String>) -> Problem {
    let problem = Problem::from(Refusal::DuplicateReference);
    if merchant_reference.is_none() {
        return problem;
    }
    let filter = RefundFilter { merchant_reference, ..RefundFilter::default() };
    let (merchant, page) = (call.merchant, PageRequest { limit: 1, before: None });
    let found = call.native.host.engine.read(move |reader| reader.refunds(merchant, &filter, page)).await;
    match found.ok().and_then(|found| found.into_iter().next()) {
        Some(original) => problem.with_original(format!("/v1/refunds/{}", original.id)),
        None => problem,
    }
}

fn refund_in(outcome: &Outcome) -> Result<Refund, Problem> {
    match &outcome.result {
        Ok(Answer::Refund(refund)) => Ok(Refund::clone(refund)),
        Ok(
            Answer::Payment(_)
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

/// The payment of a refund, where the answer must look at its debtor.
pub(super) fn payer(reader: &dyn Reader, merchant: MerchantId, refund: &Refund) -> Result<Option<Payment>, StoreError> {
    match refund.creditor {
        Creditor::Payer => reader.payment(merchant, refund.payment),
        Creditor::Unknown | Creditor::Given { .. } => Ok(None),
    }
}

/// `GET /v1/refunds/{id}`.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    json(StatusCode::OK, &current(call, id).await?)
}

/// A refund as it is now.
pub(super) async fn current(call: &Call, id: RefundId) -> Result<wire::RefundBody, Problem> {
    let merchant = call.merchant;
    let read = move |reader: &dyn Reader| {
        let Some(refund) = reader.refund(merchant, id)? else {
            return Ok::<_, StoreError>(None);
        };
        let payment = payer(reader, merchant, &refund)?;
        Ok(Some((refund, payment)))
    };
    let found = call.native.host.engine.read(read).await?;
    let (refund, payment) = found.ok_or(Refusal::RefundUnknown)?;
    Ok(wire::refund(&refund, payment.as_ref(), call.native.host.environment))
}

/// `GET /v1/refunds`: newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let query = call.query(&["payment_id", "status", "merchant_reference", "limit", "cursor"])?;
    let limit = paging::limit(query.get("limit"))?;
    let before = query.get("cursor").map(|text| paging::row(Listing::Refunds, text)).transpose()?;
    let filter = RefundFilter {
        payment: query.id("payment_id", PaymentId::parse)?,
        states: query.get("status").map(statuses).transpose()?.unwrap_or_default(),
        visible_to: None,
        merchant_reference: query.get("merchant_reference").map(str::to_owned),
    };
    let page = PageRequest { limit: limit.saturating_add(1), before: before.map(RefundId) };
    let merchant = call.merchant;
    let read = move |reader: &dyn Reader| {
        let found = reader.refunds(merchant, &filter, page)?;
        let with_payer = |refund: Refund| payer(reader, merchant, &refund).map(|payment| (refund, payment));
        found.into_iter().map(with_payer).collect::<Result<Vec<_>, StoreError>>()
    };
    let mut found = call.native.host.engine.read(read).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|(last, _)| paging::cursor(Listing::Refunds, last.id.0));
    let environment = call.native.host.environment;
    let data = found.iter().map(|(refund, payment)| wire::refund(refund, payment.as_ref(), environment));
    json(StatusCode::OK, &Page { data: data.collect(), has_more, next_cursor })
}

/// One or more words, with commas between them.
fn statuses(text: &str) -> Result<Vec<String>, Problem> {
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    let known = words.len() <= states::REFUND_STATUSES.len()
        && words.iter().all(|word| states::REFUND_STATUSES.contains(&word.as_str()));
    if known {
        Ok(words)
    } else {
        Err(Problem::at(errors::INVALID_PARAMETER, "?status", "This is no status of a refund."))
    }
}

/// `POST /v1/refunds/{id}/cancel`: at once before the send; after it the rail
/// is asked, and the answer shows the refund still submitted.
pub(super) async fn cancel(call: Call) -> Response {
    call.answer(try_cancel(&call).await)
}

async fn try_cancel(call: &Call) -> Result<Response, Problem> {
    let once = call.optional_once()?;
    super::fields::Fields::of_body(&call.json_or_empty()?, &[])?;
    let refund = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    let outcome = call.execute(Command::CancelRefund { refund }, once).await?;
    let body = match &outcome.result {
        Ok(_) => current(call, refund).await?,
        Err(refusal) => return Err((*refusal).into()),
    };
    let response = json(StatusCode::OK, &body)?;
    Ok(marked(response, &outcome))
}

/// `GET /v1/refunds/{id}/timeline`: its events, oldest first.
pub(super) async fn timeline(call: Call) -> Response {
    call.answer(try_timeline(&call).await)
}

async fn try_timeline(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = call.id(RefundId::parse, Refusal::RefundUnknown)?;
    let merchant = call.merchant;
    let read = move |reader: &dyn Reader| {
        let known = reader.refund(merchant, id)?.is_some();
        let events = if known { Some(reader.refund_events(merchant, id)?) } else { None };
        Ok::<_, StoreError>(events)
    };
    let events = call.native.host.engine.read(read).await?.ok_or(Refusal::RefundUnknown)?;
    let data = events.iter().map(events::timeline_entry).collect();
    json(StatusCode::OK, &Page { data, has_more: false, next_cursor: None })
}
