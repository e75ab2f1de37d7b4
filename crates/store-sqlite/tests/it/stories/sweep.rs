//! A restored backup: the rail knows what the store forgot.

use super::stage::Stage;
use refundry_domain::approval::ApprovalPolicy;
use refundry_domain::command::{Command, ReferenceInput, RequestRefund};
use refundry_domain::event::EventKind;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::registry::RegistryEntry;
use refundry_testkit::make;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the client says, and will say again.
fn keyless(mut request: RequestRefund) -> RequestRefund {
    request.reference = ReferenceInput::Auto { hash: Arc::from("5a".repeat(32)) };
    request
}

fn words(stage: &mut Stage, payment: PaymentId) -> Vec<RequestRefund> {
    let named = stage.wish(payment, 100, "named");
    let (one, two) = (stage.wish(payment, 150, ""), stage.wish(payment, 150, ""));
    vec![named, keyless(one), keyless(two)]
}

fn instructions(stage: &Stage) -> BTreeSet<String> {
    stage.bank().payments().into_iter().map(|(id, _)| id).collect()
}

// conformance: rails 44
#[tokio::test]
async fn a_restored_store_adopts_what_the_rail_paid() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    for request in words(&mut stage, payment) {
        stage.ask(request).await.expect("taken");
    }
    let forgotten = stage.payment_from(Some(make::party_uk()), 80).await;
    stage.refund(forgotten, 80, "forgotten").await;
    stage.run().await;
    let paid = instructions(&stage);
    assert_eq!(paid.len(), 4);

    let mut stage = stage.rewind(&backup).await;
    let early = words(&mut stage, payment).remove(0);
    let early = stage.ask(early).await.expect("nobody knows it yet").id;
    stage.run().await;
    assert_eq!((stage.state(early), stage.bank().call_count()), ("ready", 4), "nothing is sent before the sweep");
    stage.sweep().await;
    assert_eq!(stage.state(early), "settled", "the rail knows that it was paid");
    assert_eq!(stage.stored_payment(payment).counters.claimed, 400);
    assert_eq!(stage.account(stage.lasting.book.suspense).credit_posted(), -80, "nobody knows what it was for");
    stage.verify();

    let mut refunds = BTreeSet::from([early]);
    for request in words(&mut stage, payment).into_iter().skip(1) {
        refunds.insert(stage.ask(request).await.expect("it is recognised").id);
    }
    stage.run().await;
    assert_eq!(refunds.len(), 3);
    for id in &paid {
        let known = stage.reader().instruction(id).expect("it reads");
        let owner = known.map(|(_, order, _)| RefundId(order.id()));
        assert!(owner.is_none_or(|refund| refunds.contains(&refund) && stage.state(refund) == "settled"));
    }
    let known = paid.iter().filter(|id| stage.reader().instruction(id).expect("it reads").is_some()).count();
    assert_eq!(known, 3, "all but the one in suspense");
    assert_eq!((instructions(&stage), stage.bank().payments().len(), stage.bank().call_count()), (paid, 4, 4));

    let third = stage.wish(payment, 100, "new");
    stage.ask(third).await.expect("a new refund is a new refund");
    stage.run().await;
    assert_eq!((stage.bank().payments().len(), stage.in_wallet()), (5, 1_000));
    let mut record = make::record_payment(forgotten, stage.lasting.wallet, Amount::new(80, Currency::AUD));
    record.debtor = Some(make::party_uk());
    stage.done(Command::RecordPayment(record)).await;
    let again = stage.wish(forgotten, 80, "forgotten");
    assert_eq!(stage.ask(again).await, Err(Refusal::PaymentBlocked), "a person explains the debit first");
    stage.end().await;
}

// conformance: rails 44
#[tokio::test]
async fn a_debit_that_does_not_agree_lies_in_suspense() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.settled(payment, 300, "first").await;
    let stage = stage.rewind(&backup).await;
    // The bank took most of the payment back: 300 cannot have been of it.
    stage.done(Command::ReversePayment { payment, amount: Some(400) }).await;
    stage.sweep().await;
    assert_eq!(stage.stored_payment(payment).counters.claimed, 0);
    assert_eq!(stage.account(stage.lasting.book.suspense).credit_posted(), -300);
    stage.end().await;
}

