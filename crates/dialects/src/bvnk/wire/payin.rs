//! A pay-in, as its webhook and its read show it (contract 3.6, 7.2).

use super::accounts::{bank_account, entity};
use super::money::{coded, date};
use super::out::Object;
use crate::bvnk::App;
use crate::bvnk::extension::PayinNotes;
use crate::bvnk::wallets;
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;

/// The `data` of a pay-in in a state.
pub(in crate::bvnk) fn data(app: &App, payment: &Payment, word: &'static str) -> Object {
    let how = PayinNotes::of(payment);
    let id = payment.id.to_string();
    let numbers = app.config(payment.merchant).account_numbers;
    let payer = payment.debtor.as_ref().map(|party| {
        Object::new()
            .put_some("name", party.name.clone())
            .put("entity", entity(party, how.entity))
            .put("bankAccount", bank_account(party, numbers))
    });
    Object::new()
        .put("status", word)
        .put("transactionReference", id.as_str())
        .put("uuid", id)
        .put("paymentReference", how.reference)
        .put("valueDate", date(payment.created_at))
        .put("amount", coded(payment.amount))
        .put("fee", coded(Amount::new(0, payment.amount.currency)))
        .put("paymentMethod", how.method)
        .put_some("originator", payer)
        .put("beneficiary", Object::new().put("walletId", wallets::spelling(payment.account)))
        .put("metadata", Object::new())
}
