//! The Banked dialect, third generation: refunds and pay-ins under `/v3`,
//! webhook endpoints under `/v2` and `/v3`, tokens under `/oauth`.
//!
//! | file | what |
//! |---|---|
//! | `routes` | paths, refunds |
//! | `payins`, `endpoints`, `oauth` | the other resources |
//! | `auth`, `idempotency` | who asks, and what happens once |
//! | `wire` | bodies in and out, the only place with this spelling |
//! | `states`, `errors` | total maps from our states and refusals |
//! | `webhook` | payloads, signature, retry schedule |
//! | `sandbox` | credentials for the sandbox |

mod auth;
mod config;
mod endpoints;
mod errors;
mod extension;
mod idempotency;
mod oauth;
mod payins;
mod refunds;
mod routes;
mod sandbox;
mod states;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use crate::host::{Dialect, Host, Provisioned, SandboxPlan};
use crate::limiter::Limiter;
use crate::settings::ConfigError;
use axum::Router;
use axum::response::Response;
use config::Config;
use http::Method;
use refundry_engine::webhook::WebhookDialect;
use std::sync::Arc;

/// Name of this folder, as origins carry it.
pub(crate) const DIALECT: &str = "banked_v3";
/// The family: credentials and endpoints are one for both generations.
pub(crate) const FAMILY: &str = "banked";

/// What every handler works with.
#[derive(Debug)]
pub(crate) struct App {
    host: Arc<Host>,
    config: Config,
    /// The dialect's name, shared by all origins.
    dialect: Arc<str>,
    limiter: Limiter,
}

/// The dialect as the server sees it.
struct BankedV3 {
    app: Arc<App>,
}

/// Sets the dialect up.
///
/// # Errors
/// An unknown key or a value out of range.
pub(crate) fn open(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Arc<dyn Dialect>, ConfigError> {
    let config = Config::read(settings)?;
    let limiter = Limiter::new(config.rate_limit);
    let app = App { host: Arc::clone(host), config, dialect: Arc::from(DIALECT), limiter };
    Ok(Arc::new(BankedV3 { app: Arc::new(app) }))
}

impl Dialect for BankedV3 {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn prefixes(&self) -> &'static [&'static str] {
        routes::PREFIXES
    }

    fn router(&self) -> Router {
        routes::router(Arc::clone(&self.app))
    }

    fn not_found(&self, _method: &Method, path: &str) -> Response {
        routes::not_found(&self.app, path)
    }

    fn refuse(&self, status: u16, detail: &'static str, path: &str) -> Option<Response> {
        let kind = errors::Kind::of_status(status);
        let mut reply = errors::Fault::new(kind, detail).reply(routes::shape_of(path), &self.app.config);
        reply.status = status;
        Some(reply.respond())
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        Arc::new(webhook::Webhooks::new(&self.app.config, self.app.host.environment))
    }

    fn sandbox_member(&self) -> &'static str {
        FAMILY
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        sandbox::provision(&self.app, plan)
    }
}
