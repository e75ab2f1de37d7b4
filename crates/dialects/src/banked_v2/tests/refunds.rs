//! Refunds of sessions, as clients read them.

use super::world::{PRICE, World, id_in, ida, refund_of, session_in, token_in, unknown_id};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::party::AccountIdentifier;
use refundry_domain::party::Party;
use refundry_domain::payment::PaymentBlockCode;
use refundry_domain::refund::{BlockCode, RefundState};
use refundry_domain::rules::{Environment, KeylessRepeat, Rules};
use refundry_domain::time::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;

// conformance: banked 19
// conformance: banked 23
#[tokio::test]
async fn an_unknown_account_waits_for_details() {
    let world = World::new().await;
    let session = world.sent_session("GBP", None).await;
    let refund = world.refund(&refund_of(&session, 400)).await;
    let id = id_in(&refund);
    assert_eq!(
        refund,
        json!({
            "amount": 400, "amount_formatted": "£4.00", "payment_session_id": session,
            "refund_payment_session_id": null, "state": "awaiting_details",
            "url": format!("http://127.0.0.1:8080/refunds/{id}?token={}", token_in(&refund)),
        })
    );
    assert_eq!(token_in(&refund).len(), 22, "128 bits");
    let other = world.refund(&refund_of(&session, 400)).await;
    assert_ne!(token_in(&other), token_in(&refund));
}

// conformance: banked 20
// conformance: banked 22
// conformance: banked 30
#[tokio::test]
async fn a_known_account_waits_for_the_merchant() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let mut asked = refund_of(&session, 1_250);
    asked["payee"] = json!({ "account_number": 7, "sort_code": "not one" });
    let refund = world.refund(&asked).await;
    assert_eq!(refund["state"], "awaiting_payment");
    assert_eq!(refund["url"], format!("http://127.0.0.1:8080/refunds/{}", id_in(&refund)));
    let own = refund["refund_payment_session_id"].as_str().unwrap();
    let shown = world.get(&format!("/v2/payment_sessions/{own}")).await.json();
    let (text, created_at) = (shown["reference"].as_str().unwrap(), &shown["created_at"]);
    assert_eq!((text.len(), &text[..4]), (12, "bnkd"));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
    assert_eq!(
        shown,
        json!({
            "id": own, "amount": 1250, "amount_formatted": "£12.50", "currency": "GBP",
            "state": "awaiting_provider", "created_at": created_at, "sent_at": null, "reference": text,
            "success_url": "https://shop.example.org/r-ok?id=__PAYMENT_ID__",
            "error_url": "https://shop.example.org/r-fail",
            "line_items": [
                { "name": "Refund", "amount": 1250, "currency": "GBP", "quantity": 1, "description": null }
            ],
            "payee": { "name": "Ida Korhonen", "account_number": "55120934", "sort_code": "040099" },
            "payer": { "name": "Fernhill Ltd", "email": null }, "email_receipt": false, "end_to_end_id": null,
            "live": false, "url": format!("http://127.0.0.1:8080/checkout/{own}?v3"), "refunds": [],
        })
    );
    let delete = world.call(Method::DELETE, &format!("/v2/payment_sessions/{own}")).send().await;
    assert_eq!(delete.fault(), (422, "invalid_action".into(), "payment_session_id".into()));
    let again = world.post("/v2/refunds").json(&refund_of(own, 1)).send().await;
    assert_eq!(again.fault(), (422, "invalid_action".into(), "payment_session_id".into()));
}

