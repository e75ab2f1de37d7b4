//! Checkouts: merchants who authorise refunds, customers who pay, and what a
//! second visitor finds.

use super::world::{PRICE, World, id_in, ida, refund_of, unknown_id};
use refundry_domain::party::CreditorSource;
use refundry_engine::hosted::{Checkout, CheckoutState, Decision};
use serde_json::{Value, json};

/// Goes from a checkout to a bank and decides there.
async fn decide(world: &World, session: &str, bank: &str, decision: Decision) -> Checkout {
    let visit = world.checkouts.visit(session, bank).await.unwrap().expect("a visit");
    world.checkouts.decide(&visit, decision).await.unwrap().expect("a checkout")
}

async fn shown(world: &World, session: &str) -> Option<Checkout> {
    world.checkouts.checkout(session).await.unwrap()
}

// conformance: banked 31
// conformance: banked 17
#[tokio::test]
async fn the_merchants_consent_makes_session_and_refund_sent() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&session, 1_250)).await;
    let own = refund["refund_payment_session_id"].as_str().unwrap().to_owned();
    let page = shown(&world, &own).await.unwrap();
    assert!(page.refund && page.state == CheckoutState::Open && page.onward().is_none());
    assert_eq!((&*page.merchant_name, page.creditor_name.as_deref()), ("Fernhill Ltd", Some("Ida Korhonen")));
    assert_eq!(page.creditor_account.as_deref(), Some("••34"));
    // What the customer's statement will say, and the session's own name.
    assert_eq!((&*page.remittance, &page.own_text.unwrap()[..4]), ("Rug corner", "bnkd"));
    assert_eq!(page.creditor_source, Some(CreditorSource::PayerAccount));
    let read = async || world.get(&format!("/v2/payment_sessions/{own}")).await.json();
    let before = read().await;
    let visit = world.checkouts.visit(&own, "mock-bank").await.unwrap().unwrap();
    assert_eq!(read().await["state"], "awaiting_payment_consent");
    let page = world.checkouts.at_bank(&visit).await.unwrap().unwrap();
    assert_eq!(page.bank.unwrap().name, "Mock Bank");
    let page = world.checkouts.decide(&visit, Decision::Authorise).await.unwrap().unwrap();
    assert_eq!(page.onward(), Some(&*format!("https://shop.example.org/r-ok?id={own}")));
    // A second click, another tab, another mind: the first one counts.
    for decision in [Decision::Authorise, Decision::Decline] {
        let page = world.checkouts.decide(&visit, decision).await.unwrap().unwrap();
        assert_eq!(page.state, CheckoutState::Pending);
    }
    assert_eq!(world.checkouts.visit(&own, "mock-bank").await.unwrap(), None);
    world.settle(id_in(&refund)).await;
    let after = read().await;
    assert_eq!((&after["state"], &after["created_at"]), (&json!("sent"), &before["created_at"]));
    assert!(after["sent_at"].as_str().unwrap().ends_with(" UTC"));
    let refund = world.get(&format!("/v2/refunds/{}", id_in(&refund))).await.json();
    assert_eq!(refund["state"], "sent");
    assert_eq!(shown(&world, &own).await.unwrap().state, CheckoutState::Sent);
}

// conformance: banked 32
#[tokio::test]
async fn the_merchants_refusal_fails_both_and_frees_the_amount() {
    let world = World::new().await;
    let session = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&session, PRICE)).await;
    let own = refund["refund_payment_session_id"].as_str().unwrap();
    let page = decide(&world, own, "mock-bank", Decision::Decline).await;
    assert_eq!(page.onward(), Some("https://shop.example.org/r-fail"));
    assert_eq!(world.get(&format!("/v2/payment_sessions/{own}")).await.json()["state"], "failed");
    assert_eq!(world.get(&format!("/v2/refunds/{}", id_in(&refund))).await.json()["state"], "failed");
    assert_eq!(world.refund(&refund_of(&session, PRICE)).await["state"], "awaiting_payment");
}

