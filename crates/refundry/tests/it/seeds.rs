//! The calls and webhooks of the vendor's pages, with only host, token, ids
//! and key changed.

use super::server::{Answer, Letter, Server, Who, answer};
use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

/// The answer to a refund by mandate, as the page prints it.
fn mandate_answer() -> Value {
    json!({ "amount": 10, "created_at": "2025-05-22T10:38:49.162980987Z", "currency": "AUD", "debtor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": "06a1cb4b-f038-4d4d-b3f9-2114e31125a2" }, "mandate": { "id": "3f80b430-4127-46f9-a86f-3ce18a02a53d" }, "expiration": "2025-06-21T10:38:49.162981594Z", "id": "4690e5d4-5fcb-49e1-ad90-396dc48587c5", "original_payin_information": { "amount": 10, "id": "82a649c5-af14-474a-997a-b25b0d3f45be" }, "status_details": { "status": "PENDING" }, "updated_at": "2025-05-22T10:38:49.246322209Z" })
}

/// The answer to a refund from the float, as the page prints it (each member once).
fn float_answer() -> Value {
    json!({ "id": "4690e5d4-5fcb-49e1-ad90-396dc48587c5", "amount": 1000, "currency": "AUD", "status_details": { "status": "PENDING" }, "debtor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": "06a1cb4b-f038-4d4d-b3f9-2114e31125a2" }, "original_payin_information": { "amount": 1000, "id": "82a649c5-af14-474a-997a-b25b0d3f45be" }, "created_at": "2025-05-22T10:38:49.162980987Z", "updated_at": "2025-05-22T10:38:49.246322209Z", "expiration": "2025-06-21T10:38:49.162981594Z" })
}

/// A webhook as the page prints it.
fn webhook(kind: &str, status: Value, mandate: bool, metadata: Value) -> Value {
    let mut data = json!({ "amount": 1, "created_at": "2025-05-22T10:26:55.815053234Z", "currency": "AUD", "debtor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": "71dd52df-b05b-41fb-9a28-16c543a1abf6" }, "expiration": "2025-06-21T10:26:55.815054084Z", "id": "eec4e4be-40ce-4c81-a6bc-3e24f1ad0667", "original_payin_information": { "amount": 10000, "id": "82a649c5-af14-474a-997a-b25b0d3f45be" }, "payment_identification": { "end_to_end_identification": "end-to-end-id" }, "remittance_information": { "structured": { "creditor_reference_information": { "reference": "" } } }, "updated_at": "2025-05-22T10:26:55.863891998Z" });
    data["status_details"] = status;
    data["metadata"] = metadata;
    if mandate {
        data["mandate"] = json!({ "id": "3f80b430-4127-46f9-a86f-3ce18a02a53d" });
    }
    json!({ "data": data, "id": "3a7e0e66-3b15-496a-8948-458a0a50488e", "type": kind, "version": "v3" })
}

/// Two values have the same members and the same JSON types, all the way down.
#[track_caller]
fn same_shape(ours: &Value, page: &Value, place: &str) {
    match (ours, page) {
        (Value::Object(ours), Value::Object(page)) => {
            let names = |of: &Map<String, Value>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(ours), names(page), "{place}");
            for (name, value) in page {
                same_shape(&ours[name], value, &format!("{place}/{name}"));
            }
        }
        (Value::String(ours), Value::String(page)) => {
            let time = |text: &str| text.len() == 30 && text.ends_with('Z') && text.as_bytes()[19] == b'.';
            assert_eq!(time(ours), time(page), "{place}: {ours}");
            assert_eq!(is_uuid(ours), is_uuid(page), "{place}: {ours}");
        }
        (Value::Number(ours), Value::Number(page)) => assert_eq!(ours.is_u64(), page.is_u64(), "{place}"),
        (ours, page) => assert!(std::mem::discriminant(ours) == std::mem::discriminant(page), "{place}: {ours}"),
    }
}

fn is_uuid(text: &str) -> bool {
    let dashes = |(place, byte): (usize, u8)| (byte == b'-') == matches!(place, 8 | 13 | 18 | 23);
    text.len() == 36 && text.bytes().enumerate().all(dashes)
}

/// A token as the page asks for.
async fn token(server: &Server) -> String {
    let scope = server.credential("/banked/application_id");
    let body = json!({ "grant_type": "client_credentials", "scope": scope });
    let made = answer(server.request(Who::Banked, "POST", "/oauth/token").json(&body)).await.expect(200);
    assert_eq!((made.json["token_type"].as_str(), made.json["expires_in"].as_u64()), (Some("Bearer"), Some(7200)));
    format!("Bearer {}", made.text("/access_token"))
}

/// The page's request, byte for byte but for the ids and the key.
async fn post_text(server: &Server, token: &str, key: &str, text: String) -> Answer {
    let request = server.http.post(format!("{}/v3/refunds", server.base)).header("authorization", token);
    answer(request.header("content-type", "application/json").header("idempotency-key", key).body(text)).await
}

fn mandate_text(server: &Server, payin: &str, amount: &str) -> String {
    let token = server.credential("/banked/mandate_token");
    format!(
        r#"{{ "amount": {amount}, "original_payin_information": {{ "id": "{payin}" }}, "processing_method": {{ "method_type": "MANDATE", "mandate": {{ "token": "{token}" }} }} }}"#
    )
}

fn float_text(server: &Server, payin: &str, amount: &str) -> String {
    let account = server.credential("/banked/bank_account_id");
    format!(
        r#"{{ "amount": {amount}, "original_payin_information": {{ "id": "{payin}" }}, "processing_method": {{ "method_type": "ACCOUNT_TO_ACCOUNT", "debtor_account": {{ "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": "{account}" }} }} }}"#
    )
}

