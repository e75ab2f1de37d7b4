//! Stands in for the engine's door until it is there.
#![allow(missing_docs, clippy::unused_async)]

use refundry_domain::rules::Rules;
use refundry_domain::time::Timestamp;
use refundry_engine::envelope::{Envelope, Outcome, Unavailable};
use refundry_engine::registry::Directory;
use refundry_engine::store::{Reader, StoreError};
use std::sync::Arc;

#[derive(Debug)]
pub struct Engine {
    rules: Rules,
}

impl Engine {
    pub async fn execute(&self, envelope: Envelope) -> Result<Outcome, Unavailable> {
        let _ = envelope;
        Err(Unavailable::Stopping)
    }

    pub async fn execute_all(&self, envelopes: Vec<Envelope>) -> Vec<Result<Outcome, Unavailable>> {
        envelopes.into_iter().map(|_| Err(Unavailable::Stopping)).collect()
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let _ = read;
        Err(Unavailable::Stopping)
    }

    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        Arc::default()
    }

    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}
