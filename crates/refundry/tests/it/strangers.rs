//! What is somebody else's answers like what nobody has, what somebody wrote
//! stays text, and nothing that opens something stands in a log.

use crate::server::{Answer, Server, Who, answer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An id that nobody has.
const NOBODYS: &str = "21b6b2ec-b749-4f25-a330-7274b1620c7c";

/// A call as another application.
struct Stranger<'s> {
    server: &'s Server,
    authorization: String,
    client_key: String,
}

impl<'s> Stranger<'s> {
    async fn of(server: &'s Server) -> Self {
        let made = server.lever("clients", json!({ "dialect": "banked" })).await;
        let pair = format!("{}:{}", made.text("/api_key"), made.text("/api_secret"));
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        Self { server, authorization, client_key: made.text("/client_key") }
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.server.http.request(method.parse().unwrap(), format!("{}{path}", self.server.base));
        let request = request.header("authorization", &self.authorization);
        answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }
}

async fn session(server: &Server, key: &str, payer: &str, bank: Option<&str>) -> String {
    let body = json!({
        "reference": "Candles",
        "line_items": [{ "name": payer, "amount": 1250, "currency": "GBP", "quantity": 2, "description": payer }],
        "payee": { "name": payer, "account_number": "12345678", "sort_code": "010203" },
        "payer": { "name": payer, "email": "ida.hidden@example.org" },
        "success_url": format!("{}/healthz?{key}", server.base),
    });
    let id = server.post(Who::Banked, "/v2/payment_sessions", key, &body).await.expect(201).text("/id");
    if let Some(bank) = bank {
        server.lever(&format!("checkouts/{id}/decision"), json!({ "bank": bank, "decision": "authorise" })).await;
        let path = format!("/v2/payment_sessions/{id}");
        let sent = async || (server.get(Who::Banked, &path).await.json["state"] == "sent").then_some(());
        server.until("the money", sent).await;
    }
    id
}

async fn refund(server: &Server, session: &str, key: &str) -> Answer {
    let body = json!({ "payment_session_id": session, "amount": 1200, "reference": "Rug corner" });
    server.post(Who::Banked, "/v2/refunds", key, &body).await.expect(201)
}

/// The id and the token in a refund's link.
fn parts(refund: &Answer) -> (String, String) {
    let url = refund.text("/url");
    let (path, token) = url.split_once("?token=").unwrap_or((&url, ""));
    (path.rsplit('/').next().unwrap().to_owned(), token.to_owned())
}

