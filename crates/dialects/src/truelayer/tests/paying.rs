//! Stories of payments: from the wish to the settlement, and every other end.

use super::world::{Heard, ORIGIN, World};
use http::Method;
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::id::PaymentId;
use refundry_domain::rules::Environment;
use refundry_domain::time::Span;
use refundry_engine::mint;
use serde_json::{Value, json};
use url::Url;

const BACK: &str = "https://shop.example.org/pay/back?order=2093";

/// A payment to the shop's GBP account through a bank of the client's choice.
fn preselected(world: &World) -> Value {
    json!({
        "amount_in_minor": 7450, "currency": "GBP",
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": {
                "type": "preselected", "provider_id": "mock-payments-gb-redirect",
                "scheme_id": "faster_payments_service", "remitter": null,
            },
            "beneficiary": {
                "type": "merchant_account", "merchant_account_id": world.gbp.to_string(), "account_holder_name": null,
            },
        },
        "user": { "name": "Ida Korhonen", "email": "ida@example.org", "phone": null },
        "metadata": { "order": "FB-2093" },
    })
}

/// A payment to an account elsewhere, the payer chooses the bank.
fn external(currency: &str, identifier: &Value) -> Value {
    json!({
        "amount_in_minor": 100, "currency": currency,
        "payment_method": {
            "type": "bank_transfer", "provider_selection": { "type": "user_selected", "filter": null },
            "beneficiary": {
                "type": "external_account", "account_holder_name": "Supplier", "account_identifier": identifier,
                "reference": "invoice 7",
            },
        },
        "user": { "name": "Ida Korhonen" },
    })
}

fn declared() -> Value {
    json!({
        "provider_selection": {}, "redirect": { "return_uri": BACK, "direct_return_uri": null }, "consent": {},
        "form": { "input_types": ["text", "select", "text_with_image"] },
    })
}

async fn create(world: &World, body: &Value) -> Heard {
    let key = PaymentId(mint::random_id()).to_string();
    let heard = world.post("/v3/payments").key(&key).json(body).send().await;
    assert_eq!(heard.status, 201, "{}", heard.text());
    heard
}

async fn flow(world: &World, id: &str, action: &str, body: &Value) -> Value {
    let heard = world.post(&format!("/v3/payments/{id}/authorization-flow{action}")).unsigned().json(body).send().await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    assert_eq!(heard.json()["status"], "authorizing");
    heard.json()["authorization_flow"]["actions"]["next"].clone()
}

/// The mock bank's answer when the payer behind a redirect does this.
async fn act(world: &World, redirect: &Value, body: &Value) -> Heard {
    let uri = Url::parse(redirect["uri"].as_str().unwrap()).unwrap();
    let (id, token) = (uri.path_segments().unwrap().nth(1).unwrap(), &uri.fragment().unwrap()["token=".len()..]);
    let path = format!("/api/single-immediate-payments/{id}/action");
    world.post(&path).unsigned().bearer(token).json(body).send().await
}

async fn decide(world: &World, redirect: &Value, action: &str) -> Url {
    let heard = act(world, redirect, &json!({ "action": action, "redirect": false })).await;
    assert_eq!((heard.status, heard.header("content-type")), (202, "text/plain"));
    let uri = Url::parse(&heard.text()).unwrap();
    assert!(uri.query().is_some() && uri.fragment().is_some(), "{uri}");
    uri
}

async fn arrive(world: &World, uri: &Url) -> Heard {
    let body = json!({ "query": uri.query(), "fragment": uri.fragment() });
    world.post("/spa/submit-provider-return-parameters").without("authorization").unsigned().json(&body).send().await
}

async fn payment(world: &World, id: &str) -> Value {
    let heard = world.get(&format!("/v3/payments/{id}")).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    heard.json()
}

/// Walks a payment to the redirect.
async fn redirected(world: &World, body: &Value) -> (String, Value) {
    let id = create(world, body).await.id();
    let next = flow(world, &id, "", &json!({ "redirect": { "return_uri": BACK } })).await;
    assert_eq!(next["type"], "redirect", "{next}");
    (id, next)
}

