//! Webhooks: what is sent when, and how it is signed (contract 7).

use super::super::signing::{jws, keys};
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refundry_domain::event::{Actor, Event, EventKind};
use refundry_domain::time::Span;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use serde_json::{Value, json};

/// An event; a signature does not look at it.
pub(super) fn any_event(world: &World) -> StoredEvent {
    let event = Event {
        merchant: world.merchant,
        refund: None,
        payment: None,
        payout: None,
        number: 1,
        at: world.engine.now(),
        actor: Actor::Engine,
        kind: EventKind::PaymentFailed,
        previous: [0; 32],
        hash: [0; 32],
    };
    StoredEvent { place: 1, event, refund: None, payment: None, mandate: None, payout: None }
}

fn value<'a>(sent: &'a [(&'static str, String)], name: &str) -> &'a str {
    &sent.iter().find(|(known, _)| *known == name).unwrap().1
}

fn head(sent: &[(&'static str, String)]) -> Value {
    let (head, _) = value(sent, "tl-signature").split_once("..").unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap()
}

/// Under which of our keys a webhook was signed.
pub(super) fn key_id(sent: &[(&'static str, String)]) -> String {
    head(sent)["kid"].as_str().unwrap().to_owned()
}

/// Whether a signature verifies against our published keys, for this path.
async fn verifies(world: &World, sent: &[(&'static str, String)], path: &str, body: &[u8]) -> bool {
    let head = head(sent);
    let jwks = world.get("/.well-known/jwks").await.json();
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).unwrap();
    let point = keys::from_coordinates(key["x"].as_str().unwrap(), key["y"].as_str().unwrap()).unwrap();
    let names = head["tl_headers"].as_str().unwrap().to_owned();
    let headers: Vec<(&str, &[u8])> =
        names.split(',').map(|name| (name, value(sent, &name.to_ascii_lowercase()).as_bytes())).collect();
    let signed = jws::signed_bytes("POST", path, &headers, body);
    jws::Parsed::read(value(sent, "tl-signature")).unwrap().is_of(&point, &signed)
}

fn to(world: &World, url: &str) -> Endpoint {
    Endpoint { url: url.to_owned(), ..Endpoint::clone(&world.client.inbox) }
}

// conformance: truelayer 79
// conformance: truelayer 80
#[tokio::test]
async fn a_signature_covers_path_and_headers_and_not_the_query() {
    let world = World::new().await;
    let webhooks = world.dialect.webhooks();
    let event = any_event(&world);
    let body = b"{\"type\":\"refund_executed\"}";
    for (url, path) in [
        ("https://shop.example.org/hooks/tl?shop=7", "/hooks/tl"),
        ("https://shop.example.org/hooks/tl/", "/hooks/tl/"),
        ("https://shop.example.org", "/"),
        ("http://127.0.0.1:9000/a%20b", "/a%20b"),
        ("inbox:truelayer", "/sandbox/v1/inbox/truelayer"),
    ] {
        let endpoint = to(&world, url);
        let at = world.engine.now();
        let sent = webhooks.sign(&event, &endpoint, body, at);
        assert!(verifies(&world, &sent, path, body).await, "{url}");
        assert!(!verifies(&world, &sent, "/other", body).await);
        assert!(!verifies(&world, &sent, path, b"{}").await);
        let head = head(&sent);
        assert_eq!((&head["alg"], &head["tl_version"]), (&json!("ES512"), &json!("2")));
        assert_eq!(head["tl_headers"], "X-Tl-Webhook-Timestamp,Content-Type");
        let again = webhooks.sign(&event, &endpoint, body, at.plus(Span::seconds(5)));
        assert_ne!(value(&sent, "x-tl-webhook-timestamp"), value(&again, "x-tl-webhook-timestamp"));
        assert!(verifies(&world, &again, path, body).await);
    }
}

// conformance: truelayer 85
#[tokio::test]
async fn jku_and_signed_headers_follow_the_settings() {
    let jku = "https://webhooks.truelayer.com/.well-known/jwks";
    let world = World::with(json!({ "jku": jku, "webhook_signed_headers": ["X-Tl-Webhook-Timestamp"] })).await;
    let sent = world.dialect.webhooks().sign(&any_event(&world), &world.client.inbox, b"{}", world.engine.now());
    assert_eq!((&head(&sent)["jku"], &head(&sent)["tl_headers"]), (&json!(jku), &json!("X-Tl-Webhook-Timestamp")));
    assert_eq!(value(&sent, "content-type"), "application/json");
    let plain = World::new().await;
    let sent = plain.dialect.webhooks().sign(&any_event(&plain), &plain.client.inbox, b"{}", plain.engine.now());
    assert_eq!(head(&sent)["jku"], "http://127.0.0.1:8080/.well-known/jwks");
}

// conformance: truelayer 78
// conformance: truelayer 83
// conformance: truelayer 84
#[tokio::test]
async fn an_executed_refund_is_told_once() {
    let world = World::new().await;
    let payment = world.foreign_payment(1_000).await;
    let path = format!("/payments/{payment}/refunds");
    let body = json!({ "amount_in_minor": 5, "reference": "r", "metadata": { "case": "88" } });
    let refund = world.post(&path).key("k").json(&body).send().await.id();
    let before = world.inbox().await.len();
    world.work().await;
    let told = world.inbox().await;
    assert_eq!(told.len(), before + 1, "neither pending nor authorized: {told:?}");
    let event = &told[before];
    assert_eq!(event["type"], "refund_executed");
    assert_eq!(event["event_version"], json!(1));
    assert_eq!((&event["refund_id"], &event["payment_id"]), (&json!(refund), &json!(payment.to_string())));
    assert_eq!(event["metadata"], json!({ "case": "88" }));
    assert_eq!(event["event_id"].as_str().unwrap().len(), 36);
    assert_eq!(world.inbox().await, told, "the same bytes for ever");
    let stranger = world.further_client(&json!({})).await;
    let heard = world.sent_to(&stranger.inbox).await;
    assert!(heard.iter().all(|event| event["refund_id"] != json!(refund)), "another client's: {heard:?}");
    let only_failures = Endpoint { events: vec!["refund_failed".into()], ..Endpoint::clone(&world.client.inbox) };
    assert!(world.sent_to(&only_failures).await.is_empty());
}

#[tokio::test]
async fn every_answer_but_a_success_is_tried_again() {
    let world = World::new().await;
    let webhooks = world.dialect.webhooks();
    assert!((300..600).all(|status| !webhooks.stops_on(status)), "410 included");
    assert_eq!(webhooks.timeout(), Span::seconds(10));
    assert_eq!(webhooks.family(), "truelayer");
}
