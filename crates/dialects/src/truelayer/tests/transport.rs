//! What every answer carries, and the names of every path (contract 1.4, 2.3,
//! 5.1).

use super::world::{Heard, World};
use http::Method;
use serde_json::{Value, json};

// conformance: truelayer 8
// conformance: truelayer 9
#[tokio::test]
async fn every_answer_names_its_trace() {
    let world = World::new().await;
    let payment = world.foreign_payment(100).await;
    let unknown = "/v3/payments/00000000-0000-4000-8000-000000000000";
    for (method, path, status) in [
        (Method::GET, format!("/payments/{payment}"), 200),
        (Method::GET, unknown.to_owned(), 404),
        (Method::GET, "/payments/no-uuid".to_owned(), 404),
        (Method::POST, format!("/payments/{payment}/refunds"), 401),
        (Method::DELETE, format!("/payments/{payment}"), 405),
        (Method::GET, "/.well-known/jwks".to_owned(), 200),
        (Method::GET, "/test-signature".to_owned(), 405),
    ] {
        let heard = world.call(method.clone(), &path).header("X-Request-Id", "shop-77").send().await;
        assert_eq!(heard.status, status, "{method} {path} {}", heard.text());
        assert_eq!(heard.header("tl-trace-id"), "shop-77", "{method} {path}");
        assert_eq!(heard.header("x-tl-correlation-id"), "shop-77");
        if status >= 400 {
            heard.problem();
        }
    }
    let minted = world.call(Method::GET, unknown).header("X-Request-Id", &"ab".repeat(16)).send().await;
    assert_eq!(minted.header("tl-trace-id"), "abababab-abab-abab-abab-abababababab");
    assert!(!world.get(unknown).await.header("tl-trace-id").is_empty());
}

// conformance: truelayer 9
#[tokio::test]
async fn refusals_of_the_server_are_problems_too() {
    let world = World::new().await;
    let not_found = world.dialect.not_found(&Method::GET, "/v3/nothing");
    assert_eq!(not_found.headers()["content-type"], "application/problem+json");
    assert_eq!(not_found.headers()["tl-trace-id"], not_found.headers()["x-tl-correlation-id"]);
    let named = Heard::of(world.dialect.named(not_found, &"ab".repeat(16))).await;
    assert_eq!(named.problem().0, 404);
    assert_eq!(named.header("tl-trace-id"), "abababab-abab-abab-abab-abababababab");
    for (status, shown) in [(404, 404), (405, 405), (413, 400), (400, 400), (415, 400), (503, 503), (500, 500)] {
        let refused = world.dialect.refuse(status, "Too much.", "/v3/payments").unwrap();
        assert_eq!(refused.status().as_u16(), shown);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_eq!(refused.headers().contains_key("retry-after"), shown == 503);
    }
}

#[tokio::test]
async fn nul_in_a_text_is_a_fault_of_its_member() {
    let world = World::new().await;
    let raw = r#"{"amount_in_minor":1,"currency":"GBP","user":{"name":"a\u0000b"}}"#;
    let (status, slug, fields) = world.post("/v3/payments").key("nul").raw(raw).send().await.problem();
    assert_eq!((status, &*slug, fields), (400, "invalid-parameters", vec!["user.name".to_owned()]));
}

// conformance: truelayer 10
// conformance: truelayer 11
#[tokio::test]
async fn every_path_has_four_names() {
    let world = World::new().await;
    let payment = world.foreign_payment(100).await;
    for path in [
        format!("/payments/{payment}"),
        format!("/payments/{payment}/refunds"),
        "/merchant-accounts".to_owned(),
        format!("/merchant-accounts/{}", world.gbp),
        "/.well-known/jwks".to_owned(),
    ] {
        let first = world.get(&path).await;
        assert_eq!(first.status, 200, "{path}");
        for alias in [format!("{path}/"), format!("/v3{path}"), format!("/v3{path}/")] {
            let heard = world.get(&alias).await;
            assert_eq!((heard.status, heard.text()), (200, first.text()), "{alias}");
        }
        assert_ne!(world.get(&format!("{path}//")).await.status, 200);
    }
    for (place, prefix) in ["/v3", ""].into_iter().enumerate() {
        for (slash, ending) in ["", "/"].into_iter().enumerate() {
            let path = format!("{prefix}/payments/{payment}/refunds{ending}");
            let body = json!({ "amount_in_minor": 1, "reference": "r" });
            let heard = world.post(&path).key(&format!("k{place}{slash}")).json(&body).send().await;
            assert_eq!(heard.status, 202, "{path} {}", heard.text());
        }
    }
}

/// What an answer says, without what is new in each: status, media type, and
/// the problem or the names of the members.
fn gist(heard: &Heard) -> (u16, String, String) {
    let json = serde_json::from_slice::<Value>(&heard.body).unwrap_or(Value::Null);
    let names = json.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>().join(" "));
    let gist = json["detail"].as_str().map(str::to_owned).or(names).unwrap_or_default();
    (heard.status, heard.header("content-type").to_owned(), gist)
}

