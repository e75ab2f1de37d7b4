//! `<data>/sandbox.json`: what a test suite needs to know about a sandbox.
//! Its format is stable; members of dialects that do not exist are absent.

use super::files;
use refundry_domain::id::{AccountId, MandateToken, MerchantId};
use refundry_domain::money::Currency;
use serde_json::{Map, Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
const FILE: &str = "sandbox.json";
/// The version of the format.
const VERSION: u64 = 1;
/// The members that hold the id of an account, the first given one counts.
const ACCOUNT_MEMBERS: [(Currency, &str); 6] = [
    (Currency::AUD, "/banked/bank_account_id"),
    (Currency::GBP, "/truelayer/merchant_accounts/GBP"),
    (Currency::EUR, "/truelayer/merchant_accounts/EUR"),
    (Currency::GBP, "/bvnk/accounts/GBP"),
    (Currency::EUR, "/bvnk/accounts/EUR"),
    (Currency::USD, "/bvnk/accounts/USD"),
];
/// The member that holds the active mandate's token.
const MANDATE_TOKEN: &str = "/banked/mandate_token";
/// The members that no dialect makes.
const OWN_MEMBERS: [&str; 5] = ["version", "base_url", "merchant", "sandbox", "console"];

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path}: {message}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong; no values, they are secrets.
        message: String,
    },
}

/// The members of `sandbox.json`, or of a seed.
#[derive(Clone, Default)]
pub struct Document(Map<String, Value>);

impl std::fmt::Debug for Document {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_set().entries(self.0.keys()).finish()
    }
}

impl Document {
    /// The path in a data folder.
    #[must_use]
    pub fn path(data: &Path) -> PathBuf {
        data.join(FILE)
    }

    /// The file of an earlier start, where there was one.
    pub fn load(data: &Path) -> Result<Option<Self>, DocumentError> {
        let path = Self::path(data);
        if path.exists() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    /// Reads a seed: an object with any subset of the known members.
    pub fn read_seed(path: &Path, dialects: &[&str]) -> Result<Self, DocumentError> {
        let seed = Self::read(path)?;
        let known = |member: &String| OWN_MEMBERS.contains(&member.as_str()) || dialects.contains(&member.as_str());
        match seed.0.keys().find(|member| !known(member)) {
            None => Ok(seed),
            Some(member) => Err(content(path, format!("no dialect of this build has the member {member:?}"))),
        }
    }

    fn read(path: &Path) -> Result<Self, DocumentError> {
        let bytes = std::fs::read(path).map_err(|source| DocumentError::File { path: path.into(), source })?;
        let members: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| {
            content(path, format!("no JSON object: line {}, column {}", error.line(), error.column()))
        })?;
        if let Some(member) = members.iter().find_map(|(name, value)| (!well_formed(name, value)).then_some(name)) {
            return Err(content(path, format!("the member {member:?} has the wrong form")));
        }
        let document = Self(members);
        if document.0.get("merchant").and_then(|merchant| merchant.get("id")).is_some() && document.merchant().is_none()
        {
            return Err(content(path, "merchant.id is no UUID".into()));
        }
        Ok(document)
    }

    /// Writes the file, readable by its owner only.
    pub fn save(&self, data: &Path) -> Result<(), DocumentError> {
        let path = Self::path(data);
        let mut bytes = serde_json::to_vec_pretty(&self.0).unwrap_or_default();
        bytes.push(b'\n');
        files::replace(&path, &bytes).map_err(|source| DocumentError::File { path, source })
    }

    /// A text somewhere inside, such as `/sandbox/api_key`.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/').unwrap_or((pointer.strip_prefix('/')?, ""));
        let member = self.0.get(first)?;
        if rest.is_empty() { member.as_str() } else { member.pointer(&format!("/{rest}"))?.as_str() }
    }

    /// A dialect's member; null when it is not there.
    #[must_use]
    pub fn member(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// The demo merchant.
    #[must_use]
    pub fn merchant(&self) -> Option<MerchantId> {
        MerchantId::parse(self.text("/merchant/id")?).ok()
    }

    /// The account of a currency, where one is named by a UUID.
    #[must_use]
    pub fn account(&self, currency: Currency) -> Option<AccountId> {
        let members = ACCOUNT_MEMBERS.iter().filter(|(of, _)| *of == currency);
        members.filter_map(|(_, pointer)| self.text(pointer)).find_map(|text| AccountId::parse(text).ok())
    }

    /// The active mandate's token.
    #[must_use]
    pub fn mandate_token(&self) -> Option<MandateToken> {
        MandateToken::parse(self.text(MANDATE_TOKEN)?).ok()
    }

    /// Writes the members that are the sandbox's own.
    pub(super) fn set_own(&mut self, base_url: &str, merchant: MerchantId, name: &str, api_key: &str) {
        self.0.insert("version".into(), json!(VERSION));
        self.0.insert("base_url".into(), json!(base_url));
        self.0.insert("merchant".into(), json!({ "id": merchant.to_string(), "name": name }));
        self.0.insert("sandbox".into(), json!({ "api_key": api_key }));
    }

    /// Writes a dialect's member.
    pub(super) fn set_member(&mut self, name: &str, members: Map<String, Value>) {
        self.0.insert(name.into(), Value::Object(members));
    }
}

fn well_formed(name: &str, value: &Value) -> bool {
    match name {
        "version" => value.as_u64() == Some(VERSION),
        "base_url" => value.is_string(),
        _ => value.is_object(),
    }
}

fn content(path: &Path, message: String) -> DocumentError {
    DocumentError::Content { path: path.into(), message }
}
