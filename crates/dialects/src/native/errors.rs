//! Problem details (RFC 9457): a stable `code`, whether a retry may differ,
//! and the total map from the core's refusals.

mod server;

pub(super) use server::OF_SERVER;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Unavailable;
use serde::Serialize;

/// Seconds after which an overloaded engine or store, or one that was asked
/// too often, may be asked again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// What a refusal or fault of form looks like on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The stable code; also the last part of the type's URL.
    pub code: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// One short sentence that is the same for every occurrence.
    pub title: &'static str,
    /// The same request may pass later.
    pub retryable: bool,
}

const fn kind(code: &'static str, status: StatusCode, title: &'static str) -> Kind {
    Kind { code, status, title, retryable: false }
}

const fn passing(code: &'static str, status: StatusCode, title: &'static str) -> Kind {
    Kind { code, status, title, retryable: true }
}

/// The call carries no key that opens anything.
pub(super) const UNAUTHORIZED: Kind =
    kind("unauthorized", StatusCode::UNAUTHORIZED, "The API key is missing or not valid.");
/// The key is for something else.
pub(super) const KEY_SCOPE: Kind = kind(
    "key_scope",
    StatusCode::FORBIDDEN,
    "Keys that make refunds decide nothing, and keys of people who decide make none.",
);
/// Decisions are made in the console only.
pub(super) const APPROVAL_API_OFF: Kind =
    kind("approval_api_off", StatusCode::FORBIDDEN, "Decisions by calls are switched off.");
