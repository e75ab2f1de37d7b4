//! Signed requests, where the settings ask for them.

use super::world::{Heard, World, session_in};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;

const ORIGIN: &str = "http://127.0.0.1:8080";

fn pem(key: &KeyPair) -> String {
    let text = STANDARD.encode(key.public_key().as_ref());
    format!("-----BEGIN RSA PUBLIC KEY-----\n{text}\n-----END RSA PUBLIC KEY-----\n")
}

/// A JWS over this text, with the text in it or without.
fn signed(key: &KeyPair, header: &str, text: &str, attached: bool) -> String {
    let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(text));
    let mut mark = vec![0; key.public_modulus_len()];
    let message = format!("{header}.{payload}");
    key.sign(&RSA_PSS_SHA512, &SystemRandom::new(), message.as_bytes(), &mut mark).unwrap();
    format!("{header}.{}.{}", if attached { &payload } else { "" }, URL_SAFE_NO_PAD.encode(mark))
}

const HEADER: &str = r#"{"alg":"PS512"}"#;

// conformance: banked 7
#[tokio::test]
async fn with_the_setting_every_call_is_signed_by_its_application() {
    let world = World::with(json!({ "require_request_signature": true })).await;
    let (key, other) = (KeyPair::generate(KeySize::Rsa2048).unwrap(), KeyPair::generate(KeySize::Rsa2048).unwrap());
    world.keys().add(world.merchant, "app_70412", Some("one"), &pem(&key)).await.unwrap();
    world.keys().add(world.merchant, "app_70413", None, &pem(&other)).await.unwrap();
    let body = session_in("GBP").to_string();
    let path = "/v2/payment_sessions";
    let text = format!("{ORIGIN}{path}POST{body}key-1");
    let send = async |signature: &str, body: &str, key: &str| -> Heard {
        world.post(path).header("signature", signature).key(key).raw(body).send().await
    };
    let good = signed(&key, HEADER, &text, false);
    assert_eq!(send(&good, &body, "key-1").await.status, 201);
    assert_eq!(send(&signed(&key, HEADER, &text, true), &body, "key-1").await.status, 201, "with its payload");
    let named = signed(&key, r#"{"alg":"PS512","kid":"one"}"#, &text, false);
    assert_eq!(send(&named, &body, "key-1").await.status, 201);
    let moved = body.replace("2500", "2501");
    for (what, signature, body, key) in [
        ("nothing", "", &body, "key-1"),
        ("another body", &*good, &moved, "key-1"),
        ("another idempotency key", &good, &body, "key-2"),
        ("another application's key", &signed(&other, HEADER, &text, false), &body, "key-1"),
        ("another algorithm", &signed(&key, r#"{"alg":"RS512"}"#, &text, false), &body, "key-1"),
        ("another key's name", &signed(&key, r#"{"alg":"PS512","kid":"two"}"#, &text, false), &body, "key-1"),
        ("what must be understood", &signed(&key, r#"{"alg":"PS512","crit":["b64"]}"#, &text, false), &body, "key-1"),
        ("another method", &signed(&key, HEADER, &text.replace("POST", "PUT"), false), &body, "key-1"),
        ("another address", &signed(&key, HEADER, &text.replace("v2", "v3"), false), &body, "key-1"),
        ("a payload of its own", &format!("{good}.x"), &body, "key-1"),
    ] {
        let heard = send(signature, body, key).await;
        assert_eq!((heard.status, heard.fault().1.as_str()), (401, "unauthorized"), "{what}");
    }
    // Reads are signed, too, with their query; the other generation as well.
    for path in ["/v2/refunds?limit=1", "/v3/refunds?limit=1", "/v2/webhooks"] {
        let signature = signed(&key, HEADER, &format!("{ORIGIN}{path}GET"), false);
        let read = world.call(Method::GET, path).header("signature", &signature).send().await;
        assert_eq!(read.status, 200, "{path}: {}", read.text());
        assert_eq!(world.get(path).await.status, 401, "{path}");
    }
    // Customers and descriptions have no keys.
    assert_eq!(world.get("/openapi/banked-v2.json").await.status, 200);
    let client = format!("/v2/checkout_sessions/x?api_key={}", world.app().client_key);
    assert_eq!(world.get(&client).await.status, 404);
    // Wrong credentials stay what they are, and a revoked key opens nothing.
    let nobody = world.call(Method::GET, "/v2/refunds").header("authorization", "Basic eDp5").send().await;
    assert_eq!(nobody.status, 401);
    world.keys().revoke(world.merchant, "app_70412", "one").await.unwrap();
    assert_eq!(send(&good, &body, "key-1").await.status, 401);
}

#[tokio::test]
async fn only_usable_keys_are_registered() {
    use crate::host::KeyRefused;
    let world = World::new().await;
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let add = async |application: &'static str, id: &'static str, pem: &str| {
        world.keys().add(world.merchant, application, Some(id), pem).await
    };
    assert_eq!(add("app_70412", "one", &pem(&key)).await, Ok("one".to_owned()));
    assert_eq!(add("app_70412", "one", &pem(&key)).await, Err(KeyRefused::KeyIdTaken));
    assert_eq!(add("app_1", "one", &pem(&key)).await, Err(KeyRefused::ClientUnknown));
    for wrong in ["", "no key", &pem(&key).replace("RSA PUBLIC", "PRIVATE"), &pem(&key).replace("MII", "MIA")] {
        assert_eq!(add("app_70412", "two", wrong).await, Err(KeyRefused::Malformed), "{wrong}");
    }
    let revoke = world.keys().revoke(world.merchant, "app_70412", "two").await;
    assert_eq!(revoke, Err(KeyRefused::KeyUnknown));
    world.keys().revoke(world.merchant, "app_70412", "one").await.unwrap();
    assert_eq!(add("app_70412", "one", &pem(&key)).await, Err(KeyRefused::KeyIdTaken), "a revoked id stays taken");
    // Nobody has to sign, and what is sent all the same is not looked at.
    let heard = world.call(Method::GET, "/v2/refunds").header("signature", "nonsense").send().await;
    assert_eq!(heard.status, 200);
}
