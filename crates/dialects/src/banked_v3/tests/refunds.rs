//! Refunds: create, get, list, and how they end.

use super::world::{FLOAT, LIMIT, PAID, World, unknown_id};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::{MandateId, MandateToken, PaymentId, RefundId};
use refundry_domain::instruction::Report;
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::reason::BankCode;
use refundry_domain::time::Span;
use refundry_engine::mint;
use refundry_testkit::make;
use serde_json::{Value, json};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

// conformance: banked 41
// conformance: banked 43
// conformance: banked 44
#[tokio::test]
async fn a_mandate_refund_has_the_fields_of_the_page() {
    let world = World::new().await;
    let heard = world.post("/v3/refunds").key("k").json(&world.by_mandate(1_800)).send().await;
    assert_eq!(heard.status, 201);
    let id = heard.id();
    let expected = format!(
        concat!(
            r#"{{"amount":1800,"created_at":"2026-01-05T10:00:00.000000000Z","currency":"AUD","#,
            r#""debtor_account":{{"account_type":"BANKED_BANK_ACCOUNT_ENTITY","bank_account_id":"{account}"}},"#,
            r#""expiration":"2026-02-04T10:00:00.000000000Z","id":"{id}","mandate":{{"id":"{mandate}"}},"#,
            r#""original_payin_information":{{"amount":4400,"id":"{payin}"}},"#,
            r#""status_details":{{"status":"PENDING"}},"updated_at":"2026-01-05T10:00:00.000000000Z"}}"#,
        ),
        id = id,
        account = world.settlement,
        mandate = world.mandate,
        payin = world.payin,
    );
    assert_eq!(heard.text(), expected);
    assert_eq!(heard.headers["content-type"], "application/json");
    assert_ne!(world.mandate.to_string(), world.token.to_string());
    assert_eq!(world.get(&format!("/v3/refunds/{id}/")).await.text(), expected);
}

