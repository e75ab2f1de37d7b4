//! A merchant's keys: what the registry's credential leaves to the dialect.
//! The key itself must be known to check a signature, so it stands in the
//! settings of a group of the same name; the store seals them.

use super::{App, DIALECT};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::MerchantId;
use refundry_domain::rules::Environment;
use refundry_engine::registry::{Group, RegistryEntry};
use std::fmt;

/// First byte of stored settings.
const VERSION: u8 = 1;

/// The words of [`Scope::ALL`].
pub(super) const SCOPES: [&str; 3] = ["read", "refund", "simulate"];

/// What a key may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every read, and estimates.
    Read,
    /// Refunds.
    Refund,
    /// Pay-ins of the sandbox.
    Simulate,
}

impl Scope {
    /// All of them; the place is the bit.
    const ALL: [Self; 3] = [Self::Read, Self::Refund, Self::Simulate];

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Refund => 2,
            Self::Simulate => 4,
        }
    }
}

/// A key and what it opens.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HawkKey {
    /// The shared secret's text.
    pub(super) key: String,
    /// Where it is good.
    pub(super) environment: Environment,
    scopes: u8,
}

impl fmt::Debug for HawkKey {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "HawkKey({:?})", self.environment)
    }
}

impl HawkKey {
    /// A key that opens these.
    pub(super) fn new(key: String, environment: Environment, scopes: &[Scope]) -> Self {
        Self { key, environment, scopes: scopes.iter().fold(0, |bits, scope| bits | scope.bit()) }
    }

    /// A key that opens what these words say; without any, everything.
    pub(super) fn named(key: String, environment: Environment, words: &[&str]) -> Self {
        let named = SCOPES.iter().zip(Scope::ALL).filter(|(word, _)| words.is_empty() || words.contains(word));
        let scopes: Vec<Scope> = named.map(|(_, scope)| scope).collect();
        Self::new(key, environment, &scopes)
    }

    /// Whether it opens this here.
    pub(super) fn opens(&self, scope: Scope, environment: Environment) -> bool {
        self.environment == environment && self.scopes & scope.bit() != 0
    }

    /// The registry's entry that keeps it.
    pub(super) fn entry(&self, merchant: MerchantId, id: &str) -> RegistryEntry {
        let mut to = Encoder::new();
        to.byte(VERSION).text(&self.key).byte(u8::from(self.environment == Environment::Live)).byte(self.scopes);
        RegistryEntry::Group(Group { dialect: DIALECT.to_owned(), id: id.to_owned(), merchant, settings: to.finish() })
    }

    /// The key with this id.
    pub(super) fn find(app: &App, id: &str) -> Option<Self> {
        let directory = app.host.engine.directory();
        let group = directory.groups.get(&(DIALECT.to_owned(), id.to_owned()))?;
        let key = Self::decode(&group.settings);
        if key.is_err() {
            tracing::error!(id, "a stored key does not read back");
        }
        key.ok()
    }

    fn decode(settings: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(settings);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            key: from.text()?.to_owned(),
            environment: if from.flag()? { Environment::Live } else { Environment::Sandbox },
            scopes: from.byte()?,
        })
    }
}
