//! The composition root: store, engine, rail, dialects, webhooks and sockets
//! are put together here and nowhere else.

use crate::config::{Config, MetricsAt};
use crate::hosted;
use crate::secrets::key_file;
use anyhow::Context;
use refundry_console::known::KnownBrowsers;
use refundry_console::link::SignInLinks;
use refundry_console::{Console, Parts as ConsoleParts};
use refundry_dialects::host::{Dialect, Host};
use refundry_dialects::token::TokenKey;
use refundry_engine::clock::{Clock, real_now};
use refundry_engine::egress::INBOX_PATH;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::person_refund::RefundDesk;
use refundry_engine::rail::PayerBank;
use refundry_engine::store::Reader;
use refundry_engine::worker::RailWorker;
use refundry_rails::mock_bank::{self, MockBank, TimeScale};
use refundry_server::edge::Edge;
use refundry_server::limits::Limits;
use refundry_server::listen::Listener;
use refundry_server::metrics::Metrics;
use refundry_server::mount::{Mounted, Shapes};
use refundry_server::sandbox::provision::{self, provision};
use refundry_server::sandbox::{self, Sandbox, clock_file};
use refundry_server::{health, sources};
use refundry_store_sqlite::{KeyRing, Options as StoreOptions, SqliteStore};
use refundry_webhooks::{Egress, EgressOptions, Policy, Webhooks};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) base_url: String,
    engine: Arc<Engine>,
    webhooks: Arc<Webhooks>,
    store: SqliteStore,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// The rail worker and the post office.
    workers: Vec<JoinHandle<()>>,
}

/// Opens a store for reading only, beside a server that may be running.
pub(crate) fn open_read_only(data: &Path, key: [u8; 32]) -> anyhow::Result<Arc<dyn Reader>> {
    Ok(SqliteStore::open_read_only(data, keys(key)?)?.reader())
}

fn keys(key: [u8; 32]) -> anyhow::Result<KeyRing> {
    Ok(KeyRing::from_keys([(1, key)])?)
}

/// Runs until the process is told to end, then finishes what was accepted.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let data = config.data.clone();
    // Before anybody can see that we are ready: an early end is a graceful one, too.
    let mut signals = EndSignals::listen()?;
    let running = Running::start(config).await?;
    // Whoever started us may have closed our output; that is no reason to end.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "listening at {}", running.base_url);
    let _ = writeln!(out, "sandbox credentials in {}", data.join("sandbox.json").display());
    signals.told().await;
    running.stop().await;
    Ok(())
}

/// The signals that end the server.
struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Listens for them from now on.
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Everything below the sockets.
struct Core {
    engine: Arc<Engine>,
    store: SqliteStore,
    clock: Arc<refundry_engine::clock::AdvancedClock>,
    bank: Arc<MockBank>,
    worker: Arc<RailWorker>,
}

fn open_core(config: &Config) -> anyhow::Result<Core> {
    let data = &config.data;
    std::fs::create_dir_all(data).with_context(|| format!("{} cannot be made", data.display()))?;
    let field_key = match &config.field_key_file {
        Some(file) => key_file(file, false)?,
        None => key_file(&data.join("field.key"), config.sandbox)?,
    };
    let sync = std::env::var_os("REFUNDRY_TEST_NO_SYNC").is_none();
    if !sync {
        tracing::error!("syncs are switched off for a test: a power cut loses acknowledged refunds");
    }
    let options = StoreOptions { sync, ..StoreOptions::new(data.clone(), keys(field_key)?) };
    let store = SqliteStore::open(options).context("the store does not open")?;
    let clock = Arc::new(clock_file::load(data).context("the sandbox's clock file does not read")?);
    let parts = Parts {
        writer: store.writer(),
        reader: store.reader(),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        rules: config.rules()?,
    };
    let engine = Engine::start(parts).context("the engine does not start")?;
    let bank = MockBank::open(mock_bank::Options {
        path: data.join("mock_bank.db"),
        time_scale: TimeScale { permille: config.mock_bank.time_scale_permille },
        seed: 0,
    })
    .context("the mock bank does not open")?;
    let worker = RailWorker::new(Arc::clone(&engine), Arc::clone(&bank) as _);
    Ok(Core { engine, store, clock, bank, worker })
}

/// The pages that people see, below `/console`.
fn open_console(
    config: &Config,
    core: &Core,
    dialects: &[Arc<dyn Dialect>],
    behind: &hosted::Links,
) -> anyhow::Result<Arc<Console>> {
    let key = key_file(&config.data.join("token.key"), true)?;
    Ok(Console::new(ConsoleParts {
        engine: Arc::clone(&core.engine),
        public_origin: config.public_origin.clone(),
        pages: behind.asked.clone(),
        refunds: RefundDesk::new(dialects.iter().map(|dialect| dialect.person_refunds()).collect()),
        letters: behind.letters(),
        links: SignInLinks::new(&key),
        known: KnownBrowsers::new(&key),
        trusted_proxies: config.console.trusted()?,
        real_now,
    }))
}

fn open_dialects(config: &Config, core: &Core, origin: &str, policy: &Policy) -> anyhow::Result<Vec<Arc<dyn Dialect>>> {
    let token_key = key_file(&config.data.join("token.key"), true)?;
    let environment = core.engine.rules().environment;
    let tokens = TokenKey::new(&token_key);
    let payers = config.sandbox.then(|| Arc::clone(&core.bank) as Arc<dyn PayerBank>);
    let host = Host::new(Arc::clone(&core.engine), tokens, environment, origin.to_owned())
        .with_egress(policy.clone())
        .with_payer_bank(payers)
        .with_given_origin(config.public_origin.is_some());
    let settings = serde_json::to_value(&config.dialects)?;
    refundry_dialects::all(&Arc::new(host), &settings).context("dialects")
}

