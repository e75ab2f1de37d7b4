//! The merchant's bank accounts, as this generation names them, and the banks
//! on offer (contract 3.11, 3.13).
//!
//! Round trips: bank accounts are one read; providers are constant.

use super::auth::{self, Caller};
use super::errors::{Fault, Reply, Shape};
use super::wire;
use crate::banked::App;
use crate::banked::accounts as family;
use crate::banked::checkout;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use refundry_domain::ledger::Account;
use refundry_domain::money::Currency;
use refundry_engine::hosted::Bank;
use std::sync::Arc;

pub(super) use family::{
    Linked, MOCK_BANK, MOCK_BANK_AU, MOCK_BANK_NO_DETAILS, bank, banks, default_of, first_in_pounds,
};

/// The accounts that an application may be paid into, of currencies that this
/// generation knows.
pub(super) fn linked(accounts: Vec<Account>, application: &str) -> Vec<Linked> {
    let mut linked = family::linked(accounts, application);
    linked.retain(|account| wire::speaks_of(account.currency));
    linked
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
    checkout::merchant_name(app, caller.merchant)
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
