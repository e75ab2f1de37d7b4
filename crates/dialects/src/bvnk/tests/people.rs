//! Refunds that people make on a page.

use super::world::{FUNDED, World};
use refundry_domain::command::Command;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::id::{PaymentId, PersonId};
use refundry_domain::money::Currency;
use refundry_domain::payment::PaymentBlockCode;
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::person_refund::{NotMade, NotOffered, PersonRefund, Prospect, RefundDesk};
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use serde_json::json;
use std::sync::Arc;

fn desk(world: &World) -> RefundDesk {
    RefundDesk::new(vec![world.dialect.person_refunds()])
}

async fn make(world: &World, payin: &str, minor: u64, intent: &str) -> Result<Refund, NotMade> {
    let ask = PersonRefund {
        merchant: world.merchant,
        payment: PaymentId::parse(payin).unwrap(),
        amount: Some(minor),
        remittance: "Broken cup".to_owned(),
        intent: intent.into(),
        by: PersonId(7),
    };
    desk(world).make(&world.engine, ask).await.unwrap()
}

/// What a page would show.
async fn look(world: &World, payin: &str) -> Result<Prospect, NotOffered> {
    let (desk, directory, merchant) = (desk(world), world.engine.directory(), world.merchant);
    let id = PaymentId::parse(payin).unwrap();
    let read = move |reader: &dyn refundry_engine::store::Reader| {
        let payment = reader.payment(merchant, id)?.unwrap();
        desk.look(reader, &directory, &payment, PersonId(7))
    };
    world.engine.read(read).await.unwrap()
}

async fn charge(world: &World) {
    let of = |flat| FeeRule { flat, ..FeeRule::default() };
    let rules = [
        ((Currency::GBP, String::new()), of(70)),
        ((Currency::GBP, "FASTER_PAYMENT".to_owned()), of(35)),
        ((Currency::USD, "ACH".to_owned()), of(20)),
    ];
    let rules = FeeRules { rules: rules.into(), ..FeeRules::default() };
    world.put(RegistryEntry::Fees(MerchantFees { merchant: world.merchant, rules: Arc::new(rules) })).await;
}

// conformance: bvnk 13
#[tokio::test]
async fn the_wallet_pays_amount_and_fee() {
    let world = World::new().await;
    charge(&world).await;
    let payin = world.gbp("120.00").await;
    let before = world.available(Currency::GBP).await;
    let prospect = look(&world, &payin).await.unwrap();
    let account = world.accounts[&Currency::GBP];
    assert_eq!(prospect.account.as_ref().map(|account| account.id), Some(account));
    assert_eq!((prospect.refundable, prospect.whole_only), (12_000, false));
    let quote = prospect.quote(&world.engine.directory(), 4_250).unwrap();
    let made = make(&world, &payin, 4_250, "form-1").await.unwrap();
    assert_eq!((made.funding, made.fee), (Funding::Held { account }, 35));
    assert_eq!((quote.fee, quote.amount), (made.fee, made.amount), "what is shown is what is charged");
    assert_eq!(world.available(Currency::GBP).await, before - 4_285, "both are set aside at once");
    let again = make(&world, &payin, 4_250, "form-1").await.unwrap();
    assert_eq!(again.id, made.id, "a form that is sent twice makes one refund");
    world.work().await;
    let id = made.id.to_string();
    assert_eq!(world.status(&id).await, "COMPLETED");
    let shown = world.get(&format!("/payment/v1/payouts/{id}")).await.json();
    assert_eq!(shown["fee"], json!({ "value": 0.35, "currency": "GBP" }));
    assert_eq!((&shown["customerReference"], &shown["metadata"]), (&json!("Broken cup"), &json!({})));
    let letters = world.letters().await;
    let about = letters.iter().filter(|letter| String::from_utf8_lossy(letter).contains(&id)).count();
    assert_eq!(about, 2, "PROCESSING and COMPLETED are told");
}

#[tokio::test]
async fn what_programs_may_not_people_may_not() {
    let world = World::with(json!({ "refund_window": 30 })).await;
    charge(&world).await;
    let whole = world.payin("80.00", Currency::USD, "ACH").await;
    assert!(look(&world, &whole).await.unwrap().whole_only);
    assert_eq!(make(&world, &whole, 7_999, "form-1").await.unwrap_err(), NotMade::WholeOnly);
    assert_eq!(make(&world, &whole, 8_000, "form-2").await.unwrap().fee, 20);
    let early = world.payin_under_way("10.00", Currency::GBP, "FASTER_PAYMENT").await;
    assert_eq!(look(&world, &early).await.unwrap_err(), NotOffered::NotRefundable);
    let blocked = world.gbp("10.00").await;
    let payment = PaymentId::parse(&blocked).unwrap();
    world.command(Command::BlockPayment { payment, code: PaymentBlockCode::Fraud }).await;
    let refused = make(&world, &blocked, 1, "form-3").await.unwrap_err();
    assert_eq!(refused, NotMade::NotOffered(NotOffered::NotRefundable));
    let late = world.gbp("10.00").await;
    world.wait(Span::days(31)).await;
    assert_eq!(look(&world, &late).await.unwrap_err(), NotOffered::TooLate);
    let payin = world.gbp("20000.00").await;
    world.command(Command::SetBalance { account: world.accounts[&Currency::GBP], available: FUNDED }).await;
    let refused = make(&world, &payin, FUNDED, "form-4").await.unwrap_err();
    assert_eq!(refused, NotMade::Refused(Refusal::InsufficientFunds { available: FUNDED }), "the fee comes on top");
}

#[tokio::test]
async fn settings_of_the_dialect_hold_for_people_too() {
    let waits =
        json!({ "insufficient_funds": "wait", "missing_payer_account": "ask", "approvals": { "refunds": true } });
    let world = World::with(waits).await;
    let payin = world.gbp("50.00").await;
    world.command(Command::SetBalance { account: world.accounts[&Currency::GBP], available: 0 }).await;
    let made = make(&world, &payin, 5_000, "form-1").await.unwrap();
    assert_eq!(world.status(&made.id.to_string()).await, "PENDING_APPROVAL");
    let approval = made.approval.unwrap();
    assert_eq!(approval.maker, Some(PersonId(7)), "who asked does not approve");
}
