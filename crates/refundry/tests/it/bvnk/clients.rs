//! The libraries that clients sign with, from npm, PyPI and crates.io, against
//! the binary: what they sign is taken, and what was sent otherwise is not.
//!
//! `cargo xtask clients` installs them. A story fails where they are missing.

use super::super::library::Library;
use super::shop::{Shop, mac, refund_body};
use serde_json::{Value, json};

/// Requests of a body.
const JSON: &str = "application/json; charset=utf-8";

/// A library with a shop's key.
struct Client<'a> {
    shop: &'a Shop,
    name: &'static str,
    library: Library,
    /// Whether calls carry the hash of their body.
    hash: bool,
}

/// What a client heard.
#[derive(Debug)]
struct Heard {
    status: u64,
    challenge: String,
    json: Value,
    authorization: String,
    corrected: bool,
}

impl Client<'_> {
    /// A call with further members of the question.
    fn ask(&mut self, method: &str, path: &str, more: &Value) -> Heard {
        let mut question = json!({
            "deed": "call", "id": self.shop.id(), "key": self.shop.key(), "hash": self.hash,
            "method": method, "url": format!("{}{path}", self.shop.server.base),
        });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let said = self.library.ask(&question);
        assert!(said.get("refused").is_none(), "{}: {method} {path}: {said}", self.name);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Heard {
            status: said["status"].as_u64().unwrap(),
            challenge: text(&said["headers"]["www-authenticate"]),
            json: serde_json::from_str(said["body"].as_str().unwrap()).unwrap_or(Value::Null),
            authorization: text(&said["authorization"]),
            corrected: said["corrected"] == true,
        }
    }

    /// A GET that must be good.
    #[track_caller]
    fn get(&mut self, path: &str) -> Value {
        let heard = self.ask("GET", path, &json!({}));
        assert_eq!(heard.status, 200, "{}: {path}: {heard:?}", self.name);
        heard.json
    }

    /// A POST with a key.
    fn post(&mut self, path: &str, key: &str, body: &Value) -> Heard {
        let headers = json!({ "content-type": JSON, "x-idempotency-key": key });
        self.ask("POST", path, &json!({ "headers": headers, "body": body.to_string() }))
    }

    fn set_clock(&mut self, off: i64) {
        assert_eq!(self.library.ask(&json!({ "deed": "clock", "off": off })), json!({ "clock": off }));
    }
}

/// Starts a library.
type Start = fn() -> Library;

/// Every library, one after the other.
fn all(shop: &Shop, hash: bool) -> impl Iterator<Item = Client<'_>> {
    let start: [(&'static str, Start); 5] = [
        ("hawk", || Library::node_with("hawk.js", &["hawk"])),
        ("@hapi/hawk", || Library::node_with("hawk.js", &["@hapi/hawk"])),
        ("mohawk", || Library::python_with("hawk.py", &["mohawk"])),
        ("requests-hawk", || Library::python_with("hawk.py", &["requests-hawk"])),
        ("the crate hawk", Library::rust),
    ];
    start.into_iter().map(move |(name, start)| Client { shop, name, library: start(), hash })
}

/// A pay-in of 150 EUR, made and read by the client itself.
fn payin(client: &mut Client<'_>) -> String {
    let made = client.post("/payment/v1/payins/simulate", "not-needed", &client.shop.payin_body("150.00", "EUR"));
    assert_eq!(made.status, 200, "{}: {made:?}", client.name);
    let id = made.json["transactionReference"].as_str().unwrap().to_owned();
    let path = format!("/payment/v1/payins/{id}");
    // The simulator takes a millisecond, a look takes longer.
    let settled = (0..200).any(|_| client.get(&path)["status"] == "COMPLETED");
    assert!(settled, "{}: {id} is never there", client.name);
    id
}

