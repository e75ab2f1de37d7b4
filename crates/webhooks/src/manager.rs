//! Keeps one queue task per enabled endpoint, as endpoints come and go.
//!
//! No locks are held across waits. Each task has at most 16 requests under
//! way, so the number of connections is bounded by the number of endpoints.

use crate::counters::DeliveryCounters;
use crate::egress::Egress;
use crate::queue::{Mode, Queue, QueueOptions, Step, write};
use crate::round::until;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_engine::engine::Engine;
use refundry_engine::envelope::Unavailable;
use refundry_engine::registry::Directory;
use refundry_engine::store::{Delivery, DeliveryState, DeliveryUpdate};
use refundry_engine::webhook::WebhookDialect;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinHandle, JoinSet};

/// Longest sleep of a queue; a lost word costs at most this.
const QUEUE_SLEEP_MAX: Duration = Duration::from_secs(30);
/// How long a queue waits when the store or the door is not available.
const UNAVAILABLE_WAIT: Duration = Duration::from_millis(250);
/// Most events of one call of [`Webhooks::redeliver`].
pub(crate) const REDELIVERIES_MAX: usize = 1_000;

/// How the queues are kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often the directory is looked at even when nobody says that it
    /// changed.
    pub recheck: Duration,
    /// How long stopping waits for what is in flight; what is cut off is
    /// delivered again after the next start.
    pub stop_deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { recheck: Duration::from_secs(1), stop_deadline: Duration::from_secs(5) }
    }
}

/// The running queues.
pub struct Webhooks {
    engine: Arc<Engine>,
    mode: watch::Sender<Mode>,
    counters: Arc<DeliveryCounters>,
    manager: Mutex<Option<JoinHandle<()>>>,
}

impl Webhooks {
    /// Starts the queues. Needs a running tokio runtime.
    #[must_use]
    pub fn start(
        engine: Arc<Engine>,
        dialects: Vec<Arc<dyn WebhookDialect>>,
        egress: Egress,
        options: Options,
    ) -> Self {
        let mode = watch::Sender::new(Mode::Running);
        let counters = Arc::new(DeliveryCounters::default());
        let manager = Manager {
            engine: Arc::clone(&engine),
            dialects,
            egress,
            counters: Arc::clone(&counters),
            mode: mode.subscribe(),
            options,
            tasks: JoinSet::new(),
            serving: HashMap::new(),
        };
        let manager = Mutex::new(Some(tokio::spawn(manager.run())));
        Self { engine, mode, counters, manager }
    }

    /// Begins no more deliveries until [`Self::resume`]; what is due stays so.
    pub fn pause(&self) {
        self.switch(Mode::Paused);
    }

    /// Goes on after [`Self::pause`].
    pub fn resume(&self) {
        self.switch(Mode::Running);
    }

    /// True between [`Self::pause`] and [`Self::resume`].
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.mode.borrow() == Mode::Paused
    }

    /// Makes every queue look again, and the directory be read again.
    pub fn wake(&self) {
        self.mode.send_modify(|_| {});
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> &Arc<DeliveryCounters> {
        &self.counters
    }

    /// Puts events, by their places, up for delivery to an endpoint once
    /// more, with a new schedule. At most 1 000 in one call. Answers how many
    /// there were; an endpoint or event of somebody else counts as unknown.
    ///
    /// # Errors
    /// When the store or the door is not available.
    pub async fn redeliver(
        &self,
        merchant: MerchantId,
        endpoint: EndpointId,
        places: Vec<u64>,
    ) -> Result<usize, Unavailable> {
        let known = self.engine.directory().endpoints.get(&endpoint).is_some_and(|entry| entry.merchant == merchant);
        if !known {
            return Ok(0);
        }
        let now = self.engine.now();
        let read = self.engine.read(move |reader| {
            let mut rows = Vec::new();
            for event in places.into_iter().take(REDELIVERIES_MAX) {
                if reader.event(event)?.is_none_or(|stored| stored.event.merchant != merchant) {
                    continue;
                }
                rows.push(Delivery {
                    merchant,
                    endpoint,
                    event,
                    attempts: 0,
                    state: DeliveryState::Waiting { next_at: now },
                    last_at: now,
                    last_status: 0,
                    last_millis: 0,
                    last_error: String::new(),
                });
            }
            Ok(rows)
        });
        let rows = read.await?;
        let count = rows.len();
        if count > 0 {
            write(&self.engine, merchant, DeliveryUpdate { rows, cursors: Vec::new() }).await?;
            self.wake();
        }
        Ok(count)
    }

    /// Stops: begins nothing more, finishes what is in flight within the
    /// deadline, and ends the tasks. A second call does nothing.
    pub async fn stop(&self) {
        self.mode.send_replace(Mode::Stopping);
        let manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(manager) = manager
            && let Err(error) = manager.await
        {
            tracing::error!(%error, "the webhook manager ended badly");
        }
    }

    /// Stopping is for good.
    fn switch(&self, to: Mode) {
        self.mode.send_modify(|mode| {
            if *mode != Mode::Stopping {
                *mode = to;
            }
        });
    }
}

