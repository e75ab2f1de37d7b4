//! A shop of this API: a key that signs, pay-ins of the simulator, and fees.

use super::super::server::{Answer, Server, answer};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refundry_engine::clock::real_now;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Settings by the names of their variables.
pub(crate) type Settings<'a> = &'a [(&'static str, &'static str)];

/// A bank and a simulator that take no time.
const QUICK: Settings<'_> =
    &[("REFUNDRY_MOCK_BANK__TIME_SCALE_PERMILLE", "0"), ("REFUNDRY_DIALECTS__BVNK__SIMULATOR_STEP", "1")];
/// Who may set fees.
const ADMIN: &str = "admin@sandbox.example";

/// A nonce that no other call has.
fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("n{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The signature of a text, as it stands in headers.
pub(crate) fn mac(key: &str, text: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes()))
}

/// The header of a call of this resource at this host and port, without a
/// hash of a body.
pub(crate) fn signed_by(credentials: (&str, &str), method: &str, resource: &str, place: (&str, u16)) -> String {
    signed_with(credentials, (method, resource), place, "")
}

fn signed_with((id, key): (&str, &str), what: (&str, &str), (host, port): (&str, u16), hash: &str) -> String {
    let ((method, resource), ts, nonce) = (what, real_now().unix_seconds(), nonce());
    let text = format!("hawk.1.header\n{ts}\n{nonce}\n{method}\n{resource}\n{host}\n{port}\n{hash}\n\n");
    let mac = mac(key, &text);
    let hash = if hash.is_empty() { String::new() } else { format!(", hash=\"{hash}\"") };
    format!("Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\"{hash}, mac=\"{mac}\"")
}

/// A sandbox and its client.
pub(crate) struct Shop {
    /// Where it calls.
    pub(crate) server: Server,
}

impl Shop {
    /// With a server of its own, ready.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings, too.
    pub(crate) async fn with(settings: Settings<'_>) -> Self {
        Self { server: Server::with(&[QUICK, settings].concat()).await }
    }

    /// Public id of its key.
    pub(crate) fn id(&self) -> &str {
        self.server.credential("/bvnk/auth_id")
    }

    /// Its key.
    pub(crate) fn key(&self) -> &str {
        self.server.credential("/bvnk/auth_key")
    }

    /// Its wallet of a currency.
    pub(crate) fn wallet(&self, currency: &str) -> &str {
        self.server.credential(&format!("/bvnk/wallets/{currency}"))
    }

    /// The header of a call of this resource at this host and port.
    pub(crate) fn signed(&self, method: &str, resource: &str, place: (&str, u16)) -> String {
        signed_by((self.id(), self.key()), method, resource, place)
    }

    /// Where the server is.
    pub(crate) fn place(&self) -> (&str, u16) {
        let (host, port) = self.server.base.trim_start_matches("http://").split_once(':').unwrap();
        (host, port.parse().unwrap())
    }

    /// A signed request, to be completed.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.server.http.request(method.parse().unwrap(), format!("{}{path}", self.server.base));
        request.header("authorization", self.signed(method, path, self.place()))
    }

    /// A GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    /// A POST with a key.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let text = format!("hawk.1.payload\napplication/json\n{body}\n");
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
        let request = self.server.http.post(format!("{}{path}", self.server.base));
        let request =
            request.header("authorization", signed_with((self.id(), self.key()), ("POST", path), self.place(), &hash));
        let request = request.header("x-idempotency-key", key).header("content-type", "application/json");
        answer(request.body(body)).await
    }

    /// The body of a pay-in of the simulator.
    pub(crate) fn payin_body(&self, value: &str, currency: &str) -> Value {
        let (method, account) = match currency {
            "GBP" => (
                "FASTER_PAYMENT",
                json!({ "accountNumberFormat": "SCAN", "bankCode": "200415", "accountNumber": "60312207" }),
            ),
            _ => ("SEPA_CT", json!({ "accountNumberFormat": "IBAN", "accountNumber": "DE02120300000000202051" })),
        };
        json!({
            "walletId": self.wallet(currency), "paymentReference": "INV-20417", "paymentMethod": method,
            "amount": { "value": value, "currency": currency },
            "originator": { "name": "Zo\u{eb} Okafor", "bankAccount": account },
        })
    }

    /// A pay-in that is in the wallet.
    pub(crate) async fn payin(&self, value: &str, currency: &str) -> String {
        let body = self.payin_body(value, currency);
        let made = self.post("/payment/v1/payins/simulate", "not-needed", &body).await.expect(200);
        let id = made.text("/transactionReference");
        self.reaches(&format!("/payment/v1/payins/{id}"), "COMPLETED").await;
        id
    }

    /// What a path shows once its `status` is this one.
    pub(crate) async fn reaches(&self, path: &str, status: &str) -> Answer {
        let look = async || {
            let shown = self.get(path).await.expect(200);
            (shown.json["status"] == status).then_some(shown)
        };
        self.server.until(&format!("{path} {status}"), look).await
    }

    /// Refunds some of a pay-in and says which refund that is.
    pub(crate) async fn refund(&self, payin: &str, value: &str, currency: &str, key: &str) -> String {
        let body = refund_body(value, currency);
        let made = self.post(&format!("/payment/v1/payins/{payin}/refund"), key, &body).await.expect(200);
        made.text("/refundTransactionReference")
    }

    /// One unit of money for each refund of this currency.
    pub(crate) async fn one_each(&self, currency: &str) {
        let users = self.server.sandbox["console"]["users"].as_array().unwrap();
        let admin = users.iter().find(|user| user["email"] == ADMIN).unwrap();
        let request = self.server.http.put(format!("{}/v1/fees", self.server.base));
        let rules = json!({ "rules": [{ "currency": currency, "flat": 100 }] });
        answer(request.bearer_auth(admin["api_key"].as_str().unwrap()).json(&rules)).await.expect(200);
    }
}

/// The body of a refund.
pub(crate) fn refund_body(value: &str, currency: &str) -> Value {
    json!({
        "customerReference": "Zo\u{eb} \u{2014} ticket 88412",
        "amount": { "value": value, "currency": currency },
        "metadata": { "seat": "14C", "attempt": 1 },
    })
}