// conformance: banked 42
#[tokio::test]
async fn a_float_refund_echoes_what_was_supplied_and_nothing_else() {
    let world = World::new().await;
    let heard = world.post("/v3/refunds/").key("plain").json(&world.by_float(600)).send().await;
    let plain = [
        "amount",
        "created_at",
        "currency",
        "debtor_account",
        "expiration",
        "id",
        "original_payin_information",
        "status_details",
        "updated_at",
    ];
    assert_eq!(keys(&heard.json()), plain);
    let mut body = world.by_float(600);
    body["metadata"] = json!({ "case": "91", "10": "ten", "9": "nine" });
    body["payment_identification"] = json!({ "end_to_end_identification": "e2e" });
    body["remittance_information"] = json!({ "unstructured": "Rug", "structured": {
        "creditor_reference_information": { "reference": "RF18" } } });
    body["currency"] = json!("AUD");
    body["something_new"] = json!([1, 2]);
    let heard = world.post("/v3/refunds").key("rich").json(&body).send().await;
    assert_eq!(heard.status, 201, "{}", heard.text());
    let json = heard.json();
    for member in ["payment_identification", "remittance_information"] {
        assert_eq!(json[member], body[member]);
    }
    assert!(heard.text().contains(r#""metadata":{"9":"nine","10":"ten","case":"91"}"#), "{}", heard.text());
    assert_eq!(json.get("mandate"), None);
    assert_eq!(json["debtor_account"]["bank_account_id"], world.float.to_string());
    let stored = world.stored(RefundId::parse(&heard.id()).unwrap()).await;
    assert_eq!(stored.remittance.as_deref(), Some("Rug"));
    assert_eq!(world.get(&format!("/v3/refunds/{}", heard.id())).await.text(), heard.text());
}

// conformance: banked 45
// conformance: banked 57
#[tokio::test]
async fn schema_faults_name_their_fields() {
    let world = World::new().await;
    let with = |change: fn(&mut Value)| {
        let mut body = world.by_mandate(100);
        change(&mut body);
        body
    };
    let float = |change: fn(&mut Value)| {
        let mut body = world.by_float(100);
        change(&mut body);
        body
    };
    let method = "processing_method";
    let cases = [
        (with(|body| body["processing_method"]["mandate"] = json!({})), vec!["processing_method/mandate/token"]),
        (with(|body| body["processing_method"]["mandate"] = json!(null)), vec!["processing_method/mandate"]),
        (
            with(|body| body["processing_method"]["mandate"]["token"] = json!("abc")),
            vec!["processing_method/mandate/token"],
        ),
        (with(|body| body["processing_method"]["method_type"] = json!("CARD")), vec!["processing_method/method_type"]),
        (
            with(|body| body["processing_method"]["debtor_account"] = json!({})),
            vec!["processing_method/debtor_account"],
        ),
        (with(|body| body["processing_method"] = json!(null)), vec![method]),
        (with(|body| body["processing_method"] = json!("MANDATE")), vec![method]),
        (
            float(|body| body["processing_method"]["debtor_account"] = json!(null)),
            vec!["processing_method/debtor_account"],
        ),
        (
            float(|body| body["processing_method"]["debtor_account"] = json!({ "bank_account_id": 1 })),
            vec!["processing_method/debtor_account/account_type", "processing_method/debtor_account/bank_account_id"],
        ),
        (float(|body| body["processing_method"]["mandate"] = json!({})), vec!["processing_method/mandate"]),
        (with(|body| body["amount"] = json!(0)), vec!["amount"]),
        (with(|body| body["amount"] = json!(-5)), vec!["amount"]),
        (with(|body| body["amount"] = json!("400")), vec!["amount"]),
        (with(|body| body["amount"] = json!(null)), vec!["amount"]),
        (with(|body| body["amount"] = json!(9_007_199_254_740_992_u64)), vec!["amount"]),
        (with(|body| body["currency"] = json!("GBP")), vec!["currency"]),
        (with(|body| body["currency"] = json!("aud")), vec!["currency"]),
        (with(|body| body["original_payin_information"]["id"] = json!("x")), vec!["original_payin_information/id"]),
        (with(|body| body["original_payin_information"] = json!({})), vec!["original_payin_information/id"]),
        (with(|body| body["metadata"] = json!({ "a": 1 })), vec!["metadata/a"]),
        (with(|body| body["metadata"] = json!({ "a": "x".repeat(501) })), vec!["metadata/a"]),
        (with(|body| body["metadata"] = json!({ "k".repeat(41): "x" })), vec!["metadata"]),
        (with(|body| body["metadata"] = json!([])), vec!["metadata"]),
        (
            with(|body| body["remittance_information"] = json!({ "unstructured": "é".repeat(281) })),
            vec!["remittance_information/unstructured"],
        ),
        (
            with(|body| body["payment_identification"] = json!({ "end_to_end_identification": "x".repeat(36) })),
            vec!["payment_identification/end_to_end_identification"],
        ),
        (json!({}), vec!["amount", "original_payin_information", "processing_method"]),
        (json!([]), vec![]),
    ];
    for (number, (body, names)) in cases.iter().enumerate() {
        let heard = world.post("/v3/refunds").key(&format!("case-{number}")).json(body).send().await;
        assert_eq!(
            heard.fault(),
            (400, "invalid_request".into(), names.iter().map(|name| (*name).to_owned()).collect()),
            "{body}"
        );
    }
    assert_eq!(world.refund_count().await, 0);
}

#[tokio::test]
async fn amounts_are_digits_and_nothing_else() {
    let world = World::new().await;
    let template = world.by_float(123_454_321).to_string();
    for spelling in ["4e2", "400.0", "-0", "-1", "0", "1.5", "1E1", "18446744073709551616", "true", "[]", "{}"] {
        let body = template.replace("123454321", spelling);
        let heard = world.post("/v3/refunds").key(spelling).raw(body).send().await;
        assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["amount".to_owned()]), "{spelling}");
    }
    for broken in ["", "{", "nonsense", "+1", "{\"amount\":01}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"] {
        let heard = world.post("/v3/refunds").key(&format!("b{}", broken.len())).raw(broken).send().await;
        assert_eq!(heard.fault(), (400, "invalid_request".into(), vec![]), "{broken}");
    }
    let heard = world.post("/v3/refunds").key("bytes").raw(b"{\"a\":\"\xff\"}".to_vec()).send().await;
    assert_eq!(heard.fault(), (400, "invalid_request".into(), vec![]));
    let twice = template.replace("{\"amount\":123454321", "{\"amount\":1,\"amount\":1");
    let heard = world.post("/v3/refunds").key("twice").raw(twice).send().await;
    assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["amount".to_owned()]));
    assert_eq!(world.refund_count().await, 0);
}

