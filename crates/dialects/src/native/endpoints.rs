//! Webhook endpoints: places that receive events, of this dialect's form or
//! of another family that has no call of its own for it.
//!
//! Round trips: the registry is in memory; every change goes through the door
//! once.

use super::call::{Call, json, kept};
use super::errors::{self, Problem};
use super::extension::DIALECT;
use super::fields::Fields;
use super::states;
use super::webhook::new_secret;
use super::wire::{Page, endpoint, endpoint_as_created};
use crate::json::Json;
use axum::response::Response;
use http::StatusCode;
use refundry_domain::id::EndpointId;
use refundry_domain::refusal::Refusal;
use refundry_engine::egress::Policy;
use refundry_engine::mint::new_id;
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use std::sync::Arc;
use url::Url;

/// Longest URL, in bytes.
const URL_LENGTH_MAX: usize = 2_048;
/// Longest description, in characters.
const DESCRIPTION_LENGTH_MAX: usize = 200;
/// Most event names of one endpoint.
const EVENT_COUNT_MAX: usize = 100;
/// Longest event name of another family, in bytes.
const EVENT_NAME_LENGTH_MAX: usize = 80;

/// What a caller wants an endpoint to be; absent members stay as they are.
struct Wanted {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    enabled: Option<bool>,
    scheme: Option<String>,
}

fn wanted(call: &Call, fields: &Fields<'_>, family: &str) -> Result<Wanted, Problem> {
    let url = fields.text("url")?.map(|text| url_of(fields, text, &call.native.host.egress)).transpose()?;
    let events = fields.texts("events", EVENT_COUNT_MAX)?.map(|names| names.into_iter().map(str::to_owned).collect());
    if let Some(names) = &events {
        let names: &Vec<String> = names;
        let known = |name: &String| match family {
            DIALECT => states::EVENT_TYPES.contains(&name.as_str()),
            _ => (1..=EVENT_NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()),
        };
        if !names.iter().all(known) {
            return Err(fields.invalid("events", "This list names an event that does not exist."));
        }
    }
    Ok(Wanted {
        url,
        events,
        description: fields.free_text("description", DESCRIPTION_LENGTH_MAX)?.map(str::to_owned),
        enabled: fields.flag("enabled")?,
        scheme: scheme(call, fields, family)?,
    })
}

/// How its webhooks are to be signed, for a family that has several ways.
fn scheme(call: &Call, fields: &Fields<'_>, family: &str) -> Result<Option<String>, Problem> {
    let Some(text) = fields.text("signature_scheme")? else { return Ok(None) };
    let known = call.native.families().any(|one| one.family() == family && one.signature_schemes().contains(&text));
    let words = "Webhooks of this dialect are not signed in such a way.";
    if known { Ok(Some(text.to_owned())) } else { Err(fields.invalid("signature_scheme", words)) }
}

/// A URL that webhooks may go to. A name's addresses are looked up and checked
/// again at the time of each call.
fn url_of(fields: &Fields<'_>, text: &str, egress: &Policy) -> Result<String, Problem> {
    if text.len() > URL_LENGTH_MAX || egress.check_url(text).is_err() {
        let words = if egress.allow_http {
            "This must be an http or https URL without credentials whose host may be reached."
        } else {
            "This must be an https URL without credentials whose host may be reached."
        };
        return Err(fields.invalid("url", words));
    }
    Ok(Url::parse(text).map_or_else(|_| text.to_owned(), Into::into))
}

/// `POST /v1/webhook-endpoints`: the answer shows the signing secret, once.
pub(super) async fn create(call: Call) -> Response {
    call.answer(try_create(&call).await)
}

async fn try_create(call: &Call) -> Result<Response, Problem> {
    let once = call.optional_once()?;
    let made = new_endpoint(call, &call.json()?)?;
    let body = serde_json::to_vec(&endpoint_as_created(&made)).map_err(|_| Problem::of(errors::INTERNAL))?;
    let answer = (StatusCode::CREATED.as_u16(), body);
    let change = RegistryChange::Put(RegistryEntry::Endpoint(made));
    let outcome = call.change(change, Some(answer.clone()), once).await?;
    kept(&outcome, answer)
}

