//! Two merchants of one server: neither finds anything of the other.

use super::world::{World, ida, refund_of, unknown_id};
use http::Method;
use serde_json::json;

// conformance: banked 8
#[tokio::test]
async fn another_merchants_things_answer_like_what_nobody_has() {
    let world = World::new().await;
    let (stranger, client_key) = world.another_merchant().await;
    let open = world.open_session("GBP").await;
    let paid = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&paid, 100)).await;
    let own = refund["refund_payment_session_id"].as_str().unwrap().to_owned();
    let refund = super::world::id_in(&refund).to_string();
    let call = async |method: &Method, path: &str, body: &serde_json::Value| {
        world.call(method.clone(), path).header("authorization", &stranger).json(body).send().await
    };
    let provider = json!({ "provider_id": "mock-bank" });
    for (method, path, body, ids) in [
        (Method::GET, "/v2/payment_sessions/ID", json!(null), [&open, &paid, &own]),
        (Method::DELETE, "/v2/payment_sessions/ID", json!(null), [&open, &paid, &own]),
        (Method::GET, "/v2/payment_sessions/ID/consumer_account", json!(null), [&open, &paid, &own]),
        (Method::GET, &format!("/v2/checkout_sessions/ID?api_key={client_key}"), json!(null), [&open, &paid, &own]),
        (Method::PATCH, &format!("/v2/checkout_sessions/ID?api_key={client_key}"), provider, [&open, &paid, &own]),
        (Method::GET, "/v2/refunds/ID", json!(null), [&refund, &refund, &own]),
        (Method::GET, "/v3/refunds/ID", json!(null), [&refund, &refund, &own]),
        (Method::POST, "/v2/refunds", refund_of("ID", 1), [&open, &paid, &own]),
    ] {
        for id in ids {
            let with = |id: &str| (path.replace("ID", id), body.to_string().replace("ID", id));
            let mut heard = Vec::new();
            for id in [id.as_str(), &unknown_id()] {
                let (path, body) = with(id);
                heard.push(call(&method, &path, &serde_json::from_str(&body).unwrap()).await);
            }
            assert_eq!((heard[0].status, &heard[0].body), (404, &heard[1].body), "{method} {path}");
        }
    }
    for list in ["/v2/refunds", &format!("/v2/refunds?payment_session_id={paid}"), "/v2/webhooks", "/v2/bank_accounts"]
    {
        assert_eq!(call(&Method::GET, list, &json!(null)).await.json(), json!([]), "{list}");
    }
    assert_eq!(world.get(&format!("/v2/refunds/{refund}")).await.json()["state"], "awaiting_payment");
    assert_eq!(world.get(&format!("/v2/payment_sessions/{open}")).await.json()["state"], "awaiting_provider");
}
