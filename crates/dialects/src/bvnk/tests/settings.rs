//! Every setting: what is seen without it, with it for all merchants, and with
//! it for this merchant alone.

use super::world::{Heard, World, a_refund};
use http::Method;
use refundry_domain::approval::ApprovalRules;
use refundry_domain::command::Command;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::time::Span;
use refundry_engine::registry::{MerchantFees, MerchantPolicy, MerchantSettings, RegistryEntry};
use refundry_testkit::make;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const UNKNOWN: &str = "018e5e83-ac50-4df0-a7e4-c9f15d493f90";
const WALLETS: &str = "/ledger/v1/wallets";
/// What is the same for all merchants; each has a test of its own elsewhere.
const OF_ALL: [&str; 4] = ["mount_prefix", "public_origin", "simulator_step", "trusted_proxies"];

/// What is only taken as it is: that it is refused otherwise has its own table.
const NOT_OFFERED: [&str; 2] = ["alternative_route", "payouts_enabled"];

/// The setting that a row is about, what is set, and what is seen without and with it.
type Row = (&'static str, Value, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let wait = json!({ "insufficient_funds": "wait", "funds_timeout": 60 });
    let early = json!({ "refundable_payin_states": ["COMPLETED", "PROCESSING"], "waiting_states_as": "ON_HOLD" });
    vec![
        ("account_numbers", json!({ "account_numbers": "full" }), "****2207", "60312207"),
        ("additive_fields", json!({ "additive_fields": "off" }), "Some(1)", "None"),
        ("approval_api", json!({ "approval_api": true }), "404", "403"),
        ("approvals.refunds", json!({ "approvals": { "refunds": true } }), "PROCESSING 0", "PENDING_APPROVAL 1"),
        (
            "approvals.required",
            json!({ "approvals": { "refunds": true, "required": 2 } }),
            "PROCESSING 0",
            "PENDING_APPROVAL 2",
        ),
        ("approvals.timeout", json!({ "approvals": { "timeout": 60 } }), "PENDING_APPROVAL", "CANCELLED"),
        ("customer_reference_max", json!({ "customer_reference_max": 5 }), "200", "400"),
        ("customer_reference_unique", json!({ "customer_reference_unique": true }), "200 200", "200 400"),
        ("error_amount_with_currency", json!({ "error_amount_with_currency": true }), "120.00.", "120.00 GBP."),
        ("estimate_over_remainder", json!({ "estimate_over_remainder": "cap" }), "400", "200"),
        ("estimate_requires_idempotency_key", json!({ "estimate_requires_idempotency_key": true }), "200", "400"),
        ("estimate_strictness", json!({ "estimate_strictness": "lenient" }), "400", "200"),
        ("extra_currencies", json!({ "extra_currencies": ["AUD"] }), "is no currency", "is not the currency"),
        ("fee_on_returned", json!({ "fee_on_returned": "refund" }), "1011965", "1012000"),
        ("fee_rounding", json!({ "fee_rounding": "up" }), "0.0", "0.01"),
        ("fees_reduce_refundable", json!({ "fees_reduce_refundable": true }), "20.0", "19.65"),
        ("funds_timeout", wait.clone(), "400 ", "200 CANCELLED"),
        ("hawk_skew", json!({ "hawk_skew": 30 }), "200", "401"),
        ("hawk_verify_payload", json!({ "hawk_verify_payload": "on" }), "200", "401"),
        ("idempotency_mode", json!({ "idempotency_mode": "replay" }), "400 400", "200 200"),
        (
            "idempotency_retention",
            json!({ "idempotency_mode": "replay", "idempotency_retention": 1 }),
            "400 400",
            "200 400",
        ),
        ("insufficient_funds", wait, "400 ", "200 CANCELLED"),
        ("legacy_errors", json!({ "legacy_errors": true }), "false", "true"),
        ("missing_payer_account", json!({ "missing_payer_account": "ask" }), "400", "200"),
        ("partial_refunds", json!({ "partial_refunds": { "FASTER_PAYMENT": false } }), "200", "400"),
        ("rate_limit", json!({ "rate_limit": 1 }), "200", "429"),
        ("refund_error_code", json!({ "refund_error_code": "bvnk:payment:0033" }), "0001", "0033"),
        ("refund_requires_idempotency_key", json!({ "refund_requires_idempotency_key": false }), "400", "200"),
        ("refund_response_reference", json!({ "refund_response_reference": "payout" }), "payin", "payout"),
        ("refund_window", json!({ "refund_window": 1 }), "200", "400"),
        ("refundable_payin_states", early.clone(), "400 ", "200 ON_HOLD COMPLETED"),
        ("shared_payins", json!({ "shared_payins": false }), "200", "404"),
        ("unknown_payin_status", json!({ "unknown_payin_status": 400 }), "404", "400"),
        ("waiting_states_as", early, "400 ", "200 ON_HOLD COMPLETED"),
        ("webhook_success", json!({ "webhook_success": "200" }), "true", "false"),
    ]
}

