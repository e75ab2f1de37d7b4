//! SHA-256 for the core, and the short hashes of the once table.

use aws_lc_rs::digest;
use refundry_domain::once::{Fingerprint, OnceKey};

/// SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

fn short(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&context.finish().as_ref()[..16]);
    hash
}

/// The key of a scope in which something may happen once; every part is
/// length-prefixed.
#[must_use]
pub fn once_key(parts: &[&[u8]]) -> OnceKey {
    OnceKey(short(parts))
}

/// The fingerprint of a request.
#[must_use]
pub fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    Fingerprint(short(parts))
}
