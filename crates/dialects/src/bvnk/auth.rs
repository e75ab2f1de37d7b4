//! Who asks: the owner of a key who signed the request with it (contract 2).
//! All of it is looked up in memory; only what changes something is written
//! down as used.

use super::config::Config;
use super::errors::Fault;
use super::hawk::{self, Header, HeaderFault, Target};
use super::keys::{HawkKey, Scope};
use super::{App, DIALECT};
use crate::host::Host;
use axum::extract::{ConnectInfo, OriginalUri};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, Uri};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PersonId};
use refundry_domain::once::{Fingerprint, OnceKey};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::once_key;
use refundry_engine::envelope::{Envelope, Once, Work};
use refundry_engine::registry::Scope as CredentialScope;
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use url::Url;

/// What is signed with when nobody has the id, so that it takes as long.
const NOBODYS_KEY: &str = "nobody has this key; it is here for the time that it takes";

/// A merchant's program.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Whose money.
    pub(super) merchant: MerchantId,
    /// Public id of the key.
    pub(super) credential: Arc<str>,
    /// The human who owns it.
    pub(super) owner: Option<PersonId>,
    /// The settings in force for the merchant.
    pub(super) config: Arc<Config>,
    key: HawkKey,
    scope: CredentialScope,
    /// The signature, under which the request happens once.
    used: OnceKey,
    /// When it was made, by the client's clock, seconds.
    signed_at: i64,
}

impl Caller {
    /// Who shows in events.
    pub(super) fn actor(&self) -> Actor {
        Actor::Credential(Arc::clone(&self.credential))
    }

    /// The human for whom the key decides; none for a key that makes refunds.
    pub(super) fn decider(&self) -> Option<PersonId> {
        self.owner.filter(|_| self.scope == CredentialScope::Decisions)
    }
}

/// The caller who signed a request.
///
/// # Errors
/// As section 2.3 of the contract says, and 429 when it calls too often.
pub(super) fn caller(app: &App, parts: &Parts, body: &[u8]) -> Result<Caller, Fault> {
    let value = authorization(&parts.headers)?;
    let header = Header::read(value).map_err(|fault| match fault {
        HeaderFault::OtherScheme => Fault::unauthenticated("Hawk".to_owned()),
        HeaderFault::Malformed(why) => Fault::hawk_malformed(why),
    })?;
    let engine = &app.host.engine;
    let now = engine.now();
    let credential = engine.directory().credential(DIALECT, header.id, now);
    let known = credential.and_then(|credential| Some((HawkKey::find(app, &credential.id)?, credential)));
    let secret = known.as_ref().map_or(NOBODYS_KEY, |(key, _)| &key.key).as_bytes();
    let signed = is_signed(app, parts, &header, secret);
    let bad_mac = || Fault::unauthenticated("Hawk error=\"Bad mac\"".to_owned());
    let Some((key, credential)) = known.filter(|_| signed) else { return Err(bad_mac()) };
    let config = app.config(credential.merchant);
    if config.hawk_verify_payload && !payload_fits(&header, &parts.headers, body) {
        return Err(bad_mac());
    }
    let real_now = (app.real_now)(&app.host).unix_seconds();
    let ts: i64 = header.ts.parse().unwrap_or(i64::MAX);
    if real_now.saturating_sub(ts).saturating_abs() > config.hawk_skew {
        return Err(Fault::unauthenticated(hawk::stale_challenge(key.key.as_bytes(), real_now)));
    }
    let used = once_key(&[b"bvnk hawk", header.id.as_bytes(), header.ts.as_bytes(), header.nonce.as_bytes()]);
    if !app.seen.use_up(used, real_now, config.hawk_skew) {
        return Err(used_before());
    }
    config.limiter.take(&credential.id, now).map_err(|_| Fault::too_many())?;
    Ok(Caller {
        merchant: credential.merchant,
        credential: Arc::from(&*credential.id),
        owner: credential.owner,
        scope: credential.scope,
        config,
        key,
        used,
        signed_at: ts,
    })
}

fn used_before() -> Fault {
    Fault::unauthenticated("Hawk error=\"Invalid nonce\"".to_owned())
}

/// Whether the caller's key opens this.
///
/// # Errors
/// 403 when it does not.
pub(super) fn check_scope(app: &App, caller: &Caller, scope: Scope) -> Result<(), Fault> {
    // Who decides with a key never makes refunds with it.
    let allowed = scope == Scope::Read || caller.scope == CredentialScope::Calls;
    if allowed && caller.key.opens(scope, app.host.environment) { Ok(()) } else { Err(Fault::forbidden()) }
}

