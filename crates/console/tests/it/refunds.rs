//! Giving money back from a payment's page.

use crate::world::{Browser, FUNDED, Page, World};
use refundry_domain::command::{Command, FeeInput, RequestRefund};
use refundry_domain::fee::FeeTerms;
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::payment::Payment;
use refundry_domain::refund::{Funding, Refund};
use refundry_engine::person_refund::{NotOffered, Offer, PersonRefund, PersonRefunds};
use refundry_testkit::make;
use std::sync::Arc;

/// A payment that is too late.
const LATE: &str = "too late";

/// The dialect of the shop's payments: the account pays, and whole payments of
/// more than 500 pounds go back as a whole.
pub(crate) struct Till;

impl PersonRefunds for Till {
    fn dialect(&self) -> &'static str {
        "native"
    }

    fn offer(&self, payment: &Payment, ask: &PersonRefund) -> Result<Offer, NotOffered> {
        if payment.merchant_reference.as_deref() == Some(LATE) {
            return Err(NotOffered::TooLate);
        }
        let id = refundry_domain::id::RefundId(refundry_engine::mint::new_id(payment.created_at));
        let request = RequestRefund {
            amount: ask.amount,
            reference: ask.reference(),
            fee: FeeInput::ByRules { method: Arc::from("CARD"), terms: FeeTerms::default() },
            funding: None,
            maker: Some(ask.by),
            remittance: ask.text(),
            ..make::request(id, payment.id, AccountId(0), 0, "")
        };
        Ok(Offer { request, whole_only: payment.amount.minor > 50_000 })
    }
}

async fn refunds(world: &World, payment: PaymentId) -> Vec<Refund> {
    let merchant = world.merchant;
    world.engine.read(move |reader| reader.refunds_of_payment(merchant, payment)).await.unwrap()
}

/// Asks for so much on the payment's page.
async fn ask(browser: &mut Browser<'_>, payment: PaymentId, amount: &str) -> Page {
    let page = browser.get(&format!("/console/payments/{payment}")).await;
    let intent = page.hidden("intent").unwrap();
    let fields = [("intent", &*intent), ("amount", amount), ("remittance", "Broken cup"), ("step", "check")];
    browser.submit(&format!("/console/payments/{payment}/refund"), &fields).await
}

/// Agrees to what the page shows, with this fee.
async fn agree(browser: &mut Browser<'_>, page: &Page, payment: PaymentId, fee: &str) -> Page {
    let hidden = |name| page.hidden(name).unwrap();
    let (intent, amount, text) = (hidden("intent"), hidden("amount"), hidden("remittance"));
    let fields = [("intent", &*intent), ("amount", &*amount), ("remittance", &*text), ("fee", fee), ("step", "make")];
    browser.submit(&format!("/console/payments/{payment}/refund"), &fields).await
}

#[tokio::test]
async fn fee_and_total_are_shown_and_charged() {
    let world = World::new().await;
    world.charge("CARD", 70).await;
    let payment = world.payin(10_000).await;
    let mut browser = world.signed_in(&world.maker).await;
    let page = ask(&mut browser, payment, "25.00").await;
    page.says("Main, an account held here").says("\u{a3}0.70").says("\u{a3}25.70").says("\u{a3}974.30");
    page.does_not_say("consent at your bank");
    assert_eq!(page.hidden("fee").as_deref(), Some("70"));
    let made = agree(&mut browser, &page, payment, "70").await;
    assert_eq!(made.status, 303, "{}", made.text);
    let after = browser.get(&format!("/console/payments/{payment}")).await;
    after.says("The refund of \u{a3}25.00 is made").says("Comes from: <bdi>Main, an account held here</bdi>");
    let again = agree(&mut browser, &page, payment, "70").await;
    assert_eq!(again.status, 303, "a form that is sent twice makes one refund");
    let made = refunds(&world, payment).await;
    let [refund] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!((refund.funding, refund.fee), (Funding::Held { account: world.account() }, 70));
    assert_eq!((refund.amount.minor, refund.remittance.as_deref()), (2_500, Some("Broken cup")));
}

#[tokio::test]
async fn nothing_is_made_under_another_fee_than_the_one_that_was_shown() {
    let world = World::new().await;
    let payment = world.payin(10_000).await;
    let mut browser = world.signed_in(&world.maker).await;
    let page = ask(&mut browser, payment, "25.00").await;
    page.says("<dt>Fee</dt><dd>None</dd>");
    world.charge("CARD", 35).await;
    let asked = agree(&mut browser, &page, payment, "0").await;
    asked.says("The fee has changed").says("\u{a3}0.35");
    assert!(refunds(&world, payment).await.is_empty());
    let made = agree(&mut browser, &asked, payment, "35").await;
    assert_eq!((made.status, refunds(&world, payment).await[0].fee), (303, 35));
}

#[tokio::test]
async fn the_page_says_what_cannot_be_given_back() {
    let world = World::new().await;
    let mut browser = world.signed_in(&world.maker).await;
    let whole = world.payin(60_000).await;
    let page = ask(&mut browser, whole, "599.99").await;
    page.says("By the way it came it can only be given back as a whole: \u{a3}600.00.");
    page.says("id=\"amount-error\"");
    world.charge("CARD", 100).await;
    world.command(Command::SetBalance { account: world.account(), available: 60_000 }).await;
    let page = ask(&mut browser, whole, "600.00").await;
    page.says("The account has only \u{a3}600.00");
    agree(&mut browser, &page, whole, "100").await.says("The account has not enough money for the refund and its fee.");
    assert!(refunds(&world, whole).await.is_empty());
    let id = world.ids.lock().unwrap().payment();
    let mut record = make::record_payment(
        id,
        world.account(),
        refundry_domain::money::Amount::new(FUNDED, refundry_domain::money::Currency::GBP),
    );
    (record.debtor, record.merchant_reference) = (Some(make::party_uk()), Some(LATE.to_owned()));
    world.command(Command::RecordPayment(record)).await;
    let page = browser.get(&format!("/console/payments/{id}")).await;
    page.says("The time in which this payment could be given back is over.");
    assert_eq!(page.hidden("intent"), None, "there is no form");
}
