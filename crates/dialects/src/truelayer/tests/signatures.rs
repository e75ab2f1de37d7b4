//! Signatures of requests, as the routes check them (contract 2.4).

use super::super::signing::jws::Signer;
use super::super::signing::keys;
use super::world::{Heard, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::json;

const BODY: &str = "{\"amount_in_minor\":1,\"reference\":\"r\"}";

async fn refunds(world: &World) -> String {
    format!("/payments/{}/refunds", world.foreign_payment(1_000).await)
}

fn refused(heard: &Heard, what: &str) {
    let (status, slug, _) = heard.problem();
    assert_eq!((status, &*slug), (401, "unauthenticated"), "{what}");
    let detail = heard.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("The request signature is invalid"), "{what}: {detail}");
}

// conformance: truelayer 15
// conformance: truelayer 16
// conformance: truelayer 17
#[tokio::test]
async fn the_path_is_signed_as_it_is_sent() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let versioned = format!("/v3{path}");
    let names = [path.clone(), format!("{path}/"), versioned.clone(), format!("{versioned}/")];
    for (number, (called, signed)) in
        names.iter().flat_map(|called| names.iter().map(move |signed| (called, signed))).enumerate()
    {
        let call = world.post(called).key(&format!("k{number}")).signed_for(signed).raw(BODY);
        let heard = call.send().await;
        // A slash more or less is forgiven, a version is not.
        if called.starts_with("/v3") == signed.starts_with("/v3") {
            assert_eq!(heard.status, 202, "{called} signed as {signed}: {}", heard.text());
        } else {
            refused(&heard, &format!("{called} signed as {signed}"));
        }
    }
    let query = world.post(&format!("{path}?verbose=1")).key("kq").raw(BODY).send().await;
    assert_eq!(query.status, 202, "a query is not signed");
}

// conformance: truelayer 18
// conformance: truelayer 19
// conformance: truelayer 20
// conformance: truelayer 22
#[tokio::test]
async fn what_moves_money_is_signed_with_its_key() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let call = || world.post(&path).key("k").raw(BODY);
    refused(&call().unsigned().send().await, "no signature");
    refused(&world.post(&path).raw(BODY).send().await, "no key");
    refused(&call().key("").send().await, "an empty key");
    let uncovered = world.post(&path).raw(BODY).signature();
    refused(&call().header("Tl-Signature", &uncovered).send().await, "the key is not covered");
    let signature = call().signature();
    refused(&call().key("other").header("Tl-Signature", &signature).send().await, "another key");
    for place in 0..BODY.len() {
        let mut changed = BODY.as_bytes().to_vec();
        changed[place] ^= 1;
        refused(&call().raw(changed).header("Tl-Signature", &signature).send().await, &format!("byte {place}"));
    }
    let spaced = format!("{BODY} ");
    refused(&call().raw(spaced).header("Tl-Signature", &signature).send().await, "one space more");
    assert_eq!(call().header("Tl-Signature", &signature).send().await.status, 202);
    let count = world.get(&path).await.json()["items"].as_array().unwrap().len();
    assert_eq!(count, 1, "what was refused made nothing");
}

// conformance: truelayer 21
#[tokio::test]
async fn a_key_is_good_for_its_client_until_it_is_revoked() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let other = world.further_client(&json!({})).await;
    let call = |key: &str| world.post(&path).key(key).raw(BODY);
    assert_eq!(call("k1").send().await.status, 202);
    let foreign = call("k2").by(&other).bearer(&world.client.token);
    refused(&foreign.send().await, "another client's key");
    let signed = |key_id: &str, key: &str| {
        let signer = Signer { pair: &world.client.pair, key_id, jku: None };
        signer.sign("POST", &path, &[("Idempotency-Key", key.as_bytes())], BODY.as_bytes()).unwrap()
    };
    refused(&call("k3").header("Tl-Signature", &signed("nobody", "k3")).send().await, "an unknown key");
    let operator = world.dialect.signing_keys().unwrap();
    let pem = keys::to_public_pem(&keys::point(&world.client.pair)).unwrap();
    operator.add(world.merchant, &world.client.id, Some("second"), &pem).await.unwrap();
    assert_eq!(call("k4").header("Tl-Signature", &signed("second", "k4")).send().await.status, 202);
    assert_eq!(call("k5").send().await.status, 202, "both are active");
    operator.revoke(world.merchant, &world.client.id, &world.client.key_id).await.unwrap();
    refused(&call("k6").send().await, "a revoked key");
    assert_eq!(call("k7").header("Tl-Signature", &signed("second", "k7")).send().await.status, 202);
}

