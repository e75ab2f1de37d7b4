//! Loading what a batch needs: the keys, and what they lead to.

use super::state::State;
use refundry_domain::facts::Facts;
use refundry_domain::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::money::Currency;
use refundry_domain::refund::Funding;
use refundry_domain::time::Timestamp;
use refundry_engine::store::Keys;

struct Loader<'a> {
    state: &'a State,
    at: Timestamp,
    facts: Facts,
}

/// The facts behind some keys.
pub(super) fn facts(state: &State, keys: &Keys) -> Facts {
    let mut loader = Loader { state, at: keys.at, facts: Facts::default() };
    loader.objects(keys);
    loader.records(keys);
    loader.facts
}

impl Loader<'_> {
    fn objects(&mut self, keys: &Keys) {
        for (merchant, id) in keys.payments.iter().chain(&keys.payments_with_refunds) {
            if self.state.payments.get(id).is_some_and(|payment| payment.merchant == *merchant) {
                self.payment(*id);
            }
        }
        for (_, id) in &keys.payments_with_refunds {
            if self.facts.payments.contains_key(id) {
                self.live_refunds(*id);
            }
        }
        for (merchant, id) in &keys.refunds {
            if self.state.refunds.get(id).is_some_and(|refund| refund.merchant == *merchant) {
                self.refund(*id);
            }
        }
        for (merchant, id) in &keys.payouts {
            if self.state.payouts.get(id).is_some_and(|payout| payout.merchant == *merchant) {
                self.payout(*id);
            }
        }
        for (merchant, id) in &keys.accounts {
            if self.state.accounts.get(id).is_some_and(|account| account.merchant == *merchant) {
                self.account(*id);
            }
        }
        for (merchant, id) in &keys.mandates {
            if self.state.mandates.get(id).is_some_and(|mandate| mandate.merchant == *merchant) {
                self.mandate(*id);
            }
        }
        for (merchant, currency) in &keys.books {
            self.book(*merchant, *currency);
        }
    }

    fn records(&mut self, keys: &Keys) {
        for key in &keys.once {
            self.facts.once.extend(self.state.once.get(key).map(|record| (*key, record.clone())));
        }
        for key in &keys.origin_keys {
            if let Some(payment) = self.state.origin_keys.get(key) {
                self.facts.origin_keys.insert(key.clone(), *payment);
                self.payment(*payment);
            }
        }
        for key in &keys.approval_sums {
            self.facts.approval_sums.extend(self.state.approval_sums.get(key).map(|sum| (key.clone(), *sum)));
        }
        for key in &keys.keyless {
            self.facts.keyless.extend(self.state.keyless.get(key).map(|seen| (key.clone(), *seen)));
        }
        for (merchant, id, evidence) in &keys.instructions {
            let known = self.state.instructions.get(id);
            let Some((order, attempt)) = known.filter(|(order, _)| self.owner(order) == Some(*merchant)) else {
                self.stray(&(*merchant, id.clone()));
                continue;
            };
            self.facts.instructions.insert(id.clone(), (*order, *attempt));
            match order {
                Order::Refund(id) => self.refund(*id),
                Order::Payout(id) => self.payout(*id),
            }
            let key = evidence.map(|evidence| (*order, evidence));
            self.facts.evidence.extend(key.filter(|key| self.state.evidence.contains_key(key)));
        }
        let open = self.state.strays.values().filter(|stray| stray.closed.is_none());
        let open = open.filter(|stray| keys.strays.contains(&stray.merchant));
        let creditors = open.filter_map(|stray| stray.creditor.clone().map(|creditor| (stray.merchant, creditor)));
        self.facts.stray_creditors.extend(creditors);
    }

    fn owner(&self, order: &Order) -> Option<MerchantId> {
        match order {
            Order::Refund(id) => self.state.refunds.get(id).map(|refund| refund.merchant),
            Order::Payout(id) => self.state.payouts.get(id).map(|payout| payout.merchant),
        }
    }

    fn stray(&mut self, key: &(MerchantId, String)) {
        let Some(stray) = self.state.strays.get(key) else {
            return;
        };
        self.facts.strays.insert(key.clone(), stray.clone());
        if let Some(amount) = stray.amount {
            self.book(stray.merchant, amount.currency);
        }
    }

    fn payment(&mut self, id: PaymentId) {
        let Some(payment) = self.state.payments.get(&id) else {
            return;
        };
        if self.facts.payments.insert(id, payment.clone()).is_some() {
            return;
        }
        self.account(payment.account);
        self.book(payment.merchant, payment.amount.currency);
        for adopted in &payment.adopted {
            self.refund(*adopted);
        }
    }

    fn live_refunds(&mut self, payment: PaymentId) {
        let refunds = self.state.refunds_of.get(&payment).into_iter().flatten();
        let live: Vec<RefundId> = refunds
            .filter(|id| self.state.refunds.get(id).is_some_and(|refund| refund.state.is_live()))
            .copied()
            .collect();
        for id in &live {
            self.refund(*id);
        }
        self.facts.live_refunds.insert(payment, live);
    }

    fn refund(&mut self, id: RefundId) {
        let Some(refund) = self.state.refunds.get(&id) else {
            return;
        };
        if self.facts.refunds.insert(id, refund.clone()).is_some() {
            return;
        }
        self.payment(refund.payment);
        match refund.funding {
            Funding::Held { account } => self.account(account),
            Funding::Mandate { mandate, debtor_account: _ } => self.mandate(mandate),
            Funding::MerchantAuthorised => {}
        }
    }

    fn payout(&mut self, id: PayoutId) {
        if let Some(payout) = self.state.payouts.get(&id) {
            self.facts.payouts.insert(id, payout.clone());
            self.account(payout.account);
        }
    }

    fn mandate(&mut self, id: MandateId) {
        let Some(mandate) = self.state.mandates.get(&id) else {
            return;
        };
        let key = (id, mandate.period.index_at(self.at));
        self.facts.mandates.insert(id, mandate.clone());
        self.facts.mandate_uses.extend(self.state.mandate_uses.get(&key).map(|used| (key, *used)));
    }

    fn account(&mut self, id: AccountId) {
        let Some(account) = self.state.accounts.get(&id) else {
            return;
        };
        self.facts.accounts.insert(id, account.clone());
        self.book(account.merchant, account.currency);
    }

    /// A book brings its accounts: transfers need both sides loaded.
    fn book(&mut self, merchant: MerchantId, currency: Currency) {
        let Some(book) = self.state.books.get(&(merchant, currency)) else {
            return;
        };
        self.facts.books.insert((merchant, currency), *book);
        for id in book.ids() {
            self.facts.accounts.extend(self.state.accounts.get(&id).map(|account| (id, account.clone())));
        }
    }
}
