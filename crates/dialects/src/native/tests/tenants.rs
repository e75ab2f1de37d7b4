//! Keys, foreign ids, paths, pages.

use super::shop::{Shop, Tenant};
use axum::body::Body;
use http::{Request, StatusCode};
use refundry_domain::rules::Environment;
use refundry_domain::time::Span;
use serde_json::{Value, json};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn a_foreign_id_answers_like_an_unknown_one() {
    let (shop, mine) = Shop::sandbox().await;
    let theirs = shop.merchant(1_000_000).await;
    let payment = shop.payment(&theirs, 1_000).await;
    let refund =
        shop.post(&theirs, "/v1/refunds", "r", &json!({ "payment_id": payment, "amount": 1 })).await.text("/id");
    let mandate = shop.post(&theirs, "/v1/mandates", "m", &json!({ "currency": "AUD" })).await.text("/id");
    let endpoint =
        shop.post(&theirs, "/v1/webhook-endpoints", "", &json!({ "url": "https://a.example/" })).await.text("/id");
    let account = theirs.account.to_string();
    let gets = [
        ("/v1/payments/ID", &payment),
        ("/v1/refunds/ID", &refund),
        ("/v1/refunds/ID/timeline", &refund),
        ("/v1/accounts/ID", &account),
        ("/v1/mandates/ID", &mandate),
        ("/v1/webhook-endpoints/ID", &endpoint),
        ("/v1/webhook-endpoints/ID/deliveries", &endpoint),
        ("/v1/webhook-endpoints/ID/deliveries/1", &endpoint),
    ];
    for (path, id) in gets {
        let foreign = shop.get(&mine, &path.replace("ID", id)).await;
        let unknown = shop.get(&mine, &path.replace("ID", NOBODY)).await;
        let garbled = shop.get(&mine, &path.replace("ID", "..%2f..")).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
        for other in [&unknown, &garbled] {
            assert_eq!(without_call(&foreign.json()), without_call(&other.json()), "{path}");
        }
    }
    let posts = [
        ("/v1/refunds", json!({ "payment_id": payment, "amount": 1 })),
        ("/v1/refunds/ID/cancel", json!({})),
        ("/v1/mandates/ID/state", json!({ "state": "cancelled" })),
        ("/v1/webhook-endpoints/ID/deliveries/1/replay", json!({})),
    ];
    for (path, body) in posts {
        let id = if path.contains("mandates") {
            &mandate
        } else if path.contains("webhook") {
            &endpoint
        } else {
            &refund
        };
        let foreign = shop.post(&mine, &path.replace("ID", id), "a", &body).await;
        let body = serde_json::from_str(&body.to_string().replace(&payment, NOBODY)).expect("a body");
        let unknown = shop.post(&mine, &path.replace("ID", NOBODY), "b", &body).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(without_call(&foreign.json()), without_call(&unknown.json()), "{path}");
    }
    for path in ["/v1/payments", "/v1/refunds", "/v1/mandates", "/v1/webhook-endpoints"] {
        assert_eq!(shop.get(&mine, path).await.json()["data"], json!([]), "{path}");
    }
    let events = shop.get(&mine, "/v1/events?limit=200").await;
    assert!(!String::from_utf8_lossy(&events.bytes).contains(&payment));
    let own = shop.payment(&mine, 5_000).await;
    for (key, body) in [
        ("own-1", json!({ "payment_id": own, "account_id": account })),
        ("own-2", json!({ "payment_id": own, "mandate_id": mandate })),
    ] {
        assert_eq!(shop.post(&mine, "/v1/refunds", key, &body).await.status, StatusCode::NOT_FOUND, "{key}");
    }
}

/// A problem without what differs from call to call.
fn without_call(body: &Value) -> Value {
    let mut body = body.clone();
    for member in ["request_id", "instance"] {
        body.as_object_mut().map(|members| members.remove(member));
    }
    body
}

#[tokio::test]
async fn only_a_good_key_opens() {
    let (shop, tenant) = Shop::sandbox().await;
    let (start, secret) = tenant.key.rsplit_once('_').expect("a key has parts");
    let wrong_secret = format!("{start}_{}", secret.replace(|digit: char| digit.is_ascii_digit(), "a"));
    let live = tenant.key.replace("rf_test_", "rf_live_");
    let good = format!("Bearer {}", tenant.key);
    let cases = [
        (None, 401),
        (Some(String::new()), 401),
        (Some("Bearer".into()), 401),
        (Some("Bearer ".into()), 401),
        (Some(format!("Basic {}", tenant.key)), 401),
        (Some(format!("Bearer {wrong_secret}")), 401),
        (Some(format!("Bearer {start}_")), 401),
        (Some(format!("Bearer rf_test_0000_{secret}")), 401),
        (Some(format!("Bearer {live}")), 401),
        (Some(format!("Bearer {}", "x".repeat(5_000))), 401),
        (Some(good.to_lowercase()), 200),
        (Some(good.clone()), 200),
    ];
    for (value, status) in cases {
        let mut request = Request::get("/v1/accounts");
        if let Some(value) = &value {
            request = request.header("authorization", value);
        }
        let heard = shop.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(heard.status.as_u16(), status, "{value:?}");
        if status == 401 {
            assert_eq!(heard.code(), "unauthorized");
            assert!(heard.headers.contains_key("www-authenticate"));
        }
    }
    let twice = Request::get("/v1/accounts").header("authorization", &good).header("authorization", &good);
    assert_eq!(shop.send(twice.body(Body::empty()).expect("a request")).await.status.as_u16(), 401);
}

