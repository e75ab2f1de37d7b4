//! Errors in the three shapes of this provider, and the total map from our
//! refusals. No text holds a secret or an account number.

use super::config::Config;
use crate::answer;
use crate::json::JsonFault;
use axum::response::Response;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Unavailable;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Name of the header, as errors name it.
pub(crate) const KEY_HEADER: &str = "Idempotency-Key";

/// How an error body looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `code`, `source`, `title`.
    V2,
    /// `code`, `message`, `params`.
    V3,
    /// As v2, with `successes`.
    Payin,
}

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body is no JSON or has a value of the wrong type.
    Decoding,
    /// Something is missing, unknown or out of range.
    Schema,
    /// No good credentials.
    Unauthorized,
    /// Good credentials without the permission.
    Forbidden,
    /// No such path or object.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// The key came with another request.
    KeyReused,
    /// The first request with this key has no outcome yet.
    InFlight,
    /// Refused because of the amount.
    Amount,
    /// Refused because of the currency.
    Currency,
    /// Refused because of an account.
    BankAccount,
    /// Refused because of a state.
    Action,
    /// Too many requests.
    TooMany,
    /// Come back later.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// The kind of a refusal that was made before any route ran.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            413 => Self::TooLarge,
            429 => Self::TooMany,
            503 => Self::Unavailable,
            500 => Self::Internal,
            _ => Self::Schema,
        }
    }
}

/// What is wrong with one field or header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Param {
    /// The kind, for shapes with a code per field.
    pub(crate) kind: Kind,
    /// Path with `/`, or a header's name.
    pub(crate) path: Cow<'static, str>,
    /// What is wrong.
    pub(crate) reason: Cow<'static, str>,
}

/// An error before it has a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: Kind,
    message: Cow<'static, str>,
    params: Vec<Param>,
}

/// A status and a body, ready to be kept or sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON bytes; empty for none.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The HTTP answer.
    pub(crate) fn respond(self) -> Response {
        let Self { status, body } = self;
        let response = if body.is_empty() { answer::empty(status) } else { answer::json(status, body) };
        match status {
            401 => answer::with_header(response, WWW_AUTHENTICATE, "Bearer, Basic realm=\"api\""),
            429 | 503 => answer::with_header(response, RETRY_AFTER, "1"),
            _ => response,
        }
    }
}

