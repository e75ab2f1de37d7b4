//! A shop with people, and browsers that keep cookies and fill in forms.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use refundry_console::known::KnownBrowsers;
use refundry_console::link::SignInLinks;
use refundry_console::{Console, Letters, Parts, password, totp};
use refundry_domain::approval::ApprovalPolicy;
use refundry_domain::command::{Command, OpenAccount, RequestRefund};
use refundry_domain::event::Actor;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::id::{AccountId, MerchantId, PaymentId, PersonId, RefundId};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::engine::{Engine, Parts as EngineParts};
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::person_refund::RefundDesk;
use refundry_engine::registry::{MerchantFees, Person, RegistryChange, RegistryEntry, Role, Roles};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use tower::ServiceExt;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Real time stands still.
pub(crate) const REAL: Timestamp = make::AT;
/// The key of sign-in links.
pub(crate) const LINK_KEY: [u8; 32] = [9; 32];
/// What the shop's account holds at first.
pub(crate) const FUNDED: u64 = 100_000;

static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD).unwrap());

fn real_now() -> Timestamp {
    REAL
}

/// Everything a story needs.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
    pub(crate) merchant: MerchantId,
    account: AccountId,
    pub(crate) ids: Mutex<make::Ids>,
    pub(crate) maker: Person,
    pub(crate) ada: Person,
    pub(crate) grace: Person,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(None).await
    }

    /// A world that is reached under this origin.
    pub(crate) async fn at(public_origin: Option<&str>) -> Self {
        let store = MemoryStore::new();
        let clock = Arc::new(ManualClock::default());
        let rules = Rules::of(Environment::Sandbox);
        let (writer, reader) = store.open();
        let engine = Engine::start(EngineParts { writer, reader, clock: clock.clone(), rules }).unwrap();
        let mut ids = make::Ids::default();
        let (merchant, account) = (ids.merchant(), ids.account());
        let mut person = |name: &str, roles: &[Role]| made_person(&mut ids, merchant, name, roles);
        let maker = person("Mary", &[Role::Maker]);
        let ada = person("Ada", &[Role::Approver, Role::Maker]);
        let grace = person("Grace", &[Role::Approver]);
        let book = Book::from_ids(std::array::from_fn(|_| ids.account()));
        let router = console(&engine, public_origin);
        let world = Self { engine, clock, router, merchant, account, ids: Mutex::new(ids), maker, ada, grace };
        world.command(Command::OpenBook { currency: Currency::GBP, book }).await;
        let open = OpenAccount {
            id: account,
            kind: AccountKind::Held,
            currency: Currency::GBP,
            name: Arc::from("Main"),
            group: Arc::from(""),
            eligible: true,
        };
        world.command(Command::OpenAccount(open)).await;
        for person in [&world.maker, &world.ada, &world.grace] {
            world.put(person.clone()).await;
        }
        world
    }

    /// The same store under a process that was started anew.
    pub(crate) fn restart(&mut self) {
        self.router = console(&self.engine, None);
    }

    /// A further person.
    pub(crate) async fn person(&self, name: &str, roles: &[Role]) -> Person {
        let person = made_person(&mut self.ids.lock().unwrap(), self.merchant, name, roles);
        self.put(person.clone()).await;
        person
    }

    /// Every refund of a method costs this much.
    pub(crate) async fn charge(&self, method: &str, flat: u64) {
        let rules = [((Currency::GBP, method.to_owned()), FeeRule { flat, ..FeeRule::default() })];
        let rules = Arc::new(FeeRules { rules: rules.into(), ..FeeRules::default() });
        let change = RegistryChange::Put(RegistryEntry::Fees(MerchantFees { merchant: self.merchant, rules }));
        let work = Work::Registry { change, answer: None };
        let envelope = Envelope { merchant: self.merchant, actor: Actor::Sandbox, once: None, work };
        self.engine.execute(envelope).await.unwrap().result.unwrap();
    }

    pub(crate) async fn put(&self, person: Person) {
        let work = Work::Registry { change: RegistryChange::PutPerson(person.clone()), answer: None };
        let envelope = Envelope { merchant: person.merchant, actor: Actor::Sandbox, once: None, work };
        self.engine.execute(envelope).await.unwrap().result.unwrap();
    }

    pub(crate) async fn command(&self, command: Command) -> Answer {
        let envelope = Envelope::command(self.merchant, Actor::Sandbox, command);
        self.engine.execute(envelope).await.unwrap().result.unwrap()
    }

    /// A settled pay-in.
    pub(crate) async fn payin(&self, minor: u64) -> PaymentId {
        let id = self.ids.lock().unwrap().payment();
        let mut record = make::record_payment(id, self.account, Amount::new(minor, Currency::GBP));
        record.debtor = Some(make::party_uk());
        self.command(Command::RecordPayment(record)).await;
        self.command(Command::SetBalance { account: self.account, available: FUNDED }).await;
        id
    }

    /// A refund of a new pay-in of 100 pounds that waits for so many people.
    pub(crate) async fn pending(&self, minor: u64, required: u8) -> RefundId {
        self.asked(minor, required, |_| {}).await
    }

    /// The same, with something else about it.
    pub(crate) async fn asked(&self, minor: u64, required: u8, change: impl FnOnce(&mut RequestRefund)) -> RefundId {
        let payment = self.payin(10_000).await;
        let id = self.ids.lock().unwrap().refund();
        let mut request = make::request(id, payment, self.account, minor, &id.to_string());
        request.approval = Some(ApprovalPolicy { required, valid_for: Span::days(7), version: 0 });
        request.maker = Some(self.maker.id);
        change(&mut request);
        self.command(Command::RequestRefund(Box::new(request))).await;
        id
    }

    /// The refund as it is now.
    pub(crate) async fn stored(&self, id: RefundId) -> Refund {
        let merchant = self.merchant;
        self.engine.read(move |reader| reader.refund(merchant, id)).await.unwrap().unwrap()
    }

    /// The account that pays.
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    /// The native word for where it stands.
    pub(crate) async fn stands(&self, id: RefundId) -> &'static str {
        self.stored(id).await.state.code()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Span::seconds(seconds));
    }

    /// A browser that was never here.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: BTreeMap::new(), headers: Vec::new(), peer: None, page: None }
    }

    /// A browser whose user is signed in, with the code one step ago, so that
    /// two good ones are left.
    pub(crate) async fn signed_in(&self, person: &Person) -> Browser<'_> {
        self.signed_in_with(person, -1).await
    }

    /// The same with the code of another step.
    pub(crate) async fn signed_in_with(&self, person: &Person, steps: i64) -> Browser<'_> {
        let mut browser = self.browser();
        browser.get("/console/sign-in").await;
        let code = code(person, steps);
        let page = browser.submit("/console/sign-in", &sign_in_fields(&person.email, PASSWORD, &code)).await;
        assert_eq!(page.status, 303, "{}", page.text);
        browser
    }

    /// The path of a link from the command line.
    pub(crate) fn link(&self, person: PersonId, made_at: Timestamp) -> String {
        SignInLinks::new(&LINK_KEY).make(person, made_at)
    }
}

