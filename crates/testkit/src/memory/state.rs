//! The tables and how a checked batch enters them.

use refundry_domain::approval::SumKey;
use refundry_domain::decide::{wake_at, wake_payout_at};
use refundry_domain::event::Event;
use refundry_domain::facts::{Changes, Evidence, KeylessSeen};
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{EvidenceId, Order};
use refundry_domain::ledger::{Account, Book};
use refundry_domain::mandate::Mandate;
use refundry_domain::money::Currency;
use refundry_domain::once::{OnceKey, OnceRecord};
use refundry_domain::payment::{OriginKey, Payment};
use refundry_domain::payout::Payout;
use refundry_domain::refund::Refund;
use refundry_domain::stray::Stray;
use refundry_domain::time::Timestamp;
use refundry_engine::audit::AuditRecord;
use refundry_engine::registry::{RegistryEntry, RegistryKey};
use refundry_engine::store::{Batch, Delivery, StoredTransfer};
use std::collections::{BTreeMap, BTreeSet};

/// Every table, and the indexes that queries need.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    pub(super) refunds: BTreeMap<RefundId, Refund>,
    pub(super) payouts: BTreeMap<PayoutId, Payout>,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) books: BTreeMap<(MerchantId, Currency), Book>,
    pub(super) mandates: BTreeMap<MandateId, Mandate>,
    pub(super) mandate_uses: BTreeMap<(MandateId, i64), u32>,
    pub(super) once: BTreeMap<OnceKey, OnceRecord>,
    pub(super) origin_keys: BTreeMap<(MerchantId, OriginKey), PaymentId>,
    pub(super) approval_sums: BTreeMap<SumKey, u64>,
    pub(super) keyless: BTreeMap<(PaymentId, String), KeylessSeen>,
    pub(super) instructions: BTreeMap<String, (Order, u8)>,
    pub(super) evidence: BTreeMap<(Order, EvidenceId), Evidence>,
    pub(super) strays: BTreeMap<(MerchantId, String), Stray>,
    pub(super) events: Vec<Event>,
    pub(super) transfers: BTreeMap<(u64, u8), StoredTransfer>,
    pub(super) registry: BTreeMap<RegistryKey, RegistryEntry>,
    pub(super) audit: BTreeMap<(MerchantId, u64), AuditRecord>,
    pub(super) deliveries: BTreeMap<(EndpointId, u64), Delivery>,
    pub(super) cursors: BTreeMap<EndpointId, u64>,
    /// Refunds by payment.
    pub(super) refunds_of: BTreeMap<PaymentId, BTreeSet<RefundId>>,
    /// Refunds by wake-up time.
    pub(super) wakes: BTreeSet<(Timestamp, RefundId)>,
    /// Payouts by wake-up time.
    pub(super) payout_wakes: BTreeSet<(Timestamp, PayoutId)>,
    /// Merchant references in use.
    pub(super) merchant_references: BTreeMap<(MerchantId, String), RefundId>,
    /// Numbers of a refund's or payout's events in use.
    pub(super) event_numbers: BTreeSet<(Order, u32)>,
}

/// What an event is about, where it is counted by that.
pub(super) fn order_of(event: &Event) -> Option<Order> {
    event.refund.map(Order::Refund).or(event.payout.map(Order::Payout))
}

impl State {
    /// The place that the next event gets; the first one is 1.
    pub(super) fn next_place(&self) -> u64 {
        self.events.len() as u64 + 1
    }

    /// The event at a place.
    pub(super) fn event_at(&self, place: u64) -> Option<&Event> {
        self.events.get(usize::try_from(place.checked_sub(1)?).ok()?)
    }

    /// Writes a batch whose constraints hold; returns the place of its first event.
    pub(super) fn apply(&mut self, batch: &Batch<'_>) -> u64 {
        let first = self.next_place();
        self.apply_objects(batch);
        self.apply_records(batch);
        self.apply_history(batch.changes(), first);
        for entry in batch.registry_put {
            self.registry.insert(entry.key(), entry.clone());
        }
        for key in batch.registry_remove {
            self.registry.remove(key);
        }
        for record in batch.audit {
            self.audit.insert((record.merchant, record.number), record.clone());
        }
        for update in batch.deliveries {
            for row in &update.rows {
                self.deliveries.insert((row.endpoint, row.event), row.clone());
            }
            self.cursors.extend(update.cursors.iter().copied());
        }
        first
    }

