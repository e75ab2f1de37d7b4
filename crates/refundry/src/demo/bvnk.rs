//! The BVNK walk: a pay-in of the simulator, its refunds, one that comes back,
//! and the wallet's lines; requests are signed, webhooks are verified. What fees
//! and other people's approval add is a walk of its own.

mod people;

pub(crate) use people::walk as walk_with_people;

use super::client::{Arrived, Call, Called, Client};
use super::table::{Expected, Steps};
use anyhow::Context;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refundry_engine::clock::real_now;
use refundry_engine::mint::random_id;
use reqwest::Url;
use serde_json::{Value, json};

/// Where this dialect's webhooks arrive.
const INBOX: &str = "bvnk";

/// One walk with its key.
struct Walk<'a> {
    client: &'a Client,
    id: &'a str,
    key: &'a str,
    steps: Steps,
}

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let (id, key) = (client.credential("/bvnk/auth_id")?, client.credential("/bvnk/auth_key")?);
    let mut walk = Walk { client, id, key, steps: Steps::default() };
    let payin = walk.payin("INV-20417").await?;
    walk.estimate("what would a refund cost?", &payin, (0.0, 120.0)).await?;
    let refund = walk.refund("refund 42.50 of it", (&payin, "42.50", "ticket-88412"), "demo-bvnk-1").await?;
    walk.hear("it is on its way", &refund, "PROCESSING").await?;
    walk.hear("the bank paid it", &refund, "COMPLETED").await?;
    walk.repeat(&payin, &refund).await?;
    walk.over(&payin).await?;
    let back = walk.refund("refund 77.50; its text brings it back", (&payin, "77.50", "RETURN-AC04"), "demo-bvnk-2");
    let back = back.await?;
    walk.hear("the bank paid it", &back, "COMPLETED").await?;
    let told = walk.hear("the payee's bank returned it", &back, "RETURNED").await?;
    let reason = &told.json["data"]["statusReason"]["code"];
    anyhow::ensure!(*reason == "account_closed", "the reason is {reason}");
    walk.lines().await?;
    Ok(walk.steps)
}

fn body(value: &str, reference: &str) -> Value {
    json!({ "customerReference": reference, "amount": { "value": value, "currency": "GBP" } })
}