// conformance: banked 8
// conformance: banked 34
#[tokio::test]
async fn what_is_anothers_answers_like_what_nobody_has() {
    let server = Server::start().await;
    let stranger = Stranger::of(&server).await;
    let open = session(&server, "open", "Ida", None).await;
    let paid = session(&server, "paid", "Ida", Some("mock-bank")).await;
    let (refund_id, _) = parts(&refund(&server, &paid, "refund").await);
    let shown = server.get(Who::Banked, &format!("/v2/payment_sessions/{paid}")).await.json;
    let own = shown["refunds"][0]["refund_payment_session_id"].as_str().unwrap().to_owned();
    let hook = json!({ "target_url": "http://127.0.0.1:9/hook", "events": ["payment_sent"] });
    let hook = server.post(Who::Banked, "/v2/webhooks", "hook", &hook).await.expect(201).text("/id");
    let of = |id: &str| json!({ "payment_session_id": id, "amount": 1, "reference": "Mine" });
    let v3 = |id: &str| {
        json!({
            "amount": 1, "original_payin_information": { "id": id },
            "processing_method": { "method_type": "MANDATE", "mandate": { "token": server.credential("/banked/mandate_token") } },
        })
    };
    let key = &stranger.client_key;
    let provider = json!({ "provider_id": "mock-bank" });
    for (theirs, other_kind) in [(&open, "a session"), (&paid, "a paid session"), (&own, "a refund's session")] {
        for (method, path, body) in [
            ("GET", "/v2/payment_sessions/ID".to_owned(), None),
            ("GET", "/api/v2/payment_sessions/ID/".to_owned(), None),
            ("DELETE", "/v2/payment_sessions/ID".to_owned(), None),
            ("GET", "/v2/payment_sessions/ID/consumer_account".to_owned(), None),
            ("GET", format!("/v2/checkout_sessions/ID?api_key={key}"), None),
            ("PATCH", format!("/v2/checkout_sessions/ID?api_key={key}"), Some(&provider)),
            ("GET", "/v3/payins/ID".to_owned(), None),
        ] {
            let foreign = stranger.call(method, &path.replace("ID", theirs), body).await;
            let unknown = stranger.call(method, &path.replace("ID", NOBODYS), body).await;
            assert_eq!((foreign.status, &foreign), (404, &unknown), "{method} {path} of {other_kind}");
        }
        for (path, body) in [("/v2/refunds", of(theirs)), ("/v3/refunds", v3(theirs))] {
            let ask = async |body: Value| {
                let request = server.http.post(format!("{}{path}", server.base)).json(&body);
                answer(request.header("authorization", &stranger.authorization).header("idempotency-key", theirs)).await
            };
            let foreign = ask(body.clone()).await;
            let text = body.to_string().replace(theirs.as_str(), NOBODYS);
            let unknown = stranger
                .server
                .http
                .post(format!("{}{path}", server.base))
                .json(&serde_json::from_str::<Value>(&text).unwrap());
            let unknown = answer(
                unknown
                    .header("authorization", &stranger.authorization)
                    .header("idempotency-key", format!("{theirs}-{path}")),
            )
            .await;
            assert_eq!((foreign.status, &foreign), (404, &unknown), "{path} of {other_kind}");
        }
        let list = format!("/v2/refunds?payment_session_id={theirs}");
        assert_eq!(stranger.call("GET", &list, None).await.text, "[]", "{other_kind}");
    }
    of_refunds_and_endpoints(&stranger, &refund_id, &hook).await;
    assert_eq!(stranger.call("GET", "/v2/webhooks", None).await.text, "[]");
    // Nothing happened to any of it.
    assert_eq!(server.get(Who::Banked, &format!("/v2/payment_sessions/{paid}")).await.json, shown);
    server.get(Who::Banked, &format!("/v2/payment_sessions/{open}")).await.expect(200);
    assert_eq!(server.get(Who::Banked, "/v2/webhooks").await.json[0]["id"], hook.as_str());
    takes_as_long(&stranger, &paid).await;
}

async fn of_refunds_and_endpoints(stranger: &Stranger<'_>, refund: &str, hook: &str) {
    for (method, path, theirs, body) in [
        ("GET", "/v2/refunds/ID", refund, None),
        ("GET", "/v3/refunds/ID", refund, None),
        ("PATCH", "/v2/webhooks/ID", hook, Some(json!({ "events": ["payment_sent"] }))),
        ("PATCH", "/v3/webhooks/ID", hook, Some(json!({ "target_url": "http://127.0.0.1:9/mine" }))),
        ("DELETE", "/v2/webhooks/ID", hook, None),
    ] {
        let foreign = stranger.call(method, &path.replace("ID", theirs), body.as_ref()).await;
        let unknown = stranger.call(method, &path.replace("ID", NOBODYS), body.as_ref()).await;
        assert_eq!((foreign.status, &foreign), (404, &unknown), "{method} {path}");
    }
}

/// Neither answer comes much sooner: the middle of many, taken in turns.
#[expect(clippy::disallowed_methods, reason = "the story is about how long answers take")]
async fn takes_as_long(stranger: &Stranger<'_>, theirs: &str) {
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..60 {
        for (id, times) in [theirs, NOBODYS].into_iter().zip(&mut times) {
            let begun = Instant::now();
            stranger.call("GET", &format!("/v2/payment_sessions/{id}"), None).await;
            times.push(begun.elapsed());
        }
    }
    let middle = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let apart = middle[0].abs_diff(middle[1]);
    assert!(apart < middle[0].min(middle[1]) + Duration::from_millis(3), "{middle:?}");
}

/// What turns into something else where it is not kept as text.
const HOSTILE: [&str; 4] = [
    "\"><script>document.title='owned'</script>",
    "'><img src=x onerror=alert(1)>",
    "</title><svg/onload=alert(1)>",
    "{{7*7}}</textarea><b>",
];

