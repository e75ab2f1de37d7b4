//! Refunds in this provider's spelling (contract 3.8 to 3.10).

use super::metadata::Metadata;
use crate::json::Json;
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::DIALECT;
use crate::truelayer::config::ReferenceOverflow;
use crate::truelayer::errors::Fault;
use crate::truelayer::states::Shown;
use refundry_domain::money::{AMOUNT_MINOR_MAX, Currency};
use refundry_domain::refund::Refund;
use serde::Serialize;
use std::borrow::Cow;

/// What every fault of a request's fields says.
const UNACCEPTABLE: &str = "One or more parameters are not acceptable.";

/// The scheme over which money in a currency goes back; none where webhooks
/// and rows have no word for it.
pub(in crate::truelayer) fn scheme_of(currency: Currency) -> Option<&'static str> {
    match currency.code() {
        "GBP" => Some("faster_payments_service"),
        "EUR" => Some("sepa_credit_transfer_instant"),
        _ => None,
    }
}

/// The rules about the text on the payer's statement.
#[derive(Debug, Clone, Copy)]
pub(in crate::truelayer) struct ReferenceRules {
    /// Most characters (Unicode scalar values).
    pub(in crate::truelayer) length_max: usize,
    /// What to do with a longer one.
    pub(in crate::truelayer) overflow: ReferenceOverflow,
}

/// What was wrong with fields, collected, so that a client hears of all at once.
#[derive(Debug, Default)]
pub(in crate::truelayer) struct Faults(Vec<(String, String)>);

impl Faults {
    /// Notes a fault.
    pub(in crate::truelayer) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push((field.to_owned(), message.into()));
    }

    /// Takes the value of a field, or notes what was wrong with it.
    pub(in crate::truelayer) fn take<T, E: Into<String>>(&mut self, field: &str, found: Result<T, E>) -> Option<T> {
        found.map_err(|message| self.add(field, message)).ok()
    }

    /// The value, unless there was a fault.
    ///
    /// # Errors
    /// All faults together.
    pub(in crate::truelayer) fn finish<T>(self, value: Option<T>) -> Result<T, Fault> {
        match (value, self.0.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(self
                .0
                .into_iter()
                .fold(Fault::invalid_parameters(UNACCEPTABLE), |fault, (field, message)| fault.with(&field, message))),
        }
    }
}

/// A request to give money back.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::truelayer) struct RefundRequest<'a> {
    /// Minor units; none means the payment's full original value.
    pub(in crate::truelayer) amount: Option<u64>,
    /// The text on the payer's statement.
    pub(in crate::truelayer) statement_text: Cow<'a, str>,
    /// Pairs that are echoed.
    pub(in crate::truelayer) metadata: Metadata<'a>,
}

impl<'a> RefundRequest<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    /// The faults of all fields.
    pub(in crate::truelayer) fn read(json: &'a Json, rules: ReferenceRules) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let amount = match json.member("amount_in_minor") {
            None => Some(None),
            Some(given) => faults.take("amount_in_minor", minor_units(given)).map(Some),
        };
        let text = faults.take("reference", statement_text(json.member("reference"), rules));
        let metadata = faults.take("metadata", Metadata::read(json.member("metadata")));
        let request = amount.zip(text).zip(metadata).map(|((amount, statement_text), metadata)| Self {
            amount,
            statement_text,
            metadata,
        });
        faults.finish(request)
    }
}

/// An amount: digits only, at least 1.
///
/// # Errors
/// What is wrong with it.
pub(in crate::truelayer) fn minor_units(given: &Json) -> Result<u64, String> {
    match given.as_integer() {
        Some(minor @ 1..=AMOUNT_MINOR_MAX) => Ok(minor),
        Some(0) => Err("The amount must be at least 1.".to_owned()),
        Some(_) => Err(format!("The amount must be at most {AMOUNT_MINOR_MAX}.")),
        None => Err("The amount must be an integer of at least 1.".to_owned()),
    }
}

/// A text for a statement, within its length.
///
/// # Errors
/// What is wrong with it.
pub(in crate::truelayer) fn statement_text(
    given: Option<&Json>,
    rules: ReferenceRules,
) -> Result<Cow<'_, str>, String> {
    let length_max = rules.length_max;
    let given = given.ok_or_else(|| "The reference is required.".to_owned())?;
    let text = given.as_text().ok_or_else(|| "The reference must be a string.".to_owned())?;
    if text.is_empty() {
        return Err("The reference must not be empty.".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("The reference must not hold control characters.".to_owned());
    }
    match text.char_indices().nth(length_max) {
        None => Ok(Cow::Borrowed(text)),
        Some((end, _)) => match rules.overflow {
            ReferenceOverflow::Truncate => Ok(Cow::Owned(text.get(..end).unwrap_or_default().to_owned())),
            ReferenceOverflow::Reject => Err(format!("The reference must have at most {length_max} characters.")),
        },
    }
}

