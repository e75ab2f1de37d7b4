//! Webhooks: when, what, how signed, how often.

use super::world::{LIMIT, World};
use aws_lc_rs::hmac;
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use serde_json::{Value, json};
use std::collections::BTreeSet;

// conformance: banked 72
// conformance: banked 73
// conformance: banked 76
#[tokio::test]
async fn each_change_has_its_webhook_with_the_fields_of_the_page() {
    let world = World::new().await;
    let id = world.refund(&world.by_mandate(LIMIT + 1), "fails").await;
    world.clock.advance(Span(784_114_333));
    world.begin(id).await;
    let hooks = world.inbox().await;
    let failed = json!({
        "data": {
            "amount": LIMIT + 1,
            "created_at": "2026-01-05T10:00:00.000000000Z",
            "currency": "AUD",
            "debtor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": world.settlement.to_string() },
            "expiration": "2026-02-04T10:00:00.000000000Z",
            "id": id.to_string(),
            "mandate": { "id": world.mandate.to_string() },
            "metadata": {},
            "original_payin_information": { "amount": 4400, "id": world.payin.to_string() },
            "payment_identification": { "end_to_end_identification": "" },
            "remittance_information": { "structured": { "creditor_reference_information": { "reference": "" } } },
            "status_details": {
                "reason": { "code": "MANDATE_INELIGIBLE_AMOUNT_EXCEEDED", "message": "Amount Requested Exceeds Mandate Limit" },
                "status": "FAILED",
            },
            "updated_at": "2026-01-05T10:00:00.784114333Z",
        },
        "id": hooks[1]["id"],
        "type": "refund_failed",
        "version": "v3",
    });
    assert_eq!(hooks[1], failed);
    // The first one shows the refund as it was then.
    assert_eq!(hooks[0]["type"], "refund_pending");
    assert_eq!(hooks[0]["data"]["status_details"], json!({ "status": "PENDING" }));
    assert_eq!(hooks[0]["data"]["updated_at"], "2026-01-05T10:00:00.000000000Z");

    let id = world.refund(&world.by_float(100), "works").await;
    world.settle(id).await;
    let hooks = world.inbox().await;
    let types: Vec<&Value> = hooks.iter().map(|hook| &hook["type"]).collect();
    assert_eq!(types, ["refund_pending", "refund_failed", "refund_pending", "refund_sent"]);
    let ids: BTreeSet<&str> = hooks.iter().map(|hook| hook["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(hooks[3]["data"].get("mandate"), None);
    for hook in &hooks {
        let names: Vec<&String> = hook.as_object().unwrap().keys().collect();
        assert_eq!(names, ["data", "id", "type", "version"]);
    }
    for body in world.sent_to(&world.app.inbox).await {
        assert_alphabetical(&String::from_utf8(body).unwrap());
    }
}

/// A tree whose objects sort their members prints as it was sent.
fn assert_alphabetical(body: &str) {
    let sorted: Value = serde_json::from_str(body).unwrap();
    assert_eq!(sorted.to_string(), body);
}

// conformance: banked 74
#[tokio::test]
async fn the_body_is_what_javascript_would_print() {
    let world = World::new().await;
    let mut body = world.by_float(100);
    body["metadata"] = json!({
        "10": "ten", "9": "nine", "010": "padded", "4294967295": "too big", "4294967294": "last", "-1": "minus", "0": "zero",
        "ключ": "значение / \u{2028} \"quoted\" \\ \u{7f} 😀", "b/c": "\u{1}\u{1f}\t\n\u{8}", "1.5": "no", "": "empty",
    });
    body["remittance_information"] = json!({ "unstructured": "Pürée 2/3 <b>&amp;" });
    world.refund(&body, "k").await;
    let sent = String::from_utf8(world.sent_to(&world.app.inbox).await.remove(0)).unwrap();
    // JSON.stringify(JSON.parse(text)) of a JavaScript engine gives exactly this.
    let metadata = concat!(
        r#""metadata":{"0":"zero","9":"nine","10":"ten","4294967294":"last","":"empty","-1":"minus","010":"padded","#,
        r#""1.5":"no","4294967295":"too big","b/c":"\u0001\u001f\t\n\b","#,
        "\"ключ\":\"значение / \u{2028} \\\"quoted\\\" \\\\ \u{7f} 😀\"}",
    );
    assert!(sent.contains(metadata), "{sent}");
    let texts = r#""remittance_information":{"structured":{"creditor_reference_information":{"reference":""}},"unstructured":"Pürée 2/3 <b>&amp;"}"#;
    assert!(sent.contains(texts), "{sent}");
    assert!(!sent.contains(": ") && !sent.contains(", "));
    assert_eq!(javascript(&sent), sent);
}

/// `JSON.stringify(JSON.parse(text))` by the rules of ECMA-262, on a reader
/// that keeps the order of members.
fn javascript(text: &str) -> String {
    fn print(json: &crate::json::Json, to: &mut String) {
        use crate::json::Json;
        match json {
            Json::Null => to.push_str("null"),
            Json::Bool(value) => to.push_str(&value.to_string()),
            Json::Integer(value) => to.push_str(&(*value as f64).to_string()),
            Json::OtherNumber(spelling) => to.push_str(&spelling.parse::<f64>().unwrap().to_string()),
            Json::Text(text) => quote(text, to),
            Json::Array(elements) => {
                to.push('[');
                for (place, element) in elements.iter().enumerate() {
                    to.push_str(if place > 0 { "," } else { "" });
                    print(element, to);
                }
                to.push(']');
            }
            Json::Object(members) => {
                let index = |name: &str| {
                    name.parse::<u32>().ok().filter(|value| value.to_string() == name && *value < u32::MAX)
                };
                let mut ordered: Vec<_> = members.iter().filter(|(name, _)| index(name).is_some()).collect();
                ordered.sort_by_key(|(name, _)| index(name));
                ordered.extend(members.iter().filter(|(name, _)| index(name).is_none()));
                to.push('{');
                for (place, (name, member)) in ordered.into_iter().enumerate() {
                    to.push_str(if place > 0 { "," } else { "" });
                    quote(name, to);
                    to.push(':');
                    print(member, to);
                }
                to.push('}');
            }
        }
    }
    fn quote(text: &str, to: &mut String) {
        to.push('"');
        for character in text.chars() {
            match character {
                '"' => to.push_str("\\\""),
                '\\' => to.push_str("\\\\"),
                '\u{8}' => to.push_str("\\b"),
                '\u{c}' => to.push_str("\\f"),
                '\n' => to.push_str("\\n"),
                '\r' => to.push_str("\\r"),
                '\t' => to.push_str("\\t"),
                control if control < ' ' => to.push_str(&format!("\\u{:04x}", u32::from(control))),
                other => to.push(other),
            }
        }
        to.push('"');
    }
    let mut printed = String::new();
    print(&crate::json::parse(text.as_bytes()).unwrap(), &mut printed);
    printed
}

// conformance: banked 75
// conformance: banked 77
#[tokio::test]
async fn the_signature_is_over_time_dot_body() {
    let world = World::new().await;
    world.refund(&world.by_float(100), "k").await;
    let webhooks = world.dialect.webhooks();
    let event = world.events().await.into_iter().find(|event| event.event.refund.is_some()).unwrap();
    let endpoint = Endpoint { secret: "whk_4d0Q".to_owned(), ..(*world.app.inbox).clone() };
    let first = webhooks.render(&event, &endpoint).unwrap();
    let sign = |seconds: i64| webhooks.sign(&event, &endpoint, &first.body, Timestamp(seconds * 1_000_000_000 + 5));
    let headers = sign(1_773_311_400);
    assert_eq!(headers.len(), 1);
    let (name, value) = &headers[0];
    let (time, signature) = value.split_once('.').unwrap();
    assert_eq!((*name, time), ("banked-signature", "1773311400"));
    assert!(signature.len() == 64 && signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let text = [b"1773311400.".as_slice(), &first.body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"whk_4d0Q");
    assert!(hmac::verify(&key, &text, &hex::decode(signature).unwrap()).is_ok());
    // A retry has the same body, so the same event id, and another time.
    assert_eq!(webhooks.render(&event, &endpoint).unwrap(), first);
    assert_ne!(sign(1_773_311_416), headers);
}

#[tokio::test]
async fn a_known_signature() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
    let world = World::new().await;
    world.refund(&world.by_float(1), "k").await;
    let event = world.events().await.remove(0);
    let endpoint = Endpoint { secret: "key".to_owned(), ..(*world.app.inbox).clone() };
    let headers = world.dialect.webhooks().sign(&event, &endpoint, b"{}", Timestamp(1_700_000_000_000_000_000));
    assert_eq!(headers[0].1, format!("1700000000.{KNOWN}"));
}

const KNOWN: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";

// conformance: banked 78
#[tokio::test]
async fn the_schedule_is_the_documented_one() {
    let world = World::new().await;
    let webhooks = world.dialect.webhooks();
    let seconds = |tries: u32, jitter: u32| webhooks.retry_after(tries, jitter).map(|span| span.0 / 1_000_000_000);
    assert_eq!(
        [seconds(1, 0), seconds(2, 0), seconds(3, 0), seconds(25, 0)],
        [Some(15), Some(16), Some(31), Some(331_791)]
    );
    assert_eq!([seconds(1, 500_000), seconds(3, 500_000)], [Some(30), Some(76)]);
    assert!(seconds(25, 999_999) < Some(331_791 + 30 * 25));
    assert_eq!([seconds(0, 0), seconds(26, 0), seconds(u32::MAX, 0)], [None, None, None]);
    let total: u64 = (1..=25).filter_map(|tries| seconds(tries, 0)).sum();
    assert_eq!(total / 86_400, 20);
    assert_eq!(webhooks.timeout(), Span::seconds(10));
    assert!(webhooks.stops_on(410));
    assert!(!webhooks.disables_on(410), "the endpoint stays, unless a setting says otherwise");
    let strict = World::with(json!({ "webhook_disable_on_410": true })).await.dialect.webhooks();
    assert!(strict.disables_on(410) && !strict.disables_on(404));
    assert!([200, 301, 302, 400, 404, 409, 429, 500, 503].into_iter().all(|status| !webhooks.stops_on(status)));
}

#[tokio::test]
async fn endpoints_get_what_they_asked_for_and_nothing_of_others() {
    let world = World::new().await;
    let other = world.application(&json!({})).await;
    world.refund(&world.by_float(100), "k").await;
    assert_eq!(world.sent_to(&other.inbox).await.len(), 0);
    let inbox = &world.app.inbox;
    let mut sent = Endpoint::clone(inbox);
    sent.events = vec!["refund_sent".to_owned()];
    assert_eq!(world.sent_to(&sent).await.len(), 0);
    sent.events.push("refund_pending".to_owned());
    assert_eq!(world.sent_to(&sent).await.len(), 1);
    let whole = Endpoint { group: String::new(), ..Endpoint::clone(inbox) };
    assert_eq!(world.sent_to(&whole).await.len(), 1);
    let foreign = Endpoint { dialect: "native".to_owned(), ..Endpoint::clone(inbox) };
    assert_eq!(world.sent_to(&foreign).await.len(), 0);
}

#[tokio::test]
async fn payins_have_their_webhooks() {
    let world = World::new().await;
    let body = json!({ "amount": 700, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/" },
        "remittance_information": { "unstructured": "Order" }, "metadata": { "n": "1" } });
    let id = world.post("/v3/payins").json(&body).send().await.id();
    for to in [PaymentState::Authorised, PaymentState::Executed, PaymentState::Settled] {
        let payment = PaymentId::parse(&id).unwrap();
        world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
    }
    let hooks = world.inbox().await;
    let seen: Vec<(&str, &str)> = hooks
        .iter()
        .map(|hook| (hook["type"].as_str().unwrap(), hook["data"]["status_details"]["status"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("payment_initiated", "INITIATED"), ("payment_pending", "PENDING"), ("payment_sent", "SENT")]);
    assert_eq!(hooks[2]["data"]["id"], id);
    assert_eq!(hooks[2]["data"]["metadata"], body["metadata"]);
    assert_eq!(hooks[2]["data"]["remittance_information"]["unstructured"], "Order");
    for body in world.sent_to(&world.app.inbox).await {
        assert_alphabetical(&String::from_utf8(body).unwrap());
    }
}

#[tokio::test]
async fn settings_add_a_version_and_a_word_for_cancelled() {
    let world = World::with(json!({ "webhook_data_version": true, "v3_canceled_state": true })).await;
    let id = world.refund(&world.by_float(100), "k").await;
    world.command(Command::CancelRefund { refund: id }).await;
    let hooks = world.inbox().await;
    assert_eq!(hooks[1]["type"], "refund_canceled");
    assert_eq!(hooks[1]["data"]["status_details"], json!({ "status": "CANCELED" }));
    assert_eq!(hooks[1]["data_version"], 1);
    assert_eq!(world.status(id).await, json!({ "status": "CANCELED" }));
    let heard = world.call(Method::GET, "/v3/refunds?status=CANCELED").send().await.json();
    assert_eq!(heard["data"].as_array().unwrap().len(), 1);

    let plain = World::new().await;
    let id = plain.refund(&plain.by_float(100), "k").await;
    plain.command(Command::CancelRefund { refund: id }).await;
    assert_eq!(plain.status(id).await["reason"]["code"], "REFUND_CANCELED");
    assert_eq!(plain.inbox().await[1]["type"], "refund_failed");
    assert_eq!(plain.get("/v3/refunds?status=CANCELED").await.status, 400);
}
