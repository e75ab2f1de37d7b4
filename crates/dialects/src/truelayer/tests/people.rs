//! Refunds that people make on a page.

use super::world::World;
use crate::truelayer::extension::PaymentExtension;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::PersonId;
use refundry_domain::payment::PaymentState;
use refundry_domain::refund::Funding;
use refundry_engine::person_refund::{NotMade, NotOffered, PersonRefund, RefundDesk};

#[tokio::test]
async fn the_merchant_account_pays() {
    let world = World::new().await;
    let payment = world.paid(1_000).await;
    let desk = RefundDesk::new(vec![world.dialect.person_refunds()]);
    let ask = PersonRefund {
        merchant: world.merchant,
        payment,
        amount: Some(400),
        remittance: "Broken cup".to_owned(),
        intent: "form-1".into(),
        by: PersonId(7),
    };
    let made = desk.make(&world.engine, ask.clone()).await.unwrap().unwrap();
    assert_eq!((made.funding, made.fee), (Funding::Held { account: world.gbp }, 0));
    let shown = world.get(&format!("/v3/payments/{payment}/refunds/{}", made.id)).await;
    assert_eq!((shown.status, shown.json()["amount_in_minor"].as_u64()), (200, Some(400)), "{}", shown.text());
    let extension = PaymentExtension { external: true, ..PaymentExtension::default() }.encode();
    let record = RecordPayment { extension, ..world.payment_record(1_000, PaymentState::Settled) };
    let payment = record.id;
    world.command(Command::RecordPayment(record)).await;
    let refused = desk.make(&world.engine, PersonRefund { payment, intent: "form-2".into(), ..ask }).await.unwrap();
    assert_eq!(refused.unwrap_err(), NotMade::NotOffered(NotOffered::HeldElsewhere));
}
