//! A merchant with an account, a key and a router, for stories.

use crate::host::{Dialect, Host, SandboxPlan};
use crate::token::TokenKey;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId, PersonId, RefundId};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::money::Currency;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Envelope, Outcome, Work};
use refundry_engine::mint::new_id;
use refundry_engine::registry::{Merchant, Person, RegistryChange, RegistryEntry, Role};
use refundry_engine::webhook::WebhookDialect;
use refundry_testkit::clock::ManualClock;
use refundry_testkit::memory::MemoryStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt as _;

/// A server with one engine; merchants come and go.
pub(super) struct Shop {
    pub engine: Arc<Engine>,
    pub clock: Arc<ManualClock>,
    pub router: Router,
    pub dialect: Arc<dyn Dialect>,
}

/// A merchant of a shop.
pub(super) struct Tenant {
    pub id: MerchantId,
    pub key: String,
    pub account: AccountId,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The value at a JSON Pointer, as text.
    pub(super) fn text(&self, pointer: &str) -> String {
        let body = self.json();
        body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(super) fn code(&self) -> String {
        self.text("/code")
    }
}

/// A family of webhooks that some other dialect brings along.
struct OtherFamily;

impl WebhookDialect for OtherFamily {
    fn family(&self) -> &'static str {
        "other"
    }
    fn render(
        &self,
        _: &refundry_engine::store::StoredEvent,
        _: &refundry_engine::registry::Endpoint,
    ) -> Option<refundry_engine::webhook::Rendered> {
        None
    }
    fn sign(
        &self,
        _: &refundry_engine::store::StoredEvent,
        _: &refundry_engine::registry::Endpoint,
        _: &[u8],
        _: refundry_domain::time::Timestamp,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    fn retry_after(&self, _: u32, _: u32) -> Option<Span> {
        None
    }
    fn timeout(&self) -> Span {
        Span::seconds(1)
    }
    fn stops_on(&self, _: u16) -> bool {
        false
    }
}

impl Shop {
    pub(super) fn open(environment: Environment) -> Self {
        Self::with(environment, &Value::Null)
    }

    /// A shop under these settings.
    pub(super) fn with(environment: Environment, settings: &Value) -> Self {
        let (writer, reader) = MemoryStore::new().open();
        let clock = Arc::new(ManualClock::default());
        let rules = Rules::of(environment);
        let parts = Parts { writer, reader, clock: Arc::clone(&clock) as _, rules };
        let engine = Engine::start(parts).expect("an empty store opens");
        let tokens = TokenKey::new(&[7; 32]);
        let host = Arc::new(Host::new(Arc::clone(&engine), tokens, environment, "http://localhost".into()));
        let dialect = super::super::open(&host, settings, vec![Arc::new(OtherFamily)]).expect("defaults are good");
        Self { engine, clock, router: dialect.router(), dialect }
    }

    /// A sandbox with one merchant who has 1 000 000 minor units of AUD.
    pub(super) async fn sandbox() -> (Self, Tenant) {
        let shop = Self::open(Environment::Sandbox);
        let tenant = shop.merchant(1_000_000).await;
        (shop, tenant)
    }

    pub(super) async fn merchant(&self, available: u64) -> Tenant {
        let id = MerchantId(new_id(self.engine.now()));
        let put = |entry| Work::Registry { change: RegistryChange::Put(entry), answer: None };
        self.work(id, put(RegistryEntry::Merchant(Merchant { id, name: "Corner Shop".into() }))).await;
        let account = self.account(id, Currency::AUD, available).await;
        let plan = SandboxPlan {
            merchant: id,
            at: self.engine.now(),
            accounts: &BTreeMap::from([(Currency::AUD, account)]),
            mandate: MandateId(1),
            mandate_token: MandateToken(2),
            seed: &Value::Null,
        };
        let made = self.dialect.provision(&plan);
        for entry in made.entries {
            self.work(id, put(entry)).await;
        }
        let key = made.members["api_key"].as_str().expect("a key").to_owned();
        Tenant { id, key, account }
    }

