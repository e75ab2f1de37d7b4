//! Merchant accounts, their transactions and payment sources (contract 3.11
//! to 3.13). A client sees its own; one that has none uses those of the merchant
//! that are nobody's.
//!
//! Round trips: one read each.

mod range;
mod transactions;

use super::auth::{self, Caller, Scope};
use super::errors::{Fault, to_json};
use super::wire::accounts::{self as wire, PaymentSource};
use super::wire::refunds::Items;
use super::{App, routes};
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, Uri};
use refundry_domain::id::AccountId;
use refundry_domain::ledger::{Account, AccountKind};
use refundry_domain::money::Currency;
use refundry_domain::party::Party;
use std::sync::Arc;
use url::form_urlencoded;

/// Most payments of one payer that are looked through for its sources.
const PAYMENTS_OF_PAYER_MAX: usize = 1_000;

/// Adds the routes of merchant accounts.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = routes::both(router, "/merchant-accounts", get(list));
    let router = routes::both(router, "/merchant-accounts/{id}", get(get_one));
    let router = routes::both(router, "/merchant-accounts/{id}/transactions", get(transactions::list));
    routes::both(router, "/merchant-accounts/{id}/payment-sources", get(payment_sources))
}

/// The account whose being there tells that a client has accounts of its own.
pub(super) fn first_own(caller: &Caller) -> AccountId {
    wire::own_account_id(&caller.client, Currency::GBP)
}

/// Whether an account is one of a client's, who has accounts of its own or not.
pub(super) fn is_of(account: &Account, caller: &Caller, has_own: bool) -> bool {
    let own = account.group == caller.client || (!has_own && account.group.is_empty());
    account.kind == AccountKind::Held && own
}

/// Whether a client gets to see an account.
fn is_shown(account: &Account, caller: &Caller, has_own: bool) -> bool {
    is_of(account, caller, has_own) && wire::is_known(account.currency)
}

/// The name under which customers know the merchant.
pub(super) fn holder(app: &App, caller: &Caller) -> String {
    let directory = app.host.engine.directory();
    directory.merchants.get(&caller.merchant).map(|merchant| merchant.name.clone()).unwrap_or_default()
}

async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.accounts(merchant)).await;
    let mut accounts = found.map_err(Fault::of_unavailable)?;
    let has_own = accounts.iter().any(|account| account.id == first_own(&caller));
    accounts.retain(|account| is_shown(account, &caller, has_own));
    let holder = holder(&app, &caller);
    let items = accounts.iter().map(|account| wire::account(account, &holder)).collect();
    Ok(answer::json(200, to_json(&Items { items })))
}

async fn get_one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let account = find(&app, &caller, &routes::id(id)).await?;
    Ok(answer::json(200, to_json(&wire::account(&account, &holder(&app, &caller)))))
}

/// An account that the caller sees.
///
/// # Errors
/// 404 for every other one, also for a text that is no id.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Account, Fault> {
    let unknown = || Fault::not_found("Merchant account");
    let id = AccountId::parse(id).map_err(|_| unknown())?;
    let merchant = caller.merchant;
    let own = first_own(caller);
    let read = app.host.engine.read(move |reader| {
        let has_own = reader.account(merchant, own)?.is_some();
        Ok((reader.account(merchant, id)?, has_own))
    });
    let (found, has_own) = read.await.map_err(Fault::of_unavailable)?;
    found.filter(|account| is_shown(account, caller, has_own)).ok_or_else(unknown)
}

async fn payment_sources(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let query = uri.query().unwrap_or_default();
    let user = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_id");
    let user = user.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty());
    let user = user.ok_or_else(|| Fault::invalid_field("user_id", "The user is required."))?;
    let account = find(&app, &caller, &routes::id(id)).await?;
    let sources = sources_of(&app, &caller, account.id, &user).await?;
    let items = sources.into_iter().map(|(source, _)| source).collect();
    Ok(answer::json(200, to_json(&Items::<PaymentSource> { items })))
}

/// Where a user's payments into an account came from, the newest first, each
/// once, with the party behind it.
///
/// # Errors
/// The store is not available.
pub(super) async fn sources_of(
    app: &App,
    caller: &Caller,
    account: AccountId,
    user: &str,
) -> Result<Vec<(PaymentSource, Party)>, Fault> {
    let key = wire::payer_key(&caller.client, user);
    let merchant = caller.merchant;
    let found =
        app.host.engine.read(move |reader| reader.payments_of_payer(merchant, &key, PAYMENTS_OF_PAYER_MAX)).await;
    let payments = found.map_err(Fault::of_unavailable)?;
    let mut sources: Vec<(PaymentSource, Party)> = Vec::new();
    for payment in payments.iter().filter(|payment| payment.account == account && payment.state.credited()) {
        // Without an account there is nowhere to pay to.
        let Some(party) = payment.debtor.clone() else { continue };
        let source = wire::payment_source(payment);
        if !sources.iter().any(|(known, _)| known.id == source.id) {
            sources.push((source, party));
        }
    }
    Ok(sources)
}
