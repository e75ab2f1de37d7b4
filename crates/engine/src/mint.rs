//! Minting ids: 48 bits of time first, so that keys append; the rest random;
//! written with the version nibble of a v4 (design section 6).

use refundry_domain::reference::as_uuid_v4;
use refundry_domain::time::Timestamp;

/// A new id at this time.
#[must_use]
pub fn new_id(at: Timestamp) -> u128 {
    let mut random = [0_u8; 16];
    fill_random(&mut random);
    let millis = u128::try_from(at.0 / 1_000_000).unwrap_or(0) & 0xffff_ffff_ffff;
    as_uuid_v4((millis << 80) | (u128::from_be_bytes(random) >> 48))
}

/// An id derived from a hash and a fact's own time (design section 6).
#[must_use]
pub fn derived_id(at: Timestamp, hash: &[u8; 32]) -> u128 {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    let millis = u128::try_from(at.0 / 1_000_000).unwrap_or(0) & 0xffff_ffff_ffff;
    as_uuid_v4((millis << 80) | (u128::from_be_bytes(bytes) >> 48))
}

/// An id without any time in it: tokens and other secrets.
#[must_use]
pub fn random_id() -> u128 {
    let mut random = [0_u8; 16];
    fill_random(&mut random);
    as_uuid_v4(u128::from_be_bytes(random))
}

/// Fills a buffer from the system's random source.
pub fn fill_random(bytes: &mut [u8]) {
    #[expect(clippy::expect_used, reason = "without randomness no secret may be made; ending is right")]
    aws_lc_rs::rand::fill(bytes).expect("the system's random source works");
}
