//! Which body a webhook has: what an endpoint names among its events says so.

use super::world::World;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::{Endpoint, RegistryEntry};
use refundry_engine::webhook::history_of;
use serde_json::{Value, json};
use std::sync::Arc;

/// What an endpoint that names these events is sent, oldest first.
async fn sent_to(world: &World, events: &[&str]) -> Vec<Value> {
    let events = events.iter().map(|name| (*name).to_owned()).collect();
    let endpoint = Arc::new(Endpoint { events, ..(*world.inbox_endpoint()).clone() });
    let webhooks = world.dialect.webhooks();
    let bodies = world.engine.read(move |reader| {
        let mut bodies = Vec::new();
        for event in reader.events_after(0, 1_000)? {
            let history = history_of(&*webhooks, reader, &event)?;
            bodies.extend(webhooks.render_after(&event, &history, &endpoint).map(|rendered| rendered.body));
        }
        Ok(bodies)
    });
    bodies.await.unwrap().iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
}

fn named(bodies: &[Value]) -> Vec<(&str, &str)> {
    bodies.iter().map(|body| (body["event"].as_str().unwrap(), body["data"]["status"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_endpoint_gets_the_version_whose_names_it_has() {
    const PAYIN: &str = "bvnk:payment:payin:status-change";
    const PAYOUT: &str = "bvnk:payment:payout:status-change";
    const PAYOUT_2: &str = "payment:v2:payout:status-change";
    const PAYIN_2: &str = "payment:v2:payin:status-change";
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "42.50", "key-0001").await;
    world.wait(Span::seconds(5)).await;
    let first = sent_to(&world, &[]).await;
    let all = [(PAYIN, "PROCESSING"), (PAYIN, "COMPLETED"), (PAYOUT, "PROCESSING"), (PAYOUT, "COMPLETED")];
    assert_eq!(named(&first), all);
    assert_eq!(sent_to(&world, &[PAYOUT]).await, first[2..]);
    assert_eq!(sent_to(&world, &[PAYOUT, PAYOUT_2]).await, first[2..], "one event is sent once");
    assert_eq!(sent_to(&world, &["other"]).await, Vec::<Value>::new());

    let second = sent_to(&world, &[PAYIN_2, PAYOUT_2]).await;
    let states = [(PAYIN_2, "PROCESSING"), (PAYIN_2, "COMPLETED"), (PAYOUT_2, "PROCESSING"), (PAYOUT_2, "COMPLETED")];
    assert_eq!(named(&second), states);
    let data = &second[3]["data"];
    assert_eq!(
        (&data["id"], &data["direction"], &data["method"]),
        (&json!(refund), &json!("OUT"), &json!("FASTER_PAYMENT"))
    );
    assert_eq!(data["beneficiary"]["amount"], json!(42.5));
    let shown = world.get(&format!("/payment/v2/payouts/{refund}")).await.json();
    assert_eq!(*data, shown, "as the read shows it");
    assert_eq!(second[1]["data"]["id"], json!(payin));

    let older = sent_to(&world, &["statusChanged"]).await;
    assert_eq!(older.len(), first.len());
    for (older, first) in older.iter().zip(&first) {
        assert_eq!((&older["source"], &older["event"]), (&json!("payment"), &json!("statusChanged")));
        assert_eq!((&older["data"], &older["eventId"]), (&first["data"], &first["eventId"]));
    }
}

#[tokio::test]
async fn an_endpoint_may_change_how_it_is_signed_for() {
    let world = World::new().await;
    let webhooks = world.dialect.webhooks();
    assert_eq!(webhooks.signature_schemes(), ["body-base64", "path-hex", "url-hex"]);
    let inbox = (*world.inbox_endpoint()).clone();
    let endpoint = Endpoint { url: "https://shop.example/hooks".to_owned(), ..inbox };
    let now = world.engine.now();
    let stored = world.engine.read(|reader| reader.event(1)).await.unwrap().unwrap();
    let headers = |endpoint: &Endpoint, at: Timestamp| webhooks.sign(&stored, endpoint, b"{}", at);
    let plain = headers(&endpoint, now);
    let by_path = Endpoint { settings: webhooks.endpoint_settings(Some("path-hex"), None), ..endpoint.clone() };
    assert_ne!(headers(&by_path, now), plain);
    // A new secret: the one before signs on, in the same way.
    let renewed = webhooks.endpoint_settings(None, Some((&by_path, "another", now)));
    let renewed = Endpoint { settings: renewed, secret: "another".to_owned(), ..by_path.clone() };
    let signed = headers(&renewed, now);
    let value =
        |headers: &[(&str, String)], name: &str| headers.iter().find(|one| one.0 == name).map(|one| one.1.clone());
    assert_eq!(value(&signed, "x-signature-previous"), value(&headers(&by_path, now), "x-signature"));
    assert_ne!(value(&signed, "x-signature"), value(&signed, "x-signature-previous"));
    world.put(RegistryEntry::Endpoint(renewed)).await;
}
