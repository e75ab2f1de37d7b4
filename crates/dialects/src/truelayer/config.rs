//! The settings of this dialect (contract 10). Times are given in seconds
//! unless their name says otherwise.

use super::DIALECT;
use crate::settings::{self, ConfigError};
use refundry_domain::money::AMOUNT_MINOR_MAX;
use refundry_domain::time::Span;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use url::Url;

const MILLION: u64 = 1_000_000;

/// Which calls must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignatureRequiredOn {
    /// Those that move money.
    Money,
    /// Every POST and DELETE with a token.
    All,
}

/// What happens to a text for the payer that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReferenceOverflow {
    /// The request is refused.
    Reject,
    /// What is stored ends at the limit.
    Truncate,
}

/// What the magic text of the sandbox leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tuoyap {
    /// Executed, then returned.
    Returned,
    /// Failed by the scheme.
    SchemeError,
    /// Nothing: it is a text like any other.
    Off,
}

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    auth_origin: Option<String>,
    api_origin: Option<String>,
    hpp_origin: Option<String>,
    mock_bank_origin: Option<String>,
    return_origin: Option<String>,
    jku: Option<String>,
    access_token_ttl: u64,
    resource_token_ttl: u64,
    signature_required_on: SignatureRequiredOn,
    allow_signature_v1: bool,
    reference_length_max: usize,
    reference_overflow: ReferenceOverflow,
    require_settled: bool,
    report_returns: bool,
    refund_overdue_after: u64,
    lock_timeout: u64,
    idempotency_ttl: u64,
    transactions_include_refunds: bool,
    webhook_signed_headers: Vec<String>,
    webhook_timeout: u64,
    webhook_retry_window: u64,
    rate_limit: Option<u32>,
    payment_authorization_ttl: u64,
    return_uri_allowlist: Vec<String>,
    error_type_base: String,
    sandbox: WrittenSandbox,
}

/// The settings of the sandbox as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenSandbox {
    seed_balance_in_minor: u64,
    tuoyap: Tuoyap,
    verify_check_digits: bool,
    settle_delay_ms: u64,
    authorize_delay_ms: u64,
    execute_delay_ms: u64,
    return_delay_ms: u64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            auth_origin: None,
            api_origin: None,
            hpp_origin: None,
            mock_bank_origin: None,
            return_origin: None,
            jku: None,
            access_token_ttl: 3_600,
            resource_token_ttl: 900,
            signature_required_on: SignatureRequiredOn::Money,
            allow_signature_v1: false,
            reference_length_max: 18,
            reference_overflow: ReferenceOverflow::Reject,
            require_settled: false,
            report_returns: true,
            refund_overdue_after: 86_400,
            lock_timeout: 2,
            idempotency_ttl: 30 * 86_400,
            transactions_include_refunds: true,
            webhook_signed_headers: vec![TIMESTAMP.to_owned(), CONTENT_TYPE.to_owned()],
            webhook_timeout: 10,
            webhook_retry_window: 72 * 3_600,
            rate_limit: None,
            payment_authorization_ttl: 86_400,
            return_uri_allowlist: Vec::new(),
            error_type_base: "https://docs.truelayer.com/docs/error-types#".to_owned(),
            sandbox: WrittenSandbox::default(),
        }
    }
}

impl Default for WrittenSandbox {
    fn default() -> Self {
        Self {
            seed_balance_in_minor: 100 * MILLION,
            tuoyap: Tuoyap::Returned,
            verify_check_digits: false,
            settle_delay_ms: 500,
            authorize_delay_ms: 200,
            execute_delay_ms: 300,
            return_delay_ms: 1_000,
        }
    }
}

