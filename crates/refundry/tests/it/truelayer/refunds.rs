//! Refunds through the binary: what is refused, what waits, what comes back.

use super::super::server::{Answer, Server, Who};
use super::client::{Client, Wish};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Callers at once.
const CALLERS: usize = 200;

async fn open() -> (Arc<Server>, Arc<Client>) {
    let server = Arc::new(Server::with(&[]).await);
    let client = Arc::new(Client::first(&server).await);
    (server, client)
}

fn part(amount: u64) -> Value {
    json!({ "amount_in_minor": amount, "reference": "FB-2093 part" })
}

/// A problem of this kind that names this member.
#[track_caller]
fn refused(answer: &Answer, slug: &str, member: Option<&str>) {
    assert_eq!((answer.status, answer.media.as_str()), (400, "application/problem+json"), "{}", answer.text);
    assert!(answer.text("/type").ends_with(&format!("#{slug}")), "{}", answer.text);
    if let Some(member) = member {
        assert!(answer.json["errors"][member][0].is_string(), "{}", answer.text);
    }
}

// conformance: truelayer 42
// conformance: truelayer 43
// conformance: truelayer 45
// conformance: truelayer 46
#[tokio::test]
async fn what_cannot_be_is_refused_and_named() {
    let (server, client) = open().await;
    let payment = client.paid(&Wish::pence(1000), "payment").await;
    let text = |text: &str| json!({ "amount_in_minor": 10, "reference": text });
    let amount = |amount: Value| json!({ "amount_in_minor": amount, "reference": "r" });
    for (key, body, member) in [
        ("zero", amount(json!(0)), "amount_in_minor"),
        ("negative", amount(json!(-1)), "amount_in_minor"),
        ("broken", amount(json!(1.5)), "amount_in_minor"),
        ("text", amount(json!("10")), "amount_in_minor"),
        ("over", amount(json!(1001)), "amount_in_minor"),
        ("19", text("1234567890123456789"), "reference"),
        ("empty", text(""), "reference"),
        ("missing", json!({ "amount_in_minor": 10 }), "reference"),
    ] {
        let answer = client.refund(&payment, key, &body).await;
        refused(&answer, "invalid-parameters", Some(member));
        assert_eq!(client.refund(&payment, key, &body).await, answer, "{key}: kept under its key");
    }
    client.refund(&payment, "18", &text("123456789012345678")).await.expect(202);
    let whole = client.refund(&payment, "whole", &json!({ "reference": "r" })).await;
    refused(&whole, "invalid-parameters", Some("amount_in_minor"));
    refused(&client.refund(&payment, "rest", &part(991)).await, "invalid-parameters", Some("amount_in_minor"));
    client.refund(&payment, "rest-2", &part(990)).await.expect(202);
    refused(&client.refund(&payment, "one", &part(1)).await, "invalid-parameters", Some("amount_in_minor"));
    let open = client.create(&Wish::pence(1000), "open").await.text("/id");
    refused(&client.refund(&open, "too-early", &part(1)).await, "invalid-state", None);
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

// conformance: truelayer 49
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parts_never_exceed_the_payment() {
    let (server, client) = open().await;
    let payment = client.paid(&Wish::pence(1000), "payment").await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, payment) = (Arc::clone(&client), payment.clone());
        callers.spawn(async move { client.refund(&payment, &format!("caller-{caller}"), &part(100)).await });
    }
    let answers = callers.join_all().await;
    let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((made.len(), others.len()), (10, CALLERS - 10));
    others.iter().for_each(|answer| refused(answer, "invalid-parameters", Some("amount_in_minor")));
    for answer in made {
        client.reaches(&format!("/v3/payments/{payment}/refunds/{}", answer.text("/id")), "executed").await;
    }
    let books = server.books(&payment).await;
    assert_eq!((&books["totals"]["paid"], &books["violations"]), (&json!(1000), &json!(0)));
    let items = client.get(&format!("/payments/{payment}/refunds")).await.expect(200).json;
    assert_eq!(items["items"].as_array().unwrap().len(), 10);
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

/// A payment that is executed and settles much later.
async fn executed(client: &Client, key: &str) -> String {
    let wish = Wish { settlement_delay: Some(1_800), ..Wish::pence(1000) };
    let payment = client.create(&wish, key).await.text("/id");
    client.authorise(&payment, &wish).await;
    client.reaches(&format!("/v3/payments/{payment}"), "executed").await;
    payment
}

