//! Pay-ins.

use super::world::{World, unknown_id};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use serde_json::{Value, json};

fn example(world: &World) -> Value {
    json!({
        "amount": 4400, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/au/back" },
        "creditor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": world.float.to_string() },
        "remittance_information": { "unstructured": "Order 2093" },
    })
}

async fn advance(world: &World, id: &str, to: PaymentState) {
    let payment = PaymentId::parse(id).unwrap();
    let debtor = Some(refundry_testkit::make::party());
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
}

#[tokio::test]
async fn a_payin_is_created_and_driven_to_sent_and_refunded() {
    let world = World::new().await;
    let heard = world.post("/v3/payins").json(&example(&world)).send().await;
    assert_eq!(heard.status, 201, "{}", heard.text());
    let id = heard.id();
    let expected = format!(
        concat!(
            r#"{{"amount":4400,"checkout_url":"http://127.0.0.1:8080/checkout/{id}?v3","#,
            r#""created_at":"2026-01-05T10:00:00.000000000Z","currency":"AUD","id":"{id}","#,
            r#""status_details":{{"status":"CREATED"}},"updated_at":"2026-01-05T10:00:00.000000000Z"}}"#,
        ),
        id = id,
    );
    assert_eq!(heard.text(), expected);
    let path = format!("/v3/payins/{id}");
    assert_eq!(world.get(&path).await.text(), expected);
    for (to, word) in
        [(PaymentState::Authorised, "INITIATED"), (PaymentState::Executed, "PENDING"), (PaymentState::Settled, "SENT")]
    {
        advance(&world, &id, to).await;
        assert_eq!(world.get(&path).await.json()["status_details"], json!({ "status": word }));
    }
    let mut refund = world.by_float(4_400);
    refund["original_payin_information"]["id"] = json!(id);
    world.refund(&refund, "k").await;
}

#[tokio::test]
async fn without_an_account_it_goes_to_the_applications_own() {
    let world = World::new().await;
    let mut body = example(&world);
    body["creditor_account"] = Value::Null;
    body["metadata"] = json!({ "b": "2", "a": "1" });
    body["ultimate_creditor"] = json!({ "identity_type": "PARTY_IDENTIFICATION", "name": "Fernhill" });
    let heard = world.post("/v3/payins/").json(&body).send().await;
    assert_eq!(heard.status, 201, "{}", heard.text());
    let json = heard.json();
    assert_eq!((&json["metadata"], &json["ultimate_creditor"]), (&body["metadata"], &body["ultimate_creditor"]));
}

#[tokio::test]
async fn a_failed_payin_tells_so() {
    let world = World::new().await;
    let id = world.post("/v3/payins").json(&example(&world)).send().await.id();
    world
        .command(Command::AdvancePayment {
            payment: PaymentId::parse(&id).unwrap(),
            to: PaymentState::Failed,
            credited: None,
            debtor: None,
            failure: None,
        })
        .await;
    let json = world.get(&format!("/v3/payins/{id}")).await.json();
    assert_eq!(json["status_details"]["status"], "FAILED");
    assert_eq!(json["latest_error"]["code"], "UNKNOWN");
    let types: Vec<Value> = world.inbox().await.iter().map(|hook| hook["type"].clone()).collect();
    assert_eq!(types, ["payment_failed"]);
}

// conformance: banked 60
#[tokio::test]
async fn errors_have_the_payin_envelope() {
    let world = World::new().await;
    let with = |name: &str, value: Value| {
        let mut body = example(&world);
        body[name] = value;
        body.to_string()
    };
    let account = |id: String| json!({ "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": id });
    let cases = [
        ("{".to_owned(), 400, "decoding", None),
        (with("amount", json!("4400")), 400, "decoding", Some("amount")),
        (with("amount", Value::Null), 400, "bad_request", Some("amount")),
        (with("amount", json!(0)), 422, "invalid_amount", Some("amount")),
        (with("currency", json!("GBP")), 422, "invalid_currency", Some("currency")),
        (with("currency", Value::Null), 400, "bad_request", Some("currency")),
        (with("checkout_config", json!({})), 400, "bad_request", Some("checkout_config/redirect_url")),
        (
            with("checkout_config", json!({ "redirect_url": "/back" })),
            400,
            "bad_request",
            Some("checkout_config/redirect_url"),
        ),
        (
            with("checkout_config", json!({ "redirect_url": "ftp://a.example/" })),
            400,
            "bad_request",
            Some("checkout_config/redirect_url"),
        ),
        (
            with("creditor_account", account(unknown_id())),
            422,
            "invalid_bank_account",
            Some("creditor_account/bank_account_id"),
        ),
        (with("creditor_account", account("x".into())), 400, "bad_request", Some("creditor_account/bank_account_id")),
        (r#"{"amount":1,"amount":1}"#.to_owned(), 400, "bad_request", Some("amount")),
        ("[]".to_owned(), 400, "decoding", None),
    ];
    for (body, status, code, parameter) in cases {
        let heard = world.post("/v3/payins").raw(body.clone()).send().await;
        let json = heard.json();
        let error = &json["errors"][0];
        assert_eq!((heard.status, error["code"].as_str()), (status, Some(code)), "{body}: {json}");
        assert_eq!(error["source"]["parameter"].as_str(), parameter, "{body}");
        assert!(error["title"].is_string());
        assert_eq!(json["successes"], json!([]));
    }
    for (heard, status, code) in [
        (world.get(&format!("/v3/payins/{}", unknown_id())).await, 404, "not_found"),
        (world.call(Method::GET, "/v3/payins/x").without("authorization").send().await, 401, "unauthorized"),
        (world.call(Method::GET, "/v3/payins").send().await, 405, "method_not_allowed"),
    ] {
        let json = heard.json();
        assert_eq!((heard.status, json["errors"][0]["code"].as_str()), (status, Some(code)));
        assert_eq!(json["successes"], json!([]));
    }
}
