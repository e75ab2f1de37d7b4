//! The native walk: the same truths in the engine's own words.

use super::client::{Arrived, Call, Called, Client};
use super::table::{Expected, Steps};
use anyhow::Context;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let mut steps = Steps::default();
    let authorization = format!("Bearer {}", client.credential("/native/api_key")?);
    let endpoint = json!({ "url": client.url("/sandbox/v1/inbox/demo"), "description": "demo" });
    let made = post(client, &authorization, "/v1/webhook-endpoints", ("demo-endpoint", endpoint)).await?;
    let secret = made.json["secret"].as_str().context("an endpoint without a secret")?.to_owned();
    add(&mut steps, "register a webhook endpoint", &made, made.status == 201, format!("{}", made.status));

    let payment = json!({
        "amount": 2500, "currency": "GBP",
        "debtor": { "name": "Ada Kettle", "sort_code": "040004", "account_number": "12345678" },
    });
    let paid = post(client, &authorization, "/v1/payments", ("demo-payment", payment)).await?;
    let payment = paid.json["id"].as_str().context("a payment without an id")?.to_owned();
    add(&mut steps, "record a payment of 2500", &paid, paid.status == 201, said(&paid, "status"));

    let body = json!({ "payment_id": payment, "amount": 1000 });
    let part = post(client, &authorization, "/v1/refunds", ("demo-native-1", body.clone())).await?;
    add(&mut steps, "refund 1000 of it", &part, part.status == 201, said(&part, "status"));
    let again = post(client, &authorization, "/v1/refunds", ("demo-native-1", body)).await?;
    let same = again.bytes == part.bytes;
    add(&mut steps, "repeat the call with its key", &again, same, format!("{} same bytes: {same}", again.status));
    let over = json!({ "payment_id": payment, "amount": 2000 });
    let over = post(client, &authorization, "/v1/refunds", ("demo-native-2", over)).await?;
    let refused = over.json["code"] == "amount_exceeds_refundable" && over.json["refundable"] == 1500;
    let answer = format!("{} {}, {} left", over.status, over.json["code"], over.json["refundable"]);
    add(&mut steps, "refund 2000 where 1500 are left", &over, refused, answer);
    let rest = json!({ "payment_id": payment });
    let rest = post(client, &authorization, "/v1/refunds", ("demo-native-3", rest)).await?;
    add(&mut steps, "refund the rest", &rest, rest.json["amount"] == 1500, said(&rest, "amount"));
    for made in [&part, &rest] {
        let refund = &made.json["id"];
        let arrived =
            client.webhook("demo", |json| json["type"] == "refund.settled" && json["data"]["id"] == *refund).await?;
        let good = verified(&arrived, &secret);
        let webhook = format!("refund.settled, {}", if good { "signature verified" } else { "BAD SIGNATURE" });
        let answer = arrived.json["data"]["amount"].to_string();
        steps.add(Expected { what: "the bank paid it", answer, webhook, took: arrived.took, good });
    }
    Ok(steps)
}

async fn post(client: &Client, authorization: &str, path: &str, (key, body): (&str, Value)) -> anyhow::Result<Called> {
    let call = Call { method: "POST", path, authorization, key: Some(key), body: Some(body), ..Call::default() };
    client.call(call).await
}

fn said(called: &Called, member: &str) -> String {
    let value = &called.json[member];
    format!("{} {}", called.status, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn add(steps: &mut Steps, what: &str, called: &Called, good: bool, answer: String) {
    steps.add(Expected { what, answer, webhook: String::new(), took: called.took, good });
}

/// Checks a Standard Webhooks signature.
fn verified(arrived: &Arrived, secret: &str) -> bool {
    let Ok(key) = STANDARD.decode(secret.trim_start_matches("whsec_")) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let text = format!("{}.{}.{}", arrived.header("webhook-id"), arrived.header("webhook-timestamp"), arrived.text);
    let expected = format!("v1,{}", STANDARD.encode(hmac::sign(&key, text.as_bytes())));
    arrived.header("webhook-signature").split(' ').any(|one| one == expected)
}
