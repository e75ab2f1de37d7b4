//! A shop with one float, one settlement account, two mandates and a pay-in.

use crate::banked::Family;
use crate::host::{Dialect, Host, SandboxPlan};
use crate::token::TokenKey;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use refundry_domain::command::{Command, CreateMandate, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId, RefundId};
use refundry_domain::instruction::{EvidenceId, Instruction, Report, Submission};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::mint;
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::store::StoredEvent;
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

/// What the customer paid.
pub(super) const PAID: u64 = 4_400;
/// The mandate's limit per refund.
pub(super) const LIMIT: u64 = 4_000;
/// What the float holds at first.
pub(super) const FLOAT: u64 = 1_000_000;

/// An application and its credentials.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) inbox: Arc<Endpoint>,
}

impl Application {
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.key, self.secret)))
    }
}

/// Everything that a test needs.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) engine: Arc<Engine>,
    pub(super) dialect: Arc<dyn Dialect>,
    router: Router,
    pub(super) merchant: MerchantId,
    pub(super) float: AccountId,
    pub(super) settlement: AccountId,
    pub(super) ordinary: AccountId,
    pub(super) mandate: MandateId,
    pub(super) token: MandateToken,
    pub(super) suspended: MandateToken,
    pub(super) payin: PaymentId,
    pub(super) app: Application,
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Code and named fields of a v3 error.
    pub(super) fn fault(&self) -> (u16, String, Vec<String>) {
        let json = self.json();
        let error = &json["errors"][0];
        let names = error["params"].as_object().map(|params| params.keys().cloned().collect()).unwrap_or_default();
        assert!(error["message"].is_string(), "{json}");
        (self.status, error["code"].as_str().unwrap().to_owned(), names)
    }

    pub(super) fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
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

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
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
        Heard::of(self.world.router.clone().oneshot(request).await.unwrap()).await
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(super) async fn with(settings: Value) -> Self {
        Self::build(settings, Rules::of(Environment::Sandbox)).await
    }

    pub(super) async fn build(settings: Value, rules: Rules) -> Self {
        let store = MemoryStore::new();
        let clock = Arc::new(ManualClock::default());
        let (writer, reader) = store.open();
        let engine = Engine::start(Parts { writer, reader, clock: clock.clone(), rules }).unwrap();
        let origin = "http://127.0.0.1:8080".to_owned();
        let host = Arc::new(Host::new(engine.clone(), TokenKey::new(&[3; 32]), rules.environment, origin));
        let dialect = crate::banked_v3::open(&Family::open(&host, &settings).unwrap());
        let mut ids = make::Ids::default();
        let mut world = Self {
            store,
            clock,
            engine,
            router: dialect.router(),
            dialect,
            merchant: ids.merchant(),
            float: ids.account(),
            settlement: ids.account(),
            ordinary: ids.account(),
            mandate: ids.mandate(),
            token: ids.token(),
            suspended: ids.token(),
            payin: ids.payment(),
            app: Application { id: String::new(), key: String::new(), secret: String::new(), inbox: a_nowhere() },
        };
        world.furnish(&mut ids).await;
        world.app = world.application(&json!({ "application_id": "app_70412" })).await;
        world
    }

    async fn furnish(&self, ids: &mut make::Ids) {
        for currency in [Currency::AUD, Currency::GBP] {
            let book = Book::from_ids(std::array::from_fn(|_| ids.account()));
            self.command(Command::OpenBook { currency, book }).await;
        }
        let open = |id, eligible| {
            Command::OpenAccount(OpenAccount {
                id,
                kind: AccountKind::Held,
                currency: Currency::AUD,
                name: Arc::from("float"),
                group: Arc::from(""),
                eligible,
            })
        };
        self.command(open(self.float, true)).await;
        self.command(open(self.settlement, true)).await;
        self.command(open(self.ordinary, false)).await;
        self.fund(FLOAT).await;
        for (id, token, state) in
            [(self.mandate, self.token, MandateState::Active), (ids.mandate(), self.suspended, MandateState::Active)]
        {
            self.command(Command::CreateMandate(Box::new(self.terms(id, token)))).await;
            self.command(Command::MoveMandate { mandate: id, to: state }).await;
            if token == self.suspended {
                let to = MandateState::Suspended { by_merchant: true };
                self.command(Command::MoveMandate { mandate: id, to }).await;
            }
        }
        self.payment(self.payin, PAID).await;
    }

    pub(super) fn terms(&self, id: MandateId, token: MandateToken) -> CreateMandate {
        CreateMandate {
            id,
            token,
            group: Arc::from(""),
            debtor_account: Some(self.settlement),
            currency: Currency::AUD,
            amount_max: Some(LIMIT),
            amount: None,
            period: Period::None,
            count_max: None,
            merchant_reference: None,
        }
    }

    pub(super) async fn fund(&self, available: u64) {
        self.command(Command::SetBalance { account: self.float, available }).await;
    }

    /// A settled pay-in through another door.
    pub(super) async fn payment(&self, id: PaymentId, minor: u64) {
        let record = make::record_payment(id, self.float, Amount::new(minor, Currency::AUD));
        self.command(Command::RecordPayment(record)).await;
    }

    /// A further application of the merchant.
    pub(super) async fn application(&self, seed: &Value) -> Application {
        let accounts = BTreeMap::from([(Currency::AUD, self.float)]);
        let made = self.dialect.provision(&SandboxPlan {
            merchant: self.merchant,
            at: self.engine.now(),
            accounts: &accounts,
            mandate: self.mandate,
            mandate_token: self.token,
            seed,
        });
        let mut inbox = None;
        for entry in made.entries {
            if let RegistryEntry::Endpoint(endpoint) = &entry {
                inbox = Some(Arc::new(endpoint.clone()));
            }
            let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
            self.execute(Envelope { merchant: self.merchant, actor: Actor::Sandbox, once: None, work }).await;
        }
        let member = |name: &str| made.members[name].as_str().unwrap().to_owned();
        assert_eq!(member("mandate_token"), self.token.to_string());
        assert_eq!(member("bank_account_id"), self.float.to_string());
        Application {
            id: member("application_id"),
            key: member("api_key"),
            secret: member("api_secret"),
            inbox: inbox.unwrap(),
        }
    }

    pub(super) async fn execute(&self, envelope: Envelope) -> Answer {
        self.engine.execute(envelope).await.unwrap().result.unwrap()
    }

    pub(super) async fn command(&self, command: Command) -> Answer {
        self.execute(Envelope::command(self.merchant, Actor::Sandbox, command)).await
    }

    /// A call of the shop's own application, with Basic credentials.
    pub(super) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let headers = vec![("authorization", self.app.basic()), ("content-type", "application/json".to_owned())];
        Call { world: self, method, path: path.to_owned(), headers, body: Vec::new() }
    }

    pub(super) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(super) async fn get(&self, path: &str) -> Heard {
        self.call(Method::GET, path).send().await
    }

    pub(super) fn by_mandate(&self, minor: u64) -> Value {
        json!({
            "amount": minor,
            "original_payin_information": { "id": self.payin.to_string() },
            "processing_method": { "method_type": "MANDATE", "mandate": { "token": self.token.to_string() } },
        })
    }

    pub(super) fn by_float(&self, minor: u64) -> Value {
        json!({
            "amount": minor,
            "original_payin_information": { "id": self.payin.to_string() },
            "processing_method": { "method_type": "ACCOUNT_TO_ACCOUNT", "debtor_account": {
                "account_type": "BANKED_BANK_ACCOUNT_ENTITY", "bank_account_id": self.float.to_string(),
            } },
        })
    }

    /// Creates a refund and returns its id.
    pub(super) async fn refund(&self, body: &Value, key: &str) -> RefundId {
        let heard = self.post("/v3/refunds").key(key).json(body).send().await;
        assert_eq!(heard.status, 201, "{}", heard.text());
        RefundId::parse(&heard.id()).unwrap()
    }

    /// Claims the send, as the rail's worker does; none when the checks ended it.
    pub(super) async fn begin(&self, refund: RefundId) -> Option<Instruction> {
        let lease_until = self.engine.now().plus(Span::seconds(30));
        let answer = self.command(Command::BeginSend { refund, epoch: 1, lease_until }).await;
        if let Answer::Send(instruction) = answer {
            return Some(*instruction);
        }
        assert!(matches!(answer, Answer::Refund(_)), "{answer:?}");
        None
    }

    pub(super) async fn report(&self, instruction: &Instruction, number: u8, report: Report) {
        let instruction_id = instruction.ids.instruction_id.clone();
        self.command(Command::RecordReport { instruction_id, evidence: EvidenceId([number; 8]), report }).await;
    }

    /// Sends a refund and hears that it was executed.
    pub(super) async fn settle(&self, refund: RefundId) -> Instruction {
        let instruction = self.begin(refund).await.unwrap();
        let outcome = Submission::Accepted;
        self.command(Command::RecordSubmission { refund, attempt: 1, epoch: 1, outcome }).await;
        let report = Report::Executed { amount: instruction.amount.minor, charges: 0 };
        self.report(&instruction, 1, report).await;
        instruction
    }

    pub(super) async fn stored(&self, id: RefundId) -> Refund {
        let merchant = self.merchant;
        self.engine.read(move |reader| reader.refund(merchant, id)).await.unwrap().unwrap()
    }

    pub(super) async fn float_balance(&self) -> u64 {
        let (merchant, id) = (self.merchant, self.float);
        let account = self.engine.read(move |reader| reader.account(merchant, id)).await.unwrap();
        account.unwrap().balance.available()
    }

    pub(super) async fn refund_count(&self) -> usize {
        let merchant = self.merchant;
        let page = refundry_engine::store::PageRequest { limit: 1_000, before: None };
        let found = self.engine.read(move |reader| reader.refunds(merchant, &Default::default(), page));
        found.await.unwrap().len()
    }

    pub(super) async fn events(&self) -> Vec<StoredEvent> {
        self.engine.read(|reader| reader.events_after(0, 10_000)).await.unwrap()
    }

    /// The bodies that an endpoint gets, oldest first, but those of mandates.
    pub(super) async fn sent_to(&self, endpoint: &Endpoint) -> Vec<Vec<u8>> {
        self.heard_by(endpoint, false).await
    }

    /// The bodies of mandates' webhooks that an endpoint gets.
    pub(super) async fn mandates_sent_to(&self, endpoint: &Endpoint) -> Vec<Vec<u8>> {
        self.heard_by(endpoint, true).await
    }

    async fn heard_by(&self, endpoint: &Endpoint, of_mandates: bool) -> Vec<Vec<u8>> {
        let webhooks = self.dialect.webhooks();
        let events = self.events().await;
        let rendered = events.iter().filter_map(|event| webhooks.render(event, endpoint));
        let rendered = rendered.filter(|rendered| rendered.event_type.starts_with("mandate_") == of_mandates);
        rendered.map(|rendered| rendered.body).collect()
    }

    /// The webhooks of the shop's own application.
    pub(super) async fn inbox(&self) -> Vec<Value> {
        let bodies = self.sent_to(&self.app.inbox).await;
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    pub(super) async fn status(&self, id: RefundId) -> Value {
        let heard = self.get(&format!("/v3/refunds/{id}")).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        heard.json()["status_details"].clone()
    }
}

/// Replaced as soon as the application is made.
fn a_nowhere() -> Arc<Endpoint> {
    let mut ids = make::Ids::from(9);
    let merchant = ids.merchant();
    let entry = make::registry_entries(&mut ids, merchant).into_iter().find_map(|entry| match entry {
        RegistryEntry::Endpoint(endpoint) => Some(endpoint),
        RegistryEntry::Merchant(_)
        | RegistryEntry::Group(_)
        | RegistryEntry::Credential(_)
        | RegistryEntry::Person(_)
        | RegistryEntry::Policy(_)
        | RegistryEntry::Fees(_)
        | RegistryEntry::Brand(_)
        | RegistryEntry::Settings(_)
        | RegistryEntry::AuditHead(_)
        | RegistryEntry::Unswept(_) => None,
    });
    Arc::new(entry.unwrap())
}

/// An id that nobody has.
pub(super) fn unknown_id() -> String {
    PaymentId(mint::random_id()).to_string()
}
