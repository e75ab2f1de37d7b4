//! The rail worker: claims what is due, calls the rail, records what it says.
//! The intent is committed before the call; silence leads to an inquiry,
//! never to a second send under a new id.
//!
//! Round trips of a step: one page of reports and one transaction for them;
//! one page of due refunds and payouts, one transaction for all their intents, one call,
//! one transaction for all its answers.

pub(crate) mod due;
mod payins;
mod ticks;

use crate::engine::Engine;
use crate::envelope::{Answer, Envelope, Outcome, Unavailable};
use crate::rail::{CancelAnswer, Inquiry, Rail};
use due::{Claim, Due, Need};
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::instruction::{Instruction, Order, Submission};
use refundry_domain::time::{Span, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Most refunds or reports of one step.
pub(crate) const STEP_MAX: usize = 256;
/// How long a claim is good; the call must begin before its end.
const LEASE: Span = Span::seconds(30);
/// The longest sleep of the loop: a lost notification costs no more.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// Works for one rail.
#[derive(Debug)]
pub struct RailWorker {
    engine: Arc<Engine>,
    rail: Arc<dyn Rail>,
    epoch: AtomicU64,
    swept: AtomicBool,
    paused: watch::Sender<bool>,
}

impl RailWorker {
    /// A worker that has not swept its rail yet and therefore sends nothing.
    #[must_use]
    pub fn new(engine: Arc<Engine>, rail: Arc<dyn Rail>) -> Arc<Self> {
        let epoch = u64::try_from(engine.now().0).unwrap_or(0);
        Arc::new(Self {
            engine,
            rail,
            epoch: AtomicU64::new(epoch),
            swept: AtomicBool::new(false),
            paused: watch::Sender::new(false),
        })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) fn rail(&self) -> &Arc<dyn Rail> {
        &self.rail
    }

    /// True when the sweep after the start is done and sending is allowed.
    #[must_use]
    pub fn has_swept(&self) -> bool {
        self.swept.load(Ordering::SeqCst)
    }

    /// Allows or stops sending (the kill switch); evidence is taken all the same.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// True while the kill switch stops sending.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Sweeps, then works until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut changed = self.engine.notifier().refunds();
        let mut jumps = self.engine.clock().jumps();
        let mut paused = self.paused.subscribe();
        let mut news = self.rail.news();
        loop {
            if *stop.borrow() {
                return;
            }
            changed.borrow_and_update();
            jumps.borrow_and_update();
            if !self.has_swept() && self.sweep().await.is_ok() {
                self.swept.store(true, Ordering::SeqCst);
            }
            let next = self.step().await;
            let wait = next.map_or(IDLE_MAX, |at| {
                let span = u64::try_from(at.0.saturating_sub(self.engine.now().0)).unwrap_or(0);
                Duration::from_nanos(span).min(IDLE_MAX)
            });
            if wait.is_zero() {
                // There is more to do; others get a turn first.
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            // While nothing may be sent, new refunds are no reason to look again.
            let may_send = self.may_send();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = changed.changed(), if may_send => {}
                _ = jumps.changed() => {}
                _ = paused.changed() => {}
                () = payins::heard(&mut news) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// One round; returns when the next one is due, if that is known.
    pub async fn step(&self) -> Option<Timestamp> {
        // A report about what the sweep has not found yet would belong to nothing.
        let next_report = if self.has_swept() { self.take_reports().await } else { None };
        let next_payin = self.take_payins().await;
        let worked = self.work_refunds().await;
        self.tick_mandates().await;
        let next_payment = self.tick_payments().await;
        if worked == STEP_MAX {
            return Some(self.engine.now());
        }
        let next_wake =
            if self.may_send() { self.engine.read(|reader| reader.next_wake()).await.ok().flatten() } else { None };
        [next_report, next_payin, next_payment, next_wake].into_iter().flatten().min()
    }

    fn may_send(&self) -> bool {
        self.has_swept() && !self.is_paused()
    }

    /// The store forgot something: the rail is swept before more is sent.
    pub(crate) fn sweep_again(&self) {
        self.swept.store(false, Ordering::SeqCst);
    }

    /// Works on the refunds and payouts that are due; full means there may be more.
    async fn work_refunds(&self) -> usize {
        let now = self.engine.now();
        let environment = self.engine.rules().environment;
        let found = self.engine.read(move |reader| {
            let refunds = reader.due_refunds(now, STEP_MAX)?;
            let payouts = reader.due_payouts(now, STEP_MAX)?;
            let refunds = refunds.iter().map(|refund| Due::refund(refund, now, environment));
            let payouts = payouts.iter().map(|payout| Due::payout(payout, now, environment));
            Ok(refunds.chain(payouts).collect::<Vec<_>>())
        });
        let Ok(found) = found.await else { return 0 };
        let mut worked = 0;
        let (mut sends, mut ticks, mut inquiries, mut withdrawals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for due in found {
            match due.need {
                Need::Send if self.may_send() => sends.push(due),
                Need::Send if due.expired => ticks.push(due),
                Need::Send => continue,
                Need::Tick => ticks.push(due),
                Need::Inquiry(attempt) => inquiries.push((due, attempt)),
                Need::Withdrawal(_) => withdrawals.push(due),
            }
            worked += 1;
        }
        self.send(sends, now).await;
        self.inquire(inquiries, now).await;
        self.withdraw(withdrawals, now).await;
        let ticks = ticks.iter().map(|due| Envelope::command(due.merchant, Actor::Engine, due::tick(due.order)));
        self.record(ticks.collect()).await;
        worked.min(STEP_MAX)
    }

    async fn send(&self, due: Vec<Due>, now: Timestamp) {
        let due = self.let_rest(due).await;
        if due.is_empty() {
            return;
        }
        let claim = self.claim(now);
        let intents =
            due.iter().map(|due| Envelope::command(due.merchant, Actor::Engine, due::begin(due.order, claim)));
        self.call(intents.collect(), claim.1).await;
    }

    /// Lets rest what the rail does not take yet; the others are to be sent.
    /// What rested for as long as it says was asked about before.
    async fn let_rest(&self, due: Vec<Due>) -> Vec<Due> {
        if due.is_empty() {
            return due;
        }
        let orders = due.iter().map(|due| (due.order, due.payment)).collect();
        let answers = self.rail.withheld(orders).await.into_iter().chain(std::iter::repeat(None));
        let (mut sends, mut rests) = (Vec::with_capacity(due.len()), Vec::new());
        for (due, answer) in due.into_iter().zip(answers) {
            match answer {
                Some(rest) if rest > due.rest => {
                    let command = Command::Postpone { order: due.order, rest };
                    rests.push(Envelope::command(due.merchant, self.rail.actor(), command));
                }
                Some(_) | None => sends.push(due),
            }
        }
        self.record(rests).await;
        sends
    }

    fn claim(&self, now: Timestamp) -> Claim {
        (self.epoch.fetch_add(1, Ordering::SeqCst), now.plus(LEASE))
    }

    /// Commits the intents, makes the call for what was claimed, records the answers.
    async fn call(&self, intents: Vec<Envelope>, lease_until: Timestamp) {
        if intents.is_empty() {
            return;
        }
        let outcomes = self.engine.execute_all(intents).await;
        let claimed: Vec<Instruction> = outcomes.into_iter().filter_map(claimed).collect();
        // A claim whose lease ran out belongs to whoever doubts it now.
        if claimed.is_empty() || lease_until <= self.engine.now() {
            return;
        }
        let answers = self.submit(claimed.clone()).await;
        let records = claimed.into_iter().zip(answers).map(|(instruction, outcome)| {
            let command = due::answered(instruction.order, (instruction.attempt, instruction.epoch), outcome);
            Envelope::command(instruction.merchant, self.rail.actor(), command)
        });
        self.record(records.collect()).await;
    }

    /// A fault inside the rail is an unknown outcome for what is in flight (A7).
    async fn submit(&self, instructions: Vec<Instruction>) -> Vec<Submission> {
        let count = instructions.len();
        let (rail, now) = (Arc::clone(&self.rail), self.engine.now());
        let call = tokio::spawn(async move { rail.submit(instructions, now).await });
        let mut answers = call.await.unwrap_or_default();
        answers.resize(count, Submission::Unknown);
        answers
    }

    async fn inquire(&self, asked: Vec<(Due, u8)>, now: Timestamp) {
        if asked.is_empty() {
            return;
        }
        let ids: Vec<String> = asked.iter().map(|(due, _)| due.instruction_id.clone()).collect();
        let rail = Arc::clone(&self.rail);
        let call = tokio::spawn(async move { rail.query(ids, now).await });
        let mut answers = call.await.unwrap_or_default();
        answers.resize(asked.len(), Inquiry::Unknown);
        let resends = self.rail.capabilities().resend_same_id && self.may_send();
        let claim = self.claim(now);
        let (mut records, mut repeats) = (Vec::new(), Vec::new());
        for ((due, attempt), answer) in asked.into_iter().zip(answers) {
            if answer == Inquiry::NotFound && resends {
                let command = due::resend(due.order, attempt, claim);
                repeats.push(Envelope::command(due.merchant, Actor::Engine, command));
            }
            let command = match answer {
                Inquiry::Known { evidence, report } => {
                    Command::RecordReport { instruction_id: due.instruction_id, evidence, report }
                }
                Inquiry::NotFound | Inquiry::Unknown => due::asked_in_vain(due.order, attempt),
            };
            records.push(Envelope::command(due.merchant, self.rail.actor(), command));
        }
        self.record(records).await;
        self.call(repeats, claim.1).await;
    }

    async fn withdraw(&self, asked: Vec<Due>, now: Timestamp) {
        for due in asked {
            let Order::Refund(refund) = due.order else { continue };
            match self.rail.cancel(due.instruction_id, now).await {
                CancelAnswer::Requested | CancelAnswer::Unsupported => {
                    let command = Command::RecordWithdrawalPassed { refund };
                    self.record(vec![Envelope::command(due.merchant, self.rail.actor(), command)]).await;
                }
                CancelAnswer::Unknown => {}
            }
        }
    }

    pub(crate) async fn record(&self, envelopes: Vec<Envelope>) {
        if envelopes.is_empty() {
            return;
        }
        for outcome in self.engine.execute_all(envelopes).await {
            log_refusal(&outcome);
        }
    }
}

/// What was claimed by an intent.
fn claimed(outcome: Result<Outcome, Unavailable>) -> Option<Instruction> {
    log_refusal(&outcome);
    match outcome.ok()?.result.ok()? {
        Answer::Send(instruction) => Some(*instruction),
        Answer::Refund(_)
        | Answer::Payout(_)
        | Answer::Payment(_)
        | Answer::Account(_)
        | Answer::Mandate(_)
        | Answer::Kept { .. }
        | Answer::Done => None,
    }
}

/// A worker's command that is refused points to a fault of ours.
pub(crate) fn log_refusal(outcome: &Result<Outcome, Unavailable>) {
    match outcome {
        Ok(Outcome { result: Err(refusal), .. }) => {
            tracing::warn!(code = refusal.code(), "a worker's command was refused");
        }
        Ok(_) => {}
        Err(unavailable) => tracing::warn!(error = %unavailable, "a worker's command was not decided"),
    }
}
