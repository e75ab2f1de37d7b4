//! What this dialect puts into a new sandbox: a key, and the endpoint that
//! feeds its inbox.

use super::auth::{NewKey, given_key, new_key};
use super::extension::DIALECT;
use super::webhook::new_secret;
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::id::{EndpointId, MerchantId, PersonId};
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::mint::new_id;
use refundry_engine::registry::{Credential, Endpoint, RegistryEntry, Scope};
use serde_json::{Map, Value};

/// A key for the merchant (a given one of our form is kept) and the hidden
/// endpoint `inbox:native`.
pub(super) fn provision(plan: &SandboxPlan<'_>, environment: Environment) -> Provisioned {
    let given = plan.given("api_key").and_then(|text| given_key(text, environment));
    let key = given.unwrap_or_else(|| new_key(environment));
    let credential = credential(&key, plan.merchant, plan.at);
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

/// A key for decisions that counts as the word of its owner.
pub(super) fn decision_key(
    (merchant, owner): (MerchantId, PersonId),
    at: Timestamp,
    given: Option<&str>,
    environment: Environment,
) -> (String, Credential) {
    let given = given.and_then(|text| given_key(text, environment));
    let key = given.unwrap_or_else(|| new_key(environment));
    let credential = Credential { scope: Scope::Decisions, owner: Some(owner), ..credential(&key, merchant, at) };
    (key.text, credential)
}

fn credential(key: &NewKey, merchant: MerchantId, at: Timestamp) -> Credential {
    Credential {
        id: key.id.clone(),
        merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        secret_hash: key.secret_hash,
        scope: Scope::Calls,
        owner: None,
        created_at: at,
        revoked_at: None,
        expires_at: None,
    }
}
