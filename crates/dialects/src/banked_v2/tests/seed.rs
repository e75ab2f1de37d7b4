//! The three calls of the provider's page, in its order, with only ids changed
//! and the closing quotes that it lost.

use super::world::{World, id_in, token_in};
use http::Method;
use refundry_engine::hosted::{AccountFields, Decision, DetailsForm};
use serde_json::{Value, json};

#[tokio::test]
async fn the_pages_three_calls_work_in_its_order() {
    let world = World::new().await;
    let payment = world.app().sample.clone();
    let asked = r#"{
    "success_url": "http://example.com/success?id=__PAYMENT_ID__",
    "error_url": "http://example.com/error",
    "amount": 400,
    "reference": "refund Candles",
    "payment_session_id": "PAYMENT_ID"
}"#;
    // 1. Initiate the refund.
    let made = world.post("/v2/refunds").raw(asked.replace("PAYMENT_ID\"\n", &format!("{payment}\"\n"))).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let url = made["url"].as_str().unwrap();
    assert_eq!(
        made,
        json!({
            "amount": 400, "amount_formatted": "£4.00", "payment_session_id": payment,
            "refund_payment_session_id": null, "state": "awaiting_details", "url": url,
        })
    );
    let form = DetailsForm {
        form: AccountFields::SortCode,
        holder_name: "Sam Customer".to_owned(),
        bank_code: "040099".to_owned(),
        number: "55120934".to_owned(),
    };
    world.pages.give_details(&id_in(&made).to_string(), &token_in(&made), form).await.unwrap();
    // 2. Get the refund payment session's id.
    let session = world.call(Method::GET, &format!("/v2/payment_sessions/{payment}")).send().await.json();
    let own = session["refunds"][0]["refund_payment_session_id"].as_str().unwrap().to_owned();
    assert_eq!(
        session["refunds"],
        json!([{
            "amount": 400, "amount_formatted": "£4.00", "payment_session_id": payment,
            "refund_payment_session_id": own, "state": "awaiting_payment",
        }])
    );
    // 3. Authorise the refund.
    let shown = async || world.call(Method::GET, &format!("/v2/payment_sessions/{own}")).send().await.json();
    let before = shown().await;
    assert_eq!((&before["state"], &before["sent_at"]), (&json!("awaiting_provider"), &Value::Null));
    assert!(before["reference"].as_str().unwrap().starts_with("bnkd"));
    assert!(before["url"].as_str().unwrap().ends_with(&format!("/checkout/{own}?v3")));
    let visit = world.checkouts.visit(&own, "mock-bank").await.unwrap().unwrap();
    let page = world.checkouts.decide(&visit, Decision::Authorise).await.unwrap().unwrap();
    assert_eq!(page.onward(), Some(&*format!("http://example.com/success?id={own}")));
    world.settle(id_in(&made)).await;
    let after = shown().await;
    assert_eq!((&after["state"], after["sent_at"].is_string()), (&json!("sent"), true));
    let session = world.call(Method::GET, &format!("/v2/payment_sessions/{payment}")).send().await.json();
    assert_eq!(session["refunds"][0]["state"], "sent");
}
