//! Sealing: AES-256-GCM with a random nonce. What is sealed is bound to its
//! table, column and row, so that a sealed value put elsewhere does not open.
//!
//! A sealed value: version of the key (1 byte), nonce (12), ciphertext, tag (16).

use crate::fault::Fault;
use crate::keys::{KEY_LENGTH, KeyRing};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

const HEAD: usize = 1 + NONCE_LEN;

/// Length of a blind index in bytes.
const INDEX_LENGTH: usize = 16;

/// Where a sealed value stands; part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Debtor and extension of a payment.
    Payment,
    /// Creditor, remittance text and extension of a refund.
    Refund,
    /// Creditor, remittance text and extension of a payout.
    Payout,
    /// A whole mandate.
    Mandate,
    /// An answer kept for a key.
    Answer,
    /// The creditor of a stray.
    Stray,
    /// A registry entry.
    Registry,
    /// The canary of one key.
    Canary,
}

impl Place {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Payment => b"payment.private",
            Self::Refund => b"refund.private",
            Self::Payout => b"payout.private",
            Self::Mandate => b"mandate.private",
            Self::Answer => b"once.value",
            Self::Stray => b"stray.creditor",
            Self::Registry => b"registry.private",
            Self::Canary => b"meta.value",
        }
    }
}

/// The names of a row, put behind each other.
pub(crate) fn row_name(parts: &[&[u8]]) -> Vec<u8> {
    let mut name = Vec::with_capacity(48);
    for part in parts {
        name.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        name.extend_from_slice(part);
    }
    name
}

/// Seals with the newest key, opens with all.
pub(crate) struct Sealer {
    keys: Vec<(u8, LessSafeKey)>,
    index_key: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Sealer({} keys)", self.keys.len())
    }
}

impl Sealer {
    /// Takes the keys in use; each purpose has a key of its own, derived with
    /// HMAC-SHA-256 from the one in the ring.
    pub(crate) fn new(ring: &KeyRing) -> Result<Self, Fault> {
        let mut keys = Vec::new();
        for key in ring.keys() {
            let derived = derive(key.bytes.as_slice(), b"refundry seal v1");
            let unbound = UnboundKey::new(&AES_256_GCM, derived.as_slice())
                .map_err(|_| Fault::Refused("a key cannot be used"))?;
            keys.push((key.version, LessSafeKey::new(unbound)));
        }
        let oldest = ring.keys().first().ok_or(Fault::Refused("no key"))?;
        let derived = derive(oldest.bytes.as_slice(), b"refundry blind index v1");
        Ok(Self { keys, index_key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_slice()) })
    }

    /// The versions in use, oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u8> + '_ {
        self.keys.iter().map(|(version, _)| *version)
    }

    /// Seals with the newest key.
    pub(crate) fn seal(&self, place: Place, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let newest = self.keys.last().ok_or(Fault::Refused("no key"))?;
        seal_with(newest, place, row, plain)
    }

    /// Seals with one key, for its canary.
    pub(crate) fn seal_as(&self, version: u8, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let found = self.keys.iter().find(|(known, _)| *known == version);
        seal_with(found.ok_or(Fault::Refused("no such key"))?, Place::Canary, row, plain)
    }

    /// Opens what any of the keys sealed.
    pub(crate) fn open(&self, place: Place, row: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let closed = || Fault::Malformed("a sealed value does not open".to_owned());
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or_else(closed)?;
        let (version, nonce) = head.split_first().ok_or_else(closed)?;
        let (_, key) = self.keys.iter().find(|(known, _)| known == version).ok_or_else(closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| closed())?;
        let mut bytes = rest.to_vec();
        let length =
            key.open_in_place(nonce, Aad::from(associated(place, row)), &mut bytes).map_err(|_| closed())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// A keyed hash by which equal values are found without being readable.
    pub(crate) fn blind_index(&self, place: Place, value: &[u8]) -> [u8; INDEX_LENGTH] {
        let mut context = hmac::Context::with_key(&self.index_key);
        context.update(&row_name(&[place.name(), value]));
        let tag = context.sign();
        let mut index = [0; INDEX_LENGTH];
        for (to, from) in index.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        index
    }
}

fn derive(key: &[u8], purpose: &[u8]) -> Zeroizing<[u8; KEY_LENGTH]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), purpose);
    let mut derived = Zeroizing::new([0; KEY_LENGTH]);
    for (to, from) in derived.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    derived
}

fn associated(place: Place, row: &[u8]) -> Vec<u8> {
    row_name(&[place.name(), row])
}

fn seal_with((version, key): &(u8, LessSafeKey), place: Place, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, Fault> {
    let failed = Fault::Refused("sealing failed");
    let mut nonce = [0_u8; NONCE_LEN];
    if rand::fill(&mut nonce).is_err() {
        return Err(failed);
    }
    let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
    sealed.push(*version);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let body = sealed.get_mut(HEAD..).unwrap_or_default();
    let aad = Aad::from(associated(place, row));
    let Ok(tag) = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, body) else {
        return Err(failed);
    };
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[(u8, u8)]) -> Sealer {
        let keys = keys.iter().map(|(version, byte)| (*version, [*byte; KEY_LENGTH]));
        Sealer::new(&KeyRing::from_keys(keys).unwrap()).unwrap()
    }

    #[test]
    fn opens_only_where_it_was_sealed() {
        let sealer = sealer(&[(1, 7)]);
        let sealed = sealer.seal(Place::Refund, b"row", b"12345678").unwrap();
        assert_eq!(sealer.open(Place::Refund, b"row", &sealed).unwrap(), b"12345678");
        assert!(sealer.open(Place::Payment, b"row", &sealed).is_err());
        assert!(sealer.open(Place::Refund, b"other", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[place] ^= 1;
            assert!(sealer.open(Place::Refund, b"row", &bent).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = sealer(&[(1, 7)]);
        let both = sealer(&[(1, 7), (2, 9)]);
        let sealed = old.seal(Place::Refund, b"row", b"x").unwrap();
        assert_eq!(both.open(Place::Refund, b"row", &sealed).unwrap(), b"x");
        let newer = both.seal(Place::Refund, b"row", b"x").unwrap();
        assert!(old.open(Place::Refund, b"row", &newer).is_err());
        assert_eq!(old.blind_index(Place::Stray, b"a"), both.blind_index(Place::Stray, b"a"));
        assert_ne!(old.blind_index(Place::Stray, b"a"), old.blind_index(Place::Stray, b"b"));
    }
}
