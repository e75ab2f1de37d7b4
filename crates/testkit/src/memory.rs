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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

/// A store in memory; clones are handles of the same one.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
    faults: Arc<AtomicUsize>,
    /// Commits wait while this says so.
    held: Arc<(Mutex<bool>, Condvar)>,
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

    /// The next commit that writes anything finds no room and writes nothing;
    /// called twice, the next two.
    pub fn fail_next_commit(&self) {
        self.faults.fetch_add(1, Ordering::SeqCst);
    }

    /// Commits wait from now on, or go on; reads do not care.
    pub fn hold_commits(&self, held: bool) {
        let (flag, changed) = &*self.held;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = held;
        changed.notify_all();
    }

    /// Commits find room again.
    pub fn free_room(&self) {
        self.faults.store(0, Ordering::SeqCst);
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        check::constraints(&state, batch).map_err(|broken| StoreError::Constraint(broken.into()))?;
        Ok(state.apply(batch))
    }
}

impl Writer for MemoryStore {
    fn begin(&mut self, keys: &Keys) -> Result<Facts, StoreError> {
        Ok(self.read(|state| load::facts(state, keys)))
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        let (flag, changed) = &*self.held;
        let held = flag.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(held, |held| *held).unwrap_or_else(PoisonError::into_inner));
        let take = |waiting: usize| waiting.checked_sub(1);
        if !batch.is_empty() && self.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return Err(StoreError::Full("the test filled the store".into()));
        }
        self.write(batch)
    }
}
