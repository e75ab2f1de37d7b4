//! Tokens and credentials.

use super::world::{World, unknown_id};
use http::Method;
use refundry_domain::event::Actor;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Credential, RegistryChange, RegistryEntry};
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

// conformance: banked 2
// conformance: banked 3
#[tokio::test]
async fn a_token_comes_from_form_json_or_query() {
    let world = World::new().await;
    let form = "grant_type=client_credentials&scope=app_70412";
    let calls = [
        world.post("/oauth/token").header("content-type", FORM).raw(form),
        world
            .post("/oauth/token/")
            .header("content-type", "application/json;charset=utf-8")
            .raw(r#"{"grant_type":"client_credentials","scope":"app_70412"}"#),
        world.post(&format!("/oauth/token?{form}")).without("content-type"),
        // Without a scope it is the key's own application.
        world.post("/oauth/token").header("content-type", FORM).raw("grant_type=client_credentials"),
    ];
    for call in calls {
        let heard = call.send().await;
        let json = heard.json();
        assert_eq!(heard.status, 200, "{json}");
        let mut names: Vec<&String> = json.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["access_token", "created_at", "expires_in", "scope", "token_type"]);
        assert_eq!(json["expires_in"], 7200);
        assert_eq!(json["token_type"], "Bearer");
        assert_eq!(json["scope"], "app_70412");
        assert_eq!(json["created_at"].as_i64(), Some(world.engine.now().unix_seconds()));
        assert!(json["access_token"].as_str().unwrap().starts_with("rfb_"));
        assert_eq!(heard.headers["cache-control"], "no-store");
    }
}

// conformance: banked 4
#[tokio::test]
async fn token_errors_have_their_codes() {
    let world = World::new().await;
    let form = |body: &str| world.post("/oauth/token").header("content-type", FORM).raw(body.to_owned());
    let good = "grant_type=client_credentials";
    let wrong = "Basic cGtfdGVzdF9mZXJuOnNrX3Rlc3RfZmVybg==";
    let cases = [
        (form(good).header("authorization", wrong), 401, "invalid_client"),
        (form(good).without("authorization"), 401, "invalid_client"),
        (form(good).header("authorization", "Basic !!"), 401, "invalid_client"),
        (form("grant_type=client_credentials&scope=app_1"), 400, "invalid_scope"),
        (form("grant_type=client_credentials&scope="), 400, "invalid_scope"),
        (form("grant_type=password"), 400, "unsupported_grant_type"),
        (form("scope=app_70412"), 400, "invalid_request"),
        (form("grant_type=client_credentials&grant_type=client_credentials"), 400, "invalid_request"),
        (form("{\"grant_type\":"), 400, "invalid_request"),
        (form("{\"grant_type\":1}"), 400, "invalid_request"),
        (form(""), 400, "invalid_request"),
    ];
    for (call, status, code) in cases {
        let heard = call.send().await;
        assert_eq!((heard.status, heard.json()), (status, json!({ "error": code })));
    }
}

