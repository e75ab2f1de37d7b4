//! A shop with accounts in three currencies and two applications, and a payers'
//! bank that does at once what it is told.

use crate::banked::Family;
use crate::host::{Dialect, Host, SandboxPlan, SigningKeys};
use crate::token::TokenKey;
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use http_body_util::BodyExt;
use refundry_domain::command::{Command, CreateMandate, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId, PersonId, RefundId};
use refundry_domain::instruction::{EvidenceId, Instruction, Report, Submission};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::PaymentState;
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::hosted::{CheckoutPages, HostedPages};
use refundry_engine::mint;
use refundry_engine::person_refund::RefundDesk;
use refundry_engine::rail::{PayerBank, PayinPlan, RailDown, RailFuture};
use refundry_engine::registry::{
    Credential, Endpoint, Group, Merchant, Person, RegistryChange, RegistryEntry, Role, Scope,
};
use refundry_engine::webhook::{Rendered, WebhookDialect, history_of};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

/// What a session costs unless a test says otherwise.
pub(super) const PRICE: u64 = 5_000;

/// A bank of payers that keeps the plans until a test lets them happen.
#[derive(Debug, Default)]
pub(super) struct Payers(Mutex<Vec<PayinPlan>>);

impl PayerBank for Payers {
    fn play(&self, plan: PayinPlan) -> RailFuture<'_, Result<(), RailDown>> {
        let mut plans = self.0.lock().unwrap();
        if plans.iter().all(|known| known.payment != plan.payment) {
            plans.push(plan);
        }
        Box::pin(async { Ok(()) })
    }
}

/// An application and its credentials.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) sample: String,
    pub(super) client_key: String,
    pub(super) inbox: Arc<Endpoint>,
}

/// Everything that a test needs.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) engine: Arc<Engine>,
    router: Router,
    pub(super) webhooks: Arc<dyn WebhookDialect>,
    pub(super) pages: Arc<dyn HostedPages>,
    pub(super) checkouts: Arc<dyn CheckoutPages>,
    /// Those of pay-ins, which another generation makes.
    pub(super) payin_checkouts: Arc<dyn CheckoutPages>,
    /// Where people make refunds.
    pub(super) desk: RefundDesk,
    dialects: Vec<Arc<dyn Dialect>>,
    host: Arc<Host>,
    payers: Arc<Payers>,
    pub(super) merchant: MerchantId,
    pub(super) accounts: BTreeMap<Currency, AccountId>,
    mandate: MandateId,
    pub(super) token: MandateToken,
    apps: Vec<Application>,
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    /// Status, code and named field of the first error.
    pub(super) fn fault(&self) -> (u16, String, String) {
        let json = self.json();
        let error = &json["errors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        assert!(error["title"].is_string() && error["source"].is_object(), "{json}");
        (self.status, text(&error["code"]), text(&error["source"]["parameter"]))
    }
}

/// A request in the making.
pub(super) struct Call<'w> {
    world: &'w World,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Call<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// By the second application.
    pub(super) fn by_other(self) -> Self {
        let basic = basic(&self.world.apps[1]);
        self.header("authorization", &basic)
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(super) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) async fn send(self) -> Heard {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let (head, body) = self.world.router.clone().oneshot(request).await.unwrap().into_parts();
        Heard { status: head.status.as_u16(), body: body.collect().await.unwrap().to_bytes().to_vec() }
    }
}

