//! The same words lead to the same refund, for ever; other words under the
//! same key are refused.

use super::stage::Stage;
use refundry_domain::command::Command;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::refund::{BlockCode, Refund};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{Answer, KEPT_FOR, Once};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

fn once(scope: &str, key: &str, minor: u64) -> Once {
    Once {
        key: once_key(&[scope.as_bytes(), key.as_bytes()]),
        fingerprint: fingerprint(&[&minor.to_be_bytes()]),
        keep_world_refusals: false,
        kept_for: KEPT_FOR,
    }
}

/// Asks with a key: whether it was known, and what became of it.
async fn ask(stage: &mut Stage, payment: PaymentId, minor: u64, once: Once) -> (bool, Result<Refund, Refusal>) {
    let request = stage.wish(payment, minor, "named");
    let outcome = stage.ask_once(request, once).await.expect("decided");
    let result = outcome.result.map(|answer| {
        let Answer::Refund(refund) = answer else { panic!("a refund was asked for: {answer:?}") };
        *refund
    });
    (outcome.replayed, result)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_with_one_key_make_one_refund() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let requests: Vec<_> = (0..100).map(|_| stage.wish(payment, 200, "named")).collect();
    let stage = Arc::new(stage);
    let mut callers = JoinSet::new();
    for request in requests {
        let stage = Arc::clone(&stage);
        callers.spawn(async move { stage.ask_once(request, once("refunds", "k", 200)).await.expect("decided") });
    }
    let mut made = BTreeSet::new();
    let mut first_count = 0;
    for outcome in callers.join_all().await {
        first_count += usize::from(!outcome.replayed);
        let Ok(Answer::Refund(refund)) = outcome.result else { panic!("{:?}", outcome.result) };
        made.insert(refund.id);
    }
    assert_eq!((made.len(), first_count), (1, 1));
    stage.run().await;
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 300));
    Arc::into_inner(stage).expect("the callers are gone").end().await;
}

#[tokio::test]
async fn a_key_that_made_a_refund_is_known_for_ever() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let key = once("refunds", "k", 200);
    let (replayed, made) = ask(&mut stage, payment, 200, key).await;
    let made = made.expect("taken");
    assert!(!replayed);
    for later in [Span::seconds(1), Span::days(30), Span::days(3_653)] {
        stage.wait(later).await;
        let (replayed, again) = ask(&mut stage, payment, 200, key).await;
        let again = again.expect("known");
        assert!(replayed && again.id == made.id);
        let (first, shown) = (made.at_creation(), again.at_creation());
        assert_eq!((shown.state, shown.updated_at, shown.event_count), (first.state, first.updated_at, 1));
        let other = once("refunds", "k", 300);
        assert_eq!(ask(&mut stage, payment, 300, other).await, (true, Err(Refusal::KeyReused)));
        stage = stage.restart().await;
        stage.sweep().await;
    }
    assert_eq!(stage.bank().payments().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn refusals_are_kept_as_long_as_they_are_true() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(2_000).await;
    stage.fund(100).await;
    let passing = once("refunds", "passing", 200);
    let lasting = Once { keep_world_refusals: true, ..once("refunds", "lasting", 200) };
    let zero = once("refunds", "zero", 0);
    let short = Err(Refusal::InsufficientFunds { available: 100 });
    let other = stage.payment(500).await;
    stage.fund(100).await;
    assert_eq!(ask(&mut stage, payment, 200, passing).await, (false, short.clone()));
    assert_eq!(ask(&mut stage, other, 200, lasting).await, (false, short.clone()));
    assert_eq!(ask(&mut stage, payment, 0, zero).await, (false, Err(Refusal::AmountNotPositive)));
    stage.fund(1_000).await;
    assert!(ask(&mut stage, payment, 200, passing).await.1.is_ok(), "the world changed");
    assert_eq!(ask(&mut stage, other, 200, lasting).await, (true, short.clone()), "the dialect keeps it");
    assert_eq!(ask(&mut stage, payment, 0, zero).await, (true, Err(Refusal::AmountNotPositive)));
    stage.wait(Span(Span::days(30).0 - 1)).await;
    assert_eq!(ask(&mut stage, other, 200, lasting).await, (true, short));
    stage.wait(Span(1)).await;
    let (replayed, made) = ask(&mut stage, other, 200, lasting).await;
    assert!(!replayed && made.is_ok(), "after thirty days it is forgotten");
    stage.run().await;
    assert_eq!(stage.bank().payments().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_key_means_something_in_its_own_scope_only() {
    let mut stage = Stage::new(0).await;
    let (one, two) = (stage.payment(500).await, stage.payment(500).await);
    let first = ask(&mut stage, one, 200, once("refunds of one", "k", 200)).await;
    let second = ask(&mut stage, two, 300, once("refunds of two", "k", 300)).await;
    assert!(!first.0 && !second.0);
    assert_ne!(first.1.expect("taken").id, second.1.expect("taken").id);
    stage.run().await;
    assert_eq!(stage.bank().payments().iter().map(|(_, amount)| amount.minor).sum::<u64>(), 500);
    stage.end().await;
}

/// Two refunds under one name, beside any idempotency key: the ids of their
/// attempts are the same, and only one of both can ever be paid.
#[tokio::test]
async fn one_name_is_sent_once_whatever_the_keys_say() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let mut twins = Vec::new();
    for minor in [100, 120, 150] {
        let request = stage.wish(payment, minor, "twin");
        twins.push(stage.ask(request).await.expect("nothing went out under this name yet").id);
    }
    // One is sent in the same transaction, one comes to it later.
    stage.done(Command::PlaceBlock { refund: twins[2], code: BlockCode::Operator }).await;
    stage.run().await;
    let mut states: Vec<_> = twins.iter().map(|id| (stage.state(*id), stage.stored(*id).is_blocked())).collect();
    states.sort_unstable();
    assert_eq!(states, [("ready", true), ("ready", true), ("settled", false)]);
    for _ in 0..2 {
        for id in &twins {
            for code in [BlockCode::Operator, BlockCode::DuplicateSuspect] {
                let _ = stage.command(Command::LiftBlock { refund: *id, code }).await;
            }
        }
        stage.run().await;
        let blocked = |id: &RefundId| {
            let blocks = stage.stored(*id).blocks;
            blocks.iter().any(|block| block.code == BlockCode::DuplicateSuspect && block.lifted_at.is_none())
        };
        assert_eq!(twins.iter().filter(|id| blocked(id)).count(), 2, "the worker comes to rest");
    }
    assert_eq!((stage.bank().call_count(), stage.bank().payments().len()), (1, 1));
    let request = stage.wish(payment, 30, "twin");
    assert_eq!(stage.ask(request).await, Err(Refusal::DuplicateReference));
    stage.end().await;
}

/// A restored store: the client says the same name with another amount.
#[tokio::test]
async fn the_name_of_an_adopted_debit_is_taken() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.settled(payment, 300, "first").await;
    let mut stage = stage.rewind(&backup).await;
    stage.sweep().await;
    let other = stage.wish(payment, 100, "first");
    assert_eq!(stage.ask(other).await, Err(Refusal::DuplicateReference));
    let same = stage.wish(payment, 300, "first");
    let same = stage.ask(same).await.expect("it is recognised").id;
    stage.run().await;
    assert_eq!((stage.state(same), stage.bank().call_count()), ("settled", 1));
    stage.end().await;
}
