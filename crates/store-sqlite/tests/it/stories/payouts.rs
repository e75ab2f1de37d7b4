//! Payouts on the real store: paid, refused, short of money, doubted, given
//! back, told twice, and surviving what processes and disks do.

use super::stage::{Break, Stage};
use refundry_domain::attempt::AttemptState;
use refundry_domain::command::{Command, RequestPayout};
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::id::PayoutId;
use refundry_domain::instruction::Order;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey};
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::reason::FailureKind;
use refundry_domain::refund::CaseCode;
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::envelope::{Answer, Envelope, KEPT_FOR, Once};
use refundry_testkit::make;
use refundry_testkit::rail::Manner;

fn wish(stage: &mut Stage, minor: u64, key: &str) -> RequestPayout {
    let id = stage.lasting.ids.payout();
    make::request_payout(id, stage.lasting.wallet, Amount::new(minor, Currency::AUD), key)
}

async fn ask(stage: &mut Stage, minor: u64, key: &str) -> PayoutId {
    let request = wish(stage, minor, key);
    let answer = stage.done(Command::RequestPayout(Box::new(request))).await;
    let Answer::Payout(payout) = answer else { panic!("a payout was asked for: {answer:?}") };
    assert_eq!((payout.state, stage.stored_payout(payout.id)), (PayoutState::Ready, *payout.clone()));
    payout.id
}

impl Stage {
    fn stored_payout(&self, id: PayoutId) -> Payout {
        self.reader().payout(self.lasting.merchant, id).expect("it reads").expect("it is there")
    }

    /// The states that its events tell, in order.
    fn told(&self, id: PayoutId) -> Vec<&'static str> {
        let events = self.reader().events_after(0, 10_000).expect("it reads");
        let of_it = events.into_iter().filter(|stored| stored.event.payout == Some(id));
        let state = of_it.filter_map(|stored| {
            if let EventKind::PayoutEntered { state } = stored.event.kind { Some(state.code()) } else { None }
        });
        state.collect()
    }

    fn newest_try(&self, id: PayoutId) -> AttemptState {
        self.stored_payout(id).newest_attempt().expect("it was tried").state
    }
}

/// The rules of a rail that must never get the same order twice.
fn unsafe_to_resend() -> Rules {
    Rules { resend_same_id: false, ..Rules::of(Environment::Sandbox) }
}

#[tokio::test]
async fn a_payout_is_paid_once_whatever_is_told_how_often() {
    let mut stage = Stage::new(1_000).await;
    let payout = ask(&mut stage, 400, "first").await;
    assert_eq!(stage.in_wallet(), 1_000, "nothing is set aside before the send");
    stage.run().await;
    assert_eq!((stage.told(payout), stage.in_wallet()), (vec!["ready", "submitted", "settled"], 600));
    let [(instruction, amount)] = &stage.bank().payments()[..] else { panic!("it is paid once") };
    assert_eq!(amount.minor, 400);
    let named = stage.reader().instruction(instruction).expect("it reads");
    assert_eq!(named, Some((stage.lasting.merchant, Order::Payout(payout), 1)));

    stage.bank().repeat_everything();
    stage.run().await;
    assert_eq!((stage.told(payout).len(), stage.in_wallet()), (3, 600), "told twice, done once");
    stage.bank().give_back(instruction, 400, "AC06");
    stage.run().await;
    assert_eq!((stage.stored_payout(payout).state.code(), stage.in_wallet()), ("returned", 1_000));
    stage.bank().repeat_everything();
    stage.run().await;
    assert_eq!((stage.told(payout).last(), stage.in_wallet()), (Some(&"returned"), 1_000));
    assert_eq!((stage.bank().call_count(), stage.stored_payout(payout).cases.len()), (1, 0));
    stage.end().await;
}

#[tokio::test]
async fn what_is_refused_or_lacks_money_fails_and_moves_nothing() {
    let mut stage = Stage::new(1_000).await;
    stage.bank().next(Manner::Refuse("AC04"));
    stage.bank().next(Manner::RefuseLater("AC01"));
    let (at_once, later) = (ask(&mut stage, 400, "at once").await, ask(&mut stage, 300, "later").await);
    let beyond = ask(&mut stage, 1_001, "beyond").await;
    stage.run().await;
    let failed = |id| {
        let state = stage.stored_payout(id).state;
        if let PayoutState::Failed { failure } = state { failure.kind } else { panic!("{state:?}") }
    };
    assert_eq!(failed(at_once), FailureKind::AccountClosed);
    assert_eq!(failed(later), FailureKind::AccountInvalid);
    assert_eq!(failed(beyond), FailureKind::InsufficientFunds);
    assert_eq!(stage.told(beyond), ["ready", "failed"], "it was not sent");
    assert_eq!((stage.in_wallet(), stage.bank().payments().len(), stage.bank().call_count()), (1_000, 0, 2));
    stage.end().await;
}

#[tokio::test]
async fn refunds_and_payouts_share_a_float() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let refund = stage.refund(payment, 300, "refund").await.id;
    let (first, second) = (ask(&mut stage, 200, "first").await, ask(&mut stage, 1, "second").await);
    stage.run().await;
    assert_eq!((stage.state(refund), stage.stored_payout(first).state), ("settled", PayoutState::Settled));
    assert_eq!(stage.stored_payout(second).state.code(), "failed", "the refund and the first payout took it all");
    assert_eq!((stage.in_wallet(), stage.bank().payments().len()), (0, 2));
    stage.end().await;
}

