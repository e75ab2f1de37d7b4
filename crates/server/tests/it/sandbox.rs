//! The levers of the sandbox, over real HTTP.

use crate::house::House;
use crate::wire::{Answer, call, exchange, post_once};
use refundry_server::fault::Fault;
use refundry_server::health::{self, Vitals};
use refundry_testkit::memory::MemoryStore;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// Looks again and again until something is so; bounded, and each look is a
/// round trip to the server.
const LOOKS_MAX: usize = 2_000;

async fn start() -> (House, TempDir) {
    let data = tempfile::tempdir().unwrap();
    (House::start(&MemoryStore::new(), data.path(), None).await, data)
}

async fn pay_in(house: &House, body: Value) -> String {
    let made = house.lever("POST /payments", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

fn debtor() -> Value {
    json!({ "name": "Robin Citizen", "account_number": "12345678", "bsb": "111-114" })
}

async fn refund(house: &House, key: &str, body: Value) -> Value {
    let native = house.made.document.text("/native/api_key").unwrap();
    let made = post_once(house.address, "/v1/refunds", native, key, &body.to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

async fn native(house: &House, path: &str) -> Answer {
    call(house.address, &format!("GET {path}"), house.made.document.text("/native/api_key").unwrap(), "").await
}

async fn until_status(house: &House, id: &str, status: &str) {
    let path = format!("/v1/refunds/{id}");
    let mut last = Value::Null;
    for _ in 0..LOOKS_MAX {
        last = native(house, &path).await.json();
        if last["status"] == status {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("never {status}: {last}");
}

#[tokio::test]
async fn only_a_sandbox_key_opens_the_levers() {
    let (house, _data) = start().await;
    let other = house.made.document.text("/native/api_key").unwrap();
    for (line, bearer) in [
        ("GET /sandbox/v1/clock", ""),
        ("GET /sandbox/v1/clock", other),
        ("GET /sandbox/v1/inbox/native", ""),
        ("POST /sandbox/v1/payments", "sbx_0"),
        ("GET /sandbox/v1/bank/instructions", other),
    ] {
        let refused = call(house.address, line, bearer, "").await;
        assert_eq!((refused.status, &refused.json()["code"]), (401, &"unauthorized".into()), "{line}");
        assert!(refused.header("www-authenticate").is_some());
        assert_eq!(refused.json()["request_id"].as_str(), refused.header("x-request-id"));
    }
    let unknown = house.lever("GET /nothing", &Value::Null).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"not_found".into()));
    house.end().await;
}

#[tokio::test]
async fn the_clock_moves_and_stays_moved_after_a_restart() {
    let (store, data) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let house = House::start(&store, data.path(), None).await;
    assert_eq!(house.lever("GET /clock", &Value::Null).await.json()["advanced_seconds"], 0);
    let moved = house.lever("POST /clock/advance", &json!({ "seconds": 3600 })).await;
    assert_eq!((moved.status, &moved.json()["advanced_seconds"]), (200, &3600.into()));
    for bad in [
        json!({ "seconds": -1 }),
        json!({ "seconds": 1.5 }),
        json!({}),
        json!({ "seconds": u64::MAX }),
        json!({ "hours": 1 }),
    ] {
        assert_eq!(house.lever("POST /clock/advance", &bad).await.status, 400, "{bad}");
    }
    assert_eq!(house.clock.ahead().0, 3_600_000_000_000);
    house.end().await;
    let again = House::start(&store, data.path(), None).await;
    assert_eq!(again.lever("GET /clock", &Value::Null).await.json()["advanced_seconds"], 3600);
    again.end().await;
}

#[tokio::test]
async fn pay_ins_are_seen_by_dialects_and_move_on() {
    let (house, _data) = start().await;
    let settled = pay_in(&house, json!({ "amount": 1000, "currency": "AUD", "debtor": debtor() })).await;
    assert_eq!(native(&house, &format!("/v1/payments/{settled}")).await.json()["status"], "settled");
    let open = pay_in(&house, json!({ "amount": 5, "currency": "GBP", "debtor": null, "status": "open" })).await;
    for (to, status, word) in [
        ("executed", 200, "executed"),
        ("settled", 200, "settled"),
        ("failed", 409, "transition_impossible"),
        ("reversed", 200, "reversed"),
        ("lost", 400, "invalid_request"),
    ] {
        let moved = house.lever(&format!("POST /payments/{open}/status"), &json!({ "status": to })).await;
        let said = moved.json();
        assert_eq!((moved.status, said["status"] == word || said["code"] == word), (status, true), "{to}: {said}");
    }
    let moved = native(&house, &format!("/v1/payments/{open}")).await.json();
    assert_eq!(moved["authorised_at"], moved["executed_at"], "it was executed at once");
    assert!(moved["settled_at"].as_str() >= moved["executed_at"].as_str() && moved["failed_at"].is_null(), "{moved}");
    let lost = pay_in(&house, json!({ "amount": 5, "currency": "GBP", "debtor": null, "status": "open" })).await;
    house.lever(&format!("POST /payments/{lost}/status"), &json!({ "status": "failed" })).await;
    let lost = native(&house, &format!("/v1/payments/{lost}")).await.json();
    assert_eq!(lost["failure"], json!({ "stage": "open", "reason": "other" }));
    assert!(lost["failed_at"].is_string() && lost["settled_at"].is_null(), "{lost}");
    for bad in [
        json!({ "amount": 0, "currency": "AUD" }),
        json!({ "amount": 1, "currency": "AUD", "debtor": { "name": "x" } }),
        json!({ "amount": 1, "currency": "AUD", "status": "failed" }),
        json!({ "amount": 1, "currency": "AUD", "colour": "red" }),
    ] {
        assert_eq!(house.lever("POST /payments", &bad).await.status, 400, "{bad}");
    }
    let nobody = house.lever("POST /payments", &json!({ "amount": 1, "currency": "JPY" })).await;
    assert_eq!(nobody.status, 422);
    for id in ["82a649c5-af14-474a-997a-b25b0d3f45be", "x"] {
        let unknown = house.lever(&format!("POST /payments/{id}/status"), &json!({ "status": "settled" })).await;
        assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"payment_not_found".into()), "{id}");
    }
    house.end().await;
}

#[tokio::test]
async fn credentials_with_an_end_open_nothing_after_it() {
    let (house, _data) = start().await;
    let client = json!({ "dialect": "native", "expires_in_seconds": 60 });
    let key = house.lever("POST /clients", &client).await.json()["api_key"].as_str().unwrap().to_owned();
    let status = async || call(house.address, "GET /v1/accounts", &key, "").await.status;
    assert_eq!(status().await, 200);
    house.lever("POST /clock/advance", &json!({ "seconds": 61 })).await;
    assert_eq!(status().await, 401);
    for seconds in [json!(0), json!(u64::MAX), json!(-1)] {
        let body = json!({ "dialect": "native", "expires_in_seconds": seconds });
        assert_eq!(house.lever("POST /clients", &body).await.status, 400, "{seconds}");
    }
    house.end().await;
}

#[tokio::test]
async fn the_type_of_every_fault_leads_to_its_meaning() {
    let (house, _data) = start().await;
    let of_server = Fault::ALL.map(|fault| (fault.code(), fault.status().as_u16(), fault.retryable()));
    let of_sandbox = [
        ("invalid_request", 400, false),
        ("already_executed", 409, false),
        ("bank_unavailable", 503, true),
        ("too_many_inboxes", 409, false),
        ("storage_unavailable", 503, true),
        ("stopping", 503, true),
        ("request_in_progress", 409, true),
        ("currency_unsupported", 422, false),
        ("unauthorized", 401, false),
    ];
    for (code, status, retryable) in of_server.into_iter().chain(of_sandbox) {
        let meaning = call(house.address, &format!("GET /problems/{code}"), "", "").await;
        assert_eq!(meaning.status, 200, "{code}");
        let meaning = meaning.json();
        let told = (&meaning["code"], &meaning["status"], &meaning["retryable"]);
        assert_eq!(told, (&code.into(), &status.into(), &retryable.into()), "{code}");
    }
    house.end().await;
}

#[tokio::test]
async fn a_refund_is_paid_and_stands_in_the_banks_books() {
    let (house, _data) = start().await;
    let payment = pay_in(&house, json!({ "amount": 1000, "currency": "AUD", "debtor": debtor() })).await;
    let made = refund(&house, "k1", json!({ "payment_id": payment, "amount": 400 })).await;
    let id = made["id"].as_str().unwrap();
    until_status(&house, id, "settled").await;
    let books = house.lever(&format!("GET /bank/instructions?payment_id={payment}"), &Value::Null).await.json();
    assert_eq!(books["totals"], json!({ "paid_count": 1, "paid": 400, "returned": 0 }));
    assert_eq!((&books["violations"], &books["has_more"]), (&0.into(), &false.into()));
    let line = &books["data"][0];
    assert_eq!((&line["refund_id"], &line["state"], &line["amount"]), (&id.into(), &"executed".into(), &400.into()));
    assert!(!books.to_string().contains("12345678"), "the creditor is masked: {books}");
    let late = house.lever(&format!("POST /refunds/{id}/outcome"), &json!({ "outcome": "fail" })).await;
    assert_eq!((late.status, &late.json()["code"]), (409, &"already_executed".into()));
    let back =
        house.lever(&format!("POST /refunds/{id}/outcome"), &json!({ "outcome": "return", "reason": "AC04" })).await;
    assert_eq!(back.status, 200);
    until_status(&house, id, "returned").await;
    for bad in ["limit=0", "limit=1001", "payment_id=x", "colour=red"] {
        assert_eq!(house.lever(&format!("GET /bank/instructions?{bad}"), &Value::Null).await.status, 400, "{bad}");
    }
    house.end().await;
}

#[tokio::test]
async fn outcomes_are_set_for_refunds_and_payments() {
    let (house, _data) = start().await;
    let payment = pay_in(&house, json!({ "amount": 1000, "currency": "AUD", "debtor": debtor() })).await;
    let set = house
        .lever(&format!("POST /payments/{payment}/outcome"), &json!({ "outcome": "fail", "reason": "AC04" }))
        .await;
    assert_eq!(set.status, 200);
    let made = refund(&house, "k1", json!({ "payment_id": payment })).await;
    until_status(&house, made["id"].as_str().unwrap(), "failed").await;
    for (path, body, status) in [
        (format!("/payments/{payment}/outcome"), json!({ "outcome": "explode" }), 400),
        (format!("/payments/{payment}/outcome"), json!({ "outcome": "fail", "reason": "because" }), 400),
        ("/refunds/82a649c5-af14-474a-997a-b25b0d3f45be/outcome".into(), json!({ "outcome": "fail" }), 404),
        ("/payments/82a649c5-af14-474a-997a-b25b0d3f45be/outcome".into(), json!({ "outcome": "fail" }), 404),
    ] {
        assert_eq!(house.lever(&format!("POST {path}"), &body).await.status, status, "{path} {body}");
    }
    house.end().await;
}

#[tokio::test]
async fn details_are_given_and_time_is_ended() {
    let (house, _data) = start().await;
    let payment = pay_in(&house, json!({ "amount": 1000, "currency": "AUD" })).await;
    let first = refund(&house, "k1", json!({ "payment_id": payment, "amount": 400, "ask_details": true })).await;
    let second = refund(&house, "k2", json!({ "payment_id": payment, "amount": 300, "ask_details": true })).await;
    assert_eq!(first["status"], "awaiting_details");
    let (first, second) = (first["id"].as_str().unwrap(), second["id"].as_str().unwrap());
    let bad = house.lever(&format!("POST /refunds/{first}/details"), &json!({ "name": "x" })).await;
    assert_eq!(bad.status, 400);
    assert_eq!(house.lever(&format!("POST /refunds/{first}/details"), &debtor()).await.status, 200);
    until_status(&house, first, "settled").await;
    assert_eq!(house.lever(&format!("POST /refunds/{second}/expire"), &Value::Null).await.status, 200);
    until_status(&house, second, "expired").await;
    assert_eq!(house.lever("GET /clock", &Value::Null).await.json()["advanced_seconds"], 0);
    let again = house.lever(&format!("POST /refunds/{second}/expire"), &Value::Null).await;
    assert_eq!(again.status, 409);
    house.end().await;
}

#[tokio::test]
async fn the_kill_switch_holds_refunds_back() {
    let (house, _data) = start().await;
    let payment = pay_in(&house, json!({ "amount": 1000, "currency": "AUD", "debtor": debtor() })).await;
    assert_eq!(house.lever("POST /rails/pause", &json!({})).await.json()["paused"], true);
    let made = refund(&house, "k1", json!({ "payment_id": payment })).await;
    let id = made["id"].as_str().unwrap();
    let books = house.lever("GET /bank/instructions", &Value::Null).await.json();
    assert_eq!(books["data"], json!([]));
    assert_eq!(house.lever("POST /rails/resume", &Value::Null).await.json()["paused"], false);
    until_status(&house, id, "settled").await;
    house.end().await;
}

#[tokio::test]
async fn balances_and_mandates_are_moved() {
    let (house, _data) = start().await;
    let account = house.made.document.text("/banked/bank_account_id").unwrap().to_owned();
    let empty = house.lever(&format!("POST /accounts/{account}/balance"), &json!({ "amount": 0 })).await;
    assert_eq!((empty.status, &empty.json()["available"]), (200, &0.into()));
    let unknown = house.lever("POST /accounts/x/balance", &json!({ "amount": 0 })).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"account_not_found".into()));
    let merchant = house.made.document.merchant().unwrap();
    let mandates = house.engine.read(move |reader| reader.mandates(merchant)).await.unwrap();
    let active = mandates.iter().find(|mandate| mandate.state.code() == "active").unwrap().id;
    for (to, status) in [("suspended", 200), ("active", 200), ("cancelled", 200), ("active", 409), ("asleep", 400)] {
        let moved = house.lever(&format!("POST /mandates/{active}/state"), &json!({ "state": to })).await;
        assert_eq!(moved.status, status, "{to}");
    }
    house.end().await;
}

