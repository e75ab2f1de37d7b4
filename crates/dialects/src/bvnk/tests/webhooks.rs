//! Webhooks.

use super::world::World;
use http::Method;
use refundry_domain::time::Span;
use refundry_engine::webhook::WebhookDialect;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn a_refund_is_told_as_a_payout() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let body = json!({
        "customerReference": "ticket-88412", "amount": { "value": "42.50", "currency": "GBP" },
        "metadata": { "seat": "14C", "attempt": 1 },
    });
    let made = world.post(&format!("/{payin}/refund")).key("key-0001").json(&body).send().await;
    let refund = made.member("/refundTransactionReference");
    world.work().await;
    let letters: Vec<Value> =
        world.letters().await.iter().map(|letter| serde_json::from_slice(letter).unwrap()).collect();
    let kinds: Vec<(&str, &str)> = letters
        .iter()
        .map(|letter| (letter["event"].as_str().unwrap(), letter["data"]["status"].as_str().unwrap()))
        .collect();
    let (payins, payouts) = ("bvnk:payment:payin:status-change", "bvnk:payment:payout:status-change");
    let expected = [(payins, "PROCESSING"), (payins, "COMPLETED"), (payouts, "PROCESSING"), (payouts, "COMPLETED")];
    assert_eq!(kinds, expected);
    let data = &letters[3]["data"];
    assert_eq!((data["transactionReference"].as_str(), data["uuid"].as_str()), (Some(&*refund), Some(&*refund)));
    assert_eq!((data["payinTransactionReference"].as_str(), &data["sequence"]), (Some(&*payin), &json!(2)));
    assert_eq!(data["amount"], json!({ "value": 42.5, "currencyCode": "GBP" }));
    assert_eq!(data["metadata"], body["metadata"]);
    assert_eq!(data["relatedPayments"], json!([{ "transactionReference": payin, "type": "PAYIN" }]));
    assert_eq!(data["originator"]["walletId"], world.wallet(refundry_domain::money::Currency::GBP));
    assert_eq!(data["beneficiary"]["bankAccount"]["accountNumber"], "****2207");
    let first = world.letters().await;
    world.wait(Span::days(1)).await;
    assert_eq!(world.letters().await, first, "the same events give the same bytes");
}

// conformance: bvnk 49
#[tokio::test]
async fn bytes_are_characters() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let body = json!({
        "customerReference": "Zo\u{eb} \u{2014} \u{1f600}", "amount": { "value": 1, "currency": "GBP" },
    });
    let made = world.post(&format!("/{payin}/refund")).key("key-0001").json(&body).send().await;
    let refund = made.member("/refundTransactionReference");
    let letter = world.letters().await.pop().unwrap();
    assert!(letter.is_ascii());
    assert_eq!(world.told(&refund).await[0]["customerReference"], body["customerReference"]);
    let bytewise: String = letter.iter().map(|byte| char::from(*byte)).collect();
    assert_eq!(bytewise.as_bytes(), letter, "a verifier that makes characters of bytes signs the same");
    assert_eq!(world.call(Method::GET, "/x").authorization().split(' ').next(), Some("Hawk"));
}

// conformance: bvnk 50
// conformance: bvnk 51
#[tokio::test]
async fn deliveries_go_on_for_a_day() {
    let world = World::new().await;
    let webhooks: Arc<dyn WebhookDialect> = world.dialect.webhooks();
    let wait = |tries, jitter| webhooks.retry_after(tries, jitter).map(|span| span.0 / 1_000_000);
    assert_eq!((wait(1, 0), wait(1, 500_000), wait(1, 999_999)), (Some(4_000), Some(5_000), Some(5_999)));
    assert_eq!((wait(2, 500_000), wait(8, 500_000), wait(9, 500_000)), (Some(10_000), Some(640_000), Some(900_000)));
    assert_eq!((wait(99, 500_000), wait(100, 0), wait(0, 0)), (Some(900_000), None, None));
    let whole: u64 = (1..100).filter_map(|tries| wait(tries, 500_000)).sum();
    assert!((22..25).contains(&(whole / 3_600_000)), "{whole}");
    let after_20_hours = (1..100).scan(0, |sum, tries| {
        *sum += wait(tries, 999_999)?;
        Some(*sum)
    });
    assert!(after_20_hours.filter(|sum| *sum > 20 * 3_600_000).count() > 0, "it is still tried after 20 hours");
    assert_eq!(webhooks.timeout(), Span::seconds(10));
    assert!(webhooks.stops_on(410) && !webhooks.stops_on(500) && !webhooks.stops_on(302));
    assert!(webhooks.disables_on(410) && !webhooks.disables_on(404));
    assert_eq!(webhooks.waits_as_told_up_to(), Some(Span::days(1)));
}

#[tokio::test]
async fn which_answers_are_good_is_a_setting() {
    for (settings, good) in
        [(json!({}), [true, true, false]), (json!({ "webhook_success": "200" }), [true, false, false])]
    {
        let world = World::with(settings.clone()).await;
        let (webhooks, endpoint) = (world.dialect.webhooks(), world.inbox_endpoint());
        assert_eq!([200, 202, 302].map(|status| webhooks.is_taken_by(&endpoint, status)), good, "{settings}");
    }
}
