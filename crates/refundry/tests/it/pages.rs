//! Pages behind links in a real Chromium, against the real binary: a customer
//! gives bank details, a merchant consents at its bank, and a person of the
//! merchant makes a refund. What every page looked like stands in
//! `target/screenshots`.

use crate::browser::{Browser, WIDTHS};
use crate::console::Person;
use crate::server::{DAY, Server, Who, answer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A payment session of this currency.
async fn session(server: &Server, currency: &str, key: &str) -> String {
    let body = json!({
        "reference": "Candles",
        "success_url": format!("{}/healthz?done=__PAYMENT_ID__", server.base),
        "error_url": format!("{}/healthz?failed=__PAYMENT_ID__", server.base),
        "line_items": [{ "name": "Candle", "amount": 1250, "currency": currency, "quantity": 2 }],
        "payer": { "name": "Ida <b>Korhonen</b>", "email": "ida@example.org" },
    });
    server.post(Who::Banked, "/v2/payment_sessions", key, &body).await.expect(201).text("/id")
}

/// One that was paid at a bank that tells no account, or at another.
async fn paid(server: &Server, currency: &str, bank: &str, key: &str) -> String {
    let session = session(server, currency, key).await;
    let body = json!({ "bank": bank, "decision": "authorise" });
    server.lever(&format!("checkouts/{session}/decision"), body).await;
    reaches(server, &session, "sent").await;
    session
}

async fn shown(server: &Server, session: &str) -> Value {
    server.get(Who::Banked, &format!("/v2/payment_sessions/{session}")).await.expect(200).json
}

async fn reaches(server: &Server, session: &str, state: &str) {
    server.until(state, async || (shown(server, session).await["state"] == state).then_some(())).await;
}

/// A refund of a session.
async fn refund(server: &Server, session: &str, key: &str) -> Value {
    let body = json!({
        "payment_session_id": session, "amount": 1200, "reference": "Rug corner",
        "success_url": format!("{}/healthz?refunded=__PAYMENT_ID__", server.base),
    });
    server.post(Who::Banked, "/v2/refunds", key, &body).await.expect(201).json
}

/// The session that gives a refund back, once there is one.
async fn own_session(server: &Server, session: &str) -> String {
    let refunds = shown(server, session).await["refunds"].clone();
    refunds[0]["refund_payment_session_id"].as_str().unwrap().to_owned()
}

fn link(refund: &Value) -> &str {
    refund["url"].as_str().unwrap()
}

// conformance: banked 33
// conformance: banked 34
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_says_where_the_money_should_go() {
    let server = Server::start().await;
    let session = paid(&server, "GBP", "mock-bank-no-details", "one").await;
    let made = refund(&server, &session, "one").await;
    let browser = Browser::start("details").await;
    browser.open(link(&made)).await;
    browser.look("form").await;
    assert!(browser.text("main").await.contains("Rug corner"));
    for (field, text) in [("#holder_name", "Ida Korhonen"), ("#bank_code", "04-00-9"), ("#number", "5512")] {
        browser.fill(field, text).await;
    }
    browser.click("main .button").await;
    browser.until("#problems").await;
    assert_eq!(browser.text("#bank_code-error").await, "Enter the 6 digits of your sort code.");
    assert_eq!(browser.text("#number-error").await, "Enter the 8 digits of your account number.");
    assert_eq!(browser.run("return document.title.startsWith('Error: ')", &[]).await, true);
    // All that is wrong is read first, and leads to its field.
    assert_eq!(browser.run("return document.activeElement.id", &[]).await, "problems");
    assert!(browser.text("#problems").await.contains("Enter the 8 digits of your account number."));
    browser.click("#problems li a").await;
    assert_eq!(browser.run("return document.activeElement.id", &[]).await, "bank_code");
    assert_eq!(browser.run("return document.querySelector('#holder_name').value", &[]).await, "Ida Korhonen");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.look("wrong").await;
    // A field is looked at when it was left, and not before.
    browser.fill("#bank_code", "04-0").await;
    assert_eq!(browser.count("#bank_code-error").await, 0);
    browser.press("\u{e004}").await;
    assert_eq!(browser.text("#bank_code-error").await, "A sort code has 6 digits.");
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.fill("#bank_code", "04-00-99").await;
    browser.press("\u{e004}").await;
    assert_eq!((browser.count("#bank_code-error").await, browser.count("[aria-invalid]").await), (0, 1));
    browser.fill("#number", "55120934").await;
    browser.press("\u{e007}").await;
    browser.until("form [value=give]").await;
    browser.look("confirm").await;
    browser.click("[value=change]").await;
    browser.until("#number").await;
    assert_eq!(browser.run("return document.querySelector('#number').value", &[]).await, "55120934");
    browser.click("main .button").await;
    browser.until("form [value=give]").await;
    // Two clicks are one.
    browser.run("const give = document.querySelector('[value=give]'); give.click(); give.click();", &[]).await;
    browser.until(".effect .figures").await;
    assert!(browser.text(".effect").await.contains("£12.00 will go to the account ••34"));
    browser.look("taken").await;
    reaches_payment(&server, &session).await;
    browser.open(link(&made)).await;
    assert!(browser.complaints().await.iter().all(|line| line.contains("410")));
    browser.look("used").await;
    let given = browser.text("main").await;
    assert!(!given.contains("Ida") && !given.contains("34"), "{given}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_hits_what_it_was_put_on() {
    let server = Server::start().await;
    let session = paid(&server, "AUD", "mock-bank-no-details", "one").await;
    let made = refund(&server, &session, "one").await;
    let browser = Browser::start("details").await;
    browser.resize(WIDTHS[0]).await;
    browser.open(link(&made)).await;
    let place = async |css: &str| {
        browser.run(&format!("return document.querySelector('{css}').getBoundingClientRect().top"), &[]).await
    };
    // The field before is wrong, and the link below would move when it says so.
    browser.fill("#number", "12345678901").await;
    browser.press("\u{e003}").await;
    browser.tap("form p a").await;
    browser.until("label[for=number]").await;
    assert_eq!(browser.text("label[for=number]").await, "PayID");
    browser.back().await;
    browser.until("#bank_code").await;
    for (field, text) in [("#holder_name", "Ida Korhonen"), ("#bank_code", "062000"), ("#number", "12")] {
        browser.fill(field, text).await;
    }
    browser.fill("#number", "x").await;
    browser.press("\u{e004}").await;
    assert_eq!(browser.count("#number-error").await, 1);
    let below = place("main .button").await;
    // The last fault is mended, and the very next thing is the button.
    browser.click("#number").await;
    browser.press("\u{e003}55120934").await;
    assert_eq!(place("main .button").await, below);
    browser.tap("main .button").await;
    browser.until("[value=give]").await;
    assert!(browser.text("main").await.contains("55120934"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_give_one_account() {
    let server = Server::start().await;
    let session = paid(&server, "GBP", "mock-bank-no-details", "one").await;
    let made = refund(&server, &session, "one").await;
    let (one, other) = (Browser::start("details").await, Browser::start("details").await);
    for (tab, number) in [(&one, "55120934"), (&other, "11112222")] {
        tab.open(link(&made)).await;
        for (field, text) in [("#holder_name", "Ida Korhonen"), ("#bank_code", "040099"), ("#number", number)] {
            tab.fill(field, text).await;
        }
        tab.click("main .button").await;
        tab.until("[value=give]").await;
    }
    one.click("[value=give]").await;
    one.until(".effect .figures").await;
    other.click("[value=give]").await;
    other.until("main p").await;
    assert_eq!(other.text("h1").await, "Bank details were given already");
    reaches_payment(&server, &session).await;
    let own = own_session(&server, &session).await;
    assert_eq!(shown(&server, &own).await["payee"]["account_number"], "55120934");
    assert_eq!(shown(&server, &session).await["refunds"].as_array().unwrap().len(), 1);
}

async fn reaches_payment(server: &Server, session: &str) {
    let refunds = shown(server, session).await["refunds"].clone();
    assert_eq!(refunds[0]["state"], "awaiting_payment", "{refunds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_nowhere_tell_nothing() {
    let server = Server::start().await;
    let session = paid(&server, "GBP", "mock-bank-no-details", "one").await;
    let made = refund(&server, &session, "one").await;
    let (path, token) = link(&made).split_once("?token=").unwrap();
    let open = async |url: String| answer(server.http.get(url)).await;
    let other = if token.starts_with('A') { 'B' } else { 'A' };
    let unknown = open(format!("{}/refunds/21b6b2ec-b749-4f25-a330-7274b1620c7c?token={token}", server.base)).await;
    assert_eq!(unknown.status, 404);
    for url in [
        path.to_owned(),
        format!("{path}?token="),
        format!("{path}?token=AAAAAAAAAAAAAAAAAAAAAA"),
        format!("{path}/?token={other}{}", &token[1..]),
        format!("{}/refunds/x?token={token}", server.base),
        format!("{}/checkout/21b6b2ec-b749-4f25-a330-7274b1620c7c?v3", server.base),
        format!("{}/checkout/{}", server.base, path.rsplit('/').next().unwrap()),
        format!("{}/mock-bank/{token}", server.base),
    ] {
        assert_eq!(open(url.clone()).await, unknown, "{url}");
    }
    let browser = Browser::start("details").await;
    browser.open(path).await;
    assert!(browser.complaints().await.iter().all(|line| line.contains("404")));
    browser.look("nowhere").await;
    // Its time is over; and nobody else's page may send the form.
    let foreign = server.http.post(link(&made)).header("sec-fetch-site", "cross-site").body("step=give");
    assert_eq!(answer(foreign).await.status, 403);
    server.advance(31 * DAY).await;
    browser.open(link(&made)).await;
    assert!(browser.complaints().await.iter().all(|line| line.contains("410")));
    browser.look("over").await;
    assert!(browser.text("h1").await.contains("ended"));
    // Programs hear why: in the native API, and in its events.
    let id = path.rsplit('/').next().unwrap();
    let ended = server.get(Who::Native, &format!("/v1/refunds/{id}")).await.expect(200).json;
    assert_eq!((&ended["status"], &ended["reason"]["code"]), (&json!("expired"), &json!("details_not_provided")));
    let again = refund(&server, &session, "again").await;
    assert_eq!(again["state"], "awaiting_details", "its amount is free again");
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(!log.contains(token), "the token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_currency_has_its_form_and_no_script_is_needed() {
    let server = Server::start().await;
    let browser = Browser::start("details").await;
    browser.scripts(false).await;
    let session = paid(&server, "EUR", "mock-bank-no-details", "eur").await;
    let made = refund(&server, &session, "eur").await;
    browser.open(link(&made)).await;
    browser.fill("#holder_name", "Ida Korhonen").await;
    browser.fill("#number", "DE88 3704 0044 0532 0130 00").await;
    browser.click("main .button").await;
    browser.until("#number-error").await;
    assert!(browser.text("#number-error").await.starts_with("Check the IBAN"));
    browser.fill("#number", "DE89 3704 0044 0532 0130 00").await;
    browser.click("main .button").await;
    browser.until("[value=give]").await;
    browser.click("[value=give]").await;
    browser.until(".effect .figures").await;
    assert!(browser.text(".effect").await.contains("€12.00"));
    let session = paid(&server, "AUD", "mock-bank-no-details", "aud").await;
    let made = refund(&server, &session, "aud").await;
    browser.open(link(&made)).await;
    assert_eq!((browser.count("#bank_code").await, browser.text("label[for=bank_code]").await), (1, "BSB".to_owned()));
    browser.click("form p a").await;
    browser.until("label[for=number]").await;
    assert_eq!((browser.count("#bank_code").await, browser.text("label[for=number]").await), (0, "PayID".to_owned()));
    browser.fill("#holder_name", "Ida Korhonen").await;
    browser.fill("#number", "ida@example.org").await;
    browser.click("main .button").await;
    browser.until("[value=give]").await;
    browser.click("[value=give]").await;
    browser.until(".effect .figures").await;
    reaches_payment(&server, &session).await;
}

// conformance: banked 17
// conformance: banked 31
// conformance: banked 32
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_consents_at_its_bank() {
    let server = Server::start().await;
    let browser = Browser::start("checkout").await;
    let session = session(&server, "GBP", "one").await;
    browser.open(&format!("{}/checkout/{session}?v3", server.base)).await;
    browser.look("customer").await;
    browser.click("[value=mock-bank]").await;
    browser.click("main .button").await;
    browser.until("[value=authorise]").await;
    browser.look("bank").await;
    browser.click("[value=authorise]").await;
    browser.at(&format!("{}/healthz?done={session}", server.base)).await;
    reaches(&server, &session, "sent").await;
    browser.complaints().await;

    refund(&server, &session, "one").await;
    let own = own_session(&server, &session).await;
    let checkout = format!("{}/checkout/{own}?v3", server.base);
    browser.open(&checkout).await;
    let said = browser.text("main").await;
    assert!(said.contains("••34") && !said.contains("55120934"), "{said}");
    browser.look("merchant").await;
    browser.click("main .button").await;
    browser.until("[value=authorise]").await;
    let bank = browser.url().await;
    browser.look("merchant-bank").await;
    // Two clicks, and a second tab that says otherwise, have one effect.
    browser.run("const yes = document.querySelector('[value=authorise]'); yes.click(); yes.click();", &[]).await;
    browser.at(&format!("{}/healthz?refunded={own}", server.base)).await;
    let late = answer(server.http.post(&bank).body("decision=decline")).await;
    assert_eq!(late.status, 303);
    reaches(&server, &own, "sent").await;
    assert_eq!(shown(&server, &session).await["refunds"][0]["state"], "sent");
    browser.complaints().await;
    browser.open(&checkout).await;
    browser.look("sent").await;

    let other = paid(&server, "GBP", "mock-bank", "two").await;
    refund(&server, &other, "two").await;
    let own = own_session(&server, &other).await;
    browser.open(&format!("{}/checkout/{own}?v3", server.base)).await;
    browser.click("main .button").await;
    browser.until("[value=decline]").await;
    browser.click("[value=decline]").await;
    // It has no error_url: the page is ours.
    browser.at(&format!("{}/checkout/{own}/result", server.base)).await;
    browser.look("declined").await;
    reaches(&server, &own, "failed").await;
    let body = json!({ "payment_session_id": other, "amount": 2500, "reference": "All of it" });
    server.post(Who::Banked, "/v2/refunds", "again", &body).await.expect(201);
}

/// A merchant's own site: says which addresses were asked for, and whether
/// the browser said where it came from.
async fn merchants_site() -> (String, mpsc::UnboundedReceiver<(String, bool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut visitor, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let mut asked = vec![0; 8_192];
                let length = visitor.read(&mut asked).await.unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let target = asked.split(' ').nth(1).unwrap_or_default().to_owned();
                if target.starts_with("/shop") {
                    let _ = told.send((target, asked.to_ascii_lowercase().contains("\r\nreferer:")));
                }
                let page = "<!doctype html><title>Shop</title><link rel=icon href=data:,><p>Back in the shop</p>";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length";
                let _ = visitor.write_all(format!("{head}: {}\r\n\r\n{page}", page.len()).as_bytes()).await;
            });
        }
    });
    (site, heard)
}

// conformance: banked 17
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_ends_at_the_merchants_address() {
    let server = Server::start().await;
    let (site, mut heard) = merchants_site().await;
    let browser = Browser::start("checkout").await;
    for (decision, way) in [("authorise", "ok"), ("decline", "fail")] {
        let body = json!({
            "reference": "Candles",
            "success_url": format!("{site}/shop/ok?id=__PAYMENT_ID__"),
            "error_url": format!("{site}/shop/fail?id=__PAYMENT_ID__"),
            "line_items": [{ "name": "Candle", "amount": 1250, "currency": "GBP", "quantity": 2 }],
        });
        let made = server.post(Who::Banked, "/v2/payment_sessions", decision, &body).await.expect(201);
        let id = made.text("/id");
        browser.open(&made.text("/url")).await;
        // Without a choice the page says what is missing, and goes nowhere.
        browser.click("main .button").await;
        browser.until("#problems").await;
        assert_eq!(browser.text("#bank-error").await, "Choose the bank that your account is at.");
        browser.look("no-bank").await;
        browser.click("[value=mock-bank]").await;
        browser.click("main .button").await;
        browser.until("[value=authorise]").await;
        let bank = browser.url().await;
        // Two clicks, and a second tab that is late, have one effect.
        let twice = format!("const it = document.querySelector('[value={decision}]'); it.click(); it.click();");
        browser.run(&twice, &[]).await;
        let end = format!("{site}/shop/{way}?id={id}");
        browser.at(&end).await;
        assert_eq!(heard.recv().await.unwrap(), (format!("/shop/{way}?id={id}"), false));
        let late = answer(server.http.post(&bank).body("decision=decline")).await;
        assert_eq!(late.status, 303, "{}", late.text);
        assert_eq!(late.status, 303, "the way on is ours");
        // Without scripts the answer page leads on as well.
        browser.scripts(false).await;
        browser.open(&bank).await;
        browser.at(&end).await;
        browser.scripts(true).await;
        assert_eq!(heard.recv().await.unwrap(), (format!("/shop/{way}?id={id}"), false));
        let answer = server.http.get(format!("{}/checkout/{id}/result", server.base)).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("form-action 'self';") && !policy.contains("http"), "{policy}");
        assert!(answer.text().await.unwrap().contains(&format!("url={end}")), "a GET from an answer page");
        reaches(&server, &id, if way == "ok" { "sent" } else { "failed" }).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payin_of_the_third_generation_is_paid_on_the_page() {
    let server = Server::start().await;
    let (site, mut heard) = merchants_site().await;
    let body = json!({
        "amount": 4400, "currency": "AUD", "checkout_config": { "redirect_url": format!("{site}/shop/back") },
        "remittance_information": { "unstructured": "Order 2093" },
    });
    let made = server.post(Who::Banked, "/v3/payins", "payin", &body).await.expect(201);
    let browser = Browser::start("checkout").await;
    browser.open(&made.text("/checkout_url")).await;
    browser.look("payin").await;
    browser.click("[value=mock-bank-au]").await;
    browser.click("main .button").await;
    browser.until("[value=authorise]").await;
    browser.look("payin-bank").await;
    browser.click("[value=authorise]").await;
    browser.at(&format!("{site}/shop/back")).await;
    assert_eq!(heard.recv().await.unwrap(), ("/shop/back".to_owned(), false));
    let path = format!("/v3/payins/{}", made.text("/id"));
    let sent = async || {
        let status = server.get(Who::Banked, &path).await.expect(200).json["status_details"]["status"].clone();
        (status == "SENT").then_some(())
    };
    server.until("the pay-in is sent", sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_at_the_bank_send_once() {
    let server = Server::start().await;
    let session = paid(&server, "GBP", "mock-bank", "one").await;
    refund(&server, &session, "one").await;
    let own = own_session(&server, &session).await;
    let (one, other) = (Browser::start("checkout").await, Browser::start("checkout").await);
    for tab in [&one, &other] {
        tab.open(&format!("{}/checkout/{own}?v3", server.base)).await;
        tab.click("main .button").await;
        tab.until("[value=authorise]").await;
    }
    one.click("[value=authorise]").await;
    let end = format!("{}/healthz?refunded={own}", server.base);
    one.at(&end).await;
    // The other tab says no too late, and hears what came of it.
    other.click("[value=decline]").await;
    other.at(&end).await;
    reaches(&server, &own, "sent").await;
    let books = server.books(&session).await;
    assert_eq!((books["data"].as_array().unwrap().len(), &books["totals"]["paid"]), (1, &json!(1200)), "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gives_money_back_from_a_payments_page() {
    let server = Server::start().await;
    let session = paid(&server, "GBP", "mock-bank-no-details", "one").await;
    let browser = Browser::start("payments").await;
    let base = &server.base;
    Person::of(&server, "maker", 0).signs_in(&browser, base).await;
    browser.open(&format!("{base}/console/payments")).await;
    browser.look("list").await;
    let said = browser.text("main").await;
    assert!(said.contains("“Candles”"), "nothing says which payment is which");
    assert!(said.contains("Ida <b>Korhonen</b>") && said.contains("Named by the merchant"), "{said}");
    browser.open(&format!("{base}/console/payments/{session}")).await;
    assert_eq!(browser.text("h1").await, "Payment from Ida <b>Korhonen</b>");
    browser.look("payment").await;
    browser.fill("#amount", "26").await;
    browser.click("#refund .button").await;
    browser.until("#amount-error").await;
    assert_eq!(browser.text("#amount-error").await, "At most £25.00 can be given back.");
    browser.complaints().await;
    browser.look("too-much").await;
    browser.fill("#amount", "12.00").await;
    browser.click("#refund .button").await;
    browser.until("[value=make]").await;
    browser.look("confirm").await;
    browser.run("const make = document.querySelector('[value=make]'); make.click(); make.click();", &[]).await;
    browser.at(&format!("{base}/console/payments/{session}")).await;
    server
        .until("the letter", async || {
            let mails = server.get(Who::Sandbox, "/sandbox/v1/mails").await.expect(200).json;
            (!mails["data"].as_array().unwrap().is_empty()).then_some(())
        })
        .await;
    browser.open(&format!("{base}/console/payments/{session}")).await;
    browser.look("waiting").await;
    let first = browser.text(".entries code").await;
    assert!(first.contains("/refunds/") && browser.count(".entries > li").await == 1, "{first}");
    browser.click(".entries form .button").await;
    browser.until("[role=status]").await;
    let second = browser.text(".entries code").await;
    assert_ne!(first, second);
    browser.open(&first).await;
    assert!(browser.text("h1").await.contains("newer link"));
    browser.complaints().await;
    browser.look("replaced").await;
    browser.open(&second).await;
    assert_eq!(browser.text("h1").await, "Where should your refund go?");
}