// conformance: banked 46
// conformance: banked 63
#[tokio::test]
async fn business_refusals_name_what_is_to_blame() {
    let world = World::new().await;
    let open = PaymentId(mint::random_id());
    let mut record = make::record_payment(open, world.float, Amount::new(PAID, Currency::AUD));
    record.state = refundry_domain::payment::PaymentState::Open;
    world.command(Command::RecordPayment(record)).await;
    let mut unsent = world.by_mandate(100);
    unsent["original_payin_information"]["id"] = json!(open.to_string());
    let mut suspended = world.by_mandate(100);
    suspended["processing_method"]["mandate"]["token"] = json!(world.suspended.to_string());
    let mut ordinary = world.by_float(100);
    ordinary["processing_method"]["debtor_account"]["bank_account_id"] = json!(world.ordinary.to_string());
    let cases = [
        (world.by_float(PAID + 1), "amount"),
        (unsent, "original_payin_information/id"),
        (suspended.clone(), "processing_method/mandate/token"),
        (ordinary, "processing_method/debtor_account/bank_account_id"),
    ];
    for (number, (body, name)) in cases.iter().enumerate() {
        let heard = world.post("/v3/refunds").key(&format!("case-{number}")).json(body).send().await;
        assert_eq!(heard.fault(), (400, "invalid_request".into(), vec![(*name).to_owned()]), "{body}");
    }
    let heard = world.post("/v3/refunds").key("over").json(&world.by_float(PAID + 1)).send().await.json();
    assert_eq!(heard["errors"][0]["params"]["amount"]["reason"], "at most 4400 can be refunded");
    for state in [MandateState::Declined, MandateState::Cancelled] {
        let (id, token) = (MandateId(mint::random_id()), MandateToken(mint::random_id()));
        world.command(Command::CreateMandate(Box::new(world.terms(id, token)))).await;
        for to in [None, Some(state)] {
            if let Some(to) = to {
                world.command(Command::MoveMandate { mandate: id, to }).await;
            }
            let mut body = world.by_mandate(100);
            body["processing_method"]["mandate"]["token"] = json!(token.to_string());
            let heard =
                world.post("/v3/refunds").key(&format!("{state:?}{to:?}").replace(' ', "")).json(&body).send().await;
            assert_eq!(heard.fault().2, ["processing_method/mandate/token"]);
        }
    }
    assert_eq!(world.refund_count().await, 0);
}

// conformance: banked 47
// conformance: banked 59
#[tokio::test]
async fn unknown_things_are_not_found() {
    let world = World::new().await;
    let mut payin = world.by_float(100);
    payin["original_payin_information"]["id"] = json!(unknown_id());
    let mut token = world.by_mandate(100);
    token["processing_method"]["mandate"]["token"] = json!(unknown_id());
    let mut id_as_token = world.by_mandate(100);
    id_as_token["processing_method"]["mandate"]["token"] = json!(world.mandate.to_string());
    let mut account = world.by_float(100);
    account["processing_method"]["debtor_account"]["bank_account_id"] = json!(unknown_id());
    for (number, body) in [payin, token, id_as_token, account].iter().enumerate() {
        let heard = world.post("/v3/refunds").key(&format!("case-{number}")).json(body).send().await;
        assert_eq!(heard.fault(), (404, "not_found".into(), vec![]), "{body}");
    }
    for id in [unknown_id(), "nonsense".to_owned(), "%00".to_owned(), "%ff".to_owned()] {
        let heard = world.get(&format!("/v3/refunds/{id}")).await;
        assert_eq!(heard.fault(), (404, "not_found".into(), vec![]));
    }
}