#[tokio::test]
async fn a_time_out_after_acceptance_is_inquired_and_settles() {
    let mut stage = Stage::with(unsafe_to_resend(), 1_000).await;
    stage.bank().next(Manner::LoseAnswer);
    let payout = ask(&mut stage, 400, "first").await;
    stage.run().await;
    assert!(matches!(stage.newest_try(payout), AttemptState::Unknown { .. }));
    assert_eq!((stage.stored_payout(payout).state, stage.in_wallet()), (PayoutState::Submitted, 600));
    stage.wait(Span::seconds(5)).await;
    assert_eq!((stage.stored_payout(payout).state, stage.in_wallet()), (PayoutState::Settled, 600));
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (1, 1));
    stage.end().await;
}

#[tokio::test]
async fn a_lost_request_is_asked_about_and_never_sent_under_another_id() {
    let mut stage = Stage::with(unsafe_to_resend(), 1_000).await;
    stage.bank().next(Manner::LoseRequest);
    let payout = ask(&mut stage, 400, "first").await;
    stage.run().await;
    for wait in [5, 5, 10, 20, 40, 900, 86_400] {
        stage.wait(Span::seconds(wait)).await;
        assert!(matches!(stage.newest_try(payout), AttemptState::Unknown { .. }));
    }
    assert!(stage.stored_payout(payout).has_open_case(CaseCode::UnknownOutcome));
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 600), "\"not found\" is no proof");
    stage.end().await;
}

#[tokio::test]
async fn a_process_that_vanished_between_intent_and_answer_asks() {
    let mut stage = Stage::with(unsafe_to_resend(), 1_000).await;
    let payout = ask(&mut stage, 400, "first").await;
    stage.lasting.line.breaks(Break::Hang);
    let worker = std::sync::Arc::clone(&stage.worker);
    let hanging = tokio::spawn(async move { worker.step().await });
    while stage.bank().payments().is_empty() {
        tokio::task::yield_now().await;
    }
    hanging.abort();
    let _ = hanging.await;
    assert!(matches!(stage.newest_try(payout), AttemptState::Sending { .. }));
    let stage = stage.kill();
    stage.sweep().await;
    stage.run().await;
    assert_eq!((stage.stored_payout(payout).state, stage.in_wallet()), (PayoutState::Settled, 600));
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (1, 1));
    stage.end().await;
}

#[tokio::test]
async fn a_backup_from_before_the_send_learns_that_it_was_paid() {
    let mut stage = Stage::new(1_000).await;
    let payout = ask(&mut stage, 400, "first").await;
    let backup = stage.backup("before.db");
    stage.run().await;
    assert_eq!(stage.stored_payout(payout).state, PayoutState::Settled);
    let stage = stage.rewind(&backup).await;
    assert_eq!(stage.stored_payout(payout).state, PayoutState::Ready);
    stage.sweep().await;
    stage.run().await;
    assert_eq!((stage.stored_payout(payout).state, stage.in_wallet()), (PayoutState::Settled, 600));
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (1, 1), "it is not sent again");
    stage.end().await;
}

#[tokio::test]
async fn a_backup_from_before_the_payout_does_not_pay_it_again() {
    let mut stage = Stage::new(1_000).await;
    let backup = stage.backup("before.db");
    let payout = ask(&mut stage, 400, "first").await;
    stage.run().await;
    assert_eq!(stage.stored_payout(payout).state, PayoutState::Settled);
    let mut stage = stage.rewind(&backup).await;
    stage.sweep().await;
    // The client repeats its call and gets a payout that a person must look at.
    let again = ask(&mut stage, 400, "first").await;
    stage.run().await;
    assert!(stage.stored_payout(again).has_open_case(CaseCode::Unmatched));
    assert_eq!((stage.stored_payout(again).state, stage.bank().call_count()), (PayoutState::Ready, 1));
    let unexplained = |stage: &Stage| stage.account(stage.lasting.book.suspense).credit_posted();
    assert_eq!(unexplained(&stage), -400);
    let stage = stage.restart().await;
    stage.sweep().await;
    assert_eq!(unexplained(&stage), -400, "another sweep does not book it again");
    stage.end().await;
}

#[tokio::test]
async fn a_key_leads_to_one_payout_for_ever() {
    let mut stage = Stage::new(1_000).await;
    let once = Once {
        key: OnceKey([5; 16]),
        fingerprint: Fingerprint([6; 16]),
        keep_world_refusals: false,
        kept_for: KEPT_FOR,
    };
    let merchant = stage.lasting.merchant;
    let envelope = |request: RequestPayout, once| {
        let command = Command::RequestPayout(Box::new(request));
        Envelope::command(merchant, Actor::Engine, command).once(Some(once))
    };
    let request = wish(&mut stage, 400, "first");
    let id = request.id;
    let first = stage.engine.execute(envelope(request, once)).await.expect("decided");
    assert!(!first.replayed);
    stage.run().await;
    for days in [0, 29, 400] {
        stage.wait(Span::days(days)).await;
        let request = wish(&mut stage, 400, "first");
        let again = stage.engine.execute(envelope(request, once)).await.expect("decided");
        let Ok(Answer::Payout(known)) = again.result else { panic!("{:?}", again.result) };
        assert!(again.replayed, "after {days} days");
        assert_eq!((known.id, known.state, known.at_creation().state), (id, PayoutState::Settled, PayoutState::Ready));
    }
    let other = Once { fingerprint: Fingerprint([7; 16]), ..once };
    let request = wish(&mut stage, 500, "first");
    let refused = stage.engine.execute(envelope(request, other)).await.expect("decided");
    assert_eq!(refused.result.expect_err("refused"), Refusal::KeyReused);
    let request = wish(&mut stage, 400, "first");
    let refused = stage.refused(Command::RequestPayout(Box::new(request))).await;
    assert_eq!(refused, Refusal::DuplicateReference, "the name is taken, too");
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 600));
    stage.end().await;
}
