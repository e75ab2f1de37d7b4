//! Pay-ins: create and get (contract 3.9). A pay-in is an open payment until
//! the checkout page or the sandbox moves it on.
//!
//! Round trips: create is one envelope, and one read before it when no
//! account is named; get is one read.

use super::auth::{self, Caller};
use super::errors::{self, Fault, Kind, Shape};
use super::extension::Texts;
use super::wire::{self, PayinMoment, PayinRequest};
use super::{App, routes, states};
use crate::answer;
use crate::banked::call::{self, Call, Post};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::{Origin, Payment, PaymentState, Provenance};
use refundry_engine::envelope::Answer;
use refundry_engine::mint;
use std::sync::Arc;

pub(super) async fn create(State(app): State<Arc<App>>, post: Post) -> Response {
    try_create(&app, post).await.unwrap_or_else(|fault| fault.respond(Shape::Payin, &app.config))
}

async fn try_create(app: &App, post: Post) -> Result<Response, Fault> {
    let call = Call::open(app, post, Shape::Payin, false)?;
    let request = call.json().and_then(|json| PayinRequest::read(json, &app.config.currencies));
    let prepared = match request {
        Ok(request) => prepare(app, &call.caller, &request).await,
        Err(fault) => Err(fault),
    };
    let command = match prepared {
        Ok(command) => Command::RecordPayment(command),
        Err(fault) => return Ok(call.refuse(app, &fault).await),
    };
    match call.execute(app, command).await? {
        Ok(Answer::Payment(payment)) => {
            // A repetition gets the first answer, whatever happened since.
            let status = states::payin(PaymentState::Open, false);
            let moment = PayinMoment { status, updated_at: payment.created_at };
            Ok(answer::json(201, wire::payin(&payment, moment, &checkout_url(app, payment.id))))
        }
        Ok(other) => call::replayed(other),
        Err(refusal) => Err(errors::of_payin_refusal(refusal)),
    }
}

async fn prepare(app: &App, caller: &Caller, request: &PayinRequest<'_>) -> Result<RecordPayment, Fault> {
    let account = creditor_account(app, caller, request.account, request.currency).await?;
    Ok(RecordPayment {
        id: PaymentId(mint::new_id(app.host.engine.now())),
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::clone(&caller.application) },
        account,
        amount: Amount::new(request.amount, request.currency),
        debtor: None,
        state: PaymentState::Open,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: request.texts.encode(),
    })
}

/// The account that is named, or the application's own of the currency.
async fn creditor_account(
    app: &App,
    caller: &Caller,
    named: Option<AccountId>,
    currency: Currency,
) -> Result<AccountId, Fault> {
    let merchant = caller.merchant;
    let application = Arc::clone(&caller.application);
    let found = app.host.engine.read(move |reader| {
        let mut accounts = reader.accounts(merchant)?;
        accounts.retain(|account| {
            account.kind == AccountKind::Held && (account.group.is_empty() || account.group == application)
        });
        Ok(accounts)
    });
    let accounts = found.await.map_err(Fault::of_unavailable)?;
    let unusable = |reason: &'static str| {
        Fault::of(Kind::BankAccount, "No such bank account", "creditor_account/bank_account_id", reason)
    };
    match named {
        Some(id) => match accounts.iter().find(|account| account.id == id) {
            None => Err(unusable("no such bank account")),
            Some(account) if account.currency != currency => Err(unusable("another currency")),
            Some(account) => Ok(account.id),
        },
        None => {
            let own = accounts.iter().filter(|account| account.currency == currency);
            // The application's own account comes before the merchant's.
            let own = own.max_by_key(|account| (!account.group.is_empty(), account.eligible));
            own.map(|account| account.id).ok_or_else(|| unusable("required, as there is no default account"))
        }
    }
}

fn checkout_url(app: &App, id: PaymentId) -> String {
    let base = app.config.checkout_base.clone().unwrap_or_else(|| format!("{}/checkout", app.host.public_origin()));
    format!("{base}/{id}?v3")
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match find(&app, &headers, &routes::id(id)).await {
        Ok(payment) => {
            let chosen = Texts::of_payment(&payment).bank.is_some();
            let moment = PayinMoment { status: states::payin(payment.state, chosen), updated_at: payment.updated_at };
            answer::json(200, wire::payin(&payment, moment, &checkout_url(&app, payment.id)))
        }
        Err(fault) => fault.respond(Shape::Payin, &app.config),
    }
}

async fn find(app: &App, headers: &HeaderMap, id: &str) -> Result<Payment, Fault> {
    let caller = auth::caller(app, headers)?;
    let unknown = || Fault::not_found("No such pay-in");
    let id = PaymentId::parse(id).map_err(|_| unknown())?;
    let merchant = caller.merchant;
    let found =
        app.host.engine.read(move |reader| reader.payment(merchant, id)).await.map_err(Fault::of_unavailable)?;
    found.filter(|payment| caller.sees(&payment.origin)).ok_or_else(unknown)
}