/// The settings of a row as a merchant has them: with dots, and as JSON texts.
fn of_merchant(world: &World, settings: &Value) -> RegistryEntry {
    let mut values = BTreeMap::new();
    for (name, value) in settings.as_object().unwrap() {
        if let Value::Object(members) = value {
            values.extend(members.iter().map(|(inner, value)| (format!("{name}.{inner}"), value.to_string())));
        } else {
            values.insert(name.clone(), value.to_string());
        }
    }
    assert_eq!(world.dialect.check_merchant_settings(&values), Ok(()));
    let (merchant, dialect) = (world.merchant, "bvnk".to_owned());
    RegistryEntry::Settings(MerchantSettings { merchant, dialect, values: Arc::new(values) })
}

#[tokio::test]
async fn each_does_what_it_says_for_all_and_for_one_merchant() {
    for (name, settings, without, with) in rows() {
        assert_eq!(seen(&World::new().await, name).await, without, "{name}, not set");
        assert_eq!(seen(&World::with(settings.clone()).await, name).await, with, "{name}, set for all");
        let world = World::new().await;
        world.put(of_merchant(&world, &settings)).await;
        assert_eq!(seen(&world, name).await, with, "{name}, set for the merchant");
        // Somebody else's settings are nobody's business here.
        let world = World::new().await;
        let RegistryEntry::Settings(mut others) = of_merchant(&world, &settings) else { panic!("settings") };
        others.merchant = make::Ids::from(900).merchant();
        world.put(RegistryEntry::Settings(others)).await;
        assert_eq!(seen(&world, name).await, without, "{name}, set for another merchant");
    }
}

#[test]
fn each_is_documented_and_in_the_table() {
    let page = include_str!("../../../../../docs/configuration.md");
    let section = page.split("## `[dialects.bvnk]`").nth(1).unwrap().split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> = lines
        .flat_map(|line| line.split('|').nth(1).unwrap().split(','))
        .map(|name| name.trim().trim_matches('`'))
        .collect();
    let rows = rows();
    let tested: BTreeSet<&str> = rows.iter().map(|row| row.0).chain(OF_ALL).chain(NOT_OFFERED).collect();
    assert_eq!(documented, tested);
}

async fn seen(world: &World, name: &str) -> String {
    if let Some(seen) = seen_of_callers(world, name).await {
        return seen;
    }
    let payin = if matches!(name, "refundable_payin_states" | "waiting_states_as") {
        world.payin_under_way("120.00", Currency::GBP, "FASTER_PAYMENT").await
    } else {
        world.gbp("120.00").await
    };
    if let Some(seen) = seen_of_estimates(world, name, &payin).await {
        return seen;
    }
    if let Some(seen) = seen_of_reads(world, name, &payin).await {
        return seen;
    }
    seen_of_refunds(world, name, &payin).await
}

fn status(heard: &Heard) -> String {
    heard.status.to_string()
}

