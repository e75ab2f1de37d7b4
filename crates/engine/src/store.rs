//! Port Store: what is true, and durably so (design section 4).
//!
//! Writing is for one committer: `begin` loads what a batch needs, `commit`
//! makes its changes true in one atomic, durable transaction and answers only
//! after the sync. Reading never waits for writing.
//!
//! Round trips: `begin` at most three (keys, what they lead to, live refunds),
//! `commit` one.

use crate::audit::AuditRecord;
use crate::registry::{RegistryEntry, RegistryKey};
use refundry_domain::approval::SumKey;
use refundry_domain::event::Event;
use refundry_domain::facts::{Changes, Facts};
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{EvidenceId, Order};
use refundry_domain::ledger::{Account, TransferKind};
use refundry_domain::mandate::Mandate;
use refundry_domain::money::Currency;
use refundry_domain::once::OnceKey;
use refundry_domain::payment::{OriginKey, Payment};
use refundry_domain::payout::Payout;
use refundry_domain::refund::Refund;
use refundry_domain::stray::Stray;
use refundry_domain::time::Timestamp;
use std::collections::BTreeSet;

/// What a batch needs. What a key leads to is loaded too: a payment brings
/// its held account, its book and its adopted refunds; a refund its payment
/// (with all that), its funding account or mandate and the mandate's used
/// slots at `at`; a payout its account; a mandate its used slots; an account its book; a book its
/// accounts.
#[derive(Debug, Default, Clone)]
pub struct Keys {
    /// The time of the batch, for mandate periods.
    pub at: Timestamp,
    /// Payments.
    pub payments: BTreeSet<(MerchantId, PaymentId)>,
    /// Payments whose live refunds are wanted too, with all they lead to.
    pub payments_with_refunds: BTreeSet<(MerchantId, PaymentId)>,
    /// Refunds.
    pub refunds: BTreeSet<(MerchantId, RefundId)>,
    /// Payouts.
    pub payouts: BTreeSet<(MerchantId, PayoutId)>,
    /// Accounts.
    pub accounts: BTreeSet<(MerchantId, AccountId)>,
    /// Mandates.
    pub mandates: BTreeSet<(MerchantId, MandateId)>,
    /// Books.
    pub books: BTreeSet<(MerchantId, Currency)>,
    /// Once-records.
    pub once: BTreeSet<OnceKey>,
    /// Origin keys; each brings its payment.
    pub origin_keys: BTreeSet<(MerchantId, OriginKey)>,
    /// Keyless counters.
    pub keyless: BTreeSet<(PaymentId, String)>,
    /// Instruction ids, with the evidence asked for; each brings its refund or
    /// payout, or the stray that names it with its book.
    pub instructions: BTreeSet<(MerchantId, String, Option<EvidenceId>)>,
    /// Merchants whose open strays are wanted.
    pub strays: BTreeSet<MerchantId>,
    /// Sums that approval limits watch.
    pub approval_sums: BTreeSet<SumKey>,
}

/// Where one delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried again at this time.
    Waiting {
        /// When.
        next_at: Timestamp,
    },
    /// Taken by the receiver.
    Delivered,
    /// The schedule ended.
    Exhausted,
    /// The receiver said stop, or the endpoint is gone.
    Stopped,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose.
    pub merchant: MerchantId,
    /// Where to.
    pub endpoint: EndpointId,
    /// Which event, by its place in the store's order.
    pub event: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was tried last.
    pub last_at: Timestamp,
    /// HTTP status of the last try; 0 when there was no answer.
    pub last_status: u16,
    /// How long the last try took, milliseconds.
    pub last_millis: u32,
    /// Why the last try failed, in a few words.
    pub last_error: String,
}

/// What a round of deliveries changed.
#[derive(Debug, Clone, Default)]
pub struct DeliveryUpdate {
    /// Rows to insert or replace, by (endpoint, event).
    pub rows: Vec<Delivery>,
    /// Endpoints whose queue has been read up to this event.
    pub cursors: Vec<(EndpointId, u64)>,
}

/// Everything one transaction writes.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The facts with their changes.
    pub facts: &'a Facts,
    /// Registry entries to insert or replace.
    pub registry_put: &'a [RegistryEntry],
    /// Registry entries to remove.
    pub registry_remove: &'a [RegistryKey],
    /// Who changed what of the registry.
    pub audit: &'a [AuditRecord],
    /// Results of deliveries.
    pub deliveries: &'a [DeliveryUpdate],
}

impl Batch<'_> {
    /// The changes to the facts.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.facts.changes
    }

    /// True when nothing needs to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.changes.is_empty()
            && self.registry_put.is_empty()
            && self.registry_remove.is_empty()
            && self.audit.is_empty()
            && self.deliveries.is_empty()
    }
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Rolled back before the sync; nothing changed; may work later.
    #[error("the storage has no room")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A constraint of the database refused the batch: a fault of ours.
    #[error("a constraint refused the batch")]
    Constraint(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The outcome is not known; the process must end.
    #[error("the storage failed")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row does not read back.
    #[error("a stored record is malformed: {0}")]
    Malformed(String),
}

