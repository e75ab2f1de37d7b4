//! The settings of this dialect: the subtree `bvnk`.

use super::DIALECT;
use crate::settings::{self, ConfigError};
use ipnet::IpNet;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use url::Url;

/// Longest path before all others, bytes.
const MOUNT_PREFIX_MAX: usize = 100;

/// Something is done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Switch {
    Off,
    On,
}

impl Switch {
    fn is_on(self) -> bool {
        self == Self::On
    }
}

/// What an estimate needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strictness {
    /// Reference and amount, as soon as anything is sent.
    Seed,
    /// Nothing.
    Lenient,
}

/// What an estimate of too much answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverRemainder {
    /// The refund's own error.
    Error,
    /// The estimate of what is left.
    Cap,
}

/// Whose id a created refund answers as its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseReference {
    /// The pay-in's.
    Payin,
    /// The new payout's.
    Payout,
}

/// What a repeated key answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyMode {
    /// An error that names the first refund.
    Strict,
    /// The first answer, where the request is the same.
    Replay,
}

/// What becomes of a refund that the wallet cannot pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Insufficient {
    /// It is refused.
    Reject,
    /// It waits.
    Wait,
}

/// What becomes of a refund to nobody knows whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingPayer {
    /// It is refused.
    Refuse,
    /// The account is asked for.
    Ask,
}

/// How account numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountNumbers {
    /// The last four characters.
    Masked,
    /// As they are.
    Full,
}

/// The word for what waits for something that is not on the merchant's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum WaitingAs {
    /// It is under way.
    #[serde(rename = "PROCESSING")]
    Processing,
    /// It is held.
    #[serde(rename = "ON_HOLD")]
    OnHold,
}

