//! The settings of this dialect: the subtree `bvnk`.

mod written;

pub(super) use written::{
    AccountNumbers, Insufficient, KeyMode, MissingPayer, OverRemainder, ResponseReference, Strictness, WaitingAs,
    WebhookSuccess,
};

use super::DIALECT;
use crate::limiter::Limiter;
use crate::settings::{self, ConfigError};
use ipnet::IpNet;
use refundry_domain::approval::{ApprovalPolicy, REQUIRED_MAX, VALID_FOR, VALID_FOR_RANGE};
use refundry_domain::fee::FeeTerms;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use url::Url;
use written::{PayinState, Written};

/// What is the same for all merchants: it counts before anybody knows whose
/// request it is, or belongs to the sandbox's one bank.
const OF_ALL: [&str; 4] = ["mount_prefix", "public_origin", "simulator_step", "trusted_proxies"];
/// The payment methods.
const METHODS: [&str; 10] =
    ["ACH", "ACH_SAME_DAY", "CHAPS", "CUBIX", "FASTER_PAYMENT", "FEDWIRE", "NPP", "SEPA_CT", "SEPA_INST", "SWIFT"];
/// Longest code of an error, bytes.
const CODE_LENGTH_MAX: usize = 64;
/// Longest path before all others, bytes.
const MOUNT_PREFIX_MAX: usize = 100;

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// How account numbers are shown.
    pub(super) account_numbers: AccountNumbers,
    /// Whether members are sent that the original does not send.
    pub(super) additive_fields: bool,
    /// What this door asks of people, beyond the merchant's own policy.
    pub(super) approval: Option<ApprovalPolicy>,
    /// How long people have, where that is less than the policy says.
    pub(super) approval_timeout: Option<Span>,
    /// Whether programs may approve.
    pub(super) approval_api: bool,
    /// Longest customer reference, characters.
    pub(super) customer_reference_max: usize,
    /// Whether a customer reference names one refund only.
    pub(super) customer_reference_unique: bool,
    /// Whether the sentence about the amount names the currency.
    pub(super) error_amount_with_currency: bool,
    /// What an estimate of too much answers.
    pub(super) estimate_over_remainder: OverRemainder,
    /// Whether an estimate needs an idempotency key.
    pub(super) estimate_requires_key: bool,
    /// What an estimate needs.
    pub(super) estimate_strictness: Strictness,
    /// The currencies that may be refunded.
    pub(super) currencies: Vec<Currency>,
    /// What this door says about fees in place of the merchant's rules.
    pub(super) fee_terms: FeeTerms,
    /// How long a refund waits for money.
    pub(super) funds_timeout: Span,
    /// How far a client's clock may be off, seconds.
    pub(super) hawk_skew: i64,
    /// Whether the hash of the body is compared.
    pub(super) hawk_verify_payload: bool,
    /// What a repeated key answers.
    pub(super) key_mode: KeyMode,
    /// How long the first answer is given again.
    pub(super) key_retention: Span,
    /// What becomes of a refund that the wallet cannot pay.
    pub(super) insufficient_funds: Insufficient,
    /// Whether all errors have the older shape.
    pub(super) legacy_errors: bool,
    /// What becomes of a refund to nobody knows whom.
    pub(super) missing_payer_account: MissingPayer,
    /// What all paths begin with; none for nothing.
    pub(super) mount_prefix: Option<String>,
    /// Where clients reach this dialect, when that is not the server's origin.
    pub(super) public_origin: Option<Url>,
    /// How often a credential may call.
    pub(super) limiter: Arc<Limiter>,
    /// Whether a pay-in may be refunded before it is credited.
    pub(super) refunds_before_credit: bool,
    /// The code of the two sentences about refunds.
    pub(super) refund_error_code: String,
    /// Whether a refund needs an idempotency key.
    pub(super) refund_requires_key: bool,
    /// Whose id a created refund answers as its own.
    pub(super) response_reference: ResponseReference,
    /// How long after its settlement a pay-in may be refunded.
    pub(super) refund_window: Option<Span>,
    /// Whether pay-ins of other doors may be refunded here.
    pub(super) shared_payins: bool,
    /// Between two steps of the simulator.
    pub(super) simulator_step: Span,
    /// Whose word about host and port is taken.
    pub(super) trusted_proxies: Vec<IpNet>,
    /// HTTP status for a pay-in that nobody knows.
    pub(super) unknown_payin_status: u16,
    /// The word for what waits.
    pub(super) waiting_as: WaitingAs,
    /// Which answers of a receiver say that it has a webhook.
    pub(super) webhook_success: WebhookSuccess,
    partial_refunds: BTreeMap<String, bool>,
}

