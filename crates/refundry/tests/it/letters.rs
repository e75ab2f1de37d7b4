//! Letters to customers, as a real mail server gets them.

use crate::browser::Browser;
use crate::console::Person;
use crate::library::Library;
use crate::server::{Answer, DAY, Server, Who, answer};
use serde_json::{Value, json};

/// The settings of a server whose mail server listens at this port.
fn settings(port: u16) -> Vec<(&'static str, &'static str)> {
    vec![
        ("REFUNDRY_MOCK_BANK__TIME_SCALE_PERMILLE", "0"),
        ("REFUNDRY_MAIL__SMTP_HOST", "127.0.0.1"),
        ("REFUNDRY_MAIL__SMTP_PORT", port.to_string().leak()),
        ("REFUNDRY_MAIL__TLS", "none"),
        ("REFUNDRY_MAIL__FROM", "refunds@shop.example"),
        ("REFUNDRY_DIALECTS__BANKED__DETAILS_REMINDER_DAYS", "[3]"),
    ]
}

fn postbox(port: Option<u16>) -> (Library, u16) {
    let port = port.map(|port| port.to_string());
    let arguments: Vec<&str> = port.iter().map(String::as_str).collect();
    let mut postbox = Library::python_with("postbox.py", &arguments);
    let port = postbox.hear().as_u64().unwrap();
    (postbox, port.try_into().unwrap())
}

/// The next letter that was taken, whatever was refused before it.
fn letter_of(postbox: &mut Library) -> Value {
    loop {
        let said = postbox.hear();
        if said.get("to").is_some() {
            return said;
        }
    }
}

/// A refund of a session that was paid at a bank that tells no account, to a
/// payer with this address.
async fn refund(server: &Server, email: &str, name: &str) -> Answer {
    let body = json!({
        "reference": "Candles",
        "line_items": [{ "name": "Candle", "amount": 1250, "currency": "GBP", "quantity": 1 }],
        "payer": { "name": name, "email": email },
    });
    let session = server.post(Who::Banked, "/v2/payment_sessions", email, &body).await.expect(201).text("/id");
    let decision = json!({ "bank": "mock-bank-no-details", "decision": "authorise" });
    server.lever(&format!("checkouts/{session}/decision"), decision).await;
    let path = format!("/v2/payment_sessions/{session}");
    server
        .until("the money", async || (server.get(Who::Banked, &path).await.json["state"] == "sent").then_some(()))
        .await;
    let body = json!({ "payment_session_id": session, "reference": "Rug corner" });
    let made = server.post(Who::Banked, "/v2/refunds", email, &body).await.expect(201);
    assert_eq!(made.json["state"], "awaiting_details", "{}", made.text);
    made
}

fn check(letter: &Value, url: &str) {
    assert_eq!(letter["defects"], json!([]), "{letter}");
    assert_eq!(letter["from"], "refunds@shop.example");
    let (headers, body) = (&letter["headers"], &letter["body"]);
    assert!(headers["from"].as_str().unwrap().contains("Demo Merchant"), "{headers}");
    assert!(headers["subject"].as_str().unwrap().contains("£12.50"), "{headers}");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    let text = body["text/plain"].as_str().unwrap();
    assert!(text.contains(url) && text.contains("£12.50") && text.contains("Rug corner"), "{text}");
    let html = body["text/html"].as_str().unwrap();
    assert!(html.contains(&format!("href=\"{}\"", url.replace('&', "&#38;"))), "{html}");
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
}

// conformance: banked 37
#[tokio::test]
async fn a_letter_arrives_and_its_link_works_once() {
    let (mut postbox, port) = postbox(None);
    let server = Server::with(&settings(port)).await;
    let hostile = "Ida\"<img src=x onerror=alert(1)>";
    let made = refund(&server, "ida@example.org", hostile).await;
    let url = made.text("/url");
    let letter = letter_of(&mut postbox);
    assert_eq!(letter["to"], json!(["ida@example.org"]));
    check(&letter, &url);
    // The mail server has it a moment before the sender knows.
    let shown = server
        .until("the letter among the mails", async || {
            let shown = server.get(Who::Sandbox, "/sandbox/v1/mails").await.expect(200).json;
            (!shown["data"].as_array().unwrap().is_empty()).then_some(shown)
        })
        .await;
    assert_eq!((shown["data"].as_array().unwrap().len(), &shown["data"][0]["to"]), (1, &json!("ida@example.org")));
    assert!(shown["data"][0]["text"].as_str().unwrap().contains(&url));
    let open = async || answer(server.http.get(&url)).await;
    let page = open().await.expect(200);
    assert!(page.text.contains("£12.50") && !page.text.contains("<img"), "{}", page.text);
    let details = "step=give&form=sort-code&holder_name=Ida+Korhonen&bank_code=04-00-99&number=55120934";
    let give = async || answer(server.http.post(&url).body(details)).await;
    let taken = give().await.expect(200);
    assert!(taken.text.contains("••34") && !taken.text.contains("55120934"), "{}", taken.text);
    assert_eq!((give().await.status, open().await.status), (410, 410));

    // The next day's letters know nothing of the first refund any more.
    server.advance(4 * DAY).await;
    let url = refund(&server, "otto@example.org", "Otto").await.text("/url");
    let letter = letter_of(&mut postbox);
    assert_eq!(letter["to"], json!(["otto@example.org"]));
    server.advance(3 * DAY).await;
    let reminder = letter_of(&mut postbox);
    check(&reminder, &url);
    assert_eq!(reminder["to"], letter["to"]);
}

