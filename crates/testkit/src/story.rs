//! A world for stories: a real engine and worker over any store, a clock that
//! moves by hand, a rail that does as told, one merchant with a wallet.
//!
//! Nothing runs by itself: [`World::run`] lets the worker work until nothing
//! is due.

use crate::clock::ManualClock;
use crate::make::{self, AT, Ids};
use crate::rail::ScriptedRail;
use crate::store::Opened;
use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, PaymentId, RefundId};
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::AccountIdentifier;
use refundry_domain::refund::Refund;
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, KEPT_FOR, Once, Outcome, Unavailable, Work};
use refundry_engine::rail::Rail;
use refundry_engine::registry::{Merchant, RegistryChange, RegistryEntry};
use refundry_engine::store::Reader;
use refundry_engine::verify::verify;
use refundry_engine::worker::RailWorker;
use std::sync::Arc;
use tokio::sync::watch;

/// Most rounds of the worker in one [`World::run`].
const ROUND_COUNT_MAX: usize = 100;

/// See the module's comment.
#[derive(Debug)]
pub struct World {
    /// The door.
    pub engine: Arc<Engine>,
    /// The worker; it has swept, unless the bank was down.
    pub worker: Arc<RailWorker>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// The bank.
    pub rail: Arc<ScriptedRail>,
    /// Fresh ids.
    pub ids: Ids,
    /// The merchant.
    pub merchant: MerchantId,
    /// Its held account.
    pub wallet: AccountId,
    reader: Reading,
}

struct Reading(Arc<dyn Reader>);

impl std::fmt::Debug for Reading {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Reading")
    }
}

/// What one asks for in a refund.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, minor units.
    pub minor: u64,
    /// The idempotency key.
    pub key: &'a str,
}

impl World {
    /// A world over an empty store: a merchant whose wallet holds `available`
    /// Australian cents.
    ///
    /// # Panics
    /// When the engine does not take the set-up.
    pub async fn new(opened: Opened, available: u64) -> Self {
        let mut ids = Ids::default();
        let (merchant, wallet) = (ids.merchant(), ids.account());
        let (book, _) = make::book(&mut ids, merchant, Currency::AUD);
        let (clock, rail) = (Arc::new(ManualClock::starting(AT)), Arc::new(ScriptedRail::default()));
        let world = Self::start(opened, (clock, rail), ids, (merchant, wallet)).await;
        let entry = RegistryEntry::Merchant(Merchant { id: merchant, name: "Corner Shop".to_owned() });
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        let outcome = world.engine.execute(Envelope { merchant, actor: Actor::Sandbox, once: None, work }).await;
        outcome.expect("the store is there").result.expect("the merchant is taken");
        let open = OpenAccount {
            id: wallet,
            kind: AccountKind::Held,
            currency: Currency::AUD,
            name: Arc::from("Refund wallet"),
            group: Arc::from(""),
            eligible: true,
        };
        world.done(Command::OpenBook { currency: Currency::AUD, book }).await;
        world.done(Command::OpenAccount(open)).await;
        world.done(Command::SetBalance { account: wallet, available }).await;
        world
    }

