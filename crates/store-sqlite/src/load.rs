//! The writer's `begin`: loads what some keys bring, with what they lead to,
//! and remembers the numbers of the rows for the commit that follows.

use crate::codec::refund::LIVE_STATE_MAX;
use crate::codec::{once, stored};
use crate::fault::Fault;
use crate::rows::{self, Kept, PaymentRow, PayoutRow, RefundRow, Rows};
use crate::seal::{Place, Sealer};
use crate::sql;
use refundry_domain::approval::SumKey;
use refundry_domain::facts::{Facts, KeylessSeen};
use refundry_domain::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{EvidenceId, Order};
use refundry_domain::ledger::Account;
use refundry_domain::money::Currency;
use refundry_domain::once::OnceKey;
use refundry_domain::payment::{OriginKey, Payment};
use refundry_domain::refund::Funding;
use refundry_domain::time::Timestamp;
use refundry_engine::store::Keys;
use rusqlite::{OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a payment's row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaymentPlace {
    /// Its number.
    pub(crate) n: i64,
    /// The number of its newest refund.
    pub(crate) last_refund: Option<i64>,
    /// The times in its indexed columns, as they stand in the file.
    pub(crate) times: PaymentTimes,
}

/// Times of a payment by which it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PaymentTimes {
    /// When it was credited.
    pub(crate) settled_at: Option<i64>,
    /// When it fails unless somebody authorises it before.
    pub(crate) due_at: Option<i64>,
}

impl PaymentTimes {
    /// Those of a payment.
    pub(crate) fn of(payment: &Payment) -> Self {
        Self { settled_at: payment.moments.settled_at.map(|at| at.0), due_at: payment.due_at().map(|at| at.0) }
    }
}

/// Where a refund's row is.
#[derive(Debug, Clone)]
pub(crate) struct RefundPlace {
    /// Its number.
    pub(crate) n: i64,
    /// The merchant's reference as it stands in the file.
    pub(crate) named: Option<Arc<str>>,
}

/// What was learned while loading.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Payments.
    pub(crate) payments: HashMap<PaymentId, PaymentPlace>,
    /// Refunds.
    pub(crate) refunds: HashMap<RefundId, RefundPlace>,
    /// Payouts.
    pub(crate) payouts: HashMap<PayoutId, i64>,
    /// Accounts; they are few and their numbers never change.
    pub(crate) accounts: HashMap<AccountId, i64>,
    /// Sealed values that need not be sealed again.
    pub(crate) kept: HashMap<(Place, u128), Kept>,
}

/// Beyond this many, the numbers of accounts are forgotten.
const ACCOUNTS_REMEMBERED: usize = 100_000;

impl Loaded {
    /// Forgets all but the numbers of accounts.
    pub(crate) fn clear(&mut self) {
        self.payments.clear();
        self.refunds.clear();
        self.payouts.clear();
        self.kept.clear();
        if self.accounts.len() > ACCOUNTS_REMEMBERED {
            self.accounts.clear();
        }
    }
}

/// What an instruction id stands for.
#[derive(Debug, Clone, Copy)]
struct Named {
    /// The number of the merchant.
    owner: i64,
    /// The id of the refund or payout.
    id: u128,
    /// The attempt.
    attempt: u8,
    /// The number of the refund's or payout's row.
    place: i64,
}

struct Loader<'a> {
    rows: Rows<'a>,
    loaded: &'a mut Loaded,
    at: Timestamp,
    facts: Facts,
}

/// Loads what some keys bring; runs inside one read transaction.
pub(crate) fn facts(rows: Rows<'_>, loaded: &mut Loaded, keys: &Keys) -> Result<Facts, Fault> {
    let mut loader = Loader { rows, loaded, at: keys.at, facts: Facts::default() };
    loader.objects(keys)?;
    loader.records(keys)?;
    Ok(loader.facts)
}

/// The keyed hash of the creditor of a sum; empty for the sum of all.
pub(crate) fn creditor_index(sealer: &Sealer, key: &SumKey) -> Vec<u8> {
    let creditor = key.creditor.as_deref().map(str::as_bytes);
    creditor.map_or_else(Vec::new, |account| sealer.blind_index(Place::Refund, account).to_vec())
}

