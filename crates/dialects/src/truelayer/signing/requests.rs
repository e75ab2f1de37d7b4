//! What the signature of a request must be (contract 2.4, verification steps).

use super::super::idempotency;
use super::HEADER;
use super::jws::{Parsed, signed_bytes};
use http::HeaderMap;

/// The version of the signed bytes that we take.
const VERSION: &str = "2";
/// Where a client says the version that its signature's header does not.
const VERSION_HEADER: &str = "Tl-Signature-Version";
/// Where a client lists the signed headers that its signature's header does not.
const HEADERS_HEADER: &str = "Tl-Signature-Headers";
/// Most headers that a signature may cover.
const HEADER_COUNT_MAX: usize = 64;

/// A request as it was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'r> {
    /// In upper case.
    pub(super) method: &'r str,
    /// Without host and query, not rewritten in any way.
    pub(super) path: &'r str,
    /// All of them.
    pub(super) headers: &'r HeaderMap,
    /// Before any parsing.
    pub(super) body: &'r [u8],
}

/// What a signature must cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The idempotency key must be there and signed.
    pub(super) key_signed: bool,
    /// Version 1, which covers the body alone, is taken.
    pub(super) version_1: bool,
}

/// Why a signature is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Missing,
    GivenTwice,
    Malformed,
    Version,
    KeyMissing,
    KeyNotSigned,
    HeaderNotSent,
    KeyIdUnknown,
    Wrong,
}

impl Bad {
    /// The end of a sentence for people.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Missing => "the Tl-Signature header is missing",
            Self::GivenTwice => "a signed header is given twice",
            Self::Malformed => "it is no detached JWS with alg ES512 and a kid",
            Self::Version => "tl_version must be 2, and tl_headers must list the signed headers",
            Self::KeyMissing => "the Idempotency-Key header is missing or empty",
            Self::KeyNotSigned => "it does not cover the Idempotency-Key header",
            Self::HeaderNotSent => "it covers a header that was not sent",
            Self::KeyIdUnknown => "its kid names no active key of this client",
            Self::Wrong => "it does not fit method, path, headers and body as they were received",
        }
    }
}

/// Checks the signature of a request; `point` gives the public key to a key id.
pub(super) fn verify<'k>(
    request: &Request<'_>,
    rules: Rules,
    point: impl FnOnce(&str) -> Option<&'k [u8]>,
) -> Result<(), Bad> {
    if rules.key_signed && one(request.headers, idempotency::HEADER)?.is_none_or(|key| key.trim_ascii().is_empty()) {
        return Err(Bad::KeyMissing);
    }
    let text = one(request.headers, HEADER)?.ok_or(Bad::Missing)?;
    let text = std::str::from_utf8(text).map_err(|_| Bad::Malformed)?;
    let parsed = Parsed::read(text).map_err(|_| Bad::Malformed)?;
    let covered = covered(request, &parsed, rules)?;
    let point = point(&parsed.key_id).ok_or(Bad::KeyIdUnknown)?;
    let Some(headers) = covered else {
        return if parsed.is_of(point, request.body) { Ok(()) } else { Err(Bad::Wrong) };
    };
    let fits = |path: &str| parsed.is_of(point, &signed_bytes(request.method, path, &headers, request.body));
    // Some clients sign the path with a slash that they do not send, or the
    // other way round.
    let other = match request.path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{}/", request.path),
    };
    if fits(request.path) || fits(&other) { Ok(()) } else { Err(Bad::Wrong) }
}

/// Names as the signature spells them, with the received values.
type Covered<'a> = Vec<(&'a str, &'a [u8])>;

/// The headers that a signature covers; none for version 1.
fn covered<'a>(request: &Request<'a>, parsed: &'a Parsed<'_>, rules: Rules) -> Result<Option<Covered<'a>>, Bad> {
    let mut needed: Vec<&str> = if rules.key_signed { vec![idempotency::HEADER] } else { Vec::new() };
    let version = match &parsed.version {
        Some(version) => Some(version.as_bytes()),
        None => {
            needed.push(VERSION_HEADER);
            one(request.headers, VERSION_HEADER)?
        }
    };
    match version {
        Some(version) if version == VERSION.as_bytes() => {}
        None | Some(b"1") if rules.version_1 => return Ok(None),
        None | Some(_) => return Err(Bad::Version),
    }
    let listed = match &parsed.headers {
        Some(listed) => listed.as_str(),
        None => {
            needed.push(HEADERS_HEADER);
            let listed = one(request.headers, HEADERS_HEADER)?.ok_or(Bad::Version)?;
            std::str::from_utf8(listed).map_err(|_| Bad::Version)?
        }
    };
    let mut headers: Covered<'a> = Vec::new();
    for name in listed.split(',').filter(|name| !name.is_empty()) {
        if headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        if headers.len() == HEADER_COUNT_MAX {
            return Err(Bad::Malformed);
        }
        headers.push((name, one(request.headers, name)?.ok_or(Bad::HeaderNotSent)?));
    }
    for name in needed {
        if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(if name == idempotency::HEADER { Bad::KeyNotSigned } else { Bad::Version });
        }
    }
    Ok(Some(headers))
}

/// The only value of a header, by its name in any casing.
fn one<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r [u8]>, Bad> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(http::HeaderValue::as_bytes);
    if values.next().is_some() { Err(Bad::GivenTwice) } else { Ok(first) }
}
