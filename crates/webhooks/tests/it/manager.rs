//! The running queues: endpoints come and go, time passes by the engine's
//! clock, and one bad receiver is nobody else's trouble.

use crate::egress::guard;
use crate::receiver::{PATIENCE, Receiver, Reply};
use crate::stage::{Plain, RETRY, Stage};
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::store::DeliveryState;
use refundry_webhooks::{Options, Policy, Webhooks};
use std::sync::Arc;
use std::time::Duration;

fn start(stage: &Stage, dialect: Plain, stop_deadline: Duration) -> Webhooks {
    let options = Options { recheck: Duration::from_millis(20), stop_deadline };
    Webhooks::start(Arc::clone(&stage.engine), vec![Arc::new(dialect)], guard(Policy::sandbox(), None), options)
}

/// Waits until all deliveries to an endpoint stand as wanted.
async fn recorded(stage: &Stage, endpoint: &Endpoint, count: usize, wanted: impl Fn(DeliveryState) -> bool) {
    let looking = async {
        loop {
            let rows = stage.deliveries(endpoint.id);
            if rows.len() == count && rows.iter().all(|row| wanted(row.state)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{:?}", stage.deliveries(endpoint.id)));
}

fn waiting(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Waiting { .. })
}

#[tokio::test]
async fn a_dead_receiver_slows_nobody() {
    let mut stage = Stage::set();
    let (dead, healthy) = (Receiver::always(Reply::Silent).await, Receiver::always(Reply::Status(200)).await);
    stage.endpoint(&dead.url("/")).await;
    stage.endpoint(&healthy.url("/")).await;
    // The dead one would hold its line for much longer than the story lasts.
    let webhooks = start(&stage, Plain { timeout_millis: 600_000, ..Plain::default() }, Duration::from_millis(50));
    for _ in 0..5 {
        stage.write_new(40);
    }
    assert_eq!(healthy.wait_for(200).await.len(), 200);
    assert_eq!(dead.wait_for(16).await.len(), 16, "no more than its share is under way");
    assert_eq!(webhooks.counters().read().failed, 0);
    webhooks.stop().await;
}

#[tokio::test]
async fn retries_come_when_the_engines_clock_says_so() {
    let mut stage = Stage::set();
    let receiver = Receiver::scripted(|nth, _| Reply::Status(if nth == 0 { 500 } else { 200 })).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let webhooks = start(&stage, Plain::default(), PATIENCE);
    stage.write_new(1);
    recorded(&stage, &endpoint, 1, waiting).await;
    assert_eq!(receiver.heard().len(), 1);
    stage.clock.advance(RETRY);
    recorded(&stage, &endpoint, 1, |state| state == DeliveryState::Delivered).await;
    assert_eq!(receiver.heard().len(), 2);
    webhooks.stop().await;
}

#[tokio::test]
async fn endpoints_come_move_and_go() {
    let mut stage = Stage::set();
    let (first, second) = (Receiver::always(Reply::Status(200)).await, Receiver::always(Reply::Status(200)).await);
    let webhooks = start(&stage, Plain::default(), PATIENCE);
    let mut endpoint = stage.endpoint(&first.url("/")).await;
    stage.write_new(1);
    first.wait_for(1).await;
    endpoint.url = second.url("/");
    stage.change(RegistryChange::Put(RegistryEntry::Endpoint(endpoint.clone()))).await;
    stage.write_new(1);
    second.wait_for(1).await;
    endpoint.enabled = false;
    stage.change(RegistryChange::Put(RegistryEntry::Endpoint(endpoint.clone()))).await;
    recorded(&stage, &endpoint, 2, |state| state == DeliveryState::Delivered).await;
    stage.write_new(1);
    // Switched on again, it gets what it missed.
    endpoint.enabled = true;
    stage.change(RegistryChange::Put(RegistryEntry::Endpoint(endpoint.clone()))).await;
    second.wait_for(2).await;
    assert_eq!(first.heard().len(), 1);
    webhooks.stop().await;
}

#[tokio::test]
async fn a_pause_holds_until_it_is_resumed() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(200)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let webhooks = start(&stage, Plain::default(), PATIENCE);
    stage.write_new(1);
    recorded(&stage, &endpoint, 1, |state| state == DeliveryState::Delivered).await;
    webhooks.pause();
    assert!(webhooks.is_paused());
    stage.write_new(1);
    // The clock's jump wakes the queue, so that it has its chance to err.
    stage.clock.advance(RETRY);
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.heard().len(), 1);
    webhooks.resume();
    receiver.wait_for(2).await;
    webhooks.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_keeps_the_rest_due() {
    let mut stage = Stage::set();
    // The first sixteen are answered once all of them are there.
    let receiver = Receiver::scripted(|nth, _| if nth < 16 { Reply::OnceHeard(17) } else { Reply::Silent }).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let webhooks = Arc::new(start(&stage, Plain { timeout_millis: 300, ..Plain::default() }, PATIENCE));
    stage.write_new(40);
    receiver.wait_for(16).await;
    webhooks.stop().await;
    webhooks.stop().await;
    let rows = stage.deliveries(endpoint.id);
    let tried = rows.iter().filter(|row| row.attempts == 1).count();
    assert_eq!((rows.len(), tried), (40, 16), "begun ones ended, the others were not begun");
    assert!(rows.iter().all(|row| waiting(row.state)));
    assert_eq!(receiver.heard().len(), 16);

    // After the next start the rest goes out, without waiting for a schedule.
    stage.restart().await;
    let webhooks = start(&stage, Plain { timeout_millis: 300, ..Plain::default() }, PATIENCE);
    receiver.wait_for(40).await;
    webhooks.stop().await;
}

#[tokio::test]
async fn a_hanging_receiver_does_not_hold_up_the_end() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Silent).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let webhooks = start(&stage, Plain { timeout_millis: 600_000, ..Plain::default() }, Duration::from_millis(30));
    stage.write_new(1);
    receiver.wait_for(1).await;
    webhooks.stop().await;
    assert!(stage.deliveries(endpoint.id).is_empty(), "it is made again after the next start");
}

#[tokio::test]
async fn events_can_be_delivered_once_more() {
    let mut stage = Stage::set();
    let receiver = Receiver::scripted(|nth, _| Reply::Status(if nth == 0 { 410 } else { 200 })).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let webhooks = start(&stage, Plain::default(), PATIENCE);
    stage.write_new(1);
    recorded(&stage, &endpoint, 1, |state| state == DeliveryState::Stopped).await;
    let stranger = stage.ids.merchant();
    assert_eq!(webhooks.redeliver(stranger, endpoint.id, vec![1]).await, Ok(0));
    assert_eq!(webhooks.redeliver(stage.merchant, endpoint.id, vec![1, 2]).await, Ok(1));
    recorded(&stage, &endpoint, 1, |state| state == DeliveryState::Delivered).await;
    let heard = receiver.heard();
    assert_eq!((heard.len(), heard[0].header("x-event")), (2, heard[1].header("x-event")));
    webhooks.stop().await;
}