// conformance: truelayer 28
// conformance: truelayer 32
#[tokio::test]
async fn a_payment_is_authorised_paid_and_settled() {
    let world = World::new().await;
    let before = world.balances(world.gbp).await.0;
    let heard = create(&world, &preselected(&world)).await;
    let created = heard.json();
    let id = heard.id();
    assert_eq!(created["status"], "authorization_required");
    let token = created["resource_token"].as_str().unwrap().to_owned();
    assert_eq!(payment(&world, &id).await["status"], "authorization_required");

    let next = flow(&world, &id, "", &declared()).await;
    assert_eq!(next, json!({ "type": "consent", "subsequent_action_hint": "redirect" }));
    let next = flow(&world, &id, "/actions/consent", &json!({})).await;
    assert_eq!(next["type"], "redirect");
    let shown = payment(&world, &id).await;
    assert_eq!((&shown["status"], &shown["authorization_flow"]["actions"]["next"]), (&json!("authorizing"), &next));

    let uri = decide(&world, &next, "Execute").await;
    assert_eq!(uri.query(), Some(&*format!("mock-payment-id={id}")));
    world.work().await;
    assert_eq!(payment(&world, &id).await["status"], "authorizing", "nothing settles before the return");
    let heard = arrive(&world, &uri).await;
    assert_eq!((heard.status, heard.json()), (200, json!({ "resource": { "type": "payment", "payment_id": id } })));
    world.work().await;
    let shown = payment(&world, &id).await;
    assert_eq!(shown["status"], "executed");
    assert!(shown["executed_at"].is_string());
    world.wait(Span::seconds(1)).await;

    let shown = world.call(Method::GET, &format!("/payments/{id}")).bearer(&token).send().await.json();
    assert_eq!((&shown["status"], &shown["metadata"]), (&json!("settled"), &json!({ "order": "FB-2093" })));
    let source = &shown["payment_source"];
    assert_eq!((&source["user_id"], &source["account_holder_name"]), (&created["user"]["id"], &json!("Ida Korhonen")));
    assert_eq!(source["account_identifiers"][0]["type"], "sort_code_account_number");
    let selection = &shown["payment_method"]["provider_selection"];
    assert_eq!(selection["scheme_id"], "faster_payments_service");
    assert_eq!(selection.get("remitter"), None);
    assert!(shown["settled_at"].is_string() && shown["executed_at"].is_string());
    assert_eq!(shown["creditable_at"], shown["settled_at"], "as its webhook says");
    assert_eq!(world.balances(world.gbp).await.0, before + 7450);
    assert_eq!(arrive(&world, &uri).await.status, 200, "a repeated return is harmless");
    webhooks_told_it(&world, &id, source).await;
}

