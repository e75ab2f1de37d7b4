//! Merchant accounts, transactions, payment sources, sweeping.

use super::shop::USER;
use super::world::{ClientApp, FUNDED, World};
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::AccountId;
use refundry_domain::payment::PaymentState;
use refundry_domain::time::Span;
use refundry_engine::mint;
use serde_json::{Value, json};
use std::sync::Arc;

const THIS_YEAR: &str = "from=2026-01-01T00:00:00Z&to=2026-01-31T23:59:59Z";
const OLD: &str = "from=2021-03-01T00:00:00Z&to=2022-03-01T00:00:00%2B00:00";

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

// conformance: truelayer 70
#[tokio::test]
async fn a_client_has_two_funded_accounts() {
    let world = World::new().await;
    let heard = world.get("/v3/merchant-accounts").await;
    assert_eq!(heard.status, 200);
    let listed = items(&heard.json());
    let find = |code: &str| listed.iter().find(|account| account["currency"] == code).unwrap().clone();
    for (code, kinds) in [("GBP", vec!["sort_code_account_number", "iban"]), ("EUR", vec!["iban"])] {
        let account = find(code);
        let names: Vec<&str> = account.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "account_holder_name",
            "account_identifiers",
            "available_balance_in_minor",
            "currency",
            "current_balance_in_minor",
            "id",
        ];
        assert_eq!(names, expected);
        assert!(account["available_balance_in_minor"].as_u64() >= Some(FUNDED));
        assert!(account["current_balance_in_minor"].as_u64() >= Some(FUNDED));
        let shown: Vec<&str> = account["account_identifiers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|identifier| identifier["type"].as_str().unwrap())
            .collect();
        assert_eq!(shown, kinds);
        let one = world.get(&format!("/merchant-accounts/{}/", account["id"].as_str().unwrap())).await;
        assert_eq!((one.status, one.json()), (200, account));
    }
}

// conformance: truelayer 73
#[tokio::test]
async fn an_unknown_account_is_not_found() {
    let world = World::new().await;
    let nobody = AccountId(mint::random_id()).to_string();
    for id in ["x", &nobody] {
        for path in ["", "/sweeping", "/transactions?from=2021-03-01&to=2021-03-02", "/payment-sources?user_id=u"] {
            let heard = world.get(&format!("/v3/merchant-accounts/{id}{path}")).await;
            let (status, slug, _) = heard.problem();
            assert_eq!((status, slug.as_str()), (404, "not-found"), "{id}{path}");
        }
    }
}

// conformance: truelayer 71
// conformance: truelayer 72
#[tokio::test]
async fn the_past_holds_a_payment_and_its_source() {
    let world = World::new().await;
    let path = format!("/v3/merchant-accounts/{}", world.gbp);
    let rows = items(&world.get(&format!("{path}/transactions?{OLD}")).await.json());
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&row["type"], &row["status"]), (&json!("merchant_account_payment"), &json!("settled")));
    assert!(row["settled_at"].as_str().unwrap().starts_with("2021-06-15T"));
    assert!(row["amount_in_minor"].as_u64() > Some(0));
    let user = row["payment_source"]["user_id"].as_str().unwrap();
    let sources = items(&world.get(&format!("{path}/payment-sources?user_id={user}")).await.json());
    assert_eq!(sources, [row["payment_source"].clone()]);
}

// conformance: truelayer 75
#[tokio::test]
async fn a_range_is_needed() {
    let world = World::new().await;
    let path = format!("/v3/merchant-accounts/{}/transactions", world.gbp);
    for (query, field) in [
        ("", "from"),
        ("?to=2026-01-31T23:59:59Z", "from"),
        ("?from=2026-01-01T00:00:00Z", "to"),
        ("?from=soon&to=2026-01-31T23:59:59Z", "from"),
        ("?from=2026-01-01&to=2026-01-31&type=fee", "type"),
        ("?from=2026-01-01&from=2026-01-01&to=2026-01-31", "from"),
        ("?from=2026-01-01&to=2026-01-31&to=2026-02-01", "to"),
        ("?from=2026-01-01&to=2026-01-31&type=payment&type=payout", "type"),
        ("?from=2026-01-01&to=2026-01-31&cursor=!", "cursor"),
    ] {
        let (status, slug, fields) = world.get(&format!("{path}{query}")).await.problem();
        assert_eq!((status, slug.as_str(), fields), (400, "invalid-parameters", vec![field.to_owned()]), "{query}");
    }
    let heard = world.get(&format!("/v3/merchant-accounts/{}/payment-sources", world.gbp)).await;
    assert_eq!(heard.problem().2, ["user_id"]);
}

