//! What the server's metrics say about deliveries.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts tries since the start of the process. Cheap to bump, read by the
/// server when it is asked for metrics.
#[derive(Debug, Default)]
pub struct DeliveryCounters {
    delivered: AtomicU64,
    failed: AtomicU64,
    exhausted: AtomicU64,
    stopped: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Deliveries that a receiver took.
    pub delivered: u64,
    /// Tries that failed, each retry counted.
    pub failed: u64,
    /// Deliveries whose schedule ended.
    pub exhausted: u64,
    /// Deliveries that a receiver's answer ended.
    pub stopped: u64,
}

impl DeliveryCounters {
    /// Reads all of them.
    #[must_use]
    pub fn read(&self) -> Counted {
        Counted {
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            exhausted: self.exhausted.load(Ordering::Relaxed),
            stopped: self.stopped.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn count_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_stopped(&self) {
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }
}
