//! The queue of one endpoint. [`Queue::step`] does one round and never waits
//! for time to pass; whoever calls it decides when.
//!
//! Round trips of a step: one read, the deliveries, one record through the
//! door. Limits: 64 new events and 64 retries in a round.

use crate::counters::DeliveryCounters;
use crate::egress::Egress;
use crate::round::{Job, Round};
use refundry_domain::event::{Actor, Event};
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_domain::time::Timestamp;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::{Envelope, Unavailable, Work};
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::store::{Delivery, DeliveryState, DeliveryUpdate, Reader, StoreError, StoredEvent};
use refundry_engine::webhook::{WebhookDialect, history_of};
use std::sync::Arc;
use tokio::sync::watch;

/// New events read in one round.
const EVENTS_PER_ROUND: usize = 64;
/// Retries made in one round.
const RETRIES_PER_ROUND: usize = 64;
/// How far the recorded cursor may lag behind over events that concern
/// somebody else. They are only read again after a restart.
const CURSOR_LAG_MAX: u64 = 256;
/// Most rounds of stopping what a removed endpoint still waited for.
const STOPPING_ROUNDS_MAX: usize = 10_000;
/// Whether the queues work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They do.
    Running,
    /// Nothing is begun; what is due stays due.
    Paused,
    /// Nothing is begun any more.
    Stopping,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something; there may be more.
    Worked,
    /// Nothing was due.
    Idle {
        /// The next retry, by the engine's clock.
        next_at: Option<Timestamp>,
    },
    /// Nothing, because the queues are paused or stopping.
    Held,
    /// Nothing, because the endpoint was removed or switched off.
    Gone,
}

/// What a queue works with.
#[derive(Clone)]
pub struct QueueOptions {
    /// The dialect of the endpoint.
    pub dialect: Arc<dyn WebhookDialect>,
    /// The way out.
    pub egress: Egress,
    /// Where tries are counted.
    pub counters: Arc<DeliveryCounters>,
    /// Whether queues work.
    pub mode: watch::Receiver<Mode>,
}

/// The queue of one endpoint.
pub struct Queue {
    engine: Arc<Engine>,
    endpoint: EndpointId,
    options: QueueOptions,
    /// Read up to here; none before the first read.
    cursor: Option<u64>,
    /// The cursor as the store knows it.
    recorded: u64,
    /// Delivered, but not yet recorded.
    unrecorded: Option<(MerchantId, DeliveryUpdate)>,
}

/// An event with those of its refund, where the dialect needs them.
type Told = (StoredEvent, Vec<Event>);

/// What one read of the store gives.
struct Due {
    cursor: u64,
    retries: Vec<(Delivery, Option<Told>)>,
    events: Vec<Told>,
    next_at: Option<Timestamp>,
}

impl Queue {
    /// The queue of this endpoint, from where the store says it was read to.
    #[must_use]
    pub fn new(engine: Arc<Engine>, endpoint: EndpointId, options: QueueOptions) -> Self {
        Self { engine, endpoint, options, cursor: None, recorded: 0, unrecorded: None }
    }

    /// Does one round: reads what is due, delivers it, records it.
    ///
    /// # Errors
    /// When the store or the door is not available. What was delivered is
    /// kept, and recorded by the next step before it does anything else.
    pub async fn step(&mut self) -> Result<Step, Unavailable> {
        self.record().await?;
        if *self.options.mode.borrow() != Mode::Running {
            return Ok(Step::Held);
        }
        let Some(endpoint) = self.engine.directory().endpoints.get(&self.endpoint).cloned() else {
            self.stop_waiting().await?;
            return Ok(Step::Gone);
        };
        if !endpoint.enabled {
            return Ok(Step::Gone);
        }
        let due = self.read_due(&endpoint).await?;
        // After the read: what was written before a pause is not sent in it.
        if *self.options.mode.borrow() != Mode::Running {
            return Ok(Step::Held);
        }
        let before = due.cursor;
        let cursor = due.events.last().map_or(before, |(event, _)| event.place);
        let next_at = due.next_at;
        let (jobs, mut rows) = self.jobs(&endpoint, due);
        let nothing = jobs.is_empty() && rows.is_empty();
        rows.extend(self.round(&endpoint).deliver(jobs).await);
        let refused = rows
            .iter()
            .any(|row| row.state == DeliveryState::Stopped && self.options.dialect.disables_on(row.last_status));
        self.cursor = Some(cursor);
        if !nothing || cursor.saturating_sub(self.recorded) >= CURSOR_LAG_MAX {
            let update = DeliveryUpdate { rows, cursors: vec![(self.endpoint, cursor)] };
            self.unrecorded = Some((endpoint.merchant, update));
            self.record().await?;
        }
        if refused {
            self.switch_off().await?;
        }
        Ok(if nothing && cursor == before { Step::Idle { next_at } } else { Step::Worked })
    }

    /// The receiver said that it is gone for good.
    async fn switch_off(&self) -> Result<(), Unavailable> {
        let Some(endpoint) = self.engine.directory().endpoints.get(&self.endpoint).cloned() else { return Ok(()) };
        tracing::warn!(endpoint = %endpoint.id, "a webhook endpoint is switched off, because its receiver is gone");
        let merchant = endpoint.merchant;
        let entry = RegistryEntry::Endpoint(Endpoint { enabled: false, ..(*endpoint).clone() });
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        let envelope = Envelope { merchant, actor: Actor::Engine, once: None, work };
        self.engine.execute_all(vec![envelope]).await.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
    }

    fn round<'a>(&'a self, endpoint: &'a Endpoint) -> Round<'a> {
        Round {
            endpoint,
            dialect: &*self.options.dialect,
            egress: &self.options.egress,
            counters: &self.options.counters,
            clock: self.engine.clock(),
            mode: &self.options.mode,
        }
    }

