//! What `sandbox.json` says.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::Value;

/// The members that the tools use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    whole: Value,
}

impl Credentials {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { whole: serde_json::from_str(&text).context("sandbox.json")? })
    }

    /// A member such as `/banked/api_key`.
    pub(crate) fn member(&self, pointer: &str) -> Result<&str> {
        self.whole.pointer(pointer).and_then(Value::as_str).with_context(|| format!("sandbox.json has no {pointer}"))
    }

    /// `Authorization` of the sandbox's own API.
    pub(crate) fn sandbox(&self) -> Result<String> {
        Ok(format!("Bearer {}", self.member("/sandbox/api_key")?))
    }

    /// `Authorization` of the native API.
    pub(crate) fn native(&self) -> Result<String> {
        Ok(format!("Bearer {}", self.member("/native/api_key")?))
    }

    /// `Authorization` of the dialect that takes Basic.
    pub(crate) fn basic(&self) -> Result<String> {
        let pair = format!("{}:{}", self.member("/banked/api_key")?, self.member("/banked/api_secret")?);
        Ok(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
    }
}
