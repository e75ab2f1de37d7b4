//! The queue of one endpoint, step by step.

use crate::receiver::{Receiver, Reply};
use crate::stage::{Plain, RETRY, Stage};
use refundry_engine::clock::{Clock, real_now};
use refundry_engine::envelope::Unavailable;
use refundry_engine::registry::{RegistryChange, RegistryEntry};
use refundry_engine::store::DeliveryState;
use refundry_webhooks::{Counted, Mode, Queue, Step};
use std::collections::HashMap;

/// Steps until nothing is due.
async fn settle(queue: &mut Queue) -> Step {
    loop {
        let step = queue.step().await.unwrap();
        if step != Step::Worked {
            return step;
        }
    }
}

#[tokio::test]
async fn delivers_what_is_the_merchants_and_newer_than_the_endpoint() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(200)).await;
    let stranger = stage.ids.merchant();
    stage.write_new(300);
    stage.clock.advance(RETRY);
    let endpoint = stage.endpoint(&receiver.url("/hook")).await;
    let refund = stage.ids.refund();
    stage.write(stage.merchant, &[(refund, 1)]);
    let theirs: Vec<_> = (0..100).map(|_| (stage.ids.refund(), 1)).collect();
    stage.write(stranger, &theirs);
    stage.write(stage.merchant, &[(refund, 2)]);

    let mut queue = stage.queue(&endpoint, Plain::default());
    assert_eq!(settle(&mut queue).await, Step::Idle { next_at: None });
    let heard = receiver.heard();
    let numbers: Vec<bool> = heard
        .iter()
        .zip(1..)
        .map(|(heard, n)| heard.body.ends_with(&format!("\"{refund}\",\"number\":{n}}}")))
        .collect();
    assert_eq!(numbers, [true, true], "{heard:?}");
    let rows = stage.deliveries(endpoint.id);
    assert_eq!(
        rows.iter().map(|row| (row.event, row.attempts, row.state, row.last_status)).collect::<Vec<_>>(),
        [(402, 1, DeliveryState::Delivered, 200), (301, 1, DeliveryState::Delivered, 200),]
    );
    assert_eq!(stage.cursor(endpoint.id), 402);
    assert_eq!(stage.counters.read(), Counted { delivered: 2, ..Counted::default() });
}