fn basic(app: &Application) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", app.key, app.secret)))
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(super) async fn with(settings: Value) -> Self {
        Self::build(settings, Rules::of(Environment::Sandbox)).await
    }

    pub(super) async fn build(settings: Value, rules: Rules) -> Self {
        Self::on(MemoryStore::new(), settings, rules).await
    }

    /// A world with a store of its own that a test may copy before.
    pub(super) async fn on(store: MemoryStore, settings: Value, rules: Rules) -> Self {
        let clock = Arc::new(ManualClock::default());
        let (writer, reader) = store.open();
        let engine = Engine::start(Parts { writer, reader, clock: clock.clone(), rules }).unwrap();
        let payers = Arc::new(Payers::default());
        let origin = "http://127.0.0.1:8080".to_owned();
        let host = Host::new(engine.clone(), TokenKey::new(&[3; 32]), rules.environment, origin)
            .with_payer_bank(Some(payers.clone()));
        let host = Arc::new(host);
        let family = Family::open(&host, &settings).unwrap();
        let dialects = vec![crate::banked_v3::open(&family), crate::banked_v2::open(&family)];
        let mut ids = make::Ids::default();
        let mut world = Self {
            store,
            clock,
            engine,
            router: dialects.iter().map(|dialect| dialect.router()).fold(Router::new(), Router::merge),
            webhooks: dialects[1].webhooks(),
            pages: dialects[1].hosted_pages().unwrap(),
            checkouts: dialects[1].checkout_pages().unwrap(),
            payin_checkouts: dialects[0].checkout_pages().unwrap(),
            desk: RefundDesk::new(dialects.iter().map(|dialect| dialect.person_refunds()).collect()),
            dialects,
            host,
            payers,
            merchant: ids.merchant(),
            accounts: BTreeMap::new(),
            mandate: ids.mandate(),
            token: ids.token(),
            apps: Vec::new(),
        };
        world.furnish(&mut ids).await;
        for (id, key) in [("app_70412", "pk_test_one"), ("app_70413", "pk_test_two")] {
            let app =
                world.application(&json!({ "application_id": id, "api_key": key, "api_secret": "sk_test_x" })).await;
            world.apps.push(app);
        }
        world
    }

    async fn furnish(&mut self, ids: &mut make::Ids) {
        for currency in [Currency::GBP, Currency::EUR, Currency::AUD] {
            let book = Book::from_ids(std::array::from_fn(|_| ids.account()));
            self.command(Command::OpenBook { currency, book }).await;
            let id = ids.account();
            let name: Arc<str> = Arc::from("account");
            let open =
                OpenAccount { id, kind: AccountKind::Held, currency, name, group: Arc::from(""), eligible: true };
            self.command(Command::OpenAccount(open)).await;
            self.accounts.insert(currency, id);
        }
        self.command(Command::SetBalance { account: self.accounts[&Currency::AUD], available: 1_000_000 }).await;
        let terms = CreateMandate {
            id: self.mandate,
            token: self.token,
            group: Arc::from(""),
            debtor_account: None,
            currency: Currency::AUD,
            amount_max: None,
            amount: None,
            period: Period::None,
            count_max: None,
            merchant_reference: None,
        };
        self.command(Command::CreateMandate(Box::new(terms))).await;
        self.command(Command::MoveMandate { mandate: self.mandate, to: MandateState::Active }).await;
        let merchant = Merchant { id: self.merchant, name: "Fernhill Ltd".to_owned() };
        self.put(RegistryEntry::Merchant(merchant)).await;
    }

    async fn put(&self, entry: RegistryEntry) {
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        self.execute(Envelope { merchant: self.merchant, actor: Actor::Sandbox, once: None, work }).await;
    }

    /// Two people who may agree to an exception.
    pub(super) async fn people(&self) -> Vec<PersonId> {
        let people = vec![PersonId(1), PersonId(2)];
        for id in &people {
            let person = Person::new(*id, self.merchant, &[Role::Approver], self.engine.now());
            self.put(RegistryEntry::Person(person)).await;
        }
        people
    }

    /// A further application, as the sandbox makes it: each generation adds its own.
    async fn application(&self, seed: &Value) -> Application {
        let mut members = seed.clone();
        let mut inbox = None;
        for dialect in &self.dialects {
            let made = dialect.provision(&SandboxPlan {
                merchant: self.merchant,
                at: self.engine.now(),
                accounts: &self.accounts,
                mandate: self.mandate,
                mandate_token: self.token,
                seed: &members,
            });
            for entry in made.entries {
                if let RegistryEntry::Endpoint(endpoint) = &entry {
                    inbox = Some(Arc::new(endpoint.clone()));
                }
                self.put(entry).await;
            }
            for command in made.commands {
                self.command(command).await;
            }
            members = Value::Object(made.members);
        }
        let member = |name: &str| members[name].as_str().unwrap().to_owned();
        Application {
            key: member("api_key"),
            secret: member("api_secret"),
            sample: member("payment_session_id"),
            client_key: member("client_key"),
            inbox: inbox.unwrap(),
        }
    }

    pub(super) fn app(&self) -> &Application {
        &self.apps[0]
    }

    /// A second merchant with an application: its credentials and client key.
    pub(super) async fn another_merchant(&self) -> (String, String) {
        let merchant = MerchantId(mint::random_id());
        let at = self.engine.now();
        let group = Group { dialect: "banked".to_owned(), id: "app_90000".to_owned(), merchant, settings: Vec::new() };
        let credential = Credential {
            id: "pk_test_stranger".to_owned(),
            merchant,
            dialect: "banked".to_owned(),
            group: group.id.clone(),
            secret_hash: sha256(b"sk_test_stranger"),
            scope: Scope::Calls,
            owner: None,
            created_at: at,
            revoked_at: None,
            expires_at: None,
        };
        let name = "Stranger Ltd".to_owned();
        for entry in [
            RegistryEntry::Merchant(Merchant { id: merchant, name }),
            RegistryEntry::Group(group),
            RegistryEntry::Credential(credential),
        ] {
            let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
            self.execute(Envelope { merchant, actor: Actor::Sandbox, once: None, work }).await;
        }
        let basic = format!("Basic {}", STANDARD.encode("pk_test_stranger:sk_test_stranger"));
        (basic, crate::banked::auth::client_key(&self.host, "app_90000"))
    }

    /// The keys with which applications sign.
    pub(super) fn keys(&self) -> &dyn SigningKeys {
        self.dialects[1].signing_keys().unwrap()
    }

    pub(super) fn other_app(&self) -> &Application {
        &self.apps[1]
    }

    pub(super) async fn execute(&self, envelope: Envelope) -> Answer {
        self.engine.execute(envelope).await.unwrap().result.unwrap()
    }

    pub(super) async fn command(&self, command: Command) -> Answer {
        self.execute(Envelope::command(self.merchant, Actor::Sandbox, command)).await
    }

    /// A call of the first application, with Basic credentials.
    pub(super) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let mut headers = vec![("content-type", "application/json;charset=utf-8".to_owned())];
        if let Some(app) = self.apps.first() {
            headers.push(("authorization", basic(app)));
        }
        Call { world: self, method, path: path.to_owned(), headers, body: Vec::new() }
    }

    pub(super) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(super) async fn get(&self, path: &str) -> Heard {
        self.call(Method::GET, path).send().await
    }

    /// Makes a session and returns its id.
    pub(super) async fn open_session(&self, currency: &str) -> String {
        let heard = self.post("/v2/payment_sessions").json(&session_in(currency)).send().await;
        assert_eq!(heard.status, 201, "{}", heard.text());
        heard.id()
    }

    /// A session that was paid, from this account or from one that nobody told.
    pub(super) async fn sent_session(&self, currency: &str, debtor: Option<Party>) -> String {
        let id = self.open_session(currency).await;
        let payment = PaymentId::parse(&id).unwrap();
        let to = PaymentState::Settled;
        self.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure: None }).await;
        id
    }

    /// Lets everything happen that payers' banks were told.
    pub(super) async fn payers_decide(&self) {
        let plans = std::mem::take(&mut *self.payers.0.lock().unwrap());
        for plan in plans {
            for step in plan.steps {
                let debtor = plan.debtor.clone();
                let (payment, to, failure) = (plan.payment, step.to, step.failure);
                self.command(Command::AdvancePayment { payment, to, credited: None, debtor, failure }).await;
            }
        }
    }

    /// Asks for a refund and returns what was answered.
    pub(super) async fn refund(&self, body: &Value) -> Value {
        let heard = self.post("/v2/refunds").json(body).send().await;
        assert_eq!(heard.status, 201, "{}", heard.text());
        heard.json()
    }

    /// Sends a refund and hears that it was executed.
    pub(super) async fn settle(&self, refund: RefundId) -> Instruction {
        let lease_until = self.engine.now().plus(Span::seconds(30));
        let answer = self.command(Command::BeginSend { refund, epoch: 1, lease_until }).await;
        let Answer::Send(instruction) = answer else { panic!("{answer:?}") };
        let outcome = Submission::Accepted;
        self.command(Command::RecordSubmission { refund, attempt: 1, epoch: 1, outcome }).await;
        let report = Report::Executed { amount: instruction.amount.minor, charges: 0 };
        let instruction_id = instruction.ids.instruction_id.clone();
        self.command(Command::RecordReport { instruction_id, evidence: EvidenceId([1; 8]), report }).await;
        *instruction
    }

    pub(super) async fn stored(&self, id: RefundId) -> Refund {
        let merchant = self.merchant;
        self.engine.read(move |reader| reader.refund(merchant, id)).await.unwrap().unwrap()
    }

    pub(super) async fn refund_count(&self) -> usize {
        let merchant = self.merchant;
        let page = refundry_engine::store::PageRequest { limit: 1_000, before: None };
        let found = self.engine.read(move |reader| reader.refunds(merchant, &Default::default(), page));
        found.await.unwrap().len()
    }

    /// What an endpoint gets, oldest first.
    pub(super) async fn sent_to(&self, endpoint: &Endpoint) -> Vec<Rendered> {
        let (webhooks, endpoint) = (Arc::clone(&self.webhooks), endpoint.clone());
        let rendered = self.engine.read(move |reader| {
            let mut bodies = Vec::new();
            for event in reader.events_after(0, 10_000)? {
                let history = history_of(&*webhooks, reader, &event)?;
                bodies.extend(webhooks.render_after(&event, &history, &endpoint));
            }
            Ok(bodies)
        });
        rendered.await.unwrap()
    }

    /// The bodies of the first application's webhooks about one session.
    pub(super) async fn told_of(&self, session: &str) -> Vec<Value> {
        let bodies = self.sent_to(&self.app().inbox).await;
        let bodies = bodies.iter().map(|rendered| serde_json::from_slice::<Value>(&rendered.body).unwrap());
        bodies.filter(|body| body["id"] == session).collect()
    }
}

