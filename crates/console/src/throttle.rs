//! Slows guessing down: after a few wrong tries for one name the next ones
//! must wait, longer each time. Names that nobody has are treated alike, so
//! that nothing is learnt from it. In memory; a restart forgets.

use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tries that cost no waiting.
const FREE: u32 = 5;
/// The first wait; each further one is twice as long.
const FIRST_WAIT: Span = Span::seconds(30);
/// The longest wait.
const LONGEST_WAIT: Span = Span::seconds(15 * 60);
/// Tries are forgotten after so long without one.
const FORGET: Span = Span::seconds(3_600);
/// Most names that are remembered.
const COUNT_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

impl Tries {
    fn next_at(self) -> Timestamp {
        let Some(doublings) = self.count.checked_sub(FREE) else { return Timestamp(i64::MIN) };
        let wait = FIRST_WAIT.0.saturating_mul(2_u64.saturating_pow(doublings)).min(LONGEST_WAIT.0);
        self.last.plus(Span(wait))
    }
}

/// Wrong tries by name.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<[u8; 32], Tries>>);

impl Throttle {
    /// When the next try for this name is allowed, where that is not now.
    pub(crate) fn wait_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = all.get(&sha256(name.as_bytes()))?;
        Some(tries.next_at()).filter(|next| now < *next)
    }

    /// Notes a try before its outcome is known, so that many at once are
    /// counted; [`Throttle::forget`] takes it back when it was right.
    pub(crate) fn note(&self, name: &str, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COUNT_MAX {
            all.retain(|_, tries| now < tries.last.plus(FORGET));
        }
        if all.len() >= COUNT_MAX
            && let Some(oldest) = all.iter().min_by_key(|(_, tries)| tries.last).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        let tries = all.entry(sha256(name.as_bytes())).or_insert(Tries { count: 0, last: now });
        if tries.last.plus(FORGET) <= now {
            tries.count = 0;
        }
        tries.count = tries.count.saturating_add(1);
        tries.last = now;
    }

    /// The person proved who they are.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sha256(name.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let mut now = Timestamp(0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            throttle.note("ada", now);
            let until = throttle.wait_until("ada", now);
            waits.push(until.map_or(0, |until| until.unix_seconds() - now.unix_seconds()));
            now = until.unwrap_or(now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(throttle.wait_until("grace", now), None, "others are not held up");
        throttle.note("ada", now.plus(FORGET));
        assert_eq!(throttle.wait_until("ada", now.plus(FORGET)), None);
        throttle.forget("ada");
        assert_eq!(throttle.wait_until("ada", now), None);
    }
}
