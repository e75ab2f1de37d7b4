//! An operator's calls about keys.

use crate::house::House;
use crate::wire::call;
use refundry_testkit::memory::MemoryStore;
use serde_json::json;

const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAoLuW4nFqoUuR8d7FVsUoI62libYd\n\
    QlWGtLStnqdudLY92bQ0ra5eZAbkunrGTR9+w9mr4o2Etyb6pC7YB2+23WMBfVyO\n\
    QYyKW2KQ+uRfj2rC4kN1wRNpOyP6TIU/yOwX1blcAHdni0GJC1zvYNCclh4rIBX9\n\
    PqplO0UoWv5OniK76Ps=\n\
    -----END PUBLIC KEY-----\n";

#[tokio::test]
async fn keys_of_a_client_are_added_and_revoked() {
    let data = tempfile::tempdir().unwrap();
    let house = House::start(&MemoryStore::new(), data.path(), None).await;
    let client = house.made.document.text("/truelayer/client_id").unwrap().to_owned();
    let path = format!("/clients/truelayer/{client}/keys");
    let body = json!({ "public_key_pem": PUBLIC_KEY, "key_id": "second" });
    let added = house.lever(&format!("POST {path}"), &body).await;
    assert_eq!((added.status, added.json()), (201, json!({ "key_id": "second" })));
    for (line, body, status) in [
        (format!("POST {path}"), body.clone(), 409),
        (format!("POST {path}"), json!({ "public_key_pem": "words" }), 400),
        (format!("POST {path}"), json!({ "public_key_pem": PUBLIC_KEY, "kid": "x" }), 400),
        ("POST /clients/truelayer/nobody/keys".to_owned(), body.clone(), 404),
        ("POST /clients/stripe/nobody/keys".to_owned(), body.clone(), 404),
        ("POST /clients/native/nobody/keys".to_owned(), body, 400),
        (format!("DELETE {path}/second"), json!({}), 204),
        (format!("DELETE {path}/third"), json!({}), 404),
    ] {
        let answer = house.lever(&line, &body).await;
        assert_eq!(answer.status, status, "{line} {answer:?}");
    }
    house.end().await;
}

#[tokio::test]
async fn our_next_key_is_published_at_once_and_survives_a_restart() {
    let (store, data) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let house = House::start(&store, data.path(), None).await;
    let published = async |house: &House| {
        let answer = call(house.address, "GET /.well-known/jwks", "", "").await;
        answer.json()["keys"].as_array().unwrap().clone()
    };
    assert_eq!(published(&house).await.len(), 1);
    assert_eq!(house.lever("POST /webhooks/truelayer/signing-key", &json!({})).await.status, 200);
    assert_eq!(house.lever("POST /webhooks/banked/signing-key", &json!({})).await.status, 400);
    let both = published(&house).await;
    assert_eq!(both.len(), 2);
    house.end().await;
    let house = House::start(&store, data.path(), None).await;
    assert_eq!(published(&house).await, both);
    house.end().await;
}

#[tokio::test]
async fn webhooks_of_a_named_client_go_where_it_says() {
    let data = tempfile::tempdir().unwrap();
    let house = House::start(&MemoryStore::new(), data.path(), None).await;
    let made = house.lever("POST /clients", &json!({ "dialect": "truelayer" })).await.json();
    let set = |client: &str, scheme: &str| json!({ "url": "http://127.0.0.1:9/x", "client": client, "signature_scheme": scheme });
    let first = house.made.document.text("/truelayer/client_id").unwrap().to_owned();
    let second = made["client_id"].as_str().unwrap();
    let mut ids = Vec::new();
    for client in [&*first, second, second] {
        let answer = house.lever("PUT /webhooks/truelayer", &set(client, "tl-signature")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[1], ids[2], "a second call replaces the first");
    assert_eq!(house.lever("PUT /webhooks/truelayer", &set("nobody", "tl-signature")).await.status, 404);
    assert_eq!(house.lever("PUT /webhooks/truelayer", &set(second, "rot13")).await.status, 400);
    house.end().await;
}

#[tokio::test]
async fn another_secret_of_a_set_endpoint_keeps_the_one_before() {
    let data = tempfile::tempdir().unwrap();
    let house = House::start(&MemoryStore::new(), data.path(), None).await;
    let kept = |needle: &str| {
        let directory = house.engine.directory();
        let set = directory.endpoints.values().find(|endpoint| endpoint.url == "inbox:kept").unwrap();
        (set.secret.clone(), set.settings.windows(needle.len()).any(|part| part == needle.as_bytes()))
    };
    for (secret, before) in [("secret-one", false), ("secret-two", true), ("secret-two", true)] {
        let body = json!({ "url": "inbox:kept", "secret": secret, "signature_scheme": "url-hex" });
        let answer = house.lever("PUT /webhooks/bvnk", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(kept("secret-one"), (secret.to_owned(), before));
    }
    house.end().await;
}
