//! Whole walks: token, payment, the payer's bank, refund; alone and many at once.

#![expect(clippy::print_stderr, reason = "a walk tells how long it took")]

use super::super::server::{Server, Who};
use super::client::{Client, Wish};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What a walk may take with the sandbox's own delays; a person waits for it.
const WALK_MAX: Duration = Duration::from_secs(3);
/// Walks at once.
const WALKS: usize = 36;

/// From the token to the list, as an official client goes it.
async fn walk(client: &Client, name: &str) -> String {
    let wish = Wish::pence(7450);
    let payment = client.paid(&wish, &format!("payment-{name}")).await;
    let body = json!({ "amount_in_minor": null, "reference": "FB-2093 back", "metadata": null });
    let made = client.refund(&payment, &format!("refund-{name}"), &body).await.expect(202);
    let refund = made.text("/id");
    assert_eq!(made.json, json!({ "id": refund }));
    let path = format!("/v3/payments/{payment}/refunds");
    let shown = client.reaches(&format!("{path}/{refund}"), "executed").await;
    assert_eq!((&shown["amount_in_minor"], &shown["currency"]), (&json!(7450), &json!("GBP")));
    assert_eq!(client.get(&path).await.expect(200).json, json!({ "items": [shown] }));
    refund
}

#[expect(clippy::disallowed_methods, reason = "the walk's duration is what is asserted")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

// conformance: truelayer 28
// conformance: truelayer 40
// conformance: truelayer 56
#[tokio::test]
async fn a_walk_takes_less_than_three_seconds() {
    let server = Arc::new(Server::with(&[]).await);
    let begun = now();
    let client = Client::first(&server).await;
    walk(&client, "alone").await;
    let took = begun.elapsed();
    eprintln!("the walk from token to list took {took:?}");
    assert!(took < WALK_MAX, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_walks_at_once_all_arrive() {
    let server = Arc::new(Server::with(&[]).await);
    let mut walks = JoinSet::new();
    for number in 0..WALKS {
        let server = Arc::clone(&server);
        walks.spawn(async move { walk(&Client::first(&server).await, &number.to_string()).await });
    }
    let mut refunds = walks.join_all().await;
    assert_eq!(refunds.len(), WALKS);
    // And once more, everybody under the same keys as a client of its own.
    let mut walks = JoinSet::new();
    for _ in 0..WALKS {
        let server = Arc::clone(&server);
        walks.spawn(async move { walk(&Client::further(&server).await, "same-key").await });
    }
    refunds.extend(walks.join_all().await);
    refunds.sort();
    refunds.dedup();
    assert_eq!(refunds.len(), 2 * WALKS, "every walk has a refund of its own");
    let books = server.get(Who::Sandbox, "/sandbox/v1/bank/instructions?limit=1000").await.expect(200).json;
    let lines: &Vec<Value> = books["data"].as_array().unwrap();
    assert_eq!(lines.len(), 2 * WALKS);
    assert!(lines.iter().all(|line| line["paid_count"] == 1), "{books}");
    assert_eq!(Server::verify(&server.data()).0, Some(0));
}
