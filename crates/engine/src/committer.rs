//! The committer: one thread that takes whatever is waiting, decides it in
//! memory and writes it in one durable transaction (design section 4).
//!
//! Round trips: one `begin` (two when a repeated key leads to an object that
//! no envelope named), one `commit`. Nobody is answered before it returns.

mod more;
mod registry;

use crate::audit::AuditRecord;
use crate::clock::Clock;
use crate::digest::sha256;
use crate::engine::Counters;
use crate::envelope::{Answer, Envelope, Outcome, Unavailable, Work};
use crate::keys;
use crate::notifier::Notifier;
use crate::registry::{Directory, MandateEntry, RegistryEntry, RegistryKey};
use crate::store::{Batch, DeliveryUpdate, Keys, StoreError, Writer};
use crate::unswept::Unswept;
use refundry_domain::decide::{Done, decide};
use refundry_domain::facts::{Context, Facts};
use refundry_domain::once::{OnceRecord, OnceResult};
use refundry_domain::refusal::{DependsOn, Refusal};
use refundry_domain::rules::Rules;
use refundry_domain::time::Timestamp;
use registry::{enter_owners, enter_rules};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use tokio::sync::{mpsc, oneshot};

/// Most envelopes in one transaction.
const BATCH_MAX: usize = 512;

/// What waits in the queue.
pub(crate) enum Submission {
    /// An envelope and who wants its outcome.
    Execute(Box<Envelope>, oneshot::Sender<Result<Outcome, Unavailable>>),
    /// Everything before this is finished, then the thread ends.
    Stop,
}

/// The writing half of the engine.
pub(crate) struct Committer {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    pub(crate) directory: Arc<RwLock<Arc<Directory>>>,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) last_at: Timestamp,
    pub(crate) unswept: Unswept,
}

type Waiting = (Box<Envelope>, oneshot::Sender<Result<Outcome, Unavailable>>);

/// What a batch gathers beside the facts.
#[derive(Default)]
struct Gathered {
    outcomes: Vec<Outcome>,
    registry_put: Vec<RegistryEntry>,
    registry_remove: Vec<RegistryKey>,
    audit: Vec<AuditRecord>,
    deliveries: Vec<DeliveryUpdate>,
    directory: Option<Directory>,
    swept: bool,
}

