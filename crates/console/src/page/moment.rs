//! Times on pages: machine-readable, in UTC as long as no script knows the
//! viewer's zone, and spans in words.

use jiff::tz::TimeZone;
use refundry_domain::time::Timestamp;

/// An instant to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Moment {
    fn zoned(self) -> jiff::Zoned {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(self.0.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.to_zoned(TimeZone::UTC)
    }

    /// For programs: RFC 3339.
    #[must_use]
    pub fn machine(self) -> String {
        self.zoned().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// For people: `5 January 2026, 10:00 UTC`.
    #[must_use]
    pub fn utc(self) -> String {
        self.zoned().strftime("%-d %B %Y, %H:%M UTC").to_string()
    }
}

/// How much longer ago the one is than the other, in its largest unit: `2 days`.
#[must_use]
pub fn age(from: Timestamp, until: Timestamp) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let seconds = until.unix_seconds().saturating_sub(from.unix_seconds()).max(0);
    for (length, unit) in UNITS {
        let count = seconds / length;
        if count > 0 {
            return format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        }
    }
    "less than a minute".to_owned()
}

/// How long until a time: `6 days left`, or that it is over.
#[must_use]
pub fn left(now: Timestamp, until: Timestamp) -> String {
    if until <= now { "ended".to_owned() } else { format!("{} left", age(now, until)) }
}

/// How long somebody must wait, rounded up: `30 seconds`, `2 minutes`.
#[must_use]
pub fn wait(now: Timestamp, until: Timestamp) -> String {
    let nanoseconds = until.0.saturating_sub(now.0).max(0);
    let seconds = nanoseconds.unsigned_abs().div_ceil(1_000_000_000).max(1);
    let (count, unit) = if seconds < 120 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_words() {
        let at = Timestamp(1_767_607_200_000_000_000);
        assert_eq!(Moment(at).machine(), "2026-01-05T10:00:00Z");
        assert_eq!(Moment(at).utc(), "5 January 2026, 10:00 UTC");
        for (seconds, expected) in [
            (0, "less than a minute"),
            (60, "1 minute"),
            (7_199, "1 hour"),
            (7_200, "2 hours"),
            (86_400 * 6 + 5, "6 days"),
        ] {
            let later = Timestamp(at.0 + seconds * 1_000_000_000);
            assert_eq!(age(at, later), expected);
        }
        assert_eq!(left(at, at), "ended");
        assert_eq!(age(at, Timestamp(0)), "less than a minute");
        for (nanoseconds, expected) in [
            (0, "1 second"),
            (29_500_000_000, "30 seconds"),
            (61_000_000_000, "61 seconds"),
            (121_000_000_000, "3 minutes"),
            (900_000_000_000, "15 minutes"),
        ] {
            assert_eq!(wait(at, Timestamp(at.0 + nanoseconds)), expected);
        }
    }
}
