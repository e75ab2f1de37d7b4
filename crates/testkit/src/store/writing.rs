//! Making batches by hand.

use super::Subject;
use refundry_domain::event::{Actor, Event, EventKind};
use refundry_domain::facts::{Context, Draft, Facts};
use refundry_domain::id::MerchantId;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::store::{Batch, Keys, StoreError};

/// Works on a draft of a merchant's facts and makes it true.
pub(super) fn draft<T>(
    facts: &mut Facts,
    merchant: MerchantId,
    at: Timestamp,
    work: impl FnOnce(&mut Draft<'_>) -> T,
) -> T {
    draft_by(facts, merchant, at, &Actor::Engine, work)
}

/// The same with an actor.
pub(super) fn draft_by<T>(
    facts: &mut Facts,
    merchant: MerchantId,
    at: Timestamp,
    actor: &Actor,
    work: impl FnOnce(&mut Draft<'_>) -> T,
) -> T {
    let rules = Rules::of(Environment::Sandbox);
    let mut draft = Draft::new(facts, Context { merchant, actor, at, rules: &rules, sha256 });
    let done = work(&mut draft);
    draft.commit();
    done
}

/// Puts a payment into the draft with an event on its chain.
pub(super) fn put_payment(draft: &mut Draft<'_>, mut payment: Payment, kind: EventKind) {
    draft.payment_event(&mut payment, kind);
    draft.put_payment(payment);
}

/// Puts a refund into the draft with an event on its payment's chain.
pub(super) fn put_refund(draft: &mut Draft<'_>, mut refund: Refund) {
    let mut payment = draft.payment(refund.payment).expect("the payment is in the facts");
    let state = refund.state;
    draft.refund_event(&mut payment, &mut refund, EventKind::RefundEntered { state });
    draft.put_payment(payment);
    draft.put_refund(refund);
}

/// A batch of facts alone.
pub(super) fn batch(facts: &Facts) -> Batch<'_> {
    Batch { facts, registry_put: &[], registry_remove: &[], audit: &[], deliveries: &[] }
}

impl Subject {
    /// What some keys bring.
    pub(super) fn load(&mut self, keys: &Keys) -> Facts {
        self.writer.begin(keys).expect("the keys load")
    }

    /// Writes facts that must be taken; returns the place of the first event.
    pub(super) fn commit(&mut self, facts: &Facts) -> u64 {
        self.writer.commit(&batch(facts)).expect("the batch is taken")
    }

    /// Writes facts that a constraint must refuse.
    pub(super) fn refused(&mut self, facts: &Facts, why: &str) {
        match self.writer.commit(&batch(facts)) {
            Err(StoreError::Constraint(_)) => {}
            other => panic!("{why}: expected a broken constraint, got {other:?}"),
        }
    }

    /// All events in order.
    pub(super) fn events(&self) -> Vec<Event> {
        let stored = self.reader.events_after(0, usize::MAX >> 1).expect("events are read");
        stored.into_iter().map(|stored| stored.event).collect()
    }
}
