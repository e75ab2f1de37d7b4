//! How a webhook is signed: three schemes are in circulation, and each
//! endpoint has one (contract 7.3).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::egress::{INBOX_PATH, inbox_name};
use refundry_engine::registry::Endpoint;
use url::Url;

/// First byte of stored settings.
const VERSION: u8 = 1;
/// The media type, as it is sent and signed.
const JSON: &str = "application/json";
/// How long the secret before the newest one signs, too.
const OVERLAP: Span = Span::days(1);

/// The names of the schemes.
pub(in crate::bvnk) const SCHEMES: [&str; 3] = ["body-base64", "path-hex", "url-hex"];

/// What is signed, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Scheme {
    /// The body; base64.
    #[default]
    Body,
    /// Path, media type and body; hex.
    Path,
    /// Address, media type and body; hex.
    Address,
}

/// What a dialect's endpoint keeps in its settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::bvnk) struct Signing {
    scheme: Scheme,
    /// The secret before this one, and until when it signs, too.
    previous: Option<(String, Timestamp)>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the secret.
        let until = self.previous.as_ref().map(|(_, until)| until);
        to.debug_struct("Signing").field("scheme", &self.scheme).field("until", &until).finish()
    }
}

impl Signing {
    /// A scheme by its name; the first for an unknown one.
    pub(in crate::bvnk) fn of_scheme(name: &str) -> Self {
        let scheme = match name {
            "path-hex" => Scheme::Path,
            "url-hex" => Scheme::Address,
            _ => Scheme::Body,
        };
        Self { scheme, previous: None }
    }

    /// The stored form.
    pub(in crate::bvnk) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        let scheme = match self.scheme {
            Scheme::Body => 0,
            Scheme::Path => 1,
            Scheme::Address => 2,
        };
        to.byte(VERSION).byte(scheme).option(self.previous.as_ref(), |to, (secret, until)| {
            to.text(secret).signed(until.0);
        });
        to.finish()
    }

    /// The settings of an endpoint; those of one that was made elsewhere are
    /// the usual ones.
    pub(in crate::bvnk) fn read(settings: &[u8]) -> Self {
        Self::decode(settings).unwrap_or_default()
    }

    /// The same for an endpoint that replaces one: the secret before a new one
    /// signs on for a while, also when the same is set again meanwhile.
    pub(in crate::bvnk) fn after(self, before: &Endpoint, new_secret: &str, at: Timestamp) -> Self {
        let previous = if before.secret == new_secret {
            Self::read(&before.settings).previous
        } else {
            Some((before.secret.clone(), at.plus(OVERLAP)))
        };
        Self { previous: previous.filter(|(secret, until)| at < *until && secret != new_secret), ..self }
    }

    fn decode(settings: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(settings);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        let scheme = match from.byte()? {
            0 => Scheme::Body,
            1 => Scheme::Path,
            2 => Scheme::Address,
            _ => return Err(Malformed),
        };
        let previous = from.option(|from| Ok((from.text()?.to_owned(), Timestamp(from.signed()?))))?;
        Ok(Self { scheme, previous })
    }
}

/// The headers of a webhook. `at` is the engine's time.
pub(super) fn headers(endpoint: &Endpoint, body: &[u8], at: Timestamp) -> Vec<(&'static str, String)> {
    let signing = Signing::read(&endpoint.settings);
    let url = address(&endpoint.url);
    let sign = |secret: &str| signature(signing.scheme, secret, &url, body);
    let mut headers = vec![("content-type", JSON.to_owned()), ("x-signature", sign(&endpoint.secret))];
    if let Some((secret, _)) = signing.previous.as_ref().filter(|(_, until)| at < *until) {
        headers.push(("x-signature-previous", sign(secret)));
    }
    headers
}

fn signature(scheme: Scheme, secret: &str, url: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signed = hmac::Context::with_key(&key);
    match scheme {
        Scheme::Body => {}
        Scheme::Path => {
            let path = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned());
            signed.update(path.as_bytes());
            signed.update(JSON.as_bytes());
        }
        Scheme::Address => {
            signed.update(url.as_bytes());
            signed.update(JSON.as_bytes());
        }
    }
    signed.update(body);
    let tag = signed.sign();
    match scheme {
        Scheme::Body => STANDARD.encode(tag),
        Scheme::Path | Scheme::Address => hex::encode(tag),
    }
}

