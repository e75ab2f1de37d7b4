//! Detached JWS signatures with ES512 as TrueLayer's clients make and check
//! them: over method, path, some headers, and the body.

use super::client::Arrived;
use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// First byte of a point that is not compressed.
const UNCOMPRESSED: u8 = 4;

/// A client's key.
pub(crate) struct Key {
    key_id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    /// Reads the PEM of a private key.
    pub(crate) fn read(key_id: &str, pem: &str) -> anyhow::Result<Self> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).context("the signing key is no PEM")?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P521_SHA512_FIXED_SIGNING, &der);
        let pair = pair.ok().context("the signing key is none on P-521")?;
        Ok(Self { key_id: key_id.to_owned(), pair })
    }

    /// The signature of a POST that covers its idempotency key.
    pub(crate) fn sign(&self, path: &str, idempotency_key: &str, body: &str) -> anyhow::Result<String> {
        let head = json!({ "alg": "ES512", "kid": self.key_id, "tl_version": "2", "tl_headers": "Idempotency-Key" });
        let head = URL_SAFE_NO_PAD.encode(head.to_string());
        let signed = format!("POST {path}\nIdempotency-Key: {idempotency_key}\n{body}");
        let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(signed));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).ok().context("no signature")?;
        Ok(format!("{head}..{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Checks the signature of a webhook with the keys that the server publishes.
pub(crate) fn verified(arrived: &Arrived, path: &str, jwks: &Value) -> bool {
    let checked = || {
        let (head, signature) = arrived.header("tl-signature").split_once("..")?;
        let says: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let key = jwks["keys"].as_array()?.iter().find(|key| key["kid"] == says["kid"])?;
        let mut signed = format!("POST {path}\n");
        for name in says["tl_headers"].as_str()?.split(',') {
            signed += &format!("{name}: {}\n", arrived.header(&name.to_ascii_lowercase()));
        }
        let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(signed + &arrived.text));
        let public = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point(key)?);
        public.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()
    };
    checked().is_some()
}

fn point(key: &Value) -> Option<Vec<u8>> {
    let mut point = vec![UNCOMPRESSED];
    for coordinate in ["x", "y"] {
        point.extend(URL_SAFE_NO_PAD.decode(key[coordinate].as_str()?).ok()?);
    }
    Some(point)
}
