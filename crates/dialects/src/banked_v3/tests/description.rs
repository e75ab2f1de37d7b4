//! The description is true: every route is in it, and every body that is sent
//! or taken fits its schema, member for member.

use super::world::{LIMIT, World, unknown_id};
use crate::banked_v3::{routes, wire};
use crate::description::{fits, is_complete};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use serde_json::{Value, json};

fn description() -> Value {
    serde_json::from_str(routes::OPENAPI).unwrap()
}

#[tokio::test]
async fn every_route_is_described_and_the_description_is_served() {
    let description = description();
    let served = routes::paths();
    is_complete(&description, served.iter().map(|(path, methods, _)| (path.as_str(), *methods)));
    let world = World::new().await;
    for path in ["/openapi/banked-v3.json", "/openapi/banked-v3.json/"] {
        let heard = world.call(Method::GET, path).without("authorization").send().await;
        assert_eq!((heard.status, heard.text().as_str()), (200, routes::OPENAPI));
    }
}

/// Every member that a refund or pay-in can be given.
fn texts() -> Value {
    json!({
        "metadata": { "case": "91" },
        "payment_identification": { "end_to_end_identification": "E2E-1" },
        "remittance_information": {
            "unstructured": "Order 2093",
            "structured": { "creditor_reference_information": { "reference": "RF18" } },
        },
    })
}

fn with_texts(mut body: Value) -> Value {
    for (name, value) in texts().as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn refunds_fit_the_description() {
    let (world, description) = (World::new().await, description());
    let mut full = with_texts(world.by_mandate(LIMIT + 1));
    full["currency"] = json!("AUD");
    for (asked, key) in [(full, "full"), (world.by_float(1), "bare"), (world.by_mandate(1), "mandate")] {
        fits(&description, "NewRefund", &asked);
        let made = world.post("/v3/refunds").key(key).json(&asked).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        fits(&description, "Refund", &made.json());
        let id = refundry_domain::id::RefundId::parse(&made.id()).unwrap();
        world.begin(id).await;
        fits(&description, "Refund", &world.get(&format!("/v3/refunds/{id}")).await.json());
    }
    fits(&description, "RefundList", &world.get("/v3/refunds?limit=2").await.json());
    fits(&description, "RefundList", &world.get("/v3/refunds").await.json());
    let hooks = world.inbox().await;
    assert!(hooks.iter().any(|hook| hook["type"] == "refund_failed"));
    for hook in hooks {
        fits(&description, "RefundEvent", &hook);
    }
    let told = World::with(json!({ "webhook_data_version": true })).await;
    told.refund(&told.by_float(1), "k").await;
    fits(&description, "RefundEvent", &told.inbox().await[0]);
    for body in world.mandates_sent_to(&world.app.inbox).await {
        fits(&description, "MandateEvent", &serde_json::from_slice(&body).unwrap());
    }
}

#[tokio::test]
async fn payins_fit_the_description() {
    let (world, description) = (World::new().await, description());
    let mut asked = with_texts(json!({
        "amount": 4400, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/back" },
        "creditor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": world.float.to_string() },
    }));
    asked["ultimate_creditor"] = json!({ "identity_type": "PARTY_IDENTIFICATION", "name": "Fernhill" });
    fits(&description, "NewPayin", &asked);
    for to in [PaymentState::Settled, PaymentState::Failed] {
        let made = world.post("/v3/payins").json(&asked).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        fits(&description, "Payin", &made.json());
        let payment = PaymentId::parse(&made.id()).unwrap();
        let states = if to == PaymentState::Settled {
            vec![PaymentState::Authorised, PaymentState::Executed, to]
        } else {
            vec![to]
        };
        for to in states {
            let debtor = Some(refundry_testkit::make::party());
            world.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
            fits(&description, "Payin", &world.get(&format!("/v3/payins/{payment}")).await.json());
        }
    }
    let hooks = world.inbox().await;
    assert_eq!(hooks.len(), 4);
    for hook in hooks {
        fits(&description, "PayinEvent", &hook);
    }
}

#[tokio::test]
async fn endpoints_tokens_and_errors_fit_the_description() {
    let (world, description) = (World::new().await, description());
    let asked = json!({ "target_url": "https://shop.example.org/", "events": wire::EVENTS });
    fits(&description, "NewEndpoint", &asked);
    let made = world.post("/v3/webhooks").json(&asked).send().await;
    fits(&description, "Endpoint", &made.json());
    let change = json!({ "events": ["refund_sent"], "signature_key": "k", "target_url": "https://b.example/" });
    fits(&description, "EndpointChange", &change);
    let changed = world.call(Method::PATCH, &format!("/v2/webhooks/{}", made.id())).json(&change).send().await;
    fits(&description, "Endpoint", &changed.json());
    fits(&description, "Endpoint", &world.get("/api/v2/webhooks").await.json()[0]);
    let names = &description["components"]["schemas"]["EventNames"]["items"]["enum"];
    assert_eq!(*names, json!(wire::EVENTS));

    let asked = json!({ "grant_type": "client_credentials", "scope": world.app.id });
    fits(&description, "TokenRequest", &asked);
    fits(&description, "Token", &world.post("/oauth/token").json(&asked).send().await.json());
    let wrong = world.post("/oauth/token").json(&json!({ "grant_type": "x" })).send().await;
    fits(&description, "TokenError", &wrong.json());

    let keyless = world.post("/v3/refunds").raw("{}").send().await;
    let empty = world.post("/v3/refunds").key("k").raw("{}").send().await;
    for heard in [keyless, empty, world.get(&format!("/v3/refunds/{}", unknown_id())).await] {
        fits(&description, "Error", &heard.json());
    }
    for heard in [world.post("/v3/payins").raw("{").send().await, world.post("/v3/payins").raw("{}").send().await] {
        fits(&description, "PayinError", &heard.json());
    }
    let unknown = world.call(Method::DELETE, &format!("/v2/webhooks/{}", unknown_id())).send().await;
    for heard in [unknown, world.post("/v2/webhooks").raw("{}").send().await] {
        fits(&description, "V2Error", &heard.json());
    }
}