async fn seen_of_callers(world: &World, name: &str) -> Option<String> {
    let call = || world.call(Method::GET, WALLETS);
    let now = world.engine.now().unix_seconds();
    Some(match name {
        "hawk_skew" => status(&call().with(|call| call.ts = now - 45).send().await),
        "hawk_verify_payload" => status(&call().with(|call| call.hash = Some("b3RoZXI=".to_owned())).send().await),
        "rate_limit" => {
            world.get(WALLETS).await;
            status(&world.get(WALLETS).await)
        }
        "approval_api" => status(&world.post("/api/approval-workflow/v2/action").json(&json!({})).send().await),
        "unknown_payin_status" => status(&world.get(&format!("/payment/v1/payins/{UNKNOWN}")).await),
        "legacy_errors" => {
            let body = world.get(&format!("/payment/v1/payins/{UNKNOWN}")).await.json();
            body.get("errorList").is_some().to_string()
        }
        "webhook_success" => world.dialect.webhooks().is_taken_by(&world.inbox_endpoint(), 204).to_string(),
        _ => return None,
    })
}

async fn fees(world: &World, rule: FeeRule) {
    let rules = FeeRules { rules: [((Currency::GBP, String::new()), rule)].into(), ..FeeRules::default() };
    world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules: Arc::new(rules) })).await;
}

async fn seen_of_estimates(world: &World, name: &str, payin: &str) -> Option<String> {
    let path = format!("/payment/v1/payins/{payin}/estimate");
    let estimate = async |value: &str, currency: &str| world.post(&path).json(&a_refund(value, currency)).send().await;
    Some(match name {
        "estimate_over_remainder" => status(&estimate("200", "GBP").await),
        "error_amount_with_currency" => {
            let (_, _, message) = estimate("200", "GBP").await.fault();
            message.split_once("amount: ").unwrap().1.to_owned()
        }
        "refund_error_code" => {
            let (_, code, _) = estimate("200", "GBP").await.fault();
            code.rsplit(':').next().unwrap().to_owned()
        }
        "estimate_requires_idempotency_key" => status(&estimate("1", "GBP").await),
        "estimate_strictness" => status(&world.post(&path).send().await),
        "extra_currencies" => {
            let said = estimate("1", "AUD").await.member("/details/errors/requestBody/0/message");
            said.split(" of ").next().unwrap().to_owned()
        }
        "fee_rounding" => {
            fees(world, FeeRule { basis_points: 1, ..FeeRule::default() }).await;
            let heard = estimate("1.00", "GBP").await;
            let refund = world.refund(payin, "1.00", "key-0001").await;
            let charged = world.get(&format!("/payment/v1/payouts/{refund}")).await.json()["fee"].clone();
            assert_eq!(heard.json()["fee"], charged, "the estimate is the charge");
            charged["value"].to_string()
        }
        "fees_reduce_refundable" => {
            fees(world, FeeRule { flat: 35, ..FeeRule::default() }).await;
            world.refund(payin, "100", "key-0001").await;
            let left = world.get(&path).await.json()["maxAvailableToRefund"]["value"].clone();
            let too_much = world.ask(payin, "19.66", "key-0002").await.status;
            assert_eq!(too_much == 400, left != json!(20.0), "the refund has the same bound");
            left.to_string()
        }
        _ => return None,
    })
}

