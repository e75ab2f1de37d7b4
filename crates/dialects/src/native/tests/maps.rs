//! Every state, refusal and route has its word, and the description is true.

use super::super::errors::{OWN, kind_of};
use super::super::{routes, states, webhook, wire};
use super::shop::Shop;
use axum::body::Body;
use http::Request;
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::payment::{PaymentFailure, PaymentFailureReason, PaymentState};
use refundry_domain::refund::{ExpiredAt, Gate, RefundState};
use refundry_domain::refusal::{DependsOn, Refusal};
use refundry_domain::rules::Environment;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::webhook::WebhookDialect as _;
use refundry_testkit::make;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_refusal_has_a_problem_of_its_own() {
    let mut codes = BTreeSet::new();
    for refusal in Refusal::one_of_each() {
        let kind = kind_of(refusal);
        assert_eq!(kind.code, refusal.code());
        assert!(kind.status.is_client_error(), "{}", kind.code);
        assert!(kind.title.ends_with('.'), "{}", kind.code);
        assert!(codes.insert(kind.code), "{}", kind.code);
        // What depends on the request alone cannot pass later.
        assert!(!kind.retryable || refusal.depends_on() == DependsOn::World, "{}", kind.code);
    }
    for kind in OWN {
        // Codes that the form check and the core share mean the same.
        let shared = Refusal::one_of_each().into_iter().find(|refusal| refusal.code() == kind.code);
        if let Some(refusal) = shared {
            assert_eq!(kind_of(refusal).status, kind.status, "{}", kind.code);
        }
    }
}

#[test]
fn every_state_of_a_refund_has_its_word() {
    let mut ids = make::Ids::from(1);
    let account = make::account(ids.account(), ids.merchant(), refundry_domain::money::Currency::AUD);
    let payment = make::payment(ids.payment(), &account, 1_000);
    let mut words = BTreeSet::new();
    for state in make::refund_states() {
        let mut refund = make::refund(ids.refund(), &payment, 100);
        refund.state = state;
        let body = serde_json::to_value(wire::refund(&refund, Some(&payment), Environment::Sandbox)).expect("a body");
        let word = body["status"].as_str().expect("a status").to_owned();
        assert!(states::REFUND_STATUSES.contains(&word.as_str()), "{word}");
        let has_reason =
            matches!(state, RefundState::Failed { .. } | RefundState::Returned { .. } | RefundState::Expired { .. });
        assert_eq!(body["reason"].is_null(), !has_reason, "{word}");
        assert_eq!(body["expires_at"].is_null(), !state.before_send(), "{word}");
        words.insert(word);
    }
    assert_eq!(words.len(), states::REFUND_STATUSES.len());
}

#[test]
fn a_payment_is_shown_as_described() {
    let mut ids = make::Ids::from(1);
    let account = make::account(ids.account(), ids.merchant(), refundry_domain::money::Currency::AUD);
    let mut payment = make::payment(ids.payment(), &account, 1_000);
    let shown = serde_json::to_value(wire::payment(&payment)).expect("a body");
    let description: Value = serde_json::from_str(routes::OPENAPI).expect("the description is JSON");
    let schema = &description["components"]["schemas"]["Payment"];
    let members: BTreeSet<&String> = shown.as_object().expect("an object").keys().collect();
    let described: BTreeSet<&String> = schema["properties"].as_object().expect("properties").keys().collect();
    assert_eq!(members, described);
    assert_eq!(schema["required"].as_array().map(Vec::len), Some(members.len()));
    assert_eq!(shown["settled_at"], wire::time(make::AT));
    assert!(shown["failure"].is_null() && shown["failed_at"].is_null());
    let failure = &schema["properties"]["failure"]["properties"];
    let words = |member: &str| failure[member]["enum"].as_array().cloned().unwrap_or_default();
    for stage in [PaymentState::Open, PaymentState::Authorised, PaymentState::Executed] {
        for reason in PaymentFailureReason::ALL {
            payment.failure = Some(PaymentFailure { stage, reason });
            let shown = serde_json::to_value(wire::payment(&payment)).expect("a body");
            assert!(words("stage").contains(&shown["failure"]["stage"]));
            assert!(words("reason").contains(&shown["failure"]["reason"]));
        }
    }
    assert_eq!(words("reason").len(), PaymentFailureReason::ALL.len());
}

// conformance: banked 36
#[test]
fn what_ran_out_of_time_says_what_was_missing() {
    let shown = |at| serde_json::to_value(wire::status(RefundState::Expired { at })).expect("a body");
    let details = shown(ExpiredAt::Gate(Gate::Details));
    assert_eq!(
        (&details["reason"]["code"], &details["expired_at_gate"]),
        (&"details_not_provided".into(), &"details".into())
    );
    for gate in Gate::ALL.iter().copied().filter(|gate| *gate != Gate::Details) {
        assert_eq!(shown(ExpiredAt::Gate(gate))["reason"]["code"], "expired");
    }
    assert_eq!(shown(ExpiredAt::Ready)["reason"]["code"], "expired");
}

#[test]
fn words_lead_back_to_what_they_mean() {
    for (period, word) in Period::ALL {
        assert_eq!((states::period(*period), states::period_of(word)), (*word, Some(*period)));
    }
    for state in states::RECORDABLE {
        assert_eq!(states::recordable_of(state.code()), Some(state));
    }
    let moves = ["active", "pending", "suspended", "cancelled", "declined", "expired", "failed"];
    for word in moves {
        assert_eq!(states::mandate_state_of(word).map(MandateState::code), Some(word));
    }
    assert_eq!(states::mandate_state_of("created"), None);
    assert_eq!(states::payment_block_word(6).as_deref(), Some("unverified"));
    assert_eq!(states::payment_block_word(7), None);
}

