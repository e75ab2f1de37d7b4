//! Input that no honest caller sends: refused in the dialect's own words,
//! never a fault of ours, and nothing is created.

use super::server::{Answer, Server, Who, answer};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A call as it goes over the wire.
struct Raw {
    what: String,
    media: &'static str,
    body: Vec<u8>,
}

impl Raw {
    fn json(what: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { what: what.to_owned(), media: "application/json", body: body.into() }
    }
}

/// Refused with 4xx in the envelope of its dialect.
#[track_caller]
fn refused(who: Who, what: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{who:?} {what}: {} {}", answer.status, answer.text);
    match who {
        Who::Banked => {
            assert!(answer.media.starts_with("application/json"), "{what}: {}", answer.media);
            let error = &answer.json["errors"][0];
            assert!(error["code"].is_string() && error["message"].is_string(), "{what}: {}", answer.text);
        }
        Who::Native | Who::Sandbox => {
            assert!(answer.media.starts_with("application/problem+json"), "{what}: {}", answer.media);
            assert!(
                answer.json["code"].is_string() && answer.json["status"] == answer.status,
                "{what}: {}",
                answer.text
            );
        }
    }
}

/// A payment and the text of a refund of it, with a place for the amount.
async fn target(server: &Server, who: Who) -> (String, String) {
    let payment = server.payin(1000, "0505101").await;
    let text = match who {
        Who::Banked => {
            let mut body = server.by_mandate(&payment, 1);
            body["amount"] = json!("AMOUNT");
            body.to_string().replace("\"amount\":\"AMOUNT\"", "AMOUNT")
        }
        Who::Native | Who::Sandbox => format!(r#"{{AMOUNT,"payment_id":"{payment}"}}"#),
    };
    (payment, text)
}

fn path(who: Who) -> &'static str {
    if who == Who::Banked { "/v3/refunds" } else { "/v1/refunds" }
}

async fn send(server: &Server, who: Who, key: &str, raw: Raw) -> Answer {
    let request = server.request(who, "POST", path(who)).header("idempotency-key", key);
    answer(request.header("content-type", raw.media).body(raw.body)).await
}

/// Nothing was taken of the payment: all of it can still be refunded.
async fn untouched(server: &Server, who: Who, payment: &str, text: &str) {
    let body = text.replace("AMOUNT", "\"amount\":1000");
    let raw = Raw::json("all of it", body);
    send(server, who, "the-honest-one", raw).await.expect(201);
    server
        .until("the honest one", async || (server.books(payment).await["totals"]["paid"] == 1000).then_some(()))
        .await;
    assert_eq!(server.books(payment).await["data"].as_array().unwrap().len(), 1);
}

// conformance: banked 45
#[tokio::test]
async fn amounts_that_are_none() {
    let server = Server::start().await;
    let amounts = [
        "0",
        "-0",
        "-1",
        "1.0",
        "0.1",
        "1e3",
        "1E0",
        "\"100\"",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "-1e400",
        "true",
        "[]",
        "[100]",
        "{}",
        "01",
        "+1",
        "0x10",
        "NaN",
        "Infinity",
        "\"\"",
        "1001",
    ];
    for who in [Who::Banked, Who::Native] {
        let (payment, text) = target(&server, who).await;
        for amount in amounts {
            let body = text.replace("AMOUNT", &format!("\"amount\":{amount}"));
            let answer =
                send(&server, who, &format!("amount {amount}").replace([' ', '"'], "-"), Raw::json(amount, body)).await;
            refused(who, amount, &answer);
        }
        let twice = text.replace("AMOUNT", "\"amount\":1,\"amount\":1");
        refused(who, "doubled", &send(&server, who, "doubled", Raw::json("doubled", twice)).await);
        if who == Who::Banked {
            for (what, without) in [("null", "\"amount\":null"), ("missing", "\"other\":1")] {
                let answer = send(&server, who, what, Raw::json(what, text.replace("AMOUNT", without))).await;
                refused(who, what, &answer);
            }
        }
        untouched(&server, who, &payment, &text).await;
    }
}