    async fn read_due(&mut self, endpoint: &Endpoint) -> Result<Due, Unavailable> {
        let (id, born, known, now) = (self.endpoint, endpoint.created_at, self.cursor, self.engine.now());
        let dialect = Arc::clone(&self.options.dialect);
        let merchant = endpoint.merchant;
        let due = self.engine.read(move |reader| {
            let told = |event: StoredEvent| {
                let heard = event.event.merchant == merchant;
                let history = if heard { history_of(&*dialect, reader, &event)? } else { Vec::new() };
                Ok::<Told, StoreError>((event, history))
            };
            let cursor = match known {
                Some(cursor) => cursor,
                None => starting_cursor(reader, id, born)?,
            };
            let mut retries = Vec::new();
            for row in reader.due_deliveries(id, now, RETRIES_PER_ROUND)? {
                let event = reader.event(row.event)?.map(told).transpose()?;
                retries.push((row, event));
            }
            let events = reader.events_after(cursor, EVENTS_PER_ROUND)?;
            let events = events.into_iter().map(told).collect::<Result<Vec<_>, _>>()?;
            Ok(Due { cursor, retries, events, next_at: reader.next_delivery(id)? })
        });
        let due = due.await?;
        if self.cursor.is_none() {
            self.cursor = Some(due.cursor);
            self.recorded = due.cursor;
        }
        Ok(due)
    }

    /// What is to be delivered, and the rows of what never will be.
    fn jobs(&self, endpoint: &Endpoint, due: Due) -> (Vec<Job>, Vec<Delivery>) {
        let (mut jobs, mut rows) = (Vec::new(), Vec::new());
        for (row, event) in due.retries {
            let rendered = event.and_then(|(event, history)| {
                Some((self.options.dialect.render_after(&event, &history, endpoint)?, event))
            });
            match rendered {
                Some((rendered, event)) => jobs.push(Job { row, event, rendered }),
                None => rows.push(stopped(row, "the endpoint does not get this event any more")),
            }
        }
        for (event, history) in due.events {
            if event.event.merchant != endpoint.merchant || event.event.at < endpoint.created_at {
                continue;
            }
            if let Some(rendered) = self.options.dialect.render_after(&event, &history, endpoint) {
                jobs.push(Job { row: fresh_row(endpoint, &event), event, rendered });
            }
        }
        (jobs, rows)
    }

    /// Records what was delivered; keeps it when the door does not take it.
    async fn record(&mut self) -> Result<(), Unavailable> {
        let Some((merchant, update)) = self.unrecorded.clone() else {
            return Ok(());
        };
        write(&self.engine, merchant, update).await?;
        self.recorded = self.cursor.unwrap_or(self.recorded);
        self.unrecorded = None;
        Ok(())
    }

    /// Ends what a removed endpoint still waited for.
    async fn stop_waiting(&self) -> Result<(), Unavailable> {
        let id = self.endpoint;
        for _ in 0..STOPPING_ROUNDS_MAX {
            let ever = Timestamp(i64::MAX);
            let waiting = self.engine.read(move |reader| reader.due_deliveries(id, ever, RETRIES_PER_ROUND)).await?;
            let Some(merchant) = waiting.first().map(|row| row.merchant) else {
                break;
            };
            let rows = waiting.into_iter().map(|row| stopped(row, "the endpoint was removed")).collect();
            write(&self.engine, merchant, DeliveryUpdate { rows, cursors: Vec::new() }).await?;
        }
        Ok(())
    }
}

/// Takes an update through the door; waits for room in its queue.
pub(crate) async fn write(engine: &Engine, merchant: MerchantId, update: DeliveryUpdate) -> Result<(), Unavailable> {
    let envelope = Envelope { merchant, actor: Actor::Engine, once: None, work: Work::Deliveries(update) };
    let outcome = engine.execute_all(vec![envelope]).await.pop().unwrap_or(Err(Unavailable::Stopping));
    match outcome?.result {
        Ok(_) => Ok(()),
        Err(refusal) => {
            // No rule stands against a record of deliveries. Should one ever,
            // it is better to wait than to deliver the same again and again.
            tracing::error!(?refusal, "a record of deliveries was refused");
            Err(Unavailable::Store)
        }
    }
}

/// Where an endpoint's queue begins: where it was read to, or for a new one
/// where its life begins, found by halving so that an old store is not read
/// from its start.
fn starting_cursor(reader: &dyn Reader, endpoint: EndpointId, born: Timestamp) -> Result<u64, StoreError> {
    let cursor = reader.delivery_cursor(endpoint)?;
    let (newest, newest_at) = reader.newest_event()?;
    if cursor > 0 || newest == 0 {
        return Ok(cursor);
    }
    if newest_at < born {
        return Ok(newest);
    }
    let (mut before, mut after) = (0_u64, newest);
    while before + 1 < after {
        let middle = before.midpoint(after);
        match reader.event(middle)? {
            Some(event) if event.event.at < born => before = middle,
            Some(_) => after = middle,
            None => return Ok(0),
        }
    }
    Ok(before)
}

fn fresh_row(endpoint: &Endpoint, event: &StoredEvent) -> Delivery {
    Delivery {
        merchant: endpoint.merchant,
        endpoint: endpoint.id,
        event: event.place,
        attempts: 0,
        state: DeliveryState::Waiting { next_at: event.event.at },
        last_at: event.event.at,
        last_status: 0,
        last_millis: 0,
        last_error: String::new(),
    }
}

fn stopped(row: Delivery, why: &str) -> Delivery {
    Delivery { state: DeliveryState::Stopped, last_error: why.to_owned(), ..row }
}
