//! Many rows, long and hostile names, huge amounts, and pages about nothing.

use super::{HOSTILE_NAME, LONG_NAME, Person, RIGHT_TO_LEFT, four_eyes, waiting};
use crate::browser::Browser;
use crate::server::{Server, Who};
use serde_json::json;

/// The longest name that a payer may have.
fn longest() -> String {
    "Wolfeschlegelsteinhausenbergerdorff".repeat(4)
}

/// The greatest amount that is exact everywhere.
const HUGE: u64 = 9_007_199_254_740_991;

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_have_pages() {
    let server = four_eyes().await;
    let ada = Person::of(&server, "approver", 0);
    let first = waiting(&server, 100, "First in line").await;
    for number in 0..50 {
        waiting(&server, 101 + number, "Somebody Else").await;
    }
    let last = waiting(&server, 999, "Last in line").await;
    let browser = Browser::start("console-crowd").await;
    ada.signs_in(&browser, &server.base).await;
    let hrefs = "return [...document.querySelectorAll('a.row-link')].map((link) => link.href)";
    let shown = browser.run(hrefs, &[]).await;
    assert_eq!(shown.as_array().unwrap().len(), 50);
    assert!(shown[0].as_str().unwrap().ends_with(&first), "the longest waiting first");
    assert!(browser.text("main").await.contains("Refunds 1 to 50 of 52"));
    browser.look("approvals").await;
    browser.click(".pager a").await;
    browser.until("tbody tr:nth-child(2):last-child").await;
    let shown = browser.run(hrefs, &[]).await;
    assert!(shown[1].as_str().unwrap().ends_with(&last));
    browser.look("approvals-last").await;
    browser.open(&format!("{}/console/payments", server.base)).await;
    assert_eq!(browser.count("tbody tr").await, 50);
    browser.click(".pager a").await;
    browser.until(".pager a:not([rel])").await;
    browser.look("payments-last").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_payers_are_called_fits() {
    let server = four_eyes().await;
    let ada = Person::of(&server, "approver", 0);
    let browser = Browser::start("console-names").await;
    ada.signs_in(&browser, &server.base).await;
    let longest = longest();
    for (place, name) in [longest.as_str(), LONG_NAME, HOSTILE_NAME, RIGHT_TO_LEFT].into_iter().enumerate() {
        let refund = waiting(&server, 4_250, name).await;
        browser.open(&format!("{}/console/approvals/{refund}", server.base)).await;
        assert_eq!(browser.count("main img, main script").await, 0);
        browser.look(&format!("approval-{place}")).await;
        browser.open(&format!("{}/console/approvals/{refund}/reject", server.base)).await;
        browser.look(&format!("reject-{place}")).await;
        let path = format!("/v1/refunds/{refund}");
        let payment = server.get(Who::Native, &path).await.expect(200).text("/payment_id");
        browser.open(&format!("{}/console/payments/{payment}", server.base)).await;
        browser.look(&format!("payment-{place}")).await;
    }
    for page in ["approvals", "payments"] {
        browser.open(&format!("{}/console/{page}", server.base)).await;
        assert_eq!(browser.count("main img, main script").await, 0);
        browser.look(page).await;
    }
    assert_ne!(browser.run("return document.title", &[]).await, "owned");
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_of_every_length_fit() {
    let server = four_eyes().await;
    let ada = Person::of(&server, "approver", 0);
    let browser = Browser::start("console-amounts").await;
    ada.signs_in(&browser, &server.base).await;
    let payin = server.payin_from(HUGE, json!({ "name": "Ida Korhonen", "payid": "ida@payer.example" })).await;
    let body = json!({ "payment_id": payin, "amount": HUGE - 1 });
    let refund = server.post(Who::Native, "/v1/refunds", "huge", &body).await.expect(201).text("/id");
    browser.open(&format!("{}/console/approvals", server.base)).await;
    browser.look("approvals").await;
    browser.open(&format!("{}/console/approvals/{refund}", server.base)).await;
    browser.look("approval").await;
    browser.open(&format!("{}/console/approvals/{refund}/approve", server.base)).await;
    browser.look("approve").await;
    browser.open(&format!("{}/console/payments/{payin}", server.base)).await;
    browser.look("payment").await;
    browser.open(&format!("{}/console/payments", server.base)).await;
    browser.look("payments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_about_nothing_say_so() {
    let server = Server::start().await;
    let browser = Browser::start("console-nothing").await;
    let nowhere = format!("{}/console/nowhere", server.base);
    for who in ["outside", "inside"] {
        browser.open(&nowhere).await;
        assert_eq!(browser.text("h1").await, "There is nothing here");
        assert!(browser.complaints().await.iter().all(|line| line.contains("404")));
        browser.look(&format!("nowhere-{who}")).await;
        if who == "outside" {
            Person::of(&server, "maker", 0).signs_in(&browser, &server.base).await;
        }
    }
}
