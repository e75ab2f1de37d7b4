//! Strays: debits and reports of a rail that belong to nothing we know. Their
//! money lies in suspense, and their payee's payments take no refund, until
//! two people say what they were (rails M21).

use crate::id::{AccountId, MerchantId};
use crate::instruction::EvidenceId;
use crate::money::Amount;
use crate::time::Timestamp;

/// How a stray ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayEnd {
    /// It was the merchant's: taken from this held account, and what lacks
    /// there is owed by the merchant.
    Explained {
        /// The held account.
        account: AccountId,
    },
    /// Nobody will know: the operator bears it.
    WrittenOff,
}

impl StrayEnd {
    /// The stored number; which account paid stands in the ledger.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Explained { .. } => 0,
            Self::WrittenOff => 1,
        }
    }
}

/// That a stray was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrayClosed {
    /// When.
    pub at: Timestamp,
    /// True when it was explained, false when it was written off.
    pub explained: bool,
}

/// What belongs to nothing we know; one per merchant and instruction id.
#[derive(Clone, PartialEq, Eq)]
pub struct Stray {
    /// The merchant in whose book it lies.
    pub merchant: MerchantId,
    /// The instruction id that it named.
    pub instruction_id: String,
    /// How much the rail took, where it did.
    pub amount: Option<Amount>,
    /// The payee, whose refunds wait until it is closed, by canonical account.
    pub creditor: Option<String>,
    /// When we took it.
    pub at: Timestamp,
    /// What of it lies in suspense, minor units of the amount's currency:
    /// positive while money is gone, negative when more came back.
    pub in_suspense: i64,
    /// The reports about it that were taken.
    pub evidence: Vec<EvidenceId>,
    /// Set once people closed it.
    pub closed: Option<StrayClosed>,
}

impl std::fmt::Debug for Stray {
    /// Without the payee.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Stray")
            .field("merchant", &self.merchant)
            .field("instruction_id", &self.instruction_id)
            .field("amount", &self.amount)
            .field("in_suspense", &self.in_suspense)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
