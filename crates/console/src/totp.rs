//! Codes from an authenticator app: RFC 6238 with SHA-1, six digits and steps
//! of thirty seconds, which is what every app speaks.
//!
//! Codes follow real time, never the sandbox's clock: the app has a clock of
//! its own. Whoever accepts a code must remember its step, because a code is
//! good once (the once table remembers them).

use aws_lc_rs::hmac;
use refundry_domain::time::Timestamp;
use refundry_engine::mint::fill_random;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Seconds of one step.
pub const STEP_SECONDS: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Steps before and after now whose codes are taken, because clocks differ
/// and people type slowly.
const DRIFT_STEPS: u64 = 1;
/// Bytes of a new secret: the length of a SHA-1 hash (RFC 4226, section 4).
const SECRET_LENGTH: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, base32 as apps take it.
#[must_use]
pub fn new_secret() -> String {
    let mut bytes = Zeroizing::new([0_u8; SECRET_LENGTH]);
    fill_random(&mut *bytes);
    base32(&*bytes)
}

/// The address that an app reads (from a QR code or typed); it holds the secret.
#[must_use]
pub fn otpauth_url(issuer: &str, account: &str, secret: &str) -> String {
    let (issuer, account) = (percent(issuer), percent(account));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}")
}

/// The step of an instant.
#[must_use]
pub fn step_at(at: Timestamp) -> u64 {
    u64::try_from(at.unix_seconds()).unwrap_or(0) / STEP_SECONDS
}

/// The code of a step; none where the secret is no base32.
#[must_use]
pub fn code(secret: &str, step: u64) -> Option<String> {
    let secret = Zeroizing::new(from_base32(secret)?);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let hash = hmac::sign(&key, &step.to_be_bytes());
    let hash = hash.as_ref();
    // Dynamic truncation, RFC 4226 section 5.3.
    let place = usize::from(hash.last()? & 0x0f);
    let four: [u8; 4] = hash.get(place..place.checked_add(4)?)?.try_into().ok()?;
    let number = (u32::from_be_bytes(four) & 0x7fff_ffff) % 10_u32.pow(6);
    Some(format!("{number:06}"))
}

/// The step whose code this is, around now. Spaces between the digits do not
/// matter. Compares in constant time.
#[must_use]
pub fn matching_step(secret: &str, typed: &str, now: Timestamp) -> Option<u64> {
    let typed: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    if typed.len() != DIGITS || !typed.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let now = step_at(now);
    let mut found = None;
    for step in now.saturating_sub(DRIFT_STEPS)..=now.saturating_add(DRIFT_STEPS) {
        if bool::from(code(secret, step)?.as_bytes().ct_eq(typed.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5).saturating_mul(8));
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            let place = usize::try_from((bits >> count) & 31).unwrap_or(0);
            text.extend(ALPHABET.get(place).map(|letter| char::from(*letter)));
        }
    }
    if count > 0 {
        let place = usize::try_from((bits << (5 - count)) & 31).unwrap_or(0);
        text.extend(ALPHABET.get(place).map(|letter| char::from(*letter)));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len().saturating_mul(5) / 8);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|letter| !matches!(letter, b' ' | b'-' | b'=')) {
        let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        bits = ((bits << 5) | u32::try_from(value).ok()?) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn agrees_with_the_vectors_of_the_standard() {
        // RFC 6238, appendix B, the last six of their eight digits.
        for (seconds, expected) in [
            (59_u64, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = seconds / STEP_SECONDS;
            assert_eq!(code(SECRET, step).as_deref(), Some(expected), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_a_step_early_and_a_step_late_and_no_more() {
        let now = at(1_111_111_111);
        let step = step_at(now);
        for (offset, good) in [(-2_i64, false), (-1, true), (0, true), (1, true), (2, false)] {
            let typed = code(SECRET, step.saturating_add_signed(offset)).unwrap();
            assert_eq!(matching_step(SECRET, &typed, now).is_some(), good, "{offset}");
        }
        let spaced = code(SECRET, step).map(|code| format!("{} {}", &code[..3], &code[3..])).unwrap();
        assert_eq!(matching_step(SECRET, &spaced, now), Some(step));
        for bad in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(matching_step(SECRET, bad, now), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_random_and_read_back() {
        let secret = new_secret();
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, new_secret());
        assert_eq!(base32(&from_base32(&secret).unwrap()), secret);
        assert_eq!(code("not base32!", 1), None);
        assert_eq!(code("", 1), None);
    }

    #[test]
    fn the_address_for_apps_is_escaped() {
        let url = otpauth_url("Refundry (sandbox)", "ada@shop.example", "ABC");
        assert_eq!(
            url,
            "otpauth://totp/Refundry%20%28sandbox%29:ada@shop.example?secret=ABC&issuer=Refundry%20%28sandbox%29"
        );
    }
}
