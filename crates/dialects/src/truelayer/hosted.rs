//! The hosted payment page (contract 3.18), and what all pages for payers
//! share. The page's parameters stand in the fragment of its address, so the
//! server always answers with the same bytes and a script does the rest, with
//! the payment's resource token.

use super::App;
use super::routes::{both, slashed};
use crate::answer;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use std::sync::Arc;

/// Scripts and styles come from files of ours, and nothing else may run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// How long files may be kept by browsers.
const CACHING: &str = "public, max-age=300";

/// Adds the routes of the page and of the files that pages load.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = both(router, "/payments", get(hosted));
    let router = slashed(router, "/static/payer.css", get(style));
    let router = slashed(router, "/static/payer.js", get(shared));
    let router = slashed(router, "/static/hosted.js", get(hosted_script));
    let router = slashed(router, "/static/mock-bank.js", get(login_script));
    slashed(router, "/static/provider-return.js", get(return_script))
}

/// A page for payers.
pub(super) fn page(html: &'static str) -> Response {
    let page = answer::bytes(200, "text/html; charset=utf-8", html);
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
    ];
    headers.into_iter().fold(page, |page, (name, value)| answer::with_header(page, name, value))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let file = answer::with_header(answer::bytes(200, media_type, text), CACHE_CONTROL, CACHING);
    answer::with_header(file, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn script(text: &'static str) -> Response {
    file("text/javascript; charset=utf-8", text)
}

async fn hosted() -> Response {
    page(include_str!("hosted/page.html"))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("hosted/payer.css"))
}

async fn shared() -> Response {
    script(include_str!("hosted/payer.js"))
}

async fn hosted_script() -> Response {
    script(include_str!("hosted/page.js"))
}

async fn login_script() -> Response {
    script(include_str!("mock_bank/login.js"))
}

async fn return_script() -> Response {
    script(include_str!("mock_bank/returned.js"))
}