    fn apply_objects(&mut self, batch: &Batch<'_>) {
        let (facts, changes) = (batch.facts, batch.changes());
        for id in &changes.payments {
            self.payments.extend(facts.payments.get(id).map(|payment| (*id, payment.clone())));
        }
        for id in &changes.refunds {
            if let Some(refund) = facts.refunds.get(id) {
                self.put_refund(refund.clone());
            }
        }
        for id in &changes.payouts {
            if let Some(payout) = facts.payouts.get(id) {
                self.put_payout(payout.clone());
            }
        }
        for id in &changes.accounts {
            self.accounts.extend(facts.accounts.get(id).map(|account| (*id, account.clone())));
        }
        for key in &changes.books {
            self.books.extend(facts.books.get(key).map(|book| (*key, *book)));
        }
        for id in &changes.mandates {
            self.mandates.extend(facts.mandates.get(id).map(|mandate| (*id, mandate.clone())));
        }
        for key in &changes.mandate_uses {
            self.mandate_uses.extend(facts.mandate_uses.get(key).map(|used| (*key, *used)));
        }
    }

    fn put_refund(&mut self, refund: Refund) {
        let id = refund.id;
        if let Some(at) = self.refunds.get(&id).and_then(wake_at) {
            self.wakes.remove(&(at, id));
        }
        self.wakes.extend(wake_at(&refund).map(|at| (at, id)));
        if let Some(name) = &refund.merchant_reference {
            self.merchant_references.insert((refund.merchant, name.to_string()), id);
        }
        self.refunds_of.entry(refund.payment).or_default().insert(id);
        self.refunds.insert(id, refund);
    }

    fn put_payout(&mut self, payout: Payout) {
        let id = payout.id;
        if let Some(at) = self.payouts.get(&id).and_then(wake_payout_at) {
            self.payout_wakes.remove(&(at, id));
        }
        self.payout_wakes.extend(wake_payout_at(&payout).map(|at| (at, id)));
        self.payouts.insert(id, payout);
    }

    fn apply_records(&mut self, batch: &Batch<'_>) {
        let (facts, changes) = (batch.facts, batch.changes());
        for key in &changes.once {
            self.once.extend(facts.once.get(key).map(|record| (*key, record.clone())));
        }
        for (merchant, key, payment) in &changes.origin_keys {
            self.origin_keys.insert((*merchant, key.clone()), *payment);
        }
        for key in &changes.approval_sums {
            self.approval_sums.extend(facts.approval_sums.get(key).map(|sum| (key.clone(), *sum)));
        }
        for key in &changes.keyless {
            self.keyless.extend(facts.keyless.get(key).map(|seen| (key.clone(), *seen)));
        }
        for (id, order, attempt) in &changes.instructions {
            self.instructions.insert(id.clone(), (*order, *attempt));
        }
        for item in &changes.evidence {
            self.evidence.insert((item.order, item.id), *item);
        }
        for key in &changes.strays {
            self.strays.extend(facts.strays.get(key).map(|stray| (key.clone(), stray.clone())));
        }
    }

    fn apply_history(&mut self, changes: &Changes, first: u64) {
        for event in &changes.events {
            self.event_numbers.extend(order_of(event).map(|order| (order, event.number)));
            self.events.push(event.clone());
        }
        for transfer in &changes.transfers {
            let stored = StoredTransfer {
                cause: first + transfer.cause as u64,
                leg: transfer.leg,
                debit_account: transfer.debit_account,
                credit_account: transfer.credit_account,
                amount: transfer.amount,
                kind: transfer.kind,
            };
            self.transfers.insert((stored.cause, stored.leg), stored);
        }
    }
}
