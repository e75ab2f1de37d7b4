//! The constraints of a database, checked before anything is written, so that
//! a refused batch changes nothing.

use super::state::{State, order_of};
use refundry_domain::facts::{Changes, Facts};
use refundry_domain::ledger::AccountKind;
use refundry_domain::once::OnceRecord;
use refundry_engine::store::Batch;
use std::collections::BTreeSet;

/// Which constraint refused a batch.
#[derive(Debug)]
pub(super) struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

type Checked = Result<(), Broken>;

fn hold(condition: bool, otherwise: &'static str) -> Checked {
    if condition { Ok(()) } else { Err(Broken(otherwise)) }
}

/// True for a key that neither the table nor this batch had before.
fn is_new<K: Ord>(seen: &mut BTreeSet<K>, key: K, stored: bool) -> bool {
    seen.insert(key) && !stored
}

/// Checks everything that a batch would write.
pub(super) fn constraints(state: &State, batch: &Batch<'_>) -> Checked {
    let (facts, changes) = (batch.facts, batch.changes());
    objects(state, facts, changes)?;
    limits(state, facts, changes)?;
    records(state, facts, changes)?;
    history(state, changes)
}

fn objects(state: &State, facts: &Facts, changes: &Changes) -> Checked {
    for id in &changes.payments {
        let new = changes.new_payments.contains(id);
        hold(facts.payments.contains_key(id), "a changed payment is not in the facts")?;
        hold(state.payments.contains_key(id) != new, "payment id")?;
    }
    for id in &changes.refunds {
        let new = changes.new_refunds.contains(id);
        let refund = facts.refunds.get(id).ok_or(Broken("a changed refund is not in the facts"))?;
        hold(state.refunds.contains_key(id) != new, "refund id")?;
        let payment_known =
            state.payments.contains_key(&refund.payment) || changes.new_payments.contains(&refund.payment);
        hold(payment_known, "a refund's payment")?;
    }
    for id in &changes.payouts {
        let new = changes.new_payouts.contains(id);
        hold(facts.payouts.contains_key(id), "a changed payout is not in the facts")?;
        hold(state.payouts.contains_key(id) != new, "payout id")?;
    }
    for key in &changes.books {
        hold(!state.books.contains_key(key), "one book per merchant and currency")?;
    }
    merchant_references(state, facts, changes)
}

fn merchant_references(state: &State, facts: &Facts, changes: &Changes) -> Checked {
    let mut seen = BTreeSet::new();
    for refund in changes.refunds.iter().filter_map(|id| facts.refunds.get(id)) {
        if let Some(name) = &refund.merchant_reference {
            let key = (refund.merchant, name.to_string());
            let taken = state.merchant_references.get(&key).is_some_and(|other| *other != refund.id);
            hold(is_new(&mut seen, key, taken), "unique merchant reference of a refund")?;
        }
    }
    Ok(())
}

fn limits(state: &State, facts: &Facts, changes: &Changes) -> Checked {
    for payment in changes.payments.iter().filter_map(|id| facts.payments.get(id)) {
        hold(payment.counters.claimed <= payment.counters.claimable, "claimed <= claimable")?;
    }
    for account in changes.accounts.iter().filter_map(|id| facts.accounts.get(id)) {
        let spent = i128::from(account.balance.debits_pending);
        hold(
            account.kind != AccountKind::Held || account.balance.credit_posted() >= spent,
            "a held account is never negative",
        )?;
    }
    for key in &changes.mandate_uses {
        let mandate = facts.mandates.get(&key.0).or_else(|| state.mandates.get(&key.0));
        let mandate = mandate.ok_or(Broken("a counter's mandate"))?;
        let used = facts.mandate_uses.get(key).copied().unwrap_or(0);
        hold(mandate.count_max.is_none_or(|most| used <= most), "used <= count of a mandate's period")?;
    }
    Ok(())
}

fn records(state: &State, facts: &Facts, changes: &Changes) -> Checked {
    for key in &changes.once {
        hold(facts.once.contains_key(key), "a changed once-record is not in the facts")?;
        // A key that created a refund or payout never expires; any other record may be
        // written over once it is forgotten.
        let for_ever = state.once.get(key).is_some_and(OnceRecord::is_for_ever);
        hold(!for_ever, "unique once-key")?;
    }
    let mut seen = BTreeSet::new();
    for (merchant, key, _) in &changes.origin_keys {
        let key = (*merchant, key.clone());
        let stored = state.origin_keys.contains_key(&key);
        hold(is_new(&mut seen, key, stored), "unique origin key")?;
    }
    let mut seen = BTreeSet::new();
    for (id, _, _) in &changes.instructions {
        hold(is_new(&mut seen, id, state.instructions.contains_key(id)), "unique instruction id")?;
    }
    let mut seen = BTreeSet::new();
    for item in &changes.evidence {
        let key = (item.order, item.id);
        hold(is_new(&mut seen, key, state.evidence.contains_key(&key)), "unique evidence")?;
    }
    Ok(())
}

fn history(state: &State, changes: &Changes) -> Checked {
    let mut seen = BTreeSet::new();
    for event in &changes.events {
        if let Some(order) = order_of(event) {
            let key = (order, event.number);
            hold(
                is_new(&mut seen, key, state.event_numbers.contains(&key)),
                "unique event number of a refund or payout",
            )?;
        }
    }
    let mut seen = BTreeSet::new();
    for transfer in &changes.transfers {
        hold(transfer.cause < changes.events.len(), "a transfer's cause")?;
        hold(is_new(&mut seen, (transfer.cause, transfer.leg), false), "one transfer per cause and leg")?;
    }
    Ok(())
}
