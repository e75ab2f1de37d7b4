//! A refund that a person makes on a page is the one that a program would have
//! made: from the wallet, with its fee.

use super::shop::Shop;
use crate::browser::Browser;
use crate::console::Person;
use crate::server::{Answer, Who};
use serde_json::json;

async fn refunds(shop: &Shop, payin: &str) -> Answer {
    shop.get(&format!("/payment/v1/payins/{payin}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_refunds_a_pay_in_from_its_wallet() {
    let shop = Shop::start().await;
    shop.one_each("EUR").await;
    let payin = shop.payin("100.00", "EUR").await;
    let wallet = format!("/ledger/v1/wallets/{}", shop.wallet("EUR"));
    let before = shop.get(&wallet).await.expect(200).json["available"]["value"].as_f64().unwrap();
    let (browser, base) = (Browser::start("bvnk-refund").await, &shop.server.base);
    Person::of(&shop.server, "maker", 0).signs_in(&browser, base).await;
    browser.open(&format!("{base}/console/payments/{payin}")).await;
    assert!(browser.text("#refund").await.contains("EUR account, an account held here"));
    browser.fill("#amount", "25.00").await;
    browser.click("#refund .button").await;
    browser.until("[value=make]").await;
    browser.look("confirm").await;
    let said = browser.text("main").await;
    assert!(said.contains("€1.00") && said.contains("€26.00"), "fee and total are told before: {said}");
    assert!(!said.contains("consent"), "{said}");
    browser.run("const make = document.querySelector('[value=make]'); make.click(); make.click();", &[]).await;
    browser.at(&format!("{base}/console/payments/{payin}")).await;
    let made = refunds(&shop, &payin).await.json["refunds"].clone();
    assert_eq!(made.as_array().unwrap().len(), 1, "{made}");
    let (id, fee) = (made[0]["transactionReference"].as_str().unwrap(), &made[0]["fee"]["value"]);
    assert_eq!(fee, &json!(1.0));
    shop.reaches(&format!("/payment/v1/payouts/{id}"), "COMPLETED").await;
    let shown = shop.server.get(Who::Native, &format!("/v1/refunds/{id}")).await.expect(200).json;
    assert_eq!((&shown["funding"]["type"], &shown["fee"]), (&json!("held"), &json!(100)), "{shown}");
    let after = shop.get(&wallet).await.expect(200).json["available"]["value"].as_f64().unwrap();
    assert!((before - after - 26.0).abs() < 0.001, "{before} {after}");
    let left = refunds(&shop, &payin).await.json["maxAvailableToRefund"]["value"].clone();
    assert_eq!(left, json!(75.0));
    // Through the native door it costs the same, though nobody says how it came.
    let body = json!({ "payment_id": payin, "amount": 100 });
    let estimate = shop.server.post(Who::Native, "/v1/refunds/estimate", "estimate", &body).await.expect(200);
    assert_eq!(estimate.json["fee"], 100);
}
