//! Who asks: an API key with its secret, or a token made from one. Both open
//! everything. All of it is looked up in memory.

use super::config::UnscopedToken;
use super::errors::{Fault, Kind};
use super::{App, FAMILY};
use crate::host::Host;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::payment::Origin;
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::registry::{Credential, Directory, Group};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// Bytes of a client key.
const CLIENT_KEY_BYTES: usize = 16;
/// How queries name it.
const CLIENT_KEY_NAME: &str = "api_key";

/// Clients write the padding or leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An application that may act.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whose money.
    pub(crate) merchant: MerchantId,
    /// The application: all its objects, and nobody else's.
    pub(crate) application: Arc<str>,
    /// Public id of the credential.
    pub(crate) credential: Arc<str>,
}

impl Caller {
    /// Who shows in events.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Credential(Arc::clone(&self.credential))
    }

    /// What one application made is unknown to the others, whichever
    /// generation it spoke; what came through another door of the merchant is
    /// seen by all of them.
    pub(crate) fn sees(&self, origin: &Origin) -> bool {
        origin.family() != FAMILY || origin.group == self.application
    }
}

/// The caller behind the credentials of a request.
///
/// # Errors
/// 401 without good credentials, 403 when they belong to no application, 429
/// when they come too often.
pub(crate) fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Fault> {
    let caller = known(app, headers)?;
    let taken = app.limiter.take(&caller.credential, app.host.engine.now());
    taken.map_err(|_| Fault::new(Kind::TooMany, "Too many requests, please slow down"))?;
    Ok(caller)
}

/// The key with which an application's customers look at their own checkout,
/// and at nothing else. It is derived and not stored.
pub(crate) fn client_key(host: &Host, application: &str) -> String {
    let mode = match host.environment {
        Environment::Live => "live",
        Environment::Sandbox => "test",
    };
    let derived = host.tokens.derive("banked client key", application.as_bytes());
    format!("ck_{mode}_{}", hex::encode(derived.get(..CLIENT_KEY_BYTES).unwrap_or_default()))
}

/// The application whose client key is in a query (contract 2.1). It opens
/// the customer-side calls only.
///
/// # Errors
/// 403 without a good key, 429 when it comes too often.
pub(crate) fn client(app: &App, query: &str) -> Result<Caller, Fault> {
    let forbidden = || Fault::new(Kind::Forbidden, "The client key is missing or wrong");
    let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == CLIENT_KEY_NAME);
    let (Some((_, key)), None) = (given.next(), given.next()) else { return Err(forbidden()) };
    let directory = app.host.engine.directory();
    let mut own = directory.groups.values().filter(|group| group.dialect == FAMILY);
    let is_of = |group: &&Group| bool::from(client_key(&app.host, &group.id).as_bytes().ct_eq(key.as_bytes()));
    let group = own.find(is_of).ok_or_else(forbidden)?;
    let credential: Arc<str> = Arc::from(&*key);
    let taken = app.limiter.take(&credential, app.host.engine.now());
    taken.map_err(|_| Fault::new(Kind::TooMany, "Too many requests, please slow down"))?;
    Ok(Caller { merchant: group.merchant, application: Arc::from(&*group.id), credential })
}

/// The same without counting the call.
///
/// # Errors
/// 401 without good credentials, 403 when they belong to no application.
pub(super) fn known(app: &App, headers: &HeaderMap) -> Result<Caller, Fault> {
    let unauthorized = || Fault::new(Kind::Unauthorized, "The credentials are missing, wrong or expired");
    let (scheme, value) = authorization(headers).ok_or_else(unauthorized)?;
    let (directory, now) = (app.host.engine.directory(), app.host.engine.now());
    if scheme.eq_ignore_ascii_case("bearer") {
        let claims = app.host.tokens.check(value, now).ok_or_else(unauthorized)?;
        let credential = directory.credential(FAMILY, &claims.credential, now).ok_or_else(unauthorized)?;
        if claims.dialect != FAMILY || !opens(&directory, &credential, &claims.group) {
            return Err(unauthorized());
        }
        return of_application(&credential, claims.group);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unauthorized());
    }
    let credential = basic(&directory, value, now).ok_or_else(unauthorized)?;
    let application = default_application(&directory, &credential);
    of_application(&credential, application)
}

/// The credential whose key and secret a `Basic` header holds.
pub(crate) fn basic_credential(app: &App, headers: &HeaderMap) -> Option<Arc<Credential>> {
    let (scheme, value) = authorization(headers)?;
    scheme.eq_ignore_ascii_case("basic").then(|| basic(&app.host.engine.directory(), value, app.host.engine.now()))?
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, rest) = value.trim().split_once(' ')?;
    Some((scheme, rest.trim_start()))
}

fn basic(directory: &Directory, value: &str, now: Timestamp) -> Option<Arc<Credential>> {
    let decoded = BASE64.decode(value).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let credential = directory.credential(FAMILY, id, now)?;
    let hash = sha256(secret.as_bytes());
    bool::from(hash.ct_eq(&credential.secret_hash)).then_some(credential)
}

fn of_application(credential: &Credential, application: String) -> Result<Caller, Fault> {
    if application.is_empty() {
        return Err(Fault::new(Kind::Forbidden, "The credentials belong to no application"));
    }
    Ok(Caller {
        merchant: credential.merchant,
        application: Arc::from(application),
        credential: Arc::from(&*credential.id),
    })
}

/// Whether a credential may act for an application; an empty name is none.
fn opens(directory: &Directory, credential: &Credential, application: &str) -> bool {
    if application.is_empty() {
        return true;
    }
    if !credential.group.is_empty() {
        return credential.group == application;
    }
    let group = directory.groups.get(&(FAMILY.to_owned(), application.to_owned()));
    group.is_some_and(|group| group.merchant == credential.merchant)
}

/// The key's own application, or the merchant's only one; empty for none.
fn default_application(directory: &Directory, credential: &Credential) -> String {
    if !credential.group.is_empty() {
        return credential.group.clone();
    }
    let of_merchant =
        |group: &&refundry_engine::registry::Group| group.dialect == FAMILY && group.merchant == credential.merchant;
    let mut applications = directory.groups.values().filter(of_merchant);
    match (applications.next(), applications.next()) {
        (Some(only), None) => only.id.clone(),
        (Some(_), Some(_)) | (None, _) => String::new(),
    }
}

/// The application that a token is made for; none when the scope is foreign.
pub(crate) fn scope_of(app: &App, credential: &Credential, scope: Option<&str>) -> Option<String> {
    let directory = app.host.engine.directory();
    match scope {
        Some("") => None,
        Some(scope) => opens(&directory, credential, scope).then(|| scope.to_owned()),
        None => Some(match app.config.unscoped_token {
            UnscopedToken::Application => default_application(&directory, credential),
            UnscopedToken::PartnerOnly => String::new(),
        }),
    }
}
