//! The Banked dialect, third generation.

use crate::host::{Dialect, Host};
use crate::settings::ConfigError;
use std::sync::Arc;

/// Sets the dialect up.
///
/// # Errors
/// An unknown key or a value out of range.
pub(crate) fn open(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Arc<dyn Dialect>, ConfigError> {
    let _ = (host, settings);
    Err(ConfigError::new("banked", "not there yet"))
}
