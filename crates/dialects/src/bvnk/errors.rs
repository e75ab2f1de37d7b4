//! Errors: one envelope, an older one below `/api`, and the total map from our
//! refusals (contract 5). No text holds a secret or an account number.

use super::config::Config;
use super::wire::money::printed;
use super::wire::out::{Object, Out};
use crate::answer;
use crate::json::JsonFault;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::money::Amount;
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Unavailable;
use std::borrow::Cow;

/// The general code: something about the request or the moment is wrong.
pub(super) const GENERAL: &str = "bvnk:payment:0001";
const NOT_FOUND: &str = "bvnk:payment:0002";
const NOT_AUTHENTICATED: &str = "bvnk:payment:0003";
const KEY_REPEATED: &str = "bvnk:payment:0006";
const WALLET_SHORT: &str = "bvnk:payment:0007";
const METHOD_UNSUPPORTED: &str = "bvnk:payment:0008";
const SWITCHED_OFF: &str = "bvnk:payment:0009";
const ACCOUNT_DISABLED: &str = "bvnk:payment:0010";
const WALLET_UNKNOWN: &str = "bvnk:ledger:5001";

/// What an error says beside its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Details {
    /// What is wrong, by field.
    Fields(Vec<(String, String)>),
    /// What the first request with the key led to.
    First {
        /// The pay-in or the payout, by setting.
        shown: u128,
        /// The refund.
        refund: RefundId,
        /// The pay-in.
        payin: PaymentId,
    },
}

/// An error before it is printed. A handler returns it; the layer around all
/// routes prints it with the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    status: u16,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<Box<Details>>,
    header: Option<Box<(HeaderName, String)>>,
}