#[tokio::test]
async fn letters_survive_their_mail_server_and_ours() {
    let (first, port) = postbox(None);
    drop(first);
    let mut server = Server::with(&settings(port)).await;
    // Nobody is there to take letters, and the calls do not wait for anybody.
    let one = refund(&server, "one@example.org", "One").await.text("/url");
    server.kill();
    let (mut postbox, _) = postbox(Some(port));
    server.start_again().await;
    let path = |url: &str| url.split_once("/refunds/").unwrap().1.to_owned();
    let letter = letter_of(&mut postbox);
    assert!(letter["body"]["text/plain"].as_str().unwrap().contains(&path(&one)), "{letter}");
    // Put off, refused for ever, and one that is like the others.
    let later = refund(&server, "later@example.org", "Later").await.text("/url");
    refund(&server, "never@example.org", "Never").await;
    refund(&server, "two@example.org", "Two").await;
    assert_eq!(letter_of(&mut postbox)["to"], json!(["two@example.org"]));
    server.advance(60).await;
    let letter = letter_of(&mut postbox);
    assert_eq!(letter["to"], json!(["later@example.org"]));
    assert!(letter["body"]["text/plain"].as_str().unwrap().contains(&path(&later)));
    refund(&server, "three@example.org", "Three").await;
    assert_eq!(letter_of(&mut postbox)["to"], json!(["three@example.org"]), "each letter once");
}

// conformance: banked 37
#[tokio::test]
async fn a_letter_refused_for_good_is_not_tried_again() {
    let (mut postbox, port) = postbox(None);
    let mut server = Server::with(&settings(port)).await;
    refund(&server, "never@example.org", "Never").await;
    assert_eq!(postbox.hear(), json!({ "refused": "never@example.org" }));
    // One letter at a time: when the next arrived, the refusal is written down.
    refund(&server, "two@example.org", "Two").await;
    assert_eq!(postbox.hear()["to"], json!(["two@example.org"]));
    let listed = server
        .until("both letters among the mails", async || {
            let mails = server.get(Who::Sandbox, "/sandbox/v1/mails").await.expect(200).json["data"].clone();
            (mails.as_array().unwrap().len() == 2).then_some(mails)
        })
        .await;
    let told = |index: usize| ["to", "outcome", "smtp_code"].map(|member| listed[index][member].clone());
    assert_eq!(told(0), [json!("two@example.org"), json!("sent"), json!(null)]);
    assert_eq!(told(1), [json!("never@example.org"), json!("refused"), json!(550)]);
    server.end();
    server.start_again().await;
    refund(&server, "three@example.org", "Three").await;
    assert_eq!(postbox.hear()["to"], json!(["three@example.org"]), "nobody else was written to");
    // Nor is it reminded of what never came.
    server.advance(3 * DAY + 60).await;
    let reminded = [postbox.hear()["to"].clone(), postbox.hear()["to"].clone()];
    for address in ["two@example.org", "three@example.org"] {
        assert!(reminded.contains(&json!([address])), "{reminded:?}");
    }
    refund(&server, "four@example.org", "Four").await;
    assert_eq!(postbox.hear()["to"], json!(["four@example.org"]));
}

// conformance: banked 35
#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_comes_by_letter_and_voids_the_one_before() {
    let (mut postbox, port) = postbox(None);
    let mut settings = settings(port);
    settings.push(("REFUNDRY_DIALECTS__BANKED__DETAILS_MAILS_PER_DAY", "2"));
    let server = Server::with(&settings).await;
    let made = refund(&server, "ida@example.org", "Ida").await;
    let link = |letter: &Value| {
        let text = letter["body"]["text/plain"].as_str().unwrap();
        let found = text.split_whitespace().find(|word| word.contains("/refunds/"));
        found.unwrap_or_else(|| panic!("no link: {text}")).to_owned()
    };
    let first = link(&letter_of(&mut postbox));
    assert_eq!(first, made.text("/url"));
    let browser = Browser::start("letters").await;
    let page = format!("{}/console/payments/{}", server.base, made.text("/payment_session_id"));
    let send_again = async || {
        browser.open(&page).await;
        browser.click(".entries form button").await;
        browser.until(".flash .notice").await;
        browser.text(".flash .notice").await
    };
    Person::of(&server, "maker", 0).signs_in(&browser, &server.base).await;
    assert!(send_again().await.starts_with("A new link is on its way"));
    let second = link(&letter_of(&mut postbox));
    assert_ne!(second, first);
    let old = answer(server.http.get(&first)).await;
    assert!(old.status == 410 && old.text.contains("There is a newer link"), "{}", old.text);
    let given = "step=give&form=sort-code&holder_name=Ida&bank_code=040099&number=55120934";
    assert_eq!(answer(server.http.post(&first).body(given)).await.status, 410, "it takes nothing any more");
    answer(server.http.get(&second)).await.expect(200);
    // So many letters in a day and no more, and the link stays as it is.
    assert!(send_again().await.contains("No link was sent"));
    refund(&server, "otto@example.org", "Otto").await;
    assert_eq!(letter_of(&mut postbox)["to"], json!(["otto@example.org"]));
    answer(server.http.get(&second)).await.expect(200);
    server.advance(DAY).await;
    Person::of(&server, "maker", 0).signs_in(&browser, &server.base).await;
    assert!(send_again().await.starts_with("A new link is on its way"));
    let third = link(&letter_of(&mut postbox));
    assert!(third != second && third != first);
    let taken = answer(server.http.post(&third).body(given)).await.expect(200);
    assert!(taken.text.contains("••34"), "{}", taken.text);
}
