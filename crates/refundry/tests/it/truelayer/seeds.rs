//! The calls of the vendor's guide to refunds, with only host, credentials,
//! ids and signature changed; the answers have the members that it prints.

use super::super::server::{Server, answer};
use super::client::{Client, Wish};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The body of the guide's request, as it is printed.
const REQUEST: &str = "{\n\"amount_in_minor\": 10000,\n\"reference\": \"Refund-12345\"\n}";

/// A single refund, as the guide prints it.
fn printed() -> Value {
    json!({ "id": "a843eb32-291a-4e63-948f-947ebc7f8ac8", "amount_in_minor": 1, "currency": "EUR", "status": "executed", "reference": "My reference", "created_at": "2024-03-01T17:37:04.284282854Z", "authorized_at": "2024-03-01T17:37:04.581048454Z", "executed_at": "2024-03-01T17:37:05.550Z" })
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// RFC 3339 in UTC with 3 to 9 digits of a second, as the guide writes it.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let Some((head, fraction)) = text.strip_suffix('Z').and_then(|text| text.split_once('.')) else { return false };
    let shape: String = head.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00"
        && (3..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// The same members of the same kinds.
fn looks_like_printed(shown: &Value) {
    let example = printed();
    assert_eq!(names(shown), names(&example));
    for (name, value) in example.as_object().unwrap() {
        match name.as_str() {
            "amount_in_minor" => assert!(shown[name].is_u64(), "{shown}"),
            time if time.ends_with("_at") => assert!(is_time(&shown[name]) && is_time(value), "{shown}"),
            "id" => assert_eq!(shown[name].as_str().unwrap().len(), 36),
            "currency" | "status" => assert_eq!(&shown[name], value),
            _ => assert!(shown[name].is_string(), "{shown}"),
        }
    }
}

#[tokio::test]
async fn the_guides_calls_work_as_they_are_printed() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let wish = Wish { amount: 30_000, currency: "EUR", settlement_delay: Some(0) };
    let payment = client.paid(&wish, "f0f19ba9-73e5-4d3b-9b0e-7a2ea5a0c3d4").await;
    let path = format!("/v3/payments/{payment}/refunds");
    let key = "2c1b9e3f-6f0b-4c5e-8a53-90d2b7f5a6c1";
    let made = client.post_bytes(&path, key, REQUEST.as_bytes().to_vec()).await.expect(202);
    assert_eq!((names(&made.json), made.media.as_str()), (BTreeSet::from(["id"]), "application/json"));
    let first = made.text("/id");

    let single = format!("{path}/{first}");
    client.reaches(&single, "executed").await;
    // The guide shows a signature on this GET, too.
    let shown = answer(client.request("GET", &single).header("tl-signature", "{SIGNATURE}")).await.expect(200);
    looks_like_printed(&shown.json);
    assert_eq!((&shown.json["amount_in_minor"], &shown.json["reference"]), (&json!(10_000), &json!("Refund-12345")));

    let mut amounts = vec![10_000];
    for amount in [1, 9_999, 10_000] {
        let body = json!({ "amount_in_minor": amount, "reference": "My reference" });
        let refund = client.refund(&payment, &format!("part-{amount}"), &body).await.expect(202).text("/id");
        client.reaches(&format!("{path}/{refund}"), "executed").await;
        amounts.push(amount);
    }
    let list = answer(client.request("GET", &path).header("tl-signature", "{SIGNATURE}")).await.expect(200);
    assert_eq!(names(&list.json), BTreeSet::from(["items"]));
    let items = list.json["items"].as_array().unwrap();
    items.iter().for_each(looks_like_printed);
    assert_eq!(items.iter().map(|item| item["amount_in_minor"].as_u64().unwrap()).collect::<Vec<_>>(), amounts);
    assert_eq!(items[0], shown.json);
    // The members stand in the order of the guide.
    let order: Vec<usize> = ["id", "amount_in_minor", "currency", "status", "reference", "created_at", "authorized_at"]
        .iter()
        .map(|name| shown.text.find(&format!("\"{name}\":")).unwrap())
        .collect();
    assert!(order.is_sorted(), "{}", shown.text);
}
