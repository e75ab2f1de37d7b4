//! Checkouts without our pages: with a client key, and step by step in
//! Australia.

use super::world::{PRICE, World, ida, refund_of, session_in, unknown_id};
use crate::banked_v2::routes;
use crate::description::fits;
use http::Method;
use serde_json::{Value, json};

fn at(session: &str, key: &str) -> String {
    format!("/v2/checkout_sessions/{session}?api_key={key}&logo_format=png")
}

#[tokio::test]
async fn a_client_key_opens_its_applications_sessions_and_nothing_else() {
    let world = World::new().await;
    let session = world.open_session("GBP").await;
    let own = world.app().client_key.clone();
    assert!(own.starts_with("ck_test_") && own.len() == 40 && own != world.other_app().client_key, "{own}");
    let description: Value = serde_json::from_str(routes::OPENAPI).unwrap();
    let shown = world.get(&at(&session, &own)).await;
    fits(&description, "CheckoutSession", &shown.json());
    let shown = shown.json();
    assert_eq!((&shown["state"], &shown["amount"]), (&json!("awaiting_provider"), &json!(PRICE)));
    assert_eq!((&shown["amount_formatted"], &shown["payer_details_required"]), (&json!("£50.00"), &json!(false)));
    assert_eq!(shown["provider_brands"][0]["providers"][0]["id"], "mock-bank");
    assert!(!shown.to_string().contains("ida@example.org"), "{shown}");
    // No key, a wrong one, and keys that open other things are all refused alike.
    let refused = world.get(&at(&session, "")).await;
    assert_eq!((refused.status, refused.fault().1.as_str()), (403, "forbidden"));
    for key in ["ck_test_0", "pk_test_one", "sk_test_x", &format!("{own}0"), &format!("{own}&api_key={own}")] {
        for session in [&session, &unknown_id()] {
            let heard = world.get(&at(session, key)).await;
            assert_eq!((heard.status, &heard.body), (403, &refused.body), "{key}");
        }
    }
    // A foreign session is like an unknown one, and a refund's own is not offered.
    let paid = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&paid, 100)).await;
    let unknown = world.get(&at(&unknown_id(), &own)).await;
    assert_eq!(unknown.status, 404);
    let foreign = at(&session, &world.other_app().client_key);
    let of_refund = at(refund["refund_payment_session_id"].as_str().unwrap(), &own);
    for path in [foreign, of_refund, at("x", &own)] {
        let heard = world.get(&path).await;
        assert_eq!((heard.status, &heard.body), (404, &unknown.body), "{path}");
    }
    // The key is no credential.
    let as_credential = world.call(Method::GET, "/v2/refunds").header("authorization", &format!("Bearer {own}"));
    assert_eq!(as_credential.send().await.status, 401);
}

#[tokio::test]
async fn a_customers_app_chooses_a_bank_and_is_told_where_to_go() {
    let world = World::new().await;
    let session = world.open_session("GBP").await;
    let path = at(&session, &world.app().client_key);
    let choose = async |body: &Value, key: &str| world.call(Method::PATCH, &path).json(body).key(key).send().await;
    for (body, field) in [
        (json!({ "provider_id": "other" }), "provider_id"),
        (json!({ "provider_id": "mock-bank-au" }), "provider_id"),
        (json!({}), "provider_id"),
    ] {
        let heard = choose(&body, &body.to_string().replace([' ', '"'], "")).await;
        assert_eq!((heard.status, heard.fault().2.as_str()), (400, field), "{body}");
    }
    assert_eq!(choose(&json!({ "provider_id": 7 }), "seven").await.fault().1, "decoding");
    let body = json!({ "provider_id": "mock-bank" });
    let first = choose(&body, "once").await;
    let description: Value = serde_json::from_str(routes::OPENAPI).unwrap();
    fits(&description, "ChosenProvider", &first.json());
    assert_eq!((first.status, &first.json()["state"]), (200, &json!("awaiting_payment_consent")));
    assert_eq!(choose(&body, "once").await.body, first.body, "the same key has the same answer");
    let shown = world.get(&format!("/v2/payment_sessions/{session}")).await.json();
    assert_eq!(shown["state"], "awaiting_payment_consent");
    // The page behind the address is the bank's, and its visitor decides.
    let url = first.json()["url"].as_str().unwrap().to_owned();
    let visit = url.strip_prefix("http://127.0.0.1:8080/mock-bank/").unwrap();
    let decision = refundry_engine::hosted::Decision::Authorise;
    world.checkouts.decide(visit, decision).await.unwrap().unwrap();
    world.payers_decide().await;
    assert_eq!(world.get(&path).await.json()["state"], "sent");
    assert_eq!(choose(&body, "late").await.fault(), (422, "invalid_action".into(), "payment_session_id".into()));
    assert_eq!(choose(&body, "once").await.body, first.body);
}

