//! Approving, rejecting, withdrawing: each case has the one right outcome.

use crate::world::{PASSWORD, World, code, sign_in_fields};
use refundry_domain::command::Command;
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::party::{AccountIdentifier, CreditorSource, Party};
use refundry_domain::refund::RefundState;
use refundry_engine::registry::{Person, Role, Roles};

#[tokio::test]
async fn an_approver_approves_with_a_fresh_code() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let code = code(&world.ada, 0);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = browser.decide(refund, "approve", &[("code", ""), ("note", "")]).await;
    assert_eq!(page.status, 200);
    page.says("Type the code that your authenticator app shows now.").says("aria-invalid=\"true\"");
    let page =
        browser.submit(&format!("/console/approvals/{refund}/approve"), &[("code", wrong), ("note", "kept <b>")]).await;
    assert_eq!(page.status, 200);
    page.says("This code is not right").says("Nothing was decided").says("kept &#60;b&#62;</textarea>");
    assert_eq!(world.stands(refund).await, "awaiting_approval");
    let path = format!("/console/approvals/{refund}/approve");
    let page = browser.submit(&path, &[("code", &code), ("note", "as agreed")]).await;
    assert_eq!((page.status, page.header("location")), (303, "/console/approvals"));
    assert_eq!(world.stands(refund).await, "ready");
    browser.get("/console/approvals").await.says("Approved").says("£42.50 goes to Alex Chen ••21.");
    browser.get("/console/approvals").await.does_not_say("Approved<");
    browser
        .get(&format!("/console/approvals/{refund}"))
        .await
        .says("Ada approved it")
        .says("as agreed")
        .says("1 of 1: Ada");
    let merchant = world.merchant;
    let events = world.engine.read(move |reader| reader.refund_events(merchant, refund)).await.unwrap();
    let given = events.iter().find(|event| event.kind == EventKind::ApprovalGiven { by: world.ada.id }).unwrap();
    assert_eq!(given.actor, Actor::Person(world.ada.id));
}

#[tokio::test]
async fn the_maker_does_not_approve() {
    let world = World::new().await;
    let refund = world.asked(4_250, 1, |request| request.maker = Some(world.ada.id)).await;
    let mut browser = world.signed_in(&world.ada).await;
    let sentence = "You asked for this refund, so another person must decide about it.";
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says(sentence).says("aria-disabled=\"true\"").does_not_say("Approve…");
    let agreed = hex::encode(world.stored(refund).await.approval.unwrap().content);
    let token = page.hidden("form_token").unwrap();
    for step in ["approve", "reject"] {
        let path = format!("/console/approvals/{refund}/{step}");
        let page = browser.get(&path).await;
        assert_eq!((page.status, page.header("location")), (303, format!("/console/approvals/{refund}").as_str()));
        let fields = [
            ("form_token", token.clone()),
            ("agreed", agreed.clone()),
            ("code", code(&world.ada, 0)),
            ("note", "no".to_owned()),
        ];
        assert_eq!(browser.post(&path, &fields).await.status, 303);
        browser.get(&format!("/console/approvals/{refund}")).await.says(sentence).says("was not taken");
    }
    assert_eq!(world.stands(refund).await, "awaiting_approval");
    let mut other = world.signed_in(&world.grace).await;
    assert_eq!(other.decide(refund, "approve", &[("code", &code(&world.grace, 0))]).await.status, 303);
    assert_eq!(world.stands(refund).await, "ready");
}

#[tokio::test]
async fn two_people_are_two_people() {
    let world = World::new().await;
    let refund = world.pending(4_250, 2).await;
    let mut ada = world.signed_in(&world.ada).await;
    ada.get(&format!("/console/approvals/{refund}")).await.says("When 2 people have approved, £42.50 goes to");
    ada.decide(refund, "approve", &[("code", &code(&world.ada, 0))]).await;
    ada.get("/console/approvals").await.says("Your approval counts").says("Another person must approve, too");
    assert_eq!(world.stands(refund).await, "awaiting_approval");
    let page = ada.get(&format!("/console/approvals/{refund}")).await;
    page.says("You approved it already; another person must approve it, too.").says("1 of 2: Ada");
    assert_eq!(
        ada.get(&format!("/console/approvals/{refund}/approve")).await.status,
        303,
        "no second word of one person"
    );
    let mut grace = world.signed_in(&world.grace).await;
    grace.decide(refund, "approve", &[("code", &code(&world.grace, 0))]).await;
    assert_eq!(world.stands(refund).await, "ready");
}

