//! Webhook endpoints.

use super::world::World;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn an_endpoint_lives_under_both_roots() {
    let world = World::new().await;
    let events = ["payment_sent", "refund_pending", "refund_sent", "refund_failed"];
    let body =
        json!({ "target_url": "https://shop.example.org/hooks/banked", "events": events, "signature_key": "whk_4d0Q" });
    let made = world.post("/v2/webhooks").json(&body).send().await;
    assert_eq!(made.status, 201);
    let id = made.id();
    let shown = json!({
        "id": id, "target_url": "https://shop.example.org/hooks/banked", "events": events, "created_at": "2026-01-05 10:00:00 UTC",
    });
    assert_eq!(made.json(), shown);
    for root in ["/v2/webhooks", "/v3/webhooks/", "/api/v2/webhooks"] {
        assert_eq!(world.get(root).await.json(), json!([shown]));
    }
    let changed = world
        .call(Method::PATCH, &format!("/v3/webhooks/{id}"))
        .json(&json!({ "events": ["refund_sent"] }))
        .send()
        .await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json()["events"], json!(["refund_sent"]));
    assert_eq!(changed.json()["target_url"], shown["target_url"]);
    let key = json!({ "signature_key": "another", "target_url": "http://127.0.0.1:81/x" });
    let changed = world.call(Method::PATCH, &format!("/v2/webhooks/{id}/")).json(&key).send().await.json();
    assert_eq!((&changed["target_url"], changed.get("signature_key")), (&json!("http://127.0.0.1:81/x"), None));
    let directory = world.engine.directory();
    assert!(directory.endpoints.values().any(|endpoint| endpoint.secret == "another" && !endpoint.hidden));
    let gone = world.call(Method::DELETE, &format!("/v3/webhooks/{id}")).send().await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(world.get("/v3/webhooks").await.json(), json!([]));
}

#[tokio::test]
async fn a_made_key_is_shown_once() {
    let world = World::new().await;
    let body = json!({ "target_url": "https://shop.example.org/", "events": ["refund_sent", "refund_sent"] });
    let made = world.post("/v3/webhooks").json(&body).send().await.json();
    let key = made["signature_key"].as_str().unwrap();
    assert!(key.starts_with("whk_") && key.len() > 40);
    assert_eq!(made["events"], json!(["refund_sent"]));
    assert!(!world.get("/v3/webhooks").await.text().contains(key));
}

#[tokio::test]
async fn faults_have_the_shape_of_their_root() {
    let world = World::new().await;
    let good = json!({ "target_url": "https://shop.example.org/", "events": ["refund_sent"] });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let cases = [
        (with("target_url", Value::Null), "bad_request", "target_url"),
        (with("target_url", json!("inbox:banked")), "bad_request", "target_url"),
        (with("target_url", json!(1)), "decoding", "target_url"),
        (with("events", Value::Null), "bad_request", "events"),
        (with("events", json!([])), "bad_request", "events"),
        (with("events", json!(["refund_done"])), "bad_request", "events/0"),
        (with("events", json!("refund_sent")), "decoding", "events"),
        (with("signature_key", json!("")), "bad_request", "signature_key"),
    ];
    for (body, code, name) in cases {
        let heard = world.post("/v2/webhooks").json(&body).send().await;
        let error = heard.json()["errors"][0].clone();
        assert_eq!(
            (heard.status, &error["code"], &error["source"]["parameter"]),
            (400, &json!(code), &json!(name)),
            "{body}"
        );
        let heard = world.post("/v3/webhooks").json(&body).send().await;
        assert_eq!(heard.fault(), (400, "invalid_request".into(), vec![name.to_owned()]));
    }
    let path = format!("/v3/webhooks/{}", super::world::unknown_id());
    assert_eq!(world.call(Method::PATCH, &path).raw("{}").send().await.fault(), (404, "not_found".into(), vec![]));
}

// conformance: banked 80
#[tokio::test]
async fn the_sixth_endpoint_for_an_event_is_refused() {
    let world = World::new().await;
    let body = |number: usize, event: &str| json!({ "target_url": format!("https://shop.example.org/{number}"), "events": [event] });
    for number in 0..5 {
        assert_eq!(world.post("/v3/webhooks").json(&body(number, "refund_sent")).send().await.status, 201);
    }
    let heard = world.post("/v3/webhooks").json(&body(5, "refund_sent")).send().await;
    assert_eq!(heard.fault(), (400, "invalid_request".into(), vec!["events".to_owned()]));
    let heard = world.post("/v2/webhooks").key("k").json(&body(5, "refund_sent")).send().await;
    assert_eq!((heard.status, heard.json()["errors"][0]["code"].as_str()), (400, Some("bad_request")));
    // Another event has room, and the inbox of the sandbox does not count.
    let made = world.post("/v3/webhooks").json(&body(6, "refund_failed")).send().await;
    assert_eq!(made.status, 201);
    let path = format!("/v3/webhooks/{}", made.id());
    let heard = world.call(Method::PATCH, &path).json(&json!({ "events": ["refund_sent"] })).send().await;
    assert_eq!(heard.status, 400);
    assert_eq!(
        world.call(Method::PATCH, &path).json(&json!({ "events": ["refund_pending"] })).send().await.status,
        200
    );
}
