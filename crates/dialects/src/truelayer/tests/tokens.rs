//! Access tokens and resource tokens (contract 2.1, 3.1).

use super::world::{Heard, World};
use http::Method;
use refundry_domain::time::Span;
use serde_json::json;

async fn ask(world: &World, path: &str, media_type: &str, body: String) -> Heard {
    let call = world.post(path).without("authorization").unsigned();
    call.header("Content-Type", media_type).raw(body).send().await
}

fn credentials(world: &World) -> serde_json::Value {
    json!({
        "grant_type": "client_credentials",
        "client_id": world.client.id,
        "client_secret": world.client.secret,
        "scope": "payments",
    })
}

// conformance: truelayer 1
// conformance: truelayer 2
// conformance: truelayer 3
// conformance: truelayer 6
#[tokio::test]
async fn a_token_is_had_by_json_and_by_form() {
    let world = World::new().await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=payments",
        world.client.id, world.client.secret
    );
    let json = credentials(&world).to_string();
    for path in ["/connect/token", "/connect/token/", "/v3/connect/token"] {
        for (media_type, body) in [
            ("application/json", json.clone()),
            ("application/json; charset=utf-8", json.clone()),
            ("text/plain", json.clone()),
            ("application/x-www-form-urlencoded", form.clone()),
        ] {
            let heard = ask(&world, path, media_type, body).await;
            assert_eq!((heard.status, heard.header("content-type")), (200, "application/json"), "{}", heard.text());
            let token = heard.json();
            assert_eq!(token["token_type"], "Bearer");
            assert_eq!(token["expires_in"], 3_600);
            assert_eq!(token["scope"], "payments");
            assert_eq!(token.as_object().unwrap().len(), 4, "and no refresh_token: {token}");
            let used = world.call(Method::GET, "/v3/merchant-accounts");
            let used = used.bearer(token["access_token"].as_str().unwrap()).send().await;
            assert_eq!(used.status, 200, "{}", used.text());
        }
    }
}

// conformance: truelayer 4
#[tokio::test]
async fn errors_have_the_shape_of_oauth() {
    let world = World::new().await;
    let with = |member: &str, value: &str| {
        let mut body = credentials(&world);
        body[member] = json!(value);
        body.to_string()
    };
    for (body, code) in [
        (with("client_secret", "wrong"), "invalid_client"),
        (with("client_id", "nobody"), "invalid_client"),
        (with("grant_type", "refresh_token"), "unsupported_grant_type"),
        (with("grant_type", ""), "invalid_request"),
        (with("scope", "payments everything"), "invalid_scope"),
        ("{".to_owned(), "invalid_request"),
        ("{\"grant_type\":1}".to_owned(), "invalid_request"),
        (json!({ "grant_type": "client_credentials" }).to_string(), "invalid_request"),
    ] {
        let heard = ask(&world, "/connect/token", "application/json", body).await;
        assert_eq!((heard.status, heard.header("content-type")), (400, "application/json"), "{code}");
        assert_eq!(heard.json(), json!({ "error": code }));
    }
    for path in ["/connect/token", "/connect/token/", "/v3/connect/token"] {
        // The server's edge refuses what is too large or encoded before a route sees it.
        for status in [400, 408, 413, 415] {
            let refused = world.dialect.refuse(status, "Too much.", path).unwrap();
            let heard = Heard::of(world.dialect.named(refused, &"ab".repeat(16))).await;
            assert_eq!((heard.status, heard.header("content-type")), (400, "application/json"), "{path}");
            assert_eq!(heard.json(), json!({ "error": "invalid_request" }));
            assert_eq!(heard.header("tl-trace-id"), "abababab-abab-abab-abab-abababababab");
            assert_eq!(heard.header("x-tl-correlation-id"), heard.header("tl-trace-id"));
        }
        let refused = world.dialect.refuse(503, "Later.", path).unwrap();
        assert_eq!(refused.headers()["content-type"], "application/problem+json", "not the request's fault");
    }
    for path in ["/connect/token", "/v3/connect/token/"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let heard = world.call(method.clone(), path).send().await;
            assert_eq!((heard.status, heard.header("content-type")), (405, "application/json"), "{method} {path}");
            assert_eq!((heard.json(), heard.header("allow")), (json!({ "error": "invalid_request" }), "POST"));
            assert_eq!(heard.header("x-tl-correlation-id"), heard.header("tl-trace-id"));
        }
        let refused = world.dialect.refuse(405, "No.", path).unwrap();
        assert_eq!(
            (refused.status().as_u16(), refused.headers()["content-type"].as_bytes()),
            (405, &b"application/json"[..])
        );
    }
    let twice = "grant_type=client_credentials&client_id=a&client_id=b&client_secret=c".to_owned();
    let heard = ask(&world, "/connect/token", "application/x-www-form-urlencoded", twice).await;
    assert_eq!(heard.json(), json!({ "error": "invalid_request" }));
}

