//! What a sandbox can be asked for: every reason to fail, every state to stay
//! in, and the times between the states.

use super::super::server::{Answer, Server, Who};
use super::client::{Client, Wish};
use serde_json::{Value, json};
use std::sync::Arc;

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;

async fn open(settings: &[(&'static str, &'static str)]) -> (Arc<Server>, Client) {
    let server = Arc::new(Server::with(settings).await);
    let client = Client::first(&server).await;
    (server, client)
}

fn part(amount: u64) -> Value {
    json!({ "amount_in_minor": amount, "reference": "FB-2093 part" })
}

/// A refund of this payment, by its path.
async fn refund(client: &Client, payment: &str, key: &str, body: &Value) -> (String, String) {
    let refund = client.refund(payment, key, body).await.expect(202).text("/id");
    let path = format!("/v3/payments/{payment}/refunds/{refund}");
    (refund, path)
}

/// A payout of 5, by its path.
async fn payout(client: &Client, key: &str, identifier: Value) -> (String, String) {
    let body = json!({
        "merchant_account_id": client.member("/merchant_accounts/GBP"), "amount_in_minor": 5, "currency": "GBP",
        "beneficiary": {
            "type": "external_account", "account_holder_name": "Ida Korhonen",
            "account_identifier": identifier, "reference": "FB-2093",
        },
    });
    let payout = client.post("/v3/payouts", key, &body).await.expect(202).text("/id");
    let path = format!("/v3/payouts/{payout}");
    (payout, path)
}

