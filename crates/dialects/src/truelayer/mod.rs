//! The TrueLayer dialect: Payments API v3, with and without `/v3` before its
//! paths (contract 1.4).
//!
//! | file | what |
//! |---|---|
//! | `routes` | paths, and what every answer carries |
//! | `call`, `idempotency` | the one way that every POST and DELETE goes, and what happens once |
//! | `auth`, `oauth`, `clients` | who asks, tokens, a client's keys and settings |
//! | `signing` | request signatures, our own signing keys, JWKS |
//! | `payments`, `flow`, `providers`, `mock_bank`, `hosted` | paying |
//! | `refunds`, `people`, `accounts`, `payouts`, `sweeping` | giving back |
//! | `wire` | bodies in and out |
//! | `states`, `errors` | total maps from our states and refusals |
//! | `webhook` | payloads, signature, retry schedule |
//! | `sandbox`, `levers` | what a sandbox's client has from its start, and texts with a meaning |

mod accounts;
mod auth;
mod call;
mod client_keys;
mod clients;
mod config;
mod errors;
mod extension;
mod flow;
mod history;
mod hosted;
mod idempotency;
mod levers;
mod mock_bank;
mod oauth;
mod payments;
mod payouts;
mod people;
mod providers;
mod refunds;
mod routes;
mod sandbox;
mod signing;
mod states;
mod sweeping;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use crate::host::{Dialect, Host, KeyFuture, Provisioned, SandboxPlan, SigningKeys};
use crate::limiter::Limiter;
use crate::settings::ConfigError;
use axum::Router;
use axum::response::Response;
use config::Config;
use http::Method;
use refundry_domain::deadline::Pace;
use refundry_domain::id::MerchantId;
use refundry_domain::reason::FailureKind;
use refundry_domain::time::Span;
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::rail::Habit;
use refundry_engine::webhook::WebhookDialect;
use std::sync::Arc;

/// Name of this folder, as origins carry it; also the family of credentials
/// and endpoints, the member of `sandbox.json`, and the settings' subtree.
pub(crate) const DIALECT: &str = "truelayer";

/// What every handler works with.
#[derive(Debug)]
pub(crate) struct App {
    host: Arc<Host>,
    config: Config,
    /// The dialect's name, shared by all origins.
    dialect: Arc<str>,
    /// How often clients may call.
    limiter: Limiter,
    /// Held while a client's settings or the signing keys are read, changed
    /// and written, so that no change is lost.
    changing: tokio::sync::Mutex<()>,
    /// Our own signing keys, once they were read.
    pairs: signing::ring::Pairs,
}

impl App {
    /// Where tokens are fetched.
    fn auth_origin(&self) -> String {
        self.origin(self.config.auth_origin.as_deref())
    }

    /// Where the API is reached.
    fn api_origin(&self) -> String {
        self.origin(self.config.api_origin.as_deref())
    }

    /// Where the hosted payment page is reached.
    fn hpp_origin(&self) -> String {
        self.origin(self.config.hpp_origin.as_deref())
    }

    /// Where the payer's mock bank is reached.
    fn mock_bank_origin(&self) -> String {
        self.origin(self.config.mock_bank_origin.as_deref())
    }

    /// Where a payer's browser comes back to.
    fn return_origin(&self) -> String {
        self.origin(self.config.return_origin.as_deref())
    }

    /// Where receivers of webhooks find our keys.
    fn jku(&self) -> String {
        let own = || format!("{}/.well-known/jwks", self.host.public_origin().trim_end_matches('/'));
        self.config.jku.clone().unwrap_or_else(own)
    }

    /// How refunds and payouts of this dialect are sent and watched: in the
    /// sandbox they can be seen before they are sent (contract 8.4).
    fn pace(&self) -> Pace {
        let rest = self.host.payer_bank.as_ref().map_or(Span(0), |bank| bank.scaled(self.config.authorize_delay));
        Pace { rest, overdue_after: self.config.refund_overdue_after }
    }

    fn origin(&self, own: Option<&str>) -> String {
        own.map_or_else(|| self.host.public_origin(), str::to_owned).trim_end_matches('/').to_owned()
    }
}

/// The dialect as the server sees it.
struct TrueLayer {
    app: Arc<App>,
}

/// Sets the dialect up.
///
/// # Errors
/// An unknown key or a value out of range.
pub(crate) fn open(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Arc<dyn Dialect>, ConfigError> {
    let config = Config::read(settings)?;
    let app = App {
        host: Arc::clone(host),
        limiter: Limiter::new(config.rate_limit),
        config,
        dialect: Arc::from(DIALECT),
        changing: tokio::sync::Mutex::new(()),
        pairs: signing::ring::Pairs::default(),
    };
    Ok(Arc::new(TrueLayer { app: Arc::new(app) }))
}

impl Dialect for TrueLayer {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn prefixes(&self) -> &'static [&'static str] {
        routes::PREFIXES
    }

    fn router(&self) -> Router {
        routes::router(Arc::clone(&self.app))
    }

    fn not_found(&self, _method: &Method, _path: &str) -> Response {
        routes::not_found(&self.app)
    }

    fn refuse(&self, status: u16, detail: &'static str, path: &str) -> Option<Response> {
        Some(routes::refuse(&self.app, status, detail, path))
    }

    fn named(&self, response: Response, request_id: &str) -> Response {
        routes::named(&self.app, response, request_id)
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        Arc::new(webhook::Webhooks::new(Arc::clone(&self.app)))
    }

    fn habits(&self) -> Vec<Habit> {
        levers::habits(&self.app.config)
    }

    fn failure_of_word(&self, word: &str) -> Option<FailureKind> {
        states::failure_of_word(word)
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        Arc::new(people::People(Arc::clone(&self.app)))
    }

    fn key_members(&self) -> &'static [&'static str] {
        &["client_id", "client_secret", "signing_key_id", "signing_private_key_pem"]
    }

    fn sandbox_member(&self) -> &'static str {
        DIALECT
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        sandbox::provision(&self.app, plan)
    }

    fn refresh(&self, members: &mut serde_json::Map<String, serde_json::Value>) {
        sandbox::refresh(&self.app, members);
    }

    fn signature_schemes(&self) -> &'static [&'static str] {
        &["tl-signature"]
    }

    fn change_client<'a>(
        &'a self,
        merchant: MerchantId,
        client: &'a str,
        settings: &'a serde_json::Value,
    ) -> Option<KeyFuture<'a, ()>> {
        Some(Box::pin(client_keys::change_settings(&self.app, merchant, client, settings)))
    }

    fn signing_keys(&self) -> Option<&dyn SigningKeys> {
        Some(self)
    }
}
