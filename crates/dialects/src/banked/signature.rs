//! Requests that their application signs (contract 2.3): the header
//! `Signature` is a JWS with PS512 over URL, method, body and idempotency key,
//! one after the other. Off unless the settings ask for it, and then asked of
//! every call that an application makes with its credentials.

use super::{App, FAMILY, auth, paths};
use crate::banked::errors::{Fault, Kind};
use crate::host::{KeyFuture, KeyRefused, SigningKeys};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PSS_2048_8192_SHA512};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, request::Parts};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::event::Actor;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::mint;
use refundry_engine::registry::{Group, RegistryChange, RegistryEntry};
use serde::Deserialize;
use std::sync::Arc;

/// First byte of an application's keys.
const VERSION: u8 = 1;
/// The one algorithm.
const ALGORITHM: &str = "PS512";
/// Most keys of an application, revoked ones included.
const KEY_COUNT_MAX: usize = 20;
/// Longest key id, in bytes.
const KEY_ID_LENGTH_MAX: usize = 255;
/// The blocks that hold a public key in PEM: PKCS#1, as the provider has it,
/// and the usual other one.
const LABELS: [&str; 2] = ["RSA PUBLIC KEY", "PUBLIC KEY"];
/// What is called by customers, who have no keys.
const UNSIGNED: [&str; 2] = ["/v2/checkout_sessions/", "/checkout/"];

/// A public key of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: String,
    der: Vec<u8>,
    revoked: bool,
}

/// The keys of an application, from its settings.
fn keys_of(group: &Group) -> Result<Vec<Key>, Malformed> {
    if group.settings.is_empty() {
        return Ok(Vec::new());
    }
    let mut from = Decoder::new(&group.settings);
    if from.byte()? != VERSION {
        return Err(Malformed);
    }
    from.list(|from| Ok(Key { id: from.text()?.to_owned(), der: from.blob()?.to_vec(), revoked: from.flag()? }))
}

fn encode(keys: &[Key]) -> Vec<u8> {
    let mut to = Encoder::new();
    to.byte(VERSION).list(keys, |to, key| {
        to.text(&key.id).blob(&key.der).byte(u8::from(key.revoked));
    });
    to.finish()
}

/// The DER in a PEM text, when it is a key that can be used.
fn read_pem(pem: &str) -> Option<Vec<u8>> {
    let block = |label: &&str| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        rest.split_once(&format!("-----END {label}-----"))
    };
    let (text, _) = LABELS.iter().find_map(block)?;
    let text: String = text.split_ascii_whitespace().collect();
    let der = STANDARD.decode(text).ok()?;
    ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, &der).is_ok().then_some(der)
}

/// The routes, behind a look at signatures where the settings want one.
pub(crate) fn guard(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    if !app.config.signature_required {
        return router;
    }
    router.layer(from_fn_with_state(Arc::clone(app), required))
}

/// Lets nothing pass that has good credentials and no good signature; what has
/// no good credentials is refused further on.
async fn required(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    // The server has bounded the body before.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Fault::new(Kind::Decoding, "The body could not be read").respond(paths::shape_of(&path), &app.config);
    };
    match check(&app, &head, &body) {
        Ok(()) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(fault) => fault.respond(paths::shape_of(&path), &app.config),
    }
}

fn check(app: &App, head: &Parts, body: &[u8]) -> Result<(), Fault> {
    let path = super::idempotency::canonical_path(head.uri.path());
    let called = ["/v2/", "/v3/"].iter().any(|root| path.starts_with(root));
    if !called || UNSIGNED.iter().any(|start| path.starts_with(start)) {
        return Ok(());
    }
    let Ok(caller) = auth::known(app, &head.headers) else { return Ok(()) };
    let directory = app.host.engine.directory();
    let group = directory.groups.get(&(FAMILY.to_owned(), caller.application.to_string()));
    let keys = group.and_then(|group| keys_of(group).ok()).unwrap_or_default();
    let signature = one_header(&head.headers, "signature");
    let texts = texts(app, head, body);
    if signature.is_some_and(|signature| texts.iter().any(|text| is_signed(signature, text, &keys))) {
        return Ok(());
    }
    Err(Fault::new(Kind::Unauthorized, "The request's signature is missing or wrong"))
}

