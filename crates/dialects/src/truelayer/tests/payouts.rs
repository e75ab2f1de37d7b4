//! Payouts.

use super::shop::USER;
use super::world::{FUNDED, Heard, World};
use refundry_domain::command::Command;
use refundry_domain::id::PayoutId;
use refundry_domain::party::AccountIdentifier;
use refundry_domain::rules::Environment;
use refundry_engine::mint;
use refundry_testkit::rail::Manner;
use serde_json::{Value, json};

/// A payout to the IBAN of the account itself.
fn own_account(world: &World, iban: &str) -> Value {
    json!({
        "merchant_account_id": world.gbp.to_string(), "amount_in_minor": 40, "currency": "GBP",
        "beneficiary": {
            "type": "external_account", "account_holder_name": "Fernhill Books Ltd",
            "account_identifier": { "type": "iban", "iban": iban }, "reference": "petty-cash",
        },
    })
}

async fn iban_of(world: &World) -> String {
    let account = world.get(&format!("/v3/merchant-accounts/{}", world.gbp)).await.json();
    let identifiers = account["account_identifiers"].as_array().unwrap().clone();
    identifiers.last().unwrap()["iban"].as_str().unwrap().to_owned()
}

async fn ask(world: &World, key: &str, body: &Value) -> Heard {
    world.post("/v3/payouts").key(key).json(body).send().await
}

async fn shown(world: &World, id: &str) -> Value {
    let heard = world.get(&format!("/v3/payouts/{id}")).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    heard.json()
}

// conformance: truelayer 76
#[tokio::test]
async fn a_payout_is_echoed_and_paid() {
    let world = World::new().await;
    let before = world.balances(world.gbp).await.0;
    let body = own_account(&world, &iban_of(&world).await);
    let heard = ask(&world, "p1", &body).await;
    assert_eq!(heard.status, 202, "{}", heard.text());
    let id = heard.id();
    assert_eq!(heard.json(), json!({ "id": id }));
    let first = shown(&world, &id).await;
    let mut expected = body.clone();
    (expected["id"], expected["status"], expected["created_at"]) =
        (json!(id), json!("pending"), first["created_at"].clone());
    assert_eq!(first, expected);
    world.rail.next(Manner::Keep);
    world.work().await;
    assert_eq!(shown(&world, &id).await["status"], "authorized");
    assert_eq!(world.balances(world.gbp).await, (before - 40, before));
    world.rail.pay_kept();
    world.work().await;
    let done = shown(&world, &id).await;
    assert_eq!(done["status"], "executed");
    assert!(done["authorized_at"].is_string() && done["executed_at"].is_string(), "{done}");
    assert_eq!(world.balances(world.gbp).await, (before - 40, before - 40));
    // The same key is the same payout; another request is none.
    assert_eq!(ask(&world, "p1", &body).await.id(), id);
    let mut other = body.clone();
    other["amount_in_minor"] = json!(41);
    assert_eq!(ask(&world, "p1", &other).await.problem().0, 422);
}

