//! Who asks: signatures, clocks, replays, proxies.

use super::world::{World, a_refund};
use crate::bvnk::keys::{HawkKey, Scope};
use http::Method;
use refundry_domain::rules::Environment;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::RegistryEntry;
use serde_json::json;

const WALLETS: &str = "/ledger/v1/wallets";

// conformance: bvnk 1
#[tokio::test]
async fn the_vectors_are_accepted_when_the_clock_says_so() {
    let world = World::new().await;
    world.further_key(&json!({ "auth_id": "test-hawk-id", "auth_key": "test-hawk-key-0123456789" })).await;
    world.clock.set(Timestamp(1_700_000_000_000_000_000));
    let path = "/payment/v1/payouts/018e5e83-ac50-4df0-a7e4-c9f15d493f90";
    let header = "Hawk id=\"test-hawk-id\", ts=\"1700000000\", nonce=\"Ygvqdz\", \
                  mac=\"APulaI53WGoqILMdUxIf6+zjqoNYEL5nDvQyGjIe7KE=\"";
    let heard = world.call(Method::GET, path).header("authorization", header).send_as_it_is().await;
    assert_eq!(heard.status, 404, "it is known who asks: {}", heard.text());
    let other = header.replace("APula", "BPula");
    let heard = world.call(Method::GET, path).header("authorization", &other).send_as_it_is().await;
    assert_eq!((heard.status, heard.header("www-authenticate")), (401, "Hawk error=\"Bad mac\""));
}

// conformance: bvnk 3
#[tokio::test]
async fn what_is_signed_for_something_else_is_refused() {
    let world = World::new().await;
    let path = "/ledger/v1/transactions?walletId=a:1:x:1&page=0&size=10";
    let good = world.get(path).await;
    assert_eq!(good.fault().1, "bvnk:ledger:5001", "the signature is good");
    let get = || world.call(Method::GET, path);
    let encoded = path.replace("a:1:x:1", "a%3A1%3Ax%3A1");
    let changes = [
        get().with(|call| call.signed_path = Some(path.replace("page=0&size=10", "size=10&page=0"))),
        world.call(Method::GET, &encoded).with(|call| call.signed_path = Some(path.to_owned())),
        get().with(|call| call.signed_host.1 = 443),
        get().with(|call| call.signed_host.0 = "127.0.0.1.".to_owned()),
        get().with(|call| call.signed_method = Some("get".to_owned())),
        get().signed_by("shop", "shop-key-0123456788"),
        get().signed_by("nobody", "shop-key-0123456789"),
    ];
    for (number, call) in changes.into_iter().enumerate() {
        let heard = call.send().await;
        assert_eq!(heard.header("www-authenticate"), "Hawk error=\"Bad mac\"", "{number}");
        assert_eq!((heard.fault().0, heard.fault().1.as_str()), (401, "bvnk:payment:0003"), "{number}");
    }
    let heard = world.call(Method::GET, &encoded).send().await;
    assert_eq!(heard.fault().1, "bvnk:ledger:5001", "what is sent may be signed");
}

// conformance: bvnk 4
#[tokio::test]
async fn a_clock_that_is_off_is_told_the_time() {
    let world = World::new().await;
    let now = world.engine.now().unix_seconds();
    for (off, status) in [(-59, 200), (-61, 401), (59, 200), (61, 401)] {
        let heard = world.call(Method::GET, WALLETS).with(|call| call.ts = now + off).send().await;
        assert_eq!(heard.status, status, "{off}");
        if status == 401 {
            let expected = crate::bvnk::hawk::stale_challenge(b"shop-key-0123456789", now);
            assert_eq!(heard.header("www-authenticate"), expected);
        }
    }
    let wrong = world.call(Method::GET, WALLETS).signed_by("shop", "wrong").with(|call| call.ts = now - 100);
    assert_eq!(wrong.send().await.header("www-authenticate"), "Hawk error=\"Bad mac\"", "our time is for our clients");
}

