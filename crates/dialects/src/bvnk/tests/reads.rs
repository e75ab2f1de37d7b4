//! Reading: refunds, pay-ins, wallets, transactions.

use super::world::{World, a_refund};
use refundry_domain::command::Command;
use refundry_domain::fee::{FeeOnReturn, FeeRule, FeeRules};
use refundry_domain::id::PaymentId;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use refundry_testkit::rail::Manner;
use serde_json::{Value, json};
use std::sync::Arc;

async fn with_fee(world: &World, flat: u64) {
    with_fee_and(world, flat, FeeOnReturn::Keep).await;
}

async fn with_fee_and(world: &World, flat: u64, on_return: FeeOnReturn) {
    let mut rules = FeeRules { on_return, ..FeeRules::default() };
    rules.rules.insert((Currency::GBP, String::new()), FeeRule { flat, ..FeeRule::default() });
    world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules: Arc::new(rules) })).await;
}

// conformance: bvnk 29
// conformance: bvnk 30
// conformance: bvnk 31
#[tokio::test]
async fn both_ids_lead_to_the_refund() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    for path in [format!("/payment/v1/payins/{payin}/refund"), format!("/payment/v1/payouts/{payin}/refund")] {
        assert_eq!(world.get(&path).await.fault().1, "bvnk:payment:0002", "there is none yet");
    }
    assert_eq!(world.get(&format!("/payment/v1/payouts/{payin}")).await.fault().0, 404);
    let first = world.refund(&payin, "10", "key-0001").await;
    let second = world.refund(&payin, "20", "key-0002").await;
    for (asked, shown) in [(&payin, &second), (&first, &first), (&second, &second)] {
        for path in ["payins", "payouts"] {
            let heard = world.get(&format!("/payment/v1/{path}/{asked}/refund")).await;
            assert_eq!(heard.member("/transactionReference"), **shown);
            let listed = heard.json()["refunds"].clone();
            let ids: Vec<&str> =
                listed.as_array().unwrap().iter().map(|one| one["transactionReference"].as_str().unwrap()).collect();
            assert_eq!(ids, [&*second, &*first], "the newest first");
            assert!(listed[0].get("refunds").is_none());
        }
        let heard = world.get(&format!("/payment/v1/payouts/{}", asked.to_uppercase())).await;
        assert_eq!(heard.member("/transactionReference"), **shown);
        assert_eq!(heard.member("/payinTransactionReference"), payin);
        assert!(heard.json().get("refunds").is_none());
    }
    for path in ["/payment/v1/payouts/x", "/payment/v1/payins/x", "/payment/v1/payins/x/refund"] {
        assert_eq!(world.get(path).await.fault().1, "bvnk:payment:0002", "{path}");
    }
}

