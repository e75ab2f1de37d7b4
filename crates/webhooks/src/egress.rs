//! The egress guard: the one way out for webhooks.
//!
//! One HTTP client for the whole trust zone: no redirects, no proxy, no
//! cookies, and a resolver that gives only addresses that the policy allows.
//! Literal addresses never reach a resolver, so they are judged on the parsed
//! URL before the request is made.

use crate::delivery::{Answered, Failed, Post};
use crate::resolver::{GuardedResolver, Resolver, SystemResolver};
use refundry_engine::egress::{EgressRefusal, Policy, inbox_name};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use url::Url;

/// Idle connections kept per receiver.
const IDLE_CONNECTIONS_MAX: usize = 16;
/// How long an idle connection is kept.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// What receivers see in `user-agent`.
const USER_AGENT: &str = concat!("Refundry/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// How requests get out.
#[derive(Clone)]
pub struct EgressOptions {
    /// Where they may go.
    pub policy: Policy,
    /// Who looks up names.
    pub resolver: Arc<dyn Resolver>,
    /// How long connecting may take, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// What stands before an inbox's name, such as
    /// `http://127.0.0.1:8080/sandbox/v1/inbox`; shared, because the port is
    /// known only after the server listens. Empty: there is no inbox.
    pub inbox_base: Arc<RwLock<String>>,
    /// Certificates of authorities to be trusted beside the system's own,
    /// DER: for receivers inside the operator's network.
    pub extra_roots: Vec<Vec<u8>>,
}

impl EgressOptions {
    /// The usual ones for a policy: the system's resolver, 5 s to connect.
    #[must_use]
    pub fn with_policy(policy: Policy) -> Self {
        Self {
            policy,
            resolver: Arc::new(SystemResolver),
            connect_timeout: Duration::from_secs(5),
            inbox_base: Arc::default(),
            extra_roots: Vec::new(),
        }
    }
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the http client for webhooks could not be built")]
pub struct EgressUnavailable(#[from] reqwest::Error);

/// The guard. Clones share one client.
#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
    policy: Arc<Policy>,
    inbox_base: Arc<RwLock<String>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Egress({:?})", self.policy)
    }
}

impl Egress {
    /// Builds the guard.
    ///
    /// A machine without any certificates of authorities (a bare container)
    /// gets a guard whose every HTTPS delivery fails; it is not let through
    /// unverified.
    ///
    /// # Errors
    /// When an extra certificate is none, or TLS cannot be used at all.
    pub fn try_new(options: EgressOptions) -> Result<Self, EgressUnavailable> {
        let mut roots = Vec::with_capacity(options.extra_roots.len());
        for der in &options.extra_roots {
            roots.push(reqwest::Certificate::from_der(der)?);
        }
        let policy = Arc::new(options.policy);
        let builder = || {
            let inner = Arc::clone(&options.resolver);
            let guarded = GuardedResolver { inner, policy: Arc::clone(&policy) };
            builder(options.connect_timeout).dns_resolver(guarded)
        };
        let client = match builder().tls_certs_merge(roots.clone()).build() {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(%error, "the system's certificates cannot be used; only the configured ones are");
                builder().tls_certs_only(roots).build()?
            }
        };
        Ok(Self { client, policy, inbox_base: options.inbox_base })
    }

    /// The policy, for those who judge a URL when it is registered.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Whether an endpoint with this URL may be registered.
    ///
    /// # Errors
    /// Says what is wrong with the URL.
    pub fn check_url(&self, url: &str) -> Result<(), EgressRefusal> {
        self.policy.check_url(url)
    }

    /// Makes one request, within the limits of [`Post`].
    ///
    /// # Errors
    /// Every answer but a complete one, refused addresses included.
    pub async fn post(&self, post: Post<'_>) -> Result<Answered, Failed> {
        let url = self.target(post.url)?;
        crate::delivery::send(&self.client, url, post).await
    }

    /// The URL that is really connected to.
    fn target(&self, url: &str) -> Result<Url, Failed> {
        let Some(name) = inbox_name(url) else {
            return self.policy.target(url).map_err(Failed::Refused);
        };
        if !self.policy.allow_inbox {
            return Err(Failed::Refused(EgressRefusal::Scheme));
        }
        let name = name.map_err(Failed::Refused)?;
        let base = self.inbox_base.read().unwrap_or_else(PoisonError::into_inner).clone();
        let target = format!("{}/{name}", base.trim_end_matches('/'));
        Url::parse(&target).map_err(|_| Failed::Refused(EgressRefusal::Malformed))
    }
}

/// All that does not depend on the policy.
fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT)
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(connect_timeout)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_idle_timeout(IDLE_TIME)
}