impl Walk<'_> {
    /// A signed call.
    async fn call(&self, method: &str, path: &str, key: Option<&str>, body: Option<Value>) -> anyhow::Result<Called> {
        let authorization = self.authorization(method, path)?;
        self.client.call(Call { method, path, authorization: &authorization, key, body, ..Call::default() }).await
    }

    /// The Hawk header of a call.
    fn authorization(&self, method: &str, path: &str) -> anyhow::Result<String> {
        let url = Url::parse(&self.client.url(path))?;
        let (host, port) = (url.host_str().context("no host")?, url.port_or_known_default().context("no port")?);
        let (ts, nonce) = (real_now().unix_seconds(), format!("{:032x}", random_id()));
        let text = format!("hawk.1.header\n{ts}\n{nonce}\n{method}\n{path}\n{host}\n{port}\n\n\n");
        let mac = sign(self.key, text.as_bytes());
        Ok(format!("Hawk id=\"{}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"", self.id))
    }

    fn add(&mut self, what: &str, called: &Called, answer: String, good: bool) {
        self.steps.add(Expected { what, answer, webhook: String::new(), took: called.took, good });
    }

    async fn payin(&mut self, reference: &str) -> anyhow::Result<String> {
        let body = json!({
            "walletId": self.client.credential("/bvnk/wallets/GBP")?,
            "paymentReference": reference, "paymentMethod": "FASTER_PAYMENT",
            "amount": { "value": "120.00", "currency": "GBP" },
            "originator": { "name": "Nadia Okafor", "bankAccount": {
                "accountNumberFormat": "SCAN", "bankCode": "200415", "accountNumber": "60312207",
            } },
        });
        let called = self.call("POST", "/payment/v1/payins/simulate", None, Some(body)).await?;
        let answer = format!("{} {}", called.status, called.json["status"].as_str().unwrap_or_default());
        self.add("a pay-in of 120.00", &called, answer, called.status == 200);
        let payin = called.json["transactionReference"].as_str().context("a pay-in without a reference")?.to_owned();
        self.hear("it is in the wallet", &payin, "COMPLETED").await?;
        Ok(payin)
    }

    /// What refunding all that is left costs, and how much that is.
    async fn estimate(&mut self, what: &str, payin: &str, expected: (f64, f64)) -> anyhow::Result<()> {
        let path = format!("/payment/v1/payins/{payin}/estimate");
        let called = self.call("GET", &path, None, None).await?;
        let left = called.json["maxAvailableToRefund"]["value"].as_f64().unwrap_or_default();
        let fee = called.json["fee"]["value"].as_f64().unwrap_or(-1.0);
        let good = called.status == 200 && (fee - expected.0).abs() < 1e-9 && (left - expected.1).abs() < 1e-9;
        self.add(what, &called, format!("{} fee {fee:.2}, {left:.2} left", called.status), good);
        Ok(())
    }

    async fn refund(&mut self, what: &str, asked: (&str, &str, &str), key: &str) -> anyhow::Result<String> {
        let (payin, value, reference) = asked;
        let path = format!("/payment/v1/payins/{payin}/refund");
        let called = self.call("POST", &path, Some(key), Some(body(value, reference))).await?;
        let answer = format!("{} {}", called.status, called.json["status"].as_str().unwrap_or_default());
        self.add(what, &called, answer, called.status == 200 && called.json["transactionReference"] == payin);
        Ok(called.json["refundTransactionReference"].as_str().context("a refund without a reference")?.to_owned())
    }

    /// The seed's own path, with the same key.
    async fn repeat(&mut self, payin: &str, refund: &str) -> anyhow::Result<()> {
        let path = format!("/{payin}/refund");
        let again = body("42.50", "ticket-88412");
        let called = self.call("POST", &path, Some("demo-bvnk-1"), Some(again)).await?;
        let good = called.status == 400 && called.json["details"]["refundTransactionReference"] == refund;
        let code = called.json["code"].as_str().unwrap_or_default();
        let answer = format!("{} {code}, {}", called.status, if good { "names the refund" } else { "NAMES IT NOT" });
        self.add("repeat the call with its key", &called, answer, good);
        Ok(())
    }

    async fn over(&mut self, payin: &str) -> anyhow::Result<()> {
        let path = format!("/payment/v1/payins/{payin}/refund");
        let called = self.call("POST", &path, Some("demo-bvnk-over"), Some(body("100", "too much"))).await?;
        let text = format!("Invalid amount to refund from pay-in: {payin}. Available amount: 77.50.");
        let good = called.status == 400 && called.json["message"] == text;
        self.add(
            "refund 100 where 77.50 are left",
            &called,
            format!("{} Available amount: 77.50.", called.status),
            good,
        );
        Ok(())
    }

    async fn lines(&mut self) -> anyhow::Result<()> {
        let wallet = self.client.credential("/bvnk/wallets/GBP")?.to_owned();
        let list = format!("/ledger/v1/transactions?walletId={wallet}&page=0&size=10");
        let called = self.call("GET", &list, None, None).await?;
        let one = self.call("GET", &format!("/ledger/v1/wallets/{wallet}"), None, None).await?;
        let newest = &called.json["content"][0]["runningBalance"]["value"];
        let balance = &one.json["balance"]["value"];
        let count = called.json["totalElements"].as_u64().unwrap_or_default();
        let good = called.status == 200 && newest == balance && count >= 4;
        self.add("the wallet's lines", &called, format!("{} {count} lines, {newest} in the end", called.status), good);
        Ok(())
    }

    async fn hear(&mut self, what: &str, id: &str, word: &str) -> anyhow::Result<Arrived> {
        let fits = |json: &Value| json["data"]["transactionReference"] == id && json["data"]["status"] == word;
        let arrived = self.client.webhook(INBOX, fits).await?;
        let secret = self.client.credential("/bvnk/webhook_secret")?;
        let good = arrived.header("x-signature") == sign(secret, arrived.text.as_bytes());
        let webhook = format!("{word}, {}", if good { "signature verified" } else { "BAD SIGNATURE" });
        self.steps.add(Expected { what, answer: String::new(), webhook, took: arrived.took, good });
        Ok(arrived)
    }
}

fn sign(key: &str, text: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text))
}
