//! Two people at once, two tabs of one person, the way back, a second click,
//! and a session that ends in between: one effect, and clear words.

use super::{Person, four_eyes, waiting};
use crate::browser::Browser;
use crate::server::{DAY, Server, Who};
use serde_json::json;

/// The page of a refund, or of a step.
fn page(server: &Server, refund: &str, step: &str) -> String {
    format!("{}/console/approvals/{refund}{step}", server.base)
}

/// What the title of a notice says.
async fn notice(browser: &Browser) -> String {
    browser.until(".flash strong").await;
    browser.text(".flash strong").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_decide_at_once_have_one_effect() {
    let server = four_eyes().await;
    let people = [Person::of(&server, "approver", 0), Person::of(&server, "approver", 1)];
    let browsers = [Browser::start("console-two-people").await, Browser::start("console-two-people").await];
    for (person, browser) in people.iter().zip(&browsers) {
        person.signs_in(browser, &server.base).await;
    }
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    for ((person, browser), step) in people.iter().zip(&browsers).zip(["/approve", "/reject"]) {
        browser.open(&page(&server, &refund, step)).await;
        browser.fill("#note", "Seen by two.").await;
        browser.fill("#code", &person.code(1)).await;
    }
    browsers[1].fill("#amount", "42.50").await;
    tokio::join!(browsers[0].click("main .button"), browsers[1].click("main .button"));
    let said = [notice(&browsers[0]).await, notice(&browsers[1]).await];
    let (slower, state) = match [said[0].as_str(), said[1].as_str()] {
        ["Approved", "Your rejection was not taken"] => (&browsers[1], "settled"),
        ["Your approval was not taken", "Rejected"] => (&browsers[0], "rejected"),
        other => panic!("{other:?}"),
    };
    slower.look("slower").await;
    server.stands(&refund, state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_the_way_back_and_a_second_click_have_one_effect() {
    let server = four_eyes().await;
    let ada = Person::of(&server, "approver", 0);
    let browser = Browser::start("console-two-tabs").await;
    ada.signs_in(&browser, &server.base).await;
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    let (approve, list) = (page(&server, &refund, "/approve"), format!("{}/console/approvals", server.base));
    let one = browser.here().await;
    browser.open(&approve).await;
    let other = browser.tab().await;
    browser.open(&page(&server, &refund, "/reject")).await;
    browser.fill("#note", "From another tab.").await;

    browser.switch(&one).await;
    browser.fill("#code", &ada.code(1)).await;
    let twice = "const yes = document.querySelector('main form .button'); yes.click(); yes.click();";
    browser.run(twice, &[]).await;
    browser.at(&list).await;
    assert_eq!(notice(&browser).await, "Approved");
    browser.back().await;
    // The page that was left is asked for again, and leads to the refund.
    browser.at(&page(&server, &refund, "")).await;
    assert_eq!(notice(&browser).await, "You approved it before");
    browser.look("back").await;

    browser.switch(&other).await;
    browser.fill("#code", "123456").await;
    browser.click("main form .button").await;
    browser.at(&page(&server, &refund, "")).await;
    assert_eq!(notice(&browser).await, "Your rejection was not taken");
    browser.look("other-tab").await;
    server.stands(&refund, "settled").await;

    // Signed out in one tab, signed out in the other.
    let second = waiting(&server, 1_000, "Alex Chen").await;
    browser.open(&page(&server, &second, "/reject")).await;
    browser.fill("#note", "Too late.").await;
    browser.switch(&one).await;
    browser.open(&list).await;
    browser.click(".who .button").await;
    browser.until("#email").await;
    browser.switch(&other).await;
    browser.click("main form .button").await;
    browser.until(".notice").await;
    let said = browser.text(".notice").await;
    assert!(said.contains("Nothing was changed") && said.contains("Sign in again"), "{said}");
    browser.look("signed-out").await;
    server.stands(&second, "awaiting_approval").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_meanwhile_decides_nothing() {
    let server = four_eyes().await;
    let ada = Person::of(&server, "approver", 0);
    let browser = Browser::start("console-ended").await;
    ada.signs_in(&browser, &server.base).await;
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    browser.open(&page(&server, &refund, "/approve")).await;
    browser.fill("#code", &ada.code(1)).await;
    server.advance(16 * 60).await;
    browser.click("main form .button").await;
    browser.until(".notice").await;
    assert!(browser.text(".notice").await.contains("You were signed out before you sent it"));
    browser.look("unsent").await;
    server.stands(&refund, "awaiting_approval").await;
    // The code was not looked at, so it signs in; and leads back to the refund.
    browser.fill("#email", &ada.email).await;
    browser.fill("#password", &ada.password).await;
    browser.fill("#code", &ada.code(1)).await;
    browser.click("main form .button").await;
    browser.at(&page(&server, &refund, "")).await;
    server.advance(16 * 60).await;
    browser.open(&format!("{}/console/payments", server.base)).await;
    assert!(browser.text(".notice").await.contains("You were signed out"));
    browser.look("ended").await;
}

/// Its pictures stand in the documentation, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_usual_day() {
    let server = four_eyes().await;
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    server.advance(2 * DAY).await;
    let payin = server.payin_from(10_000, json!({ "name": "Robin Citizen", "payid": "robin@payer.example" })).await;
    for (amount, note) in [(2_500, "credit-note-1041"), (5_000, "credit-note-1042")] {
        let body = json!({ "payment_id": payin, "amount": amount, "merchant_reference": note });
        server.post(Who::Native, "/v1/refunds", note, &body).await.expect(201);
    }
    let ada = Person::of(&server, "approver", 0);
    let browser = Browser::start("console-usual-day").await;
    ada.signs_in(&browser, &server.base).await;
    assert!(browser.text("tbody tr").await.contains("2 days"));
    assert!(browser.text("tbody").await.contains("Other refunds give A$50.00 of the same payment back."));
    browser.look("approvals").await;
    browser.open(&page(&server, &refund, "")).await;
    browser.look("approval").await;

    // Somebody else gives part of a payment back whose account nobody knows.
    browser.click(".who .button").await;
    browser.until("#email").await;
    let mia = Person::of(&server, "maker", 0);
    mia.signs_in(&browser, &server.base).await;
    browser.open(&format!("{}/console/payments", server.base)).await;
    let sample = "return [...document.querySelectorAll('a.row-link')].find((a) => a.innerText.includes('Sam')).href";
    let payment = browser.run(sample, &[]).await.as_str().unwrap().to_owned();
    browser.open(&payment).await;
    browser.fill("#amount", "12.00").await;
    browser.click("#refund .button").await;
    browser.until("[value=make]").await;
    assert!(browser.text(".steps").await.contains("Another person approves it."));
    browser.look("confirm").await;
    browser.click("[value=make]").await;
    browser.at(&payment).await;
    let went = server.until("the letter", async || {
        browser.open(&payment).await;
        browser.text("main").await.contains("The letter went").then_some(())
    });
    went.await;
    browser.look("payment").await;
}

/// Presses Tab until the cursor is there; whatever has it on the way shows it.
async fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..40 {
        browser.press("\u{e004}").await;
        let outline = "return getComputedStyle(document.activeElement).outlineStyle !== 'none'";
        assert_eq!(browser.run(outline, &[]).await, true, "nothing shows where the cursor is");
        let there = "return document.activeElement.matches(arguments[0])";
        if browser.run(there, &[json!(css)]).await == true {
            return;
        }
    }
    panic!("Tab never comes to {css}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_signs_in_and_decides() {
    const ENTER: &str = "\u{e007}";
    let server = four_eyes().await;
    let (base, ada) = (server.base.as_str(), Person::of(&server, "approver", 0));
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    let browser = Browser::start("console-keyboard").await;
    browser.open(&format!("{base}/console")).await;
    // The cursor is in the first field.
    browser.press(&ada.email).await;
    tab_to(&browser, "#password").await;
    browser.press(&ada.password).await;
    tab_to(&browser, "#code").await;
    browser.press(&format!("{}{ENTER}", ada.code(0))).await;
    browser.at(&format!("{base}/console/approvals")).await;
    // Without the single keys, which can be switched off.
    tab_to(&browser, "[data-keys]").await;
    browser.press(ENTER).await;
    assert_eq!(browser.text("[data-keys]").await, "Switch single-key shortcuts on");
    browser.press("j").await;
    assert_eq!(browser.run("return document.activeElement.matches('[data-keys]')", &[]).await, true);
    browser.open(&format!("{base}/console/approvals")).await;
    tab_to(&browser, ".skip").await;
    browser.press(ENTER).await;
    tab_to(&browser, "a.row-link").await;
    browser.press(ENTER).await;
    browser.at(&page(&server, &refund, "")).await;
    tab_to(&browser, "a[data-key=a]").await;
    browser.press(ENTER).await;
    browser.at(&page(&server, &refund, "/approve")).await;
    tab_to(&browser, "#code").await;
    browser.press(&ada.code(1)).await;
    tab_to(&browser, "main form .button").await;
    browser.press(ENTER).await;
    browser.at(&format!("{base}/console/approvals")).await;
    assert_eq!(notice(&browser).await, "Approved");
    server.stands(&refund, "settled").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
