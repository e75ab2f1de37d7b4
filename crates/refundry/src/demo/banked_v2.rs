//! The Banked v2 walk, as the provider's page tells it: a customer pays, a
//! refund asks for the customer's account, the merchant consents at its bank.

use super::client::{Call, Called, Client};
use super::table::{Expected, Steps};
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One walk with its credentials.
struct Walk<'a> {
    client: &'a Client,
    authorization: String,
    steps: Steps,
}

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let pair = format!("{}:{}", client.credential("/banked/api_key")?, client.credential("/banked/api_secret")?);
    let authorization = format!("Basic {}", STANDARD.encode(pair));
    let mut walk = Walk { client, authorization, steps: Steps::default() };
    let session = walk.pay().await?;
    let refund = walk.ask(&session).await?;
    walk.give_details(&refund).await?;
    let own = walk.read(&session).await?;
    walk.authorise(&own).await?;
    walk.over(&session).await?;
    Ok(walk.steps)
}

impl Walk<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Called> {
        self.client.call(Call { method, path, authorization: &self.authorization, body, ..Call::default() }).await
    }

    fn add(&mut self, what: &str, called: &Called, good: bool, answer: String) {
        self.steps.add(Expected { what, answer, webhook: String::new(), took: called.took, good });
    }

    /// Waits for a session's webhook of this name.
    async fn hear(&mut self, what: &str, session: &str, event: &str) -> anyhow::Result<()> {
        let fits = |json: &Value| json["webhook_event"] == event && json["id"] == session;
        let arrived = self.client.webhook("banked", fits).await?;
        let key = self.client.credential("/banked/webhook_signature_key")?;
        let good = super::banked::verified(&arrived, key);
        let webhook = format!("{event}, {}", if good { "signature verified" } else { "BAD SIGNATURE" });
        let answer = arrived.json["state"].as_str().unwrap_or_default().to_owned();
        self.steps.add(Expected { what, answer, webhook, took: arrived.took, good });
        Ok(())
    }

    /// A customer pays at a bank that keeps account numbers to itself.
    async fn pay(&mut self) -> anyhow::Result<String> {
        let body = json!({
            "reference": "Candles", "success_url": "http://example.com/success?id=__PAYMENT_ID__",
            "error_url": "http://example.com/error",
            "line_items": [{ "name": "Candle", "amount": 500, "currency": "GBP", "quantity": 2 }],
            "payer": { "name": "Ada Kettle", "email": "ada.kettle@example.org" },
        });
        let made = self.call("POST", "/v2/payment_sessions", Some(body)).await?;
        let good = made.status == 201 && made.json["state"] == "awaiting_provider";
        let answer = format!("{} {}", made.status, made.json["amount_formatted"]);
        self.add("ask a customer for £10.00", &made, good, answer);
        let session = made.json["id"].as_str().context("a session without an id")?.to_owned();
        self.decide("the customer pays", &session, "mock-bank-no-details").await?;
        self.hear("the money left", &session, "payment_sent").await?;
        Ok(session)
    }

    async fn decide(&mut self, what: &str, session: &str, bank: &str) -> anyhow::Result<()> {
        let body = json!({ "bank": bank, "decision": "authorise" });
        let path = format!("/sandbox/v1/checkouts/{session}/decision");
        let called = self.client.sandbox_call("POST", &path, Some(body)).await?;
        let onward = called.json["redirect_url"].as_str().unwrap_or_default().to_owned();
        let good = called.status == 200 && onward.ends_with(session);
        self.add(what, &called, good, format!("{} on to {onward}", called.status));
        Ok(())
    }

    /// The page's first call.
    async fn ask(&mut self, session: &str) -> anyhow::Result<String> {
        let body = json!({
            "success_url": "http://example.com/success?id=__PAYMENT_ID__", "error_url": "http://example.com/error",
            "amount": 400, "reference": "refund Candles", "payment_session_id": session,
        });
        let made = self.call("POST", "/v2/refunds", Some(body)).await?;
        let state = &made.json["state"];
        let good =
            made.status == 201 && *state == "awaiting_details" && made.json["refund_payment_session_id"].is_null();
        let answer = format!("{} {state}", made.status);
        self.add("refund £4.00 of it", &made, good, answer);
        let url = made.json["url"].as_str().context("a refund without a page")?;
        let path = url.split('?').next().unwrap_or_default();
        Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
    }

    async fn give_details(&mut self, refund: &str) -> anyhow::Result<()> {
        let body = json!({ "name": "Ada Kettle", "sort_code": "040099", "account_number": "55120934" });
        let path = format!("/sandbox/v1/refunds/{refund}/details");
        let called = self.client.sandbox_call("POST", &path, Some(body)).await?;
        let good = called.status == 200;
        self.add("the customer names an account", &called, good, called.status.to_string());
        Ok(())
    }

    /// The page's second call.
    async fn read(&mut self, session: &str) -> anyhow::Result<String> {
        let read = self.call("GET", &format!("/v2/payment_sessions/{session}"), None).await?;
        let refund = &read.json["refunds"][0];
        let good = refund["state"] == "awaiting_payment";
        let answer = format!("{} {}", read.status, refund["state"]);
        self.add("its refund has a session now", &read, good, answer);
        Ok(refund["refund_payment_session_id"].as_str().context("a refund without a session")?.to_owned())
    }

    /// The page's third call, and what follows.
    async fn authorise(&mut self, own: &str) -> anyhow::Result<()> {
        let read = self.call("GET", &format!("/v2/payment_sessions/{own}"), None).await?;
        let good = read.json["state"] == "awaiting_provider";
        let answer = format!("{} {}, {}", read.status, read.json["state"], read.json["reference"]);
        self.add("read the refund's session", &read, good, answer);
        self.decide("the merchant consents at its bank", own, "mock-bank").await?;
        self.hear("the bank paid it", own, "payment_sent").await
    }

    async fn over(&mut self, session: &str) -> anyhow::Result<()> {
        let body = json!({ "payment_session_id": session, "amount": 601, "reference": "too much" });
        let called = self.call("POST", "/v2/refunds", Some(body)).await?;
        let error = &called.json["errors"][0];
        let good = called.status == 422 && error["code"] == "invalid_amount";
        let answer = format!("{} {}", called.status, error["code"]);
        self.add("refund 601 where 600 are left", &called, good, answer);
        Ok(())
    }
}
