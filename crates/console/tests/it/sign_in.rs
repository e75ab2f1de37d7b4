//! Who gets in, and who does not.

use crate::world::{PASSWORD, REAL, World, code, sign_in_fields};
use refundry_console::{link, totp};
use refundry_domain::time::Span;
use refundry_engine::registry::{Person, Role, Roles};

/// Everything that must not get in, and all of it hears the same.
#[tokio::test]
async fn whatever_is_wrong_is_answered_alike() {
    let world = World::new().await;
    let mut gone = world.person("Gone", &[Role::Approver]).await;
    gone.enabled = false;
    world.put(gone.clone()).await;
    let right = code(&world.ada, 0);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let gone_code = code(&gone, 0);
    let mut heard = Vec::new();
    for (email, password, code) in [
        ("ada@shop.example", "wrong password", right.as_str()),
        ("ada@shop.example", PASSWORD, wrong),
        ("ada@shop.example", PASSWORD, ""),
        ("nobody@shop.example", PASSWORD, right.as_str()),
        ("gone@shop.example", PASSWORD, gone_code.as_str()),
        ("", "", ""),
    ] {
        let mut browser = world.browser();
        browser.get("/console/sign-in").await;
        let page = browser.submit("/console/sign-in", &sign_in_fields(email, password, code)).await;
        assert!(!browser.cookies.contains_key("refundry_session"), "{email}");
        let token = page.hidden("form_token").unwrap();
        let text = page.text.replace(&token, "").replace(&format!("value=\"{email}\""), "value=\"\"");
        heard.push((page.status, text.replace(" autofocus", "")));
    }
    assert_eq!(heard[0].0, 200);
    assert!(heard.iter().all(|one| *one == heard[0]));
    assert!(!heard[0].1.contains(PASSWORD), "a password is never sent back");
}

#[tokio::test]
async fn who_is_right_gets_a_session_of_a_new_name() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get("/console/approvals").await;
    assert_eq!((page.status, page.header("location")), (303, "/console/sign-in"));
    browser.get("/console/sign-in").await;
    browser.cookies.insert("refundry_session".to_owned(), "planted".to_owned());
    let code = code(&world.ada, 0);
    // However the address is written.
    let page = browser.submit("/console/sign-in", &sign_in_fields(" ADA@shop.example ", PASSWORD, &code)).await;
    assert_eq!((page.status, page.header("location")), (303, "/console/approvals"));
    let cookie = page
        .headers
        .get_all("set-cookie")
        .iter()
        .find(|cookie| cookie.to_str().unwrap().starts_with("refundry_session="));
    assert!(cookie.unwrap().to_str().unwrap().ends_with("; Path=/; HttpOnly; SameSite=Strict"));
    assert_ne!(browser.cookies["refundry_session"], "planted");
    browser.get("/console/approvals").await.says("Signed in as").says("Ada");
    let page = browser.get("/console/sign-in").await;
    assert_eq!(page.status, 303, "who is in need not sign in");
}

#[tokio::test]
async fn one_is_led_to_the_page_that_was_asked_for() {
    let world = World::new().await;
    let refund = world.pending(1_000, 1).await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/console/approvals/{refund}")).await;
    browser.get(page.header("location")).await;
    let code = code(&world.ada, 0);
    let page = browser.submit("/console/sign-in", &sign_in_fields("ada@shop.example", PASSWORD, &code)).await;
    assert_eq!(page.header("location"), format!("/console/approvals/{refund}"));
}

#[tokio::test]
async fn forms_of_foreign_pages_are_refused() {
    let world = World::new().await;
    let code = code(&world.ada, 0);
    let fields = sign_in_fields("ada@shop.example", PASSWORD, &code);
    let plain: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    // No token; a token without its cookie; somebody else's token.
    let mut browser = world.browser();
    assert_eq!(browser.post("/console/sign-in", &plain).await.status, 403);
    let token = world.browser().get("/console/sign-in").await.hidden("form_token").unwrap();
    let mut with_token = plain.clone();
    with_token.push(("form_token", token));
    assert_eq!(world.browser().post("/console/sign-in", &with_token).await.status, 403);
    browser.get("/console/sign-in").await;
    assert_eq!(browser.post("/console/sign-in", &with_token).await.status, 403);
    // The right token, but the browser says where it comes from.
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let mut browser = world.browser();
        browser.get("/console/sign-in").await;
        browser.headers = vec![(name, value.to_owned())];
        let page = browser.submit("/console/sign-in", &fields).await;
        assert_eq!(page.status, 403, "{name}: {value}");
        page.says("This form was not taken");
    }
    let mut browser = world.browser();
    browser.get("/console/sign-in").await;
    browser.headers =
        vec![("origin", "http://127.0.0.1:8080".to_owned()), ("sec-fetch-site", "same-origin".to_owned())];
    assert_eq!(browser.submit("/console/sign-in", &fields).await.status, 303);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_names_that_exist_and_others() {
    let world = World::new().await;
    let right = code(&world.ada, 0);
    for email in ["ada@shop.example", "nobody@shop.example"] {
        let mut browser = world.browser();
        browser.get("/console/sign-in").await;
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let page = browser.submit("/console/sign-in", &sign_in_fields(email, "a wrong guess", "")).await;
            statuses.push(page.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429], "{email}");
    }
    let mut browser = world.browser();
    browser.get("/console/sign-in").await;
    let page = browser.submit("/console/sign-in", &sign_in_fields("ada@shop.example", PASSWORD, &right)).await;
    assert_eq!(page.status, 429, "even who is right must wait");
    page.says("Too many wrong tries").says("Wait 30 seconds before the next one");
    world.signed_in(&world.grace).await;
    world.advance(31);
    let page = browser.submit("/console/sign-in", &sign_in_fields("ada@shop.example", PASSWORD, &right)).await;
    assert_eq!(page.status, 303, "{}", page.text);
}

