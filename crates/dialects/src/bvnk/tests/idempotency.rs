//! What happens once.

use super::world::{World, a_refund};
use refundry_domain::time::Span;
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

// conformance: bvnk 43
// conformance: bvnk 61
#[tokio::test]
async fn a_spent_key_names_what_it_led_to() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "10", "key-0001").await;
    for (days, value) in [(0, "10"), (0, "11"), (3_700, "10")] {
        world.clock.advance(Span::days(days));
        let heard = world.ask(&payin, value, "key-0001").await;
        assert_eq!((heard.fault().0, heard.fault().1.as_str()), (400, "bvnk:payment:0006"));
        let expected = json!({
            "transactionReference": payin, "refundTransactionReference": refund, "payinTransactionReference": payin,
        });
        assert_eq!(heard.json()["details"], expected);
    }
    let other = world.gbp("100").await;
    assert_eq!(world.ask(&other, "10", "key-0001").await.fault().1, "bvnk:payment:0006", "keys are the merchant's");
    world.further_key(&json!({ "auth_id": "second", "auth_key": "k" })).await;
    let path = format!("/payment/v1/payins/{other}/refund");
    let call = world.post(&path).key("key-0001").json(&a_refund("1", "GBP")).signed_by("second", "k");
    assert_eq!(call.send().await.fault().1, "bvnk:payment:0006");
}

// conformance: bvnk 44
#[tokio::test]
async fn the_first_answer_may_be_given_again() {
    let world = World::with(json!({ "idempotency_mode": "replay" })).await;
    let payin = world.gbp("100").await;
    let first = world.ask(&payin, "10", "key-0001").await;
    assert_eq!((first.status, first.header("x-idempotent-replay")), (200, ""));
    world.wait(Span::seconds(5)).await;
    assert_eq!(world.status(&first.member("/refundTransactionReference")).await, "COMPLETED");
    let path = format!("/{payin}/refund");
    let spaced = r#" {"amount": {"currency": "GBP", "value": "10"}, "customerReference": "ticket-88412"} "#;
    let again = world.post(&path).key("key-0001").raw(spaced).send().await;
    assert_eq!((again.status, again.header("x-idempotent-replay")), (200, "true"));
    assert_eq!(again.body, first.body, "byte for byte");
    assert_eq!(world.ask(&payin, "11", "key-0001").await.fault().1, "bvnk:payment:0006");
    world.clock.advance(Span::days(91));
    assert_eq!(world.ask(&payin, "10", "key-0001").await.fault().1, "bvnk:payment:0006", "the body is gone");
}

// conformance: bvnk 45
#[tokio::test]
async fn a_key_that_led_to_nothing_is_free() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    assert_eq!(world.ask(&payin, "100.01", "key-0001").await.status, 400);
    assert_eq!(world.ask("no-id", "1", "key-0001").await.status, 404);
    assert_eq!(world.ask(&payin, "zero", "key-0001").await.status, 400);
    let path = format!("/payment/v1/payins/{payin}/refund");
    let euros = world.post(&path).key("key-0001").json(&a_refund("1", "EUR")).send().await;
    assert_eq!(euros.status, 400);
    world.refund(&payin, "100", "key-0001").await;
}

// conformance: bvnk 46
#[tokio::test]
async fn a_crowd_with_one_key_makes_one_refund() {
    let world = Arc::new(World::new().await);
    let payin = world.gbp("100").await;
    let mut asking = JoinSet::new();
    for _ in 0..64 {
        let (world, payin) = (Arc::clone(&world), payin.clone());
        asking.spawn(async move { world.ask(&payin, "1", "key-0001").await });
    }
    let mut good = 0;
    while let Some(heard) = asking.join_next().await {
        let heard = heard.unwrap();
        if heard.status == 200 {
            good += 1;
        } else {
            assert_eq!(heard.fault().1, "bvnk:payment:0006");
        }
    }
    let payin = world.get(&format!("/payment/v1/payins/{payin}")).await.json();
    assert_eq!((good, payin["refunds"].as_array().unwrap().len()), (1, 1));
}

// conformance: bvnk 47
#[tokio::test]
async fn keys_have_a_form() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let path = format!("/payment/v1/payins/{payin}/refund");
    let ask = || world.post(&path).json(&a_refund("1", "GBP"));
    for good in [&"k".repeat(8), &"k".repeat(36)] {
        assert_eq!(ask().key(good).send().await.status, 200, "{good}");
    }
    for bad in [&"k".repeat(7), &"k".repeat(37), "with blank", "caf\u{e9}-caf\u{e9}", ""] {
        let heard = ask().key(bad).send().await;
        assert_eq!(heard.fault().0, 400, "{bad}");
        assert_eq!(heard.member("/details/errors/requestBody/0/field"), "X-Idempotency-Key");
    }
    assert_eq!(ask().send().await.fault().0, 400, "none");
    assert_eq!(ask().key("key-0001").key("key-0001").send().await.fault().0, 400, "twice");
    assert_eq!(ask().header("idempotency-key", "key-0002").send().await.status, 200, "its other name");
    let both = ask().key("key-0003").header("idempotency-key", "key-0004").send().await;
    assert_eq!(both.fault().0, 400);
    let world = World::with(json!({ "refund_requires_idempotency_key": false })).await;
    let payin = world.gbp("100").await;
    let path = format!("/payment/v1/payins/{payin}/refund");
    for _ in 0..2 {
        assert_eq!(world.post(&path).json(&a_refund("1", "GBP")).send().await.status, 200);
    }
}
