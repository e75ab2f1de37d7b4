//! Our own signing keys: one ring per merchant, kept in the registry, so that
//! they are sealed, durable, and part of every backup.
//!
//! Receivers keep our keys for half an hour. So a new key is published an
//! hour before it signs; and a retired one stays published for longer than
//! any delivery is retried (contract 3.17).

use super::jws::Signer;
use super::keys::{self, Jwk, NotAKey};
use crate::truelayer::App;
use aws_lc_rs::signature::EcdsaKeyPair;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::event::Actor;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::envelope::{Envelope, Unavailable, Work};
use refundry_engine::mint;
use refundry_engine::registry::{Directory, Group, RegistryChange, RegistryEntry};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Under which name rings lie beside the clients.
const NAMESPACE: &str = "truelayer.signing";
/// First byte of the record.
const VERSION: u8 = 1;
/// From a key's publication to its first signature.
const PUBLISHED_BEFORE: Span = Span::seconds(3_600);
/// From a key's last signature to the end of its publication.
const PUBLISHED_AFTER: Span = Span::seconds(73 * 3_600);

/// A key of ours.
#[derive(Clone, PartialEq, Eq)]
struct RingKey {
    key_id: String,
    pkcs8: Vec<u8>,
    point: Vec<u8>,
    /// It signs from here to the next one's time.
    signs_from: Timestamp,
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "RingKey({})", self.key_id)
    }
}

/// A merchant's keys, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ring(Vec<RingKey>);

impl Ring {
    fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.byte(VERSION).list(&self.0, |to, key| {
            to.text(&key.key_id).blob(&key.pkcs8).blob(&key.point).signed(key.signs_from.0);
        });
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        let keys = from.list(|from| {
            Ok(RingKey {
                key_id: from.text()?.to_owned(),
                pkcs8: from.blob()?.to_vec(),
                point: from.blob()?.to_vec(),
                signs_from: Timestamp(from.signed()?),
            })
        })?;
        Ok(Self(keys))
    }

    /// The key that signs now.
    fn signing(&self, now: Timestamp) -> Option<&RingKey> {
        self.0.iter().rev().find(|key| key.signs_from <= now).or(self.0.first())
    }

    /// The keys that receivers must know now.
    fn published(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        let retired_at = self.0.iter().skip(1).map(|next| Some(next.signs_from)).chain([None]);
        let known = move |retired_at: Option<Timestamp>| retired_at.is_none_or(|at| now < at.plus(PUBLISHED_AFTER));
        self.0.iter().zip(retired_at).filter(move |(_, at)| known(*at)).map(|(key, _)| key)
    }

    /// A new key, published from now on. Keys that nobody needs any more go.
    fn turn(&mut self, now: Timestamp) -> Result<(), NotAKey> {
        let signs_from = if self.0.is_empty() { now } else { now.plus(PUBLISHED_BEFORE) };
        self.0 = self.published(now).cloned().collect();
        let pair = keys::generate()?;
        self.0.push(RingKey {
            key_id: EndpointId(mint::random_id()).to_string(),
            pkcs8: keys::to_pkcs8(&pair)?,
            point: keys::point(&pair),
            signs_from,
        });
        Ok(())
    }

    fn entry(&self, merchant: MerchantId) -> RegistryEntry {
        RegistryEntry::Group(Group {
            dialect: NAMESPACE.to_owned(),
            id: merchant.to_string(),
            merchant,
            settings: self.encode(),
        })
    }
}

/// The ring of a merchant, where it has one.
fn find(directory: &Directory, merchant: MerchantId) -> Option<Ring> {
    let group = directory.groups.get(&(NAMESPACE.to_owned(), merchant.to_string()))?;
    let ring = Ring::decode(&group.settings);
    ring.inspect_err(|_| tracing::error!("the ring of signing keys is malformed")).ok()
}

/// The entry of a merchant's first key; none when it has one.
pub(in crate::truelayer) fn first(app: &App, merchant: MerchantId, at: Timestamp) -> Option<RegistryEntry> {
    if find(&app.host.engine.directory(), merchant).is_some() {
        return None;
    }
    let mut ring = Ring::default();
    ring.turn(at).inspect_err(|_| tracing::error!("no signing key could be made")).ok()?;
    Some(ring.entry(merchant))
}

/// Makes a merchant's next key: published now, signing in an hour. One that
/// waits for its hour already stays the next one.
///
/// # Errors
/// The engine is not available.
pub(in crate::truelayer) async fn rotate(app: &App, merchant: MerchantId) -> Result<(), Unavailable> {
    let _changing = app.changing.lock().await;
    let now = app.host.engine.now();
    let mut ring = find(&app.host.engine.directory(), merchant).unwrap_or_default();
    if ring.0.last().is_some_and(|key| key.signs_from > now) {
        return Ok(());
    }
    ring.turn(now).map_err(|_| Unavailable::Store)?;
    let work = Work::Registry { change: RegistryChange::Put(ring.entry(merchant)), answer: None };
    app.host.engine.execute(Envelope { merchant, actor: Actor::Engine, once: None, work }).await?;
    Ok(())
}

/// All keys that receivers must know now.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Jwks {
    keys: Vec<Jwk>,
}

/// The keys of all merchants that are published now.
pub(in crate::truelayer) fn published(app: &App) -> Jwks {
    let now = app.host.engine.now();
    let directory = app.host.engine.directory();
    let rings = directory.groups.values().filter(|group| group.dialect == NAMESPACE);
    let mut keys = Vec::new();
    for ring in rings.filter_map(|group| find(&directory, group.merchant)) {
        keys.extend(ring.published(now).filter_map(|key| keys::to_jwk(&key.key_id, &key.point)));
    }
    Jwks { keys }
}

/// Key pairs that were read already: reading one costs more than a signature.
#[derive(Default)]
pub(in crate::truelayer) struct Pairs(Mutex<HashMap<String, Arc<EcdsaKeyPair>>>);

impl std::fmt::Debug for Pairs {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Pairs(..)")
    }
}

impl Pairs {
    fn of(&self, key: &RingKey) -> Option<Arc<EcdsaKeyPair>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = known.get(&key.key_id) {
            return Some(Arc::clone(pair));
        }
        let pair = Arc::new(keys::from_pkcs8(&key.pkcs8).ok()?);
        known.insert(key.key_id.clone(), Arc::clone(&pair));
        Some(pair)
    }
}

/// Signs with the merchant's key of this moment; none without a key.
pub(in crate::truelayer) fn sign(
    app: &App,
    merchant: MerchantId,
    path: &str,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Option<String> {
    let ring = find(&app.host.engine.directory(), merchant)?;
    let key = ring.signing(app.host.engine.now())?;
    let pair = app.pairs.of(key)?;
    let jku = app.jku();
    Signer { pair: &pair, key_id: &key.key_id, jku: Some(&jku) }.sign("POST", path, headers, body)
}
