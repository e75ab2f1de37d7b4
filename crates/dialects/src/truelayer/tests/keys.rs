//! Keys: a sandbox's members, given ones, and our own (contract 3.17, 8.1).

use super::super::signing::keys;
use super::world::{ORIGIN, World};
use crate::host::KeyRefused;
use refundry_domain::time::Span;
use serde_json::{Value, json};

async fn published(world: &World) -> Vec<Value> {
    let heard = world.get("/.well-known/jwks").await;
    assert_eq!((heard.status, heard.header("cache-control")), (200, "public, max-age=1800"));
    heard.json()["keys"].as_array().unwrap().clone()
}

// conformance: truelayer 86
#[tokio::test]
async fn our_keys_are_published_with_full_coordinates() {
    let world = World::new().await;
    world.further_client(&json!({})).await;
    let keys = published(&world).await;
    assert_eq!(keys.len(), 1, "clients of one merchant share its key");
    for key in keys {
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        assert_eq!((&*text("kty"), &*text("alg"), &*text("crv")), ("EC", "ES512", "P-521"));
        assert_eq!((text("x").len(), text("y").len()), (88, 88));
        assert_eq!(text("kid").len(), 36);
    }
}

#[tokio::test]
async fn a_new_key_is_published_an_hour_before_it_signs() {
    let world = World::new().await;
    let signer = || {
        let headers = world.dialect.webhooks();
        let event = super::webhooks::any_event(&world);
        let sent = headers.sign(&event, &world.client.inbox, b"{}", world.engine.now());
        super::webhooks::key_id(&sent)
    };
    let first = signer();
    let rotate = || async { world.dialect.signing_keys().unwrap().rotate(world.merchant).await.unwrap() };
    rotate().await;
    rotate().await;
    let ids =
        |keys: Vec<Value>| -> Vec<String> { keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect() };
    let both = ids(published(&world).await);
    assert_eq!((both.len(), &both[0]), (2, &first), "one that waits stays the next one");
    assert_eq!(signer(), first);
    world.clock.advance(Span::seconds(3_599));
    assert_eq!(signer(), first);
    world.clock.advance(Span::seconds(1));
    assert_eq!(signer(), both[1]);
    world.clock.advance(Span::seconds(73 * 3_600 - 1));
    assert_eq!(ids(published(&world).await), both, "what was signed just before is still tried again");
    world.clock.advance(Span::seconds(1));
    assert_eq!(ids(published(&world).await), both[1..]);
    rotate().await;
    assert_eq!(ids(published(&world).await).len(), 2);
}

#[tokio::test]
async fn a_sandbox_client_gets_all_its_members() {
    let world = World::new().await;
    let members = &world.client.members;
    let names: Vec<&String> = members.as_object().unwrap().keys().collect();
    let expected = [
        "client_id",
        "client_secret",
        "jwks_url",
        "merchant_accounts",
        "signing_key_id",
        "signing_private_key_pem",
        "sweeping_iban",
        "token_url",
    ];
    assert_eq!(names, expected);
    assert_eq!(members["token_url"], json!(format!("{ORIGIN}/connect/token")));
    assert_eq!(members["jwks_url"], json!(format!("{ORIGIN}/.well-known/jwks")));
    assert_eq!(members["merchant_accounts"], json!({ "GBP": world.gbp.to_string(), "EUR": world.eur.to_string() }));
    let other = world.further_client(&json!({})).await;
    for name in ["client_id", "client_secret", "signing_key_id", "signing_private_key_pem"] {
        assert_ne!(members[name], other.members[name], "{name}");
    }
    for currency in ["GBP", "EUR"] {
        assert_ne!(members["merchant_accounts"][currency], other.members["merchant_accounts"][currency]);
    }
}

#[tokio::test]
async fn given_values_are_taken() {
    let world = World::new().await;
    let pair = keys::generate().unwrap();
    let private = keys::to_private_pem(&pair).unwrap();
    let seed = json!({
        "client_id": "given", "client_secret": "given secret", "signing_key_id": "given key",
        "signing_private_key_pem": private, "sweeping_iban": "GB53MOCK04009961774120",
    });
    let client = world.further_client(&seed).await;
    for (name, value) in seed.as_object().unwrap() {
        assert_eq!(&client.members[name], value, "{name}");
    }
    assert_eq!(world.post("/test-signature").by(&client).send().await.status, 204);
    // Of a given public key nobody here has the private half.
    let public = include_str!("../signing/vectors/ec512-public.pem");
    let foreign = world.further_client(&json!({ "signing_public_key_pem": public })).await;
    assert_eq!(foreign.members["signing_public_key_pem"], json!(public));
    assert!(foreign.members.get("signing_private_key_pem").is_none());
    assert_eq!(world.post("/test-signature").by(&foreign).send().await.problem().0, 401);
}

#[tokio::test]
async fn keys_are_added_and_revoked_by_their_merchant_only() {
    let world = World::new().await;
    let keys = world.dialect.signing_keys().unwrap();
    let pem = include_str!("../signing/vectors/ec512-public.pem");
    let (merchant, client) = (world.merchant, &*world.client.id);
    let added = keys.add(merchant, client, None, pem).await.unwrap();
    assert_eq!(keys.add(merchant, client, Some(&added), pem).await, Err(KeyRefused::KeyIdTaken));
    assert_eq!(keys.add(merchant, "nobody", None, pem).await, Err(KeyRefused::ClientUnknown));
    assert_eq!(keys.add(merchant, client, None, "words").await, Err(KeyRefused::Malformed));
    assert_eq!(keys.add(merchant, client, Some(""), pem).await, Err(KeyRefused::Malformed));
    let stranger = refundry_testkit::make::Ids::from(900).merchant();
    assert_eq!(keys.add(stranger, client, None, pem).await, Err(KeyRefused::ClientUnknown));
    assert_eq!(keys.revoke(stranger, client, &added).await, Err(KeyRefused::ClientUnknown));
    assert_eq!(keys.revoke(merchant, client, "nobody's").await, Err(KeyRefused::KeyUnknown));
    keys.revoke(merchant, client, &added).await.unwrap();
    keys.revoke(merchant, client, &added).await.unwrap();
    assert_eq!(keys.add(merchant, client, Some(&added), pem).await, Err(KeyRefused::KeyIdTaken), "for ever");
}
