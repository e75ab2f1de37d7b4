//! Signatures that were used: each opens the door once.
//!
//! Every one is remembered in memory for as long as it could come again. One
//! that changes something is written down in the store, too, before anything
//! is changed (`auth::use_up`), so that neither a restart nor another process
//! takes it again.

use refundry_domain::once::OnceKey;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Two generations: what is in neither is older than it could be used.
#[derive(Debug, Default)]
struct Generations {
    current: HashSet<OnceKey>,
    previous: HashSet<OnceKey>,
    /// When the current one began, seconds.
    since: i64,
    /// How long a signature can come again, seconds: the longest of all merchants'.
    window: i64,
}

/// The signatures that were used lately. One short lock.
#[derive(Debug, Default)]
pub(in crate::bvnk) struct Seen {
    generations: Mutex<Generations>,
}

impl Seen {
    /// Uses a signature up that is good within this skew, seconds; false when
    /// it was used before. `now` is real time, seconds.
    pub(in crate::bvnk) fn use_up(&self, key: OnceKey, now: i64, skew: i64) -> bool {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.window = generations.window.max(skew.saturating_mul(2).saturating_add(1));
        if now.saturating_sub(generations.since) >= generations.window {
            generations.previous = std::mem::take(&mut generations.current);
            generations.since = now;
        }
        !generations.previous.contains(&key) && generations.current.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_remembered_while_it_is_good() {
        let seen = Seen::default();
        let key = |number: u8| OnceKey([number; 16]);
        assert!(seen.use_up(key(1), 1_000, 60) && !seen.use_up(key(1), 1_000, 60));
        assert!(seen.use_up(key(2), 1_130, 60), "a new generation begins");
        assert!(!seen.use_up(key(1), 1_200, 60), "and the one before is still known");
        assert!(!seen.use_up(key(2), 1_249, 60));
        assert!(seen.use_up(key(3), 1_260, 60) && seen.use_up(key(1), 1_260, 60));
    }
}
