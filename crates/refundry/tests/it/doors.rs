//! One policy of a merchant asks whoever made the refund and through whichever
//! door; each door has its own word for that.

use crate::bvnk::shop::Shop;
use crate::server::{Answer, Server, Who, answer};
use crate::truelayer::client::{Client, Wish};
use serde_json::{Value, json};
use std::sync::Arc;

const ADMIN: &str = "admin@sandbox.example";
const APPROVER: &str = "approver@sandbox.example";

/// A call with the key of one of the sandbox's people.
async fn decide(server: &Server, email: &str, method: &str, path: &str, body: Value) -> Answer {
    let users = server.sandbox["console"]["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["email"] == email).unwrap();
    let request = server.http.request(method.parse().unwrap(), format!("{}{path}", server.base)).json(&body);
    answer(request.bearer_auth(user["api_key"].as_str().unwrap())).await
}

async fn every_refund_is_asked_for(server: &Server) {
    decide(server, ADMIN, "PUT", "/v1/approval-policy", json!({ "refunds": true })).await.expect(200);
}

/// The refund waits for a person, is approved by one, and waits no more.
async fn approved(server: &Server, refund: &str) {
    server.stands(refund, "awaiting_approval").await;
    let pending = decide(server, APPROVER, "GET", "/v1/approvals", Value::Null).await.expect(200);
    let listed = pending.json["data"].as_array().unwrap().iter().any(|one| one["refund"]["id"] == refund);
    assert!(listed, "{}", pending.text);
    let path = format!("/v1/refunds/{refund}/approve");
    decide(server, APPROVER, "POST", &path, json!({})).await.expect(200);
    let again = decide(server, APPROVER, "POST", &path, json!({})).await;
    assert!(matches!(again.status, 403 | 409), "one word of one person: {}", again.text);
}

#[tokio::test]
async fn at_bankeds_doors_and_at_our_own() {
    let server = Server::start().await;
    every_refund_is_asked_for(&server).await;
    let payin = server.payin(2_000, "0505101").await;

    let third = server.refund(&payin, 500, "v3").await.expect(201);
    assert_eq!(third.text("/status_details/status"), "PENDING");
    approved(&server, &third.text("/id")).await;
    server.reaches(&third.text("/id"), "SENT").await;

    let own = json!({ "payment_id": payin, "amount": 300 });
    let own = server.post(Who::Native, "/v1/refunds", "native", &own).await.expect(201);
    assert_eq!(own.text("/status"), "awaiting_approval");
    approved(&server, &own.text("/id")).await;
    server.stands(&own.text("/id"), "settled").await;

    let session = json!({
        "reference": "Candles", "success_url": "https://shop.example.org/ok",
        "error_url": "https://shop.example.org/fail",
        "line_items": [{ "name": "Candle", "amount": 1250, "currency": "GBP", "quantity": 2 }],
        "payer": { "name": "Ida Korhonen", "email": "ida@example.org" },
    });
    let session = server.post(Who::Banked, "/v2/payment_sessions", "session", &session).await.expect(201).text("/id");
    let consent = json!({ "bank": "mock-bank", "decision": "authorise" });
    server.lever(&format!("checkouts/{session}/decision"), consent).await;
    let shown = async || server.get(Who::Banked, &format!("/v2/payment_sessions/{session}")).await.json;
    server.until("the money", async || (shown().await["state"] == "sent").then_some(())).await;
    let second = json!({ "payment_session_id": session, "amount": 1200, "reference": "Rug corner" });
    let second = server.post(Who::Banked, "/v2/refunds", "v2", &second).await.expect(201);
    assert_eq!(second.text("/state"), "awaiting_payment");
    let listed = server.get(Who::Native, "/v1/refunds?status=awaiting_approval").await.expect(200);
    approved(&server, &listed.text("/data/0/id")).await;
    server.stands(&listed.text("/data/0/id"), "awaiting_authorisation").await;
}

#[tokio::test]
async fn at_truelayers_door() {
    let server = Arc::new(Server::start().await);
    every_refund_is_asked_for(&server).await;
    let client = Client::first(&server).await;
    let payment = client.paid(&Wish::pence(1_000), "payment").await;
    let made = client.refund(&payment, "refund", &json!({ "amount_in_minor": 400, "reference": "FB-2093" })).await;
    let (id, path) = (made.text("/id"), format!("/v3/payments/{payment}/refunds/{}", made.text("/id")));
    server.stands(&id, "awaiting_approval").await;
    assert_eq!(client.get(&path).await.text("/status"), "pending");
    approved(&server, &id).await;
    client.reaches(&path, "executed").await;
}

#[tokio::test]
async fn at_bvnks_door() {
    let shop = Shop::start().await;
    every_refund_is_asked_for(&shop.server).await;
    let payin = shop.payin("100.00", "GBP").await;
    let [yes, no] = [
        shop.refund(&payin, "10.00", "GBP", "key-yes-1").await,
        shop.refund(&payin, "20.00", "GBP", "key-no-01").await,
    ];
    for id in [&yes, &no] {
        let shown = shop.get(&format!("/payment/v1/payouts/{id}")).await.expect(200);
        assert_eq!(
            (shown.text("/status"), &shown.json["approval"]["required"]),
            ("PENDING_APPROVAL".into(), &json!(1))
        );
    }
    approved(&shop.server, &yes).await;
    shop.reaches(&format!("/payment/v1/payouts/{yes}"), "COMPLETED").await;
    let path = format!("/v1/refunds/{no}/reject");
    decide(&shop.server, APPROVER, "POST", &path, json!({ "reason": "not ours" })).await.expect(200);
    let shown = shop.reaches(&format!("/payment/v1/payouts/{no}"), "CANCELLED").await;
    assert_eq!(shown.text("/statusReason/code"), "approval_rejected");
}

#[tokio::test]
async fn an_endpoint_of_another_door_is_made_signed_and_renewed_here() {
    let server = Server::start().await;
    let make = async |key: &str, body: Value| server.post(Who::Native, "/v1/webhook-endpoints", key, &body).await;
    let of = |scheme: &str| json!({ "url": "https://shop.example.org/hooks", "dialect": "bvnk", "signature_scheme": scheme });
    let wrong = make("wrong", of("rot13")).await.expect(422);
    assert_eq!(wrong.text("/errors/0/pointer"), "/signature_scheme");
    let made = make("good", of("path-hex")).await.expect(201);
    let path = format!("/v1/webhook-endpoints/{}", made.text("/id"));
    let change = async |body: Value| {
        let request = server.request(Who::Native, "PATCH", &path).json(&body);
        answer(request).await
    };
    let same = change(json!({ "signature_scheme": "url-hex" })).await.expect(200);
    assert!(same.json.get("secret").is_none(), "a secret is shown once");
    let renewed = change(json!({ "new_secret": true })).await.expect(200);
    assert_ne!(renewed.text("/secret"), made.text("/secret"));
    change(json!({ "signature_scheme": "" })).await.expect(422);
}
