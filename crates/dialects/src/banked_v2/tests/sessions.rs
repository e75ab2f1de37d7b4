//! Payment sessions, as clients read them.

use super::world::{PRICE, World, ida, session_in, unknown_id};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use refundry_engine::hosted::Decision;
use serde_json::{Value, json};

// conformance: banked 9
// conformance: banked 10
// conformance: banked 11
// conformance: banked 12
// conformance: banked 18
#[tokio::test]
async fn a_session_has_the_members_of_the_page() {
    let world = World::new().await;
    let mut asked = session_in("GBP");
    asked["payee"] = json!({ "name": "Fernhill Ltd", "account_number": "12345678", "sort_code": "010203" });
    asked["frequency"] = json!("monthly");
    let made = world.post("/v2/payment_sessions").json(&asked).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.id();
    let created_at = made.json()["created_at"].as_str().unwrap().to_owned();
    assert_eq!(
        made.json(),
        json!({
            "id": id, "amount": PRICE, "amount_formatted": "£50.00", "currency": "GBP", "state": "awaiting_provider",
            "created_at": created_at, "sent_at": null, "reference": "Fernhill 2093",
            "success_url": "https://shop.example.org/ok?id=__PAYMENT_ID__",
            "error_url": "https://shop.example.org/fail",
            "line_items": [
                { "name": "Wool rug", "amount": 2500, "currency": "GBP", "quantity": 2, "description": null }
            ],
            "payee": { "name": "Fernhill Ltd", "account_number": "12345678", "sort_code": "010203" },
            "payer": { "name": "Ida Korhonen", "email": "ida@example.org" },
            "email_receipt": false, "end_to_end_id": null, "live": false,
            "url": format!("http://127.0.0.1:8080/checkout/{id}?v3"), "refunds": [], "frequency": "monthly",
        })
    );
    assert_eq!(created_at.len(), "YYYY-MM-DD HH:MM:SS UTC".len());
    assert_eq!((&created_at[10..11], &created_at[19..]), (" ", " UTC"));
    assert_eq!(world.get(&format!("/v2/payment_sessions/{id}")).await.json(), made.json());
    // Little is given, and strict clients still find no null.
    let line = json!({ "name": "Rug", "amount": 3, "currency": "GBP", "quantity": 3 });
    let bare = json!({ "reference": "R", "line_items": [line, { "name": "B", "amount": 1, "currency": "GBP", "quantity": 1 }] });
    let bare = world.post("/v2/payment_sessions").json(&bare).send().await.json();
    assert_eq!((&bare["amount"], &bare["success_url"], &bare["error_url"]), (&json!(10), &json!(""), &json!("")));
    assert_eq!(bare["payee"], json!({ "name": "Fernhill Ltd", "account_number": "12345678", "sort_code": "010203" }));
    assert_eq!(bare["payer"], Value::Null);
}

#[tokio::test]
async fn each_country_names_accounts_its_own_way() {
    let world = World::new().await;
    for (currency, members) in [("EUR", vec!["iban", "name"]), ("AUD", vec!["account_number", "bsb", "name"])] {
        let session = world.post("/v2/payment_sessions").json(&session_in(currency)).send().await.json();
        let mut names: Vec<&str> = session["payee"].as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, members);
        // What was shown may be named.
        let mut again = session_in(currency);
        again["payee"] = session["payee"].clone();
        assert_eq!(world.post("/v2/payment_sessions").json(&again).send().await.status, 201);
        again["line_items"][0]["currency"] = json!("GBP");
        let fault = world.post("/v2/payment_sessions").json(&again).send().await.fault();
        assert_eq!(fault, (422, "invalid_bank_account".into(), "payee".into()));
    }
}

