//! Amounts, currencies and bodies that are refused, and the life of a refund.

use super::shop::{Heard, Shop, Tenant};
use http::StatusCode;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use serde_json::json;

async fn refused(shop: &Shop, tenant: &Tenant, key: &str, path: &str, body: &str) -> Heard {
    let heard = shop.post_bytes(tenant, path, key, body.as_bytes()).await;
    assert_eq!(heard.headers["content-type"], "application/problem+json", "{body}");
    assert_eq!(heard.text("/type"), format!("/problems/{}", heard.code()), "{body}");
    assert_eq!(heard.json()["status"], heard.status.as_u16(), "{body}");
    assert_eq!(heard.text("/instance"), path);
    assert_eq!(heard.headers["x-request-id"], heard.text("/request_id").as_str());
    heard
}

#[tokio::test]
async fn amounts_are_whole_positive_minor_units() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let cases = [
        ("0", 422, "amount_not_positive"),
        ("-1", 422, "amount_not_positive"),
        ("-9007199254740993", 422, "amount_not_positive"),
        ("-0", 400, "amount_invalid"),
        ("0.5", 400, "amount_invalid"),
        ("10.0", 400, "amount_invalid"),
        ("1e3", 400, "amount_invalid"),
        ("1E+3", 400, "amount_invalid"),
        ("-1.5", 400, "amount_invalid"),
        ("\"100\"", 400, "amount_invalid"),
        ("\" 100\"", 400, "amount_invalid"),
        ("true", 400, "amount_invalid"),
        ("[100]", 400, "amount_invalid"),
        ("{\"value\":100}", 400, "amount_invalid"),
        ("9007199254740992", 400, "amount_invalid"),
        ("18446744073709551616", 400, "amount_invalid"),
        ("9007199254740991", 422, "amount_exceeds_refundable"),
        ("1001", 422, "amount_exceeds_refundable"),
        ("01", 400, "invalid_json"),
        ("+1", 400, "invalid_json"),
        (".5", 400, "invalid_json"),
        ("NaN", 400, "invalid_json"),
        ("1_000", 400, "invalid_json"),
    ];
    for (place, (amount, status, code)) in cases.into_iter().enumerate() {
        let body = format!(r#"{{"payment_id":"{payment}","amount":{amount}}}"#);
        let heard = refused(&shop, &tenant, &format!("refund-{place}"), "/v1/refunds", &body).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (status, code), "{amount}");
        if code.starts_with("amount_") && code != "amount_exceeds_refundable" {
            assert_eq!(heard.text("/errors/0/pointer"), "/amount", "{amount}");
            let body = format!(r#"{{"amount":{amount},"currency":"AUD"}}"#);
            let heard = refused(&shop, &tenant, &format!("payment-{place}"), "/v1/payments", &body).await;
            assert_eq!((heard.status.as_u16(), heard.code().as_str()), (status, code), "{amount}");
        }
    }
    let heard =
        refused(&shop, &tenant, "over", "/v1/refunds", &format!(r#"{{"payment_id":"{payment}","amount":1001}}"#)).await;
    assert_eq!(heard.json()["refundable"], 1_000);
    let untouched = shop.get(&tenant, &format!("/v1/payments/{payment}")).await;
    assert_eq!(untouched.json()["counters"]["claimed"], 0);
}

#[tokio::test]
async fn members_of_a_wrong_form_are_refused() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let id = payment.as_str();
    let cases: Vec<FormCase> = vec![
        (format!(r#"{{"payment_id":"{id}","amount":1,"amount":2}}"#).into(), 400, "duplicate_field", "/amount"),
        (
            format!(r#"{{"payment_id":"{id}","metadata":{{"a":"1","a":"2"}}}}"#).into(),
            400,
            "duplicate_field",
            "/metadata/a",
        ),
        (format!(r#"{{"payment_id":"{id}","amonut":1}}"#).into(), 400, "unknown_field", "/amonut"),
        (format!(r#"{{"payment_id":"{id}","a/b~c":1}}"#).into(), 400, "unknown_field", "/a~1b~0c"),
        (
            format!(r#"{{"payment_id":"{id}","creditor":{{"payid":"a@b","nick":"x"}}}}"#).into(),
            400,
            "unknown_field",
            "/creditor/nick",
        ),
        (br#"{"amount":1}"#.to_vec(), 422, "missing_field", "/payment_id"),
        (br#"{"payment_id":"nobody"}"#.to_vec(), 422, "invalid_parameter", "/payment_id"),
        (format!(r#"{{"payment_id":"{id}","currency":"aud"}}"#).into(), 422, "currency_unsupported", "/currency"),
        (format!(r#"{{"payment_id":"{id}","currency":"XYZ"}}"#).into(), 422, "currency_unsupported", "/currency"),
        (format!(r#"{{"payment_id":"{id}","currency":"EUR"}}"#).into(), 422, "currency_mismatch", ""),
        (
            format!(r#"{{"payment_id":"{id}","remittance":"{}"}}"#, "x".repeat(141)).into(),
            422,
            "invalid_parameter",
            "/remittance",
        ),
        (format!(r#"{{"payment_id":"{id}","remittance":"a\u0007b"}}"#).into(), 422, "invalid_parameter", "/remittance"),
        (format!(r#"{{"payment_id":"{id}","metadata":{{"k":1}}}}"#).into(), 422, "invalid_parameter", "/metadata"),
        (
            format!(r#"{{"payment_id":"{id}","metadata":{{"{}":"v"}}}}"#, "k".repeat(41)).into(),
            422,
            "invalid_parameter",
            "/metadata",
        ),
        (
            format!(r#"{{"payment_id":"{id}","metadata":{{"k":"{}"}}}}"#, "v".repeat(501)).into(),
            422,
            "invalid_parameter",
            "/metadata",
        ),
        (
            format!(r#"{{"payment_id":"{id}","merchant_reference":"Rückgabe"}}"#).into(),
            422,
            "invalid_parameter",
            "/merchant_reference",
        ),
        (
            format!(r#"{{"payment_id":"{id}","on_insufficient_funds":"pray"}}"#).into(),
            422,
            "invalid_parameter",
            "/on_insufficient_funds",
        ),
        (
            format!(r#"{{"payment_id":"{id}","account_id":"{id}","mandate_id":"{id}"}}"#).into(),
            422,
            "invalid_parameter",
            "/mandate_id",
        ),
    ];
    check_forms(&shop, &tenant, cases).await;
}

#[tokio::test]
async fn bodies_that_are_no_clean_json_are_refused() {
    let (shop, tenant) = Shop::sandbox().await;
    let cases: Vec<FormCase> = vec![
        (b"".to_vec(), 400, "invalid_json", ""),
        (b"[]".to_vec(), 400, "invalid_json", ""),
        (b"{\"payment_id\":".to_vec(), 400, "invalid_json", ""),
        ("[".repeat(100_000).into(), 400, "invalid_json", ""),
        (b"\xef\xbb\xbf{}".to_vec(), 400, "invalid_encoding", ""),
        (b"{\"remittance\":\"\xff\"}".to_vec(), 400, "invalid_encoding", ""),
        (b"{\"remittance\":\"a\x00\"}".to_vec(), 400, "invalid_encoding", ""),
        (br#"{"remittance":"\u0000"}"#.to_vec(), 400, "invalid_encoding", ""),
        (br#"{"remittance":"\ud800"}"#.to_vec(), 400, "invalid_encoding", ""),
        (br#"{"remittance":"\ude00"}"#.to_vec(), 400, "invalid_encoding", ""),
        (br#"{"remittance":"\ud83d\ude00","#.to_vec(), 400, "invalid_json", ""),
        (br#"{"remittance":"\\u0000","#.to_vec(), 400, "invalid_json", ""),
    ];
    check_forms(&shop, &tenant, cases).await;
    let large = format!(r#"{{"remittance":"{}"}}"#, "x".repeat(200_000));
    let heard = shop.post_bytes(&tenant, "/v1/refunds", "large", large.as_bytes()).await;
    assert_eq!((heard.status.as_u16(), heard.code().as_str()), (413, "payload_too_large"));
}

/// A body, and the status, code and pointer of its refusal.
type FormCase = (Vec<u8>, u16, &'static str, &'static str);

async fn check_forms(shop: &Shop, tenant: &Tenant, cases: Vec<FormCase>) {
    for (place, (body, status, code, pointer)) in cases.into_iter().enumerate() {
        let heard = shop.post_bytes(tenant, "/v1/refunds", &format!("form-{place}"), &body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (status, code), "{shown}");
        assert_eq!(heard.text("/errors/0/pointer"), pointer, "{shown}");
    }
}

#[tokio::test]
async fn partial_refunds_end_at_the_remainder() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let part = shop
        .post(&tenant, "/v1/refunds", "part", &json!({ "payment_id": payment, "amount": 300, "currency": "AUD" }))
        .await;
    assert_eq!(part.status, StatusCode::CREATED);
    assert_eq!(part.text("/status"), "ready");
    assert_eq!(part.json()["amount"], 300);
    assert_eq!(part.text("/creditor/source"), "payer_account");
    assert_eq!(part.text("/creditor/account"), "••78");
    assert!(!String::from_utf8_lossy(&part.bytes).contains("12345678"));
    let over = shop.post(&tenant, "/v1/refunds", "over", &json!({ "payment_id": payment, "amount": 701 })).await;
    assert_eq!((over.status.as_u16(), over.json()["refundable"].as_u64()), (422, Some(700)));
    let rest = shop.post(&tenant, "/v1/refunds", "rest", &json!({ "payment_id": payment })).await;
    assert_eq!(rest.json()["amount"], 700);
    let none = shop.post(&tenant, "/v1/refunds", "none", &json!({ "payment_id": payment })).await;
    assert_eq!((none.status.as_u16(), none.code().as_str()), (409, "already_refunded"));
    let cancelled = shop.post(&tenant, &format!("/v1/refunds/{}/cancel", rest.text("/id")), "", &json!({})).await;
    assert_eq!((cancelled.status.as_u16(), cancelled.text("/status").as_str()), (200, "cancelled"));
    let again = shop.post(&tenant, &format!("/v1/refunds/{}/cancel", rest.text("/id")), "", &json!({})).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "already_ended"));
    let shown = shop.get(&tenant, &format!("/v1/payments/{payment}")).await;
    assert_eq!(shown.json()["counters"]["refundable"], 700);
    let story = shop.get(&tenant, &format!("/v1/refunds/{}/timeline", rest.text("/id"))).await;
    let told: Vec<String> = (0..2).map(|place| story.text(&format!("/data/{place}/what"))).collect();
    assert_eq!(told, ["refund.ready", "refund.cancelled"]);
    assert_eq!(story.text("/data/0/actor/kind"), "credential");
}

#[tokio::test]
async fn money_that_lacks_is_refused_failed_or_awaited() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    shop.command(tenant.id, Command::SetBalance { account: tenant.account, available: 99 }).await;
    let ask = |word: &str| json!({ "payment_id": payment, "amount": 100, "on_insufficient_funds": word });
    let refused = shop.post(&tenant, "/v1/refunds", "a", &ask("refuse")).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "insufficient_funds"));
    assert_eq!((refused.json()["available"].as_u64(), refused.json()["retryable"].as_bool()), (Some(99), Some(true)));
    let failed = shop.post(&tenant, "/v1/refunds", "b", &ask("fail")).await;
    assert_eq!((failed.status.as_u16(), failed.text("/status").as_str()), (201, "failed"));
    assert_eq!(failed.text("/reason/code"), "insufficient_funds");
    let waits = shop.post(&tenant, "/v1/refunds", "c", &ask("wait")).await;
    assert_eq!((waits.status.as_u16(), waits.text("/status").as_str()), (201, "awaiting_funds"));
    // A refusal that depends on the world is not kept: the same key runs again.
    shop.command(tenant.id, Command::SetBalance { account: tenant.account, available: 5_000 }).await;
    let passes = shop.post(&tenant, "/v1/refunds", "a", &ask("refuse")).await;
    assert_eq!(passes.status, StatusCode::CREATED);
    let accounts = shop.get(&tenant, &format!("/v1/accounts/{}", tenant.account)).await;
    assert_eq!(accounts.json()["balance"]["available"].as_u64(), Some(4_900));
}

#[tokio::test]
async fn a_payment_that_has_not_settled_is_awaited_or_refused() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment_in(&tenant, 1_000, "executed").await;
    let refused =
        shop.post(&tenant, "/v1/refunds", "a", &json!({ "payment_id": payment, "when_unsettled": "refuse" })).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "payment_not_settled"));
    let waits = shop.post(&tenant, "/v1/refunds", "b", &json!({ "payment_id": payment, "amount": 10 })).await;
    assert_eq!(waits.text("/status"), "awaiting_settlement");
    let settle = Command::AdvancePayment {
        payment: PaymentId::parse(&payment).expect("an id"),
        to: PaymentState::Settled,
        credited: None,
        debtor: None,
        failure: None,
    };
    shop.command(tenant.id, settle).await;
    let goes_on = shop.get(&tenant, &format!("/v1/refunds/{}", waits.text("/id"))).await;
    assert_eq!(goes_on.text("/status"), "ready");
    shop.begin_send(tenant.id, &waits.text("/id")).await;
    let sent = shop.get(&tenant, &format!("/v1/refunds/{}", waits.text("/id"))).await;
    assert_eq!((sent.text("/status").as_str(), sent.json()["expires_at"].is_null()), ("submitted", true));
    assert_eq!(sent.text("/attempts/0/state"), "sending");
    assert_eq!(sent.text("/attempts/0/end_to_end_id").len(), 18);
    assert_eq!(sent.text("/attempts/0/instruction_id").len(), 26);
}

#[tokio::test]
async fn the_creditor_is_the_payer_or_is_named() {
    let (shop, tenant) = Shop::sandbox().await;
    let known = shop.payment(&tenant, 1_000).await;
    let other = json!({ "name": "Somebody", "payid": "else@example.org" });
    let differs = shop.post(&tenant, "/v1/refunds", "a", &json!({ "payment_id": known, "creditor": other })).await;
    assert_eq!((differs.status.as_u16(), differs.code().as_str()), (422, "payee_mismatch"));
    let body = json!({ "amount": 500, "currency": "AUD" });
    let unknown = shop.post(&tenant, "/v1/payments", "p", &body).await.text("/id");
    let missing = shop.post(&tenant, "/v1/refunds", "b", &json!({ "payment_id": unknown, "amount": 1 })).await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (422, "creditor_missing"));
    let named =
        shop.post(&tenant, "/v1/refunds", "c", &json!({ "payment_id": unknown, "amount": 1, "creditor": other })).await;
    assert_eq!(named.text("/creditor/source"), "merchant_supplied");
    assert_eq!(named.text("/creditor/account"), "••@example.org");
    let asks = shop
        .post(&tenant, "/v1/refunds", "d", &json!({ "payment_id": unknown, "amount": 1, "ask_details": true }))
        .await;
    assert_eq!(asks.text("/status"), "awaiting_details");
    assert!(asks.json()["creditor"].is_null());
}
