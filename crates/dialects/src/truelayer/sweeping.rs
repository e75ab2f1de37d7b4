//! Sweeping: what a client asked to be swept is stored and told; no money is
//! moved by it (contract 3.14).
//!
//! Round trips: one read of the account and one envelope, or one read.

use super::auth::{self, Scope};
use super::call::{Call, Incoming, Signed};
use super::clients::{self, Client, Sweeping};
use super::errors::{Fault, to_json};
use super::wire::identifiers::Identifier;
use super::wire::refunds::Faults;
use super::{App, accounts, routes};
use crate::answer;
use crate::json::Json;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::Account;
use serde::Serialize;
use std::sync::Arc;

/// How often an account may be swept.
const FREQUENCIES: [&str; 3] = ["daily", "weekly", "fortnightly"];

/// Adds the routes of sweeping.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    routes::both(router, "/merchant-accounts/{id}/sweeping", get(show).post(set).delete(unset))
}

#[derive(Serialize)]
struct SweepingBody<'a> {
    max_amount_in_minor: u64,
    currency: &'a str,
    frequency: &'a str,
    destination: Identifier,
}

/// What is swept from an account, and where to.
fn body(client: &Client, account: AccountId) -> Option<Vec<u8>> {
    let sweeping = client.sweepings.iter().find(|sweeping| sweeping.account == account)?;
    let target = client.sweeping_targets.iter().find(|target| target.account == account)?;
    Some(to_json(&SweepingBody {
        max_amount_in_minor: sweeping.amount_max,
        currency: &sweeping.currency,
        frequency: &sweeping.frequency,
        destination: Identifier::Iban { iban: target.iban.clone() },
    }))
}

fn unset_yet() -> Fault {
    Fault::not_found("Sweeping settings")
}

async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let account = accounts::find(&app, &caller, &routes::id(id)).await?;
    let (_, client) = clients::find(&app, &caller.client).ok_or_else(Fault::internal)?;
    Ok(answer::json(200, body(&client, account.id).ok_or_else(unset_yet)?))
}

async fn set(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payouts)?;
    let request = call.json().and_then(read);
    let account = accounts::find(&app, &call.caller, &routes::id(id)).await;
    clients::change(&app, &call, |client| {
        let (request, account) = (request?, account?);
        let sweeping = check(request, &account, client)?;
        client.sweepings.retain(|known| known.account != account.id);
        client.sweepings.push(sweeping);
        let body = body(client, account.id).ok_or_else(Fault::internal)?;
        Ok((200, body))
    })
    .await
}

async fn unset(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    incoming: Incoming,
) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payouts)?;
    let account = accounts::find(&app, &call.caller, &routes::id(id)).await;
    clients::change(&app, &call, |client| {
        let account = account?;
        let before = client.sweepings.len();
        client.sweepings.retain(|known| known.account != account.id);
        if client.sweepings.len() == before { Err(unset_yet()) } else { Ok((204, Vec::new())) }
    })
    .await
}

/// What a request asks for, before its account is known.
struct Request {
    amount_max: u64,
    currency: String,
    frequency: String,
}

fn read(json: &Json) -> Result<Request, Fault> {
    let mut faults = Faults::default();
    let amount_max = json.member("max_amount_in_minor").and_then(Json::as_integer).filter(|minor| *minor > 0);
    let amount_max = faults.take("max_amount_in_minor", amount_max.ok_or("Must be an integer of at least 1."));
    let currency = json.member("currency").and_then(Json::as_text);
    let currency = faults.take("currency", currency.ok_or("The currency is required."));
    let frequency = json.member("frequency").and_then(Json::as_text).filter(|word| FREQUENCIES.contains(word));
    let frequency = faults.take("frequency", frequency.ok_or("Must be daily, weekly or fortnightly."));
    let request = amount_max.zip(currency).zip(frequency).map(|((amount_max, currency), frequency)| Request {
        amount_max,
        currency: currency.to_owned(),
        frequency: frequency.to_owned(),
    });
    faults.finish(request)
}

fn check(request: Request, account: &Account, client: &Client) -> Result<Sweeping, Fault> {
    if request.currency != account.currency.code() {
        return Err(Fault::invalid_field("currency", "Must be the currency of the merchant account."));
    }
    if !client.sweeping_targets.iter().any(|target| target.account == account.id) {
        return Err(Fault::invalid_state("No account is approved for sweeping."));
    }
    let Request { amount_max, currency, frequency } = request;
    Ok(Sweeping { account: account.id, amount_max, currency, frequency })
}