/// The pairs of a refund; none for one of another door.
pub(in crate::truelayer) fn metadata_of(refund: &Refund) -> Metadata<'_> {
    if *refund.origin.dialect == *DIALECT { Metadata::decode(&refund.extension) } else { Metadata::default() }
}

/// A refund as answers show it, in the order of the documentation.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct RefundBody<'a> {
    id: Text<36>,
    amount_in_minor: u64,
    currency: &'a str,
    status: &'static str,
    reference: &'a str,
    created_at: Text<30>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// A refund and what it shows.
pub(in crate::truelayer) fn body<'a>(refund: &'a Refund, shown: &Shown) -> RefundBody<'a> {
    RefundBody {
        id: uuid(refund.id.0),
        amount_in_minor: refund.amount.minor,
        currency: refund.amount.currency.code(),
        status: shown.status.word(),
        reference: refund.remittance.as_deref().unwrap_or_default(),
        created_at: rfc3339_nanos(refund.created_at),
        authorized_at: shown.authorized_at.map(rfc3339_nanos),
        executed_at: shown.executed_at.map(rfc3339_nanos),
        failed_at: shown.failed_at.map(rfc3339_nanos),
        failure_reason: shown.failure_reason,
        metadata: metadata_of(refund),
    }
}

/// Nothing but an id, as creations are answered.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Created {
    id: Text<36>,
}

/// The answer to a creation, also when it is asked for again years later.
pub(in crate::truelayer) fn created(id: u128) -> Created {
    Created { id: uuid(id) }
}

/// A list that is whole.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Items<T> {
    /// The elements.
    pub(in crate::truelayer) items: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str, length_max: usize, overflow: ReferenceOverflow) -> Result<(Option<u64>, String), ()> {
        let json = json::parse(text.as_bytes()).unwrap();
        let rules = ReferenceRules { length_max, overflow };
        let read = RefundRequest::read(&json, rules);
        read.map(|request| (request.amount, request.statement_text.into_owned())).map_err(|_| ())
    }

    // conformance: truelayer 41
    // conformance: truelayer 42
    // conformance: truelayer 43
    // conformance: truelayer 44
    #[test]
    fn requests_are_read() {
        let by = |reference: &str| format!("{{\"reference\":\"{reference}\"}}");
        let reject = |text: &str, length_max| read(text, length_max, ReferenceOverflow::Reject);
        for (text, amount) in [
            (r#"{"reference":"r"}"#, Ok((None, "r".to_owned()))),
            (r#"{"reference":"r","amount_in_minor":null,"metadata":null}"#, Ok((None, "r".to_owned()))),
            (r#"{"reference":"r","amount_in_minor":1}"#, Ok((Some(1), "r".to_owned()))),
            (r#"{"reference":"r","amount_in_minor":0}"#, Err(())),
            (r#"{"reference":"r","amount_in_minor":-1}"#, Err(())),
            (r#"{"reference":"r","amount_in_minor":1.5}"#, Err(())),
            (r#"{"reference":"r","amount_in_minor":1e2}"#, Err(())),
            (r#"{"reference":"r","amount_in_minor":"10"}"#, Err(())),
            (r#"{"reference":"r","amount_in_minor":9007199254740992}"#, Err(())),
            (r#"{"reference":null}"#, Err(())),
            (r#"{"reference":7}"#, Err(())),
            ("{}", Err(())),
            ("[]", Err(())),
            ("7", Err(())),
        ] {
            assert_eq!(reject(text, 18), amount, "{text}");
        }
        assert_eq!(reject(&by(""), 18), Err(()));
        assert_eq!(reject(&by("a\\u0007b"), 18), Err(()));
        for length_max in [18, 35] {
            let (fits, over) = ("é".repeat(length_max), "é".repeat(length_max + 1));
            assert_eq!(reject(&by(&fits), length_max), Ok((None, fits.clone())));
            assert_eq!(reject(&by(&over), length_max), Err(()));
            assert_eq!(read(&by(&over), length_max, ReferenceOverflow::Truncate), Ok((None, fits)));
        }
    }
}
