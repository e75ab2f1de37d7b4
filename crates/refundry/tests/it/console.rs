//! The console in a real Chromium, against the real binary: people sign in,
//! look, and decide; on a phone, at a desk, in the dark, with the keyboard
//! alone and without scripts. What every page looked like stands in
//! `target/screenshots`.

mod crowd;
mod decisions;
mod first_sign_in;

use crate::browser::Browser;
use crate::server::{Server, Who, answer, refundry};
use refundry_console::totp;
use refundry_engine::clock::real_now;
use serde_json::{Value, json};

/// A name that is longer than a line of a phone.
const LONG_NAME: &str = "Bartholomäus-Maximilian Wolfeschlegelsteinhausenbergerdorff von und zu Hohenlohe-Öhringen";
/// A name that wants to be more.
const HOSTILE_NAME: &str = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>";
/// A name that is written from the right.
const RIGHT_TO_LEFT: &str = "مريم \u{202e}عبد الله";

/// Somebody of `sandbox.json`.
pub(crate) struct Person {
    email: String,
    password: String,
    secret: Option<String>,
    api_key: Option<String>,
}

impl Person {
    pub(crate) fn of(server: &Server, role: &str, place: usize) -> Self {
        let users = server.sandbox["console"]["users"].as_array().unwrap();
        let has = |user: &&Value| user["roles"].as_array().unwrap().contains(&json!(role));
        let user = users.iter().filter(has).nth(place).unwrap();
        let text = |name: &str| user[name].as_str().map(str::to_owned);
        Self {
            email: text("email").unwrap(),
            password: text("password").unwrap(),
            secret: text("totp_secret"),
            api_key: text("api_key"),
        }
    }

    /// A code that their app shows now, or the next one: each is good once.
    fn code(&self, next: u64) -> String {
        let step = totp::step_at(real_now()) + next;
        self.secret.as_deref().and_then(|secret| totp::code(secret, step)).unwrap()
    }

    pub(crate) async fn signs_in(&self, browser: &Browser, base: &str) {
        browser.open(&format!("{base}/console/sign-in")).await;
        browser.fill("#email", &self.email).await;
        browser.fill("#password", &self.password).await;
        if self.secret.is_some() {
            browser.fill("#code", &self.code(0)).await;
        }
        browser.click("main .button").await;
        browser.at(&format!("{base}/console/approvals")).await;
    }
}

/// A sandbox whose merchant asks a second person about every refund.
async fn four_eyes() -> Server {
    let server = Server::start().await;
    let admin = Person::of(&server, "admin", 0);
    let policy = server.http.put(format!("{}/v1/approval-policy", server.base));
    let policy = policy.bearer_auth(admin.api_key.unwrap()).json(&json!({ "refunds": true, "required": 1 }));
    answer(policy).await.expect(200);
    server
}

