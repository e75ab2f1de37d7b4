//! What each setting changes, where no story of its own says so (contract 10).

use super::shop::part;
use super::world::{Heard, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::{PayoutId, RefundId};
use refundry_domain::payment::PaymentState;
use refundry_domain::refund::{CaseCode, RefundState};
use refundry_domain::time::Span;
use refundry_testkit::rail::Manner;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A payment through a bank of the client's choice, with its page.
async fn payment(world: &World, key: &str) -> Heard {
    let body = json!({
        "amount_in_minor": 7450, "currency": "GBP",
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": { "type": "preselected", "provider_id": "mock-payments-gb-redirect" },
            "beneficiary": { "type": "merchant_account", "merchant_account_id": world.gbp.to_string() },
        },
        "user": { "name": "Ida Korhonen" }, "hosted_page": {},
    });
    world.post("/v3/payments").key(key).json(&body).send().await
}

async fn flow(world: &World, payment: &str, return_uri: &str) -> Heard {
    let body = json!({ "redirect": { "return_uri": return_uri } });
    world.post(&format!("/payments/{payment}/authorization-flow")).unsigned().json(&body).send().await
}

/// Where each role of a world is reached, as its answers say: hosted page,
/// mock bank, pictures of providers, the payer's return, tokens.
async fn origins(settings: Value) -> [String; 5] {
    let world = World::with(settings).await;
    let made = payment(&world, "k").await;
    let page = made.json()["hosted_page"]["uri"].as_str().unwrap().to_owned();
    let begun = flow(&world, &made.id(), "https://shop.example.org/back").await.json();
    let bank = begun["authorization_flow"]["actions"]["next"]["uri"].as_str().unwrap().to_owned();
    let provider = world.get("/v3/payments-providers/mock-payments-gb-redirect").await.json();
    let (path, token) = bank.split_once("#token=").unwrap();
    let act = format!("/api/single-immediate-payments/{}/action", path.rsplit('/').next().unwrap());
    let back = world.post(&act).unsigned().bearer(token).json(&json!({ "action": "Execute" })).send().await.text();
    let tokens = world.client.members["token_url"].as_str().unwrap().to_owned();
    let picture = provider["icon_uri"].as_str().unwrap().to_owned();
    [page, bank, picture, back, tokens].map(|uri| {
        let end = uri.match_indices('/').nth(2).map_or(uri.len(), |(end, _)| end);
        uri[..end].to_owned()
    })
}

#[tokio::test]
async fn every_role_has_an_origin_of_its_own() {
    let usual = "http://127.0.0.1:8080";
    assert_eq!(origins(json!({})).await, [usual; 5]);
    for (place, name) in
        ["hpp_origin", "mock_bank_origin", "api_origin", "return_origin", "auth_origin"].into_iter().enumerate()
    {
        let own = format!("https://{place}.example.org:8443");
        let mut expected = [usual; 5];
        expected[place] = &own;
        assert_eq!(origins(json!({ name: format!("{own}/") })).await, expected, "{name}");
    }
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told() {
    let world = World::with(json!({ "access_token_ttl": 60, "resource_token_ttl": 120 })).await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": world.client.id, "client_secret": world.client.secret,
    });
    let heard = world.post("/connect/token").without("authorization").unsigned().json(&body).send().await.json();
    assert_eq!(heard["expires_in"], 60);
    let made = payment(&world, "k").await;
    let path = format!("/v3/payments/{}", made.id());
    let resource = made.json()["resource_token"].as_str().unwrap().to_owned();
    let access = heard["access_token"].as_str().unwrap().to_owned();
    let mut waited = 0;
    for (seconds, of_client, of_payment) in [(59, 200, 200), (61, 401, 200), (119, 401, 200), (121, 401, 401)] {
        world.clock.advance(Span::seconds(seconds - waited));
        waited = seconds;
        let get = |token: &str| world.call(Method::GET, &path).bearer(token).send();
        assert_eq!((get(&access).await.status, get(&resource).await.status), (of_client, of_payment), "{seconds}");
    }
}