#[tokio::test]
async fn what_comes_back_is_told_and_booked() {
    let world = World::new().await;
    let before = world.balances(world.gbp).await.0;
    let body = own_account(&world, &iban_of(&world).await);
    let id = ask(&world, "p1", &body).await.id();
    world.work().await;
    world.give_back_newest().await;
    let back = shown(&world, &id).await;
    assert_eq!((&back["status"], &back["failure_reason"]), (&json!("failed"), &json!("returned")));
    assert!(back["executed_at"].is_string() && back["failed_at"].is_string(), "{back}");
    assert_eq!(world.balances(world.gbp).await, (before, before));
    let heard: Vec<Value> = world.inbox().await.into_iter().filter(|event| event["payout_id"] == json!(id)).collect();
    let types: Vec<&str> = heard.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["payout_executed", "payout_failed"]);
    let expected = json!({
        "type": "payout_executed", "event_version": 1, "event_id": heard[0]["event_id"], "payout_id": id,
        "merchant_account_id": world.gbp.to_string(), "beneficiary": { "type": "external_account" },
        "executed_at": back["executed_at"], "scheme_id": "faster_payments_service",
    });
    assert_eq!(heard[0], expected);
    assert_eq!(heard[1]["failure_reason"], "returned");
    let query = "from=2026-01-01T00:00:00Z&to=2026-01-31T23:59:59Z";
    let path = format!("/v3/merchant-accounts/{}/transactions?{query}", world.gbp);
    let rows = world.get(&path).await.json()["items"].as_array().unwrap().clone();
    let kinds: Vec<&str> = rows.iter().map(|row| row["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["payout", "external_payment"]);
    assert_eq!((&rows[0]["payout_id"], &rows[0]["status"]), (&json!(id), &json!("executed")));
    assert_eq!((&rows[0]["beneficiary"], &rows[0]["returned_by"]), (&body["beneficiary"], &rows[1]["id"]));
    assert_eq!(rows[1]["return_for"], json!({ "type": "identified", "returned_id": id }));
}

#[tokio::test]
async fn without_the_money_it_fails() {
    let world = World::new().await;
    world.command(Command::SetBalance { account: world.gbp, available: 39 }).await;
    let id = ask(&world, "p1", &own_account(&world, &iban_of(&world).await)).await.id();
    world.work().await;
    let ended = shown(&world, &id).await;
    assert_eq!((&ended["status"], &ended["failure_reason"]), (&json!("failed"), &json!("insufficient_funds")));
    assert_eq!(world.balances(world.gbp).await, (39, 39));
}

#[tokio::test]
async fn a_source_and_the_own_business_are_paid() {
    let world = World::new().await;
    world.paid(500).await;
    let path = format!("/v3/merchant-accounts/{}/payment-sources?user_id={USER}", world.gbp);
    let source = world.get(&path).await.json()["items"][0].clone();
    let to = |beneficiary: Value| {
        json!({
            "merchant_account_id": world.gbp.to_string(), "amount_in_minor": 1, "currency": "GBP",
            "beneficiary": beneficiary, "metadata": { "k": "v" },
        })
    };
    let user = to(json!({
        "type": "payment_source", "payment_source_id": source["id"], "user_id": USER, "reference": "winnings",
    }));
    let id = ask(&world, "p1", &user).await.id();
    let told = shown(&world, &id).await;
    assert_eq!((&told["beneficiary"], &told["metadata"]), (&user["beneficiary"], &json!({ "k": "v" })));
    let business = to(json!({ "type": "business_account", "reference": "takings" }));
    assert_eq!(ask(&world, "p2", &business).await.status, 202);
    world.work().await;
    assert_eq!(shown(&world, &id).await["status"], "executed");
    let mut stranger = user.clone();
    stranger["beneficiary"]["user_id"] = json!("somebody-else");
    assert_eq!(ask(&world, "p3", &stranger).await.problem().2, ["beneficiary.payment_source_id"]);
    let mut unapproved = business.clone();
    (unapproved["merchant_account_id"], unapproved["currency"]) = (json!(world.eur.to_string()), json!("EUR"));
    assert_eq!(ask(&world, "p4", &unapproved).await.problem().1, "invalid-state");
}

#[tokio::test]
async fn a_user_chooses_an_account() {
    let world = World::new().await;
    world.paid(500).await;
    let to = |user: Value| {
        json!({
            "merchant_account_id": world.gbp.to_string(), "amount_in_minor": 1, "currency": "GBP",
            "beneficiary": { "type": "user_determined", "reference": "winnings", "user": user },
        })
    };
    let creditor = async |id: &str| {
        let (merchant, id) = (world.merchant, PayoutId::parse(id).unwrap());
        world.engine.read(move |reader| reader.payout(merchant, id)).await.unwrap().unwrap().creditor
    };
    let path = format!("/v3/merchant-accounts/{}/payment-sources?user_id={USER}", world.gbp);
    let source = world.get(&path).await.json()["items"][0].clone();
    let mut chosen = Vec::new();
    for (key, user) in [
        ("known", json!({ "id": USER })),
        ("unknown", json!({ "id": "somebody-else", "name": "Ida Korhonen" })),
        ("again", json!({ "id": "somebody-else" })),
        ("named", json!({ "name": "Ida Korhonen", "email": "ida@example.org" })),
    ] {
        let body = to(user);
        let heard = ask(&world, key, &body).await;
        assert_eq!(heard.status, 202, "{}", heard.text());
        let id = heard.id();
        assert_eq!(heard.json(), json!({ "id": id }));
        world.work().await;
        let told = shown(&world, &id).await;
        assert_eq!((&told["beneficiary"], &told["status"]), (&body["beneficiary"], &json!("executed")));
        chosen.push(creditor(&id).await);
    }
    let number = &source["account_identifiers"][0]["account_number"];
    let AccountIdentifier::Scan { number: known, .. } = &chosen[0].account else { panic!("{chosen:?}") };
    assert_eq!(json!(known), *number, "the account that they paid from");
    assert_eq!(chosen[1].account, chosen[2].account, "a user has one account");
    assert_eq!(chosen[1].name.as_deref(), Some("Ida Korhonen"));
    assert!(chosen[0].account != chosen[1].account && chosen[3].account != chosen[1].account);
    let mut long = to(json!({ "name": "x".repeat(141) }));
    assert_eq!(ask(&world, "long", &long).await.problem().2, ["beneficiary.user.name"]);
    long["beneficiary"]["user"] = Value::Null;
    assert_eq!(ask(&world, "nobody", &long).await.status, 202);

    let live = World::of(Environment::Live, json!({})).await;
    let mut body = to(json!({ "id": USER }));
    body["merchant_account_id"] = json!(live.gbp.to_string());
    assert_eq!(ask(&live, "live", &body).await.problem().1, "invalid-state", "nobody asks them");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = World::new().await;
    let good = own_account(&world, &iban_of(&world).await);
    let cases = [
        ("/merchant_account_id", json!("x"), "merchant_account_id"),
        ("/merchant_account_id", json!(world.client.id), "merchant_account_id"),
        ("/amount_in_minor", json!(0), "amount_in_minor"),
        ("/amount_in_minor", json!(5_000_001), "amount_in_minor"),
        ("/amount_in_minor", Value::Null, "amount_in_minor"),
        ("/currency", json!("EUR"), "currency"),
        ("/currency", json!("gbp"), "currency"),
        ("/beneficiary/type", json!("user_chosen"), "beneficiary.type"),
        ("/beneficiary/type", Value::Null, "beneficiary.type"),
        ("/beneficiary/reference", json!("1234567890123456789"), "beneficiary.reference"),
        ("/beneficiary/account_holder_name", Value::Null, "beneficiary.account_holder_name"),
        ("/beneficiary/account_identifier", Value::Null, "beneficiary.account_identifier"),
        ("/beneficiary/account_identifier/iban", json!("GB"), "beneficiary.account_identifier.iban"),
    ];
    for (number, (pointer, value, field)) in cases.into_iter().enumerate() {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let heard = ask(&world, &format!("k{number}"), &body).await;
        assert_eq!(heard.problem(), (400, "invalid-parameters".to_owned(), vec![field.to_owned()]), "{pointer}");
    }
    let mut body = good.clone();
    body["merchant_account_id"] = json!(mint_id());
    assert_eq!(ask(&world, "unknown", &body).await.problem().2, ["merchant_account_id"]);
    assert!(world.balances(world.gbp).await.0 >= FUNDED);
}

#[tokio::test]
async fn an_unknown_payout_is_not_found() {
    let world = World::new().await;
    let id = ask(&world, "p1", &own_account(&world, &iban_of(&world).await)).await.id();
    let stranger = world.further_client(&json!({})).await;
    for (id, client) in [("x".to_owned(), &world.client), (mint_id(), &world.client), (id, &stranger)] {
        let heard = world.call(http::Method::GET, &format!("/payouts/{id}/")).by(client).send().await;
        let (status, slug, _) = heard.problem();
        assert_eq!((status, slug.as_str()), (404, "not-found"));
        assert_eq!(heard.json()["detail"], "Payout could not be found.");
    }
}

fn mint_id() -> String {
    refundry_domain::id::PayoutId(mint::random_id()).to_string()
}
