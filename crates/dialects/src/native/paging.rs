//! Pages: a limit, and an opaque, versioned cursor that names the last row
//! seen. Cursors keep their meaning while rows are added.

use super::errors::{self, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Rows of a page when the caller does not say.
const LIMIT_DEFAULT: usize = 50;
/// Most rows of a page.
const LIMIT_MAX: usize = 200;
/// First byte of every cursor.
const VERSION: u8 = 1;

/// What a cursor walks through; one list's cursor is no other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// Payments, by id.
    Payments,
    /// Refunds, by id.
    Refunds,
    /// Deliveries, by the event's place.
    Deliveries,
    /// Events, by place.
    Events,
    /// Pending approvals, by the refund's id.
    Approvals,
    /// Changes of people, keys, rules and endpoints, by number.
    Changes,
}

impl Listing {
    fn tag(self) -> u8 {
        match self {
            Self::Payments => 1,
            Self::Refunds => 2,
            Self::Deliveries => 3,
            Self::Events => 4,
            Self::Approvals => 5,
            Self::Changes => 6,
        }
    }
}

/// The cursor behind a row.
pub(super) fn cursor(listing: Listing, row: u128) -> String {
    let mut bytes = vec![VERSION, listing.tag()];
    bytes.extend_from_slice(&row.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The row that a cursor names.
pub(super) fn row(listing: Listing, text: &str) -> Result<u128, Problem> {
    let read = || -> Option<u128> {
        let bytes: [u8; 18] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (head, id) = bytes.split_first_chunk::<2>()?;
        let id: [u8; 16] = id.try_into().ok()?;
        (*head == [VERSION, listing.tag()]).then(|| u128::from_be_bytes(id))
    };
    read().ok_or_else(|| Problem::at(errors::INVALID_CURSOR, "?cursor", "Use a cursor as a page gave it."))
}

/// The number of rows asked for.
pub(super) fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(LIMIT_DEFAULT);
    };
    let parsed: Option<usize> = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    parsed.ok_or_else(|| Problem::at(errors::INVALID_PARAMETER, "?limit", "A limit is a number from 1 to 200."))
}