/// Everything that a client does with one pay-in.
fn walk(client: &mut Client<'_>) {
    let wallet = client.shop.wallet("EUR").to_owned();
    let encoded = wallet.replace(':', "%3A");
    for spelling in [&wallet, &encoded] {
        assert_eq!(client.get(&format!("/ledger/v1/wallets/{spelling}"))["id"], wallet, "{}", client.name);
        let list = format!("/ledger/v1/transactions?walletId={spelling}&page=0&size=2&sort=createdAt,desc");
        assert_eq!(client.get(&list)["size"], 2, "{}", client.name);
    }
    let payin = payin(client);
    let estimate = format!("/payment/v1/payins/{payin}/estimate");
    let whole = json!({ "value": 150.0, "currency": "EUR" });
    assert_eq!(client.get(&estimate)["maxAvailableToRefund"], whole);
    let query = format!("{estimate}?customerReference=order%20123&value=150&currency=EUR");
    assert_eq!(client.get(&query)["fee"], json!({ "value": 1.0, "currency": "EUR" }), "{}", client.name);
    let body = refund_body("150", "EUR").to_string();
    let heard = client.ask("GET", &estimate, &json!({ "headers": { "content-type": JSON }, "body": body }));
    assert_eq!((heard.status, &heard.json["maxAvailableToRefund"]), (200, &whole), "{}: {heard:?}", client.name);
    // One of them hashes whatever has a body.
    let hashed = client.hash || client.name == "requests-hawk";
    assert_eq!(heard.authorization.contains("hash=\""), hashed, "{}: {}", client.name, heard.authorization);

    let refund = format!("/payment/v1/payins/{payin}/refund");
    for value in ["50", "70", "30"] {
        let key = format!("{value}-of-{}", &payin[24..]);
        let made = client.post(&refund, &key, &refund_body(value, "EUR"));
        assert_eq!(made.status, 200, "{}: {made:?}", client.name);
        assert_eq!(made.json["transactionReference"], payin);
        assert_eq!(made.json["fee"], json!({ "value": 1.0, "currency": "EUR" }));
    }
    let refused = client.post(&refund, "a-fourth-one", &refund_body("0.01", "EUR"));
    let words = format!("Invalid amount to refund from pay-in: {payin}. Available amount: 0.00.");
    assert_eq!((refused.status, &refused.json["message"]), (400, &json!(words)), "{}", client.name);
    assert_eq!(refused.json["code"], "bvnk:payment:0001");
    let shown = client.get(&refund);
    assert_eq!(shown["refunds"].as_array().map(Vec::len), Some(3), "{}", client.name);
}

// conformance: bvnk 18
// conformance: bvnk 41
#[tokio::test]
async fn the_libraries_walk_the_whole_way() {
    let shop = Shop::start().await;
    shop.one_each("EUR").await;
    for hash in [false, true] {
        all(&shop, hash).for_each(|mut client| walk(&mut client));
    }
}

/// The refusal of a call, in its exact form.
#[track_caller]
fn refused(client: &Client<'_>, what: &str, heard: &Heard, challenge: &str) {
    let name = client.name;
    assert_eq!((heard.status, heard.challenge.as_str()), (401, challenge), "{name}: {what}");
    assert_eq!(heard.json["code"], "bvnk:payment:0003", "{name}: {what}");
    assert_eq!(heard.json["status"], "Unauthorized", "{name}: {what}");
    assert_eq!(heard.json.as_object().map(|members| members.len()), Some(5), "{name}: {what}: {}", heard.json);
}

