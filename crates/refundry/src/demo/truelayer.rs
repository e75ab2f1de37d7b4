//! The TrueLayer walk: a payment through the payer's bank, then refunds of it;
//! requests are signed, webhooks are verified.

use super::client::{Arrived, Call, Called, Client};
use super::jws::{Key, verified};
use super::table::{Expected, Steps};
use anyhow::Context;
use reqwest::Url;
use serde_json::{Value, json};
use std::time::Duration;

/// Where this dialect's webhooks arrive.
const INBOX: &str = "truelayer";
/// What a step waits for the payment to settle, in looks of 20 ms.
const LOOK_COUNT_MAX: u32 = 500;

/// One walk with its token, its key, and the server's public keys.
struct Walk<'a> {
    client: &'a Client,
    token: String,
    key: Key,
    jwks: Value,
    steps: Steps,
}

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let key = Key::read(
        client.credential("/truelayer/signing_key_id")?,
        client.credential("/truelayer/signing_private_key_pem")?,
    )?;
    let jwks = Call { method: "GET", path: "/.well-known/jwks", ..Call::default() };
    let jwks = client.call(jwks).await?.json;
    let mut walk = Walk { client, token: String::new(), key, jwks, steps: Steps::default() };
    walk.sign_in().await?;
    let payment = walk.pay("pay 7450 pence in", "demo-pay-1").await?;
    let part = json!({ "amount_in_minor": 1250, "reference": "FB-2093 part" });
    let refund = walk.refund("refund 1250 of them", &payment, "demo-tl-part", &part).await?;
    walk.hear("the bank paid it", &refund, "refund_executed").await?;
    walk.over(&payment).await?;
    let payment = walk.pay("pay another 7450 in", "demo-pay-2").await?;
    let back = json!({ "reference": "TUOYAP" });
    let refund = walk.refund("refund all; its text brings it back", &payment, "demo-tl-back", &back).await?;
    walk.hear("the bank paid it", &refund, "refund_executed").await?;
    let failed = walk.hear("the payer's bank returned it", &refund, "refund_failed").await?;
    anyhow::ensure!(failed.json["failure_reason"] == "returned", "the reason is {}", failed.json["failure_reason"]);
    let whole = json!({ "reference": "FB-2093" });
    let refund = walk.refund("all of it is refundable again", &payment, "demo-tl-again", &whole).await?;
    walk.hear("the bank paid it", &refund, "refund_executed").await?;
    Ok(walk.steps)
}