// conformance: banked 58
#[tokio::test]
async fn the_key_is_required_unless_a_setting_says_otherwise() {
    let world = World::new().await;
    let heard = world.post("/v3/refunds").json(&world.by_float(100)).send().await;
    let expected = r#"{"errors":[{"code":"invalid_request","message":"The Idempotency-Key header is missing","params":{"Idempotency-Key":{"reason":"required on this call"}}}]}"#;
    assert_eq!((heard.status, heard.text().as_str()), (400, expected));
    for key in ["", "two words", &"k".repeat(256), "naïve"] {
        let heard = world.post("/v3/refunds").key(key).json(&world.by_float(100)).send().await;
        assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["Idempotency-Key".to_owned()]), "{key}");
    }
    assert_eq!(world.refund_count().await, 0);
    assert_eq!(world.post("/v3/refunds").key(&"k".repeat(255)).json(&world.by_float(100)).send().await.status, 201);

    let free = World::with(json!({ "require_idempotency_key_v3": false })).await;
    let ask = || free.post("/v3/refunds").json(&free.by_float(100)).send();
    let (first, second) = (ask().await, ask().await);
    assert_eq!((first.status, second.status), (201, 201));
    let (first, second) = (RefundId::parse(&first.id()).unwrap(), RefundId::parse(&second.id()).unwrap());
    assert_ne!(first, second);
    let (first, second) = (free.settle(first).await, free.settle(second).await);
    assert_ne!(first.ids.instruction_id, second.ids.instruction_id);

    let mut rules = refundry_domain::rules::Rules::of(refundry_domain::rules::Environment::Sandbox);
    rules.keyless_repeat = refundry_domain::rules::KeylessRepeat::Refuse;
    let strict = World::build(json!({ "require_idempotency_key_v3": false }), rules).await;
    let ask = || strict.post("/v3/refunds").json(&strict.by_float(100)).send();
    assert_eq!(ask().await.status, 201);
    let (status, code, _) = ask().await.fault();
    assert_eq!((status, code.as_str()), (400, "invalid_request"));
}

// conformance: banked 48
// conformance: banked 53
#[tokio::test]
async fn above_the_mandates_limit_it_is_created_and_then_fails() {
    let world = World::new().await;
    let id = world.refund(&world.by_mandate(LIMIT + 1), "over").await;
    assert_eq!(world.status(id).await, json!({ "status": "PENDING" }));
    assert!(world.begin(id).await.is_none());
    let reason =
        json!({ "code": "MANDATE_INELIGIBLE_AMOUNT_EXCEEDED", "message": "Amount Requested Exceeds Mandate Limit" });
    assert_eq!(world.status(id).await, json!({ "status": "FAILED", "reason": reason }));
    // Its amount is free again.
    world.refund(&world.by_float(PAID), "all").await;
}

// conformance: banked 49
#[tokio::test]
async fn a_used_up_count_fails_the_next_refund() {
    let world = World::new().await;
    let (id, token) = (MandateId(mint::random_id()), MandateToken(mint::random_id()));
    let mut terms = world.terms(id, token);
    (terms.period, terms.count_max) = (Period::Month, Some(1));
    world.command(Command::CreateMandate(Box::new(terms))).await;
    world.command(Command::MoveMandate { mandate: id, to: MandateState::Active }).await;
    let mut body = world.by_mandate(100);
    body["processing_method"]["mandate"]["token"] = json!(token.to_string());
    let (first, second) = (world.refund(&body, "1").await, world.refund(&body, "2").await);
    world.settle(first).await;
    assert!(world.begin(second).await.is_none());
    assert_eq!(world.status(second).await["reason"]["code"], "MANDATE_INELIGIBLE_COUNT");
    assert_eq!(world.status(first).await, json!({ "status": "SENT" }));
}