/// Which answers of a receiver say that it has a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum WebhookSuccess {
    /// Every one from 200 to 299.
    #[serde(rename = "2xx")]
    AnyOfThe200s,
    /// 200 alone.
    #[serde(rename = "200")]
    Only200,
}

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    account_numbers: AccountNumbers,
    additive_fields: Switch,
    approval_api: bool,
    customer_reference_max: usize,
    customer_reference_unique: bool,
    error_amount_with_currency: bool,
    estimate_over_remainder: OverRemainder,
    estimate_requires_idempotency_key: bool,
    estimate_strictness: Strictness,
    extra_currencies: Vec<String>,
    funds_timeout: u64,
    hawk_skew: u64,
    hawk_verify_payload: Switch,
    idempotency_mode: KeyMode,
    idempotency_retention: u64,
    insufficient_funds: Insufficient,
    legacy_errors: bool,
    missing_payer_account: MissingPayer,
    mount_prefix: Option<String>,
    partial_refunds: BTreeMap<String, bool>,
    public_origin: Option<String>,
    rate_limit: Option<u32>,
    refund_error_code: String,
    refund_requires_idempotency_key: bool,
    refund_response_reference: ResponseReference,
    refund_window: Option<u64>,
    shared_payins: bool,
    simulator_step: u64,
    trusted_proxies: Vec<String>,
    unknown_payin_status: u16,
    waiting_states_as: WaitingAs,
    webhook_success: WebhookSuccess,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            account_numbers: AccountNumbers::Masked,
            additive_fields: Switch::On,
            approval_api: false,
            customer_reference_max: 255,
            customer_reference_unique: false,
            error_amount_with_currency: false,
            estimate_over_remainder: OverRemainder::Error,
            estimate_requires_idempotency_key: false,
            estimate_strictness: Strictness::Seed,
            extra_currencies: Vec::new(),
            funds_timeout: 7 * 86_400,
            hawk_skew: 60,
            hawk_verify_payload: Switch::Off,
            idempotency_mode: KeyMode::Strict,
            idempotency_retention: 90,
            insufficient_funds: Insufficient::Reject,
            legacy_errors: false,
            missing_payer_account: MissingPayer::Refuse,
            mount_prefix: None,
            partial_refunds: BTreeMap::new(),
            public_origin: None,
            rate_limit: None,
            refund_error_code: "bvnk:payment:0001".to_owned(),
            refund_requires_idempotency_key: true,
            refund_response_reference: ResponseReference::Payin,
            refund_window: None,
            shared_payins: true,
            simulator_step: 1_000,
            trusted_proxies: Vec::new(),
            unknown_payin_status: 404,
            waiting_states_as: WaitingAs::Processing,
            webhook_success: WebhookSuccess::AnyOfThe200s,
        }
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// How account numbers are shown.
    pub(super) account_numbers: AccountNumbers,
    /// Whether members are sent that the original does not send.
    pub(super) additive_fields: bool,
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
    /// Requests per second and credential; none for no limit.
    pub(super) rate_limit: Option<u32>,
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
        let wrong = |name: &str, message: String| ConfigError::new(&format!("{DIALECT}.{name}"), message);
        let mut currencies = vec![Currency::GBP, Currency::USD, Currency::EUR];
        for code in &written.extra_currencies {
            let currency = Currency::parse(code);
            currencies.push(currency.map_err(|_| wrong("extra_currencies", format!("{code} is no currency")))?);
        }
        let proxies = written.trusted_proxies.iter().map(|text| {
            let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            range.map_err(|_| wrong("trusted_proxies", format!("{text:?} is no address or range")))
        });
        let trusted_proxies = proxies.collect::<Result<Vec<_>, _>>()?;
        let origin = written.public_origin.as_deref().map(|text| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            url.ok_or_else(|| wrong("public_origin", "is no http or https origin".to_owned()))
        });
        if !matches!(written.unknown_payin_status, 400 | 404) {
            return Err(wrong("unknown_payin_status", "is 404 or 400".to_owned()));
        }
        let prefix = written.mount_prefix.map(checked_prefix).transpose();
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
        settings::check_rate(DIALECT, written.rate_limit)?;
        Ok(Self {
            account_numbers: written.account_numbers,
            additive_fields: written.additive_fields.is_on(),
            approval_api: written.approval_api,
            customer_reference_max: written.customer_reference_max,
            customer_reference_unique: written.customer_reference_unique,
            error_amount_with_currency: written.error_amount_with_currency,
            estimate_over_remainder: written.estimate_over_remainder,
            estimate_requires_key: written.estimate_requires_idempotency_key,
            estimate_strictness: written.estimate_strictness,
            currencies,
            funds_timeout: Span::seconds(written.funds_timeout),
            hawk_skew: i64::try_from(written.hawk_skew).unwrap_or(i64::MAX),
            hawk_verify_payload: written.hawk_verify_payload.is_on(),
            key_mode: written.idempotency_mode,
            key_retention: Span::days(written.idempotency_retention),
            insufficient_funds: written.insufficient_funds,
            legacy_errors: written.legacy_errors,
            missing_payer_account: written.missing_payer_account,
            mount_prefix: prefix.map_err(|message| wrong("mount_prefix", message))?,
            public_origin: origin.transpose()?,
            rate_limit: written.rate_limit,
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

    /// Whether a pay-in of this method may be refunded in parts. Some schemes
    /// send back the whole or nothing.
    pub(super) fn takes_parts(&self, method: &str) -> bool {
        let whole_only = matches!(method, "ACH" | "ACH_SAME_DAY" | "FEDWIRE");
        self.partial_refunds.get(method).copied().unwrap_or(!whole_only)
    }
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
            (json!({ "mount_prefix": "bvnk" }), "bvnk.mount_prefix"),
            (json!({ "mount_prefix": "/bvnk/" }), "bvnk.mount_prefix"),
            (json!({ "mount_prefix": "/{id}" }), "bvnk.mount_prefix"),
        ] {
            assert_eq!(Config::read(&settings).unwrap_err().path, path, "{settings}");
        }
        let proxies = Config::read(&json!({ "trusted_proxies": ["10.0.0.0/8", "::1"] })).unwrap().trusted_proxies;
        assert_eq!(proxies.len(), 2);
    }
}
