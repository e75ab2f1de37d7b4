//! Prints ids and times into buffers on the stack: answers and webhooks hold
//! many of them, and none needs an allocation of its own.

use refundry_domain::time::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// Places of the hyphens in a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A fixed-length ASCII text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// 128 bits as a lower-case hyphenated UUID.
#[must_use]
pub fn uuid(value: u128) -> Text<36> {
    let mut text = [b'-'; 36];
    let mut places = (0..36).filter(|place| !HYPHENS.contains(place));
    for byte in value.to_be_bytes() {
        for digit in [byte >> 4, byte & 15] {
            if let (Some(place), Some(hex)) = (places.next(), HEX.get(usize::from(digit))) {
                text[place] = *hex;
            }
        }
    }
    Text(text)
}

/// A time of RFC 3339 in UTC with nine digits of fraction:
/// `2026-03-12T23:10:41.118204007Z`.
#[must_use]
pub fn rfc3339_nanos(at: Timestamp) -> Text<30> {
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    fill_date_and_time(&mut text, at);
    let fraction = u64::try_from(at.0.rem_euclid(1_000_000_000)).unwrap_or(0);
    fill(&mut text[20..29], fraction);
    Text(text)
}

/// A time of RFC 3339 in UTC with whole seconds: `2026-03-12T23:10:41Z`.
#[must_use]
pub fn rfc3339_seconds(at: Timestamp) -> Text<20> {
    let mut text = *b"0000-00-00T00:00:00Z";
    fill_date_and_time(&mut text, at);
    Text(text)
}

/// A time as `2026-03-01 07:00:00 UTC`.
#[must_use]
pub fn spaced_utc(at: Timestamp) -> Text<23> {
    let mut text = *b"0000-00-00 00:00:00 UTC";
    fill_date_and_time(&mut text, at);
    Text(text)
}

/// Writes year, month, day, hours, minutes and seconds to their places in the
/// first 19 characters.
fn fill_date_and_time(text: &mut [u8], at: Timestamp) {
    let (year, month, day) = civil(at.day_number());
    let second = u64::try_from(at.unix_seconds().rem_euclid(86_400)).unwrap_or(0);
    let parts = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, second / 3_600),
        (14..16, second / 60 % 60),
        (17..19, second % 60),
    ];
    for (places, value) in parts {
        if let Some(places) = text.get_mut(places) {
            fill(places, value);
        }
    }
}

/// Fills a run of digits from its end.
fn fill(places: &mut [u8], mut value: u64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

/// Year, month and day of a day number since 1970, proleptic Gregorian
/// calendar (eras of 400 years of 146 097 days that begin on 1 March).
fn civil(day_number: i64) -> (u64, u64, u64) {
    let shifted = u64::try_from(day_number.saturating_add(719_468)).unwrap_or(0);
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::id::RefundId;

    #[test]
    fn prints_ids_as_the_core_does() {
        for value in [0, 1, u128::MAX, 0x82a6_49c5_af14_474a_997a_b25b_0d3f_45be] {
            assert_eq!(uuid(value).as_str(), RefundId(value).to_string());
        }
    }

    #[test]
    fn prints_times_as_the_calendar_library_does() {
        let mut at = -3_000_000_000_000_000_007_i64;
        while at < 9_000_000_000_000_000_000 {
            let expected = jiff::Timestamp::from_nanosecond(i128::from(at)).unwrap();
            assert_eq!(rfc3339_nanos(Timestamp(at)).as_str(), format!("{expected:.9}"));
            at += 86_399_123_456_789_111;
        }
    }

    #[test]
    fn the_three_forms_of_one_instant() {
        let at = Timestamp(1_773_357_041_118_204_007);
        assert_eq!(rfc3339_nanos(at).as_str(), "2026-03-12T23:10:41.118204007Z");
        assert_eq!(rfc3339_seconds(at).as_str(), "2026-03-12T23:10:41Z");
        assert_eq!(spaced_utc(at).as_str(), "2026-03-12 23:10:41 UTC");
    }
}
