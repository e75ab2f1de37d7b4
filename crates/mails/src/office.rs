//! The post office: knows which refunds may need a letter, asks for each when
//! its letter is due, has it carried, and writes down that it went.
//!
//! Round trips of a letter: one read, one way to the mail server, one envelope
//! after it. One letter at a time, so that a slow server holds one connection.

use crate::carrier::{Carrier, Mail, NotCarried};
use refundry_domain::event::EventKind;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::refund::{Gate, RefundState};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{HostedPages, Letter, LetterRefused};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Events read at once.
const EVENTS_PER_READ: usize = 256;
/// Letters of one round, before others get a turn.
const LETTERS_PER_STEP: usize = 32;
/// Longest sleep; a lost word costs no more.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// How long a letter that was put off waits: doubled each time, up to the other.
const RETRY_FIRST: Span = Span::seconds(15);
const RETRY_LAST: Span = Span::seconds(3_600);
/// Bytes of a message id.
const MESSAGE_ID_BYTES: usize = 16;

/// A letter put into words.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// The name that it comes from.
    pub from_name: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl fmt::Debug for Written {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Written(..)")
    }
}

/// Puts a letter into words.
pub type Write = Arc<dyn Fn(&Letter) -> Written + Send + Sync>;

/// What a post office works with.
pub struct Parts {
    /// Reads and the door.
    pub engine: Arc<Engine>,
    /// Who knows what letters there are.
    pub pages: Vec<Arc<dyn HostedPages>>,
    /// Puts them into words.
    pub write: Write,
    /// Takes them on.
    pub carrier: Arc<dyn Carrier>,
}

/// Why a letter has not gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What the carrier said last.
    pub why: NotCarried,
    /// When that was.
    pub at: Timestamp,
    /// How often it was tried.
    pub tries: u32,
}

/// Whom a letter may be about: one of the pages, a merchant, a refund.
type Place = (usize, MerchantId, RefundId);

#[derive(Default)]
struct State {
    /// When to look at each next.
    due: BTreeMap<Place, Timestamp>,
    /// What went wrong with them.
    troubles: BTreeMap<(MerchantId, RefundId), Trouble>,
    /// Nothing is tried before this: no server takes anything.
    closed_until: Option<Timestamp>,
    closed_tries: u32,
}

/// Sends letters until it is stopped.
pub struct PostOffice {
    parts: Parts,
    state: Mutex<State>,
    poked: watch::Sender<u64>,
}

impl fmt::Debug for PostOffice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("PostOffice(..)")
    }
}

fn waits_for_details(kind: &EventKind) -> bool {
    matches!(kind, EventKind::RefundEntered { state: RefundState::Awaiting(Gate::Details) })
}

/// The wait after so many tries.
fn backoff(tries: u32) -> Span {
    let doubled = RETRY_FIRST.0.saturating_mul(1 << tries.saturating_sub(1).min(16));
    Span(doubled.min(RETRY_LAST.0))
}

impl PostOffice {
    /// A post office that has not begun.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, state: Mutex::default(), poked: watch::Sender::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What went wrong with a refund's letter, while it has not gone.
    #[must_use]
    pub fn trouble(&self, merchant: MerchantId, refund: RefundId) -> Option<Trouble> {
        self.state().troubles.get(&(merchant, refund)).copied()
    }

