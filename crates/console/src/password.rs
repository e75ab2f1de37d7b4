//! Passwords of people: argon2id with the cost that OWASP asks for at least
//! (19 MiB, 2 passes, 1 lane), written as a PHC string.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use refundry_engine::mint::fill_random;

/// The shortest password that is taken, in characters.
pub const LENGTH_MIN: usize = 12;
/// The longest one, in bytes: longer input would only cost time.
pub const LENGTH_MAX: usize = 1024;
/// A hash of nothing anybody knows, checked where there is no person, so that
/// an unknown name takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$\
                      wP2DqyA3SsWpQPTIkEbXGEU6zs4kqrtXEqyJhFqR1nA";

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefused {
    /// Shorter than [`LENGTH_MIN`].
    TooShort,
    /// Longer than [`LENGTH_MAX`].
    TooLong,
}

impl std::fmt::Display for PasswordRefused {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => write!(to, "a password has at least {LENGTH_MIN} characters"),
            Self::TooLong => write!(to, "a password has at most {LENGTH_MAX} bytes"),
        }
    }
}

impl std::error::Error for PasswordRefused {}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// The argon2id string of a password, under a salt of its own. Takes tens of
/// milliseconds and 19 MiB: call it where waiting is allowed.
pub fn hash(password: &str) -> Result<String, PasswordRefused> {
    if password.chars().count() < LENGTH_MIN {
        return Err(PasswordRefused::TooShort);
    }
    if password.len() > LENGTH_MAX {
        return Err(PasswordRefused::TooLong);
    }
    let mut salt = [0_u8; 16];
    fill_random(&mut salt);
    #[expect(clippy::expect_used, reason = "the cost is a constant, and salt and password are within their bounds")]
    let hash = hasher().hash_password_with_salt(password.as_bytes(), &salt).expect("the bounds were checked");
    Ok(hash.to_string())
}

/// True when the password is the one that was hashed. Without a hash it takes
/// as long and is false. The same cost as [`hash`].
#[must_use]
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    if password.len() > LENGTH_MAX {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        return false;
    };
    hasher().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_is_right() {
        let made = hash("correct horse battery").unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        assert!(verify("correct horse battery", Some(&made)));
        assert!(!verify("correct horse batterx", Some(&made)));
        assert!(!verify("", Some(&made)));
        assert_ne!(made, hash("correct horse battery").unwrap(), "salts are never shared");
    }

    #[test]
    fn nobody_has_no_password_but_costs_the_same_work() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "else an unknown name would be told by its speed");
        assert!(!verify("nobody has this", None));
        assert!(!verify("anything", Some("no hash at all")));
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(hash("elevenchars"), Err(PasswordRefused::TooShort));
        assert_eq!(hash(&"x".repeat(LENGTH_MAX + 1)), Err(PasswordRefused::TooLong));
    }
}
