//! What a merchant has from its start in a sandbox: a key that makes and reads
//! refunds, the ids of its wallets, and the secret of the inbox.

use super::keys::HawkKey;
use super::{App, DIALECT, wallets, webhook};
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::id::EndpointId;
use refundry_domain::money::Currency;
use refundry_engine::digest::sha256;
use refundry_engine::mint;
use refundry_engine::registry::{Credential, Endpoint, RegistryEntry, Scope};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Random bytes of a key's public id.
const ID_BYTES: usize = 12;
/// Random bytes of a key and of a signing secret.
const SECRET_BYTES: usize = 32;
/// The currencies of the wallets that `sandbox.json` names.
const CURRENCIES: [Currency; 3] = [Currency::GBP, Currency::EUR, Currency::USD];

/// Makes a further key of the demo merchant. Keys open the same merchant, so
/// there is one inbox for all of them.
pub(super) fn provision(app: &App, plan: &SandboxPlan<'_>) -> Provisioned {
    let given = |member: &str, make: &dyn Fn() -> String| plan.given(member).map_or_else(make, str::to_owned);
    let id = given("auth_id", &|| format!("hawk-{}", random_hex::<ID_BYTES>()));
    let key = given("auth_key", &random_hex::<SECRET_BYTES>);
    let known = inbox_of(app, plan);
    let known_secret = known.as_ref().map(|inbox| inbox.secret.clone());
    let secret = known_secret.unwrap_or_else(|| given("webhook_secret", &random_hex::<SECRET_BYTES>));
    let wallets = CURRENCIES.into_iter().filter_map(|currency| {
        let account = plan.accounts.get(&currency)?;
        Some((currency.code().to_owned(), json!(wallets::spelling(*account))))
    });
    // By these a wallet that was lost gets its id, and so its spelling, again.
    let accounts = CURRENCIES.into_iter().filter_map(|currency| {
        let account = plan.accounts.get(&currency)?;
        Some((currency.code().to_owned(), json!(account.to_string())))
    });
    let mut members = Map::new();
    members.insert("accounts".into(), Value::Object(accounts.collect()));
    members.insert("auth_id".into(), json!(id));
    members.insert("auth_key".into(), json!(key));
    members.insert("wallets".into(), Value::Object(wallets.collect()));
    members.insert("webhook_secret".into(), json!(secret));
    let credential = Credential {
        id: id.clone(),
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        secret_hash: sha256(key.as_bytes()),
        scope: Scope::Calls,
        owner: None,
        created_at: plan.at,
        revoked_at: None,
        expires_at: None,
    };
    let words = plan.seed.get("scopes").and_then(Value::as_array).into_iter().flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let mut entries = vec![
        HawkKey::named(key, app.host.environment, &words).entry(plan.merchant, &id),
        RegistryEntry::Credential(credential),
    ];
    if known.is_none() {
        entries.push(RegistryEntry::Endpoint(inbox(plan, secret)));
    }
    Provisioned { entries, commands: Vec::new(), members }
}

fn inbox_of(app: &App, plan: &SandboxPlan<'_>) -> Option<Arc<Endpoint>> {
    let url = inbox_url();
    let directory = app.host.engine.directory();
    let mut found = directory.endpoints.values().filter(|endpoint| {
        endpoint.merchant == plan.merchant && endpoint.dialect == DIALECT && endpoint.hidden && endpoint.url == url
    });
    found.next().cloned()
}

fn inbox_url() -> String {
    format!("inbox:{DIALECT}")
}

fn inbox(plan: &SandboxPlan<'_>, secret: String) -> Endpoint {
    Endpoint {
        id: EndpointId(mint::new_id(plan.at)),
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        url: inbox_url(),
        secret,
        events: Vec::new(),
        enabled: true,
        hidden: true,
        description: "sandbox inbox".to_owned(),
        settings: webhook::signature::Signing::default().encode(),
        created_at: plan.at,
    }
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    mint::fill_random(&mut bytes);
    hex::encode(bytes)
}