// conformance: bvnk 5
#[tokio::test]
async fn a_signature_opens_the_door_once() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let again = |call: super::world::Call| call.with(|call| call.nonce = "same".to_owned());
    assert_eq!(again(world.call(Method::GET, WALLETS)).send().await.status, 200);
    let heard = again(world.call(Method::GET, WALLETS)).send().await;
    assert_eq!((heard.fault().0, heard.header("www-authenticate")), (401, "Hawk error=\"Invalid nonce\""));
    // What changes something is refused by another server with the same store, too.
    let path = format!("/payment/v1/payins/{payin}/refund");
    let refund = |key: &str| {
        let call = world.post(&path).key(key).json(&a_refund("1.00", "GBP"));
        call.with(|call| call.nonce = "once".to_owned())
    };
    assert_eq!(refund("key-0001").send().await.status, 200);
    let second = crate::bvnk::open_at(&world.host, &json!({}), |host| host.engine.now()).unwrap().router();
    let heard = refund("key-0002").to(&second).send().await;
    assert_eq!((heard.fault().0, heard.header("www-authenticate")), (401, "Hawk error=\"Invalid nonce\""));
    assert_eq!(world.get(&format!("/payment/v1/payins/{payin}")).await.json()["refunds"].as_array().unwrap().len(), 1);
}

// conformance: bvnk 5
#[tokio::test]
async fn a_read_that_another_process_took_is_not_taken_again() {
    let world = World::new().await;
    let now = world.engine.now().unix_seconds();
    let read = |off: i64, nonce: &str| {
        let nonce = nonce.to_owned();
        world.call(Method::GET, WALLETS).with(move |call| (call.ts, call.nonce) = (now + off, nonce))
    };
    for (off, nonce) in [(-59, "past"), (0, "now"), (59, "ahead")] {
        assert_eq!(read(off, nonce).send().await.status, 200, "{off}: before the restart");
    }
    world.clock.advance(Span::seconds(1));
    let later = crate::bvnk::open_at(&world.host, &json!({}), |host| host.engine.now()).unwrap().router();
    let stale = crate::bvnk::hawk::stale_challenge(b"shop-key-0123456789", now + 1);
    for (off, nonce, said) in
        [(-59, "past", &*stale), (0, "now", &stale), (0, "new", &stale), (59, "ahead", "Hawk error=\"Invalid nonce\"")]
    {
        let heard = read(off, nonce).to(&later).send().await;
        assert_eq!((heard.fault().0, heard.header("www-authenticate")), (401, said), "{off} {nonce}");
    }
    // Whoever takes the time that they are told signs anew.
    assert_eq!(read(1, "new").to(&later).send().await.status, 200);
    assert_eq!(read(60, "ahead-new").to(&later).send().await.status, 200);
    let estimate = "/payment/v1/payins/018e5e83-ac50-4df0-a7e4-c9f15d493f90/refund/estimate";
    let asked = world.post(estimate).json(&a_refund("1", "GBP")).with(|call| call.ts = now).to(&later).send().await;
    assert_eq!((asked.fault().0, asked.header("www-authenticate")), (401, &*stale), "an estimate is a read");
}

// conformance: bvnk 6
#[tokio::test]
async fn malformed_missing_and_narrow_credentials() {
    let world = World::new().await;
    let bare = |value: Option<&str>| {
        let call = world.call(Method::GET, WALLETS);
        value.map_or(world.call(Method::GET, WALLETS), |value| call.header("authorization", value))
    };
    let heard = bare(None).send_as_it_is().await;
    assert_eq!((heard.fault().0, heard.header("www-authenticate")), (401, "Hawk"));
    let heard = bare(Some("Basic c2hvcDprZXk=")).send_as_it_is().await;
    assert_eq!((heard.fault().0, heard.header("www-authenticate")), (401, "Hawk"));
    let heard = bare(Some("Hawk id=\"shop\"")).send_as_it_is().await;
    assert_eq!((heard.fault().0, heard.fault().1.as_str()), (400, "bvnk:payment:0001"));
    assert_eq!(heard.header("www-authenticate"), "");

    for (id, environment, scopes) in [
        ("reader", Environment::Sandbox, &[Scope::Read][..]),
        ("abroad", Environment::Live, &[Scope::Read, Scope::Refund]),
    ] {
        world.further_key(&json!({ "auth_id": id, "auth_key": "k" })).await;
        let key = HawkKey::new("k".to_owned(), environment, scopes);
        let entry = key.entry(world.merchant, id);
        assert!(matches!(entry, RegistryEntry::Group(_)));
        world.put(entry).await;
    }
    let payin = world.gbp("10.00").await;
    let refund = format!("/payment/v1/payins/{payin}/refund");
    let ask = || world.post(&refund).key("key-0001").json(&a_refund("1.00", "GBP"));
    let heard = ask().signed_by("reader", "k").send().await;
    assert_eq!((heard.fault().0, heard.fault().1.as_str()), (403, "bvnk:payment:0003"));
    assert_eq!(world.call(Method::GET, WALLETS).signed_by("reader", "k").send().await.status, 200);
    assert_eq!(world.call(Method::GET, WALLETS).signed_by("abroad", "k").send().await.fault().0, 403);
}