#[tokio::test]
async fn what_somebody_wrote_stays_text_on_every_page_and_in_letters() {
    let server = Server::start().await;
    let form = async |url: String, body: String| {
        let media = "application/x-www-form-urlencoded";
        answer(server.http.post(url).header("content-type", media).body(body)).await
    };
    for (number, hostile) in HOSTILE.into_iter().enumerate() {
        let stays = |page: &Answer, what: &str| {
            assert!([200, 410].contains(&page.status), "{what}: {} {}", page.status, page.text);
            assert!(!page.text.contains(hostile) && page.media.starts_with("text/html"), "{what}: {}", page.text);
        };
        let open = session(&server, &format!("open-{number}"), hostile, None).await;
        let checkout = format!("{}/checkout/{open}", server.base);
        stays(&answer(server.http.get(&checkout)).await, "checkout");
        let chosen = server.http.post(&checkout).body("bank=mock-bank").send().await.unwrap();
        let bank = format!("{}{}", server.base, chosen.headers()["location"].to_str().unwrap());
        stays(&answer(server.http.get(&bank)).await, "bank");
        let paid = session(&server, &format!("paid-{number}"), hostile, Some("mock-bank-no-details")).await;
        let url = refund(&server, &paid, &format!("refund-{number}")).await.text("/url");
        stays(&answer(server.http.get(&url)).await, "details");
        let typed = |step: &str, code: &str| {
            let pairs = [
                ("step", step),
                ("form", "sort-code"),
                ("holder_name", hostile),
                ("bank_code", code),
                ("number", "55120934"),
            ];
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        stays(&form(url.clone(), typed("check", hostile)).await, "wrong details");
        stays(&form(url.clone(), typed("check", "040099")).await, "confirm");
        stays(&form(url.clone(), typed("change", "040099")).await, "change");
        stays(&form(url.clone(), typed("give", "040099")).await, "taken");
        stays(&answer(server.http.get(&url)).await, "used");
        // The holder's name is what the merchant sees when it consents.
        let shown = server.get(Who::Banked, &format!("/v2/payment_sessions/{paid}")).await.json;
        let own = shown["refunds"][0]["refund_payment_session_id"].as_str().unwrap();
        stays(&answer(server.http.get(format!("{}/checkout/{own}", server.base))).await, "consent");
    }
    let letters = server
        .until("the letters", async || {
            let seen = server.get(Who::Sandbox, "/sandbox/v1/mails").await.expect(200).json["data"].clone();
            (seen.as_array().unwrap().len() >= HOSTILE.len()).then_some(seen)
        })
        .await;
    for letter in letters.as_array().unwrap() {
        let html = letter["html"].as_str().unwrap();
        assert!(HOSTILE.iter().all(|hostile| !html.contains(hostile)), "{html}");
        assert!(!letter["subject"].as_str().unwrap().contains('\n'), "{letter}");
    }
}

#[tokio::test]
async fn nothing_that_opens_something_stands_in_a_log() {
    let settings = [("REFUNDRY_LOG", "trace"), ("REFUNDRY_MOCK_BANK__TIME_SCALE_PERMILLE", "0")];
    let server = Server::with(&settings).await;
    let stranger = Stranger::of(&server).await;
    let paid = session(&server, "paid", "Ida Hidden", Some("mock-bank-no-details")).await;
    let made = refund(&server, &paid, "refund").await;
    let (url, (id, token)) = (made.text("/url"), parts(&made));
    let wrong = format!("{}/refunds/{id}?token=x{token}", server.base);
    let open = session(&server, "open", "Ida Hidden", None).await;
    let chosen = server.http.post(format!("{}/checkout/{open}", server.base)).body("bank=mock-bank");
    let chosen = chosen.send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let visit = chosen.rsplit('/').next().unwrap();
    answer(server.http.get(format!("{}{chosen}", server.base))).await.expect(200);
    let key = &stranger.client_key;
    stranger.call("GET", &format!("/v2/checkout_sessions/{open}?api_key={key}"), None).await.expect(404);
    answer(server.http.get(&url)).await.expect(200);
    answer(server.http.get(&wrong)).await.expect(404);
    let given = "step=give&form=sort-code&holder_name=Ida+Hidden&bank_code=040099&number=55120934";
    answer(server.http.post(&wrong).body(given)).await.expect(404);
    answer(server.http.post(&url).body(given)).await.expect(200);
    answer(server.http.get(&url)).await.expect(410);
    let heard = async || {
        let seen = server.get(Who::Sandbox, "/sandbox/v1/mails").await.json;
        seen["data"].as_array().is_some_and(|mails| !mails.is_empty()).then_some(())
    };
    server.until("the letter", heard).await;
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "nothing is logged at all");
    let secret = server.credential("/banked/api_secret");
    for hidden in [&*token, visit, key, secret, "token=", "55120934", "Hidden", "ida.hidden"] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden} stands in the log");
    }
}
