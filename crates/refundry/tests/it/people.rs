//! People: four eyes for refunds of every dialect, and who looks after them
//! from the command line.

use super::server::{Answer, Server, answer, refundry};
use serde_json::{Value, json};
use std::process::Output;

/// A call with the key of one of the sandbox's people.
async fn decide(server: &Server, email: &str, method: &str, path: &str, body: &Value) -> Answer {
    let users = server.sandbox["console"]["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["email"] == email).unwrap();
    let url = format!("{}{path}", server.base);
    let request = server.http.request(method.parse().unwrap(), url).json(body);
    answer(request.bearer_auth(user["api_key"].as_str().unwrap())).await
}

fn told(server: &Server, words: &[&str]) -> Output {
    refundry().args(words).arg("--data").arg(server.data()).output().unwrap()
}

#[track_caller]
fn done(server: &Server, words: &[&str]) -> String {
    let output = told(server, words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const ADMIN: &str = "admin@sandbox.example";
const APPROVER: &str = "approver@sandbox.example";

#[tokio::test]
async fn the_policy_asks_whatever_dialect_made_the_refund() {
    let server = Server::start().await;
    let policy = json!({ "refunds": true, "limits": [{ "currency": "AUD", "refund": 500 }] });
    decide(&server, ADMIN, "PUT", "/v1/approval-policy", &policy).await.expect(200);
    let payin = server.payin(2_000, "0505101").await;
    let small = server.refund(&payin, 500, "small").await.expect(201).text("/id");
    server.reaches(&small, "SENT").await;
    let yes = server.refund(&payin, 600, "yes").await.expect(201).text("/id");
    let no = server.refund(&payin, 700, "no").await.expect(201).text("/id");
    server.stands(&yes, "awaiting_approval").await;
    let pending = decide(&server, APPROVER, "GET", "/v1/approvals", &Value::Null).await.expect(200).json;
    assert_eq!(pending["data"].as_array().map(Vec::len), Some(2));
    let none = json!({});
    decide(&server, APPROVER, "POST", &format!("/v1/refunds/{yes}/approve"), &none).await.expect(200);
    let said = json!({ "reason": "not ours" });
    decide(&server, APPROVER, "POST", &format!("/v1/refunds/{no}/reject"), &said).await.expect(200);
    server.reaches(&yes, "SENT").await;
    server.stands(&no, "rejected").await;
    assert_eq!(server.books(&payin).await["totals"]["paid"], 1_100);
}

#[tokio::test]
async fn people_and_rules_are_looked_after_with_the_server_stopped() {
    let mut server = Server::start().await;
    let busy = told(&server, &["user", "list"]);
    assert!(!busy.status.success(), "the running server has the store");
    server.end();

    assert_eq!(done(&server, &["user", "list"]).lines().count(), 4);
    let role = ["--name", "Bo", "--role", "approver", "--role", "maker"];
    let added = done(&server, &[&["user", "add", "Bo@Shop.example"], &role[..]].concat());
    assert!(added.contains("password: ") && added.contains("second factor: set up when they sign in next"), "{added}");
    let printed = ["user", "add", "cy@shop.example", "--name", "Cy", "--role", "viewer", "--print-second-factor"];
    let printed = done(&server, &printed);
    assert!(printed.contains("otpauth://totp/Refundry:cy@shop.example?secret="), "{printed}");
    assert!(!told(&server, &[&["user", "add", "bo@shop.example"], &role[..]].concat()).status.success());
    assert!(done(&server, &["user", "list"]).contains("bo@shop.example  Bo  maker,approver  enabled"));
    done(&server, &["user", "roles", APPROVER, "--role", "viewer"]);
    done(&server, &["user", "disable", ADMIN]);
    let secret = done(&server, &["user", "reset-totp", "bo@shop.example", "--print-second-factor"]);
    assert!(secret.contains("for the app: otpauth://totp/Refundry:bo@shop.example?secret="), "{secret}");
    assert!(done(&server, &["user", "list"]).contains("Bo  maker,approver  enabled, second factor"));
    done(&server, &["user", "reset-totp", "bo@shop.example"]);
    assert!(done(&server, &["user", "list"]).contains("Bo  maker,approver  enabled, no second factor"));
    done(&server, &["user", "reset-password", "bo@shop.example"]);
    assert!(!told(&server, &["user", "enable", "nobody@shop.example"]).status.success());
    let set = done(&server, &["policy", "set", "--refunds", "true", "--required", "2", "--limit", "AUD:refund=100"]);
    assert_eq!(done(&server, &["policy", "show"]), set);
    assert!(set.contains("version 1") && set.contains("AUD: above refund=100"), "{set}");
    let fees = done(&server, &["fees", "set", "--rule", "AUD:flat=35", "--on-return", "refund"]);
    assert_eq!(done(&server, &["fees", "show"]), fees);
    assert!(fees.contains("AUD:flat=35,basis_points=0"), "{fees}");

    server.start_again().await;
    let none = json!({});
    let path = "/v1/refunds/82a649c5-af14-474a-997a-b25b0d3f45be/approve";
    decide(&server, ADMIN, "PUT", "/v1/fees", &none).await.expect(403);
    decide(&server, APPROVER, "POST", path, &none).await.expect(404);
    let payin = server.payin(2_000, "0505101").await;
    let refund = server.refund(&payin, 500, "r").await.expect(201).text("/id");
    server.stands(&refund, "awaiting_approval").await;
    let refused = decide(&server, APPROVER, "POST", &format!("/v1/refunds/{refund}/approve"), &none).await.expect(403);
    assert_eq!(refused.text("/code"), "not_eligible");
}
