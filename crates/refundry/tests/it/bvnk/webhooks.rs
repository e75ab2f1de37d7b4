//! Webhooks over real sockets, to a receiver that verifies them as clients do.

use super::super::server::{Answer, DAY, Who, answer};
use super::receiver::{Arrived, Receiver};
use super::shop::Shop;
use serde_json::{Value, json};

/// The first secret of an endpoint.
const SECRET: &str = "whs-a-secret-of-this-story-0123456789";
const SCHEMES: [&str; 3] = ["body-base64", "path-hex", "url-hex"];
/// All that is tried before a webhook is given up.
const TRIES: u64 = 100;

/// An endpoint of the native API for this dialect's webhooks, and its secret.
struct Endpoint {
    id: String,
    secret: String,
}

impl Endpoint {
    async fn of(shop: &Shop, url: &str) -> Self {
        let body = json!({ "url": url, "dialect": "bvnk", "events": ["bvnk:payment:payout:status-change"] });
        let made =
            answer(shop.server.request(Who::Native, "POST", "/v1/webhook-endpoints").json(&body)).await.expect(201);
        Self { id: made.text("/id"), secret: made.text("/secret") }
    }

    fn path(&self) -> String {
        format!("/v1/webhook-endpoints/{}", self.id)
    }

    async fn is_enabled(&self, shop: &Shop) -> bool {
        shop.server.get(Who::Native, &self.path()).await.expect(200).json["enabled"] == true
    }

    /// The delivery of what arrived, once it looks like this.
    async fn delivery(&self, shop: &Shop, arrived: &Arrived, fits: impl Fn(&Value) -> bool) -> Value {
        let path = format!("{}/deliveries?limit=20", self.path());
        let event = &arrived.json["eventId"];
        let look = async || {
            let newest = shop.server.get(Who::Native, &path).await.expect(200).json;
            newest["data"].as_array().unwrap().iter().find(|row| row["event_id"] == *event && fits(row)).cloned()
        };
        shop.server.until(&format!("the delivery of {event}"), look).await
    }

    /// The same once it was tried so often.
    async fn tried(&self, shop: &Shop, arrived: &Arrived, tries: u64) -> Value {
        self.delivery(shop, arrived, |delivery| delivery["tries"] == tries).await
    }

    async fn change(&self, shop: &Shop, body: &Value) -> Answer {
        answer(shop.server.request(Who::Native, "PATCH", &self.path()).json(body)).await.expect(200)
    }
}

/// A refund of one euro of a pay-in, whose webhooks are heard.
async fn refund(shop: &Shop, payin: &str, key: &str) -> String {
    shop.refund(payin, "1.00", "EUR", key).await
}

#[track_caller]
fn verified(arrived: &Arrived) {
    assert_eq!(arrived.said["verified"], true, "{}", arrived.said);
    assert_eq!(arrived.said["changed"], false, "{}", arrived.said);
    assert!(arrived.text.is_ascii(), "{}", arrived.text);
    assert_eq!(arrived.header("content-type"), "application/json");
    assert!(arrived.header("user-agent").starts_with("Refundry/"), "{}", arrived.said);
}

// conformance: bvnk 48
// conformance: bvnk 49
#[tokio::test]
async fn a_receiver_verifies_each_scheme() {
    let shop = Shop::start().await;
    shop.one_each("EUR").await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    for scheme in SCHEMES {
        receiver.takes_them(&shop, "/hooks/bvnk?shop=7", SECRET, scheme).await;
        let id = refund(&shop, &payin, &format!("scheme-{scheme}")).await;
        for (sequence, word) in [(1, "PROCESSING"), (2, "COMPLETED")] {
            let arrived = receiver.hear(&id);
            verified(&arrived);
            assert_eq!((arrived.word(), &arrived.json["data"]["sequence"]), (word, &json!(sequence)), "{scheme}");
            let data = &arrived.json["data"];
            assert_eq!(data["customerReference"], "Zo\u{eb} \u{2014} ticket 88412");
            assert_eq!(data["payinTransactionReference"], payin);
            assert_eq!(data["fee"], json!({ "value": 1.0, "currencyCode": "EUR" }));
            assert_eq!(arrived.said["path"], "/hooks/bvnk?shop=7");
        }
    }
}

#[tokio::test]
async fn the_secret_before_a_new_one_signs_for_a_day() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    for scheme in SCHEMES {
        let path = format!("/hooks/{scheme}");
        let (first, second) = (format!("{SECRET}-1-{scheme}"), format!("{SECRET}-2-{scheme}"));
        receiver.takes_them(&shop, &path, &first, scheme).await;
        shop.server.advance(DAY).await;
        let arrived = receiver.hear(&refund(&shop, &payin, &format!("alone-{scheme}")).await);
        verified(&arrived);
        assert_eq!(arrived.header("x-signature-previous"), "");

        receiver.takes_them(&shop, &path, &second, scheme).await;
        receiver.set(&shop, &path, json!({ "secret": second, "before": first, "scheme": scheme })).await;
        shop.server.advance(DAY - 60).await;
        let id = refund(&shop, &payin, &format!("both-{scheme}")).await;
        for _ in 0..2 {
            let arrived = receiver.hear(&id);
            verified(&arrived);
            assert_eq!(arrived.said["by_the_one_before"], true, "{}", arrived.said);
        }
        shop.server.advance(60).await;
        let arrived = receiver.hear(&refund(&shop, &payin, &format!("over-{scheme}")).await);
        verified(&arrived);
        assert_eq!(arrived.header("x-signature-previous"), "");
    }
}