// conformance: banked 84
#[tokio::test]
async fn the_bank_decides_whether_the_account_is_known() {
    let world = World::new().await;
    for (currency, bank, state) in [
        ("GBP", "mock-bank", "awaiting_payment"),
        ("EUR", "mock-bank", "awaiting_payment"),
        ("AUD", "mock-bank-au", "awaiting_payment"),
        ("GBP", "mock-bank-no-details", "awaiting_details"),
        ("AUD", "mock-bank-no-details", "awaiting_details"),
    ] {
        let session = world.open_session(currency).await;
        let page = shown(&world, &session).await.unwrap();
        assert!(!page.refund && page.banks.iter().any(|known| known.id == bank), "{currency} {bank}");
        let page = decide(&world, &session, bank, Decision::Authorise).await;
        assert_eq!(page.onward(), Some(&*format!("https://shop.example.org/ok?id={session}")));
        world.payers_decide().await;
        let sent = world.get(&format!("/v2/payment_sessions/{session}")).await.json();
        assert_eq!((&sent["state"], sent["sent_at"].is_string()), (&json!("sent"), true));
        assert_eq!(world.refund(&refund_of(&session, 1)).await["state"], state, "{currency} {bank}");
    }
}

#[tokio::test]
async fn a_payer_may_decline_or_wait_and_the_first_word_counts() {
    let world = World::new().await;
    for (decision, state, word) in [
        (Decision::Decline, CheckoutState::Failed, "failed"),
        (Decision::KeepPending, CheckoutState::Pending, "pending"),
    ] {
        let session = world.open_session("GBP").await;
        let visit = world.checkouts.visit(&session, "mock-bank").await.unwrap().unwrap();
        assert_eq!(world.checkouts.decide(&visit, decision).await.unwrap().unwrap().state, state);
        let page = world.checkouts.decide(&visit, Decision::Authorise).await.unwrap().unwrap();
        assert_eq!(page.state, state, "before the bank's word came");
        world.payers_decide().await;
        assert_eq!(world.checkouts.decide(&visit, Decision::Authorise).await.unwrap().unwrap().state, state);
        assert_eq!(world.get(&format!("/v2/payment_sessions/{session}")).await.json()["state"], word);
    }
}