/// `banked-signature`, checked as the vendor's page does it.
#[track_caller]
fn signed(server: &Server, letter: &Letter) {
    let (seconds, signature) = letter.headers["banked-signature"].as_str().unwrap().split_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, server.credential("/banked/webhook_signature_key").as_bytes());
    let expected = hmac::sign(&key, format!("{seconds}.{}", letter.text).as_bytes());
    assert_eq!(hex::encode(expected), signature);
}

// conformance: banked 1
// conformance: banked 3
// conformance: banked 41
// conformance: banked 43
#[tokio::test]
async fn the_pages_mandate_refund_works_as_printed() {
    let server = Server::start().await;
    let token = token(&server).await;
    let payin = server.payin(1000, "0505101").await;
    let made =
        post_text(&server, &token, "unique-refund-id-123", mandate_text(&server, &payin, "1000")).await.expect(201);
    same_shape(&made.json, &mandate_answer(), "");
    assert_eq!(made.json["amount"], 1000);
    assert_eq!(made.json["original_payin_information"], json!({ "amount": 1000, "id": payin }));
    assert_ne!(made.json["mandate"]["id"], server.credential("/banked/mandate_token"));
    let request = server.http.get(format!("{}/v3/refunds/{}", server.base, made.text("/id")));
    let shown = answer(request.header("authorization", &token)).await.expect(200);
    same_shape(&shown.json, &mandate_answer(), "");
    let sent = server.reaches(&made.text("/id"), "SENT").await;
    assert_eq!(sent["status_details"], json!({ "status": "SENT" }));
}

// conformance: banked 42
// conformance: banked 52
#[tokio::test]
async fn the_pages_float_refund_and_partials_work_as_printed() {
    let server = Server::start().await;
    let token = token(&server).await;
    let payin = server.payin(1000, "0505101").await;
    let made =
        post_text(&server, &token, "unique-refund-id-123", float_text(&server, &payin, "1000")).await.expect(201);
    same_shape(&made.json, &float_answer(), "");
    server.reaches(&made.text("/id"), "SENT").await;

    let payin = server.payin(10, "0505101").await;
    let part = post_text(&server, &token, "part-1", mandate_text(&server, &payin, "5")).await.expect(201);
    same_shape(&part.json, &mandate_answer(), "");
    assert_eq!(part.json["amount"], 5);
    let part = post_text(&server, &token, "part-2", float_text(&server, &payin, "5")).await.expect(201);
    same_shape(&part.json, &float_answer(), "");
    let over = post_text(&server, &token, "part-3", mandate_text(&server, &payin, "1")).await.expect(400);
    assert_eq!(over.json["errors"][0]["code"], "invalid_request");
    assert!(over.json["errors"][0]["params"]["amount"]["reason"].is_string(), "{}", over.text);
}

// conformance: banked 72
// conformance: banked 73
// conformance: banked 75
// conformance: banked 76
#[tokio::test]
async fn webhooks_have_exactly_the_pages_members() {
    let server = Server::start().await;
    let given = json!({ "key1": "value", "key2": "value" });
    let mut body = server.by_mandate(&server.payin(10_000, "0505101").await, 1);
    body["metadata"] = given.clone();
    body["payment_identification"] = json!({ "end_to_end_identification": "end-to-end-id" });
    body["remittance_information"] =
        json!({ "structured": { "creditor_reference_information": { "reference": "INV 7" } } });
    let refund = server.post(Who::Banked, "/v3/refunds", "full", &body).await.expect(201);
    let id = refund.text("/id");
    let mut seen = Vec::new();
    for (event, status) in [("refund_pending", "PENDING"), ("refund_sent", "SENT")] {
        let letter = server.hears(&id, event).await;
        same_shape(&letter.json, &webhook(event, json!({ "status": status }), true, given.clone()), event);
        assert_eq!(letter.json["data"]["metadata"], given);
        assert_eq!(letter.json["data"]["payment_identification"]["end_to_end_identification"], "end-to-end-id");
        let text = letter.json["data"]["remittance_information"].to_string();
        assert_eq!(text, r#"{"structured":{"creditor_reference_information":{"reference":"INV 7"}}}"#);
        signed(&server, &letter);
        // What JavaScript, or a sorted map, prints again is what was signed.
        assert_eq!(letter.json.to_string(), letter.text);
        seen.push(letter.json["id"].clone());
    }
    assert_ne!(seen[0], seen[1]);

    let mut bare = webhook("refund_failed", Value::Null, false, json!({}));
    bare["data"]["status_details"] = json!({ "reason": { "code": "", "message": "" }, "status": "FAILED" });
    let payin = server.payin(700, "0505105").await;
    let refund = server.post(Who::Banked, "/v3/refunds", "bare", &server.by_float(&payin, 700)).await.expect(201);
    let letter = server.hears(&refund.text("/id"), "refund_pending").await;
    assert_eq!(letter.json["data"]["payment_identification"]["end_to_end_identification"], "");
    let payin = server.payin(200_000, "0505101").await;
    let refund = server.refund(&payin, 150_000, "above").await.expect(201);
    let letter = server.hears(&refund.text("/id"), "refund_failed").await;
    bare["data"]["mandate"] = json!({ "id": "3f80b430-4127-46f9-a86f-3ce18a02a53d" });
    same_shape(&letter.json, &bare, "refund_failed");
    signed(&server, &letter);
}
