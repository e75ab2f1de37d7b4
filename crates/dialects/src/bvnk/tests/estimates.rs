//! Estimates.

use super::world::{World, a_refund};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::fee::{FeeRounding, FeeRule, FeeRules};
use refundry_domain::id::PaymentId;
use refundry_domain::money::Currency;
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use refundry_engine::store::{PageRequest, RefundFilter};
use refundry_engine::verify::verify;
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

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

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn rules(&mut self) -> FeeRules {
        let mut rule = |flat: u64| {
            let min = (self.roll(2) == 0).then(|| self.roll(500));
            let max = (self.roll(2) == 0).then(|| min.unwrap_or(0) + self.roll(5_000));
            FeeRule { flat: self.roll(flat), basis_points: u32::try_from(self.roll(10_001)).unwrap(), min, max }
        };
        let rules = [
            ((Currency::GBP, String::new()), rule(1_000)),
            ((Currency::GBP, "FASTER_PAYMENT".to_owned()), rule(1_000)),
        ];
        let rounding = [FeeRounding::HalfUp, FeeRounding::HalfEven, FeeRounding::Up];
        let rounding = rounding[usize::try_from(self.roll(3)).unwrap()];
        FeeRules { rules: rules.into(), rounding, ..FeeRules::default() }
    }

    /// An amount as a client writes it, and a method of one of two rules.
    fn amount(&mut self) -> String {
        let below = [10, 1_000, 100_000, 10_000_000][usize::try_from(self.roll(4)).unwrap()];
        let minor = self.roll(below) + 1;
        format!("{}.{:02}", minor / 100, minor % 100)
    }
}

/// The fee of an estimate, and that of the same refund, as they were printed.
async fn quoted_and_charged(world: &World, payin: &str, amount: &str, key: &str) -> (String, String, String) {
    let path = format!("/payment/v1/payins/{payin}/refund/estimate");
    let estimate = world.post(&path).json(&a_refund(amount, "GBP")).send().await;
    let refund = world.ask(payin, amount, key).await;
    assert_eq!((estimate.status, refund.status), (200, 200), "{}", refund.text());
    let fee = |text: String| {
        let (_, rest) = text.split_once("\"fee\":").unwrap();
        rest[..=rest.find('}').unwrap()].to_owned()
    };
    (amount.to_owned(), fee(estimate.text()), fee(refund.text()))
}

// conformance: bvnk 13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_estimated_is_charged_ten_thousand_times() {
    const RULES: usize = 100;
    const AMOUNTS: usize = 100;
    let world = Arc::new(World::new().await);
    let (account, enough) = (world.accounts[&Currency::GBP], 1_000_000_000_000);
    world.command(Command::SetBalance { account, available: enough }).await;
    let (mut before, mut payins) = (world.available(Currency::GBP).await, Vec::new());
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for round in 0..RULES {
        let rules = Arc::new(dice.rules());
        world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules })).await;
        // Each of both rules in turn.
        let method = ["FASTER_PAYMENT", "SWIFT"][round % 2];
        payins.push(world.payin("10000000.00", Currency::GBP, method).await);
        before += 1_000_000_000;
        let mut asking = JoinSet::new();
        for place in 0..AMOUNTS {
            let (world, amount, key) = (Arc::clone(&world), dice.amount(), format!("key-{round:03}-{place:03}"));
            let payin = payins[round].clone();
            asking.spawn(async move { quoted_and_charged(&world, &payin, &amount, &key).await });
        }
        while let Some(fees) = asking.join_next().await {
            let (amount, quoted, charged) = fees.unwrap();
            assert_eq!(quoted, charged, "{amount} of round {round}");
        }
    }
    let (merchant, ids) = (world.merchant, payins.clone());
    let (sums, report) = world
        .engine
        .read(move |reader| {
            let mut sums = (0, 0, 0);
            for id in ids {
                let payment = Some(PaymentId::parse(&id).unwrap());
                let filter = RefundFilter { payment, ..RefundFilter::default() };
                let all = PageRequest { limit: usize::MAX, before: None };
                for refund in reader.refunds(merchant, &filter, all)? {
                    sums = (sums.0 + 1, sums.1 + refund.amount.minor, sums.2 + refund.fee);
                }
            }
            Ok((sums, verify(reader)?))
        })
        .await
        .unwrap();
    assert_eq!((sums.0, report.fault), (RULES * AMOUNTS, None), "and everything adds up to zero");
    assert_eq!(world.available(Currency::GBP).await, before - sums.1 - sums.2);
}
