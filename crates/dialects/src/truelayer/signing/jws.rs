//! Detached JWS with ES512 (RFC 7515, appendix F; RFC 7518, 3.4), and the
//! bytes that version 2 signs.

use crate::json::{self, Json};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, EcdsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The only algorithm: ECDSA on P-521 with SHA-512, as r and s of 66 bytes each.
const ALGORITHM: &str = "ES512";
/// Longest signature that is looked at, in characters.
const LENGTH_MAX: usize = 8 * 1024;

/// A signature taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct Parsed<'s> {
    /// The header as it is signed.
    header: &'s str,
    /// Under which key.
    pub(super) key_id: String,
    /// The version of the signed bytes, where the header says one.
    pub(super) version: Option<String>,
    /// The signed HTTP headers, where the header lists them.
    pub(super) headers: Option<String>,
    signature: Vec<u8>,
}

/// The text is no detached signature with the right algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) struct NotDetached;

impl<'s> Parsed<'s> {
    /// Takes a signature apart. An attached payload is refused: it would be
    /// signed, and our bytes not.
    ///
    /// # Errors
    /// It is no detached signature, or of another algorithm.
    pub(in crate::truelayer) fn read(text: &'s str) -> Result<Self, NotDetached> {
        if text.len() > LENGTH_MAX {
            return Err(NotDetached);
        }
        let (header, signature) = text.split_once("..").ok_or(NotDetached)?;
        if header.is_empty() || signature.is_empty() || header.contains('.') || signature.contains('.') {
            return Err(NotDetached);
        }
        let decoded = URL_SAFE_NO_PAD.decode(header).map_err(|_| NotDetached)?;
        let members = json::parse(&decoded).map_err(|_| NotDetached)?;
        let member = |name| members.member(name).map(|value| value.as_text().map(str::to_owned).ok_or(NotDetached));
        if members.member("alg").and_then(Json::as_text) != Some(ALGORITHM) || members.member("crit").is_some() {
            return Err(NotDetached);
        }
        Ok(Self {
            header,
            key_id: member("kid").ok_or(NotDetached)??,
            version: member("tl_version").transpose()?,
            headers: member("tl_headers").transpose()?,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotDetached)?,
        })
    }

    /// Whether the owner of this public key signed these bytes.
    pub(in crate::truelayer) fn is_of(&self, point: &[u8], signed: &[u8]) -> bool {
        let input = input(self.header, signed);
        UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).verify(&input, &self.signature).is_ok()
    }
}

/// The bytes that version 2 signs: method and path, the listed headers in
/// their casing, and the raw body.
pub(in crate::truelayer) fn signed_bytes(method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 256);
    for part in [method.as_bytes(), b" ", path.as_bytes(), b"\n"] {
        bytes.extend_from_slice(part);
    }
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value, b"\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// What to sign with.
#[derive(Debug, Clone, Copy)]
pub(in crate::truelayer) struct Signer<'a> {
    /// The key.
    pub(in crate::truelayer) pair: &'a EcdsaKeyPair,
    /// Its id.
    pub(in crate::truelayer) key_id: &'a str,
    /// Where its public half is found.
    pub(in crate::truelayer) jku: Option<&'a str>,
}

/// The header, members in the order in which they are documented.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    tl_version: &'static str,
    tl_headers: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jku: Option<&'a str>,
}

impl Signer<'_> {
    /// A detached signature of version 2; none when the library fails.
    pub(in crate::truelayer) fn sign(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
    ) -> Option<String> {
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let header =
            Header { alg: ALGORITHM, kid: self.key_id, tl_version: "2", tl_headers: names.join(","), jku: self.jku };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).ok()?);
        let input = input(&header, &signed_bytes(method, path, headers, body));
        let signature = self.pair.sign(&SystemRandom::new(), &input).ok()?;
        Some(format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What the algorithm signs: both parts in base64url, with a dot.
fn input(header: &str, signed: &[u8]) -> Vec<u8> {
    let mut input = String::with_capacity(header.len() + signed.len() * 4 / 3 + 8);
    input.push_str(header);
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(signed, &mut input);
    input.into_bytes()
}
