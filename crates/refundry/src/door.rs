//! The engine's door on a store whose server is stopped: one command, then
//! the store is closed again. Nothing is sent meanwhile.

use crate::secrets::key_file;
use anyhow::{Context, bail};
use clap::Args;
use refundry_dialects::host::{Dialect, Host};
use refundry_dialects::token::TokenKey;
use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::rules::{Environment, Rules};
use refundry_engine::clock::Clock;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Credential, Directory, RegistryChange};
use refundry_server::sandbox::clock_file;
use refundry_store_sqlite::{KeyRing, Options, SqliteStore};
use std::path::PathBuf;
use std::sync::Arc;

/// Which store, and whose affairs in it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Store {
    /// The data folder.
    #[arg(long, env = "REFUNDRY_DATA")]
    pub(crate) data: PathBuf,
    /// File with the key that seals account numbers and names, where it is not in the data folder.
    #[arg(long, env = "REFUNDRY_FIELD_KEY_FILE")]
    pub(crate) field_key_file: Option<PathBuf>,
    /// The merchant, where there is more than one.
    #[arg(long)]
    pub(crate) merchant: Option<String>,
}

/// An opened store with its engine.
pub(crate) struct Door {
    engine: Arc<Engine>,
    store: SqliteStore,
    /// Whose affairs are looked after.
    pub(crate) merchant: MerchantId,
}

impl Door {
    /// Opens the store for writing; refused while a server has it open.
    pub(crate) fn open(which: &Store) -> anyhow::Result<Self> {
        let mut door = Self::open_any(which)?;
        door.merchant = choose(&door.directory(), which.merchant.as_deref())?;
        Ok(door)
    }

    /// The same for nobody's affairs in particular.
    pub(crate) fn open_any(which: &Store) -> anyhow::Result<Self> {
        if !which.data.join(refundry_store_sqlite::FILE_NAME).exists() {
            bail!("{} holds no store", which.data.display());
        }
        Self::open_or_make(which)
    }

    /// The same; makes the store where there is none.
    pub(crate) fn open_or_make(which: &Store) -> anyhow::Result<Self> {
        let made = which.data.join("field.key");
        let key = key_file(which.field_key_file.as_deref().unwrap_or(&made), false)?;
        let keys = KeyRing::from_keys([(1, key)])?;
        let store = SqliteStore::open(Options::new(which.data.clone(), keys)).context("the store does not open")?;
        // A sandbox whose clock was moved goes on from there.
        let clock = clock_file::load(&which.data).context("the sandbox's clock file does not read")?;
        let clock: Arc<dyn Clock> = Arc::new(clock);
        // Only a sandbox has this file. No money is moved here, but keys tell where they are good.
        let sandbox = which.data.join("sandbox.json").exists();
        let rules = Rules::of(if sandbox { Environment::Sandbox } else { Environment::Live });
        let parts = Parts { writer: store.writer(), reader: store.reader(), clock, rules };
        let engine = Engine::start(parts).context("the engine does not start")?;
        Ok(Self { engine, store, merchant: MerchantId(0) })
    }

    /// Every dialect over this store, with these settings.
    pub(crate) fn dialects(&self, settings: &serde_json::Value) -> anyhow::Result<Vec<Arc<dyn Dialect>>> {
        // Nobody is answered from here: neither origin nor token key is used.
        let (tokens, origin) = (TokenKey::new(&[0; 32]), "http://127.0.0.1".to_owned());
        let host = Host::new(Arc::clone(&self.engine), tokens, self.engine.rules().environment, origin);
        refundry_dialects::all(&Arc::new(host), settings).context("dialects")
    }

    /// True where the store has the group that a credential names.
    pub(crate) fn has_group(&self, credential: &Credential) -> bool {
        let name = (credential.dialect.clone(), credential.group.clone());
        self.directory().groups.get(&name).is_some_and(|group| group.merchant == self.merchant)
    }

    /// The registry as it is now.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.engine.directory()
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Changes the registry.
    pub(crate) async fn change(&self, change: RegistryChange) -> anyhow::Result<()> {
        let work = Work::Registry { change, answer: None };
        let envelope = Envelope { merchant: self.merchant, actor: Actor::Operator, once: None, work };
        match self.engine.execute(envelope).await?.result {
            Ok(_) => Ok(()),
            Err(refusal) => bail!("refused: {}", refusal.code()),
        }
    }

    /// Finishes what was accepted and closes the store.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.engine.stop().await;
        self.store.close().context("the last checkpoint failed; the next start makes it up")
    }
}

fn choose(directory: &Directory, named: Option<&str>) -> anyhow::Result<MerchantId> {
    if let Some(text) = named {
        let id = MerchantId::parse(text).map_err(|_| anyhow::anyhow!("{text:?} is no merchant's id"))?;
        return match directory.merchants.contains_key(&id) {
            true => Ok(id),
            false => bail!("there is no merchant {id}"),
        };
    }
    let mut merchants = directory.merchants.keys();
    match (merchants.next(), merchants.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => bail!("the store has no merchant yet"),
        (Some(_), Some(_)) => bail!("there are several merchants; name one with --merchant"),
    }
}
