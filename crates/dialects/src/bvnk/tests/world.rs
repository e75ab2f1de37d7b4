//! A world in memory: a shop with three wallets, and a program that signs its
//! calls. Everything but the sockets, the disk and the bank is real.

use crate::bvnk::hawk::{self, Header, Target};
use crate::host::{Dialect, Host, SandboxPlan};
use crate::token::TokenKey;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use refundry_domain::command::{Command, OpenAccount};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, RefundId};
use refundry_domain::ledger::{AccountKind, Book};
use refundry_domain::money::Currency;
use refundry_domain::refund::Refund;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Answer, Envelope, Work};
use refundry_engine::rail::{PayerBank, Rail};
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::webhook::history_of;
use refundry_engine::worker::RailWorker;
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make;
use refundry_testkit::memory::MemoryStore;
use refundry_testkit::rail::ScriptedRail;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use tower::ServiceExt;

/// Where this server is reached.
const ORIGIN: &str = "http://127.0.0.1:8080";
/// What each wallet holds at first.
pub(in crate::bvnk) const FUNDED: u64 = 1_000_000;
/// Most rounds of the rail's worker in one go.
const ROUND_COUNT_MAX: usize = 64;

/// Everything that a test needs.
pub(in crate::bvnk) struct World {
    pub(in crate::bvnk) clock: Arc<ManualClock>,
    pub(in crate::bvnk) engine: Arc<Engine>,
    pub(in crate::bvnk) rail: Arc<ScriptedRail>,
    worker: Arc<RailWorker>,
    pub(in crate::bvnk) host: Arc<Host>,
    pub(in crate::bvnk) dialect: Arc<dyn Dialect>,
    pub(in crate::bvnk) router: Router,
    pub(in crate::bvnk) merchant: MerchantId,
    pub(in crate::bvnk) accounts: BTreeMap<Currency, AccountId>,
    /// Its members of `sandbox.json`.
    pub(in crate::bvnk) members: Value,
    nonces: AtomicU64,
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub(in crate::bvnk) struct Heard {
    pub(in crate::bvnk) status: u16,
    pub(in crate::bvnk) headers: HeaderMap,
    pub(in crate::bvnk) body: Vec<u8>,
}

impl Heard {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(in crate::bvnk) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(in crate::bvnk) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(in crate::bvnk) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Status, code and sentence of an error, whose whole shape is checked.
    pub(in crate::bvnk) fn fault(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/json", "{}", self.text());
        let json = self.json();
        for member in ["code", "status", "traceId", "message"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
        }
        assert!(json.as_object().unwrap().contains_key("details"), "{json}");
        assert_eq!(json["traceId"], json!(self.header("x-request-id")));
        let text = |member: &str| json[member].as_str().unwrap().to_owned();
        (self.status, text("code"), text("message"))
    }

    /// A text of the answer.
    pub(in crate::bvnk) fn member(&self, pointer: &str) -> String {
        let json = self.json();
        json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}: {json}")).to_owned()
    }
}

/// A request in the making.
pub(in crate::bvnk) struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    id: String,
    key: String,
    /// What is signed, where it is not the request as it is sent.
    pub(in crate::bvnk) signed_path: Option<String>,
    pub(in crate::bvnk) signed_method: Option<String>,
    pub(in crate::bvnk) signed_host: (String, u16),
    pub(in crate::bvnk) ts: i64,
    pub(in crate::bvnk) nonce: String,
    pub(in crate::bvnk) hash: Option<String>,
    peer: Option<SocketAddr>,
}

impl Call {
    pub(in crate::bvnk) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(in crate::bvnk) fn key(self, key: &str) -> Self {
        self.header("x-idempotency-key", key)
    }

    pub(in crate::bvnk) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(in crate::bvnk) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(in crate::bvnk) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// As the client names the server.
    pub(in crate::bvnk) fn host(&mut self, host: &str) {
        self.headers.retain(|(name, _)| name != "host");
        self.headers.push(("host".to_owned(), host.to_owned()));
    }

    /// Another key signs.
    pub(in crate::bvnk) fn signed_by(mut self, id: &str, key: &str) -> Self {
        (self.id, self.key) = (id.to_owned(), key.to_owned());
        self
    }

    /// From this address.
    pub(in crate::bvnk) fn from(mut self, peer: &str) -> Self {
        self.peer = Some(peer.parse().unwrap());
        self
    }

    /// To another server with the same store.
    pub(in crate::bvnk) fn to(mut self, router: &Router) -> Self {
        self.router = router.clone();
        self
    }