/// There is nothing at this address for this merchant.
pub(super) const NOT_FOUND: Kind = kind("not_found", StatusCode::NOT_FOUND, "There is nothing here.");
/// The address exists, but not for this method.
pub(super) const METHOD_NOT_ALLOWED: Kind =
    kind("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "This method is not offered here.");
/// A call that creates a money object came without a key.
pub(super) const KEY_MISSING: Kind =
    kind("idempotency_key_missing", StatusCode::BAD_REQUEST, "The Idempotency-Key header is missing.");
/// The key's form is refused.
pub(super) const KEY_INVALID: Kind =
    kind("idempotency_key_invalid", StatusCode::BAD_REQUEST, "The Idempotency-Key header is malformed.");
/// The first call with this key has no outcome yet.
pub(super) const IN_PROGRESS: Kind =
    passing("request_in_progress", StatusCode::CONFLICT, "A request with this key is in progress.");
/// An amount is no plain integer, or too large to be exact.
pub(super) const AMOUNT_INVALID: Kind =
    kind("amount_invalid", StatusCode::BAD_REQUEST, "Amounts are whole minor units.");
/// An amount is zero or negative.
pub(super) const AMOUNT_NOT_POSITIVE: Kind =
    kind("amount_not_positive", StatusCode::UNPROCESSABLE_ENTITY, "The amount must be positive.");
/// No currency that we know.
pub(super) const CURRENCY_UNSUPPORTED: Kind =
    kind("currency_unsupported", StatusCode::UNPROCESSABLE_ENTITY, "The currency is not supported.");
/// A member that this call does not have.
pub(super) const UNKNOWN_FIELD: Kind =
    kind("unknown_field", StatusCode::BAD_REQUEST, "The body has an unknown member.");
/// A member that stands twice.
pub(super) const DUPLICATE_FIELD: Kind =
    kind("duplicate_field", StatusCode::BAD_REQUEST, "The body names a member twice.");
/// The body is no JSON object, or too deep.
pub(super) const INVALID_JSON: Kind = kind("invalid_json", StatusCode::BAD_REQUEST, "The body is no acceptable JSON.");
/// The body is no clean UTF-8.
pub(super) const INVALID_ENCODING: Kind =
    kind("invalid_encoding", StatusCode::BAD_REQUEST, "The body is no clean UTF-8 text.");
/// The body is longer than any request needs to be.
pub(super) const PAYLOAD_TOO_LARGE: Kind =
    kind("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
/// The body is of another media type.
pub(super) const UNSUPPORTED_MEDIA_TYPE: Kind =
    kind("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Bodies are application/json.");
/// A member or parameter has a value that it cannot have.
pub(super) const INVALID_PARAMETER: Kind =
    kind("invalid_parameter", StatusCode::UNPROCESSABLE_ENTITY, "A value is not valid.");
/// A member that this call needs.
pub(super) const MISSING_FIELD: Kind = kind("missing_field", StatusCode::UNPROCESSABLE_ENTITY, "A member is missing.");
/// A cursor that we did not make.
pub(super) const INVALID_CURSOR: Kind =
    kind("invalid_cursor", StatusCode::BAD_REQUEST, "The cursor is not one of ours.");
/// This key calls too often.
pub(super) const RATE_LIMITED: Kind =
    passing("rate_limited", StatusCode::TOO_MANY_REQUESTS, "There are too many requests with this key.");
/// Too much work is queued.
pub(super) const OVERLOADED: Kind =
    passing("overloaded", StatusCode::SERVICE_UNAVAILABLE, "The server has too much to do.");
/// The store takes no writes now.
pub(super) const STORAGE_UNAVAILABLE: Kind =
    passing("storage_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The storage is not available.");
/// The server is going down.
pub(super) const STOPPING: Kind = passing("stopping", StatusCode::SERVICE_UNAVAILABLE, "The server is stopping.");
/// A fault of ours.
pub(super) const INTERNAL: Kind =
    passing("internal_error", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.");

/// Every kind of our own; the refusals' kinds come on top.
pub(super) const OWN: [Kind; 25] = [
    UNAUTHORIZED,
    KEY_SCOPE,
    APPROVAL_API_OFF,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    KEY_MISSING,
    KEY_INVALID,
    IN_PROGRESS,
    AMOUNT_INVALID,
    AMOUNT_NOT_POSITIVE,
    CURRENCY_UNSUPPORTED,
    UNKNOWN_FIELD,
    DUPLICATE_FIELD,
    INVALID_JSON,
    INVALID_ENCODING,
    PAYLOAD_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_PARAMETER,
    MISSING_FIELD,
    INVALID_CURSOR,
    RATE_LIMITED,
    OVERLOADED,
    STORAGE_UNAVAILABLE,
    STOPPING,
    INTERNAL,
];

/// The wire form of a refusal: total, so that a new refusal does not compile
/// before it has a status.
pub(super) fn kind_of(refusal: Refusal) -> Kind {
    const GONE: StatusCode = StatusCode::NOT_FOUND;
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    let code = refusal.code();
    match refusal {
        Refusal::PaymentUnknown => kind(code, GONE, "There is no such payment."),
        Refusal::PayoutUnknown => kind(code, GONE, "There is no such payout."),
        Refusal::RefundUnknown => kind(code, GONE, "There is no such refund."),
        Refusal::AccountUnknown => kind(code, GONE, "There is no such account."),
        Refusal::MandateUnknown => kind(code, GONE, "There is no such mandate."),
        Refusal::EndpointUnknown => kind(code, GONE, "There is no such webhook endpoint."),
        Refusal::CaseUnknown => kind(code, GONE, "There is no such open case."),
        Refusal::AmountNotPositive => kind(code, UNFIT, "The amount must be positive."),
        Refusal::AmountExceedsRefundable { .. } => kind(code, UNFIT, "The amount is more than can still be refunded."),
        Refusal::AlreadyRefunded => kind(code, CONFLICT, "The payment is fully refunded."),
        Refusal::CurrencyMismatch => kind(code, UNFIT, "The refund is in another currency than its payment."),
        Refusal::PaymentNotSettled => passing(code, CONFLICT, "The payment has not settled."),
        Refusal::PaymentFailed => kind(code, CONFLICT, "The payment failed."),
        Refusal::PaymentBlocked => passing(code, CONFLICT, "The payment may not be refunded now."),
        Refusal::InsufficientFunds { .. } => passing(code, CONFLICT, "The paying account lacks the money."),
        Refusal::AccountNotEligible => kind(code, UNFIT, "The account cannot pay refunds."),
        Refusal::MandateNotActive => passing(code, CONFLICT, "The mandate is not active."),
        Refusal::AlreadySubmitted => kind(code, CONFLICT, "The refund is already on its way."),
        Refusal::AlreadyEnded => kind(code, CONFLICT, "The refund has ended."),
        Refusal::NotAwaited => kind(code, CONFLICT, "The refund does not wait for this."),
        Refusal::SelfApproval => kind(code, FORBIDDEN, "Whoever made a refund may not approve it."),
        Refusal::AlreadyDecided => kind(code, CONFLICT, "This person has decided already."),
        Refusal::NotEligible => kind(code, FORBIDDEN, "This person may not decide."),
        Refusal::ApprovalExpired => kind(code, CONFLICT, "The approval ran out of time."),
        Refusal::PayeeMismatch => kind(code, UNFIT, "A known payer account may not be replaced."),
        Refusal::MorePeopleNeeded => kind(code, FORBIDDEN, "More people must agree."),
        Refusal::ProofMissing => kind(code, CONFLICT, "An earlier attempt is not proven to have ended."),
        Refusal::TooManyAttempts => kind(code, CONFLICT, "All attempts are used up."),
        Refusal::DuplicateSuspect => passing(code, CONFLICT, "An equal refund was made just before."),
        Refusal::DuplicateReference => kind(code, CONFLICT, "The merchant reference names another refund."),
        Refusal::KeyReused => kind(code, UNFIT, "The key came with another request before."),
        Refusal::TransitionImpossible => kind(code, CONFLICT, "It cannot go there from where it is."),
        Refusal::AlreadyExists => kind(code, CONFLICT, "It exists already."),
        Refusal::AmountTooLarge => kind(code, UNFIT, "The amount is too large."),
        Refusal::FundingCurrency => kind(code, UNFIT, "Funding and payment have different currencies."),
        Refusal::Changed => passing(code, CONFLICT, "It was changed at the same time."),
        Refusal::RefundBlocked => passing(code, CONFLICT, "The refund is blocked."),
        Refusal::TooManyEndpoints => kind(code, CONFLICT, "There are too many webhook endpoints."),
        Refusal::FeeTooLarge => kind(code, UNFIT, "The fee is more than may be charged."),
        Refusal::CreditorMissing => {
            kind(code, UNFIT, "The payer's account is unknown; name a creditor or let the customer be asked.")
        }
    }
}

/// A member of the body that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// JSON Pointer (RFC 6901) to the member; `?name` for a query parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// One occurrence of a problem; boxed, because it travels in many results.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Occurrence>);

#[derive(Debug, Clone)]
struct Occurrence {
    kind: Kind,
    detail: String,
    refundable: Option<u64>,
    available: Option<u64>,
    original: Option<String>,
    errors: Vec<Fault>,
}

impl Problem {
    /// A problem whose detail is its title.
    pub(super) fn of(kind: Kind) -> Self {
        Self::new(kind, kind.title)
    }

    /// A problem with a sentence about this occurrence.
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = Vec::new();
        Self(Box::new(Occurrence { kind, detail, refundable: None, available: None, original: None, errors }))
    }

    /// A problem of one member.
    pub(super) fn at(kind: Kind, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(kind, detail.clone());
        problem.0.errors.push(Fault { pointer: pointer.to_owned(), detail });
        problem
    }

    /// The members that are at fault.
    pub(super) fn with_errors(mut self, errors: Vec<Fault>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The object that a duplicate reference names.
    pub(super) fn with_original(mut self, path: String) -> Self {
        self.0.original = Some(path);
        self
    }

    /// The kind, for tests and for callers that treat one apart.
    pub(super) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The response. `request_id` and `instance` (the path) are of this call.
    pub(super) fn respond(self, request_id: &str, instance: &str) -> Response {
        let Occurrence { kind, detail, refundable, available, original, errors } = *self.0;
        let body = Details {
            problem_type: format!("/problems/{}", kind.code),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: &detail,
            instance,
            code: kind.code,
            retryable: kind.retryable,
            request_id,
            refundable,
            available,
            original: original.as_deref(),
            errors: &errors,
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = kind.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if kind.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"refundry\""));
        }
        let passes_soon = [IN_PROGRESS.code, RATE_LIMITED.code].contains(&kind.code);
        if kind.status == StatusCode::SERVICE_UNAVAILABLE || passes_soon {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if let Some(original) =
            original.and_then(|path| HeaderValue::from_str(&format!("<{path}>; rel=\"original\"")).ok())
        {
            headers.insert(header::LINK, original);
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = kind_of(refusal);
        let mut problem = Self::of(kind);
        if let Refusal::AmountExceedsRefundable { remaining } = refusal {
            problem.0.detail = format!("{remaining} minor units can still be refunded.");
            problem.0.refundable = Some(remaining);
        }
        if matches!(refusal, Refusal::AlreadyRefunded) {
            problem.0.refundable = Some(0);
        }
        if let Refusal::InsufficientFunds { available } = refusal {
            problem.0.detail = format!("{available} minor units are available.");
            problem.0.available = Some(available);
        }
        problem
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Overloaded => Self::of(OVERLOADED),
            Unavailable::Store => Self::of(STORAGE_UNAVAILABLE),
            Unavailable::InFlight => Self::of(IN_PROGRESS),
            Unavailable::Stopping => Self::of(STOPPING),
        }
    }
}

/// The body, in the order in which members are written.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    problem_type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    retryable: bool,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}
