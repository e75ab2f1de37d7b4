//! Detached signatures of calls and webhooks: `truelayer-signing`.

use crate::text;
use serde_json::{Value, json};
use truelayer_signing::{Method, extract_jws_header, sign_with_pem, verify_with_jwks};

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        _ => Method::Post,
    }
}

fn headers(ask: &Value) -> Vec<(&str, &[u8])> {
    let all = ask["headers"].as_object().into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.as_bytes()))).collect()
}

pub(crate) fn sign(ask: &Value) -> Result<Value, String> {
    let mut signer = sign_with_pem(text(ask, "kid"), text(ask, "privateKeyPem").as_bytes())
        .method(method(text(ask, "method")))
        .path(text(ask, "path"))
        .body(text(ask, "body").as_bytes());
    for (name, value) in headers(ask) {
        signer = signer.header(name, value);
    }
    let signed = signer.build_signer().sign().map_err(|error| error.to_string())?;
    Ok(json!({ "signature": signed }))
}

pub(crate) fn verify(ask: &Value) -> Result<Value, String> {
    let signature = text(ask, "signature");
    let named = extract_jws_header(signature).map_err(|error| error.to_string())?;
    let verifier = verify_with_jwks(text(ask, "jwks").as_bytes())
        .method(method(text(ask, "method")))
        .path(text(ask, "path"))
        .headers(headers(ask))
        .require_header("X-TL-Webhook-Timestamp")
        .body(text(ask, "body").as_bytes())
        .build_verifier();
    verifier.verify(signature).map_err(|error| error.to_string())?;
    Ok(json!({ "kid": named.kid, "jku": named.jku }))
}
