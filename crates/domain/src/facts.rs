//! Facts: what a batch has loaded, and what its decisions changed. A decision
//! works on a [`Draft`] and only a success reaches the facts, so that a
//! refusal changes nothing.

mod changes;

pub use changes::{Changes, Evidence, KeylessSeen};

use crate::approval::{ApprovalRules, SumKey};
use crate::event::{Actor, Event, EventKind};
use crate::fee::FeeRules;
use crate::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, PersonId, RefundId};
use crate::instruction::{EvidenceId, Order};
use crate::ledger::{Account, Book, LedgerFault, Subject, Transfer, TransferKind, apply_side};
use crate::mandate::Mandate;
use crate::money::Currency;
use crate::once::{OnceKey, OnceRecord};
use crate::payment::{OriginKey, Payment};
use crate::payout::Payout;
use crate::reference::Sha256;
use crate::refund::Refund;
use crate::rules::Rules;
use crate::stray::Stray;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a batch has loaded.
#[derive(Debug, Default)]
pub struct Facts {
    /// Payments by id.
    pub payments: BTreeMap<PaymentId, Payment>,
    /// Refunds by id.
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Payouts by id.
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// The live refunds of a payment, complete, where they were asked for.
    pub live_refunds: BTreeMap<PaymentId, Vec<RefundId>>,
    /// Accounts by id.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Books by merchant and currency.
    pub books: BTreeMap<(MerchantId, Currency), Book>,
    /// Mandates by id.
    pub mandates: BTreeMap<MandateId, Mandate>,
    /// Used slots by mandate and period index.
    pub mandate_uses: BTreeMap<(MandateId, i64), u32>,
    /// Once-records by key.
    pub once: BTreeMap<OnceKey, OnceRecord>,
    /// Payments by origin key.
    pub origin_keys: BTreeMap<(MerchantId, OriginKey), PaymentId>,
    /// Keyless counters by payment and hash.
    pub keyless: BTreeMap<(PaymentId, String), KeylessSeen>,
    /// Refunds and payouts by instruction id.
    pub instructions: BTreeMap<String, (Order, u8)>,
    /// Evidence that is already recorded.
    pub evidence: BTreeSet<(Order, EvidenceId)>,
    /// Strays by instruction id, closed ones included.
    pub strays: BTreeMap<(MerchantId, String), Stray>,
    /// Canonical accounts of open strays, per merchant.
    pub stray_creditors: BTreeSet<(MerchantId, String)>,
    /// Sums that approval limits watch; what is not there is 0.
    pub approval_sums: BTreeMap<SumKey, u64>,
    /// People who may approve now, with their merchant.
    pub approvers: BTreeSet<(MerchantId, PersonId)>,
    /// The humans who own credentials, by merchant and public id.
    pub owners: BTreeMap<(MerchantId, Arc<str>), PersonId>,
    /// When people must agree, per merchant.
    pub approval_rules: BTreeMap<MerchantId, Arc<ApprovalRules>>,
    /// What refunds cost, per merchant.
    pub fee_rules: BTreeMap<MerchantId, Arc<FeeRules>>,
    /// What was changed so far.
    pub changes: Changes,
}

/// The circumstances of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The merchant whose objects are touched.
    pub merchant: MerchantId,
    /// Who asks.
    pub actor: &'a Actor,
    /// The time of the decision.
    pub at: Timestamp,
    /// The settings in force.
    pub rules: &'a Rules,
    /// SHA-256.
    pub sha256: Sha256,
}

/// Whose chain an event is on.
#[derive(Debug, Clone, Copy)]
enum About {
    /// A payment's, where it may be about one of its refunds.
    Payment(PaymentId, Option<RefundId>),
    /// A payout's.
    Payout(PayoutId),
    /// Nobody's.
    Nothing,
}

/// The working copy of one decision.
#[derive(Debug)]
pub struct Draft<'a> {
    facts: &'a mut Facts,
    context: Context<'a>,
    payments: BTreeMap<PaymentId, Payment>,
    refunds: BTreeMap<RefundId, Refund>,
    payouts: BTreeMap<PayoutId, Payout>,
    accounts: BTreeMap<AccountId, Account>,
    mandates: BTreeMap<MandateId, Mandate>,
    mandate_uses: BTreeMap<(MandateId, i64), u32>,
    keyless: BTreeMap<(PaymentId, String), KeylessSeen>,
    approval_sums: BTreeMap<SumKey, u64>,
    instructions: Vec<(String, Order, u8)>,
    origin_keys: Vec<(MerchantId, OriginKey, PaymentId)>,
    evidence: Vec<Evidence>,
    strays: Vec<Stray>,
    books: Vec<((MerchantId, Currency), Book)>,
    once: Vec<(OnceKey, OnceRecord)>,
    events: Vec<Event>,
    transfers: Vec<Transfer>,
}

