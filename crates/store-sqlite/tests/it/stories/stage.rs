//! The stage: a real engine and worker over a SQLite file, a clock that moves
//! by hand, a rail that does as told and sometimes breaks.

use refundry_domain::command::{Command, OpenAccount, RequestRefund};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, PaymentId, PersonId, RefundId};
use refundry_domain::instruction::{Debit, Instruction, Submission};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::Party;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome, Unavailable, Work};
use refundry_engine::rail::{CancelAnswer, Capabilities, Inquiry, Rail, RailDown, RailFuture, ReportPage};
use refundry_engine::registry::{Merchant, Person, RegistryChange, RegistryEntry, Role};
use refundry_engine::store::Reader;
use refundry_engine::verify::verify;
use refundry_engine::worker::RailWorker;
use refundry_store_sqlite::{FILE_NAME, KeyRing, Options, SqliteStore};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make::{self, AT, Ids};
use refundry_testkit::rail::ScriptedRail;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::watch;

const ROUND_COUNT_MAX: usize = 100;

/// How the call itself breaks, after the bank took the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    Panic,
    Hang,
}

/// The bank behind a line that can break.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) bank: ScriptedRail,
    breaks: Mutex<VecDeque<Break>>,
}

impl Line {
    pub(crate) fn breaks(&self, how: Break) {
        self.breaks.lock().expect("no test broke it").push_back(how);
    }
}

impl Rail for Line {
    fn name(&self) -> &'static str {
        self.bank.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.bank.capabilities()
    }

    fn submit(&self, instructions: Vec<Instruction>, now: Timestamp) -> RailFuture<'_, Vec<Submission>> {
        let how = self.breaks.lock().expect("no test broke it").pop_front();
        let taken = self.bank.submit(instructions, now);
        match how {
            None => taken,
            Some(Break::Panic) => Box::pin(async { panic!("the adapter broke, as told") }),
            Some(Break::Hang) => Box::pin(std::future::pending()),
        }
    }

    fn query(&self, instruction_ids: Vec<String>, now: Timestamp) -> RailFuture<'_, Vec<Inquiry>> {
        self.bank.query(instruction_ids, now)
    }

    fn cancel(&self, instruction_id: String, now: Timestamp) -> RailFuture<'_, CancelAnswer> {
        self.bank.cancel(instruction_id, now)
    }

    fn reports(&self, now: Timestamp, limit: usize) -> RailFuture<'_, Result<ReportPage, RailDown>> {
        self.bank.reports(now, limit)
    }

    fn acknowledge(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        self.bank.acknowledge(tickets)
    }

    fn debits_since(
        &self,
        since: Timestamp,
        after: Option<String>,
        limit: usize,
        now: Timestamp,
    ) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        self.bank.debits_since(since, after, limit, now)
    }

    fn debits_named(&self, ids: Vec<String>) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        self.bank.debits_named(ids)
    }
}

/// What outlives a process: the clock, the bank, the ids, the disk.
pub(crate) struct Lasting {
    folder: TempDir,
    /// The folders of earlier processes, for the backups in them.
    earlier: Vec<TempDir>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) line: Arc<Line>,
    pub(crate) ids: Ids,
    pub(crate) merchant: MerchantId,
    pub(crate) wallet: AccountId,
    pub(crate) book: Book,
    rules: Rules,
}

pub(crate) struct Stage {
    pub(crate) engine: Arc<Engine>,
    pub(crate) worker: Arc<RailWorker>,
    store: SqliteStore,
    reader: Arc<dyn Reader>,
    pub(crate) lasting: Lasting,
}

fn open(folder: &Path) -> SqliteStore {
    let options = || Options { sync: false, ..Options::new(folder, KeyRing::of(1, [7; 32])) };
    // A process that was killed leaves its lock when its last thread is gone.
    for _ in 0..10_000_000_u32 {
        if let Ok(store) = SqliteStore::open(options()) {
            return store;
        }
        std::thread::yield_now();
    }
    SqliteStore::open(options()).expect("it opens")
}

impl Stage {
    /// A merchant in the sandbox whose wallet holds `available` Australian cents.
    pub(crate) async fn new(available: u64) -> Self {
        Self::with(Rules::of(Environment::Sandbox), available).await
    }

