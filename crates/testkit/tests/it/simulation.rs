//! Random faults against the real engine: lost calls, a bank that repeats
//! itself or is away, a full disk, restarts, old backups. Safety while they
//! last; afterwards, with clients that repeat what they asked, the store and
//! the bank agree.

use proptest::prelude::*;
use proptest::test_runner::Config;
use refundry_domain::command::Command;
use refundry_domain::event::Event;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::payout::PayoutState;
use refundry_domain::refund::{CaseCode, Refund, RefundState};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::envelope::Answer;
use refundry_engine::store::{PageRequest, PayoutFilter, RefundFilter};
use refundry_testkit::memory::{MemoryStore, Snapshot};
use refundry_testkit::rail::Manner;
use refundry_testkit::story::{Wanted, World};
use std::collections::BTreeSet;

/// Amount of each payment, minor units.
const AMOUNT: u64 = 60;
const PAYMENT_COUNT: usize = 2;
/// Payouts are greater than any refund, each of its own amount, and more than
/// the wallet can pay all of.
const PAYOUT_MIN: u64 = 3_000;

#[derive(Debug, Clone, Copy)]
enum Move {
    Ask { key: usize },
    PayOut { key: usize },
    Cancel { key: usize },
    Bank(Manner),
    BankPays,
    BankRefuses,
    BankReturns { nth: usize, back: u64 },
    BankRepeats,
    BankAway(bool),
    DiskFull,
    Work,
    Wait { seconds: u64 },
    Restart,
    Backup,
    Restore,
}

struct Simulation {
    store: MemoryStore,
    world: World,
    payments: Vec<PaymentId>,
    asked: BTreeSet<usize>,
    paid_out: BTreeSet<usize>,
    backup: Snapshot,
    restored: bool,
}

impl Simulation {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let mut world = World::new(store.open(), 10_000).await;
        let mut payments = Vec::new();
        for _ in 0..PAYMENT_COUNT {
            payments.push(world.payment(AMOUNT).await);
        }
        let backup = store.snapshot();
        Self { store, world, payments, asked: BTreeSet::new(), paid_out: BTreeSet::new(), backup, restored: false }
    }

    /// What a key stands for: the same key is always the same request.
    async fn ask(&mut self, key: usize) -> Option<RefundId> {
        self.asked.insert(key);
        let payment = self.payments[key % PAYMENT_COUNT];
        let minor = 10 + (key as u64 * 7) % 40;
        let name = format!("key {key}");
        let outcome = self.world.ask(Wanted { payment, minor, key: &name }).await.ok()?;
        let answer = outcome.result.ok()?;
        let Answer::Refund(refund) = answer else { panic!("a refund was asked for, the answer was {answer:?}") };
        Some(refund.id)
    }

    /// The same key is always the same payout.
    async fn pay_out(&mut self, key: usize) {
        self.paid_out.insert(key);
        let minor = PAYOUT_MIN + key as u64;
        let _ = self.world.pay_out(minor, &format!("payout {key}")).await;
    }

    async fn restart(self, restored: bool) -> Self {
        let Self { store, world, payments, asked, paid_out, backup, restored: before } = self;
        if restored {
            // What a bank has not decided when the store is lost is for people.
            world.rail.pay_kept();
            store.restore(&backup);
            // After a loss its reports are read again from the beginning.
            world.rail.repeat_everything();
        }
        let world = world.restart(store.open()).await;
        Self { store, world, payments, asked, paid_out, backup, restored: restored || before }
    }

    async fn play(mut self, one: Move) -> Self {
        match one {
            Move::Ask { key } => {
                self.ask(key).await;
            }
            Move::PayOut { key } => self.pay_out(key).await,
            Move::Cancel { key } => {
                if let Some(refund) = self.ask(key).await {
                    let _ = self.world.command(Command::CancelRefund { refund }).await;
                }
            }
            Move::Bank(manner) => self.world.rail.next(manner),
            Move::BankPays => self.world.rail.pay_kept(),
            Move::BankRefuses => self.world.rail.refuse_kept("AC04"),
            Move::BankReturns { nth, back } => {
                let payments = self.world.rail.payments();
                if let Some((id, amount)) = nth.checked_rem(payments.len()).and_then(|nth| payments.get(nth)) {
                    self.world.rail.give_back(id, back.min(amount.minor), "AC04");
                }
            }
            Move::BankRepeats => self.world.rail.repeat_everything(),
            Move::BankAway(away) => self.world.rail.set_down(away),
            Move::DiskFull => self.store.fail_next_commit(),
            Move::Work => {
                self.world.step().await;
            }
            Move::Wait { seconds } => self.world.wait(Span::seconds(seconds)).await,
            // The sweep begins at the newest event that the store had at its
            // start, so what is written before it ends must not outlive it.
            Move::Restart | Move::Backup if !self.world.worker.has_swept() => {}
            Move::Restart => return self.restart(false).await,
            Move::Backup => self.backup = self.store.snapshot(),
            Move::Restore => return self.restart(true).await,
        }
        self.world.verify();
        self
    }

    /// The faults stop and everybody asks again what they asked.
    async fn calm(&mut self) {
        self.world.rail.set_down(false);
        self.world.rail.forget_manners();
        self.store.free_room();
        for _ in 0..4 {
            for key in self.asked.clone() {
                self.ask(key).await;
            }
            for key in self.paid_out.clone() {
                self.pay_out(key).await;
            }
            self.world.rail.pay_kept();
            self.world.wait(Span::seconds(7_200)).await;
        }
        for _ in 0..3 {
            self.world.rail.pay_kept();
            self.world.wait(Span::seconds(7_200)).await;
        }
    }

    fn refunds(&self) -> Vec<Refund> {
        let page = PageRequest { limit: 1_000, before: None };
        self.world.reader().refunds(self.world.merchant, &RefundFilter::default(), page).expect("the store is read")
    }

    fn check_end(&self) {
        self.world.verify();
        let refunds = self.refunds();
        let is_settled = |refund: &Refund| matches!(refund.state, RefundState::Settled { .. });
        let (mut explained, mut paid) = (0, 0);
        for (id, amount) in self.world.rail.standing_payments() {
            if amount.minor >= PAYOUT_MIN {
                continue;
            }
            paid += amount.minor;
            // What does not fit its payment any more lies in suspense.
            let known = self.world.reader().instruction(&id).expect("the store is read");
            if let Some((_, Order::Refund(refund), _)) = known {
                assert!(is_settled(&self.world.stored(refund)), "I-5: what the bank paid is settled");
                explained += amount.minor;
            }
        }
        let settled: u64 = refunds.iter().filter(|refund| is_settled(refund)).map(|refund| refund.amount.minor).sum();
        assert_eq!(settled, explained, "I-5: what is settled was paid, once");
        assert!(paid <= AMOUNT * PAYMENT_COUNT as u64, "not more goes out than came in");
        assert!(paid == explained || self.restored, "only a restored store has something to explain");
        for refund in &refunds {
            let events = self.world.reader().refund_events(self.world.merchant, refund.id).expect("the store is read");
            let numbers: Vec<u32> = events.iter().map(|event| event.number).collect();
            assert!((1..).zip(&numbers).all(|(expected, number)| expected == *number), "I-12: {numbers:?}");
            let told = events.iter().filter_map(Event::refund_state).next_back();
            assert_eq!(told, Some(refund.state), "I-12: the newest event tells the state");
            let quiet =
                refund.state.is_final() || refund.is_blocked() || refund.has_open_case(CaseCode::UnknownOutcome);
            assert!(quiet, "I-10: an end, or a case for people: {refund:?}");
        }
    }
}