    /// The value of `Authorization`.
    pub(in crate::bvnk) fn authorization(&self) -> String {
        let ts = self.ts.to_string();
        let (id, nonce, hash) = (&*self.id, &*self.nonce, self.hash.as_deref());
        let header = Header { id, ts: &ts, nonce, mac: "", hash, ext: None, app: None, dlg: None };
        let target = Target {
            method: self.signed_method.as_deref().unwrap_or(self.method.as_str()),
            resource: self.signed_path.as_deref().unwrap_or(&self.path),
            host: &self.signed_host.0,
            port: self.signed_host.1,
        };
        let mac = hawk::mac(self.key.as_bytes(), &hawk::signed_text(&header, target));
        let hash = hash.map(|hash| format!(", hash=\"{hash}\"")).unwrap_or_default();
        format!("Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"{hash}")
    }

    pub(in crate::bvnk) async fn send(self) -> Heard {
        let authorization = self.authorization();
        self.header("authorization", &authorization).send_as_it_is().await
    }

    /// Without a signature of its own.
    pub(in crate::bvnk) async fn send_as_it_is(self) -> Heard {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(self.body)).unwrap();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        Heard::of(self.router.oneshot(request).await.unwrap()).await
    }
}

impl World {
    pub(in crate::bvnk) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(in crate::bvnk) async fn with(settings: Value) -> Self {
        Self::build(settings, Environment::Sandbox).await
    }