/// The writing side; owned by one committer.
pub trait Writer: Send {
    /// Loads what a batch needs.
    fn begin(&mut self, keys: &Keys) -> Result<Facts, StoreError>;

    /// Writes a batch in one atomic, durable transaction. Returns the place
    /// of its first event in the store's order.
    fn commit(&mut self, batch: &Batch<'_>) -> Result<u64, StoreError>;
}

/// Which refunds a page shows.
#[derive(Debug, Clone, Default)]
pub struct RefundFilter {
    /// Only those of this payment.
    pub payment: Option<PaymentId>,
    /// Only those whose state has one of these native words.
    pub states: Vec<String>,
    /// Hides those made through a dialect of this one's family for another group
    /// ([`refundry_domain::payment::family_of`]).
    pub visible_to: Option<(String, String)>,
    /// Only those with this merchant reference.
    pub merchant_reference: Option<String>,
}

/// The settlement times that a list of payments covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledRange {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant that is not in it any more.
    pub until: Timestamp,
}

impl SettledRange {
    /// True when the instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// Which payouts a page shows.
#[derive(Debug, Clone, Copy)]
pub struct PayoutFilter {
    /// Only those that this held account pays.
    pub account: AccountId,
    /// Only those created at or after this time.
    pub from: Timestamp,
    /// Only those created at or before this time.
    pub to: Timestamp,
}

/// A payout's place in a list: creation, then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayoutPlace {
    /// Its creation.
    pub created_at: Timestamp,
    /// Its id.
    pub id: PayoutId,
}

impl PayoutPlace {
    /// Where a payout stands.
    #[must_use]
    pub fn of(payout: &Payout) -> Self {
        Self { created_at: payout.created_at, id: payout.id }
    }
}

/// A page of a list, newest first.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<Id> {
    /// Most rows.
    pub limit: usize,
    /// Rows older than this one.
    pub before: Option<Id>,
}

/// An event with its place in the store's order, and what it is about as it
/// is now.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its place, from 1.
    pub place: u64,
    /// The event.
    pub event: Event,
    /// Its refund as it is now.
    pub refund: Option<Refund>,
    /// Its payment as it is now.
    pub payment: Option<Payment>,
    /// Its payout as it is now.
    pub payout: Option<Payout>,
    /// Its mandate as it is now.
    pub mandate: Option<Mandate>,
}

/// A transfer as stored, for `verify`.
#[derive(Debug, Clone, Copy)]
pub struct StoredTransfer {
    /// Place of its event.
    pub cause: u64,
    /// Which of the event's transfers.
    pub leg: u8,
    /// Debited account.
    pub debit_account: AccountId,
    /// Credited account.
    pub credit_account: AccountId,
    /// Minor units.
    pub amount: u64,
    /// How it moves the sums.
    pub kind: TransferKind,
}

/// One row, for scans.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one row at a time is handed over and never kept")]
pub enum Row {
    /// An account.
    Account(Account),
    /// A transfer.
    Transfer(StoredTransfer),
    /// A payment.
    Payment(Payment),
    /// A refund.
    Refund(Refund),
    /// A payout.
    Payout(Payout),
    /// An event.
    Event {
        /// Its place.
        place: u64,
        /// The event.
        event: Event,
    },
    /// A change of the registry.
    Audit(AuditRecord),
}

/// Which table a scan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Accounts.
    Accounts,
    /// Transfers in order.
    Transfers,
    /// Payments.
    Payments,
    /// Refunds.
    Refunds,
    /// Payouts.
    Payouts,
    /// Events in order.
    Events,
    /// Audit records, in order of each merchant.
    Audit,
}

