//! A store in memory: ordered maps behind one lock. It refuses what a
//! database's constraints would refuse, passes the contract suite, can go
//! back to an older copy of itself (as after a restored backup) and fails on
//! demand. It holds nothing durable.

mod check;
mod load;
mod read;
mod state;

use refundry_domain::facts::Facts;
use refundry_engine::store::{Batch, Keys, Reader, StoreError, Writer};
use state::State;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How a commit goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rolled back: there is no room.
    Full,
    /// The outcome is not known; in truth nothing was written.
    BrokenBefore,
    /// The outcome is not known; in truth everything was written.
    BrokenAfter,
}

/// A store in memory; clones are handles of the same one.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

/// A copy of everything a store held at some time.
#[derive(Debug, Clone)]
pub struct Snapshot(State);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its two sides. Opening again is what a restarted process sees.
    #[must_use]
    pub fn open(&self) -> (Box<dyn Writer>, Arc<dyn Reader>) {
        (Box::new(self.clone()), Arc::new(self.clone()))
    }

    /// A backup.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.read(Clone::clone))
    }

    /// Everything is as it was at the backup.
    pub fn restore(&self, snapshot: &Snapshot) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = snapshot.0.clone();
    }

    /// The next commit that writes anything fails like this; several wait in line.
    pub fn fail_next_commit(&self, fault: Fault) {
        self.waiting_faults().push_back(fault);
    }

    fn waiting_faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        check::constraints(&state, batch)
            .map_err(|broken| StoreError::Constraint(broken.into()))?;
        Ok(state.apply(batch))
    }
}

impl Writer for MemoryStore {
    fn begin(&mut self, keys: &Keys) -> Result<Facts, StoreError> {
        Ok(self.read(|state| load::facts(state, keys)))
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        let fault = if batch.is_empty() {
            None
        } else {
            self.waiting_faults().pop_front()
        };
        match fault {
            None => self.write(batch),
            Some(Fault::Full) => Err(StoreError::Full("the test filled the store".into())),
            Some(Fault::BrokenBefore) => Err(StoreError::Broken(
                "the test broke the store before the write".into(),
            )),
            Some(Fault::BrokenAfter) => {
                self.write(batch)?;
                Err(StoreError::Broken(
                    "the test broke the store after the write".into(),
                ))
            }
        }
    }
}
