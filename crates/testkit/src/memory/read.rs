//! The reading side. Ids ascend with time, so the newest is the greatest.

use super::MemoryStore;
use super::state::State;
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::event::Event;
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::ledger::{Account, AccountKind};
use refundry_domain::mandate::{Mandate, MandateState};
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::{Gate, Refund, RefundState};
use refundry_domain::stray::Stray;
use refundry_domain::time::Timestamp;
use refundry_engine::audit::AuditRecord;
use refundry_engine::registry::RegistryEntry;
use refundry_engine::store::{
    Delivery, DeliveryState, PageRequest, PayoutFilter, PayoutPlace, Reader, RefundFilter, Row, SettledRange,
    StoreError, StoredEvent, Table,
};
use std::ops::Bound;

fn older_than<Id>(before: Option<Id>) -> (Bound<Id>, Bound<Id>) {
    (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded))
}

fn shows(filter: &RefundFilter, refund: &Refund) -> bool {
    let hidden =
        filter.visible_to.as_ref().is_some_and(|(dialect, group)| refund.origin.is_hidden_from(dialect, group));
    let payment = filter.payment.is_none_or(|payment| refund.payment == payment);
    let state = filter.states.is_empty() || filter.states.iter().any(|word| word == refund.state.code());
    let name = filter.merchant_reference.as_deref();
    let named = name.is_none_or(|name| refund.merchant_reference.as_deref() == Some(name));
    payment && state && named && !hidden
}

fn stored_event(state: &State, place: u64, event: &Event) -> StoredEvent {
    StoredEvent {
        place,
        event: event.clone(),
        refund: event.refund.and_then(|id| state.refunds.get(&id).cloned()),
        payment: event.payment.and_then(|id| state.payments.get(&id).cloned()),
        payout: event.payout.and_then(|id| state.payouts.get(&id).cloned()),
        mandate: event.mandate().and_then(|id| state.mandates.get(&id).cloned()),
    }
}

fn next_try(delivery: &Delivery) -> Option<Timestamp> {
    match delivery.state {
        DeliveryState::Waiting { next_at } => Some(next_at),
        DeliveryState::Delivered | DeliveryState::Exhausted | DeliveryState::Stopped => None,
    }
}

fn is_sending(newest: Option<&Attempt>) -> bool {
    newest.is_some_and(|attempt| matches!(attempt.state, AttemptState::Sending { .. }))
}

fn rows(state: &State, table: Table) -> Vec<Row> {
    match table {
        Table::Accounts => state.accounts.values().cloned().map(Row::Account).collect(),
        Table::Transfers => state.transfers.values().copied().map(Row::Transfer).collect(),
        Table::Payments => state.payments.values().cloned().map(Row::Payment).collect(),
        Table::Refunds => state.refunds.values().cloned().map(Row::Refund).collect(),
        Table::Payouts => state.payouts.values().cloned().map(Row::Payout).collect(),
        Table::Audit => state.audit.values().cloned().map(Row::Audit).collect(),
        Table::Events => {
            (1..).zip(&state.events).map(|(place, event)| Row::Event { place, event: event.clone() }).collect()
        }
    }
}

impl Reader for MemoryStore {
    fn payment(&self, merchant: MerchantId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        Ok(self.read(|state| state.payments.get(&id).filter(|payment| payment.merchant == merchant).cloned()))
    }

    fn payments(&self, merchant: MerchantId, page: PageRequest<PaymentId>) -> Result<Vec<Payment>, StoreError> {
        Ok(self.read(|state| {
            let older = state.payments.range(older_than(page.before)).rev().map(|(_, payment)| payment);
            older.filter(|payment| payment.merchant == merchant).take(page.limit).cloned().collect()
        }))
    }

