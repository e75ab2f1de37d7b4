//! Webhooks: bodies, signatures, endpoints, deliveries.

use super::super::states;
use super::super::webhook::NativeWebhooks;
use super::shop::Shop;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use refundry_domain::event::{Actor, Event, EventKind};
use refundry_domain::id::{AccountId, EndpointId, MandateId, PersonId};
use refundry_domain::money::Currency;
use refundry_domain::refund::{BlockCode, CaseCode};
use refundry_domain::time::Timestamp;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::{Delivery, DeliveryState, DeliveryUpdate, StoredEvent};
use refundry_engine::webhook::WebhookDialect as _;
use refundry_testkit::make;
use serde_json::{Value, json};
use std::sync::Arc;

fn one_of_each_kind() -> Vec<EventKind> {
    let mut kinds = vec![
        EventKind::PaymentRecorded,
        EventKind::PaymentAuthorised,
        EventKind::PaymentExecuted,
        EventKind::PaymentSettled { credited: 90 },
        EventKind::PaymentFailed,
        EventKind::PaymentReversed { amount: 10 },
        EventKind::PaymentBlock { code: 0, placed: true },
        EventKind::PaymentBlock { code: 6, placed: false },
        EventKind::DetailsGiven,
        EventKind::ApprovalGiven { by: PersonId(7) },
        EventKind::ApprovalVoided,
        EventKind::AuthorisationGiven,
        EventKind::BlockPlaced { code: BlockCode::Operator },
        EventKind::BlockLifted { code: BlockCode::Operator },
        EventKind::CaseOpened { code: CaseCode::Overdue },
        EventKind::CaseClosed { code: CaseCode::Overdue },
        EventKind::AttemptOpened { number: 2 },
        EventKind::WithdrawalAsked,
        EventKind::MandateEntered { mandate: MandateId(3), state: Arc::from("active") },
        EventKind::MandateEntered { mandate: MandateId(3), state: Arc::from("of the future") },
        EventKind::AccountFunded { account: AccountId(4), amount: 5 },
        EventKind::AccountDrained { account: AccountId(4), amount: 5 },
        EventKind::AccountPaused { account: AccountId(4) },
        EventKind::AccountResumed { account: AccountId(4) },
        EventKind::StrayFound { instruction: Arc::from("ABC"), amount: 5 },
        EventKind::StrayReturned { instruction: Arc::from("ABC"), amount: 5 },
        EventKind::StrayClosed { instruction: Arc::from("ABC"), explained: true },
    ];
    kinds.extend(make::refund_states().into_iter().map(|state| EventKind::RefundEntered { state }));
    kinds
}

/// Whether events of this kind are about a refund, a payment, or neither.
fn stored(kind: EventKind) -> StoredEvent {
    let mut ids = make::Ids::from(1);
    let account = make::account(ids.account(), ids.merchant(), Currency::AUD);
    let payment = make::payment(ids.payment(), &account, 1_000);
    let refund = make::refund(ids.refund(), &payment, 100);
    let loose = matches!(
        kind,
        EventKind::MandateEntered { .. }
            | EventKind::AccountFunded { .. }
            | EventKind::AccountDrained { .. }
            | EventKind::AccountPaused { .. }
            | EventKind::AccountResumed { .. }
            | EventKind::StrayFound { .. }
            | EventKind::StrayReturned { .. }
            | EventKind::StrayClosed { .. }
    );
    let of_payment =
        kind.payment_state().is_some() || matches!(kind, EventKind::PaymentRecorded | EventKind::PaymentBlock { .. });
    let event = Event {
        merchant: account.merchant,
        payment: (!loose).then_some(payment.id),
        refund: (!loose && !of_payment).then_some(refund.id),
        number: 3,
        at: make::AT,
        actor: Actor::Engine,
        kind,
        payout: None,
        previous: [1; 32],
        hash: [2; 32],
    };
    let refund = event.refund.is_some().then_some(refund);
    StoredEvent {
        place: 9,
        payment: event.payment.is_some().then_some(payment),
        refund,
        payout: None,
        mandate: None,
        event,
    }
}