// conformance: banked 1
#[tokio::test]
async fn basic_and_bearer_open_both_generations_until_the_token_ends() {
    let world = World::new().await;
    let token = world.post("/oauth/token?grant_type=client_credentials").send().await.json();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let lower = bearer.replace("Bearer", "bearer");
    for path in ["/v3/refunds", "/v2/webhooks", "/v3/webhooks"] {
        for credentials in [&world.app.basic(), &bearer, &lower] {
            let heard = world.call(Method::GET, path).header("authorization", credentials).send().await;
            assert_eq!(heard.status, 200, "{path}: {}", heard.text());
        }
    }
    let created = world.post("/v3/refunds").header("authorization", &bearer).key("k").json(&world.by_float(100));
    assert_eq!(created.send().await.status, 201);
    world.clock.advance(Span::seconds(7_199));
    let get = || world.call(Method::GET, "/v3/refunds").header("authorization", &bearer).send();
    assert_eq!(get().await.status, 200);
    world.clock.advance(Span::seconds(1));
    let heard = get().await;
    assert_eq!(heard.fault(), (401, "unauthorized".into(), vec![]));
    assert!(heard.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn wrong_credentials_open_nothing() {
    let world = World::new().await;
    let basic = world.app.basic();
    let spoiled = format!("{}x", &basic[..basic.len() - 4]);
    for credentials in
        ["", "Bearer", "Bearer rfb_x", "Basic", &spoiled, "Digest x", &basic.replace("Basic ", "Bearer ")]
    {
        let call = world.call(Method::GET, "/v3/refunds").header("authorization", credentials);
        assert_eq!(call.send().await.fault(), (401, "unauthorized".into(), vec![]), "{credentials}");
    }
    let heard = world.call(Method::GET, "/v2/webhooks").without("authorization").send().await;
    assert_eq!(heard.status, 401);
    assert_eq!(heard.json()["errors"][0]["code"], "unauthorized");
    assert!(heard.json()["errors"][0]["source"].is_object());
}

// conformance: banked 7
#[tokio::test]
async fn a_signature_header_is_ignored() {
    let world = World::new().await;
    let call =
        world.post("/v3/refunds").key("signed").header("signature", "not a signature").json(&world.by_float(100));
    assert_eq!(call.send().await.status, 201);
}

// conformance: banked 5
// conformance: banked 6
#[tokio::test]
async fn issued_keys_name_their_mode() {
    for (environment, mode) in [(Environment::Sandbox, "test"), (Environment::Live, "live")] {
        let world = World::build(json!({}), Rules::of(environment)).await;
        assert!(world.app.key.starts_with(&format!("pk_{mode}_")), "{}", world.app.key);
        assert!(world.app.secret.starts_with(&format!("sk_{mode}_")));
    }
    // A server has one mode: a key of the other one is unknown to it.
    let (sandbox, live) = (World::new().await, World::build(json!({}), Rules::of(Environment::Live)).await);
    let heard = live.call(Method::GET, "/v3/refunds").header("authorization", &sandbox.app.basic()).send().await;
    assert_eq!(heard.status, 401);
}

// conformance: banked 8
#[tokio::test]
async fn applications_do_not_see_each_other() {
    let world = World::new().await;
    let other = world.application(&json!({})).await;
    assert!(other.id.starts_with("app_") && other.id != world.app.id);
    let refund = world.refund(&world.by_float(100), "mine").await;
    let payin =
        json!({ "amount": 500, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/" } });
    let payin = world.post("/v3/payins").json(&payin).send().await.id();
    let hook = json!({ "target_url": "https://shop.example.org/h", "events": ["refund_sent"] });
    let hook = world.post("/v3/webhooks").json(&hook).send().await.id();
    let theirs = other.basic();
    for (method, path) in [
        (Method::GET, format!("/v3/refunds/{refund}")),
        (Method::GET, format!("/v3/payins/{payin}")),
        (Method::PATCH, format!("/v3/webhooks/{hook}")),
        (Method::DELETE, format!("/v2/webhooks/{hook}")),
        (Method::GET, format!("/v3/refunds/{}", unknown_id())),
    ] {
        let heard = world.call(method.clone(), &path).header("authorization", &theirs).raw("{}").send().await;
        assert_eq!(heard.status, 404, "{method} {path}: {}", heard.text());
    }
    let mut body = world.by_float(100);
    body["original_payin_information"]["id"] = json!(payin);
    let heard = world.post("/v3/refunds").header("authorization", &theirs).key("k").json(&body).send().await;
    assert_eq!(heard.fault(), (404, "not_found".into(), vec![]));
    for path in ["/v3/refunds", "/v3/webhooks"] {
        let heard = world.call(Method::GET, path).header("authorization", &theirs).send().await.json();
        assert_eq!(heard.get("data").unwrap_or(&heard), &json!([]), "{path}");
    }
    // What came through another door is everybody's.
    let heard = world.call(Method::GET, &format!("/v3/payins/{}", world.payin)).header("authorization", &theirs);
    assert_eq!(heard.send().await.status, 200);
}

#[tokio::test]
async fn a_key_with_an_end_and_its_tokens_open_nothing_after_it() {
    let world = World::new().await;
    let mut credential =
        Credential::clone(&world.engine.directory().credentials[&("banked".into(), world.app.key.clone())]);
    credential.expires_at = Some(world.engine.now().plus(Span::seconds(60)));
    let change = RegistryChange::Put(RegistryEntry::Credential(credential));
    let work = Work::Registry { change, answer: None };
    world.execute(Envelope { merchant: world.merchant, actor: Actor::Sandbox, once: None, work }).await;
    let asked = json!({ "grant_type": "client_credentials" });
    let token =
        world.post("/oauth/token").json(&asked).send().await.json()["access_token"].as_str().unwrap().to_owned();
    let statuses = async || {
        let basic = world.get("/v3/refunds").await.status;
        let bearer = world.call(Method::GET, "/v3/refunds").header("authorization", &format!("Bearer {token}"));
        (basic, bearer.send().await.status, world.post("/oauth/token").json(&asked).send().await.status)
    };
    assert_eq!(statuses().await, (200, 200, 200));
    world.clock.advance(Span::seconds(60));
    assert_eq!(statuses().await, (401, 401, 401));
}

#[tokio::test]
async fn above_the_rate_limit_a_credential_is_told_to_slow_down() {
    let world = World::with(json!({ "rate_limit": 2 })).await;
    let body = world.by_float(1);
    let ask = async || world.post("/v3/refunds").key("k").json(&body).send().await;
    assert_eq!((ask().await.status, ask().await.status), (201, 201));
    let heard = ask().await;
    assert_eq!(heard.fault(), (429, "rate_limit_exceeded".into(), vec![]));
    assert_eq!(heard.headers["retry-after"], "1");
    let other = world.application(&json!({})).await;
    let heard = world.call(Method::GET, "/v3/refunds").header("authorization", &other.basic()).send().await;
    assert_eq!(heard.status, 200, "each credential has its own limit");
    for (path, code) in [("/v2/webhooks", "rate_limit_exceeded"), ("/v3/payins/x", "rate_limit_exceeded")] {
        let heard = world.get(path).await;
        assert_eq!((heard.status, heard.json()["errors"][0]["code"].as_str()), (429, Some(code)), "{path}");
    }
    // The refusal was not kept under the key.
    world.clock.advance(Span::seconds(1));
    assert_eq!(ask().await.status, 201);
    assert_eq!(world.refund_count().await, 1);
}