#[tokio::test]
async fn a_code_signs_in_once_also_after_a_restart() {
    let mut world = World::new().await;
    let code = code(&world.ada, 0);
    let fields = ["ada@shop.example", PASSWORD, &code].map(str::to_owned);
    let attempt = async |world: &World| {
        let mut browser = world.browser();
        browser.get("/console/sign-in").await;
        browser.submit("/console/sign-in", &sign_in_fields(&fields[0], &fields[1], &fields[2])).await.status
    };
    assert_eq!(attempt(&world).await, 303);
    assert_eq!(attempt(&world).await, 200);
    world.restart();
    assert_eq!(attempt(&world).await, 200);
}

#[tokio::test]
async fn a_session_ends_by_itself_by_hand_and_with_its_person() {
    let world = World::new().await;
    let mut browser = world.signed_in(&world.ada).await;
    world.advance(14 * 60);
    assert_eq!(browser.get("/console/approvals").await.status, 200);
    world.advance(15 * 60);
    assert_eq!(browser.get("/console/approvals").await.status, 303, "idle");
    let mut browser = world.signed_in(&world.grace).await;
    browser.get("/console/approvals").await;
    let cookie = browser.cookies["refundry_session"].clone();
    assert_eq!(browser.post("/console/sign-out", &[]).await.status, 403, "a form of a foreign page");
    browser.get("/console/approvals").await;
    assert_eq!(browser.submit("/console/sign-out", &[]).await.header("location"), "/console/sign-in");
    browser.cookies.insert("refundry_session".to_owned(), cookie);
    assert_eq!(browser.get("/console/approvals").await.status, 303, "the name opens nothing any more");
    let mut browser = world.signed_in(&world.maker).await;
    world.put(refundry_engine::registry::Person { enabled: false, ..world.maker.clone() }).await;
    assert_eq!(browser.get("/console/approvals").await.status, 303, "disabled meanwhile");
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let world = World::new().await;
    let path = world.link(world.ada.id, REAL);
    let mut browser = world.browser();
    browser.get(&path).await.says("Sign in as");
    browser.get(&path).await.says("Sign in as");
    assert_eq!(world.browser().post(&path, &[]).await.status, 403, "a foreign page cannot use it up");
    assert_eq!(browser.submit(&path, &[]).await.header("location"), "/console/approvals");
    browser.get("/console/approvals").await.says("Ada");
    let mut second = world.browser();
    second.get("/console/sign-in").await;
    let page = second.submit(&path, &[]).await;
    assert_eq!(page.status, 410);
    page.says("This link does not work any more");
    let old = world.link(world.ada.id, REAL.minus(link::VALID_FOR).minus(Span::seconds(1)));
    assert_eq!(second.get(&old).await.status, 410);
    assert_eq!(second.get("/console/link/made-up").await.status, 410);
    let nobody = world.link(refundry_domain::id::PersonId(77), REAL);
    assert_eq!(second.get(&nobody).await.status, 410);
}

#[tokio::test]
async fn over_tls_cookies_stay_there() {
    let world = World::at(Some("https://refunds.example")).await;
    let mut browser = world.browser();
    browser.get("/console/sign-in").await;
    browser.headers = vec![("origin", "https://refunds.example".to_owned())];
    let code = code(&world.ada, 0);
    let page = browser.submit("/console/sign-in", &sign_in_fields("ada@shop.example", PASSWORD, &code)).await;
    let mut cookie = page.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let session = cookie.find(|cookie| cookie.starts_with("__Host-refundry_session=")).unwrap();
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{session}");
    let page = browser.get("/console/approvals").await;
    assert_eq!((page.status, page.header("strict-transport-security")), (200, "max-age=31536000"));
}

