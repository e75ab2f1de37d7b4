//! Making refunds.

use super::world::{FUNDED, World, a_refund};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::id::PaymentId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::{PaymentBlockCode, PaymentState};
use refundry_domain::time::Span;
use refundry_engine::mint;
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use refundry_testkit::make;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;

fn not_refundable(id: &str) -> (u16, String, String) {
    (400, "bvnk:payment:0001".to_owned(), format!("Pay-in {id} not refundable."))
}

fn too_much(id: &str, left: &str) -> (u16, String, String) {
    let text = format!("Invalid amount to refund from pay-in: {id}. Available amount: {left}.");
    (400, "bvnk:payment:0001".to_owned(), text)
}

// conformance: bvnk 16
// conformance: bvnk 17
#[tokio::test]
async fn three_paths_make_the_same_refund() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let paths = [
        format!("/payment/v1/payins/{payin}/refund"),
        format!("/{payin}/refund"),
        format!("/payment/v1/payouts/{}/refund", payin.to_uppercase()),
    ];
    for (number, path) in paths.iter().enumerate() {
        let body = a_refund("10.00", "GBP");
        let heard = world.post(path).key(&format!("key-000{number}")).json(&body).send().await;
        assert_eq!(heard.status, 200, "{path}: {}", heard.text());
        let refund = heard.member("/refundTransactionReference");
        assert_ne!(refund, payin);
        let expected = format!(
            "{{\"transactionReference\":\"{payin}\",\"fee\":{{\"value\":0.00,\"currency\":\"GBP\"}},\
             \"refundTransactionReference\":\"{refund}\",\"payinTransactionReference\":\"{payin}\",\
             \"status\":\"PROCESSING\"}}"
        );
        assert_eq!(heard.text(), expected);
        for path in &paths {
            let heard = world.post(path).key(&format!("key-000{number}")).json(&body).send().await;
            assert_eq!(heard.fault().1, "bvnk:payment:0006", "{path} has the same keys");
        }
    }
    let world = World::with(json!({ "refund_response_reference": "payout" })).await;
    let payin = world.gbp("120.00").await;
    let heard = world.ask(&payin, "1", "key-0001").await;
    assert_eq!(heard.member("/transactionReference"), heard.member("/refundTransactionReference"));
    assert_eq!(heard.member("/payinTransactionReference"), payin);
}

// conformance: bvnk 18
// conformance: bvnk 41
#[tokio::test]
async fn in_parts_up_to_the_whole() {
    let world = World::new().await;
    let payin = world.gbp("150").await;
    for (number, value) in ["50", "70", "30"].into_iter().enumerate() {
        world.refund(&payin, value, &format!("key-000{number}")).await;
    }
    let heard = world.ask(&payin, "0.01", "key-0004").await;
    assert_eq!(heard.fault(), too_much(&payin, "0.00"));
    let json = heard.json();
    assert_eq!((json["status"].as_str(), &json["details"]), (Some("Bad Request"), &Value::Null));

    let world = World::with(json!({ "error_amount_with_currency": true, "refund_error_code": "x:1" })).await;
    let payin = world.gbp("150").await;
    let (status, code, text) = world.ask(&payin, "151", "key-0001").await.fault();
    assert_eq!((status, &*code), (400, "x:1"));
    assert!(text.ends_with("Available amount: 150.00 GBP."), "{text}");
}

// conformance: bvnk 19
#[tokio::test]
async fn a_crowd_gets_no_more_than_there_is() {
    let world = Arc::new(World::new().await);
    let payin = world.gbp("100.00").await;
    let mut asking = JoinSet::new();
    for number in 0..256 {
        let (world, payin) = (Arc::clone(&world), payin.clone());
        asking.spawn(async move { world.ask(&payin, "1.00", &format!("key-{number:04}")).await });
    }
    let mut good = 0;
    while let Some(heard) = asking.join_next().await {
        let heard = heard.unwrap();
        match heard.status {
            200 => good += 1,
            _ => assert_eq!(heard.fault(), too_much(&payin, "0.00")),
        }
    }
    assert_eq!(good, 100);
}

