//! One call: who makes it, what it carries, and how its answer leaves.

use super::NativeState;
use super::auth;
use super::errors::{self, Problem};
use super::fields;
use super::idempotency::{self, Asked};
use crate::answer;
use crate::json::{self, Json};
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{IdMalformed, MerchantId, PersonId};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::Environment;
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome, Work};
use refundry_engine::mint::random_id;
use refundry_engine::registry::{RegistryChange, RegistryEntry, Role, Scope};
use serde::Serialize;
use std::sync::Arc;

/// Longest body, in bytes; metadata at its limits fits.
const BODY_LENGTH_MAX: usize = 128 * 1024;
/// Longest request id that is taken over.
const REQUEST_ID_LENGTH_MAX: usize = 128;
/// Tells that an answer was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The media type of RFC 9457.
pub(super) const PROBLEM: &str = "application/problem+json";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a handler works with; made only for callers with a good key.
#[derive(Debug)]
pub(super) struct Call {
    pub native: Arc<NativeState>,
    pub merchant: MerchantId,
    /// The human who owns the key, where one does.
    pub owner: Option<PersonId>,
    scope: Scope,
    actor: Actor,
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    request_id: String,
    body: Bytes,
}

impl FromRequest<Arc<NativeState>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, native: &Arc<NativeState>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let request_id = request_id(&parts.headers);
        let path = parts.uri.path().to_owned();
        let refuse = |problem: Problem| identified(problem.respond(&request_id, &path), &request_id);
        let directory = native.host.engine.directory();
        let now = native.host.engine.now();
        let credential = auth::authenticate(&parts.headers, &directory, native.host.environment, now);
        let credential = credential.map_err(refuse)?;
        native.limiter.take(&credential.id, now).map_err(|_| refuse(Problem::of(errors::RATE_LIMITED)))?;
        check_media_type(&parts.method, &parts.headers).map_err(refuse)?;
        let body = to_bytes(body, BODY_LENGTH_MAX).await.map_err(|_| refuse(Problem::of(errors::PAYLOAD_TOO_LARGE)))?;
        Ok(Self {
            native: Arc::clone(native),
            merchant: credential.merchant,
            owner: credential.owner,
            scope: credential.scope,
            actor: Actor::Credential(Arc::from(credential.id.as_str())),
            method: parts.method,
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            path,
            request_id,
            body,
        })
    }
}

/// The id that the server gave the request, or a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let fits = |id: &&str| {
        !id.is_empty() && id.len() <= REQUEST_ID_LENGTH_MAX && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    given.filter(fits).map_or_else(|| refundry_domain::id::EventId(random_id()).to_string(), str::to_owned)
}

/// The same answer with the request's id, for support.
pub(super) fn identified(response: Response, request_id: &str) -> Response {
    answer::with_header(response, REQUEST_ID, request_id)
}

/// Bodies are JSON; a missing type is taken as that, a compressed body is not.
fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::DELETE) {
        return Ok(());
    }
    let unsupported = || Problem::of(errors::UNSUPPORTED_MEDIA_TYPE);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported());
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(unsupported()) }
}

impl Call {
    /// The response to this call: the handler's, or its problem's.
    pub(super) fn answer(&self, result: Result<Response, Problem>) -> Response {
        let response = result.unwrap_or_else(|problem| problem.respond(&self.request_id, &self.path));
        identified(response, &self.request_id)
    }

    /// The part of the path at this place; `/v1/refunds/x` has `x` at 2.
    pub(super) fn segment(&self, place: usize) -> &str {
        self.path.split('/').nth(place.saturating_add(1)).unwrap_or_default()
    }

