//! Money that comes back: refunds that are returned, pay-ins that are recalled.

use super::stage::Stage;
use refundry_domain::approval::ApprovalPolicy;
use refundry_domain::attempt::AttemptState;
use refundry_domain::command::Command;
use refundry_domain::event::{Event, EventKind};
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::instruction::{EvidenceId, Report};
use refundry_domain::payment::{PaymentBlockCode, PaymentState};
use refundry_domain::reason::{BankCode, FailureKind};
use refundry_domain::reference::ids_of_attempt;
use refundry_domain::refund::{CaseCode, RefundState};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, ReturnCharges, Rules};
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_testkit::rail::Manner;
use std::sync::atomic::Ordering;

/// The instruction id under which the bank paid last.
fn last_paid(stage: &Stage) -> String {
    stage.bank().payments().pop().expect("it paid").0
}

fn report(instruction_id: &str, evidence: u8, report: Report) -> Command {
    let evidence = EvidenceId([evidence; 8]);
    Command::RecordReport { instruction_id: instruction_id.to_owned(), evidence, report }
}

// conformance: rails 29
#[tokio::test]
async fn a_return_frees_once_and_a_second_one_is_unexplained() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let refund = stage.settled(payment, 200, "first").await;
    assert_eq!((stage.in_wallet(), stage.stored_payment(payment).counters.refundable()), (300, 300));
    let id = last_paid(&stage);
    let code = BankCode::parse("AC04");
    for _ in 0..2 {
        stage.bank().give_back(&id, 200, "AC04");
        stage.run().await;
        assert_eq!(stage.stored(refund.id).state, RefundState::Returned { code, amount_back: 200, charges: 0 });
        assert_eq!((stage.in_wallet(), stage.stored_payment(payment).counters.refundable()), (500, 500));
    }
    assert!(!stage.stored(refund.id).has_open_case(CaseCode::Returned), "the same evidence is one return");
    stage.done(report(&id, 9, Report::Returned { amount_back: 200, code })).await;
    assert!(stage.stored(refund.id).has_open_case(CaseCode::Returned));
    assert_eq!((stage.in_wallet(), stage.stored_payment(payment).counters.refundable()), (500, 500));
    assert_eq!(stage.account(stage.lasting.book.suspense).credit_posted(), 200);
    stage.settled(payment, 500, "again").await;
    assert_eq!(stage.in_wallet(), 0);
    stage.end().await;
}

// conformance: rails 27
#[tokio::test]
async fn a_return_of_what_was_refused_is_not_ours() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::Refuse("AC04"));
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    assert_eq!((stage.state(refund), stage.in_wallet()), ("failed", 500));
    let held = stage.account(stage.lasting.wallet);
    let instruction = instruction_of(&stage, refund);
    stage.done(report(&instruction, 1, Report::Returned { amount_back: 200, code: None })).await;
    assert_eq!((stage.state(refund), stage.account(stage.lasting.wallet)), ("failed", held));
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 500);
    stage.end().await;
}

// conformance: rails 49
#[tokio::test]
async fn charges_of_a_short_return_are_somebodys() {
    for (bearer, in_wallet, borne) in [(ReturnCharges::Operator, 500, -5), (ReturnCharges::Merchant, 495, 0)] {
        let rules = Rules { return_charges: bearer, ..Rules::of(Environment::Sandbox) };
        let mut stage = Stage::with(rules, 0).await;
        let payment = stage.payment(500).await;
        let refund = stage.settled(payment, 100, "short").await;
        stage.bank().give_back(&last_paid(&stage), 95, "AC06");
        stage.run().await;
        let code = BankCode::parse("AC06");
        assert_eq!(stage.stored(refund.id).state, RefundState::Returned { code, amount_back: 95, charges: 5 });
        assert_eq!(stage.stored_payment(payment).counters.refundable(), 500, "the full amount is free");
        assert_eq!(stage.in_wallet(), in_wallet);
        assert_eq!(stage.account(stage.lasting.book.bank_charges).credit_posted(), borne);
        stage.end().await;
    }
    for (charges, state) in [(3, "settled"), (0, "submitted")] {
        let mut stage = Stage::new(0).await;
        let payment = stage.payment(500).await;
        stage.bank().next(Manner::Keep);
        let refund = stage.refund(payment, 100, "dear").await.id;
        stage.run().await;
        let instruction = instruction_of(&stage, refund);
        stage.done(report(&instruction, 1, Report::Executed { amount: 103, charges })).await;
        assert_eq!(stage.state(refund), state);
        assert_eq!(stage.stored(refund).has_open_case(CaseCode::Difference), charges == 0);
        stage.end().await;
    }
}

/// The id under which the newest attempt is known at the bank.
fn instruction_of(stage: &Stage, refund: RefundId) -> String {
    let stored = stage.stored(refund);
    let number = stored.newest_attempt().expect("it was tried").number;
    ids_of_attempt(&stored, number, stage.engine.rules().environment, sha256).instruction_id
}