/// A session of [`PRICE`] in a currency.
pub(super) fn session_in(currency: &str) -> Value {
    json!({
        "reference": "Fernhill 2093",
        "success_url": "https://shop.example.org/ok?id=__PAYMENT_ID__",
        "error_url": "https://shop.example.org/fail",
        "line_items": [{ "name": "Wool rug", "amount": 2500, "currency": currency, "quantity": 2 }],
        "payer": { "name": "Ida Korhonen", "email": "ida@example.org" },
    })
}

/// A refund of a session.
pub(super) fn refund_of(session: &str, amount: u64) -> Value {
    json!({
        "payment_session_id": session,
        "amount": amount,
        "reference": "Rug corner",
        "success_url": "https://shop.example.org/r-ok?id=__PAYMENT_ID__",
        "error_url": "https://shop.example.org/r-fail",
    })
}

/// The customer's account in the United Kingdom.
pub(super) fn ida() -> Party {
    let account = AccountIdentifier::Scan { sort_code: "040099".into(), number: "55120934".into() };
    Party { name: Some("Ida Korhonen".into()), account }
}

/// The id in a refund's `url`.
pub(super) fn id_in(refund: &Value) -> RefundId {
    let url = refund["url"].as_str().unwrap();
    let path = url.split('?').next().unwrap();
    RefundId::parse(path.rsplit('/').next().unwrap()).unwrap()
}

/// The token in a refund's `url`.
pub(super) fn token_in(refund: &Value) -> String {
    refund["url"].as_str().unwrap().split_once("?token=").expect("a token").1.to_owned()
}

/// An id that nobody has.
pub(super) fn unknown_id() -> String {
    PaymentId(mint::random_id()).to_string()
}

/// An amount of pounds.
pub(super) fn pounds(minor: u64) -> Amount {
    Amount::new(minor, Currency::GBP)
}
