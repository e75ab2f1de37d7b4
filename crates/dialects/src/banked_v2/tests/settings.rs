//! Every setting of the family changes what a client sees, and stands in the
//! documentation.

use super::world::{PRICE, World, id_in, refund_of, session_in, token_in};
use crate::banked_v2::config::Config;
use refundry_domain::command::Command;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::payment::PaymentState;
use refundry_domain::time::Span;
use refundry_engine::hosted::DetailsLink;
use serde_json::{Value, json};

const DOCUMENTATION: &str = include_str!("../../../../../docs/configuration.md");

/// Settings of the third generation's own calls, told apart in its tests.
const OF_V3: [&str; 6] = [
    "refund_ttl",
    "require_idempotency_key_v3",
    "v3_canceled_state",
    "v3_currencies",
    "v3_schema_status",
    "webhook_data_version",
];

/// Setting, a value, what is seen by default, and what with the value.
fn table() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        (
            "checkout_base",
            json!("https://pay.example.org/c/"),
            "http://127.0.0.1:8080/checkout",
            "https://pay.example.org/c",
        ),
        (
            "refunds_page_base",
            json!("https://pay.example.org/r"),
            "http://127.0.0.1:8080/refunds",
            "https://pay.example.org/r",
        ),
        ("details_ttl", json!(3_600), "awaiting_details", "failed"),
        ("v2_authorisation_ttl", json!(3_600), "awaiting_payment", "failed"),
        ("details_mails_per_day", json!(1), "a second letter", "one letter"),
        ("details_reminder_days", json!([3]), "no reminder", "a reminder after 3 days"),
        ("idempotency_ttl", json!(3_600), "409", "201"),
        ("investigation_after", json!(3_600), "looked at after 86400 s", "looked at after 3600 s"),
        ("rate_limit", json!(1), "200 200", "200 429"),
        ("require_request_signature", json!(true), "200", "401"),
        ("unscoped_token", json!("partner_only"), "200", "403"),
        ("v2_expose_id", json!(true), "6 members", "7 members"),
        ("v2_external_spelling", json!("space"), "externally_processed", "externally processed"),
        ("v2_initiated_state", json!(true), "pending", "initiated"),
        ("v2_reference_required", json!(false), "400", "201"),
        ("webhook_disable_on_410", json!(true), "stays", "is switched off"),
        ("webhook_timeout", json!(3), "10 s", "3 s"),
    ]
}

#[tokio::test]
async fn every_setting_changes_what_is_seen() {
    for (name, value, default, set) in table() {
        assert_eq!(seen(&World::new().await, name).await, default, "{name} by default");
        let world = World::with(json!({ name: value })).await;
        assert_eq!(seen(&world, name).await, set, "{name} = {value}");
    }
}