#[tokio::test]
async fn events_of_one_refund_keep_their_order_while_refunds_go_side_by_side() {
    let mut stage = Stage::set();
    // Every answer waits until sixteen requests came: they are really made
    // side by side, and not more of them.
    let receiver = Receiver::scripted(|_, _| Reply::OnceHeard(16)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let refunds: Vec<_> = (0..20).map(|_| stage.ids.refund()).collect();
    let events: Vec<_> = (1..=3).flat_map(|number| refunds.iter().map(move |refund| (*refund, number))).collect();
    stage.write(stage.merchant, &events);
    let mut queue = stage.queue(&endpoint, Plain::default());
    assert_eq!(queue.step().await, Ok(Step::Worked));
    let heard = receiver.heard();
    assert_eq!((heard.len(), receiver.open_max()), (60, 16));
    let mut last: HashMap<&str, &str> = HashMap::new();
    for body in heard.iter().map(|heard| heard.body.as_str()) {
        let (refund, number) = body.split_once("\"refund\":").unwrap().1.split_once(",\"number\":").unwrap();
        let before = last.insert(refund, number).unwrap_or("0}");
        assert!(before < number, "{refund}: {number} after {before}");
    }
}

#[tokio::test]
async fn a_retry_has_a_new_timestamp_and_the_same_body() {
    // conformance: banked 77
    let mut stage = Stage::set();
    let receiver = Receiver::scripted(|nth, _| Reply::Status(if nth < 2 { 500 } else { 200 })).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(1);
    let mut queue = stage.queue(&endpoint, Plain::default());
    let before = real_now().0;
    for tries in 1..=2 {
        let due = stage.clock.now().plus(RETRY);
        assert_eq!(settle(&mut queue).await, Step::Idle { next_at: Some(due) }, "after {tries}");
        assert_eq!(settle(&mut queue).await, Step::Idle { next_at: Some(due) }, "not before its time");
        assert_eq!(receiver.heard().len(), tries);
        let row = stage.deliveries(endpoint.id).remove(0);
        assert_eq!(
            (row.attempts, row.state, row.last_status),
            (tries as u32, DeliveryState::Waiting { next_at: due }, 500)
        );
        assert_eq!(row.last_error, "the receiver answered 500");
        stage.clock.advance(RETRY);
    }
    assert_eq!(settle(&mut queue).await, Step::Idle { next_at: None });
    let heard = receiver.heard();
    assert_eq!(heard.len(), 3);
    let times: Vec<i64> = heard.iter().map(|heard| heard.header("x-at").parse().unwrap()).collect();
    assert!(before < times[0] && times[0] < times[1] && times[1] < times[2], "real and fresh: {times:?}");
    assert!(
        heard.iter().all(|again| again.body == heard[0].body && again.header("x-event") == heard[0].header("x-event"))
    );
    assert_ne!(heard[0].header("x-signature"), heard[1].header("x-signature"));
    assert_eq!(stage.deliveries(endpoint.id)[0].last_error, "");
    assert_eq!(stage.counters.read(), Counted { delivered: 1, failed: 2, exhausted: 0, stopped: 0 });
}

#[tokio::test]
async fn the_answer_decides_between_retry_and_stop() {
    // conformance: banked 78
    let waiting = |stage: &Stage| DeliveryState::Waiting { next_at: stage.clock.now().plus(RETRY) };
    for (reply, status, stops) in [
        (Reply::Status(500), 500, false),
        (Reply::Status(404), 404, false),
        (Reply::Status(429), 429, false),
        (Reply::Redirect("http://127.0.0.1:1/".to_owned()), 302, false),
        (Reply::Silent, 0, false),
        (Reply::Dribble, 200, false),
        (Reply::HangUp, 0, false),
        (Reply::Status(410), 410, true),
    ] {
        let mut stage = Stage::set();
        let receiver = Receiver::always(reply.clone()).await;
        let endpoint = stage.endpoint(&receiver.url("/")).await;
        stage.write_new(1);
        let mut queue = stage.queue(&endpoint, Plain { timeout_millis: 150, ..Plain::default() });
        settle(&mut queue).await;
        let row = stage.deliveries(endpoint.id).remove(0);
        let expected = if stops { DeliveryState::Stopped } else { waiting(&stage) };
        assert_eq!((row.state, row.last_status), (expected, status), "{reply:?}: {}", row.last_error);
        stage.clock.advance(RETRY);
        settle(&mut queue).await;
        assert_eq!(receiver.heard().len(), if stops { 1 } else { 2 }, "{reply:?}");
    }
}

#[tokio::test]
async fn the_schedule_ends_and_the_delivery_stays_visible() {
    // conformance: banked 78
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(503)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(1);
    let mut queue = stage.queue(&endpoint, Plain::default());
    for _ in 0..40 {
        settle(&mut queue).await;
        stage.clock.advance(RETRY);
    }
    assert_eq!(receiver.heard().len(), 26, "the first and 25 re-deliveries");
    let row = stage.deliveries(endpoint.id).remove(0);
    assert_eq!((row.attempts, row.state, row.last_status), (26, DeliveryState::Exhausted, 503));
    assert_eq!(stage.counters.read(), Counted { failed: 26, exhausted: 1, ..Counted::default() });
}

#[tokio::test]
async fn a_crash_before_the_record_delivers_again_with_the_same_id() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(200)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(1);
    let mut queue = stage.queue(&endpoint, Plain::default());
    stage.store.fail_next_commit();
    assert_eq!(queue.step().await, Err(Unavailable::Store));
    assert!(stage.deliveries(endpoint.id).is_empty());
    drop(queue);
    stage.restart().await;

    let mut queue = stage.queue(&endpoint, Plain::default());
    settle(&mut queue).await;
    let heard = receiver.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!((heard[0].header("x-event"), &heard[0].body), (heard[1].header("x-event"), &heard[1].body));
    assert_ne!(heard[0].header("x-at"), heard[1].header("x-at"));
    assert_eq!(stage.deliveries(endpoint.id)[0].state, DeliveryState::Delivered);

    // A restart after the record delivers nothing again.
    stage.restart().await;
    settle(&mut stage.queue(&endpoint, Plain::default())).await;
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn without_a_crash_the_record_is_made_up_for() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(200)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(3);
    let mut queue = stage.queue(&endpoint, Plain::default());
    stage.store.fail_next_commit();
    stage.store.fail_next_commit();
    assert_eq!(queue.step().await, Err(Unavailable::Store));
    assert_eq!(queue.step().await, Err(Unavailable::Store));
    settle(&mut queue).await;
    assert_eq!(receiver.heard().len(), 3, "nothing is delivered twice");
    assert_eq!(stage.deliveries(endpoint.id).len(), 3);
}

