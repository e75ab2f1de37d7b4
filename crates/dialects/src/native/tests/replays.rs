//! The same call again: the same bytes, once.

use super::shop::{Heard, Shop};
use http::StatusCode;
use refundry_domain::command::Command;
use refundry_domain::id::{MandateId, PaymentId, RefundId};
use refundry_domain::mandate::MandateState;
use refundry_domain::party::{AccountIdentifier, CreditorSource, Party};
use refundry_domain::time::Span;
use serde_json::json;
use std::sync::Arc;

fn is_replay_of(first: &Heard, again: &Heard) {
    assert!(first.headers.get("idempotency-replayed").is_none());
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.status, again.status);
    assert_eq!(String::from_utf8_lossy(&first.bytes), String::from_utf8_lossy(&again.bytes));
    assert_eq!(first.headers["content-type"], again.headers["content-type"]);
}

#[tokio::test]
async fn a_refund_is_shown_as_it_was_created() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let body = r#"{"payment_id":"ID","amount":10,"metadata":{"b":"2","a":"1"}}"#.replace("ID", &payment);
    let first = shop.post_bytes(&tenant, "/v1/refunds", "once", body.as_bytes()).await;
    assert_eq!(first.status, StatusCode::CREATED);
    shop.clock.advance(Span::seconds(60));
    let id = RefundId::parse(&first.text("/id")).expect("an id");
    let block = refundry_domain::refund::BlockCode::Operator;
    shop.command(tenant.id, Command::PlaceBlock { refund: id, code: block }).await;
    shop.command(tenant.id, Command::LiftBlock { refund: id, code: block }).await;
    shop.begin_send(tenant.id, &first.text("/id")).await;
    // Spaces and order of members are not part of what was asked.
    let same = r#"{ "metadata": {"a":"1","b":"2"}, "amount": 10, "payment_id": "ID" }"#.replace("ID", &payment);
    let again = shop.post_bytes(&tenant, "/v1/refunds", "\"once\"", same.as_bytes()).await;
    is_replay_of(&first, &again);
    let now = shop.get(&tenant, &format!("/v1/refunds/{id}")).await;
    assert_eq!(now.text("/status"), "submitted");
    let other = shop.post(&tenant, "/v1/refunds", "once", &json!({ "payment_id": payment, "amount": 11 })).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
    let other = shop.post(&tenant, "/v1/refunds", "once", &json!({ "payment_id": payment, "amount": 0 })).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_creditor_given_later_does_not_change_the_first_answer() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment =
        shop.post(&tenant, "/v1/payments", "p", &json!({ "amount": 500, "currency": "AUD" })).await.text("/id");
    let body = json!({ "payment_id": payment, "ask_details": true });
    let first = shop.post(&tenant, "/v1/refunds", "once", &body).await;
    let details = Command::GiveDetails {
        refund: RefundId::parse(&first.text("/id")).expect("an id"),
        creditor: Party { name: None, account: AccountIdentifier::PayId("ann@example.org".into()) },
        source: CreditorSource::CustomerSupplied,
        people: Vec::new(),
    };
    shop.command(tenant.id, details).await;
    is_replay_of(&first, &shop.post(&tenant, "/v1/refunds", "once", &body).await);
    let now = shop.get(&tenant, &format!("/v1/refunds/{}", first.text("/id"))).await;
    assert_eq!(now.text("/creditor/source"), "customer_supplied");
}

#[tokio::test]
async fn a_payment_is_shown_as_it_was_recorded_and_found_by_its_names() {
    let (shop, tenant) = Shop::sandbox().await;
    let body = json!({
        "amount": 1000, "currency": "AUD", "merchant_reference": "order 17", "metadata": { "till": "4" },
        "origin_keys": [{ "kind": "uetr", "value": "2b8f1f3c-4a3e-4d8e-9a55-0d6f6a1c2b3d" }],
    });
    let first = shop.post(&tenant, "/v1/payments", "once", &body).await;
    assert_eq!(first.status, StatusCode::CREATED);
    shop.clock.advance(Span::seconds(60));
    shop.post(
        &tenant,
        "/v1/refunds",
        "r",
        &json!({ "payment_id": first.text("/id"), "creditor": { "payid": "a@b.example" } }),
    )
    .await;
    let payment = PaymentId::parse(&first.text("/id")).expect("an id");
    shop.command(tenant.id, Command::ReversePayment { payment, amount: None }).await;
    is_replay_of(&first, &shop.post(&tenant, "/v1/payments", "once", &body).await);
    let found = shop.post(&tenant, "/v1/payments", "another key", &body).await;
    assert_eq!(found.code(), "idempotency_key_invalid");
    let found = shop.post(&tenant, "/v1/payments", "another-key", &body).await;
    assert_eq!((found.status, found.text("/id")), (StatusCode::OK, first.text("/id")));
    assert_eq!(found.text("/status"), "reversed");
}

