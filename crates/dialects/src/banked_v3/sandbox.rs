//! Credentials for a sandbox: an application with a key pair, and the hidden
//! endpoint that feeds the sandbox's inbox.

use super::{App, FAMILY};
use crate::banked::endpoints;
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::id::EndpointId;
use refundry_domain::money::Currency;
use refundry_domain::rules::Environment;
use refundry_engine::digest::sha256;
use refundry_engine::mint;
use refundry_engine::registry::{Credential, Endpoint, Group, RegistryEntry, Scope};
use serde_json::Value;

/// Random bytes of a public key id.
const KEY_BYTES: usize = 12;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// How often a short application name is tried before a longer one is taken.
const NAME_TRY_COUNT_MAX: usize = 16;

/// Makes a further application of the demo merchant.
pub(super) fn provision(app: &App, plan: &SandboxPlan<'_>) -> Provisioned {
    let mode = match app.host.environment {
        Environment::Live => "live",
        Environment::Sandbox => "test",
    };
    let given = |member: &str, make: &dyn Fn() -> String| plan.given(member).map_or_else(make, str::to_owned);
    let application = given("application_id", &|| new_application(app));
    let key = given("api_key", &|| format!("pk_{mode}_{}", random_hex::<KEY_BYTES>()));
    let secret = given("api_secret", &|| format!("sk_{mode}_{}", random_hex::<SECRET_BYTES>()));
    let signature_key = given("webhook_signature_key", &endpoints::new_key);
    let members = [
        ("api_key", key.clone()),
        ("api_secret", secret.clone()),
        ("application_id", application.clone()),
        ("mandate_token", plan.mandate_token.to_string()),
        ("bank_account_id", plan.accounts.get(&Currency::AUD).map(ToString::to_string).unwrap_or_default()),
        ("webhook_signature_key", signature_key.clone()),
    ];
    let group =
        Group { dialect: FAMILY.to_owned(), id: application.clone(), merchant: plan.merchant, settings: Vec::new() };
    let credential = Credential {
        id: key,
        merchant: plan.merchant,
        dialect: FAMILY.to_owned(),
        group: application.clone(),
        secret_hash: sha256(secret.as_bytes()),
        scope: Scope::Calls,
        owner: None,
        created_at: plan.at,
        revoked_at: None,
        expires_at: None,
    };
    let inbox = Endpoint {
        id: EndpointId(mint::new_id(plan.at)),
        merchant: plan.merchant,
        dialect: FAMILY.to_owned(),
        group: application,
        url: format!("inbox:{FAMILY}"),
        secret: signature_key,
        events: Vec::new(),
        enabled: true,
        hidden: true,
        description: "sandbox inbox".to_owned(),
        settings: Vec::new(),
        created_at: plan.at,
    };
    Provisioned {
        entries: vec![
            RegistryEntry::Group(group),
            RegistryEntry::Credential(credential),
            RegistryEntry::Endpoint(inbox),
        ],
        commands: Vec::new(),
        members: members.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect(),
    }
}

/// A free name in the style `app_12345`.
fn new_application(app: &App) -> String {
    let directory = app.host.engine.directory();
    let random = || {
        let mut bytes = [0; 4];
        mint::fill_random(&mut bytes);
        u32::from_be_bytes(bytes)
    };
    let short = (0..NAME_TRY_COUNT_MAX).map(|_| format!("app_{}", 10_000 + random() % 90_000));
    let mut free = short.filter(|name| !directory.groups.contains_key(&(FAMILY.to_owned(), name.clone())));
    free.next().unwrap_or_else(|| format!("app_{}", 1_000_000_000 + u64::from(random())))
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    mint::fill_random(&mut bytes);
    hex::encode(bytes)
}