// conformance: banked 64
#[tokio::test]
async fn a_mandate_suspended_before_the_send_fails_the_refund() {
    let world = World::new().await;
    let id = world.refund(&world.by_mandate(100), "k").await;
    let to = MandateState::Suspended { by_merchant: true };
    world.command(Command::MoveMandate { mandate: world.mandate, to }).await;
    assert!(world.begin(id).await.is_none());
    assert_eq!(world.status(id).await["reason"]["code"], "MANDATE_INACTIVE");
}

// conformance: banked 50
// conformance: banked 51
#[tokio::test]
async fn a_float_is_never_overdrawn() {
    let world = World::new().await;
    world.fund(150).await;
    let (first, second) =
        (world.refund(&world.by_float(100), "1").await, world.refund(&world.by_float(100), "2").await);
    world.settle(first).await;
    assert!(world.begin(second).await.is_none());
    let reason = json!({ "code": "INSUFFICIENT_FUNDS", "message": "Insufficient Funds" });
    assert_eq!(world.status(second).await, json!({ "status": "FAILED", "reason": reason }));
    assert_eq!(world.float_balance().await, 50);
}

// conformance: banked 52
#[tokio::test]
async fn partial_refunds_pass_up_to_the_total() {
    let world = World::new().await;
    for number in 0..4 {
        world.refund(&world.by_float(1_100), &format!("part-{number}")).await;
    }
    let heard = world.post("/v3/refunds").key("more").json(&world.by_float(1)).send().await;
    assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["amount".to_owned()]));
    assert!(heard.text().contains("at most 0 can be refunded"));
}

// conformance: banked 54
#[tokio::test]
async fn after_thirty_days_it_has_expired() {
    let world = World::new().await;
    let id = world.refund(&world.by_float(100), "k").await;
    world.clock.advance(Span::days(30).minus_one());
    world.command(Command::Tick { refund: id }).await;
    assert_eq!(world.status(id).await["status"], "PENDING");
    world.clock.advance(Span(1));
    world.command(Command::Tick { refund: id }).await;
    let status = world.status(id).await;
    assert_eq!((&status["status"], &status["reason"]["code"]), (&json!("FAILED"), &json!("PAYMENT_EXPIRED")));
    let types: Vec<Value> = world.inbox().await.iter().map(|hook| hook["type"].clone()).collect();
    assert_eq!(types, ["refund_pending", "refund_failed"]);
}

/// One nanosecond less.
trait MinusOne {
    fn minus_one(self) -> Self;
}

impl MinusOne for Span {
    fn minus_one(self) -> Self {
        Self(self.0 - 1)
    }
}

// conformance: banked 55
#[tokio::test]
async fn a_return_stays_sent_and_frees_the_full_amount() {
    let world = World::new().await;
    let id = world.refund(&world.by_float(PAID), "k").await;
    let instruction = world.settle(id).await;
    assert_eq!(world.float_balance().await, FLOAT + PAID - PAID);
    let before = world.inbox().await.len();
    // The bank keeps 100 of it.
    let report = Report::Returned { amount_back: PAID - 100, code: BankCode::parse("AC04") };
    world.report(&instruction, 2, report).await;
    assert_eq!(world.status(id).await, json!({ "status": "SENT" }));
    assert_eq!(world.inbox().await.len(), before);
    assert_eq!(world.float_balance().await, FLOAT + PAID);
    assert!(matches!(world.stored(id).await.state, refundry_domain::refund::RefundState::Returned { .. }));
    world.refund(&world.by_float(PAID), "again").await;
}

