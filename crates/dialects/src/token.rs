//! Short-lived access tokens: signed, not stored. A token names the
//! credential it was issued to; whoever checks one also looks whether that
//! credential still exists.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::time::Timestamp;

/// What every token begins with.
const PREFIX: &str = "rfb_";
/// First byte of the signed record.
const VERSION: u8 = 1;
/// First byte of what is derived; no signed record begins with it.
const DERIVED: u8 = 0;
/// Bytes of an HMAC-SHA256.
const MAC_LENGTH: usize = 32;
/// Longest token that is looked at, in characters.
const LENGTH_MAX: usize = 1024;

/// The key that signs tokens. The sandbox and tests make one; in live it is
/// part of the server's secrets.
pub struct TokenKey(hmac::Key);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("TokenKey(..)")
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The family of dialects that it opens.
    pub dialect: String,
    /// Public id of the credential that it was issued to.
    pub credential: String,
    /// The credential group it is good for; empty for none.
    pub group: String,
    /// When it ends, by the engine's clock.
    pub expires_at: Timestamp,
}

impl TokenKey {
    /// A key from 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Signs a token.
    #[must_use]
    pub fn issue(&self, claims: &Claims) -> String {
        let mut record = Encoder::new();
        record.byte(VERSION).text(&claims.dialect).text(&claims.credential).text(&claims.group);
        record.signed(claims.expires_at.0);
        let mut bytes = record.finish();
        let mac = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(mac.as_ref());
        let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
        text
    }

    /// 32 bytes that only this server can make of a message, the same whenever
    /// it does: for secrets that are shown and not stored. A label keeps one
    /// use apart from another, and all of them from signatures.
    #[must_use]
    pub fn derive(&self, label: &str, message: &[u8]) -> [u8; 32] {
        let mut record = Encoder::new();
        record.byte(DERIVED).text(label);
        let mut bytes = record.finish();
        bytes.extend_from_slice(message);
        let mac = hmac::sign(&self.0, &bytes);
        let mut derived = [0; 32];
        for (to, from) in derived.iter_mut().zip(mac.as_ref()) {
            *to = *from;
        }
        derived
    }

    /// The claims of a token that this key signed and that has not expired.
    /// The signature is compared in constant time.
    #[must_use]
    pub fn check(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > LENGTH_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (record, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        hmac::verify(&self.0, record, mac).ok()?;
        let claims = read(record).ok()?;
        (now < claims.expires_at).then_some(claims)
    }
}

fn read(record: &[u8]) -> Result<Claims, Malformed> {
    let mut from = Decoder::new(record);
    if from.byte()? != VERSION {
        return Err(Malformed);
    }
    let claims = Claims {
        dialect: from.text()?.to_owned(),
        credential: from.text()?.to_owned(),
        group: from.text()?.to_owned(),
        expires_at: Timestamp(from.signed()?),
    };
    if from.is_empty() { Ok(claims) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::time::Span;

    fn claims(expires_at: Timestamp) -> Claims {
        Claims { dialect: "banked".into(), credential: "pk_test_1".into(), group: "app_70412".into(), expires_at }
    }

    #[test]
    fn a_token_is_good_until_it_ends() {
        let key = TokenKey::new(&[7; 32]);
        let ends = Timestamp(1_000);
        let token = key.issue(&claims(ends));
        assert!(token.starts_with("rfb_"));
        assert_eq!(key.check(&token, ends.minus(Span(1))), Some(claims(ends)));
        assert_eq!(key.check(&token, ends), None);
    }

    #[test]
    fn what_is_derived_depends_on_key_label_and_message() {
        let key = TokenKey::new(&[7; 32]);
        assert_eq!(key.derive("a", b"bc"), key.derive("a", b"bc"));
        for other in [key.derive("ab", b"c"), key.derive("a", b"cb"), TokenKey::new(&[8; 32]).derive("a", b"bc")] {
            assert_ne!(key.derive("a", b"bc"), other);
        }
    }

    #[test]
    fn a_changed_or_foreign_token_is_refused() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.issue(&claims(Timestamp(1_000)));
        assert_eq!(TokenKey::new(&[8; 32]).check(&token, Timestamp(0)), None);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key.check(&changed, Timestamp(0)), None, "changed at {place}");
        }
        for bad in ["", "rfb_", "rfb_AAAA", "other"] {
            assert_eq!(key.check(bad, Timestamp(0)), None, "{bad}");
        }
    }
}
