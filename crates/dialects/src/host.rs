//! What dialects stand on, and what each of them offers to the server.

use crate::settings::ConfigError;
use crate::token::TokenKey;
use axum::Router;
use axum::response::Response;
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PersonId};
use refundry_domain::money::Currency;
use refundry_domain::reason::FailureKind;
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::egress::Policy;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{CheckoutPages, HostedPages};
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::rail::{Habit, PayerBank};
use refundry_engine::registry::{Credential, Endpoint, RegistryEntry};
use refundry_engine::webhook::WebhookDialect;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

/// What every dialect works with.
#[derive(Debug)]
pub struct Host {
    /// The one write door, and the reads.
    pub engine: Arc<Engine>,
    /// Signs short-lived tokens.
    pub tokens: TokenKey,
    /// Real money or a sandbox.
    pub environment: Environment,
    /// Where webhooks may go; asked when an endpoint is registered.
    pub egress: Policy,
    /// The simulated bank of payers, in the sandbox.
    pub payer_bank: Option<Arc<dyn PayerBank>>,
    /// The origin was named by whoever runs this server, and not taken from its socket.
    pub origin_is_given: bool,
    public_origin: RwLock<String>,
}

impl Host {
    /// A host whose pages and links begin with this origin.
    #[must_use]
    pub fn new(engine: Arc<Engine>, tokens: TokenKey, environment: Environment, public_origin: String) -> Self {
        let egress = match environment {
            Environment::Sandbox => Policy::sandbox(),
            Environment::Live => Policy::default(),
        };
        Self {
            engine,
            tokens,
            environment,
            egress,
            payer_bank: None,
            origin_is_given: false,
            public_origin: RwLock::new(public_origin),
        }
    }

    /// The same with other rules for where webhooks may go.
    #[must_use]
    pub fn with_egress(mut self, egress: Policy) -> Self {
        self.egress = egress;
        self
    }

    /// The same with a bank that plays payers (sandbox).
    #[must_use]
    pub fn with_payer_bank(mut self, payer_bank: Option<Arc<dyn PayerBank>>) -> Self {
        self.payer_bank = payer_bank;
        self
    }

    /// The same; whether the origin was named by whoever runs this server.
    #[must_use]
    pub fn with_given_origin(mut self, given: bool) -> Self {
        self.origin_is_given = given;
        self
    }

    /// Where the world reaches this server, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn public_origin(&self) -> String {
        self.public_origin.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the origin once the listener's port is known.
    pub fn set_public_origin(&self, origin: String) {
        *self.public_origin.write().unwrap_or_else(PoisonError::into_inner) = origin;
    }
}

/// What the composition root has set up in a new sandbox, for a dialect to
/// make credentials upon.
#[derive(Debug)]
pub struct SandboxPlan<'a> {
    /// The demo merchant.
    pub merchant: MerchantId,
    /// Now, by the engine's clock.
    pub at: Timestamp,
    /// The merchant's funded accounts. AUD is float and settlement account.
    /// A given account id is honoured by whoever opens the accounts.
    pub accounts: &'a BTreeMap<Currency, AccountId>,
    /// The active mandate.
    pub mandate: MandateId,
    /// Its token; a given one is honoured by whoever makes the mandate.
    pub mandate_token: MandateToken,
    /// Given values of this dialect's member of `sandbox.json`; they replace
    /// made ones. Null when nothing is given.
    pub seed: &'a serde_json::Value,
}

impl SandboxPlan<'_> {
    /// The given text of a member, where there is one.
    #[must_use]
    pub fn given(&self, member: &str) -> Option<&str> {
        self.seed.get(member)?.as_str()
    }
}

/// What a dialect made for a sandbox.
#[derive(Debug, Default)]
pub struct Provisioned {
    /// Groups, credentials and the hidden inbox endpoint, to be recorded.
    pub entries: Vec<RegistryEntry>,
    /// What is to be done once the accounts are open, such as payments of
    /// the past; what is there already is left as it is.
    pub commands: Vec<Command>,
    /// The dialect's member of `sandbox.json`.
    pub members: serde_json::Map<String, serde_json::Value>,
}

/// One wire language.
pub trait Dialect: Send + Sync {
    /// Name of the folder; also the dialect's name in origins.
    fn name(&self) -> &'static str;