#[tokio::test]
async fn a_payin_is_paid_on_the_same_page() {
    let world = World::new().await;
    let pages = &world.payin_checkouts;
    let account = world.accounts[&refundry_domain::money::Currency::AUD];
    let body = json!({
        "amount": 4400, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/au/back" },
        "creditor_account": { "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": account.to_string() },
        "remittance_information": { "unstructured": "Order 2093" },
    });
    for (decision, state, word) in [
        (Decision::Authorise, CheckoutState::Sent, "SENT"),
        (Decision::Decline, CheckoutState::Failed, "FAILED"),
        (Decision::KeepPending, CheckoutState::Pending, "PENDING"),
    ] {
        let made = world.post("/v3/payins").json(&body).send().await.json();
        let id = made["id"].as_str().unwrap();
        assert!(made["checkout_url"].as_str().unwrap().contains(&format!("/checkout/{id}?")), "{made}");
        let status = async || world.get(&format!("/v3/payins/{id}")).await.json()["status_details"]["status"].clone();
        let page = pages.checkout(id).await.unwrap().unwrap();
        assert_eq!((page.amount.minor, &*page.remittance, page.onward()), (4_400, "Order 2093", None));
        assert_eq!((page.creditor_name.as_deref(), page.creditor_account.is_some()), (Some("Fernhill Ltd"), true));
        assert_eq!(pages.visit(id, "mock-bank").await.unwrap(), None, "not for this currency");
        let visit = pages.visit(id, "mock-bank-au").await.unwrap().unwrap();
        assert_eq!(status().await, "AWAITING_AUTHORIZATION");
        assert_eq!(pages.at_bank(&visit).await.unwrap().unwrap().bank.unwrap().name, "Mock Bank AU");
        let page = pages.decide(&visit, decision).await.unwrap().unwrap();
        assert_eq!((page.state, page.onward()), (state, Some("https://shop.example.org/au/back")));
        // A second click, another mind: the first decision counts, before the
        // bank's word and after it.
        assert_eq!(pages.decide(&visit, Decision::Authorise).await.unwrap().unwrap().state, state);
        world.payers_decide().await;
        assert_eq!(pages.decide(&visit, Decision::Authorise).await.unwrap().unwrap().state, state);
        assert_eq!(status().await, word);
        assert_eq!(pages.visit(id, "mock-bank-au").await.unwrap(), None);
        // Sessions and pay-ins have the same pages, but each its own.
        assert!(world.checkouts.checkout(id).await.unwrap().is_none());
        assert!(world.checkouts.at_bank(&visit).await.unwrap().is_none());
    }
    let session = world.open_session("AUD").await;
    assert!(pages.checkout(&session).await.unwrap().is_none());
    for id in [unknown_id(), "x".to_owned()] {
        assert!(pages.checkout(&id).await.unwrap().is_none());
        assert_eq!(pages.visit(&id, "mock-bank-au").await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_nobody_made_is_not_there() {
    let world = World::new().await;
    let session = world.open_session("GBP").await;
    for id in [unknown_id(), "x".to_owned(), String::new()] {
        assert!(shown(&world, &id).await.is_none());
        assert_eq!(world.checkouts.visit(&id, "mock-bank").await.unwrap(), None);
    }
    assert_eq!(world.checkouts.visit(&session, "another-bank").await.unwrap(), None);
    assert_eq!(world.checkouts.visit(&session, "mock-bank-au").await.unwrap(), None, "not for pounds");
    let visit = world.checkouts.visit(&session, "mock-bank").await.unwrap().unwrap();
    for visit in ["", "x", &visit[..visit.len() - 1]] {
        assert!(world.checkouts.at_bank(visit).await.unwrap().is_none());
        assert!(world.checkouts.decide(visit, Decision::Authorise).await.unwrap().is_none());
    }
    // The id in a customer's link does not lead to the merchant's page.
    let sent = world.sent_session("GBP", Some(ida())).await;
    let refund = world.refund(&refund_of(&sent, 1)).await;
    assert!(shown(&world, &id_in(&refund).to_string()).await.is_none());
    world.clock.advance(refundry_domain::time::Span::seconds(3_601));
    assert!(world.checkouts.at_bank(&visit).await.unwrap().is_none());
    let _: &Value = &refund;
}

#[tokio::test]
async fn a_person_makes_a_refund_once_per_form() {
    use refundry_domain::id::{PaymentId, PersonId};
    use refundry_domain::refund::Funding;
    use refundry_engine::person_refund::PersonRefund;
    let world = World::new().await;
    let session = world.sent_session("GBP", None).await;
    let ask = PersonRefund {
        merchant: world.merchant,
        payment: PaymentId::parse(&session).unwrap(),
        amount: Some(300),
        remittance: "Broken".to_owned(),
        intent: "form-1".into(),
        by: PersonId(7),
    };
    let first = world.desk.make(&world.engine, ask.clone()).await.unwrap().unwrap();
    assert_eq!((first.funding, first.fee), (Funding::MerchantAuthorised, 0), "the merchant consents at its bank");
    let again = world.desk.make(&world.engine, ask.clone()).await.unwrap();
    assert_eq!(again.map(|refund| refund.id), Ok(first.id));
    let items = world.get(&format!("/v2/payment_sessions/{session}")).await.json()["refunds"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    assert_eq!((&items[0]["state"], &items[0]["amount"]), (&json!("awaiting_details"), &json!(300)));
    let over = PersonRefund { amount: Some(PRICE), intent: "form-2".into(), ..ask };
    assert!(world.desk.make(&world.engine, over).await.unwrap().is_err());
}