/// Writes down that the request's signature is used up, before it changes
/// anything; nobody who shares the store takes it again.
///
/// # Errors
/// 401 when it was written down before.
pub(super) async fn use_up(app: &App, caller: &Caller) -> Result<(), Fault> {
    let window = u64::try_from(caller.config.hawk_skew).unwrap_or(0).saturating_mul(2).saturating_add(1);
    let once = Once {
        key: caller.used,
        fingerprint: Fingerprint([0; 16]),
        keep_world_refusals: false,
        kept_for: Span::seconds(window),
    };
    let work = Work::Keep { status: 401, body: Vec::new() };
    let envelope = Envelope { merchant: caller.merchant, actor: caller.actor(), once: Some(once), work };
    let outcome = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    if outcome.replayed { Err(used_before()) } else { Ok(()) }
}

/// The second in which this process began: no signature of a read that was made
/// before it is taken, because an earlier process on this store may have taken
/// it. None where nobody could sign for one.
pub(super) fn reads_since(host: &Host, real_now: fn(&Host) -> Timestamp) -> Option<i64> {
    let directory = host.engine.directory();
    let anybody = directory.credentials.keys().any(|(dialect, _)| dialect == DIALECT);
    anybody.then(|| real_now(host).unix_seconds())
}

/// A read does not write its signature down, unless that was made by a clock
/// which is ahead of ours: every other one is too old for whoever comes after us.
///
/// # Errors
/// 401 for one that an earlier process may have taken; the client is told the
/// time and signs anew.
pub(super) async fn read_once(app: &App, caller: &Caller) -> Result<(), Fault> {
    let real_now = (app.real_now)(&app.host).unix_seconds();
    if app.reads_since.is_some_and(|since| caller.signed_at < since) {
        return Err(Fault::unauthenticated(hawk::stale_challenge(caller.key.key.as_bytes(), real_now)));
    }
    if caller.signed_at > real_now { use_up(app, caller).await } else { Ok(()) }
}

fn authorization(headers: &HeaderMap) -> Result<&str, Fault> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next().ok_or_else(|| Fault::unauthenticated("Hawk".to_owned()))?;
    if values.next().is_some() {
        return Err(Fault::hawk_malformed("is given twice"));
    }
    first.to_str().map_err(|_| Fault::hawk_malformed("has characters that are not allowed"))
}

fn is_signed(app: &App, parts: &Parts, header: &Header<'_>, secret: &[u8]) -> bool {
    // What stands before our own paths is signed, too.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let resource = uri.path_and_query().map_or("/", |resource| resource.as_str());
    let (host, port) = called(app, parts);
    let target = Target { method: parts.method.as_str(), resource, host: &host, port };
    let text = hawk::signed_text(header, target);
    let good = bool::from(hawk::mac(secret, &text).as_bytes().ct_eq(header.mac.as_bytes()));
    if !good {
        // A proxy that changes host or port is the usual reason; the key does not show.
        tracing::debug!(text, "a Hawk signature does not fit the request as it came");
    }
    good
}

fn payload_fits(header: &Header<'_>, headers: &HeaderMap, body: &[u8]) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match header.hash {
        Some(hash) => bool::from(hawk::payload_hash(media_type, body).as_bytes().ct_eq(hash.as_bytes())),
        None => body.is_empty(),
    }
}

/// Host and port as the client called them: the named origin, else what a
/// trusted proxy says, else the request itself.
fn called(app: &App, parts: &Parts) -> (String, u16) {
    let server = Url::parse(&app.host.public_origin()).ok();
    let named = app.config.public_origin.clone().or_else(|| server.clone().filter(|_| app.host.origin_is_given));
    if let Some((host, port)) = named.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?))) {
        return (host.to_lowercase(), port);
    }
    let own_port = if server.is_some_and(|url| url.scheme() == "https") { 443 } else { 80 };
    if let Some(called) = forwarded(app, parts) {
        return called;
    }
    split(named_host(parts), own_port)
}

fn forwarded(app: &App, parts: &Parts) -> Option<(String, u16)> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let ip = peer.ip().to_canonical();
    if !app.config.trusted_proxies.iter().any(|range| range.contains(&ip)) {
        return None;
    }
    let said = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        // The first one is the client's; every proxy adds its own.
        Some(value.split(',').next()?.trim())
    };
    let (scheme, port) = (said("x-forwarded-proto"), said("x-forwarded-port"));
    // Many proxies pass the host on as it came, and name only the rest.
    let passed = || (scheme.is_some() || port.is_some()).then(|| named_host(parts));
    let host = said("x-forwarded-host").or_else(passed)?;
    let usual = if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")) { 80 } else { 443 };
    let (host, in_name) = split(host, usual);
    Some((host, port.and_then(|port| port.parse().ok()).unwrap_or(in_name)))
}

/// The host as the request itself names it.
fn named_host(parts: &Parts) -> &str {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| parts.uri.authority().map(|authority| authority.as_str())).unwrap_or_default()
}

/// Host and port of an authority.
fn split(authority: &str, usual: u16) -> (String, u16) {
    let uri: Option<Uri> = authority.parse().ok();
    let port = uri.as_ref().and_then(Uri::port_u16);
    let host = uri.as_ref().and_then(Uri::host).unwrap_or(authority);
    (host.to_lowercase(), port.unwrap_or(usual))
}