// conformance: banked 57
// conformance: banked 58
#[tokio::test]
async fn bodies_that_are_none() {
    let server = Server::start().await;
    for who in [Who::Banked, Who::Native] {
        let (payment, text) = target(&server, who).await;
        let good = text.replace("AMOUNT", "\"amount\":1");
        let with = |more: &str| text.replace("AMOUNT", &format!("\"amount\":1,{more}"));
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(60_000), close.repeat(60_000));
        let mut bad_utf8 = with("\"metadata\":{\"a\":\"X\"}").into_bytes();
        let place = bad_utf8.iter().position(|byte| *byte == b'X').unwrap();
        bad_utf8[place] = 0xff;
        let cases = [
            Raw::json("nothing", ""),
            Raw::json("a word", "refund"),
            Raw::json("null", "null"),
            Raw::json("a list", format!("[{good}]")),
            Raw::json("two", format!("{good}{good}")),
            Raw::json("cut", good[..good.len() - 1].to_owned()),
            Raw::json("a comment", with("/* x */\"metadata\":{}")),
            Raw::json("bad UTF-8", bad_utf8),
            Raw::json("a lone surrogate", with(r#""metadata":{"a":"\ud800"}"#)),
            Raw::json("a NUL byte", with("\"metadata\":{\"a\":\"\0\"}")),
            Raw::json("a written NUL in a value", with(r#""metadata":{"a":"x\u0000y"}"#)),
            Raw::json("a written NUL in a name", with(r#""metadata":{"x\u0000y":"a"}"#)),
            Raw::json("deep lists", deep("[", "]")),
            Raw::json("deep objects", with(&format!("\"metadata\":{}", deep("{\"a\":[", "]}")))),
            Raw::json("wrong currency", with("\"currency\":\"GBP\"")),
            Raw::json("no currency", with("\"currency\":\"dollars\"")),
            Raw::json("doubled object", with("\"metadata\":{},\"metadata\":{}")),
            Raw::json("doubled inside", with("\"metadata\":{\"a\":\"1\",\"a\":\"2\"}")),
            Raw::json("metadata of numbers", with("\"metadata\":{\"a\":1}")),
            Raw::json("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ];
        for (index, raw) in cases.into_iter().enumerate() {
            let what = raw.what.clone();
            refused(who, &what, &send(&server, who, &format!("case-{index}"), raw).await);
        }
        let keyless =
            server.request(who, "POST", path(who)).header("content-type", "application/json").body(good.clone());
        refused(who, "no key", &answer(keyless).await);
        for key in ["", " ", &"k".repeat(256), "a b"] {
            let request = server.request(who, "POST", path(who)).header("idempotency-key", key);
            refused(who, "key", &answer(request.header("content-type", "application/json").body(good.clone())).await);
        }
        untouched(&server, who, &payment, &text).await;
    }
}

#[tokio::test]
async fn unknown_members_are_refused_natively_and_ignored_by_banked() {
    let server = Server::start().await;
    let (_, text) = target(&server, Who::Native).await;
    let unknown = Raw::json("unknown", text.replace("AMOUNT", "\"amount\":1,\"colour\":\"red\""));
    let refusal = send(&server, Who::Native, "unknown", unknown).await.expect(400);
    assert_eq!(refusal.json["code"], "unknown_field");
    let (_, text) = target(&server, Who::Banked).await;
    let unknown = Raw::json("unknown", text.replace("AMOUNT", "\"amount\":1,\"colour\":{\"deep\":[null]}"));
    let made = send(&server, Who::Banked, "unknown", unknown).await.expect(201);
    assert!(made.json.get("colour").is_none(), "{}", made.text);
}

#[tokio::test]
async fn addresses_and_media_types_that_lead_nowhere() {
    let server = Server::start().await;
    let (payment, text) = target(&server, Who::Native).await;
    let body = text.replace("AMOUNT", "\"amount\":1");
    for media in ["text/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*"] {
        let raw = Raw { what: media.to_owned(), media, body: body.clone().into_bytes() };
        refused(Who::Native, media, &send(&server, Who::Native, "media", raw).await);
        let raw = Raw { what: media.to_owned(), media, body: b"amount=1".to_vec() };
        refused(Who::Banked, media, &send(&server, Who::Banked, media, raw).await);
    }
    let long = "a".repeat(4000);
    for (who, base) in [(Who::Banked, "/v3/refunds/"), (Who::Native, "/v1/refunds/")] {
        for id in ["x", "%00", "%ff", "..%2f..%2fetc", "'--", "00000000-0000-0000-0000-000000000000", &long] {
            refused(who, id, &server.get(who, &format!("{base}{id}")).await);
        }
        refused(who, "method", &answer(server.request(who, "DELETE", path(who))).await);
        let stranger = server.http.post(format!("{}{}", server.base, path(who))).header("idempotency-key", "k");
        refused(who, "no credential", &answer(stranger.json(&json!({}))).await.expect(401));
        for credential in ["Basic !!!", "Bearer ", "Bearer \u{1f600}", "Digest x", &format!("Bearer {long}")] {
            let request =
                server.http.get(format!("{}{base}x", server.base)).header("authorization", credential.as_bytes());
            refused(who, credential, &answer(request).await.expect(401));
        }
    }
    untouched(&server, Who::Native, &payment, &text).await;
}

/// The status of the answer to these bytes; none where the server hung up.
fn told(server: &Server, bytes: &[u8]) -> Option<u16> {
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap()).into_owned();
    line.split(' ').nth(1).map(|status| status.parse().unwrap())
}

#[tokio::test]
async fn bytes_that_are_no_request() {
    let server = Server::start().await;
    let headers = format!("GET /v1/refunds HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(20_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000));
    let cases: [(&str, Vec<u8>); 11] = [
        ("nothing", Vec::new()),
        ("noise", vec![0x80; 3000]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("half a line", b"POST /v3/ref".to_vec()),
        ("many headers", headers.into_bytes()),
        ("a long path", long.into_bytes()),
        ("NUL in a path", b"GET /v1/\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        (
            "two lengths",
            b"POST /v3/refunds HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
        ),
        (
            "a huge length",
            b"POST /v3/refunds HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n{}".to_vec(),
        ),
        (
            "length and chunks",
            b"POST /v3/refunds HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_vec(),
        ),
        ("a cut body", b"POST /v3/refunds HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n{\"amount\"".to_vec()),
    ];
    for (what, bytes) in cases {
        let status = told(&server, &bytes);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?}");
    }
    let payin = server.payin(1000, "0505101").await;
    server.refund(&payin, 1000, "still-here").await.expect(201);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_the_dialects_own_words() {
    let server = Server::start().await;
    for (who, code) in [(Who::Banked, json!("invalid_request")), (Who::Native, json!("body_too_large"))] {
        let body = format!(r#"{{"metadata":"{}"}}"#, "x".repeat(1_100_000));
        let answer = send(&server, who, "too-large", Raw::json("too large", body)).await;
        assert_eq!(answer.status, 413, "{}", answer.text);
        refused(who, "too large", &answer);
        let said = if who == Who::Banked { &answer.json["errors"][0]["code"] } else { &answer.json["code"] };
        assert_eq!(*said, code);
    }
}
