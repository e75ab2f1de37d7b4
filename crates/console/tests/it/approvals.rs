//! What the list and the page of a refund show, and to whom.

use crate::world::{World, made_person};
use refundry_domain::command::Command;
use refundry_domain::id::RefundId;
use refundry_domain::party::{AccountIdentifier, CreditorSource, Party};
use refundry_domain::refund::{BlockCode, Funding, ReserveAt, Shortage};
use refundry_engine::registry::Role;
use refundry_testkit::make;
use std::sync::Arc;

#[tokio::test]
async fn an_empty_list_says_so() {
    let world = World::new().await;
    let mut browser = world.signed_in(&world.ada).await;
    browser.get("/console/approvals").await.says("No decisions wait for you").says("Sandbox");
}

#[tokio::test]
async fn the_longest_waiting_stand_first_and_pages_follow() {
    let world = World::new().await;
    let first = world.pending(4_250, 1).await;
    world.advance(2 * 86_400);
    let second = world.pending(1_000, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let page = browser.get("/console/approvals").await;
    page.says("2 refunds wait for a decision").says("£42.50").says("2 days").says("Mary").says("Alex Chen");
    let place = |id: &str| page.text.find(id).unwrap();
    assert!(place(&first.to_string()) < place(&second.to_string()));
    let mut last = second;
    for _ in 0..49 {
        last = world.pending(100, 1).await;
    }
    let page = browser.get("/console/approvals").await;
    page.says("Refunds 1 to 50 of 51 that wait for a decision").says("Next page").does_not_say("First page");
    page.says(&first.to_string()).does_not_say(&last.to_string());
    let after = page.text.split("/console/approvals?after=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = browser.get(&format!("/console/approvals?after={after}")).await;
    page.says("Refunds 51 to 51 of 51").says(&last.to_string()).says("First page").does_not_say("Next page");
    // The last one of a page was decided meanwhile: the next page follows all the same.
    world.command(Command::CancelRefund { refund: RefundId::parse(&after).unwrap() }).await;
    browser.get(&format!("/console/approvals?after={after}")).await.says(&last.to_string());
}

#[tokio::test]
async fn a_refund_shows_what_will_happen_and_no_account_number() {
    let world = World::new().await;
    let refund = world
        .asked(4_250, 1, |request| {
            request.merchant_reference = Some(Arc::from("credit note 7"));
            request.remittance = Some(Arc::from("Your refund"));
        })
        .await;
    let mut browser = world.signed_in(&world.ada).await;
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says("Forty-two pounds and fifty pence")
        .says("When you approve, £42.50 goes to Alex Chen ••21 at once; the account keeps £957.50.")
        .says("Nothing unusual")
        .says("<dd>Main</dd>")
        .says("credit note 7")
        .says("Your refund")
        .says("0 of 1")
        .says("Approve…")
        .says("Reject…")
        .says("7 days left");
    for page in [page, browser.get("/console/approvals").await] {
        page.does_not_say("87654321").does_not_say("040004");
    }
}

#[tokio::test]
async fn what_is_unusual_comes_first() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let payment = world.stored(refund).await.payment;
    let account = AccountIdentifier::Scan { sort_code: "112233".to_owned(), number: "55667788".to_owned() };
    let other = Party { name: Some("Mallory".to_owned()), account };
    world.put(refundry_engine::registry::Person { roles: world.ada.roles, ..world.ada.clone() }).await;
    let people = vec![world.ada.id, world.grace.id];
    let source = CreditorSource::OperatorOverride;
    world.command(Command::GiveDetails { refund, creditor: other, source, people }).await;
    let mut second = make::request(world.ids.lock().unwrap().refund(), payment, world.account(), 500, "second");
    second.fee = refundry_domain::command::FeeInput::Given(0);
    world.command(Command::RequestRefund(Box::new(second))).await;
    world.advance(5 * 86_400);
    let mut browser = world.signed_in(&world.ada).await;
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says("Unusual about this refund")
        .says("Two people put this account in place of another, and it is not the one the payment came from")
        .says("Other refunds give £5.00 of the same payment back.")
        .does_not_say("Nothing unusual");
    browser.get("/console/approvals").await.says("2 things").says("Two people put this account in place of another");
}

#[tokio::test]
async fn what_else_must_happen_is_said() {
    let world = World::new().await;
    let lacking = world
        .asked(5_000, 1, |request| {
            request.shortage = Shortage::Wait;
            request.reserve_at = ReserveAt::Send;
        })
        .await;
    let account = world.account();
    world.command(Command::SetBalance { account, available: 1_000 }).await;
    let consented = world.asked(5_000, 1, |request| request.funding = Some(Funding::MerchantAuthorised)).await;
    let mut browser = world.signed_in(&world.ada).await;
    world.command(Command::SetBalance { account, available: 1_000 }).await;
    let page = browser.get(&format!("/console/approvals/{lacking}")).await;
    page.says("goes to Alex Chen ••21 as soon as the account holds enough.")
        .says("The paying account holds £10.00, less than this refund needs.")
        .does_not_say("Balance after");
    let page = browser.get(&format!("/console/approvals/{consented}")).await;
    page.says("goes to Alex Chen ••21 after the consent at your bank.").says("you consent at your bank");
    world.command(Command::PlaceBlock { refund: consented, code: BlockCode::Operator }).await;
    let page = browser.get(&format!("/console/approvals/{consented}")).await;
    page.says("as soon as nothing blocks it").says("approving it does not lift the block");
}

#[tokio::test]
async fn others_see_nothing_and_learn_nothing() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let foreign = world.ids.lock().unwrap().merchant();
    let eve = made_person(&mut world.ids.lock().unwrap(), foreign, "Eve", &[Role::Approver, Role::Admin]);
    world.put(eve.clone()).await;
    let mut browser = world.signed_in(&eve).await;
    browser.get("/console/approvals").await.says("No decisions wait for you");
    let unknown = world.ids.lock().unwrap().refund();
    for step in ["", "/approve", "/reject", "/withdraw"] {
        let theirs = browser.get(&format!("/console/approvals/{refund}{step}")).await;
        let nothing = browser.get(&format!("/console/approvals/{unknown}{step}")).await;
        assert_eq!((theirs.status, &theirs.text), (404, &nothing.text));
    }
    let page = browser.get("/console/approvals").await;
    let token = page.hidden("form_token").unwrap();
    let page = browser.post(&format!("/console/approvals/{refund}/approve"), &[("form_token", token)]).await;
    assert_eq!(page.status, 404);
    assert_eq!(world.stands(refund).await, "awaiting_approval");
}