impl Config {
    /// Reads the subtree.
    pub(super) fn read(subtree: &Value) -> Result<Self, ConfigError> {
        let written: Written = settings::read(DIALECT, subtree)?;
        check(&written)?;
        let currencies = currencies(&written)?;
        let trusted_proxies = proxies(&written)?;
        let public_origin = origin(&written)?;
        let mount_prefix = written.mount_prefix.map(checked_prefix).transpose();
        let mount_prefix = mount_prefix.map_err(|message| wrong("mount_prefix", message))?;
        let approvals = written.approvals;
        let approval_timeout = approvals.timeout.map(Span::seconds);
        Ok(Self {
            account_numbers: written.account_numbers,
            additive_fields: written.additive_fields.is_on(),
            approval: approvals.refunds.then_some(ApprovalPolicy {
                required: approvals.required,
                valid_for: approval_timeout.unwrap_or(VALID_FOR),
                version: 0,
            }),
            approval_timeout,
            approval_api: written.approval_api,
            customer_reference_max: written.customer_reference_max,
            customer_reference_unique: written.customer_reference_unique,
            error_amount_with_currency: written.error_amount_with_currency,
            estimate_over_remainder: written.estimate_over_remainder,
            estimate_requires_key: written.estimate_requires_idempotency_key,
            estimate_strictness: written.estimate_strictness,
            currencies,
            fee_terms: FeeTerms {
                on_return: written.fee_on_returned.map(Into::into),
                rounding: written.fee_rounding.map(Into::into),
                reduce_refundable: written.fees_reduce_refundable,
            },
            funds_timeout: Span::seconds(written.funds_timeout),
            hawk_skew: i64::try_from(written.hawk_skew).unwrap_or(i64::MAX),
            hawk_verify_payload: written.hawk_verify_payload.is_on(),
            key_mode: written.idempotency_mode,
            key_retention: Span::days(written.idempotency_retention),
            insufficient_funds: written.insufficient_funds,
            legacy_errors: written.legacy_errors,
            missing_payer_account: written.missing_payer_account,
            mount_prefix,
            public_origin,
            limiter: Arc::new(Limiter::new(written.rate_limit)),
            refunds_before_credit: written.refundable_payin_states.contains(&PayinState::Processing),
            refund_error_code: written.refund_error_code,
            refund_requires_key: written.refund_requires_idempotency_key,
            response_reference: written.refund_response_reference,
            refund_window: written.refund_window.map(Span::days),
            shared_payins: written.shared_payins,
            simulator_step: Span(written.simulator_step.saturating_mul(1_000_000)),
            trusted_proxies,
            unknown_payin_status: written.unknown_payin_status,
            waiting_as: written.waiting_states_as,
            webhook_success: written.webhook_success,
            partial_refunds: written.partial_refunds,
        })
    }

    /// Reads the subtree with what one merchant has set otherwise: values as
    /// JSON texts, under names with dots.
    ///
    /// # Errors
    /// As [`Config::read`], and a setting that is the same for all merchants.
    pub(super) fn of_merchant(subtree: &Value, values: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut merged = if subtree.is_null() { Value::Object(Map::new()) } else { subtree.clone() };
        for (name, text) in values {
            let wrong = |message: &str| ConfigError::new(&format!("{DIALECT}.{name}"), message);
            if OF_ALL.contains(&name.as_str()) {
                return Err(wrong("is the same for all merchants"));
            }
            let value: Value = serde_json::from_str(text).map_err(|_| wrong("has a value that does not read"))?;
            let mut place = &mut merged;
            for segment in name.split('.') {
                let Value::Object(members) = place else { return Err(wrong("is no setting")) };
                place = members.entry(segment).or_insert_with(|| Value::Object(Map::new()));
            }
            *place = value;
        }
        Self::read(&merged)
    }

