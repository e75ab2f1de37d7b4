//! Keys on P-521 in the forms in which people hold them: PEM of a private or
//! public key, DER, and JWK. We keep private keys as PKCS #8 and public ones
//! as uncompressed points.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;

/// Bytes of a coordinate.
const COORDINATE: usize = 66;
/// Bytes of an uncompressed point: a byte that says so, and both coordinates.
const POINT: usize = 1 + 2 * COORDINATE;
/// First byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;
/// Characters in a line of PEM.
const PEM_LINE: usize = 64;

/// The text holds no key on P-521 that we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PEM of a key on the curve P-521")]
pub(in crate::truelayer) struct NotAKey;

/// A new key pair.
///
/// # Errors
/// The library fails.
pub(in crate::truelayer) fn generate() -> Result<EcdsaKeyPair, NotAKey> {
    EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).map_err(|_| NotAKey)
}

/// Reads a private key: PEM of SEC 1 (`EC PRIVATE KEY`) or PKCS #8
/// (`PRIVATE KEY`).
///
/// # Errors
/// It is none, or on another curve.
pub(in crate::truelayer) fn read_private(pem: &str) -> Result<EcdsaKeyPair, NotAKey> {
    let der = block(pem, &["EC PRIVATE KEY", "PRIVATE KEY"])?;
    EcdsaKeyPair::from_private_key_der(&ECDSA_P521_SHA512_FIXED_SIGNING, &der).map_err(|_| NotAKey)
}

/// Reads PEM of a public key (`PUBLIC KEY`) as an uncompressed point. A
/// private key is refused: nobody should send one.
///
/// # Errors
/// It is none, or on another curve.
pub(in crate::truelayer) fn read_public(pem: &str) -> Result<Vec<u8>, NotAKey> {
    point_of(&block(pem, &["PUBLIC KEY"])?)
}

/// A public key as PEM.
///
/// # Errors
/// The point is none.
#[cfg(test)]
pub(in crate::truelayer) fn to_public_pem(point: &[u8]) -> Result<String, NotAKey> {
    let key = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).map_err(|_| NotAKey)?;
    let der = AsDer::<PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| NotAKey)?;
    Ok(pem("PUBLIC KEY", der.as_ref()))
}

/// The public half of a pair.
pub(in crate::truelayer) fn point(pair: &EcdsaKeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

/// The bytes in which we keep a private key.
///
/// # Errors
/// The library fails.
pub(in crate::truelayer) fn to_pkcs8(pair: &EcdsaKeyPair) -> Result<Vec<u8>, NotAKey> {
    Ok(pair.to_pkcs8v1().map_err(|_| NotAKey)?.as_ref().to_vec())
}

/// Reads a private key that we kept.
///
/// # Errors
/// The bytes are damaged.
pub(in crate::truelayer) fn from_pkcs8(bytes: &[u8]) -> Result<EcdsaKeyPair, NotAKey> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, bytes).map_err(|_| NotAKey)
}

/// A private key as PEM of SEC 1, which every client's library reads.
///
/// # Errors
/// The library fails.
pub(in crate::truelayer) fn to_private_pem(pair: &EcdsaKeyPair) -> Result<String, NotAKey> {
    let key = pair.private_key();
    let der = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&key).map_err(|_| NotAKey)?;
    Ok(pem("EC PRIVATE KEY", der.as_ref()))
}

/// A public key as people publish it (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::truelayer) struct Jwk {
    kty: &'static str,
    alg: &'static str,
    kid: String,
    crv: &'static str,
    x: String,
    y: String,
}

/// The JWK of a point; none when it is no uncompressed point. Coordinates
/// always have their full 66 bytes.
pub(in crate::truelayer) fn to_jwk(key_id: &str, point: &[u8]) -> Option<Jwk> {
    let (UNCOMPRESSED, coordinates) = point.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    let (x, y) = coordinates.split_at_checked(COORDINATE)?;
    (y.len() == COORDINATE).then(|| Jwk {
        kty: "EC",
        alg: "ES512",
        kid: key_id.to_owned(),
        crv: "P-521",
        x: URL_SAFE_NO_PAD.encode(x),
        y: URL_SAFE_NO_PAD.encode(y),
    })
}

/// The point of two coordinates in base64url. Some writers leave out leading
/// zero bytes; they are put back.
///
/// # Errors
/// They are no point on the curve.
#[cfg_attr(not(test), expect(dead_code, reason = "clients register PEM; the vectors of others are JWKs"))]
pub(in crate::truelayer) fn from_coordinates(x: &str, y: &str) -> Result<Vec<u8>, NotAKey> {
    let mut point = vec![UNCOMPRESSED];
    for coordinate in [x, y] {
        let bytes = URL_SAFE_NO_PAD.decode(coordinate).map_err(|_| NotAKey)?;
        let missing = COORDINATE.checked_sub(bytes.len()).ok_or(NotAKey)?;
        point.resize(point.len() + missing, 0);
        point.extend_from_slice(&bytes);
    }
    point_of(&point)
}

/// Checks that a point, or a public key in DER, is on the curve.
fn point_of(bytes: &[u8]) -> Result<Vec<u8>, NotAKey> {
    let key = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, bytes).map_err(|_| NotAKey)?;
    let der = AsDer::<PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| NotAKey)?;
    // The last thing in the library's own DER is the uncompressed point.
    let der = der.as_ref();
    let point = der.get(der.len().checked_sub(POINT).ok_or(NotAKey)?..).ok_or(NotAKey)?;
    if point.first() == Some(&UNCOMPRESSED) { Ok(point.to_vec()) } else { Err(NotAKey) }
}

/// The bytes of the first block with one of these labels; other blocks, such
/// as a curve's parameters, are skipped.
fn block(pem: &str, labels: &[&str]) -> Result<Vec<u8>, NotAKey> {
    for label in labels {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        let Some((_, rest)) = pem.split_once(&begin) else { continue };
        let (text, _) = rest.split_once(&end).ok_or(NotAKey)?;
        let text: String = text.split_ascii_whitespace().collect();
        return STANDARD.decode(text).map_err(|_| NotAKey);
    }
    Err(NotAKey)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(PEM_LINE) {
        pem.push_str(std::str::from_utf8(line).unwrap_or_default());
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