// conformance: banked 21
#[tokio::test]
async fn a_usable_payee_replaces_an_unknown_account() {
    let world = World::new().await;
    for (currency, payee, canonical) in [
        (
            "GBP",
            json!({ "name": "Ida", "account_number": "5512 0934", "sort_code": "04-00-99" }),
            "scan:040099:55120934",
        ),
        ("GBP", json!({ "name": "Ida", "iban": "GB33 BUKB 2020 1555 5555 55" }), "scan:202015:55555555"),
        ("EUR", json!({ "iban": "DE89 3704 0044 0532 0130 00" }), "iban:DE89370400440532013000"),
        ("AUD", json!({ "name": "Ida", "account_number": "1234", "bsb": "062-000" }), "bsb:062000:1234"),
    ] {
        let session = world.sent_session(currency, None).await;
        let mut asked = refund_of(&session, 100);
        asked["payee"] = payee;
        let refund = world.refund(&asked).await;
        assert_eq!(refund["state"], "awaiting_payment");
        assert!(refund["refund_payment_session_id"].is_string());
        let stored = world.stored(id_in(&refund)).await;
        let refundry_domain::party::Creditor::Given { party, .. } = stored.creditor else { panic!("{stored:?}") };
        assert_eq!(party.account.canonical(), canonical);
    }
    let session = world.sent_session("GBP", None).await;
    let with = |payee: Value| {
        let mut asked = refund_of(&session, 100);
        asked["payee"] = payee;
        asked
    };
    for (payee, fault) in [
        (json!({ "account_number": "1", "sort_code": "040099" }), (400, "bad_request", "payee/account_number")),
        (json!({ "account_number": "55120934", "sort_code": "4" }), (400, "bad_request", "payee/sort_code")),
        (json!({ "iban": "DE89370400440532013001" }), (400, "bad_request", "payee/iban")),
        (json!({ "name": "Ida" }), (400, "bad_request", "payee/account_number")),
        (json!({ "account_number": "1234", "bsb": "062000" }), (422, "invalid_bank_account", "payee")),
        (json!({ "iban": "DE89370400440532013000" }), (422, "invalid_bank_account", "payee")),
        (json!("55120934"), (400, "decoding", "payee")),
        (json!({ "account_number": 55_120_934, "sort_code": "040099" }), (400, "decoding", "payee/account_number")),
        (
            json!({ "name": ["Ida"], "account_number": "55120934", "sort_code": "040099" }),
            (400, "decoding", "payee/name"),
        ),
        (
            json!({ "name": "I\u{7}da", "account_number": "55120934", "sort_code": "040099" }),
            (400, "bad_request", "payee/name"),
        ),
    ] {
        let heard = world.post("/v2/refunds").json(&with(payee.clone())).send().await;
        assert_eq!(heard.fault(), (fault.0, fault.1.to_owned(), fault.2.to_owned()), "{payee}");
    }
    // Strict clients read a name as a text, also where nobody told it.
    let bare = world.refund(&with(json!({ "account_number": "55120934", "sort_code": "040099" }))).await;
    let own = bare["refund_payment_session_id"].as_str().unwrap();
    let shown = world.get(&format!("/v2/payment_sessions/{own}")).await.json();
    assert_eq!(shown["payee"], json!({ "name": "", "account_number": "55120934", "sort_code": "040099" }));
}

// conformance: banked 24
// conformance: banked 25
// conformance: banked 26
// conformance: banked 27
#[tokio::test]
async fn amounts_and_states_decide_in_their_order() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    world.refund(&refund_of(&session, 1_000)).await;
    let with = |session: &str, amount: Value| {
        let mut asked = refund_of(session, 1);
        asked["amount"] = amount;
        asked
    };
    let open = world.open_session("GBP").await;
    let amount = (422, "invalid_amount", "amount");
    let action = (422, "invalid_action", "payment_session_id");
    let decoding = (400, "decoding", "amount");
    for (asked, fault) in [
        (with(&session, json!(4_001)), amount),
        (with(&session, json!(0)), amount),
        (with(&session, json!(-5)), amount),
        (with(&session, json!(u64::MAX)), amount),
        (with(&session, json!("400")), decoding),
        (with(&session, json!(4.5)), decoding),
        (with(&session, json!(true)), decoding),
        (with(&open, json!(0)), action),
        (with(&open, json!(100)), action),
        (with(&unknown_id(), json!(0)), (404, "not_found", "")),
        (with("no uuid", json!(1)), (400, "bad_request", "payment_session_id")),
    ] {
        let heard = world.post("/v2/refunds").json(&asked).send().await;
        assert_eq!(heard.fault(), (fault.0, fault.1.to_owned(), fault.2.to_owned()), "{asked}");
    }
    let raw = format!(r#"{{"payment_session_id":"{session}","amount":4e2,"reference":"R"}}"#);
    assert_eq!(world.post("/v2/refunds").raw(raw).send().await.fault().1, "decoding");
    let mut textless = refund_of(&session, 1);
    textless["reference"] = Value::Null;
    let heard = world.post("/v2/refunds").json(&textless).send().await;
    assert_eq!(heard.fault(), (400, "bad_request".into(), "reference".into()));
    let rest = world.refund(&with(&session, Value::Null)).await;
    assert_eq!(rest["amount"], 4_000);
    let nothing = world.post("/v2/refunds").json(&with(&session, Value::Null)).send().await;
    assert_eq!(nothing.fault(), (422, "invalid_amount".into(), "amount".into()));
    // A setting lets the text be absent.
    let lenient = World::with(json!({ "v2_reference_required": false, "v2_expose_id": true })).await;
    let session = lenient.sent_session("GBP", Some(ida())).await;
    textless["payment_session_id"] = json!(session);
    let made = lenient.refund(&textless).await;
    assert_eq!(made["id"], id_in(&made).to_string());
    // A failed session, and one that somebody has doubts about.
    let disputed = world.sent_session("GBP", Some(ida())).await;
    let payment = PaymentId::parse(&disputed).unwrap();
    world.command(Command::BlockPayment { payment, code: PaymentBlockCode::Dispute }).await;
    let heard = world.post("/v2/refunds").json(&refund_of(&disputed, 1)).send().await;
    assert_eq!(heard.fault(), (422, "invalid_action".into(), "payment_session_id".into()));
}

