//! One-time sign-in links: whoever may read the server's token key may sign in
//! as anybody, for example the first administrator. The link is signed and
//! names a person; that it works once is remembered in the once table.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::PersonId;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::mint::random_id;

/// How long a link may wait to be used.
pub const VALID_FOR: Span = Span::seconds(15 * 60);
/// What the key of links is made from the server's key with.
const PURPOSE: &[u8] = b"refundry console sign-in link 1";
/// Bytes of an HMAC-SHA256.
const MAC_LENGTH: usize = 32;
/// Longest token that is looked at, in characters.
const LENGTH_MAX: usize = 256;

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInLink {
    /// Who signs in.
    pub person: PersonId,
    /// Its own name, so that it works once.
    pub nonce: u128,
    /// When it ends, by real time.
    pub expires_at: Timestamp,
}

/// Makes and checks sign-in links.
pub struct SignInLinks(hmac::Key);

impl std::fmt::Debug for SignInLinks {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("SignInLinks(..)")
    }
}

/// A key for one purpose from the server's token key, so that nothing that is
/// signed for one purpose is good for another.
pub(crate) fn derived(server_key: &[u8; 32], purpose: &[u8]) -> hmac::Key {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, server_key), purpose);
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

impl SignInLinks {
    /// From the server's token key.
    #[must_use]
    pub fn new(server_key: &[u8; 32]) -> Self {
        Self(derived(server_key, PURPOSE))
    }

    /// The path of a new link for a person.
    #[must_use]
    pub fn make(&self, person: PersonId, now: Timestamp) -> String {
        let mut record = Encoder::new();
        record.id(person.0).id(random_id()).signed(now.plus(VALID_FOR).0);
        let mut bytes = record.finish();
        let mac = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(mac.as_ref());
        format!("/console/link/{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says that was made with this key and has not ended.
    #[must_use]
    pub fn check(&self, token: &str, now: Timestamp) -> Option<SignInLink> {
        if token.len() > LENGTH_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (record, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        hmac::verify(&self.0, record, mac).ok()?;
        read(record).ok().filter(|link| now < link.expires_at)
    }
}

fn read(record: &[u8]) -> Result<SignInLink, Malformed> {
    let mut from = Decoder::new(record);
    Ok(SignInLink { person: PersonId(from.id()?), nonce: from.id()?, expires_at: Timestamp(from.signed()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_time_and_its_key() {
        let links = SignInLinks::new(&[7; 32]);
        let now = Timestamp(1_000);
        let path = links.make(PersonId(5), now);
        let token = path.strip_prefix("/console/link/").unwrap();
        assert_eq!(links.check(token, now).map(|link| link.person), Some(PersonId(5)));
        assert_eq!(links.check(token, now.plus(VALID_FOR)), None);
        assert_eq!(SignInLinks::new(&[8; 32]).check(token, now), None);
        let mut bent = token.to_owned();
        bent.replace_range(3..4, if &token[3..4] == "A" { "B" } else { "A" });
        for bad in ["", "x", &bent, &"A".repeat(500)] {
            assert_eq!(links.check(bad, now), None);
        }
    }
}
