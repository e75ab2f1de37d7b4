//! Reading fields of a JSON body, collecting what is wrong with each.

use super::errors::{Fault, Kind, Param};
use crate::json::Json;
use refundry_domain::id::parse_uuid;
use std::borrow::Cow;
use url::Url;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    params: Vec<Param>,
}

impl Fields {
    /// The root of a body, which must be an object.
    pub(crate) fn root(json: &Json) -> Result<(&Json, Self), Fault> {
        if json.as_object().is_some() {
            Ok((json, Self::default()))
        } else {
            Err(Fault::new(Kind::Decoding, "The body is not a JSON object"))
        }
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, kind: Kind, path: &str, reason: impl Into<Cow<'static, str>>) {
        self.params.push(Param { kind, path: Cow::Owned(path.to_owned()), reason: reason.into() });
    }

    /// The value, unless something was wrong anywhere.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Fault> {
        match value {
            Some(value) if self.params.is_empty() => Ok(value),
            Some(_) | None => Err(Fault::of_body(self.params)),
        }
    }

    /// What was read, or all that is wrong with it.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Param>> {
        match value {
            Some(value) if self.params.is_empty() => Ok(value),
            Some(_) | None => Err(self.params),
        }
    }

    /// Notes faults that were found elsewhere.
    pub(crate) fn add(&mut self, params: Vec<Param>) {
        self.params.extend(params);
    }

    /// Whether nothing was found wrong yet.
    pub(crate) fn is_clean(&self) -> bool {
        self.params.is_empty()
    }

    /// Notes that a member is missing.
    pub(crate) fn missing(&mut self, path: &str) {
        self.fault(Kind::Schema, path, "required");
    }

    /// An object that may be absent.
    pub(crate) fn object<'j>(&mut self, parent: &'j Json, path: &str) -> Option<&'j Json> {
        let found = parent.member(leaf(path))?;
        if found.as_object().is_none() {
            self.fault(Kind::Decoding, path, "must be an object");
            return None;
        }
        Some(found)
    }

    /// An object that must be there.
    pub(crate) fn required_object<'j>(&mut self, parent: &'j Json, path: &str) -> Option<&'j Json> {
        if parent.member(leaf(path)).is_none() {
            self.missing(path);
        }
        self.object(parent, path)
    }

    /// A text that may be absent, of so many characters at most.
    pub(crate) fn text<'j>(&mut self, parent: &'j Json, path: &str, length_max: usize) -> Option<&'j str> {
        let found = parent.member(leaf(path))?;
        let Some(text) = found.as_text() else {
            self.fault(Kind::Decoding, path, "must be a string");
            return None;
        };
        if text.chars().count() > length_max {
            self.fault(Kind::Schema, path, format!("at most {length_max} characters"));
            return None;
        }
        Some(text)
    }

    /// A text that must be there and not empty.
    pub(crate) fn required_text<'j>(&mut self, parent: &'j Json, path: &str, length_max: usize) -> Option<&'j str> {
        match parent.member(leaf(path)) {
            None => {
                self.missing(path);
                None
            }
            Some(_) => {
                let text = self.text(parent, path, length_max)?;
                if text.is_empty() {
                    self.fault(Kind::Schema, path, "must not be empty");
                    return None;
                }
                Some(text)
            }
        }
    }

    /// A UUID that must be there.
    pub(crate) fn uuid(&mut self, parent: &Json, path: &str) -> Option<u128> {
        // Texts longer than a UUID are no UUID; the limit only bounds the echo.
        let text = self.required_text(parent, path, 255)?;
        let id = parse_uuid(text).ok();
        if id.is_none() {
            self.fault(Kind::Schema, path, "must be a UUID");
        }
        id
    }

    /// A text that must have this value.
    pub(crate) fn word(&mut self, parent: &Json, path: &str, expected: &'static str) {
        if let Some(text) = self.required_text(parent, path, 255)
            && text != expected
        {
            self.fault(Kind::Schema, path, format!("must be {expected}"));
        }
    }

    /// An amount in minor units: digits only, at least 1, exact in every
    /// JSON reader. `too_small` is the kind of fault for zero or less.
    pub(crate) fn amount(&mut self, parent: &Json, path: &str, too_small: Kind) -> Option<u64> {
        match parent.member(leaf(path)) {
            None => self.missing(path),
            Some(Json::Integer(0)) => self.fault(too_small, path, "at least 1"),
            Some(Json::Integer(minor)) if *minor > refundry_domain::money::AMOUNT_MINOR_MAX => {
                self.fault(too_small, path, "too large");
            }
            Some(Json::Integer(minor)) => return Some(*minor),
            Some(Json::OtherNumber(spelling)) if is_negative_integer(spelling) => {
                self.fault(too_small, path, "at least 1");
            }
            Some(
                Json::OtherNumber(_) | Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_),
            ) => self.fault(Kind::Decoding, path, "must be an integer of minor units, written with digits only"),
        }
        None
    }
}

/// Longest URL that we take, in characters.
const URL_LENGTH_MAX: usize = 2_000;

/// An absolute web address that must be there.
pub(crate) fn read_url<'j>(fields: &mut Fields, parent: &'j Json, path: &'static str) -> Option<&'j str> {
    let text = fields.required_text(parent, path, URL_LENGTH_MAX)?;
    // A parser for browsers forgives more than a web address: blanks, line
    // ends, slashes that are too many or too few.
    let host = text.split_once("://").map_or("", |(_, host)| host);
    let plain = !text.chars().any(|character| character.is_control() || character.is_whitespace());
    let good = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if good && plain && !host.is_empty() && !host.starts_with(['/', '\\']) {
        return Some(text);
    }
    fields.fault(Kind::Schema, path, "must be an absolute http or https URL");
    None
}

fn is_negative_integer(spelling: &str) -> bool {
    spelling.strip_prefix('-').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The last name of a path.
fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