#[tokio::test]
async fn signatures_over_the_body_alone_are_taken_where_that_is_wanted() {
    for (settings, status) in [(json!({}), 401), (json!({ "allow_signature_v1": true }), 204)] {
        let world = World::with(settings).await;
        let body = "{\"probe\":1}";
        let head = json!({ "alg": "ES512", "kid": world.client.key_id }).to_string();
        let head = URL_SAFE_NO_PAD.encode(head);
        let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(body));
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = world.client.pair.sign(&random, input.as_bytes()).unwrap();
        let signature = format!("{head}..{}", URL_SAFE_NO_PAD.encode(signature));
        let call = |body: &str| world.post("/test-signature").header("Tl-Signature", &signature).raw(body).send();
        assert_eq!(call(body).await.status, status);
        assert_eq!(call("{\"probe\":2}").await.status, 401, "it covers the body");
    }
}

#[tokio::test]
async fn problems_name_their_types_below_a_base() {
    let world = World::with(json!({ "error_type_base": "https://errors.example.org/tl/" })).await;
    let heard = world.get("/v3/payments/no-uuid").await;
    assert_eq!(heard.json()["type"], "https://errors.example.org/tl/not-found");
}

#[tokio::test]
async fn a_client_may_call_as_often_as_its_rate() {
    let world = World::with(json!({ "rate_limit": 3 })).await;
    let get = || world.get("/v3/merchant-accounts");
    let mut passed = 0;
    let refused = loop {
        let heard = get().await;
        if heard.status != 200 {
            break heard;
        }
        passed += 1;
    };
    assert!((1..=3).contains(&passed), "{passed}");
    assert_eq!((refused.problem().0, refused.problem().1.as_str()), (429, "rate-limit-exceeded"));
    assert_eq!(refused.header("retry-after"), "1");
    let refused = payment(&world, "k").await;
    assert_eq!((refused.problem().0, refused.header("tl-should-retry")), (429, "true"));
    world.clock.advance(Span::seconds(1));
    assert_eq!(get().await.status, 200);
    let free = World::new().await;
    for _ in 0..50 {
        assert_eq!(free.get("/v3/merchant-accounts").await.status, 200);
    }
}

#[tokio::test]
async fn payers_go_back_only_to_places_that_are_named() {
    let world = World::with(json!({ "return_uri_allowlist": ["https://shop.example.org/pay/"] })).await;
    for (number, (uri, status)) in
        [("https://shop.example.org/pay/back", 200), ("https://elsewhere.example.org/pay/", 400)]
            .into_iter()
            .enumerate()
    {
        let made = payment(&world, &format!("k{number}")).await.id();
        let heard = flow(&world, &made, uri).await;
        assert_eq!(heard.status, status, "{uri} {}", heard.text());
        if status == 400 {
            assert_eq!(heard.problem().2, ["redirect.return_uri"]);
        }
    }
}

#[tokio::test]
async fn webhooks_follow_their_times() {
    for (settings, timeout, window) in
        [(json!({}), 10, 259_200), (json!({ "webhook_timeout": 3, "webhook_retry_window": 60 }), 3, 60)]
    {
        let webhooks = World::with(settings).await.dialect.webhooks();
        assert_eq!(webhooks.timeout(), Span::seconds(timeout));
        for jitter in [0, 500_000, 999_999] {
            let gaps = (1..).map_while(|tries| webhooks.retry_after(tries, jitter));
            let total = gaps.fold(Span(0), |sum, gap| Span(sum.0 + gap.0));
            assert!(total <= Span::seconds(window), "{total:?}");
            assert!(total > Span::seconds(window / 4), "{total:?}");
        }
    }
}

#[tokio::test]
async fn a_sandboxs_accounts_hold_what_they_are_told() {
    for (settings, available) in
        [(json!({}), 100_000_000), (json!({ "sandbox": { "seed_balance_in_minor": 4711 } }), 4_711)]
    {
        // Another merchant of this installation, with accounts of its own.
        let world = World::with(settings).await;
        let mut ids = refundry_testkit::make::Ids::from(900);
        let account = ids.account();
        let made = world.dialect.provision(&crate::host::SandboxPlan {
            merchant: ids.merchant(),
            at: world.engine.now(),
            accounts: &BTreeMap::from([(refundry_domain::money::Currency::GBP, account)]),
            mandate: ids.mandate(),
            mandate_token: ids.token(),
            seed: &Value::Null,
        });
        assert!(made.commands.contains(&Command::SetBalance { account, available }), "{:?}", made.commands);
    }
}