impl Fault {
    /// An error that names no field.
    pub(crate) fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), params: Vec::new() }
    }

    /// An error about one field.
    pub(crate) fn of(
        kind: Kind,
        message: &'static str,
        path: &'static str,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let param = Param { kind, path: Cow::Borrowed(path), reason: reason.into() };
        Self { kind, message: Cow::Borrowed(message), params: vec![param] }
    }

    /// The faults of a body: those of its form hide those of its business.
    pub(crate) fn of_body(mut params: Vec<Param>) -> Self {
        let of_form = |param: &Param| matches!(param.kind, Kind::Decoding | Kind::Schema);
        if params.iter().any(of_form) {
            params.retain(of_form);
        }
        let kind = params.first().map_or(Kind::Schema, |param| param.kind);
        Self { kind, message: Cow::Borrowed("The request is not valid"), params }
    }

    /// A body that is no JSON that we take.
    pub(crate) fn of_json(fault: &JsonFault) -> Self {
        match fault {
            JsonFault::NotJson => Self::new(Kind::Decoding, "The body is not valid JSON"),
            JsonFault::NotUtf8 => Self::new(Kind::Decoding, "The body is not UTF-8"),
            JsonFault::TooDeep | JsonFault::TooMany => Self::new(Kind::Schema, format!("The body is {fault}")),
            JsonFault::Nul(path) if path.is_empty() => Self::new(Kind::Schema, "The body holds NUL"),
            JsonFault::Nul(path) => Self::of_member(path, "must not hold NUL"),
            JsonFault::DuplicateMember(path) => Self::of_member(path, "given twice"),
        }
    }

    fn of_member(path: &str, reason: &'static str) -> Self {
        let path = Cow::Owned(path.to_owned());
        Self::of_body(vec![Param { kind: Kind::Schema, path, reason: Cow::Borrowed(reason) }])
    }

    /// The engine did not decide.
    pub(crate) fn of_unavailable(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::InFlight => Self::new(Kind::InFlight, "A request with this idempotency key is in progress"),
            Unavailable::Overloaded | Unavailable::Store | Unavailable::Stopping => {
                Self::new(Kind::Unavailable, "The service is not available, please retry")
            }
        }
    }

    /// Nothing with this id is known to the caller.
    pub(crate) fn not_found(message: &'static str) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// Gives the error its shape.
    pub(crate) fn reply(&self, shape: Shape, config: &Config) -> Reply {
        let (status, code) = status_and_code(self.kind, shape, config);
        let body = match shape {
            Shape::V3 => {
                let params: BTreeMap<&str, Reason<'_>> =
                    self.params.iter().map(|param| (&*param.path, Reason { reason: &param.reason })).collect();
                to_json(&V3Body { errors: [V3Error { code, message: &self.message, params }] })
            }
            Shape::V2 => to_json(&V2Body { errors: self.v2_errors(shape, config) }),
            Shape::Payin => to_json(&PayinBody { errors: self.v2_errors(shape, config), successes: [] }),
        };
        Reply { status, body }
    }

    /// The HTTP answer in a shape.
    pub(crate) fn respond(&self, shape: Shape, config: &Config) -> Response {
        self.reply(shape, config).respond()
    }

    fn v2_errors<'a>(&'a self, shape: Shape, config: &Config) -> Vec<V2Error<'a>> {
        let code = |kind| status_and_code(kind, shape, config).1;
        if self.params.is_empty() {
            return vec![V2Error { code: code(self.kind), source: Source { parameter: None }, title: &self.message }];
        }
        let of_param = |param: &'a Param| V2Error {
            code: code(param.kind),
            source: Source { parameter: Some(&param.path) },
            title: &param.reason,
        };
        self.params.iter().map(of_param).collect()
    }
}

/// Status and code of a kind of error in a shape.
fn status_and_code(kind: Kind, shape: Shape, config: &Config) -> (u16, &'static str) {
    let v3 = shape == Shape::V3;
    match kind {
        Kind::Decoding | Kind::Schema if v3 => (config.schema_status, "invalid_request"),
        Kind::Amount | Kind::Currency | Kind::BankAccount | Kind::Action if v3 => (400, "invalid_request"),
        Kind::Decoding => (400, "decoding"),
        Kind::Schema => (400, "bad_request"),
        Kind::Unauthorized => (401, "unauthorized"),
        Kind::Forbidden => (403, "forbidden"),
        Kind::NotFound => (404, "not_found"),
        Kind::MethodNotAllowed => (405, "method_not_allowed"),
        Kind::TooLarge => (413, if v3 { "invalid_request" } else { "bad_request" }),
        Kind::KeyReused => (409, if v3 { "idempotency_conflict" } else { "invalid_idempotency_key" }),
        Kind::InFlight => (409, "processing"),
        Kind::Amount => (422, "invalid_amount"),
        Kind::Currency => (422, "invalid_currency"),
        Kind::BankAccount => (422, "invalid_bank_account"),
        Kind::Action => (422, "invalid_action"),
        Kind::TooMany => (429, "rate_limit_exceeded"),
        Kind::Unavailable => (503, "service_unavailable"),
        Kind::Internal => (500, "internal_error"),
    }
}

/// The fields that refusals are blamed on, as the request spells them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blame {
    /// Path of what is given back.
    pub(crate) payment: &'static str,
    /// Path of what pays.
    pub(crate) funding: &'static str,
}