impl Walk<'_> {
    fn add(&mut self, what: &str, answer: String, took: Duration, good: bool) {
        self.steps.add(Expected { what, answer, webhook: String::new(), took, good });
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client.credential("/truelayer/client_id")?,
            "client_secret": self.client.credential("/truelayer/client_secret")?,
            "scope": "payments",
        });
        let call = Call { method: "POST", path: "/connect/token", body: Some(body), ..Call::default() };
        let called = self.client.call(call).await?;
        self.token = format!("Bearer {}", called.json["access_token"].as_str().context("no access token")?);
        let answer = format!("{} {}", called.status, called.json["token_type"].as_str().unwrap_or_default());
        self.add("get a token", answer, called.took, called.status == 200);
        Ok(())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Called> {
        self.client.call(Call { method: "GET", path, authorization: &self.token, ..Call::default() }).await
    }

    /// A POST with our token; signed when it has a key.
    async fn post(&self, path: &str, key: Option<&str>, body: Value) -> anyhow::Result<Called> {
        let signature = key.map(|key| self.key.sign(path, key, &body.to_string())).transpose()?;
        let call = Call {
            method: "POST",
            path,
            authorization: &self.token,
            key,
            signature: signature.as_deref(),
            body: Some(body),
        };
        self.client.call(call).await
    }

    /// A payment that goes through the payer's bank and settles.
    async fn pay(&mut self, what: &str, key: &str) -> anyhow::Result<String> {
        let account = self.client.credential("/truelayer/merchant_accounts/GBP")?;
        let body = json!({
            "amount_in_minor": 7450, "currency": "GBP",
            "payment_method": {
                "type": "bank_transfer",
                "provider_selection": {
                    "type": "preselected", "provider_id": "mock-payments-gb-redirect",
                    "scheme_id": "faster_payments_service",
                },
                "beneficiary": { "type": "merchant_account", "merchant_account_id": account },
            },
            "user": { "name": "Ida Korhonen", "email": "ida@example.org" },
        });
        let made = self.post("/v3/payments", Some(key), body).await?;
        let payment = made.json["id"].as_str().context("a payment without an id")?.to_owned();
        let status = made.json["status"].as_str().unwrap_or_default();
        self.add(what, format!("{} {status}", made.status), made.took, made.status == 201);
        let returned = self.agree(&payment).await?;
        let (shown, took) = self.settled(&payment).await?;
        let arrived = self.client.webhook(INBOX, |json| of_payment(json, &payment)).await?;
        let (good, webhook) = self.checked(&arrived, "payment_settled");
        let answer = shown["status"].as_str().unwrap_or_default().to_owned();
        let good = good && returned.status == 200 && answer == "settled";
        self.steps.add(Expected { what: "the payer agrees at the bank", answer, webhook, took, good });
        Ok(payment)
    }

    /// Consent, redirect, the bank, and the payer's return.
    async fn agree(&self, payment: &str) -> anyhow::Result<Called> {
        let flow = format!("/v3/payments/{payment}/authorization-flow");
        let body = json!({ "redirect": { "return_uri": "https://shop.example.org/back" }, "consent": {} });
        self.post(&flow, None, body).await?;
        let agreed = self.post(&format!("{flow}/actions/consent"), None, json!({})).await?;
        let uri = agreed.json["authorization_flow"]["actions"]["next"]["uri"].as_str().context("no redirect")?;
        let bank = Url::parse(uri)?;
        let token = bank.fragment().and_then(|fragment| fragment.strip_prefix("token=")).context("no token")?;
        let action = format!("/api/single-immediate-payments/{payment}/action");
        let body = json!({ "action": "Execute", "redirect": false });
        let authorization = format!("Bearer {token}");
        let call =
            Call { method: "POST", path: &action, authorization: &authorization, body: Some(body), ..Call::default() };
        let decided = self.client.call(call).await?;
        let back = Url::parse(std::str::from_utf8(&decided.bytes)?)?;
        let body = json!({ "query": back.query(), "fragment": back.fragment() });
        self.post("/v3/payments-provider-return", None, body).await
    }

    async fn settled(&self, payment: &str) -> anyhow::Result<(Value, Duration)> {
        let mut took = Duration::ZERO;
        for _ in 0..LOOK_COUNT_MAX {
            let shown = self.get(&format!("/v3/payments/{payment}")).await?;
            took += shown.took;
            if shown.json["status"] == "settled" {
                return Ok((shown.json, took));
            }
            let pause = Duration::from_millis(20);
            tokio::time::sleep(pause).await;
            took += pause;
        }
        anyhow::bail!("the payment does not settle")
    }

    async fn refund(&mut self, what: &str, payment: &str, key: &str, body: &Value) -> anyhow::Result<String> {
        let called = self.post(&format!("/v3/payments/{payment}/refunds"), Some(key), body.clone()).await?;
        let refund = called.json["id"].as_str().context("a refund without an id")?.to_owned();
        self.add(what, format!("{} with its id", called.status), called.took, called.status == 202);
        Ok(refund)
    }

    async fn over(&mut self, payment: &str) -> anyhow::Result<()> {
        let body = json!({ "amount_in_minor": 7000, "reference": "FB-2093 more" });
        let called = self.post(&format!("/v3/payments/{payment}/refunds"), Some("demo-tl-over"), body).await?;
        let reason = called.json["errors"]["amount_in_minor"][0].as_str().unwrap_or_default().to_owned();
        let good = called.status == 400 && !reason.is_empty();
        self.add("refund 7000 where 6200 are left", format!("{} {reason}", called.status), called.took, good);
        Ok(())
    }

    async fn hear(&mut self, what: &str, refund: &str, event: &str) -> anyhow::Result<Arrived> {
        let fits = |json: &Value| json["type"] == event && json["refund_id"] == refund;
        let arrived = self.client.webhook(INBOX, fits).await?;
        let (good, webhook) = self.checked(&arrived, event);
        let answer = arrived.json["failure_reason"].as_str().unwrap_or("executed").to_owned();
        self.steps.add(Expected { what, answer, webhook, took: arrived.took, good });
        Ok(arrived)
    }

    /// Whether a webhook's signature is good, and the words for it.
    fn checked(&self, arrived: &Arrived, event: &str) -> (bool, String) {
        let good = verified(arrived, &format!("/sandbox/v1/inbox/{INBOX}"), &self.jwks);
        (good, format!("{event}, {}", if good { "signature verified" } else { "BAD SIGNATURE" }))
    }
}

fn of_payment(json: &Value, payment: &str) -> bool {
    json["type"] == "payment_settled" && json["payment_id"] == payment
}
