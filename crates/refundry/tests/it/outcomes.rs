//! What becomes of refunds, as the vendor's pages promise it.

use super::server::{DAY, Server, Who};
use serde_json::json;

fn reason(shown: &serde_json::Value) -> &str {
    shown["status_details"]["reason"]["code"].as_str().unwrap_or_default()
}

// conformance: banked 81
// conformance: banked 53
#[tokio::test]
async fn test_accounts_and_aliases_give_their_outcomes() {
    let server = Server::start().await;
    let number = |number: &str| json!({ "name": "Ada", "bsb": "111114", "account_number": number });
    let alias = |alias: &str| json!({ "name": "Ada", "payid": alias });
    let cases = [
        (number("0505101"), "SENT"),
        (alias("AAPP101@sandbox.com"), "SENT"),
        (alias("aapp101@SANDBOX.COM"), "SENT"),
        (alias("0505101@sandbox.com"), "SENT"),
        (number("0505105"), "FAILED"),
        (alias("AAPP105@sandbox.com"), "FAILED"),
        (alias("aapp105@sandbox.com"), "FAILED"),
        (number("0505102"), "PENDING"),
        (alias("AaPp102@Sandbox.com"), "PENDING"),
    ];
    let mut made = Vec::new();
    for (index, (debtor, outcome)) in cases.into_iter().enumerate() {
        let payin = server.payin_from(1000, debtor).await;
        let refund = server.refund(&payin, 1000, &format!("key-{index}")).await.expect(201).text("/id");
        made.push((payin, refund, outcome));
    }
    for (index, (payin, refund, outcome)) in made.iter().enumerate() {
        let shown = server.reaches(refund, outcome).await;
        match *outcome {
            "FAILED" => {
                assert_eq!(reason(&shown), "INSUFFICIENT_FUNDS");
                server.hears(refund, "refund_failed").await;
                server.refund(payin, 1000, &format!("again-{index}")).await.expect(201);
            }
            "SENT" => drop(server.refund(payin, 1, &format!("again-{index}")).await.expect(400)),
            _ => {}
        }
    }
    for (_, refund, outcome) in &made {
        let shown = server.shown(refund).await;
        assert_eq!(shown["status_details"]["status"], *outcome);
    }
}

// conformance: banked 48
#[tokio::test]
async fn above_the_mandates_limit_fails_with_the_exact_words() {
    let server = Server::start().await;
    let payin = server.payin(200_000, "0505101").await;
    server.refund(&payin, 100_000, "at-the-limit").await.expect(201);
    let refund = server.refund(&payin, 100_000, "also").await.expect(201).text("/id");
    server.reaches(&refund, "SENT").await;
    let payin = server.payin(200_000, "0505101").await;
    let made = server.refund(&payin, 100_001, "above").await.expect(201);
    assert_eq!(made.json["status_details"], json!({ "status": "PENDING" }));
    let shown = server.reaches(&made.text("/id"), "FAILED").await;
    let expected =
        json!({ "code": "MANDATE_INELIGIBLE_AMOUNT_EXCEEDED", "message": "Amount Requested Exceeds Mandate Limit" });
    assert_eq!(shown["status_details"]["reason"], expected);
    let letter = server.hears(&made.text("/id"), "refund_failed").await;
    assert_eq!(letter.json["data"]["status_details"]["reason"], expected);
    assert_eq!(server.books(&payin).await["data"], json!([]));
}

// conformance: banked 50
#[tokio::test]
async fn an_empty_float_fails_and_stays_as_it_was() {
    let server = Server::start().await;
    let account = format!("accounts/{}/balance", server.credential("/banked/bank_account_id"));
    for (round, available) in [0, 999].into_iter().enumerate() {
        // A pay-in funds the float: it is emptied afterwards.
        let payin = server.payin(1000, "0505101").await;
        server.lever(&account, json!({ "amount": available })).await;
        let before = server.available().await;
        let key = format!("key-{round}");
        let made = server.post(Who::Banked, "/v3/refunds", &key, &server.by_float(&payin, 1000)).await.expect(201);
        let shown = server.reaches(&made.text("/id"), "FAILED").await;
        assert_eq!(reason(&shown), "INSUFFICIENT_FUNDS");
        assert_eq!(server.available().await, before);
        assert_eq!(server.books(&payin).await["data"], json!([]));
    }
}

// conformance: banked 55
#[tokio::test]
async fn a_return_after_sent_stays_sent_and_frees_the_amount() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let before = server.available().await;
    let made = server.post(Who::Banked, "/v3/refunds", "first", &server.by_float(&payin, 1000)).await.expect(201);
    let refund = made.text("/id");
    server.hears(&refund, "refund_sent").await;
    assert_eq!(server.available().await, before - 1000);
    server.refund(&payin, 1, "not-yet").await.expect(400);
    server.lever(&format!("refunds/{refund}/outcome"), json!({ "outcome": "return" })).await;
    server.stands(&refund, "returned").await;
    assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "SENT" }));
    assert_eq!(server.available().await, before);
    let again = server.refund(&payin, 1000, "again").await.expect(201).text("/id");
    server.hears(&again, "refund_sent").await;
    let heard: Vec<_> = server.letters(&refund).await.into_iter().map(|letter| letter.json["type"].clone()).collect();
    assert_eq!(heard, ["refund_pending", "refund_sent"]);
}

