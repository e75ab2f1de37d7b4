//! What a refund or an estimate asks for (contract 3.2, 3.3).

use super::{metadata, money};
use crate::bvnk::call::parameter;
use crate::bvnk::config::Config;
use crate::bvnk::errors::Fault;
use crate::json::Json;
use refundry_domain::money::{Amount, Currency};

/// A refund as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bvnk) struct RefundInput {
    /// The client's own text.
    pub(in crate::bvnk) customer_reference: String,
    /// How much.
    pub(in crate::bvnk) amount: Amount,
    /// The pairs to be echoed, as JSON text; empty for none.
    pub(in crate::bvnk) metadata: String,
}

impl RefundInput {
    /// Reads a body.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(in crate::bvnk) fn read(body: &Json, config: &Config) -> Result<Self, Fault> {
        let reference = body.member("customerReference").ok_or_else(|| missing("customerReference"))?;
        let customer_reference = customer_reference(reference, config)?;
        let amount = body.member("amount").ok_or_else(|| missing("amount"))?;
        let amount = amount_object(amount, "amount", config)?;
        Ok(Self { customer_reference, amount, metadata: metadata::read(body)? })
    }
}

/// An estimate as it is asked for; no amount means all that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bvnk) struct EstimateInput {
    /// How much.
    pub(in crate::bvnk) amount: Option<Amount>,
}

impl EstimateInput {
    /// Reads a body with an object or flat, or the parameters of a query.
    ///
    /// # Errors
    /// A field that is wrong, or missing where `complete` asks for it.
    pub(in crate::bvnk) fn read(
        body: Option<&Json>,
        query: &[(String, String)],
        complete: bool,
        config: &Config,
    ) -> Result<Self, Fault> {
        let from_query;
        let body = match body {
            Some(body) => body,
            None => {
                from_query = of_query(query);
                &from_query
            }
        };
        match body.member("customerReference") {
            Some(reference) => {
                customer_reference(reference, config)?;
            }
            None if complete => return Err(missing("customerReference")),
            None => {}
        }
        metadata::read(body)?;
        let flat = body.member("value");
        let read = |value| amount_of(value, body, ("amount", "currency"), config);
        let amount = match (body.member("amount"), flat) {
            (Some(object @ Json::Object(_)), _) => Some(amount_object(object, "amount", config)?),
            (Some(amount), Some(value)) if read(amount)? != read(value)? => {
                return Err(Fault::field("amount", "differs from value"));
            }
            (Some(value), _) | (None, Some(value)) => Some(read(value)?),
            (None, None) if complete => return Err(missing("amount")),
            (None, None) => None,
        };
        Ok(Self { amount })
    }
}

/// The parameters that count, as a body would hold them.
fn of_query(query: &[(String, String)]) -> Json {
    let names = ["customerReference", "amount", "value", "currency", "currencyCode"];
    let members = names
        .into_iter()
        .filter_map(|name| parameter(query, name).map(|value| (name.to_owned(), Json::Text(value.to_owned()))));
    Json::Object(members.collect())
}

/// The error for a field that must be there and is not.
pub(in crate::bvnk) fn missing(field: &str) -> Fault {
    Fault::field(field, "is required")
}

fn customer_reference(value: &Json, config: &Config) -> Result<String, Fault> {
    let wrong = |message: String| Fault::field("customerReference", message);
    let text = value.as_text().ok_or_else(|| wrong("must be a text".to_owned()))?;
    let count = text.chars().count();
    if text.trim().is_empty() {
        return Err(wrong("must not be blank".to_owned()));
    }
    if count > config.customer_reference_max || text.chars().any(char::is_control) {
        let most = config.customer_reference_max;
        return Err(wrong(format!("must have at most {most} characters and no control characters")));
    }
    Ok(text.to_owned())
}

/// `{value, currency}` below a field.
pub(in crate::bvnk) fn amount_object(object: &Json, field: &str, config: &Config) -> Result<Amount, Fault> {
    if object.as_object().is_none() {
        return Err(Fault::field(field, "must be an object with value and currency"));
    }
    let (value_field, currency_field) = (format!("{field}.value"), format!("{field}.currency"));
    let value = object.member("value").ok_or_else(|| missing(&value_field))?;
    amount_of(value, object, (&value_field, &currency_field), config)
}

/// A value and the currency beside it.
pub(in crate::bvnk) fn amount_of(
    value: &Json,
    around: &Json,
    (value_field, currency_field): (&str, &str),
    config: &Config,
) -> Result<Amount, Fault> {
    let currency = currency_of(around, currency_field, config)?;
    let minor = match value {
        Json::Text(text) => money::parse(text, currency.exponent()),
        Json::Integer(number) => money::parse(&number.to_string(), currency.exponent()),
        Json::OtherNumber(spelling) => money::parse(spelling, currency.exponent()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => Err("must be a number or a text"),
    };
    Ok(Amount::new(minor.map_err(|why| Fault::field(value_field, why))?, currency))
}

/// The currency, under either of its names.
fn currency_of(around: &Json, field: &str, config: &Config) -> Result<Currency, Fault> {
    let wrong = |message: &str| Fault::field(field, message);
    let named = |name: &str| around.member(name).map(|code| code.as_text().ok_or_else(|| wrong("must be a text")));
    let (short, long) = (named("currency").transpose()?, named("currencyCode").transpose()?);
    if short.is_some() && long.is_some() && short != long {
        return Err(wrong("differs from currencyCode"));
    }
    let code = short.or(long).ok_or_else(|| missing(field))?;
    let currency = Currency::parse(code).ok().filter(|currency| config.currencies.contains(currency));
    currency.ok_or_else(|| wrong("is no currency of this account"))
}