#[tokio::test]
async fn a_mandate_shows_its_token_to_whoever_made_it() {
    let (shop, tenant) = Shop::sandbox().await;
    let body = json!({
        "merchant_reference": "refunds-2026", "debtor_account_id": tenant.account.to_string(), "currency": "AUD",
        "amount_max": 100_000, "count_max": 10, "period": "month",
    });
    let first = shop.post(&tenant, "/v1/mandates", "once", &body).await;
    assert_eq!((first.status, first.text("/state")), (StatusCode::CREATED, "created".to_owned()));
    assert_eq!(first.text("/token").len(), 36);
    let mandate = MandateId::parse(&first.text("/id")).expect("an id");
    shop.command(tenant.id, Command::MoveMandate { mandate, to: MandateState::Active }).await;
    is_replay_of(&first, &shop.post(&tenant, "/v1/mandates", "once", &body).await);
    let now = shop.get(&tenant, &format!("/v1/mandates/{mandate}")).await;
    assert_eq!((now.text("/state").as_str(), now.json().get("token").is_none()), ("active", true));
    let payment = shop.payment(&tenant, 1_000).await;
    let refund = shop
        .post(&tenant, "/v1/refunds", "r", &json!({ "payment_id": payment, "mandate_id": mandate.to_string() }))
        .await;
    assert_eq!((refund.text("/funding/type").as_str(), refund.text("/status").as_str()), ("mandate", "ready"));
    let suspended =
        shop.post(&tenant, &format!("/v1/mandates/{mandate}/state"), "", &json!({ "state": "suspended" })).await;
    assert_eq!(suspended.text("/state"), "suspended");
    let backwards =
        shop.post(&tenant, &format!("/v1/mandates/{mandate}/state"), "", &json!({ "state": "declined" })).await;
    assert_eq!((backwards.status.as_u16(), backwards.code().as_str()), (409, "transition_impossible"));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_to_its_repetition() {
    let (shop, tenant) = Shop::sandbox().await;
    let body = json!({ "url": "https://shop.example/hook", "events": ["refund.settled"] });
    let first = shop.post(&tenant, "/v1/webhook-endpoints", "once", &body).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert!(first.text("/secret").starts_with("whsec_"));
    is_replay_of(&first, &shop.post(&tenant, "/v1/webhook-endpoints", "once", &body).await);
    let list = shop.get(&tenant, "/v1/webhook-endpoints").await;
    assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(1));
    assert!(!String::from_utf8_lossy(&list.bytes).contains("whsec_"));
}

#[tokio::test]
async fn a_refusal_of_form_is_kept_under_its_key() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let body = json!({ "payment_id": payment, "amount": 0 });
    let first = shop.post(&tenant, "/v1/refunds", "once", &body).await;
    assert_eq!(first.code(), "amount_not_positive");
    is_replay_of(&first, &shop.post(&tenant, "/v1/refunds", "once", &body).await);
    let mended = shop.post(&tenant, "/v1/refunds", "once", &json!({ "payment_id": payment, "amount": 1 })).await;
    assert_eq!(mended.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn a_key_is_needed_where_money_objects_are_made() {
    let (shop, tenant) = Shop::sandbox().await;
    for path in ["/v1/payments", "/v1/refunds", "/v1/mandates"] {
        let heard = shop.post(&tenant, path, "", &json!({})).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (400, "idempotency_key_missing"), "{path}");
    }
}

#[tokio::test]
async fn a_merchant_reference_is_unique_for_ever() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let ask = |minor: u64| json!({ "payment_id": payment, "amount": minor, "merchant_reference": "ticket-88412" });
    let first = shop.post(&tenant, "/v1/refunds", "a", &ask(1)).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let second = shop.post(&tenant, "/v1/refunds", "b", &ask(2)).await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (409, "duplicate_reference"));
    let original = format!("/v1/refunds/{}", first.text("/id"));
    assert_eq!(second.text("/original"), original);
    assert_eq!(second.headers["link"], format!("<{original}>; rel=\"original\""));
    let listed = shop.get(&tenant, "/v1/refunds?merchant_reference=ticket-88412&status=ready,settled").await;
    assert_eq!(listed.text("/data/0/id"), first.text("/id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_with_one_key_make_one_refund() {
    let (shop, tenant) = Shop::sandbox().await;
    let payment = shop.payment(&tenant, 1_000).await;
    let body = json!({ "payment_id": payment, "amount": 10 });
    let (shop, tenant) = (Arc::new(shop), Arc::new(tenant));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (shop, tenant, body) = (Arc::clone(&shop), Arc::clone(&tenant), body.clone());
            tokio::spawn(async move { shop.post(&tenant, "/v1/refunds", "same", &body).await })
        })
        .collect();
    let mut heard = Vec::new();
    for call in calls {
        heard.push(call.await.expect("no call panics"));
    }
    assert!(heard.iter().all(|answer| answer.bytes == heard[0].bytes && answer.status == StatusCode::CREATED));
    let list = shop.get(&tenant, &format!("/v1/refunds?payment_id={payment}")).await;
    assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(1));
}
