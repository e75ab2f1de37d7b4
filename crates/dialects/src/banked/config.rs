//! The settings of this dialect: the subtree `banked`.

use super::FAMILY;
use crate::settings::{self, ConfigError};
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// What a token without a scope opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnscopedToken {
    /// The only application of the key's merchant.
    Application,
    /// Nothing but partner calls.
    PartnerOnly,
}

/// How the word for a refund paid outside is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExternalSpelling {
    /// As all words of states.
    Underscore,
    /// With a space, as one page of the provider prints it.
    Space,
}

/// Seconds of a day.
const DAY: u64 = 86_400;
/// Most reminders, and the last day of one.
const REMINDER_COUNT_MAX: usize = 30;
/// Most letters about one refund in a day.
const MAILS_PER_DAY_MAX: u32 = 20;

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    checkout_base: Option<String>,
    details_mails_per_day: u32,
    details_reminder_days: Vec<u64>,
    details_ttl: u64,
    idempotency_ttl: u64,
    investigation_after: u64,
    rate_limit: Option<u32>,
    refund_ttl: u64,
    refunds_page_base: Option<String>,
    require_idempotency_key_v3: bool,
    require_request_signature: bool,
    unscoped_token: UnscopedToken,
    v2_authorisation_ttl: u64,
    v2_expose_id: bool,
    v2_external_spelling: ExternalSpelling,
    v2_initiated_state: bool,
    v2_reference_required: bool,
    v3_canceled_state: bool,
    v3_currencies: Vec<String>,
    v3_schema_status: u16,
    webhook_data_version: bool,
    webhook_disable_on_410: bool,
    webhook_timeout: u64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            checkout_base: None,
            details_mails_per_day: 3,
            details_reminder_days: Vec::new(),
            details_ttl: 30 * DAY,
            idempotency_ttl: 30 * DAY,
            investigation_after: DAY,
            rate_limit: None,
            refund_ttl: 30 * DAY,
            refunds_page_base: None,
            require_idempotency_key_v3: true,
            require_request_signature: false,
            unscoped_token: UnscopedToken::Application,
            v2_authorisation_ttl: 30 * DAY,
            v2_expose_id: false,
            v2_external_spelling: ExternalSpelling::Underscore,
            v2_initiated_state: false,
            v2_reference_required: true,
            v3_canceled_state: false,
            v3_currencies: vec!["AUD".to_owned()],
            v3_schema_status: 400,
            webhook_data_version: false,
            webhook_disable_on_410: false,
            webhook_timeout: 10,
        }
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where checkout pages begin; none means below the public origin.
    pub(crate) checkout_base: Option<String>,
    /// How many letters a refund may cause in a day.
    pub(crate) details_mails_per_day: u32,
    /// The days after its creation on which a refund's customer is reminded.
    pub(crate) details_reminders: Vec<Span>,
    /// How long the link for details is good.
    pub(crate) details_ttl: Span,
    /// How long a key counts that made nothing, and its answer is kept.
    pub(crate) idempotency_ttl: Span,
    /// How long a refund may be with the bank before people look at it.
    pub(crate) investigation_after: Span,
    /// Where details pages begin; none means below the public origin.
    pub(crate) refunds_page_base: Option<String>,
    /// How long the merchant may take to authorise a v2 refund.
    pub(crate) authorisation_ttl: Span,
    /// Whether a v2 refund's answer names its id.
    pub(crate) expose_id: bool,
    /// How the word for a refund paid outside is written.
    pub(crate) external_spelling: ExternalSpelling,
    /// Whether a v2 session has a state of its own between consent and sending.
    pub(crate) initiated_state: bool,
    /// Whether a v2 refund needs a text for the customer.
    pub(crate) reference_required: bool,
    /// Requests per second and credential; none for no limit.
    pub(crate) rate_limit: Option<u32>,
    /// From a refund's creation to its expiry.
    pub(crate) refund_ttl: Span,
    /// Whether `POST /v3/refunds` needs an idempotency key.
    pub(crate) key_required: bool,
    /// Whether every call of an application must be signed.
    pub(crate) signature_required: bool,
    /// What a token without a scope opens.
    pub(crate) unscoped_token: UnscopedToken,
    /// Whether a cancelled refund has a word of its own.
    pub(crate) canceled_state: bool,
    /// The currencies that may be refunded.
    pub(crate) currencies: Vec<Currency>,
    /// HTTP status of a schema fault.
    pub(crate) schema_status: u16,
    /// Whether webhooks carry `data_version`.
    pub(crate) data_version: bool,
    /// Whether a receiver that is gone switches its endpoint off.
    pub(crate) disable_on_gone: bool,
    /// How long a webhook's receiver may take.
    pub(crate) webhook_timeout: Span,
}