#[tokio::test]
async fn what_the_wallet_lacks_for_an_adopted_debit_is_owed() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.settled(payment, 300, "first").await;
    let mut stage = stage.rewind(&backup).await;
    stage.fund(100).await;
    stage.sweep().await;
    assert_eq!(stage.in_wallet(), 0);
    assert_eq!(stage.account(stage.lasting.book.due_from_merchant).credit_posted(), -200);
    let again = stage.wish(payment, 300, "first");
    let again = stage.ask(again).await.expect("it is recognised, whatever the wallet holds").id;
    assert_eq!(stage.state(again), "settled");
    stage.run().await;
    assert_eq!(stage.bank().call_count(), 1);
    stage.end().await;
}

#[tokio::test]
async fn what_waits_at_a_gate_before_the_sweep_is_found_to_be_paid() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let people = stage.people(1).await;
    let backup = stage.backup("before");
    let asking = |mut request: RequestRefund| {
        request.approval = Some(ApprovalPolicy { required: 1, valid_for: Span::days(1), version: 1 });
        request
    };
    let request = stage.wish(payment, 300, "first");
    let refund = stage.ask(asking(request)).await.expect("taken").id;
    stage.done(Command::ApproveRefund { refund, by: people[0], seen: None, note: None }).await;
    stage.run().await;
    for cancelled in [false, true] {
        stage = stage.rewind(&backup).await;
        let request = stage.wish(payment, 300, "first");
        let refund = stage.ask(asking(request)).await.expect("taken").id;
        assert_eq!(stage.state(refund), "awaiting_approval");
        if cancelled {
            stage.done(Command::CancelRefund { refund }).await;
        }
        stage.sweep().await;
        stage.run().await;
        assert_eq!(stage.state(refund), if cancelled { "cancelled" } else { "settled" });
        assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 200));
        assert_eq!(stage.stored_payment(payment).counters.refundable(), 200, "the debit is of this payment");
        stage.verify();
    }
    stage.end().await;
}

#[tokio::test]
async fn an_adopted_debit_that_came_back_is_still_the_clients_refund() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.settled(payment, 300, "first").await;
    let mut stage = stage.rewind(&backup).await;
    stage.sweep().await;
    let (instruction, _) = stage.bank().payments().pop().expect("it paid");
    stage.bank().give_back(&instruction, 300, "AC04");
    stage.run().await;
    assert_eq!((stage.stored_payment(payment).counters.refundable(), stage.in_wallet()), (500, 500));
    let again = stage.wish(payment, 300, "first");
    let again = stage.ask(again).await.expect("it is recognised");
    assert_eq!(again.state.code(), "returned");
    let events = stage.reader().refund_events(stage.lasting.merchant, again.id).expect("it reads");
    let told = events.last().map(|event| event.kind.clone());
    assert!(matches!(told, Some(EventKind::RefundEntered { state }) if state == again.state), "{told:?}");
    stage.run().await;
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 500));
    stage.end().await;
}

// conformance: rails 44
#[tokio::test]
async fn a_second_restart_before_the_sweep_ends_hides_nothing() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.settled(payment, 300, "first").await;
    let mut stage = stage.rewind(&backup).await;
    for _ in 0..2 {
        // Newer than what the store forgot, and written before the sweep.
        stage.lasting.clock.advance(Span::days(1));
        stage.payment(10).await;
        stage = stage.kill();
    }
    stage.sweep().await;
    assert_eq!(stage.stored_payment(payment).counters.claimed, 300, "adopted");
    let again = stage.wish(payment, 300, "first");
    let again = stage.ask(again).await.expect("it is recognised").id;
    stage.run().await;
    assert_eq!((stage.state(again), stage.bank().call_count()), ("settled", 1));

    let note = |stage: &Stage| {
        let registry = stage.reader().registry().expect("it reads");
        registry.into_iter().any(|entry| matches!(entry, RegistryEntry::Unswept(_)))
    };
    assert!(!note(&stage), "the sweep has ended");
    stage = stage.restart().await;
    assert!(!note(&stage), "a start alone writes nothing");
    stage.payment(10).await;
    assert!(note(&stage), "its first event does");
    stage.sweep().await;
    assert!(!note(&stage));
    stage.end().await;
}
