//! Errors: problem details (contract 5), and the map from what the engine
//! could not do. No text holds a secret or an account number.

use super::config::Config;
use crate::answer;
use crate::json::JsonFault;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use refundry_engine::envelope::Unavailable;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The media type of problems, without a parameter: a client compares it
/// literally (contract 9, trap 5).
const PROBLEM: &str = "application/problem+json";
/// What callers hear about faults of ours.
const OURS: &str = "Something went wrong on our side. Please contact support with the trace id.";

/// What kind of error it is; each has one status, title and slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something in the request is malformed, missing or out of range.
    InvalidParameters,
    /// The resource is not in a state for this.
    InvalidState,
    /// No good bearer token, or no good signature.
    Unauthenticated,
    /// A good token that may not do this.
    Forbidden,
    /// No such path or resource.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// The request did not arrive in time.
    TooSlow,
    /// The resource is busy.
    Conflict,
    /// The first request with this key has no outcome yet.
    KeyInFlight,
    /// The key came with another request.
    KeyReuse,
    /// Too many requests.
    RateLimit,
    /// A fault of ours.
    Internal,
    /// The bank cannot be reached.
    ProviderError,
    /// Come back later.
    Unavailable,
}

impl Kind {
    /// Status, title, slug.
    fn words(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidParameters => (400, "Invalid Parameters", "invalid-parameters"),
            Self::InvalidState => (400, "Invalid State", "invalid-state"),
            Self::Unauthenticated => (401, "Unauthenticated", "unauthenticated"),
            Self::Forbidden => (403, "Forbidden", "forbidden"),
            Self::NotFound => (404, "Not Found", "not-found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed", "method-not-allowed"),
            Self::TooSlow => (408, "Request Timeout", "request-timeout"),
            Self::Conflict => (409, "Conflict", "conflict"),
            Self::KeyInFlight => (409, "Idempotency-Key Concurrency Conflict", "idempotency-key-concurrency-conflict"),
            Self::KeyReuse => (422, "Idempotency-Key Reuse", "idempotency-key-reuse"),
            Self::RateLimit => (429, "Rate Limit Exceeded", "rate-limit-exceeded"),
            Self::Internal => (500, "Unknown Error", "unknown-error"),
            Self::ProviderError => (502, "Provider Error", "provider-error"),
            Self::Unavailable => (503, "Service Unavailable", "service-unavailable"),
        }
    }

    /// The kind of a refusal that the server made before any route ran. What
    /// is wrong with the request itself is one kind here, also a body that is
    /// too large (contract 10, row 41).
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::TooSlow,
            503 => Self::Unavailable,
            500 => Self::Internal,
            _ => Self::InvalidParameters,
        }
    }
}

/// An error before it is printed. A handler returns it; the layer around all
/// routes prints it with the request's trace id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: BTreeMap<String, Vec<String>>,
    /// A trace id of its own, for answers that are the same whenever they
    /// are given; else the request's.
    trace: Option<Box<str>>,
}

