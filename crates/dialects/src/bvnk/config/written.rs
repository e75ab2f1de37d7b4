//! The settings as they are written, and their words.

use refundry_domain::fee::{FeeOnReturn, FeeRounding};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Something is done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Switch {
    Off,
    On,
}

impl Switch {
    /// Done.
    pub(super) fn is_on(self) -> bool {
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

/// What becomes of a fee when its refund comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Returned {
    Keep,
    Refund,
}

impl From<Returned> for FeeOnReturn {
    fn from(word: Returned) -> Self {
        match word {
            Returned::Keep => Self::Keep,
            Returned::Refund => Self::Refund,
        }
    }
}

/// How a fee is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rounding {
    HalfUp,
    HalfEven,
    Up,
}

impl From<Rounding> for FeeRounding {
    fn from(word: Rounding) -> Self {
        match word {
            Rounding::HalfUp => Self::HalfUp,
            Rounding::HalfEven => Self::HalfEven,
            Rounding::Up => Self::Up,
        }
    }
}

/// A state in which a pay-in may be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum PayinState {
    #[serde(rename = "COMPLETED")]
    Completed,
    #[serde(rename = "PROCESSING")]
    Processing,
}

/// What this door asks of people, beyond the merchant's own policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Approvals {
    /// Every refund is approved.
    pub(super) refunds: bool,
    /// By how many others.
    pub(super) required: u8,
    /// How long people have, seconds.
    pub(super) timeout: Option<u64>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { refunds: false, required: 1, timeout: None }
    }
}

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    pub(super) account_numbers: AccountNumbers,
    pub(super) additive_fields: Switch,
    pub(super) alternative_route: bool,
    pub(super) approval_api: bool,
    pub(super) customer_reference_max: usize,
    pub(super) customer_reference_unique: bool,
    pub(super) error_amount_with_currency: bool,
    pub(super) estimate_over_remainder: OverRemainder,
    pub(super) estimate_requires_idempotency_key: bool,
    pub(super) estimate_strictness: Strictness,
    pub(super) extra_currencies: Vec<String>,
    pub(super) funds_timeout: u64,
    pub(super) hawk_skew: u64,
    pub(super) hawk_verify_payload: Switch,
    pub(super) idempotency_mode: KeyMode,
    pub(super) idempotency_retention: u64,
    pub(super) insufficient_funds: Insufficient,
    pub(super) legacy_errors: bool,
    pub(super) missing_payer_account: MissingPayer,
    pub(super) mount_prefix: Option<String>,
    pub(super) partial_refunds: BTreeMap<String, bool>,
    pub(super) payouts_enabled: bool,
    pub(super) public_origin: Option<String>,
    pub(super) rate_limit: Option<u32>,
    pub(super) refund_error_code: String,
    pub(super) refund_requires_idempotency_key: bool,
    pub(super) refund_response_reference: ResponseReference,
    pub(super) refund_window: Option<u64>,
    pub(super) shared_payins: bool,
    pub(super) simulator_step: u64,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) unknown_payin_status: u16,
    pub(super) waiting_states_as: WaitingAs,
    pub(super) webhook_success: WebhookSuccess,
    pub(super) approvals: Approvals,
    pub(super) fee_on_returned: Option<Returned>,
    pub(super) fee_rounding: Option<Rounding>,
    pub(super) fees_reduce_refundable: Option<bool>,
    pub(super) refundable_payin_states: Vec<PayinState>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            account_numbers: AccountNumbers::Masked,
            additive_fields: Switch::On,
            alternative_route: false,
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
            payouts_enabled: false,
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
            approvals: Approvals::default(),
            fee_on_returned: None,
            fee_rounding: None,
            fees_reduce_refundable: None,
            refundable_payin_states: vec![PayinState::Completed],
        }
    }
}