impl Committer {
    /// Works until it is told to stop or nobody can send any more.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        let mut waiting: Vec<Waiting> = Vec::with_capacity(BATCH_MAX);
        while let Some(first) = queue.blocking_recv() {
            let mut stop = !take(first, &mut waiting);
            while !stop && waiting.len() < BATCH_MAX {
                match queue.try_recv() {
                    Ok(next) => stop = !take(next, &mut waiting),
                    Err(_) => break,
                }
            }
            self.process(&mut waiting);
            if stop {
                return;
            }
        }
    }

    fn process(&mut self, waiting: &mut Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let envelopes: Vec<&Envelope> = waiting.iter().map(|(envelope, _)| &**envelope).collect();
        match self.transact(&envelopes) {
            Ok(outcomes) => {
                for ((_, reply), outcome) in waiting.drain(..).zip(outcomes) {
                    // A caller that went away has its outcome in the store.
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(StoreError::Constraint(fault)) if waiting.len() > 1 => {
                tracing::error!(error = %fault, "a constraint refused a batch; trying its envelopes one by one");
                for one in std::mem::take(waiting) {
                    self.process(&mut vec![one]);
                }
            }
            Err(StoreError::Broken(fault)) => {
                tracing::error!(error = %fault, "the storage failed; ending, because the outcome is not known");
                std::process::abort();
            }
            Err(error @ (StoreError::Full(_) | StoreError::Constraint(_) | StoreError::Malformed(_))) => {
                tracing::error!(error = %error, "the store refused a batch");
                if matches!(error, StoreError::Constraint(_)) {
                    let stops: Vec<Envelope> = envelopes.iter().filter_map(|envelope| envelope.stop()).collect();
                    self.stop_for_person(&stops);
                }
                for (_, reply) in waiting.drain(..) {
                    let _ = reply.send(Err(Unavailable::Store));
                }
            }
        }
    }

    /// What the database refused will be refused again: it waits for a person
    /// and not for the next round.
    fn stop_for_person(&mut self, stops: &[Envelope]) {
        let stops: Vec<&Envelope> = stops.iter().collect();
        if !stops.is_empty()
            && let Err(error) = self.transact(&stops)
        {
            tracing::error!(error = %error, "a send that a constraint refuses could not be stopped");
        }
    }

    fn transact(&mut self, envelopes: &[&Envelope]) -> Result<Vec<Outcome>, StoreError> {
        let at = self.clock.now().max(self.last_at);
        let mut needed = Keys { at, ..Keys::default() };
        let directory = self.snapshot();
        for envelope in envelopes {
            keys::collect(envelope, &directory, self.rules.environment, &mut needed);
        }
        let mut facts = self.writer.begin(&needed)?;
        self.load_repeated(envelopes, &mut facts, at)?;
        self.load_sums(envelopes, &mut facts, at, &directory)?;
        enter_rules(&mut facts, &directory);
        enter_owners(&mut facts, envelopes, &directory);
        let mut gathered = Gathered::default();
        for envelope in envelopes {
            let outcome = self.decide_one(envelope, &mut facts, &mut gathered, at);
            gathered.outcomes.push(outcome);
        }
        self.commit(&facts, gathered, envelopes.len(), at)
    }

    fn snapshot(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn decide_one(&self, envelope: &Envelope, facts: &mut Facts, gathered: &mut Gathered, at: Timestamp) -> Outcome {
        if let Some(once) = &envelope.once
            && let Some(record) = facts.once.get(&once.key)
            && !record.is_forgotten(at, once.kept_for)
        {
            let result = if record.fingerprint == once.fingerprint {
                repeated(&record.result, facts)
            } else {
                Err(Refusal::KeyReused)
            };
            return outcome(true, result, facts);
        }
        let (result, keep) = match &envelope.work {
            Work::Command(command) => {
                let context =
                    Context { merchant: envelope.merchant, actor: &envelope.actor, at, rules: &self.rules, sha256 };
                let done = decide(facts, context, command);
                let keep = done.as_ref().ok().and_then(kept);
                (done.map(|done| answer(done, facts)), keep)
            }
            Work::Registry { change, answer } => {
                let result = self.change_registry((envelope, at), change, gathered);
                if let Some(directory) = &gathered.directory {
                    enter_rules(facts, directory);
                }
                let keep = answer.clone().map(|(status, body)| OnceResult::Answer { status, body });
                (result, keep)
            }
            Work::Keep { status, body } => {
                let keep = OnceResult::Answer { status: *status, body: body.clone() };
                (Ok(Answer::Kept { status: *status, body: body.clone() }), Some(keep))
            }
            Work::Deliveries(update) => {
                gathered.deliveries.push(update.clone());
                (Ok(Answer::Done), None)
            }
            Work::Swept => {
                gathered.swept = true;
                (Ok(Answer::Done), None)
            }
        };
        if let Some(once) = &envelope.once {
            let kept = match &result {
                Ok(_) => keep,
                Err(refusal) => {
                    // Who was not fast enough reads again and comes back with the same key.
                    let keeps = *refusal != Refusal::Changed
                        && (once.keep_world_refusals || refusal.depends_on() == DependsOn::Input);
                    keeps.then_some(OnceResult::Refused(*refusal))
                }
            };
            if let Some(result) = kept {
                facts.once.insert(once.key, OnceRecord { fingerprint: once.fingerprint, result, at });
                facts.changes.once.insert(once.key);
            }
        }
        outcome(false, result, facts)
    }

    fn commit(
        &mut self,
        facts: &Facts,
        mut gathered: Gathered,
        count: usize,
        at: Timestamp,
    ) -> Result<Vec<Outcome>, StoreError> {
        let swept = gathered.swept;
        // Events move the newest time, which is what the note holds fast.
        let note = self.unswept.to_note().filter(|_| !swept && !facts.changes.events.is_empty());
        let noted = note.is_some();
        gathered.registry_put.extend(note);
        gathered.registry_remove.extend(self.unswept.to_forget().filter(|_| swept));
        let batch = Batch {
            facts,
            registry_put: &gathered.registry_put,
            registry_remove: &gathered.registry_remove,
            audit: &gathered.audit,
            deliveries: &gathered.deliveries,
        };
        if batch.is_empty() {
            self.unswept.committed(noted, swept);
            return Ok(gathered.outcomes);
        }
        self.writer.commit(&batch)?;
        self.unswept.committed(noted, swept);
        self.last_at = at;
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.envelopes.fetch_add(count as u64, Ordering::Relaxed);
        self.publish(facts, gathered.directory);
        Ok(gathered.outcomes)
    }

    /// Lets readers and workers know what the commit made true.
    fn publish(&self, facts: &Facts, directory: Option<Directory>) {
        if directory.is_some() || !facts.changes.mandates.is_empty() {
            let mut directory = directory.unwrap_or_else(|| (*self.snapshot()).clone());
            for id in &facts.changes.mandates {
                if let Some(mandate) = facts.mandates.get(id) {
                    let entry =
                        MandateEntry { merchant: mandate.merchant, mandate: *id, group: Arc::clone(&mandate.group) };
                    directory.mandate_tokens.insert(mandate.token, entry);
                }
            }
            *self.directory.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(directory);
        }
        if !facts.changes.refunds.is_empty() || !facts.changes.payouts.is_empty() {
            self.notifier.refunds_changed();
        }
        if !facts.changes.events.is_empty() {
            self.notifier.events_written();
        }
    }
}

fn take(submission: Submission, waiting: &mut Vec<Waiting>) -> bool {
    match submission {
        Submission::Execute(envelope, reply) => {
            waiting.push((envelope, reply));
            true
        }
        Submission::Stop => false,
    }
}

/// What a repeated key answers; the objects are loaded or of this batch.
fn repeated(result: &OnceResult, facts: &Facts) -> Result<Answer, Refusal> {
    match result {
        OnceResult::Refund(id) => {
            facts.refunds.get(id).map(|refund| Answer::Refund(Box::new(refund.clone()))).ok_or(Refusal::RefundUnknown)
        }
        OnceResult::Payout(id) => {
            facts.payouts.get(id).map(|payout| Answer::Payout(Box::new(payout.clone()))).ok_or(Refusal::PayoutUnknown)
        }
        OnceResult::Payment(id) => facts
            .payments
            .get(id)
            .map(|payment| Answer::Payment(Box::new(payment.clone())))
            .ok_or(Refusal::PaymentUnknown),
        OnceResult::Mandate(id) => facts
            .mandates
            .get(id)
            .map(|mandate| Answer::Mandate(Box::new(mandate.clone())))
            .ok_or(Refusal::MandateUnknown),
        OnceResult::Account(id) => facts
            .accounts
            .get(id)
            .map(|account| Answer::Account(Box::new(account.clone())))
            .ok_or(Refusal::AccountUnknown),
        OnceResult::Endpoint(_) => Ok(Answer::Done),
        OnceResult::Refused(refusal) => Err(*refusal),
        OnceResult::Answer { status, body } => Ok(Answer::Kept { status: *status, body: body.clone() }),
    }
}

/// The outcome, with the payer of a refund.
fn outcome(replayed: bool, result: Result<Answer, Refusal>, facts: &Facts) -> Outcome {
    let payer = match &result {
        Ok(Answer::Refund(refund)) => facts.payments.get(&refund.payment).and_then(|payment| payment.debtor.clone()),
        Ok(_) | Err(_) => None,
    };
    Outcome { replayed, result, payer }
}

fn answer(done: Done, facts: &Facts) -> Answer {
    let found = match done {
        Done::Refund(id) => facts.refunds.get(&id).map(|refund| Answer::Refund(Box::new(refund.clone()))),
        Done::Payout(id) => facts.payouts.get(&id).map(|payout| Answer::Payout(Box::new(payout.clone()))),
        Done::Payment(id) => facts.payments.get(&id).map(|payment| Answer::Payment(Box::new(payment.clone()))),
        Done::Account(id) => facts.accounts.get(&id).map(|account| Answer::Account(Box::new(account.clone()))),
        Done::Mandate(id) => facts.mandates.get(&id).map(|mandate| Answer::Mandate(Box::new(mandate.clone()))),
        Done::Send(instruction) => Some(Answer::Send(instruction)),
        Done::Unchanged => None,
    };
    found.unwrap_or(Answer::Done)
}

/// What a success leaves under its key.
fn kept(done: &Done) -> Option<OnceResult> {
    match done {
        Done::Refund(id) => Some(OnceResult::Refund(*id)),
        Done::Payout(id) => Some(OnceResult::Payout(*id)),
        Done::Payment(id) => Some(OnceResult::Payment(*id)),
        Done::Account(id) => Some(OnceResult::Account(*id)),
        Done::Mandate(id) => Some(OnceResult::Mandate(*id)),
        Done::Send(_) | Done::Unchanged => None,
    }
}
