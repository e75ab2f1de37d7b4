//! Webhook endpoints (contract 3.12): one set under `/v2/webhooks` and
//! `/v3/webhooks`; only the shape of errors differs.
//!
//! Round trips: reading is from memory, changing is one envelope.

use super::auth::{self, Caller};
use super::errors::{Fault, Kind, Reply, Shape};
use super::idempotency::{self, Content};
use super::wire::{self, EndpointChange, EndpointRequest};
use super::{App, FAMILY, paths};
use crate::json::{Json, JsonFault};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use refundry_domain::id::EndpointId;
use refundry_engine::envelope::{Envelope, Once, Outcome, Work};
use refundry_engine::mint;
use refundry_engine::registry::{Endpoint, RegistryChange};
use std::sync::Arc;

/// Most endpoints for one event.
const PER_EVENT_MAX: usize = 5;
/// Random bytes of a key that we make.
const KEY_BYTES: usize = 24;

/// A change and the answer to it.
struct Change {
    change: RegistryChange,
    reply: Reply,
}

/// A request that changes something, after its credentials were checked.
struct Asked {
    caller: Caller,
    once: Option<Once>,
    json: Result<Json, JsonFault>,
}

pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let shape = paths::shape_of(uri.path());
    match auth::caller(&app, &headers) {
        Err(fault) => fault.respond(shape, &app.config),
        Ok(caller) => {
            let directory = app.host.engine.directory();
            let own = directory.endpoints_of(caller.merchant, FAMILY, &caller.application);
            Reply { status: 200, body: wire::endpoints(own.map(|endpoint| &**endpoint)) }.respond()
        }
    }
}

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let shape = paths::shape_of(uri.path());
    let asked = match ask(&app, &Method::POST, &uri, &headers, body) {
        Ok(asked) => asked,
        Err(fault) => return fault.respond(shape, &app.config),
    };
    let json = asked.json.as_ref().map_err(Fault::of_json);
    let request = json.and_then(EndpointRequest::read);
    let change = request.and_then(|request| {
        allowed(&app, request.target_url)?;
        let endpoint = new_endpoint(&app, &asked.caller, &request);
        let body = wire::endpoint(&endpoint, request.signature_key.is_none());
        Ok(put(endpoint, Reply { status: 201, body }))
    });
    carry_out(&app, &asked, change, shape).await
}

/// Everything before the body's schema: credentials, key, body.
fn ask(
    app: &App,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Asked, Fault> {
    let caller = auth::caller(app, headers)?;
    let key = idempotency::key(headers)?;
    let body = paths::body(body)?;
    let content = if *method == Method::DELETE { Content::none() } else { Content::read(&body) };
    let once = key.map(|key| idempotency::once(app, &caller, method, uri.path(), key, &content));
    Ok(Asked { caller, once, json: content.json })
}

fn put(endpoint: Endpoint, reply: Reply) -> Change {
    Change { change: RegistryChange::PutEndpointWithin { endpoint, per_event_max: PER_EVENT_MAX }, reply }
}

/// Refuses a URL that webhooks may not go to; a name's addresses are checked
/// again at every call.
fn allowed(app: &App, url: &str) -> Result<(), Fault> {
    app.host.egress.check_url(url).map_err(|_| {
        Fault::of(Kind::Schema, "The request is not valid", "target_url", "must be a URL that webhooks may go to")
    })
}

fn new_endpoint(app: &App, caller: &Caller, request: &EndpointRequest<'_>) -> Endpoint {
    let at = app.host.engine.now();
    Endpoint {
        id: EndpointId(mint::new_id(at)),
        merchant: caller.merchant,
        dialect: FAMILY.to_owned(),
        group: caller.application.to_string(),
        url: request.target_url.to_owned(),
        secret: request.signature_key.map_or_else(new_key, str::to_owned),
        events: request.events.clone(),
        enabled: true,
        hidden: false,
        description: String::new(),
        settings: Vec::new(),
        created_at: at,
    }
}

/// A new signing key.
pub(crate) fn new_key() -> String {
    let mut bytes = [0; KEY_BYTES];
    mint::fill_random(&mut bytes);
    format!("whk_{}", hex::encode(bytes))
}

pub(crate) async fn change(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let shape = paths::shape_of(uri.path());
    let asked = match ask(&app, &Method::PATCH, &uri, &headers, body) {
        Ok(asked) => asked,
        Err(fault) => return fault.respond(shape, &app.config),
    };
    let json = asked.json.as_ref().map_err(Fault::of_json);
    let wanted = json.and_then(EndpointChange::read);
    let change = wanted.and_then(|wanted| {
        let mut endpoint = known(&app, &asked.caller, &paths::id(id))?;
        if let Some(url) = wanted.target_url {
            allowed(&app, url)?;
            url.clone_into(&mut endpoint.url);
        }
        if let Some(events) = wanted.events {
            endpoint.events = events;
        }
        if let Some(key) = wanted.signature_key {
            key.clone_into(&mut endpoint.secret);
        }
        let body = wire::endpoint(&endpoint, false);
        Ok(put(endpoint, Reply { status: 200, body }))
    });
    carry_out(&app, &asked, change, shape).await
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let shape = paths::shape_of(uri.path());
    let asked = match ask(&app, &Method::DELETE, &uri, &headers, body) {
        Ok(asked) => asked,
        Err(fault) => return fault.respond(shape, &app.config),
    };
    let change = known(&app, &asked.caller, &paths::id(id)).map(|endpoint| Change {
        change: RegistryChange::RemoveEndpoint(endpoint.id),
        reply: Reply { status: 204, body: Vec::new() },
    });
    carry_out(&app, &asked, change, shape).await
}

/// One of the caller's own endpoints.
fn known(app: &App, caller: &Caller, id: &str) -> Result<Endpoint, Fault> {
    let unknown = || Fault::not_found("No such webhook");
    let id = EndpointId::parse(id).map_err(|_| unknown())?;
    let directory = app.host.engine.directory();
    let mut own = directory.endpoints_of(caller.merchant, FAMILY, &caller.application);
    let found = own.find(|endpoint| endpoint.id == id);
    found.map(|endpoint| Endpoint::clone(endpoint)).ok_or_else(unknown)
}

/// Takes the change through the door, or keeps the error under its key.
async fn carry_out(app: &App, asked: &Asked, change: Result<Change, Fault>, shape: Shape) -> Response {
    let Asked { caller, once, json: _ } = asked;
    let Change { change, reply } = match change {
        Ok(change) => change,
        Err(fault) => return idempotency::keep(app, caller, *once, &fault, shape).await,
    };
    let work = Work::Registry { change, answer: Some((reply.status, reply.body.clone())) };
    let envelope = Envelope { merchant: caller.merchant, actor: caller.actor(), once: *once, work };
    match app.host.engine.execute(envelope).await {
        Err(unavailable) => Fault::of_unavailable(unavailable).respond(shape, &app.config),
        Ok(Outcome { result: Ok(answer), .. }) => idempotency::kept(answer).unwrap_or(reply).respond(),
        Ok(Outcome { result: Err(refusal), .. }) => idempotency::of_refusal(app, refusal).respond(shape, &app.config),
    }
}
