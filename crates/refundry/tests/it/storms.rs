//! Many callers at once: never more than was received, never twice by one key.

use super::server::{Answer, Server, Who};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Callers in a storm of different keys.
const CALLERS: usize = 200;
/// Callers with one key.
const TWINS: usize = 100;
/// Storms per dialect.
const ROUNDS: usize = 5;

async fn native_payment(server: &Server, key: &str) -> String {
    let debtor = json!({ "name": "Ada Kettle", "sort_code": "040004", "account_number": "12345678" });
    let body = json!({ "amount": 1000, "currency": "GBP", "debtor": debtor });
    server.post(Who::Native, "/v1/payments", key, &body).await.expect(201).text("/id")
}

async fn all_at_once(server: &Arc<Server>, calls: Vec<(Who, &'static str, String, Value)>) -> Vec<Answer> {
    let mut storm = JoinSet::new();
    for (who, path, key, body) in calls {
        let server = Arc::clone(server);
        storm.spawn(async move { server.post(who, path, &key, &body).await });
    }
    storm.join_all().await
}

// conformance: banked 40
// conformance: banked 52
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_never_get_more_than_was_paid() {
    let server = Arc::new(Server::start().await);
    for round in 0..ROUNDS {
        for who in [Who::Banked, Who::Native] {
            let payment = match who {
                Who::Banked | Who::Sandbox => server.payin(1000, "0505101").await,
                Who::Native => native_payment(&server, &format!("payment-{round}")).await,
            };
            let call = |caller| {
                let key = format!("{round}-{caller}");
                match who {
                    Who::Banked | Who::Sandbox => (who, "/v3/refunds", key, server.by_mandate(&payment, 100)),
                    Who::Native => (who, "/v1/refunds", key, json!({ "payment_id": payment, "amount": 100 })),
                }
            };
            let answers = all_at_once(&server, (0..CALLERS).map(call).collect()).await;
            let refused = if who == Who::Native { 409 } else { 400 };
            let count = |status| answers.iter().filter(|answer| answer.status == status).count();
            assert_eq!((count(201), count(refused)), (10, CALLERS - 10), "{who:?}: {:?}", answers[0]);
            server
                .until("all paid", async || {
                    let paid = server.books(&payment).await["totals"]["paid"].as_u64().unwrap();
                    assert!(paid <= 1000, "{paid}");
                    (paid == 1000).then_some(())
                })
                .await;
            let books = server.books(&payment).await;
            let lines = books["data"].as_array().unwrap();
            assert_eq!((lines.len(), &books["violations"]), (10, &json!(0)));
            assert!(lines.iter().all(|line| line["paid_count"] == 1), "{books}");
        }
    }
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}

// conformance: banked 65
// conformance: banked 67
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_with_one_key_make_one_refund() {
    let server = Arc::new(Server::start().await);
    let payin = server.payin(1000, "0505101").await;
    let native = native_payment(&server, "payment").await;
    let calls = [
        (Who::Banked, "/v3/refunds", server.by_mandate(&payin, 100), &payin),
        (Who::Native, "/v1/refunds", json!({ "payment_id": native, "amount": 100 }), &native),
    ];
    for (who, path, body, payment) in calls {
        let twins = (0..TWINS).map(|_| (who, path, "one-key".to_owned(), body.clone())).collect();
        let answers = all_at_once(&server, twins).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
        }
        server.stands(&answers[0].text("/id"), "settled").await;
        let books = server.books(payment).await;
        assert_eq!(books["data"].as_array().unwrap().len(), 1);
        assert_eq!(books["totals"]["paid"], 100);
    }
}

// conformance: banked 51
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_that_race_for_one_float_never_overdraw_it() {
    let server = Arc::new(Server::start().await);
    let mut payins = Vec::new();
    for _ in 0..20 {
        payins.push(server.payin(1000, "0505101").await);
    }
    let account = format!("accounts/{}/balance", server.credential("/banked/bank_account_id"));
    server.lever(&account, json!({ "amount": 5500 })).await;
    let call = |payin: &String| (Who::Banked, "/v3/refunds", payin.clone(), server.by_float(payin, 1000));
    let answers = all_at_once(&server, payins.iter().map(call).collect()).await;
    let mut sent = 0;
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = answer.text("/id");
        let ended = async || {
            let status = server.shown(&id).await["status_details"]["status"].clone();
            (status != "PENDING").then_some(status)
        };
        sent += usize::from(server.until("an end", ended).await == "SENT");
    }
    assert_eq!(sent, 5);
    assert_eq!(server.available().await, 500);
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}
