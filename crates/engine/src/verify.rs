//! `verify`: recomputes every balance, every counter and every event chain
//! from the rows, in one snapshot, and names the first row that is off.

use crate::audit::{AuditHead, AuditRecord};
use crate::digest::sha256;
use crate::registry::RegistryEntry;
use crate::store::{Reader, Row, StoreError, StoredTransfer, Table};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::id::{AccountId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::ledger::{Account, Balance, TransferKind};
use refundry_domain::money::Currency;
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::{CaseCode, Refund};
use std::collections::{BTreeMap, HashMap};

/// What was read and what is wrong with it.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Accounts read.
    pub accounts: u64,
    /// Transfers read.
    pub transfers: u64,
    /// Payments read.
    pub payments: u64,
    /// Refunds read.
    pub refunds: u64,
    /// Payouts read.
    pub payouts: u64,
    /// Events read.
    pub events: u64,
    /// Records of changes read.
    pub audit: u64,
    /// The first row that is off, in words.
    pub fault: Option<String>,
}

#[derive(Default)]
struct Tally {
    report: VerifyReport,
    balances: HashMap<AccountId, Balance>,
    currencies: HashMap<AccountId, Currency>,
    accounts: Vec<Account>,
    claimed: HashMap<PaymentId, u64>,
    chains: HashMap<PaymentId, ([u8; 32], u64)>,
    payout_chains: HashMap<PayoutId, ([u8; 32], u32)>,
    refund_events: HashMap<RefundId, u32>,
    credited: HashMap<PaymentId, u64>,
    reversed: HashMap<PaymentId, u64>,
    /// Where each merchant's records of changes are, and where they end.
    changes: HashMap<MerchantId, (u64, [u8; 32])>,
    heads: Vec<AuditHead>,
}

/// Reads everything and reports. Errors only when the store cannot be read.
pub fn verify(reader: &dyn Reader) -> Result<VerifyReport, StoreError> {
    // Read before the records: a server may write more of them meanwhile.
    let heads = reader.registry()?.into_iter().filter_map(|entry| match entry {
        RegistryEntry::AuditHead(head) => Some(head),
        RegistryEntry::Merchant(_)
        | RegistryEntry::Group(_)
        | RegistryEntry::Credential(_)
        | RegistryEntry::Endpoint(_)
        | RegistryEntry::Person(_)
        | RegistryEntry::Policy(_)
        | RegistryEntry::Fees(_)
        | RegistryEntry::Brand(_)
        | RegistryEntry::Settings(_)
        | RegistryEntry::Unswept(_) => None,
    });
    let mut tally = Tally { heads: heads.collect(), ..Tally::default() };
    let tables = [
        Table::Accounts,
        Table::Transfers,
        Table::Events,
        Table::Refunds,
        Table::Payouts,
        Table::Payments,
        Table::Audit,
    ];
    reader.scan_all(&tables, &mut |row| {
        if tally.report.fault.is_none() {
            tally.report.fault = tally.take(row);
        }
        Ok(())
    })?;
    if tally.report.fault.is_none() {
        tally.report.fault = tally.close();
    }
    Ok(tally.report)
}

impl Tally {
    fn take(&mut self, row: Row) -> Option<String> {
        match row {
            Row::Account(account) => {
                self.report.accounts += 1;
                self.currencies.insert(account.id, account.currency);
                self.accounts.push(account);
                None
            }
            Row::Transfer(transfer) => {
                self.report.transfers += 1;
                self.transfer(&transfer)
            }
            Row::Event { place, event } => {
                self.report.events += 1;
                self.event(place, &event)
            }
            Row::Refund(refund) => {
                self.report.refunds += 1;
                self.refund(&refund)
            }
            Row::Payout(payout) => {
                self.report.payouts += 1;
                self.payout(&payout)
            }
            Row::Payment(payment) => {
                self.report.payments += 1;
                self.payment(&payment)
            }
            Row::Audit(record) => {
                self.report.audit += 1;
                self.change(&record)
            }
        }
    }

    fn change(&mut self, record: &AuditRecord) -> Option<String> {
        let AuditRecord { merchant, number, .. } = *record;
        let (count, chain) = self.changes.entry(merchant).or_insert((0, [0; 32]));
        *count += 1;
        if *count != number || *chain != record.previous {
            return Some(format!("change {number} of merchant {merchant}: the chain is broken before it"));
        }
        *chain = record.hash();
        let head = self.heads.iter().find(|head| (head.merchant, head.number) == (merchant, number));
        let off = head.is_some_and(|head| head.hash != *chain);
        off.then(|| format!("change {number} of merchant {merchant}: it is not what it was"))
    }

    fn transfer(&mut self, transfer: &StoredTransfer) -> Option<String> {
        let named = |what: &str| Some(format!("transfer {}/{}: {what}", transfer.cause, transfer.leg));
        let sides = (self.currencies.get(&transfer.debit_account), self.currencies.get(&transfer.credit_account));
        match sides {
            (Some(one), Some(other)) if one == other => {}
            (Some(_), Some(_)) => return named("its accounts have two currencies"),
            (None, _) | (_, None) => return named("an account is missing"),
        }
        for (account, debit) in [(transfer.debit_account, true), (transfer.credit_account, false)] {
            let balance = self.balances.entry(account).or_default();
            if move_sums(balance, transfer, debit).is_none() {
                return named("it resolves more than was set aside");
            }
        }
        None
    }

