//! The edges: what is too much, too large, or refused for two reasons at once.

use super::world::{World, a_refund};
use http::Method;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::PaymentId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::PaymentBlockCode;
use refundry_domain::time::Span;
use refundry_engine::mint;
use refundry_testkit::make;
use serde_json::{Value, json};

fn not_refundable(id: &str) -> (u16, String, String) {
    (400, "bvnk:payment:0001".to_owned(), format!("Pay-in {id} not refundable."))
}

fn too_much(id: &str, left: &str) -> (u16, String, String) {
    let text = format!("Invalid amount to refund from pay-in: {id}. Available amount: {left}.");
    (400, "bvnk:payment:0001".to_owned(), text)
}

/// A pay-in from an account that nobody knows.
async fn from_nobody(world: &World) -> String {
    let id = PaymentId(mint::random_id());
    let record = make::record_payment(id, world.accounts[&Currency::GBP], Amount::new(1_000, Currency::GBP));
    world.command(Command::RecordPayment(RecordPayment { debtor: None, ..record })).await;
    id.to_string()
}

#[tokio::test]
async fn what_is_beyond_all_amounts_is_more_than_is_left() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let estimate = format!("/payment/v1/payins/{payin}/estimate");
    for value in ["90071992547409.92", "184467440737095516.16", &"9".repeat(40)] {
        assert_eq!(world.ask(&payin, value, "key-0001").await.fault(), too_much(&payin, "120.00"), "{value}");
        let heard = world.post(&estimate).json(&a_refund(value, "GBP")).send().await;
        assert_eq!(heard.fault(), too_much(&payin, "120.00"), "{value}");
    }
}

#[tokio::test]
async fn a_refusal_makes_no_refund_of_the_largest_pay_in() {
    let world = World::new().await;
    let payin = world.payin("90071992547409.91", Currency::USD, "ACH").await;
    let path = format!("/payment/v1/payins/{payin}");
    let heard = world.post(&format!("{path}/refund")).key("key-0001").json(&a_refund("1.00", "USD")).send().await;
    assert_eq!(heard.fault(), too_much(&payin, "90071992547409.91"));
    assert_eq!(world.get(&path).await.json()["refunds"], json!([]));
}

#[tokio::test]
async fn what_is_not_refundable_is_no_question_of_amount() {
    let world = World::new().await;
    let nobody = from_nobody(&world).await;
    assert_eq!(world.ask(&nobody, "10.01", "key-0001").await.fault(), not_refundable(&nobody));
    let disputed = world.payin("10", Currency::USD, "ACH").await;
    let payment = PaymentId::parse(&disputed).unwrap();
    world.command(Command::BlockPayment { payment, code: PaymentBlockCode::Dispute }).await;
    let path = format!("/payment/v1/payins/{disputed}/refund");
    let heard = world.post(&path).key("key-0001").json(&a_refund("1.00", "USD")).send().await;
    assert_eq!(heard.fault(), not_refundable(&disputed));
}

#[tokio::test]
async fn an_estimate_is_refused_as_the_refund_would_be() {
    let world = World::with(json!({ "refund_window": 1 })).await;
    let payin = world.gbp("10").await;
    let refund = world.refund(&payin, "1", "key-0001").await;
    for method in [Method::GET, Method::POST] {
        let path = format!("/payment/v1/payins/{refund}/estimate");
        let heard = world.call(method, &path).json(&a_refund("1", "GBP")).send().await;
        assert_eq!(heard.fault(), not_refundable(&refund), "there is no refund of a refund");
    }
    let path = format!("/payment/v1/payins/{payin}/estimate");
    assert_eq!(world.get(&path).await.status, 200);
    world.wait(Span::days(2)).await;
    assert_eq!(world.get(&path).await.fault(), not_refundable(&payin));
    let nobody = from_nobody(&world).await;
    let path = format!("/payment/v1/payins/{nobody}/estimate");
    assert_eq!(world.get(&path).await.fault(), not_refundable(&nobody));
}

#[tokio::test]
async fn two_amounts_are_one_or_an_error() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    let path = format!("/payment/v1/payins/{payin}/estimate");
    let ask = |query: &str| format!("{path}?customerReference=x&currency=GBP&{query}");
    assert_eq!(world.get(&ask("amount=10&value=10.00")).await.status, 200);
    let heard = world.get(&ask("amount=10&value=11")).await;
    assert_eq!(heard.member("/details/errors/requestBody/0/field"), "amount");
}

#[tokio::test]
async fn a_body_has_64_kibibytes() {
    let world = World::new().await;
    let payin = world.gbp("120.00").await;
    for (length, status) in [(64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let mut body = a_refund("1.00", "GBP").to_string().into_bytes();
        body.resize(length, b' ');
        let path = format!("/payment/v1/payins/{payin}/refund");
        let heard = world.post(&path).key(&format!("key-{status}1")).raw(body).send().await;
        assert_eq!(heard.status, status, "{}", heard.text());
        if status == 413 {
            assert_eq!((heard.fault().1.as_str(), &heard.json()["details"]), ("bvnk:payment:0001", &Value::Null));
        }
    }
}

#[tokio::test]
async fn a_proxy_may_pass_the_host_and_name_the_rest() {
    let world = World::with(json!({ "trusted_proxies": ["10.0.0.0/8"] })).await;
    let signed = [
        (&[("x-forwarded-proto", "https")][..], 443),
        (&[("x-forwarded-proto", "HTTPS")], 443),
        (&[("x-forwarded-proto", "http")], 80),
        (&[("x-forwarded-port", "8443")], 8443),
        (&[("x-forwarded-proto", "https"), ("x-forwarded-port", "8443")], 8443),
        (&[], 80),
    ];
    for (headers, port) in signed {
        let call = headers
            .iter()
            .fold(world.call(Method::GET, "/ledger/v1/wallets"), |call, (name, value)| call.header(name, value));
        let call = call.from("10.1.2.3:5000").with(|call| {
            call.host("pay.example");
            call.signed_host = ("pay.example".to_owned(), port);
        });
        assert_eq!(call.send().await.status, 200, "{headers:?}");
    }
}