impl<'a> Draft<'a> {
    /// A draft over the facts of a batch.
    pub fn new(facts: &'a mut Facts, context: Context<'a>) -> Self {
        Self {
            facts,
            context,
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            payouts: BTreeMap::new(),
            accounts: BTreeMap::new(),
            mandates: BTreeMap::new(),
            mandate_uses: BTreeMap::new(),
            keyless: BTreeMap::new(),
            approval_sums: BTreeMap::new(),
            instructions: Vec::new(),
            origin_keys: Vec::new(),
            evidence: Vec::new(),
            strays: Vec::new(),
            books: Vec::new(),
            once: Vec::new(),
            events: Vec::new(),
            transfers: Vec::new(),
        }
    }

    /// The circumstances.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }

    /// What the batch loaded; drafts are not in it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.facts
    }

    /// A working copy of a payment of this merchant.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<Payment> {
        let found = self.payments.get(&id).or_else(|| self.facts.payments.get(&id))?;
        (found.merchant == self.context.merchant).then(|| found.clone())
    }

    /// A working copy of a refund of this merchant.
    #[must_use]
    pub fn refund(&self, id: RefundId) -> Option<Refund> {
        let found = self.refunds.get(&id).or_else(|| self.facts.refunds.get(&id))?;
        (found.merchant == self.context.merchant).then(|| found.clone())
    }

    /// A working copy of a payout of this merchant.
    #[must_use]
    pub fn payout(&self, id: PayoutId) -> Option<Payout> {
        let found = self.payouts.get(&id).or_else(|| self.facts.payouts.get(&id))?;
        (found.merchant == self.context.merchant).then(|| found.clone())
    }

    /// A working copy of an account of this merchant.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<Account> {
        let found = self.accounts.get(&id).or_else(|| self.facts.accounts.get(&id))?;
        (found.merchant == self.context.merchant).then(|| found.clone())
    }

    /// A working copy of a mandate of this merchant.
    #[must_use]
    pub fn mandate(&self, id: MandateId) -> Option<Mandate> {
        let found = self.mandates.get(&id).or_else(|| self.facts.mandates.get(&id))?;
        (found.merchant == self.context.merchant).then(|| found.clone())
    }

    /// The merchant's book in a currency.
    #[must_use]
    pub fn book(&self, currency: Currency) -> Option<Book> {
        self.facts.books.get(&(self.context.merchant, currency)).copied()
    }

    /// How many slots of a mandate's period are used.
    #[must_use]
    pub fn mandate_used(&self, mandate: MandateId, period: i64) -> u32 {
        let key = (mandate, period);
        self.mandate_uses.get(&key).or_else(|| self.facts.mandate_uses.get(&key)).copied().unwrap_or(0)
    }

    /// The human who asks: themselves, or by a credential of theirs.
    #[must_use]
    pub fn human(&self) -> Option<PersonId> {
        match self.context.actor {
            Actor::Person(person) => Some(*person),
            Actor::Credential(id) => self.facts.owners.get(&(self.context.merchant, Arc::clone(id))).copied(),
            Actor::Engine | Actor::Customer | Actor::Rail(_) | Actor::Sandbox | Actor::Operator => None,
        }
    }

    /// True where this person of the merchant may approve now.
    #[must_use]
    pub fn may_approve(&self, person: PersonId) -> bool {
        self.facts.approvers.contains(&(self.context.merchant, person))
    }

    /// A sum that an approval limit watches.
    #[must_use]
    pub fn approval_sum(&self, key: &SumKey) -> u64 {
        self.approval_sums.get(key).or_else(|| self.facts.approval_sums.get(key)).copied().unwrap_or(0)
    }

    /// Sets a sum that an approval limit watches.
    pub fn put_approval_sum(&mut self, key: SumKey, sum: u64) {
        self.approval_sums.insert(key, sum);
    }

    /// Puts a payment into the draft.
    pub fn put_payment(&mut self, payment: Payment) {
        self.payments.insert(payment.id, payment);
    }

    /// Puts a refund into the draft.
    pub fn put_refund(&mut self, refund: Refund) {
        self.refunds.insert(refund.id, refund);
    }

    /// Puts a payout into the draft.
    pub fn put_payout(&mut self, payout: Payout) {
        self.payouts.insert(payout.id, payout);
    }

    /// Puts an account into the draft.
    pub fn put_account(&mut self, account: Account) {
        self.accounts.insert(account.id, account);
    }

    /// Puts a mandate into the draft.
    pub fn put_mandate(&mut self, mandate: Mandate) {
        self.mandates.insert(mandate.id, mandate);
    }

    /// Puts a new book into the draft.
    pub fn put_book(&mut self, currency: Currency, book: Book) {
        self.books.push(((self.context.merchant, currency), book));
    }

    /// Sets the used slots of a mandate's period.
    pub fn put_mandate_used(&mut self, mandate: MandateId, period: i64, used: u32) {
        self.mandate_uses.insert((mandate, period), used);
    }

    /// Sets the keyless counter of a payment.
    pub fn put_keyless(&mut self, payment: PaymentId, hash: &str, seen: KeylessSeen) {
        self.keyless.insert((payment, hash.to_owned()), seen);
    }

    /// Names an attempt by its instruction id.
    pub fn put_instruction(&mut self, id: String, order: Order, attempt: u8) {
        self.instructions.push((id, order, attempt));
    }

    /// Names a payment by an origin key.
    pub fn put_origin_key(&mut self, key: OriginKey, payment: PaymentId) {
        self.origin_keys.push((self.context.merchant, key, payment));
    }

    /// Records what may happen only once.
    pub fn put_once(&mut self, key: OnceKey, record: OnceRecord) {
        self.once.push((key, record));
    }

    /// Keeps a report.
    pub fn put_evidence(&mut self, evidence: Evidence) {
        self.evidence.push(evidence);
    }

    /// A working copy of a stray of this merchant.
    #[must_use]
    pub fn stray(&self, instruction_id: &str) -> Option<Stray> {
        self.facts.strays.get(&(self.context.merchant, instruction_id.to_owned())).cloned()
    }

    /// Keeps what belongs to nothing.
    pub fn put_stray(&mut self, stray: Stray) {
        self.strays.push(stray);
    }

    /// Writes an event of a payment onto its chain.
    pub fn payment_event(&mut self, payment: &mut Payment, kind: EventKind) {
        let number = u32::try_from(payment.event_count).unwrap_or(u32::MAX).saturating_add(1);
        let event = self.sealed(About::Payment(payment.id, None), number, kind, payment.chain);
        self.chain(payment, event);
    }

    /// Writes an event of a refund onto its payment's chain.
    pub fn refund_event(&mut self, payment: &mut Payment, refund: &mut Refund, kind: EventKind) {
        refund.event_count = refund.event_count.saturating_add(1);
        refund.updated_at = self.context.at;
        let about = About::Payment(payment.id, Some(refund.id));
        let event = self.sealed(about, refund.event_count, kind, payment.chain);
        self.chain(payment, event);
    }

    /// Writes an event of a payout onto its own chain.
    pub fn payout_event(&mut self, payout: &mut Payout, kind: EventKind) {
        payout.event_count = payout.event_count.saturating_add(1);
        payout.updated_at = self.context.at;
        let event = self.sealed(About::Payout(payout.id), payout.event_count, kind, payout.chain);
        payout.chain = event.hash;
        self.events.push(event);
    }

    fn chain(&mut self, payment: &mut Payment, event: Event) {
        payment.chain = event.hash;
        payment.event_count = payment.event_count.saturating_add(1);
        self.events.push(event);
    }

    /// Writes an event that is on no chain (mandates, accounts).
    pub fn loose_event(&mut self, kind: EventKind) {
        let event = self.sealed(About::Nothing, 1, kind, [0; 32]);
        self.events.push(event);
    }

    fn sealed(&self, about: About, number: u32, kind: EventKind, previous: [u8; 32]) -> Event {
        let (payment, refund, payout) = match about {
            About::Payment(payment, refund) => (Some(payment), refund, None),
            About::Payout(payout) => (None, None, Some(payout)),
            About::Nothing => (None, None, None),
        };
        let mut event = Event {
            merchant: self.context.merchant,
            payment,
            refund,
            payout,
            number,
            at: self.context.at,
            actor: self.context.actor.clone(),
            kind,
            previous,
            hash: [0; 32],
        };
        event.hash = (self.context.sha256)(&event.hashed_bytes());
        event
    }

    /// Moves money, caused by the newest event of this draft. Both accounts
    /// are of this merchant and of one currency; a held account never goes
    /// negative.
    pub fn transfer(
        &mut self,
        debit: AccountId,
        credit: AccountId,
        amount: u64,
        kind: TransferKind,
        subject: Subject,
    ) -> Result<(), LedgerFault> {
        if amount == 0 {
            return Ok(());
        }
        let mut debited = self.account(debit).ok_or(LedgerFault::Sums)?;
        apply_side(&mut debited, amount, kind, true)?;
        let mut credited = self.account(credit).ok_or(LedgerFault::Sums)?;
        assert!(debit != credit, "a transfer has two accounts");
        assert!(debited.currency == credited.currency, "a transfer has one currency");
        apply_side(&mut credited, amount, kind, false)?;
        let cause = self.events.len().checked_sub(1).ok_or(LedgerFault::Sums)?;
        let leg = self.transfers.iter().filter(|transfer| transfer.cause == cause).count();
        let leg = u8::try_from(leg).map_err(|_| LedgerFault::Sums)?;
        self.put_account(debited);
        self.put_account(credited);
        self.transfers.push(Transfer {
            debit_account: debit,
            credit_account: credit,
            amount,
            kind,
            subject,
            cause,
            leg,
        });
        Ok(())
    }

    /// Makes the draft true: everything it holds enters the facts.
    pub fn commit(self) {
        let first_event = self.facts.changes.events.len();
        self.facts.take_objects(self.payments, self.refunds, self.accounts, self.mandates);
        self.facts.take_payouts(self.payouts);
        self.facts.take_names(self.instructions, self.origin_keys, self.once, self.keyless);
        let changes = &mut self.facts.changes;
        for (key, used) in self.mandate_uses {
            self.facts.mandate_uses.insert(key, used);
            changes.mandate_uses.insert(key);
        }
        for (key, sum) in self.approval_sums {
            self.facts.approval_sums.insert(key.clone(), sum);
            changes.approval_sums.insert(key);
        }
        for (key, book) in self.books {
            self.facts.books.insert(key, book);
            changes.books.insert(key);
        }
        for item in self.evidence {
            self.facts.evidence.insert((item.order, item.id));
            changes.evidence.push(item);
        }
        for stray in self.strays {
            // One that was closed is forgotten with the next batch: another
            // open one may name the same account.
            if let Some(creditor) = stray.creditor.as_ref().filter(|_| stray.closed.is_none()) {
                self.facts.stray_creditors.insert((stray.merchant, creditor.clone()));
            }
            let key = (stray.merchant, stray.instruction_id.clone());
            self.facts.strays.insert(key.clone(), stray);
            changes.strays.insert(key);
        }
        changes.events.extend(self.events);
        changes.transfers.extend(self.transfers.into_iter().map(|mut transfer| {
            transfer.cause = transfer.cause.saturating_add(first_event);
            transfer
        }));
    }
}

