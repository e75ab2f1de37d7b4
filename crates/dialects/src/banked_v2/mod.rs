//! The Banked dialect, second generation: payment sessions and their refunds
//! under `/v2`. What it shares with other generations is in `banked`.
//!
//! A payment session is a payment. A refund payment session is a view of a
//! refund that its merchant authorises: it has an id of its own, from which the
//! refund's is found and which nobody else can make (`links`).
//!
//! | file | what |
//! |---|---|
//! | `routes` | paths |
//! | `sessions`, `refund_session` | payment sessions, and refunds shown as such |
//! | `refunds` | refunds |
//! | `accounts` | bank accounts and providers |
//! | `checkouts` | the customer's side, for apps without our pages |
//! | `links` | addresses of pages, tokens, ids that are derived |
//! | `hosted` | what the pages behind the links ask |
//! | `people` | refunds that people make on a page |
//! | `auth` | who asks |
//! | `wire` | bodies in and out, the only place with this spelling |
//! | `states`, `errors` | total maps from our states and refusals |
//! | `extension` | what only this dialect knows of a payment or refund |
//! | `webhook` | payloads |
//! | `sandbox` | a session to try |

mod accounts;
mod auth;
mod checkouts;
mod config;
mod errors;
mod extension;
mod hosted;
mod links;
mod people;
mod refund_session;
mod refunds;
mod routes;
mod sandbox;
mod sessions;
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
use refundry_engine::hosted::{CheckoutPages, HostedPages};
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::webhook::WebhookDialect;
use std::sync::Arc;

/// Name of this folder, as origins carry it.
pub(crate) const DIALECT: &str = "banked_v2";

/// The dialect as the server sees it.
struct BankedV2 {
    family: Arc<Family>,
    app: Arc<App>,
    keys: Keys,
}

/// Sets the generation up.
pub(crate) fn open(family: &Arc<Family>) -> Arc<dyn Dialect> {
    let (host, config) = family.parts();
    let webhooks = webhook::Webhooks::new(host, config);
    let app = family.join(DIALECT, errors::SESSION_PATH, Arc::new(webhooks));
    let app = Arc::new(app);
    Arc::new(BankedV2 { family: Arc::clone(family), keys: Keys(Arc::clone(&app)), app })
}

impl Dialect for BankedV2 {
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

    fn signing_keys(&self) -> Option<&dyn SigningKeys> {
        Some(&self.keys)
    }

    fn sandbox_member(&self) -> &'static str {
        FAMILY
    }

    fn provision(&self, plan: &SandboxPlan<'_>) -> Provisioned {
        sandbox::provision(&self.app, plan)
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        Arc::new(people::People(Arc::clone(&self.app)))
    }

    fn checkout_pages(&self) -> Option<Arc<dyn CheckoutPages>> {
        Some(Arc::new(hosted::Pages::new(&self.app)))
    }

    fn hosted_pages(&self) -> Option<Arc<dyn HostedPages>> {
        Some(Arc::new(hosted::Pages::new(&self.app)))
    }
}
