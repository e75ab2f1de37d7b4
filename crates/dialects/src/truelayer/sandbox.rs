//! What a client has from its start in a sandbox (contract 8.1): credentials,
//! a key pair, two funded merchant accounts, an approved account to sweep to,
//! and a payment of the past.

use super::clients::{Client, ClientKey, SCOPES, SweepingTarget};
use super::signing::{keys, ring};
use super::wire::accounts::own_account_id;
use super::wire::identifiers;
use super::{App, DIALECT, history};
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::id::{AccountId, EndpointId};
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::Currency;
use refundry_domain::rules::Environment;
use refundry_engine::digest::sha256;
use refundry_engine::mint;
use refundry_engine::registry::{Credential, Endpoint, Group, RegistryEntry, Scope};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Random bytes at the end of a client id.
const ID_BYTES: usize = 4;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// The currencies of the merchant accounts that `sandbox.json` names.
const CURRENCIES: [Currency; 2] = [Currency::GBP, Currency::EUR];
/// The member that tells where our keys are.
const JWKS_URL: &str = "jwks_url";
/// The member that tells where tokens are fetched.
const TOKEN_URL: &str = "token_url";

/// Makes a client of the demo merchant. The first one uses the merchant's
/// accounts; each further one of a sandbox has accounts of its own.
pub(super) fn provision(app: &App, plan: &SandboxPlan<'_>) -> Provisioned {
    let given = |member: &str, make: &dyn Fn() -> String| plan.given(member).map_or_else(make, str::to_owned);
    let kind = match app.host.environment {
        Environment::Live => "live",
        Environment::Sandbox => "sandbox",
    };
    let client_id = given("client_id", &|| format!("{kind}-{}", random_hex::<ID_BYTES>()));
    let secret = given("client_secret", &|| random_hex::<SECRET_BYTES>());
    let key_id = given("signing_key_id", &|| EndpointId(mint::random_id()).to_string());
    let accounts = Accounts::of(app, plan, &client_id);
    let gbp = accounts.ids.get(&Currency::GBP).copied();
    let iban = gbp.map(identifiers::approved_iban);
    let iban = plan.given("sweeping_iban").map(str::to_owned).or(iban).unwrap_or_default();
    let mut members = Map::new();
    let point = key_pair(plan, &mut members);
    let named = accounts.ids.iter().map(|(currency, id)| (currency.code().to_owned(), json!(id.to_string())));
    members.insert("client_id".into(), json!(client_id));
    members.insert("client_secret".into(), json!(secret));
    members.insert("signing_key_id".into(), json!(key_id));
    members.insert("merchant_accounts".into(), Value::Object(named.collect()));
    members.insert("sweeping_iban".into(), json!(iban));
    refresh(app, &mut members);
    let keys = point.map(|point| ClientKey { key_id, point, created_at: plan.at, revoked_at: None });
    let target = gbp.map(|account| SweepingTarget { account, iban });
    let client = Client {
        keys: keys.into_iter().collect(),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        report_returns: plan.seed.get("report_returns").and_then(Value::as_bool),
        sweeping_targets: target.into_iter().collect(),
        sweepings: Vec::new(),
    };
    let mut entries = vec![
        client.entry(plan.merchant, &client_id),
        RegistryEntry::Credential(credential(plan, &client_id, &secret)),
        RegistryEntry::Endpoint(inbox(plan, &client_id)),
    ];
    entries.extend(ring::first(app, plan.merchant, plan.at));
    Provisioned { entries, commands: accounts.commands(app, &client_id), members }
}

/// Writes where this server is reached now.
pub(super) fn refresh(app: &App, members: &mut Map<String, Value>) {
    let origin = app.host.public_origin();
    members.insert(JWKS_URL.into(), json!(format!("{}/.well-known/jwks", origin.trim_end_matches('/'))));
    members.insert(TOKEN_URL.into(), json!(format!("{}/connect/token", app.auth_origin())));
}

