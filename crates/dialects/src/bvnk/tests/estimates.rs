//! Estimates.

use super::world::{World, a_refund};
use http::Method;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::money::Currency;
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use serde_json::json;
use std::sync::Arc;

/// 0.10 and 1 %, at least 0.35.
async fn with_fees(world: &World) {
    with_rules(world, false).await;
}

async fn with_rules(world: &World, reduce_refundable: bool) {
    let rule = FeeRule { flat: 10, basis_points: 100, min: Some(35), max: None };
    let mut rules = FeeRules { reduce_refundable, ..FeeRules::default() };
    rules.rules.insert((Currency::GBP, "FASTER_PAYMENT".to_owned()), rule);
    world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules: Arc::new(rules) })).await;
}

fn paths(payin: &str) -> [(Method, String); 4] {
    [
        (Method::POST, format!("/payment/v1/payins/{payin}/refund/estimate")),
        (Method::GET, format!("/payment/v1/payins/{payin}/estimate")),
        (Method::POST, format!("/payment/v1/payins/{payin}/estimate")),
        (Method::GET, format!("/payment/v1/payins/{payin}/refund/estimate")),
    ]
}

// conformance: bvnk 10
// conformance: bvnk 12
// conformance: bvnk 13
#[tokio::test]
async fn every_form_says_what_the_refund_will_cost() {
    let world = World::new().await;
    with_fees(&world).await;
    let payin = world.gbp("120.00").await;
    let before = world.newest_event().await;
    let mut answers = Vec::new();
    for (method, path) in paths(&payin) {
        let heard = world.call(method, &path).json(&a_refund("42.50", "GBP")).send().await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        answers.push(heard.text());
    }
    answers.dedup();
    assert_eq!(
        answers,
        [r#"{"fee":{"value":0.53,"currency":"GBP"},"maxAvailableToRefund":{"value":120.00,"currency":"GBP"}}"#]
    );
    assert_eq!(world.newest_event().await, before);
    assert_eq!(world.get(&format!("/payment/v1/payins/{payin}/refund")).await.status, 404, "nothing was made");
    let heard = world.ask(&payin, "42.50", "key-0001").await;
    assert_eq!(heard.json()["fee"], json!({ "value": 0.53, "currency": "GBP" }));
    assert!(heard.text().contains(r#""fee":{"value":0.53,"#), "{}", heard.text());
}

// conformance: bvnk 11
#[tokio::test]
async fn a_get_needs_no_body() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let path = format!("/payment/v1/payins/{payin}/estimate");
    let expected = world.get(&path).await;
    assert_eq!(expected.status, 200, "{}", expected.text());
    let heard = world.call(Method::GET, &path).json(&a_refund("1.00", "GBP")).send().await;
    assert_eq!((heard.status, heard.body.clone()), (200, expected.body.clone()));
    for query in ["customerReference=x&amount=1.00&currency=GBP", "customerReference=x&value=1&currencyCode=GBP"] {
        let heard = world.get(&format!("{path}?{query}")).await;
        assert_eq!((heard.status, heard.body.clone()), (200, expected.body.clone()), "{query}");
    }
    let flat = json!({ "customerReference": "x", "amount": 1, "currency": "GBP" });
    assert_eq!(world.call(Method::GET, &path).json(&flat).send().await.body, expected.body);
    assert_eq!(world.get(&format!("{path}?amount=1.00&currency=GBP")).await.fault().0, 400, "it lacks the reference");
}

// conformance: bvnk 14
#[tokio::test]
async fn too_much_is_the_refunds_own_error() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let path = format!("/payment/v1/payins/{payin}/refund/estimate");
    let heard = world.post(&path).json(&a_refund("120.01", "GBP")).send().await;
    let text = format!("Invalid amount to refund from pay-in: {payin}. Available amount: 120.00.");
    assert_eq!(heard.fault(), (400, "bvnk:payment:0001".to_owned(), text));
    world.refund(&payin, "120.00", "key-0001").await;
    let heard = world.get(&path).await;
    let nothing = json!({ "value": 0.0, "currency": "GBP" });
    assert_eq!((heard.json()["fee"].clone(), heard.json()["maxAvailableToRefund"].clone()), (nothing.clone(), nothing));

    let world = World::with(json!({ "estimate_over_remainder": "cap" })).await;
    let payin = world.gbp("120.00").await;
    let path = format!("/payment/v1/payins/{payin}/refund/estimate");
    assert_eq!(world.post(&path).json(&a_refund("500", "GBP")).send().await.status, 200);
}

// conformance: bvnk 14
#[tokio::test]
async fn fees_may_reduce_what_is_left() {
    let world = World::new().await;
    with_rules(&world, true).await;
    let payin = world.gbp("120.00").await;
    world.refund(&payin, "42.50", "key-0001").await;
    let left = json!({ "value": 76.97, "currency": "GBP" });
    let path = format!("/payment/v1/payins/{payin}/refund/estimate");
    assert_eq!(world.get(&path).await.json()["maxAvailableToRefund"], left, "120.00 less 42.50 less 0.53");
    let shown = world.get(&format!("/payment/v1/payins/{payin}")).await.json();
    assert_eq!((&shown["maxAvailableToRefund"], &shown["refundedAmount"]["value"]), (&left, &json!(42.5)));
    let text = format!("Invalid amount to refund from pay-in: {payin}. Available amount: 76.97.");
    let fault = (400, "bvnk:payment:0001".to_owned(), text);
    assert_eq!(world.post(&path).json(&a_refund("76.98", "GBP")).send().await.fault(), fault);
    assert_eq!(world.ask(&payin, "76.98", "key-0002").await.fault(), fault);
    world.refund(&payin, "76.97", "key-0003").await;

    let world = World::with(json!({ "partial_refunds": { "FASTER_PAYMENT": false } })).await;
    with_rules(&world, true).await;
    let payin = world.gbp("120.00").await;
    world.refund(&payin, "120.00", "key-0001").await;
    let heard = world.ask(&payin, "1.00", "key-0002").await;
    assert!(heard.fault().2.ends_with("Available amount: 0.00."), "{}", heard.text());
}

// conformance: bvnk 15
#[tokio::test]
async fn how_much_must_be_said_is_a_setting() {
    for (strictness, status) in [("seed", 400), ("lenient", 200)] {
        let world = World::with(json!({ "estimate_strictness": strictness })).await;
        let payin = world.gbp("120.00").await;
        let path = format!("/payment/v1/payins/{payin}/refund/estimate");
        for body in
            [json!({ "amount": { "value": 1, "currency": "GBP" } }), json!({ "customerReference": "x" }), json!({})]
        {
            let heard = world.post(&path).json(&body).send().await;
            assert_eq!(heard.status, status, "{strictness} {body}: {}", heard.text());
        }
        assert_eq!(world.post(&path).send().await.status, status, "{strictness}, nothing");
    }
    let world = World::with(json!({ "estimate_requires_idempotency_key": true })).await;
    let payin = world.gbp("120.00").await;
    let path = format!("/payment/v1/payins/{payin}/estimate");
    assert_eq!(world.get(&path).await.fault().0, 400);
    assert_eq!(world.call(Method::GET, &path).key("key-0001").send().await.status, 200);
}
