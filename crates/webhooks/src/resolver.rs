//! Names to addresses. Every answer is checked against the policy before the
//! HTTP client sees it, so the address that was checked is the one that is
//! connected to, and a second lookup cannot say something else.

use futures_util::future::BoxFuture;
use refundry_engine::egress::{EgressRefusal, Policy};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Most addresses of one answer that are looked at.
const ADDRESSES_MAX: usize = 16;

/// Looks up the addresses of a name. Tests put their own in its place.
pub trait Resolver: Send + Sync {
    /// All addresses of the name.
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's own resolver.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Gives the HTTP client only what the policy allows; nothing allowed is an
/// error, never "no opinion".
pub(crate) struct GuardedResolver {
    pub(crate) inner: Arc<dyn Resolver>,
    pub(crate) policy: Arc<Policy>,
}

impl reqwest::dns::Resolve for GuardedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let lookup = self.inner.resolve(name.as_str().to_owned());
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let found = lookup.await?;
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            let mut allowed: Vec<SocketAddr> = Vec::new();
            for address in found.into_iter().take(ADDRESSES_MAX) {
                if policy.check_address(address).is_ok() {
                    allowed.push(SocketAddr::new(address, 0));
                }
            }
            if allowed.is_empty() {
                return Err(EgressRefusal::Address.into());
            }
            let addresses: reqwest::dns::Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
