//! From a client's wish to the core's command.

use super::super::App;
use super::super::accounts::{first_own, is_of};
use super::super::auth::Caller;
use super::super::errors::Fault;
use super::super::extension::PaymentExtension;
use super::super::flow::steps;
use super::super::wire::payments::request::{Beneficiary, Limits, PaymentRequest, Selection};
use crate::truelayer::DIALECT;
use refundry_domain::command::{Command, OpenAccount, RecordPayment};
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::ledger::{Account, AccountKind, Book};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::Party;
use refundry_domain::payment::{Payment, PaymentState, Provenance};
use refundry_domain::reference::as_uuid_v4;
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::Environment;
use refundry_engine::digest::sha256;
use refundry_engine::envelope::Envelope;
use refundry_engine::mint;
use std::sync::Arc;

/// The group of accounts that stand for accounts elsewhere: no client has it,
/// so nobody sees them.
const ELSEWHERE: &str = "truelayer:elsewhere";

/// What of the settings a request is read under.
pub(super) fn limits(app: &App) -> Limits<'_> {
    let sandbox = app.host.environment == Environment::Sandbox;
    Limits {
        sandbox,
        verify_check_digits: !sandbox || app.config.verify_check_digits,
        return_uris: &app.config.return_uri_allowlist,
    }
}

/// What is stored with a payment when it is made.
pub(super) fn extension(request: &PaymentRequest, user_id: String) -> PaymentExtension {
    let (provider, scheme) = match &request.selection {
        Selection::UserSelected(_) => (None, None),
        Selection::Preselected { provider, scheme } => (Some(provider.id.to_owned()), Some((*scheme).to_owned())),
    };
    let mut extension = PaymentExtension {
        user_id,
        payer_name: request.payer_name.clone(),
        metadata: request.metadata.clone(),
        method: request.method.clone(),
        user_selected: matches!(request.selection, Selection::UserSelected(_)),
        provider,
        scheme,
        external: request.beneficiary == Beneficiary::ExternalAccount,
        may_retry: request.retry,
        flow: None,
    };
    if let Some(flow) = &request.flow {
        extension = steps::begun(extension, flow.clone());
    }
    extension
}

/// What is shown of a payment that was made through another door: it has no
/// bank and no scheme that this provider knows.
pub(super) fn of_other_door(payment: &Payment) -> PaymentExtension {
    let method = format!(
        concat!(
            r#"{{"type":"bank_transfer","provider_selection":{{"type":"user_selected"}},"#,
            r#""beneficiary":{{"type":"merchant_account","merchant_account_id":"{}"}}}}"#,
        ),
        payment.account
    );
    PaymentExtension { user_id: payment.id.to_string(), method, user_selected: true, ..PaymentExtension::default() }
}

/// The command that makes the payment.
pub(super) async fn record(app: &App, caller: &Caller, request: &PaymentRequest) -> Result<RecordPayment, Fault> {
    let account = match request.beneficiary {
        Beneficiary::MerchantAccount(id) => merchant_account(app, caller, id, request.currency).await?,
        Beneficiary::ExternalAccount => elsewhere(app, caller, request.currency).await?,
    };
    let now = app.host.engine.now();
    let user_id = request.user_id.clone().unwrap_or_else(|| PaymentId(mint::random_id()).to_string());
    let payer_key = format!("{DIALECT}:{}:{user_id}", caller.client);
    let extension = extension(request, user_id);
    let remitter = request.remitter.clone();
    Ok(RecordPayment {
        id: PaymentId(mint::new_id(now)),
        origin: caller.origin(app),
        account,
        amount: Amount::new(request.amount, request.currency),
        debtor: remitter.map(|account| Party { name: request.payer_name.clone(), account }),
        state: PaymentState::Open,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: None,
        payer_key: Some(Arc::from(payer_key)),
        occurred_at: None,
        expires_at: Some(now.plus(app.config.payment_authorization_ttl)),
        extension: extension.encode(),
    })
}

async fn accounts(app: &App, caller: &Caller) -> Result<Vec<Account>, Fault> {
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.accounts(merchant)).await;
    let mut found = found.map_err(Fault::of_unavailable)?;
    found.retain(|account| account.kind == AccountKind::Held);
    Ok(found)
}

async fn merchant_account(app: &App, caller: &Caller, id: AccountId, currency: Currency) -> Result<AccountId, Fault> {
    let accounts = accounts(app, caller).await?;
    let own = first_own(caller);
    let has_own = accounts.iter().any(|account| account.id == own);
    let found = accounts.iter().find(|account| account.id == id && is_of(account, caller, has_own));
    let found = found.ok_or_else(|| super::of_refusal(Refusal::AccountUnknown))?;
    if found.currency != currency {
        return Err(super::of_refusal(Refusal::CurrencyMismatch));
    }
    Ok(id)
}

/// The account that stands for accounts elsewhere: payments to them are
/// followed and never credited. It is opened when it is needed first; its id
/// follows from merchant and currency, so that two requests open one.
async fn elsewhere(app: &App, caller: &Caller, currency: Currency) -> Result<AccountId, Fault> {
    let id = AccountId(stable_id(caller, currency, "account"));
    if accounts(app, caller).await?.iter().any(|account| account.id == id) {
        return Ok(id);
    }
    let book =
        Book::from_ids(std::array::from_fn(|place| AccountId(stable_id(caller, currency, &format!("book {place}")))));
    let open = OpenAccount {
        id,
        kind: AccountKind::Held,
        currency,
        name: Arc::from("Accounts elsewhere"),
        group: Arc::from(ELSEWHERE),
        eligible: false,
    };
    for command in [Command::OpenBook { currency, book }, Command::OpenAccount(open)] {
        let envelope = Envelope::command(caller.merchant, caller.actor(), command);
        match app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?.result {
            Ok(_) | Err(Refusal::AlreadyExists) => {}
            Err(refusal) => return Err(super::of_refusal(refusal)),
        }
    }
    Ok(id)
}

fn stable_id(caller: &Caller, currency: Currency, what: &str) -> u128 {
    let hash = sha256(format!("{ELSEWHERE}:{}:{currency}:{what}", caller.merchant).as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    as_uuid_v4(u128::from_be_bytes(half))
}
