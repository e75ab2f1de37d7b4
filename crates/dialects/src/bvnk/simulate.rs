//! Pay-ins of the sandbox (contract 9.1): under way when they are made,
//! credited one step later.
//!
//! Round trips: one read of the wallets, two envelopes, and the payer's bank.

use super::call::Call;
use super::errors::{self, Fault};
use super::keys::Scope;
use super::states::payin_word;
use super::wire::out::{Object, Out};
use super::wire::simulation::{Simulated, Version};
use super::{App, auth, wallets};
use crate::answer;
use crate::json::Json;
use axum::extract::State;
use axum::response::Response;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::PaymentId;
use refundry_domain::payment::{Origin, PaymentState, Provenance};
use refundry_domain::rules::Environment;
use refundry_engine::envelope::Envelope;
use refundry_engine::mint;
use refundry_engine::rail::{PayinPlan, PayinStep};
use std::sync::Arc;

/// `POST /payment/v1/payins/simulate`.
pub(super) async fn first(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    make(&app, &call, Version::First).await
}

/// `POST /payment/v2/payins/simulation`.
pub(super) async fn second(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    make(&app, &call, Version::Second).await
}

async fn make(app: &App, call: &Call, version: Version) -> Result<Response, Fault> {
    let payers = app.host.payer_bank.as_ref().filter(|_| app.host.environment == Environment::Sandbox);
    let payers = payers.ok_or_else(Fault::no_such_path)?;
    call.needs(app, Scope::Simulate)?;
    let body = call.body()?.unwrap_or_else(|| Json::Object(Vec::new()));
    let Simulated { wallet, amount, payer, notes } = Simulated::read(&body, version, call.config())?;
    let account = wallets::find(app, &call.caller, &wallet).await?;
    if account.currency != amount.currency {
        return Err(Fault::field("amount.currency", "is not the currency of the wallet"));
    }
    auth::use_up(app, &call.caller).await?;
    let now = app.host.engine.now();
    let id = PaymentId(mint::new_id(now));
    let record = RecordPayment {
        id,
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::from("") },
        account: account.id,
        amount,
        debtor: payer,
        state: PaymentState::Executed,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: Some(Arc::from(&*notes.method)),
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: notes.encode(),
    };
    let caller = &call.caller;
    let envelope = Envelope::command(caller.merchant, caller.actor(), Command::RecordPayment(record));
    let outcome = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    outcome.result.map_err(|refusal| errors::of_refusal(call.config(), refusal, id, amount))?;
    let credited = PayinStep { to: PaymentState::Settled, at: now.plus(app.config.simulator_step), failure: None };
    let plan = PayinPlan { merchant: caller.merchant, payment: id, debtor: None, steps: vec![credited] };
    payers.play(plan).await.map_err(|_| Fault::of_status(503, "The simulator does not answer."))?;
    let word = payin_word(PaymentState::Executed, None);
    let body = Object::new().put("transactionReference", id.to_string()).put("status", word);
    Ok(answer::json(200, Out::from(body).print()))
}