// conformance: bvnk 20
// conformance: bvnk 21
// conformance: bvnk 27
#[tokio::test]
async fn fields_are_checked() {
    let world = World::new().await;
    let payin = world.gbp("1000").await;
    let path = format!("/payment/v1/payins/{payin}/refund");
    let mut number = 0;
    let mut ask = |body: String| {
        number += 1;
        let call = world.post(&path).key(&format!("key-{number:04}")).raw(body);
        async move { call.send().await }
    };
    let of = |value: &str| format!(r#"{{"customerReference":"x","amount":{{"value":{value},"currency":"GBP"}}}}"#);
    for good in ["150", "150.0", "\"150.00\"", "150.000"] {
        let heard = ask(of(good)).await;
        assert_eq!(heard.status, 200, "{good}: {}", heard.text());
        let stored = world.stored(&heard.member("/refundTransactionReference")).await;
        assert_eq!(stored.amount, Amount::new(15_000, Currency::GBP), "{good}");
    }
    let long = "x".repeat(256);
    let referenced =
        |text: &str| json!({ "customerReference": text, "amount": { "value": 1, "currency": "GBP" } }).to_string();
    let bad = [
        (of("150.001"), "amount.value"),
        (of("1.5e2"), "amount.value"),
        (of("-1"), "amount.value"),
        (of("0"), "amount.value"),
        (of("\"1,5\""), "amount.value"),
        (of("true"), "amount.value"),
        (of("1").replace("GBP", "EUR"), "amount.currency"),
        (of("1").replace("GBP", "JPY"), "amount.currency"),
        (of("1").replace("\"currency\"", "\"currencyCode\":\"EUR\",\"currency\""), "amount.currency"),
        (referenced(" \u{a0} "), "customerReference"),
        (referenced("a\nb"), "customerReference"),
        (referenced(&long), "customerReference"),
        (r#"{"amount":{"value":1,"currency":"GBP"}}"#.to_owned(), "customerReference"),
        (r#"{"customerReference":"x"}"#.to_owned(), "amount"),
        (r#"{"customerReference":"x","amount":1}"#.to_owned(), "amount"),
        (r#"{"customerReference":"x","customerReference":"y"}"#.to_owned(), "customerReference"),
        ("[]".to_owned(), "body"),
        ("{".to_owned(), "body"),
    ];
    for (body, field) in bad {
        let heard = ask(body.clone()).await;
        assert_eq!((heard.fault().0, heard.fault().1.as_str()), (400, "bvnk:payment:0001"), "{body}");
        assert_eq!(heard.member("/details/errors/requestBody/0/field"), field, "{body}");
    }
    for text in [&long[1..], "the same", "the same"] {
        assert_eq!(ask(referenced(text)).await.status, 200, "{text}");
    }
    let twin = of("1").replace("currency", "currencyCode").replace("}}", "},\"unknown\":[1]}");
    assert_eq!(ask(twin).await.status, 200, "either name, and unknown members");
    let world = World::with(json!({ "customer_reference_unique": true })).await;
    let payin = world.gbp("10").await;
    world.refund(&payin, "1", "key-0001").await;
    assert_eq!(
        world.ask(&payin, "1", "key-0002").await.member("/details/errors/requestBody/0/field"),
        "customerReference"
    );
}

// conformance: bvnk 22
#[tokio::test]
async fn only_a_completed_pay_in_is_given_back() {
    let world = World::new().await;
    let under_way = world.payin_under_way("10", Currency::GBP, "FASTER_PAYMENT").await;
    assert_eq!(world.ask(&under_way, "1", "key-0001").await.fault(), not_refundable(&under_way));
    let estimate = world.get(&format!("/payment/v1/payins/{under_way}/estimate")).await;
    assert_eq!(estimate.fault(), not_refundable(&under_way));

    let failed = world.payin_under_way("10", Currency::GBP, "FASTER_PAYMENT").await;
    let payment = PaymentId::parse(&failed).unwrap();
    let to = PaymentState::Failed;
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
    assert_eq!(world.ask(&failed, "1", "key-0001").await.fault(), not_refundable(&failed));

    let disputed = world.gbp("10").await;
    let payment = PaymentId::parse(&disputed).unwrap();
    world.command(Command::BlockPayment { payment, code: PaymentBlockCode::Dispute }).await;
    assert_eq!(world.ask(&disputed, "1", "key-0001").await.fault(), not_refundable(&disputed));

    let nobody = PaymentId(mint::random_id());
    let amount = Amount::new(1_000, Currency::GBP);
    let record = make::record_payment(nobody, world.accounts[&Currency::GBP], amount);
    let record = refundry_domain::command::RecordPayment { debtor: None, ..record };
    world.command(Command::RecordPayment(record)).await;
    assert_eq!(world.ask(&nobody.to_string(), "1", "key-0001").await.fault(), not_refundable(&nobody.to_string()));

    let world = World::with(json!({ "refund_window": 1 })).await;
    let old = world.gbp("10").await;
    world.refund(&old, "1", "key-0001").await;
    world.wait(Span::days(2)).await;
    assert_eq!(world.ask(&old, "1", "key-0002").await.fault(), not_refundable(&old));
}

// conformance: bvnk 62
#[tokio::test]
async fn a_recall_leaves_what_was_paid_and_refuses_the_next() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "40", "key-0001").await;
    world.work().await;
    assert_eq!(world.status(&refund).await, "COMPLETED");
    world.command(Command::ReversePayment { payment: PaymentId::parse(&payin).unwrap(), amount: None }).await;
    assert_eq!(world.ask(&payin, "1", "key-0002").await.fault(), not_refundable(&payin));
    assert_eq!(world.status(&refund).await, "COMPLETED");
    assert_eq!(world.get(&format!("/payment/v1/payins/{payin}")).await.member("/status"), "RETURNED");
    assert_eq!(world.words(&payin).await, ["PROCESSING", "COMPLETED", "RETURNED"]);
}

// conformance: bvnk 23
// conformance: bvnk 24
#[tokio::test]
async fn what_is_not_a_pay_in_of_the_merchant() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "40", "key-0001").await;
    let heard = world.ask(&refund, "1", "key-0002").await;
    assert_eq!(heard.fault(), not_refundable(&refund), "there is no refund of a refund");
    let unknown = PaymentId(mint::random_id()).to_string();
    for id in [&*unknown, "not-an-id", "018E5E83"] {
        let heard = world.ask(id, "1", "key-0003").await;
        let text = format!("Pay-in {} could not be found.", id.to_lowercase());
        assert_eq!(heard.fault(), (404, "bvnk:payment:0002".to_owned(), text));
    }
    let world = World::with(json!({ "unknown_payin_status": 400, "shared_payins": false })).await;
    assert_eq!(world.ask(&unknown, "1", "key-0001").await.fault().0, 400);
    let other = PaymentId(mint::random_id());
    let record = make::record_payment(other, world.accounts[&Currency::GBP], Amount::new(900, Currency::GBP));
    world.command(Command::RecordPayment(record)).await;
    assert_eq!(world.ask(&other.to_string(), "1", "key-0001").await.fault().0, 400, "another door's");
    let world = World::new().await;
    let record = make::record_payment(other, world.accounts[&Currency::GBP], Amount::new(900, Currency::GBP));
    world.command(Command::RecordPayment(record)).await;
    world.refund(&other.to_string(), "1", "key-0001").await;
}

// conformance: bvnk 25
#[tokio::test]
async fn some_methods_send_back_the_whole_or_nothing() {
    for method in ["ACH", "ACH_SAME_DAY", "FEDWIRE"] {
        let world = World::new().await;
        let payin = world.payin("80", Currency::USD, method).await;
        let path = format!("/payment/v1/payins/{payin}/refund");
        let ask =
            |value: &'static str, key: &'static str| world.post(&path).key(key).json(&a_refund(value, "USD")).send();
        assert_eq!(ask("79.99", "key-0001").await.fault(), too_much(&payin, "80.00"), "{method}");
        assert_eq!(ask("80", "key-0002").await.status, 200, "{method}");
        assert_eq!(ask("79.99", "key-0002").await.fault().1, "bvnk:payment:0006", "the key comes first");
    }
    let world = World::with(json!({ "partial_refunds": { "ACH": true } })).await;
    let payin = world.payin("80", Currency::USD, "ACH").await;
    let path = format!("/payment/v1/payins/{payin}/refund");
    assert_eq!(world.post(&path).key("key-0001").json(&a_refund("1", "USD")).send().await.status, 200);
}

// conformance: bvnk 28
#[tokio::test]
async fn the_wallet_must_have_amount_and_fee() {
    let world = World::new().await;
    let rule = FeeRule { flat: 35, ..FeeRule::default() };
    let mut rules = FeeRules::default();
    rules.rules.insert((Currency::GBP, String::new()), rule);
    world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules: Arc::new(rules) })).await;
    let payin = world.gbp("100").await;
    let account = world.accounts[&Currency::GBP];
    let fund = |available| world.command(Command::SetBalance { account, available });
    fund(1_034).await;
    let heard = world.ask(&payin, "10.00", "key-0001").await;
    assert_eq!((heard.fault().0, heard.fault().1.as_str()), (400, "bvnk:payment:0007"));
    assert_eq!(world.available(Currency::GBP).await, 1_034);
    fund(1_035).await;
    world.refund(&payin, "10.00", "key-0001").await;
    assert_eq!(world.available(Currency::GBP).await, 0);
    let small = world.gbp("100").await;
    fund(36).await;
    world.refund(&small, "0.01", "key-0002").await;
    assert_eq!(world.available(Currency::GBP).await, 0, "a fee may be more than the amount");
}

