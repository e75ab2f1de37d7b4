//! Pages behind links over a dialect that says what a story wants: hostile
//! texts stay texts, strangers learn nothing, and a merchant's look is served.

use crate::hostile::CORES;
use crate::world::World;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use refundry_console::{Hosted, HostedParts};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::CreditorSource;
use refundry_domain::payment::Payment;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::hosted::{
    AccountFields, Bank, Checkout, CheckoutItem, CheckoutPages, CheckoutState, Decision, DetailsAnswer, DetailsAsked,
    DetailsField, DetailsForm, DetailsLink, FieldFault, HostedFuture, HostedPages, Letter, LettersSent, NotRenewed,
};
use refundry_engine::registry::{Brand, RegistryChange, RegistryEntry};
use refundry_testkit::make;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

/// The token, id and visit that lead somewhere.
const GOOD: &str = "good";

/// A dialect with one link of each kind and one text in every place.
struct Told {
    merchant: MerchantId,
    text: Mutex<String>,
    state: Mutex<CheckoutState>,
}

impl Told {
    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn checkout(&self) -> Checkout {
        let text = self.text();
        Checkout {
            merchant: self.merchant,
            merchant_name: text.clone(),
            id: 7,
            refund: true,
            amount: Amount::new(1_250, Currency::GBP),
            creditor_name: Some(text.clone()),
            creditor_account: Some(text.clone()),
            creditor_source: Some(CreditorSource::CustomerSupplied),
            remittance: text.clone(),
            own_text: Some(format!("bnkd {text}")),
            items: vec![CheckoutItem {
                name: text.clone(),
                description: Some(text.clone()),
                quantity: 3,
                price: Amount::new(1_250, Currency::GBP),
            }],
            state: *self.state.lock().unwrap(),
            bank: None,
            banks: vec![Bank { id: "mock-bank", name: "Mock Bank" }],
            success_url: Some(text.clone()),
            error_url: Some(text),
        }
    }

    fn link(&self, token: &str) -> DetailsLink {
        if token != GOOD {
            return DetailsLink::Unknown;
        }
        DetailsLink::Open(DetailsAsked {
            merchant: self.merchant,
            merchant_name: self.text(),
            amount: Amount::new(1_250, Currency::GBP),
            remittance: Some(self.text()),
            forms: vec![AccountFields::SortCode, AccountFields::PayId],
            until: make::AT,
        })
    }

    fn judge(&self, token: &str, form: &DetailsForm) -> DetailsAnswer {
        match self.link(token) {
            DetailsLink::Open(_) if form.bank_code == "1" => {
                DetailsAnswer::Faults(vec![FieldFault { field: DetailsField::BankCode, says: "Six digits." }])
            }
            DetailsLink::Open(_) => DetailsAnswer::Taken { masked: self.text() },
            other @ (DetailsLink::Unknown | DetailsLink::Replaced | DetailsLink::Used | DetailsLink::Over) => {
                DetailsAnswer::Link(other)
            }
        }
    }
}

/// An answer that is there.
fn now<'a, T: Send + 'a>(value: T) -> HostedFuture<'a, T> {
    Box::pin(async { Ok(value) })
}

impl CheckoutPages for Told {
    fn checkout<'a>(&'a self, id: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        now((id == GOOD).then(|| self.checkout()))
    }

    fn visit<'a>(&'a self, id: &'a str, bank: &'a str) -> HostedFuture<'a, Option<String>> {
        now((id == GOOD && bank == "mock-bank").then(|| GOOD.to_owned()))
    }

    fn at_bank<'a>(&'a self, visit: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        now((visit == GOOD).then(|| self.checkout()))
    }

    fn decide<'a>(&'a self, visit: &'a str, _: Decision) -> HostedFuture<'a, Option<Checkout>> {
        now((visit == GOOD).then(|| self.checkout()))
    }
}

