//! Browsers that somebody signed in with before. They carry a signed cookie,
//! so that what strangers try with the same e-mail does not hold them up; it
//! proves nothing else and opens nothing.

use crate::link::derived;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use refundry_engine::mint::random_id;

/// How long a browser is known after a sign-in.
pub(crate) const KNOWN_FOR: Span = Span::days(90);
const PURPOSE: &[u8] = b"refundry console known browser 1";
/// Bytes of an HMAC-SHA256.
const MAC_LENGTH: usize = 32;
/// Longest cookie that is looked at, in characters.
const LENGTH_MAX: usize = 256;

/// Makes and checks the cookies of known browsers.
pub struct KnownBrowsers(hmac::Key);

impl std::fmt::Debug for KnownBrowsers {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("KnownBrowsers(..)")
    }
}

impl KnownBrowsers {
    /// From the server's token key.
    #[must_use]
    pub fn new(server_key: &[u8; 32]) -> Self {
        Self(derived(server_key, PURPOSE))
    }

    /// The cookie of a browser that signed in with this e-mail.
    pub(crate) fn make(&self, email: &str, now: Timestamp) -> String {
        let mut record = Encoder::new();
        record.id(mark(email)).id(random_id()).signed(now.plus(KNOWN_FOR).0);
        let mut bytes = record.finish();
        let mac = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(mac.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The browser's own number, if it is known for this e-mail.
    pub(crate) fn check(&self, cookie: &str, email: &str, now: Timestamp) -> Option<u128> {
        if cookie.len() > LENGTH_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (record, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        hmac::verify(&self.0, record, mac).ok()?;
        let (whose, browser, until) = read(record).ok()?;
        (whose == mark(email) && now < until).then_some(browser)
    }
}

/// Stands for an e-mail, so that the cookie does not tell it.
fn mark(email: &str) -> u128 {
    let hash = sha256(email.as_bytes());
    hash.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

fn read(record: &[u8]) -> Result<(u128, u128, Timestamp), Malformed> {
    let mut from = Decoder::new(record);
    Ok((from.id()?, from.id()?, Timestamp(from.signed()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_for_one_email_and_a_time() {
        let known = KnownBrowsers::new(&[7; 32]);
        let now = Timestamp(1_000);
        let cookie = known.make("ada@shop.example", now);
        assert!(known.check(&cookie, "ada@shop.example", now).is_some());
        assert_eq!(known.check(&cookie, "grace@shop.example", now), None);
        assert_eq!(known.check(&cookie, "ada@shop.example", now.plus(KNOWN_FOR)), None);
        assert_eq!(KnownBrowsers::new(&[8; 32]).check(&cookie, "ada@shop.example", now), None);
        for bad in ["", "x", &"A".repeat(500), &cookie[..cookie.len() - 2]] {
            assert_eq!(known.check(bad, "ada@shop.example", now), None);
        }
    }
}
