//! A client of this API: credentials, a key of its own, and the way from a
//! payment to its settlement as the official clients go it.

use super::super::server::{Answer, Server, Who, answer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often the official clients look.
const POLL: Duration = Duration::from_millis(100);
/// How long the most impatient of them look.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the shop wants its payers back.
const BACK: &str = "https://shop.example.org/pay/back";

/// A payment to be made.
pub(crate) struct Wish {
    /// Minor units.
    pub(crate) amount: u64,
    /// `GBP` or `EUR`.
    pub(crate) currency: &'static str,
    /// Seconds from the execution to the settlement; none is the sandbox's.
    pub(crate) settlement_delay: Option<u32>,
}

impl Wish {
    /// So many pence, settled as soon as the sandbox does.
    pub(crate) fn pence(amount: u64) -> Self {
        Self { amount, currency: "GBP", settlement_delay: None }
    }
}

/// A client of the API.
pub(crate) struct Client {
    /// Where it calls.
    pub(crate) server: Arc<Server>,
    /// What `sandbox.json` or the sandbox API says about it.
    pub(crate) members: Value,
    pair: EcdsaKeyPair,
    token: String,
}

impl Client {
    /// The client that a sandbox has from its start, with a token.
    pub(crate) async fn first(server: &Arc<Server>) -> Self {
        let members = server.sandbox["truelayer"].clone();
        Self::of(server, members).await
    }

    /// A further one, made through the sandbox API, with a token.
    pub(crate) async fn further(server: &Arc<Server>) -> Self {
        let made = server.lever("clients", json!({ "dialect": "truelayer" })).await;
        Self::of(server, made.json).await
    }

    async fn of(server: &Arc<Server>, members: Value) -> Self {
        let pem = members["signing_private_key_pem"].as_str().unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).unwrap();
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P521_SHA512_FIXED_SIGNING, &der).unwrap();
        let mut client = Self { server: Arc::clone(server), members, pair, token: String::new() };
        client.sign_in().await;
        client
    }

    /// Fetches a token of its own.
    async fn sign_in(&mut self) {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.member("/client_id"),
            "client_secret": self.member("/client_secret"),
            "scope": "payments",
        });
        let request = self.server.http.post(format!("{}/connect/token", self.server.base)).json(&body);
        let answer = answer(request).await.expect(200);
        assert_eq!(answer.json["token_type"], "Bearer");
        self.token = answer.text("/access_token");
    }

    /// One of its credentials.
    pub(crate) fn member(&self, pointer: &str) -> &str {
        self.members.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}"))
    }

    /// The detached signature of a POST with a key.
    pub(crate) fn signature(&self, path: &str, key: &str, body: &[u8]) -> String {
        let head = json!({
            "alg": "ES512", "kid": self.member("/signing_key_id"), "tl_version": "2", "tl_headers": "Idempotency-Key",
        });
        let head = URL_SAFE_NO_PAD.encode(head.to_string());
        let signed = [format!("POST {path}\nIdempotency-Key: {key}\n").as_bytes(), body].concat();
        let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(signed));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{head}..{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A call with its token, to be completed.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.server.http.request(method.parse().unwrap(), format!("{}{path}", self.server.base));
        request.bearer_auth(&self.token).header("content-type", "application/json")
    }

    /// A POST with these bytes and this signature.
    pub(crate) async fn post_signed(&self, path: &str, key: &str, body: Vec<u8>, signature: &str) -> Answer {
        let request = self.request("POST", path).header("idempotency-key", key).header("tl-signature", signature);
        answer(request.body(body)).await
    }

    /// A signed POST of these bytes.
    pub(crate) async fn post_bytes(&self, path: &str, key: &str, body: Vec<u8>) -> Answer {
        let signature = self.signature(path, key, &body);
        self.post_signed(path, key, body, &signature).await
    }

    /// A signed POST.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_bytes(path, key, body.to_string().into_bytes()).await
    }

    /// A POST that nobody signs.
    async fn post_plain(&self, path: &str, body: &Value) -> Answer {
        answer(self.request("POST", path).body(body.to_string())).await
    }

    /// A GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    /// Makes a payment whose bank is chosen.
    pub(crate) async fn create(&self, wish: &Wish, key: &str) -> Answer {
        let (provider, scheme) = match wish.currency {
            "GBP" => ("mock-payments-gb-redirect", "faster_payments_service"),
            _ => ("mock-payments-fr-redirect", "sepa_credit_transfer_instant"),
        };
        let account = self.member(&format!("/merchant_accounts/{}", wish.currency));
        let body = json!({
            "amount_in_minor": wish.amount,
            "currency": wish.currency,
            "payment_method": {
                "type": "bank_transfer",
                "provider_selection": {
                    "type": "preselected", "provider_id": provider, "scheme_id": scheme, "remitter": null,
                },
                "beneficiary": {
                    "type": "merchant_account", "merchant_account_id": account, "account_holder_name": null,
                },
            },
            "user": { "name": "Ida Korhonen", "email": "ida@example.org", "phone": null },
            "metadata": { "order": "FB-2093" },
        });
        self.post("/v3/payments", key, &body).await.expect(201)
    }

    /// The payer pays, and comes back.
    pub(crate) async fn authorise(&self, payment: &str, wish: &Wish) {
        let mut deed = json!({ "action": "Execute", "redirect": false });
        if let Some(seconds) = wish.settlement_delay {
            deed["settlement_delay_in_seconds"] = json!(seconds);
        }
        self.decide(payment, deed).await;
    }

    /// Goes through the authorisation: consent, redirect, the bank without a
    /// browser, and the payer's return.
    pub(crate) async fn decide(&self, payment: &str, deed: Value) {
        let flow = format!("/v3/payments/{payment}/authorization-flow");
        let body = json!({
            "provider_selection": {},
            "redirect": { "return_uri": BACK, "direct_return_uri": null },
            "consent": {},
            "form": { "input_types": ["text", "select", "text_with_image"] },
        });
        let next = "/authorization_flow/actions/next";
        let begun = self.post_plain(&flow, &body).await.expect(200);
        assert_eq!(begun.text(&format!("{next}/type")), "consent");
        let agreed = self.post_plain(&format!("{flow}/actions/consent"), &json!({})).await.expect(200);
        assert_eq!(agreed.text(&format!("{next}/type")), "redirect");
        let bank = Url::parse(&agreed.text(&format!("{next}/uri"))).unwrap();
        let visit = bank.path_segments().unwrap().next_back().unwrap();
        let token = bank.fragment().unwrap().strip_prefix("token=").unwrap();
        let action = format!("{}/api/single-immediate-payments/{visit}/action", bank.origin().ascii_serialization());
        let decided = answer(self.server.http.post(action).bearer_auth(token).json(&deed)).await.expect(202);
        let back = Url::parse(&decided.text).unwrap_or_else(|_| panic!("no bare address: {:?}", decided.text));
        let values = json!({ "query": back.query().unwrap(), "fragment": back.fragment().unwrap() });
        let request = self.server.http.post(format!("{}/spa/payments-provider-return", self.server.base));
        let returned = answer(request.json(&values)).await.expect(200);
        assert_eq!(returned.json, json!({ "resource": { "type": "payment", "payment_id": payment } }));
    }

    /// What a path says once its `status` is this one, looking as clients do.
    pub(crate) async fn reaches(&self, path: &str, status: &str) -> Value {
        let looking = tokio::time::timeout(PATIENCE, async {
            loop {
                let shown = self.get(path).await.expect(200).json;
                if shown["status"] == status {
                    return shown;
                }
                assert!(status == "failed" || shown["status"] != "failed", "{shown}");
                tokio::time::sleep(POLL).await;
            }
        });
        looking.await.unwrap_or_else(|_| panic!("{path} is never {status}"))
    }

    /// A payment of this wish that is settled.
    pub(crate) async fn paid(&self, wish: &Wish, key: &str) -> String {
        let payment = self.create(wish, key).await.text("/id");
        self.authorise(&payment, wish).await;
        self.reaches(&format!("/v3/payments/{payment}"), "settled").await;
        payment
    }

    /// Asks for a refund.
    pub(crate) async fn refund(&self, payment: &str, key: &str, body: &Value) -> Answer {
        self.post(&format!("/v3/payments/{payment}/refunds"), key, body).await
    }

    /// The webhook of this type about this refund, as it arrived.
    pub(crate) async fn hears(&self, refund: &str, event: &str) -> Value {
        let look = async || {
            let seen = self.server.get(Who::Sandbox, "/sandbox/v1/inbox/truelayer").await.expect(200);
            let letters = seen.json["data"].as_array().unwrap().clone();
            letters.into_iter().find(|letter| {
                let body: Value = serde_json::from_str(letter["body"].as_str().unwrap()).unwrap();
                body["refund_id"] == refund && body["type"] == event
            })
        };
        self.server.until(&format!("{event} of {refund}"), look).await
    }
}