/// The public half of the client's key; its forms go to the members. Of a
/// given public key nobody here knows the private half.
fn key_pair(plan: &SandboxPlan<'_>, members: &mut Map<String, Value>) -> Option<Vec<u8>> {
    const PRIVATE: &str = "signing_private_key_pem";
    const PUBLIC: &str = "signing_public_key_pem";
    let unusable = |error: keys::NotAKey| tracing::error!(%error, "a client's signing key cannot be used");
    if let Some(pem) = plan.given(PUBLIC) {
        members.insert(PUBLIC.into(), json!(pem));
        if let Some(private) = plan.given(PRIVATE) {
            members.insert(PRIVATE.into(), json!(private));
        }
        return keys::read_public(pem).inspect_err(|error| unusable(*error)).ok();
    }
    let made = match plan.given(PRIVATE) {
        Some(pem) => keys::read_private(pem).map(|pair| (pair, pem.to_owned())),
        None => keys::generate().and_then(|pair| {
            let pem = keys::to_private_pem(&pair)?;
            Ok((pair, pem))
        }),
    };
    let (pair, pem) = made.inspect_err(|error| unusable(*error)).ok()?;
    members.insert(PRIVATE.into(), json!(pem));
    Some(keys::point(&pair))
}

fn credential(plan: &SandboxPlan<'_>, client_id: &str, secret: &str) -> Credential {
    Credential {
        id: client_id.to_owned(),
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: client_id.to_owned(),
        secret_hash: sha256(secret.as_bytes()),
        scope: Scope::Calls,
        owner: None,
        created_at: plan.at,
        revoked_at: None,
        expires_at: None,
    }
}

fn inbox(plan: &SandboxPlan<'_>, client_id: &str) -> Endpoint {
    Endpoint {
        id: EndpointId(mint::new_id(plan.at)),
        merchant: plan.merchant,
        dialect: DIALECT.to_owned(),
        group: client_id.to_owned(),
        url: format!("inbox:{DIALECT}"),
        secret: String::new(),
        events: Vec::new(),
        enabled: true,
        hidden: true,
        description: "sandbox inbox".to_owned(),
        settings: Vec::new(),
        created_at: plan.at,
    }
}

/// The accounts that a client uses.
struct Accounts {
    ids: BTreeMap<Currency, AccountId>,
    /// They are opened for it, and nobody else's.
    own: bool,
}

impl Accounts {
    fn of(app: &App, plan: &SandboxPlan<'_>, client_id: &str) -> Self {
        let directory = app.host.engine.directory();
        let mut groups = directory.groups.values();
        // A first start that was broken off has written its client down already.
        let other =
            |group: &Group| group.dialect == DIALECT && group.merchant == plan.merchant && group.id != client_id;
        let own = groups.any(other);
        let ids = CURRENCIES.into_iter().filter_map(|currency| {
            let shared = *plan.accounts.get(&currency)?;
            Some((currency, if own { own_account_id(client_id, currency) } else { shared }))
        });
        Self { ids: ids.collect(), own }
    }

    /// The accounts, where they are new, the payment of the past, and what they
    /// hold after it.
    fn commands(&self, app: &App, client_id: &str) -> Vec<Command> {
        let open = |(currency, id): (&Currency, &AccountId)| {
            Command::OpenAccount(OpenAccount {
                id: *id,
                kind: AccountKind::Held,
                currency: *currency,
                name: Arc::from(format!("{} account", currency.code())),
                group: Arc::from(client_id),
                eligible: true,
            })
        };
        let mut commands: Vec<Command> = self.ids.iter().filter(|_| self.own).map(open).collect();
        let past = self.ids.get(&Currency::GBP).map(|account| history::payment(app, client_id, *account));
        commands.extend(past.map(Command::RecordPayment));
        let available = app.config.seed_balance;
        commands.extend(self.ids.values().map(|account| Command::SetBalance { account: *account, available }));
        commands
    }
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    mint::fill_random(&mut bytes);
    hex::encode(bytes)
}
