//! What a batch needs beyond what its envelopes name: known only when the
//! first load is there.

use super::Committer;
use crate::envelope::Envelope;
use crate::keys;
use crate::registry::Directory;
use crate::store::{Keys, StoreError};
use refundry_domain::facts::Facts;
use refundry_domain::once::OnceResult;
use refundry_domain::time::Timestamp;

impl Committer {
    /// A repeated key leads to an object that no envelope named.
    pub(super) fn load_repeated(
        &mut self,
        envelopes: &[&Envelope],
        facts: &mut Facts,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut more = Keys { at, ..Keys::default() };
        let mut any = false;
        for envelope in envelopes {
            let Some(record) = envelope.once.as_ref().and_then(|once| facts.once.get(&once.key)) else { continue };
            any = true;
            let merchant = envelope.merchant;
            match &record.result {
                OnceResult::Refund(id) => {
                    more.refunds.insert((merchant, *id));
                }
                OnceResult::Payout(id) => {
                    more.payouts.insert((merchant, *id));
                }
                OnceResult::Payment(id) => {
                    more.payments.insert((merchant, *id));
                }
                OnceResult::Mandate(id) => {
                    more.mandates.insert((merchant, *id));
                }
                OnceResult::Account(id) => {
                    more.accounts.insert((merchant, *id));
                }
                OnceResult::Endpoint(_) | OnceResult::Refused(_) | OnceResult::Answer { .. } => {}
            }
        }
        if any {
            absorb(facts, self.writer.begin(&more)?);
        }
        Ok(())
    }

    /// What approval limits watch is known only when the payments and refunds
    /// are; read where a merchant has such limits, and only then.
    pub(super) fn load_sums(
        &mut self,
        envelopes: &[&Envelope],
        facts: &mut Facts,
        at: Timestamp,
        directory: &Directory,
    ) -> Result<(), StoreError> {
        let mut more = Keys { at, ..Keys::default() };
        for envelope in envelopes {
            keys::collect_sums(envelope, facts, directory, &mut more);
        }
        if !more.approval_sums.is_empty() {
            facts.approval_sums.extend(self.writer.begin(&more)?.approval_sums);
        }
        Ok(())
    }
}

/// Adds what a second load found; what the first one has stays.
fn absorb(facts: &mut Facts, more: Facts) {
    for (id, payment) in more.payments {
        facts.payments.entry(id).or_insert(payment);
    }
    for (id, refund) in more.refunds {
        facts.refunds.entry(id).or_insert(refund);
    }
    for (id, payout) in more.payouts {
        facts.payouts.entry(id).or_insert(payout);
    }
    for (id, account) in more.accounts {
        facts.accounts.entry(id).or_insert(account);
    }
    for (id, mandate) in more.mandates {
        facts.mandates.entry(id).or_insert(mandate);
    }
    for (key, book) in more.books {
        facts.books.entry(key).or_insert(book);
    }
    for (key, used) in more.mandate_uses {
        facts.mandate_uses.entry(key).or_insert(used);
    }
}
