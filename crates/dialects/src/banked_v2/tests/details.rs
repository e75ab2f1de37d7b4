//! Details links: what customers find behind them, and the letters that bring
//! them.

use super::world::{PRICE, World, id_in, refund_of, session_in, token_in, unknown_id};
use refundry_domain::command::Command;
use refundry_domain::id::RefundId;
use refundry_domain::party::{Creditor, CreditorSource};
use refundry_domain::refund::{ExpiredAt, Gate, RefundState};
use refundry_domain::time::Span;
use refundry_engine::hosted::{
    AccountFields, DetailsAnswer, DetailsField, DetailsForm, DetailsLink, FieldFault, NotRenewed,
};
use serde_json::{Value, json};

fn form(form: AccountFields, bank_code: &str, number: &str) -> DetailsForm {
    let holder_name = "Ida Korhonen".to_owned();
    DetailsForm { form, holder_name, bank_code: bank_code.to_owned(), number: number.to_owned() }
}

fn good() -> DetailsForm {
    form(AccountFields::SortCode, "04-00-99", "5512 0934")
}

async fn waiting(world: &World, currency: &str) -> (RefundId, String, String) {
    let session = world.sent_session(currency, None).await;
    let refund = world.refund(&refund_of(&session, 400)).await;
    (id_in(&refund), token_in(&refund), session)
}

async fn link(world: &World, refund: RefundId, token: &str) -> DetailsLink {
    world.pages.details(&refund.to_string(), token).await.unwrap()
}

async fn give(world: &World, refund: RefundId, token: &str, form: DetailsForm) -> DetailsAnswer {
    world.pages.give_details(&refund.to_string(), token, form).await.unwrap()
}

// conformance: banked 33
#[tokio::test]
async fn the_customers_form_moves_the_refund_on_and_uses_the_link_up() {
    let world = World::new().await;
    let (refund, token, session) = waiting(&world, "GBP").await;
    let DetailsLink::Open(asked) = link(&world, refund, &token).await else { panic!("not open") };
    assert_eq!((&*asked.merchant_name, asked.amount), ("Fernhill Ltd", super::world::pounds(400)));
    assert_eq!((asked.remittance.as_deref(), asked.forms), (Some("Rug corner"), vec![AccountFields::SortCode]));
    assert_eq!(give(&world, refund, &token, good()).await, DetailsAnswer::Taken { masked: "••34".to_owned() });
    let stored = world.stored(refund).await;
    let Creditor::Given { party, source } = &stored.creditor else { panic!("{stored:?}") };
    assert_eq!(
        (party.account.canonical().as_str(), *source),
        ("scan:040099:55120934", CreditorSource::CustomerSupplied)
    );
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    assert_eq!(shown["state"], "awaiting_payment");
    assert!(shown["refund_payment_session_id"].is_string() && !shown["url"].as_str().unwrap().contains('?'));
    let items = world.get(&format!("/v2/payment_sessions/{session}")).await.json()["refunds"].clone();
    assert_eq!(items[0]["refund_payment_session_id"], shown["refund_payment_session_id"]);
    let other = form(AccountFields::SortCode, "040099", "11111111");
    assert_eq!(give(&world, refund, &token, other).await, DetailsAnswer::Link(DetailsLink::Used));
    assert_eq!(link(&world, refund, &token).await, DetailsLink::Used);
    assert_eq!(world.stored(refund).await.creditor, stored.creditor);
}