/// Every way to fail: what the sandbox is asked for, and what shows.
fn ways(invalid: &'static str) -> Vec<(Value, &'static str)> {
    let fail = |reason: &str| json!({ "outcome": "fail", "reason": reason, "after_seconds": 0 });
    let mut ways: Vec<(Value, &'static str)> =
        ["blocked", "insufficient_funds", invalid, "scheme_error", "server_error", "unknown"]
            .into_iter()
            .map(|word| (fail(word), word))
            .collect();
    // The bank's own codes and our own words do as well.
    ways.extend([
        (fail("AC04"), "scheme_error"),
        (fail("AC01"), invalid),
        (fail("not_executed"), "server_error"),
        (fail("expired"), "unknown"),
        (json!({ "outcome": "return" }), "returned"),
    ]);
    ways
}

/// What failed shows, with the times of what it went through.
fn failed(shown: &Value, reason: &str) {
    assert_eq!(shown["failure_reason"], reason, "{shown}");
    assert!(shown["failed_at"].is_string() && shown["authorized_at"].is_string(), "{shown}");
    assert_eq!(shown["executed_at"].is_string(), reason == "returned", "{shown}");
}

#[tokio::test]
async fn every_reason_to_fail_can_be_caused() {
    let (server, client) = open(&[]).await;
    let scan = json!({ "type": "sort_code_account_number", "sort_code": "040099", "account_number": "55120934" });
    let iban = json!({ "type": "iban", "iban": "GB29MOCK04009955120934" });
    let mut asked = Vec::new();
    for (currency, invalid, identifier) in [("GBP", "invalid_scan", scan), ("EUR", "invalid_iban", iban)] {
        let wish = Wish { amount: 10_000, currency, settlement_delay: Some(0) };
        let other = client.paid(&wish, &format!("{currency}-other")).await;
        for (number, (outcome, reason)) in ways(invalid).into_iter().enumerate() {
            // Before the refund is made, for its payment; and after it, for itself.
            let payment = client.paid(&wish, &format!("{currency}-{number}")).await;
            server.lever(&format!("payments/{payment}/outcome"), outcome.clone()).await;
            asked.push((refund(&client, &payment, &format!("{currency}-{number}-1"), &part(1)).await.1, reason));
            let (id, path) = refund(&client, &other, &format!("{currency}-{number}-2"), &part(1)).await;
            server.lever(&format!("refunds/{id}/outcome"), outcome.clone()).await;
            asked.push((path, reason));
            let (id, path) = payout(&client, &format!("{currency}-{number}-3"), identifier.clone()).await;
            server.lever(&format!("payouts/{id}/outcome"), outcome).await;
            asked.push((path, reason));
        }
    }
    for (path, reason) in asked {
        failed(&client.reaches(&path, "failed").await, reason);
    }
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

#[tokio::test]
async fn words_that_nobody_knows_are_refused() {
    let (server, client) = open(&[]).await;
    let payment = client.paid(&Wish::pence(1_000), "payment").await;
    let path = format!("/sandbox/v1/payments/{payment}/outcome");
    for (body, named) in [
        (json!({ "outcome": "explode" }), "wait"),
        (json!({ "outcome": "fail", "reason": "bad_luck" }), "reason"),
        (json!({ "outcome": "fail", "reason": "payment_failed" }), "reason"),
    ] {
        let answer = server.post(Who::Sandbox, &path, "key", &body).await.expect(400);
        assert!(answer.text.contains(named), "{}", answer.text);
    }
}

/// Every way in which a payment fails, each with its reason.
#[tokio::test]
async fn every_reason_of_a_payment_can_be_caused() {
    let (server, client) = open(&[]).await;
    let made = async |key: &str| client.create(&Wish::pence(1_000), key).await.text("/id");
    let mut asked = Vec::new();
    for (action, stage, reason) in [
        ("RejectAuthorisation", "authorizing", "authorization_failed"),
        ("RejectExecution", "authorized", "provider_rejected"),
        ("Cancel", "authorizing", "not_authorized"),
    ] {
        let payment = made(reason).await;
        client.decide(&payment, json!({ "action": action, "redirect": false })).await;
        asked.push((payment, stage, reason));
    }
    let cancelled = made("canceled").await;
    client.post(&format!("/v3/payments/{cancelled}/actions/cancel"), "cancel", &json!({})).await.expect(202);
    asked.push((cancelled, "authorization_required", "canceled"));
    let rejected = made("rejected").await;
    server.lever(&format!("payments/{rejected}/status"), json!({ "status": "failed" })).await;
    asked.push((rejected, "authorization_required", "rejected"));
    for (payment, stage, reason) in &asked {
        let shown = client.reaches(&format!("/v3/payments/{payment}"), "failed").await;
        assert_eq!((&shown["failure_stage"], &shown["failure_reason"]), (&json!(stage), &json!(reason)), "{shown}");
    }
    let forgotten = made("expired").await;
    server.advance(86_401).await;
    let shown = Client::first(&server).await.reaches(&format!("/v3/payments/{forgotten}"), "failed").await;
    assert_eq!(shown["failure_reason"], "expired");
}

/// The nanoseconds between two members of an answer, also over midnight.
fn between(shown: &Value, earlier: &str, later: &str) -> i64 {
    let of = |name: &str| {
        let text = shown[name].as_str().unwrap_or_else(|| panic!("{name}: {shown}"));
        let (clock, fraction) = text[11..text.len() - 1].split_once('.').unwrap();
        let units: Vec<i64> = clock.split(':').map(|unit| unit.parse().unwrap()).collect();
        let seconds = (units[0] * 60 + units[1]) * 60 + units[2];
        seconds * 1_000 * MILLISECOND + format!("{fraction:0<9}").parse::<i64>().unwrap()
    };
    (of(later) - of(earlier)).rem_euclid(DAY)
}

/// Within two seconds after so many milliseconds. The bank counts from what
/// it did, some milliseconds before anybody writes it down.
#[track_caller]
fn takes(nanoseconds: i64, milliseconds: i64) {
    let least = (milliseconds - 100) * MILLISECOND;
    assert!((least..least + 2_100 * MILLISECOND).contains(&nanoseconds), "{nanoseconds} and not {least}");
}

// conformance: truelayer 61
#[tokio::test]
async fn states_follow_each_other_at_their_times() {
    let slow = [
        ("REFUNDRY_DIALECTS__TRUELAYER__SANDBOX__SETTLE_DELAY_MS", "900"),
        ("REFUNDRY_DIALECTS__TRUELAYER__SANDBOX__AUTHORIZE_DELAY_MS", "1100"),
        ("REFUNDRY_DIALECTS__TRUELAYER__SANDBOX__EXECUTE_DELAY_MS", "1200"),
        ("REFUNDRY_DIALECTS__TRUELAYER__SANDBOX__RETURN_DELAY_MS", "1300"),
    ];
    for (settings, [settle, authorise, execute, comes_back]) in
        [(&[][..], [500, 200, 300, 1_000]), (&slow[..], [900, 1_100, 1_200, 1_300])]
    {
        let (_server, client) = open(settings).await;
        let payment = client.paid(&Wish::pence(1_000), "payment").await;
        let paid = client.get(&format!("/v3/payments/{payment}")).await.expect(200).json;
        takes(between(&paid, "executed_at", "settled_at"), settle);
        let body = json!({ "amount_in_minor": 10, "reference": "TUOYAP" });
        let (_, refund) = refund(&client, &payment, "refund", &body).await;
        let iban = json!({ "type": "iban", "iban": "GB29MOCK04009955120934" });
        let (_, payout) = payout(&client, "payout", iban).await;
        assert_eq!(client.get(&refund).await.json["status"], "pending");
        assert_eq!(client.get(&payout).await.json["status"], "pending");
        let shown = client.reaches(&refund, "authorized").await;
        takes(between(&shown, "created_at", "authorized_at"), authorise);
        let shown = client.reaches(&refund, "failed").await;
        takes(between(&shown, "authorized_at", "executed_at"), execute);
        takes(between(&shown, "executed_at", "failed_at"), comes_back);
        let shown = client.reaches(&payout, "executed").await;
        takes(between(&shown, "created_at", "authorized_at"), authorise);
        takes(between(&shown, "authorized_at", "executed_at"), execute);
    }
}

/// Other refunds, made later, come to their end.
async fn others_end(client: &Client, key: &str) {
    let payment = client.paid(&Wish { settlement_delay: Some(0), ..Wish::pence(10) }, &format!("{key}-paid")).await;
    let (_, path) = refund(client, &payment, key, &part(1)).await;
    client.reaches(&path, "executed").await;
}

/// What is asked to wait is not sent while others are, and tells nobody.
async fn stays_pending(server: &Server, client: &Client, path: &str) {
    others_end(client, path).await;
    let shown = client.get(path).await.expect(200).json;
    assert_eq!(shown["status"], "pending", "{shown}");
    assert!(shown.get("authorized_at").is_none(), "{shown}");
    let refund = path.rsplit('/').next().unwrap();
    let books = server.get(Who::Sandbox, &format!("/sandbox/v1/bank/instructions?refund_id={refund}")).await;
    assert_eq!(books.expect(200).json["data"], json!([]), "the bank was asked for nothing");
}

async fn set(server: &Server, path: &str, body: Value) -> Answer {
    server.post(Who::Sandbox, &format!("/sandbox/v1/{path}/outcome"), "key", &body).await
}

#[tokio::test]
async fn a_refund_stays_pending_until_it_is_let_go() {
    let (server, client) = open(&[]).await;
    let (wait, settle) = (json!({ "outcome": "wait" }), json!({ "outcome": "settle" }));
    let payment = client.paid(&Wish::pence(1_000), "payment").await;
    // For the refunds of a payment, before they are made.
    set(&server, &format!("payments/{payment}"), wait.clone()).await.expect(200);
    let (first, first_path) = refund(&client, &payment, "first", &part(1)).await;
    let (_, second_path) = refund(&client, &payment, "second", &part(1)).await;
    stays_pending(&server, &client, &first_path).await;
    set(&server, &format!("refunds/{first}"), settle.clone()).await.expect(200);
    client.reaches(&first_path, "executed").await;
    assert_eq!(client.get(&second_path).await.json["status"], "pending", "the other one waits");
    set(&server, &format!("payments/{payment}"), settle.clone()).await.expect(200);
    client.reaches(&second_path, "executed").await;
    // For one that was made already, and for a payout.
    let (third, third_path) = refund(&client, &payment, "third", &part(1)).await;
    set(&server, &format!("refunds/{third}"), wait.clone()).await.expect(200);
    let iban = json!({ "type": "iban", "iban": "GB29MOCK04009955120934" });
    let (payout, payout_path) = payout(&client, "payout", iban).await;
    set(&server, &format!("payouts/{payout}"), wait.clone()).await.expect(200);
    stays_pending(&server, &client, &third_path).await;
    stays_pending(&server, &client, &payout_path).await;
    for (path, shown) in [(format!("refunds/{third}"), &third_path), (format!("payouts/{payout}"), &payout_path)] {
        let fail = json!({ "outcome": "fail", "reason": "scheme_error", "after_seconds": 0 });
        set(&server, &path, fail).await.expect(200);
        failed(&client.reaches(shown, "failed").await, "scheme_error");
        set(&server, &path, wait.clone()).await.expect(409);
    }
    // For a while: so much longer than it would have rested anyway.
    let (fourth, path) = refund(&client, &payment, "fourth", &part(1)).await;
    set(&server, &format!("refunds/{fourth}"), json!({ "outcome": "wait", "after_seconds": 2 })).await.expect(200);
    let shown = client.reaches(&path, "executed").await;
    takes(between(&shown, "created_at", "authorized_at"), 2_200);
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

#[tokio::test]
async fn a_refund_stays_authorised_until_it_is_let_go() {
    let (server, client) = open(&[]).await;
    let payment = client.paid(&Wish::pence(1_000), "payment").await;
    let (id, path) = refund(&client, &payment, "refund", &part(1)).await;
    set(&server, &format!("refunds/{id}"), json!({ "outcome": "hold" })).await.expect(200);
    client.reaches(&path, "authorized").await;
    others_end(&client, "other").await;
    assert_eq!(client.get(&path).await.json["status"], "authorized");
    set(&server, &format!("refunds/{id}"), json!({ "outcome": "wait" })).await.expect(409);
    set(&server, &format!("refunds/{id}"), json!({ "outcome": "settle" })).await.expect(200);
    client.reaches(&path, "executed").await;
}
