//! The BVNK dialect: refunds of pay-ins below `/payment`, wallets and their
//! transactions below `/ledger`, and the older reads below `/api`.
//!
//! | file | what |
//! |---|---|
//! | `routes`, `call` | paths, and how every request is taken |
//! | `hawk`, `auth`, `keys` | signed requests, who asks, what a key opens |
//! | `estimate`, `refunds`, `idempotency` | giving back |
//! | `payouts`, `payins`, `wallets`, `transactions` | reading |
//! | `approvals`, `people`, `simulate` | deciding by program; refunds of people; pay-ins of the sandbox |
//! | `wire` | bodies in and out |
//! | `states`, `errors` | total maps from our states and refusals |
//! | `webhook` | payloads, signatures, retry schedule |
//! | `config`, `settings` | what is set, and by whom |
//! | `sandbox`, `levers` | what a sandbox's merchant has, and texts with a meaning |

mod approvals;
mod auth;
mod call;
mod config;
mod errors;
mod estimate;
mod extension;
mod fees;
mod hawk;
mod idempotency;
mod keys;
mod levers;
mod payins;
mod payouts;
mod people;
mod refunds;
mod routes;
mod sandbox;
mod settings;
mod simulate;
mod states;
mod transactions;
mod wallets;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use crate::host::{Dialect, Host, Provisioned, SandboxPlan};
use crate::settings::ConfigError;
use axum::Router;
use axum::response::Response;
use config::Config;
use http::Method;
use refundry_domain::time::Timestamp;
use refundry_engine::clock::real_now;
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::rail::Habit;
use refundry_engine::registry::Endpoint;
use refundry_engine::webhook::WebhookDialect;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name of this folder, as origins carry it; also the family of credentials
/// and endpoints, the member of `sandbox.json`, and the settings' subtree.
pub(crate) const DIALECT: &str = "bvnk";

/// What every handler works with.
pub(crate) struct App {
    host: Arc<Host>,
    /// The settings as the installation has them.
    config: Arc<Config>,
    in_force: settings::InForce,
    /// The dialect's name, shared by all origins.
    dialect: Arc<str>,
    /// Signatures of reads that were made before this second are not taken:
    /// another process may have taken them. None where there was none.
    reads_since: Option<i64>,
    /// Signatures that were used up.
    seen: hawk::seen::Seen,
    /// What time it is for the clients, also where the engine's clock was moved.
    real_now: fn(&Host) -> Timestamp,
}

impl std::fmt::Debug for App {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "App({DIALECT})")
    }
}

/// The dialect as the server sees it.
struct Bvnk {
    app: Arc<App>,
}

/// Sets the dialect up.
///
/// # Errors
/// An unknown key or a value out of range.
pub(crate) fn open(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Arc<dyn Dialect>, ConfigError> {
    open_at(host, settings, |_| real_now())
}

fn open_at(
    host: &Arc<Host>,
    subtree: &serde_json::Value,
    real_now: fn(&Host) -> Timestamp,
) -> Result<Arc<dyn Dialect>, ConfigError> {
    let config = Config::read(subtree)?;
    let app = App {
        host: Arc::clone(host),
        in_force: settings::InForce::new(subtree.clone()),
        seen: hawk::seen::Seen::default(),
        reads_since: auth::reads_since(host, real_now),
        config: Arc::new(config),
        dialect: Arc::from(DIALECT),
        real_now,
    };
    Ok(Arc::new(Bvnk { app: Arc::new(app) }))
}

impl Dialect for Bvnk {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn prefixes(&self) -> &'static [&'static str] {
        routes::PREFIXES
    }

    fn mount_prefix(&self) -> Option<&str> {
        self.app.config.mount_prefix.as_deref()
    }

    fn router(&self) -> Router {
        routes::router(Arc::clone(&self.app))
    }

    fn not_found(&self, _method: &Method, path: &str) -> Response {
        routes::print_alone(&self.app, errors::Fault::no_such_path(), path)
    }

    fn refuse(&self, status: u16, detail: &'static str, path: &str) -> Option<Response> {
        Some(routes::print_alone(&self.app, errors::Fault::of_status(status, detail), path))
    }

    fn named(&self, response: Response, request_id: &str) -> Response {
        routes::named(&self.app, response, request_id)
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        Arc::new(webhook::Webhooks::new(Arc::clone(&self.app)))
    }

    fn habits(&self) -> Vec<Habit> {
        levers::habits(&self.app)
    }

    fn check_merchant_settings(&self, values: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        self.app.in_force.check(values)
    }

    fn sandbox_member(&self) -> &'static str {
        DIALECT
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        sandbox::provision(&self.app, plan)
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        Arc::new(people::People(Arc::clone(&self.app)))
    }

    fn key_members(&self) -> &'static [&'static str] {
        &["auth_id", "auth_key"]
    }

    fn key_scopes(&self) -> &'static [&'static str] {
        &keys::SCOPES
    }

    fn has_decision_keys(&self) -> bool {
        true
    }

    fn signature_schemes(&self) -> &'static [&'static str] {
        &webhook::signature::SCHEMES
    }

    fn endpoint_settings(&self, signature_scheme: &str) -> Vec<u8> {
        webhook::signature::Signing::of_scheme(signature_scheme).encode()
    }

    fn replaced_settings(&self, settings: Vec<u8>, before: &Endpoint, new_secret: &str, at: Timestamp) -> Vec<u8> {
        webhook::signature::Signing::read(&settings).after(before, new_secret, at).encode()
    }
}
