//! A whole sandbox in one process: real dialects, mock bank, worker,
//! webhooks and sockets, on a store in memory.

use crate::wire::{Answer, call};
use refundry_dialects::host::{Dialect, Host};
use refundry_dialects::token::TokenKey;
use refundry_domain::rules::{Environment, Rules};
use refundry_engine::clock::AdvancedClock;
use refundry_engine::engine::{Engine, Parts as EngineParts};
use refundry_engine::rail::Rail;
use refundry_engine::worker::RailWorker;
use refundry_mails::Outbox;
use refundry_rails::mock_bank::{MockBank, Options as BankOptions, TimeScale};
use refundry_server::edge::Edge;
use refundry_server::health::{self, Vitals};
use refundry_server::limits::Limits;
use refundry_server::listen::Listener;
use refundry_server::metrics::Metrics;
use refundry_server::mount::{Mounted, Shapes};
use refundry_server::sandbox::provision::{Options, Provisioned, provision};
use refundry_server::sandbox::{self, Parts, Sandbox, clock_file};
use refundry_server::sources::{EngineSource, WebhookSource, metrics_routes};
use refundry_testkit::memory::MemoryStore;
use refundry_webhooks::{Egress, EgressOptions, Options as WebhookOptions, Policy, Webhooks};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running sandbox.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) made: Provisioned,
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<AdvancedClock>,
    webhooks: Arc<Webhooks>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl House {
    /// Starts a sandbox on a store and in a data folder.
    pub(crate) async fn start(store: &MemoryStore, data: &Path, seed: Option<&Path>) -> Self {
        let clock = Arc::new(clock_file::load(data).unwrap());
        let engine = engine(store, Arc::clone(&clock));
        let dialects = dialects(&engine);
        let bank = BankOptions { path: data.join("bank.db"), time_scale: TimeScale { permille: 0 }, seed: 7 };
        let bank = MockBank::open(bank).unwrap();
        let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&bank) as Arc<dyn Rail>);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        let base_url = format!("http://{address}");
        let made = provision(&engine, &dialects, &Options { data, base_url: &base_url, seed }).await.unwrap();
        let egress = EgressOptions::with_policy(Policy::sandbox());
        *egress.inbox_base.write().unwrap() = format!("{base_url}/sandbox/v1/inbox");
        let families = dialects.iter().map(|dialect| dialect.webhooks()).collect();
        let egress = Egress::try_new(egress).unwrap();
        let webhooks = Arc::new(Webhooks::start(Arc::clone(&engine), families, egress, WebhookOptions::default()));
        let metrics = Arc::new(Metrics::new(vec![
            Box::new(EngineSource(Arc::clone(&engine))),
            Box::new(WebhookSource(Arc::clone(webhooks.counters()))),
        ]));
        let (stop, stopped) = watch::channel(false);
        let vitals =
            Vitals { engine: Arc::clone(&engine), worker: Some(Arc::clone(&worker)), stopping: stopped.clone() };
        let sandbox = Sandbox::new(Parts {
            engine: Arc::clone(&engine),
            bank,
            worker: Arc::clone(&worker),
            clock: Arc::clone(&clock),
            webhooks: Arc::clone(&webhooks),
            dialects: dialects.clone(),
            mails: Arc::new(Outbox::new(engine.clock().clone(), None)),
            data: data.into(),
        });
        let own = vec![health::routes(vitals), metrics_routes(Arc::clone(&metrics)), sandbox::routes(sandbox)];
        let edge = Arc::new(Edge::new(Mounted::shared(dialects, own, Shapes::new()), Limits::default(), metrics));
        let tasks = vec![tokio::spawn(listener.serve(edge, stopped.clone())), tokio::spawn(worker.run(stopped))];
        Self { address, made, engine, clock, webhooks, stop, tasks }
    }

    /// The sandbox API's key.
    pub(crate) fn key(&self) -> &str {
        self.made.document.text("/sandbox/api_key").unwrap()
    }

    /// A call of the sandbox API, such as `POST /clock/advance`.
    pub(crate) async fn lever(&self, line: &str, body: &Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(self.address, &format!("{method} /sandbox/v1{path}"), self.key(), &body).await
    }

    pub(crate) async fn end(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.webhooks.stop().await;
        self.engine.stop().await;
    }
}

/// An engine on a store, as after a start of the process.
pub(crate) fn engine(store: &MemoryStore, clock: Arc<AdvancedClock>) -> Arc<Engine> {
    let (writer, reader) = store.open();
    Engine::start(EngineParts { writer, reader, clock, rules: Rules::of(Environment::Sandbox) }).unwrap()
}

/// Every dialect of this build.
pub(crate) fn dialects(engine: &Arc<Engine>) -> Vec<Arc<dyn Dialect>> {
    let tokens = TokenKey::new(&[7; 32]);
    let host = Host::new(Arc::clone(engine), tokens, Environment::Sandbox, "http://127.0.0.1".into());
    refundry_dialects::all(&Arc::new(host), &Value::Null).unwrap()
}
