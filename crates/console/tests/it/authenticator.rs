//! Setting up an authenticator at the first sign-in.

use crate::world::{Browser, PASSWORD, Page, REAL, World, sign_in_fields};
use refundry_console::totp;
use refundry_engine::registry::{Person, Role};

/// Somebody with this role and no second factor, signed in.
async fn without<'w>(world: &'w World, name: &str, role: Role) -> (Person, Browser<'w>) {
    let person = Person { totp_secret: None, ..world.person(name, &[role]).await };
    world.put(person.clone()).await;
    let mut browser = world.browser();
    browser.get("/console/sign-in").await;
    let page = browser.submit("/console/sign-in", &sign_in_fields(&person.email, PASSWORD, "")).await;
    assert_eq!(page.status, 303, "{}", page.text);
    (person, browser)
}

/// The secret that a page shows.
fn secret(page: &Page) -> String {
    page.text.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn now(secret: &str, steps: i64) -> String {
    totp::code(secret, totp::step_at(REAL).saturating_add_signed(steps)).unwrap()
}

#[tokio::test]
async fn an_approver_without_one_sets_it_up_before_anything_else() {
    let world = World::new().await;
    let refund = world.pending(4_250, 1).await;
    let (person, mut browser) = without(&world, "Nora", Role::Approver).await;
    let here = format!("/console/approvals/{refund}");
    let page = browser.get(&here).await;
    let set_up = page.header("location").to_owned();
    assert!(set_up.starts_with("/console/authenticator?next=%2Fconsole%2Fapprovals%2F"), "{set_up}");
    let page = browser.get(&set_up).await;
    page.says("Set up your authenticator").says("<svg class=\"qr\"").says("otpauth://totp/Refundry:nora@shop.example");
    page.does_not_say("Not now");
    let secret = secret(&page);
    let groups: Vec<&str> = secret.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    page.says(&groups.join(" "));
    // The same key when the page is opened again; a wrong code sets nothing up.
    browser.get(&set_up).await.says(&secret);
    let good = [now(&secret, -1), now(&secret, 0), now(&secret, 1)];
    let wrong = ["000000", "000001", "000002", "000003"].into_iter().find(|code| !good.iter().any(|one| one == code));
    for (typed, said) in [("", "Type the code that the app shows now."), (wrong.unwrap(), "not the code of this key")] {
        let page = browser.submit("/console/authenticator", &[("code", typed)]).await;
        assert_eq!(page.status, 200);
        page.says("Nothing was set up yet").says(said).says(&secret);
    }
    let page = browser.submit("/console/authenticator", &[("code", &good[1])]).await;
    assert_eq!((page.status, page.header("location")), (303, here.as_str()));
    browser.get(&here).await.says("Your authenticator is set up").says("Approve…");
    // What set it up decides nothing; and the key is not shown again.
    browser.decide(refund, "approve", &[("code", &good[1])]).await.says("This code was used already");
    let page = browser.get("/console/authenticator").await;
    assert_eq!(page.status, 303);
    browser.get(page.header("location")).await.says("reset-totp").does_not_say(&secret);
    assert_eq!(browser.decide(refund, "approve", &[("code", &good[2])]).await.status, 303);
    assert_eq!(world.stands(refund).await, "ready");
    // From now on signing in asks for it.
    let mut again = world.browser();
    again.get("/console/sign-in").await;
    let fields = sign_in_fields(&person.email, PASSWORD, "");
    assert_eq!(again.submit("/console/sign-in", &fields).await.status, 200, "not without a code");
    let fields = sign_in_fields(&person.email, PASSWORD, &good[0]);
    assert_eq!(again.submit("/console/sign-in", &fields).await.status, 303);
}

#[tokio::test]
async fn others_may_and_need_not() {
    let world = World::new().await;
    let (_, mut browser) = without(&world, "View", Role::Viewer).await;
    browser.get("/console/approvals").await.says("Set up an authenticator");
    let page = browser.get("/console/authenticator").await;
    page.says("Not now");
    let code = now(&secret(&page), 0);
    assert_eq!(browser.submit("/console/authenticator", &[("code", &code)]).await.status, 303);
    browser.get("/console/approvals").await.says("is set up").does_not_say("Set up an authenticator");
}

#[tokio::test]
async fn guessing_and_foreign_forms_set_nothing_up() {
    let world = World::new().await;
    let (person, mut browser) = without(&world, "Nora", Role::Admin).await;
    let page = browser.get("/console/authenticator").await;
    let (secret, token) = (secret(&page), page.hidden("form_token").unwrap());
    let fields = |token: &str, code: String| [("form_token", token.to_owned()), ("code", code)];
    let good = now(&secret, 0);
    assert_eq!(browser.post("/console/authenticator", &fields("x", good.clone())).await.status, 403);
    // Another session of the same person offers another key.
    let (_, mut other) = without(&world, "Otto", Role::Admin).await;
    other.get("/console/authenticator").await.does_not_say(&secret);
    let wrong = (0..9).map(|number| format!("{number:06}"));
    let wrong: Vec<String> = wrong.filter(|code| (-1..=1).all(|step| *code != now(&secret, step))).take(5).collect();
    let mut statuses = Vec::new();
    for code in &wrong {
        statuses.push(browser.post("/console/authenticator", &fields(&token, code.clone())).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 403], "the session ends");
    let page = browser.post("/console/authenticator", &fields(&token, good)).await;
    assert!(page.header("location").starts_with("/console/sign-in"));
    assert_eq!(world.engine.directory().people[&person.id].totp_secret, None);
}

#[tokio::test]
async fn another_session_ends_when_one_sets_it_up() {
    let world = World::new().await;
    let (person, mut one) = without(&world, "Nora", Role::Admin).await;
    let mut other = world.browser();
    other.get("/console/sign-in").await;
    other.submit("/console/sign-in", &sign_in_fields(&person.email, PASSWORD, "")).await;
    let secret = secret(&one.get("/console/authenticator").await);
    let code = now(&secret, 0);
    let (first, second) = (
        one.submit("/console/authenticator", &[("code", &code)]).await,
        one.submit("/console/authenticator", &[("code", &code)]).await,
    );
    assert_eq!((first.status, second.status), (303, 303), "sent twice");
    one.get("/console/approvals").await.says("is set up");
    let page = other.get("/console/approvals").await;
    assert_eq!(page.header("location"), "/console/sign-in?why=ended");
}
