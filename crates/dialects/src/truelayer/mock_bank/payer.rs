//! The payer's account at the mock bank: a pure function of who pays, so that
//! a payer comes back with the same account.

use super::super::extension::PaymentExtension;
use super::super::wire::identifiers::iban;
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::Payment;
use refundry_engine::digest::sha256;

/// The name of a payer who gave none.
const NAME: &str = "Sandbox Payer";
/// The sort code of the mock bank's accounts.
const SORT_CODE: &str = "040099";

/// The account from which a payment comes.
pub(in crate::truelayer) fn account(payment: &Payment, extension: &PaymentExtension) -> Party {
    let currency = payment.amount.currency;
    let seed = format!("payer:{}:{}:{}:{currency}", payment.merchant, payment.origin.group, extension.user_id);
    let hash = sha256(seed.as_bytes());
    let digits =
        |count: usize| -> String { hash.iter().take(count).map(|byte| char::from(b'0' + byte % 10)).collect() };
    let account = match currency.code() {
        "GBP" => AccountIdentifier::Scan { sort_code: SORT_CODE.to_owned(), number: digits(8) },
        "PLN" => AccountIdentifier::Iban(iban("PL", &digits(24))),
        "NOK" => AccountIdentifier::Iban(iban("NO", &digits(11))),
        _ => AccountIdentifier::Iban(iban("DE", &digits(18))),
    };
    Party { name: Some(extension.payer_name.clone().unwrap_or_else(|| NAME.to_owned())), account }
}