#[tokio::test]
async fn further_clients_have_keys_of_their_own() {
    let (house, _data) = start().await;
    let made = house.lever("POST /clients", &json!({ "dialect": "native" })).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let key = made["api_key"].as_str().unwrap();
    assert_ne!(Some(key), house.made.document.text("/native/api_key"));
    assert_eq!(call(house.address, "GET /v1/payments", key, "").await.status, 200);
    assert_eq!(house.lever("POST /clients", &json!({ "dialect": "banked" })).await.status, 201);
    assert_eq!(house.lever("POST /clients", &json!({ "dialect": "stripe" })).await.status, 404);
    house.end().await;
}

#[tokio::test]
async fn an_inbox_takes_anything_and_shows_it_newest_first() {
    let (house, _data) = start().await;
    for body in ["first", "second"] {
        let length = body.len();
        let post = format!(
            "POST /sandbox/v1/inbox/mine HTTP/1.1\r\nhost: t\r\nx-tag: a\r\nx-tag: b\r\nauthorization: Bearer sent-by-mistake\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        assert_eq!(exchange(house.address, post.as_bytes()).await.status, 200);
    }
    let shown = house.lever("GET /inbox/mine", &Value::Null).await.json();
    assert_eq!((&shown["data"][0]["body"], &shown["data"][1]["body"]), (&"second".into(), &"first".into()));
    assert_eq!(shown["data"][0]["headers"]["x-tag"], "a, b");
    assert!(shown["data"][0]["time"].as_str().unwrap().ends_with('Z'));
    assert!(!shown.to_string().contains("sent-by-mistake"));
    assert_eq!(house.lever("GET /inbox/never-used", &Value::Null).await.json()["data"], json!([]));
    let bad = call(house.address, "POST /sandbox/v1/inbox/a%20b", "", "x").await;
    assert_eq!(bad.status, 400);
    let large = call(house.address, "POST /sandbox/v1/inbox/mine", "", &"x".repeat(64 * 1024 + 1)).await;
    assert_eq!((large.status, &large.json()["code"]), (413, &"body_too_large".into()));
    assert_eq!(house.lever("GET /mails", &Value::Null).await.json()["data"], json!([]));
    house.end().await;
}

#[tokio::test]
async fn webhooks_reach_the_inbox_and_a_set_endpoint() {
    let (house, _data) = start().await;
    let set = house.lever("PUT /webhooks/native", &json!({ "url": "inbox:elsewhere" })).await;
    assert_eq!(set.status, 200, "{set:?}");
    // The same call again replaces it.
    assert_eq!(house.lever("PUT /webhooks/native", &json!({ "url": "inbox:elsewhere" })).await.json(), set.json());
    for (dialect, body, status) in [
        ("native", json!({ "url": "ftp://x" }), 400),
        ("native", json!({ "url": "inbox:x", "secret": "" }), 400),
        ("native", json!({ "url": "inbox:x", "signature_scheme": "other" }), 400),
        ("stripe", json!({ "url": "inbox:x" }), 404),
    ] {
        assert_eq!(house.lever(&format!("PUT /webhooks/{dialect}"), &body).await.status, status, "{dialect} {body}");
    }
    assert_eq!(house.lever("POST /webhooks/pause", &Value::Null).await.json()["paused"], true);
    let payment = pay_in(&house, json!({ "amount": 1000, "currency": "AUD", "debtor": debtor() })).await;
    let made = refund(&house, "k1", json!({ "payment_id": payment })).await;
    until_status(&house, made["id"].as_str().unwrap(), "settled").await;
    assert_eq!(house.lever("GET /inbox/elsewhere", &Value::Null).await.json()["data"], json!([]));
    assert_eq!(house.lever("POST /webhooks/resume", &Value::Null).await.json()["paused"], false);
    for name in ["native", "elsewhere"] {
        let mut looks = 0;
        loop {
            let shown = house.lever(&format!("GET /inbox/{name}"), &Value::Null).await.json();
            if shown["data"].to_string().contains("settled") {
                break;
            }
            looks += 1;
            assert!(looks < LOOKS_MAX, "{name} got nothing: {shown}");
            tokio::task::yield_now().await;
        }
    }
    house.end().await;
}

#[tokio::test]
async fn health_tells_the_truth_and_metrics_are_read() {
    let (house, _data) = start().await;
    for (path, member, value) in
        [("/healthz", "status", "alive"), ("/readyz", "status", "ready"), ("/version", "name", "refundry")]
    {
        let answer = call(house.address, &format!("GET {path}"), "", "").await;
        assert_eq!((answer.status, &answer.json()[member]), (200, &value.into()), "{path}");
    }
    let page = call(house.address, "GET /metrics", "", "").await;
    let page = String::from_utf8(page.body).unwrap();
    for line in [
        "refundry_http_requests_total{route=\"/readyz\",status=\"2xx\"} 1",
        "refundry_engine_queue_depth ",
        "refundry_webhook_tries_total{result=\"delivered\"}",
        "# EOF",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    house.end().await;
}

#[tokio::test]
async fn a_stopping_server_is_not_ready() {
    let engine = crate::house::engine(&MemoryStore::new(), Arc::default());
    let (stop, stopping) = watch::channel(false);
    let routes = health::routes(Vitals { engine: Arc::clone(&engine), worker: None, stopping });
    let status = async || {
        let request = http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
        routes.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(status().await, 200);
    stop.send_replace(true);
    assert_eq!(status().await, 503);
    engine.stop().await;
}
