//! The settings of all dialects: one opaque subtree each, read by the
//! dialect's own folder. A key that nobody reads is an error.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A setting that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigError {
    /// The setting, with dots, such as `banked.refund_ttl`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl ConfigError {
    /// An error about one setting.
    #[must_use]
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }
}

/// The most requests per second that a rate limit may name.
const RATE_MAX: u32 = 1_000_000;

/// Checks a dialect's `rate_limit`, requests per second and credential.
///
/// # Errors
/// It is 0 or too large.
pub fn check_rate(dialect: &str, rate_limit: Option<u32>) -> Result<(), ConfigError> {
    match rate_limit {
        Some(rate) if !(1..=RATE_MAX).contains(&rate) => {
            Err(ConfigError::new(&format!("{dialect}.rate_limit"), format!("is 1 to {RATE_MAX} requests per second")))
        }
        Some(_) | None => Ok(()),
    }
}

/// The subtrees that were not taken yet.
#[derive(Debug)]
pub struct Subtrees {
    rest: Map<String, Value>,
}

impl Subtrees {
    /// Splits the settings by dialect; null means that nothing is set.
    ///
    /// # Errors
    /// The settings are no object.
    pub fn parse(settings: &Value) -> Result<Self, ConfigError> {
        match settings {
            Value::Null => Ok(Self { rest: Map::new() }),
            Value::Object(members) => Ok(Self { rest: members.clone() }),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(ConfigError::new("dialects", "must be a table"))
            }
        }
    }

    /// Takes the subtree of a dialect; null when it is not set.
    pub fn take(&mut self, name: &str) -> Value {
        self.rest.remove(name).unwrap_or(Value::Null)
    }

    /// Refuses what is left.
    ///
    /// # Errors
    /// A subtree was taken by no dialect.
    pub fn finish(self) -> Result<(), ConfigError> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(name) => Err(ConfigError::new(name, "no such dialect")),
        }
    }
}

/// Reads a subtree into a dialect's own settings, which should carry
/// `deny_unknown_fields` and a default for every member.
///
/// # Errors
/// An unknown key or a value of the wrong kind.
pub fn read<T: DeserializeOwned + Default>(name: &str, subtree: &Value) -> Result<T, ConfigError> {
    if subtree.is_null() {
        return Ok(T::default());
    }
    T::deserialize(subtree).map_err(|error| ConfigError::new(name, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subtree_that_nobody_takes_is_refused() {
        let mut settings = Subtrees::parse(&json!({ "banked": {}, "stripe": {} })).unwrap();
        assert_eq!(settings.take("banked"), json!({}));
        assert_eq!(settings.take("native"), Value::Null);
        assert_eq!(settings.finish().unwrap_err().to_string(), "stripe: no such dialect");
        assert!(Subtrees::parse(&json!([])).is_err());
    }
}