fn endpoint_for(event: &StoredEvent, events: &[&str]) -> Endpoint {
    Endpoint {
        id: EndpointId(1),
        merchant: event.event.merchant,
        dialect: "native".into(),
        group: String::new(),
        url: "https://shop.example/hook".into(),
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        enabled: true,
        hidden: false,
        description: String::new(),
        settings: Vec::new(),
        created_at: make::AT,
    }
}

#[test]
fn every_event_has_a_type_and_a_body_without_account_numbers() {
    for kind in one_of_each_kind() {
        let event = stored(kind.clone());
        let rendered = NativeWebhooks.render(&event, &endpoint_for(&event, &[])).expect("everything is heard");
        assert!(states::EVENT_TYPES.contains(&rendered.event_type.as_str()), "{}", rendered.event_type);
        let body: Value = serde_json::from_slice(&rendered.body).expect("JSON");
        assert_eq!(body["type"], rendered.event_type.as_str());
        assert_eq!(body["data"]["sequence"], 3);
        assert!(body["data"]["id"].is_string(), "{}", rendered.event_type);
        let text = String::from_utf8_lossy(&rendered.body).into_owned();
        assert!(!text.contains("12345678") && !text.contains("Alex"), "{text}");
        // The object may move on; the body of this event does not.
        let mut later = event.clone();
        if let Some(refund) = &mut later.refund {
            refund.state = refundry_domain::refund::RefundState::Submitted;
            refund.updated_at = Timestamp(1);
            refund.event_count = 9;
        }
        if let Some(payment) = &mut later.payment {
            payment.counters.claimed = 77;
            payment.state = refundry_domain::payment::PaymentState::Reversed;
        }
        let again = NativeWebhooks.render(&later, &endpoint_for(&event, &[])).expect("everything is heard");
        assert_eq!(again, rendered);
        assert!(NativeWebhooks.render(&event, &endpoint_for(&event, &["refund.nothing"])).is_none());
    }
}

#[test]
fn a_settled_refund_tells_its_story() {
    let kind = EventKind::RefundEntered {
        state: refundry_domain::refund::RefundState::Settled { by: refundry_domain::refund::SettledBy::Attempt(1) },
    };
    let event = stored(kind);
    let rendered = NativeWebhooks.render(&event, &endpoint_for(&event, &["refund.settled"])).expect("subscribed");
    let body: Value = serde_json::from_slice(&rendered.body).expect("JSON");
    let refund = event.refund.as_ref().expect("a refund");
    assert_eq!(
        body,
        json!({
            "type": "refund.settled",
            "timestamp": "2026-01-05T10:00:00.000000Z",
            "data": {
                "object": "refund", "id": refund.id.to_string(), "sequence": 3,
                "payment_id": refund.payment.to_string(), "amount": 100, "currency": "AUD", "fee": 0,
                "merchant_reference": null,
                "funding": { "type": "held", "account_id": event.payment.as_ref().map(|payment| payment.account.to_string()) },
                "created_at": "2026-01-05T10:00:00.000000Z",
                "status": "settled", "reason": null, "settled_by": "attempt",
            },
        })
    );
}

#[test]
fn another_merchants_event_is_not_for_this_endpoint() {
    let event = stored(EventKind::PaymentRecorded);
    let mut endpoint = endpoint_for(&event, &[]);
    endpoint.merchant = refundry_domain::id::MerchantId(1);
    assert!(NativeWebhooks.render(&event, &endpoint).is_none());
}

#[test]
fn the_signature_is_that_of_standard_webhooks() {
    let event = stored(EventKind::PaymentRecorded);
    let endpoint = endpoint_for(&event, &[]);
    let headers = NativeWebhooks.sign(&event, &endpoint, b"{\"a\":1}", Timestamp(1_674_087_231_000_000_000));
    let [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)] = headers.as_slice() else {
        panic!("{headers:?}");
    };
    assert_eq!(at, "1674087231");
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let tag = STANDARD.decode(signature.strip_prefix("v1,").expect("version 1")).expect("base64");
    let signed = format!("{id}.1674087231.{{\"a\":1}}");
    assert!(aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &tag).is_ok());
}