    /// Whether a pay-in of this method may be refunded in parts. Some schemes
    /// send back the whole or nothing.
    pub(super) fn takes_parts(&self, method: &str) -> bool {
        let whole_only = matches!(method, "ACH" | "ACH_SAME_DAY" | "FEDWIRE");
        self.partial_refunds.get(method).copied().unwrap_or(!whole_only)
    }
}

fn wrong(name: &str, message: impl Into<String>) -> ConfigError {
    ConfigError::new(&format!("{DIALECT}.{name}"), message)
}

/// What needs no reading: ranges and words.
fn check(written: &Written) -> Result<(), ConfigError> {
    if !matches!(written.unknown_payin_status, 400 | 404) {
        return Err(wrong("unknown_payin_status", "is 404 or 400"));
    }
    if !written.refundable_payin_states.contains(&PayinState::Completed) {
        return Err(wrong("refundable_payin_states", "names COMPLETED, and PROCESSING where wanted"));
    }
    if written.alternative_route {
        return Err(wrong("alternative_route", "is not offered: money goes back to where it came from"));
    }
    if written.payouts_enabled {
        return Err(wrong("payouts_enabled", "is not offered: nobody would approve a payout that is no refund"));
    }
    if !(1..=REQUIRED_MAX).contains(&written.approvals.required) {
        return Err(wrong("approvals.required", format!("is 1 to {REQUIRED_MAX}")));
    }
    let (shortest, longest) = VALID_FOR_RANGE;
    if written.approvals.timeout.is_some_and(|span| !(shortest..=longest).contains(&Span::seconds(span))) {
        return Err(wrong("approvals.timeout", "is from a minute to a year, in seconds"));
    }
    if let Some(unknown) = written.partial_refunds.keys().find(|method| !METHODS.contains(&method.as_str())) {
        return Err(wrong(&format!("partial_refunds.{unknown}"), format!("is none of {}", METHODS.join(", "))));
    }
    let code = &written.refund_error_code;
    if !(1..=CODE_LENGTH_MAX).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("refund_error_code", "is a code such as bvnk:payment:0001"));
    }
    for (name, value, most) in [
        ("hawk_skew", written.hawk_skew, 3_600),
        ("funds_timeout", written.funds_timeout, 366 * 86_400),
        ("idempotency_retention", written.idempotency_retention, 36_500),
        ("simulator_step", written.simulator_step, 86_400_000),
        ("refund_window", written.refund_window.unwrap_or(1), 36_500),
        ("customer_reference_max", written.customer_reference_max as u64, 1_000),
    ] {
        if value == 0 || value > most {
            return Err(wrong(name, format!("is 1 to {most}")));
        }
    }
    settings::check_rate(DIALECT, written.rate_limit)
}

fn currencies(written: &Written) -> Result<Vec<Currency>, ConfigError> {
    let more = written
        .extra_currencies
        .iter()
        .map(|code| Currency::parse(code).map_err(|_| wrong("extra_currencies", format!("{code} is no currency"))));
    [Currency::GBP, Currency::USD, Currency::EUR].into_iter().map(Ok).chain(more).collect()
}

fn proxies(written: &Written) -> Result<Vec<IpNet>, ConfigError> {
    let ranges = written.trusted_proxies.iter().map(|text| {
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range.map_err(|_| wrong("trusted_proxies", format!("{text:?} is no address or range")))
    });
    ranges.collect()
}

fn origin(written: &Written) -> Result<Option<Url>, ConfigError> {
    let Some(text) = &written.public_origin else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(Some).ok_or_else(|| wrong("public_origin", "is no http or https origin"))
}

