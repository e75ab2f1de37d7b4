//! What the mock bank's own pages read: not part of the provider's API.

use crate::truelayer::errors::to_json;
use crate::truelayer::extension::{PaymentExtension, Step};
use crate::truelayer::providers::catalogue;
use crate::truelayer::states::payments as states;
use refundry_domain::payment::{Payment, PaymentState};
use serde::Serialize;
use url::Url;

#[derive(Serialize)]
struct VisitBody<'a> {
    payment_id: String,
    /// In major units, with the currency: for people.
    amount: String,
    merchant: &'a str,
    provider: &'a str,
    /// The payer may decide now.
    open: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_uri: Option<String>,
}

/// A payment for the payer's eyes.
pub(in crate::truelayer) fn visit(payment: &Payment, extension: &PaymentExtension, merchant: &str) -> Vec<u8> {
    let provider = extension.provider.as_deref().and_then(catalogue::find);
    let return_uri = extension.flow.as_ref().and_then(|flow| flow.return_uri.as_deref());
    to_json(&VisitBody {
        payment_id: payment.id.to_string(),
        amount: in_words(payment),
        merchant,
        provider: provider.map_or("Mock bank", |provider| provider.display_name),
        open: payment.state == PaymentState::Open && extension.step() == Some(Step::Redirect),
        status: states::payment(payment, Some(extension)).status,
        return_uri: return_uri.and_then(|uri| with_payment_id(uri, &payment.id.to_string())),
    })
}

/// The client's address with the payment's id, as payers come back to it.
fn with_payment_id(uri: &str, id: &str) -> Option<String> {
    let mut uri = Url::parse(uri).ok()?;
    uri.query_pairs_mut().append_pair("payment_id", id);
    Some(uri.into())
}

/// An amount with its decimals: `74.50 GBP`.
fn in_words(payment: &Payment) -> String {
    let currency = payment.amount.currency;
    let places = usize::from(currency.exponent());
    let digits = format!("{:0width$}", payment.amount.minor, width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    if fraction.is_empty() { format!("{whole} {currency}") } else { format!("{whole}.{fraction} {currency}") }
}
