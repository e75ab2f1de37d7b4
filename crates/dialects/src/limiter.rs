//! How often a credential may call: an even rate with a burst of one second
//! (the generic cell rate algorithm). Off unless a dialect's settings name a
//! rate. In memory and per process, one short lock, by the engine's clock.
//!
//! A crate for this brings its own clock; ours can be moved by hand, and the
//! whole algorithm is one number per credential.

use refundry_domain::time::{Span, Timestamp};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

/// Credentials that are remembered before those are forgotten whose burst is
/// whole again.
const KNOWN_MAX: usize = 10_000;

/// Too many requests. The next one passes within a second, whatever the rate:
/// what `Retry-After` says is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Counts requests by credential.
#[derive(Debug)]
pub struct Limiter {
    per_second: Option<NonZeroU32>,
    /// When a credential's requests so far would be over at the even rate.
    over_at: Mutex<HashMap<Arc<str>, Timestamp>>,
}

impl Limiter {
    /// A limiter at so many requests per second; none lets everything pass.
    #[must_use]
    pub fn new(per_second: Option<u32>) -> Self {
        Self { per_second: per_second.and_then(NonZeroU32::new), over_at: Mutex::default() }
    }

    /// Takes a request of a credential, or refuses it.
    ///
    /// # Errors
    /// More came within a second than the rate allows; a refused request
    /// does not count.
    pub fn take(&self, credential: &str, now: Timestamp) -> Result<(), TooMany> {
        let Some(rate) = self.per_second else { return Ok(()) };
        let second = Span::seconds(1);
        let one = Span(second.0 / u64::from(rate.get()));
        let mut known = self.over_at.lock().unwrap_or_else(PoisonError::into_inner);
        let over_at = known.get(credential).copied().unwrap_or(now).max(now).plus(one);
        if over_at.minus(second) > now {
            return Err(TooMany);
        }
        if known.len() >= KNOWN_MAX {
            known.retain(|_, over_at| *over_at > now);
        }
        match known.get_mut(credential) {
            Some(place) => *place = over_at,
            None => {
                known.insert(Arc::from(credential), over_at);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    #[test]
    fn without_a_rate_everything_passes() {
        for rate in [None, Some(0)] {
            let limiter = Limiter::new(rate);
            assert!((0..1_000).all(|_| limiter.take("a", NOW).is_ok()));
        }
    }

    #[test]
    fn a_burst_of_one_second_then_the_even_rate() {
        let limiter = Limiter::new(Some(10));
        assert!((0..10).all(|_| limiter.take("a", NOW).is_ok()));
        let refused = Err(TooMany);
        assert_eq!((limiter.take("a", NOW), limiter.take("a", NOW)), (refused, refused));
        assert_eq!(limiter.take("b", NOW), Ok(()), "each credential has its own");
        let tenth = Span(100_000_000);
        assert_eq!(limiter.take("a", NOW.plus(tenth)), Ok(()), "refused requests do not count");
        assert_eq!(limiter.take("a", NOW.plus(tenth)), refused);
        let later = NOW.plus(Span::seconds(5));
        assert!((0..10).all(|_| limiter.take("a", later).is_ok()) && limiter.take("a", later).is_err());
    }

    #[test]
    fn who_is_quiet_is_forgotten() {
        let limiter = Limiter::new(Some(1));
        for number in 0..KNOWN_MAX {
            assert!(limiter.take(&number.to_string(), NOW).is_ok());
        }
        assert!(limiter.take("one more", NOW.plus(Span::seconds(2))).is_ok());
        assert_eq!(limiter.over_at.lock().unwrap().len(), 1);
    }
}