// conformance: truelayer 10
// conformance: truelayer 11
#[tokio::test]
async fn every_route_answers_alike_under_its_four_names() {
    let world = World::new().await;
    let payment = world.foreign_payment(100).await;
    let refund = world.refund(payment, 1, "refund").await;
    let account = format!("/merchant-accounts/{}", world.gbp);
    let range = "from=2021-03-01T00:00:00Z&to=2022-03-01T00:00:00Z";
    let (get, post) = (Method::GET, Method::POST);
    let routes = [
        (&post, "/connect/token".to_owned(), "", 400),
        (&post, "/payments".to_owned(), "", 400),
        (&get, format!("/payments/{payment}"), "", 200),
        (&post, format!("/payments/{payment}/authorization-flow"), "", 400),
        (&post, format!("/payments/{payment}/authorization-flow/actions/provider-selection"), "", 400),
        (&post, format!("/payments/{payment}/authorization-flow/actions/consent"), "", 400),
        (&post, format!("/payments/{payment}/authorization-flow/actions/form"), "", 400),
        (&post, format!("/payments/{payment}/actions/cancel"), "", 400),
        (&post, "/payments-provider-return".to_owned(), "", 400),
        (&get, "/payments-providers/mock-payments-gb-redirect".to_owned(), "", 200),
        (&post, "/payments-providers/search".to_owned(), "", 200),
        (&post, format!("/payments/{payment}/refunds"), "", 400),
        (&get, format!("/payments/{payment}/refunds"), "", 200),
        (&get, format!("/payments/{payment}/refunds/{refund}"), "", 200),
        (&get, "/merchant-accounts".to_owned(), "", 200),
        (&get, account.clone(), "", 200),
        (&get, format!("{account}/transactions"), range, 200),
        (&get, format!("{account}/payment-sources"), "user_id=nobody", 200),
        (&get, format!("{account}/sweeping"), "", 404),
        (&post, format!("{account}/sweeping"), "", 400),
        (&Method::DELETE, format!("{account}/sweeping"), "", 404),
        (&post, "/payouts".to_owned(), "", 400),
        (&get, "/payouts/no-uuid".to_owned(), "", 404),
        (&post, "/test-signature".to_owned(), "", 204),
        (&get, "/.well-known/jwks".to_owned(), "", 200),
    ];
    let unknown = gist(&world.get("/payments/no/such/route").await);
    for (number, (method, path, query, status)) in routes.into_iter().enumerate() {
        let mut first = None;
        for (place, name) in
            [path.clone(), format!("{path}/"), format!("/v3{path}"), format!("/v3{path}/")].into_iter().enumerate()
        {
            let target = if query.is_empty() { name } else { format!("{name}?{query}") };
            let mut call = world.call(method.clone(), &target);
            if *method != Method::GET {
                call = call.key(&format!("k{number}-{place}"));
            }
            if *method == Method::POST {
                call = call.raw("{}");
            }
            let gist = gist(&call.send().await);
            assert_eq!(gist.0, status, "{method} {target} {gist:?}");
            assert_ne!(gist, unknown, "{method} {target}");
            assert_eq!(*first.get_or_insert_with(|| gist.clone()), gist, "{method} {target}");
        }
    }
}

// conformance: truelayer 12
#[tokio::test]
async fn explicit_nulls_change_nothing() {
    let world = World::new().await;
    let payment = world.foreign_payment(100).await;
    let path = format!("/payments/{payment}/refunds");
    let body = json!({ "amount_in_minor": null, "reference": "r", "metadata": null, "anything": { "else": null } });
    let first = world.post(&path).key("k").json(&body).send().await;
    assert_eq!(first.status, 202, "{}", first.text());
    let bare = world.post(&path).key("k").json(&json!({ "reference": "r", "anything": {} })).send().await;
    assert_eq!((bare.status, bare.text()), (202, first.text()), "a repetition, as nulls do not count");
    let shown = world.get(&format!("{path}/{}", first.id())).await.json();
    assert_eq!(shown["amount_in_minor"], 100);
    assert!(shown.get("metadata").is_none());
}

/// Products of the provider that are not served are refused in its shape,
/// under both names of their paths.
#[tokio::test]
async fn what_is_not_served_is_a_problem_of_this_dialect() {
    let world = World::new().await;
    for path in ["/mandates", "/v3/mandates", "/payment-links", "/v3/payment-links", "/signup-plus"] {
        let owned = world.dialect.prefixes().iter().any(|prefix| path.starts_with(prefix));
        assert!(owned, "{path}");
    }
}

#[tokio::test]
async fn a_member_given_twice_is_refused() {
    let world = World::new().await;
    let path = format!("/payments/{}/refunds", world.foreign_payment(100).await);
    let body = "{\"reference\":\"r\",\"amount_in_minor\":1,\"amount_in_minor\":2}";
    let (status, slug, fields) = world.post(&path).key("k").raw(body).send().await.problem();
    assert_eq!((status, &*slug, fields), (400, "invalid-parameters", vec!["amount_in_minor".to_owned()]));
    let (status, slug, _) = world.post(&path).key("k2").raw("not json").send().await.problem();
    assert_eq!((status, &*slug), (400, "invalid-parameters"));
}
