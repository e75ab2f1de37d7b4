//! What this dialect puts into a new sandbox: a key, and the endpoint that
//! feeds its inbox.

use super::auth::{given_key, new_key};
use super::extension::DIALECT;
use super::webhook::new_secret;
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::id::EndpointId;
use refundry_domain::rules::Environment;
use refundry_engine::mint::new_id;
use refundry_engine::registry::{Credential, Endpoint, RegistryEntry, Scope};
use serde_json::{Map, Value};

/// A key for the merchant (a given one of our form is kept) and the hidden
/// endpoint `inbox:native`.
pub(super) fn provision(plan: &SandboxPlan<'_>, environment: Environment) -> Provisioned {
    let given = plan.given("api_key").and_then(|text| given_key(text, environment));
    let key = given.unwrap_or_else(|| new_key(environment));
    let credential = Credential {
        id: key.id,
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        secret_hash: key.secret_hash,
        scope: Scope::Calls,
        owner: None,
        created_at: plan.at,
        revoked_at: None,
        expires_at: None,
    };
    let inbox = Endpoint {
        id: EndpointId(new_id(plan.at)),
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        url: format!("inbox:{DIALECT}"),
        secret: new_secret(),
        events: Vec::new(),
        enabled: true,
        hidden: true,
        description: "the sandbox's inbox".to_owned(),
        settings: Vec::new(),
        created_at: plan.at,
    };
    let mut members = Map::new();
    members.insert("api_key".to_owned(), Value::String(key.text));
    let entries = vec![RegistryEntry::Credential(credential), RegistryEntry::Endpoint(inbox)];
    Provisioned { entries, commands: Vec::new(), members }
}
