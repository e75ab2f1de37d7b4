//! The Banked v3 walk: full, partial, over, failed, repeated; webhooks verified.

use super::client::{Arrived, Call, Called, Client};
use super::table::{Expected, Steps};
use anyhow::Context;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// One walk with its token.
struct Walk<'a> {
    client: &'a Client,
    token: String,
    steps: Steps,
}

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let mut walk = Walk { client, token: String::new(), steps: Steps::default() };
    walk.sign_in().await?;
    let payin = client.payin(1000, "0505101").await?;
    let (refund, first) = walk.refund("refund all of a pay-in of 1000, by mandate", &payin, 1000, "demo-full").await?;
    walk.hear("it is on its way", &refund, "refund_pending").await?;
    walk.repeat(&payin, &first).await?;
    walk.hear("the bank paid it", &refund, "refund_sent").await?;
    let payin = client.payin(1000, "0505101").await?;
    for (what, amount, key) in [("refund 400 of another", 400, "demo-part-1"), ("and 300 more", 300, "demo-part-2")] {
        let (refund, _) = walk.refund(what, &payin, amount, key).await?;
        walk.hear("the bank paid it", &refund, "refund_sent").await?;
    }
    walk.over(&payin).await?;
    let payin = client.payin(700, "0505105").await?;
    let (refund, _) = walk.refund("refund 700 that the bank will refuse", &payin, 700, "demo-fail").await?;
    let failed = walk.hear("the bank says: insufficient funds", &refund, "refund_failed").await?;
    anyhow::ensure!(
        failed.json["data"]["status_details"]["reason"]["code"] == "INSUFFICIENT_FUNDS",
        "the reason is {}",
        failed.json["data"]["status_details"]
    );
    walk.refund("its 700 are refundable again", &payin, 700, "demo-again").await?;
    Ok(walk.steps)
}

impl Walk<'_> {
    async fn sign_in(&mut self) -> anyhow::Result<()> {
        use base64::Engine;
        let pair =
            format!("{}:{}", self.client.credential("/banked/api_key")?, self.client.credential("/banked/api_secret")?);
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let scope = self.client.credential("/banked/application_id")?;
        let body = json!({ "grant_type": "client_credentials", "scope": scope });
        let call =
            Call { method: "POST", path: "/oauth/token", authorization: &basic, body: Some(body), ..Call::default() };
        let called = self.client.call(call).await?;
        self.token = format!("Bearer {}", called.json["access_token"].as_str().context("no access token")?);
        let answer = format!("{} {}", called.status, called.json["token_type"].as_str().unwrap_or_default());
        self.steps.add(Expected {
            what: "get a token",
            answer,
            webhook: String::new(),
            took: called.took,
            good: called.status == 200,
        });
        Ok(())
    }

    fn body(&self, payin: &str, amount: u64) -> anyhow::Result<Value> {
        Ok(json!({
            "amount": amount,
            "original_payin_information": { "id": payin },
            "processing_method": {
                "method_type": "MANDATE",
                "mandate": { "token": self.client.credential("/banked/mandate_token")? },
            },
        }))
    }

    async fn post(&self, payin: &str, amount: u64, key: &str) -> anyhow::Result<Called> {
        let body = self.body(payin, amount)?;
        let call = Call {
            method: "POST",
            path: "/v3/refunds",
            authorization: &self.token,
            key: Some(key),
            body: Some(body),
            ..Call::default()
        };
        self.client.call(call).await
    }

    async fn refund(&mut self, what: &str, payin: &str, amount: u64, key: &str) -> anyhow::Result<(String, Vec<u8>)> {
        let called = self.post(payin, amount, key).await?;
        let status = called.json["status_details"]["status"].as_str().unwrap_or_default().to_owned();
        let good = called.status == 201 && status == "PENDING" && called.json["amount"] == amount;
        let answer = format!("{} {status} {}", called.status, called.json["amount"]);
        self.steps.add(Expected { what, answer, webhook: String::new(), took: called.took, good });
        Ok((called.json["id"].as_str().context("a refund without an id")?.to_owned(), called.bytes))
    }

    async fn repeat(&mut self, payin: &str, first: &[u8]) -> anyhow::Result<()> {
        let called = self.post(payin, 1000, "demo-full").await?;
        let same = called.bytes == first;
        let answer = format!("{}, {}", called.status, if same { "the same bytes" } else { "OTHER BYTES" });
        let good = same && called.status == 201;
        self.steps.add(Expected {
            what: "repeat the call with its key",
            answer,
            webhook: String::new(),
            took: called.took,
            good,
        });
        Ok(())
    }

    async fn over(&mut self, payin: &str) -> anyhow::Result<()> {
        let called = self.post(payin, 400, "demo-over").await?;
        let error = &called.json["errors"][0];
        let reason = error["params"]["amount"]["reason"].as_str().unwrap_or_default();
        let good = called.status == 400 && reason.contains("300");
        let answer = format!("{} {}: {reason}", called.status, error["code"].as_str().unwrap_or_default());
        self.steps.add(Expected {
            what: "refund 400 where 300 are left",
            answer,
            webhook: String::new(),
            took: called.took,
            good,
        });
        Ok(())
    }

    async fn hear(&mut self, what: &str, refund: &str, event: &str) -> anyhow::Result<Arrived> {
        let arrived =
            self.client.webhook("banked", |json| json["type"] == event && json["data"]["id"] == refund).await?;
        let key = self.client.credential("/banked/webhook_signature_key")?;
        let good = verified(&arrived, key);
        let webhook = format!("{event}, {}", if good { "signature verified" } else { "BAD SIGNATURE" });
        let status = arrived.json["data"]["status_details"]["status"].as_str().unwrap_or_default().to_owned();
        self.steps.add(Expected { what, answer: status, webhook, took: arrived.took, good });
        Ok(arrived)
    }
}

/// Checks `banked-signature`: seconds, a dot, lower-case hex of the HMAC over
/// seconds, dot and body.
pub(super) fn verified(arrived: &Arrived, key: &str) -> bool {
    let Some((seconds, signature)) = arrived.header("banked-signature").split_once('.') else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let text = format!("{seconds}.{}", arrived.text);
    hex::encode(hmac::sign(&key, text.as_bytes())) == signature
}