impl Facts {
    fn take_objects(
        &mut self,
        payments: BTreeMap<PaymentId, Payment>,
        refunds: BTreeMap<RefundId, Refund>,
        accounts: BTreeMap<AccountId, Account>,
        mandates: BTreeMap<MandateId, Mandate>,
    ) {
        for (id, payment) in payments {
            if self.payments.insert(id, payment).is_none() {
                self.changes.new_payments.insert(id);
                self.live_refunds.insert(id, Vec::new());
            }
            self.changes.payments.insert(id);
        }
        for (id, refund) in refunds {
            let (payment, live) = (refund.payment, refund.state.is_live());
            if self.refunds.insert(id, refund).is_none() {
                self.changes.new_refunds.insert(id);
            }
            self.changes.refunds.insert(id);
            if let Some(listed) = self.live_refunds.get_mut(&payment) {
                listed.retain(|other| *other != id);
                if live {
                    listed.push(id);
                }
            }
        }
        for (id, account) in accounts {
            self.accounts.insert(id, account);
            self.changes.accounts.insert(id);
        }
        for (id, mandate) in mandates {
            self.mandates.insert(id, mandate);
            self.changes.mandates.insert(id);
        }
    }

    fn take_payouts(&mut self, payouts: BTreeMap<PayoutId, Payout>) {
        for (id, payout) in payouts {
            if self.payouts.insert(id, payout).is_none() {
                self.changes.new_payouts.insert(id);
            }
            self.changes.payouts.insert(id);
        }
    }

    fn take_names(
        &mut self,
        instructions: Vec<(String, Order, u8)>,
        origin_keys: Vec<(MerchantId, OriginKey, PaymentId)>,
        once: Vec<(OnceKey, OnceRecord)>,
        keyless: BTreeMap<(PaymentId, String), KeylessSeen>,
    ) {
        for (id, order, attempt) in instructions {
            self.instructions.insert(id.clone(), (order, attempt));
            self.changes.instructions.push((id, order, attempt));
        }
        for (merchant, key, payment) in origin_keys {
            self.origin_keys.insert((merchant, key.clone()), payment);
            self.changes.origin_keys.push((merchant, key, payment));
        }
        for (key, record) in once {
            self.once.insert(key, record);
            self.changes.once.insert(key);
        }
        for (key, seen) in keyless {
            self.keyless.insert(key.clone(), seen);
            self.changes.keyless.insert(key);
        }
    }
}
