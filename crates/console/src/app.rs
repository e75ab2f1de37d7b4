//! What all pages of the console share.

use crate::form::{FormKey, Site};
use crate::known::KnownBrowsers;
use crate::link::SignInLinks;
use crate::page::{Frame, NavItem};
use crate::session::Sessions;
use crate::throttle::Throttle;
use axum::Router;
use ipnet::IpNet;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::engine::Engine;
use refundry_engine::hosted::HostedPages;
use refundry_engine::person_refund::RefundDesk;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Passwords that are hashed at once: each takes 19 MiB and a processor.
const HASHES_AT_ONCE: usize = 2;
/// Sign-ins whose password is being checked or waits for it; more are turned away.
const ADMITTED_AT_ONCE: usize = 64;
/// What the product is called on its own pages.
pub(crate) const BRAND: &str = "Refundry";

/// Tells why a refund's letter has not gone; none where nothing is wrong.
pub type TroubleOf = dyn Fn(MerchantId, RefundId) -> Option<String> + Send + Sync;
/// Tells that a refund's link was made anew.
pub type Renewed = dyn Fn(MerchantId, RefundId) + Send + Sync;

/// Whoever sends letters, as the console sees them.
#[derive(Clone)]
pub struct Letters {
    /// What is wrong with a letter.
    pub trouble: Arc<TroubleOf>,
    /// A letter is due at once.
    pub renewed: Arc<Renewed>,
}

impl Default for Letters {
    /// Nobody.
    fn default() -> Self {
        Self { trouble: Arc::new(|_, _| None), renewed: Arc::new(|_, _| ()) }
    }
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Letters(..)")
    }
}

/// What a console is made of.
pub struct Parts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Where the world reaches this server, where that is known
    /// (`https://refunds.example`); else the `Host` of a request tells.
    pub public_origin: Option<String>,
    /// Whose links lead to pages.
    pub pages: Vec<Arc<dyn HostedPages>>,
    /// Makes refunds for people.
    pub refunds: RefundDesk,
    /// Whoever sends letters with the links.
    pub letters: Letters,
    /// What signs one-time sign-in links.
    pub links: SignInLinks,
    /// What signs the cookies of browsers that somebody signed in with.
    pub known: KnownBrowsers,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Real time, for codes of authenticators and sign-in links: they go by
    /// clocks of their own. [`refundry_engine::clock::real_now`] but in tests.
    pub real_now: fn() -> Timestamp,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Parts({:?})", self.public_origin)
    }
}

/// The console.
pub struct Console {
    pub(crate) engine: Arc<Engine>,
    pub(crate) site: Site,
    pub(crate) pages: Vec<Arc<dyn HostedPages>>,
    pub(crate) refunds: RefundDesk,
    pub(crate) letters: Letters,
    pub(crate) links: SignInLinks,
    pub(crate) known: KnownBrowsers,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) real_now: fn() -> Timestamp,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Throttle,
    pub(crate) forms: FormKey,
    pub(crate) hashing: Semaphore,
    pub(crate) admitted: Semaphore,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Console({:?})", self.site)
    }
}

impl Console {
    /// A console over an engine. Nobody is signed in.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            engine: parts.engine,
            site: Site::new(parts.public_origin),
            pages: parts.pages,
            refunds: parts.refunds,
            letters: parts.letters,
            links: parts.links,
            known: parts.known,
            trusted_proxies: parts.trusted_proxies,
            real_now: parts.real_now,
            sessions: Sessions::default(),
            throttle: Throttle::default(),
            forms: FormKey::random(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            admitted: Semaphore::new(ADMITTED_AT_ONCE),
        })
    }

    /// Its routes: everything below `/console`, and `/assets`.
    pub fn routes(self: &Arc<Self>) -> Router {
        crate::routes::routes(Arc::clone(self))
    }

    /// True where nothing is real.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.engine.rules().environment == Environment::Sandbox
    }

    /// The frame of a page before anybody signed in.
    pub(crate) fn frame(&self, title: &str) -> Frame {
        Frame { title: title.to_owned(), brand: BRAND.to_owned(), sandbox: self.is_sandbox(), ..Frame::default() }
    }

    /// The pages that somebody who is signed in finds in the head.
    pub(crate) fn nav(current: &str) -> Vec<NavItem> {
        let item =
            |href: &'static str, label: &str| NavItem { href, label: label.to_owned(), current: href == current };
        vec![item("/console/approvals", "Approvals"), item("/console/payments", "Payments")]
    }
}
