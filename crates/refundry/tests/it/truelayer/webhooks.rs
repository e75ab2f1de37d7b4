//! Webhooks as a receiver of the merchant's own gets them.

use super::super::library::Library;
use super::super::server::{Server, Who, answer};
use super::client::{Client, Wish};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Signatures tell whole seconds: two that lie so far apart tell two.
const MORE_THAN_A_SECOND: Duration = Duration::from_millis(1_100);

/// A request that came, by the names of its headers in lower case.
struct Letter {
    target: String,
    headers: Value,
    body: String,
}

/// A receiver that answers with these statuses, and with the last one ever
/// after. Each answer takes more than a second.
async fn receiver(statuses: &'static [u16]) -> (String, mpsc::UnboundedReceiver<Letter>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut statuses = statuses.iter().chain(std::iter::repeat(statuses.last().unwrap()));
        while let Ok((mut visitor, _)) = listener.accept().await {
            let Some(letter) = read(&mut visitor).await else { continue };
            tokio::time::sleep(MORE_THAN_A_SECOND).await;
            let status = statuses.next().unwrap();
            let head =
                format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\nlocation: /\r\nconnection: close\r\n\r\n");
            let _ = visitor.write_all(head.as_bytes()).await;
            let _ = told.send(letter);
        }
    });
    (origin, heard)
}

/// One request, to the last byte of its body.
async fn read(visitor: &mut TcpStream) -> Option<Letter> {
    let mut bytes = Vec::new();
    loop {
        if visitor.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let target = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: Map<String, Value> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), json!(value.trim())))
            .collect();
        let length: usize = headers.get("content-length")?.as_str()?.parse().ok()?;
        if body.len() >= length {
            return Some(Letter { target, headers: Value::Object(headers), body: body.to_owned() });
        }
    }
}

/// One event of ours may be two webhooks; a receiver that lacks the second
/// gets both again.
#[tokio::test]
async fn what_goes_out_together_comes_again_together() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let payment = client.paid(&Wish { settlement_delay: Some(0), ..Wish::pence(1_000) }, "payment").await;
    let (origin, mut heard) = receiver(&[200, 200, 500, 200]).await;
    let request = server.request(Who::Sandbox, "PUT", "/sandbox/v1/webhooks/truelayer");
    answer(request.json(&json!({ "url": origin }))).await.expect(200);
    let body = json!({ "amount_in_minor": 5, "reference": "TUOYAP" });
    let refund = client.refund(&payment, "refund", &body).await.expect(202).text("/id");
    let mut events = Vec::new();
    for _ in 0..5 {
        let letter = heard.recv().await.unwrap();
        events.push(serde_json::from_str::<Value>(&letter.body).unwrap());
        if events.len() == 3 {
            server.advance(60).await;
        }
    }
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let (failed, received) = ("refund_failed", "external_payment_received");
    assert_eq!(types, ["refund_executed", failed, received, failed, received]);
    assert_eq!((&events[1], &events[2]), (&events[3], &events[4]), "the same bytes, and ids of their own");
    assert_ne!(events[1]["event_id"], events[2]["event_id"]);
    let account = client.member("/merchant_accounts/GBP");
    let range = "from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z";
    let rows = client.get(&format!("/v3/merchant-accounts/{account}/transactions?{range}")).await.expect(200).json;
    let row = rows["items"].as_array().unwrap().iter().find(|row| row["type"] == "external_payment").unwrap().clone();
    let mut expected = row;
    expected["type"] = json!(received);
    for member in ["event_version", "event_id"] {
        expected[member] = events[2][member].clone();
    }
    expected["merchant_account_id"] = json!(account);
    assert_eq!(events[2], expected, "as the row says it");
    assert_eq!(events[2]["return_for"], json!({ "type": "identified", "returned_id": refund }));
    let inbox = server.get(Who::Sandbox, "/sandbox/v1/inbox/truelayer").await.expect(200).json;
    let told = |wanted: &str| {
        let of = |letter: &Value| serde_json::from_str::<Value>(letter["body"].as_str().unwrap()).unwrap();
        inbox["data"].as_array().unwrap().iter().map(of).find(|event| event["type"] == wanted).unwrap()
    };
    let (settled, creditable) = (told("payment_settled"), told("payment_creditable"));
    assert_eq!(creditable["creditable_at"], settled["settled_at"]);
    for member in ["payment_id", "payment_method", "metadata", "event_version"] {
        assert_eq!(creditable[member], settled[member], "{member}");
    }
    assert_ne!(creditable["event_id"], settled["event_id"]);
}

// conformance: truelayer 79
// conformance: truelayer 80
#[tokio::test]
async fn what_is_not_taken_comes_again_signed_anew() {
    let server = Arc::new(Server::with(&[]).await);
    let client = Client::first(&server).await;
    let payment = client.paid(&Wish { settlement_delay: Some(0), ..Wish::pence(1_000) }, "payment").await;
    let (origin, mut heard) = receiver(&[500, 302, 200]).await;
    let place = json!({ "url": format!("{origin}/hooks/tl?shop=7") });
    let request = server.request(Who::Sandbox, "PUT", "/sandbox/v1/webhooks/truelayer");
    answer(request.json(&place)).await.expect(200);
    let body = json!({ "amount_in_minor": 5, "reference": "r", "metadata": { "case": "88" } });
    let refund = client.refund(&payment, "refund", &body).await.expect(202).text("/id");
    let mut letters = Vec::new();
    for wait in [60, 60, 0] {
        letters.push(heard.recv().await.unwrap());
        // The next try is some seconds away: the clock is moved past it.
        if wait > 0 {
            server.advance(wait).await;
        }
    }
    let jwks = answer(server.http.get(client.member("/jwks_url"))).await.expect(200).text;
    let mut library = Library::node("sign.js");
    for letter in &letters {
        assert_eq!(letter.target, "/hooks/tl?shop=7");
        let question = json!({
            "deed": "verify", "jwks": jwks, "signature": letter.headers["tl-signature"], "method": "POST",
            "path": "/hooks/tl", "headers": letter.headers, "body": letter.body,
        });
        let verified = library.ask(&question);
        assert!(verified["kid"].is_string(), "the query is not signed: {verified}");
        let event: Value = serde_json::from_str(&letter.body).unwrap();
        assert_eq!((&event["type"], &event["refund_id"]), (&json!("refund_executed"), &json!(refund)));
        assert_eq!(letter.headers["content-type"], "application/json");
        assert!(letter.headers.get("x-tl-signature").is_none(), "of an older product");
    }
    for pair in letters.windows(2) {
        assert_eq!(pair[0].body, pair[1].body, "the same event");
        for fresh in ["x-tl-webhook-timestamp", "tl-signature"] {
            assert_ne!(pair[0].headers[fresh], pair[1].headers[fresh], "{fresh}");
        }
    }
    server.advance(3_600).await;
    let again = tokio::time::timeout(MORE_THAN_A_SECOND, heard.recv()).await;
    assert!(again.is_err(), "what was taken comes no more");
}
