//! The description is true: every route is in it, and every body that is sent
//! or taken fits its schema, member for member.

use super::world::{World, id_in, ida, refund_of, session_in};
use crate::banked_v2::routes;
use crate::description::{fits, is_complete};
use refundry_domain::command::Command;
use serde_json::{Value, json};

#[tokio::test]
async fn every_route_is_described_and_the_description_is_served() {
    let description: Value = serde_json::from_str(routes::OPENAPI).unwrap();
    let served = routes::paths();
    is_complete(&description, served.iter().map(|(path, methods, _)| (path.as_str(), *methods)));
    let world = World::new().await;
    for path in ["/openapi/banked-v2.json", "/openapi/banked-v2.json/"] {
        let heard = world.get(path).await;
        assert_eq!((heard.status, heard.text().as_str()), (200, routes::OPENAPI));
    }
}

#[tokio::test]
async fn bodies_fit_the_description() {
    let description: Value = serde_json::from_str(routes::OPENAPI).unwrap();
    let world = World::new().await;
    let mut asked = session_in("GBP");
    asked["payee"] = json!({ "name": "Fernhill Ltd", "account_number": "12345678", "sort_code": "010203" });
    asked["email_receipt"] = json!(true);
    asked["rewards"] = json!([{ "type": "points" }]);
    fits(&description, "NewSession", &asked);
    let made = world.post("/v2/payment_sessions").json(&asked).send().await;
    fits(&description, "Session", &made.json());
    for currency in ["GBP", "EUR", "AUD"] {
        for debtor in [Some(ida()), None] {
            let session = world.sent_session(currency, debtor.clone()).await;
            let asked = refund_of(&session, 100);
            fits(&description, "NewRefund", &asked);
            let refund = world.refund(&asked).await;
            fits(&description, "Refund", &refund);
            if debtor.is_some() {
                world.command(Command::AuthoriseRefund { refund: id_in(&refund) }).await;
                world.settle(id_in(&refund)).await;
                let account = world.get(&format!("/v2/payment_sessions/{session}/consumer_account")).await.json();
                fits(&description, "ConsumerAccount", &account);
                let own = refund["refund_payment_session_id"].as_str().unwrap();
                fits(&description, "Session", &world.get(&format!("/v2/payment_sessions/{own}")).await.json());
            }
            fits(&description, "Session", &world.get(&format!("/v2/payment_sessions/{session}")).await.json());
        }
    }
    for refund in world.get("/v2/refunds").await.json().as_array().unwrap() {
        fits(&description, "Refund", refund);
    }
    for account in world.get("/v2/bank_accounts").await.json().as_array().unwrap() {
        fits(&description, "BankAccount", account);
    }
    for provider in world.get("/v2/providers").await.json().as_array().unwrap() {
        fits(&description, "Provider", provider);
    }
    let sent = world.sent_to(&world.app().inbox).await;
    for sent in sent.iter().filter(|sent| sent.event_type.starts_with("payment")) {
        fits(&description, "SessionEvent", &serde_json::from_slice(&sent.body).unwrap());
    }
    for heard in [world.get("/v2/refunds/x").await, world.post("/v2/refunds").raw("{").send().await] {
        fits(&description, "Error", &heard.json());
    }
}
