//! The clients' own libraries for payment sessions, from npm and PyPI.

use crate::library::Library;
use crate::server::{Server, Who};
use serde_json::{Value, json};

fn body(server: &Server) -> Value {
    json!({
        "reference": "Fernhill 2093",
        "success_url": format!("{}/ok?id=__PAYMENT_ID__", server.base),
        "error_url": "https://shop.example.org/fail",
        "line_items": [{ "name": "Wool rug", "amount": 2500, "currency": "GBP", "quantity": 2 }],
        "payee": { "name": "Demo Merchant", "account_number": "12345678", "sort_code": "010203" },
        "payer": { "name": "Ida Korhonen", "email": "ida@example.org" },
    })
}

fn open(library: &mut Library, server: &Server) {
    let keys = json!({
        "api_key": server.credential("/banked/api_key"), "secret_key": server.credential("/banked/api_secret"),
    });
    let opened = library.ask(&json!({ "deed": "open", "base": server.base, "keys": keys }));
    assert!(opened.get("refused").is_none(), "{}: {opened}", library.name);
}

// conformance: banked 5
// conformance: banked 9
// conformance: banked 11
// conformance: banked 12
// conformance: banked 14
// conformance: banked 15
#[tokio::test]
async fn the_libraries_make_read_and_delete_sessions() {
    let server = Server::start().await;
    for mut library in [Library::node("banked.js"), Library::python("banked.py")] {
        open(&mut library, &server);
        let made = library.ask(&json!({ "deed": "create", "body": body(&server) }));
        assert_eq!(made["data"]["amount"], 5_000, "{}: {made}", library.name);
        let id = made["data"]["id"].as_str().unwrap().to_owned();
        let read = library.ask(&json!({ "deed": "read", "id": id }));
        assert_eq!(read["data"]["state"], "awaiting_provider", "{}: {read}", library.name);
        assert_eq!(read["data"]["payee"]["sort_code"], "010203");
        // The one library passes the status on, the other takes nothing but 204.
        let gone = library.ask(&json!({ "deed": "delete", "id": id }));
        let status = if library.name == "npm" { json!(204) } else { Value::Null };
        assert!(gone.get("refused").is_none() && gone["status"] == status, "{}: {gone}", library.name);
        for deed in ["read", "delete"] {
            for id in [&*id, "21b6b2ec-b749-4f25-a330-7274b1620c7c"] {
                let unknown = library.ask(&json!({ "deed": deed, "id": id }));
                let not_found = unknown["refused"] == "not found" || unknown["status"] == 404;
                assert!(not_found, "{} {deed}: {unknown}", library.name);
            }
        }
    }
}

// conformance: banked 16
// conformance: banked 75
// conformance: banked 79
#[tokio::test]
async fn the_library_takes_our_signature() {
    let server = Server::start().await;
    let mut library = Library::node("banked.js");
    open(&mut library, &server);
    let banks = library.ask(&json!({ "deed": "providers" }));
    assert_eq!((&banks["status"], &banks["data"][0]["id"]), (&json!(200), &json!("mock-bank")), "{banks}");
    let made = library.ask(&json!({ "deed": "create", "body": body(&server) }));
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    server.lever(&format!("checkouts/{id}/decision"), json!({ "bank": "mock-bank", "decision": "authorise" })).await;
    let letter = server
        .until("the webhook", async || {
            let seen = server.get(Who::Sandbox, "/sandbox/v1/inbox/banked").await.expect(200).json;
            let sent = |letter: &&Value| letter["body"].as_str().is_some_and(|body| body.contains("payment_sent"));
            seen["data"].as_array().unwrap().iter().find(sent).cloned()
        })
        .await;
    let mut question = json!({ "deed": "validate", "letter": {
        "payload_header": letter["headers"]["banked-signature"], "payload": letter["body"],
        "signature": server.credential("/banked/webhook_signature_key"),
        "time_range": { "start": "2020-01-01", "end": "2199-01-01" },
    } });
    let found = library.ask(&question)["data"].clone();
    assert_eq!((&found["isValid"], &found["isWithinRange"]), (&json!(true), &json!(true)), "{found}");
    assert_eq!(found["localHash"], found["payloadHash"]);
    question["letter"]["payload"] = json!(format!("{} ", letter["body"].as_str().unwrap()));
    assert_eq!(library.ask(&question)["data"]["isValid"], false);
    question["letter"]["payload"] = letter["body"].clone();
    question["letter"]["signature"] = json!("another key");
    assert_eq!(library.ask(&question)["data"]["isValid"], false);
}