struct Manager {
    engine: Arc<Engine>,
    dialects: Vec<Arc<dyn WebhookDialect>>,
    egress: Egress,
    counters: Arc<DeliveryCounters>,
    mode: watch::Receiver<Mode>,
    options: Options,
    tasks: JoinSet<()>,
    /// Which endpoint a task serves.
    serving: HashMap<Id, EndpointId>,
}

impl Manager {
    async fn run(mut self) {
        let mut events = self.engine.notifier().events();
        let mut seen: Option<Arc<Directory>> = None;
        while *self.mode.borrow_and_update() != Mode::Stopping {
            let directory = self.engine.directory();
            let ended = self.reap();
            if ended || !seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &directory)) {
                self.serve(&directory);
                seen = Some(directory);
            }
            tokio::select! {
                changed = self.mode.changed() => if changed.is_err() { break },
                _ = events.changed() => {}
                () = tokio::time::sleep(self.options.recheck) => {}
            }
        }
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.stop_deadline, finish).await.is_err() {
            tracing::warn!("deliveries were cut off; they are made again after the next start");
            self.tasks.shutdown().await;
        }
    }

    /// Forgets tasks that ended; true when there were any.
    fn reap(&mut self) -> bool {
        let mut any = false;
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let id = match ended {
                Ok((id, ())) => id,
                Err(error) => {
                    tracing::error!(%error, "the queue of a webhook endpoint ended badly");
                    error.id()
                }
            };
            self.serving.remove(&id);
            any = true;
        }
        any
    }

    /// Begins a queue for every enabled endpoint that has none.
    fn serve(&mut self, directory: &Directory) {
        let served: BTreeSet<EndpointId> = self.serving.values().copied().collect();
        for endpoint in directory.endpoints.values() {
            if !endpoint.enabled || served.contains(&endpoint.id) {
                continue;
            }
            let Some(dialect) = self.dialects.iter().find(|dialect| dialect.family() == endpoint.dialect) else {
                tracing::warn!(endpoint = %endpoint.id, dialect = %endpoint.dialect, "no such dialect for a webhook endpoint");
                continue;
            };
            let options = QueueOptions {
                dialect: Arc::clone(dialect),
                egress: self.egress.clone(),
                counters: Arc::clone(&self.counters),
                mode: self.mode.clone(),
            };
            let queue = Queue::new(Arc::clone(&self.engine), endpoint.id, options);
            let task = self.tasks.spawn(work(Arc::clone(&self.engine), queue, self.mode.clone()));
            self.serving.insert(task.id(), endpoint.id);
        }
    }
}

/// Steps a queue for as long as its endpoint is there.
async fn work(engine: Arc<Engine>, mut queue: Queue, mut mode: watch::Receiver<Mode>) {
    let mut events = engine.notifier().events();
    let mut jumps = engine.clock().jumps();
    loop {
        // Marked as seen before the step, so that nothing said during it is
        // lost.
        events.borrow_and_update();
        jumps.borrow_and_update();
        let stopping = *mode.borrow_and_update() == Mode::Stopping;
        let sleep = match queue.step().await {
            Ok(Step::Worked) => continue,
            Ok(Step::Gone) => return,
            Ok(Step::Held) if stopping => return,
            Ok(Step::Held) => {
                // Nothing but the mode ends a pause.
                if mode.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Ok(Step::Idle { next_at: None }) => QUEUE_SLEEP_MAX,
            Ok(Step::Idle { next_at: Some(next_at) }) => until(engine.now(), next_at).min(QUEUE_SLEEP_MAX),
            Err(Unavailable::Stopping) => return,
            Err(error) if stopping => {
                tracing::warn!(%error, "a round of webhook deliveries was not recorded; it is made again");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "a webhook queue waits");
                tokio::time::sleep(UNAVAILABLE_WAIT).await;
                continue;
            }
        };
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            _ = events.changed() => {}
            _ = jumps.changed() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}