#[tokio::test]
async fn a_removed_endpoint_stops_and_a_switched_off_one_waits() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(500)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(2);
    let mut queue = stage.queue(&endpoint, Plain::default());
    settle(&mut queue).await;
    let mut off = endpoint.clone();
    off.enabled = false;
    stage.change(RegistryChange::Put(RegistryEntry::Endpoint(off))).await;
    stage.clock.advance(RETRY);
    assert_eq!(queue.step().await, Ok(Step::Gone));
    assert!(stage.deliveries(endpoint.id).iter().all(|row| matches!(row.state, DeliveryState::Waiting { .. })));
    stage.change(RegistryChange::RemoveEndpoint(endpoint.id)).await;
    assert_eq!(queue.step().await, Ok(Step::Gone));
    assert!(stage.deliveries(endpoint.id).iter().all(|row| row.state == DeliveryState::Stopped));
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_is_gone_switches_its_endpoint_off_where_the_dialect_says_so() {
    for disables in [false, true] {
        let mut stage = Stage::set();
        let receiver = Receiver::always(Reply::Status(410)).await;
        let endpoint = stage.endpoint(&receiver.url("/")).await;
        stage.write_new(1);
        let mut queue = stage.queue(&endpoint, Plain { disables, ..Plain::default() });
        assert_eq!(queue.step().await, Ok(Step::Worked));
        let stored = stage.engine.directory().endpoints[&endpoint.id].enabled;
        assert_eq!((stored, stage.deliveries(endpoint.id)[0].state), (!disables, DeliveryState::Stopped));
        stage.write_new(1);
        let after = queue.step().await;
        assert_eq!(after == Ok(Step::Gone), disables, "{after:?}");
        assert_eq!(receiver.heard().len(), if disables { 1 } else { 2 });
    }
}

#[tokio::test]
async fn what_the_endpoint_no_longer_wants_is_not_retried() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(500)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.write_new(1);
    let mut queue = stage.queue(&endpoint, Plain::default());
    settle(&mut queue).await;
    let mut narrower = endpoint.clone();
    narrower.events = vec!["settled".to_owned()];
    stage.change(RegistryChange::Put(RegistryEntry::Endpoint(narrower))).await;
    stage.clock.advance(RETRY);
    settle(&mut queue).await;
    assert_eq!(stage.deliveries(endpoint.id)[0].state, DeliveryState::Stopped);
    assert_eq!(receiver.heard().len(), 1);
}

#[tokio::test]
async fn a_pause_begins_nothing_and_loses_nothing() {
    let mut stage = Stage::set();
    let receiver = Receiver::always(Reply::Status(200)).await;
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    let mut queue = stage.queue(&endpoint, Plain::default());
    stage.mode.send_replace(Mode::Paused);
    stage.write_new(2);
    assert_eq!(queue.step().await, Ok(Step::Held));
    assert_eq!(receiver.connections(), 0);
    stage.mode.send_replace(Mode::Running);
    settle(&mut queue).await;
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn an_address_that_became_private_is_a_failed_try() {
    let mut stage = Stage::set();
    let endpoint = stage.endpoint("http://10.0.0.1/hook").await;
    stage.write_new(1);
    let mut queue = stage.queue(&endpoint, Plain::default());
    settle(&mut queue).await;
    let row = stage.deliveries(endpoint.id).remove(0);
    assert_eq!((row.attempts, row.last_status), (1, 0));
    assert_eq!(row.last_error, "not allowed: the address is not public");
    assert!(matches!(row.state, DeliveryState::Waiting { .. }));
}