#[tokio::test]
async fn only_200_is_success_where_it_is_set() {
    for (setting, tries) in [("\"2xx\"", 1), ("\"200\"", 2)] {
        let shop = Shop::with(&[("REFUNDRY_DIALECTS__BVNK__WEBHOOK_SUCCESS", setting)]).await;
        let payin = shop.payin("150.00", "EUR").await;
        let mut receiver = Receiver::start();
        let endpoint = Endpoint::of(&shop, &receiver.url("/hooks")).await;
        let answers = json!([{ "status": 202 }, { "status": 200 }]);
        receiver
            .set(&shop, "/hooks", json!({ "secret": endpoint.secret, "scheme": "body-base64", "answers": answers }))
            .await;
        let id = refund(&shop, &payin, "the-only-one").await;
        let first = receiver.hear(&id);
        verified(&first);
        if tries == 2 {
            shop.server.advance(6).await;
            let again = loop {
                let arrived = receiver.hear(&id);
                if arrived.json["eventId"] == first.json["eventId"] {
                    break arrived;
                }
            };
            assert_eq!((&again.text, again.header("x-signature")), (&first.text, first.header("x-signature")));
        }
        let path = format!("{}/deliveries", endpoint.path());
        let all_there = async || {
            let all = shop.server.get(Who::Native, &path).await.expect(200).json["data"].clone();
            let all = all.as_array().unwrap().clone();
            (all.len() == 2 && all.iter().all(|one| one["status"] == "delivered")).then_some(all)
        };
        let all = shop.server.until("both delivered", all_there).await;
        // Newest first: the one of COMPLETED, and that of PROCESSING.
        assert_eq!(all[1]["tries"], tries, "{setting}: {all:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_switched_off_and_may_come_back() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    let endpoint = Endpoint::of(&shop, &receiver.url("/hooks")).await;
    receiver.set(&shop, "/hooks", json!({ "answers": [{ "status": 410 }] })).await;
    let id = refund(&shop, &payin, "for-nobody").await;
    let arrived = receiver.hear(&id);
    let off = async || (!endpoint.is_enabled(&shop).await).then_some(());
    shop.server.until("the endpoint is off", off).await;
    let stopped = endpoint.delivery(&shop, &arrived, |delivery| delivery["status"] == "stopped").await;
    assert_eq!((&stopped["last_status"], &stopped["tries"]), (&json!(410), &json!(1)), "{stopped}");
    let log = std::fs::read_to_string(shop.server.log()).unwrap();
    assert!(log.contains("switched off, because its receiver is gone"), "somebody is told: {log}");

    // What happens meanwhile waits for whoever switches it on again.
    let meanwhile = refund(&shop, &payin, "for-somebody").await;
    shop.reaches(&format!("/payment/v1/payouts/{meanwhile}"), "COMPLETED").await;
    receiver.set(&shop, "/hooks", json!({ "secret": endpoint.secret, "scheme": "body-base64" })).await;
    assert_eq!(endpoint.change(&shop, &json!({ "enabled": true })).await.json["enabled"], true);
    for word in ["PROCESSING", "COMPLETED"] {
        let arrived = receiver.hear(&meanwhile);
        verified(&arrived);
        assert_eq!(arrived.word(), word);
    }
}

/// Seconds from one time to a later one, both as the API writes them.
fn seconds(from: &Value, to: &Value) -> f64 {
    let nanos = |time: &Value| {
        let (whole, fraction) = time.as_str().unwrap()[11..].trim_end_matches('Z').split_once('.').unwrap();
        let parts: Vec<u64> = whole.split(':').map(|part| part.parse().unwrap()).collect();
        let fraction: u64 = format!("{fraction:0<9}").parse().unwrap();
        ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000_000 + fraction
    };
    // Over midnight at most once: no wait is as long as a day.
    let day = DAY * 1_000_000_000;
    ((nanos(to) + day - nanos(from)) % day) as f64 / 1e9
}

// conformance: bvnk 50
#[tokio::test]
async fn a_webhook_is_tried_a_hundred_times_in_about_a_day() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    let endpoint = Endpoint::of(&shop, &receiver.url("/hooks")).await;
    let how =
        |status: u16| json!({ "secret": endpoint.secret, "scheme": "body-base64", "answers": [{ "status": status }] });
    receiver.set(&shop, "/hooks", how(503)).await;
    let id = refund(&shop, &payin, "never-there").await;
    let heard = [receiver.hear(&id), receiver.hear(&id)];
    assert_eq!(heard.each_ref().map(Arrived::word), ["PROCESSING", "COMPLETED"]);
    let [_, last] = heard;
    let mut whole = 0.0;
    for tries in 1..TRIES {
        let delivery = endpoint.tried(&shop, &last, tries).await;
        let wait = seconds(&delivery["last_try_at"], &delivery["next_try_at"]);
        let usual = (5.0 * 2_f64.powi(i32::try_from(tries - 1).unwrap().min(20))).min(900.0);
        assert!((usual * 0.79..usual * 1.21).contains(&wait), "after {tries}: {wait}, about {usual}");
        whole += wait;
        shop.server.advance(wait.ceil() as u64 + 1).await;
    }
    assert!((20.0 * 3_600.0..26.0 * 3_600.0).contains(&whole), "{whole}");
    let given_up = endpoint.tried(&shop, &last, TRIES).await;
    assert_eq!((&given_up["status"], &given_up["next_try_at"]), (&json!("exhausted"), &Value::Null), "{given_up}");
    assert_eq!(given_up["last_status"], 503);

    // By hand it goes again, with the same bytes.
    receiver.set(&shop, "/hooks", how(200)).await;
    let replay = format!("{}/deliveries/{}/replay", endpoint.path(), given_up["event"]);
    answer(shop.server.request(Who::Native, "POST", &replay)).await.expect(202);
    endpoint.delivery(&shop, &last, |delivery| delivery["status"] == "delivered").await;
    // The other one has its own chance in its waits: it may be late by one.
    let mut completed = 1;
    while completed <= TRIES {
        let arrived = receiver.hear(&id);
        assert_eq!(arrived.said["verified"], true, "{}", arrived.said);
        if arrived.word() == "COMPLETED" {
            assert_eq!(arrived.text, last.text);
            completed += 1;
        }
    }
}

#[tokio::test]
async fn a_receiver_may_ask_for_time() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    let endpoint = Endpoint::of(&shop, &receiver.url("/hooks")).await;
    // The header of an answer, and the wait that follows from it.
    let table = [
        (429, "1800", 1_800.0..1_801.0),
        (503, "1200", 1_200.0..1_201.0),
        (429, "1", 4.0..6.1),
        (429, "9999999", 86_399.0..86_400.0),
        (429, "soon", 4.0..6.1),
        (500, "1800", 4.0..6.1),
    ];
    for (number, (status, asked, expected)) in table.into_iter().enumerate() {
        let answers = json!([{ "status": status, "headers": { "retry-after": asked } }]);
        receiver.set(&shop, "/hooks", json!({ "answers": answers })).await;
        let id = refund(&shop, &payin, &format!("in-time-{number}")).await;
        let arrived = receiver.hear(&id);
        receiver.hear(&id);
        let delivery = endpoint.tried(&shop, &arrived, 1).await;
        let wait = seconds(&delivery["last_try_at"], &delivery["next_try_at"]);
        let wait = if asked == "9999999" && wait < 1.0 { wait + 86_399.5 } else { wait };
        assert!(expected.contains(&wait), "{status} {asked}: {wait}");
        assert_eq!(delivery["last_status"], status);
        receiver.set(&shop, "/hooks", json!({})).await;
        shop.server.advance(DAY).await;
        receiver.hear(&id);
        receiver.hear(&id);
    }
}