// conformance: banked 87
#[tokio::test]
async fn a_recall_after_a_refund_stops_the_next_one() {
    let world = World::new().await;
    let id = world.refund(&world.by_float(1_000), "k").await;
    world.settle(id).await;
    world.command(Command::ReversePayment { payment: world.payin, amount: None }).await;
    assert_eq!(world.status(id).await, json!({ "status": "SENT" }));
    let heard = world.post("/v3/refunds").key("next").json(&world.by_float(1)).send().await;
    let (status, code, names) = heard.fault();
    assert_eq!(
        (status, code.as_str(), names),
        (400, "invalid_request", vec!["original_payin_information/id".to_owned()])
    );
}

#[tokio::test]
async fn a_pound_payin_is_refused_in_the_payins_name() {
    let world = World::new().await;
    let pounds = refundry_domain::id::AccountId(mint::random_id());
    let open = refundry_domain::command::OpenAccount {
        id: pounds,
        kind: refundry_domain::ledger::AccountKind::Held,
        currency: Currency::GBP,
        name: "pounds".into(),
        group: "".into(),
        eligible: true,
    };
    world.command(Command::OpenAccount(open)).await;
    let payin = PaymentId(mint::random_id());
    let record = make::record_payment(payin, pounds, Amount::new(500, Currency::GBP));
    world.command(Command::RecordPayment(record)).await;
    for (number, mut body) in [world.by_float(100), world.by_mandate(100)].into_iter().enumerate() {
        body["original_payin_information"]["id"] = json!(payin.to_string());
        let heard = world.post("/v3/refunds").key(&format!("k{number}")).json(&body).send().await;
        assert_eq!(heard.fault().2, ["original_payin_information/id"]);
    }
    // An AUD pay-in from a pound account: the account is to blame.
    let mut body = world.by_float(100);
    body["processing_method"]["debtor_account"]["bank_account_id"] = json!(pounds.to_string());
    let heard = world.post("/v3/refunds").key("pound").json(&body).send().await;
    assert_eq!(heard.fault().2, ["processing_method/debtor_account/bank_account_id"]);
}

