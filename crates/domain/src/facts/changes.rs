//! What decisions leave to be written.

use crate::approval::SumKey;
use crate::event::Event;
use crate::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use crate::instruction::{EvidenceId, Order, Report};
use crate::ledger::Transfer;
use crate::money::Currency;
use crate::once::OnceKey;
use crate::payment::OriginKey;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// How many equal keyless refunds a payment has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeylessSeen {
    /// How many, failed ones included.
    pub count: u32,
    /// When the newest was made.
    pub latest_at: Timestamp,
}

/// A raw report of a rail, kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// About what.
    pub order: Order,
    /// The rail's own name of it.
    pub id: EvidenceId,
    /// What it says.
    pub report: Report,
    /// When we took it.
    pub at: Timestamp,
}

/// What the decisions of a batch changed, in their order.
#[derive(Debug, Default)]
pub struct Changes {
    /// Payments to insert.
    pub new_payments: BTreeSet<PaymentId>,
    /// Payments to write, new ones included.
    pub payments: BTreeSet<PaymentId>,
    /// Refunds to insert.
    pub new_refunds: BTreeSet<RefundId>,
    /// Refunds to write, new ones included.
    pub refunds: BTreeSet<RefundId>,
    /// Payouts to insert.
    pub new_payouts: BTreeSet<PayoutId>,
    /// Payouts to write, new ones included.
    pub payouts: BTreeSet<PayoutId>,
    /// Accounts to write.
    pub accounts: BTreeSet<AccountId>,
    /// Books to insert.
    pub books: BTreeSet<(MerchantId, Currency)>,
    /// Mandates to write.
    pub mandates: BTreeSet<MandateId>,
    /// Counters of mandate periods to write.
    pub mandate_uses: BTreeSet<(MandateId, i64)>,
    /// Once-records to insert.
    pub once: BTreeSet<OnceKey>,
    /// Origin keys to insert.
    pub origin_keys: Vec<(MerchantId, OriginKey, PaymentId)>,
    /// Keyless counters to write.
    pub keyless: BTreeSet<(PaymentId, String)>,
    /// Sums that approval limits watch, to write.
    pub approval_sums: BTreeSet<SumKey>,
    /// Instruction ids to insert, with what they pay and the attempt.
    pub instructions: Vec<(String, Order, u8)>,
    /// Evidence to insert.
    pub evidence: Vec<Evidence>,
    /// Strays to write.
    pub strays: BTreeSet<(MerchantId, String)>,
    /// Events to insert, in order.
    pub events: Vec<Event>,
    /// Transfers to insert, in order.
    pub transfers: Vec<Transfer>,
}

impl Changes {
    /// True when nothing needs to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty()
            && self.refunds.is_empty()
            && self.payouts.is_empty()
            && self.accounts.is_empty()
            && self.books.is_empty()
            && self.mandates.is_empty()
            && self.mandate_uses.is_empty()
            && self.once.is_empty()
            && self.origin_keys.is_empty()
            && self.keyless.is_empty()
            && self.approval_sums.is_empty()
            && self.instructions.is_empty()
            && self.evidence.is_empty()
            && self.strays.is_empty()
            && self.events.is_empty()
            && self.transfers.is_empty()
    }
}
