//! Merchant accounts and payment sources in this provider's spelling
//! (contract 3.11, 3.13).

use super::identifiers::{self, Identifier};
use crate::print::{Text, uuid};
use crate::truelayer::DIALECT;
use refundry_domain::bytes::Encoder;
use refundry_domain::id::{AccountId, MerchantId, PaymentId};
use refundry_domain::ledger::Account;
use refundry_domain::money::Currency;
use refundry_domain::party::Party;
use refundry_domain::payment::Payment;
use refundry_domain::reference::as_uuid_v4;
use refundry_engine::digest::sha256;
use serde::Serialize;

/// The currencies that clients can read; accounts in others are not shown.
const CURRENCIES: [&str; 4] = ["GBP", "EUR", "PLN", "NOK"];

/// Whether clients of this provider know a currency.
pub(in crate::truelayer) fn is_known(currency: Currency) -> bool {
    CURRENCIES.contains(&currency.code())
}

/// A merchant account as answers show it.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct AccountBody<'a> {
    id: Text<36>,
    currency: &'a str,
    account_identifiers: Vec<Identifier>,
    available_balance_in_minor: u64,
    current_balance_in_minor: u64,
    account_holder_name: &'a str,
}

/// A merchant account. Both balances are told without a sign.
pub(in crate::truelayer) fn account<'a>(account: &'a Account, holder: &'a str) -> AccountBody<'a> {
    AccountBody {
        id: uuid(account.id.0),
        currency: account.currency.code(),
        account_identifiers: identifiers::of_account(account.id, account.currency),
        available_balance_in_minor: account.balance.available(),
        current_balance_in_minor: u64::try_from(account.balance.credit_posted().max(0)).unwrap_or(u64::MAX),
        account_holder_name: holder,
    }
}

/// The account that a payment came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::truelayer) struct PaymentSource {
    /// Its id: a pure function of who paid and from where.
    pub(in crate::truelayer) id: Text<36>,
    /// The payer's id; none where the payment came through another door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) user_id: Option<String>,
    /// Its numbers.
    pub(in crate::truelayer) account_identifiers: Vec<Identifier>,
    /// Whose it is, where the bank told us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) account_holder_name: Option<String>,
}

/// The source of a payment that was credited. Clients need one also where the
/// bank did not tell from which account: then it is the payment's own, without
/// numbers.
pub(in crate::truelayer) fn payment_source(payment: &Payment) -> PaymentSource {
    let user_id = user_of(payment);
    let Some(party) = payment.debtor.as_ref() else {
        let id = uuid(unknown_source_id(payment.id));
        return PaymentSource { id, user_id, account_identifiers: Vec::new(), account_holder_name: None };
    };
    PaymentSource {
        id: uuid(source_id(payment.merchant, user_id.as_deref(), party)),
        user_id,
        account_identifiers: identifiers::of_party(&party.account),
        account_holder_name: party.name.clone(),
    }
}

/// The payer's id for the client who asked for the payment; none where it
/// came through another door.
pub(in crate::truelayer) fn user_of(payment: &Payment) -> Option<String> {
    let key = payment.payer_key.as_deref()?;
    key.strip_prefix(&payer_key(&payment.origin.group, "")).map(str::to_owned)
}

/// The id of a payment source.
pub(in crate::truelayer) fn source_id(merchant: MerchantId, user_id: Option<&str>, party: &Party) -> u128 {
    let mut source = Encoder::new();
    source.text("payment source").id(merchant.0).text(user_id.unwrap_or_default()).text(&party.account.canonical());
    stable_id(&source.finish())
}

/// The id of the source of a payment whose bank did not tell the account.
pub(in crate::truelayer) fn unknown_source_id(payment: PaymentId) -> u128 {
    let mut source = Encoder::new();
    source.text("unknown payment source").id(payment.0);
    stable_id(&source.finish())
}

/// The id of the account that a further client of a sandbox has for itself.
pub(in crate::truelayer) fn own_account_id(client: &str, currency: Currency) -> AccountId {
    let mut source = Encoder::new();
    source.text("merchant account").text(client).text(currency.code());
    AccountId(stable_id(&source.finish()))
}

/// An id that is a pure function of some bytes.
pub(in crate::truelayer) fn stable_id(bytes: &[u8]) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(bytes)[..16]);
    as_uuid_v4(u128::from_be_bytes(half))
}

/// The name by which all payments of a client's user are found.
pub(in crate::truelayer) fn payer_key(client: &str, user_id: &str) -> String {
    format!("{DIALECT}:{client}:{user_id}")
}