// conformance: truelayer 77
#[tokio::test]
async fn a_source_is_listed_with_the_settlement() {
    let world = World::new().await;
    let path = format!("/v3/merchant-accounts/{}/payment-sources?user_id={USER}", world.gbp);
    let payment = world.payment(500, PaymentState::Executed).await;
    assert_eq!(items(&world.get(&path).await.json()), Vec::<Value>::new());
    world.advance(payment, PaymentState::Settled, None).await;
    world.paid(600).await;
    let sources = items(&world.get(&path).await.json());
    let [source] = sources.as_slice() else { panic!("{sources:?}") };
    assert_eq!((&source["user_id"], &source["account_holder_name"]), (&json!(USER), &json!("Ida Korhonen")));
    assert_eq!(source["account_identifiers"][0]["type"], "sort_code_account_number");
    let stranger = world.further_client(&json!({})).await;
    let theirs = world.call(http::Method::GET, &path).by(&stranger).send().await;
    assert_eq!(theirs.status, 404, "{}", theirs.text());
}

// conformance: truelayer 70
#[tokio::test]
async fn each_client_has_accounts_of_its_own() {
    let world = World::new().await;
    let others = [world.further_client(&json!({})).await, world.further_client(&json!({})).await];
    let listed = async |client: &Arc<ClientApp>| -> Vec<String> {
        let found = world.call(http::Method::GET, "/v3/merchant-accounts").by(client).send().await.json();
        items(&found).iter().map(|account| account["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = listed(&world.client).await;
    assert!(all.contains(&world.gbp.to_string()) && all.contains(&world.eur.to_string()), "{all:?}");
    for client in &others {
        let own = listed(client).await;
        let named = &client.members["merchant_accounts"];
        assert_eq!(own.len(), 2);
        for id in [&named["GBP"], &named["EUR"]] {
            assert!(own.iter().any(|listed| id == listed), "{own:?}");
        }
        for id in &all {
            for path in ["", "/transactions?from=2021-06-01T00:00:00Z&to=2021-07-01T00:00:00Z", "/sweeping"] {
                let path = format!("/v3/merchant-accounts/{id}{path}");
                let refused = world.call(http::Method::GET, &path).by(client).send().await;
                assert_eq!(refused.status, 404, "{path}");
            }
        }
        let own_path = format!("/v3/merchant-accounts/{}", own[0]);
        assert_eq!(world.call(http::Method::GET, &own_path).by(client).send().await.status, 200);
        assert_eq!(world.get(&own_path).await.status, 404, "nor does the first client see it");
        all.extend(own);
    }
}

#[tokio::test]
async fn rows_follow_a_refund_to_its_return() {
    let world = World::new().await;
    let rows = async |query: &str| {
        let heard = world.get(&format!("/v3/merchant-accounts/{}/transactions?{THIS_YEAR}{query}", world.gbp)).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        assert_eq!(heard.json()["pagination"], Value::Null);
        items(&heard.json())
    };
    let kinds =
        |rows: &[Value]| -> Vec<String> { rows.iter().map(|row| row["type"].as_str().unwrap().to_owned()).collect() };
    let payment = world.paid(7_450).await;
    world.clock.advance(Span::seconds(1));
    let refund = world.refund(payment, 1_250, "k").await;
    let first = rows("").await;
    assert_eq!(kinds(&first), ["merchant_account_payment", "refund"]);
    assert_eq!((&first[1]["status"], &first[1]["executed_at"]), (&json!("pending"), &Value::Null));
    world.work().await;
    let shown = world.shown(payment, refund).await;
    let second = rows("").await;
    let source = &second[0]["payment_source"];
    let expected = json!({
        "type": "refund", "id": first[1]["id"], "currency": "GBP", "amount_in_minor": 1_250, "status": "executed",
        "created_at": shown["created_at"], "executed_at": shown["executed_at"],
        "beneficiary": {
            "type": "payment_source", "payment_source_id": source["id"], "user_id": USER, "reference": "FB-2093 part",
        },
        "context_code": "withdrawal", "scheme_id": "faster_payments_service",
        "refund_id": refund.to_string(), "payment_id": payment.to_string(),
    });
    assert_eq!(second[1], expected);
    assert_eq!(second[0]["payment_id"], payment.to_string());
    world.give_back_newest().await;
    let third = rows("").await;
    assert_eq!(kinds(&third), ["merchant_account_payment", "refund", "external_payment"]);
    assert_eq!((&third[1]["status"], &third[1]["returned_by"]), (&json!("executed"), &third[2]["id"]));
    assert_eq!(third[2]["return_for"], json!({ "type": "identified", "returned_id": refund.to_string() }));
    assert_eq!(third[2]["amount_in_minor"], 1_250);
    assert_eq!(kinds(&rows("&type=payment").await), ["merchant_account_payment", "external_payment"]);
    assert_eq!(kinds(&rows("&type=payout").await), ["refund"]);
    // A refund that failed without money moving has no row.
    world.rail.next(refundry_testkit::rail::Manner::Refuse("AC04"));
    world.refund(payment, 1, "failing").await;
    world.work().await;
    assert_eq!(rows("").await.len(), 3);
}

/// Not every bank tells who paid; typed clients need a source all the same.
#[tokio::test]
async fn a_payment_without_an_account_has_a_source_of_its_own() {
    let world = World::new().await;
    let record = RecordPayment { debtor: None, ..world.payment_record(500, PaymentState::Settled) };
    let payment = record.id;
    world.command(Command::RecordPayment(record)).await;
    let source = world.get(&format!("/v3/payments/{payment}")).await.json()["payment_source"].clone();
    assert_eq!(source, json!({ "id": source["id"], "user_id": USER, "account_identifiers": [] }));
    assert!(source["id"].is_string(), "{source}");
    let account = format!("/v3/merchant-accounts/{}", world.gbp);
    let rows = items(&world.get(&format!("{account}/transactions?{THIS_YEAR}")).await.json());
    assert_eq!(rows[0]["payment_source"], source);
    let sources = world.get(&format!("{account}/payment-sources?user_id={USER}")).await.json();
    assert_eq!(sources, json!({ "items": [] }), "nobody can be paid there");
}

#[tokio::test]
async fn refund_rows_are_a_setting() {
    let world = World::with(json!({ "transactions_include_refunds": false })).await;
    let payment = world.paid(7_450).await;
    world.refund(payment, 1, "k").await;
    let heard = world.get(&format!("/v3/merchant-accounts/{}/transactions?{THIS_YEAR}", world.gbp)).await;
    assert_eq!(items(&heard.json()).len(), 1);
}

#[tokio::test]
async fn pages_hold_every_row_once() {
    let world = World::new().await;
    let mut payments = Vec::new();
    for number in 0..230 {
        if number % 7 == 0 {
            world.clock.advance(Span::seconds(1));
        }
        payments.push(world.paid(100).await.to_string());
    }
    let path = format!("/v3/merchant-accounts/{}/transactions?{THIS_YEAR}", world.gbp);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    let mut lengths = Vec::new();
    loop {
        let call = world.call(http::Method::GET, &format!("{path}{cursor}"));
        let heard = call.header("tl-enable-pagination", "true").send().await.json();
        lengths.push(items(&heard).len());
        seen.extend(items(&heard).iter().map(|row| row["payment_id"].as_str().unwrap().to_owned()));
        match heard["pagination"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(lengths, [100, 100, 30]);
    seen.sort();
    payments.sort();
    assert_eq!(seen, payments);
    assert_eq!(items(&world.get(&path).await.json()).len(), 230);
}

// conformance: truelayer 74
#[tokio::test]
async fn sweeping_is_set_told_and_unset() {
    let world = World::new().await;
    let path = format!("/v3/merchant-accounts/{}/sweeping", world.gbp);
    assert_eq!(world.get(&path).await.status, 404);
    let body = json!({ "max_amount_in_minor": 1_042_000_017, "currency": "GBP", "frequency": "fortnightly" });
    let set = world.post(&path).key("s1").json(&body).send().await;
    assert_eq!(set.status, 200, "{}", set.text());
    let mut expected = body.clone();
    expected["destination"] = json!({ "type": "iban", "iban": world.client.members["sweeping_iban"] });
    assert_eq!(set.json(), expected);
    assert_eq!(world.get(&path).await.json(), expected);
    let again = world.post(&path).key("s1").json(&body).send().await;
    assert_eq!((again.status, again.json()), (200, expected));
    for (key, field, value) in [
        ("b1", "max_amount_in_minor", json!(0)),
        ("b2", "currency", json!("EUR")),
        ("b3", "frequency", json!("hourly")),
    ] {
        let mut bad = body.clone();
        bad[field] = value;
        let heard = world.post(&path).key(key).json(&bad).send().await;
        assert_eq!(heard.problem(), (400, "invalid-parameters".to_owned(), vec![field.to_owned()]));
    }
    let eur = format!("/v3/merchant-accounts/{}/sweeping", world.eur);
    let euros = json!({ "max_amount_in_minor": 1, "currency": "EUR", "frequency": "daily" });
    let unapproved = world.post(&eur).key("e1").json(&euros).send().await;
    assert_eq!(unapproved.problem(), (400, "invalid-state".to_owned(), vec![]));
    let gone = world.delete(&path).key("d1").send().await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(world.get(&path).await.problem().0, 404);
    let repeated = world.delete(&path).key("d1").send().await;
    assert_eq!((repeated.status, repeated.body.len()), (204, 0));
    assert_eq!(world.delete(&path).key("d2").send().await.problem().0, 404);
}