fn console(engine: &Arc<Engine>, public_origin: Option<&str>) -> Router {
    let parts = Parts {
        engine: Arc::clone(engine),
        public_origin: public_origin.map(str::to_owned),
        pages: Vec::new(),
        refunds: RefundDesk::new(vec![Arc::new(crate::refunds::Till)]),
        letters: Letters::default(),
        links: SignInLinks::new(&LINK_KEY),
        known: KnownBrowsers::new(&LINK_KEY),
        trusted_proxies: Vec::new(),
        real_now,
    };
    Console::new(parts).routes()
}

pub(crate) fn made_person(ids: &mut make::Ids, merchant: MerchantId, name: &str, roles: &[Role]) -> Person {
    Person {
        email: format!("{}@shop.example", name.to_lowercase()),
        name: name.to_owned(),
        roles: Roles::of(roles),
        password_hash: Some(HASH.clone()),
        totp_secret: Some(totp::new_secret()),
        ..Person::new(ids.person(), merchant, roles, REAL)
    }
}

/// The code that a person's app shows so many steps from now.
pub(crate) fn code(person: &Person, steps: i64) -> String {
    let step = totp::step_at(REAL).saturating_add_signed(steps);
    totp::code(person.totp_secret.as_deref().unwrap(), step).unwrap()
}

/// What the sign-in form asks for.
pub(crate) fn sign_in_fields<'a>(email: &'a str, password: &'a str, code: &'a str) -> [(&'static str, &'a str); 3] {
    [("email", email), ("password", password), ("code", code)]
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> Option<String> {
        let at = self.text.find(&format!("type=\"hidden\" name=\"{name}\" value=\""))?;
        self.text[at..].split('"').nth(5).map(str::to_owned)
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} in {}", self.text);
        self
    }
}

/// A browser: cookies, and the page it shows.
pub(crate) struct Browser<'w> {
    world: &'w World,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What it says with every form, such as `Origin`.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// From where it connects.
    pub(crate) peer: Option<SocketAddr>,
    page: Option<Page>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, Vec::new()).await
    }

    /// Fills in the form of the page that is shown and sends it there.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.page.clone().unwrap();
        let mut all = Vec::new();
        for name in ["form_token", "next", "agreed"] {
            // The head's own form stands first and carries the same token.
            all.extend(page.hidden(name).map(|value| (name, value)));
        }
        // What the page wants typed once more.
        let typed = page.text.split_once("for=\"amount\">Type ").and_then(|(_, rest)| rest.split_once(" to confirm"));
        if let Some((amount, _)) = typed.filter(|_| !fields.iter().any(|(name, _)| *name == "amount")) {
            all.push(("amount", amount.to_owned()));
        }
        all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.post(path, &all).await
    }

    /// Sends exactly these fields.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, String)]) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.send(Method::POST, path, body.finish().into_bytes()).await
    }

    /// Opens the page of a step and takes it with this code and note.
    pub(crate) async fn decide(&mut self, refund: RefundId, step: &str, fields: &[(&str, &str)]) -> Page {
        let path = format!("/console/approvals/{refund}/{step}");
        let page = self.get(&path).await;
        assert_eq!(page.status, 200, "{} {}", page.header("location"), page.text);
        self.submit(&path, fields).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Vec<u8>) -> Page {
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", "127.0.0.1:8080");
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if method == Method::POST {
            for (name, value) in &self.headers {
                request = request.header(*name, value);
            }
        }
        let mut request = request.body(Body::from(body)).unwrap();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        for cookie in head.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let page = Page { status: head.status.as_u16(), headers: head.headers, text };
        self.page = Some(page.clone());
        page
    }
}
