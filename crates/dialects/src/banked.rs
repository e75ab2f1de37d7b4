//! What the generations of the Banked dialect share: credentials, settings,
//! idempotency keys, shapes of errors, webhook endpoints and their signature.
//! A generation is a folder of its own (`banked_v2`, `banked_v3`) and knows
//! this file, but no other generation.

pub(crate) mod accounts;
pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod checkout;
pub(crate) mod config;
pub(crate) mod endpoints;
pub(crate) mod errors;
pub(crate) mod idempotency;
pub(crate) mod oauth;
pub(crate) mod paths;
pub(crate) mod read;
pub(crate) mod signature;
pub(crate) mod webhook;
pub(crate) mod wire;

use crate::host::Host;
use crate::limiter::Limiter;
use crate::settings::ConfigError;
use config::Config;
use refundry_engine::webhook::WebhookDialect;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;
use webhook::{Generation, Webhooks};

/// The family: credentials and endpoints are one for all generations.
pub(crate) const FAMILY: &str = "banked";

/// The generations of one server, set up from one subtree of the settings.
pub(crate) struct Family {
    host: Arc<Host>,
    config: Config,
    limiter: Arc<Limiter>,
    changing_keys: Arc<Mutex<()>>,
    generations: RwLock<Vec<Arc<dyn Generation>>>,
}

impl fmt::Debug for Family {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Family").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What every handler works with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) host: Arc<Host>,
    pub(crate) config: Config,
    /// The generation's name, shared by all origins.
    pub(crate) dialect: Arc<str>,
    /// What requests of this generation call the thing that is given back.
    pub(crate) payment_path: &'static str,
    limiter: Arc<Limiter>,
    /// Held while the keys of an application change.
    changing_keys: Arc<Mutex<()>>,
}

impl Family {
    /// Reads the settings.
    ///
    /// # Errors
    /// An unknown key or a value out of range.
    pub(crate) fn open(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Arc<Self>, ConfigError> {
        let config = Config::read(settings)?;
        let limiter = Arc::new(Limiter::new(config.rate_limit));
        Ok(Arc::new(Self {
            host: Arc::clone(host),
            config,
            limiter,
            changing_keys: Arc::default(),
            generations: RwLock::default(),
        }))
    }

    /// Takes up a generation with its webhooks.
    pub(crate) fn join(&self, dialect: &str, payment_path: &'static str, webhooks: Arc<dyn Generation>) -> App {
        self.generations.write().unwrap_or_else(PoisonError::into_inner).push(webhooks);
        App {
            host: Arc::clone(&self.host),
            config: self.config.clone(),
            dialect: Arc::from(dialect),
            payment_path,
            limiter: Arc::clone(&self.limiter),
            changing_keys: Arc::clone(&self.changing_keys),
        }
    }

    /// What generations stand on before they join.
    pub(crate) fn parts(&self) -> (&Arc<Host>, &Config) {
        (&self.host, &self.config)
    }

    /// The webhooks of all generations that joined.
    pub(crate) fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner).clone();
        Arc::new(Webhooks::new(generations, &self.config))
    }
}
