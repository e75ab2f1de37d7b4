//! What the sandbox's routes work with, and who may call them.

use super::inbox::Inbox;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use refundry_dialects::host::Dialect;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::time::Timestamp;
use refundry_engine::clock::AdvancedClock;
use refundry_engine::digest::sha256;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::registry::{Directory, RegistryChange, RegistryEntry};
use refundry_engine::worker::RailWorker;
use refundry_mails::Outbox;
use refundry_rails::mock_bank::MockBank;
use refundry_webhooks::Webhooks;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The dialect that the sandbox API's own credential is registered under.
pub(super) const DIALECT: &str = "sandbox";

/// What the composition root gives to the sandbox.
pub struct Parts {
    /// The write door and the reads.
    pub engine: Arc<Engine>,
    /// The rail.
    pub bank: Arc<MockBank>,
    /// Its worker, which the kill switch must reach, too.
    pub worker: Arc<RailWorker>,
    /// The clock that the engine was started with.
    pub clock: Arc<AdvancedClock>,
    /// The webhook queues.
    pub webhooks: Arc<Webhooks>,
    /// Every dialect of this build.
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// Letters that went to customers.
    pub mails: Arc<Outbox>,
    /// The data folder.
    pub data: PathBuf,
}

/// The sandbox behind its routes.
pub struct Sandbox {
    pub(super) parts: Parts,
    pub(super) inbox: Inbox,
    /// Held while the clock is moved, so that the file never says less than
    /// the clock shows.
    pub(super) moving: Mutex<()>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Sandbox").field("data", &self.parts.data).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox with an empty inbox. A bank whose kill switch was left on
    /// stops its worker again.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        parts.worker.pause(parts.bank.is_paused());
        Arc::new(Self { parts, inbox: Inbox::default(), moving: Mutex::new(()) })
    }

    /// Executes a command for a merchant.
    pub(super) async fn command(&self, merchant: MerchantId, command: Command) -> Result<Answer, Problem> {
        let outcome = self.parts.engine.execute(Envelope::command(merchant, Actor::Sandbox, command)).await?;
        Ok(outcome.result?)
    }

    /// Records registry entries of a merchant, in order.
    pub(super) async fn record(&self, merchant: MerchantId, entries: Vec<RegistryEntry>) -> Result<(), Problem> {
        let envelopes = entries.into_iter().map(|entry| put(merchant, entry)).collect();
        for outcome in self.parts.engine.execute_all(envelopes).await {
            outcome?.result?;
        }
        Ok(())
    }

    /// The dialect with this name, member of `sandbox.json`, or webhook family.
    pub(super) fn dialect(&self, name: &str) -> Option<&Arc<dyn Dialect>> {
        let known_as = |dialect: &Arc<dyn Dialect>| {
            dialect.sandbox_member() == name || dialect.name() == name || dialect.webhooks().family() == name
        };
        self.parts.dialects.iter().find(|dialect| known_as(dialect))
    }

    /// The other dialects that share a dialect's member of `sandbox.json`.
    pub(super) fn further_generations<'a>(
        &'a self,
        first: &'a Arc<dyn Dialect>,
    ) -> impl Iterator<Item = &'a Arc<dyn Dialect>> {
        let shares = |other: &&Arc<dyn Dialect>| {
            other.sandbox_member() == first.sandbox_member() && other.name() != first.name()
        };
        self.parts.dialects.iter().filter(shares)
    }
}

/// An envelope that records one registry entry.
pub(super) fn put(merchant: MerchantId, entry: RegistryEntry) -> Envelope {
    let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
    Envelope { merchant, actor: Actor::Sandbox, once: None, work }
}

/// Whose sandbox the caller's key opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) MerchantId);

/// Lets through who carries a key of the sandbox API.
pub(super) async fn authenticate(
    State(sandbox): State<Arc<Sandbox>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = caller(request.headers(), &sandbox.parts.engine.directory(), sandbox.parts.engine.now());
    let caller = caller.ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "The sandbox's API key is missing or not valid.")
    })?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn caller(headers: &HeaderMap, directory: &Directory, now: Timestamp) -> Option<Caller> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let hash = sha256(key.trim().as_bytes());
    let credential = directory.credential(DIALECT, &credential_id(&hash), now)?;
    // Both are hashes of random secrets: how long comparing them takes tells
    // nothing about a key.
    (credential.secret_hash == hash).then_some(Caller(credential.merchant))
}

/// The public id of a sandbox key, so that any given text can be a key: the
/// first half of its hash.
pub(super) fn credential_id(secret_hash: &[u8; 32]) -> String {
    secret_hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