impl Config {
    /// Reads the subtree.
    pub(crate) fn read(subtree: &Value) -> Result<Self, ConfigError> {
        let written: Written = settings::read(FAMILY, subtree)?;
        let currencies: Result<Vec<Currency>, ConfigError> = written
            .v3_currencies
            .iter()
            .map(|code| {
                Currency::parse(code)
                    .map_err(|_| ConfigError::new("banked.v3_currencies", format!("{code} is no currency")))
            })
            .collect();
        let currencies = currencies?;
        if currencies.is_empty() {
            return Err(ConfigError::new("banked.v3_currencies", "needs one at least"));
        }
        if !matches!(written.v3_schema_status, 400 | 422) {
            return Err(ConfigError::new("banked.v3_schema_status", "is 400 or 422"));
        }
        let spans = [
            ("refund_ttl", written.refund_ttl, 400 * DAY),
            ("details_ttl", written.details_ttl, 400 * DAY),
            ("idempotency_ttl", written.idempotency_ttl, 400 * DAY),
            ("investigation_after", written.investigation_after, 400 * DAY),
            ("v2_authorisation_ttl", written.v2_authorisation_ttl, 400 * DAY),
            ("webhook_timeout", written.webhook_timeout, 120),
        ];
        for (name, value, most) in spans {
            if value == 0 || value > most {
                return Err(ConfigError::new(&format!("{FAMILY}.{name}"), format!("is 1 to {most} seconds")));
            }
        }
        settings::check_rate(FAMILY, written.rate_limit)?;
        check_letters(&written)?;
        Ok(Self {
            rate_limit: written.rate_limit,
            details_mails_per_day: written.details_mails_per_day,
            details_reminders: written.details_reminder_days.iter().map(|days| Span::days(*days)).collect(),
            details_ttl: Span::seconds(written.details_ttl),
            idempotency_ttl: Span::seconds(written.idempotency_ttl),
            investigation_after: Span::seconds(written.investigation_after),
            refunds_page_base: page_base("refunds_page_base", written.refunds_page_base)?,
            authorisation_ttl: Span::seconds(written.v2_authorisation_ttl),
            expose_id: written.v2_expose_id,
            external_spelling: written.v2_external_spelling,
            initiated_state: written.v2_initiated_state,
            reference_required: written.v2_reference_required,
            checkout_base: page_base("checkout_base", written.checkout_base)?,
            refund_ttl: Span::seconds(written.refund_ttl),
            key_required: written.require_idempotency_key_v3,
            signature_required: written.require_request_signature,
            unscoped_token: written.unscoped_token,
            canceled_state: written.v3_canceled_state,
            currencies,
            schema_status: written.v3_schema_status,
            data_version: written.webhook_data_version,
            disable_on_gone: written.webhook_disable_on_410,
            webhook_timeout: Span::seconds(written.webhook_timeout),
        })
    }
}

/// Where pages begin: an address to which an id can be added.
fn page_base(name: &str, base: Option<String>) -> Result<Option<String>, ConfigError> {
    let Some(base) = base else { return Ok(None) };
    let url = Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none_or(|url| url.query().is_some() || url.fragment().is_some() || !url.has_host()) {
        let what = "is an address of the web without a query, such as https://pay.example.org/refunds";
        return Err(ConfigError::new(&format!("{FAMILY}.{name}"), what));
    }
    Ok(Some(base.trim_end_matches('/').to_owned()))
}

fn check_letters(written: &Written) -> Result<(), ConfigError> {
    if !(1..=MAILS_PER_DAY_MAX).contains(&written.details_mails_per_day) {
        return Err(ConfigError::new("banked.details_mails_per_day", format!("is 1 to {MAILS_PER_DAY_MAX}")));
    }
    let days = &written.details_reminder_days;
    let rising = days.first().is_none_or(|first| *first > 0) && days.is_sorted_by(|one, next| one < next);
    if !rising || days.len() > REMINDER_COUNT_MAX || days.last().is_some_and(|last| *last > 400) {
        return Err(ConfigError::new("banked.details_reminder_days", "are days after the refund, ascending"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_hold_and_wrong_values_are_named() {
        let config = Config::read(&Value::Null).unwrap();
        assert!(config.key_required && !config.canceled_state && !config.data_version && !config.disable_on_gone);
        assert_eq!(config.refund_ttl, Span::days(30));
        assert_eq!(config.currencies, vec![Currency::AUD]);
        for (settings, path) in [
            (json!({ "refundttl": 1 }), "banked"),
            (json!({ "v3_schema_status": 418 }), "banked.v3_schema_status"),
            (json!({ "v3_currencies": ["AUS"] }), "banked.v3_currencies"),
            (json!({ "v3_currencies": [] }), "banked.v3_currencies"),
            (json!({ "refund_ttl": 0 }), "banked.refund_ttl"),
            (json!({ "details_ttl": 0 }), "banked.details_ttl"),
            (json!({ "details_mails_per_day": 0 }), "banked.details_mails_per_day"),
            (json!({ "details_reminder_days": [7, 3] }), "banked.details_reminder_days"),
            (json!({ "rate_limit": 0 }), "banked.rate_limit"),
            (json!({ "unscoped_token": "all" }), "banked"),
            (json!({ "v2_external_spelling": "dash" }), "banked"),
            (json!({ "v2_expose_id": "yes" }), "banked"),
            (json!({ "v2_authorisation_ttl": 0 }), "banked.v2_authorisation_ttl"),
            (json!({ "idempotency_ttl": 0 }), "banked.idempotency_ttl"),
            (json!({ "investigation_after": 40_000_000 }), "banked.investigation_after"),
            (json!({ "webhook_timeout": 121 }), "banked.webhook_timeout"),
            (json!({ "details_reminder_days": [0, 3] }), "banked.details_reminder_days"),
            (json!({ "checkout_base": "pay.example.org" }), "banked.checkout_base"),
            (json!({ "checkout_base": "ftp://pay.example.org/x" }), "banked.checkout_base"),
            (json!({ "refunds_page_base": "https://pay.example.org/r?a=b" }), "banked.refunds_page_base"),
        ] {
            assert_eq!(Config::read(&settings).unwrap_err().path, path, "{settings}");
        }
    }
}