#[tokio::test]
async fn the_list_is_newest_first_and_pages() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        world.clock.advance(Span::seconds(1));
        ids.push(world.refund(&world.by_float(10), &format!("k{number}")).await.to_string());
    }
    ids.reverse();
    world.settle(RefundId::parse(&ids[4]).unwrap()).await;
    let page = |query: String| {
        let world = &world;
        async move {
            let heard = world.get(&format!("/v3/refunds{query}")).await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let json = heard.json();
            let ids: Vec<String> =
                json["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
            (ids, json["next_cursor"].clone())
        }
    };
    assert_eq!(page(String::new()).await, (ids.clone(), Value::Null));
    let (first, cursor) = page("?limit=2".into()).await;
    assert_eq!(first, ids[..2]);
    let (second, cursor) = page(format!("?limit=2&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!(second, ids[2..4]);
    let (third, cursor) = page(format!("/?limit=2&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((third, cursor), (ids[4..].to_vec(), Value::Null));
    assert_eq!(page("?status=SENT".into()).await.0, ids[4..]);
    assert_eq!(page("?status=PENDING".into()).await.0, ids[..4]);
    assert_eq!(page("?status=FAILED".into()).await.0, Vec::<String>::new());
    assert_eq!(page(format!("?original_payin_id={}", world.payin)).await.0.len(), 5);
    assert_eq!(page(format!("?original_payin_id={}", unknown_id())).await.0.len(), 0);
    let nowhere = format!("cursor={}", unknown_id());
    for query in ["limit=0", "limit=201", "limit=x", "status=sent", "cursor=x", &nowhere, "original_payin_id=x"] {
        let (status, code, names) = world.get(&format!("/v3/refunds?{query}")).await.fault();
        assert_eq!(
            (status, code.as_str(), names),
            (400, "invalid_request", vec![query.split('=').next().unwrap().to_owned()])
        );
    }
}

// conformance: banked 61
#[tokio::test]
async fn other_methods_and_paths_have_the_envelope() {
    let world = World::new().await;
    for (method, path) in
        [(Method::DELETE, "/v3/refunds"), (Method::PUT, "/v3/refunds/x"), (Method::PATCH, "/v3/webhooks")]
    {
        let heard = world.call(method, path).send().await;
        assert_eq!(heard.fault(), (405, "method_not_allowed".into(), vec![]));
        assert!(heard.headers.contains_key("allow"), "{:?}", heard.headers);
    }
    // Nobody makes refund mandates here.
    assert_eq!(world.post("/v2/mandates").json(&json!({})).send().await.status, 404);
    let shape = |path: &'static str| {
        let response = world.dialect.not_found(&Method::POST, path);
        async move { super::world::Heard::of(response).await }
    };
    let heard = shape("/v2/mandates").await;
    assert_eq!(heard.json(), json!({ "errors": [{ "code": "not_found", "source": {}, "title": "No such path" }] }));
    assert_eq!(shape("/v3/refunds/1/2").await.json()["errors"][0]["message"], "No such path");
    assert_eq!(shape("/v3/payins/1/2").await.json()["successes"], json!([]));
    assert_eq!(shape("/oauth/revoke").await.status, 404);
}

#[tokio::test]
async fn absolute_form_targets_work() {
    let world = World::new().await;
    let heard = world.post("https://api.example.org/v3/refunds").key("k").json(&world.by_float(1)).send().await;
    assert_eq!(heard.status, 201);
    assert_eq!(world.get("https://api.example.org/api/v2/webhooks").await.status, 200);
}

// conformance: banked 85
#[tokio::test]
async fn a_refund_that_waits_shows_pending_with_its_block() {
    let world = World::new().await;
    let id = world.refund(&world.by_float(1), "k").await;
    let code = refundry_domain::refund::BlockCode::Operator;
    world.command(Command::PlaceBlock { refund: id, code }).await;
    assert_eq!(world.status(id).await, json!({ "status": "PENDING" }));
    world.command(Command::LiftBlock { refund: id, code }).await;
    world.settle(id).await;
    assert_eq!(world.status(id).await, json!({ "status": "SENT" }));
}

// conformance: banked 62
#[tokio::test]
async fn a_mandate_that_nobody_signs_in_five_days_expires() {
    let world = World::new().await;
    let (id, token) = (MandateId(mint::random_id()), MandateToken(mint::random_id()));
    world.command(Command::CreateMandate(Box::new(world.terms(id, token)))).await;
    let stored = || {
        world.engine.read({
            let merchant = world.merchant;
            move |reader| reader.mandate(merchant, id)
        })
    };
    world.clock.advance(Span::days(5).minus_one());
    world.command(Command::TickMandate { mandate: id }).await;
    assert_eq!(stored().await.unwrap().unwrap().state, MandateState::Created);
    world.clock.advance(Span(1));
    world.command(Command::TickMandate { mandate: id }).await;
    assert_eq!(stored().await.unwrap().unwrap().state, MandateState::Expired);
    let mut body = world.by_mandate(100);
    body["processing_method"]["mandate"]["token"] = json!(token.to_string());
    let heard = world.post("/v3/refunds").key("k").json(&body).send().await;
    assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["processing_method/mandate/token".to_owned()]));
}

#[tokio::test]
async fn several_currencies_are_a_setting() {
    let world = World::with(json!({ "v3_currencies": ["AUD", "GBP"] })).await;
    world.refund(&world.by_float(100), "unnamed").await;
    let mut body = world.by_float(100);
    body["currency"] = json!("GBP");
    let heard = world.post("/v3/refunds").key("named").json(&body).send().await;
    assert_eq!(heard.fault().2, ["original_payin_information/id"]);
    body["currency"] = json!("EUR");
    let heard = world.post("/v3/refunds").key("foreign").json(&body).send().await;
    assert_eq!(heard.fault().2, ["currency"]);
}
