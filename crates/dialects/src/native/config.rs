//! Settings of this dialect.

use crate::settings::{ConfigError, check_rate, read};
use serde::Deserialize;
use serde_json::Value;

/// The subtree `native` of the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Most webhook endpoints of one merchant.
    pub endpoint_count_max: usize,
    /// Requests per second and key; none for no limit.
    pub rate_limit: Option<u32>,
    /// Days from creation to the send, at most.
    pub refund_days: u64,
    /// Decisions about approvals, and changes of the rules, may be made by
    /// calls, too. A call has no second factor: on only in the sandbox, unless
    /// said otherwise.
    pub approval_api: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self { endpoint_count_max: 50, rate_limit: None, refund_days: 30, approval_api: None }
    }
}

impl Config {
    /// Reads the subtree; every member has a default.
    pub(super) fn parse(subtree: &Value) -> Result<Self, ConfigError> {
        let config: Self = read("native", subtree)?;
        if !(1..=365).contains(&config.refund_days) {
            return Err(ConfigError::new("native.refund_days", "must be from 1 to 365"));
        }
        if config.endpoint_count_max == 0 {
            return Err(ConfigError::new("native.endpoint_count_max", "must be at least 1"));
        }
        check_rate("native", config.rate_limit)?;
        Ok(config)
    }
}