    fn event(&mut self, place: u64, event: &Event) -> Option<String> {
        if sha256(&event.hashed_bytes()) != event.hash {
            return Some(format!("event {place}: its content does not match its hash"));
        }
        if let Some(payment) = event.payment {
            let (chain, count) = self.chains.entry(payment).or_insert(([0; 32], 0));
            if *chain != event.previous {
                return Some(format!("event {place}: the chain of payment {payment} is broken before it"));
            }
            *chain = event.hash;
            *count += 1;
            if let EventKind::PaymentSettled { credited } = event.kind {
                self.credited.insert(payment, credited);
            }
            if let EventKind::PaymentReversed { amount } = event.kind {
                let reversed = self.reversed.entry(payment).or_insert(0);
                *reversed = reversed.saturating_add(amount);
            }
        }
        if let Some(payout) = event.payout {
            let (chain, count) = self.payout_chains.entry(payout).or_insert(([0; 32], 0));
            if *chain != event.previous {
                return Some(format!("event {place}: the chain of payout {payout} is broken before it"));
            }
            *chain = event.hash;
            *count += 1;
            if *count != event.number {
                return Some(format!("event {place}: payout {payout} has a gap in its events"));
            }
        }
        if let Some(refund) = event.refund {
            let count = self.refund_events.entry(refund).or_insert(0);
            *count += 1;
            if *count != event.number {
                return Some(format!("event {place}: refund {refund} has a gap in its events"));
            }
        }
        None
    }

    fn refund(&mut self, refund: &Refund) -> Option<String> {
        if refund.state.is_live() {
            let claimed = self.claimed.entry(refund.payment).or_insert(0);
            *claimed = claimed.saturating_add(refund.amount.minor);
        }
        let events = self.refund_events.get(&refund.id).copied().unwrap_or(0);
        (events != refund.event_count)
            .then(|| format!("refund {}: it counts {} events, {events} are there", refund.id, refund.event_count))
    }

    fn payout(&mut self, payout: &Payout) -> Option<String> {
        let found = self.payout_chains.get(&payout.id).copied().unwrap_or(([0; 32], 0));
        (found != (payout.chain, payout.event_count))
            .then(|| format!("payout {}: its newest event is not the one it names", payout.id))
    }

    fn payment(&mut self, payment: &Payment) -> Option<String> {
        let claimed = self.claimed.get(&payment.id).copied().unwrap_or(0);
        if claimed != payment.counters.claimed {
            return Some(format!(
                "payment {}: claimed is {}, its live refunds add up to {claimed}",
                payment.id, payment.counters.claimed
            ));
        }
        let claimable = self.credited.get(&payment.id).copied().unwrap_or(payment.amount.minor);
        let reversed = self.reversed.get(&payment.id).copied().unwrap_or(0);
        // Where more was given back than came, a case says so and the counters carry it.
        let exposed = payment.cases.iter().any(|case| case.code == CaseCode::Exposure);
        if !exposed && (claimable, reversed) != (payment.counters.claimable, payment.counters.reversed) {
            return Some(format!("payment {}: what was credited or taken back is not what its events say", payment.id));
        }
        let (chain, count) = self.chains.get(&payment.id).copied().unwrap_or(([0; 32], 0));
        if chain != payment.chain || count != payment.event_count {
            return Some(format!("payment {}: its newest event is not the one it names", payment.id));
        }
        None
    }

    fn close(&mut self) -> Option<String> {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for account in &self.accounts {
            let computed = self.balances.get(&account.id).copied().unwrap_or_default();
            if computed != account.balance {
                return Some(format!("account {}: its sums are not those of its transfers", account.id));
            }
            *sums.entry(account.currency).or_insert(0) += computed.credit_posted();
        }
        for head in &self.heads {
            let (found, merchant) = (self.changes.get(&head.merchant).map_or(0, |(count, _)| *count), head.merchant);
            if found < head.number {
                return Some(format!("change {} of merchant {merchant}: it is missing", head.number));
            }
        }
        let off = sums.into_iter().find(|(_, sum)| *sum != 0);
        off.map(|(currency, sum)| format!("currency {currency}: all balances add up to {sum}, not to zero"))
    }
}

fn move_sums(balance: &mut Balance, transfer: &StoredTransfer, debit: bool) -> Option<()> {
    let (pending, posted) = if debit {
        (&mut balance.debits_pending, &mut balance.debits_posted)
    } else {
        (&mut balance.credits_pending, &mut balance.credits_posted)
    };
    let amount = transfer.amount;
    match transfer.kind {
        TransferKind::Posted => *posted = posted.checked_add(amount)?,
        TransferKind::Pending => *pending = pending.checked_add(amount)?,
        TransferKind::Post => {
            *pending = pending.checked_sub(amount)?;
            *posted = posted.checked_add(amount)?;
        }
        TransferKind::Void => *pending = pending.checked_sub(amount)?,
    }
    Some(())
}