// conformance: banked 28
// conformance: banked 29
#[tokio::test]
async fn sessions_and_ids_show_refunds_as_they_are() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let first = world.refund(&refund_of(&session, 100)).await;
    world.clock.advance(Span::seconds(1));
    let second = world.refund(&refund_of(&session, 200)).await;
    let item = |refund: &Value| {
        let mut item = refund.clone();
        item.as_object_mut().unwrap().remove("url");
        item
    };
    let path = format!("/v2/payment_sessions/{session}");
    assert_eq!(world.get(&path).await.json()["refunds"], json!([item(&first), item(&second)]), "newest last");
    assert_eq!(world.get(&format!("/v2/refunds/{}", id_in(&first))).await.json(), first);
    assert_eq!(world.get("/v2/refunds").await.json(), json!([second, first]), "newest first");
    world.command(Command::DeclineAuthorisation { refund: id_in(&first) }).await;
    let refunds = world.get(&path).await.json()["refunds"].clone();
    assert_eq!((&refunds[0]["state"], &refunds[1]["state"]), (&json!("failed"), &json!("awaiting_payment")));
    for (query, count) in [
        ("state=failed", 1),
        ("state=awaiting_payment", 1),
        ("state=sent", 0),
        (&*format!("payment_session_id={session}&limit=1"), 1),
        (&*format!("before={}", id_in(&second)), 1),
        (&*format!("payment_session_id={}", unknown_id()), 0),
    ] {
        let found = world.get(&format!("/v2/refunds?{query}")).await;
        assert_eq!(found.json().as_array().unwrap().len(), count, "{query}");
    }
    // A place that is none begins no list anew; another application's is none.
    let nowhere = format!("before={}", unknown_id());
    let foreign = format!("/v2/refunds?before={}", id_in(&second));
    let heard = world.call(Method::GET, &foreign).by_other().send().await;
    assert_eq!(heard.fault(), (400, "bad_request".into(), "before".into()));
    for query in ["state=PENDING", "limit=0", "limit=201", "before=x", &nowhere, "payment_session_id=x"] {
        assert_eq!(world.get(&format!("/v2/refunds?{query}")).await.fault().1, "bad_request", "{query}");
    }
    for id in [unknown_id(), "x".to_owned()] {
        assert_eq!(world.get(&format!("/v2/refunds/{id}")).await.fault(), (404, "not_found".into(), String::new()));
    }
}

// conformance: banked 28
#[tokio::test]
async fn a_session_shows_all_of_its_refunds_however_many() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    for _ in 0..1_001 {
        world.refund(&refund_of(&session, 1)).await;
    }
    let shown = world.get(&format!("/v2/payment_sessions/{session}")).await.json();
    assert_eq!(shown["refunds"].as_array().unwrap().len(), 1_001);
}

// conformance: banked 39
#[tokio::test]
async fn a_refund_paid_outside_says_so_and_counts() {
    for (settings, word) in
        [(json!({}), "externally_processed"), (json!({ "v2_external_spelling": "space" }), "externally processed")]
    {
        let world = World::with(settings).await;
        let session = world.sent_session("GBP", None).await;
        let refund = world.refund(&refund_of(&session, PRICE)).await;
        let people = world.people().await;
        world.command(Command::RecordExternal { refund: id_in(&refund), people }).await;
        let path = format!("/v2/refunds/{}", id_in(&refund));
        let shown = world.get(&path).await.json();
        assert_eq!((&shown["state"], &shown["refund_payment_session_id"]), (&json!(word), &Value::Null));
        assert!(!shown["url"].as_str().unwrap().contains("token"));
        let query = word.replace(' ', "%20");
        assert_eq!(world.get(&format!("/v2/refunds?state={query}")).await.json(), json!([shown]));
        assert_eq!(world.get("/v2/refunds?state=sent").await.json(), json!([]));
        let more = world.post("/v2/refunds").json(&refund_of(&session, 1)).send().await;
        assert_eq!(more.fault().1, "invalid_amount");
    }
}

