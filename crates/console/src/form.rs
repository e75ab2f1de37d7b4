//! Forms and cookies: reading what a browser sends, and making sure that it
//! was one of our own pages that sent it.
//!
//! Three things stand between a foreign page and a form of ours: cookies are
//! `SameSite=Strict`; the browser says where a request comes from (`Origin`,
//! `Sec-Fetch-Site`), and a foreign word is refused; and every form carries a
//! token that only the page could know. A program that says nothing about its
//! origin needs the token all the same.

use aws_lc_rs::hmac;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};
use refundry_domain::time::Span;
use refundry_engine::mint::fill_random;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// Most fields of a form that are looked at.
const FIELD_COUNT_MAX: usize = 64;
/// The form field that carries the token.
pub const TOKEN_FIELD: &str = "form_token";

/// The fields of a form, as sent.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl std::fmt::Debug for Form {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be passwords and account numbers.
        to.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads a form's body or a query.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(bytes)
                .take(FIELD_COUNT_MAX)
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// A field without the spaces around it; empty where it is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field exactly as it was typed.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Where this server is, as browsers see it.
#[derive(Debug, Clone)]
pub struct Site {
    origin: Option<String>,
}

impl Site {
    /// A site with this public origin, where it is known.
    #[must_use]
    pub fn new(origin: Option<String>) -> Self {
        Self { origin: origin.map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()) }
    }

    /// True when browsers reach it over TLS, so that cookies must not leave it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.origin.as_deref().is_some_and(|origin| origin.starts_with("https://"))
    }

    /// False when the browser says that a foreign page sent this.
    #[must_use]
    pub fn sent_by_us(&self, headers: &HeaderMap) -> bool {
        let text = |value: &HeaderValue| value.to_str().unwrap_or("?").to_ascii_lowercase();
        if headers.get("sec-fetch-site").is_some_and(|site| !matches!(text(site).as_str(), "same-origin" | "none")) {
            return false;
        }
        let Some(origin) = headers.get(ORIGIN).map(text) else { return true };
        if self.origin.as_ref() == Some(&origin) {
            return true;
        }
        let host = headers.get(HOST).map(text).unwrap_or_default();
        let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        !host.is_empty() && named == Some(host.as_str())
    }

    /// Where this server is, where that is known.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The same as [`Site::sent_by_us`] for pages that hide where they were:
    /// browsers then say `null` for their origin, and only what kind of site
    /// the request comes from is to be relied on.
    #[must_use]
    pub fn fetched_by_us(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site") {
            Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
            None => headers.get(ORIGIN).is_none_or(|origin| origin == "null") || self.sent_by_us(headers),
        }
    }

    /// The name of a cookie here: over TLS one that no other host or path can set.
    #[must_use]
    pub fn cookie_name(&self, name: &str) -> String {
        if self.is_secure() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// `Set-Cookie` for a cookie that ends with the browser's session.
    #[must_use]
    pub fn set_cookie(&self, name: &str, value: &str) -> HeaderValue {
        self.cookie(name, value, "")
    }

    /// `Set-Cookie` for a cookie that outlasts the browser's session.
    #[must_use]
    pub fn set_lasting_cookie(&self, name: &str, value: &str, lasts: Span) -> HeaderValue {
        self.cookie(name, value, &format!("; Max-Age={}", lasts.0 / 1_000_000_000))
    }

    /// `Set-Cookie` that removes a cookie.
    #[must_use]
    pub fn remove_cookie(&self, name: &str) -> HeaderValue {
        self.cookie(name, "", "; Max-Age=0")
    }

    fn cookie(&self, name: &str, value: &str, end: &str) -> HeaderValue {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let name = self.cookie_name(name);
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
        // Names are constants and values base64: this always is a header.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// A cookie of the request.
    #[must_use]
    pub fn read_cookie<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        let name = self.cookie_name(name);
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// 256 random bits as text: names of sessions, tokens of forms.
#[must_use]
pub fn random_text() -> String {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    fill_random(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// True when two secrets are the same; takes as long wherever they differ.
#[must_use]
pub fn same_secret(one: &str, other: &str) -> bool {
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// Signs the tokens of forms that nobody is signed in for. The token belongs
/// to a cookie; both end with the process.
pub struct FormKey(hmac::Key);

impl std::fmt::Debug for FormKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("FormKey(..)")
    }
}

impl FormKey {
    /// A key of its own.
    #[must_use]
    pub fn random() -> Self {
        let mut secret = [0_u8; 32];
        fill_random(&mut secret);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// The token that a form on the page with this cookie carries.
    #[must_use]
    pub fn token(&self, cookie: &str) -> String {
        hex::encode(hmac::sign(&self.0, cookie.as_bytes()))
    }

    /// True when the token belongs to the cookie.
    #[must_use]
    pub fn is_good(&self, cookie: Option<&str>, token: &str) -> bool {
        cookie.is_some_and(|cookie| same_secret(&self.token(cookie), token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn foreign_pages_are_told_by_what_browsers_say() {
        let here = Site::new(Some("https://Refunds.example/".to_owned()));
        for (pairs, ours) in [
            (&[][..], true),
            (&[("origin", "https://refunds.example")], true),
            (&[("origin", "https://evil.example"), ("host", "refunds.example")], false),
            (&[("origin", "null"), ("host", "refunds.example")], false),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "http://localhost:8080"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "https://refunds.example.evil.example"), ("host", "refunds.example")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://refunds.example")], true),
        ] {
            assert_eq!(here.sent_by_us(&headers(pairs)), ours, "{pairs:?}");
        }
    }

    #[test]
    fn cookies_are_as_strict_as_the_site_allows() {
        let plain = Site::new(None);
        assert_eq!(plain.set_cookie("s", "v"), "s=v; Path=/; HttpOnly; SameSite=Strict");
        let secure = Site::new(Some("https://refunds.example".to_owned()));
        assert_eq!(secure.set_cookie("s", "v"), "__Host-s=v; Path=/; HttpOnly; SameSite=Strict; Secure");
        let sent = headers(&[("cookie", "s=planted; __Host-s=real")]);
        assert_eq!(secure.read_cookie(&sent, "s"), Some("real"), "a neighbour's cookie is another one");
        assert_eq!(plain.read_cookie(&sent, "s"), Some("planted"));
        assert_eq!(plain.read_cookie(&sent, "t"), None);
    }

    #[test]
    fn a_token_belongs_to_one_cookie() {
        let key = FormKey::random();
        let token = key.token("mine");
        assert!(key.is_good(Some("mine"), &token));
        for (cookie, token) in
            [(Some("theirs"), token.as_str()), (None, token.as_str()), (Some("mine"), ""), (Some("mine"), "ab")]
        {
            assert!(!key.is_good(cookie, token), "{cookie:?} {token}");
        }
        assert!(!FormKey::random().is_good(Some("mine"), &token));
    }

    #[test]
    fn forms_are_read_and_kept_out_of_logs() {
        let form = Form::parse(b"email=+ada%40shop.example+&password=+a%26b+&email=second");
        assert_eq!(form.text("email"), "ada@shop.example");
        assert_eq!(form.raw("password"), " a&b ");
        assert_eq!(form.text("missing"), "");
        assert!(!format!("{form:?}").contains("a&b"));
    }
}
