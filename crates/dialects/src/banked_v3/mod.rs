//! The Banked dialect, third generation: refunds and pay-ins under `/v3`,
//! webhook endpoints under `/v2` and `/v3`, tokens under `/oauth`. What it
//! shares with other generations is in `banked`.
//!
//! | file | what |
//! |---|---|
//! | `routes` | paths, refunds |
//! | `payins` | the other resource |
//! | `hosted` | what a pay-in's checkout page asks |
//! | `people` | refunds that people make on a page |
//! | `auth` | who asks |
//! | `wire` | bodies in and out, the only place with this spelling |
//! | `states`, `errors` | total maps from our states and refusals |
//! | `webhook` | payloads |
//! | `sandbox` | credentials for the sandbox |

mod auth;
mod config;
mod errors;
mod extension;
mod hosted;
mod payins;
mod people;
mod refunds;
mod routes;
mod sandbox;
mod states;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use crate::banked::signature::Keys;
use crate::banked::{App, FAMILY, Family, paths};
use crate::host::{Dialect, Provisioned, SandboxPlan, SigningKeys};
use axum::Router;
use axum::response::Response;
use http::Method;
use refundry_engine::hosted::CheckoutPages;
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::webhook::WebhookDialect;
use std::sync::Arc;

/// Name of this folder, as origins carry it.
pub(crate) const DIALECT: &str = "banked_v3";

/// The dialect as the server sees it.
struct BankedV3 {
    family: Arc<Family>,
    app: Arc<App>,
    keys: Keys,
}

/// Sets the generation up.
pub(crate) fn open(family: &Arc<Family>) -> Arc<dyn Dialect> {
    let (host, config) = family.parts();
    let webhooks = webhook::Webhooks::new(config, host.environment);
    let app = family.join(DIALECT, errors::PAYIN_PATH, Arc::new(webhooks));
    let app = Arc::new(app);
    Arc::new(BankedV3 { family: Arc::clone(family), keys: Keys(Arc::clone(&app)), app })
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
        paths::not_found(&self.app, path)
    }

    fn refuse(&self, status: u16, detail: &'static str, path: &str) -> Option<Response> {
        Some(paths::refuse(&self.app, status, detail, path))
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        self.family.webhooks()
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        Arc::new(people::People(Arc::clone(&self.app)))
    }

    fn checkout_pages(&self) -> Option<Arc<dyn CheckoutPages>> {
        Some(Arc::new(hosted::Pages(Arc::clone(&self.app))))
    }

    fn key_members(&self) -> &'static [&'static str] {
        &["application_id", "api_key", "api_secret"]
    }

    fn signing_keys(&self) -> Option<&dyn SigningKeys> {
        Some(&self.keys)
    }

    fn sandbox_member(&self) -> &'static str {
        FAMILY
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        sandbox::provision(&self.app, plan)
    }
}