async fn webhooks_told_it(world: &World, id: &str, source: &Value) {
    let inbox = world.inbox().await;
    let own: Vec<&Value> = inbox.iter().filter(|hook| hook["payment_id"] == id).collect();
    let types: Vec<&str> = own.iter().map(|hook| hook["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["payment_authorized", "payment_executed", "payment_settled", "payment_creditable"]);
    let method = json!({
        "type": "bank_transfer", "provider_id": "mock-payments-gb-redirect", "scheme_id": "faster_payments_service",
    });
    for (hook, moment) in own.iter().zip(["authorized_at", "executed_at", "settled_at", "creditable_at"]) {
        assert_eq!((&hook["event_version"], &hook["payment_method"]), (&json!(1), &method));
        assert!(hook[moment].is_string(), "{hook}");
        assert_eq!(hook["metadata"], json!({ "order": "FB-2093" }));
    }
    assert_eq!((&own[2]["user_id"], &own[2]["payment_source"]["id"]), (&source["user_id"], &source["id"]));
}

// conformance: truelayer 29
#[tokio::test]
async fn without_consent_declared_the_payer_is_sent_straight_on() {
    let world = World::new().await;
    let (id, next) = redirected(&world, &preselected(&world)).await;
    assert!(next["uri"].as_str().unwrap().starts_with(&format!("{ORIGIN}/login/{id}#token=")), "{next}");
    let again = flow(&world, &id, "", &declared()).await;
    assert_eq!(again, next, "a second start is answered with where it stands");
}

// conformance: truelayer 30
#[tokio::test]
async fn the_payer_chooses_a_bank() {
    let world = World::new().await;
    let mut body = preselected(&world);
    body["payment_method"]["provider_selection"] = json!({ "type": "user_selected" });
    let id = create(&world, &body).await.id();
    let next = flow(&world, &id, "", &json!({ "provider_selection": {}, "redirect": { "return_uri": BACK } })).await;
    assert_eq!(next["type"], "provider_selection");
    assert_eq!(next["providers"][0]["display_name"], "Mock UK Payments - Redirect Flow");
    assert_eq!(next["providers"][0]["icon_uri"], format!("{ORIGIN}/static/mock-gb.svg"));
    let path = format!("/v3/payments/{id}/authorization-flow/actions");
    let choose = |provider: &str| {
        world.post(&format!("{path}/provider-selection")).unsigned().json(&json!({ "provider_id": provider })).send()
    };
    let (status, slug, fields) = choose("mock-payments-de-redirect").await.problem();
    assert_eq!((status, &*slug, fields), (400, "invalid-parameters", vec!["provider_id".to_owned()]));
    let heard = world.post(&format!("{path}/consent")).unsigned().send().await;
    assert_eq!(heard.problem().1, "invalid-state");
    let heard = choose("mock-payments-gb-redirect").await;
    assert_eq!(heard.json()["authorization_flow"]["actions"]["next"]["type"], "redirect");
    let shown = payment(&world, &id).await;
    assert_eq!(shown["payment_method"]["provider_selection"]["provider_id"], "mock-payments-gb-redirect");
    assert_eq!(shown["payment_method"]["provider_selection"]["scheme_id"], "faster_payments_service");
    let names: Vec<Value> = {
        let heard = world.post("/v3/payments-providers/search").unsigned().json(&json!({})).send().await;
        heard.json()["items"].as_array().unwrap().iter().map(|item| item["display_name"].clone()).collect()
    };
    for name in [
        "Mock UK Payments - Redirect Flow",
        "Mock German Payments – Redirect Flow with additional inputs",
        "Mock Polish Payments – Redirect Flow",
        "Mock Norwegian Payments – Redirect Flow",
        "Mock German Payments – Redirect Flow",
        "Mock European Payments – Embedded Flow",
    ] {
        assert!(names.contains(&json!(name)), "{name}");
    }
}

// conformance: truelayer 31
#[tokio::test]
async fn banks_that_ask_show_a_form() {
    let world = World::new().await;
    let iban = json!({ "type": "iban", "iban": "DE89370400440532013000" });
    let nrb = json!({ "type": "nrb", "nrb": "12345678901234567890123456" });
    let bban = json!({ "type": "bban", "bban": "86011117947" });
    for (currency, identifier, provider, always) in [
        ("EUR", &iban, "mock-payments-de-redirect-additional-input-text", true),
        ("PLN", &nrb, "mock-payments-pl-redirect", false),
        ("NOK", &bban, "mock-payments-no-redirect", false),
    ] {
        for declares_form in [true, false] {
            let id = create(&world, &external(currency, identifier)).await.id();
            let mut body = declared();
            if !declares_form {
                body["form"] = Value::Null;
            }
            flow(&world, &id, "", &body).await;
            let next = flow(&world, &id, "/actions/provider-selection", &json!({ "provider_id": provider })).await;
            let hint = if always || declares_form { "form" } else { "redirect" };
            assert_eq!(next["subsequent_action_hint"], hint, "{provider}");
            let next = flow(&world, &id, "/actions/consent", &Value::Null).await;
            assert_eq!(next["type"], hint);
            if hint == "form" {
                assert!(!next["inputs"].as_array().unwrap().is_empty());
                let inputs = json!({ "inputs": { "psu-branch-code": "407", "anything": "x" } });
                assert_eq!(flow(&world, &id, "/actions/form", &inputs).await["type"], "redirect");
            }
        }
    }
}

// conformance: truelayer 33
#[tokio::test]
async fn all_paths_of_the_return_work_with_and_without_signs() {
    let world = World::new().await;
    for path in [
        "/payments-provider-return",
        "/v3/payments-provider-return",
        "/spa/payments-provider-return",
        "/spa/submit-provider-return-parameters",
        "/v3/spa/payments-provider-return",
        "/v3/spa/submit-provider-return-parameters/",
    ] {
        for signs in [true, false] {
            for authorised in [true, false] {
                let (id, next) = redirected(&world, &preselected(&world)).await;
                let uri = decide(&world, &next, "Execute").await;
                let (query, fragment) = (uri.query().unwrap(), uri.fragment().unwrap());
                let body = if signs {
                    json!({ "query": format!("?{query}"), "fragment": format!("#{fragment}") })
                } else {
                    json!({ "query": query, "fragment": fragment })
                };
                let mut call = world.post(path).json(&body);
                if !authorised {
                    call = call.unsigned().without("authorization");
                }
                let heard = call.send().await;
                assert_eq!(heard.json()["resource"]["payment_id"], id, "{path}");
            }
        }
    }
    let bad = json!({ "query": "", "fragment": "token=nonsense" });
    let heard = world.post("/payments-provider-return").unsigned().without("authorization").json(&bad).send().await;
    assert_eq!(heard.problem().1, "invalid-parameters");
    for part in ["query", "fragment"] {
        let (id, next) = redirected(&world, &preselected(&world)).await;
        let uri = decide(&world, &next, "Execute").await;
        let mut body = json!({ "query": uri.query(), "fragment": uri.fragment() });
        body[part] = json!("");
        let heard =
            world.post("/payments-provider-return").unsigned().without("authorization").json(&body).send().await;
        assert_eq!(heard.json()["resource"]["payment_id"], id, "without {part}: {}", heard.text());
        body["fragment"] = json!("token=nonsense");
        let heard =
            world.post("/payments-provider-return").unsigned().without("authorization").json(&body).send().await;
        assert_eq!(heard.problem().1, "invalid-parameters", "a wrong token is not as good as none");
    }
    let (_, next) = redirected(&world, &preselected(&world)).await;
    let early = Url::parse(next["uri"].as_str().unwrap()).unwrap();
    assert_eq!(arrive(&world, &early).await.problem().1, "invalid-state", "nobody decided yet");
}

/// Nobody plays payers where money is real.
#[tokio::test]
async fn without_a_payers_bank_the_return_is_a_fault_of_the_provider() {
    let world = World::of(Environment::Live, json!({})).await;
    let (id, next) = redirected(&world, &preselected(&world)).await;
    let uri = decide(&world, &next, "Execute").await;
    let values = json!({ "query": uri.query(), "fragment": uri.fragment() });
    let before = payment(&world, &id).await;
    for path in ["/payments-provider-return", "/v3/payments-provider-return", "/spa/payments-provider-return"] {
        let heard = world.post(path).unsigned().json(&values).send().await;
        let (status, slug, _) = heard.problem();
        assert_eq!((status, slug.as_str(), heard.header("tl-should-retry")), (502, "provider-error", "true"));
    }
    assert_eq!(payment(&world, &id).await, before, "nothing happened");
}

// conformance: truelayer 34
#[tokio::test]
async fn failing_actions_have_their_stage_and_reason() {
    let world = World::new().await;
    for (action, stage, reason) in [
        ("RejectAuthorisation", "authorizing", "authorization_failed"),
        ("RejectExecution", "authorized", "provider_rejected"),
        ("Cancel", "authorizing", "not_authorized"),
    ] {
        let (id, next) = redirected(&world, &preselected(&world)).await;
        let uri = decide(&world, &next, action).await;
        assert_eq!(arrive(&world, &uri).await.status, 200);
        world.work().await;
        let shown = payment(&world, &id).await;
        let failed = (&shown["status"], &shown["failure_stage"], &shown["failure_reason"]);
        assert_eq!(failed, (&json!("failed"), &json!(stage), &json!(reason)), "{action}");
        assert!(shown["failed_at"].is_string());
        let hooks = world.inbox().await;
        let hook = hooks.iter().rfind(|hook| hook["payment_id"] == id).unwrap();
        assert_eq!((&hook["type"], &hook["failure_stage"]), (&json!("payment_failed"), &json!(stage)));
        assert_eq!(hook["failed_at"], shown["failed_at"]);
        let late = act(&world, &next, &json!({ "action": "Execute" })).await;
        assert_eq!(late.problem().1, "invalid-state");
    }
}

// conformance: truelayer 33
#[tokio::test]
async fn what_happens_at_once_has_happened_when_the_return_is_answered() {
    let world = World::new().await;
    let deeds = [
        (json!({ "action": "Execute" }), "executed"),
        (json!({ "action": "Execute", "settlement_delay_in_seconds": 0 }), "settled"),
        (json!({ "action": "Execute", "execution_delay_in_seconds": 9 }), "authorized"),
        (json!({ "action": "RejectAuthorisation" }), "failed"),
        (json!({ "action": "RejectExecution" }), "failed"),
        (json!({ "action": "Cancel" }), "failed"),
    ];
    for (number, (deed, status)) in deeds.iter().cycle().take(100).enumerate() {
        let (id, next) = redirected(&world, &preselected(&world)).await;
        let uri = Url::parse(&act(&world, &next, deed).await.text()).unwrap();
        // Nobody does the worker's part meanwhile; a second return changes nothing.
        for _ in 0..=number % 2 {
            assert_eq!(arrive(&world, &uri).await.status, 200);
            assert_eq!(payment(&world, &id).await["status"], **status, "{number}: {deed}");
        }
        if *status == "settled" {
            let path = format!("/v3/payments/{id}/refunds");
            let body = json!({ "amount_in_minor": 100, "reference": "at once" });
            let heard = world.post(&path).key(&format!("at-once-{number}")).json(&body).send().await;
            assert_eq!(heard.status, 202, "{}", heard.text());
        }
        let before = payment(&world, &id).await;
        world.work().await;
        assert_eq!(payment(&world, &id).await, before, "the worker finds it done: {deed}");
    }
    let events = world.events().await;
    let mut executed = events.iter().filter(|stored| matches!(stored.event.kind, EventKind::PaymentExecuted));
    assert!(executed.all(|stored| matches!(stored.event.actor, Actor::Rail(_))), "the bank did it");
}

// conformance: truelayer 35
#[tokio::test]
async fn a_payment_is_cancelled_while_nobody_agreed() {
    let world = World::new().await;
    let id = create(&world, &preselected(&world)).await.id();
    let cancel = |id: &str, key: &str| world.post(&format!("/v3/payments/{id}/actions/cancel")).key(key).send();
    for _ in 0..2 {
        let heard = cancel(&id, "k1").await;
        assert_eq!((heard.status, heard.text()), (202, String::new()));
    }
    let shown = payment(&world, &id).await;
    let failed = (&shown["status"], &shown["failure_stage"], &shown["failure_reason"]);
    assert_eq!(failed, (&json!("failed"), &json!("authorization_required"), &json!("canceled")));
    assert_eq!(cancel(&id, "k2").await.problem().1, "invalid-state");
    let (id, next) = redirected(&world, &preselected(&world)).await;
    arrive(&world, &decide(&world, &next, "Execute").await).await;
    world.work().await;
    assert_eq!(cancel(&id, "k3").await.problem().1, "invalid-state");
    let heard = world.post(&format!("/v3/payments/{id}/actions/cancel")).key("k4").unsigned().send().await;
    assert_eq!(heard.problem().0, 401);
}

// conformance: truelayer 36
#[tokio::test]
async fn an_unknown_payment_is_not_found() {
    let world = World::new().await;
    let other = world.further_client(&json!({})).await;
    let own = create(&world, &preselected(&world)).await.id();
    let unknown = PaymentId(mint::random_id()).to_string();
    for id in [unknown.as_str(), "x"] {
        assert_eq!(world.get(&format!("/v3/payments/{id}")).await.problem().0, 404);
        let heard = world.post(&format!("/payments/{id}/authorization-flow")).json(&declared()).send().await;
        assert_eq!(heard.problem().0, 404);
        let heard = world.post(&format!("/payments/{id}/actions/cancel")).key(id).send().await;
        assert_eq!(heard.problem().0, 404);
    }
    let heard = world.call(Method::GET, &format!("/v3/payments/{own}")).by(&other).send().await;
    assert_eq!((heard.problem().0, heard.json()["detail"].clone()), (404, json!("Payment could not be found.")));
}

// conformance: truelayer 14
#[tokio::test]
async fn a_resource_token_opens_its_own_payment_and_nothing_else() {
    let world = World::new().await;
    let created = create(&world, &preselected(&world)).await.json();
    let other = create(&world, &preselected(&world)).await.id();
    let (id, token) = (created["id"].as_str().unwrap(), created["resource_token"].as_str().unwrap());
    let get = |path: String| world.call(Method::GET, &path).bearer(token).send();
    assert_eq!(get(format!("/v3/payments/{id}")).await.status, 200);
    let path = format!("/v3/payments/{id}/authorization-flow");
    assert_eq!(world.post(&path).unsigned().bearer(token).json(&declared()).send().await.status, 200);
    assert_eq!(get(format!("/v3/payments/{other}")).await.problem().0, 403);
    assert_eq!(get("/v3/merchant-accounts".to_owned()).await.problem().0, 403);
    world.wait(Span::seconds(901)).await;
    assert_eq!(get(format!("/v3/payments/{id}")).await.problem().0, 401);
}

// conformance: truelayer 37
#[tokio::test]
async fn an_authorisation_begins_with_the_payment() {
    let world = World::new().await;
    let mut body = preselected(&world);
    body["authorization_flow"] = declared();
    body["hosted_page"] = json!({ "return_uri": "https://shop.example.org/done" });
    let create = || world.post("/v3/payments").key("k").json(&body).send();
    let first = create().await;
    assert_eq!((first.status, first.json()["status"].clone()), (201, json!("authorizing")));
    assert_eq!(first.json()["authorization_flow"]["actions"]["next"]["type"], "consent");
    let page = first.json()["hosted_page"]["uri"].as_str().unwrap().to_owned();
    assert!(page.starts_with(&format!("{ORIGIN}/payments#payment_id={}", first.id())), "{page}");
    flow(&world, &first.id(), "/actions/consent", &json!({})).await;
    world.wait(Span::seconds(60)).await;
    let again = create().await;
    assert_eq!((again.status, again.text()), (201, first.text()), "a repetition gets the first answer");
    body["amount_in_minor"] = json!(1);
    let other = world.post("/payments").key("k").json(&body).send().await;
    assert_eq!(other.problem().0, 422);
}

// conformance: truelayer 38
#[tokio::test]
async fn payments_to_accounts_elsewhere_end_executed() {
    let world = World::new().await;
    let accounts = world.get("/v3/merchant-accounts").await.json();
    for (currency, identifier, provider) in [
        (
            "GBP",
            json!({ "type": "sort_code_account_number", "sort_code": "040099", "account_number": "55120934" }),
            "mock-payments-gb-redirect",
        ),
        ("EUR", json!({ "type": "iban", "iban": "DE89370400440532013000" }), "mock-payments-es-redirect"),
        ("PLN", json!({ "type": "nrb", "nrb": "12345678901234567890123456" }), "mock-payments-pl-redirect"),
        ("NOK", json!({ "type": "bban", "bban": "86011117947" }), "mock-payments-no-redirect"),
    ] {
        let id = create(&world, &external(currency, &identifier)).await.id();
        flow(&world, &id, "", &json!({ "redirect": { "return_uri": BACK } })).await;
        let next = flow(&world, &id, "/actions/provider-selection", &json!({ "provider_id": provider })).await;
        arrive(&world, &decide(&world, &next, "Execute").await).await;
        world.wait(Span::seconds(600)).await;
        let shown = payment(&world, &id).await;
        assert_eq!((&shown["status"], &shown["currency"]), (&json!("executed"), &json!(currency)));
        let beneficiary = &shown["payment_method"]["beneficiary"];
        assert_eq!(beneficiary["account_identifier"], identifier);
    }
    assert_eq!(world.get("/v3/merchant-accounts").await.json(), accounts, "no account of the client's changed");
    let mut euro = preselected(&world);
    euro["currency"] = json!("EUR");
    euro["payment_method"]["provider_selection"] = json!({ "type": "user_selected" });
    euro["payment_method"]["beneficiary"]["merchant_account_id"] = json!(world.eur.to_string());
    create(&world, &euro).await;
    euro["payment_method"]["beneficiary"]["merchant_account_id"] = json!(world.gbp.to_string());
    let heard = world.post("/v3/payments").key("wrong").json(&euro).send().await;
    assert_eq!(heard.problem().2, ["currency"]);
}

// conformance: truelayer 39
#[tokio::test]
async fn the_sandbox_takes_payments_up_to_a_limit() {
    let world = World::new().await;
    let mut body = preselected(&world);
    body["amount_in_minor"] = json!(5_000_001);
    let heard = world.post("/v3/payments").key("k").json(&body).send().await;
    let (status, slug, fields) = heard.problem();
    assert_eq!((status, &*slug, fields), (400, "invalid-parameters", vec!["amount_in_minor".to_owned()]));
    assert_eq!(heard.header("tl-should-retry"), "false");
    body["amount_in_minor"] = json!(5_000_000);
    create(&world, &body).await;
}

#[tokio::test]
async fn a_failed_attempt_may_be_tried_again_where_that_was_asked_for() {
    let world = World::new().await;
    let mut body = preselected(&world);
    body["retry"] = json!({});
    let (id, next) = redirected(&world, &body).await;
    arrive(&world, &decide(&world, &next, "RejectAuthorisation").await).await;
    world.work().await;
    let shown = payment(&world, &id).await;
    assert_eq!(
        (&shown["status"], &shown["failure_reason"]),
        (&json!("attempt_failed"), &json!("authorization_failed"))
    );
    assert_eq!(shown["authorization_flow"]["actions"]["next"]["type"], "retry");
    let next = flow(&world, &id, "", &json!({ "redirect": { "return_uri": BACK }, "retry": {} })).await;
    arrive(&world, &decide(&world, &next, "Execute").await).await;
    world.wait(Span::seconds(1)).await;
    assert_eq!(payment(&world, &id).await["status"], "settled");
}

#[tokio::test]
async fn a_payment_that_nobody_authorises_expires() {
    let world = World::with(json!({ "payment_authorization_ttl": 600 })).await;
    let untouched = create(&world, &preselected(&world)).await.id();
    let (begun, next) = redirected(&world, &preselected(&world)).await;
    world.wait(Span::seconds(599)).await;
    assert_eq!(payment(&world, &untouched).await["status"], "authorization_required");
    world.wait(Span::seconds(1)).await;
    for (id, stage) in [(untouched, "authorization_required"), (begun, "authorizing")] {
        let shown = payment(&world, &id).await;
        assert_eq!((&shown["failure_stage"], &shown["failure_reason"]), (&json!(stage), &json!("expired")));
    }
    let late = act(&world, &next, &json!({ "action": "Execute" })).await;
    assert_eq!(late.problem().1, "invalid-state");
}

#[tokio::test]
async fn the_mock_bank_takes_its_time_when_told() {
    let world = World::new().await;
    let (id, next) = redirected(&world, &preselected(&world)).await;
    let wish = json!({
        "action": "Execute", "execution_delay_in_seconds": 10, "settlement_delay_in_seconds": 60, "redirect": true,
    });
    let heard = act(&world, &next, &wish).await;
    assert_eq!((heard.status, heard.text()), (303, String::new()));
    let uri = Url::parse(heard.header("location")).unwrap();
    arrive(&world, &uri).await;
    for (wait, status) in [(0, "authorized"), (9, "authorized"), (1, "executed"), (59, "executed"), (1, "settled")] {
        world.wait(Span::seconds(wait)).await;
        assert_eq!(payment(&world, &id).await["status"], status);
    }
    let path = format!("/api/single-immediate-payments/{id}/action");
    for token in ["x", &world.client.token] {
        let heard = world.post(&path).unsigned().bearer(token).json(&wish).send().await;
        assert_eq!(heard.problem().0, 401, "other tokens do not open the bank");
    }
    let token = uri.fragment().unwrap().strip_prefix("token=").unwrap();
    let heard = world.call(Method::GET, &format!("/v3/payments/{id}")).bearer(token).send().await;
    assert_eq!(heard.problem().0, 401, "the bank's token opens nothing else");
}

#[tokio::test]
async fn the_bank_may_send_the_payer_straight_to_the_shop() {
    let world = World::new().await;
    let id = create(&world, &preselected(&world)).await.id();
    let redirect = json!({ "return_uri": BACK, "direct_return_uri": "https://shop.example.org/direct?a=1#old" });
    let next = flow(&world, &id, "", &json!({ "redirect": redirect })).await;
    let uri = decide(&world, &next, "Execute").await;
    assert_eq!(uri.origin().ascii_serialization(), "https://shop.example.org");
    assert_eq!(uri.query(), Some(&*format!("a=1&mock-payment-id={id}")));
    assert!(uri.fragment().unwrap().starts_with("token="));
    assert_eq!(arrive(&world, &uri).await.status, 200);
}

#[tokio::test]
async fn steps_under_a_key_are_taken_once() {
    let world = World::new().await;
    let id = create(&world, &preselected(&world)).await.id();
    let start = |path: String, key: &'static str| world.post(&path).key(key).json(&declared()).send();
    let path = format!("/v3/payments/{id}/authorization-flow");
    let first = start(path.clone(), "k1").await;
    assert_eq!(first.status, 200, "{}", first.text());
    let consent = |key: &'static str| world.post(&format!("{path}/actions/consent")).key(key).json(&json!({})).send();
    let agreed = consent("k2").await;
    assert_eq!(start(format!("/payments/{id}/authorization-flow"), "k1").await.text(), first.text());
    assert_eq!(consent("k2").await.text(), agreed.text());
    assert_eq!(consent("k1").await.problem().0, 422);
    assert_eq!(consent("k3").await.problem().0, 400);
}

#[tokio::test]
async fn banks_are_found_by_id_and_by_filter() {
    let world = World::new().await;
    let path = format!("/v3/payments-providers/mock-payments-gb-redirect?client_id={}", world.client.id);
    let heard = world.call(Method::GET, &path).without("authorization").send().await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    let bank = heard.json();
    assert_eq!((&bank["country_code"], &bank["bg_color"]), (&json!("GB"), &json!("#FFFFFF")));
    let schemes = json!([{ "id": "faster_payments_service" }]);
    assert_eq!(bank["capabilities"]["payments"]["bank_transfer"]["schemes"], schemes);
    let without = world.call(Method::GET, "/payments-providers/mock-payments-gb-redirect").without("authorization");
    assert_eq!(without.send().await.problem().0, 401);
    assert_eq!(world.get("/v3/payments-providers/mock-payments-xx").await.problem().0, 404);
    let filter = json!({ "countries": ["DE"], "currencies": ["EUR"], "release_channel": "general_availability" });
    let heard = world.post("/v3/payments-providers/search").json(&filter).send().await;
    assert_eq!(heard.json()["items"].as_array().unwrap().len(), 3, "{}", heard.text());
    let picture = world.call(Method::GET, "/static/mock-gb.svg").without("authorization").send().await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(world.get("/static/mock-xx.svg").await.status, 404);
}

#[tokio::test]
async fn pages_for_payers_run_only_our_own_files() {
    let world = World::new().await;
    for path in [
        "/payments",
        "/payments/",
        "/v3/payments",
        "/v3/payments/",
        "/login/5467bdb6-444a-488b-beba-47a5fb48edf6",
        "/provider-return?a=1",
    ] {
        let page = world.call(Method::GET, path).without("authorization").send().await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        let html = page.text();
        for inline in [" style=", "<style", " onclick=", "javascript:", "<script>"] {
            assert!(!html.contains(inline), "{path} {inline}");
        }
        for file in html.split(['"']).filter(|text| text.starts_with("/static/")) {
            let heard = world.call(Method::GET, file).without("authorization").send().await;
            assert_eq!((heard.status, heard.header("x-content-type-options")), (200, "nosniff"), "{file}");
        }
    }
    let (id, next) = redirected(&world, &preselected(&world)).await;
    let uri = Url::parse(next["uri"].as_str().unwrap()).unwrap();
    let token = uri.fragment().unwrap().strip_prefix("token=").unwrap();
    let path = format!("/api/single-immediate-payments/{id}");
    let visit = world.call(Method::GET, &path).bearer(token).send().await.json();
    assert_eq!((&visit["amount"], &visit["open"]), (&json!("74.50 GBP"), &json!(true)));
    assert_eq!(visit["return_uri"], format!("{BACK}&payment_id={id}"));
}

#[tokio::test]
async fn payments_of_other_doors_are_shown() {
    let world = World::new().await;
    let id = world.foreign_payment(500).await.to_string();
    let shown = payment(&world, &id).await;
    assert_eq!((&shown["status"], &shown["amount_in_minor"]), (&json!("settled"), &json!(500)));
    let source = &shown["payment_source"];
    assert!(source["id"].is_string() && source["account_identifiers"].is_array(), "typed clients need one: {source}");
    let heard = world.post(&format!("/v3/payments/{id}/authorization-flow")).json(&declared()).send().await;
    assert_eq!(heard.problem().1, "invalid-state");
}
