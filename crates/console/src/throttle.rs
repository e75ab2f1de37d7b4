//! Slows guessing down: after a few wrong tries the next ones must wait,
//! longer each time. In memory; a restart forgets.
//!
//! A try counts in several buckets at once. A browser that somebody signed in
//! with before has one of its own, so that nobody else's tries hold it up.
//! All others count per e-mail and address, per address, and per e-mail; the
//! last of these waits for a minute at most, so that whoever guesses from many
//! addresses slows a person down and never shuts them out. E-mails that nobody
//! has are treated alike, so that nothing is learnt from it.

use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::fingerprint;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Tries are forgotten after so long without one.
const FORGET: Span = Span::seconds(3_600);
/// Most buckets that are remembered.
const COUNT_MAX: usize = 50_000;

/// How a bucket slows down.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// Tries that cost no waiting.
    free: u32,
    /// The longest wait; the first one is [`FIRST_WAIT`], each further one
    /// twice as long.
    longest: Span,
}

/// The first wait.
const FIRST_WAIT: Span = Span::seconds(30);
/// One e-mail from one place: a person who mistypes.
const OWN: Limit = Limit { free: 5, longest: Span::seconds(15 * 60) };
/// One place: an office, or one who tries many e-mails.
const PLACE: Limit = Limit { free: 30, longest: Span::seconds(15 * 60) };
/// One e-mail from everywhere.
const EMAIL: Limit = Limit { free: 20, longest: Span::seconds(60) };

/// What a try counts in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    key: [u8; 16],
    limit: Limit,
    /// One right try takes all wrong ones back, not only itself.
    own: bool,
}

impl Bucket {
    fn new(parts: &[&[u8]], limit: Limit, own: bool) -> Self {
        Self { key: fingerprint(parts).0, limit, own }
    }

    /// The buckets of a try with this e-mail from a browser that is known for it.
    pub(crate) fn of_known(email: &str, browser: u128) -> Vec<Self> {
        vec![Self::new(&[b"known", email.as_bytes(), &browser.to_be_bytes()], OWN, true)]
    }

    /// The buckets of a try with this e-mail from anywhere else; none is the
    /// address of those whose address is not known.
    pub(crate) fn of_stranger(email: &str, place: Option<IpAddr>) -> Vec<Self> {
        let (email, place) = (email.as_bytes(), network(place));
        vec![
            Self::new(&[b"pair", email, &place], OWN, true),
            Self::new(&[b"place", &place], PLACE, false),
            Self::new(&[b"email", email], EMAIL, false),
        ]
    }
}

/// The part of an address that stands for one customer of a network: all of
/// an IPv4 address, the first 64 bits of an IPv6 address.
fn network(place: Option<IpAddr>) -> Vec<u8> {
    match place.map(|ip| ip.to_canonical()) {
        None => Vec::new(),
        Some(IpAddr::V4(ip)) => ip.octets().to_vec(),
        Some(IpAddr::V6(ip)) => ip.octets().into_iter().take(8).collect(),
    }
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

impl Tries {
    fn next_at(self, limit: Limit) -> Timestamp {
        let Some(doublings) = self.count.checked_sub(limit.free) else { return Timestamp(i64::MIN) };
        let wait = FIRST_WAIT.0.saturating_mul(2_u64.saturating_pow(doublings)).min(limit.longest.0);
        self.last.plus(Span(wait))
    }
}

/// Wrong tries by bucket.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<[u8; 16], Tries>>);

impl Throttle {
    /// Lets a try through, or says when the next one is allowed. The try is
    /// counted before its outcome is known, so that many at once are counted;
    /// [`Throttle::was_right`] takes it back.
    pub(crate) fn admit(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), Timestamp> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = buckets.iter().filter_map(|bucket| {
            let tries = all.get(&bucket.key).filter(|tries| now < tries.last.plus(FORGET))?;
            Some(tries.next_at(bucket.limit)).filter(|next| now < *next)
        });
        if let Some(next) = waits.max() {
            return Err(next);
        }
        for bucket in buckets {
            make_room(&mut all, now);
            let tries = all.entry(bucket.key).or_insert(Tries { count: 0, last: now });
            if tries.last.plus(FORGET) <= now {
                tries.count = 0;
            }
            tries.count = tries.count.saturating_add(1);
            tries.last = now;
        }
        Ok(())
    }

    /// The try was right: it does not count, and who mistyped before is forgiven.
    pub(crate) fn was_right(&self, buckets: &[Bucket]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bucket in buckets {
            if bucket.own {
                all.remove(&bucket.key);
            } else if let Some(tries) = all.get_mut(&bucket.key) {
                tries.count = tries.count.saturating_sub(1);
            }
        }
    }
}

