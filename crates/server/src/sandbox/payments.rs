//! Pay-ins without a page: made in any state, and moved on.

use super::state::{Caller, DIALECT, Sandbox, json};
use super::wire::{NewPayment, NewStatus, PartyBody, amount, invalid, parse};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::{AccountId, MerchantId, PaymentId};
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::Currency;
use refundry_domain::payment::{Origin, PaymentState, Provenance};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Answer;
use refundry_engine::mint::new_id;
use serde_json::json as object;
use std::sync::Arc;

/// Longest merchant reference, characters.
const MERCHANT_REFERENCE_LENGTH_MAX: usize = 140;

/// `POST /payments`.
pub(super) async fn create(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: NewPayment = parse(&body)?;
    let amount = amount(body.amount, &body.currency)?;
    let state = match body.status.as_deref() {
        None | Some("settled") => PaymentState::Settled,
        Some("executed") => PaymentState::Executed,
        Some("open") => PaymentState::Open,
        Some(_) => return Err(invalid("status must be settled, executed or open.")),
    };
    let merchant_reference = body.merchant_reference;
    if merchant_reference.as_ref().is_some_and(|text| text.chars().count() > MERCHANT_REFERENCE_LENGTH_MAX) {
        return Err(invalid(format!(
            "merchant_reference must have at most {MERCHANT_REFERENCE_LENGTH_MAX} characters."
        )));
    }
    let debtor = body.debtor.map(PartyBody::into_party).transpose()?;
    let account = account_of(&sandbox, merchant, amount.currency).await?;
    let record = RecordPayment {
        id: PaymentId(new_id(sandbox.parts.engine.now())),
        origin: Origin::new(DIALECT, ""),
        account,
        amount,
        debtor,
        state,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference,
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: Arc::from([]),
    };
    let id = record.id;
    sandbox.command(merchant, Command::RecordPayment(record)).await?;
    Ok(json(StatusCode::CREATED, &object!({ "id": id.to_string() })))
}

/// The merchant's first account of a currency.
async fn account_of(sandbox: &Sandbox, merchant: MerchantId, currency: Currency) -> Result<AccountId, Problem> {
    let accounts = sandbox.parts.engine.read(move |reader| reader.accounts(merchant)).await?;
    let fitting = accounts.iter().filter(|account| account.kind == AccountKind::Held && account.currency == currency);
    let first = fitting.min_by_key(|account| (account.created_at, account.id));
    first.map(|account| account.id).ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "currency_unsupported",
            "The demo merchant has no account in this currency.",
        )
    })
}

/// `POST /payments/{id}/status`.
pub(super) async fn advance(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let payment = PaymentId::parse(&id).map_err(|_| Refusal::PaymentUnknown)?;
    let body: NewStatus = parse(&body)?;
    let debtor = body.debtor.map(PartyBody::into_party).transpose()?;
    let to = match body.status.as_str() {
        "settled" => PaymentState::Settled,
        "executed" => PaymentState::Executed,
        "failed" => PaymentState::Failed,
        "reversed" => PaymentState::Reversed,
        _ => return Err(invalid("status must be settled, executed, failed or reversed.")),
    };
    if body.amount.is_some() && !to.credited() {
        return Err(invalid("amount goes with settled and reversed only."));
    }
    let command = if to == PaymentState::Reversed {
        Command::ReversePayment { payment, amount: body.amount }
    } else {
        Command::AdvancePayment { payment, to, credited: body.amount, debtor, failure: None }
    };
    let state = match sandbox.command(merchant, command).await? {
        Answer::Payment(payment) => payment.state,
        Answer::Refund(_)
        | Answer::Payout(_)
        | Answer::Account(_)
        | Answer::Mandate(_)
        | Answer::Send(_)
        | Answer::Kept { .. }
        | Answer::Done => to,
    };
    Ok(json(StatusCode::OK, &object!({ "id": payment.to_string(), "status": state.code() })))
}
