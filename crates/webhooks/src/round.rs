//! One round of deliveries to one endpoint: side by side, but the events of
//! one refund one after the other, in their order.

use crate::counters::DeliveryCounters;
use crate::delivery::{Answered, Failed, Post};
use crate::egress::Egress;
use crate::queue::Mode;
use futures_util::stream::{self, StreamExt};
use refundry_domain::id::{PaymentId, PayoutId, RefundId};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::clock::{Clock, real_now};
use refundry_engine::mint::fill_random;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::{Delivery, DeliveryState, StoredEvent};
use refundry_engine::webhook::{Rendered, WebhookDialect};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Most requests under way to one endpoint.
pub(crate) const CONCURRENT_MAX: usize = 16;
/// The statuses with which a receiver asks for time: too many requests, and
/// not available (RFC 6585, 4; RFC 9110, 15.6.4).
const ASKING: [u16; 2] = [429, 503];
/// Jitter is in millionths.
const MILLION: u32 = 1_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// A delivery to be made now.
pub(crate) struct Job {
    /// How it stood before.
    pub(crate) row: Delivery,
    /// What it is about.
    pub(crate) event: StoredEvent,
    /// What the dialect made of it.
    pub(crate) rendered: Rendered,
}

/// What all deliveries of a round share.
pub(crate) struct Round<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) dialect: &'a dyn WebhookDialect,
    pub(crate) egress: &'a Egress,
    pub(crate) counters: &'a DeliveryCounters,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) mode: &'a watch::Receiver<Mode>,
}

/// What must not overtake itself.
#[derive(PartialEq, Eq, Hash)]
enum Lane {
    Refund(RefundId),
    Payment(PaymentId),
    Payout(PayoutId),
    Alone(u64),
}

impl Round<'_> {
    /// Makes all deliveries and says how they stand afterwards. Those that
    /// were not begun when the queues were paused or stopped stay due.
    pub(crate) async fn deliver(&self, jobs: Vec<Job>) -> Vec<Delivery> {
        let lanes = stream::iter(lanes(jobs)).map(|lane| self.deliver_lane(lane));
        lanes.buffer_unordered(CONCURRENT_MAX).concat().await
    }

    async fn deliver_lane(&self, lane: Vec<Job>) -> Vec<Delivery> {
        let mut rows = Vec::with_capacity(lane.len());
        for job in lane {
            let running = *self.mode.borrow() == Mode::Running;
            rows.push(if running { self.try_once(job).await } else { self.put_off(job.row) });
        }
        rows
    }

    fn put_off(&self, row: Delivery) -> Delivery {
        Delivery { state: DeliveryState::Waiting { next_at: self.clock.now() }, ..row }
    }

    async fn try_once(&self, job: Job) -> Delivery {
        let Job { row, event, rendered } = job;
        let begun = Instant::now();
        let mut answer = self.post(&event, rendered).await;
        for further in self.dialect.further(&event, self.endpoint) {
            // A receiver that lacks one gets all of them again.
            if answer.is_ok_and(|answered| self.dialect.is_taken_by(self.endpoint, answered.status)) {
                answer = self.post(&event, further).await;
            }
        }
        let (status, error) = match answer {
            Ok(answered) if self.dialect.is_taken_by(self.endpoint, answered.status) => {
                (answered.status, String::new())
            }
            Ok(answered) => (answered.status, format!("the receiver answered {}", answered.status)),
            Err(failed) => (failed.status().unwrap_or_default(), failed.to_string()),
        };
        let refused_for_good = answer.is_ok_and(|answered| self.dialect.stops_on(answered.status));
        let attempts = row.attempts.saturating_add(1);
        let now = self.clock.now();
        let state = if error.is_empty() {
            DeliveryState::Delivered
        } else if refused_for_good {
            DeliveryState::Stopped
        } else {
            self.after_failure(attempts, now, answer.ok().and_then(|answered| self.told_wait(answered)))
        };
        self.count(state);
        Delivery {
            attempts,
            state,
            last_at: now,
            last_status: status,
            last_millis: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
            last_error: error,
            ..row
        }
    }

    async fn post(&self, event: &StoredEvent, rendered: Rendered) -> Result<Answered, Failed> {
        // Real time, because the receiver compares it with its own clock.
        let headers = self.dialect.sign(event, self.endpoint, &rendered.body, real_now());
        let timeout = Duration::from_nanos(self.dialect.timeout().0);
        self.egress.post(Post { url: &self.endpoint.url, headers, body: rendered.body, timeout }).await
    }

    /// The wait that a receiver asks for, as far as the dialect gives it.
    fn told_wait(&self, answered: Answered) -> Option<Span> {
        let told = answered.retry_after.filter(|_| ASKING.contains(&answered.status))?;
        Some(told.min(self.dialect.waits_as_told_up_to()?))
    }

    fn after_failure(&self, attempts: u32, now: Timestamp, told: Option<Span>) -> DeliveryState {
        let wait = self.dialect.retry_after(attempts, jitter());
        match wait.map(|wait| told.map_or(wait, |told| told.max(wait))) {
            Some(wait) => DeliveryState::Waiting { next_at: now.plus(wait) },
            None => DeliveryState::Exhausted,
        }
    }

    fn count(&self, state: DeliveryState) {
        match state {
            DeliveryState::Delivered => self.counters.count_delivered(),
            DeliveryState::Waiting { .. } => self.counters.count_failed(),
            DeliveryState::Exhausted => {
                self.counters.count_failed();
                self.counters.count_exhausted();
            }
            DeliveryState::Stopped => {
                self.counters.count_failed();
                self.counters.count_stopped();
            }
        }
    }
}

/// Sorts jobs into lanes; lanes and the jobs in them are in event order.
fn lanes(mut jobs: Vec<Job>) -> Vec<Vec<Job>> {
    jobs.sort_by_key(|job| job.event.place);
    let mut lanes: Vec<Vec<Job>> = Vec::new();
    let mut places: HashMap<Lane, usize> = HashMap::new();
    for job in jobs {
        let event = &job.event.event;
        let of_payment = event.refund.map(Lane::Refund).or(event.payment.map(Lane::Payment));
        let lane = of_payment.or(event.payout.map(Lane::Payout)).unwrap_or(Lane::Alone(job.event.place));
        let next = lanes.len();
        let index = *places.entry(lane).or_insert(next);
        match lanes.get_mut(index) {
            Some(lane) => lane.push(job),
            None => lanes.push(vec![job]),
        }
    }
    lanes
}

fn jitter() -> u32 {
    let mut random = [0_u8; 4];
    fill_random(&mut random);
    u32::from_be_bytes(random) % MILLION
}

/// A span between two times of the engine's clock, as the runtime's sleep
/// wants it.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    let nanos = u64::try_from(then.0.saturating_sub(now.0)).unwrap_or(0);
    // Rounded up to the timer's milliseconds, so that it never wakes early.
    Duration::from_millis(nanos.div_ceil(NANOS_PER_MILLI))
}
