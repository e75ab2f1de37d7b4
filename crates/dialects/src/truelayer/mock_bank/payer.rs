//! The payer's account at the mock bank: a pure function of who pays, so that
//! a payer comes back with the same account.

use super::super::extension::PaymentExtension;
use super::super::wire::identifiers::iban;
use refundry_domain::id::MerchantId;
use refundry_domain::money::Currency;
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::Payment;
use refundry_engine::digest::sha256;

/// The name of a payer who gave none.
const NAME: &str = "Sandbox Payer";
/// The sort code of the mock bank's accounts.
const SORT_CODE: &str = "040099";

/// The account from which a payment comes.
pub(in crate::truelayer) fn account(payment: &Payment, extension: &PaymentExtension) -> Party {
    let user = User {
        merchant: payment.merchant,
        client: &payment.origin.group,
        id: &extension.user_id,
        name: extension.payer_name.as_deref(),
    };
    account_of(&user, payment.amount.currency)
}

/// Somebody with an account at the mock bank.
pub(in crate::truelayer) struct User<'a> {
    /// The merchant that knows them.
    pub(in crate::truelayer) merchant: MerchantId,
    /// The client that does.
    pub(in crate::truelayer) client: &'a str,
    /// The client's name for them.
    pub(in crate::truelayer) id: &'a str,
    /// What they are called.
    pub(in crate::truelayer) name: Option<&'a str>,
}

/// A user's account in a currency.
pub(in crate::truelayer) fn account_of(user: &User<'_>, currency: Currency) -> Party {
    let seed = format!("payer:{}:{}:{}:{currency}", user.merchant, user.client, user.id);
    let hash = sha256(seed.as_bytes());
    let digits =
        |count: usize| -> String { hash.iter().take(count).map(|byte| char::from(b'0' + byte % 10)).collect() };
    let account = match currency.code() {
        "GBP" => AccountIdentifier::Scan { sort_code: SORT_CODE.to_owned(), number: digits(8) },
        "PLN" => AccountIdentifier::Iban(iban("PL", &digits(24))),
        "NOK" => AccountIdentifier::Iban(iban("NO", &digits(11))),
        _ => AccountIdentifier::Iban(iban("DE", &digits(18))),
    };
    Party { name: Some(user.name.unwrap_or(NAME).to_owned()), account }
}