#[tokio::test]
async fn forms_follow_the_currency_and_faults_name_their_fields() {
    let world = World::new().await;
    for (currency, good, canonical) in [
        ("EUR", form(AccountFields::Iban, "", "de89 3704 0044 0532 0130 00"), "iban:DE89370400440532013000"),
        ("AUD", form(AccountFields::Bsb, "062-000", "1234"), "bsb:062000:1234"),
        ("AUD", form(AccountFields::PayId, "", "Ida@Example.org"), "payid:ida@example.org"),
    ] {
        let (refund, token, _) = waiting(&world, currency).await;
        let mut wrong = good.clone();
        wrong.number = "x y".to_owned();
        let DetailsAnswer::Faults(faults) = give(&world, refund, &token, wrong).await else { panic!("taken") };
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), [DetailsField::Number]);
        assert!(matches!(give(&world, refund, &token, good).await, DetailsAnswer::Taken { .. }));
        let stored = world.stored(refund).await;
        let Creditor::Given { party, .. } = stored.creditor else { panic!("{currency}") };
        assert_eq!(party.account.canonical(), canonical);
    }
    let (refund, token, _) = waiting(&world, "GBP").await;
    let nameless = DetailsForm { holder_name: " ".to_owned(), ..good() };
    for (form, fields) in [
        (form(AccountFields::SortCode, "0400", "55120934"), vec![DetailsField::BankCode]),
        (form(AccountFields::SortCode, "040099", "5512093"), vec![DetailsField::Number]),
        (form(AccountFields::SortCode, "", ""), vec![DetailsField::BankCode, DetailsField::Number]),
        (form(AccountFields::Iban, "", "DE89370400440532013000"), vec![DetailsField::Form]),
        (nameless, vec![DetailsField::HolderName]),
    ] {
        let DetailsAnswer::Faults(faults) = give(&world, refund, &token, form).await else { panic!("{fields:?}") };
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), fields);
        assert!(faults.iter().all(|FieldFault { says, .. }| says.ends_with('.')));
    }
    assert!(matches!(link(&world, refund, &token).await, DetailsLink::Open(_)), "nothing was changed");
}

// conformance: banked 34
#[tokio::test]
async fn wrong_and_expired_tokens_show_and_change_nothing() {
    let world = World::new().await;
    let (refund, token, _) = waiting(&world, "GBP").await;
    let (other, others, _) = waiting(&world, "GBP").await;
    for (id, token) in [
        (refund.to_string(), ""),
        (refund.to_string(), "AAAAAAAAAAAAAAAAAAAAAA"),
        (refund.to_string(), &*others),
        (other.to_string(), &*token),
        (unknown_id(), &*token),
        ("x".to_owned(), &*token),
    ] {
        assert_eq!(world.pages.details(&id, token).await.unwrap(), DetailsLink::Unknown, "{id}");
        let answer = world.pages.give_details(&id, token, good()).await.unwrap();
        assert_eq!(answer, DetailsAnswer::Link(DetailsLink::Unknown));
    }
    assert_eq!(world.stored(refund).await.creditor, Creditor::Unknown);
    world.clock.advance(Span::days(30));
    assert_eq!(link(&world, refund, &token).await, DetailsLink::Over);
    assert_eq!(give(&world, refund, &token, good()).await, DetailsAnswer::Link(DetailsLink::Over));
    assert_eq!(world.stored(refund).await.creditor, Creditor::Unknown);
}

// conformance: banked 35
#[tokio::test]
async fn a_new_link_voids_the_one_before() {
    let world = World::new().await;
    let (refund, first, _) = waiting(&world, "GBP").await;
    world.pages.renew(world.merchant, refund).await.unwrap().unwrap();
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    let second = token_in(&shown);
    assert_ne!(second, first);
    assert_eq!(world.pages.details_url(world.merchant, refund).await.unwrap().unwrap(), shown["url"]);
    assert_eq!(link(&world, refund, &first).await, DetailsLink::Replaced);
    assert_eq!(give(&world, refund, &first, good()).await, DetailsAnswer::Link(DetailsLink::Replaced));
    assert!(matches!(link(&world, refund, &second).await, DetailsLink::Open(_)));
    assert!(matches!(give(&world, refund, &second, good()).await, DetailsAnswer::Taken { .. }));
    for token in [first, second] {
        assert_eq!(link(&world, refund, &token).await, DetailsLink::Used);
    }
    assert_eq!(world.pages.renew(world.merchant, refund).await.unwrap(), Err(NotRenewed::NotWaiting));
    assert_eq!(world.pages.details_url(world.merchant, refund).await.unwrap(), None);
}

// conformance: banked 36
#[tokio::test]
async fn thirty_days_without_details_end_a_refund() {
    let world = World::new().await;
    let (refund, token, session) = waiting(&world, "GBP").await;
    world.clock.advance(Span(Span::days(30).0 - 1));
    assert!(matches!(link(&world, refund, &token).await, DetailsLink::Open(_)));
    world.clock.advance(Span(1));
    world.command(Command::Tick { refund }).await;
    let state = world.stored(refund).await.state;
    assert_eq!(state, RefundState::Expired { at: ExpiredAt::Gate(Gate::Details) });
    let shown = world.get(&format!("/v2/refunds/{refund}")).await.json();
    assert_eq!((&shown["state"], &shown["refund_payment_session_id"]), (&json!("failed"), &Value::Null));
    assert_eq!(link(&world, refund, &token).await, DetailsLink::Over);
    assert_eq!(world.refund(&refund_of(&session, PRICE)).await["state"], "awaiting_details");
    let bodies = world.sent_to(&world.app().inbox).await;
    assert!(bodies.iter().all(|body| body.event_type != "payment_failed"), "there was no session to fail");
}