fn one_header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What may have been signed: with our address, or, through a proxy, with the
/// one that the client knows.
fn texts(app: &App, head: &Parts, body: &[u8]) -> Vec<Vec<u8>> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let own = format!("{}{target}", app.host.public_origin());
    let given = head.uri.scheme().map(|_| head.uri.to_string());
    let key = one_header(&head.headers, "idempotency-key").unwrap_or_default();
    let text = |url: String| [url.as_bytes(), head.method.as_str().as_bytes(), body, key.as_bytes()].concat();
    std::iter::once(own).chain(given).map(text).collect()
}

/// The members of a JWS header that count.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Whether one of these keys signed this text. The payload is the text, or is
/// left out (RFC 7515, appendix F).
fn is_signed(signature: &str, text: &[u8], keys: &[Key]) -> bool {
    let mut parts = signature.split('.');
    let (Some(header), Some(payload), Some(mark), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let read = URL_SAFE_NO_PAD.decode(header).ok().and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    let Some(read) = read.filter(|read| read.alg == ALGORITHM && read.crit.is_none()) else { return false };
    let signed = URL_SAFE_NO_PAD.encode(text);
    if !payload.is_empty() && payload != signed {
        return false;
    }
    let Ok(mark) = URL_SAFE_NO_PAD.decode(mark) else { return false };
    let message = format!("{header}.{signed}");
    let good = |key: &&Key| !key.revoked && read.kid.as_ref().is_none_or(|kid| *kid == key.id);
    keys.iter().filter(good).any(|key| {
        let public = ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, &key.der);
        public.is_ok_and(|public| public.verify_sig(message.as_bytes(), &mark).is_ok())
    })
}

/// The keys of the applications, as an operator changes them.
#[derive(Debug)]
pub(crate) struct Keys(pub(crate) Arc<App>);

impl Keys {
    /// Changes an application's keys; one change after the other.
    async fn change(
        &self,
        merchant: MerchantId,
        application: &str,
        change: impl FnOnce(&mut Vec<Key>) -> Result<(), KeyRefused>,
    ) -> Result<(), KeyRefused> {
        let Self(app) = self;
        let _changing = app.changing_keys.lock().await;
        let directory = app.host.engine.directory();
        let group = directory.groups.get(&(FAMILY.to_owned(), application.to_owned()));
        let group = group.filter(|group| group.merchant == merchant).ok_or(KeyRefused::ClientUnknown)?;
        let mut keys = keys_of(group).map_err(|_| KeyRefused::Malformed)?;
        change(&mut keys)?;
        let entry = RegistryEntry::Group(Group { settings: encode(&keys), ..group.clone() });
        let work = Work::Registry { change: RegistryChange::Put(entry), answer: None };
        let envelope = Envelope { merchant, actor: Actor::Engine, once: None, work };
        app.host.engine.execute(envelope).await.map_err(KeyRefused::Unavailable)?;
        Ok(())
    }
}

impl SigningKeys for Keys {
    fn add<'a>(
        &'a self,
        merchant: MerchantId,
        client: &'a str,
        key_id: Option<&'a str>,
        public_key: &'a str,
    ) -> KeyFuture<'a, String> {
        Box::pin(async move {
            let der = read_pem(public_key).ok_or(KeyRefused::Malformed)?;
            let id = key_id.map_or_else(|| EndpointId(mint::random_id()).to_string(), str::to_owned);
            if id.is_empty() || id.len() > KEY_ID_LENGTH_MAX {
                return Err(KeyRefused::Malformed);
            }
            let key = Key { id: id.clone(), der, revoked: false };
            self.change(merchant, client, |keys| {
                if keys.len() >= KEY_COUNT_MAX {
                    return Err(KeyRefused::Malformed);
                }
                // A revoked id stays taken: its owner lost it for a reason.
                if keys.iter().any(|known| known.id == key.id) {
                    return Err(KeyRefused::KeyIdTaken);
                }
                keys.push(key);
                Ok(())
            })
            .await?;
            Ok(id)
        })
    }

    fn revoke<'a>(&'a self, merchant: MerchantId, client: &'a str, key_id: &'a str) -> KeyFuture<'a, ()> {
        Box::pin(self.change(merchant, client, move |keys| {
            let key = keys.iter_mut().find(|key| key.id == key_id).ok_or(KeyRefused::KeyUnknown)?;
            key.revoked = true;
            Ok(())
        }))
    }

    /// Webhooks are signed with the endpoint's own key, and not with one of ours.
    fn rotate(&self, merchant: MerchantId) -> KeyFuture<'_, ()> {
        let _ = merchant;
        Box::pin(async { Err(KeyRefused::Malformed) })
    }
}