/// A refund that waits for a second person.
async fn waiting(server: &Server, amount: u64, debtor: &str) -> String {
    let payin = server.payin_from(10_000, json!({ "name": debtor, "payid": "someone@payer.example" })).await;
    let body = json!({ "payment_id": payin, "amount": amount, "merchant_reference": format!("credit note {payin}") });
    let refund = server.post(Who::Native, "/v1/refunds", &payin, &body).await.expect(201);
    assert_eq!(refund.json["status"], "awaiting_approval", "{}", refund.text);
    refund.text("/id")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_signs_in_looks_and_decides() {
    let server = four_eyes().await;
    let (base, ada) = (server.base.as_str(), Person::of(&server, "approver", 0));
    let browser = Browser::start("console").await;
    browser.open(&format!("{base}/console")).await;
    browser.look("sign-in").await;
    browser.fill("#email", &ada.email).await;
    browser.fill("#password", "not the password").await;
    browser.click("main .button").await;
    browser.until("[role=alert]").await;
    assert!(browser.text("[role=alert]").await.contains("nobody was signed in"));
    browser.look("sign-in-wrong").await;
    ada.signs_in(&browser, base).await;
    browser.look("approvals-empty").await;
    let first = waiting(&server, 4_250, "Alex Chen").await;
    let second = waiting(&server, 9_999, LONG_NAME).await;
    waiting(&server, 1, HOSTILE_NAME).await;
    waiting(&server, 10_000, RIGHT_TO_LEFT).await;
    browser.open(&format!("{base}/console/approvals")).await;
    assert_eq!((browser.count("tbody tr").await, browser.count("main img, main script").await), (4, 0));
    browser.look("approvals").await;
    assert_ne!(browser.run("return document.title", &[]).await, "owned");

    // The keyboard alone: down to the first row, into it, on to approve it.
    browser.press("j").await;
    browser.press("\u{e007}").await;
    browser.at(&format!("{base}/console/approvals/{first}")).await;
    assert!(browser.text(".effect").await.starts_with("When you approve, A$42.50 goes to Alex Chen"));
    browser.look("approval").await;
    browser.press("a").await;
    browser.at(&format!("{base}/console/approvals/{first}/approve")).await;
    browser.look("approve").await;
    browser.fill("#code", "000").await;
    browser.click("main .button").await;
    browser.until("#code-error").await;
    assert!(browser.text("#code-error").await.contains("not right"));
    browser.look("approve-wrong").await;
    browser.run("document.querySelector('#code').focus()", &[]).await;
    browser.press(&format!("{}\u{e007}", ada.code(1))).await;
    browser.at(&format!("{base}/console/approvals")).await;
    assert!(browser.text("[role=status]").await.contains("A$42.50 goes to Alex Chen"));
    browser.look("approved").await;
    server.stands(&first, "settled").await;

    browser.open(&format!("{base}/console/approvals/{second}")).await;
    browser.look("approval-long").await;
    browser.press("r").await;
    browser.at(&format!("{base}/console/approvals/{second}/reject")).await;
    browser.fill("#note", "The customer kept the goods.").await;
    browser.fill("#amount", "99.98").await;
    browser.click("main .button").await;
    browser.until("#amount-error").await;
    browser.look("reject-wrong").await;
    browser.fill("#amount", "99.99").await;
    browser.look("reject").await;
    browser.click("main .button").await;
    browser.at(&format!("{base}/console/approvals")).await;
    assert!(browser.text("[role=status]").await.starts_with("Rejected"));
    server.stands(&second, "rejected").await;
    browser.open(&format!("{base}/console/approvals/{second}")).await;
    assert!(browser.text(".timeline").await.contains("The customer kept the goods."));
    browser.look("rejected").await;
    browser.click(".who .button").await;
    browser.at(&format!("{base}/console/sign-in")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    let server = four_eyes().await;
    let (base, abe) = (server.base.as_str(), Person::of(&server, "approver", 1));
    let refund = waiting(&server, 4_250, "Alex Chen").await;
    let browser = Browser::start("console-without-scripts").await;
    browser.scripts(false).await;
    abe.signs_in(&browser, base).await;
    browser.click("a.row-link").await;
    browser.until("a[data-key=a]").await;
    browser.click("a[data-key=a]").await;
    browser.until("#code").await;
    browser.fill("#code", &abe.code(1)).await;
    browser.click("main .button").await;
    browser.at(&format!("{base}/console/approvals")).await;
    assert!(browser.text("[role=status]").await.contains("A$42.50 goes to Alex Chen"));
    server.stands(&refund, "settled").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_the_command_line_signs_in_once() {
    let server = Server::start().await;
    let maker = Person::of(&server, "maker", 0);
    let link = |email: &str| {
        let mut command = refundry();
        command.args(["user", "sign-in-link", email, "--data"]).arg(server.data());
        command.env_remove("REFUNDRY_PUBLIC_ORIGIN").output().unwrap()
    };
    assert!(!link("nobody@sandbox.example").status.success());
    let said = link(&maker.email);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8(said.stdout).unwrap();
    let link = said.lines().next().unwrap();
    assert!(link.starts_with(&server.base), "{link}");
    let browser = Browser::start("console-link").await;
    browser.open(link).await;
    assert!(browser.text("main").await.contains(&maker.email));
    browser.look("link").await;
    browser.click("main .button").await;
    browser.at(&format!("{}/console/approvals", server.base)).await;
    let again = answer(server.http.get(link)).await.expect(200);
    assert!(again.text.contains("Sign in as"), "looking uses nothing up");
    browser.open(link).await;
    browser.click("main .button").await;
    browser.until("main a.button").await;
    assert_eq!(browser.text("h1").await, "This link does not work any more");
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(!log.contains(link.rsplit('/').next().unwrap()), "links are not logged");
}

#[tokio::test]
async fn the_console_keeps_to_its_own_paths() {
    let server = Server::start().await;
    let get = async |path: &str| answer(server.http.get(format!("{}{path}", server.base))).await;
    for path in ["/console/nothing", "/console/nothing/at/all"] {
        let page = get(path).await.expect(404);
        assert_eq!(page.media, "text/html; charset=utf-8", "{path}");
    }
    for path in ["/consoles", "/nothing", "/assets", "/v1/nothing"] {
        let problem = get(path).await.expect(404);
        assert_eq!(
            (problem.media.as_str(), problem.json["code"].as_str()),
            ("application/problem+json", Some("not_found")),
            "{path}"
        );
    }
    let sign_in = server.http.get(format!("{}/console/sign-in", server.base)).send().await.unwrap();
    let header = |name: &str| sign_in.headers()[name].to_str().unwrap();
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff", "no-store"));
    assert_eq!(server.sandbox["console"]["url"], format!("{}/console", server.base));
}

#[tokio::test]
async fn behind_a_proxy_with_tls_cookies_are_bound_to_the_host() {
    let server = Server::with(&[("REFUNDRY_PUBLIC_ORIGIN", "https://refunds.example")]).await;
    let page = server.http.get(format!("{}/console/sign-in", server.base)).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-refundry_form=") && cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
}