fn make_room(all: &mut HashMap<[u8; 16], Tries>, now: Timestamp) {
    if all.len() < COUNT_MAX {
        return;
    }
    all.retain(|_, tries| now < tries.last.plus(FORGET));
    if all.len() >= COUNT_MAX
        && let Some(oldest) = all.iter().min_by_key(|(_, tries)| tries.last).map(|(key, _)| *key)
    {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "ada@shop.example";

    fn place(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    /// The seconds to wait after each of so many tries, each at the first
    /// moment that is allowed.
    fn waits(throttle: &Throttle, buckets: &[Bucket], count: usize) -> Vec<i64> {
        let mut now = Timestamp(0);
        (0..count)
            .map(|_| {
                assert_eq!(throttle.admit(buckets, now), Ok(()));
                let next = throttle.admit(buckets, now).err();
                if next.is_none() {
                    throttle.was_right(&[Bucket { own: false, ..buckets[0] }]);
                }
                let wait = next.map_or(0, |next| next.unix_seconds() - now.unix_seconds());
                now = next.unwrap_or(now);
                wait
            })
            .collect()
    }

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let buckets = Bucket::of_known(ADA, 1);
        let expected = [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900];
        assert_eq!(waits(&throttle, &buckets, 12), expected);
        throttle.was_right(&buckets);
        assert_eq!(throttle.admit(&buckets, Timestamp(0)), Ok(()), "forgiven");
    }

    #[test]
    fn tries_are_forgotten_after_an_hour() {
        let throttle = Throttle::default();
        let buckets = Bucket::of_stranger(ADA, place(1));
        for _ in 0..5 {
            assert_eq!(throttle.admit(&buckets, Timestamp(0)), Ok(()));
        }
        assert!(throttle.admit(&buckets, Timestamp(0)).is_err());
        for _ in 0..5 {
            assert_eq!(throttle.admit(&buckets, Timestamp(0).plus(FORGET)), Ok(()));
        }
    }

    #[test]
    fn others_tries_hold_up_nobody_who_is_known_and_nobody_for_long() {
        let throttle = Throttle::default();
        let mut now = Timestamp(0);
        // Somebody guesses from 200 addresses, whenever it is allowed.
        for last in 0..200 {
            let buckets = Bucket::of_stranger(ADA, place(last));
            if let Err(next) = throttle.admit(&buckets, now) {
                assert!(next <= now.plus(Span::seconds(60)), "a minute at most");
                now = next;
                assert_eq!(throttle.admit(&buckets, now), Ok(()));
            }
        }
        assert_eq!(throttle.admit(&Bucket::of_known(ADA, 7), now), Ok(()), "her own browser");
        assert_eq!(throttle.admit(&Bucket::of_stranger("grace@shop.example", place(1)), now), Ok(()));
        assert!(throttle.admit(&Bucket::of_stranger(ADA, place(250)), now).is_err(), "a new one waits its minute");
    }

    #[test]
    fn one_place_that_tries_many_names_waits() {
        let throttle = Throttle::default();
        let tried = (0..100).map(|number| {
            let email = format!("person-{number}@shop.example");
            throttle.admit(&Bucket::of_stranger(&email, place(1)), Timestamp(0))
        });
        assert_eq!(tried.filter(Result::is_ok).count(), 30);
        assert_eq!(throttle.admit(&Bucket::of_stranger(ADA, place(2)), Timestamp(0)), Ok(()));
        // All of one IPv6 network is one place.
        let six = |text: &str| network(text.parse().ok());
        assert_eq!(six("2001:db8:1:2::1"), six("2001:db8:1:2:ffff::9"));
        assert_ne!(six("2001:db8:1:2::1"), six("2001:db8:1:3::1"));
        assert_eq!(six("::ffff:192.0.2.1"), network(place(1)));
    }

    #[test]
    fn a_right_try_takes_only_itself_back_where_others_count_too() {
        let throttle = Throttle::default();
        let buckets = Bucket::of_stranger(ADA, place(1));
        for _ in 0..1_000 {
            assert_eq!(throttle.admit(&buckets, Timestamp(0)), Ok(()));
            throttle.was_right(&buckets);
        }
        for _ in 0..25 {
            let _ = throttle.admit(&Bucket::of_stranger("x@shop.example", place(1)), Timestamp(0));
        }
        throttle.was_right(&buckets);
        let counted = throttle.0.lock().unwrap().get(&buckets[1].key).map(|tries| tries.count);
        assert_eq!(counted, Some(4));
    }
}
