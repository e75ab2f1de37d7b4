//! A clock that only moves when a test says so.

use refundry_domain::time::{Span, Timestamp};
use refundry_engine::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;

/// Stands still until it is moved; every move is a jump.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    jumped: watch::Sender<u64>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::starting(crate::make::AT)
    }
}

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn starting(at: Timestamp) -> Self {
        Self { now: AtomicI64::new(at.0), jumped: watch::Sender::new(0) }
    }

    /// Shows this time from now on, later or earlier.
    pub fn set(&self, at: Timestamp) {
        self.now.store(at.0, Ordering::SeqCst);
        self.jumped.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Moves on by a span; stays at the end of time.
    pub fn advance(&self, span: Span) {
        let _ = self.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(Timestamp(now).plus(span).0));
        self.jumped.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn jumps(&self) -> watch::Receiver<u64> {
        self.jumped.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_only_by_hand_and_tells() {
        let clock = ManualClock::starting(Timestamp(5));
        let jumps = clock.jumps();
        assert_eq!(clock.now(), Timestamp(5));
        assert!(!jumps.has_changed().expect("the clock lives"));
        clock.advance(Span(7));
        assert_eq!(clock.now(), Timestamp(12));
        assert!(jumps.has_changed().expect("the clock lives"));
        clock.set(Timestamp(1));
        assert_eq!(clock.now(), Timestamp(1));
    }
}