fn egress_policy(config: &Config) -> anyhow::Result<Policy> {
    let mut policy = if config.sandbox { Policy::sandbox() } else { Policy::default() };
    policy.allow_http |= config.webhooks.allow_http;
    for range in &config.webhooks.allow_ranges {
        let range = range.parse().with_context(|| format!("webhooks.allow_ranges: {range:?} is no range"))?;
        policy.allowed.push(range);
    }
    Ok(policy)
}

/// Reads what only the dialects and the guard of outgoing requests understand,
/// as `serve` would, over a store of the moment.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("no folder for a moment")?;
    let data = folder.path().to_owned();
    let trial = Config { sandbox: true, data, field_key_file: None, ..config.clone() };
    let policy = egress_policy(config)?;
    config.console.trusted()?;
    let core = open_core(&trial)?;
    let opened = open_dialects(&trial, &core, "http://127.0.0.1", &policy)
        .and_then(|dialects| hosted::open(&trial, &core.engine, &dialects).map(|_| ()));
    core.engine.stop().await;
    core.store.close()?;
    opened
}

impl Running {
    /// Opens everything and listens.
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        let core = open_core(&config)?;
        let listener = Listener::bind(config.listen.parse()?).await.context("the listener does not open")?;
        let base_url = format!("http://{}", listener.address());
        let origin = config.public_origin.clone().unwrap_or_else(|| base_url.clone());
        let policy = egress_policy(&config)?;
        let dialects = open_dialects(&config, &core, &origin, &policy)?;
        core.bank.set_habits(dialects.iter().flat_map(|dialect| dialect.habits()).collect());
        let options = provision::Options { data: &config.data, base_url: &base_url, seed: config.seed.as_deref() };
        provision(&core.engine, &dialects, &options).await?;
        let webhooks = start_webhooks(&core, &dialects, policy, &base_url)?;
        let links = hosted::open(&config, &core.engine, &dialects)?;
        let (stop, stopping) = watch::channel(false);
        let parts = sandbox::Parts {
            engine: Arc::clone(&core.engine),
            bank: Arc::clone(&core.bank),
            worker: Arc::clone(&core.worker),
            clock: Arc::clone(&core.clock),
            webhooks: Arc::clone(&webhooks),
            dialects: dialects.clone(),
            mails: Arc::clone(&links.outbox),
            data: config.data.clone(),
        };
        let routes = sandbox::routes(Sandbox::new(parts));
        let metrics = Arc::new(Metrics::new(vec![
            Box::new(sources::EngineSource(Arc::clone(&core.engine))),
            Box::new(sources::WebhookSource(Arc::clone(webhooks.counters()))),
        ]));
        let vitals = health::Vitals {
            engine: Arc::clone(&core.engine),
            worker: Some(Arc::clone(&core.worker)),
            stopping: stopping.clone(),
        };
        let mut own = vec![routes, health::routes(vitals), open_console(&config, &core, &dialects, &links)?.routes()];
        own.push(links.pages.routes());
        let mut listeners = Vec::new();
        match config.metrics_at()? {
            MetricsAt::BesideApi => own.push(sources::metrics_routes(Arc::clone(&metrics))),
            MetricsAt::Nowhere => {}
            MetricsAt::Own(address) => {
                let listener = Listener::bind(address).await.context("metrics_listen does not open")?;
                let routes = vec![sources::metrics_routes(Arc::clone(&metrics))];
                let mounted = Mounted::shared(Vec::new(), routes, Shapes::new());
                let edge = Arc::new(Edge::new(mounted, Limits::default(), Arc::clone(&metrics)));
                listeners.push(tokio::spawn(listener.serve(edge, stopping.clone())));
            }
        }
        let mounted = Mounted::shared(dialects, own, Shapes::new());
        let limits = Limits { body_bytes_max: config.http.body_limit, ..Limits::default() };
        let edge = Arc::new(Edge::new(mounted, limits, metrics));
        listeners.push(tokio::spawn(listener.serve(edge, stopping.clone())));
        let mut workers = vec![tokio::spawn(core.worker.run(stopping.clone()))];
        workers.extend(links.office.map(|office| tokio::spawn(office.run(stopping))));
        Ok(Self { base_url, engine: core.engine, webhooks, store: core.store, stop, listeners, workers })
    }

    /// Takes nothing new, finishes what was accepted, closes the store.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            let _ = listener.await;
        }
        for worker in self.workers {
            let _ = worker.await;
        }
        self.webhooks.stop().await;
        self.engine.stop().await;
        if let Err(error) = self.store.close() {
            tracing::error!(error = %error, "the last checkpoint failed; the next start makes it up");
        }
    }
}

fn start_webhooks(
    core: &Core,
    dialects: &[Arc<dyn Dialect>],
    policy: Policy,
    base_url: &str,
) -> anyhow::Result<Arc<Webhooks>> {
    let options = EgressOptions::with_policy(policy);
    *options.inbox_base.write().unwrap_or_else(PoisonError::into_inner) = format!("{base_url}{INBOX_PATH}");
    let egress = Egress::try_new(options)?;
    let renderers = dialects.iter().map(|dialect| dialect.webhooks()).collect();
    let engine = Arc::clone(&core.engine);
    Ok(Arc::new(Webhooks::start(engine, renderers, egress, refundry_webhooks::Options::default())))
}
