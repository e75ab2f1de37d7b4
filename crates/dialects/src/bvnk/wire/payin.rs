//! A pay-in, as its webhook and its read show it (contract 3.6, 7.2).

use super::accounts::{bank_account, entity};
use super::money::{coded, date, sum, time};
use super::out::Object;
use crate::bvnk::App;
use crate::bvnk::extension::PayinNotes;
use crate::bvnk::wallets;
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;
use refundry_domain::time::Timestamp;

/// The `data` of a pay-in in a state.
pub(in crate::bvnk) fn data(app: &App, payment: &Payment, word: &'static str) -> Object {
    let how = PayinNotes::of(payment);
    let id = payment.id.to_string();
    let numbers = app.config(payment.merchant).account_numbers;
    let payer = payment.debtor.as_ref().map(|party| {
        Object::new()
            .put_some("name", party.name.clone())
            .put("entity", entity(how.holder(party)))
            .put("bankAccount", bank_account(how.holder(party), numbers))
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

/// The same in the second version, as it was at a time (contract 7.1: only the
/// name of its event is published, so it follows the payout's read).
pub(in crate::bvnk) fn second(app: &App, payment: &Payment, word: &'static str, at: Timestamp) -> Object {
    let how = PayinNotes::of(payment);
    let payer = payment.debtor.as_ref().map(|party| {
        let account = bank_account(how.holder(party), app.config(payment.merchant).account_numbers);
        Object::new().put("entity", entity(how.holder(party))).put("bankAccount", account)
    });
    let free = Amount::new(0, payment.amount.currency);
    Object::new()
        .put("id", payment.id.to_string())
        .put("type", "FIAT")
        .put("method", how.method)
        .put("status", word)
        .put("direction", "IN")
        .put("createdAt", time(payment.created_at))
        .put("updatedAt", time(at))
        .put("fees", Object::new().put("processingFee", sum(free)))
        .put_some("originator", payer)
        .put("beneficiary", sum(payment.amount).put("walletId", wallets::spelling(payment.account)))
}