// conformance: bvnk 35
#[tokio::test]
async fn a_payout_shows_everything_but_the_number() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let body = json!({
        "customerReference": "ticket-88412", "amount": { "value": "42.50", "currency": "GBP" },
        "metadata": { "seat": "14C", "attempt": 1 },
    });
    let made = world.post(&format!("/{payin}/refund")).key("key-0001").json(&body).send().await;
    let refund = made.member("/refundTransactionReference");
    world.work().await;
    let heard = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    let json = heard.json();
    let reference = world.rail.payments()[0].0.clone();
    let ids = refundry_domain::reference::ids_of_attempt(
        &world.stored(&refund).await,
        1,
        world.host.environment,
        refundry_engine::digest::sha256,
    );
    assert_eq!((reference, json["paymentReference"].as_str()), (ids.instruction_id, Some(&*ids.end_to_end_id)));
    let expected = json!({
        "type": "FIAT",
        "beneficiary": {
            "entityType": "INDIVIDUAL", "individualDetails": { "firstName": "Nadia", "lastName": "Okafor" },
            "bankAccount": { "format": "SCAN", "accountNumber": "****2207", "bankCode": "200415" },
        },
    });
    assert_eq!(json["details"], expected);
    assert_eq!(
        (json["status"].as_str(), json["customerReference"].as_str()),
        (Some("COMPLETED"), Some("ticket-88412"))
    );
    assert_eq!((&json["metadata"], &json["labels"]), (&body["metadata"], &json!(["REFUND"])));
    assert_eq!(json["walletId"], world.wallet(Currency::GBP));
    assert!(heard.text().contains(r#""amount":{"value":42.50,"currency":"GBP"}"#), "{}", heard.text());
    let payin = world.get(&format!("/payment/v1/payins/{payin}")).await.text();
    let rows = world.get(&format!("/ledger/v1/transactions?walletId={}", world.wallet(Currency::GBP))).await.text();
    let letters: String = world.letters().await.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
    for text in [heard.text(), payin, rows, letters] {
        assert!(!text.contains("60312207") && text.contains("****2207"), "{text}");
    }
    let world = World::with(json!({ "account_numbers": "full" })).await;
    let payin = world.gbp("120.00").await;
    let refund = world.refund(&payin, "1", "key-0001").await;
    assert!(world.get(&format!("/payment/v1/payouts/{refund}")).await.text().contains("60312207"));

    let second = world.get(&format!("/payment/v2/payouts/{refund}")).await.json();
    assert_eq!((second["id"].as_str(), second["direction"].as_str()), (Some(&*refund), Some("OUT")));
    for path in ["/api/wallet/payout/status", "/api/wallet/payout"] {
        let legacy = world.get(&format!("{path}/{refund}")).await;
        assert_eq!((legacy.member("/uuid"), legacy.member("/status")), (refund.clone(), "PENDING".to_owned()));
    }
}

// conformance: bvnk 32
#[tokio::test]
async fn what_was_given_back_and_what_is_left_are_the_whole() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let sums = async |world: &World| {
        let json = world.get(&format!("/payment/v1/payins/{payin}")).await.json();
        let of = |member: &str| json[member]["value"].as_f64().unwrap();
        assert!((of("refundedAmount") + of("maxAvailableToRefund") - 100.0).abs() < 1e-9, "{json}");
        (of("refundedAmount"), json["refunds"].as_array().unwrap().len())
    };
    assert_eq!(sums(&world).await, (0.0, 0));
    world.rail.next(Manner::RefuseLater("AC04"));
    world.refund(&payin, "40", "key-0001").await;
    assert_eq!(sums(&world).await, (40.0, 1));
    world.work().await;
    assert_eq!(sums(&world).await, (0.0, 1));
    let refund = world.refund(&payin, "25.50", "key-0002").await;
    assert_eq!(sums(&world).await, (25.5, 2));
    let by_refund = world.get(&format!("/payment/v1/payins/{refund}")).await;
    assert_eq!(by_refund.member("/transactionReference"), payin, "a refund's id answers its pay-in");
    assert_eq!(by_refund.member("/paymentMethod"), "FASTER_PAYMENT");
}

/// The lines of a wallet: type, amount, running balance.
fn lines(json: &Value) -> Vec<(String, f64, f64)> {
    let content = json["content"].as_array().unwrap();
    let line = |line: &Value| {
        let number = |member: &str| line[member]["value"].as_f64().unwrap();
        (line["type"].as_str().unwrap().to_owned(), number("amount"), number("runningBalance"))
    };
    content.iter().map(line).collect()
}

// conformance: bvnk 33
// conformance: bvnk 38
#[tokio::test]
async fn each_line_says_what_the_wallet_held_then() {
    let world = World::new().await;
    with_fee(&world, 35).await;
    let payin = world.gbp("120.00").await;
    world.wait(Span::seconds(5)).await;
    let refund = world.refund(&payin, "42.50", "key-0001").await;
    world.wait(Span::seconds(5)).await;
    let wallet = world.wallet(Currency::GBP);
    let path = format!("/ledger/v1/transactions?walletId={wallet}&sort=createdAt,desc");
    let line = |kind: &str, amount: f64, balance: f64| (kind.to_owned(), amount, balance);
    let before = [line("FEE", 0.35, 10_077.15), line("PAYOUT", 42.50, 10_077.50), line("PAYIN", 120.00, 10_120.00)];
    assert_eq!(lines(&world.get(&path).await.json()), before);
    world.rail.give_back(&world.rail.payments()[0].0, 4_000, "AC04");
    world.wait(Span::seconds(5)).await;
    let json = world.get(&path).await.json();
    let after: Vec<_> = [line("REVERSAL", 42.50, 10_119.65)].into_iter().chain(before).collect();
    assert_eq!(lines(&json), after, "the whole comes back, the fee stays");
    assert_eq!(json["content"][0]["payinTransactionReference"], payin);
    assert_eq!(world.available(Currency::GBP).await, 1_011_965);
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(shown.member("/status"), "RETURNED");
    assert_eq!(shown.member("/statusReason/code"), "account_closed");
    assert_eq!(world.words(&refund).await, ["PROCESSING", "COMPLETED", "RETURNED"]);
    let payin = world.get(&format!("/payment/v1/payins/{payin}")).await.json();
    assert_eq!(payin["maxAvailableToRefund"]["value"], json!(120.0));
    let legacy = world.get(&format!("/api/transaction/{wallet}?max=2&offset=1")).await.json();
    assert_eq!(lines(&json!({ "content": legacy })), after[1..3]);
}

