//! The engine: the door, its queue, and what everybody may read.

use crate::clock::Clock;
use crate::committer::{Committer, Submission};
use crate::envelope::{Envelope, Outcome, Unavailable};
use crate::notifier::Notifier;
use crate::registry::{Directory, MandateEntry};
use crate::store::{Reader, StoreError, Writer};
use crate::unswept::Unswept;
use refundry_domain::once::OnceKey;
use refundry_domain::rules::Rules;
use refundry_domain::time::Timestamp;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Most envelopes that may wait; beyond it callers hear `Overloaded` at once.
const QUEUE_LENGTH_MAX: usize = 4_096;
/// How long a repetition waits for the first call's outcome (design section 6).
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(2);

/// What the door has done so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Transactions.
    pub batches: AtomicU64,
    /// Envelopes in them.
    pub envelopes: AtomicU64,
    /// Envelopes turned away because the queue was full.
    pub overloaded: AtomicU64,
}

/// What an engine is made of.
pub struct Parts {
    /// The writing side of the store.
    pub writer: Box<dyn Writer>,
    /// The reading side.
    pub reader: Arc<dyn Reader>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The settings in force.
    pub rules: Rules,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Parts({:?})", self.rules.environment)
    }
}

/// The one write door and the way to read.
pub struct Engine {
    queue: mpsc::Sender<Submission>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    reader: Arc<dyn Reader>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    directory: Arc<RwLock<Arc<Directory>>>,
    notifier: Arc<Notifier>,
    counters: Arc<Counters>,
    unswept_since: Timestamp,
    in_flight: Mutex<HashSet<OnceKey>>,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Engine({:?})", self.rules.environment)
    }
}

/// Leaves the list of keys in flight when its call ends, however it ends.
struct InFlight<'a>(&'a Mutex<HashSet<OnceKey>>, OnceKey);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Engine {
    /// Loads the registry and starts the committer.
    pub fn start(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let directory = load_directory(&*parts.reader)?;
        let (_, last_at) = parts.reader.newest_event()?;
        let unswept = Unswept::at_start(directory.unswept_since, last_at);
        let unswept_since = unswept.since();
        let directory = Arc::new(RwLock::new(Arc::new(directory)));
        let notifier = Arc::new(Notifier::default());
        let counters = Arc::new(Counters::default());
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH_MAX);
        let committer = Committer {
            writer: parts.writer,
            clock: Arc::clone(&parts.clock),
            rules: parts.rules,
            directory: Arc::clone(&directory),
            notifier: Arc::clone(&notifier),
            counters: Arc::clone(&counters),
            last_at,
            unswept,
        };
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || committer.run(waiting))
            .map_err(|error| StoreError::Broken(Box::new(error)))?;
        Ok(Arc::new(Self {
            queue,
            thread: Mutex::new(Some(thread)),
            reader: parts.reader,
            clock: parts.clock,
            rules: parts.rules,
            directory,
            notifier,
            counters,
            unswept_since,
            in_flight: Mutex::new(HashSet::new()),
            stopping: AtomicBool::new(false),
        }))
    }

    /// Decides an envelope. The answer comes after its transaction is durable.
    pub async fn execute(&self, envelope: Envelope) -> Result<Outcome, Unavailable> {
        self.execute_within(envelope, IN_FLIGHT_WAIT).await
    }

    /// The same; a repetition of a key in flight waits this long for the
    /// outcome.
    pub async fn execute_within(&self, envelope: Envelope, wait: Duration) -> Result<Outcome, Unavailable> {
        let Some(key) = envelope.once.as_ref().map(|once| once.key) else {
            return self.submit(envelope)?.await.unwrap_or(Err(Unavailable::Stopping));
        };
        let first = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        if first {
            let _guard = InFlight(&self.in_flight, key);
            return self.submit(envelope)?.await.unwrap_or(Err(Unavailable::Stopping));
        }
        let outcome = self.submit(envelope)?;
        match tokio::time::timeout(wait, outcome).await {
            Ok(outcome) => outcome.unwrap_or(Err(Unavailable::Stopping)),
            Err(_) => Err(Unavailable::InFlight),
        }
    }

    /// Decides several envelopes, in order and, as far as they fit, in one
    /// transaction. Waits for room in the queue: workers are not turned away.
    pub async fn execute_all(&self, envelopes: Vec<Envelope>) -> Vec<Result<Outcome, Unavailable>> {
        let mut waiting = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let (reply, outcome) = oneshot::channel();
            let sent = self.queue.send(Submission::Execute(Box::new(envelope), reply)).await;
            waiting.push(sent.map(|()| outcome).map_err(|_| Unavailable::Stopping));
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        for outcome in waiting {
            outcomes.push(match outcome {
                Ok(outcome) => outcome.await.unwrap_or(Err(Unavailable::Stopping)),
                Err(unavailable) => Err(unavailable),
            });
        }
        outcomes
    }

    fn submit(&self, envelope: Envelope) -> Result<oneshot::Receiver<Result<Outcome, Unavailable>>, Unavailable> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Unavailable::Stopping);
        }
        let (reply, outcome) = oneshot::channel();
        self.queue.try_send(Submission::Execute(Box::new(envelope), reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
                Unavailable::Overloaded
            }
            mpsc::error::TrySendError::Closed(_) => Unavailable::Stopping,
        })?;
        Ok(outcome)
    }

    /// Runs a read on a thread that may wait for the disk.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let reader = Arc::clone(&self.reader);
        let found = tokio::task::spawn_blocking(move || read(&*reader)).await;
        match found {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::error!(error = %error, "a read failed");
                Err(Unavailable::Store)
            }
            Err(_) => Err(Unavailable::Store),
        }
    }

    /// Now, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The settings in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The registry as it is now.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells when something changed.
    #[must_use]
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// What the door has done so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// From where a sweep begins: the newest event when the engine started, or
    /// where a sweep began that did not end. What the store may have forgotten
    /// is later.
    #[must_use]
    pub fn unswept_since(&self) -> Timestamp {
        self.unswept_since
    }

    /// How many envelopes wait.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        QUEUE_LENGTH_MAX.saturating_sub(self.queue.capacity())
    }

    /// Takes nothing new, finishes what was accepted, ends the committer.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.queue.send(Submission::Stop).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn load_directory(reader: &dyn Reader) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    for entry in reader.registry()? {
        directory.put(entry);
    }
    for mandate in reader.all_mandates()? {
        let entry = MandateEntry { merchant: mandate.merchant, mandate: mandate.id, group: Arc::clone(&mandate.group) };
        directory.mandate_tokens.insert(mandate.token, entry);
    }
    Ok(directory)
}