#[tokio::test]
async fn a_rejection_needs_a_reason_and_is_final() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let code = code(&world.ada, 0);
    let page = browser.decide(refund, "reject", &[("code", &code), ("note", "  ")]).await;
    assert_eq!(page.status, 200);
    page.says("Write why you reject it.").says("This cannot be undone");
    let path = format!("/console/approvals/{refund}/reject");
    for amount in ["", "42", "42.51", "no"] {
        let page = browser.submit(&path, &[("code", &code), ("note", "no"), ("amount", amount)]).await;
        page.says("Type 42.50, the amount of this refund.").says("Nothing was decided");
    }
    let long = "x".repeat(501);
    assert_eq!(browser.submit(&path, &[("code", &code), ("note", &long)]).await.status, 200);
    // The same code still: a form that was not complete used none up.
    assert_eq!(browser.submit(&path, &[("code", &code), ("note", "wrong customer")]).await.status, 303);
    assert_eq!(world.stands(refund).await, "rejected");
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says("Ada rejected it").says("wrong customer").says("cannot be undone").does_not_say("Approve…");
    let mut other = world.signed_in(&world.grace).await;
    assert_eq!(other.get(&format!("/console/approvals/{refund}/approve")).await.status, 303);
}

#[tokio::test]
async fn a_code_is_good_once_and_spares_further_ones_for_five_minutes() {
    let world = World::new().await;
    let refunds = [world.pending(100, 1).await, world.pending(200, 1).await, world.pending(300, 1).await];
    let mut browser = world.signed_in(&world.ada).await;
    // The code that signed in signs nothing else.
    let page = browser.decide(refunds[0], "approve", &[("code", &code(&world.ada, -1))]).await;
    page.says("This code was used already. Wait for the next one, at most 30 seconds.");
    let now = code(&world.ada, 0);
    assert_eq!(browser.decide(refunds[0], "approve", &[("code", &now)]).await.status, 303);
    let page = browser.get(&format!("/console/approvals/{}/approve", refunds[1])).await;
    page.says("none is needed for another 5 minutes").does_not_say("name=\"code\"");
    assert_eq!(browser.submit(&format!("/console/approvals/{}/approve", refunds[1]), &[]).await.status, 303);
    assert_eq!(world.stands(refunds[1]).await, "ready");
    world.advance(301);
    let page = browser.decide(refunds[2], "approve", &[("code", &now)]).await;
    page.says("This code was used already");
    assert_eq!(browser.decide(refunds[2], "approve", &[("code", &code(&world.ada, 1))]).await.status, 303);
}

#[tokio::test]
async fn guessing_codes_ends_the_session() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let good: Vec<String> = (-1..=1).map(|step| code(&world.ada, step)).collect();
    let wrong = (0..4).map(|number| format!("{number:06}")).find(|code| !good.contains(code)).unwrap();
    for _ in 0..4 {
        assert_eq!(browser.decide(refund, "approve", &[("code", &wrong)]).await.status, 200);
    }
    let page = browser.decide(refund, "approve", &[("code", &wrong)]).await;
    assert_eq!(page.status, 403);
    page.says("You were signed out");
    assert_eq!(browser.get("/console/approvals").await.status, 303);
    assert_eq!(world.stands(refund).await, "awaiting_approval");
}

#[tokio::test]
async fn what_changed_since_it_was_looked_at_is_looked_at_again() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let page = browser.get(&format!("/console/approvals/{refund}/approve")).await;
    let fields = [
        ("form_token", page.hidden("form_token").unwrap()),
        ("agreed", "00".repeat(32)),
        ("code", code(&world.ada, 0)),
    ];
    let page = browser.post(&format!("/console/approvals/{refund}/approve"), &fields).await;
    assert_eq!(page.header("location"), format!("/console/approvals/{refund}"));
    browser.get(page.header("location")).await.says("The refund changed since you looked at it");
    assert_eq!(world.stands(refund).await, "awaiting_approval");
}

