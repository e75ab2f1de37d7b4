//! The vendor's page on refunds: its commands for curl, with only host, ids
//! and key changed, a quote closed where the page forgets it, and the header
//! that signs.

use super::shop::Shop;
use serde_json::{Value, json};
use std::process::Command;

/// The page's host for tests.
const HOST: &str = "https://api.sandbox.bvnk.com";
/// The pay-in that the page asks about.
const PAYIN: &str = "018e5e83-ac50-4df0-a7e4-c9f15d493f90";

const ESTIMATE: &str = r#"curl --location --request GET 'https://api.sandbox.bvnk.com/payment/v1/payins/018e5e83-ac50-4df0-a7e4-c9f15d493f90/estimate' \
--header 'Content-Type: application/json' \
--header 'Accept: application/json' \
--data '{
  "customerReference": "order123456",
  "amount": {
    "value": "150",
    "currency": "EUR"
  },
  "metadata": {
    "commodo_98c": -7730204.67308791,
    "adipisicing__26": "esse magna Excepteur"
  }
}'"#;

const ESTIMATED: &str = r#"{
  "fee": {
    "value": 1.00,
    "currency": "EUR"
  },
  "maxAvailableToRefund": {
    "value": 150.00,
    "currency": "EUR"
  }
}"#;

const REFUND: &str = r#"curl --location 'https://api.sandbox.bvnk.com/payment/v1/payouts/<uuid>/refund' \
--header 'X-Idempotency-Key: 018e5e83-ac50-4df0-a7e4-c9f15d493f90' \
--header 'Content-Type: application/json' \
--header 'Accept: application/json' \
--data '{
  "customerReference": "order123456",
  "amount": {
    "value": "150",
    "currency": "EUR"
  },
  "metadata": {
    "Loremf5": 46641026
  }
}'"#;

const SECOND_REFUND: &str = r#"curl --location 'https://api.sandbox.bvnk.com/payment/v1/payouts/<uuid>/refund' \
--header 'X-Idempotency-Key: 018e5e83-ac50-4df0-a7e4-c9f15d493f90' \
--header 'Content-Type: application/json' \
--header 'Accept: application/json' \
--data '{
  "customerReference": "order123456",
  "amount": {
    "value": "150",
    "currency": "EUR"
  },
  "metadata": {
    "orderId": "ORD9876"
  }
}'"#;

const REFUNDED: &str = r#"{
  "transactionReference": "UUID",
  "fee": {
    "value": 1.00,
    "currency": "EUR"
  }
}"#;

/// What curl heard.
#[derive(Debug)]
struct Heard {
    status: u16,
    text: String,
    json: Value,
}