#[test]
fn every_setting_is_in_the_table_and_in_the_documentation() {
    let refused = Config::read(&json!({ "no such setting": 1 })).unwrap_err().message;
    let (_, known) = refused.split_once("expected one of ").unwrap_or_else(|| panic!("{refused}"));
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 20, "{known:?}");
    let (_, part) = DOCUMENTATION.split_once("## `[dialects.banked]`").unwrap();
    let part = part.split("\n## ").next().unwrap();
    for name in known {
        let told = table().iter().any(|(told, ..)| *told == name) || OF_V3.contains(&name);
        assert!(told, "{name} has no row in a table");
        assert!(part.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
}

async fn waiting(world: &World) -> (RefundId, Value) {
    let session = world.sent_session("GBP", None).await;
    let refund = world.refund(&refund_of(&session, PRICE)).await;
    (id_in(&refund), refund)
}

async fn state_after_two_hours(world: &World, refund: RefundId) -> String {
    world.clock.advance(Span::seconds(7_200));
    world.command(Command::Tick { refund }).await;
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    shown["state"].as_str().unwrap().to_owned()
}

fn base_of(url: &Value) -> String {
    url.as_str().unwrap().rsplit_once('/').unwrap().0.to_owned()
}

/// What a client sees of a setting.
async fn seen(world: &World, name: &str) -> String {
    match name {
        "checkout_base" => {
            let session = world.open_session("GBP").await;
            base_of(&world.get(&format!("/v2/payment_sessions/{session}")).await.json()["url"])
        }
        "refunds_page_base" => base_of(&waiting(world).await.1["url"]),
        "details_ttl" => state_after_two_hours(world, waiting(world).await.0).await,
        "v2_authorisation_ttl" => {
            let session = world.sent_session("GBP", Some(super::world::ida())).await;
            let refund = world.refund(&refund_of(&session, 1)).await;
            state_after_two_hours(world, id_in(&refund)).await
        }
        "details_mails_per_day" | "details_reminder_days" => of_letters(world, name).await,
        "idempotency_ttl" => {
            let create = async |body: &Value| world.post("/v2/payment_sessions").key("k").json(body).send().await;
            assert_eq!(create(&json!({})).await.status, 400);
            world.clock.advance(Span::seconds(7_200));
            create(&session_in("GBP")).await.status.to_string()
        }
        "investigation_after" => {
            let after = world.stored(waiting(world).await.0).await.deadlines.limits.pace.overdue_after;
            format!("looked at after {} s", after.0 / Span::seconds(1).0)
        }
        "rate_limit" => {
            let first = world.get("/v2/providers").await.status;
            format!("{first} {}", world.get("/v2/providers").await.status)
        }
        "require_request_signature" => world.get("/v2/providers").await.status.to_string(),
        "unscoped_token" => {
            let token = world.post("/oauth/token?grant_type=client_credentials").send().await.json();
            let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
            world
                .call(http::Method::GET, "/v2/refunds")
                .header("authorization", &bearer)
                .send()
                .await
                .status
                .to_string()
        }
        "webhook_disable_on_410" => {
            (if world.webhooks.disables_on(410) { "is switched off" } else { "stays" }).to_owned()
        }
        "webhook_timeout" => format!("{} s", world.webhooks.timeout().0 / Span::seconds(1).0),
        other => of_words(world, other).await,
    }
}

async fn of_letters(world: &World, name: &str) -> String {
    let (refund, shown) = waiting(world).await;
    let token = token_in(&shown);
    assert!(matches!(world.pages.details(&refund.to_string(), &token).await.unwrap(), DetailsLink::Open(_)));
    world.pages.letter_sent(world.merchant, refund).await.unwrap();
    if name == "details_mails_per_day" {
        let renewed = world.pages.renew(world.merchant, refund).await.unwrap();
        return (if renewed.is_ok() { "a second letter" } else { "one letter" }).to_owned();
    }
    let next = world.pages.letter(world.merchant, refund).await.unwrap();
    let created_at = world.stored(refund).await.created_at;
    next.map_or("no reminder".to_owned(), |letter| {
        format!("a reminder after {} days", (letter.due_at.0 - created_at.0) / 86_400_000_000_000)
    })
}

async fn of_words(world: &World, name: &str) -> String {
    match name {
        "v2_expose_id" => format!("{} members", waiting(world).await.1.as_object().unwrap().len()),
        "v2_external_spelling" => {
            let (refund, _) = waiting(world).await;
            let people = world.people().await;
            world.command(Command::RecordExternal { refund, people }).await;
            let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
            shown["state"].as_str().unwrap().to_owned()
        }
        "v2_initiated_state" => {
            let id = world.open_session("GBP").await;
            let (payment, to) = (PaymentId::parse(&id).unwrap(), PaymentState::Authorised);
            world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
            let shown = world.get(&format!("/v2/payment_sessions/{id}")).await.json();
            shown["state"].as_str().unwrap().to_owned()
        }
        "v2_reference_required" => {
            let session = world.sent_session("GBP", None).await;
            let body = json!({ "payment_session_id": session });
            world.post("/v2/refunds").json(&body).send().await.status.to_string()
        }
        other => panic!("{other} has no probe"),
    }
}
