//! Port Notifier: after a commit the workers are told that there is something
//! to look at. A lost word costs a poll, never a refund.

use tokio::sync::watch;

/// What a commit may have made due.
#[derive(Debug)]
pub struct Notifier {
    refunds: watch::Sender<u64>,
    events: watch::Sender<u64>,
}

impl Default for Notifier {
    fn default() -> Self {
        Self { refunds: watch::Sender::new(0), events: watch::Sender::new(0) }
    }
}

impl Notifier {
    /// Refunds changed: look for due work.
    pub fn refunds_changed(&self) {
        self.refunds.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Events were written: look for deliveries.
    pub fn events_written(&self) {
        self.events.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Follows changes of refunds.
    #[must_use]
    pub fn refunds(&self) -> watch::Receiver<u64> {
        self.refunds.subscribe()
    }

    /// Follows new events.
    #[must_use]
    pub fn events(&self) -> watch::Receiver<u64> {
        self.events.subscribe()
    }
}