    fn payments_of_account(
        &self,
        merchant: MerchantId,
        account: AccountId,
        settled: SettledRange,
        page: PageRequest<(Timestamp, PaymentId)>,
    ) -> Result<Vec<Payment>, StoreError> {
        let place = |payment: &Payment| payment.moments.settled_at.map(|at| (at, payment.id));
        Ok(self.read(|state| {
            let of_account = state.payments.values().filter(|payment| {
                payment.merchant == merchant
                    && payment.account == account
                    && place(payment).is_some_and(|place| {
                        settled.contains(place.0) && page.before.is_none_or(|before| place < before)
                    })
            });
            let mut found: Vec<Payment> = of_account.cloned().collect();
            found.sort_by_key(|payment| std::cmp::Reverse(place(payment)));
            found.truncate(page.limit);
            found
        }))
    }

    fn payments_of_payer(
        &self,
        merchant: MerchantId,
        payer_key: &str,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        Ok(self.read(|state| {
            let of_payer = state
                .payments
                .values()
                .rev()
                .filter(|payment| payment.merchant == merchant && payment.payer_key.as_deref() == Some(payer_key));
            of_payer.take(limit).cloned().collect()
        }))
    }

    fn refund(&self, merchant: MerchantId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        Ok(self.read(|state| state.refunds.get(&id).filter(|refund| refund.merchant == merchant).cloned()))
    }

    fn pending_approvals(&self, merchant: MerchantId, page: PageRequest<RefundId>) -> Result<Vec<Refund>, StoreError> {
        Ok(self.read(|state| {
            let older = state.refunds.range(older_than(page.before)).rev().map(|(_, refund)| refund);
            let waiting = older
                .filter(|refund| refund.merchant == merchant && refund.state == RefundState::Awaiting(Gate::Approval));
            waiting.take(page.limit).cloned().collect()
        }))
    }

    fn refunds(
        &self,
        merchant: MerchantId,
        filter: &RefundFilter,
        page: PageRequest<RefundId>,
    ) -> Result<Vec<Refund>, StoreError> {
        Ok(self.read(|state| {
            let older = state.refunds.range(older_than(page.before)).rev().map(|(_, refund)| refund);
            older
                .filter(|refund| refund.merchant == merchant && shows(filter, refund))
                .take(page.limit)
                .cloned()
                .collect()
        }))
    }

    fn refunds_of_payment(&self, merchant: MerchantId, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        Ok(self.read(|state| {
            let of_payment = |refund: &&Refund| refund.merchant == merchant && refund.payment == payment;
            let mut found: Vec<Refund> = state.refunds.values().filter(of_payment).cloned().collect();
            let made = |refund: &Refund| state.events.iter().position(|event| event.refund == Some(refund.id));
            found.sort_by_key(|refund| std::cmp::Reverse((made(refund), refund.id)));
            found
        }))
    }

    fn refund_events(&self, merchant: MerchantId, id: RefundId) -> Result<Vec<Event>, StoreError> {
        Ok(self.read(|state| {
            state
                .events
                .iter()
                .filter(|event| event.merchant == merchant && event.refund == Some(id))
                .cloned()
                .collect()
        }))
    }

    fn payout(&self, merchant: MerchantId, id: PayoutId) -> Result<Option<Payout>, StoreError> {
        Ok(self.read(|state| state.payouts.get(&id).filter(|payout| payout.merchant == merchant).cloned()))
    }

    fn payouts(
        &self,
        merchant: MerchantId,
        filter: &PayoutFilter,
        page: PageRequest<PayoutPlace>,
    ) -> Result<Vec<Payout>, StoreError> {
        Ok(self.read(|state| {
            let mut found: Vec<&Payout> = state
                .payouts
                .values()
                .filter(|payout| payout.merchant == merchant && payout.account == filter.account)
                .filter(|payout| (filter.from..=filter.to).contains(&payout.created_at))
                .filter(|payout| page.before.is_none_or(|before| PayoutPlace::of(payout) < before))
                .collect();
            found.sort_by_key(|payout| std::cmp::Reverse(PayoutPlace::of(payout)));
            found.into_iter().take(page.limit).cloned().collect()
        }))
    }

