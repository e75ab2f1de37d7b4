//! Webhooks of sessions, and of refunds' own sessions.

use super::world::{World, id_in, ida, refund_of};
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use refundry_engine::hosted::{AccountFields, DetailsForm};
use refundry_engine::registry::Endpoint;
use serde_json::{Value, json};
use std::sync::Arc;

fn names(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["webhook_event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_session_tells_each_step_with_all_its_members() {
    for (settings, expected) in [
        (json!({}), vec!["payment_pending", "payment_sent"]),
        (json!({ "v2_initiated_state": true }), vec!["payment_initiated", "payment_pending", "payment_sent"]),
    ] {
        let world = World::with(settings).await;
        let id = world.open_session("GBP").await;
        let payment = PaymentId::parse(&id).unwrap();
        for to in [PaymentState::Authorised, PaymentState::Executed, PaymentState::Settled] {
            let debtor = Some(ida());
            world.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
        }
        let told = world.told_of(&id).await;
        assert_eq!(names(&told), expected);
        let mut last = told.last().unwrap().clone();
        let read = world.get(&format!("/v2/payment_sessions/{id}")).await.json();
        for (name, value) in [("webhook_event", "payment_sent"), ("webhook_type", "payment_session")] {
            assert_eq!(last.as_object_mut().unwrap().remove(name), Some(json!(value)));
        }
        assert_eq!(last, read, "every member of the session, and no other");
    }
    let world = World::new().await;
    let id = world.open_session("GBP").await;
    let (payment, to) = (PaymentId::parse(&id).unwrap(), PaymentState::Failed);
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
    let told = world.told_of(&id).await;
    assert_eq!((names(&told), &told[0]["state"]), (vec!["payment_failed"], &json!("failed")));
}

// conformance: banked 79
#[tokio::test]
async fn a_refunds_session_tells_its_own_way() {
    let world = World::new().await;
    let session = world.sent_session("GBP", None).await;
    let asked = world.refund(&refund_of(&session, 400)).await;
    let refund = id_in(&asked);
    world.clock.advance(refundry_domain::time::Span::days(2));
    let form = DetailsForm {
        form: AccountFields::SortCode,
        holder_name: "Ida".to_owned(),
        bank_code: "040099".to_owned(),
        number: "55120934".to_owned(),
    };
    world.pages.give_details(&refund.to_string(), &super::world::token_in(&asked), form).await.unwrap();
    world.command(Command::AuthoriseRefund { refund }).await;
    world.clock.advance(refundry_domain::time::Span::seconds(60));
    world.settle(refund).await;
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    let own = shown["refund_payment_session_id"].as_str().unwrap();
    let told = world.told_of(own).await;
    assert_eq!(names(&told), ["payment_pending", "payment_sent"]);
    assert_eq!((&told[0]["state"], &told[0]["sent_at"]), (&json!("pending"), &Value::Null));
    let read = world.get(&format!("/v2/payment_sessions/{own}")).await.json();
    let mut last = told[1].clone();
    last.as_object_mut().unwrap().retain(|name, _| !name.starts_with("webhook_"));
    assert_eq!(last, read);
    // The session was made when the details came, not with the refund.
    let stored = world.stored(refund).await;
    let asked_on = crate::print::spaced_utc(stored.created_at);
    assert_ne!(read["created_at"], asked_on.as_str());
    // No event of the third generation tells of a refund of this one.
    let bodies = world.sent_to(&world.app().inbox).await;
    assert!(bodies.iter().all(|body| !body.event_type.starts_with("refund_")));
}

#[tokio::test]
async fn a_declined_refund_fails_its_session() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&session, 400)).await;
    world.command(Command::DeclineAuthorisation { refund: id_in(&refund) }).await;
    let told = world.told_of(refund["refund_payment_session_id"].as_str().unwrap()).await;
    assert_eq!((names(&told), &told[0]["state"]), (vec!["payment_failed"], &json!("failed")));
}

#[tokio::test]
async fn redacted_events_name_nobody_and_bytes_are_javascripts() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let endpoint = |events: &[&str]| Endpoint {
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        ..Endpoint::clone(&world.app().inbox)
    };
    let redacted = world.sent_to(&endpoint(&["redacted_payment_sent"])).await;
    // The sample that the sandbox made, and the session of this story.
    let body: Value = serde_json::from_slice(&redacted.last().unwrap().body).unwrap();
    assert_eq!((&body["id"], &body["webhook_event"]), (&json!(session), &json!("redacted_payment_sent")));
    assert!(body.get("payee").is_none() && body.get("payer").is_none());
    let both = world.sent_to(&endpoint(&["payment_sent", "redacted_payment_sent"])).await;
    assert_eq!(both.len(), redacted.len(), "one body per event");
    assert!(world.sent_to(&endpoint(&["refund_sent"])).await.is_empty());
    let elsewhere = Arc::new(Endpoint { group: "app_70413".to_owned(), ..Endpoint::clone(&world.app().inbox) });
    assert!(world.sent_to(&elsewhere).await.iter().all(|body| !String::from_utf8_lossy(&body.body).contains(&session)));
    let full = String::from_utf8(both.last().unwrap().body.clone()).unwrap();
    assert!(full.contains("£50.00") && full.contains("https://shop") && !full.contains("\": "), "{full}");
    assert_eq!(serde_json::from_str::<Value>(&full).unwrap()["amount"], 5_000);
}