/// A path of plain segments, below which routes can stand.
fn checked_prefix(text: String) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let segment = |segment: &str| !segment.is_empty() && segment.bytes().all(plain);
    let good = text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
    if good && text.len() <= MOUNT_PREFIX_MAX { Ok(text) } else { Err("is a path such as /bvnk".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_hold_and_wrong_values_are_named() {
        let config = Config::read(&Value::Null).unwrap();
        assert!(config.refund_requires_key && config.additive_fields && !config.hawk_verify_payload);
        assert!(config.takes_parts("SWIFT") && !config.takes_parts("ACH_SAME_DAY"));
        let config = Config::read(&json!({ "partial_refunds": { "ACH": true, "SWIFT": false } })).unwrap();
        assert!(config.takes_parts("ACH") && !config.takes_parts("SWIFT") && !config.takes_parts("FEDWIRE"));
        for (settings, path) in [
            (json!({ "hawkskew": 1 }), "bvnk"),
            (json!({ "hawk_skew": 0 }), "bvnk.hawk_skew"),
            (json!({ "extra_currencies": ["AUS"] }), "bvnk.extra_currencies"),
            (json!({ "trusted_proxies": ["10.0.0.0/33"] }), "bvnk.trusted_proxies"),
            (json!({ "public_origin": "api.example" }), "bvnk.public_origin"),
            (json!({ "unknown_payin_status": 410 }), "bvnk.unknown_payin_status"),
            (json!({ "rate_limit": 0 }), "bvnk.rate_limit"),
            (json!({ "idempotency_mode": "loose" }), "bvnk"),
            (json!({ "webhook_success": "201" }), "bvnk"),
            (json!({ "refundable_payin_states": ["PROCESSING"] }), "bvnk.refundable_payin_states"),
            (json!({ "refundable_payin_states": ["COMPLETED", "FAILED"] }), "bvnk"),
            (json!({ "approvals": { "required": 0 } }), "bvnk.approvals.required"),
            (json!({ "approvals": { "timeout": 59 } }), "bvnk.approvals.timeout"),
            (json!({ "approvals": { "people": 1 } }), "bvnk"),
            (json!({ "partial_refunds": { "FEDWRE": true } }), "bvnk.partial_refunds.FEDWRE"),
            (json!({ "partial_refunds": { "FOO": false } }), "bvnk.partial_refunds.FOO"),
            (json!({ "alternative_route": true }), "bvnk.alternative_route"),
            (json!({ "payouts_enabled": true }), "bvnk.payouts_enabled"),
            (json!({ "refund_error_code": "" }), "bvnk.refund_error_code"),
            (json!({ "fee_rounding": "down" }), "bvnk"),
            (json!({ "fee_on_returned": "burn" }), "bvnk"),
            (json!({ "mount_prefix": "bvnk" }), "bvnk.mount_prefix"),
            (json!({ "mount_prefix": "/bvnk/" }), "bvnk.mount_prefix"),
            (json!({ "mount_prefix": "/{id}" }), "bvnk.mount_prefix"),
        ] {
            assert_eq!(Config::read(&settings).unwrap_err().path, path, "{settings}");
        }
        assert!(config.fee_terms == FeeTerms::default() && config.approval.is_none() && !config.refunds_before_credit);
        assert!(
            Config::read(&json!({ "alternative_route": false, "payouts_enabled": false })).is_ok(),
            "their defaults"
        );
        let proxies = Config::read(&json!({ "trusted_proxies": ["10.0.0.0/8", "::1"] })).unwrap().trusted_proxies;
        assert_eq!(proxies.len(), 2);
    }

    #[test]
    fn a_merchant_sets_otherwise_what_may_differ() {
        let base = json!({ "hawk_skew": 30, "partial_refunds": { "ACH": true } });
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let given = [("partial_refunds.SWIFT", "false"), ("approvals.required", "2"), ("additive_fields", "\"off\"")];
        let config = Config::of_merchant(&base, &values(&given)).unwrap();
        assert!(config.takes_parts("ACH") && !config.takes_parts("SWIFT") && !config.additive_fields);
        assert_eq!(config.hawk_skew, 30, "the rest is as the installation has it");
        for (name, value, path) in [
            ("mount_prefix", "\"/x\"", "bvnk.mount_prefix"),
            ("public_origin", "\"https://x.example\"", "bvnk.public_origin"),
            ("hawk_skew", "0", "bvnk.hawk_skew"),
            ("hawk_skew", "sixty", "bvnk.hawk_skew"),
            ("hawk_skew.a", "1", "bvnk.hawk_skew.a"),
            ("colour", "1", "bvnk"),
        ] {
            let refused = Config::of_merchant(&base, &values(&[(name, value)]));
            assert_eq!(refused.unwrap_err().path, path, "{name} = {value}");
        }
    }
}