/// The timestamp's header, as webhooks sign it.
pub(super) const TIMESTAMP: &str = "X-Tl-Webhook-Timestamp";
/// The media type's header, as webhooks sign it.
pub(super) const CONTENT_TYPE: &str = "Content-Type";

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where tokens are fetched; none means the public origin.
    pub(super) auth_origin: Option<String>,
    /// Where the API is reached; none means the public origin.
    pub(super) api_origin: Option<String>,
    /// Where the hosted page is reached; none means the public origin.
    pub(super) hpp_origin: Option<String>,
    /// Where the mock bank is reached; none means the public origin.
    pub(super) mock_bank_origin: Option<String>,
    /// Where browsers come back to; none means the public origin.
    pub(super) return_origin: Option<String>,
    /// Where receivers find our keys; none means below the public origin.
    pub(super) jku: Option<String>,
    /// How long an access token lives.
    pub(super) access_token_ttl: Span,
    /// How long a resource token lives.
    pub(super) resource_token_ttl: Span,
    /// Which calls must be signed.
    pub(super) signature_required_on: SignatureRequiredOn,
    /// Whether signatures over the body alone are taken.
    pub(super) allow_signature_v1: bool,
    /// Longest text for the payer's statement, in characters.
    pub(super) reference_length_max: usize,
    /// What happens to a longer one.
    pub(super) reference_overflow: ReferenceOverflow,
    /// Whether only settled payments take refunds.
    pub(super) require_settled: bool,
    /// Whether a return shows, for clients that say nothing else.
    pub(super) report_returns: bool,
    /// How long a refund or payout may be without a word of the bank before
    /// people are told.
    pub(super) refund_overdue_after: Span,
    /// How long a repetition waits for the first outcome.
    pub(super) lock_timeout: Duration,
    /// How long keys are kept that created neither a refund nor a payout.
    pub(super) idempotency_ttl: Span,
    /// Whether an account's transactions have refund rows.
    pub(super) transactions_include_refunds: bool,
    /// The headers that a webhook's signature covers, in this order.
    pub(super) webhook_signed_headers: Vec<&'static str>,
    /// How long a webhook's receiver may take.
    pub(super) webhook_timeout: Span,
    /// From a webhook's first attempt to its last.
    pub(super) webhook_retry_window: Span,
    /// Most requests of a client per second; none is no limit.
    pub(super) rate_limit: Option<u32>,
    /// How long a payment waits for its payer.
    pub(super) payment_authorization_ttl: Span,
    /// Where payers may be sent back to; empty means anywhere.
    pub(super) return_uri_allowlist: Vec<String>,
    /// What every error's `type` begins with.
    pub(super) error_type_base: String,
    /// Sandbox: what each of the two merchant accounts holds at first, minor units.
    pub(super) seed_balance: u64,
    /// Sandbox: what the magic text leads to.
    pub(super) tuoyap: Tuoyap,
    /// Sandbox: whether account numbers are checked beyond their form.
    pub(super) verify_check_digits: bool,
    /// Sandbox: from the payer's return to the settlement.
    pub(super) settle_delay: Span,
    /// Sandbox: from a refund's creation to its submission.
    pub(super) authorize_delay: Span,
    /// Sandbox: from the submission to the execution.
    pub(super) execute_delay: Span,
    /// Sandbox: from the execution to the return of the magic text.
    pub(super) return_delay: Span,
}

impl Config {
    /// Reads the subtree.
    pub(super) fn read(subtree: &Value) -> Result<Self, ConfigError> {
        let written: Written = settings::read(DIALECT, subtree)?;
        check_ranges(&written)?;
        check_places(&written)?;
        let origin = |origin: Option<String>| origin.map(|origin| origin.trim_end_matches('/').to_owned());
        let millis = |millis: u64| Span(millis.saturating_mul(MILLION));
        Ok(Self {
            webhook_signed_headers: signed_headers(&written.webhook_signed_headers)?,
            auth_origin: origin(written.auth_origin),
            api_origin: origin(written.api_origin),
            hpp_origin: origin(written.hpp_origin),
            mock_bank_origin: origin(written.mock_bank_origin),
            return_origin: origin(written.return_origin),
            jku: written.jku,
            access_token_ttl: Span::seconds(written.access_token_ttl),
            resource_token_ttl: Span::seconds(written.resource_token_ttl),
            signature_required_on: written.signature_required_on,
            allow_signature_v1: written.allow_signature_v1,
            reference_length_max: written.reference_length_max,
            reference_overflow: written.reference_overflow,
            require_settled: written.require_settled,
            report_returns: written.report_returns,
            refund_overdue_after: Span::seconds(written.refund_overdue_after),
            lock_timeout: Duration::from_secs(written.lock_timeout),
            idempotency_ttl: Span::seconds(written.idempotency_ttl),
            transactions_include_refunds: written.transactions_include_refunds,
            webhook_timeout: Span::seconds(written.webhook_timeout),
            webhook_retry_window: Span::seconds(written.webhook_retry_window),
            rate_limit: written.rate_limit,
            payment_authorization_ttl: Span::seconds(written.payment_authorization_ttl),
            return_uri_allowlist: written.return_uri_allowlist,
            error_type_base: written.error_type_base,
            seed_balance: written.sandbox.seed_balance_in_minor,
            tuoyap: written.sandbox.tuoyap,
            verify_check_digits: written.sandbox.verify_check_digits,
            settle_delay: millis(written.sandbox.settle_delay_ms),
            authorize_delay: millis(written.sandbox.authorize_delay_ms),
            execute_delay: millis(written.sandbox.execute_delay_ms),
            return_delay: millis(written.sandbox.return_delay_ms),
        })
    }
}