#[tokio::test]
async fn methods_types_and_parameters_are_checked() {
    let (shop, tenant) = Shop::sandbox().await;
    let heard = shop.with_method(&tenant, "DELETE", "/v1/refunds", &json!({})).await;
    assert_eq!((heard.status.as_u16(), heard.code().as_str()), (405, "method_not_allowed"));
    assert!(heard.headers["allow"].to_str().is_ok_and(|allow| allow.contains("POST")));
    for path in [
        "/v1/refunds?limit=0",
        "/v1/refunds?limit=201",
        "/v1/refunds?limit=ten",
        "/v1/refunds?status=lost",
        "/v1/refunds?payment_id=x",
        "/v1/refunds?colour=red",
        "/v1/refunds?limit=1&limit=2",
    ] {
        let heard = shop.get(&tenant, path).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (422, "invalid_parameter"), "{path}");
    }
    for path in ["/v1/refunds?cursor=abc", "/v1/payments?cursor=", "/v1/events?after=AQIAAAAAAAAAAAAAAAAAAAAA"] {
        let heard = shop.get(&tenant, path).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (400, "invalid_cursor"), "{path}");
    }
    let request = Request::post("/v1/refunds")
        .header("authorization", format!("Bearer {}", tenant.key))
        .header("idempotency-key", "k")
        .header("x-request-id", "from-outside")
        .header("content-type", "text/plain");
    let heard = shop.send(request.body(Body::from("{}")).expect("a request")).await;
    assert_eq!((heard.status.as_u16(), heard.code().as_str()), (415, "unsupported_media_type"));
    assert_eq!(heard.text("/request_id"), "from-outside");
}

async fn walk(shop: &Shop, tenant: &Tenant, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = shop.get(tenant, &next).await.json();
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()));
        if page["has_more"] != true {
            return ids;
        }
        let name = if path.contains("events") { "after" } else { "cursor" };
        next = format!("{path}&{name}={}", page["next_cursor"].as_str().unwrap_or_default());
    }
}

#[tokio::test]
async fn pages_show_everything_once() {
    let (shop, tenant) = Shop::sandbox().await;
    let mut payments = Vec::new();
    for _ in 0..5 {
        shop.clock.advance(refundry_domain::time::Span::seconds(1));
        payments.push(shop.payment(&tenant, 100).await);
    }
    payments.reverse();
    assert_eq!(walk(&shop, &tenant, "/v1/payments?limit=2").await, payments);
    let mut refunds = Vec::new();
    for number in 0..5 {
        shop.clock.advance(refundry_domain::time::Span::seconds(1));
        let body = json!({ "payment_id": payments[0], "amount": 1 });
        refunds.push(shop.post(&tenant, "/v1/refunds", &format!("k{number}"), &body).await.text("/id"));
    }
    refunds.reverse();
    assert_eq!(walk(&shop, &tenant, "/v1/refunds?limit=2").await, refunds);
    let events = walk(&shop, &tenant, "/v1/events?limit=3").await;
    let distinct: std::collections::BTreeSet<_> = events.iter().collect();
    // The funding of the account, then two events a payment, then one a refund.
    assert_eq!((events.len(), distinct.len()), (16, 16));
}

#[tokio::test]
async fn in_live_imports_wait_for_proof_and_mandates_for_their_signatories() {
    let shop = Shop::open(Environment::Live);
    let tenant = shop.merchant(1_000_000).await;
    assert!(tenant.key.starts_with("rf_live_"));
    let body = json!({ "amount": 100, "currency": "AUD" });
    let payment = shop.post(&tenant, "/v1/payments", "p", &body).await;
    assert_eq!(payment.text("/blocks/0/code"), "unverified");
    let again = shop.post(&tenant, "/v1/payments", "p", &body).await;
    assert_eq!(payment.bytes, again.bytes);
    let refund = shop.post(&tenant, "/v1/refunds", "r", &json!({ "payment_id": payment.text("/id") })).await;
    assert_eq!((refund.status.as_u16(), refund.code().as_str()), (409, "payment_blocked"));
    let mandate = shop.post(&tenant, "/v1/mandates", "m", &json!({ "currency": "AUD" })).await.text("/id");
    let path = format!("/v1/mandates/{mandate}/state");
    let active = shop.post(&tenant, &path, "", &json!({ "state": "active" })).await;
    assert_eq!((active.status.as_u16(), active.code().as_str()), (409, "transition_impossible"));
    let cancelled = shop.post(&tenant, &path, "", &json!({ "state": "cancelled" })).await;
    assert_eq!(cancelled.text("/state"), "cancelled");
    for url in [
        "http://shop.example/hook",
        "inbox:native",
        "ftp://shop.example/",
        "https://user:secret@shop.example/",
        "https://",
    ] {
        let heard = shop.post(&tenant, "/v1/webhook-endpoints", "", &json!({ "url": url })).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (422, "invalid_parameter"), "{url}");
    }
}

#[tokio::test]
async fn above_the_rate_limit_a_key_is_told_to_slow_down() {
    let shop = Shop::with(Environment::Sandbox, &json!({ "rate_limit": 2 }));
    let (one, other) = (shop.merchant(1_000).await, shop.merchant(1_000).await);
    let status = async |tenant: &Tenant| shop.get(tenant, "/v1/accounts").await.status.as_u16();
    assert_eq!((status(&one).await, status(&one).await), (200, 200));
    let heard = shop.get(&one, "/v1/accounts").await;
    assert_eq!((heard.status.as_u16(), heard.code().as_str()), (429, "rate_limited"));
    assert_eq!((&heard.headers["retry-after"], &heard.json()["retryable"]), (&"1".parse().unwrap(), &json!(true)));
    assert_eq!(status(&other).await, 200, "each key has its own limit");
    shop.clock.advance(Span::seconds(1));
    assert_eq!(status(&one).await, 200);
}
