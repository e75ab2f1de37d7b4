//! A plain HTTP client for the walks: calls, and what arrived in the inbox.

use anyhow::{Context, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a walk waits for a webhook.
const WEBHOOK_WAIT: Duration = Duration::from_secs(15);

/// Where and as whom the walks call.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    /// The sandbox's credentials.
    pub(crate) sandbox: Value,
}

/// An answer with its time.
pub(crate) struct Called {
    /// HTTP status.
    pub(crate) status: u16,
    /// Body as it came.
    pub(crate) bytes: Vec<u8>,
    /// Body as JSON, null where it is none.
    pub(crate) json: Value,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A webhook as the inbox shows it.
pub(crate) struct Arrived {
    /// Its headers, names in lower case.
    pub(crate) headers: Value,
    /// Its body as it came.
    pub(crate) text: String,
    /// Its body as JSON.
    pub(crate) json: Value,
    /// How long the walk waited for it.
    pub(crate) took: Duration,
}

impl Arrived {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }
}

/// A call to be made.
#[derive(Default)]
pub(crate) struct Call<'a> {
    /// `GET`, `POST`…
    pub(crate) method: &'a str,
    /// Path with query.
    pub(crate) path: &'a str,
    /// Value of `Authorization`; empty sends none.
    pub(crate) authorization: &'a str,
    /// Value of `Idempotency-Key`, where one is sent.
    pub(crate) key: Option<&'a str>,
    /// Value of `Tl-Signature`, where one is sent.
    pub(crate) signature: Option<&'a str>,
    /// Body.
    pub(crate) body: Option<Value>,
}

impl Client {
    /// A client of this sandbox.
    pub(crate) fn new(base: &str, sandbox: &Value) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { http, base: base.to_owned(), sandbox: sandbox.clone() })
    }

    /// A credential by its path in `sandbox.json`.
    pub(crate) fn credential(&self, pointer: &str) -> anyhow::Result<&str> {
        self.sandbox.pointer(pointer).and_then(Value::as_str).with_context(|| format!("sandbox.json has no {pointer}"))
    }

    /// A path of this server as a whole URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Makes a call.
    pub(crate) async fn call(&self, call: Call<'_>) -> anyhow::Result<Called> {
        let method = call.method.parse()?;
        let mut request = self.http.request(method, format!("{}{}", self.base, call.path));
        let authorization = Some(call.authorization).filter(|value| !value.is_empty());
        for (name, value) in
            [("authorization", authorization), ("idempotency-key", call.key), ("tl-signature", call.signature)]
        {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(body) = call.body {
            request = request.json(&body);
        }
        let begun = now();
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?.to_vec();
        let took = begun.elapsed();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Called { status, bytes, json, took })
    }

    /// A call to the sandbox API.
    pub(crate) async fn sandbox_call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Called> {
        let authorization = format!("Bearer {}", self.credential("/sandbox/api_key")?);
        self.call(Call { method, path, authorization: &authorization, body, ..Call::default() }).await
    }

    /// A settled pay-in from this account number.
    pub(crate) async fn payin(&self, amount: u64, account_number: &str) -> anyhow::Result<String> {
        let body = serde_json::json!({
            "amount": amount, "currency": "AUD", "status": "settled",
            "debtor": { "name": "Ada Kettle", "bsb": "111114", "account_number": account_number },
        });
        let made = self.sandbox_call("POST", "/sandbox/v1/payments", Some(body)).await?;
        if made.status != 201 {
            bail!("the pay-in was not taken: {} {}", made.status, made.json);
        }
        Ok(made.json["id"].as_str().context("a pay-in without an id")?.to_owned())
    }

    /// Waits for the webhook in an inbox that fits.
    pub(crate) async fn webhook(&self, inbox: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Arrived> {
        let begun = now();
        while begun.elapsed() < WEBHOOK_WAIT {
            let seen = self.sandbox_call("GET", &format!("/sandbox/v1/inbox/{inbox}"), None).await?;
            let items = seen.json.as_array().or_else(|| seen.json["data"].as_array()).cloned().unwrap_or_default();
            for item in items {
                let text = item["body"].as_str().unwrap_or_default().to_owned();
                let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
                if fits(&json) {
                    return Ok(Arrived { headers: item["headers"].clone(), text, json, took: begun.elapsed() });
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no such webhook arrived in {inbox}")
    }
}

/// The machine's clock, for how long things take.
#[expect(clippy::disallowed_methods, reason = "a walk measures how long calls take")]
pub(super) fn now() -> Instant {
    Instant::now()
}