    async fn start(
        (writer, reader): Opened,
        (clock, rail): (Arc<ManualClock>, Arc<ScriptedRail>),
        ids: Ids,
        (merchant, wallet): (MerchantId, AccountId),
    ) -> Self {
        let parts = Parts {
            writer,
            reader: Arc::clone(&reader),
            clock: Arc::clone(&clock) as _,
            rules: Rules { resend_same_id: rail.capabilities().resend_same_id, ..Rules::of(Environment::Sandbox) },
        };
        let engine = Engine::start(parts).expect("the store opens");
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&rail) as Arc<dyn Rail>);
        if !rail.is_down() {
            sweep(&worker).await;
        }
        Self { engine, worker, clock, rail, ids, merchant, wallet, reader: Reading(reader) }
    }

    /// Ends the process and starts a new one over this store, with the same
    /// clock and the same bank: a restart, or a restored backup.
    pub async fn restart(self, opened: Opened) -> Self {
        self.engine.stop().await;
        Self::start(opened, (self.clock, self.rail), self.ids, (self.merchant, self.wallet)).await
    }

    /// Gives a command through the door, as the engine itself.
    pub async fn command(&self, command: Command) -> Result<Outcome, Unavailable> {
        self.engine.execute(Envelope::command(self.merchant, Actor::Engine, command)).await
    }

    /// A command that must be done.
    ///
    /// # Panics
    /// When it is not.
    pub async fn done(&self, command: Command) -> Answer {
        let outcome = self.command(command).await.expect("the store is there");
        outcome.result.expect("the command is taken")
    }

    /// Records a settled payment, minor units.
    ///
    /// # Panics
    /// When it is not taken.
    pub async fn payment(&mut self, minor: u64) -> PaymentId {
        let id = self.ids.payment();
        self.done(Command::RecordPayment(make::record_payment(id, self.wallet, Amount::new(minor, Currency::AUD))))
            .await;
        id
    }

    /// Asks for a refund from the wallet under a key; the same words are the
    /// same request.
    pub async fn ask(&mut self, wanted: Wanted<'_>) -> Result<Outcome, Unavailable> {
        let request = make::request(self.ids.refund(), wanted.payment, self.wallet, wanted.minor, wanted.key);
        let merchant = self.merchant.to_string();
        let once = Once {
            key: once_key(&[merchant.as_bytes(), wanted.key.as_bytes()]),
            fingerprint: fingerprint(&[wanted.payment.to_string().as_bytes(), &wanted.minor.to_be_bytes()]),
            keep_world_refusals: false,
            kept_for: KEPT_FOR,
        };
        let command = Command::RequestRefund(Box::new(request));
        self.engine
            .execute(Envelope::command(self.merchant, Actor::Credential(Arc::from("key-1")), command).once(Some(once)))
            .await
    }

    /// Asks for a payout from the wallet under a key, to somebody who never
    /// paid; the same words are the same request.
    pub async fn pay_out(&mut self, minor: u64, key: &str) -> Result<Outcome, Unavailable> {
        let amount = Amount::new(minor, Currency::AUD);
        let mut request = make::request_payout(self.ids.payout(), self.wallet, amount, key);
        request.creditor.account = AccountIdentifier::PayId("landlord@example.com".to_owned());
        let merchant = self.merchant.to_string();
        let once = Once {
            key: once_key(&[merchant.as_bytes(), key.as_bytes()]),
            fingerprint: fingerprint(&[&minor.to_be_bytes()]),
            keep_world_refusals: false,
            kept_for: KEPT_FOR,
        };
        let command = Command::RequestPayout(Box::new(request));
        self.engine
            .execute(Envelope::command(self.merchant, Actor::Credential(Arc::from("key-1")), command).once(Some(once)))
            .await
    }

    /// The refund that was asked for, or why not.
    ///
    /// # Panics
    /// When the store does not answer.
    pub async fn refund(&mut self, payment: PaymentId, minor: u64, key: &str) -> Result<Refund, Refusal> {
        let outcome = self.ask(Wanted { payment, minor, key }).await.expect("the store is there");
        match outcome.result? {
            Answer::Refund(refund) => Ok(*refund),
            other @ (Answer::Payout(_)
            | Answer::Payment(_)
            | Answer::Account(_)
            | Answer::Mandate(_)
            | Answer::Send(_)
            | Answer::Kept { .. }
            | Answer::Done) => panic!("a refund was asked for, the answer was {other:?}"),
        }
    }

    /// One round of the worker; it sweeps first where it must and can.
    pub async fn step(&self) -> Option<Timestamp> {
        if !self.worker.has_swept() && !self.rail.is_down() {
            sweep(&self.worker).await;
        }
        self.worker.step().await
    }

    /// Lets the worker work until nothing is due.
    pub async fn run(&self) {
        for _ in 0..ROUND_COUNT_MAX {
            let before = self.newest_event();
            let next = self.step().await;
            let quiet = next.is_none_or(|at| at > self.engine.now());
            // What a step sent may have brought reports since it looked.
            let swept = self.worker.has_swept() || self.rail.is_down();
            if quiet && swept && self.newest_event() == before && self.rail.report_count() == 0 {
                return;
            }
        }
    }

    fn newest_event(&self) -> u64 {
        self.reader().newest_event().map_or(0, |(place, _)| place)
    }

    /// Time goes on, then the worker works.
    pub async fn wait(&self, span: Span) {
        self.clock.advance(span);
        self.run().await;
    }

    /// A refund as it is stored.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn stored(&self, refund: RefundId) -> Refund {
        self.reader().refund(self.merchant, refund).expect("the store is read").expect("the refund is there")
    }

    /// The store's reading side.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader.0
    }

    /// What may be spent from the wallet, minor units.
    ///
    /// # Panics
    /// When there is no wallet.
    #[must_use]
    pub fn available(&self) -> u64 {
        let wallet = self.reader().account(self.merchant, self.wallet).expect("the store is read");
        wallet.expect("the wallet is there").balance.available()
    }

    /// Every balance, counter and chain is right.
    ///
    /// # Panics
    /// When one is off.
    pub fn verify(&self) {
        let report = verify(&**self.reader()).expect("the store is read");
        assert_eq!(report.fault, None, "verify finds nothing");
    }
}

/// The sweep of a start, and the first step after it: the worker's loop runs
/// until it has swept.
async fn sweep(worker: &Arc<RailWorker>) {
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(worker).run(stopped));
    while !worker.has_swept() {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    running.await.expect("the worker ends");
}