// conformance: bvnk 3
// conformance: bvnk 5
#[tokio::test]
async fn what_the_libraries_did_not_sign_is_refused() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let refund = format!("/payment/v1/payins/{payin}/refund");
    let at = |path: &str| format!("{}{path}", shop.server.base);
    let headers = json!({ "content-type": JSON, "x-idempotency-key": "never-good" });
    let body = refund_body("1.00", "EUR").to_string();
    let wallets = "/ledger/v1/wallets?page=0&size=2";
    for mut client in all(&shop, false) {
        let bad_mac = "Hawk error=\"Bad mac\"";
        let changes = [
            ("the path", json!({ "url": at(&refund.replace("payins", "payouts")) })),
            ("a query that was not there", json!({ "url": at(&format!("{refund}?a=b")) })),
            ("the method", json!({ "method": "GET" })),
            ("the host", json!({ "host": "api.example" })),
            ("the port", json!({ "host": "127.0.0.1:1" })),
        ];
        for (what, sent) in changes {
            let more = json!({ "sent": sent, "headers": headers, "body": body });
            let heard = client.ask("POST", &refund, &more);
            refused(&client, what, &heard, bad_mac);
        }
        let wallet = format!("/ledger/v1/wallets/{}", shop.wallet("EUR"));
        for (what, signed, sent) in [
            ("the order of the query", wallets, "/ledger/v1/wallets?size=2&page=0"),
            ("how the wallet is written", &wallet, &wallet.replace(':', "%3A")),
        ] {
            let heard = client.ask("GET", signed, &json!({ "sent": { "url": at(sent) } }));
            refused(&client, what, &heard, bad_mac);
        }
        for (what, credentials) in [
            ("another key", json!({ "key": format!("{}x", shop.key()) })),
            ("another id", json!({ "id": "hawk-nobody" })),
        ] {
            let heard = client.ask("GET", wallets, &credentials);
            refused(&client, what, &heard, bad_mac);
        }
        let first = client.ask("GET", wallets, &json!({}));
        assert_eq!(first.status, 200, "{}", client.name);
        let heard = client.ask("GET", wallets, &json!({ "authorization": first.authorization }));
        refused(&client, "the same header again", &heard, "Hawk error=\"Invalid nonce\"");
    }
    assert_eq!(shop.get(&refund).await.status, 404, "nothing was refunded");
}

/// A member of a challenge.
fn member<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name}: {challenge}"));
    rest.split('"').next().unwrap()
}

// conformance: bvnk 4
#[tokio::test]
async fn a_library_sets_its_clock_by_ours() {
    let shop = Shop::start().await;
    let wallets = "/ledger/v1/wallets";
    for mut client in all(&shop, false) {
        for off in [-120, 120, 86_400] {
            client.set_clock(off);
            let heard = client.ask("GET", wallets, &json!({}));
            let ts = member(&heard.challenge, "ts");
            let challenge = format!(
                "Hawk ts=\"{ts}\", tsm=\"{}\", error=\"Stale timestamp\"",
                mac(shop.key(), &format!("hawk.1.ts\n{ts}\n"))
            );
            refused(&client, "another time", &heard, &challenge);
            // The crate does not know of it: whoever uses it sets the clock.
            if client.name == "the crate hawk" {
                client.set_clock(0);
            } else {
                assert!(heard.corrected, "{}: the time is signed with its key", client.name);
            }
            client.get(wallets);
        }
    }
}

// conformance: bvnk 9
#[tokio::test]
async fn the_hash_of_a_body_is_compared_where_it_is_set() {
    for (setting, wrong) in [("off", 200), ("on", 401)] {
        let shop = Shop::with(&[("REFUNDRY_DIALECTS__BVNK__HAWK_VERIFY_PAYLOAD", setting)]).await;
        let payin = shop.payin("150.00", "EUR").await;
        let path = format!("/payment/v1/payins/{payin}/refund/estimate");
        let more = |sent: Value| {
            let body = refund_body("150", "EUR").to_string();
            json!({ "headers": { "content-type": JSON }, "body": body, "sent": sent })
        };
        let other = json!({ "body": refund_body("149", "EUR").to_string() });
        for mut client in all(&shop, true) {
            assert_eq!(client.ask("POST", &path, &more(json!({}))).status, 200, "{} {setting}", client.name);
            assert_eq!(client.ask("GET", "/ledger/v1/wallets", &json!({})).status, 200, "{} {setting}", client.name);
            let heard = client.ask("POST", &path, &more(other.clone()));
            assert_eq!(heard.status, wrong, "{} {setting}: {heard:?}", client.name);
            if wrong == 401 {
                refused(&client, "another body", &heard, "Hawk error=\"Bad mac\"");
            }
        }
        for mut client in all(&shop, false).filter(|client| client.name != "requests-hawk") {
            let heard = client.ask("POST", &path, &more(json!({})));
            assert_eq!(heard.status, wrong, "{} {setting} without a hash", client.name);
        }
    }
}