// conformance: bvnk 7
#[tokio::test]
async fn the_named_origin_is_what_clients_sign() {
    let world = World::with(json!({ "public_origin": "https://Refunds.example" })).await;
    let named = ("refunds.example".to_owned(), 443);
    let call = || world.call(Method::GET, WALLETS);
    assert_eq!(call().with(|call| call.signed_host = named.clone()).send().await.status, 200);
    assert_eq!(call().send().await.status, 401, "the listener's own name is not it");
}

// conformance: bvnk 8
#[tokio::test]
async fn only_a_trusted_proxy_is_believed() {
    let world = World::with(json!({ "trusted_proxies": ["10.0.0.0/8"] })).await;
    let forwarded = |peer: &str| {
        let call = world.call(Method::GET, WALLETS).from(peer).header("x-forwarded-host", "Pay.example, inner");
        call.header("x-forwarded-proto", "https")
    };
    let outside = ("pay.example".to_owned(), 443);
    let signed = |call: super::world::Call| call.with(|call| call.signed_host = outside.clone());
    assert_eq!(signed(forwarded("10.1.2.3:5000")).send().await.status, 200);
    assert_eq!(signed(forwarded("192.0.2.1:5000")).send().await.status, 401);
    assert_eq!(forwarded("192.0.2.1:5000").send().await.status, 200, "the request itself counts");
    let call = forwarded("10.1.2.3:5000").header("x-forwarded-port", "8443");
    assert_eq!(call.with(|call| call.signed_host = ("pay.example".to_owned(), 8443)).send().await.status, 200);
}

// conformance: bvnk 9
#[tokio::test]
async fn the_hash_of_a_body_counts_where_it_is_set() {
    for (setting, status) in [("off", 404), ("on", 401)] {
        let world = World::with(json!({ "hawk_verify_payload": setting })).await;
        let path = "/payment/v1/payins/018e5e83-ac50-4df0-a7e4-c9f15d493f90/refund/estimate";
        let body = a_refund("1.00", "GBP").to_string();
        let post = |hash: Option<String>| {
            let call = world.post(path).header("content-type", "application/json;charset=utf-8").raw(body.clone());
            call.with(|call| call.hash = hash)
        };
        assert_eq!(post(Some("c2hhMjU2IG9mIGl0".to_owned())).send().await.status, status, "{setting}");
        assert_eq!(post(None).send().await.status, status, "{setting}");
        let right = crate::bvnk::hawk::payload_hash("application/json", body.as_bytes());
        assert_eq!(post(Some(right)).send().await.status, 404, "{setting}");
    }
}

#[tokio::test]
async fn a_rate_is_kept() {
    let world = World::with(json!({ "rate_limit": 2 })).await;
    assert_eq!((world.get(WALLETS).await.status, world.get(WALLETS).await.status), (200, 200));
    let heard = world.get(WALLETS).await;
    assert_eq!((heard.fault().0, heard.header("retry-after")), (429, "1"));
    world.clock.advance(Span::seconds(1));
    assert_eq!(world.get(WALLETS).await.status, 200);
}

// conformance: bvnk 3
#[tokio::test]
async fn all_paths_may_stand_below_one() {
    let world = World::with(json!({ "mount_prefix": "/pay/bvnk" })).await;
    assert_eq!(world.dialect.mount_prefix(), Some("/pay/bvnk"));
    let path = format!("/pay/bvnk{WALLETS}?size=2");
    assert_eq!(world.get(&path).await.status, 200, "the whole path is signed");
    let inner = path.replace("/pay/bvnk", "");
    let heard = world.call(Method::GET, &path).with(|call| call.signed_path = Some(inner)).send().await;
    assert_eq!(heard.header("www-authenticate"), "Hawk error=\"Bad mac\"");
    assert_eq!(world.get(WALLETS).await.status, 404);
    let fault = world.call(Method::DELETE, &path).send().await;
    assert_eq!((fault.fault().0, fault.header("allow")), (405, "GET,HEAD"));
    let legacy = world.get("/pay/bvnk/api/wallet/a:1:x:1").await.json();
    assert!(legacy["errorList"].is_array(), "{legacy}");
    let body = world.dialect.not_found(&Method::GET, "/pay/bvnk/api/wallet/x/y").into_body();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("errorList"));
}
