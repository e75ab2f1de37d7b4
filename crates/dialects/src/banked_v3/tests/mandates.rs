//! Webhooks of mandates.

use super::world::{LIMIT, World};
use crate::banked_v3::states;
use refundry_domain::command::{Command, CreateMandate};
use refundry_domain::id::{MandateId, MandateToken};
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::time::Span;
use serde_json::{Value, json};
use std::sync::Arc;

/// The webhooks of mandates that the shop's own application got.
async fn told(world: &World) -> Vec<Value> {
    let bodies = world.mandates_sent_to(&world.app.inbox).await;
    bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
}

fn types(hooks: &[Value]) -> Vec<&str> {
    hooks.iter().map(|hook| hook["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_state_of_a_mandate_has_its_webhook() {
    let world = World::new().await;
    assert_eq!(types(&told(&world).await), ["mandate_active", "mandate_active", "mandate_suspended"]);
    world.clock.advance(Span(1_500_000_000));
    let suspended = MandateState::Suspended { by_merchant: false };
    world.command(Command::MoveMandate { mandate: world.mandate, to: suspended }).await;
    world.command(Command::MoveMandate { mandate: world.mandate, to: MandateState::Cancelled }).await;
    let hooks = told(&world).await;
    assert_eq!(types(&hooks[3..]), ["mandate_suspended", "mandate_cancelled"]);
    let expected = json!({
        "data": {
            "created_at": "2026-01-05T10:00:00.000000000Z",
            "currency": "AUD",
            "debtor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": world.settlement.to_string() },
            "external_reference": null,
            "id": world.mandate.to_string(),
            "mode": "test",
            "network_mandate_id": null,
            "payments_terms": { "variable_terms": {
                "count_per_period": null,
                "frequency": "MANDATE_PAYMENTS_FREQUENCY_ADHOC",
                "max_payment_amount": LIMIT,
            } },
            "state": "suspended",
            "state_reason": { "code": "UNKNOWN", "network_code": null },
            "status_details": { "status": "SUSPENDED" },
            "updated_at": "2026-01-05T10:00:01.500000000Z",
            "validity_end_date": null,
            "validity_start_date": "2026-01-05",
        },
        "id": hooks[3]["id"],
        "type": "mandate_suspended",
        "version": "v3",
    });
    assert_eq!(hooks[3], expected);
    // The token opens refunds: no webhook tells it.
    assert!(!hooks.iter().any(|hook| hook.to_string().contains(&world.token.to_string())));
    // The first one shows the mandate as it was then.
    assert_eq!(hooks[0]["data"]["status_details"], json!({ "status": "ACTIVE" }));
    assert_eq!(hooks[0]["data"].get("state_reason"), None);
    // Keys stand in alphabetical order, as a receiver's own printing has them.
    let bodies = world.mandates_sent_to(&world.app.inbox).await;
    assert!(bodies.contains(&serde_json::to_vec(&expected).unwrap()));
}

#[tokio::test]
async fn an_applications_own_mandate_is_told_to_it_alone() {
    let world = World::new().await;
    let other = world.application(&json!({ "application_id": "app_2" })).await;
    let before = (told(&world).await.len(), world.mandates_sent_to(&other.inbox).await.len());
    assert_eq!(before, (3, 3), "mandates of the merchant as a whole");
    let id = MandateId(77);
    let terms = CreateMandate {
        group: Arc::from("app_2"),
        amount: Some(250),
        amount_max: None,
        period: Period::Month,
        count_max: Some(4),
        merchant_reference: Some("refunds-2026".to_owned()),
        debtor_account: None,
        ..world.terms(id, MandateToken(78))
    };
    world.command(Command::CreateMandate(Box::new(terms))).await;
    world.command(Command::MoveMandate { mandate: id, to: MandateState::Declined }).await;
    assert_eq!(told(&world).await.len(), 3);
    let told = world.mandates_sent_to(&other.inbox).await;
    let told: Value = serde_json::from_slice(told.last().unwrap()).unwrap();
    assert_eq!(told["type"], "mandate_declined");
    let data = &told["data"];
    assert_eq!((&data["external_reference"], &data["debtor_account"]), (&json!("refunds-2026"), &Value::Null));
    let terms = json!({
        "count_per_period": 4, "frequency": "MANDATE_PAYMENTS_FREQUENCY_MONTHLY", "max_payment_amount": 250,
    });
    assert_eq!(data["payments_terms"]["variable_terms"], terms);
}

#[tokio::test]
async fn a_mandate_that_nobody_signs_is_told_as_expired() {
    let world = World::new().await;
    let id = MandateId(77);
    world.command(Command::CreateMandate(Box::new(world.terms(id, MandateToken(78))))).await;
    assert_eq!(told(&world).await.len(), 3, "waiting for signatures has no webhook");
    world.clock.advance(Span::days(6));
    world.command(Command::MoveMandate { mandate: id, to: MandateState::Active }).await;
    assert_eq!(types(&told(&world).await[3..]), ["mandate_expired"]);
}

#[test]
fn every_state_and_period_has_its_words() {
    let by_merchant = true;
    for (state, shown) in [
        (MandateState::Created, None),
        (MandateState::Active, Some(("mandate_active", "ACTIVE"))),
        (MandateState::Pending, Some(("mandate_pending", "PENDING"))),
        (MandateState::Suspended { by_merchant }, Some(("mandate_suspended", "SUSPENDED"))),
        (MandateState::Cancelled, Some(("mandate_cancelled", "CANCELLED"))),
        (MandateState::Declined, Some(("mandate_declined", "DECLINED"))),
        (MandateState::Expired, Some(("mandate_expired", "EXPIRED"))),
        (MandateState::Failed, Some(("mandate_failed", "FAILED"))),
    ] {
        let found = states::mandate(state.code()).map(|shown| (shown.event_type, shown.status));
        assert_eq!(found, shown, "{state:?}");
    }
    assert_eq!(states::mandate("of the future"), None);
    for (period, word) in Period::ALL {
        assert!(states::frequency(*period).starts_with("MANDATE_PAYMENTS_FREQUENCY_"), "{word}");
    }
}