impl Fault {
    /// An error with a code and sentence.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let retry = matches!(status, 429 | 503).then(|| Box::new((RETRY_AFTER, "1".to_owned())));
        Self { status, code: Cow::Borrowed(code), message: message.into(), details: None, header: retry }
    }

    /// A field is wrong. `name` is its path with dots, or a header's name.
    pub(super) fn field(name: &str, message: impl Into<String>) -> Self {
        let fields = vec![(name.to_owned(), message.into())];
        let details = Some(Box::new(Details::Fields(fields)));
        Self { details, ..Self::new(400, GENERAL, "The request is not valid.") }
    }

    /// The header that signs the request does not read.
    pub(super) fn hawk_malformed(why: &'static str) -> Self {
        Self::field("Authorization", why)
    }

    /// Nobody that we know asks; `challenge` is what the client hears of it.
    pub(super) fn unauthenticated(challenge: String) -> Self {
        let header = Some(Box::new((WWW_AUTHENTICATE, challenge)));
        Self { header, ..Self::new(401, NOT_AUTHENTICATED, "The request is not authenticated.") }
    }

    /// A good key that does not open this.
    pub(super) fn forbidden() -> Self {
        Self::new(403, NOT_AUTHENTICATED, "These credentials do not allow this.")
    }

    /// The key is used too often.
    pub(super) fn too_many() -> Self {
        Self::new(429, GENERAL, "There are too many requests of these credentials.")
    }

    /// There is nothing at this path.
    pub(super) fn no_such_path() -> Self {
        Self::new(404, NOT_FOUND, "There is nothing at this path.")
    }

    /// The path has other methods.
    pub(super) fn wrong_method() -> Self {
        Self::new(405, GENERAL, "This path has other methods.")
    }

    /// A pay-in that this merchant does not have; `named` is what the path says.
    pub(super) fn payin_unknown(config: &Config, named: &str) -> Self {
        let message = format!("Pay-in {} could not be found.", named.to_lowercase());
        Self::new(config.unknown_payin_status, NOT_FOUND, message)
    }

    /// A payout that this merchant does not have.
    pub(super) fn payout_unknown(named: &str) -> Self {
        Self::new(404, NOT_FOUND, format!("Payout {} could not be found.", named.to_lowercase()))
    }

    /// The pay-in has no refund yet.
    pub(super) fn no_refund(payin: PaymentId) -> Self {
        Self::new(404, NOT_FOUND, format!("Pay-in {payin} has no refund."))
    }

    /// A wallet that this merchant does not have.
    pub(super) fn wallet_unknown() -> Self {
        Self::new(404, WALLET_UNKNOWN, "The wallet could not be found.")
    }

    /// The sentence of the original page, byte for byte. `id` is what the path names.
    pub(super) fn not_refundable(config: &Config, id: u128) -> Self {
        let code = Cow::Owned(config.refund_error_code.clone());
        let message = format!("Pay-in {} not refundable.", PaymentId(id));
        Self { code, ..Self::new(400, GENERAL, message) }
    }

    /// The other sentence of the original page, byte for byte.
    pub(super) fn invalid_amount(config: &Config, payin: PaymentId, left: Amount) -> Self {
        let code = Cow::Owned(config.refund_error_code.clone());
        let currency = if config.error_amount_with_currency { format!(" {}", left.currency) } else { String::new() };
        let number = printed(left);
        let message = format!("Invalid amount to refund from pay-in: {payin}. Available amount: {number}{currency}.");
        Self { code, ..Self::new(400, GENERAL, message) }
    }

    /// The key was used before.
    pub(super) fn key_repeated() -> Self {
        Self::new(400, KEY_REPEATED, "A refund with this idempotency key already exists.")
    }

    /// The same; names what it led to, so that who lost the answer has it now.
    pub(super) fn key_repeated_by(shown: u128, refund: RefundId, payin: PaymentId) -> Self {
        Self { details: Some(Box::new(Details::First { shown, refund, payin })), ..Self::key_repeated() }
    }

    /// The method is none of this currency.
    pub(super) fn method_unsupported() -> Self {
        Self::new(400, METHOD_UNSUPPORTED, "This payment method is not supported for the currency.")
    }

    /// The merchant may not do this.
    pub(super) fn switched_off(message: &'static str) -> Self {
        Self::new(400, SWITCHED_OFF, message)
    }

    /// A fault of ours.
    pub(super) fn internal() -> Self {
        Self::new(500, GENERAL, "Something went wrong on our side.")
    }

    /// A refusal that the server made before any route ran.
    pub(super) fn of_status(status: u16, detail: &'static str) -> Self {
        let code = if status == 404 { NOT_FOUND } else { GENERAL };
        Self::new(status, code, detail)
    }

    /// A body that is no JSON that we take.
    pub(super) fn of_json(fault: &JsonFault) -> Self {
        match fault {
            JsonFault::NotJson => Self::field("body", "is not valid JSON"),
            JsonFault::NotUtf8 => Self::field("body", "is not UTF-8"),
            JsonFault::TooDeep | JsonFault::TooMany => Self::field("body", format!("is {fault}")),
            JsonFault::Nul(path) if path.is_empty() => Self::field("body", "holds NUL"),
            JsonFault::Nul(path) => Self::field(&path.replace('/', "."), "holds NUL"),
            JsonFault::DuplicateMember(path) => Self::field(&path.replace('/', "."), "is given twice"),
        }
    }

    /// The engine did not decide.
    pub(super) fn of_unavailable(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::InFlight => Self::new(409, GENERAL, "A request with this idempotency key is in progress."),
            Unavailable::Overloaded | Unavailable::Store | Unavailable::Stopping => {
                Self::new(503, GENERAL, "The service is not available at the moment.")
            }
        }
    }

    /// The body under the id of its request.
    pub(super) fn body(&self, request_id: &str, legacy: bool) -> Vec<u8> {
        let envelope = if legacy { self.legacy(request_id) } else { self.envelope(request_id) };
        Out::from(envelope).print()
    }

    fn envelope(&self, request_id: &str) -> Object {
        let phrase = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let details = match self.details.as_deref() {
            None => Out::null(),
            Some(Details::Fields(fields)) => {
                let fields = fields.iter().map(|(field, message)| {
                    Object::new().put("field", field.as_str()).put("message", message.as_str()).into()
                });
                let errors = Object::new().put("requestBody", Out::List(fields.collect()));
                Object::new().put("errors", errors).into()
            }
            Some(Details::First { shown, refund, payin }) => Object::new()
                .put("transactionReference", PaymentId(*shown).to_string())
                .put("refundTransactionReference", refund.to_string())
                .put("payinTransactionReference", payin.to_string())
                .into(),
        };
        Object::new()
            .put("code", &*self.code)
            .put("status", phrase.unwrap_or("Error"))
            .put("traceId", request_id)
            .put("message", &*self.message)
            .put("details", details)
    }

    fn legacy(&self, request_id: &str) -> Object {
        let code = if self.status == 409 { "MER-PAY-2018" } else { &*self.code };
        let line = |parameter: &str, message: &str| -> Out {
            Object::new()
                .put("requestId", request_id)
                .put("code", code)
                .put("parameter", parameter)
                .put("message", message)
                .into()
        };
        let lines = match self.details.as_deref() {
            Some(Details::Fields(fields)) => fields.iter().map(|(field, message)| line(field, message)).collect(),
            Some(Details::First { .. }) | None => vec![line("", &self.message)],
        };
        Object::new().put("requestId", request_id).put("errorList", Out::List(lines))
    }

    /// The HTTP answer under the id of its request.
    pub(super) fn print(&self, request_id: &str, legacy: bool) -> Response {
        let response = answer::json(self.status, self.body(request_id, legacy));
        match self.header.as_deref() {
            Some((name, value)) => answer::with_header(response, name.clone(), value),
            None => response,
        }
    }
}

