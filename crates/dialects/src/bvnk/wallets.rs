//! Wallets: the held accounts of the merchant (contract 3.8, 3.12).
//!
//! Round trips: one read.

use super::App;
use super::auth::Caller;
use super::call::{Call, parameter};
use super::errors::Fault;
use super::keys::Scope;
use super::routes;
use super::wire::money::{coded, printed, printed_signed};
use super::wire::out::{Object, Out};
use super::wire::page::PageInput;
use crate::answer;
use crate::print::rfc3339_nanos;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::{Account, AccountKind};
use refundry_domain::money::Amount;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use std::sync::Arc;

/// Characters of the third part of a wallet's id.
const TAIL_LENGTH: usize = 7;
/// The characters that it is written with.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An account's id as this provider spells those of wallets: a pure function
/// of the id, with its time and a hash.
pub(super) fn spelling(id: AccountId) -> String {
    let millis = i64::try_from(id.0 >> 80).unwrap_or(i64::MAX);
    let time = rfc3339_nanos(Timestamp(millis.saturating_mul(1_000_000)));
    // Year without its century up to the hundredths of a second.
    let digits: String = time.as_str().chars().filter(char::is_ascii_digit).skip(2).take(14).collect();
    let hash = sha256(format!("wallet {id}").as_bytes());
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().unwrap_or(b'0'));
    let tail: String = hash.iter().take(TAIL_LENGTH).map(letter).collect();
    format!("a:{digits}:{tail}:1")
}

/// The merchant's wallets, the oldest first.
async fn all(app: &App, caller: &Caller) -> Result<Vec<Account>, Fault> {
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.accounts(merchant)).await;
    let mut accounts = found.map_err(Fault::of_unavailable)?;
    accounts.retain(|account| account.kind == AccountKind::Held && account.group.is_empty());
    accounts.sort_by_key(|account| (account.created_at, account.id));
    Ok(accounts)
}

/// A wallet of the merchant by its id.
///
/// # Errors
/// 404 when it has no such wallet.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Account, Fault> {
    let found = all(app, caller).await?.into_iter().find(|account| spelling(account.id) == id);
    found.ok_or_else(Fault::wallet_unknown)
}

fn body(app: &App, account: &Account) -> Object {
    let currency = account.currency;
    let more = app.config(account.merchant).additive_fields;
    let balance = Object::new()
        .put("value", Out::Raw(printed_signed(account.balance.credit_posted(), currency.exponent())))
        .put("currencyCode", currency.code())
        .extra(more, "currency", currency.code());
    let format = match currency.code() {
        "GBP" => "SCAN",
        "USD" => "ABA",
        "AUD" => "BSB",
        _ => "IBAN",
    };
    let ledger = Object::new()
        .put("type", "FIAT")
        .put("status", "ACTIVE")
        .put("accountNumberFormat", format)
        .put("code", currency.code());
    Object::new()
        .put("id", spelling(account.id))
        .put("accountReference", account.id.to_string())
        .put("customerReference", account.merchant.to_string())
        .put("name", &*account.name)
        .put("status", if account.eligible { "ACTIVE" } else { "INACTIVE" })
        .put("balance", balance)
        .extra(more, "available", coded(Amount::new(account.balance.available(), currency)))
        .put("ledgers", Out::List(vec![ledger.into()]))
}

fn legacy(account: &Account) -> Object {
    let currency = account.currency;
    Object::new()
        .put("id", spelling(account.id))
        .put("description", &*account.name)
        .put("currency", Object::new().put("code", currency.code()))
        .put("balance", Out::Raw(printed_signed(account.balance.credit_posted(), currency.exponent())))
        .put("available", Out::Raw(printed(Amount::new(account.balance.available(), currency))))
}

/// `GET /ledger/v1/wallets` and `/ledger/v2/wallets`.
pub(super) async fn list(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let query = call.query();
    let page = PageInput::read(&query)?;
    let mut accounts = all(&app, &call.caller).await?;
    if let Some(customer) = parameter(&query, "customerReference") {
        accounts.retain(|account| account.merchant.to_string() == customer);
    }
    let rows = accounts.iter().map(|account| body(&app, account).into()).collect();
    Ok(answer::json(200, Out::from(page.print(rows)).print()))
}

/// `GET /ledger/v1/wallets/{id}` and `/ledger/v2/wallets/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let account = find(&app, &call.caller, &routes::id(id)).await?;
    Ok(answer::json(200, Out::from(body(&app, &account)).print()))
}

/// `GET /api/wallet` and `/api/wallet/balances`.
pub(super) async fn list_legacy(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let rows = all(&app, &call.caller).await?.iter().map(|account| legacy(account).into()).collect();
    Ok(answer::json(200, Out::List(rows).print()))
}

/// `GET /api/wallet/{id}`.
pub(super) async fn show_legacy(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let account = find(&app, &call.caller, &routes::id(id)).await?;
    Ok(answer::json(200, Out::from(legacy(&account)).print()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_are_spelled_by_their_ids() {
        let id = AccountId(0x019c_b8a1_0b52_4000_8000_0000_0000_0001);
        let text = spelling(id);
        assert_eq!(text, spelling(id));
        let parts: Vec<&str> = text.split(':').collect();
        assert_eq!((parts.len(), parts[0], parts[1].len(), parts[2].len(), parts[3]), (4, "a", 14, 7, "1"), "{text}");
        assert!(parts[1].starts_with("26"), "{text}");
        assert_ne!(spelling(AccountId(id.0 + 1)), text);
        assert_eq!(spelling(AccountId(u128::MAX)).len(), text.len());
    }
}
