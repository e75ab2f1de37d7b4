//! The Banked v2 walk, as the provider's page tells it: a customer pays, a
//! refund asks for the customer's account, the merchant consents at its bank.
//! Whatever people do is done on the pages that they get, over HTTP.

use super::browser::{Entries, Page, Visitor};
use super::client::{Call, Called, Client, now};
use super::table::{Expected, Steps};
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the walk waits for a letter.
const LETTER_WAIT: Duration = Duration::from_secs(15);

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
    let url = walk.ask(&session).await?;
    walk.hear_by_letter(&url).await?;
    walk.give_details(&url).await?;
    let own = walk.read(&session).await?;
    walk.authorise(&own).await?;
    walk.over(&session).await?;
    Ok(walk.steps)
}

/// Tells where a visitor is, in a few words.
fn standing(page: &Page) -> String {
    if page.text.is_empty() {
        return format!("{} on to {}", page.status, page.url);
    }
    let title = page.text.split_once("<h1>").and_then(|(_, after)| after.split_once("</h1>"));
    format!("{} {}", page.status, title.map_or("a page", |(title, _)| title))
}

impl Walk<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Called> {
        self.client.call(Call { method, path, authorization: &self.authorization, body, ..Call::default() }).await
    }

    fn add(&mut self, what: &str, called: &Called, good: bool, answer: String) {
        self.steps.add(Expected { what, answer, webhook: String::new(), took: called.took, good });
    }

    fn add_page(&mut self, what: &str, page: &Page, good: bool) {
        self.steps.add(Expected { what, answer: standing(page), webhook: String::new(), took: page.took, good });
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
        let url = made.json["url"].as_str().context("a session without a page")?;
        self.consent("the customer pays on the pages", url, "mock-bank-no-details", &session).await?;
        self.hear("the money left", &session, "payment_sent").await?;
        Ok(session)
    }

    /// Somebody opens a checkout, chooses a bank and says yes there; then the
    /// browser is sent on to where the merchant said.
    async fn consent(&mut self, what: &str, url: &str, bank: &str, session: &str) -> anyhow::Result<()> {
        let mut visitor = Visitor::new()?;
        let checkout = visitor.open(url).await?;
        let at_bank = visitor.send(&checkout, &[("bank", bank)]).await?;
        let done = visitor.send(&at_bank, &[("decision", "authorise")]).await?;
        let good = done.url.as_str() == format!("http://example.com/success?id={session}");
        self.add_page(what, &done, good);
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
        Ok(made.json["url"].as_str().context("a refund without a page")?.to_owned())
    }

    /// The customer's letter brings the same link.
    async fn hear_by_letter(&mut self, url: &str) -> anyhow::Result<()> {
        let begun = now();
        while begun.elapsed() < LETTER_WAIT {
            let seen = self.client.sandbox_call("GET", "/sandbox/v1/mails", None).await?;
            let letters = seen.json["data"].as_array().cloned().unwrap_or_default();
            let brings = |letter: &&Value| letter["text"].as_str().is_some_and(|text| text.contains(url));
            if let Some(letter) = letters.iter().find(brings) {
                let good = letter["to"] == "ada.kettle@example.org";
                let answer = letter["subject"].as_str().unwrap_or_default().to_owned();
                let what = "a letter brings the customer the link";
                self.steps.add(Expected { what, answer, webhook: String::new(), took: begun.elapsed(), good });
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no letter brought the link")
    }

    async fn give_details(&mut self, url: &str) -> anyhow::Result<()> {
        const ENTERED: Entries<'_> =
            &[("holder_name", "Ada Kettle"), ("bank_code", "04-00-9"), ("number", "5512 0934"), ("step", "check")];
        let mut visitor = Visitor::new()?;
        let form = visitor.open(url).await?;
        let wrong = visitor.send(&form, ENTERED).await?;
        let told = wrong.status == 200 && wrong.text.contains("Enter the 6 digits of your sort code.");
        self.add_page("the customer mistypes the sort code", &wrong, told);
        let entered: Vec<(&str, &str)> = ENTERED
            .iter()
            .map(|(name, value)| (*name, if *name == "bank_code" { "04-00-99" } else { value }))
            .collect();
        let confirm = visitor.send(&wrong, &entered).await?;
        let taken = visitor.send(&confirm, &[("step", "give")]).await?;
        let good = taken.status == 200 && taken.text.contains("••34");
        self.add_page("then names the account", &taken, good);
        let again = visitor.open(url).await?;
        let used_up = again.status == 410;
        self.add_page("the link is used up", &again, used_up);
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
        let url = read.json["url"].as_str().context("a session without a page")?;
        self.consent("the merchant consents at its bank", url, "mock-bank", own).await?;
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