    /// A refund's letter may be due: its link was made anew.
    pub fn look_at(&self, merchant: MerchantId, refund: RefundId) {
        let now = self.parts.engine.now();
        let mut state = self.state();
        state.troubles.remove(&(merchant, refund));
        for place in 0..self.parts.pages.len() {
            state.due.insert((place, merchant, refund), now);
        }
        drop(state);
        self.poked.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Works until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut events = self.parts.engine.notifier().events();
        let mut jumps = self.parts.engine.clock().jumps();
        let mut poked = self.poked.subscribe();
        let mut cursor = None;
        loop {
            if *stop.borrow() {
                return;
            }
            events.borrow_and_update();
            jumps.borrow_and_update();
            poked.borrow_and_update();
            let wait = match self.step(&mut cursor).await {
                Ok(next) => next.map_or(IDLE_MAX, |at| self.until(at)),
                Err(_) => Duration::from_millis(250),
            };
            if wait.is_zero() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = events.changed() => {}
                _ = jumps.changed() => {}
                _ = poked.changed() => {}
                _ = stop.changed() => return,
            }
        }
    }

    fn until(&self, at: Timestamp) -> Duration {
        let nanos = u64::try_from(at.0.saturating_sub(self.parts.engine.now().0)).unwrap_or(0);
        // Rounded up to the timer's milliseconds, so that it never wakes early.
        Duration::from_millis(nanos.div_ceil(1_000_000)).min(IDLE_MAX)
    }

    /// One round: hears what is new, sends what is due. The cursor is none
    /// before the first round. Returns when the next letter is due.
    ///
    /// # Errors
    /// The store or the door is not available; nothing is forgotten.
    pub async fn step(&self, cursor: &mut Option<u64>) -> Result<Option<Timestamp>, Unavailable> {
        let from = match *cursor {
            Some(from) => from,
            None => {
                let newest = self.parts.engine.read(|reader| reader.newest_event()).await?.0;
                self.remember_waiting().await?;
                newest
            }
        };
        *cursor = Some(self.hear(from).await?);
        let now = self.parts.engine.now();
        let mut due: Vec<(Timestamp, Place)> = {
            let state = self.state();
            if let Some(until) = state.closed_until.filter(|until| now < *until) {
                return Ok(Some(until));
            }
            state.due.iter().filter(|(_, at)| **at <= now).map(|(place, at)| (*at, *place)).collect()
        };
        due.sort_unstable();
        for (_, place) in due.into_iter().take(LETTERS_PER_STEP) {
            if !self.attend(place, now).await? {
                break;
            }
        }
        let state = self.state();
        let next = state.due.values().min().copied();
        Ok(next.map(|next| state.closed_until.map_or(next, |until| next.max(until))))
    }

    async fn remember_waiting(&self) -> Result<(), Unavailable> {
        let now = self.parts.engine.now();
        for (place, pages) in self.parts.pages.iter().enumerate() {
            for (merchant, refund) in pages.waiting().await? {
                self.state().due.insert((place, merchant, refund), now);
            }
        }
        Ok(())
    }

    /// Reads the events after a place; returns the place read to.
    async fn hear(&self, mut cursor: u64) -> Result<u64, Unavailable> {
        loop {
            let from = cursor;
            let events = self.parts.engine.read(move |reader| reader.events_after(from, EVENTS_PER_READ)).await?;
            let Some(last) = events.last() else { return Ok(cursor) };
            cursor = last.place;
            let full = events.len() == EVENTS_PER_READ;
            let waits = events.iter().filter(|stored| waits_for_details(&stored.event.kind));
            let heard: BTreeSet<_> =
                waits.filter_map(|stored| Some((stored.event.merchant, stored.event.refund?))).collect();
            let now = self.parts.engine.now();
            let mut state = self.state();
            for (merchant, refund) in heard {
                for place in 0..self.parts.pages.len() {
                    state.due.insert((place, merchant, refund), now);
                }
            }
            drop(state);
            if !full {
                return Ok(cursor);
            }
        }
    }

    /// Looks at one place, and sends its letter if it is due. False when no
    /// server takes anything.
    async fn attend(&self, place: Place, now: Timestamp) -> Result<bool, Unavailable> {
        let (number, merchant, refund) = place;
        let Some(pages) = self.parts.pages.get(number) else { return Ok(true) };
        let Some(letter) = pages.letter(merchant, refund).await? else {
            // Written down by us, perhaps before the last start.
            let refused = pages.letters(merchant, refund).await?.and_then(|letters| letters.refused);
            let mut state = self.state();
            state.due.remove(&place);
            let trouble =
                |refused: LetterRefused| Trouble { why: NotCarried::Never(refused.code), at: refused.at, tries: 1 };
            match refused.map(trouble) {
                Some(trouble) => state.troubles.insert((merchant, refund), trouble),
                None => state.troubles.remove(&(merchant, refund)),
            };
            return Ok(true);
        };
        if letter.due_at > now {
            self.state().due.insert(place, letter.due_at);
            return Ok(true);
        }
        match self.parts.carrier.carry(&self.mail(&letter)).await {
            Ok(()) => {
                pages.letter_sent(merchant, refund).await?;
                let mut state = self.state();
                state.troubles.remove(&(merchant, refund));
                (state.closed_until, state.closed_tries) = (None, 0);
                // The next look finds the reminder, or nothing more.
                state.due.insert(place, now);
                Ok(true)
            }
            Err(why) => {
                // Before it is forgotten here: a later process must not ask again.
                if let NotCarried::Never(code) = why {
                    pages.letter_refused(merchant, refund, code).await?;
                }
                Ok(self.put_off(place, why, now))
            }
        }
    }

    /// False when no server takes anything.
    fn put_off(&self, place: Place, why: NotCarried, now: Timestamp) -> bool {
        let (_, merchant, refund) = place;
        let mut state = self.state();
        let tries = state.troubles.get(&(merchant, refund)).map_or(0, |trouble| trouble.tries).saturating_add(1);
        state.troubles.insert((merchant, refund), Trouble { why, at: now, tries });
        tracing::warn!(refund = %refund, why = %why, tries, "a letter to a customer has not gone");
        match why {
            NotCarried::Server => {
                state.closed_tries = state.closed_tries.saturating_add(1);
                state.closed_until = Some(now.plus(backoff(state.closed_tries)));
                false
            }
            NotCarried::Later(_) => {
                state.due.insert(place, now.plus(backoff(tries)));
                true
            }
            // Until its link is made anew.
            NotCarried::Never(_) => {
                state.due.remove(&place);
                true
            }
        }
    }

    fn mail(&self, letter: &Letter) -> Mail {
        let written = (self.parts.write)(letter);
        let hash = sha256(format!("{} {}", letter.url, letter.due_at.0).as_bytes());
        Mail {
            merchant: letter.merchant,
            from_name: written.from_name,
            to: letter.to.clone(),
            to_name: letter.to_name.clone(),
            subject: written.subject,
            text: written.text,
            html: written.html,
            message_id: hex::encode(hash.get(..MESSAGE_ID_BYTES).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let seconds = |tries| backoff(tries).0 / Span::seconds(1).0;
        assert_eq!([1, 2, 3, 8, 9, 100, u32::MAX].map(seconds), [15, 30, 60, 1_920, 3_600, 3_600, 3_600]);
    }
}