#[tokio::test]
async fn roles_without_money_do_not_look() {
    let world = World::new().await;
    for (name, role, status) in [
        ("Dev", Role::Developer, 403),
        ("Op", Role::PlatformOperator, 403),
        ("View", Role::Viewer, 200),
        ("Audit", Role::Auditor, 200),
    ] {
        let person = world.person(name, &[role]).await;
        let mut browser = world.signed_in(&person).await;
        assert_eq!(browser.get("/console/approvals").await.status, status, "{name}");
    }
}

#[tokio::test]
async fn every_page_is_guarded_and_complete() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let mut outside = world.browser();
    let pages = [
        outside.get("/console/sign-in").await,
        outside.get("/console/nowhere/at/all").await,
        outside.get(&world.link(world.ada.id, crate::world::REAL)).await,
        browser.get("/console/approvals").await,
        browser.get(&format!("/console/approvals/{refund}")).await,
        browser.get(&format!("/console/approvals/{refund}/approve")).await,
        browser.get(&format!("/console/approvals/{refund}/reject")).await,
    ];
    for page in &pages {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        page.does_not_say(" style=").does_not_say("<style").does_not_say("<script>").does_not_say(" onclick");
        page.says("<html lang=\"en\">").says("<main id=\"main\"").says("Skip to the content");
        assert_eq!(page.text.matches("<h1").count(), 1);
        let loads = page.text.split("=\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
        for file in loads {
            let asset = outside.get(&format!("/assets/{file}")).await;
            assert_eq!((asset.status, asset.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        }
    }
    assert_eq!(pages[1].status, 404);
    assert_eq!(outside.get("/assets/nothing.css").await.status, 404);
}