// conformance: bvnk 60
#[tokio::test]
async fn a_refund_may_wait_for_money() {
    let world = World::with(json!({ "insufficient_funds": "wait", "funds_timeout": 3600 })).await;
    let payin = world.gbp("100").await;
    let account = world.accounts[&Currency::GBP];
    world.command(Command::SetBalance { account, available: 0 }).await;
    let first = world.refund(&payin, "10.00", "key-0001").await;
    world.wait(Span::seconds(1)).await;
    let second = world.refund(&payin, "20.00", "key-0002").await;
    let shown = world.get(&format!("/payment/v1/payouts/{first}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/statusReason/code")),
        ("ON_HOLD".to_owned(), "funds".to_owned())
    );
    world.command(Command::SetBalance { account, available: 2_000 }).await;
    for _ in 0..4 {
        world.wait(Span::seconds(10)).await;
    }
    assert_eq!(world.status(&first).await, "COMPLETED", "the oldest is first");
    assert_eq!(world.status(&second).await, "ON_HOLD");
    assert_eq!(world.words(&first).await, ["ON_HOLD", "PROCESSING", "COMPLETED"]);
    world.wait(Span::seconds(3_600)).await;
    let shown = world.get(&format!("/payment/v1/payouts/{second}")).await;
    assert_eq!(shown.member("/status"), "CANCELLED");
    assert_eq!(shown.member("/statusReason/code"), "funds_timeout");
}

