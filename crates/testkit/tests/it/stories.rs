//! The engine over the store in memory: what happens when things go wrong.

use refundry_domain::command::Command;
use refundry_domain::refund::{RefundState, SettledBy};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::envelope::Unavailable;
use refundry_testkit::memory::MemoryStore;
use refundry_testkit::rail::Manner;
use refundry_testkit::story::{Wanted, World};

#[tokio::test]
async fn a_refund_is_paid_once() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    let refund = world.refund(payment, 200, "first").await.expect("taken");
    assert_eq!(refund.state, RefundState::Ready);
    world.run().await;
    assert_eq!(world.stored(refund.id).state, RefundState::Settled { by: SettledBy::Attempt(1) });
    let again = world.refund(payment, 200, "first").await.expect("the same answer");
    assert_eq!(again.id, refund.id, "the same key is the same refund");
    assert_eq!(world.refund(payment, 300, "first").await, Err(Refusal::KeyReused));
    assert_eq!(world.refund(payment, 400, "second").await, Err(Refusal::AmountExceedsRefundable { remaining: 300 }));
    world.run().await;
    assert_eq!(world.rail.payments().len(), 1);
    assert_eq!(world.available(), 1_300);
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_inquired_never_sent_again() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    for (manner, settled) in [(Manner::LoseAnswer, true), (Manner::LoseRequest, false)] {
        world.rail.next(manner);
        let refund = world.refund(payment, 100, &format!("{manner:?}")).await.expect("taken");
        let calls = world.rail.call_count();
        for _ in 0..20 {
            world.wait(Span::seconds(3_600)).await;
        }
        assert_eq!(world.rail.call_count(), calls + 1, "sent once, whatever the silence");
        let state = world.stored(refund.id).state;
        let by = SettledBy::Attempt(1);
        assert_eq!(state, if settled { RefundState::Settled { by } } else { RefundState::Submitted });
    }
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn a_full_store_takes_nothing_and_hurts_nothing() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    store.fail_next_commit();
    let wanted = Wanted { payment, minor: 100, key: "first" };
    assert_eq!(world.ask(wanted).await.map(|_| ()), Err(Unavailable::Store));
    let refund = world.refund(payment, 100, "first").await.expect("the repetition is taken");
    store.fail_next_commit();
    world.run().await;
    world.run().await;
    assert_eq!(world.stored(refund.id).state, RefundState::Settled { by: SettledBy::Attempt(1) });
    assert_eq!(world.rail.payments().len(), 1);
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn a_restored_backup_and_the_clients_repetitions_pay_nothing_twice() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    let backup = store.snapshot();
    let before = world.refund(payment, 200, "first").await.expect("taken");
    world.run().await;
    assert_eq!(world.rail.payments().len(), 1);

    store.restore(&backup);
    let mut world = world.restart(store.open()).await;
    let again = world.refund(payment, 200, "first").await.expect("taken");
    world.run().await;
    assert_ne!(again.id, before.id, "the store knows nothing of the first one");
    assert!(matches!(world.stored(again.id).state, RefundState::Settled { .. }));
    assert_eq!(world.rail.payments().len(), 1, "and the bank paid once");
    let left = world.reader().payment(world.merchant, payment).expect("read").expect("there");
    assert_eq!(left.counters.refundable(), 300);
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn what_was_being_sent_at_the_end_is_doubted_at_the_start() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    let refund = world.refund(payment, 200, "first").await.expect("taken");
    let lease_until = world.engine.now().plus(Span::seconds(30));
    world.done(Command::BeginSend { refund: refund.id, epoch: 1, lease_until }).await;
    let world = world.restart(store.open()).await;
    world.wait(Span::seconds(60)).await;
    assert_eq!(world.rail.call_count(), 0, "nobody knows whether it was sent");
    assert_eq!(world.stored(refund.id).state, RefundState::Submitted);
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn a_withdrawal_and_a_return_give_the_money_back() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = world.payment(500).await;
    world.rail.next(Manner::Keep);
    let first = world.refund(payment, 200, "first").await.expect("taken");
    world.run().await;
    world.done(Command::CancelRefund { refund: first.id }).await;
    world.run().await;
    assert_eq!(world.stored(first.id).state.code(), "cancelled");
    let second = world.refund(payment, 500, "second").await.expect("everything is left");
    world.run().await;
    let (instruction_id, _) = world.rail.payments().pop().expect("it was paid");
    world.rail.give_back(&instruction_id, 490, "AC04");
    world.run().await;
    assert_eq!(world.stored(second.id).state.code(), "returned");
    assert_eq!(world.available(), 1_500, "the operator bears the charges");
    world.verify();
    world.engine.stop().await;
}