    pub(in crate::bvnk) async fn build(settings: Value, environment: Environment) -> Self {
        let store = MemoryStore::new();
        let clock = Arc::new(ManualClock::default());
        let rules = Rules { environment, ..Rules::of(Environment::Sandbox) };
        let (writer, reader) = store.open();
        let engine = Engine::start(Parts { writer, reader, clock: clock.clone(), rules }).unwrap();
        let rail = Arc::new(ScriptedRail::default());
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&rail) as Arc<dyn Rail>);
        let host = Host::new(Arc::clone(&engine), TokenKey::new(&[3; 32]), environment, ORIGIN.to_owned())
            .with_payer_bank(Some(Arc::clone(&rail) as Arc<dyn PayerBank>));
        let host = Arc::new(host);
        let dialect = crate::bvnk::open_at(&host, &settings, |host| host.engine.now()).unwrap();
        let mut ids = make::Ids::default();
        let merchant = ids.merchant();
        let currencies = [Currency::GBP, Currency::EUR, Currency::USD];
        let accounts: BTreeMap<_, _> = currencies.into_iter().map(|currency| (currency, ids.account())).collect();
        let router = dialect.router();
        let (members, nonces) = (Value::Null, AtomicU64::new(0));
        let mut world =
            Self { clock, engine, rail, worker, host, dialect, router, merchant, accounts, members, nonces };
        for (currency, account) in world.accounts.clone() {
            let book = Book::from_ids(std::array::from_fn(|_| ids.account()));
            world.command(Command::OpenBook { currency, book }).await;
            world.command(open_account(account, currency)).await;
            world.command(Command::SetBalance { account, available: FUNDED }).await;
        }
        world.members = world.further_key(&json!({ "auth_id": "shop", "auth_key": "shop-key-0123456789" })).await;
        world
    }

    /// A further key of the shop.
    pub(in crate::bvnk) async fn further_key(&self, seed: &Value) -> Value {
        let mut ids = make::Ids::from(500);
        let made = self.dialect.provision(&SandboxPlan {
            merchant: self.merchant,
            at: self.engine.now(),
            accounts: &self.accounts,
            mandate: ids.mandate(),
            mandate_token: ids.token(),
            seed,
        });
        for entry in made.entries {
            self.put(entry).await;
        }
        Value::Object(made.members)
    }

    pub(in crate::bvnk) async fn put(&self, entry: RegistryEntry) {
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        self.execute(Envelope { merchant: self.merchant, actor: Actor::Sandbox, once: None, work }).await;
    }

    async fn execute(&self, envelope: Envelope) -> Answer {
        self.engine.execute(envelope).await.unwrap().result.unwrap()
    }

    pub(in crate::bvnk) async fn command(&self, command: Command) -> Answer {
        self.execute(Envelope::command(self.merchant, Actor::Sandbox, command)).await
    }

    pub(in crate::bvnk) fn call(&self, method: Method, path: &str) -> Call {
        let text = |member: &str| self.members[member].as_str().unwrap_or_default().to_owned();
        Call {
            router: self.router.clone(),
            method,
            path: path.to_owned(),
            headers: vec![("host".to_owned(), "127.0.0.1:8080".to_owned())],
            body: Vec::new(),
            id: text("auth_id"),
            key: text("auth_key"),
            signed_path: None,
            signed_method: None,
            signed_host: ("127.0.0.1".to_owned(), 8080),
            ts: self.engine.now().unix_seconds(),
            nonce: format!("n{}", self.nonces.fetch_add(1, Ordering::Relaxed)),
            hash: None,
            peer: None,
        }
    }

    pub(in crate::bvnk) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(in crate::bvnk) async fn get(&self, path: &str) -> Heard {
        self.call(Method::GET, path).send().await
    }

    pub(in crate::bvnk) fn wallet(&self, currency: Currency) -> String {
        self.members["wallets"][currency.code()].as_str().unwrap().to_owned()
    }

    /// A pay-in that was credited; its reference.
    pub(in crate::bvnk) async fn payin(&self, value: &str, currency: Currency, method: &str) -> String {
        let id = self.payin_under_way(value, currency, method).await;
        self.wait(Span::seconds(1)).await;
        id
    }

    /// A pay-in that is not credited yet.
    pub(in crate::bvnk) async fn payin_under_way(&self, value: &str, currency: Currency, method: &str) -> String {
        let (format, bank, number) = match currency.code() {
            "GBP" => ("SCAN", "200415", "60312207"),
            "EUR" => ("IBAN", "BYLADEM1001", "DE02120300000000202051"),
            _ => ("ABA", "021000021", "123456789"),
        };
        let body = json!({
            "walletId": self.wallet(currency), "paymentReference": "INV-20417", "paymentMethod": method,
            "amount": { "value": value, "currency": currency.code() },
            "originator": { "name": "Nadia Okafor", "bankAccount": {
                "accountNumberFormat": format, "bankCode": bank, "accountNumber": number,
            } },
        });
        let heard = self.post("/payment/v1/payins/simulate").json(&body).send().await;
        assert_eq!((heard.status, heard.member("/status")), (200, "PROCESSING".to_owned()), "{}", heard.text());
        heard.member("/transactionReference")
    }

    pub(in crate::bvnk) async fn gbp(&self, value: &str) -> String {
        self.payin(value, Currency::GBP, "FASTER_PAYMENT").await
    }

    /// Asks for a refund.
    pub(in crate::bvnk) async fn ask(&self, payin: &str, value: &str, key: &str) -> Heard {
        let path = format!("/payment/v1/payins/{payin}/refund");
        self.post(&path).key(key).json(&a_refund(value, "GBP")).send().await
    }

    /// Makes a refund; its own reference.
    pub(in crate::bvnk) async fn refund(&self, payin: &str, value: &str, key: &str) -> String {
        let heard = self.ask(payin, value, key).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        heard.member("/refundTransactionReference")
    }

    pub(in crate::bvnk) async fn status(&self, refund: &str) -> String {
        self.get(&format!("/payment/v1/payouts/{refund}")).await.member("/status")
    }

    pub(in crate::bvnk) async fn stored(&self, refund: &str) -> Refund {
        let (merchant, id) = (self.merchant, RefundId::parse(refund).unwrap());
        self.engine.read(move |reader| reader.refund(merchant, id)).await.unwrap().unwrap()
    }

    /// What may be spent from a wallet, minor units.
    pub(in crate::bvnk) async fn available(&self, currency: Currency) -> u64 {
        let (merchant, id) = (self.merchant, self.accounts[&currency]);
        let account = self.engine.read(move |reader| reader.account(merchant, id)).await.unwrap().unwrap();
        account.balance.available()
    }

    /// Lets the rail's worker do everything that is due; tells when more is.
    pub(in crate::bvnk) async fn work(&self) -> Option<Timestamp> {
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

    pub(in crate::bvnk) async fn newest_event(&self) -> u64 {
        self.engine.read(|reader| reader.newest_event()).await.unwrap().0
    }

    /// Moves the clock on, and lets the worker do what is due then.
    pub(in crate::bvnk) async fn wait(&self, span: Span) {
        self.clock.advance(span);
        self.work().await;
    }

    /// The inbox's endpoint.
    pub(in crate::bvnk) fn inbox_endpoint(&self) -> Arc<Endpoint> {
        let directory = self.engine.directory();
        directory.endpoints.values().find(|endpoint| endpoint.dialect == "bvnk").cloned().unwrap()
    }

    /// The webhooks of the shop, oldest first, as they are sent.
    pub(in crate::bvnk) async fn letters(&self) -> Vec<Vec<u8>> {
        let (webhooks, endpoint) = (self.dialect.webhooks(), self.inbox_endpoint());
        let letters = self.engine.read(move |reader| {
            let events = reader.events_after(0, 10_000)?;
            let rendered = events.iter().map(|event| {
                let history = history_of(&*webhooks, reader, event)?;
                Ok(webhooks.render_after(event, &history, &endpoint).map(|rendered| rendered.body))
            });
            Ok(rendered
                .collect::<Result<Vec<_>, refundry_engine::store::StoreError>>()?
                .into_iter()
                .flatten()
                .collect())
        });
        letters.await.unwrap()
    }

    /// The `data` of the webhooks about an object, oldest first.
    pub(in crate::bvnk) async fn told(&self, id: &str) -> Vec<Value> {
        let letters = self.letters().await;
        let read = letters.iter().map(|body| serde_json::from_slice::<Value>(body).unwrap()["data"].clone());
        read.filter(|data| data["transactionReference"] == id).collect()
    }

    /// The words of the webhooks about an object.
    pub(in crate::bvnk) async fn words(&self, id: &str) -> Vec<String> {
        self.told(id).await.iter().map(|data| data["status"].as_str().unwrap().to_owned()).collect()
    }
}

/// The body of a refund.
pub(in crate::bvnk) fn a_refund(value: &str, currency: &str) -> Value {
    json!({ "customerReference": "ticket-88412", "amount": { "value": value, "currency": currency } })
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
        name: Arc::from("Fernhill Books"),
        group: Arc::from(""),
        eligible: true,
    })
}