// conformance: banked 40
// conformance: banked 56
#[tokio::test]
async fn both_generations_share_what_is_left_of_a_session() {
    let world = World::new().await;
    let debtor =
        Party { name: None, account: AccountIdentifier::Bsb { bsb: "111114".into(), number: "12345678".into() } };
    let session = world.sent_session("AUD", Some(debtor)).await;
    let by_mandate = json!({
        "amount": 400, "original_payin_information": { "id": session },
        "processing_method": { "method_type": "MANDATE", "mandate": { "token": world.token.to_string() } },
    });
    let calls = (0..20).map(|number| {
        let (path, body) = match number % 2 {
            0 => ("/v2/refunds", refund_of(&session, 400)),
            _ => ("/v3/refunds", by_mandate.clone()),
        };
        world.post(path).key(&format!("k{number}")).json(&body).send()
    });
    let mut made = 0;
    for heard in join(calls).await {
        match heard.status {
            201 => made += 1,
            422 => assert_eq!(heard.fault().1, "invalid_amount"),
            400 => assert!(heard.text().contains("\"amount\""), "{}", heard.text()),
            status => panic!("{status}: {}", heard.text()),
        }
    }
    assert_eq!(made, 12, "of 5000 twelve times 400");
    let refunds = world.get(&format!("/v2/payment_sessions/{session}")).await.json()["refunds"].clone();
    assert_eq!(refunds.as_array().unwrap().len(), 12);
    let generations: BTreeSet<bool> =
        refunds.as_array().unwrap().iter().map(|item| item["refund_payment_session_id"].is_null()).collect();
    assert_eq!(generations.len(), 2, "refunds under a mandate have no session of their own");
}

async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

// conformance: banked 86
#[tokio::test]
async fn equal_refunds_without_a_key_are_two_and_the_same_after_a_restore() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let before = world.store.snapshot();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut sent = Vec::new();
        for _ in 0..2 {
            let refund = id_in(&world.refund(&refund_of(&session, 100)).await);
            world.command(Command::AuthoriseRefund { refund }).await;
            sent.push(world.settle(refund).await.ids);
        }
        assert_ne!(sent[0].instruction_id, sent[1].instruction_id);
        ids.push(sent);
        world.store.restore(&before);
    }
    assert_eq!(ids[0], ids[1]);
    let live = World::build(json!({}), Rules::of(Environment::Live)).await;
    let session = live.sent_session("GBP", Some(ida())).await;
    for blocked in [false, true] {
        let refund = live.refund(&refund_of(&session, 100)).await;
        assert_eq!(refund["state"], "awaiting_payment");
        let stored = live.stored(id_in(&refund)).await;
        assert_eq!(stored.blocks.iter().any(|block| block.code == BlockCode::DuplicateSuspect), blocked);
    }
    let mut rules = Rules::of(Environment::Sandbox);
    rules.keyless_repeat = KeylessRepeat::Refuse;
    let strict = World::build(json!({}), rules).await;
    let asked = refund_of(&strict.sent_session("GBP", Some(ida())).await, 100);
    strict.refund(&asked).await;
    let heard = strict.post("/v2/refunds").json(&asked).send().await;
    assert_eq!(heard.fault(), (422, "invalid_action".into(), "Idempotency-Key".into()));
    assert_eq!(strict.post("/v2/refunds").key("again").json(&asked).send().await.status, 201, "with a key it is meant");
}

#[tokio::test]
async fn the_merchants_time_ends_after_thirty_days() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let refund = id_in(&world.refund(&refund_of(&session, 100)).await);
    world.clock.advance(Span::days(30));
    world.command(Command::Tick { refund }).await;
    assert!(matches!(world.stored(refund).await.state, RefundState::Expired { .. }));
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    assert_eq!(shown["state"], "failed");
    let own = shown["refund_payment_session_id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v2/payment_sessions/{own}")).await.json()["state"], "failed");
    assert_eq!(world.refund(&refund_of(&session, PRICE)).await["amount"], PRICE);
    assert_eq!(session_in("GBP")["line_items"][0]["amount"], 2_500);
}
