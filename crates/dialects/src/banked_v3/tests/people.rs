//! Refunds that people make on a page.

use super::world::World;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::{PaymentId, PersonId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::Origin;
use refundry_domain::refund::Funding;
use refundry_engine::person_refund::{PersonRefund, RefundDesk};
use refundry_testkit::make;
use serde_json::json;

#[tokio::test]
async fn the_account_that_the_payin_came_into_pays() {
    let world = World::new().await;
    world.fund(1_000_000).await;
    let id = PaymentId(refundry_engine::mint::new_id(world.engine.now()));
    let record = make::record_payment(id, world.float, Amount::new(500, Currency::AUD));
    let (origin, debtor) = (Origin::new("banked_v3", &world.app.id), Some(make::party_uk()));
    world.command(Command::RecordPayment(RecordPayment { origin, debtor, ..record })).await;
    let payment = id;
    let desk = RefundDesk::new(vec![world.dialect.person_refunds()]);
    let (merchant, by) = (world.merchant, PersonId(7));
    let directory = world.engine.directory();
    let at = desk.clone();
    let read = move |reader: &dyn refundry_engine::store::Reader| {
        at.look(reader, &directory, &reader.payment(merchant, payment)?.unwrap(), by)
    };
    let prospect = world.engine.read(read).await.unwrap().unwrap();
    let account = prospect.payment.account;
    assert_eq!(prospect.account.as_ref().map(|account| account.id), Some(account));
    let ask = PersonRefund {
        merchant: world.merchant,
        payment,
        amount: Some(100),
        remittance: "Broken cup".to_owned(),
        intent: "form-1".into(),
        by: PersonId(7),
    };
    let made = desk.make(&world.engine, ask).await.unwrap().unwrap();
    assert_eq!((made.funding, made.fee), (Funding::Held { account }, 0));
    let shown = world.get(&format!("/v3/refunds/{}", made.id)).await;
    assert_eq!((shown.status, &shown.json()["remittance_information"]["unstructured"]), (200, &json!("Broken cup")));
}