async fn patch(world: &World, path: &str, body: &Value) -> super::world::Heard {
    world.call(Method::PATCH, path).json(body).send().await
}

fn payer(number: &str) -> Value {
    json!({
        "terms_accepted": true, "remember_me": false, "masked_details": false,
        "supplemental_checkout_attributes": {
            "ACCOUNT_NAME": "Ida Korhonen", "ACCOUNT_NUMBER": number, "BSB_NUMBER": "111-114",
        },
    })
}

#[tokio::test]
async fn an_australian_payment_goes_step_by_step() {
    let world = World::new().await;
    let description: Value = serde_json::from_str(routes::OPENAPI).unwrap();
    let payin = json!({ "amount": 4400, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/au" } });
    let payin = world.post("/v3/payins").json(&payin).send().await.id();
    for (payment, number, end) in [
        (world.open_session("AUD").await, "12345678", "sent"),
        (payin, "12345678", "sent"),
        (world.open_session("AUD").await, "991111", "failed"),
    ] {
        let begin = world.post("/checkout/v3/sessions?checkout_region=au&token=t").key("k");
        let begun = begin.json(&json!({ "locale": "en-AU", "payment_id": payment })).send().await;
        assert_eq!(begun.status, 201, "{}", begun.text());
        fits(&description, "Checkout", &begun.json());
        let begun = begun.json();
        assert_eq!(begun["payment"], json!({ "id": payment, "state": "awaiting_authorisation" }));
        assert_eq!(begun["actions"][0]["action"], "select_provider");
        assert_eq!(begun["actions"][0]["data"]["providers"][0]["name"], "Mock Bank AU");
        let select = begun["actions"][0]["href"].as_str().unwrap();
        assert_eq!(patch(&world, select, &json!({ "provider_id": "mock-bank" })).await.status, 400);
        let chosen = patch(&world, select, &json!({ "provider_id": "mock-bank-au" })).await.json();
        assert_eq!(chosen["actions"][0]["action"], "initiate_authorisation");
        let go = chosen["actions"][0]["href"].as_str().unwrap();
        let mut wrong = payer(number);
        wrong["terms_accepted"] = json!(false);
        assert_eq!(patch(&world, go, &wrong).await.fault(), (400, "bad_request".into(), "terms_accepted".into()));
        let mut wrong = payer(number);
        wrong["supplemental_checkout_attributes"]["BSB_NUMBER"] = json!("1111");
        let fault = patch(&world, go, &wrong).await.fault();
        assert_eq!((fault.0, fault.2.as_str()), (422, "supplemental_checkout_attributes/BSB_NUMBER"));
        let gone = patch(&world, go, &payer(number)).await;
        fits(&description, "Checkout", &gone.json());
        assert_eq!(
            (gone.json()["payment"]["state"].clone(), gone.json()["actions"].clone()),
            (json!("pending"), json!([]))
        );
        world.payers_decide().await;
        let look = format!("/checkout/v3/sessions/{}", begun["id"].as_str().unwrap());
        let shown = world.get(&look).await.json();
        assert_eq!((&shown["payment"]["state"], &shown["id"]), (&json!(end), &begun["id"]));
        assert_eq!(patch(&world, go, &payer(number)).await.fault().1, "invalid_action");
    }
    // Pounds have no such checkout, and ids that were made up lead nowhere.
    let pounds = world.post("/v2/payment_sessions").json(&session_in("GBP")).send().await.id();
    for id in [pounds, unknown_id()] {
        let heard = world.post("/checkout/v3/sessions").json(&json!({ "payment_id": id })).send().await;
        assert_eq!(heard.status, 404);
        assert_eq!(world.get(&format!("/checkout/v3/sessions/{id}")).await.status, 404);
    }
}
