//! API keys: `rf_<test|live>_<public id>_<secret>` as a bearer token. The
//! public id finds the credential, the hash of the secret opens it.

use super::errors::{self, Problem};
use super::extension::DIALECT;
use http::{HeaderMap, header};
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::mint::fill_random;
use refundry_engine::registry::{Credential, Directory};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// The longest header value that can be a key of ours.
const TOKEN_LENGTH_MAX: usize = 200;

/// The word that every key of an environment begins with.
fn prefix(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "rf_live_",
        Environment::Sandbox => "rf_test_",
    }
}

/// A new key: what the merchant keeps, and what is stored of it.
pub(super) struct NewKey {
    /// The whole text, shown once.
    pub text: String,
    /// The public id in it.
    pub id: String,
    /// SHA-256 of the secret in it.
    pub secret_hash: [u8; 32],
}

/// Makes a key with a secret of 256 random bits.
pub(super) fn new_key(environment: Environment) -> NewKey {
    let mut id = [0_u8; 8];
    let mut secret = [0_u8; 32];
    fill_random(&mut id);
    fill_random(&mut secret);
    let (id, secret) = (hex::encode(id), hex::encode(secret));
    NewKey { text: format!("{}{id}_{secret}", prefix(environment)), secret_hash: sha256(secret.as_bytes()), id }
}

/// Takes a key that somebody brings along; none when it is not of our form.
pub(super) fn given_key(text: &str, environment: Environment) -> Option<NewKey> {
    let (id, secret) = parts(text, environment)?;
    Some(NewKey { text: text.to_owned(), id: id.to_owned(), secret_hash: sha256(secret.as_bytes()) })
}

/// Whose key this request carries. An unknown id costs the same comparison as
/// a wrong secret.
pub(super) fn authenticate(
    headers: &HeaderMap,
    directory: &Directory,
    environment: Environment,
    now: Timestamp,
) -> Result<Arc<Credential>, Problem> {
    let refused = || Problem::of(errors::UNAUTHORIZED);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    if values.next().is_some() || value.len() > TOKEN_LENGTH_MAX {
        return Err(refused());
    }
    let (scheme, token) = value.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let (id, secret) = parts(token.trim(), environment).ok_or_else(refused)?;
    let found = directory.credential(DIALECT, id, now);
    let expected = found.as_ref().map_or([0; 32], |credential| credential.secret_hash);
    let opens: bool = sha256(secret.as_bytes()).ct_eq(&expected).into();
    found.filter(|_| opens).ok_or_else(refused)
}

fn parts(text: &str, environment: Environment) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(prefix(environment))?.split_once('_')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain(id) && plain(secret)).then_some((id, secret))
}
