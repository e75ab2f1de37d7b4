//! Somebody whom the command line made signs in for the first time and sets up
//! an authenticator; one who guesses waits; one without a role is told so.

use super::Person;
use crate::browser::Browser;
use crate::server::{Server, refundry};
use refundry_console::totp;
use refundry_engine::clock::real_now;

/// What a subcommand prints.
fn done(server: &Server, words: &[&str]) -> String {
    let output = refundry().args(words).arg("--data").arg(server.data()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn added(server: &Server, email: &str, name: &str, role: &str) -> Person {
    let said = done(server, &["user", "add", email, "--name", name, "--role", role]);
    let password = said.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    Person { email: email.to_owned(), password: password.to_owned(), secret: None, api_key: None }
}

async fn a_browser_that_guesses_waits(browser: &Browser, base: &str) {
    for _ in 0..6 {
        browser.open(&format!("{base}/console/sign-in")).await;
        browser.fill("#email", "grace@shop.example").await;
        browser.fill("#password", "a wrong guess").await;
        browser.click("main .button").await;
        browser.until("[role=alert]").await;
    }
    assert!(browser.text("[role=alert]").await.contains("Too many wrong tries"));
    assert!(browser.complaints().await.iter().all(|line| line.contains("429")));
    browser.look("too-many").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_sets_up_an_authenticator_first() {
    let mut server = Server::start().await;
    server.end();
    let nora = added(&server, "nora@shop.example", "Nora", "approver");
    let dev = added(&server, "dev@shop.example", "Devi", "developer");
    server.start_again().await;
    let base = server.base.clone();
    let browser = Browser::start("console-first").await;
    let sign_in = async |person: &Person| {
        browser.open(&format!("{base}/console/sign-in")).await;
        browser.fill("#email", &person.email).await;
        browser.fill("#password", &person.password).await;
        browser.click("main .button").await;
    };
    sign_in(&nora).await;
    browser.at(&format!("{base}/console/authenticator")).await;
    browser.look("set-up").await;
    // No page of money before it.
    browser.open(&format!("{base}/console/payments")).await;
    browser.at(&format!("{base}/console/authenticator?next=%2Fconsole%2Fpayments")).await;
    let secret = browser.run("return document.querySelector('[data-copy]').dataset.copy", &[]).await;
    let secret = secret.as_str().unwrap();
    let shown = browser.text("main code").await;
    assert_eq!(shown.replace(' ', ""), secret);
    browser.fill("#code", "12345").await;
    browser.click("main form .button").await;
    browser.until("#code-error").await;
    browser.look("set-up-wrong").await;
    let code = |next: u64| totp::code(secret, totp::step_at(real_now()) + next).unwrap();
    browser.fill("#code", &code(0)).await;
    browser.click("main form .button").await;
    browser.at(&format!("{base}/console/payments")).await;
    assert!(browser.text(".flash").await.contains("Your authenticator is set up"));
    browser.click(".who .button").await;
    browser.at(&format!("{base}/console/sign-in")).await;
    // From now on it is asked for.
    browser.fill("#email", &nora.email).await;
    browser.fill("#password", &nora.password).await;
    browser.click("main .button").await;
    browser.until("[role=alert]").await;
    assert!(browser.text("[role=alert]").await.contains("nobody was signed in"));
    browser.fill("#password", &nora.password).await;
    browser.fill("#code", &code(1)).await;
    browser.click("main .button").await;
    browser.at(&format!("{base}/console/approvals")).await;
    browser.click(".who .button").await;
    browser.at(&format!("{base}/console/sign-in")).await;
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(!log.contains(secret) && !log.contains(&nora.password), "a secret is in the log");

    sign_in(&dev).await;
    browser.at(&format!("{base}/console/approvals")).await;
    assert_eq!(browser.text("h1").await, "Your role does not show this");
    assert!(browser.complaints().await.iter().all(|line| line.contains("403")));
    browser.look("forbidden").await;
    browser.click(".who .button").await;
    browser.at(&format!("{base}/console/sign-in")).await;

    a_browser_that_guesses_waits(&browser, &base).await;

    // A lost phone: the second factor goes, and is set up anew.
    server.end();
    done(&server, &["user", "reset-totp", "nora@shop.example"]);
    server.start_again().await;
    browser.open(&format!("{}/console/sign-in", server.base)).await;
    browser.fill("#email", &nora.email).await;
    browser.fill("#password", &nora.password).await;
    browser.click("main .button").await;
    browser.at(&format!("{}/console/authenticator", server.base)).await;
    let other = browser.run("return document.querySelector('[data-copy]').dataset.copy", &[]).await;
    assert_ne!(other, secret);
}
