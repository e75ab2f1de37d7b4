//! The native dialect: the whole engine under `/v1`, with problem details for
//! errors and Standard Webhooks for events.

mod accounts;
mod approvals;
mod auth;
mod call;
mod changes;
mod config;
mod deliveries;
mod endpoints;
mod errors;
mod estimate;
mod events;
mod extension;
mod feed;
mod fields;
mod idempotency;
mod mandates;
mod paging;
mod payments;
mod people;
mod provision;
mod refunds;
mod requests;
mod routes;
mod rules;
mod states;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;

pub use webhook::NativeWebhooks;

use crate::host::{Dialect, Host, Provisioned, SandboxPlan};
use crate::limiter::Limiter;
use crate::settings::ConfigError;
use axum::Router;
use axum::response::Response;
use config::Config;
use errors::Problem;
use http::{HeaderMap, Method};
use refundry_domain::id::{MerchantId, PersonId};
use refundry_domain::time::Timestamp;
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::registry::Credential;
use refundry_engine::webhook::WebhookDialect;
use std::sync::Arc;

/// What every call of this dialect works with.
struct NativeState {
    host: Arc<Host>,
    config: Config,
    limiter: Limiter,
    others: Vec<Arc<dyn WebhookDialect>>,
}

impl std::fmt::Debug for NativeState {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "NativeState({:?})", self.host.environment)
    }
}

impl NativeState {
    /// The families of webhooks that an endpoint may name.
    fn families(&self) -> impl Iterator<Item = Arc<dyn WebhookDialect>> {
        let own: Arc<dyn WebhookDialect> = Arc::new(NativeWebhooks);
        std::iter::once(own).chain(self.others.iter().cloned())
    }
}

#[derive(Debug)]
struct Native(Arc<NativeState>);

/// Sets the dialect up. `others` are the families of webhooks of the other
/// dialects: an endpoint that is made here may name one of them.
///
/// # Errors
/// An unknown key or a value out of range.
pub(crate) fn open(
    host: &Arc<Host>,
    settings: &serde_json::Value,
    others: Vec<Arc<dyn WebhookDialect>>,
) -> Result<Arc<dyn Dialect>, ConfigError> {
    let config = Config::parse(settings)?;
    let limiter = Limiter::new(config.rate_limit);
    Ok(Arc::new(Native(Arc::new(NativeState { host: Arc::clone(host), config, limiter, others }))))
}

impl Dialect for Native {
    fn name(&self) -> &'static str {
        extension::DIALECT
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/v1", "/problems", ""]
    }

    fn router(&self) -> Router {
        routes::router(Arc::clone(&self.0))
    }

    fn not_found(&self, _method: &Method, path: &str) -> Response {
        routes::refused(Problem::of(errors::NOT_FOUND), &HeaderMap::new(), path)
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        Arc::new(NativeWebhooks)
    }

    fn sandbox_member(&self) -> &'static str {
        extension::DIALECT
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        provision::provision(plan, self.0.host.environment)
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        Arc::new(people::People(Arc::clone(&self.0)))
    }

    fn key_members(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn has_decision_keys(&self) -> bool {
        true
    }

    fn decision_key(
        &self,
        owner: (MerchantId, PersonId),
        at: Timestamp,
        given: Option<&str>,
    ) -> Option<(String, Credential)> {
        Some(provision::decision_key(owner, at, given, self.0.host.environment))
    }
}