// conformance: bvnk 33
// conformance: bvnk 38
#[tokio::test]
async fn a_fee_that_is_given_back_has_a_line() {
    let world = World::new().await;
    with_fee_and(&world, 35, FeeOnReturn::Refund).await;
    let payin = world.gbp("120.00").await;
    world.wait(Span::seconds(5)).await;
    let refund = world.refund(&payin, "42.50", "key-0001").await;
    world.wait(Span::seconds(5)).await;
    world.rail.give_back(&world.rail.payments()[0].0, 4_250, "AC04");
    world.wait(Span::seconds(5)).await;
    let path = format!("/ledger/v1/transactions?walletId={}", world.wallet(Currency::GBP));
    let json = world.get(&path).await.json();
    let line = |kind: &str, amount: f64, balance: f64| (kind.to_owned(), amount, balance);
    let expected = [
        line("REVERSAL", 0.35, 10_120.00),
        line("REVERSAL", 42.50, 10_119.65),
        line("FEE", 0.35, 10_077.15),
        line("PAYOUT", 42.50, 10_077.50),
        line("PAYIN", 120.00, 10_120.00),
    ];
    assert_eq!(lines(&json), expected);
    assert_eq!(json["content"][0]["transactionReference"], refund);
    assert_eq!(world.available(Currency::GBP).await, 1_012_000);
}

// conformance: bvnk 33
#[tokio::test]
async fn lines_of_the_past_stay_when_the_rules_change() {
    for (then, now, fees_back) in
        [(FeeOnReturn::Keep, FeeOnReturn::Refund, 0), (FeeOnReturn::Refund, FeeOnReturn::Keep, 35)]
    {
        let world = World::new().await;
        with_fee_and(&world, 35, then).await;
        let payin = world.gbp("120.00").await;
        world.refund(&payin, "42.50", "key-0001").await;
        world.wait(Span::seconds(5)).await;
        let path = format!("/ledger/v1/transactions?walletId={}", world.wallet(Currency::GBP));
        // Before the return the promise counts, after it what happened.
        with_fee_and(&world, 35, now).await;
        world.rail.give_back(&world.rail.payments()[0].0, 4_250, "AC04");
        world.wait(Span::seconds(5)).await;
        let lines_then = lines(&world.get(&path).await.json());
        assert_eq!(lines_then.iter().filter(|line| line.0 == "REVERSAL").count(), if fees_back == 0 { 1 } else { 2 });
        let held = world.available(Currency::GBP).await;
        assert_eq!(held, 1_011_965 + fees_back);
        let shown = format!("{:.2}", lines_then[0].2);
        assert_eq!(shown, format!("{}.{:02}", held / 100, held % 100), "the newest line is the ledger's balance");
        with_fee_and(&world, 0, then).await;
        assert_eq!(lines(&world.get(&path).await.json()), lines_then);
    }
}

