//! Which of an account's transactions a caller asked for.

use crate::truelayer::errors::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use refundry_domain::time::{Span, Timestamp};
use url::form_urlencoded;

/// What a caller asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) payments: bool,
    pub(super) payouts: bool,
    /// Rows after this place.
    pub(super) after: Option<(Timestamp, u128)>,
    /// The answer has pages.
    pub(super) paged: bool,
}

impl Query {
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// The opaque name of a row's place.
pub(super) fn cursor((at, id): (Timestamp, u128)) -> String {
    let mut bytes = at.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(&id.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(text: &str) -> Option<(Timestamp, u128)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (at, id) = bytes.split_at_checked(8)?;
    let at = i64::from_be_bytes(at.try_into().ok()?);
    Some((Timestamp(at), u128::from_be_bytes(id.try_into().ok()?)))
}

/// Reads a query.
///
/// # Errors
/// A time is missing, or something does not read or comes twice.
pub(super) fn read(query: &str, headers: &HeaderMap) -> Result<Query, Fault> {
    let value = |wanted: &'static str| once(query, wanted);
    let instant = |name: &'static str, end_of_day: bool| {
        let text = value(name)?.ok_or_else(|| Fault::invalid_field(name, "The time is required."))?;
        read_time(&text, end_of_day).ok_or_else(|| Fault::invalid_field(name, "Must be a time of ISO 8601."))
    };
    let (from, to) = (instant("from", false)?, instant("to", true)?);
    let (payments, payouts) = match value("type")?.as_deref() {
        None => (true, true),
        Some("payment") => (true, false),
        Some("payout") => (false, true),
        Some(_) => return Err(Fault::invalid_field("type", "Must be payment or payout.")),
    };
    let cursor = value("cursor")?.filter(|text| !text.is_empty());
    let after = match &cursor {
        None => None,
        Some(text) => {
            Some(read_cursor(text).ok_or_else(|| Fault::invalid_field("cursor", "Must be a cursor of this list."))?)
        }
    };
    let asked = headers.get("tl-enable-pagination").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    Ok(Query { from, to, payments, payouts, after, paged: asked || cursor.is_some() })
}

/// A parameter's value, where it came.
///
/// # Errors
/// It came more than once, so that nobody knows which one is meant.
fn once(query: &str, wanted: &'static str) -> Result<Option<String>, Fault> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
    let value = values.next().map(|(_, value)| value.into_owned());
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Fault::invalid_field(wanted, "Given more than once.")),
    }
}

/// Reads a time or a date of ISO 8601. A plus sign that came unescaped is a
/// space by now; a date without a time is the whole day.
fn read_time(text: &str, end_of_day: bool) -> Option<Timestamp> {
    let text = text.trim().replace(' ', "+");
    let nanos = |at: jiff::Timestamp| i64::try_from(at.as_nanosecond()).ok().map(Timestamp);
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return nanos(at);
    }
    if text.contains('T') {
        // Without an offset it is taken as UTC.
        return nanos(format!("{text}Z").parse().ok()?);
    }
    let at = nanos(format!("{text}T00:00:00Z").parse().ok()?)?;
    Some(if end_of_day { at.plus(Span::days(1)).minus(Span(1)) } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_clients_write_them() {
        let at = |text: &str, end| read_time(text, end).map(|at| at.0);
        let day = 1_614_556_800_000_000_000;
        for (text, expected) in [
            ("2021-03-01T00:00:00Z", Some(day)),
            ("2021-03-01T00:00:00+00:00", Some(day)),
            ("2021-03-01T00:00:00 00:00", Some(day)),
            ("2021-03-01T01:00:00.000000001+01:00", Some(day + 1)),
            ("2021-03-01T00:00:00", Some(day)),
            ("2021-03-01", Some(day)),
            ("", None),
            ("yesterday", None),
            ("2021-13-01T00:00:00Z", None),
        ] {
            assert_eq!(at(text, false), expected, "{text}");
        }
        assert_eq!(at("2021-03-01", true), Some(day + 86_400_000_000_000 - 1));
    }

    #[test]
    fn cursors_come_back() {
        let place = (Timestamp(-7), u128::MAX - 1);
        assert_eq!(read_cursor(&cursor(place)), Some(place));
        assert_eq!(read_cursor("x"), None);
    }
}