/// The reading side: snapshots, shared by all.
pub trait Reader: Send + Sync {
    /// A payment of a merchant.
    fn payment(&self, merchant: MerchantId, id: PaymentId) -> Result<Option<Payment>, StoreError>;
    /// Payments, newest first.
    fn payments(&self, merchant: MerchantId, page: PageRequest<PaymentId>) -> Result<Vec<Payment>, StoreError>;
    /// Payments that credited an account, by the time of their settlement,
    /// newest first.
    fn payments_of_account(
        &self,
        merchant: MerchantId,
        account: AccountId,
        settled: SettledRange,
        page: PageRequest<(Timestamp, PaymentId)>,
    ) -> Result<Vec<Payment>, StoreError>;
    /// Payments of one payer ([`Payment::payer_key`]), newest first.
    fn payments_of_payer(
        &self,
        merchant: MerchantId,
        payer_key: &str,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError>;
    /// A refund of a merchant.
    fn refund(&self, merchant: MerchantId, id: RefundId) -> Result<Option<Refund>, StoreError>;
    /// Refunds, newest first.
    fn refunds(
        &self,
        merchant: MerchantId,
        filter: &RefundFilter,
        page: PageRequest<RefundId>,
    ) -> Result<Vec<Refund>, StoreError>;
    /// All refunds of a payment, the one that was made last first, whatever
    /// their ids say.
    fn refunds_of_payment(&self, merchant: MerchantId, payment: PaymentId) -> Result<Vec<Refund>, StoreError>;
    /// The events of a refund, oldest first.
    fn refund_events(&self, merchant: MerchantId, id: RefundId) -> Result<Vec<Event>, StoreError>;
    /// A payout of a merchant.
    fn payout(&self, merchant: MerchantId, id: PayoutId) -> Result<Option<Payout>, StoreError>;
    /// Payouts of a merchant's account, newest first by creation.
    fn payouts(
        &self,
        merchant: MerchantId,
        filter: &PayoutFilter,
        page: PageRequest<PayoutPlace>,
    ) -> Result<Vec<Payout>, StoreError>;
    /// Accounts of a merchant that merchants see (kind held).
    fn accounts(&self, merchant: MerchantId) -> Result<Vec<Account>, StoreError>;
    /// An account of a merchant.
    fn account(&self, merchant: MerchantId, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// Mandates of a merchant, newest first.
    fn mandates(&self, merchant: MerchantId) -> Result<Vec<Mandate>, StoreError>;
    /// A mandate of a merchant.
    fn mandate(&self, merchant: MerchantId, id: MandateId) -> Result<Option<Mandate>, StoreError>;

    /// Refunds that wait for people's approval now, newest first.
    fn pending_approvals(&self, merchant: MerchantId, page: PageRequest<RefundId>) -> Result<Vec<Refund>, StoreError>;

    /// Refunds whose wake-up time ([`refundry_domain::decide::wake_at`]) has
    /// come, earliest first.
    fn due_refunds(&self, now: Timestamp, limit: usize) -> Result<Vec<Refund>, StoreError>;
    /// The earliest wake-up time of any refund or payout.
    fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Payments whose time ([`Payment::due_at`]) has come, earliest first.
    fn due_payments(&self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, StoreError>;
    /// The earliest [`Payment::due_at`] of any payment.
    fn next_payment_due(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Payouts whose wake-up time ([`refundry_domain::decide::wake_payout_at`])
    /// has come, earliest first.
    fn due_payouts(&self, now: Timestamp, limit: usize) -> Result<Vec<Payout>, StoreError>;
    /// Payouts whose newest attempt is `sending`, by id: at start they become unknown.
    fn sending_payouts(&self, after: Option<PayoutId>, limit: usize) -> Result<Vec<Payout>, StoreError>;
    /// Mandates that wait for signatories past their window.
    fn due_mandates(&self, now: Timestamp, limit: usize) -> Result<Vec<Mandate>, StoreError>;
    /// Refunds whose newest attempt is `sending`, by id: at start they become unknown.
    fn sending_refunds(&self, after: Option<RefundId>, limit: usize) -> Result<Vec<Refund>, StoreError>;

    /// Whose an instruction id is, and what it pays with which attempt.
    fn instruction(&self, instruction_id: &str) -> Result<Option<(MerchantId, Order, u8)>, StoreError>;

    /// Open strays of a merchant, oldest first.
    fn strays(&self, merchant: MerchantId) -> Result<Vec<Stray>, StoreError>;

    /// Events after a place, in order, with what they are about.
    fn events_after(&self, place: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
    /// One event by its place.
    fn event(&self, place: u64) -> Result<Option<StoredEvent>, StoreError>;
    /// The place and time of the newest event.
    fn newest_event(&self) -> Result<(u64, Timestamp), StoreError>;

    /// How far an endpoint's queue has been read.
    fn delivery_cursor(&self, endpoint: EndpointId) -> Result<u64, StoreError>;
    /// Deliveries to be tried again by now, of one endpoint, earliest first.
    fn due_deliveries(&self, endpoint: EndpointId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;
    /// The earliest time of a delivery to be tried again, of one endpoint.
    fn next_delivery(&self, endpoint: EndpointId) -> Result<Option<Timestamp>, StoreError>;
    /// Deliveries of a merchant's endpoint, newest first; `before` is an event's place.
    fn deliveries(
        &self,
        merchant: MerchantId,
        endpoint: EndpointId,
        page: PageRequest<u64>,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Changes of the registry of a merchant, newest first.
    fn audit(&self, merchant: MerchantId, page: PageRequest<u64>) -> Result<Vec<AuditRecord>, StoreError>;
    /// Every registry entry.
    fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError>;
    /// Every mandate, for the token index.
    fn all_mandates(&self) -> Result<Vec<Mandate>, StoreError>;

    /// Reads a whole table in its order, one consistent snapshot per call.
    fn scan(&self, table: Table, each: &mut dyn FnMut(Row) -> Result<(), StoreError>) -> Result<(), StoreError>;
    /// Runs a scan of several tables inside one snapshot.
    fn scan_all(&self, tables: &[Table], each: &mut dyn FnMut(Row) -> Result<(), StoreError>)
    -> Result<(), StoreError>;
}