/// The address as registered; the sandbox's own inbox is known by its path.
fn address(url: &str) -> String {
    match inbox_name(url) {
        Some(Ok(name)) => format!("{INBOX_PATH}/{name}"),
        Some(Err(_)) | None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"event":"bvnk:payment:payout:status-change","eventId":"7f2d6a54-1c38-4b0e-9a53-2f8f6f0b9d11","timestamp":"2026-03-04T09:15:30.412Z","data":{"status":"COMPLETED"}}"#;
    const SECRET: &str = "whs-test-secret-0123456789abcdef";
    const URL: &str = "https://merchant.example/hooks/bvnk";

    // conformance: bvnk 48
    #[test]
    fn the_vectors_are_reproduced() {
        assert_eq!(BODY.len(), 163);
        for (scheme, expected) in [
            ("body-base64", "uEFOoTEbGXzNWeFHTPg8XEB5vVFbhe69lz6QQVKmgRo="),
            ("path-hex", "465f6b7f71d6ddfe7af6330ccc3bce69803a75779933968266d23e3f59ce35a0"),
            ("url-hex", "5bdba9cceac49091619f6f8b2fe9d76c5f904c029618d497ae48afbb9995475c"),
        ] {
            let signing = Signing::of_scheme(scheme);
            assert_eq!(Signing::decode(&signing.encode()), Ok(signing.clone()));
            assert_eq!(signature(signing.scheme, SECRET, URL, BODY), expected, "{scheme}");
        }
        let with_query = signature(Scheme::Path, SECRET, &format!("{URL}?a=1#b"), BODY);
        assert_eq!(with_query, signature(Scheme::Path, SECRET, URL, BODY));
    }

    #[test]
    fn a_new_secret_keeps_the_one_before_for_a_day() {
        let at = Timestamp(1_000);
        let before = Endpoint { secret: "old".into(), ..endpoint() };
        let set = Signing::of_scheme("path-hex").after(&before, "new", at);
        assert_eq!(set, Signing { scheme: Scheme::Path, previous: Some(("old".into(), at.plus(OVERLAP))) });
        let before = Endpoint { secret: "new".into(), settings: set.encode(), ..before };
        let later = at.plus(Span::seconds(60));
        assert_eq!(set.clone().after(&before, "new", later).previous, set.previous, "the same again changes nothing");
        assert_eq!(Signing::default().after(&before, "new", at.plus(OVERLAP)).previous, None);
        let newest = Signing::default().after(&before, "newest", later).previous;
        assert_eq!(newest, Some(("new".into(), later.plus(OVERLAP))));
        assert!(!format!("{set:?}").contains("old"), "no secret shows");
    }

    fn endpoint() -> Endpoint {
        let mut ids = refundry_testkit::make::Ids::default();
        let merchant = ids.merchant();
        let entries = refundry_testkit::make::registry_entries(&mut ids, merchant);
        let endpoint = entries.into_iter().find_map(|entry| {
            if let refundry_engine::registry::RegistryEntry::Endpoint(endpoint) = entry { Some(endpoint) } else { None }
        });
        endpoint.unwrap()
    }

    #[test]
    fn the_secret_before_signs_for_a_while() {
        let until = Timestamp(1_000);
        let signing = Signing { scheme: Scheme::Body, previous: Some(("old".into(), until)) };
        assert_eq!(Signing::decode(&signing.encode()), Ok(signing.clone()));
        let endpoint = Endpoint { settings: signing.encode(), secret: "new".into(), ..endpoint() };
        let before = headers(&endpoint, BODY, until.minus(Span(1)));
        let (new, old) = (signature(Scheme::Body, "new", URL, BODY), signature(Scheme::Body, "old", URL, BODY));
        assert_eq!(before[1..], [("x-signature", new.clone()), ("x-signature-previous", old)]);
        assert_eq!(headers(&endpoint, BODY, until)[1..], [("x-signature", new)]);
    }
}