    pub(crate) async fn with(rules: Rules, available: u64) -> Self {
        let mut ids = Ids::default();
        let (merchant, wallet) = (ids.merchant(), ids.account());
        let (book, _) = make::book(&mut ids, merchant, Currency::AUD);
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, line) = (Arc::new(ManualClock::starting(AT)), Arc::new(Line::default()));
        let stage =
            Self::raise(Lasting { folder, earlier: Vec::new(), clock, line, ids, merchant, wallet, book, rules });
        stage.sweep().await;
        let entry = RegistryEntry::Merchant(Merchant { id: merchant, name: "Corner Shop".to_owned() });
        stage.register(entry).await;
        stage.done(Command::OpenBook { currency: Currency::AUD, book }).await;
        let account = OpenAccount {
            id: wallet,
            kind: AccountKind::Held,
            currency: Currency::AUD,
            name: Arc::from("Refund wallet"),
            group: Arc::from(""),
            eligible: true,
        };
        stage.done(Command::OpenAccount(account)).await;
        stage.fund(available).await;
        stage
    }

    /// A process over what lasts; it has not swept.
    fn raise(lasting: Lasting) -> Self {
        let store = open(lasting.folder.path());
        let reader: Arc<dyn Reader> = store.reader();
        let parts = Parts {
            writer: store.writer(),
            reader: Arc::clone(&reader),
            clock: Arc::clone(&lasting.clock) as _,
            rules: lasting.rules,
        };
        let engine = Engine::start(parts).expect("the engine starts");
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&lasting.line) as Arc<dyn Rail>);
        Self { engine, worker, store, reader, lasting }
    }

    /// Lets the worker's loop run until it has swept.
    pub(crate) async fn sweep(&self) {
        sweep(&self.worker).await;
    }

    /// A new process, which has not swept, after an orderly end.
    pub(crate) async fn restart(self) -> Self {
        self.engine.stop().await;
        self.kill()
    }

    /// A new process, which has not swept, after the old one just vanished.
    pub(crate) fn kill(self) -> Self {
        let Self { engine, worker, store, reader, lasting } = self;
        drop((engine, worker, store, reader));
        Self::raise(lasting)
    }

    /// A copy of the store as it is now.
    pub(crate) fn backup(&self, name: &str) -> PathBuf {
        let to = self.lasting.folder.path().join(name);
        self.store.backup(&to).expect("it copies");
        to
    }

    /// A new process, which has not swept, over a copy of the store.
    pub(crate) async fn rewind(self, backup: &Path) -> Self {
        self.engine.stop().await;
        let Self { engine, worker, store, reader, mut lasting } = self;
        drop((engine, worker, store, reader));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(backup, folder.path().join(FILE_NAME)).expect("it is put back");
        lasting.earlier.push(std::mem::replace(&mut lasting.folder, folder));
        Self::raise(lasting)
    }

    pub(crate) async fn register(&self, entry: RegistryEntry) {
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        let envelope = Envelope { merchant: self.lasting.merchant, actor: Actor::Sandbox, once: None, work };
        self.engine.execute(envelope).await.expect("decided").result.expect("taken");
    }

    /// A human being, who may approve or may not (any more).
    pub(crate) async fn person(&self, id: PersonId, may_approve: bool) -> PersonId {
        let roles: &[Role] = if may_approve { &[Role::Approver] } else { &[Role::Maker] };
        self.register(RegistryEntry::Person(Person::new(id, self.lasting.merchant, roles, make::AT))).await;
        id
    }

    /// So many people who may approve.
    pub(crate) async fn people(&mut self, count: usize) -> Vec<PersonId> {
        let mut people = Vec::new();
        for _ in 0..count {
            let id = self.lasting.ids.person();
            people.push(self.person(id, true).await);
        }
        people
    }

    pub(crate) async fn command(&self, command: Command) -> Result<Answer, Refusal> {
        let envelope = Envelope::command(self.lasting.merchant, Actor::Engine, command);
        self.engine.execute(envelope).await.expect("decided").result
    }

    pub(crate) async fn done(&self, command: Command) -> Answer {
        self.command(command).await.expect("taken")
    }

    /// What the command was refused with.
    pub(crate) async fn refused(&self, command: Command) -> Refusal {
        self.command(command).await.expect_err("refused")
    }

    /// Brings the wallet to this much.
    pub(crate) async fn fund(&self, available: u64) {
        self.done(Command::SetBalance { account: self.lasting.wallet, available }).await;
    }

    /// A settled payment of the usual customer.
    pub(crate) async fn payment(&mut self, minor: u64) -> PaymentId {
        self.payment_from(Some(make::party()), minor).await
    }

    pub(crate) async fn payment_from(&mut self, debtor: Option<Party>, minor: u64) -> PaymentId {
        let id = self.lasting.ids.payment();
        let amount = Amount::new(minor, Currency::AUD);
        let mut record = make::record_payment(id, self.lasting.wallet, amount);
        record.debtor = debtor;
        self.done(Command::RecordPayment(record)).await;
        id
    }

    /// The words of a request, to be changed where a story cares.
    pub(crate) fn wish(&mut self, payment: PaymentId, minor: u64, key: &str) -> RequestRefund {
        make::request(self.lasting.ids.refund(), payment, self.lasting.wallet, minor, key)
    }

    pub(crate) async fn ask(&self, request: RequestRefund) -> Result<Refund, Refusal> {
        let answer = self.command(Command::RequestRefund(Box::new(request))).await?;
        let Answer::Refund(refund) = answer else { panic!("a refund was asked for: {answer:?}") };
        Ok(*refund)
    }

    pub(crate) async fn ask_once(&self, request: RequestRefund, once: Once) -> Result<Outcome, Unavailable> {
        let command = Command::RequestRefund(Box::new(request));
        let envelope = Envelope::command(self.lasting.merchant, Actor::Credential(Arc::from("key-1")), command);
        self.engine.execute(envelope.once(Some(once))).await
    }

    /// A plain refund that is taken.
    pub(crate) async fn refund(&mut self, payment: PaymentId, minor: u64, key: &str) -> Refund {
        let request = self.wish(payment, minor, key);
        self.ask(request).await.expect("taken")
    }

    /// A refund that was paid and reported.
    pub(crate) async fn settled(&mut self, payment: PaymentId, minor: u64, key: &str) -> Refund {
        let refund = self.refund(payment, minor, key).await;
        self.run().await;
        let stored = self.stored(refund.id);
        assert_eq!(stored.state.code(), "settled");
        stored
    }

    /// Lets the worker work until nothing is due.
    pub(crate) async fn run(&self) {
        for _ in 0..ROUND_COUNT_MAX {
            let before = self.newest_event();
            let next = self.worker.step().await;
            let quiet = next.is_none_or(|at| at > self.engine.now());
            if quiet && self.newest_event() == before && self.bank().report_count() == 0 {
                return;
            }
        }
        panic!("the worker does not come to rest");
    }

    /// Time goes on, then the worker works.
    pub(crate) async fn wait(&self, span: Span) {
        self.lasting.clock.advance(span);
        self.run().await;
    }

    pub(crate) fn bank(&self) -> &ScriptedRail {
        &self.lasting.line.bank
    }

    pub(crate) fn reader(&self) -> &dyn Reader {
        &*self.reader
    }

    fn newest_event(&self) -> u64 {
        self.reader.newest_event().expect("it reads").0
    }

    pub(crate) fn stored(&self, id: RefundId) -> Refund {
        self.reader.refund(self.lasting.merchant, id).expect("it reads").expect("it is there")
    }

    pub(crate) fn state(&self, id: RefundId) -> &'static str {
        self.stored(id).state.code()
    }

    pub(crate) fn stored_payment(&self, id: PaymentId) -> Payment {
        self.reader.payment(self.lasting.merchant, id).expect("it reads").expect("it is there")
    }

    /// What may be spent from an account.
    pub(crate) fn available(&self, account: AccountId) -> u64 {
        self.account(account).available()
    }

    pub(crate) fn account(&self, account: AccountId) -> refundry_domain::ledger::Balance {
        self.reader.account(self.lasting.merchant, account).expect("it reads").expect("it is there").balance
    }

    pub(crate) fn in_wallet(&self) -> u64 {
        self.available(self.lasting.wallet)
    }

    /// Every balance, counter and chain is right.
    pub(crate) fn verify(&self) {
        assert_eq!(verify(self.reader()).expect("it reads").fault, None);
    }

    /// The end of every story.
    pub(crate) async fn end(self) {
        self.verify();
        self.engine.stop().await;
    }
}

/// Lets a worker's loop run until it has swept.
pub(crate) async fn sweep(worker: &Arc<RailWorker>) {
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(worker).run(stopped));
    while !worker.has_swept() {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    running.await.expect("the worker ends");
}