fn new_endpoint(call: &Call, body: &Json) -> Result<Endpoint, Problem> {
    let fields = Fields::of_body(body, &["url", "events", "description", "dialect", "enabled", "signature_scheme"])?;
    let family = fields.text("dialect")?.unwrap_or(DIALECT);
    let webhooks = call.native.families().find(|known| known.family() == family);
    let webhooks = webhooks.ok_or_else(|| fields.invalid("dialect", "There is no such family of webhooks."))?;
    let wanted = wanted(call, &fields, family)?;
    let directory = call.native.host.engine.directory();
    let count = directory.endpoints.values().filter(|other| other.merchant == call.merchant && !other.hidden).count();
    if count >= call.native.config.endpoint_count_max {
        return Err(Refusal::TooManyEndpoints.into());
    }
    let at = call.native.host.engine.now();
    Ok(Endpoint {
        id: EndpointId(new_id(at)),
        merchant: call.merchant,
        dialect: family.to_owned(),
        group: String::new(),
        url: wanted.url.ok_or_else(|| fields.missing("url"))?,
        secret: new_secret(),
        events: wanted.events.unwrap_or_default(),
        enabled: wanted.enabled.unwrap_or(true),
        hidden: false,
        description: wanted.description.unwrap_or_default(),
        settings: webhooks.endpoint_settings(wanted.scheme.as_deref(), None),
        created_at: at,
    })
}

/// The endpoint that the path names; hidden and foreign ones are unknown.
pub(super) fn named(call: &Call) -> Result<Arc<Endpoint>, Problem> {
    let id = call.id(EndpointId::parse, Refusal::EndpointUnknown)?;
    let directory = call.native.host.engine.directory();
    let found = directory.endpoints.get(&id).filter(|found| found.merchant == call.merchant && !found.hidden);
    found.cloned().ok_or_else(|| Refusal::EndpointUnknown.into())
}

/// `GET /v1/webhook-endpoints`: newest first; their number is limited, so
/// there is one page.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call))
}

fn try_list(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let directory = call.native.host.engine.directory();
    let mine = directory.endpoints.values().rev().filter(|found| found.merchant == call.merchant && !found.hidden);
    let data = mine.map(|found| endpoint(found)).collect();
    json(StatusCode::OK, &Page { data, has_more: false, next_cursor: None })
}

/// `GET /v1/webhook-endpoints/{id}`.
pub(super) async fn show(call: Call) -> Response {
    let shown = call.query(&[]).and_then(|_| json(StatusCode::OK, &endpoint(&*named(&call)?)));
    call.answer(shown)
}

/// `PATCH /v1/webhook-endpoints/{id}`: absent members stay as they are.
pub(super) async fn change(call: Call) -> Response {
    call.answer(try_change(&call).await)
}

async fn try_change(call: &Call) -> Result<Response, Problem> {
    let found = named(call)?;
    let body = call.json()?;
    let known = ["url", "events", "description", "enabled", "signature_scheme", "new_secret"];
    let fields = Fields::of_body(&body, &known)?;
    let wanted = wanted(call, &fields, &found.dialect)?;
    let renews = fields.flag("new_secret")?.unwrap_or(false);
    let mut changed = Endpoint::clone(&found);
    if renews {
        changed.secret = new_secret();
    }
    if renews || wanted.scheme.is_some() {
        let webhooks = call.native.families().find(|known| known.family() == found.dialect);
        let replaced = (&*found, changed.secret.as_str(), call.native.host.engine.now());
        let settings = webhooks.map(|known| known.endpoint_settings(wanted.scheme.as_deref(), Some(replaced)));
        changed.settings = settings.unwrap_or_default();
    }
    changed.url = wanted.url.unwrap_or(changed.url);
    changed.events = wanted.events.unwrap_or(changed.events);
    changed.description = wanted.description.unwrap_or(changed.description);
    changed.enabled = wanted.enabled.unwrap_or(changed.enabled);
    // A new secret is shown once, as the first one was.
    let shown = if renews {
        json(StatusCode::OK, &endpoint_as_created(&changed))
    } else {
        json(StatusCode::OK, &endpoint(&changed))
    };
    let outcome = call.change(RegistryChange::Put(RegistryEntry::Endpoint(changed)), None, None).await?;
    outcome.result.map_err(Problem::from)?;
    shown
}

/// `DELETE /v1/webhook-endpoints/{id}`.
pub(super) async fn remove(call: Call) -> Response {
    call.answer(try_remove(&call).await)
}

async fn try_remove(call: &Call) -> Result<Response, Problem> {
    let found = named(call)?;
    let outcome = call.change(RegistryChange::RemoveEndpoint(found.id), None, None).await?;
    outcome.result.map_err(Problem::from)?;
    Ok(crate::answer::empty(StatusCode::NO_CONTENT.as_u16()))
}
