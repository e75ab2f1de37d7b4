//! Pages for customers and merchants who follow a link: giving bank details,
//! checking out, and the mock bank's own page. Nobody is signed in here; what
//! opens a page is its address.
//!
//! Which link leads where, and what is done there, is a dialect's business
//! ([`HostedPages`]). An address that nobody knows, one of somebody else and
//! one that was guessed get the same page.

mod bank;
mod brand;
mod checkout;
mod details;

use crate::form::Site;
use crate::page::{Frame, Link, Policy, html};
use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::header::REFERRER_POLICY;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use refundry_domain::id::MerchantId;
use refundry_domain::rules::Environment;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{CheckoutPages, HostedPages};
use std::sync::Arc;

pub(crate) use brand::letter_accent;

/// What the pages are made of.
pub struct HostedParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Where the world reaches this server, where that is known.
    pub public_origin: Option<String>,
    /// Whose links lead here.
    pub pages: Vec<Arc<dyn HostedPages>>,
    /// Whose checkouts stand here.
    pub checkouts: Vec<Arc<dyn CheckoutPages>>,
}

/// Pages behind links.
pub struct Hosted {
    engine: Arc<Engine>,
    site: Site,
    pages: Vec<Arc<dyn HostedPages>>,
    checkouts: Vec<Arc<dyn CheckoutPages>>,
}

impl std::fmt::Debug for HostedParts {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "HostedParts({:?})", self.public_origin)
    }
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Hosted({:?})", self.site)
    }
}

/// A page with a few sentences.
#[derive(Template)]
#[template(path = "hosted/note.html")]
struct Note {
    frame: Frame,
    lines: Vec<String>,
    /// Where to go next, by a link.
    next: Option<Link>,
    /// The browser goes there by itself.
    goes_on: bool,
}

impl Hosted {
    /// The pages of these dialects.
    #[must_use]
    pub fn new(parts: HostedParts) -> Arc<Self> {
        Arc::new(Self {
            engine: parts.engine,
            site: Site::new(parts.public_origin),
            pages: parts.pages,
            checkouts: parts.checkouts,
        })
    }

    /// Their routes. Every path tolerates one trailing slash.
    pub fn routes(self: &Arc<Self>) -> Router {
        let details = get(details::show).post(details::submit);
        let checkout = get(checkout::show).post(checkout::submit);
        let bank = get(bank::show).post(bank::submit);
        Router::new()
            .route("/refunds/{id}", details.clone())
            .route("/refunds/{id}/", details)
            .route("/checkout/{id}", checkout.clone())
            .route("/checkout/{id}/", checkout)
            .route("/checkout/{id}/result", get(checkout::result))
            .route("/mock-bank/{visit}", bank)
            .route("/assets/brand/{file}", get(brand::serve))
            .with_state(Arc::clone(self))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The frame of a merchant's page.
    fn frame(&self, title: &str, merchant: MerchantId, name: &str) -> Frame {
        let directory = self.engine.directory();
        let brand = directory.brands.get(&merchant);
        let shown = brand.and_then(|brand| brand.name.as_deref()).unwrap_or(name);
        let frame = self.neutral_frame(title);
        match brand {
            Some(brand) => Frame {
                brand: shown.to_owned(),
                logo: brand::logo_path(brand),
                style: brand::style_path(brand),
                ..frame
            },
            None => Frame { brand: shown.to_owned(), ..frame },
        }
    }

    /// The frame of a page that knows no merchant.
    fn neutral_frame(&self, title: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            brand: crate::app::BRAND.to_owned(),
            sandbox: self.engine.rules().environment == Environment::Sandbox,
            narrow: true,
            ..Frame::default()
        }
    }

    /// What an address gets that leads nowhere.
    fn nowhere(&self) -> Response {
        let lines = [
            "It may be mistyped, or cut off in the message that it came from.",
            "Nothing was changed. Ask whoever sent it for a new one.",
        ];
        self.note(StatusCode::NOT_FOUND, self.neutral_frame("This link does not work"), &lines)
    }

    /// What a foreign page's form gets.
    fn foreign(&self) -> Response {
        let lines = ["It was sent from another page. Nothing was changed.", "Open your link again to go on."];
        self.note(StatusCode::FORBIDDEN, self.neutral_frame("This form was not taken"), &lines)
    }

    fn busy(&self, unavailable: Unavailable) -> Response {
        match unavailable {
            Unavailable::Overloaded | Unavailable::Store | Unavailable::InFlight | Unavailable::Stopping => {}
        }
        let lines = ["Nothing was changed. Wait ten seconds, then send it again."];
        self.note(StatusCode::SERVICE_UNAVAILABLE, self.neutral_frame("This service is busy"), &lines)
    }

    fn note(&self, status: StatusCode, frame: Frame, lines: &[&str]) -> Response {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        page(status, &Note { frame, lines, next: None, goes_on: false })
    }

    /// True unless the browser says that another site's page sent it. These
    /// pages hide where they were (no referrer), and with it their origin.
    fn sent_by_us(&self, headers: &HeaderMap) -> bool {
        self.site.fetched_by_us(headers)
    }
}

/// A page that tells nobody where it was, and that no search engine keeps.
fn page(status: StatusCode, page: &impl Template) -> Response {
    let mut response = html(status, page, &Policy::default());
    hide(&mut response);
    response
}

fn hide(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
}

/// Sends the browser on, from a page that tells nobody where it was.
fn on_to(path: &str) -> Response {
    let mut response = crate::page::redirect(path);
    hide(&mut response);
    response
}

/// A merchant's address, if a browser may be sent there: no script, no file.
fn web_address(url: Option<&str>) -> Option<String> {
    let url = url::Url::parse(url?).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}
