//! Payouts through the mock bank, on the real store: what the sandbox's bank
//! is made to do with one, and what the books of both say afterwards.

use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, PayoutId};
use refundry_domain::instruction::Order;
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payout::Payout;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope};
use refundry_engine::store::Reader;
use refundry_engine::verify::verify;
use refundry_engine::worker::RailWorker;
use refundry_rails::mock_bank::{MockBank, Options as BankOptions, Outcome, OutcomeKind, Page, Target, TimeScale};
use refundry_store_sqlite::{KeyRing, Options, SqliteStore};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make::{self, AT, Ids};
use std::sync::Arc;
use tokio::sync::watch;

struct Stage {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    clock: Arc<ManualClock>,
    bank: Arc<MockBank>,
    engine: Arc<Engine>,
    worker: Arc<RailWorker>,
    merchant: MerchantId,
    wallet: AccountId,
    ids: Ids,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { sync: false, ..Options::new(folder.path(), KeyRing::of(1, [7; 32])) };
        let store = SqliteStore::open(options).unwrap();
        let clock = Arc::new(ManualClock::starting(AT));
        let path = folder.path().join("mock_bank.db");
        let bank = MockBank::open(BankOptions { path, time_scale: TimeScale::default(), seed: 1 }).unwrap();
        let rules = Rules::of(Environment::Sandbox);
        let parts = Parts { writer: store.writer(), reader: store.reader(), clock: Arc::clone(&clock) as _, rules };
        let engine = Engine::start(parts).unwrap();
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&bank) as _);
        let mut ids = Ids::default();
        let (merchant, wallet) = (ids.merchant(), ids.account());
        let stage = Self { _folder: folder, store, clock, bank, engine, worker, merchant, wallet, ids };
        stage.set_up().await;
        stage
    }

    async fn set_up(&self) {
        let (book, _) = make::book(&mut Ids::from(9), self.merchant, Currency::AUD);
        self.tell(Command::OpenBook { currency: Currency::AUD, book }).await;
        let open = OpenAccount {
            id: self.wallet,
            kind: AccountKind::Held,
            currency: Currency::AUD,
            name: Arc::from("wallet"),
            group: Arc::from(""),
            eligible: true,
        };
        self.tell(Command::OpenAccount(open)).await;
        self.tell(Command::SetBalance { account: self.wallet, available: 10_000 }).await;
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Arc::clone(&self.worker).run(stopped));
        while !self.worker.has_swept() {
            tokio::task::yield_now().await;
        }
        stop.send_replace(true);
        running.await.unwrap();
    }

    async fn tell(&self, command: Command) -> Answer {
        self.engine.execute(Envelope::command(self.merchant, Actor::Sandbox, command)).await.unwrap().result.unwrap()
    }

    async fn ask(&mut self, minor: u64) -> PayoutId {
        let id = self.ids.payout();
        let request = make::request_payout(id, self.wallet, Amount::new(minor, Currency::AUD), &id.to_string());
        self.tell(Command::RequestPayout(Box::new(request))).await;
        id
    }

    /// Two hours go by, half a minute after half a minute.
    async fn pass_two_hours(&self) {
        for _ in 0..240 {
            self.clock.advance(Span::seconds(30));
            self.worker.step().await;
        }
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.store.reader()
    }

    fn payout(&self, id: PayoutId) -> Payout {
        self.reader().payout(self.merchant, id).unwrap().unwrap()
    }

    fn available(&self) -> u64 {
        self.reader().account(self.merchant, self.wallet).unwrap().unwrap().balance.available()
    }
}

#[tokio::test]
async fn the_bank_does_with_a_payout_what_it_is_told() {
    let table = [
        (OutcomeKind::Settle, "settled", 1, 9_600),
        (OutcomeKind::Fail, "failed", 0, 10_000),
        (OutcomeKind::Return, "returned", 1, 10_000),
        (OutcomeKind::Timeout, "settled", 1, 9_600),
        (OutcomeKind::ReportTwice, "settled", 1, 9_600),
        (OutcomeKind::Late, "settled", 1, 9_600),
        (OutcomeKind::OutOfOrder, "settled", 1, 9_600),
        (OutcomeKind::Hold, "submitted", 0, 9_600),
    ];
    for (kind, state, paid, available) in table {
        let mut stage = Stage::new().await;
        let id = stage.ask(400).await;
        stage.bank.set_outcome(Target::Payout(id), Outcome::of(kind), stage.engine.now()).await.unwrap();
        stage.pass_two_hours().await;
        let books = stage.bank.instructions(Page { limit: 10, ..Page::default() }).await.unwrap();
        let [line] = &books[..] else { panic!("{kind:?}: one instruction, {books:?}") };
        assert_eq!((line.order, line.payment, line.paid_count), (Order::Payout(id), None, paid), "{kind:?}");
        assert_eq!((stage.payout(id).state.code(), stage.available()), (state, available), "{kind:?}");
        assert_eq!(stage.payout(id).attempts.len(), 1, "{kind:?}");
        assert!(stage.bank.violations().await.unwrap().is_empty(), "{kind:?}");
        let report = verify(&*stage.reader()).unwrap();
        assert_eq!((report.fault, report.payouts), (None, 1), "{kind:?}");
        stage.engine.stop().await;
    }
}

#[tokio::test]
async fn a_payout_without_money_never_reaches_the_bank() {
    let mut stage = Stage::new().await;
    let id = stage.ask(10_001).await;
    stage.worker.step().await;
    assert_eq!((stage.payout(id).state.code(), stage.available()), ("failed", 10_000));
    assert!(stage.bank.instructions(Page { limit: 10, ..Page::default() }).await.unwrap().is_empty());
    stage.engine.stop().await;
}
