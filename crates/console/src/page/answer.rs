//! How pages leave the house: status, strict content policy, no caching.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};

/// What a page may do beside showing itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Origins (`https://shop.example`) of pictures, such as a merchant's logo;
    /// its own is always among them.
    pub image_origins: Vec<String>,
}

impl Policy {
    /// The value of `Content-Security-Policy`: nothing inline, nothing from
    /// elsewhere, in nobody's frame, and forms lead nowhere else.
    #[must_use]
    pub fn header(&self) -> String {
        let list = |origins: &[String]| -> String {
            let clean = origins.iter().filter(|origin| is_origin(origin));
            clean.fold(String::from("'self'"), |list, origin| format!("{list} {origin}"))
        };
        format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src {}; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
            list(&self.image_origins)
        )
    }
}

/// Whatever would end the directive or open another one is no origin.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

/// A rendered page.
pub fn html(status: StatusCode, page: &impl Template, policy: &Policy) -> Response {
    let (status, body) = match page.render() {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(error = %error, "a page does not render");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made. Nothing was changed.".to_owned())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = HeaderValue::try_from(policy.header());
    headers.insert(CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("default-src 'none'")));
    guard(&mut response);
    response
}

/// Sends the browser on with a GET (303).
#[must_use]
pub fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/console"));
    response.headers_mut().insert(LOCATION, to);
    guard(&mut response);
    response
}

fn guard(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Not `no-referrer`: with that a browser hides a form's origin from us, too.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_origins_enter_the_policy() {
        let image_origins =
            ["https://shop.example:8443", "https://a.example; script-src *", "javascript:alert(1)", "https://"]
                .map(str::to_owned)
                .to_vec();
        let header = Policy { image_origins }.header();
        assert!(header.contains("img-src 'self' https://shop.example:8443;"), "{header}");
        assert!(header.contains("form-action 'self';"), "{header}");
        assert!(!header.contains('*') && !header.contains("unsafe"), "{header}");
    }
}