    fn due_payouts(&self, now: Timestamp, limit: usize) -> Result<Vec<Payout>, StoreError> {
        Ok(self.read(|state| {
            let due = state.payout_wakes.iter().take_while(|(at, _)| *at <= now).take(limit);
            due.filter_map(|(_, id)| state.payouts.get(id).cloned()).collect()
        }))
    }

    fn sending_payouts(&self, after: Option<PayoutId>, limit: usize) -> Result<Vec<Payout>, StoreError> {
        Ok(self.read(|state| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let later = state.payouts.range((from, Bound::Unbounded)).map(|(_, payout)| payout);
            later.filter(|payout| is_sending(payout.newest_attempt())).take(limit).cloned().collect()
        }))
    }

    fn accounts(&self, merchant: MerchantId) -> Result<Vec<Account>, StoreError> {
        Ok(self.read(|state| {
            let held = state
                .accounts
                .values()
                .filter(|account| account.merchant == merchant && account.kind == AccountKind::Held);
            held.cloned().collect()
        }))
    }

    fn account(&self, merchant: MerchantId, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.read(|state| state.accounts.get(&id).filter(|account| account.merchant == merchant).cloned()))
    }

    fn mandates(&self, merchant: MerchantId) -> Result<Vec<Mandate>, StoreError> {
        Ok(self.read(|state| {
            state.mandates.values().rev().filter(|mandate| mandate.merchant == merchant).cloned().collect()
        }))
    }

    fn mandate(&self, merchant: MerchantId, id: MandateId) -> Result<Option<Mandate>, StoreError> {
        Ok(self.read(|state| state.mandates.get(&id).filter(|mandate| mandate.merchant == merchant).cloned()))
    }

    fn due_refunds(&self, now: Timestamp, limit: usize) -> Result<Vec<Refund>, StoreError> {
        Ok(self.read(|state| {
            let due = state.wakes.iter().take_while(|(at, _)| *at <= now).take(limit);
            due.filter_map(|(_, id)| state.refunds.get(id).cloned()).collect()
        }))
    }

    fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read(|state| {
            let (refund, payout) = (state.wakes.first(), state.payout_wakes.first());
            refund.map(|(at, _)| *at).into_iter().chain(payout.map(|(at, _)| *at)).min()
        }))
    }

    fn due_payments(&self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, StoreError> {
        Ok(self.read(|state| {
            let mut due: Vec<Payment> = state
                .payments
                .values()
                .filter(|payment| payment.due_at().is_some_and(|at| at <= now))
                .cloned()
                .collect();
            due.sort_by_key(Payment::due_at);
            due.truncate(limit);
            due
        }))
    }

    fn next_payment_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read(|state| state.payments.values().filter_map(Payment::due_at).min()))
    }

    fn due_mandates(&self, now: Timestamp, limit: usize) -> Result<Vec<Mandate>, StoreError> {
        Ok(self.read(|state| {
            let waiting = state.mandates.values().filter(|mandate| mandate.state == MandateState::Created);
            waiting.filter(|mandate| mandate.authorise_before <= now).take(limit).cloned().collect()
        }))
    }

    fn sending_refunds(&self, after: Option<RefundId>, limit: usize) -> Result<Vec<Refund>, StoreError> {
        Ok(self.read(|state| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let sending = state
                .refunds
                .range((from, Bound::Unbounded))
                .map(|(_, refund)| refund)
                .filter(|refund| is_sending(refund.newest_attempt()));
            sending.take(limit).cloned().collect()
        }))
    }

    fn instruction(&self, instruction_id: &str) -> Result<Option<(MerchantId, Order, u8)>, StoreError> {
        Ok(self.read(|state| {
            let (order, attempt) = state.instructions.get(instruction_id)?;
            let owner = match order {
                Order::Refund(id) => state.refunds.get(id)?.merchant,
                Order::Payout(id) => state.payouts.get(id)?.merchant,
            };
            Some((owner, *order, *attempt))
        }))
    }

    fn strays(&self, merchant: MerchantId) -> Result<Vec<Stray>, StoreError> {
        Ok(self.read(|state| {
            let mut open: Vec<Stray> = state
                .strays
                .values()
                .filter(|stray| stray.merchant == merchant && stray.closed.is_none())
                .cloned()
                .collect();
            open.sort_by(|one, other| (one.at, &one.instruction_id).cmp(&(other.at, &other.instruction_id)));
            open
        }))
    }

    fn events_after(&self, place: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.read(|state| {
            let later = (place.saturating_add(1)..state.next_place()).take(limit);
            later.filter_map(|place| state.event_at(place).map(|event| stored_event(state, place, event))).collect()
        }))
    }

    fn event(&self, place: u64) -> Result<Option<StoredEvent>, StoreError> {
        Ok(self.read(|state| state.event_at(place).map(|event| stored_event(state, place, event))))
    }

    fn newest_event(&self) -> Result<(u64, Timestamp), StoreError> {
        Ok(self
            .read(|state| (state.next_place() - 1, state.events.last().map_or(Timestamp::default(), |event| event.at))))
    }

    fn delivery_cursor(&self, endpoint: EndpointId) -> Result<u64, StoreError> {
        Ok(self.read(|state| state.cursors.get(&endpoint).copied().unwrap_or(0)))
    }

    fn due_deliveries(&self, endpoint: EndpointId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.read(|state| {
            let of_endpoint =
                state.deliveries.range((endpoint, 0)..=(endpoint, u64::MAX)).map(|(_, delivery)| delivery);
            let mut due: Vec<_> =
                of_endpoint.filter(|delivery| next_try(delivery).is_some_and(|at| at <= now)).cloned().collect();
            due.sort_by_key(|delivery| (next_try(delivery), delivery.event));
            due.truncate(limit);
            due
        }))
    }

    fn next_delivery(&self, endpoint: EndpointId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read(|state| {
            state
                .deliveries
                .range((endpoint, 0)..=(endpoint, u64::MAX))
                .filter_map(|(_, delivery)| next_try(delivery))
                .min()
        }))
    }

    fn deliveries(
        &self,
        merchant: MerchantId,
        endpoint: EndpointId,
        page: PageRequest<u64>,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.read(|state| {
            let below =
                page.before.map_or(Bound::Included((endpoint, u64::MAX)), |event| Bound::Excluded((endpoint, event)));
            let older =
                state.deliveries.range((Bound::Included((endpoint, 0)), below)).rev().map(|(_, delivery)| delivery);
            older.filter(|delivery| delivery.merchant == merchant).take(page.limit).cloned().collect()
        }))
    }

    fn audit(&self, merchant: MerchantId, page: PageRequest<u64>) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(self.read(|state| {
            let below = page.before.unwrap_or(u64::MAX);
            let older = state.audit.range((merchant, 0)..(merchant, below)).rev();
            older.map(|(_, record)| record).take(page.limit).cloned().collect()
        }))
    }

    fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        Ok(self.read(|state| state.registry.values().cloned().collect()))
    }

    fn all_mandates(&self) -> Result<Vec<Mandate>, StoreError> {
        Ok(self.read(|state| state.mandates.values().cloned().collect()))
    }

    fn scan(&self, table: Table, each: &mut dyn FnMut(Row) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.scan_all(&[table], each)
    }

    fn scan_all(
        &self,
        tables: &[Table],
        each: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // The rows are copied first, so that the callback may use the store.
        let found = self.read(|state| tables.iter().flat_map(|table| rows(state, *table)).collect::<Vec<_>>());
        found.into_iter().try_for_each(each)
    }
}