#[tokio::test]
async fn reminders_count_among_the_letters_of_a_day() {
    let world = World::with(json!({ "details_mails_per_day": 2, "details_reminder_days": [1] })).await;
    let (refund, _, _) = waiting(&world, "GBP").await;
    world.clock.advance(Span::seconds(23 * 3_600));
    for _ in 0..2 {
        world.pages.letter_sent(world.merchant, refund).await.unwrap();
        world.clock.advance(Span::seconds(60));
    }
    let reminder = world.pages.letter(world.merchant, refund).await.unwrap().unwrap();
    let created_at = world.stored(refund).await.created_at;
    assert_eq!(reminder.due_at, created_at.plus(Span::seconds(47 * 3_600)), "a day after the first of the two");
}

// conformance: banked 38
#[tokio::test]
async fn letters_go_out_once_per_link_and_day() {
    let world = World::with(json!({ "details_mails_per_day": 2, "details_reminder_days": [7] })).await;
    let (refund, token, _) = waiting(&world, "GBP").await;
    assert_eq!(world.pages.waiting().await.unwrap(), [(world.merchant, refund)]);
    let letter = world.pages.letter(world.merchant, refund).await.unwrap().unwrap();
    assert_eq!((&*letter.to, letter.to_name.as_deref()), ("ida@example.org", Some("Ida Korhonen")));
    assert!(letter.url.ends_with(&format!("{refund}?token={token}")) && letter.due_at <= world.engine.now());
    assert!(!format!("{letter:?}").contains("ida"));
    world.pages.letter_sent(world.merchant, refund).await.unwrap();
    let reminder = world.pages.letter(world.merchant, refund).await.unwrap().unwrap();
    assert_eq!(reminder.due_at, world.stored(refund).await.created_at.plus(Span::days(7)));
    world.pages.renew(world.merchant, refund).await.unwrap().unwrap();
    let again = world.pages.letter(world.merchant, refund).await.unwrap().unwrap();
    assert!(again.due_at <= world.engine.now() && again.url != letter.url);
    world.pages.letter_sent(world.merchant, refund).await.unwrap();
    assert_eq!(world.pages.renew(world.merchant, refund).await.unwrap(), Err(NotRenewed::TooManyLetters));
    world.clock.advance(Span::days(8));
    world.pages.letter_sent(world.merchant, refund).await.unwrap();
    assert_eq!(world.pages.letter(world.merchant, refund).await.unwrap(), None, "all reminders went out");
    assert!(world.pages.renew(world.merchant, refund).await.unwrap().is_ok(), "another day");
    // One that is refused for good is the last one of its link.
    world.pages.letter_refused(world.merchant, refund, 550).await.unwrap();
    assert_eq!(world.pages.letter(world.merchant, refund).await.unwrap(), None);
    let refused = world.pages.letters(world.merchant, refund).await.unwrap().unwrap().refused.unwrap();
    assert_eq!((refused.code, refused.at), (550, world.engine.now()));
    world.clock.advance(Span::days(2));
    world.pages.renew(world.merchant, refund).await.unwrap().unwrap();
    assert!(world.pages.letter(world.merchant, refund).await.unwrap().is_some(), "a new link is a new letter");
    assert_eq!(world.pages.letters(world.merchant, refund).await.unwrap().unwrap().refused, None);
    // Without an address there is no letter, and the refund is there all the same.
    let mut asked = session_in("GBP");
    asked["payer"] = Value::Null;
    let session = world.post("/v2/payment_sessions").json(&asked).send().await.id();
    let payment = refundry_domain::id::PaymentId::parse(&session).unwrap();
    let to = refundry_domain::payment::PaymentState::Settled;
    world.command(Command::AdvancePayment { payment, to, credited: None, debtor: None, failure: None }).await;
    let silent = id_in(&world.refund(&refund_of(&session, 1)).await);
    assert_eq!(world.pages.letter(world.merchant, silent).await.unwrap(), None);
    assert!(world.pages.details_url(world.merchant, silent).await.unwrap().is_some());
}