/// Whatever happened, the bank paid each payout at most once, and the store
/// knows, or a person is asked.
fn check_payouts(simulation: &Simulation) {
    let world = &simulation.world;
    let whole = PayoutFilter { account: world.wallet, from: Timestamp(0), to: Timestamp(i64::MAX) };
    let page = PageRequest { limit: 1_000, before: None };
    let payouts = world.reader().payouts(world.merchant, &whole, page).expect("the store is read");
    let mut seen = BTreeSet::new();
    for (id, amount) in world.rail.payments() {
        assert!(amount.minor < PAYOUT_MIN || seen.insert(amount.minor), "a payout is paid once");
        let known = world.reader().instruction(&id).expect("the store is read");
        assert!(known.is_some() || simulation.restored, "only a restored store has something to explain");
    }
    for payout in &payouts {
        let for_people = payout.has_open_case(CaseCode::Unmatched) || payout.has_open_case(CaseCode::UnknownOutcome);
        assert!(payout.state.is_final() || for_people, "I-10: an end, or a case for people: {payout:?}");
        let paid = world.rail.standing_payments().iter().any(|(_, amount)| *amount == payout.amount);
        assert!(payout.state != PayoutState::Settled || paid, "I-5: what is settled was paid");
        let failed = matches!(payout.state, PayoutState::Failed { .. });
        assert!(!(failed && paid), "I-5: what failed was not paid");
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let manner = prop_oneof![
        2 => Just(Manner::Keep),
        1 => Just(Manner::Refuse("AC04")),
        1 => Just(Manner::RefuseLater("AC06")),
        2 => Just(Manner::LoseAnswer),
        1 => Just(Manner::LoseRequest),
    ];
    let one = prop_oneof![
        8 => (0..9_usize).prop_map(|key| Move::Ask { key }),
        3 => (0..5_usize).prop_map(|key| Move::PayOut { key }),
        1 => (0..9_usize).prop_map(|key| Move::Cancel { key }),
        4 => manner.prop_map(Move::Bank),
        2 => Just(Move::BankPays),
        1 => Just(Move::BankRefuses),
        1 => (0..9_usize, 0..60_u64).prop_map(|(nth, back)| Move::BankReturns { nth, back }),
        1 => Just(Move::BankRepeats),
        1 => any::<bool>().prop_map(Move::BankAway),
        1 => Just(Move::DiskFull),
        5 => Just(Move::Work),
        3 => prop_oneof![Just(1_u64), Just(31), Just(4_000)].prop_map(|seconds| Move::Wait { seconds }),
        1 => Just(Move::Restart),
        1 => Just(Move::Backup),
        1 => Just(Move::Restore),
    ];
    prop::collection::vec(one, 1..40)
}

fn simulate(moves: Vec<Move>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        let mut simulation = Simulation::new().await;
        for one in moves {
            simulation = simulation.play(one).await;
        }
        simulation.calm().await;
        simulation.check_end();
        check_payouts(&simulation);
        simulation.world.engine.stop().await;
    });
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() })]

    #[test]
    fn store_and_bank_agree_after_any_faults(moves in moves()) {
        simulate(moves);
    }
}