    /// The id in the path; whatever is no id names nothing.
    pub(super) fn id<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, IdMalformed>,
        unknown: Refusal,
    ) -> Result<T, Problem> {
        parse(self.segment(2)).map_err(|_| unknown.into())
    }

    /// The query's parameters; each may stand once, others than `known` not.
    pub(super) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(self.query.as_deref().unwrap_or_default().as_bytes()) {
            let twice = pairs.iter().any(|(other, _)| *other == name);
            if twice || !known.contains(&&*name) {
                let detail = if twice { "This parameter is given twice." } else { "This call has no such parameter." };
                return Err(Problem::at(errors::INVALID_PARAMETER, &format!("?{name}"), detail));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Query(pairs))
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Json, Problem> {
        fields::parse(&self.body)
    }

    /// The body as JSON where it may be left out.
    pub(super) fn json_or_empty(&self) -> Result<Json, Problem> {
        if self.body.is_empty() { Ok(Json::Object(Vec::new())) } else { self.json() }
    }

    /// The once-record of a call that must carry a key, and the key.
    pub(super) fn required_once(&self) -> Result<(Once, String), Problem> {
        let key = idempotency::required_key(&self.headers)?;
        Ok((self.once_of(&key), key))
    }

    /// The once-record of a call that may carry a key.
    pub(super) fn optional_once(&self) -> Result<Option<Once>, Problem> {
        Ok(idempotency::key_of(&self.headers)?.map(|key| self.once_of(&key)))
    }

    /// Two bodies that differ in spaces and order of members are the same
    /// request; one that is no JSON is compared by its bytes.
    fn once_of(&self, key: &str) -> Once {
        let canonical = fields::parse(&self.body).map(|json| json::canonical(&json));
        let body = canonical.as_deref().unwrap_or(&self.body);
        let path = self.path.trim_end_matches('/');
        idempotency::once(Asked { merchant: self.merchant, method: self.method.as_str(), path, key, body })
    }

    /// Gives a command to the engine.
    pub(super) async fn execute(&self, command: Command, once: Option<Once>) -> Result<Outcome, Problem> {
        self.work(Work::Command(Box::new(command)), once).await
    }

    /// The human who decides by this call. Their word counts for them alone;
    /// a key that makes refunds never decides.
    pub(super) fn decider(&self) -> Result<PersonId, Problem> {
        let allowed = self.native.config.approval_api.unwrap_or(self.native.host.environment == Environment::Sandbox);
        match (allowed, self.scope, self.owner) {
            (false, _, _) => Err(Problem::of(errors::APPROVAL_API_OFF)),
            (true, Scope::Calls, _) => Err(Problem::of(errors::KEY_SCOPE)),
            (true, Scope::Decisions, None) => Err(Refusal::NotEligible.into()),
            (true, Scope::Decisions, Some(owner)) => Ok(owner),
        }
    }

    /// The human of this call, where they look after the merchant's rules.
    pub(super) fn administrator(&self) -> Result<PersonId, Problem> {
        let owner = self.decider()?;
        let directory = self.native.host.engine.directory();
        let is_admin = directory.person(self.merchant, owner).is_some_and(|person| person.is(Role::Admin));
        if is_admin { Ok(owner) } else { Err(Refusal::NotEligible.into()) }
    }

    /// Whether the key may bring this about: what people decide is kept apart
    /// from everything else.
    fn check_scope(&self, work: &Work) -> Result<(), Problem> {
        let decides = match work {
            Work::Command(command) => {
                matches!(**command, Command::ApproveRefund { .. } | Command::RejectRefund { .. })
            }
            Work::Registry { change: RegistryChange::PutPolicy(_), .. } => true,
            Work::Registry { change: RegistryChange::Put(entry), .. } => matches!(entry, RegistryEntry::Fees(_)),
            Work::Registry { .. } | Work::Keep { .. } | Work::Deliveries(_) | Work::Swept => false,
        };
        let fits = match self.scope {
            Scope::Calls => !decides,
            Scope::Decisions => decides,
        };
        if fits { Ok(()) } else { Err(Problem::of(errors::KEY_SCOPE)) }
    }

    /// Changes the registry; `answer` is kept under the key.
    pub(super) async fn change(
        &self,
        change: RegistryChange,
        answer: Option<(u16, Vec<u8>)>,
        once: Option<Once>,
    ) -> Result<Outcome, Problem> {
        self.work(Work::Registry { change, answer }, once).await
    }

    /// Gives work without a decision of the core to the engine.
    pub(super) async fn work(&self, work: Work, once: Option<Once>) -> Result<Outcome, Problem> {
        self.check_scope(&work)?;
        let envelope = Envelope { merchant: self.merchant, actor: self.actor.clone(), once, work };
        Ok(self.native.host.engine.execute(envelope).await?)
    }

    /// Refuses a request by its form. The answer depends on the request alone,
    /// so it is kept under the key and repeated as it was (F-10).
    pub(super) async fn refuse_form(&self, problem: Problem, once: Once) -> Result<Response, Problem> {
        let status = problem.kind().status.as_u16();
        let response = problem.clone().respond(&self.request_id, &self.path);
        let body = to_bytes(response.into_body(), BODY_LENGTH_MAX).await.map_err(|_| problem)?;
        let outcome = self.work(Work::Keep { status, body: body.to_vec() }, Some(once)).await?;
        let made = (status, body.to_vec());
        kept(&outcome, made)
    }
}

/// The answer that is kept under a key, or the one `made` now where the
/// engine gives none back for a first call.
pub(super) fn kept(outcome: &Outcome, made: (u16, Vec<u8>)) -> Result<Response, Problem> {
    if let Some(response) = kept_before(outcome) {
        return Ok(response);
    }
    if let Err(refusal) = outcome.result {
        return Err(refusal.into());
    }
    let (status, body) = made;
    let media_type = if status < 400 { "application/json" } else { PROBLEM };
    Ok(answer::bytes(status, media_type, body))
}

/// The answer that was kept under this key where no object was made: the
/// request's form was refused then, by rules that may have changed since.
pub(super) fn kept_before(outcome: &Outcome) -> Option<Response> {
    let Ok(Answer::Kept { status, body }) = &outcome.result else {
        return None;
    };
    let media_type = if *status < 400 { "application/json" } else { PROBLEM };
    Some(marked(answer::bytes(*status, media_type, body.clone()), outcome))
}

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|_| Problem::of(errors::INTERNAL))?;
    Ok(answer::json(status.as_u16(), bytes))
}

/// The same answer, marked when it was given before.
pub(super) fn marked(response: Response, outcome: &Outcome) -> Response {
    if outcome.replayed { answer::with_header(response, REPLAYED, "true") } else { response }
}

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is an id.
    pub(super) fn id<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, IdMalformed>,
    ) -> Result<Option<T>, Problem> {
        let invalid = |_| Problem::at(errors::INVALID_PARAMETER, &format!("?{name}"), "This must be a UUID.");
        self.get(name).map(parse).transpose().map_err(invalid)
    }
}