// conformance: rails 50
#[tokio::test]
async fn a_return_that_is_heard_first_settles_and_returns_at_once() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::LoseAnswer);
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    let newest = stage.stored(refund).newest_attempt().map(|attempt| attempt.state);
    assert!(matches!(newest, Some(AttemptState::Unknown { .. })), "{newest:?}");
    let batches = stage.engine.counters().batches.load(Ordering::Relaxed);
    let returned = Report::Returned { amount_back: 200, code: None };
    stage.done(report(&last_paid(&stage), 1, returned)).await;
    assert_eq!(stage.engine.counters().batches.load(Ordering::Relaxed), batches + 1);
    let events = stage.reader().refund_events(stage.lasting.merchant, refund).expect("it reads");
    let entered = |event: &Event| {
        let EventKind::RefundEntered { state } = event.kind else { return None };
        Some(state.code())
    };
    let states: Vec<_> = events.iter().filter_map(entered).collect();
    assert_eq!(states, ["ready", "submitted", "settled", "returned"]);
    stage.wait(Span::days(1)).await;
    assert_eq!((stage.state(refund), stage.in_wallet()), ("returned", 500));
    assert_eq!(stage.bank().call_count(), 1);
    stage.end().await;
}

async fn recall(stage: &Stage, payment: PaymentId) {
    stage.done(Command::ReversePayment { payment, amount: None }).await;
    let stored = stage.stored_payment(payment);
    assert_eq!((stored.state, stored.counters.reversed), (PaymentState::Reversed, 500));
    assert!(stored.is_blocked_by(PaymentBlockCode::Recall));
    stage.verify();
}

fn exposed(stage: &Stage, payment: PaymentId) -> (u64, bool) {
    let stored = stage.stored_payment(payment);
    let open = stored.cases.iter().any(|case| case.code == CaseCode::Exposure && case.closed_at.is_none());
    (stored.counters.exposure(), open)
}

// conformance: rails 32
#[tokio::test]
async fn a_recall_before_the_send_stops_it() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let people = stage.people(1).await;
    let mut request = stage.wish(payment, 200, "first");
    request.approval = Some(ApprovalPolicy { required: 1, valid_for: Span::days(7), version: 1 });
    let refund = stage.ask(request).await.expect("taken").id;
    stage.done(Command::ApproveRefund { refund, by: people[0], seen: None, note: None }).await;
    assert_eq!(stage.state(refund), "ready");
    recall(&stage, payment).await;
    stage.run().await;
    let RefundState::Failed { failure } = stage.stored(refund).state else { panic!("{}", stage.state(refund)) };
    assert_eq!(failure.kind, FailureKind::PaymentBlocked);
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (0, 0));
    assert_eq!(exposed(&stage, payment), (0, false));
    stage.end().await;
}

#[tokio::test]
async fn a_recall_of_what_is_under_way_is_exposure() {
    for (paid, end, exposure) in [(true, "settled", 200), (false, "failed", 0)] {
        let mut stage = Stage::new(0).await;
        let payment = stage.payment(500).await;
        stage.bank().next(Manner::Keep);
        let refund = stage.refund(payment, 200, "first").await.id;
        stage.run().await;
        recall(&stage, payment).await;
        assert_eq!((stage.state(refund), exposed(&stage, payment)), ("submitted", (200, true)));
        if paid {
            stage.bank().pay_kept();
        } else {
            stage.bank().refuse_kept("AC04");
        }
        stage.run().await;
        assert_eq!((stage.state(refund), exposed(&stage, payment)), (end, (exposure, true)));
        stage.end().await;
    }
}

// conformance: rails 53
#[tokio::test]
async fn a_recall_after_a_settled_refund_is_recorded_and_stops_more() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let refund = stage.settled(payment, 200, "first").await.id;
    recall(&stage, payment).await;
    assert_eq!((stage.state(refund), exposed(&stage, payment)), ("settled", (200, true)));
    let more = stage.wish(payment, 100, "more");
    let refusal = stage.ask(more).await.expect_err("no more of it");
    assert!(matches!(refusal, Refusal::PaymentBlocked), "{refusal:?}");
    let again = Command::ReversePayment { payment, amount: Some(50) };
    stage.done(again).await;
    assert_eq!(stage.bank().payments().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_recall_after_a_return_takes_what_came_back() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let refund = stage.settled(payment, 200, "first").await.id;
    stage.bank().give_back(&last_paid(&stage), 200, "AC04");
    stage.run().await;
    assert_eq!(stage.in_wallet(), 500);
    recall(&stage, payment).await;
    assert_eq!((stage.state(refund), exposed(&stage, payment), stage.in_wallet()), ("returned", (0, false), 0));
    stage.end().await;
}
