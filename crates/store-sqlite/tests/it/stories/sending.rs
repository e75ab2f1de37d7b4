//! The send when the rail, the adapter or the process breaks: what is not
//! known is asked, never sent under another id.

use super::stage::{Break, Stage, sweep};
use refundry_domain::attempt::AttemptState;
use refundry_domain::command::{AbsentDecision, Command};
use refundry_domain::event::Actor;
use refundry_domain::id::RefundId;
use refundry_domain::refund::{CaseCode, RefundState, SettledBy};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::envelope::Envelope;
use refundry_engine::rail::Rail;
use refundry_engine::worker::RailWorker;
use refundry_testkit::rail::{Manner, ScriptedRail};
use std::sync::Arc;

fn newest(stage: &Stage, refund: RefundId) -> AttemptState {
    stage.stored(refund).newest_attempt().expect("it was tried").state
}

fn is_unknown(stage: &Stage, refund: RefundId) -> bool {
    matches!(newest(stage, refund), AttemptState::Unknown { .. })
}

/// The rules of a rail that must never get the same order twice.
fn unsafe_to_resend() -> Rules {
    Rules { resend_same_id: false, ..Rules::of(Environment::Sandbox) }
}

#[tokio::test]
async fn a_time_out_is_inquired_and_settles() {
    let mut stage = Stage::with(unsafe_to_resend(), 0).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::LoseAnswer);
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    assert!(is_unknown(&stage, refund));
    assert_eq!((stage.state(refund), stage.in_wallet()), ("submitted", 300));
    stage.wait(Span::seconds(5)).await;
    assert_eq!(stage.stored(refund).state, RefundState::Settled { by: SettledBy::Attempt(1) });
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (1, 1));
    stage.end().await;
}

// conformance: rails 5
// conformance: rails 8
#[tokio::test]
async fn not_found_is_no_proof() {
    let mut stage = Stage::with(unsafe_to_resend(), 0).await;
    let payment = stage.payment(500).await;
    let people = stage.people(2).await;
    stage.bank().next(Manner::LoseRequest);
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    for wait in [5, 5, 10, 20, 40, 80, 900, 86_400, 864_000] {
        stage.wait(Span::seconds(wait)).await;
        assert!(is_unknown(&stage, refund));
        assert_eq!((stage.state(refund), stage.bank().call_count(), stage.in_wallet()), ("submitted", 1, 300));
    }
    let AttemptState::Unknown { inquiries, .. } = newest(&stage, refund) else { panic!("it is unknown") };
    assert!(inquiries >= 5, "{inquiries}");
    assert!(stage.stored(refund).has_open_case(CaseCode::UnknownOutcome));

    let decide = |decision| Command::DecideAbsent { refund, decision, people: people.clone() };
    assert_eq!(stage.refused(decide(AbsentDecision::NewAttempt)).await, Refusal::ProofMissing);
    stage.done(Command::RecordAbsent { refund, people: people.clone() }).await;
    stage.run().await;
    assert_eq!((stage.state(refund), stage.bank().call_count()), ("submitted", 1), "people decide");
    stage.done(decide(AbsentDecision::NewAttempt)).await;
    stage.run().await;
    assert_eq!(stage.stored(refund).state, RefundState::Settled { by: SettledBy::Attempt(2) });
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (2, 1));
    stage.end().await;
}

// conformance: rails 6
#[tokio::test]
async fn a_panic_in_an_adapter_is_an_unknown_outcome_of_its_own_rail() {
    let mut stage = Stage::with(unsafe_to_resend(), 0).await;
    let payment = stage.payment(500).await;
    stage.lasting.line.breaks(Break::Panic);
    let first = stage.refund(payment, 200, "first").await.id;
    let second = stage.refund(payment, 100, "second").await.id;
    stage.worker.step().await;
    assert!(is_unknown(&stage, first) && is_unknown(&stage, second));

    let other = Arc::new(ScriptedRail::default());
    let beside = RailWorker::new(Arc::clone(&stage.engine), Arc::clone(&other) as Arc<dyn Rail>);
    let third = stage.refund(payment, 50, "third").await.id;
    sweep(&beside).await;
    beside.step().await;
    assert_eq!((stage.state(third), other.payments().len()), ("settled", 1), "another rail works");

    stage.wait(Span::seconds(60)).await;
    assert_eq!([first, second, third].map(|id| stage.state(id)), ["settled"; 3]);
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (2, 2));
    stage.end().await;
}

