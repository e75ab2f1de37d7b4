//! What the engine and the webhooks count, for the metrics page.

use crate::metrics::{Metrics, Reading, Source};
use axum::Router;
use axum::routing::get;
use refundry_engine::engine::Engine;
use refundry_webhooks::DeliveryCounters;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The write door's counters.
#[derive(Debug)]
pub struct EngineSource(pub Arc<Engine>);

impl Source for EngineSource {
    fn read(&self) -> Vec<Reading> {
        let counters = self.0.counters();
        let queue = u64::try_from(self.0.queue_depth()).unwrap_or(u64::MAX);
        vec![
            // Envelopes divided by batches is the mean size of a batch.
            Reading::counter("engine_batches", "Durable transactions", counters.batches.load(Ordering::Relaxed)),
            Reading::counter(
                "engine_envelopes",
                "Envelopes decided in them",
                counters.envelopes.load(Ordering::Relaxed),
            ),
            Reading::counter(
                "engine_overloaded",
                "Envelopes turned away because the queue was full",
                counters.overloaded.load(Ordering::Relaxed),
            ),
            Reading::gauge("engine_queue_depth", "Envelopes that wait for the committer", queue),
        ]
    }
}

/// The webhook queues' counters.
#[derive(Debug)]
pub struct WebhookSource(pub Arc<DeliveryCounters>);

impl Source for WebhookSource {
    fn read(&self) -> Vec<Reading> {
        let counted = self.0.read();
        let label = |result: &str| Some(("result", result.to_owned()));
        vec![Reading {
            name: "webhook_tries",
            help: "Tries to deliver webhooks, and the deliveries that ended without success, by result",
            grows: true,
            values: vec![
                (label("delivered"), counted.delivered),
                (label("failed"), counted.failed),
                (label("exhausted"), counted.exhausted),
                (label("stopped"), counted.stopped),
            ],
        }]
    }
}

/// `/metrics`: beside everything else in the sandbox, on a listener of its
/// own in live.
pub fn metrics_routes(metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(async move || metrics.page()))
}