impl Fault {
    /// An error of some kind.
    pub(super) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), errors: BTreeMap::new(), trace: None }
    }

    /// Something in the request is wrong; name the fields with [`Fault::with`].
    pub(super) fn invalid_parameters(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidParameters, detail)
    }

    /// One field is wrong. `field` is its path with dots, such as
    /// `amount_in_minor`.
    pub(super) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid_parameters("One or more parameters are not acceptable.").with(field, message)
    }

    /// The same, with what is wrong about one more field.
    pub(super) fn with(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.entry(field.to_owned()).or_default().push(message.into());
        self
    }

    /// The resource is not in a state for this.
    pub(super) fn invalid_state(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidState, detail)
    }

    /// No good bearer token.
    pub(super) fn unauthenticated() -> Self {
        Self::new(Kind::Unauthenticated, "The access token is missing, malformed, unknown or expired.")
    }

    /// This client calls too often.
    pub(super) fn rate_limit() -> Self {
        Self::new(Kind::RateLimit, "There are too many requests of this client.")
    }

    /// No good signature. Why it is not good is no secret: its owner made it.
    pub(super) fn invalid_signature(why: &str) -> Self {
        Self::new(Kind::Unauthenticated, format!("The request signature is invalid: {why}."))
    }

    /// A good token that may not do this.
    pub(super) fn forbidden() -> Self {
        Self::new(Kind::Forbidden, "The access token does not allow this.")
    }

    /// The caller knows no such thing; `what` begins the sentence, such as
    /// `Payment`.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("{what} could not be found."))
    }

    /// The key came with another request before.
    pub(super) fn key_reuse() -> Self {
        Self::new(Kind::KeyReuse, "The idempotency key was used for another request.")
    }

    /// The first request with this key has no outcome yet.
    pub(super) fn key_in_flight() -> Self {
        Self::new(Kind::KeyInFlight, "A request with this idempotency key is in progress.")
    }

    /// The bank cannot be reached.
    pub(super) fn provider_error() -> Self {
        Self::new(Kind::ProviderError, "The provider cannot be reached at the moment.")
    }

    /// A fault of ours.
    pub(super) fn internal() -> Self {
        Self::new(Kind::Internal, OURS)
    }

    /// The engine did not decide.
    pub(super) fn of_unavailable(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::InFlight => Self::key_in_flight(),
            Unavailable::Overloaded | Unavailable::Store | Unavailable::Stopping => {
                Self::new(Kind::Unavailable, "The service is not available at the moment.")
            }
        }
    }

    /// A body that is no JSON that we take.
    pub(super) fn of_json(fault: &JsonFault) -> Self {
        match fault {
            JsonFault::NotJson => Self::invalid_parameters("The body is not valid JSON."),
            JsonFault::NotUtf8 => Self::invalid_parameters("The body is not UTF-8."),
            JsonFault::TooDeep | JsonFault::TooMany => Self::invalid_parameters(format!("The body is {fault}.")),
            JsonFault::Nul(path) if path.is_empty() => Self::invalid_parameters("The body holds NUL."),
            JsonFault::Nul(path) => Self::invalid_field(&path.replace('/', "."), "Holds NUL."),
            JsonFault::DuplicateMember(path) => Self::invalid_field(&path.replace('/', "."), "Given twice."),
        }
    }

    /// HTTP status.
    pub(super) fn status(&self) -> u16 {
        self.kind.words().0
    }

    /// The same error under a trace id of its own.
    pub(super) fn traced(mut self, trace: &str) -> Self {
        self.trace = Some(trace.into());
        self
    }

    /// The trace id that it was given, else the request's.
    pub(super) fn trace<'a>(&'a self, request: &'a str) -> &'a str {
        self.trace.as_deref().unwrap_or(request)
    }

    /// The body under a trace id.
    pub(super) fn body(&self, config: &Config, trace: &str) -> Vec<u8> {
        let (status, title, slug) = self.kind.words();
        to_json(&Problem {
            r#type: format!("{}{slug}", config.error_type_base),
            title,
            status,
            detail: &self.detail,
            trace_id: trace,
            errors: &self.errors,
        })
    }

    /// The HTTP answer under a trace id; its headers are the layer's business.
    pub(super) fn print(&self, config: &Config, trace: &str) -> Response {
        let response = answer::bytes(self.status(), PROBLEM, self.body(config, trace));
        match self.kind {
            Kind::Unauthenticated => answer::with_header(response, WWW_AUTHENTICATE, "Bearer"),
            Kind::RateLimit | Kind::Unavailable => answer::with_header(response, RETRY_AFTER, "1"),
            Kind::InvalidParameters
            | Kind::InvalidState
            | Kind::Forbidden
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::TooSlow
            | Kind::Conflict
            | Kind::KeyInFlight
            | Kind::KeyReuse
            | Kind::Internal
            | Kind::ProviderError => response,
        }
    }
}

/// A kept problem's media type is that of problems.
pub(super) fn media_type(status: u16) -> &'static str {
    if status >= 400 { PROBLEM } else { "application/json" }
}

impl IntoResponse for Fault {
    /// Marks the answer; the layer around all routes prints it.
    fn into_response(self) -> Response {
        let mut response = answer::empty(self.status());
        response.extensions_mut().insert(self);
        response
    }
}

/// JSON bytes of one of our own bodies.
pub(super) fn to_json<T: Serialize>(body: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    #[expect(clippy::expect_used, reason = "our bodies have text keys and a vector takes every byte")]
    serde_json::to_writer(&mut bytes, body).expect("our own bodies can be written");
    bytes
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    trace_id: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: &'a BTreeMap<String, Vec<String>>,
}
