//! What a refund would cost. Changes nothing; reads once.

use super::call::{Call, json};
use super::errors::Problem;
use super::fields::Fields;
use super::requests;
use axum::response::Response;
use http::StatusCode;
use refundry_domain::command::FeeInput;
use refundry_domain::fee::FeeTerms;
use refundry_domain::id::PaymentId;
use refundry_domain::refusal::Refusal;
use refundry_engine::quote::quote;
use refundry_engine::store::Reader;
use std::sync::Arc;

#[derive(serde::Serialize)]
struct EstimateBody {
    payment_id: String,
    amount: u64,
    currency: String,
    fee: u64,
    total: u64,
    refundable: u64,
}

/// `POST /v1/refunds/estimate`: what a refund from a held account would cost now.
pub(super) async fn estimate(call: Call) -> Response {
    call.answer(try_estimate(&call).await)
}

async fn try_estimate(call: &Call) -> Result<Response, Problem> {
    let body = call.json()?;
    let fields = Fields::of_body(&body, &["payment_id", "amount", "currency", "payment_method"])?;
    let id = fields.id("payment_id", PaymentId::parse)?.ok_or_else(|| fields.missing("payment_id"))?;
    let (amount, currency) = (fields.amount("amount")?, fields.currency("currency")?);
    let method = requests::method(&fields, "payment_method")?.unwrap_or_default();
    let fee = FeeInput::ByRules { method: Arc::from(method), terms: FeeTerms::default() };
    let (merchant, directory) = (call.merchant, call.native.host.engine.directory());
    let read = move |reader: &dyn Reader| {
        let Some(payment) = reader.payment(merchant, id)? else { return Ok(Err(Refusal::PaymentUnknown)) };
        if currency.is_some_and(|currency| currency != payment.amount.currency) {
            return Ok(Err(Refusal::CurrencyMismatch));
        }
        quote(reader, &directory, &payment, (amount, &fee))
    };
    let quote = call.native.host.engine.read(read).await??;
    let body = EstimateBody {
        payment_id: id.to_string(),
        amount: quote.amount.minor,
        currency: quote.amount.currency.to_string(),
        fee: quote.fee,
        total: quote.amount.minor.saturating_add(quote.fee),
        refundable: quote.refundable,
    };
    json(StatusCode::OK, &body)
}