#[tokio::test]
async fn what_the_bank_never_heard_of_is_not_repeated_after_a_recall() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::LoseRequest);
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    stage.done(Command::ReversePayment { payment, amount: None }).await;
    stage.wait(Span::seconds(3_600)).await;
    assert_eq!((stage.state(refund), stage.bank().call_count()), ("submitted", 1));
    stage.end().await;
}

/// Kills the process between the intent and the answer.
async fn killed_while_sending(mut stage: Stage) -> (Stage, Vec<RefundId>) {
    let payment = stage.payment(500).await;
    let mut refunds = Vec::new();
    for key in ["first", "second", "third"] {
        refunds.push(stage.refund(payment, 100, key).await.id);
    }
    stage.lasting.line.breaks(Break::Hang);
    let worker = Arc::clone(&stage.worker);
    let stepping = tokio::spawn(async move { worker.step().await });
    while stage.bank().call_count() < refunds.len() {
        tokio::task::yield_now().await;
    }
    assert!(refunds.iter().all(|id| matches!(newest(&stage, *id), AttemptState::Sending { .. })));
    stepping.abort();
    assert!(stepping.await.is_err(), "it was killed");
    (stage.kill(), refunds)
}

// conformance: rails 8
// conformance: rails 9
#[tokio::test]
async fn what_was_being_sent_is_unknown_after_a_kill() {
    for paid in [true, false] {
        let stage = Stage::with(unsafe_to_resend(), 0).await;
        for manner in [if paid { Manner::LoseAnswer } else { Manner::LoseRequest }; 3] {
            stage.bank().next(manner);
        }
        let (stage, refunds) = killed_while_sending(stage).await;
        stage.bank().set_down(true);
        assert!(stage.worker.sweep().await.is_err(), "a bank that is silent lets nothing begin");
        assert!(refunds.iter().all(|id| is_unknown(&stage, *id)));
        stage.run().await;
        stage.bank().set_down(false);
        stage.sweep().await;
        stage.wait(Span::seconds(3_600)).await;
        let state = if paid { "settled" } else { "submitted" };
        assert!(refunds.iter().all(|id| stage.state(*id) == state));
        assert_eq!((stage.bank().call_count(), stage.in_wallet()), (3, 200));
        assert_eq!(stage.bank().payments().len(), if paid { 3 } else { 0 });
        let stage = stage.restart().await;
        stage.sweep().await;
        stage.wait(Span::seconds(3_600)).await;
        assert_eq!(stage.bank().call_count(), 3);
        stage.end().await;
    }
}

// conformance: rails 41
#[tokio::test]
async fn the_kill_switch_stops_sending_and_lets_evidence_in() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::Keep);
    let sent = stage.refund(payment, 100, "sent").await.id;
    stage.run().await;
    stage.worker.pause(true);
    let held_back = stage.refund(payment, 200, "held back").await.id;
    stage.bank().pay_kept();
    for wait in [0, 1, 3_600] {
        stage.wait(Span::seconds(wait)).await;
        assert_eq!((stage.state(sent), stage.state(held_back)), ("settled", "ready"));
        assert_eq!(stage.bank().call_count(), 1, "the very next step sends nothing");
    }
    stage.worker.pause(false);
    stage.run().await;
    assert_eq!((stage.state(held_back), stage.in_wallet()), ("settled", 200));
    stage.end().await;
}

// conformance: rails 10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_send_each_attempt_once() {
    const REFUND_COUNT: usize = 10_000;
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(REFUND_COUNT as u64).await;
    let rail = || Arc::clone(&stage.lasting.line) as Arc<dyn Rail>;
    let workers = [rail(), rail()].map(|rail| RailWorker::new(Arc::clone(&stage.engine), rail));
    for worker in &workers {
        sweep(worker).await;
    }
    let merchant = stage.lasting.merchant;
    let requests: Vec<Envelope> = (0..REFUND_COUNT)
        .map(|number| {
            let request = stage.wish(payment, 1, &number.to_string());
            Envelope::command(merchant, Actor::Engine, Command::RequestRefund(Box::new(request)))
        })
        .collect();
    let taken = stage.engine.execute_all(requests).await;
    assert!(taken.iter().all(|outcome| outcome.as_ref().is_ok_and(|outcome| outcome.result.is_ok())));
    while stage.bank().call_count() < REFUND_COUNT {
        tokio::join!(workers[0].step(), workers[1].step());
    }
    stage.run().await;
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (REFUND_COUNT, REFUND_COUNT));
    assert_eq!(stage.in_wallet(), 0);
    stage.end().await;
}