impl Heard {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// Runs a command of the page as a shell does.
fn run(shop: &Shop, command: &str) -> Heard {
    let url = command.split('\'').nth(1).unwrap();
    let path = url.strip_prefix(HOST).unwrap_or_else(|| panic!("{url}"));
    let method = if command.contains("--data") && !command.contains("--request GET") { "POST" } else { "GET" };
    let signed = shop.signed(method, path, shop.place());
    let command = command.replace(HOST, &shop.server.base);
    let more = "--silent --show-error --noproxy '*' --max-time 30 --write-out '\n%{http_code}'";
    let shell =
        Command::new("sh").arg("-c").arg(format!("{command} --header 'Authorization: {signed}' {more}")).output();
    let output = shell.unwrap();
    assert!(output.status.success(), "`cargo xtask clients` installs curl: {output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let (text, status) = said.rsplit_once('\n').unwrap();
    let json = serde_json::from_str(text).unwrap_or(Value::Null);
    Heard { status: status.parse().unwrap(), text: text.to_owned(), json }
}

/// A command with another pay-in and another key.
fn about(command: &str, payin: &str, key: &str) -> String {
    let (before, after) = command.split_once(" \\\n").unwrap_or((command, ""));
    let before = before.replace(PAYIN, payin).replace("<uuid>", payin).replace("{transactionReference}", payin);
    format!("{before} \\\n{}", after.replace(PAYIN, key))
}

/// The page's JSON as a program prints it.
fn printed(text: &str) -> String {
    text.split_whitespace().collect()
}

// conformance: bvnk 11
// conformance: bvnk 16
// conformance: bvnk 17
#[tokio::test]
async fn the_pages_commands_work_as_they_are_printed() {
    // Without what the original does not send, an answer is the page's, byte for byte.
    let shop = Shop::with(&[("REFUNDRY_DIALECTS__BVNK__ADDITIVE_FIELDS", "off")]).await;
    shop.one_each("EUR").await;
    let payin = shop.payin("150.00", "EUR").await;
    let heard = run(&shop, &about(ESTIMATE, &payin, "")).expect(200);
    assert_eq!(heard.text, printed(ESTIMATED));

    // The page's three ways to one refund.
    let root = REFUND.replace("/payment/v1/payouts/<uuid>/refund", "/{transactionReference}/refund");
    let canonical = REFUND.replace("/payouts/", "/payins/");
    let ways = [(REFUND, "Loremf5"), (SECOND_REFUND, "orderId"), (&root, "Loremf5"), (&canonical, "Loremf5")];
    for (number, (command, named)) in ways.into_iter().enumerate() {
        let payin = shop.payin("150.00", "EUR").await;
        let key = format!("118e5e83-ac50-4df0-a7e4-c9f15d493f9{number}");
        let heard = run(&shop, &about(command, &payin, &key)).expect(200);
        assert_eq!(heard.text, printed(REFUNDED).replace("UUID", &payin));
        let status = "curl 'https://api.sandbox.bvnk.com/payment/v1/payins/{transactionReference}/refund'";
        let heard = run(&shop, &about(status, &payin, "")).expect(200);
        let metadata = json!({ "Loremf5": 46_641_026, "orderId": "ORD9876" });
        assert_eq!(heard.json["metadata"], json!({ named: metadata[named] }));
        assert_eq!(heard.json["customerReference"], Value::Null, "the original does not say it");
        let heard = run(&shop, &about(command, &payin, &key)).expect(400);
        assert_eq!(heard.json["code"], "bvnk:payment:0006", "the key is spent, whatever the path");
    }
}

// conformance: bvnk 18
// conformance: bvnk 22
// conformance: bvnk 41
#[tokio::test]
async fn the_pages_parts_and_errors_are_as_it_prints_them() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    for (value, key) in [("50", "part-one"), ("70", "part-two"), ("30", "part-three")] {
        run(&shop, &about(REFUND, &payin, key).replace("\"150\"", &format!("\"{value}\""))).expect(200);
    }
    let available = format!("Invalid amount to refund from pay-in: {payin}. Available amount: 0.00.");
    let heard = run(&shop, &about(REFUND, &payin, "part-four").replace("\"150\"", "\"0.01\"")).expect(400);
    assert_eq!((&heard.json["message"], &heard.json["code"]), (&json!(available), &json!("bvnk:payment:0001")));
    let heard = run(&shop, &about(ESTIMATE, &payin, "").replace("\"150\"", "\"0.01\"")).expect(400);
    assert_eq!(heard.json["message"], available);

    let gone = shop.payin("150.00", "EUR").await;
    shop.server.lever(&format!("payments/{gone}/status"), json!({ "status": "reversed" })).await;
    let heard = run(&shop, &about(REFUND, &gone, "after-all")).expect(400);
    assert_eq!(heard.json["message"], format!("Pay-in {gone} not refundable."));
    // An id of nobody, as the page has it.
    let heard = run(&shop, &about(REFUND, PAYIN, "of-nobody")).expect(404);
    assert_eq!(heard.json["message"], format!("Pay-in {PAYIN} could not be found."));
    let unsigned = REFUND.replace("<uuid>", &payin).replace(HOST, &shop.server.base);
    let output = Command::new("sh").arg("-c").arg(format!("{unsigned} --silent --noproxy '*'")).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["code"], &said["status"]), (&json!("bvnk:payment:0003"), &json!("Unauthorized")));
}