// conformance: banked 13
#[tokio::test]
async fn faults_of_a_session_name_their_fields() {
    let world = World::new().await;
    let with = |path: &str, value: Value| {
        let mut body = session_in("GBP");
        match path.rsplit_once('/') {
            Some((parent, leaf)) => body.pointer_mut(parent).unwrap()[leaf] = value,
            None => body[path] = value,
        }
        body
    };
    for (body, code, parameter) in [
        (with("reference", json!("1234567890123456789")), "bad_request", "reference"),
        (with("reference", json!("rug-2")), "bad_request", "reference"),
        (with("reference", Value::Null), "bad_request", "reference"),
        (with("success_url", json!("/ok")), "bad_request", "success_url"),
        (with("error_url", json!("javascript:alert(1)")), "bad_request", "error_url"),
        (with("error_url", json!("https://shop.example.org/\n")), "bad_request", "error_url"),
        (with("error_url", json!("https:///shop.example.org")), "bad_request", "error_url"),
        (with("error_url", json!("https:shop.example.org")), "bad_request", "error_url"),
        (with("line_items", json!([])), "bad_request", "line_items"),
        (with("line_items", json!({})), "decoding", "line_items"),
        (with("/line_items/0/name", Value::Null), "bad_request", "line_items/0/name"),
        (with("/line_items/0/amount", json!(0)), "bad_request", "line_items/0/amount"),
        (with("/line_items/0/amount", json!("1")), "decoding", "line_items/0/amount"),
        (with("/line_items/0/quantity", json!(0)), "bad_request", "line_items/0/quantity"),
        (with("/line_items/0/quantity", json!(9_007_199_254_740_991_u64)), "invalid_amount", "line_items"),
        (with("/line_items/0/currency", json!("USD")), "invalid_currency", "line_items/0/currency"),
        (
            with("payee", json!({ "account_number": "1234567", "sort_code": "010203" })),
            "bad_request",
            "payee/account_number",
        ),
        (
            with("payee", json!({ "account_number": "87654321", "sort_code": "010203" })),
            "invalid_bank_account",
            "payee",
        ),
        (
            with("payee", json!({ "account_number": 12_345_678, "sort_code": "010203" })),
            "decoding",
            "payee/account_number",
        ),
        (
            with("payee", json!({ "name": 5, "account_number": "12345678", "sort_code": "010203" })),
            "decoding",
            "payee/name",
        ),
        (with("payee", json!("12345678")), "decoding", "payee"),
        (with("/payer/name", json!("Ida\r\nBcc: x@example.org")), "bad_request", "payer/name"),
        (with("/payer/email", json!("ida at home")), "bad_request", "payer/email"),
        (with("/payer/email", json!("ida@example.org\r\nbcc: x@example.org")), "bad_request", "payer/email"),
        (with("email_receipt", json!("yes")), "decoding", "email_receipt"),
        // A text that no database holds is a fault of its member, not of the JSON.
        (with("/payer/name", json!("Ida\0")), "bad_request", "payer/name"),
        (with("/line_items/0/name", json!("\0")), "bad_request", "line_items/name"),
    ] {
        let heard = world.post("/v2/payment_sessions").json(&body).send().await;
        let status = if code.starts_with("invalid") { 422 } else { 400 };
        assert_eq!(heard.fault(), (status, code.to_owned(), parameter.to_owned()), "{body}");
    }
    let mut body = session_in("GBP");
    body["reference"] = json!("123456789012345678");
    assert_eq!(world.post("/v2/payment_sessions").json(&body).send().await.status, 201);
    let other = json!({ "name": "B", "amount": 1, "currency": "EUR", "quantity": 1 });
    body["line_items"].as_array_mut().unwrap().push(other);
    let mixed = world.post("/v2/payment_sessions").json(&body).send().await;
    assert_eq!(mixed.fault(), (422, "invalid_currency".into(), "line_items/1/currency".into()));
    let twice = world.post("/v2/payment_sessions").raw(r#"{"reference":"a","reference":"b"}"#).send().await;
    assert_eq!(twice.fault(), (400, "bad_request".into(), "reference".into()));
}

// conformance: banked 14
#[tokio::test]
async fn a_session_can_be_deleted_until_the_payer_consents() {
    let world = World::new().await;
    let id = world.open_session("GBP").await;
    let path = format!("/v2/payment_sessions/{id}");
    let gone = world.call(Method::DELETE, &path).send().await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(world.get(&path).await.fault(), (404, "not_found".into(), String::new()));
    assert_eq!(world.call(Method::DELETE, &path).send().await.status, 404);
    assert_eq!(world.told_of(&id).await, Vec::<Value>::new(), "whoever deletes it knows");
    let unknown = world.call(Method::DELETE, &format!("/v2/payment_sessions/{}", unknown_id())).send().await;
    assert_eq!(unknown.status, 404);
    let sent = world.sent_session("GBP", None).await;
    let late = world.call(Method::DELETE, &format!("/v2/payment_sessions/{sent}")).send().await;
    assert_eq!((late.status, late.fault().1.as_str()), (422, "invalid_action"));
}

/// The bank's word comes a moment after the payer's.
#[tokio::test]
async fn a_session_whose_payer_has_just_consented_is_not_deleted() {
    let world = World::new().await;
    for (decision, status) in [(Decision::Authorise, 422), (Decision::KeepPending, 422), (Decision::Decline, 204)] {
        let id = world.open_session("GBP").await;
        let path = format!("/v2/payment_sessions/{id}");
        let visit = world.checkouts.visit(&id, "mock-bank").await.unwrap().unwrap();
        world.checkouts.decide(&visit, decision).await.unwrap();
        if status == 422 {
            assert_eq!(world.get(&path).await.json()["state"], "pending", "{decision:?}");
        }
        assert_eq!(world.call(Method::DELETE, &path).send().await.status, status, "{decision:?}");
    }
    world.payers_decide().await;
    // The other way round: nobody consents to what is being deleted.
    let id = world.open_session("GBP").await;
    let visit = world.checkouts.visit(&id, "mock-bank").await.unwrap().unwrap();
    assert_eq!(world.call(Method::DELETE, &format!("/v2/payment_sessions/{id}")).send().await.status, 204);
    assert!(world.checkouts.decide(&visit, Decision::Authorise).await.unwrap().is_none());
}

// conformance: banked 15
// conformance: banked 16
#[tokio::test]
async fn old_paths_and_proxies_lead_here() {
    let world = World::new().await;
    for path in [
        "/v2/payment_sessions/",
        "/api/v2/payment_sessions",
        "https://banked.me/api/v2/payment_sessions",
        "http://api.example.org/v2/payment_sessions/",
    ] {
        let made = world.post(path).json(&session_in("GBP")).send().await;
        assert_eq!(made.status, 201, "{path}");
        let read = world.get(&format!("https://banked.me/api/v2/payment_sessions/{}", made.id())).await;
        assert_eq!(read.json(), made.json());
    }
    for path in ["/v2/bank_accounts", "/v2/bank_accounts/", "/api/v2/bank_accounts/"] {
        let accounts = world.get(path).await.json();
        let account = &accounts.as_array().unwrap()[0];
        assert_eq!((&account["account_number"], &account["sort_code"]), (&json!("12345678"), &json!("010203")));
        assert_eq!((&account["name"], &account["provider"]), (&json!("Fernhill Ltd"), &json!("mock-bank")));
        assert_eq!(account["consent_expires_at"], Value::Null);
        assert_eq!(accounts.as_array().unwrap().len(), 3);
    }
    let providers = world.get("/v2/providers").await.json();
    assert_eq!(
        providers[0],
        json!({ "id": "mock-bank", "name": "Mock Bank", "status": "AVAILABLE", "supports_batch": false })
    );
    assert_eq!(providers[1]["id"], "mock-bank-no-details");
}

// conformance: banked 18
#[tokio::test]
async fn words_follow_the_payment_and_the_account_is_told_where_it_is_known() {
    for (settings, authorised) in [(json!({}), "pending"), (json!({ "v2_initiated_state": true }), "initiated")] {
        let world = World::with(settings).await;
        let id = world.open_session("GBP").await;
        let path = format!("/v2/payment_sessions/{id}");
        let payment = PaymentId::parse(&id).unwrap();
        for (to, word) in [
            (PaymentState::Authorised, authorised),
            (PaymentState::Executed, "pending"),
            (PaymentState::Settled, "sent"),
        ] {
            let debtor = Some(ida());
            world.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
            let shown = world.get(&path).await.json();
            assert_eq!(shown["state"], word);
            assert_eq!(shown["sent_at"].is_string(), word == "sent");
        }
        let account = world.get(&format!("{path}/consumer_account")).await.json();
        assert_eq!(account, json!({ "name": "Ida Korhonen", "account_number": "55120934", "sort_code": "040099" }));
        world.command(Command::ReversePayment { payment, amount: None }).await;
        assert_eq!(world.get(&path).await.json()["state"], "sent");
    }
    let world = World::new().await;
    let unknown = world.sent_session("GBP", None).await;
    let path = format!("/v2/payment_sessions/{unknown}/consumer_account");
    assert_eq!(world.get(&path).await.status, 404);
    let failed = world.open_session("EUR").await;
    let payment = PaymentId::parse(&failed).unwrap();
    let to = PaymentState::Failed;
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
    assert_eq!(world.get(&format!("/v2/payment_sessions/{failed}")).await.json()["state"], "failed");
}

// conformance: banked 8
#[tokio::test]
async fn applications_do_not_see_each_others_sessions_and_refunds() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&super::world::refund_of(&session, 100)).await;
    let own = refund["refund_payment_session_id"].as_str().unwrap();
    let refund = super::world::id_in(&refund);
    for path in [
        format!("/v2/payment_sessions/{session}"),
        format!("/v2/payment_sessions/{own}"),
        format!("/v2/payment_sessions/{session}/consumer_account"),
        format!("/v2/refunds/{refund}"),
        format!("/v3/refunds/{refund}"),
    ] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
        assert_eq!(world.call(Method::GET, &path).by_other().send().await.status, 404, "{path}");
    }
    let foreign = world.post("/v2/refunds").by_other().json(&super::world::refund_of(&session, 100)).send().await;
    assert_eq!(foreign.status, 404);
    let list = world.call(Method::GET, "/v2/refunds").by_other().send().await;
    assert_eq!(list.json(), json!([]));
    assert_eq!(world.get("/v2/refunds").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_payment_of_another_door_is_a_session_too() {
    let world = World::new().await;
    let account = world.get("/v2/bank_accounts").await.json()[0]["id"].as_str().unwrap().to_owned();
    let account = refundry_domain::id::AccountId::parse(&account).unwrap();
    let id = PaymentId(refundry_engine::mint::random_id());
    let record = refundry_testkit::make::record_payment(id, account, super::world::pounds(700));
    world.command(Command::RecordPayment(record)).await;
    let shown = world.get(&format!("/v2/payment_sessions/{id}")).await.json();
    assert_eq!(
        (&shown["amount"], &shown["state"], &shown["payee"]["sort_code"]),
        (&json!(700), &json!("sent"), &json!("010203"))
    );
    let made = world.refund(&super::world::refund_of(&id.to_string(), 700)).await;
    assert_eq!(made["payment_session_id"], id.to_string());
    let late = world.call(Method::DELETE, &format!("/v2/payment_sessions/{id}")).send().await;
    assert_eq!(late.fault().1, "invalid_action");
}
