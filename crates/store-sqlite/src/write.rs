//! The writer's `commit`: a batch's objects, in an order in which every row
//! finds the rows it points at. Runs inside one write transaction.

use crate::catalog::NewNames;
use crate::codec::{account, mandate, payment, refund, stored};
use crate::fault::Fault;
use crate::load::{Loaded, PaymentPlace, PaymentTimes, RefundPlace};
use crate::rows::{Kept, Rows, sealed_row};
use crate::seal::Place;
use crate::sql;
use refundry_domain::decide::wake_at;
use refundry_domain::id::{AccountId, MandateId, MerchantId, PaymentId, RefundId};
use refundry_domain::ledger::Account;
use refundry_domain::money::Currency;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_engine::store::Batch;
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;

/// The newest numbers of tables that only grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    /// Of payments.
    pub(crate) payment: i64,
    /// Of refunds.
    pub(crate) refund: i64,
    /// Of events.
    pub(crate) event: i64,
}

/// One transaction being written.
pub(crate) struct Writing<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) batch: &'a Batch<'a>,
    pub(crate) loaded: &'a mut Loaded,
    pub(crate) names: NewNames,
    pub(crate) newest: Newest,
}

/// A row that the facts call changed is not there.
pub(crate) const MISSING: Fault = Fault::Refused("a changed record is not in the facts");
/// A row points at one that does not exist.
pub(crate) const UNKNOWN: Fault = Fault::Refused("a record points at one that does not exist");

