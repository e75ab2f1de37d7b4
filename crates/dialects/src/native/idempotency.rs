//! The `Idempotency-Key` header: one, bare or as a structured-field string,
//! of 1 to 255 visible characters; and the scope and fingerprint made of it.

use super::errors::{self, Problem};
use super::extension::DIALECT;
use http::HeaderMap;
use refundry_domain::id::MerchantId;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{KEPT_FOR, Once};

/// The longest key, in characters.
const KEY_LENGTH_MAX: usize = 255;

/// The key of a request; none when there is no header.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::new(errors::KEY_INVALID, "Send one Idempotency-Key header."));
    }
    let invalid = || Problem::new(errors::KEY_INVALID, "A key has 1 to 255 visible ASCII characters.");
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest).ok_or_else(invalid)?,
        None => text.to_owned(),
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=KEY_LENGTH_MAX).contains(&key.len()) { Ok(Some(key)) } else { Err(invalid()) }
}

/// The key of a request that must have one.
pub(super) fn required_key(headers: &HeaderMap) -> Result<String, Problem> {
    key_of(headers)?.ok_or_else(|| Problem::of(errors::KEY_MISSING))
}

/// The inside of a structured-field string (RFC 8941 3.3.3) behind its first
/// quote; only quotes and backslashes may be escaped.
fn unquoted(rest: &str) -> Option<String> {
    let mut text = String::with_capacity(rest.len());
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => text.push(chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            other => text.push(other),
        }
    }
}

/// What was asked, for the once table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Whose request.
    pub merchant: MerchantId,
    /// The method.
    pub method: &'a str,
    /// The canonical path.
    pub path: &'a str,
    /// The key.
    pub key: &'a str,
    /// The canonical body.
    pub body: &'a [u8],
}

/// The record of a key: its scope is the merchant, the method and the path.
pub(super) fn once(asked: Asked<'_>) -> Once {
    let merchant = asked.merchant.0.to_be_bytes();
    let scope: [&[u8]; 5] =
        [DIALECT.as_bytes(), &merchant, asked.method.as_bytes(), asked.path.as_bytes(), asked.key.as_bytes()];
    Once {
        key: once_key(&scope),
        fingerprint: fingerprint(&[asked.method.as_bytes(), asked.path.as_bytes(), asked.body]),
        keep_world_refusals: false,
        kept_for: KEPT_FOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn keys_are_taken_bare_or_quoted() {
        let long = "k".repeat(256);
        let cases: [(&str, Option<&str>); 12] = [
            ("a", Some("a")),
            ("order-17:refund/1", Some("order-17:refund/1")),
            ("\"quoted\"", Some("quoted")),
            ("\"with \\\" inside\"", None),
            ("\"with\\\"quote\\\\\"", Some("with\"quote\\")),
            ("\"open", None),
            ("\"closed\" and more", None),
            ("\"bad\\escape\"", None),
            ("", None),
            ("\"\"", None),
            ("two words", None),
            (&long, None),
        ];
        for (sent, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.append("idempotency-key", HeaderValue::from_str(sent).expect("a header value"));
            let read = key_of(&headers).ok().flatten();
            assert_eq!(read.as_deref(), expected, "{sent}");
        }
    }

    #[test]
    fn several_headers_are_refused() {
        let mut headers = HeaderMap::new();
        assert!(matches!(key_of(&headers), Ok(None)));
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        assert_eq!(key_of(&headers).expect_err("two headers").kind(), errors::KEY_INVALID);
    }
}