#[tokio::test]
async fn a_form_of_a_foreign_page_decides_nothing() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let path = format!("/console/approvals/{refund}/approve");
    let page = browser.get(&path).await;
    let agreed = page.hidden("agreed").unwrap();
    let fields = [("agreed", agreed.clone()), ("code", code(&world.ada, 0))];
    assert_eq!(browser.post(&path, &fields).await.status, 403, "no token");
    let stranger = world.signed_in(&world.grace).await.get("/console/approvals").await.hidden("form_token").unwrap();
    let fields = [("agreed", agreed), ("code", code(&world.ada, 0)), ("form_token", stranger)];
    assert_eq!(browser.post(&path, &fields).await.status, 403, "somebody else's token");
    browser.get(&path).await;
    browser.headers = vec![("origin", "https://evil.example".to_owned())];
    assert_eq!(browser.submit(&path, &[("code", &code(&world.ada, 0))]).await.status, 403);
    assert_eq!(world.stands(refund).await, "awaiting_approval");
}

#[tokio::test]
async fn whose_role_was_taken_away_decides_nothing() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut browser = world.signed_in(&world.ada).await;
    let path = format!("/console/approvals/{refund}/approve");
    browser.get(&path).await;
    world.put(Person { roles: Roles::of(&[Role::Viewer]), ..world.ada.clone() }).await;
    let page = browser.submit(&path, &[("code", &code(&world.ada, 0))]).await;
    let sign_in = page.header("location").to_owned();
    assert!(sign_in.starts_with("/console/sign-in?next=") && sign_in.ends_with("why=unsent"), "{sign_in}");
    browser.get(&sign_in).await.says("Nothing was changed").says("Sign in again");
    let mut browser = world.signed_in_with(&world.ada, 0).await;
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says("Your role looks at refunds and does not decide about them.").does_not_say("Approve…");
    assert_eq!(world.stands(refund).await, "awaiting_approval");
}

#[tokio::test]
async fn without_a_second_factor_nobody_decides() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    world.put(Person { totp_secret: None, ..world.ada.clone() }).await;
    let mut browser = world.browser();
    browser.get("/console/sign-in").await;
    browser.submit("/console/sign-in", &sign_in_fields(&world.ada.email, PASSWORD, "")).await;
    for step in ["", "/approve", "/reject"] {
        let page = browser.get(&format!("/console/approvals/{refund}{step}")).await;
        assert_eq!(page.status, 303);
        assert!(page.header("location").starts_with("/console/authenticator?next="), "{}", page.header("location"));
    }
}

#[tokio::test]
async fn what_was_decided_before_is_said_and_done_once() {
    let world = World::new().await;
    let (approved, rejected) = (world.pending(4_250, 1).await, world.pending(1_000, 1).await);
    let mut ada = world.signed_in(&world.ada).await;
    let given = code(&world.ada, 0);
    for (refund, step, said) in
        [(approved, "approve", "You approved it before"), (rejected, "reject", "You rejected it before")]
    {
        let path = format!("/console/approvals/{refund}/{step}");
        let page = ada.get(&path).await;
        let fields = [
            ("form_token", page.hidden("form_token").unwrap()),
            ("agreed", page.hidden("agreed").unwrap()),
            ("code", given.clone()),
            ("note", "seen".to_owned()),
            ("amount", "10.00".to_owned()),
        ];
        assert_eq!(ada.post(&path, &fields).await.header("location"), "/console/approvals");
        ada.get("/console/approvals").await;
        // Sent twice, and the page that the browser goes back to.
        let here = format!("/console/approvals/{refund}");
        assert_eq!(ada.post(&path, &fields).await.header("location"), here);
        ada.get(&here).await.says(said).says("It counts once");
        assert_eq!(ada.get(&path).await.header("location"), here);
        ada.get(&here).await.says(said);
        // The other step from another tab.
        let other = format!("/console/approvals/{refund}/{}", if step == "approve" { "reject" } else { "approve" });
        assert_eq!(ada.post(&other, &fields).await.header("location"), here);
        ada.get(&here).await.says("was not taken");
        let merchant = world.merchant;
        let events = world.engine.read(move |reader| reader.refund_events(merchant, refund)).await.unwrap();
        let decided = events.iter().filter(|event| {
            matches!(
                event.kind,
                EventKind::ApprovalGiven { .. } | EventKind::RefundEntered { state: RefundState::Rejected { .. } }
            )
        });
        assert_eq!(decided.count(), 1, "{step}");
    }
    assert_eq!((world.stands(approved).await, world.stands(rejected).await), ("ready", "rejected"));
}