/// The error for a refused refund.
pub(crate) fn of_refusal(refusal: Refusal, blame: Blame) -> Fault {
    let payin = |message, reason| Fault::of(Kind::Action, message, blame.payment, reason);
    let funding = blame.funding;
    match refusal {
        Refusal::PaymentUnknown => Fault::not_found("No such pay-in"),
        Refusal::RefundUnknown => Fault::not_found("No such refund"),
        Refusal::PayoutUnknown => Fault::not_found("No such payout"),
        Refusal::AccountUnknown => Fault::not_found("No such bank account"),
        Refusal::MandateUnknown => Fault::not_found("No such mandate"),
        Refusal::EndpointUnknown => Fault::not_found("No such webhook"),
        Refusal::CaseUnknown => Fault::not_found("No such case"),
        Refusal::AmountNotPositive => amount("Refund amount must be at least 1", "at least 1"),
        Refusal::AmountTooLarge => amount("Refund amount is too large", "too large"),
        Refusal::AmountExceedsRefundable { remaining } => {
            amount("Refund amount is above the remaining amount", format!("at most {remaining} can be refunded"))
        }
        Refusal::AlreadyRefunded => amount("Nothing is left to refund", "at most 0 can be refunded"),
        Refusal::FeeTooLarge => amount("The fee is above the amount", "below the fee"),
        Refusal::CurrencyMismatch => payin("The pay-in is in another currency", "another currency"),
        Refusal::PaymentNotSettled => payin("The pay-in is not sent yet", "not sent yet"),
        Refusal::PaymentFailed => payin("The pay-in failed", "failed"),
        Refusal::PaymentBlocked => payin("The pay-in takes no refund", "takes no refund"),
        Refusal::CreditorMissing => payin("The account of the payer is not known", "payer account not known"),
        Refusal::PayeeMismatch => payin("The payer has another account", "payer has another account"),
        Refusal::InsufficientFunds { available: _ } => paying("The account lacks funds", funding, "lacks funds"),
        Refusal::AccountNotEligible => {
            paying("The account is not eligible for refunds", funding, "not eligible for refunds")
        }
        Refusal::MandateNotActive => paying("The mandate is not active", funding, "not active"),
        Refusal::FundingCurrency => paying("The refund cannot be paid in this currency", funding, "another currency"),
        Refusal::DuplicateSuspect => Fault::of(
            Kind::Action,
            "An equal refund was made just before",
            KEY_HEADER,
            "needed to repeat an equal refund",
        ),
        Refusal::KeyReused | Refusal::DuplicateReference => {
            Fault::new(Kind::KeyReused, "The idempotency key was used for another request")
        }
        Refusal::TooManyEndpoints => {
            Fault::of(Kind::Schema, "Too many webhooks", "events", "at most 5 webhooks per event")
        }
        Refusal::AlreadyExists => Fault::new(Kind::Action, "It exists already"),
        Refusal::AlreadySubmitted
        | Refusal::AlreadyEnded
        | Refusal::NotAwaited
        | Refusal::SelfApproval
        | Refusal::AlreadyDecided
        | Refusal::NotEligible
        | Refusal::ApprovalExpired
        | Refusal::MorePeopleNeeded
        | Refusal::ProofMissing
        | Refusal::TooManyAttempts
        | Refusal::TransitionImpossible
        | Refusal::Changed
        | Refusal::RefundBlocked => Fault::new(Kind::Action, "This cannot be done in the present state"),
    }
}

fn amount(message: &'static str, reason: impl Into<Cow<'static, str>>) -> Fault {
    Fault::of(Kind::Amount, message, "amount", reason)
}

fn paying(message: &'static str, path: &'static str, reason: &'static str) -> Fault {
    Fault::of(Kind::BankAccount, message, path, reason)
}

/// JSON bytes of one of our own bodies.
pub(crate) fn to_json<T: Serialize>(body: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(768);
    #[expect(clippy::expect_used, reason = "our bodies have text keys and a vector takes every byte")]
    serde_json::to_writer(&mut bytes, body).expect("our own bodies can be written");
    bytes
}

#[derive(Serialize)]
struct V3Body<'a> {
    errors: [V3Error<'a>; 1],
}

#[derive(Serialize)]
struct V3Error<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<&'a str, Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'a str,
}

#[derive(Serialize)]
struct V2Body<'a> {
    errors: Vec<V2Error<'a>>,
}

#[derive(Serialize)]
struct PayinBody<'a> {
    errors: Vec<V2Error<'a>>,
    successes: [(); 0],
}

#[derive(Serialize)]
struct V2Error<'a> {
    code: &'static str,
    source: Source<'a>,
    title: &'a str,
}

#[derive(Serialize)]
struct Source<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}
