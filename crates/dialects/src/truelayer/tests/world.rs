//! A world in memory: a shop with two merchant accounts, and a client that
//! signs its calls with a key of its own. Everything but the sockets, the
//! disk and the bank is real.

use super::super::signing::jws::Signer;
use super::super::signing::keys;
use crate::host::{Dialect, Host, SandboxPlan};
use crate::token::TokenKey;
use aws_lc_rs::signature::EcdsaKeyPair;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, PaymentId, RefundId};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::mint;
use refundry_engine::rail::{PayerBank, Rail};
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::store::StoredEvent;
use refundry_engine::worker::RailWorker;
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use refundry_testkit::rail::ScriptedRail;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt;

/// Where this server is reached.
pub(in crate::truelayer) const ORIGIN: &str = "http://127.0.0.1:8080";
/// What each merchant account holds at first.
pub(in crate::truelayer) const FUNDED: u64 = 1_000_000;
/// Most rounds of the rail's worker in one go.
const ROUND_COUNT_MAX: usize = 64;

/// A client, its credentials and its key.
#[derive(Debug)]
pub(in crate::truelayer) struct ClientApp {
    pub(in crate::truelayer) id: String,
    pub(in crate::truelayer) secret: String,
    pub(in crate::truelayer) key_id: String,
    pub(in crate::truelayer) pair: EcdsaKeyPair,
    pub(in crate::truelayer) inbox: Arc<Endpoint>,
    /// An access token with every scope.
    pub(in crate::truelayer) token: String,
    /// Its members of `sandbox.json`.
    pub(in crate::truelayer) members: Value,
}

/// Everything that a test needs.
pub(in crate::truelayer) struct World {
    pub(in crate::truelayer) store: MemoryStore,
    pub(in crate::truelayer) clock: Arc<ManualClock>,
    pub(in crate::truelayer) engine: Arc<Engine>,
    pub(in crate::truelayer) rail: Arc<ScriptedRail>,
    pub(in crate::truelayer) worker: Arc<RailWorker>,
    pub(in crate::truelayer) dialect: Arc<dyn Dialect>,
    router: Router,
    pub(in crate::truelayer) merchant: MerchantId,
    pub(in crate::truelayer) gbp: AccountId,
    pub(in crate::truelayer) eur: AccountId,
    pub(in crate::truelayer) client: Arc<ClientApp>,
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub(in crate::truelayer) struct Heard {
    pub(in crate::truelayer) status: u16,
    pub(in crate::truelayer) headers: HeaderMap,
    pub(in crate::truelayer) body: Vec<u8>,
}

impl Heard {
    pub(in crate::truelayer) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(in crate::truelayer) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(in crate::truelayer) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(in crate::truelayer) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Status and slug of a problem, whose whole shape is checked, and the
    /// fields that it names.
    pub(in crate::truelayer) fn problem(&self) -> (u16, String, Vec<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let json = self.json();
        for member in ["type", "title", "detail", "trace_id"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
        }
        assert_eq!(json["status"], json!(self.status));
        assert_eq!(json["trace_id"], json!(self.header("tl-trace-id")));
        assert_eq!(json["trace_id"], json!(self.header("x-tl-correlation-id")));
        let slug = json["type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
        let fields = json["errors"].as_object().map(|errors| errors.keys().cloned().collect());
        (self.status, slug, fields.unwrap_or_default())
    }

    pub(in crate::truelayer) fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_else(|| panic!("no id: {}", self.text())).to_owned()
    }
}

/// A request in the making.
pub(in crate::truelayer) struct Call<'w> {
    world: &'w World,
    client: Arc<ClientApp>,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    signed: bool,
    /// The path that is signed, where it is not the one that is called.
    signed_path: Option<String>,
}

impl Call<'_> {
    /// Sets a header; the casing of its name is the one that is signed.
    pub(in crate::truelayer) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(in crate::truelayer) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(in crate::truelayer) fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    pub(in crate::truelayer) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(in crate::truelayer) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(in crate::truelayer) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Another client of the world calls.
    pub(in crate::truelayer) fn by(mut self, client: &Arc<ClientApp>) -> Self {
        self.client = Arc::clone(client);
        let token = client.token.clone();
        self.bearer(&token)
    }

    /// Sends no signature.
    pub(in crate::truelayer) fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// Signs another path than the one that is called.
    pub(in crate::truelayer) fn signed_for(mut self, path: &str) -> Self {
        self.signed_path = Some(path.to_owned());
        self
    }

    /// The signature of this call, over its idempotency key.
    pub(in crate::truelayer) fn signature(&self) -> String {
        let path = self.signed_path.as_deref().unwrap_or(&self.path);
        let path = path.split('?').next().unwrap();
        let key = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        let headers: Vec<(&str, &[u8])> = key.map(|(name, value)| (&**name, value.as_bytes())).into_iter().collect();
        let signer = Signer { pair: &self.client.pair, key_id: &self.client.key_id, jku: None };
        signer.sign(self.method.as_str(), path, &headers, &self.body).unwrap()
    }

    pub(in crate::truelayer) async fn send(mut self) -> Heard {
        let by_hand = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("tl-signature"));
        if self.signed && !by_hand {
            let signature = self.signature();
            self.headers.push(("Tl-Signature".to_owned(), signature));
        }
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        Heard::of(self.world.router.clone().oneshot(request).await.unwrap()).await
    }
}