// conformance: banked 44
// conformance: banked 54
#[tokio::test]
async fn a_stuck_refund_ends_after_thirty_days() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505102").await;
    let refund = server.refund(&payin, 1000, "stuck").await.expect(201).text("/id");
    server.stands(&refund, "submitted").await;
    server.advance(30 * DAY - 3600).await;
    assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "PENDING" }));
    server.refund(&payin, 1, "still-claimed").await.expect(400);
    server.advance(3601).await;
    let shown = server.reaches(&refund, "FAILED").await;
    assert_eq!(reason(&shown), "PAYMENT_EXPIRED");
    let letter = server.hears(&refund, "refund_failed").await;
    assert_eq!(letter.json["data"]["status_details"]["reason"]["code"], "PAYMENT_EXPIRED");
    server.refund(&payin, 1000, "free-again").await.expect(201);
    assert_eq!(server.books(&payin).await["totals"]["paid"], 0);
}

// conformance: banked 64
// conformance: banked 63
#[tokio::test]
async fn a_mandate_suspended_before_the_send_stops_it() {
    let server = Server::start().await;
    server.lever("rails/pause", json!({})).await;
    let payin = server.payin(1000, "0505101").await;
    let made = server.refund(&payin, 1000, "first").await.expect(201);
    let (refund, mandate) = (made.text("/id"), made.text("/mandate/id"));
    server.lever(&format!("mandates/{mandate}/state"), json!({ "state": "suspended" })).await;
    let other = server.payin(1000, "0505101").await;
    let refused = server.refund(&other, 1000, "second").await.expect(400);
    assert!(refused.json["errors"][0]["params"]["processing_method/mandate/token"].is_object(), "{}", refused.text);
    server.lever("rails/resume", json!({})).await;
    let shown = server.reaches(&refund, "FAILED").await;
    assert_eq!(reason(&shown), "MANDATE_INACTIVE");
    server.hears(&refund, "refund_failed").await;
    assert_eq!(server.books(&payin).await["data"], json!([]));
}

// conformance: banked 87
#[tokio::test]
async fn a_pay_in_taken_back_leaves_its_refund_and_refuses_the_next() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let refund = server.refund(&payin, 400, "first").await.expect(201).text("/id");
    server.reaches(&refund, "SENT").await;
    server.lever(&format!("payments/{payin}/status"), json!({ "status": "reversed" })).await;
    assert_eq!(server.shown(&refund).await["status_details"], json!({ "status": "SENT" }));
    let refused = server.refund(&payin, 100, "second").await.expect(400);
    assert!(refused.json["errors"][0]["params"]["original_payin_information/id"].is_object(), "{}", refused.text);
    assert_eq!(server.books(&payin).await["totals"]["paid"], 400);
}

// conformance: banked 65
// conformance: banked 66
// conformance: banked 70
#[tokio::test]
async fn a_key_that_made_a_refund_never_expires() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let first = server.refund(&payin, 400, "for-ever").await.expect(201);
    let refused = server.refund(&payin, 5000, "made-nothing").await.expect(400);
    assert_eq!(server.refund(&payin, 5000, "made-nothing").await, refused);
    assert_eq!(server.refund(&payin, 400, "for-ever").await, first);
    server.reaches(&first.text("/id"), "SENT").await;
    for days in [31, 3653] {
        server.advance(days * DAY).await;
        let again = server.refund(&payin, 400, "for-ever").await.expect(201);
        assert_eq!(again.text("/id"), first.text("/id"));
        assert_eq!(again.json["created_at"], first.json["created_at"]);
        assert_eq!(again.text, first.text, "after {days} days");
        let other = server.refund(&payin, 401, "for-ever").await.expect(409);
        assert_eq!(other.json["errors"][0]["code"], "idempotency_conflict");
    }
    let anew = server.refund(&payin, 600, "made-nothing").await.expect(201);
    assert_ne!(anew.text("/id"), first.text("/id"));
    server.refund(&payin, 1, "nothing-left").await.expect(400);
    server.reaches(&anew.text("/id"), "SENT").await;
    assert_eq!(server.books(&payin).await["totals"]["paid"], 1000);
}

// conformance: banked 46
// conformance: banked 47
// conformance: banked 59
// conformance: banked 61
#[tokio::test]
async fn what_is_unknown_or_not_usable_is_named() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let nobody = "b7cbd04e-d2b2-4921-8280-c3afd8b5aeaa";
    let mut mandate = server.by_mandate(&payin, 10);
    mandate["processing_method"]["mandate"]["token"] = json!(nobody);
    let mut account = server.by_float(&payin, 10);
    account["processing_method"]["debtor_account"]["bank_account_id"] = json!(nobody);
    let cases = [("pay-in", server.by_mandate(nobody, 10)), ("mandate", mandate), ("account", account)];
    for (what, body) in cases {
        let refused = server.post(Who::Banked, "/v3/refunds", what, &body).await.expect(404);
        assert_eq!(refused.json["errors"][0]["code"], "not_found", "{what}");
    }
    let refused = server.get(Who::Banked, &format!("/v3/refunds/{nobody}")).await.expect(404);
    assert_eq!(refused.json["errors"][0]["code"], "not_found");
    server.post(Who::Banked, "/v2/mandates", "mandates", &json!({})).await.expect(404);

    let debtor = json!({ "name": "Ada", "bsb": "111114", "account_number": "0505101" });
    let open = json!({ "amount": 1000, "currency": "AUD", "status": "open", "debtor": debtor });
    let open = server.lever("payments", open).await.text("/id");
    let refused = server.refund(&open, 10, "open").await.expect(400);
    assert!(refused.json["errors"][0]["params"]["original_payin_information/id"].is_object(), "{}", refused.text);
    server.lever(&format!("payments/{open}/status"), json!({ "status": "settled" })).await;
    server.refund(&open, 10, "open now").await.expect(400);
    let made = server.refund(&open, 10, "open-now").await.expect(201);
    server.reaches(&made.text("/id"), "SENT").await;
    assert_eq!(server.refund(&open, 10, "open").await, refused);
}
