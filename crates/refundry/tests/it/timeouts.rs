//! The bank answers late, twice, in the wrong order, or not at all.

use super::server::{Server, Who};
use serde_json::{Value, json};

/// A payment whose refunds take this course, and a refund of it.
async fn refund_with(server: &Server, outcome: Value) -> (String, String) {
    let payin = server.payin(1000, "0505101").await;
    server.lever(&format!("payments/{payin}/outcome"), outcome).await;
    let refund = server.refund(&payin, 1000, &format!("key-{payin}")).await.expect(201).text("/id");
    (payin, refund)
}

/// The bank has one line about this payment, asked for and paid so often.
async fn line(server: &Server, payin: &str) -> Value {
    let books = server.books(payin).await;
    let lines = books["data"].as_array().unwrap();
    assert_eq!((lines.len(), &books["violations"]), (1, &json!(0)), "{books}");
    lines[0].clone()
}

async fn types(server: &Server, refund: &str) -> Vec<String> {
    let letters = server.letters(refund).await;
    letters.iter().map(|letter| letter.json["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_lost_answer_is_inquired_about_and_paid_once() {
    let server = Server::start().await;
    let (payin, refund) = refund_with(&server, json!({ "outcome": "timeout" })).await;
    let shown = server.stands(&refund, "submitted").await;
    assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "PENDING" }));
    server
        .until("taken", async || {
            let books = server.books(&payin).await;
            (books["data"].as_array().unwrap().len() == 1).then_some(())
        })
        .await;
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 1);
    for _ in 0..20 {
        if server.shown(&refund).await["status_details"]["status"] == "SENT" {
            break;
        }
        server.advance(60).await;
    }
    server.hears(&refund, "refund_sent").await;
    let line = line(&server, &payin).await;
    assert_eq!(line["paid_count"], 1, "{line}");
    assert!(line["asked_count"].as_u64().is_some_and(|count| count >= 1), "{line}");
    assert_eq!(types(&server, &refund).await, ["refund_pending", "refund_sent"]);
}

#[tokio::test]
async fn doubled_and_disordered_reports_change_nothing() {
    let server = Server::start().await;
    for outcome in ["report_twice", "out_of_order"] {
        let (payin, refund) = refund_with(&server, json!({ "outcome": outcome })).await;
        server.hears(&refund, "refund_sent").await;
        server.advance(7200).await;
        let other = refund_with(&server, json!({ "outcome": "settle" })).await;
        server.hears(&other.1, "refund_sent").await;
        assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "SENT" }), "{outcome}");
        assert_eq!(line(&server, &payin).await["paid_count"], 1, "{outcome}");
        assert_eq!(types(&server, &refund).await, ["refund_pending", "refund_sent"], "{outcome}");
    }
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

#[tokio::test]
async fn a_late_report_is_waited_for() {
    let server = Server::start().await;
    let (payin, refund) = refund_with(&server, json!({ "outcome": "late", "after_seconds": 7200 })).await;
    server
        .until("paid by the bank", async || (server.books(&payin).await["totals"]["paid"] == 1000).then_some(()))
        .await;
    assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "PENDING" }));
    server.advance(7201).await;
    server.reaches(&refund, "SENT").await;
    assert_eq!(line(&server, &payin).await["paid_count"], 1);
}

#[tokio::test]
async fn a_contradiction_moves_nothing_and_waits_for_a_person() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let before = server.available().await;
    server.lever(&format!("payments/{payin}/outcome"), json!({ "outcome": "contradict" })).await;
    let made = server.post(Who::Banked, "/v3/refunds", "float", &server.by_float(&payin, 1000)).await.expect(201);
    let refund = made.text("/id");
    server.hears(&refund, "refund_sent").await;
    server
        .until("a case", async || {
            let shown = server.get(Who::Native, &format!("/v1/refunds/{refund}")).await.expect(200);
            shown.json["cases"].as_array().is_some_and(|cases| !cases.is_empty()).then_some(())
        })
        .await;
    assert_eq!(server.stands(&refund, "settled").await["amount"], 1000);
    assert_eq!(server.available().await, before - 1000);
    server.refund(&payin, 1, "not-free").await.expect(400);
    assert_eq!(types(&server, &refund).await, ["refund_pending", "refund_sent"]);
}

#[tokio::test]
async fn a_bank_that_checks_first_is_waited_for() {
    let server = Server::start().await;
    for (verdict, status) in [("settle", "SENT"), ("fail", "FAILED")] {
        let (payin, refund) = refund_with(&server, json!({ "outcome": "hold" })).await;
        let has_case = async || {
            let shown = server.get(Who::Native, &format!("/v1/refunds/{refund}")).await.expect(200);
            shown.json["cases"]
                .as_array()
                .is_some_and(|cases| cases.iter().any(|case| case["code"] == "screening"))
                .then_some(())
        };
        server.until("a case", has_case).await;
        assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "PENDING" }));
        server.lever(&format!("refunds/{refund}/outcome"), json!({ "outcome": verdict })).await;
        server.reaches(&refund, status).await;
        let left = server.refund(&payin, 1000, &format!("again-{verdict}")).await;
        assert_eq!(left.status, if status == "SENT" { 400 } else { 201 });
    }
}