#[tokio::test]
async fn check_digits_are_looked_at_where_that_is_wanted() {
    for (settings, status) in [(json!({}), 202), (json!({ "sandbox": { "verify_check_digits": true } }), 400)] {
        let world = World::with(settings).await;
        let to = |iban: &str| {
            json!({
                "merchant_account_id": world.gbp.to_string(), "amount_in_minor": 40, "currency": "GBP",
                "beneficiary": {
                    "type": "external_account", "account_holder_name": "Fernhill Books Ltd",
                    "account_identifier": { "type": "iban", "iban": iban }, "reference": "petty-cash",
                },
            })
        };
        let ask = |key: &'static str, iban: &str| world.post("/payouts").key(key).json(&to(iban)).send();
        assert_eq!(ask("wrong", "GB00MOCK04009948210377").await.status, status);
        assert_eq!(ask("right", "DE89370400440532013000").await.status, 202);
    }
}

#[tokio::test]
async fn silence_is_a_case_after_a_time_of_choice() {
    for (settings, seconds) in [(json!({}), 86_400), (json!({ "refund_overdue_after": 90 }), 90)] {
        let world = World::with(settings).await;
        let payment = world.foreign_payment(1_000).await;
        world.rail.next(Manner::Keep);
        world.rail.next(Manner::Keep);
        let refund = world.refund(payment, 5, "k").await;
        world.work().await;
        let payout = json!({
            "merchant_account_id": world.gbp.to_string(), "amount_in_minor": 40, "currency": "GBP",
            "beneficiary": { "type": "business_account", "reference": "takings" },
        });
        let payout = PayoutId::parse(&world.post("/payouts").key("p").json(&payout).send().await.id()).unwrap();
        world.work().await;
        for (wait, overdue) in [(seconds - 1, false), (1, true)] {
            world.wait(Span::seconds(wait)).await;
            let merchant = world.merchant;
            let payout = world.engine.read(move |reader| reader.payout(merchant, payout)).await.unwrap().unwrap();
            assert_eq!(world.stored_refund(refund).await.has_open_case(CaseCode::Overdue), overdue, "{seconds}");
            assert_eq!(payout.has_open_case(CaseCode::Overdue), overdue, "{seconds}");
            assert_eq!(world.stored_refund(refund).await.state, RefundState::Submitted, "only people hear of it");
        }
    }
}

#[tokio::test]
async fn a_refund_and_a_payout_rest_before_they_are_sent() {
    for (settings, milliseconds) in [(200, 200), (0, 0), (3_000, 3_000)] {
        let world = World::with(json!({ "sandbox": { "authorize_delay_ms": settings } })).await;
        let payment = world.foreign_payment(1_000).await;
        let path = format!("/payments/{payment}/refunds");
        let refund = RefundId::parse(&world.post(&path).key("k").json(&part(5)).send().await.id()).unwrap();
        let first = world.shown(payment, refund).await;
        assert_eq!(first["status"], "pending");
        world.rail.next(Manner::Keep);
        let next = world.work().await;
        if milliseconds > 0 {
            assert_eq!(world.shown(payment, refund).await, first, "it rests");
            assert_eq!(next, Some(world.engine.now().plus(Span(milliseconds * 1_000_000))), "the worker sleeps until");
            world.wait(Span(milliseconds * 1_000_000 - 1)).await;
            assert_eq!(world.shown(payment, refund).await, first);
            world.wait(Span(1)).await;
        }
        assert_eq!(world.shown(payment, refund).await["status"], "authorized");
    }
    // One that is held rests from the settlement on.
    let world = World::with(json!({ "sandbox": { "authorize_delay_ms": 200 } })).await;
    let payment = world.payment(1_000, PaymentState::Executed).await;
    let refund = world.refund(payment, 5, "k").await;
    world.wait(Span::seconds(60)).await;
    world.advance(payment, PaymentState::Settled, None).await;
    world.rail.next(Manner::Keep);
    world.wait(Span(199_999_999)).await;
    assert_eq!(world.status(payment, refund).await.0, "pending");
    world.wait(Span(1)).await;
    assert_eq!(world.status(payment, refund).await.0, "authorized");
}