    pub(super) async fn account(&self, merchant: MerchantId, currency: Currency, available: u64) -> AccountId {
        let mint = || AccountId(new_id(self.engine.now()));
        let book = Book::from_ids(std::array::from_fn(|_| mint()));
        let id = mint();
        let open = OpenAccount {
            id,
            kind: AccountKind::Held,
            currency,
            name: Arc::from("Refund wallet"),
            group: Arc::from(""),
            eligible: true,
        };
        self.command(merchant, Command::OpenBook { currency, book }).await;
        self.command(merchant, Command::OpenAccount(open)).await;
        self.command(merchant, Command::SetBalance { account: id, available }).await;
        id
    }

    pub(super) async fn command(&self, merchant: MerchantId, command: Command) -> Outcome {
        self.work(merchant, Work::Command(Box::new(command))).await
    }

    /// A human of the merchant with these roles, under a key that decides.
    pub(super) async fn person(&self, tenant: &Tenant, roles: &[Role]) -> (PersonId, Tenant) {
        let at = self.engine.now();
        let id = PersonId(new_id(at));
        let (key, credential) = self.dialect.decision_key((tenant.id, id), at, None).expect("there are such keys");
        self.register(tenant, RegistryEntry::Person(Person::new(id, tenant.id, roles, at))).await;
        self.register(tenant, RegistryEntry::Credential(credential)).await;
        (id, Tenant { id: tenant.id, key, account: tenant.account })
    }

    pub(super) async fn register(&self, tenant: &Tenant, entry: RegistryEntry) {
        self.work(tenant.id, Work::Registry { change: RegistryChange::Put(entry), answer: None }).await;
    }

    /// What a worker does before it calls the rail.
    pub(super) async fn begin_send(&self, merchant: MerchantId, refund: &str) {
        let refund = RefundId::parse(refund).expect("an id");
        let lease_until = self.engine.now().plus(Span::seconds(30));
        self.command(merchant, Command::BeginSend { refund, epoch: 1, lease_until }).await;
    }

    async fn work(&self, merchant: MerchantId, work: Work) -> Outcome {
        let envelope = Envelope { merchant, actor: Actor::Engine, once: None, work };
        let outcome = self.engine.execute(envelope).await.expect("the engine runs");
        assert!(outcome.result.is_ok(), "{outcome:?}");
        outcome
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request<Body>) -> Heard {
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
        Heard { status: parts.status, headers: parts.headers, bytes }
    }

    pub(super) async fn get(&self, tenant: &Tenant, path: &str) -> Heard {
        self.send(
            Request::get(path)
                .header("authorization", format!("Bearer {}", tenant.key))
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    /// A POST of raw bytes under an idempotency key; an empty key sends none.
    pub(super) async fn post_bytes(&self, tenant: &Tenant, path: &str, key: &str, body: &[u8]) -> Heard {
        let mut request = Request::post(path)
            .header("authorization", format!("Bearer {}", tenant.key))
            .header("content-type", "application/json");
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body.to_vec())).expect("a request")).await
    }

    pub(super) async fn post(&self, tenant: &Tenant, path: &str, key: &str, body: &Value) -> Heard {
        self.post_bytes(tenant, path, key, body.to_string().as_bytes()).await
    }

    pub(super) async fn with_method(&self, tenant: &Tenant, method: &str, path: &str, body: &Value) -> Heard {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", tenant.key))
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A payment of this many minor units of AUD, and its id.
    pub(super) async fn payment(&self, tenant: &Tenant, minor: u64) -> String {
        self.payment_in(tenant, minor, "settled").await
    }

    pub(super) async fn payment_in(&self, tenant: &Tenant, minor: u64, status: &str) -> String {
        let key = format!("payment-{}", PaymentId(new_id(self.engine.now())));
        let body = json!({
            "amount": minor, "currency": "AUD", "status": status,
            "debtor": { "name": "Alex Chen", "bsb": "082-001", "account_number": "12345678" },
        });
        let heard = self.post(tenant, "/v1/payments", &key, &body).await;
        assert_eq!(heard.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&heard.bytes));
        heard.text("/id")
    }
}
