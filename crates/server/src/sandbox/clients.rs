//! Further clients of a dialect, and where its webhooks go.

use super::provision::{ACTIVE_MANDATE, held_accounts};
use super::state::{Caller, Sandbox, json};
use super::wire::{NewClient, NewEndpoint, invalid, parse};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use refundry_dialects::host::SandboxPlan;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_domain::mandate::Mandate;
use refundry_domain::reference::as_uuid_v4;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_engine::egress::{INBOX_SCHEME, Policy};
use refundry_engine::registry::{Endpoint, RegistryEntry};
use serde_json::{Value, json as object};
use std::sync::Arc;

/// The longest life of credentials that have an end: a hundred years.
const LIFETIME_SECONDS_MAX: u64 = 100 * 366 * 86_400;
/// Longest signing key that a test may set, bytes.
const SECRET_LENGTH_MAX: usize = 256;

fn no_such_client() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such client in this sandbox.")
}

pub(super) fn no_such_dialect() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such dialect in this build.")
}

/// `POST /clients`: a further application, client or credential.
pub(super) async fn create(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: NewClient = parse(&body)?;
    if body.expires_in_seconds.is_some_and(|seconds| !(1..=LIFETIME_SECONDS_MAX).contains(&seconds)) {
        return Err(invalid(format!("expires_in_seconds must be between 1 and {LIFETIME_SECONDS_MAX}.")));
    }
    let dialect = sandbox.dialect(&body.dialect).ok_or_else(no_such_dialect)?;
    let engine = &sandbox.parts.engine;
    let (accounts, mandates) =
        engine.read(move |reader| Ok((reader.accounts(merchant)?, reader.mandates(merchant)?))).await?;
    let mandate = mandates.iter().find(|mandate| mandate.merchant_reference.as_deref() == Some(ACTIVE_MANDATE));
    let Mandate { id: mandate, token: mandate_token, .. } = mandate.ok_or(Refusal::MandateUnknown)?;
    let plan = SandboxPlan {
        merchant,
        at: engine.now(),
        accounts: &held_accounts(&accounts),
        mandate: *mandate,
        mandate_token: *mandate_token,
        seed: &Value::Null,
    };
    let mut made = dialect.provision(&plan);
    // Generations of one dialect share their clients; each adds what is its own.
    for generation in sandbox.further_generations(dialect) {
        let so_far = Value::Object(std::mem::take(&mut made.members));
        let more = generation.provision(&SandboxPlan { seed: &so_far, ..plan });
        made.entries.extend(more.entries);
        made.commands.extend(more.commands);
        made.members = more.members;
    }
    for entry in &mut made.entries {
        if let RegistryEntry::Credential(credential) = entry {
            credential.expires_at = body.expires_in_seconds.map(|seconds| plan.at.plus(Span::seconds(seconds)));
        }
    }
    sandbox.record(merchant, made.entries).await?;
    for command in made.commands {
        sandbox.command(merchant, command).await?;
    }
    Ok(json(StatusCode::CREATED, &made.members))
}

/// `PUT /webhooks/{dialect}`: where a dialect's webhooks go, beside its inbox.
pub(super) async fn set_endpoint(
    State(sandbox): State<Arc<Sandbox>>,
    Extension(Caller(merchant)): Extension<Caller>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let dialect = sandbox.dialect(&name).ok_or_else(no_such_dialect)?;
    let body: NewEndpoint = parse(&body)?;
    Policy::sandbox().check_url(&body.url).map_err(|refusal| invalid(format!("url: {refusal}.")))?;
    if body.secret.as_ref().is_some_and(|secret| secret.is_empty() || secret.len() > SECRET_LENGTH_MAX) {
        return Err(invalid(format!("secret must have 1 to {SECRET_LENGTH_MAX} bytes.")));
    }
    let schemes = dialect.signature_schemes();
    if body.signature_scheme.as_deref().is_some_and(|scheme| !schemes.contains(&scheme)) {
        return Err(invalid("signature_scheme: this dialect has no such signature."));
    }
    let family = dialect.webhooks().family();
    let directory = sandbox.parts.engine.directory();
    let mut inboxes = directory.endpoints.values().filter(|endpoint| is_inbox(endpoint, merchant, family));
    let inbox = match &body.client {
        Some(client) => inboxes.find(|inbox| inbox.group == *client).ok_or_else(no_such_client)?,
        None => inboxes.next().ok_or_else(|| invalid("This dialect has no webhooks."))?,
    };
    let id = endpoint_id(merchant, family, body.client.as_deref());
    let known = directory.endpoints.get(&id);
    let secret = body.secret.unwrap_or_else(|| inbox.secret.clone());
    let settings = body.signature_scheme.map(|scheme| dialect.endpoint_settings(&scheme)).unwrap_or_default();
    let settings = match known {
        Some(known) => dialect.replaced_settings(settings, known, &secret, sandbox.parts.engine.now()),
        None => settings,
    };
    let endpoint = Endpoint {
        id,
        url: body.url,
        secret,
        enabled: true,
        hidden: true,
        description: "set through the sandbox API".into(),
        settings,
        created_at: known.map_or(sandbox.parts.engine.now(), |known| known.created_at),
        ..Endpoint::clone(inbox)
    };
    let answer = object!({ "id": id.to_string(), "url": endpoint.url });
    sandbox.record(merchant, vec![RegistryEntry::Endpoint(endpoint)]).await?;
    sandbox.parts.webhooks.wake();
    Ok(json(StatusCode::OK, &answer))
}

fn is_inbox(endpoint: &Endpoint, merchant: MerchantId, family: &str) -> bool {
    let inbox = endpoint.url.strip_prefix(INBOX_SCHEME).is_some_and(|rest| rest.starts_with(':'));
    endpoint.merchant == merchant && endpoint.dialect == family && endpoint.hidden && inbox
}

/// One endpoint per merchant, dialect and named client, so that a second call
/// replaces it.
fn endpoint_id(merchant: MerchantId, family: &str, client: Option<&str>) -> EndpointId {
    let client = client.map(|client| format!(" {client}")).unwrap_or_default();
    let hash = sha256(format!("sandbox endpoint {merchant} {family}{client}").as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    EndpointId(as_uuid_v4(u128::from_be_bytes(half)))
}

/// `POST /webhooks/pause`: what is due stays due until it is resumed.
pub(super) async fn pause_webhooks(State(sandbox): State<Arc<Sandbox>>) -> Response {
    sandbox.parts.webhooks.pause();
    json(StatusCode::OK, &object!({ "paused": true }))
}

/// `POST /webhooks/resume`.
pub(super) async fn resume_webhooks(State(sandbox): State<Arc<Sandbox>>) -> Response {
    sandbox.parts.webhooks.resume();
    json(StatusCode::OK, &object!({ "paused": false }))
}