// conformance: truelayer 5
// conformance: truelayer 13
#[tokio::test]
async fn scopes_open_what_they_say() {
    let world = World::new().await;
    let account = format!("/merchant-accounts/{}", world.gbp);
    let payment = format!("/payments/{}", world.foreign_payment(100).await);
    for (scope, accounts, payments) in [
        (None, 200, 200),
        (Some("payments"), 200, 200),
        (Some("paydirect"), 200, 200),
        (Some("payouts"), 200, 403),
        (Some("tracking signupplus"), 403, 403),
    ] {
        let token = world.token(&world.client, scope).await;
        for (path, status) in [(&account, accounts), (&payment, payments)] {
            let heard = world.call(Method::GET, path).bearer(&token).send().await;
            assert_eq!(heard.status, status, "{scope:?} {path} {}", heard.text());
            if status == 403 {
                assert_eq!(heard.problem().1, "forbidden");
            }
        }
    }
}

// conformance: truelayer 7
#[tokio::test]
async fn what_is_no_good_token_is_unauthenticated() {
    let world = World::new().await;
    let path = format!("/payments/{}/refunds", world.foreign_payment(100).await);
    for header in ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi"] {
        let heard = world.call(Method::GET, &path).header("Authorization", header).send().await;
        let (status, slug, _) = heard.problem();
        assert_eq!((status, &*slug), (401, "unauthenticated"), "{header:?}");
    }
    assert_eq!(world.call(Method::GET, &path).without("authorization").send().await.problem().0, 401);
    assert_eq!(world.get(&path).await.status, 200);
    world.clock.advance(Span::seconds(3_599));
    assert_eq!(world.get(&path).await.status, 200);
    world.clock.advance(Span::seconds(1));
    let (status, slug, _) = world.get(&path).await.problem();
    assert_eq!((status, &*slug), (401, "unauthenticated"));
}

// conformance: truelayer 14
#[tokio::test]
async fn a_resource_token_opens_one_payment() {
    let world = World::new().await;
    let body = json!({
        "amount_in_minor": 100, "currency": "GBP",
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": { "type": "user_selected" },
            "beneficiary": { "type": "merchant_account", "merchant_account_id": world.gbp.to_string() },
        },
        "user": { "name": "Ida Korhonen", "email": "ida@example.org" },
    });
    let made = world.post("/v3/payments").key("k1").json(&body).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["resource_token"].as_str().unwrap().to_owned();
    let own = made.id();
    let other = world.post("/v3/payments").key("k2").json(&body).send().await.id();
    for (path, status) in [
        (format!("/payments/{own}"), 200),
        (format!("/payments/{other}"), 403),
        (format!("/payments/{own}/refunds"), 403),
        ("/merchant-accounts".to_owned(), 403),
    ] {
        let heard = world.call(Method::GET, &path).bearer(&token).send().await;
        assert_eq!(heard.status, status, "{path}: {}", heard.text());
    }
    world.clock.advance(Span::seconds(900));
    let late = world.call(Method::GET, &format!("/payments/{own}")).bearer(&token).send().await;
    assert_eq!(late.problem().0, 401);
}
