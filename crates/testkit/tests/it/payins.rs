//! Pay-ins that move by a payers' bank, and by the clock.

use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::PaymentId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::rail::{PayerBank, PayinPlan, PayinStep};
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use refundry_testkit::story::World;

async fn open_payment(world: &mut World, expires_after: Option<Span>) -> PaymentId {
    let id = world.ids.payment();
    let recorded = make::record_payment(id, world.wallet, Amount::new(500, Currency::AUD));
    let expires_at = expires_after.map(|span| world.engine.now().plus(span));
    let recorded = RecordPayment { state: PaymentState::Open, debtor: None, expires_at, ..recorded };
    world.done(Command::RecordPayment(recorded)).await;
    id
}

fn stored(world: &World, id: PaymentId) -> Payment {
    world.reader().payment(world.merchant, id).expect("read").expect("it is there")
}

fn step(to: PaymentState, at: Timestamp, failure: Option<PaymentFailureReason>) -> PayinStep {
    PayinStep { to, at, failure }
}

#[tokio::test]
async fn steps_of_the_payers_bank_move_a_payment_on() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let payment = open_payment(&mut world, Some(Span::seconds(60))).await;
    let now = world.engine.now();
    let merchant = world.merchant;
    let plan = |steps| PayinPlan { merchant, payment, debtor: Some(make::party()), steps };
    let paid = plan(vec![
        step(PaymentState::Authorised, now, None),
        step(PaymentState::Executed, now, None),
        step(PaymentState::Settled, now.plus(Span::seconds(90)), None),
    ]);
    world.rail.play(paid).await.expect("taken");
    assert_eq!(world.step().await, Some(now.plus(Span::seconds(90))), "the worker knows when to come back");
    let executed = stored(&world, payment);
    assert_eq!((executed.state, executed.debtor), (PaymentState::Executed, Some(make::party())));
    let refund = world.refund(payment, 200, "early").await;
    assert!(refund.is_err(), "not credited yet");

    world.wait(Span::seconds(90)).await;
    let settled = stored(&world, payment);
    assert_eq!((settled.state, settled.moments.settled_at), (PaymentState::Settled, Some(world.engine.now())));
    assert_eq!(settled.moments.executed_at, Some(now));
    assert_eq!(world.available(), 1_500, "credited once");

    let failed = step(PaymentState::Failed, now, Some(PaymentFailureReason::RejectedByBank));
    let again = plan(vec![step(PaymentState::Settled, now, None), failed]);
    world.rail.play(again).await.expect("taken");
    assert_eq!(world.step().await, None, "what cannot be any more is acknowledged, too");
    assert_eq!((stored(&world, payment), world.available()), (settled, 1_500));
    world.verify();
    world.engine.stop().await;
}

#[tokio::test]
async fn a_payment_that_nobody_authorises_expires() {
    let store = MemoryStore::new();
    let mut world = World::new(store.open(), 1_000).await;
    let early = open_payment(&mut world, Some(Span::seconds(60))).await;
    let late = open_payment(&mut world, Some(Span::seconds(120))).await;
    let never = open_payment(&mut world, None).await;
    assert_eq!(world.step().await, Some(world.engine.now().plus(Span::seconds(60))));
    world.wait(Span::seconds(60)).await;
    let states = [early, late, never].map(|id| stored(&world, id).state);
    assert_eq!(states, [PaymentState::Failed, PaymentState::Open, PaymentState::Open]);
    let failure = stored(&world, early).failure.expect("it failed");
    assert_eq!((failure.stage, failure.reason), (PaymentState::Open, PaymentFailureReason::Expired));
    world.wait(Span::days(400)).await;
    let states = [late, never].map(|id| stored(&world, id).state);
    assert_eq!(states, [PaymentState::Failed, PaymentState::Open]);
    world.verify();
    world.engine.stop().await;
}