fn check_ranges(written: &Written) -> Result<(), ConfigError> {
    let day = 86_400;
    let hour_millis = 3_600_000;
    let sandbox = &written.sandbox;
    let length = u64::try_from(written.reference_length_max).unwrap_or(u64::MAX);
    for (name, value, least, most) in [
        ("access_token_ttl", written.access_token_ttl, 1, 30 * day),
        ("resource_token_ttl", written.resource_token_ttl, 1, 30 * day),
        ("reference_length_max", length, 18, 35),
        ("refund_overdue_after", written.refund_overdue_after, 1, 30 * day),
        ("lock_timeout", written.lock_timeout, 1, 60),
        ("idempotency_ttl", written.idempotency_ttl, 1, 400 * day),
        ("webhook_timeout", written.webhook_timeout, 1, 120),
        ("webhook_retry_window", written.webhook_retry_window, 1, 30 * day),
        ("rate_limit", u64::from(written.rate_limit.unwrap_or(1)), 1, 1_000_000),
        ("payment_authorization_ttl", written.payment_authorization_ttl, 1, 400 * day),
        ("sandbox.seed_balance_in_minor", sandbox.seed_balance_in_minor, 1, AMOUNT_MINOR_MAX),
        ("sandbox.settle_delay_ms", sandbox.settle_delay_ms, 0, hour_millis),
        ("sandbox.authorize_delay_ms", sandbox.authorize_delay_ms, 0, hour_millis),
        ("sandbox.execute_delay_ms", sandbox.execute_delay_ms, 0, hour_millis),
        ("sandbox.return_delay_ms", sandbox.return_delay_ms, 0, hour_millis),
    ] {
        if !(least..=most).contains(&value) {
            return Err(ConfigError::new(&format!("{DIALECT}.{name}"), format!("is {least} to {most}")));
        }
    }
    Ok(())
}