// conformance: truelayer 23
#[tokio::test]
async fn only_detached_version_2_with_es512_passes() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let call = || world.post(&path).key("k").raw(BODY);
    let good = call().signature();
    let (header, signature) = good.split_once("..").unwrap();
    let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let with = |from: &str, to: &str| {
        assert!(decoded.contains(from), "{decoded}");
        format!("{}..{signature}", URL_SAFE_NO_PAD.encode(decoded.replace(from, to)))
    };
    let payload = URL_SAFE_NO_PAD.encode(BODY);
    for (what, text) in [
        ("attached", format!("{header}.{payload}.{signature}")),
        ("attached, with dots behind", format!("{header}.{payload}.{signature}....")),
        ("version 1", with("\"tl_version\":\"2\"", "\"tl_version\":\"1\"")),
        ("no version", with("\"tl_version\":\"2\",", "")),
        ("no headers", with(",\"tl_headers\":\"Idempotency-Key\"", "")),
        ("none", with("ES512", "none")),
        ("ES256", with("ES512", "ES256")),
        ("HS512", with("ES512", "HS512")),
        ("a header that is critical", with("\"alg\"", "\"crit\":[\"b64\"],\"alg\"")),
        ("no signature", format!("{header}..")),
        ("a short signature", format!("{header}..AAAA")),
        ("zeros", format!("{header}..{}", URL_SAFE_NO_PAD.encode([0; 132]))),
        ("nothing", ".".to_owned()),
        ("words", "an-invalid..signature".to_owned()),
    ] {
        refused(&call().header("Tl-Signature", &text).send().await, what);
    }
    assert_eq!(call().header("Tl-Signature", &good).send().await.status, 202);
}

// conformance: truelayer 24
#[tokio::test]
async fn a_get_needs_no_signature() {
    let world = World::new().await;
    let path = refunds(&world).await;
    assert_eq!(world.get(&path).await.status, 200);
    let garbage = world.call(Method::GET, &path).header("Tl-Signature", "garbage..garbage").send().await;
    assert_eq!(garbage.status, 200);
}

// conformance: truelayer 25
#[tokio::test]
async fn a_client_can_try_its_signature() {
    let world = World::new().await;
    for path in ["/test-signature", "/v3/test-signature/"] {
        let call = || world.post(path).raw("{\"probe\":\"morning check\"}");
        let heard = call().send().await;
        assert_eq!((heard.status, heard.body.len()), (204, 0), "{}", heard.text());
        assert_eq!(call().key("").send().await.status, 204, "no header has to be signed");
        assert_eq!(call().raw("any bytes").send().await.status, 204);
        refused(&call().unsigned().send().await, "no signature");
        refused(&call().signed_for("/other").send().await, "a wrong signature");
        assert_eq!(call().without("authorization").send().await.problem().0, 401);
    }
}

// conformance: truelayer 27
#[tokio::test]
async fn names_of_headers_are_compared_in_any_casing() {
    let world = World::new().await;
    let path = refunds(&world).await;
    for (number, spelling) in ["idempotency-key", "IDEMPOTENCY-KEY", "Idempotency-key"].into_iter().enumerate() {
        let key = format!("k{number}");
        let signer = Signer { pair: &world.client.pair, key_id: &world.client.key_id, jku: Some("ignored") };
        let headers: [(&str, &[u8]); 2] = [("x-Device", b"till 4"), (spelling, key.as_bytes())];
        let signature = signer.sign("POST", &path, &headers, BODY.as_bytes()).unwrap();
        let call = world.post(&path).key(&key).header("X-DEVICE", "till 4").header("Tl-Signature", &signature);
        assert_eq!(call.raw(BODY).send().await.status, 202, "{spelling}");
    }
    let signer = Signer { pair: &world.client.pair, key_id: &world.client.key_id, jku: None };
    let headers: [(&str, &[u8]); 2] = [("X-Absent", b""), ("Idempotency-Key", b"k9")];
    let signature = signer.sign("POST", &path, &headers, BODY.as_bytes()).unwrap();
    let call = world.post(&path).key("k9").header("Tl-Signature", &signature).raw(BODY);
    refused(&call.send().await, "a listed header that was not sent");
}

#[tokio::test]
async fn an_operator_may_want_every_post_signed() {
    let world = World::with(json!({ "signature_required_on": "all" })).await;
    let path = "/payments/00000000-0000-4000-8000-000000000000/authorization-flow";
    refused(&world.post(path).unsigned().send().await, "no signature");
    assert_eq!(world.post(path).key("k").send().await.problem().0, 404);
    let money = World::new().await;
    assert_eq!(money.post(path).unsigned().send().await.problem().0, 404);
    let wrong = money.post(path).header("Tl-Signature", "an-invalid..signature").send().await;
    refused(&wrong, "present but wrong");
}
