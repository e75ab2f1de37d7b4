//! Random requests whose signatures the libraries of npm and crates.io make:
//! they are ours, byte for byte, and the server takes them.

use super::super::library::Library;
use super::super::server::answer;
use super::shop::{Shop, mac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refundry_engine::clock::real_now;
use serde_json::{Value, json};

/// Requests of each library.
const ROUNDS: usize = 250;
/// What may stand in a path or a query without being written otherwise by any client.
const PATH: &[u8] = b"abcXYZ019-_~:@!$&()*+,;=";
/// What may stand in an attribute.
const ATTRIBUTE: &[u8] = b"abcXYZ019 !#$%&'()*+,-./:;<=>?@[]^_`{|}~";
/// What may stand in a nonce.
const NONCE: &[u8] = b"abcXYZ019!#$%&'()*+,-./:;<=>?@[]^_`{|}~";
const HOST: &[u8] = b"abcdefxyz0123456789";

/// Random, and the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % below as u64).unwrap()
    }

    fn text(&mut self, of: &[u8], lengths: std::ops::Range<usize>) -> String {
        let length = lengths.start + self.next(lengths.len());
        (0..length).map(|_| char::from(of[self.next(of.len())])).collect()
    }

    fn maybe(&mut self, of: &[u8]) -> Option<String> {
        (self.next(2) == 0).then(|| self.text(of, 1..40))
    }

    /// With an escape here and there.
    fn segment(&mut self) -> String {
        let escape = if self.next(2) == 0 { "%3A" } else { "%e2%82%ac" };
        format!("{}{escape}{}", self.text(PATH, 1..20), self.text(PATH, 0..20))
    }
}

/// The body of an estimate.
fn estimate(mut reference: String) -> String {
    reference.insert(0, 'r');
    json!({ "customerReference": reference, "amount": { "value": "1.00", "currency": "EUR" } }).to_string()
}

/// A request as one library signs it; `names_others` says whether it signs
/// for an application that acts for another (the crate leaves that out).
fn question(random: &mut Random, shop: &Shop, names_others: bool) -> (Value, String, String) {
    let host = format!("{}.{}", random.text(HOST, 1..20), random.text(HOST, 1..20));
    let port = 1 + random.next(65_535);
    let method = ["GET", "POST"][random.next(2)];
    let query = if random.next(2) == 0 { String::new() } else { format!("?{}={}", random.segment(), random.segment()) };
    let id = random.segment();
    let path = match method {
        "GET" => format!("/payment/v1/payouts/{id}{query}"),
        _ => format!("/payment/v1/payins/{id}/refund/estimate{query}"),
    };
    let body = if method == "GET" { String::new() } else { estimate(random.text(ATTRIBUTE, 1..200)) };
    let media_type = ["application/json", "Application/JSON; charset=utf-8", "application/json ;a=b"][random.next(3)];
    let mut question = json!({
        "deed": "header", "id": shop.id(), "key": shop.key(), "method": method,
        "url": format!("http://{host}:{port}{path}"), "nonce": random.text(NONCE, 10..65), "ext": random.maybe(ATTRIBUTE),
        "headers": { "content-type": media_type }, "body": body, "hash": !body.is_empty(),
    });
    if let Some(app) = random.maybe(ATTRIBUTE).filter(|_| names_others) {
        question["app"] = json!(app);
        question["dlg"] = json!(random.maybe(ATTRIBUTE));
    }
    question.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    (question, format!("{host}:{port}"), path)
}

/// The signature over what a header says, by our own words.
fn expected(shop: &Shop, question: &Value, header: &str) -> String {
    let said = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next().unwrap().to_owned())
    };
    let url = question["url"].as_str().unwrap().trim_start_matches("http://");
    let (authority, path) = url.split_at(url.find('/').unwrap());
    let (host, port) = authority.split_once(':').unwrap();
    let asked = |name: &str| question[name].as_str().unwrap_or_default();
    let (ts, nonce, method) = (said("ts").unwrap(), asked("nonce"), asked("method"));
    let hash = said(" hash").unwrap_or_default();
    let (ext, app, dlg) = (asked("ext"), asked("app"), asked("dlg"));
    let mut text = format!("hawk.1.header\n{ts}\n{nonce}\n{method}\n{path}\n{host}\n{port}\n{hash}\n{ext}\n");
    if !app.is_empty() {
        text += &format!("{app}\n{dlg}\n");
    }
    mac(shop.key(), &text)
}

#[tokio::test]
async fn random_requests_are_signed_alike() {
    let shop = Shop::with(&[
        ("REFUNDRY_DIALECTS__BVNK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#),
        ("REFUNDRY_DIALECTS__BVNK__HAWK_VERIFY_PAYLOAD", "on"),
    ])
    .await;
    let seed = u64::try_from(real_now().0).unwrap();
    let mut random = Random(seed);
    for (mut library, names_others) in [(Library::node_with("hawk.js", &["hawk"]), true), (Library::rust(), false)] {
        for round in 0..ROUNDS {
            let (question, authority, path) = question(&mut random, &shop, names_others);
            let said = library.ask(&question);
            let what = format!("{} {seed} {round}: {question} {said}", library.name);
            let header = said["authorization"].as_str().unwrap_or_else(|| panic!("{what}"));
            let ours = expected(&shop, &question, header);
            assert!(header.contains(&format!("mac=\"{ours}\"")), "{what}: {ours}");
            assert_eq!(STANDARD.decode(&ours).unwrap().len(), 32);
            let url = format!("{}{path}", shop.server.base);
            let request = shop.server.http.request(question["method"].as_str().unwrap().parse().unwrap(), url);
            let request = request.header("authorization", header).header("x-forwarded-host", authority);
            let media_type = question["headers"]["content-type"].as_str().unwrap();
            let request = request.header("x-forwarded-proto", "http").header("content-type", media_type);
            let heard = answer(request.body(question["body"].as_str().unwrap().to_owned())).await;
            // It is known who asks, and there is no such thing.
            assert_eq!((heard.status, &heard.json["code"]), (404, &json!("bvnk:payment:0002")), "{what}: {heard:?}");
        }
    }
}
