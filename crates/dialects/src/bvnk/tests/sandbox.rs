//! The sandbox: pay-ins, and texts with a meaning.

use super::world::World;
use refundry_domain::money::Currency;
use refundry_domain::rules::Environment;
use refundry_domain::time::Span;
use serde_json::json;

// conformance: bvnk 57
#[tokio::test]
async fn pay_ins_can_be_made() {
    let world = World::new().await;
    for (currency, method) in [
        (Currency::GBP, "FASTER_PAYMENT"),
        (Currency::GBP, "CHAPS"),
        (Currency::EUR, "SEPA_CT"),
        (Currency::EUR, "SWIFT"),
        (Currency::USD, "CUBIX"),
        (Currency::USD, "FEDWIRE"),
    ] {
        let payin = world.payin("64.20", currency, method).await;
        let path = format!("/payment/v1/payins/{payin}/refund");
        let body = super::world::a_refund("64.20", currency.code());
        let heard = world.post(&path).key(&payin).json(&body).send().await;
        assert_eq!(heard.status, 200, "{method}: {}", heard.text());
        assert_eq!(world.words(&payin).await, ["PROCESSING", "COMPLETED"]);
    }
    let body = json!({
        "walletId": world.wallet(Currency::EUR), "remittanceInformation": "INV-20418", "method": "SEPA_CT",
        "amount": 64.20, "currency": "EUR",
        "originator": { "name": "Brandt GmbH", "entity": { "type": "COMPANY" }, "bankAccount": {
            "accountNumber": "DE02 1203 0000 0000 2020 51", "accountNumberFormat": "IBAN", "bankCode": "BYLADEM1001",
        } },
    });
    let second = |body: &serde_json::Value| world.post("/payment/v2/payins/simulation").json(body).send();
    let heard = second(&body).await;
    assert_eq!(heard.member("/status"), "PROCESSING", "{}", heard.text());
    let payin = heard.member("/transactionReference");
    world.wait(Span::seconds(1)).await;
    let shown = world.get(&format!("/payment/v1/payins/{payin}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/paymentReference")),
        ("COMPLETED".to_owned(), "INV-20418".to_owned())
    );
    assert_eq!(shown.json()["originator"]["entity"], json!({ "type": "COMPANY", "name": "Brandt GmbH" }));
    keeps_the_code_of_the_bank(&world, &payin).await;
    for (change, code) in [
        (json!({ "method": "CHAPS" }), "bvnk:payment:0008"),
        (json!({ "method": "ACH" }), "bvnk:payment:0008"),
        (json!({ "walletId": "a:1:x:1" }), "bvnk:ledger:5001"),
        (json!({ "walletId": world.wallet(Currency::GBP) }), "bvnk:payment:0001"),
        (json!({ "amount": 0 }), "bvnk:payment:0001"),
        (json!({ "originator": { "bankAccount": { "accountNumber": "1" } } }), "bvnk:payment:0001"),
        (
            json!({ "originator": { "bankAccount": { "accountNumber": "DE02120300000000202051", "bankCode": "A<B" } } }),
            "bvnk:payment:0001",
        ),
    ] {
        let mut changed = body.clone();
        changed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(second(&changed).await.fault().1, code, "{change}");
    }
    let live = World::build(json!({}), Environment::Live).await;
    for path in ["/payment/v1/payins/simulate", "/payment/v2/payins/simulation"] {
        assert_eq!(live.post(path).json(&body).send().await.fault().0, 404, "{path}");
    }
}

/// The code of the payer's bank is kept, though an IBAN needs none.
async fn keeps_the_code_of_the_bank(world: &World, payin: &str) {
    let shown = world.get(&format!("/payment/v1/payins/{payin}")).await;
    let bank = json!("BYLADEM1001");
    assert_eq!(shown.json()["originator"]["bankAccount"]["bankCode"], bank);
    let path = format!("/payment/v1/payins/{payin}/refund");
    let made = world.post(&path).key("key-0001").json(&super::world::a_refund("1", "EUR")).send().await;
    let refund = made.member("/refundTransactionReference");
    let payout = world.get(&format!("/payment/v1/payouts/{refund}")).await.json();
    assert_eq!(payout["details"]["beneficiary"]["bankAccount"]["bankCode"], bank);
    let rows = world.get(&format!("/ledger/v1/transactions?walletId={}", world.wallet(Currency::EUR))).await.json();
    for row in rows["content"].as_array().unwrap() {
        let holder = if row["type"] == "PAYIN" { "originator" } else { "beneficiary" };
        let expected = if row["type"] == "FEE" { &json!(null) } else { &bank };
        assert_eq!(row[holder]["bankAccount"].get("bankCode").unwrap_or(&json!(null)), expected, "{row}");
    }
    for letter in world.letters().await {
        let letter: serde_json::Value = serde_json::from_slice(&letter).unwrap();
        let data = &letter["data"];
        if data["transactionReference"] == *refund {
            assert_eq!(data["beneficiary"]["bankAccount"]["bankCode"], bank);
        } else if data["transactionReference"] == payin {
            assert_eq!(data["originator"]["bankAccount"]["bankCode"], bank);
        }
    }
}

// conformance: bvnk 58
#[tokio::test]
async fn words_are_levers_in_a_sandbox_only() {
    use refundry_engine::rail::{HabitEnd, HabitText};
    let world = World::new().await;
    let habits = world.dialect.habits();
    let end = |word: &str| {
        let text = HabitText::Beginning(word.into());
        habits.iter().find(|habit| habit.text == text).map(|habit| habit.end)
    };
    let step = Span::seconds(1);
    assert!(matches!(end("FAILED"), Some(HabitEnd::Reject { code }) if code.as_str() == "MS03"));
    assert_eq!(end("RETURN"), Some(HabitEnd::Return { after: step }));
    assert_eq!(end("HOLD"), Some(HabitEnd::Hold { after: step }));
    assert_eq!(end("UNKNOWN"), Some(HabitEnd::LoseAnswer));
    assert!(habits.iter().all(|habit| habit.after == step && &*habit.dialect == "bvnk"));
    let live = World::build(json!({}), Environment::Live).await;
    assert_eq!(live.dialect.habits(), []);
}

#[tokio::test]
async fn further_keys_share_the_inbox() {
    let world = World::new().await;
    let second = world.further_key(&serde_json::Value::Null).await;
    assert_ne!(second["auth_id"], world.members["auth_id"]);
    assert_eq!(second["webhook_secret"], world.members["webhook_secret"]);
    assert_eq!(second["wallets"], world.members["wallets"]);
    let inboxes = world.engine.directory().endpoints.values().filter(|endpoint| endpoint.dialect == "bvnk").count();
    assert_eq!(inboxes, 1);
}
