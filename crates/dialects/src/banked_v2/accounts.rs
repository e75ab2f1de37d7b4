//! The merchant's bank accounts, as this generation names them, and the banks
//! on offer (contract 3.11, 3.13).
//!
//! Round trips: bank accounts are one read; providers are constant.

use super::auth::{self, Caller};
use super::errors::{Fault, Reply, Shape};
use super::wire;
use crate::account_number;
use crate::banked::App;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::{Account, AccountKind};
use refundry_domain::money::Currency;
use refundry_domain::party::AccountIdentifier;
use refundry_engine::digest::sha256;
use refundry_engine::hosted::Bank;
use std::sync::Arc;

/// The sandbox's bank, and where payers and merchants have accounts.
pub(super) const MOCK_BANK: Bank = Bank { id: "mock-bank", name: "Mock Bank" };
/// A bank that keeps its customers' accounts to itself.
pub(super) const MOCK_BANK_NO_DETAILS: Bank = Bank { id: "mock-bank-no-details", name: "Mock Bank (no details)" };
/// The sandbox's bank in Australia.
pub(super) const MOCK_BANK_AU: Bank = Bank { id: "mock-bank-au", name: "Mock Bank AU" };

/// The first account in pounds (contract 8.2).
const FIRST_SORT_CODE: &str = "010203";
const FIRST_NUMBER: &str = "12345678";
/// The mock bank's sort code and bank state branch.
const SORT_CODE: &str = "040099";
const BSB: &str = "111114";
/// Its name in IBANs.
const IBAN_BANK: &str = "MOCK";
/// The account of every payer at the mock bank (contract 3.13).
const PAYER_NUMBER: &str = "55120934";

/// An account that an application may be paid into.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    /// The account.
    pub(super) id: AccountId,
    /// Its currency.
    pub(super) currency: Currency,
    /// How the world names it.
    pub(super) number: AccountIdentifier,
    own: bool,
    eligible: bool,
}

/// The accounts that an application may be paid into, oldest first. Their
/// numbers are functions of their ids.
pub(super) fn linked(mut accounts: Vec<Account>, application: &str) -> Vec<Linked> {
    accounts.retain(|account| {
        account.kind == AccountKind::Held && (account.group.is_empty() || *account.group == *application)
    });
    accounts.sort_by_key(|account| (account.created_at, account.id));
    let first = accounts.iter().find(|account| account.currency == Currency::GBP).map(|account| account.id);
    let link = |account: &Account| Linked {
        id: account.id,
        currency: account.currency,
        number: number_of(account.id, account.currency, first == Some(account.id)),
        own: !account.group.is_empty(),
        eligible: account.eligible,
    };
    accounts.iter().filter(|account| wire::speaks_of(account.currency)).map(link).collect()
}

/// The account that is paid into when none is named: the application's own
/// before the merchant's.
pub(super) fn default_of(linked: &[Linked], currency: Currency) -> Option<&Linked> {
    let mut fitting: Vec<&Linked> = linked.iter().filter(|account| account.currency == currency).collect();
    fitting.sort_by_key(|account| (!account.own, !account.eligible));
    fitting.first().copied()
}

fn number_of(id: AccountId, currency: Currency, is_first_in_pounds: bool) -> AccountIdentifier {
    if is_first_in_pounds {
        return first_in_pounds();
    }
    let hash = sha256(format!("bank account {id}").as_bytes());
    let digits: String = hash.iter().take(8).map(|byte| char::from(b'0' + byte % 10)).collect();
    at_mock_bank(currency, digits)
}

/// The number of a merchant's first account in pounds.
pub(super) fn first_in_pounds() -> AccountIdentifier {
    scan(FIRST_SORT_CODE, FIRST_NUMBER.to_owned())
}

fn scan(sort_code: &str, number: String) -> AccountIdentifier {
    AccountIdentifier::Scan { sort_code: sort_code.to_owned(), number }
}

fn at_mock_bank(currency: Currency, number: String) -> AccountIdentifier {
    if currency == Currency::AUD {
        return AccountIdentifier::Bsb { bsb: BSB.to_owned(), number };
    }
    if currency == Currency::EUR {
        return AccountIdentifier::Iban(account_number::iban_of("IE", &format!("{IBAN_BANK}{SORT_CODE}{number}")));
    }
    scan(SORT_CODE, number)
}

/// The account of a payer at the mock bank.
pub(super) fn of_payer(currency: Currency) -> AccountIdentifier {
    at_mock_bank(currency, PAYER_NUMBER.to_owned())
}

/// The banks for payments or refunds in a currency; none outside the sandbox,
/// where nothing connects us to one.
pub(super) fn banks(app: &App, currency: Currency, refund: bool) -> Vec<Bank> {
    if app.host.payer_bank.is_none() {
        return Vec::new();
    }
    let main = if currency == Currency::AUD { MOCK_BANK_AU } else { MOCK_BANK };
    if refund { vec![main] } else { vec![main, MOCK_BANK_NO_DETAILS] }
}

/// The bank of this id.
pub(super) fn bank(id: &str) -> Option<Bank> {
    [MOCK_BANK, MOCK_BANK_NO_DETAILS, MOCK_BANK_AU].into_iter().find(|bank| bank.id == id)
}

pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match try_list(&app, &headers).await {
        Ok(body) => Reply { status: 200, body }.respond(),
        Err(fault) => fault.respond(Shape::V2, &app.config),
    }
}

async fn try_list(app: &App, headers: &HeaderMap) -> Result<Vec<u8>, Fault> {
    let caller = auth::caller(app, headers)?;
    let linked = linked_to(app, &caller).await?;
    let name = merchant_name(app, &caller);
    let listed: Vec<wire::Listed<'_>> = linked
        .iter()
        .map(|account| wire::Listed {
            id: account.id,
            name: &name,
            account: &account.number,
            currency: account.currency.code(),
            provider: if account.currency == Currency::AUD { MOCK_BANK_AU.id } else { MOCK_BANK.id },
        })
        .collect();
    Ok(wire::bank_accounts(&listed))
}

/// The accounts that a caller may be paid into.
pub(super) async fn linked_to(app: &App, caller: &Caller) -> Result<Vec<Linked>, Fault> {
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.accounts(merchant)).await;
    Ok(linked(found.map_err(Fault::of_unavailable)?, &caller.application))
}

/// The merchant's name, as customers know it.
pub(super) fn merchant_name(app: &App, caller: &Caller) -> String {
    let directory = app.host.engine.directory();
    directory.merchants.get(&caller.merchant).map(|merchant| merchant.name.clone()).unwrap_or_default()
}

pub(super) async fn providers(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(fault) = auth::caller(&app, &headers) {
        return fault.respond(Shape::V2, &app.config);
    }
    let offered: &[Bank] =
        if app.host.payer_bank.is_some() { &[MOCK_BANK, MOCK_BANK_NO_DETAILS, MOCK_BANK_AU] } else { &[] };
    let offered: Vec<(&str, &str)> = offered.iter().map(|bank| (bank.id, bank.name)).collect();
    Reply { status: 200, body: wire::providers(&offered) }.respond()
}