impl HostedPages for Told {
    fn details<'a>(&'a self, _: &'a str, token: &'a str) -> HostedFuture<'a, DetailsLink> {
        now(self.link(token))
    }

    fn check_details<'a>(&'a self, _: &'a str, token: &'a str, form: DetailsForm) -> HostedFuture<'a, DetailsAnswer> {
        now(self.judge(token, &form))
    }

    fn give_details<'a>(&'a self, _: &'a str, token: &'a str, form: DetailsForm) -> HostedFuture<'a, DetailsAnswer> {
        now(self.judge(token, &form))
    }

    fn waiting(&self) -> HostedFuture<'_, Vec<(MerchantId, RefundId)>> {
        now(Vec::new())
    }

    fn letter(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, Option<Letter>> {
        now(None)
    }

    fn letter_sent(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, ()> {
        now(())
    }

    fn letter_refused(&self, _: MerchantId, _: RefundId, _: u16) -> HostedFuture<'_, ()> {
        now(())
    }

    fn payer_told(&self, _: &Payment) -> Option<String> {
        None
    }

    fn renew(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, Result<(), NotRenewed>> {
        now(Err(NotRenewed::NotWaiting))
    }

    fn details_url(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, Option<String>> {
        now(None)
    }

    fn letters(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, Option<LettersSent>> {
        now(None)
    }

    fn authorise_url(&self, _: MerchantId, _: RefundId) -> HostedFuture<'_, Option<String>> {
        now(None)
    }
}

/// The pages over it.
struct Pages {
    world: World,
    told: Arc<Told>,
    router: Router,
}

struct Shown {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Pages {
    async fn new() -> Self {
        let world = World::new().await;
        let told = Arc::new(Told {
            merchant: world.merchant,
            text: Mutex::new("Fernhill".to_owned()),
            state: Mutex::new(CheckoutState::Open),
        });
        let parts = HostedParts {
            engine: Arc::clone(&world.engine),
            public_origin: None,
            pages: vec![Arc::clone(&told) as Arc<dyn HostedPages>],
            checkouts: vec![Arc::clone(&told) as Arc<dyn CheckoutPages>],
        };
        Self { world, told, router: Hosted::new(parts).routes() }
    }

    async fn send(&self, path: &str, form: Option<&str>, headers: &[(&str, &str)]) -> Shown {
        let mut request = Request::builder().uri(path).method(if form.is_some() { "POST" } else { "GET" });
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(form.unwrap_or_default().to_owned())).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        Shown { status: head.status.as_u16(), headers: head.headers, text }
    }

    async fn get(&self, path: &str) -> Shown {
        self.send(path, None, &[]).await
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts_behind_links() {
    let pages = Pages::new().await;
    for core in CORES {
        *pages.told.text.lock().unwrap() = format!("\">{core}");
        let typed = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("step", "check"), ("holder_name", core), ("number", core), ("bank_code", core)])
            .finish();
        let given = typed.replace("step=check", "step=give");
        let wrong = "step=check&bank_code=1&holder_name=%22%3E%3Cscript%3E";
        let mut shown = vec![
            pages.get("/refunds/x?token=good").await,
            pages.get("/refunds/x?token=good&form=payid").await,
            pages.send("/refunds/x?token=good", Some(&typed), &[]).await,
            pages.send("/refunds/x?token=good", Some(&given), &[]).await,
            pages.send("/refunds/x?token=good", Some(wrong), &[]).await,
            pages.get("/checkout/good").await,
            pages.send("/mock-bank/good", None, &[("host", "127.0.0.1")]).await,
        ];
        use CheckoutState::{Failed, Open, Pending, Sent, Waiting};
        for state in [Waiting, Pending, Sent, Failed, Open] {
            *pages.told.state.lock().unwrap() = state;
            shown.push(pages.get("/checkout/good").await);
            shown.push(pages.get("/checkout/good/result").await);
        }
        for page in shown {
            assert!([200, 303].contains(&page.status), "{core} {}", page.text);
            assert!(!page.text.contains(core) && !page.text.contains("href=\"javascript"), "{core}: {}", page.text);
        }
    }
    *pages.told.text.lock().unwrap() = "javascript:alert(1)".to_owned();
    *pages.told.state.lock().unwrap() = CheckoutState::Sent;
    let result = pages.get("/checkout/good/result").await;
    assert!(result.status == 200 && !result.text.contains("href=\"javascript"), "{}", result.text);
    *pages.told.state.lock().unwrap() = CheckoutState::Open;
    let bank = pages.get("/mock-bank/good").await;
    assert!(bank.headers["content-security-policy"].to_str().unwrap().contains("form-action 'self';"));
    *pages.told.state.lock().unwrap() = CheckoutState::Sent;
    *pages.told.text.lock().unwrap() = "https://shop.example/ok?a=1&b=%22".to_owned();
    let decided = Some("decision=authorise");
    // After a form the browser is sent to a page of ours, and that page leads on.
    let own = format!("/checkout/{}/result", refundry_domain::id::PaymentId(7));
    for form in [None, decided] {
        let gone = pages.send("/mock-bank/good", form, &[]).await;
        assert_eq!((gone.status, gone.headers["location"].to_str().unwrap()), (303, &*own));
    }
    let answer = pages.get("/checkout/good/result").await;
    let leads = "<meta http-equiv=\"refresh\" content=\"0; url=https://shop.example/ok?a=1&#38;b=%22\">";
    assert!(answer.status == 200 && answer.text.contains(leads), "{}", answer.text);
    assert!(answer.text.contains("<a class=\"button\" href=\"https://shop.example/ok?a=1&#38;b=%22\""));
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let looked = pages.get("/checkout/good").await;
    assert!(!looked.text.contains("http-equiv"), "a look leads nowhere by itself");
}

#[tokio::test]
async fn what_is_wrong_is_said_above_the_form_and_beside_its_fields() {
    let pages = Pages::new().await;
    let page = pages.send("/refunds/x?token=good", Some("step=check&bank_code=1"), &[]).await;
    // A browser's console takes every other status of a page for an error.
    assert_eq!(page.status, 200);
    for part in [
        "<title>Error: Where should your refund go?",
        "id=\"problems\" role=\"alert\" tabindex=\"-1\" autofocus",
        "<a href=\"#bank_code\">Six digits.</a>",
        "id=\"bank_code-error\"",
        "aria-describedby=\"bank_code-error bank_code-hint\"",
        "inputmode=\"numeric\"",
        "autocomplete=\"name\"",
        "<html lang=\"en\">",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    // No bank, or one that is not on offer.
    for form in ["", "bank=other"] {
        let page = pages.send("/checkout/good", Some(form), &[]).await;
        assert_eq!(page.status, 200, "{form}");
        assert!(page.text.contains("<a href=\"#bank\">Choose the bank") && page.text.contains("id=\"bank-error\""));
    }
}

#[tokio::test]
async fn strangers_learn_nothing_and_pages_keep_their_addresses() {
    let pages = Pages::new().await;
    let nowhere = pages.get("/refunds/x?token=guess").await;
    assert_eq!(nowhere.status, 404);
    for path in ["/refunds/x", "/refunds/y/?token=Good", "/checkout/x", "/checkout/x/result", "/mock-bank/x"] {
        let page = pages.get(path).await;
        assert_eq!((page.status, &page.text), (404, &nowhere.text), "{path}");
    }
    for path in ["/refunds/x?token=good", "/checkout/good?v3", "/mock-bank/good", "/refunds/x"] {
        let page = pages.get(path).await;
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert_eq!((header("referrer-policy"), header("cache-control")), ("no-referrer", "no-store"), "{path}");
        assert!(header("x-robots-tag").contains("noindex") && header("x-frame-options") == "DENY");
        let policy = header("content-security-policy");
        assert!(
            policy.contains("form-action 'self';")
                && !policy.contains("https:")
                && policy.contains("script-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    }
    let form = Some("step=give&holder_name=Ida&bank_code=040099&number=55120934");
    for (headers, status) in [
        (&[("sec-fetch-site", "cross-site")][..], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "https://evil.example"), ("host", "refunds.example")], 403),
        (&[("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        (&[], 200),
    ] {
        assert_eq!(pages.send("/refunds/x?token=good", form, headers).await.status, status, "{headers:?}");
        let decided = pages.send("/mock-bank/good", Some("decision=decline"), headers).await.status;
        assert_eq!(decided, if status == 200 { 303 } else { 403 });
    }
}

#[tokio::test]
async fn a_merchants_look_is_served_and_no_other() {
    let pages = Pages::new().await;
    let merchant = pages.world.merchant;
    let plain = pages.get("/refunds/x?token=good").await.text;
    assert!(plain.contains("<bdi>Fernhill</bdi>") && !plain.contains("/assets/brand/"), "{plain}");
    let logo: Arc<[u8]> = Arc::from(&b"\x89PNG\r\n\x1a\npicture"[..]);
    let brand =
        Brand { merchant, name: Some("Rug <b>House".to_owned()), colour: Some([255, 200, 0]), logo: Some(logo) };
    let work = Work::Registry { change: RegistryChange::Put(RegistryEntry::Brand(brand)), answer: None };
    let envelope = Envelope { merchant, actor: Actor::Sandbox, once: None, work };
    pages.world.engine.execute(envelope).await.unwrap().result.unwrap();
    let page = pages.get("/refunds/x?token=good").await.text;
    assert!(page.contains("<bdi>Rug &#60;b&#62;House</bdi>"), "{page}");
    let paths: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/brand/")).collect();
    let [style, logo] = paths[..] else { panic!("{paths:?}") };
    let served = pages.get(style).await;
    assert!(served.status == 200 && served.text.contains("--accent: #"), "{}", served.text);
    assert_eq!(served.headers["content-type"], "text/css; charset=utf-8");
    let picture = pages.get(logo).await;
    assert_eq!((picture.status, picture.headers["content-type"].to_str().unwrap()), (200, "image/png"));
    assert!(picture.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    for path in ["/assets/brand/x", &style.replace(".css", ".js"), &logo.replace(".png", ".svg")] {
        assert_eq!(pages.get(path).await.status, 404, "{path}");
    }
}
