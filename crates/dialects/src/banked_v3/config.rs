//! The settings of this dialect: the subtree `banked`.

use super::FAMILY;
use crate::settings::{self, ConfigError};
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use serde::Deserialize;
use serde_json::Value;

/// What a token without a scope opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnscopedToken {
    /// The only application of the key's merchant.
    Application,
    /// Nothing but partner calls.
    PartnerOnly,
}

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    checkout_base: Option<String>,
    rate_limit: Option<u32>,
    refund_ttl: u64,
    require_idempotency_key_v3: bool,
    unscoped_token: UnscopedToken,
    v3_canceled_state: bool,
    v3_currencies: Vec<String>,
    v3_schema_status: u16,
    webhook_data_version: bool,
    webhook_timeout: u64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            checkout_base: None,
            rate_limit: None,
            refund_ttl: 30 * 86_400,
            require_idempotency_key_v3: true,
            unscoped_token: UnscopedToken::Application,
            v3_canceled_state: false,
            v3_currencies: vec!["AUD".to_owned()],
            v3_schema_status: 400,
            webhook_data_version: false,
            webhook_timeout: 10,
        }
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where checkout pages begin; none means below the public origin.
    pub(super) checkout_base: Option<String>,
    /// Requests per second and credential; none for no limit.
    pub(super) rate_limit: Option<u32>,
    /// From a refund's creation to its expiry.
    pub(super) refund_ttl: Span,
    /// Whether `POST /v3/refunds` needs an idempotency key.
    pub(super) key_required: bool,
    /// What a token without a scope opens.
    pub(super) unscoped_token: UnscopedToken,
    /// Whether a cancelled refund has a word of its own.
    pub(super) canceled_state: bool,
    /// The currencies that may be refunded.
    pub(super) currencies: Vec<Currency>,
    /// HTTP status of a schema fault.
    pub(super) schema_status: u16,
    /// Whether webhooks carry `data_version`.
    pub(super) data_version: bool,
    /// How long a webhook's receiver may take.
    pub(super) webhook_timeout: Span,
}

impl Config {
    /// Reads the subtree.
    pub(super) fn read(subtree: &Value) -> Result<Self, ConfigError> {
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
        for (name, value, most) in
            [("refund_ttl", written.refund_ttl, 400 * 86_400), ("webhook_timeout", written.webhook_timeout, 120)]
        {
            if value == 0 || value > most {
                return Err(ConfigError::new(&format!("{FAMILY}.{name}"), format!("is 1 to {most} seconds")));
            }
        }
        settings::check_rate(FAMILY, written.rate_limit)?;
        Ok(Self {
            rate_limit: written.rate_limit,
            checkout_base: written.checkout_base.map(|base| base.trim_end_matches('/').to_owned()),
            refund_ttl: Span::seconds(written.refund_ttl),
            key_required: written.require_idempotency_key_v3,
            unscoped_token: written.unscoped_token,
            canceled_state: written.v3_canceled_state,
            currencies,
            schema_status: written.v3_schema_status,
            data_version: written.webhook_data_version,
            webhook_timeout: Span::seconds(written.webhook_timeout),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_hold_and_wrong_values_are_named() {
        let config = Config::read(&Value::Null).unwrap();
        assert!(config.key_required && !config.canceled_state && !config.data_version);
        assert_eq!(config.refund_ttl, Span::days(30));
        assert_eq!(config.currencies, vec![Currency::AUD]);
        for (settings, path) in [
            (json!({ "refundttl": 1 }), "banked"),
            (json!({ "v3_schema_status": 418 }), "banked.v3_schema_status"),
            (json!({ "v3_currencies": ["AUS"] }), "banked.v3_currencies"),
            (json!({ "v3_currencies": [] }), "banked.v3_currencies"),
            (json!({ "refund_ttl": 0 }), "banked.refund_ttl"),
            (json!({ "rate_limit": 0 }), "banked.rate_limit"),
            (json!({ "unscoped_token": "all" }), "banked"),
        ] {
            assert_eq!(Config::read(&settings).unwrap_err().path, path, "{settings}");
        }
    }
}