impl Writing<'_> {
    /// Writes everything.
    pub(crate) fn all(&mut self) -> Result<(), Fault> {
        self.accounts()?;
        self.books()?;
        self.payments_and_refunds()?;
        self.payouts()?;
        self.mandates()?;
        self.records()?;
        self.events()?;
        self.transfers()?;
        self.registry()?;
        self.deliveries()
    }

    pub(crate) fn merchant(&mut self, id: MerchantId) -> Result<i64, Fault> {
        self.rows.catalog.merchant_in_batch(self.rows.connection, &mut self.names, id)
    }

    pub(crate) fn run(&self, statement: &str, values: impl rusqlite::Params) -> Result<usize, Fault> {
        Ok(self.rows.connection.prepare_cached(statement)?.execute(values)?)
    }

    pub(crate) fn place(&self, statement: &str, merchant: i64, id: u128) -> Result<Option<i64>, Fault> {
        let mut statement = self.rows.connection.prepare_cached(statement)?;
        Ok(statement.query_row(params![merchant, stored::id(id)], |row| row.get(0)).optional()?)
    }

    fn accounts(&mut self) -> Result<(), Fault> {
        for id in &self.batch.changes().accounts {
            let account = self.batch.facts.accounts.get(id).ok_or(MISSING)?;
            let merchant = self.merchant(account.merchant)?;
            match self.account_place(merchant, *id)? {
                Some(n) => self.update_account(n, account)?,
                None => self.insert_account(merchant, account)?,
            }
        }
        Ok(())
    }

    fn account_place(&mut self, merchant: i64, id: AccountId) -> Result<Option<i64>, Fault> {
        if let Some(n) = self.loaded.accounts.get(&id) {
            return Ok(Some(*n));
        }
        let found = self.place(sql::ACCOUNT_PLACE, merchant, id.0)?;
        self.loaded.accounts.extend(found.map(|n| (id, n)));
        Ok(found)
    }

    fn insert_account(&mut self, merchant: i64, account: &Account) -> Result<(), Fault> {
        let balance = &account.balance;
        let n = self.rows.connection.prepare_cached(sql::ACCOUNT_INSERT)?.insert(params![
            merchant,
            stored::id(account.id.0),
            account.kind.number(),
            account.currency.code(),
            &*account.name,
            &*account.group,
            account.eligible,
            stored::number(balance.debits_pending)?,
            stored::number(balance.debits_posted)?,
            stored::number(balance.credits_pending)?,
            stored::number(balance.credits_posted)?,
            account.created_at.0,
            account.paused_at.map(|at| at.0),
        ])?;
        self.loaded.accounts.insert(account.id, n);
        Ok(())
    }

    fn update_account(&self, n: i64, account: &Account) -> Result<(), Fault> {
        let balance = &account.balance;
        let changed = self.run(
            sql::ACCOUNT_UPDATE,
            params![
                n,
                &*account.name,
                &*account.group,
                account.eligible,
                stored::number(balance.debits_pending)?,
                stored::number(balance.debits_posted)?,
                stored::number(balance.credits_pending)?,
                stored::number(balance.credits_posted)?,
                account.paused_at.map(|at| at.0),
            ],
        )?;
        if changed == 1 { Ok(()) } else { Err(UNKNOWN) }
    }

    fn books(&mut self) -> Result<(), Fault> {
        for (merchant, currency) in &self.batch.changes().books {
            let key: (MerchantId, Currency) = (*merchant, *currency);
            let book = self.batch.facts.books.get(&key).ok_or(MISSING)?;
            let merchant = self.merchant(*merchant)?;
            self.run(sql::BOOK_INSERT, params![merchant, currency.code(), account::book(book)])?;
        }
        Ok(())
    }

    /// The value of a sealed column: as it was where nothing changed.
    pub(crate) fn sealed(
        &mut self,
        place: Place,
        owner: (MerchantId, u128),
        plain: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let Some(plain) = plain else { return Ok(None) };
        match self.loaded.kept.remove(&(place, owner.1)) {
            Some(Kept { plain: before, sealed }) if before == plain => Ok(Some(sealed)),
            Some(_) | None => self.rows.sealer.seal(place, &sealed_row(owner.0, owner.1), &plain).map(Some),
        }
    }

    /// Payments come first where they are new, because refunds point at them;
    /// refunds get their numbers before payments are written, because a
    /// payment names its newest refund.
    fn payments_and_refunds(&mut self) -> Result<(), Fault> {
        let (facts, changes) = (self.batch.facts, self.batch.changes());
        for id in &changes.new_payments {
            self.newest.payment += 1;
            self.loaded.payments.insert(
                *id,
                PaymentPlace { n: self.newest.payment, last_refund: None, times: PaymentTimes::default() },
            );
        }
        // The refund before each new one, and payments that get a new last one.
        let mut before: BTreeMap<RefundId, Option<i64>> = BTreeMap::new();
        let mut linked: BTreeMap<PaymentId, (MerchantId, i64)> = BTreeMap::new();
        for id in &changes.new_refunds {
            let refund = facts.refunds.get(id).ok_or(MISSING)?;
            let place = self.payment_place(refund.merchant, refund.payment)?;
            self.newest.refund += 1;
            let n = self.newest.refund;
            before.insert(*id, place.last_refund);
            linked.insert(refund.payment, (refund.merchant, n));
            self.loaded.payments.insert(refund.payment, PaymentPlace { last_refund: Some(n), ..place });
            self.loaded.refunds.insert(*id, RefundPlace { n, named: refund.merchant_reference.clone() });
        }
        for id in &changes.payments {
            let payment = facts.payments.get(id).ok_or(MISSING)?;
            self.payment(payment, changes.new_payments.contains(id))?;
            linked.remove(id);
        }
        for (id, (merchant, n)) in linked {
            let place = self.payment_place(merchant, id)?;
            self.run(sql::PAYMENT_LINK, [place.n, n])?;
        }
        for id in &changes.refunds {
            let refund = facts.refunds.get(id).ok_or(MISSING)?;
            match before.get(id) {
                Some(previous) => self.insert_refund(refund, *previous)?,
                None => self.update_refund(refund)?,
            }
        }
        Ok(())
    }

    pub(crate) fn payment_place(&mut self, merchant: MerchantId, id: PaymentId) -> Result<PaymentPlace, Fault> {
        if let Some(place) = self.loaded.payments.get(&id) {
            return Ok(*place);
        }
        let merchant = self.merchant(merchant)?;
        let mut statement = self.rows.connection.prepare_cached(sql::PAYMENT_PLACE)?;
        let found = statement
            .query_row(params![merchant, stored::id(id.0)], |row| {
                let times = PaymentTimes { settled_at: row.get(2)?, due_at: row.get(3)? };
                Ok(PaymentPlace { n: row.get(0)?, last_refund: row.get(1)?, times })
            })
            .optional()?;
        let place = found.ok_or(UNKNOWN)?;
        self.loaded.payments.insert(id, place);
        Ok(place)
    }

    fn payment(&mut self, payment: &Payment, new: bool) -> Result<(), Fault> {
        let place = self.payment_place(payment.merchant, payment.id)?;
        let private = self.sealed(Place::Payment, (payment.merchant, payment.id.0), payment::private(payment))?;
        let (state, counters) = (payment::state_number(payment.state), &payment.counters);
        let claimable = stored::number(counters.claimable)?;
        let claimed = stored::number(counters.claimed)?;
        let reversed = stored::number(counters.reversed)?;
        let body = payment::body(payment);
        let times = PaymentTimes::of(payment);
        if !new {
            let values = params![place.n, state, claimable, claimed, reversed, place.last_refund, body, private];
            let changed = self.run(sql::PAYMENT_UPDATE, values)?;
            if times != place.times {
                self.run(sql::PAYMENT_UPDATE_TIMES, params![place.n, times.settled_at, times.due_at])?;
            }
            return if changed == 1 { Ok(()) } else { Err(UNKNOWN) };
        }
        let account = self.known_account(payment.account)?;
        let merchant = self.merchant(payment.merchant)?;
        let origin = self.rows.catalog.origin_in_batch(self.rows.connection, &mut self.names, &payment.origin)?;
        let id = stored::id(payment.id.0);
        let values = params![
            place.n,
            merchant,
            id,
            origin,
            state,
            claimable,
            claimed,
            reversed,
            place.last_refund,
            body,
            private,
            account,
            times.settled_at,
            times.due_at,
            payment.payer_key.as_deref(),
        ];
        self.run(sql::PAYMENT_INSERT, values)?;
        Ok(())
    }

    pub(crate) fn refund_place(&mut self, merchant: MerchantId, id: RefundId) -> Result<i64, Fault> {
        if let Some(place) = self.loaded.refunds.get(&id) {
            return Ok(place.n);
        }
        let merchant = self.merchant(merchant)?;
        self.place(sql::REFUND_PLACE, merchant, id.0)?.ok_or(UNKNOWN)
    }

    fn insert_refund(&mut self, refund: &Refund, previous: Option<i64>) -> Result<(), Fault> {
        let n = self.refund_place(refund.merchant, refund.id)?;
        let payment = self.payment_place(refund.merchant, refund.payment)?.n;
        let merchant = self.merchant(refund.merchant)?;
        let origin = self.rows.catalog.origin_in_batch(self.rows.connection, &mut self.names, &refund.origin)?;
        let private = self.sealed(Place::Refund, (refund.merchant, refund.id.0), refund::private(refund))?;
        self.run(
            sql::REFUND_INSERT,
            params![
                n,
                merchant,
                stored::id(refund.id.0),
                payment,
                previous,
                origin,
                refund::state_number(&refund.state),
                refund::is_sending(refund),
                wake_at(refund).map(|at| at.0),
                refund.merchant_reference.as_deref(),
                refund::body(refund),
                private,
            ],
        )?;
        Ok(())
    }

    fn update_refund(&mut self, refund: &Refund) -> Result<(), Fault> {
        let n = self.refund_place(refund.merchant, refund.id)?;
        let named = self.loaded.refunds.get(&refund.id).is_some_and(|place| place.named == refund.merchant_reference);
        let private = self.sealed(Place::Refund, (refund.merchant, refund.id.0), refund::private(refund))?;
        let (state, sending) = (refund::state_number(&refund.state), refund::is_sending(refund));
        let wake_at = wake_at(refund).map(|at| at.0);
        let body = refund::body(refund);
        let changed = if named {
            self.run(sql::REFUND_UPDATE_SAME_NAME, params![n, state, sending, wake_at, body, private])?
        } else {
            let name = refund.merchant_reference.as_deref();
            self.run(sql::REFUND_UPDATE, params![n, state, sending, wake_at, name, body, private])?
        };
        if changed == 1 { Ok(()) } else { Err(UNKNOWN) }
    }

    fn mandates(&mut self) -> Result<(), Fault> {
        for id in &self.batch.changes().mandates {
            let changed = self.batch.facts.mandates.get(id).ok_or(MISSING)?;
            let merchant = self.merchant(changed.merchant)?;
            let sealer = self.rows.sealer;
            let private =
                sealer.seal(Place::Mandate, &sealed_row(changed.merchant, id.0), &mandate::private(changed))?;
            let token = sealer.blind_index(Place::Mandate, &stored::id(changed.token.0));
            let due_at = mandate::due_at(changed).map(|at| at.0);
            self.run(sql::MANDATE_PUT, params![merchant, stored::id(id.0), token, due_at, private])?;
        }
        for key in &self.batch.changes().mandate_uses {
            self.mandate_use(*key)?;
        }
        Ok(())
    }

    fn mandate_use(&mut self, (id, period): (MandateId, i64)) -> Result<(), Fault> {
        let mandate = self.batch.facts.mandates.get(&id).ok_or(MISSING)?;
        let used = self.batch.facts.mandate_uses.get(&(id, period)).copied().unwrap_or(0);
        let merchant = self.merchant(mandate.merchant)?;
        let n = self.place(sql::MANDATE_PLACE, merchant, id.0)?.ok_or(UNKNOWN)?;
        self.run(sql::MANDATE_USE_PUT, params![n, period, used, mandate.count_max])?;
        Ok(())
    }

    /// The number of an account that is in the facts.
    pub(crate) fn known_account(&mut self, id: AccountId) -> Result<i64, Fault> {
        if let Some(n) = self.loaded.accounts.get(&id) {
            return Ok(*n);
        }
        let merchant = self.batch.facts.accounts.get(&id).ok_or(MISSING)?.merchant;
        let merchant = self.merchant(merchant)?;
        self.account_place(merchant, id)?.ok_or(UNKNOWN)
    }
}