#[tokio::test]
async fn another_creditor_since_the_page_was_opened_is_looked_at_first() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut ada = world.signed_in(&world.ada).await;
    for step in ["approve", "reject"] {
        let path = format!("/console/approvals/{refund}/{step}");
        ada.get(&path).await;
        let number = if step == "approve" { "55667788" } else { "99887766" };
        let account = AccountIdentifier::Scan { sort_code: "112233".to_owned(), number: number.to_owned() };
        let creditor = Party { name: Some("Mallory".to_owned()), account };
        let people = vec![world.ada.id, world.grace.id];
        let source = CreditorSource::OperatorOverride;
        world.command(Command::GiveDetails { refund, creditor, source, people }).await;
        let page = ada.submit(&path, &[("code", &code(&world.ada, 0)), ("note", "no")]).await;
        let here = format!("/console/approvals/{refund}");
        assert_eq!(page.header("location"), here);
        ada.get(&here).await.says("was not taken").says("The refund changed since you looked at it").says("Mallory");
        assert_eq!(world.stands(refund).await, "awaiting_approval", "{step}");
    }
    // Looked at again, with the same code: nothing used it up.
    assert_eq!(ada.decide(refund, "reject", &[("code", &code(&world.ada, 0)), ("note", "no")]).await.status, 303);
    assert_eq!(world.stands(refund).await, "rejected");
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_form_loses_the_form_alone() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut ada = world.signed_in(&world.ada).await;
    let path = format!("/console/approvals/{refund}/approve");
    ada.get(&path).await;
    world.advance(16 * 60);
    let page = ada.submit(&path, &[("code", &code(&world.ada, 0)), ("note", "")]).await;
    let sign_in = page.header("location").to_owned();
    ada.get(&sign_in).await.says("Nothing was changed").says("You were signed out before you sent it");
    assert_eq!(world.stands(refund).await, "awaiting_approval");
    let fields = sign_in_fields(&world.ada.email, PASSWORD, "");
    let given = code(&world.ada, 0);
    let page = ada.submit("/console/sign-in", &[fields[0], fields[1], ("code", &given)]).await;
    assert_eq!(page.header("location"), format!("/console/approvals/{refund}"), "back to the refund");
    // A page that is only looked at says that the session ended.
    world.advance(16 * 60);
    let page = ada.get("/console/approvals").await;
    assert_eq!(page.header("location"), "/console/sign-in?why=ended");
    ada.get(page.header("location")).await.says("You were signed out").says("15 minutes without a request");
    assert_eq!(ada.get("/console/approvals").await.header("location"), "/console/sign-in", "said once");
}

#[tokio::test]
async fn after_its_time_nobody_decides() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    world.advance(7 * 86_400);
    let mut browser = world.signed_in(&world.ada).await;
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    page.says("The time to decide is over").says("ended");
    assert_eq!(browser.get(&format!("/console/approvals/{refund}/approve")).await.status, 303);
}

#[tokio::test]
async fn two_who_decide_at_once_get_one_outcome() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let (mut ada, mut grace) = (world.signed_in(&world.ada).await, world.signed_in(&world.grace).await);
    let path = format!("/console/approvals/{refund}");
    ada.get(&format!("{path}/approve")).await;
    grace.get(&format!("{path}/reject")).await;
    let (codes, steps) =
        ((code(&world.ada, 0), code(&world.grace, 0)), [format!("{path}/approve"), format!("{path}/reject")]);
    let approve = [("code", codes.0.as_str())];
    let reject = [("code", codes.1.as_str()), ("note", "no")];
    let (one, other) = tokio::join!(ada.submit(&steps[0], &approve), grace.submit(&steps[1], &reject));
    let done = [one.header("location"), other.header("location")].map(|location| location == "/console/approvals");
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "one of them was quicker");
    let stands = world.stands(refund).await;
    assert_eq!(stands, if done[0] { "ready" } else { "rejected" });
    let slower = if done[0] { &mut grace } else { &mut ada };
    slower.get(&path).await.says("was not taken");
}

#[tokio::test]
async fn the_maker_may_take_a_refund_back() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let mut ada = world.signed_in(&world.ada).await;
    assert_eq!(ada.get(&format!("/console/approvals/{refund}/withdraw")).await.status, 303, "it is not hers");
    let mut mary = world.signed_in(&world.maker).await;
    mary.get(&format!("/console/approvals/{refund}")).await.says("Withdraw this refund…");
    assert_eq!(mary.decide(refund, "withdraw", &[]).await.status, 303);
    assert_eq!(world.stands(refund).await, "cancelled");
}
