//! Repeated calls of this generation.

use super::world::{World, id_in, ida, refund_of, session_in};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::time::Span;
use refundry_engine::hosted::{AccountFields, DetailsForm};
use serde_json::json;

// conformance: banked 65
// conformance: banked 66
// conformance: banked 71
#[tokio::test]
async fn a_repeated_key_has_the_first_answer_whatever_happened() {
    let world = World::new().await;
    let session = world.post("/v2/payment_sessions").key("s").json(&session_in("GBP")).send().await;
    let again = world.post("/api/v2/payment_sessions/").key("s").json(&session_in("GBP")).send().await;
    assert_eq!((again.status, &again.body), (201, &session.body), "the alias names the same record");
    let other = world.post("/v2/payment_sessions").key("s").json(&session_in("EUR")).send().await;
    assert_eq!(other.fault().1, "invalid_idempotency_key");
    assert_eq!(other.status, 409);

    let sent = world.sent_session("GBP", None).await;
    let asked = refund_of(&sent, 400);
    let first = world.post("/v2/refunds").key("s").json(&asked).send().await;
    assert_eq!(first.status, 201, "the same key on another path: {}", first.text());
    let refund = id_in(&first.json());
    let token = super::world::token_in(&first.json());
    world.pages.renew(world.merchant, refund).await.unwrap().unwrap();
    let form = DetailsForm {
        form: AccountFields::SortCode,
        holder_name: "Ida".to_owned(),
        bank_code: "040099".to_owned(),
        number: "55120934".to_owned(),
    };
    let link = world.pages.details_url(world.merchant, refund).await.unwrap().unwrap();
    let newest = link.split_once("?token=").unwrap().1;
    assert_ne!(newest, token);
    world.pages.give_details(&refund.to_string(), newest, form).await.unwrap();
    world.command(Command::AuthoriseRefund { refund }).await;
    world.settle(refund).await;
    for years in [0, 10] {
        world.clock.advance(Span::days(365 * years));
        let again = world.post("/v2/refunds").key("s").json(&asked).send().await;
        assert_eq!((again.status, &again.body), (201, &first.body));
    }
    assert_eq!(world.refund_count().await, 1);
}

// conformance: banked 65
#[tokio::test]
async fn refusals_are_kept_under_their_key() {
    let world = World::new().await;
    let session = world.open_session("GBP").await;
    let asked = refund_of(&session, 400);
    let early = world.post("/v2/refunds").key("k").json(&asked).send().await;
    assert_eq!(early.fault().1, "invalid_action");
    let payment = refundry_domain::id::PaymentId::parse(&session).unwrap();
    let to = refundry_domain::payment::PaymentState::Settled;
    let debtor = Some(ida());
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
    let again = world.post("/v2/refunds").key("k").json(&asked).send().await;
    assert_eq!((again.status, &again.body), (422, &early.body));
    assert_eq!(world.post("/v2/refunds").key("k2").json(&asked).send().await.status, 201);
    let malformed = world.post("/v2/refunds").key("m").json(&json!({})).send().await;
    let again = world.post("/v2/refunds").key("m").json(&json!({})).send().await;
    assert_eq!((again.status, again.body), (400, malformed.body));
}

// conformance: banked 69
#[tokio::test]
async fn deleting_a_session_twice_with_one_key_is_204_twice() {
    let world = World::new().await;
    let path = format!("/v2/payment_sessions/{}", world.open_session("GBP").await);
    for _ in 0..3 {
        let gone = world.call(Method::DELETE, &path).key("d").send().await;
        assert_eq!((gone.status, gone.body.len()), (204, 0));
    }
    assert_eq!(world.call(Method::DELETE, &path).key("e").send().await.status, 404);
    assert_eq!(world.call(Method::DELETE, &path).key("e").send().await.status, 404);
}
