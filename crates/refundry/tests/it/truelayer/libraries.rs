//! The clients' own signing libraries, from npm, PyPI and crates.io, against the binary:
//! what they sign is taken, with one bit flipped it is not, and they verify
//! our webhooks with the keys that we publish.
//!
//! `cargo xtask clients` installs them. A story fails where they are missing.

use super::super::library::Library;
use super::super::server::{Server, answer};
use super::client::{Client, Wish};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

/// All libraries, each in a process of its own.
fn all() -> [Library; 3] {
    [Library::node("sign.js"), Library::python("sign.py"), Library::rust()]
}

/// Signs a POST with the client's key.
fn sign(library: &mut Library, client: &Client, path: &str, key: &str, body: &str) -> String {
    let question = json!({
        "deed": "sign", "kid": client.member("/signing_key_id"),
        "privateKeyPem": client.member("/signing_private_key_pem"),
        "method": "POST", "path": path, "headers": { "Idempotency-Key": key }, "body": body,
    });
    let signed = library.ask(&question);
    signed["signature"].as_str().unwrap_or_else(|| panic!("{}: {signed}", library.name)).to_owned()
}

/// A payment of 1000, and the body of a refund of 5 of it.
async fn to_refund(client: &Client) -> (String, &'static str) {
    let payment = client.paid(&Wish { settlement_delay: Some(0), ..Wish::pence(1000) }, "payment").await;
    (payment, r#"{"amount_in_minor":5,"reference":"FB-2093 é"}"#)
}

// conformance: truelayer 15
// conformance: truelayer 16
// conformance: truelayer 17
#[tokio::test]
async fn what_the_libraries_sign_is_taken() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let (payment, body) = to_refund(&client).await;
    for mut library in all() {
        for (round, prefix) in ["/v3", ""].into_iter().enumerate() {
            let path = format!("{prefix}/payments/{payment}/refunds");
            let key = format!("{}-{round}", library.name);
            let signature = sign(&mut library, &client, &path, &key, body);
            let send = async |path: &str| client.post_signed(path, &key, body.into(), &signature).await;
            let other = if prefix.is_empty() { format!("/v3{path}") } else { path.replace("/v3", "") };
            send(&other).await.expect(401);
            let made = send(&path).await.expect(202);
            assert_eq!(send(&format!("{path}/")).await, made, "a slash more, and the same key");
        }
        let probe = sign(&mut library, &client, "/test-signature", "key", "{}");
        client.post_signed("/test-signature", "key", "{}".into(), &probe).await.expect(204);
    }
}

/// The text with one bit flipped, in every place where it can be.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut other = bytes.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        other
    })
}

/// The same with only those that can stand in a header or a path.
fn flipped_text(text: &str) -> impl Iterator<Item = String> {
    let sendable = |other: &String| other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    flipped(text.as_bytes()).filter_map(|other| String::from_utf8(other).ok()).filter(sendable)
}

// conformance: truelayer 18
// conformance: truelayer 19
// conformance: truelayer 20
// conformance: truelayer 22
#[tokio::test]
async fn one_flipped_bit_anywhere_is_refused() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let (payment, body) = to_refund(&client).await;
    let path = format!("/v3/payments/{payment}/refunds");
    for mut library in all() {
        let key = format!("flipped-{}", library.name);
        let good = sign(&mut library, &client, &path, &key, body);
        let (head, signature) = good.split_once("..").unwrap();
        let (head, signature) = (URL_SAFE_NO_PAD.decode(head).unwrap(), URL_SAFE_NO_PAD.decode(signature).unwrap());
        let text = |head: &[u8], signature: &[u8]| {
            format!("{}..{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(signature))
        };
        assert_eq!(text(&head, &signature), good);
        let refuse = async |path: &str, key: &str, body: &[u8], signature: &str| {
            let answer = client.post_signed(path, key, body.to_vec(), signature).await.expect(401);
            assert_eq!(answer.media, "application/problem+json");
            assert!(answer.text("/type").ends_with("#unauthenticated"), "{}", answer.text);
        };
        for body in flipped(body.as_bytes()) {
            refuse(&path, &key, &body, &good).await;
        }
        for signature in flipped(&signature) {
            refuse(&path, &key, body.as_bytes(), &text(&head, &signature)).await;
        }
        for head in flipped(&head) {
            refuse(&path, &key, body.as_bytes(), &text(&head, &signature)).await;
        }
        for key in flipped_text(&key) {
            refuse(&path, &key, body.as_bytes(), &good).await;
        }
        for payment in flipped_text(&payment) {
            refuse(&format!("/v3/payments/{payment}/refunds"), &key, body.as_bytes(), &good).await;
        }
        let without_key = client.request("POST", &path).header("tl-signature", &good).body(body);
        answer(without_key).await.expect(401);
        let unsigned = client.request("POST", &path).header("idempotency-key", &key).body(body);
        answer(unsigned).await.expect(401);
        client.post_signed(&path, &key, body.into(), &good).await.expect(202);
    }
    let list = client.get(&path).await.expect(200).json;
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "only what was signed");
}

// conformance: truelayer 78
// conformance: truelayer 80
// conformance: truelayer 85
// conformance: truelayer 86
#[tokio::test]
async fn the_libraries_verify_our_webhooks() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let (payment, _) = to_refund(&client).await;
    let body = json!({ "amount_in_minor": 1000, "reference": "TUOYAP", "metadata": { "café": "no. 88" } });
    let refund = client.refund(&payment, "refund", &body).await.expect(202).text("/id");
    let jku = client.member("/jwks_url").to_owned();
    assert_eq!(jku, format!("{}/.well-known/jwks", server.base));
    let jwks = answer(server.http.get(&jku)).await.expect(200).text;
    for event in ["refund_executed", "refund_failed"] {
        let letter = client.hears(&refund, event).await;
        let (headers, body) = (&letter["headers"], letter["body"].as_str().unwrap());
        let signature = headers["tl-signature"].as_str().unwrap();
        let question = json!({
            "deed": "verify", "jwks": jwks, "signature": signature, "method": "POST",
            "path": "/sandbox/v1/inbox/truelayer", "headers": headers, "body": body,
        });
        for mut library in all() {
            let verified = library.ask(&question);
            assert_eq!(verified["jku"], jku, "{}: {verified}", library.name);
            assert!(jwks.contains(verified["kid"].as_str().unwrap()));
            let mut refuse = |member: &str, value: Value| {
                let mut other = question.clone();
                other[member] = value;
                let verified = library.ask(&other);
                assert!(verified["refused"].is_string(), "{} takes another {member}: {verified}", library.name);
            };
            refuse("path", json!("/sandbox/v1/inbox/other"));
            refuse("method", json!("PUT"));
            // Theirs is slow: here and there a bit is enough.
            for body in flipped(body.as_bytes()).step_by(177).filter_map(|body| String::from_utf8(body).ok()) {
                refuse("body", json!(body));
            }
            let mut other = headers.clone();
            other["x-tl-webhook-timestamp"] = json!("2026-01-01T00:00:00Z");
            refuse("headers", other);
        }
    }
}