    /// The path prefixes that it owns: an unknown path below one of them is
    /// answered by [`Dialect::not_found`]. The longest prefix wins; the empty
    /// prefix owns what nobody else does.
    fn prefixes(&self) -> &'static [&'static str];

    /// The path below which all its routes are, prefixes included, where it
    /// was moved there.
    fn mount_prefix(&self) -> Option<&str> {
        None
    }

    /// Its routes, with state, without a fallback of their own.
    fn router(&self) -> Router;

    /// The answer to a path that leads nowhere, in the dialect's own shape.
    fn not_found(&self, method: &Method, path: &str) -> Response;

    /// The answer to a request that was refused before it reached a route
    /// (too large, too slow, overloaded…), with this HTTP status and sentence;
    /// none for the native shape.
    fn refuse(&self, status: u16, detail: &'static str, path: &str) -> Option<Response> {
        let _ = (status, detail, path);
        None
    }

    /// An answer of [`Dialect::not_found`] or [`Dialect::refuse`] with the id
    /// of its request, for a dialect whose answers carry one.
    fn named(&self, response: Response, request_id: &str) -> Response {
        let _ = request_id;
        response
    }

    /// Its webhooks.
    fn webhooks(&self) -> Arc<dyn WebhookDialect>;

    /// How the sandbox's bank treats instructions that came through it, where
    /// nobody asked for something else: its documented levers.
    fn habits(&self) -> Vec<Habit> {
        Vec::new()
    }

    /// What a failure reason in its own words means, so that a sandbox can be
    /// asked for it; none for a word that it does not have.
    fn failure_of_word(&self, word: &str) -> Option<FailureKind> {
        let _ = word;
        None
    }

    /// Whether a merchant may have these settings in place of the
    /// installation's: names with dots, and values as JSON texts.
    ///
    /// # Errors
    /// One of them is no setting, is the same for all merchants, or has a
    /// value that cannot be taken.
    fn check_merchant_settings(&self, values: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        match values.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(ConfigError::new(&format!("{}.{name}", self.name()), "is not set by merchant in this dialect"))
            }
        }
    }

    /// The name of its member of `sandbox.json` and of its inbox.
    fn sandbox_member(&self) -> &'static str;

    /// Makes a further credential group with a key, and the hidden endpoint
    /// that feeds the sandbox's inbox (`inbox:<member>`, all events).
    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned;

    /// Brings those members of `sandbox.json` up to date that depend on where
    /// this server is reached now.
    fn refresh(&self, members: &mut serde_json::Map<String, serde_json::Value>) {
        let _ = members;
    }

    /// What the checkouts that its links lead to ask; none where it has no such links.
    fn checkout_pages(&self) -> Option<Arc<dyn CheckoutPages>> {
        None
    }

    /// What the pages that its links lead to ask; none where it has no such links.
    fn hosted_pages(&self) -> Option<Arc<dyn HostedPages>> {
        None
    }

    /// How refunds of its payments are made for people on a page.
    fn person_refunds(&self) -> Arc<dyn PersonRefunds>;

    /// A key with which a human of the merchant decides by calls, and what is
    /// stored of it; none where this dialect has no such keys. A given key of
    /// its form is kept.
    fn decision_key(
        &self,
        owner: (MerchantId, PersonId),
        at: Timestamp,
        given: Option<&str>,
    ) -> Option<(String, Credential)> {
        let _ = (owner, at, given);
        None
    }

    /// The members of what [`Dialect::provision`] makes that are a key: its
    /// public id, its secret, what belongs to it. Empty where another dialect
    /// of the family issues them.
    fn key_members(&self) -> &'static [&'static str] {
        &[]
    }

    /// The words for what a key may be narrowed to, given to
    /// [`Dialect::provision`] as the list `scopes`; empty where every key
    /// opens the same.
    fn key_scopes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether people may decide with keys of this dialect.
    fn has_decision_keys(&self) -> bool {
        false
    }

    /// The ways in which its webhooks may be signed, where there are several
    /// or the one has a name.
    fn signature_schemes(&self) -> &'static [&'static str] {
        &[]
    }

    /// The settings of an endpoint whose webhooks are signed in this way, one
    /// of [`Dialect::signature_schemes`].
    fn endpoint_settings(&self, signature_scheme: &str) -> Vec<u8> {
        let _ = signature_scheme;
        Vec::new()
    }

    /// The settings of an endpoint that replaces another one; a dialect may
    /// keep the secret `before` for a while. `at` is real time, because that
    /// is when webhooks are signed.
    fn replaced_settings(&self, settings: Vec<u8>, before: &Endpoint, new_secret: &str, at: Timestamp) -> Vec<u8> {
        let _ = (before, new_secret, at);
        settings
    }

    /// Changes settings of one client of a merchant, in its own words; none
    /// where its clients have none.
    fn change_client<'a>(
        &'a self,
        merchant: MerchantId,
        client: &'a str,
        settings: &'a serde_json::Value,
    ) -> Option<KeyFuture<'a, ()>> {
        let _ = (merchant, client, settings);
        None
    }

    /// The keys with which its clients, and we, sign; none where nobody does.
    fn signing_keys(&self) -> Option<&dyn SigningKeys> {
        None
    }
}

/// Why a change of a client's keys or settings was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefused {
    /// The merchant has no such client.
    ClientUnknown,
    /// The client has no such key.
    KeyUnknown,
    /// The client has a key with this id, perhaps a revoked one.
    KeyIdTaken,
    /// The text is no public key that the dialect takes, the id is no id, or
    /// the settings are not the dialect's.
    Malformed,
    /// The engine did not take the change.
    Unavailable(Unavailable),
}

/// The answer to a change of keys or settings, later.
pub type KeyFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyRefused>> + Send + 'a>>;

/// What an operator may do about the keys of a dialect whose clients sign
/// their requests.
pub trait SigningKeys: Send + Sync {
    /// Registers a public key of a client, in PEM, beside those it has, and
    /// tells the key's id: the given one, or a new one.
    fn add<'a>(
        &'a self,
        merchant: MerchantId,
        client: &'a str,
        key_id: Option<&'a str>,
        public_key: &'a str,
    ) -> KeyFuture<'a, String>;

    /// Takes a key of a client out of use. Requests signed with it are
    /// refused from the next one on.
    fn revoke<'a>(&'a self, merchant: MerchantId, client: &'a str, key_id: &'a str) -> KeyFuture<'a, ()>;

    /// Makes the next key that signs the merchant's webhooks; it is published
    /// now and signs once every receiver can know it.
    fn rotate(&self, merchant: MerchantId) -> KeyFuture<'_, ()>;
}