impl World {
    pub(in crate::truelayer) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// A world with settings of the dialect.
    pub(in crate::truelayer) async fn with(settings: Value) -> Self {
        Self::of(Environment::Sandbox, settings).await
    }

    /// A world with settings of the dialect; in live there is no bank that
    /// plays payers.
    pub(in crate::truelayer) async fn of(environment: Environment, mut settings: Value) -> Self {
        // Nobody waits for what only a person would want to see.
        let delay = &mut settings["sandbox"]["authorize_delay_ms"];
        if delay.is_null() {
            *delay = json!(0);
        }

        let store = MemoryStore::new();
        let clock = Arc::new(ManualClock::default());
        let rules = Rules::of(environment);
        let (writer, reader) = store.open();
        let engine = Engine::start(Parts { writer, reader, clock: clock.clone(), rules }).unwrap();
        let rail = Arc::new(ScriptedRail::default());
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&rail) as Arc<dyn Rail>);
        let payers = environment == Environment::Sandbox;
        let host = Host::new(Arc::clone(&engine), TokenKey::new(&[3; 32]), rules.environment, ORIGIN.to_owned())
            .with_payer_bank(payers.then(|| Arc::clone(&rail) as Arc<dyn PayerBank>));
        let dialect = crate::truelayer::open(&Arc::new(host), &settings).unwrap();
        let mut ids = make::Ids::default();
        let merchant = ids.merchant();
        let (gbp, eur) = (ids.account(), ids.account());
        let router = dialect.router();
        let client = Arc::new(nobody(&mut ids, merchant));
        let mut world = Self { store, clock, engine, rail, worker, dialect, router, merchant, gbp, eur, client };
        for (currency, account) in [(Currency::GBP, gbp), (Currency::EUR, eur)] {
            let book = Book::from_ids(std::array::from_fn(|_| ids.account()));
            world.command(Command::OpenBook { currency, book }).await;
            world.command(open_account(account, currency)).await;
            world.command(Command::SetBalance { account, available: FUNDED }).await;
        }
        world.client = world.further_client(&json!({ "client_id": "fernhill-books-7d37" })).await;
        // Its payment of the past was credited, too.
        world.command(Command::SetBalance { account: gbp, available: FUNDED }).await;
        world
    }

    /// A further client of the shop.
    pub(in crate::truelayer) async fn further_client(&self, seed: &Value) -> Arc<ClientApp> {
        let accounts = BTreeMap::from([(Currency::GBP, self.gbp), (Currency::EUR, self.eur)]);
        let mut ids = make::Ids::from(500);
        let made = self.dialect.provision(&SandboxPlan {
            merchant: self.merchant,
            at: self.engine.now(),
            accounts: &accounts,
            mandate: ids.mandate(),
            mandate_token: ids.token(),
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
        for command in made.commands {
            self.command(command).await;
        }
        let member = |name: &str| made.members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let private = member("signing_private_key_pem");
        let pair = if private.is_empty() { keys::generate() } else { keys::read_private(&private) };
        let mut client = ClientApp {
            id: member("client_id"),
            secret: member("client_secret"),
            key_id: member("signing_key_id"),
            pair: pair.unwrap(),
            inbox: inbox.unwrap(),
            token: String::new(),
            members: Value::Object(made.members.clone()),
        };
        client.token = self.token(&client, None).await;
        Arc::new(client)
    }

    /// A fresh access token, with these scopes or all.
    pub(in crate::truelayer) async fn token(&self, client: &ClientApp, scope: Option<&str>) -> String {
        let body = json!({
            "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret, "scope": scope,
        });
        let heard = self.post("/connect/token").without("authorization").unsigned().json(&body).send().await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        heard.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(in crate::truelayer) async fn execute(&self, envelope: Envelope) -> Answer {
        self.engine.execute(envelope).await.unwrap().result.unwrap()
    }

    pub(in crate::truelayer) async fn command(&self, command: Command) -> Answer {
        self.execute(Envelope::command(self.merchant, Actor::Sandbox, command)).await
    }

    /// A call of the shop's own client: with its token, and signed unless it
    /// is a GET.
    pub(in crate::truelayer) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let headers = vec![
            ("Authorization".to_owned(), format!("Bearer {}", self.client.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let signed = method != Method::GET;
        let client = Arc::clone(&self.client);
        let path = path.to_owned();
        Call { world: self, client, method, path, headers, body: Vec::new(), signed, signed_path: None }
    }

    /// A signed POST without an idempotency key; money calls need one.
    pub(in crate::truelayer) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(in crate::truelayer) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(in crate::truelayer) async fn get(&self, path: &str) -> Heard {
        self.call(Method::GET, path).send().await
    }

    /// Lets the rail's worker do everything that is due; tells when more is.
    pub(in crate::truelayer) async fn work(&self) -> Option<Timestamp> {
        for _ in 0..ROUND_COUNT_MAX {
            let before = self.newest_event().await;
            if !self.worker.has_swept() {
                sweep(&self.worker).await;
            }
            let next = self.worker.step().await;
            let quiet = next.is_none_or(|at| at > self.engine.now());
            // What a step sent may have brought reports since it looked.
            if quiet && self.newest_event().await == before && self.rail.report_count() == 0 {
                return next;
            }
        }
        panic!("the worker does not come to rest");
    }

    async fn newest_event(&self) -> u64 {
        self.engine.read(|reader| reader.newest_event()).await.unwrap().0
    }

    /// Moves the clock on, and lets the worker do what is due then.
    pub(in crate::truelayer) async fn wait(&self, span: Span) {
        self.clock.advance(span);
        self.work().await;
    }

    /// A settled payment through another door of the merchant.
    pub(in crate::truelayer) async fn foreign_payment(&self, minor: u64) -> PaymentId {
        let id = PaymentId(mint::random_id());
        let record = make::record_payment(id, self.gbp, Amount::new(minor, Currency::GBP));
        self.command(Command::RecordPayment(record)).await;
        id
    }

    pub(in crate::truelayer) async fn stored_refund(&self, id: RefundId) -> Refund {
        let merchant = self.merchant;
        self.engine.read(move |reader| reader.refund(merchant, id)).await.unwrap().unwrap()
    }

    /// Available and current balance of an account.
    pub(in crate::truelayer) async fn balances(&self, account: AccountId) -> (u64, u64) {
        let merchant = self.merchant;
        let account = self.engine.read(move |reader| reader.account(merchant, account)).await.unwrap().unwrap();
        let available = account.balance.available();
        (available, u64::try_from(account.balance.credit_posted()).unwrap())
    }

    pub(in crate::truelayer) async fn events(&self) -> Vec<StoredEvent> {
        self.engine.read(|reader| reader.events_after(0, 10_000)).await.unwrap()
    }

    /// The webhooks that an endpoint gets, oldest first.
    pub(in crate::truelayer) async fn sent_to(&self, endpoint: &Endpoint) -> Vec<Value> {
        let webhooks = self.dialect.webhooks();
        let events = self.events().await;
        let of = |event| webhooks.render(event, endpoint).into_iter().chain(webhooks.further(event, endpoint));
        events.iter().flat_map(of).map(|rendered| serde_json::from_slice(&rendered.body).unwrap()).collect()
    }

    /// The webhooks of the shop's own client.
    pub(in crate::truelayer) async fn inbox(&self) -> Vec<Value> {
        self.sent_to(&self.client.inbox).await
    }
}

/// A worker sends nothing before it has compared the bank's books with ours.
async fn sweep(worker: &Arc<RailWorker>) {
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(worker).run(stopped));
    while !worker.has_swept() {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    running.await.unwrap();
}

fn open_account(id: AccountId, currency: Currency) -> Command {
    Command::OpenAccount(OpenAccount {
        id,
        kind: AccountKind::Held,
        currency,
        name: Arc::from("Fernhill Books Ltd"),
        group: Arc::from(""),
        eligible: true,
    })
}

/// Replaced as soon as the real client is made.
fn nobody(ids: &mut make::Ids, merchant: MerchantId) -> ClientApp {
    let endpoint = |entry| if let RegistryEntry::Endpoint(endpoint) = entry { Some(endpoint) } else { None };
    let inbox = make::registry_entries(ids, merchant).into_iter().find_map(endpoint);
    ClientApp {
        id: String::new(),
        secret: String::new(),
        key_id: String::new(),
        pair: keys::generate().unwrap(),
        inbox: Arc::new(inbox.unwrap()),
        token: String::new(),
        members: Value::Null,
    }
}