// conformance: bvnk 51
#[tokio::test]
async fn a_receiver_has_ten_seconds_and_is_not_followed() {
    let shop = Shop::start().await;
    let payin = shop.payin("150.00", "EUR").await;
    let mut receiver = Receiver::start();
    let endpoint = Endpoint::of(&shop, &receiver.url("/hooks")).await;
    let elsewhere = json!({ "location": receiver.url("/elsewhere") });
    receiver.set(&shop, "/hooks", json!({ "answers": [{ "status": 307, "headers": elsewhere }] })).await;
    let id = refund(&shop, &payin, "elsewhere").await;
    let first = receiver.hear(&id);
    assert_eq!((first.word(), &first.said["path"]), ("PROCESSING", &json!("/hooks")));
    let delivery = endpoint.tried(&shop, &first, 1).await;
    assert_eq!((&delivery["status"], &delivery["last_status"]), (&json!("waiting"), &json!(307)), "{delivery}");
    assert_eq!(receiver.hear(&id).said["path"], "/hooks", "nobody went elsewhere");

    receiver.set(&shop, "/hooks", json!({ "answers": [{ "status": 200, "hang": 11 }] })).await;
    let id = refund(&shop, &payin, "much-later").await;
    let arrived = receiver.hear(&id);
    let delivery = endpoint.tried(&shop, &arrived, 1).await;
    assert_eq!((&delivery["status"], &delivery["last_status"]), (&json!("waiting"), &Value::Null), "{delivery}");
    assert_eq!(delivery["last_error"], "the receiver did not answer in time");
    let took = delivery["last_millis"].as_u64().unwrap();
    assert!((9_900..11_000).contains(&took), "{took}");
}