#[tokio::test]
async fn a_payer_may_be_asked_for() {
    let world = World::with(json!({ "missing_payer_account": "ask" })).await;
    let nobody = PaymentId(mint::random_id());
    let record = make::record_payment(nobody, world.accounts[&Currency::GBP], Amount::new(1_000, Currency::GBP));
    let record = refundry_domain::command::RecordPayment { debtor: None, ..record };
    world.command(Command::RecordPayment(record)).await;
    let refund = world.refund(&nobody.to_string(), "1", "key-0001").await;
    assert_eq!(world.status(&refund).await, "PROCESSING");
}

// conformance: bvnk 42
#[tokio::test]
async fn every_error_has_its_shape() {
    let world = World::new().await;
    for path in ["/payment/v1/nothing", "/payment", "/ledger/v3/x"] {
        assert!(world.dialect.prefixes().iter().any(|prefix| path.starts_with(prefix)), "{path} is ours");
        let response = world.dialect.named(world.dialect.not_found(&Method::GET, path), "request-1");
        assert_eq!(
            (response.status().as_u16(), response.headers()["x-request-id"].to_str().unwrap()),
            (404, "request-1")
        );
    }
    let heard = world.call(Method::DELETE, "/payment/v1/payouts").send().await;
    assert_eq!((heard.fault().0, heard.header("allow")), (405, "POST"));
    let heard = world.post("/not-an-id/refund").send().await;
    assert_eq!(heard.fault().0, 404);
    let heard = world.post("/payment/v1/payouts").json(&json!({})).send().await;
    assert_eq!((heard.fault().0, heard.fault().1.as_str()), (400, "bvnk:payment:0009"));
    let heard = world.get("/api/wallet/a:1:x:1").await;
    assert_eq!((heard.status, heard.member("/errorList/0/code")), (404, "bvnk:ledger:5001".to_owned()));
    assert_eq!(heard.member("/requestId"), heard.header("x-request-id"));
    let world = World::with(json!({ "legacy_errors": true })).await;
    let heard = world.get("/payment/v1/payouts/x").await;
    assert_eq!((heard.status, heard.member("/errorList/0/code")), (404, "bvnk:payment:0002".to_owned()));
    for (status, detail) in [(413, "too large"), (503, "not now")] {
        let response = world.dialect.refuse(status, detail, "/payment/v1/payouts").unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
    }
    assert_eq!(world.available(Currency::GBP).await, FUNDED);
}