// conformance: truelayer 50
// conformance: truelayer 52
#[tokio::test]
async fn a_refund_waits_for_its_payment_and_shares_its_end() {
    let (server, client) = open().await;
    let (settles, fails) = (executed(&client, "settles").await, executed(&client, "fails").await);
    let mut waiting = Vec::new();
    for payment in [&settles, &fails] {
        let refund = client.refund(payment, &format!("refund-{payment}"), &part(400)).await.expect(202).text("/id");
        let path = format!("/v3/payments/{payment}/refunds/{refund}");
        assert_eq!(client.get(&path).await.expect(200).json["status"], "pending");
        assert_eq!(server.books(payment).await["data"], json!([]), "nothing is sent meanwhile");
        waiting.push((refund, path));
    }
    server.lever(&format!("payments/{fails}/status"), json!({ "status": "failed" })).await;
    let (refund, path) = &waiting[1];
    let shown = client.reaches(path, "failed").await;
    assert_eq!(shown["failure_reason"], "unknown");
    assert!(shown["failed_at"].is_string() && shown.get("authorized_at").is_none(), "{shown}");
    client.hears(refund, "refund_failed").await;
    refused(&client.refund(&fails, "too-late", &part(1)).await, "invalid-state", None);

    let (refund, path) = &waiting[0];
    assert_eq!(client.get(path).await.expect(200).json["status"], "pending");
    server.advance(1_801).await;
    client.reaches(&format!("/v3/payments/{settles}"), "settled").await;
    // The clock was moved, so the bank's half second has begun only now.
    client.reaches(path, "executed").await;
    client.hears(refund, "refund_executed").await;
    assert_eq!(server.books(&settles).await["totals"]["paid"], 400);
    assert_eq!(server.books(&fails).await["data"], json!([]));
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

// conformance: truelayer 48
// conformance: truelayer 60
// conformance: truelayer 61
// conformance: truelayer 82
#[tokio::test]
async fn the_magic_text_comes_back() {
    let (server, client) = open().await;
    let payment = client.paid(&Wish::pence(1000), "payment").await;
    let account = format!("/v3/merchant-accounts/{}", client.member("/merchant_accounts/GBP"));
    let before = client.get(&account).await.expect(200).json;
    let body = json!({ "amount_in_minor": 1000, "reference": "TUOYAP" });
    let refund = client.refund(&payment, "refund", &body).await.expect(202).text("/id");
    let path = format!("/v3/payments/{payment}/refunds/{refund}");
    let shown = client.reaches(&path, "executed").await;
    let taken = client.get(&account).await.expect(200).json;
    let current = |account: &Value| account["current_balance_in_minor"].as_u64().unwrap();
    assert_eq!(current(&taken), current(&before) - 1000);
    let executed = client.hears(&refund, "refund_executed").await;

    let back = client.reaches(&path, "failed").await;
    assert_eq!(back["failure_reason"], "returned");
    for kept in ["created_at", "authorized_at", "executed_at"] {
        assert_eq!(back[kept], shown[kept], "{kept}");
    }
    let failed = client.hears(&refund, "refund_failed").await;
    let event = |letter: &Value| -> Value { serde_json::from_str(letter["body"].as_str().unwrap()).unwrap() };
    let (executed, failed) = (event(&executed), event(&failed));
    assert_ne!(executed["event_id"], failed["event_id"]);
    assert_eq!((&failed["failure_reason"], &failed["payment_id"]), (&json!("returned"), &json!(payment)));
    assert_eq!(client.get(&account).await.expect(200).json, before);
    let again = client.refund(&payment, "again", &part(1000)).await.expect(202).text("/id");
    client.reaches(&format!("/v3/payments/{payment}/refunds/{again}"), "executed").await;
    let heard = server.get(Who::Sandbox, "/sandbox/v1/inbox/truelayer").await.expect(200).text;
    assert!(!heard.contains("refund_pending") && !heard.contains("refund_authorized"));
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

#[tokio::test]
async fn a_body_has_a_limit() {
    for (settings, limit) in [(&[][..], 1_048_576), (&[("REFUNDRY_HTTP__BODY_LIMIT", "8192")][..], 8_192)] {
        let server = Arc::new(Server::with(settings).await);
        let client = Client::first(&server).await;
        // Nothing is wrong with it but the payment, which nobody knows.
        let path = "/v3/payments/00000000-0000-4000-8000-000000000000/refunds";
        let sized = |length: usize| {
            let body = json!({ "reference": "r", "x": "" }).to_string();
            body.replace("\"\"", &format!("\"{}\"", "x".repeat(length - body.len()))).into_bytes()
        };
        client.post_bytes(path, "at-the-limit", sized(limit)).await.expect(404);
        let answer = client.post_bytes(path, "above", sized(limit + 1)).await;
        refused(&answer, "invalid-parameters", None);
    }
}
