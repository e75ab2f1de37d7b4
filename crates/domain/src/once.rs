//! Once: idempotency keys, merchant references and keyless repeats share one
//! table of things that may happen only once (design section 6).

use crate::id::{AccountId, EndpointId, MandateId, PaymentId, PayoutId, RefundId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// The hash of (merchant, dialect, group, method, path, key) or of another
/// scope in which something may happen once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OnceKey(pub [u8; 16]);

/// The hash of what was asked: canonical body, or raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// What the first call led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnceResult {
    /// A refund; the answer is rendered from it.
    Refund(RefundId),
    /// A payout; the answer is rendered from it.
    Payout(PayoutId),
    /// A payment.
    Payment(PaymentId),
    /// A mandate.
    Mandate(MandateId),
    /// An account.
    Account(AccountId),
    /// A webhook endpoint.
    Endpoint(EndpointId),
    /// A refusal that is kept.
    Refused(Refusal),
    /// An answer of the dialect, kept as it was (status and sealed body).
    Answer {
        /// HTTP status.
        status: u16,
        /// Body bytes.
        body: Vec<u8>,
    },
}

/// A record of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceRecord {
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What it led to.
    pub result: OnceResult,
    /// When.
    pub at: Timestamp,
}

impl OnceRecord {
    /// True for a key that made money leave: it never expires.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        match self.result {
            OnceResult::Refund(_) | OnceResult::Payout(_) => true,
            OnceResult::Payment(_)
            | OnceResult::Mandate(_)
            | OnceResult::Account(_)
            | OnceResult::Endpoint(_)
            | OnceResult::Refused(_)
            | OnceResult::Answer { .. } => false,
        }
    }

    /// A key that created a refund or payout never expires; others end after `keep`.
    #[must_use]
    pub fn is_forgotten(&self, now: Timestamp, keep: crate::time::Span) -> bool {
        !self.is_for_ever() && self.at.plus(keep) <= now
    }
}