async fn seen_of_reads(world: &World, name: &str, payin: &str) -> Option<String> {
    Some(match name {
        "account_numbers" | "additive_fields" => {
            world.ask(payin, "1", "key-0001").await;
            world.wait(Span::seconds(5)).await;
            let shown = world.get(&format!("/payment/v1/payouts/{payin}")).await;
            let told = world.told(&shown.member("/transactionReference")).await;
            if name == "account_numbers" {
                let number = shown.member("/details/beneficiary/bankAccount/accountNumber");
                assert_eq!(told[0]["beneficiary"]["bankAccount"]["accountNumber"], number);
                number
            } else {
                assert_eq!(shown.json().get("labels").is_some(), told[0].get("labels").is_some());
                format!("{:?}", shown.json().get("labels").and_then(Value::as_array).map(Vec::len))
            }
        }
        "fee_on_returned" => {
            fees(world, FeeRule { flat: 35, ..FeeRule::default() }).await;
            world.refund(payin, "42.50", "key-0001").await;
            world.wait(Span::seconds(5)).await;
            world.rail.give_back(&world.rail.payments()[0].0, 4_250, "AC04");
            world.wait(Span::seconds(5)).await;
            world.available(Currency::GBP).await.to_string()
        }
        "shared_payins" => {
            let id = make::Ids::from(700).payment();
            let account = world.accounts[&Currency::GBP];
            let record = make::record_payment(id, account, Amount::new(1_000, Currency::GBP));
            world.command(Command::RecordPayment(record)).await;
            status(&world.get(&format!("/payment/v1/payins/{id}")).await)
        }
        "approvals.timeout" => {
            let rules = Arc::new(ApprovalRules { version: 1, refunds: true, ..ApprovalRules::default() });
            world.put(RegistryEntry::Policy(MerchantPolicy { merchant: world.merchant, rules })).await;
            let refund = world.refund(payin, "1", "key-0001").await;
            world.wait(Span::seconds(60)).await;
            world.status(&refund).await
        }
        _ => return None,
    })
}

async fn seen_of_refunds(world: &World, name: &str, payin: &str) -> String {
    let ask = async |value: &str, key: &str| world.ask(payin, value, key).await;
    match name {
        "approvals.refunds" | "approvals.required" => {
            let heard = ask("1", "key-0001").await;
            let shown = world.get(&format!("/payment/v1/payouts/{payin}")).await.json();
            let required = shown["approval"]["required"].as_u64().unwrap_or_default();
            format!("{} {required}", heard.member("/status"))
        }
        "customer_reference_unique" => {
            format!("{} {}", ask("1", "key-0001").await.status, ask("1", "key-0002").await.status)
        }
        "idempotency_mode" | "idempotency_retention" => {
            ask("1", "key-0001").await;
            let at_once = ask("1", "key-0001").await.status;
            world.wait(Span::days(2)).await;
            format!("{at_once} {}", ask("1", "key-0001").await.status)
        }
        "insufficient_funds" | "funds_timeout" => {
            let account = world.accounts[&Currency::GBP];
            world.command(Command::SetBalance { account, available: 99 }).await;
            let asked = ask("1", "key-0001").await;
            world.wait(Span::seconds(60)).await;
            let shown = if asked.status == 200 { world.status(payin).await } else { String::new() };
            format!("{} {shown}", asked.status)
        }
        "missing_payer_account" => {
            let body = json!({
                "walletId": world.wallet(Currency::GBP), "paymentMethod": "FASTER_PAYMENT",
                "amount": { "value": 10, "currency": "GBP" },
            });
            let made = world.post("/payment/v1/payins/simulate").json(&body).send().await;
            world.wait(Span::seconds(1)).await;
            status(&world.ask(&made.member("/transactionReference"), "1", "key-0001").await)
        }
        "refund_requires_idempotency_key" => {
            let path = format!("/payment/v1/payins/{payin}/refund");
            status(&world.post(&path).json(&a_refund("1", "GBP")).send().await)
        }
        "refund_response_reference" => {
            let shown = ask("1", "key-0001").await.member("/transactionReference");
            if shown == payin { "payin" } else { "payout" }.to_owned()
        }
        "refund_window" => {
            world.wait(Span::days(2)).await;
            status(&ask("1", "key-0001").await)
        }
        "refundable_payin_states" | "waiting_states_as" => {
            let asked = ask("1", "key-0001").await;
            let estimated = world.get(&format!("/payment/v1/payins/{payin}/estimate")).await;
            assert_eq!(estimated.status, asked.status);
            if asked.status != 200 {
                return format!("{} ", asked.status);
            }
            world.wait(Span::seconds(10)).await;
            world.wait(Span::seconds(10)).await;
            let now = world.get(&format!("/payment/v1/payouts/{payin}")).await.member("/status");
            format!("200 {} {now}", asked.member("/status"))
        }
        // Whether a refund of one pound is taken.
        _ => status(&ask("1", "key-0001").await),
    }
}