impl IntoResponse for Fault {
    /// Marks the answer; the layer around all routes prints it.
    fn into_response(self) -> Response {
        let mut response = answer::empty(self.status);
        response.extensions_mut().insert(self);
        response
    }
}

/// The error for a refused refund of a pay-in.
pub(super) fn of_refusal(config: &Config, refusal: Refusal, payin: PaymentId, currency: Amount) -> Fault {
    let left = |minor| Fault::invalid_amount(config, payin, Amount::new(minor, currency.currency));
    match refusal {
        Refusal::PaymentUnknown => Fault::payin_unknown(config, &payin.to_string()),
        Refusal::AmountExceedsRefundable { remaining } => left(remaining),
        Refusal::AlreadyRefunded => left(0),
        Refusal::PaymentNotSettled
        | Refusal::PaymentFailed
        | Refusal::PaymentBlocked
        | Refusal::CreditorMissing
        | Refusal::PayeeMismatch => Fault::not_refundable(config, payin.0),
        Refusal::InsufficientFunds { available: _ } => {
            Fault::new(400, WALLET_SHORT, "The wallet has too little money for the refund and its fee.")
        }
        Refusal::AccountNotEligible => Fault::switched_off("Refunds are switched off for this wallet."),
        Refusal::AccountUnknown => Fault::new(400, ACCOUNT_DISABLED, "The wallet of the pay-in is not available."),
        Refusal::AmountNotPositive | Refusal::AmountTooLarge | Refusal::FeeTooLarge => {
            Fault::field("amount.value", "is out of range")
        }
        Refusal::CurrencyMismatch | Refusal::FundingCurrency => {
            Fault::field("amount.currency", "is not the currency of the pay-in")
        }
        Refusal::DuplicateReference => Fault::field("customerReference", "names another refund"),
        Refusal::DuplicateSuspect => {
            Fault::new(400, GENERAL, "An equal refund without an idempotency key was made just before.")
        }
        Refusal::KeyReused => Fault::key_repeated(),
        Refusal::Changed => Fault::new(409, GENERAL, "The pay-in was changed by another request."),
        Refusal::RefundUnknown
        | Refusal::PayoutUnknown
        | Refusal::MandateUnknown
        | Refusal::MandateNotActive
        | Refusal::AlreadySubmitted
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
        | Refusal::AlreadyExists
        | Refusal::RefundBlocked
        | Refusal::EndpointUnknown
        | Refusal::TooManyEndpoints
        | Refusal::CaseUnknown => Fault::internal(),
    }
}
