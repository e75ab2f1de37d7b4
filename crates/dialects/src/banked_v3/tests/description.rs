//! The description is true: every route is in it, and every body that is sent
//! or taken fits its schema, member for member.

use super::world::{LIMIT, World, unknown_id};
use crate::banked_v3::{routes, wire};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn description() -> Value {
    serde_json::from_str(routes::OPENAPI).unwrap()
}

/// What does not fit in a value; members that the schema does not name never fit.
fn misfits(description: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = description.pointer(target.trim_start_matches('#'));
        return misfits(description, target.unwrap_or_else(|| panic!("{place}: {schema}")), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| misfits(description, choice, value, place).is_empty());
        return if fitting.count() == 1 { Vec::new() } else { vec![format!("{place}: {value}")] };
    }
    if let Some(wanted) = schema.get("const") {
        return if wanted == value { Vec::new() } else { vec![format!("{place}: {value}")] };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            one.as_str().into_iter().collect()
        }
    };
    let known = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    match value {
        Value::Object(members) if types.contains(&"object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = required.filter(|name| !members.contains_key(*name));
            let mut found: Vec<String> = missing.map(|name| format!("{place}/{name} is missing")).collect();
            for (name, member) in members {
                let place = format!("{place}/{name}");
                let own = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                found.extend(own.map_or_else(
                    || vec![format!("{place} is not described")],
                    |own| misfits(description, own, member, &place),
                ));
            }
            found
        }
        Value::Array(elements) if types.contains(&"array") => {
            let of_element = |element| misfits(description, &schema["items"], element, &format!("{place}[]"));
            elements.iter().flat_map(of_element).collect()
        }
        Value::String(_) if types.contains(&"string") && known => Vec::new(),
        Value::Number(number) if types.contains(&"integer") && number.is_u64() => Vec::new(),
        Value::Null if types.contains(&"null") => Vec::new(),
        Value::Bool(_) | Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Null => {
            vec![format!("{place}: {value} is no {types:?}")]
        }
    }
}

/// Fails unless the value fits the schema of this name.
fn fits(description: &Value, schema: &str, value: &Value) {
    let found = misfits(description, &json!({ "$ref": format!("#/components/schemas/{schema}") }), value, schema);
    assert!(found.is_empty(), "{found:#?} in {value}");
}

#[tokio::test]
async fn every_route_is_described_and_the_description_is_served() {
    let description = description();
    let mut described = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let own = item["servers"].as_array().or_else(|| description["servers"].as_array()).unwrap();
        for server in own {
            let root = server["url"].as_str().unwrap().trim_end_matches('/');
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "servers");
            described.extend(methods.map(|method| (format!("{root}{path}"), method.clone())));
        }
    }
    let served: BTreeSet<(String, String)> = routes::paths()
        .iter()
        .flat_map(|(path, methods, _)| methods.iter().map(move |method| (path.clone(), (*method).to_owned())))
        .collect();
    assert_eq!(described, served);
    for reference in references(&description) {
        assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let names: Vec<String> = operations(&description);
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "each operation has a name of its own");
    let world = World::new().await;
    for path in ["/openapi/banked-v3.json", "/openapi/banked-v3.json/"] {
        let heard = world.call(Method::GET, path).without("authorization").send().await;
        assert_eq!((heard.status, heard.text().as_str()), (200, routes::OPENAPI));
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match (name.as_str(), member) {
                ("$ref", Value::String(reference)) => vec![reference.clone()],
                _ => references(member),
            })
            .collect(),
        Value::Array(elements) => elements.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn operations(value: &Value) -> Vec<String> {
    let items = ["paths", "webhooks"].iter().flat_map(|part| value[*part].as_object().unwrap().values());
    let methods = items.flat_map(|item| item.as_object().unwrap().values());
    methods.filter_map(|method| method["operationId"].as_str().map(str::to_owned)).collect()
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