// conformance: bvnk 34
#[tokio::test]
async fn pages_have_eleven_members() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    for number in 0..3 {
        world.refund(&payin, "1", &format!("key-000{number}")).await;
        world.wait(Span::seconds(1)).await;
    }
    let wallet = world.wallet(Currency::GBP);
    let path = format!("/ledger/v1/transactions?walletId={}&size=3", wallet.replace(':', "%3A"));
    let json = world.get(&path).await.json();
    assert_eq!(json.as_object().unwrap().len(), 11, "{json}");
    let of = |member: &str| json[member].clone();
    assert_eq!((of("totalElements"), of("totalPages"), of("numberOfElements")), (json!(4), json!(2), json!(3)));
    assert_eq!(
        (of("first"), of("last"), of("empty"), of("number")),
        (json!(true), json!(false), json!(false), json!(0))
    );
    let second = world.get(&format!("{path}&page=1")).await.json();
    assert_eq!((&second["last"], &second["content"][0]["type"]), (&json!(true), &json!("PAYIN")));
    let oldest = world.get(&format!("{path}&sort=createdAt,asc")).await.json();
    assert_eq!(oldest["content"][0]["type"], "PAYIN");
    for bad in ["size=101", "size=0", "page=x", "sort=amount,asc", "filterMode=X", "from=yesterday"] {
        let path = format!("/ledger/v1/transactions?walletId={wallet}&{bad}");
        assert_eq!(world.get(&path).await.fault().0, 400, "{bad}");
    }
    let none = world.get(&format!("/ledger/v1/transactions?walletId={wallet}&to=2020-01-01T00:00:00Z")).await.json();
    assert_eq!((&none["empty"], &none["totalElements"]), (&json!(true), &json!(0)));
    let updated = format!("/ledger/v1/transactions?walletId={wallet}&filterMode=UPDATED_AT");
    assert_eq!(world.get(&updated).await.json()["totalElements"], 4);
    assert_eq!(world.get("/ledger/v1/transactions").await.fault().0, 400, "a wallet must be named");
}

#[tokio::test]
async fn wallets_are_listed_and_found() {
    let world = World::new().await;
    let json = world.get("/ledger/v1/wallets?size=2").await.json();
    assert_eq!((&json["totalElements"], json["content"].as_array().unwrap().len()), (&json!(3), 2));
    let wallet = world.wallet(Currency::GBP);
    for path in [format!("/ledger/v1/wallets/{wallet}"), format!("/ledger/v2/wallets/{}", wallet.replace(':', "%3A"))] {
        let heard = world.get(&path).await;
        assert_eq!((heard.member("/id"), heard.member("/balance/currencyCode")), (wallet.clone(), "GBP".to_owned()));
        assert!(heard.text().contains(r#""balance":{"value":10000.00,"#), "{}", heard.text());
    }
    let payin = world.gbp("10").await;
    world.refund(&payin, "10", "key-0001").await;
    let json = world.get(&format!("/ledger/v1/wallets/{wallet}")).await.json();
    assert_eq!((&json["balance"]["value"], &json["available"]["value"]), (&json!(10_010.0), &json!(10_000.0)));
    assert_eq!(world.get("/ledger/v1/wallets/a:1:x:1").await.fault().1, "bvnk:ledger:5001");
    let all = world.get("/api/wallet/balances").await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(world.get(&format!("/api/wallet/{wallet}")).await.json(), all[0]);
}

// conformance: bvnk 59
#[tokio::test]
async fn what_is_added_can_be_left_out() {
    let added = [
        "refundTransactionReference",
        "payinTransactionReference",
        "customerReference",
        "statusReason",
        "updatedAt",
        "approval",
        "labels",
        "relatedPayments",
        "sequence",
        "available",
    ];
    let world = World::with(json!({ "additive_fields": "off" })).await;
    let payin = world.gbp("120.00").await;
    world.rail.next(Manner::RefuseLater("AC04"));
    let made = world.ask(&payin, "10", "key-0001").await;
    assert_eq!(made.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["fee", "transactionReference"]);
    world.work().await;
    let texts = [made.text(), world.get(&format!("/payment/v1/payouts/{payin}")).await.text()];
    let wallets = world.get("/ledger/v1/wallets").await.text();
    assert!(!wallets.contains("available") && !wallets.contains("\"currency\""), "{wallets}");
    for text in texts {
        assert!(!added.iter().any(|name| text.contains(&format!("\"{name}\""))), "{text}");
    }
    for letter in world.letters().await {
        let text = String::from_utf8(letter).unwrap();
        let added = added.iter().filter(|name| **name != "customerReference");
        assert!(!added.clone().any(|name| text.contains(&format!("\"{name}\""))), "{text}");
    }
    assert_eq!(
        world.post(&format!("/{payin}/refund")).key("key-0002").json(&a_refund("1", "GBP")).send().await.status,
        200
    );
    world.command(Command::ReversePayment { payment: PaymentId::parse(&payin).unwrap(), amount: None }).await;
}
