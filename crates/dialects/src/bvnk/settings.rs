//! Which settings are in force for a merchant: its own over the installation's
//! (contract 1.3).

use super::config::Config;
use super::{App, DIALECT};
use crate::settings::ConfigError;
use refundry_domain::id::MerchantId;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// What a merchant has set, as the registry holds it.
type Values = Arc<BTreeMap<String, String>>;

/// The settings of merchants who have some of their own, read once. One short lock.
#[derive(Debug)]
pub(super) struct InForce {
    subtree: Value,
    known: Mutex<HashMap<MerchantId, (Values, Arc<Config>)>>,
}

impl InForce {
    /// Over these settings of the installation.
    pub(super) fn new(subtree: Value) -> Self {
        Self { subtree, known: Mutex::default() }
    }

    /// Whether a merchant may have these.
    ///
    /// # Errors
    /// One of them does not read, or is the same for all merchants.
    pub(super) fn check(&self, values: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        Config::of_merchant(&self.subtree, values).map(drop)
    }
}

impl App {
    /// The settings in force for a merchant.
    pub(super) fn config(&self, merchant: MerchantId) -> Arc<Config> {
        let directory = self.host.engine.directory();
        if directory.settings.is_empty() {
            return Arc::clone(&self.config);
        }
        let Some(values) = directory.settings.get(&(merchant, DIALECT.to_owned())) else {
            return Arc::clone(&self.config);
        };
        let mut known = self.in_force.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = known.get(&merchant).filter(|(read, _)| Arc::ptr_eq(read, values)) {
            return Arc::clone(config);
        }
        let config = match Config::of_merchant(&self.in_force.subtree, values) {
            Ok(config) => Arc::new(config),
            Err(error) => {
                // They were checked when they were set; the installation's changed since.
                tracing::error!(error = %error, merchant = %merchant, "a merchant's settings do not read");
                Arc::clone(&self.config)
            }
        };
        known.insert(merchant, (Arc::clone(values), Arc::clone(&config)));
        config
    }
}