#[test]
fn times_are_utc_with_microseconds() {
    assert_eq!(wire::time(Timestamp(1_773_357_041_118_204_007)), "2026-03-12T23:10:41.118204Z");
}

#[test]
fn the_retry_schedule_is_the_documented_one() {
    let waits = [5_u64, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (place, seconds) in waits.into_iter().enumerate() {
        let tries = u32::try_from(place + 1).expect("a small number");
        let least = webhook::NativeWebhooks.retry_after(tries, 0).expect("a wait");
        let middle = webhook::NativeWebhooks.retry_after(tries, 500_000).expect("a wait");
        let most = webhook::NativeWebhooks.retry_after(tries, 999_999).expect("a wait");
        let tenths = Span::seconds(seconds).0 / 10;
        assert_eq!((least.0, middle.0), (tenths * 8, tenths * 10), "try {tries}");
        assert!(most.0 > tenths * 11 && most.0 <= tenths * 12, "try {tries}");
    }
    assert_eq!(webhook::NativeWebhooks.retry_after(11, 0), None);
    assert_eq!(webhook::NativeWebhooks.retry_after(0, 0), None);
    assert!(webhook::NativeWebhooks.stops_on(410) && !webhook::NativeWebhooks.stops_on(500));
}

#[test]
fn the_description_names_every_route() {
    let description: Value = serde_json::from_str(routes::OPENAPI).expect("the description is JSON");
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys().cloned().collect::<Vec<_>>();
            methods.into_iter().map(move |method| (path.clone(), method))
        })
        .collect();
    let served: BTreeSet<(String, String)> = routes::paths()
        .iter()
        .flat_map(|(path, methods, _)| methods.iter().map(move |method| ((*path).to_owned(), (*method).to_owned())))
        .collect();
    assert_eq!(described, served);
    let schemas = &description["components"]["schemas"];
    let words = |pointer: &str| -> BTreeSet<String> {
        let words = schemas.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let known = |words: &[&str]| -> BTreeSet<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    assert_eq!(words("/Refund/properties/status/enum"), known(&states::REFUND_STATUSES));
    assert_eq!(words("/Event/properties/type/enum"), known(&states::EVENT_TYPES));
    for reference in references(&description) {
        let pointer = reference.trim_start_matches('#');
        assert!(description.pointer(pointer).is_some(), "{reference}");
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

#[tokio::test]
async fn bodies_have_the_members_that_the_description_requires() {
    let (shop, tenant) = Shop::sandbox().await;
    let description: Value = serde_json::from_str(routes::OPENAPI).expect("the description is JSON");
    let payment = shop.payment(&tenant, 100).await;
    let asked = serde_json::json!({ "payment_id": payment, "amount": 1 });
    let refund = shop.post(&tenant, "/v1/refunds", "r", &asked).await.json();
    let id = refund["id"].as_str().unwrap_or_default().to_owned();
    shop.begin_send(tenant.id, &id).await;
    let mandate = shop.post(&tenant, "/v1/mandates", "m", &serde_json::json!({ "currency": "AUD" })).await.json();
    let hook = serde_json::json!({ "url": "https://a.example/" });
    let endpoint = shop.post(&tenant, "/v1/webhook-endpoints", "", &hook).await.json();
    let problem = shop.get(&tenant, "/v1/refunds/x").await.json();
    let first = |page: Value| page["data"][0].clone();
    let bodies = [
        ("Payment", shop.get(&tenant, &format!("/v1/payments/{payment}")).await.json()),
        ("Refund", refund),
        ("Attempt", shop.get(&tenant, &format!("/v1/refunds/{id}")).await.json()["attempts"][0].clone()),
        ("TimelineEntry", first(shop.get(&tenant, &format!("/v1/refunds/{id}/timeline")).await.json())),
        ("Account", first(shop.get(&tenant, "/v1/accounts").await.json())),
        ("Mandate", mandate),
        ("Endpoint", endpoint),
        ("Event", first(shop.get(&tenant, "/v1/events").await.json())),
        ("Problem", problem),
    ];
    for (schema, body) in bodies {
        let schema = &description["components"]["schemas"][schema];
        let known: BTreeSet<&String> = schema["properties"].as_object().expect("properties").keys().collect();
        let sent: BTreeSet<&String> = body.as_object().unwrap_or_else(|| panic!("{schema}: {body}")).keys().collect();
        assert!(sent.is_subset(&known), "{:?} of {body}", sent.difference(&known));
        for required in schema["required"].as_array().expect("required") {
            assert!(body.get(required.as_str().unwrap_or_default()).is_some(), "{required} of {body}");
        }
    }
}

#[tokio::test]
async fn a_problem_type_leads_to_its_meaning() {
    let (shop, _) = Shop::sandbox().await;
    for kind in routes::kinds() {
        let request = Request::get(format!("/problems/{}", kind.code)).body(Body::empty()).expect("a request");
        let heard = shop.send(request).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (200, kind.code));
    }
    let heard = shop.send(Request::get("/problems/bad_luck").body(Body::empty()).expect("a request")).await;
    assert_eq!((heard.status.as_u16(), heard.code().as_str()), (404, "not_found"));
    let heard = shop.send(Request::get("/openapi.json").body(Body::empty()).expect("a request")).await;
    assert_eq!(heard.text("/openapi"), "3.1.0");
}