#[tokio::test]
async fn an_endpoint_is_made_changed_and_removed() {
    let (shop, tenant) = Shop::sandbox().await;
    let refusals = [
        (json!({}), "missing_field"),
        (json!({ "url": "nowhere" }), "invalid_parameter"),
        (json!({ "url": "https://a.example/", "events": ["refund.lost"] }), "invalid_parameter"),
        (json!({ "url": "https://a.example/", "dialect": "carrier-pigeon" }), "invalid_parameter"),
        (json!({ "url": "https://a.example/", "secret": "mine" }), "unknown_field"),
    ];
    for (body, code) in refusals {
        assert_eq!(shop.post(&tenant, "/v1/webhook-endpoints", "", &body).await.code(), code, "{body}");
    }
    let other = json!({ "url": "inbox:mine", "dialect": "other", "events": ["their_own_name"] });
    assert_eq!(shop.post(&tenant, "/v1/webhook-endpoints", "", &other).await.status, StatusCode::CREATED);
    let body = json!({ "url": "http://127.0.0.1:9/hook", "description": "the till" });
    let made = shop.post(&tenant, "/v1/webhook-endpoints", "", &body).await;
    let path = format!("/v1/webhook-endpoints/{}", made.text("/id"));
    let changed =
        shop.with_method(&tenant, "PATCH", &path, &json!({ "events": ["refund.settled"], "enabled": false })).await;
    assert_eq!(changed.text("/description"), "the till");
    let shown = shop.get(&tenant, &path).await;
    assert_eq!(
        (shown.json()["enabled"].as_bool(), shown.text("/events/0")),
        (Some(false), "refund.settled".to_owned())
    );
    assert_eq!(shop.with_method(&tenant, "DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.get(&tenant, &path).await.code(), "webhook_endpoint_not_found");
}

#[tokio::test]
async fn deliveries_are_listed_shown_and_sent_again() {
    let (shop, tenant) = Shop::sandbox().await;
    let made = shop.post(&tenant, "/v1/webhook-endpoints", "", &json!({ "url": "https://a.example/" })).await;
    let payment = shop.payment(&tenant, 100).await;
    let endpoint = EndpointId::parse(&made.text("/id")).expect("an id");
    // The account's funding is event 1, the payment's events are 2 and 3.
    let row = |event: u64| Delivery {
        merchant: tenant.id,
        endpoint,
        event,
        attempts: 11,
        state: DeliveryState::Exhausted,
        last_at: make::AT,
        last_status: 500,
        last_millis: 12,
        last_error: "the receiver said 500".into(),
    };
    let update = DeliveryUpdate { rows: vec![row(2), row(3)], cursors: Vec::new() };
    let envelope = Envelope { merchant: tenant.id, actor: Actor::Engine, once: None, work: Work::Deliveries(update) };
    shop.engine.execute(envelope).await.expect("the engine runs").result.expect("a plain write");
    let path = format!("/v1/webhook-endpoints/{endpoint}/deliveries");
    let list = shop.get(&tenant, &format!("{path}?limit=1")).await;
    assert_eq!((list.json()["data"][0]["event"].as_u64(), list.json()["has_more"].as_bool()), (Some(3), Some(true)));
    let next = shop.get(&tenant, &format!("{path}?limit=1&cursor={}", list.text("/next_cursor"))).await;
    assert_eq!(
        (next.json()["data"][0]["event"].as_u64(), next.text("/data/0/event_type")),
        (Some(2), "payment.recorded".into())
    );
    let shown = shop.get(&tenant, &format!("{path}/3")).await;
    assert_eq!((shown.text("/status").as_str(), shown.json()["last_status"].as_u64()), ("exhausted", Some(500)));
    let sent: Value = serde_json::from_str(&shown.text("/request/body")).expect("the body that was sent");
    assert_eq!((sent["type"].as_str(), sent["data"]["id"].as_str()), (Some("payment.settled"), Some(payment.as_str())));
    let again = shop.post(&tenant, &format!("{path}/3/replay"), "", &json!({})).await;
    assert_eq!((again.status, again.text("/status")), (StatusCode::ACCEPTED, "waiting".to_owned()));
    assert_eq!(shop.get(&tenant, &format!("{path}/3")).await.json()["tries"].as_u64(), Some(0));
    for bad in ["4", "0", "x", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(shop.get(&tenant, &format!("{path}/{bad}")).await.code(), "not_found", "{bad}");
    }
}