impl Loader<'_> {
    fn objects(&mut self, keys: &Keys) -> Result<(), Fault> {
        for (merchant, id) in keys.payments.iter().chain(&keys.payments_with_refunds) {
            self.payment(*merchant, *id)?;
        }
        for (_, id) in &keys.payments_with_refunds {
            self.live_refunds(*id)?;
        }
        for (merchant, id) in &keys.refunds {
            self.refund(*merchant, *id)?;
        }
        for (merchant, id) in &keys.payouts {
            self.payout(*merchant, *id)?;
        }
        for (merchant, id) in &keys.accounts {
            self.account(*merchant, *id)?;
        }
        for (merchant, id) in &keys.mandates {
            self.mandate(*merchant, *id)?;
        }
        for (merchant, currency) in &keys.books {
            self.book(*merchant, *currency)?;
        }
        Ok(())
    }

    fn records(&mut self, keys: &Keys) -> Result<(), Fault> {
        for key in &keys.once {
            self.once(key)?;
        }
        for (merchant, key) in &keys.origin_keys {
            self.origin_key(*merchant, key)?;
        }
        for (payment, hash) in &keys.keyless {
            self.keyless(*payment, hash)?;
        }
        for (merchant, id, evidence) in &keys.instructions {
            self.instruction(*merchant, id, *evidence)?;
        }
        for key in &keys.approval_sums {
            self.approval_sum(key)?;
        }
        for merchant in &keys.strays {
            self.strays(*merchant)?;
        }
        Ok(())
    }

    fn merchant(&self, id: MerchantId) -> Result<Option<i64>, Fault> {
        self.rows.catalog.merchant(self.rows.connection, id)
    }

    fn payment(&mut self, merchant: MerchantId, id: PaymentId) -> Result<(), Fault> {
        if self.facts.payments.contains_key(&id) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::PAYMENT_BY_ID)?;
        let mut found = statement.query(params![n, stored::id(id.0)])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let PaymentRow { n, last_refund, payment, kept } = self.rows.payment(row, 0)?;
        self.loaded.payments.insert(id, PaymentPlace { n, last_refund, times: PaymentTimes::of(&payment) });
        self.loaded.kept.extend(kept.map(|kept| ((Place::Payment, id.0), kept)));
        let (account, currency, adopted) = (payment.account, payment.amount.currency, payment.adopted.clone());
        self.facts.payments.insert(id, payment);
        self.account(merchant, account)?;
        self.book(merchant, currency)?;
        for refund in adopted {
            self.refund(merchant, refund)?;
        }
        Ok(())
    }

    /// Walks the refunds of a payment, newest first, and takes the live ones.
    fn live_refunds(&mut self, payment: PaymentId) -> Result<(), Fault> {
        let Some(place) = self.loaded.payments.get(&payment) else { return Ok(()) };
        let mut next = place.last_refund;
        let mut live = Vec::new();
        while let Some(n) = next {
            let mut statement = self.rows.connection.prepare_cached(sql::REFUND_BY_N)?;
            let mut found = statement.query([n])?;
            let row = found.next()?.ok_or_else(|| Fault::Malformed(format!("refund row {n} is missing")))?;
            next = row.get(5)?;
            let state: i64 = row.get(4)?;
            if state > LIVE_STATE_MAX {
                continue;
            }
            let id = RefundId(rows::id(row, 2)?);
            live.push(id);
            if !self.facts.refunds.contains_key(&id) {
                let row = self.rows.refund(row, 0)?;
                self.take_refund(row)?;
            }
        }
        live.sort_unstable();
        self.facts.live_refunds.insert(payment, live);
        Ok(())
    }

    fn refund(&mut self, merchant: MerchantId, id: RefundId) -> Result<(), Fault> {
        if self.facts.refunds.contains_key(&id) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::REFUND_BY_ID)?;
        let mut found = statement.query(params![n, stored::id(id.0)])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let row = self.rows.refund(row, 0)?;
        self.take_refund(row)
    }

    fn take_refund(&mut self, row: RefundRow) -> Result<(), Fault> {
        let RefundRow { n, previous: _, refund, kept } = row;
        let (id, merchant, payment, funding) = (refund.id, refund.merchant, refund.payment, refund.funding);
        self.loaded.refunds.insert(id, RefundPlace { n, named: refund.merchant_reference.clone() });
        self.loaded.kept.extend(kept.map(|kept| ((Place::Refund, id.0), kept)));
        self.facts.refunds.insert(id, refund);
        self.payment(merchant, payment)?;
        match funding {
            Funding::Held { account } => self.account(merchant, account),
            Funding::Mandate { mandate, debtor_account: _ } => self.mandate(merchant, mandate),
            Funding::MerchantAuthorised => Ok(()),
        }
    }

    fn payout(&mut self, merchant: MerchantId, id: PayoutId) -> Result<(), Fault> {
        if self.facts.payouts.contains_key(&id) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::PAYOUT_BY_ID)?;
        let mut found = statement.query(params![n, stored::id(id.0)])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let PayoutRow { n, payout, kept } = self.rows.payout(row, 0)?;
        let account = payout.account;
        self.loaded.payouts.insert(id, n);
        self.loaded.kept.insert((Place::Payout, id.0), kept);
        self.facts.payouts.insert(id, payout);
        self.account(merchant, account)
    }

    fn account(&mut self, merchant: MerchantId, id: AccountId) -> Result<(), Fault> {
        self.bare_account(merchant, id)?;
        match self.facts.accounts.get(&id).map(|account: &Account| account.currency) {
            Some(currency) => self.book(merchant, currency),
            None => Ok(()),
        }
    }

    fn bare_account(&mut self, merchant: MerchantId, id: AccountId) -> Result<(), Fault> {
        if self.facts.accounts.contains_key(&id) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::ACCOUNT_BY_ID)?;
        let mut found = statement.query(params![n, stored::id(id.0)])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let (n, account) = self.rows.account(row)?;
        self.loaded.accounts.insert(id, n);
        self.facts.accounts.insert(id, account);
        Ok(())
    }

    /// A book brings its accounts: a transfer needs both of its sides.
    fn book(&mut self, merchant: MerchantId, currency: Currency) -> Result<(), Fault> {
        if self.facts.books.contains_key(&(merchant, currency)) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::BOOK_GET)?;
        let mut found = statement.query(params![n, currency.code()])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let book = rows::book(row)?;
        self.facts.books.insert((merchant, currency), book);
        for id in book.ids() {
            self.bare_account(merchant, id)?;
        }
        Ok(())
    }

    fn mandate(&mut self, merchant: MerchantId, id: MandateId) -> Result<(), Fault> {
        if self.facts.mandates.contains_key(&id) {
            return Ok(());
        }
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::MANDATE_BY_ID)?;
        let mut found = statement.query(params![n, stored::id(id.0)])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let (n, mandate) = self.rows.mandate(row)?;
        let period = mandate.period.index_at(self.at);
        self.facts.mandates.insert(id, mandate);
        let mut statement = self.rows.connection.prepare_cached(sql::MANDATE_USE_GET)?;
        let used: Option<i64> = statement.query_row([n, period], |row| row.get(0)).optional()?;
        if let Some(used) = used {
            self.facts.mandate_uses.insert((id, period), stored::small(used)?);
        }
        Ok(())
    }

    fn once(&mut self, key: &OnceKey) -> Result<(), Fault> {
        let mut statement = self.rows.connection.prepare_cached(sql::ONCE_GET)?;
        let mut found = statement.query([key.0])?;
        if let Some(row) = found.next()? {
            let record = once::read(key, row.get(0)?, rows::bytes(row, 1)?, self.rows.sealer)
                .map_err(|fault| fault.in_record("once-record", format_args!("{:02x?}", key.0)))?;
            self.facts.once.insert(*key, record);
        }
        Ok(())
    }

    fn origin_key(&mut self, merchant: MerchantId, key: &OriginKey) -> Result<(), Fault> {
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::ORIGIN_KEY_GET)?;
        let mut found = statement.query(params![n, key.kind, key.value])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let payment = PaymentId(rows::id(row, 1)?);
        self.facts.origin_keys.insert((merchant, key.clone()), payment);
        self.payment(merchant, payment)
    }

    fn keyless(&mut self, payment: PaymentId, hash: &str) -> Result<(), Fault> {
        let mut statement = self.rows.connection.prepare_cached(sql::KEYLESS_GET)?;
        let mut found = statement.query(params![stored::id(payment.0), hash])?;
        if let Some(row) = found.next()? {
            let seen = KeylessSeen { count: stored::small(row.get(0)?)?, latest_at: Timestamp(row.get(1)?) };
            self.facts.keyless.insert((payment, hash.to_owned()), seen);
        }
        Ok(())
    }

    fn approval_sum(&mut self, key: &SumKey) -> Result<(), Fault> {
        let Some(n) = self.merchant(key.merchant)? else { return Ok(()) };
        let creditor = creditor_index(self.rows.sealer, key);
        let mut statement = self.rows.connection.prepare_cached(sql::APPROVAL_SUM_GET)?;
        let values = params![n, key.currency.code(), key.day, creditor];
        let found: Option<i64> = statement.query_row(values, |row| row.get(0)).optional()?;
        if let Some(sum) = found {
            self.facts.approval_sums.insert(key.clone(), stored::unsigned(sum)?);
        }
        Ok(())
    }

    fn instruction(&mut self, merchant: MerchantId, id: &str, evidence: Option<EvidenceId>) -> Result<(), Fault> {
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let refund = self.named(sql::INSTRUCTION_GET, id)?;
        let (named, evidence_of) = match refund {
            Some(named) => (Some((named, Order::Refund(RefundId(named.id)))), sql::EVIDENCE_GET),
            None => {
                let payout = self.named(sql::PAYOUT_INSTRUCTION_GET, id)?;
                (payout.map(|named| (named, Order::Payout(PayoutId(named.id)))), sql::PAYOUT_EVIDENCE_GET)
            }
        };
        let Some((named, order)) = named.filter(|(named, _)| named.owner == n) else {
            return self.stray(merchant, n, id);
        };
        self.facts.instructions.insert(id.to_owned(), (order, named.attempt));
        if let Some(evidence) = evidence {
            let mut statement = self.rows.connection.prepare_cached(evidence_of)?;
            if statement.exists(params![named.place, evidence.0])? {
                self.facts.evidence.insert((order, evidence));
            }
        }
        match order {
            Order::Refund(refund) => self.refund(merchant, refund),
            Order::Payout(payout) => self.payout(merchant, payout),
        }
    }

    fn named(&self, statement: &str, id: &str) -> Result<Option<Named>, Fault> {
        let mut statement = self.rows.connection.prepare_cached(statement)?;
        let mut found = statement.query([id])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let attempt = stored::small(row.get(2)?)?;
        Ok(Some(Named { owner: row.get(0)?, id: rows::id(row, 1)?, attempt, place: row.get(3)? }))
    }

    /// What names an instruction that is not ours.
    fn stray(&mut self, merchant: MerchantId, n: i64, id: &str) -> Result<(), Fault> {
        let mut statement = self.rows.connection.prepare_cached(sql::STRAY_BY_INSTRUCTION)?;
        let mut found = statement.query(params![n, id])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let stray = self.rows.stray(merchant, row)?;
        let currency = stray.amount.map(|amount| amount.currency);
        self.facts.strays.insert((merchant, id.to_owned()), stray);
        currency.map_or(Ok(()), |currency| self.book(merchant, currency))
    }

    fn strays(&mut self, merchant: MerchantId) -> Result<(), Fault> {
        let Some(n) = self.merchant(merchant)? else { return Ok(()) };
        let mut statement = self.rows.connection.prepare_cached(sql::STRAY_CREDITORS)?;
        let mut found = statement.query([n])?;
        while let Some(row) = found.next()? {
            let creditor = self.rows.stray_creditor(rows::bytes(row, 1)?, rows::bytes(row, 0)?)?;
            self.facts.stray_creditors.insert((merchant, creditor));
        }
        Ok(())
    }
}