#[tokio::test]
async fn nobody_is_shut_out_by_what_others_try() {
    let world = World::new().await;
    let mut own = world.signed_in(&world.ada).await;
    own.get("/console/approvals").await;
    let token = own.get("/console/approvals").await.hidden("form_token").unwrap();
    assert_eq!(own.post("/console/sign-out", &[("form_token", token)]).await.status, 303);
    // Somebody guesses from wherever it is still allowed.
    let mut refused = 0;
    for place in 0..60 {
        let mut stranger = world.browser();
        stranger.peer = Some(([198, 51, 100, place], 4_000).into());
        stranger.get("/console/sign-in").await;
        let page = stranger.submit("/console/sign-in", &sign_in_fields("ada@shop.example", "a guess", "")).await;
        refused += u32::from(page.status == 429);
    }
    assert!(refused >= 39, "{refused}");
    // Her own browser is not held up, and a new one for a minute at most.
    own.get("/console/sign-in").await;
    let given = code(&world.ada, 0);
    let page = own.submit("/console/sign-in", &sign_in_fields("ada@shop.example", PASSWORD, &given)).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let mut new = world.browser();
    new.peer = Some(([203, 0, 113, 1], 4_000).into());
    new.get("/console/sign-in").await;
    let given = code(&world.ada, 1);
    let fields = sign_in_fields("ada@shop.example", PASSWORD, &given);
    assert_eq!(new.submit("/console/sign-in", &fields).await.status, 429);
    world.advance(61);
    assert_eq!(new.submit("/console/sign-in", &fields).await.status, 303);
    // The cookie of her browser is of no use to anybody else's e-mail.
    let mut borrowed = world.browser();
    borrowed.cookies = own.cookies.clone();
    borrowed.cookies.remove("refundry_session");
    borrowed.get("/console/sign-in").await;
    for _ in 0..5 {
        let page = borrowed.submit("/console/sign-in", &sign_in_fields("grace@shop.example", "a guess", "")).await;
        assert_eq!(page.status, 200);
    }
    let page = borrowed.submit("/console/sign-in", &sign_in_fields("grace@shop.example", "a guess", "")).await;
    assert_eq!(page.status, 429);
}

#[tokio::test]
async fn one_place_that_tries_many_names_is_slowed_down() {
    let world = World::new().await;
    let mut statuses = Vec::new();
    for number in 0..32 {
        let mut stranger = world.browser();
        stranger.peer = Some(([198, 51, 100, 7], 4_000 + number).into());
        stranger.get("/console/sign-in").await;
        let email = format!("person-{number}@shop.example");
        statuses.push(stranger.submit("/console/sign-in", &sign_in_fields(&email, "a guess", "")).await.status);
    }
    assert_eq!((statuses[29], statuses[30], statuses[31]), (200, 429, 429));
    world.signed_in(&world.ada).await;
}

#[tokio::test]
async fn a_second_tab_that_signs_in_finds_the_first_ones_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    let token = browser.get("/console/sign-in").await.hidden("form_token").unwrap();
    let given = code(&world.ada, 0);
    let fields = sign_in_fields("ada@shop.example", PASSWORD, &given);
    assert_eq!(browser.submit("/console/sign-in", &fields).await.status, 303);
    let mut again: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    again.push(("form_token", token));
    let page = browser.post("/console/sign-in", &again).await;
    assert_eq!((page.status, page.header("location")), (303, "/console/approvals"));
    browser.get("/console/approvals").await.says("Ada");
}

#[tokio::test]
async fn other_rights_end_every_session_at_once() {
    let world = World::new().await;
    let changes: [fn(&mut Person); 4] = [
        |person| person.roles = Roles::of(&[Role::Viewer]),
        |person| person.enabled = false,
        |person| person.password_hash = None,
        |person| person.totp_secret = Some(totp::new_secret()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut person = world.person(&format!("p{number}"), &[Role::Approver]).await;
        let (mut one, mut other) = (world.signed_in(&person).await, world.signed_in_with(&person, 0).await);
        change(&mut person);
        world.put(person).await;
        for browser in [&mut one, &mut other] {
            let page = browser.get("/console/approvals").await;
            assert_eq!(page.header("location"), "/console/sign-in?why=ended", "{number}");
        }
    }
}

#[tokio::test]
async fn who_has_no_role_for_a_page_can_still_sign_out() {
    let world = World::new().await;
    let person = world.person("Dev", &[Role::Developer]).await;
    let mut browser = world.signed_in(&person).await;
    let page = browser.get("/console/approvals").await;
    assert_eq!(page.status, 403);
    page.says("Your role does not show this").says("Signed in as").says("Sign out");
}
