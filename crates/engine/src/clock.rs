//! Port Clock: every time we read or write comes from here, so that tests and
//! the sandbox can move it.

use refundry_domain::time::{Span, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Tells the time and when it jumped.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Changes whenever the clock was moved by hand.
    fn jumps(&self) -> watch::Receiver<u64>;
}

/// Real time plus what was advanced by hand (sandbox, design section 9).
#[derive(Debug)]
pub struct AdvancedClock {
    offset: AtomicU64,
    jumped: watch::Sender<u64>,
}

impl Default for AdvancedClock {
    fn default() -> Self {
        Self { offset: AtomicU64::new(0), jumped: watch::Sender::new(0) }
    }
}

impl AdvancedClock {
    /// A clock that starts this far ahead of real time.
    #[must_use]
    pub fn ahead_by(span: Span) -> Self {
        Self { offset: AtomicU64::new(span.0), jumped: watch::Sender::new(0) }
    }

    /// Moves the clock on; it never goes back.
    pub fn advance(&self, span: Span) {
        let _ =
            self.offset.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |offset| Some(offset.saturating_add(span.0)));
        self.jumped.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// How far it is ahead of real time.
    #[must_use]
    pub fn ahead(&self) -> Span {
        Span(self.offset.load(Ordering::SeqCst))
    }
}

/// Real time, for what a remote party compares with its own clock.
#[must_use]
pub fn real_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the port's one real clock")]
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}

impl Clock for AdvancedClock {
    fn now(&self) -> Timestamp {
        real_now().plus(self.ahead())
    }

    fn jumps(&self) -> watch::Receiver<u64> {
        self.jumped.subscribe()
    }
}