/// Origins are origins, and places are places on the web.
fn check_places(written: &Written) -> Result<(), ConfigError> {
    let refused = |name: &str, message: &str| ConfigError::new(&format!("{DIALECT}.{name}"), message);
    let web = |text: &str| Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    for (name, origin) in [
        ("auth_origin", &written.auth_origin),
        ("api_origin", &written.api_origin),
        ("hpp_origin", &written.hpp_origin),
        ("mock_bank_origin", &written.mock_bank_origin),
        ("return_origin", &written.return_origin),
    ] {
        let is_origin = |text: &String| {
            web(text).is_some_and(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
        };
        if origin.as_ref().is_some_and(|text| !is_origin(text)) {
            return Err(refused(name, "is an origin, such as https://pay.example.org"));
        }
    }
    if written.jku.as_ref().is_some_and(|text| web(text).is_none()) {
        return Err(refused("jku", "is an address on the web"));
    }
    if written.return_uri_allowlist.iter().any(|text| web(text).is_none()) {
        return Err(refused("return_uri_allowlist", "lists addresses on the web"));
    }
    if web(&written.error_type_base).is_none() {
        return Err(refused("error_type_base", "is an address on the web"));
    }
    Ok(())
}

/// The timestamp must be signed, or a receiver could be sent old webhooks.
fn signed_headers(written: &[String]) -> Result<Vec<&'static str>, ConfigError> {
    let named = |name: &String| {
        let known = [TIMESTAMP, CONTENT_TYPE].into_iter().find(|known| known.eq_ignore_ascii_case(name));
        known.ok_or_else(|| {
            let message = format!("{name} is neither {TIMESTAMP} nor {CONTENT_TYPE}");
            ConfigError::new("truelayer.webhook_signed_headers", message)
        })
    };
    let headers: Vec<&'static str> = written.iter().map(named).collect::<Result<_, _>>()?;
    if !headers.contains(&TIMESTAMP) {
        return Err(ConfigError::new("truelayer.webhook_signed_headers", format!("needs {TIMESTAMP}")));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_hold() {
        let config = Config::read(&Value::Null).unwrap();
        assert_eq!(config.access_token_ttl, Span::seconds(3_600));
        assert_eq!(config.refund_overdue_after, Span::days(1));
        assert_eq!(config.webhook_signed_headers, [TIMESTAMP, CONTENT_TYPE]);
    }

    /// A setting and its value, below `sandbox` where its name says so.
    fn with(name: &str, value: Value) -> Value {
        match name.strip_prefix("sandbox.") {
            Some(name) => json!({ "sandbox": { name: value } }),
            None => json!({ name: value }),
        }
    }

    #[test]
    fn numbers_have_their_ranges() {
        let (day, hour_millis) = (86_400_u64, 3_600_000);
        for (name, least, most) in [
            ("access_token_ttl", 1, 30 * day),
            ("resource_token_ttl", 1, 30 * day),
            ("reference_length_max", 18, 35),
            ("refund_overdue_after", 1, 30 * day),
            ("lock_timeout", 1, 60),
            ("idempotency_ttl", 1, 400 * day),
            ("webhook_timeout", 1, 120),
            ("webhook_retry_window", 1, 30 * day),
            ("rate_limit", 1, 1_000_000),
            ("payment_authorization_ttl", 1, 400 * day),
            ("sandbox.seed_balance_in_minor", 1, AMOUNT_MINOR_MAX),
            ("sandbox.settle_delay_ms", 0, hour_millis),
            ("sandbox.authorize_delay_ms", 0, hour_millis),
            ("sandbox.execute_delay_ms", 0, hour_millis),
            ("sandbox.return_delay_ms", 0, hour_millis),
        ] {
            for good in [least, most] {
                assert!(Config::read(&with(name, json!(good))).is_ok(), "{name} {good}");
            }
            for bad in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
                let error = Config::read(&with(name, json!(bad))).unwrap_err();
                assert_eq!(error.path, format!("truelayer.{name}"), "{bad}");
            }
            assert!(Config::read(&with(name, json!("many"))).is_err(), "{name}");
            assert!(Config::read(&with(name, json!(-1))).is_err(), "{name}");
        }
    }

    #[test]
    fn other_values_are_named_when_they_are_wrong() {
        let origins = ["auth_origin", "api_origin", "hpp_origin", "mock_bank_origin", "return_origin"];
        for origin in origins {
            assert!(Config::read(&with(origin, json!("https://pay.example.org:8443/"))).is_ok());
            for bad in
                ["pay.example.org", "ftp://pay.example.org", "https://pay.example.org/v3", "https://a.example/?b"]
            {
                let error = Config::read(&with(origin, json!(bad))).unwrap_err();
                assert_eq!(error.path, format!("truelayer.{origin}"), "{bad}");
            }
        }
        for (settings, path) in [
            (json!({ "jkus": 1 }), "truelayer"),
            (json!({ "jku": "jwks" }), "truelayer.jku"),
            (json!({ "error_type_base": "" }), "truelayer.error_type_base"),
            (json!({ "return_uri_allowlist": ["/pay"] }), "truelayer.return_uri_allowlist"),
            (json!({ "webhook_signed_headers": ["content-type"] }), "truelayer.webhook_signed_headers"),
            (json!({ "webhook_signed_headers": ["date"] }), "truelayer.webhook_signed_headers"),
            (json!({ "signature_required_on": "some" }), "truelayer"),
            (json!({ "reference_overflow": "wrap" }), "truelayer"),
            (json!({ "allow_signature_v1": 1 }), "truelayer"),
            (json!({ "require_settled": "yes" }), "truelayer"),
            (json!({ "report_returns": "no" }), "truelayer"),
            (json!({ "transactions_include_refunds": 0 }), "truelayer"),
            (json!({ "sandbox": { "tuoyap": "lost" } }), "truelayer"),
            (json!({ "sandbox": { "verify_check_digits": 1 } }), "truelayer"),
            (json!({ "sandbox": { "delay_ms": 1 } }), "truelayer"),
        ] {
            assert_eq!(Config::read(&settings).unwrap_err().path, path, "{settings}");
        }
    }

    #[test]
    fn every_setting_is_documented() {
        let page = include_str!("../../../../docs/configuration.md");
        let from = page.find("## `[dialects.truelayer]`").unwrap();
        let section = page[from..].split("\n## ").next().unwrap();
        for unknown in [json!({ "?": 1 }), json!({ "sandbox": { "?": 1 } })] {
            let message = Config::read(&unknown).unwrap_err().message;
            let (_, names) = message.split_once("expected one of ").unwrap();
            let names: Vec<&str> = names.split(", ").collect();
            assert!(names.len() > 5, "{message}");
            for name in names.iter().filter(|name| **name != "`sandbox`") {
                assert!(section.contains(*name), "{name} stands nowhere in docs/configuration.md");
            }
        }
    }
}
