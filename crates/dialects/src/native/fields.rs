//! Reads the members of a JSON body one by one. A member that a call does not
//! have is refused, and every fault names its member by a JSON Pointer.

use super::errors::{self, Fault, Kind, Problem};
use super::extension::Metadata;
use crate::json::{Json, JsonFault};
use refundry_domain::money::{AMOUNT_MINOR_MAX, Currency};

/// Most metadata entries of one object (F-71).
const METADATA_COUNT_MAX: usize = 50;
/// Longest metadata key, in characters.
const METADATA_KEY_LENGTH_MAX: usize = 40;
/// Longest metadata value, in bytes.
const METADATA_VALUE_LENGTH_MAX: usize = 500;
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses a body; the fault decides between the codes of F-24, F-26 and F-27.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, Problem> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(Problem::new(errors::INVALID_ENCODING, "The body begins with a byte order mark."));
    }
    crate::json::parse(bytes).map_err(|fault| match fault {
        JsonFault::NotUtf8 => Problem::of(errors::INVALID_ENCODING),
        JsonFault::NotJson | JsonFault::Nul(_) if holds_no_text(bytes) => {
            Problem::new(errors::INVALID_ENCODING, "The body holds NUL or a lone surrogate.")
        }
        JsonFault::NotJson | JsonFault::Nul(_) => Problem::of(errors::INVALID_JSON),
        JsonFault::TooDeep | JsonFault::TooMany => Problem::new(errors::INVALID_JSON, format!("The body is {fault}.")),
        JsonFault::DuplicateMember(path) => {
            let names = path.split('/').map(escaped).collect::<Vec<_>>().join("/");
            Problem::at(errors::DUPLICATE_FIELD, &format!("/{names}"), "This member is given twice.")
        }
    })
}

/// Whether a body that is no JSON holds characters that are no text: NUL,
/// plain or escaped, or an escaped half of a surrogate pair.
fn holds_no_text(bytes: &[u8]) -> bool {
    if bytes.contains(&0) {
        return true;
    }
    let mut rest = bytes;
    let mut high = false;
    while let Some((first, tail)) = rest.split_first() {
        let escape = (*first == b'\\').then(|| tail.first().copied()).flatten();
        let code = (escape == Some(b'u'))
            .then(|| tail.get(1..5).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let is_low = matches!(code, Some(0xdc00..=0xdfff));
        if code == Some(0) || high != is_low {
            return true;
        }
        high = matches!(code, Some(0xd800..=0xdbff));
        let width = match (code, escape) {
            (Some(_), _) => 6,
            (None, Some(_)) => 2,
            (None, None) => 1,
        };
        rest = rest.get(width..).unwrap_or_default();
    }
    high
}

/// A name inside a JSON Pointer (RFC 6901 section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members of one object of a body.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    json: &'a Json,
    pointer: String,
}

impl<'a> Fields<'a> {
    /// The members of a whole body.
    pub(super) fn of_body(json: &'a Json, known: &[&str]) -> Result<Self, Problem> {
        if json.as_object().is_none() {
            return Err(Problem::new(errors::INVALID_JSON, "The body must be a JSON object."));
        }
        Self::open(json, String::new(), known)
    }

    fn open(json: &'a Json, pointer: String, known: &[&str]) -> Result<Self, Problem> {
        let Some(members) = json.as_object() else {
            return Err(Problem::at(errors::INVALID_PARAMETER, &pointer, "This must be an object."));
        };
        let unknown = members.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let faults: Vec<Fault> = unknown
            .map(|(name, _)| Fault {
                pointer: format!("{pointer}/{}", escaped(name)),
                detail: "This call has no such member.".to_owned(),
            })
            .collect();
        if faults.is_empty() {
            Ok(Self { json, pointer })
        } else {
            Err(Problem::of(errors::UNKNOWN_FIELD).with_errors(faults))
        }
    }

    /// A fault of one member.
    pub(super) fn fault(&self, kind: Kind, name: &str, detail: &str) -> Problem {
        Problem::at(kind, &format!("{}/{}", self.pointer, escaped(name)), detail)
    }

    /// A fault of the value of one member.
    pub(super) fn invalid(&self, name: &str, detail: &str) -> Problem {
        self.fault(errors::INVALID_PARAMETER, name, detail)
    }

    /// The fault of a member that must be there.
    pub(super) fn missing(&self, name: &str) -> Problem {
        self.fault(errors::MISSING_FIELD, name, "This member is needed.")
    }

    /// Whether a member is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.json.member(name).is_some()
    }

    /// A text member.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(None);
        };
        value.as_text().map(Some).ok_or_else(|| self.invalid(name, "This must be a string."))
    }

    /// A boolean member.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| self.invalid(name, "This must be true or false."))
    }

    /// Printable ASCII of limited length: names that machines compare (F-28).
    pub(super) fn identifier(&self, name: &str, length_max: usize) -> Result<Option<&'a str>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && text.trim() == text;
        if plain && (1..=length_max).contains(&text.len()) {
            return Ok(Some(text));
        }
        Err(self.invalid(name, &format!("This must be 1 to {length_max} printable ASCII characters.")))
    }

    /// Text for people, of limited length and without control characters.
    pub(super) fn free_text(&self, name: &str, length_max: usize) -> Result<Option<&'a str>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if text.chars().count() <= length_max && !text.chars().any(char::is_control) {
            return Ok(Some(text));
        }
        Err(self.invalid(name, &format!("This must be at most {length_max} characters without control characters.")))
    }

    /// An id, read by the parser of its noun.
    pub(super) fn id<T, E>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        parse(text).map(Some).map_err(|_| self.invalid(name, "This must be a UUID."))
    }

    /// A word of a closed list.
    pub(super) fn word<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        read(text).map(Some).ok_or_else(|| self.invalid(name, "This word is not known here."))
    }

    /// A positive amount in minor units (F-20, F-21): digits alone, exact in
    /// every JSON reader.
    pub(super) fn amount(&self, name: &str) -> Result<Option<u64>, Problem> {
        let positive = || self.fault(errors::AMOUNT_NOT_POSITIVE, name, "The amount must be at least 1.");
        let whole =
            || self.fault(errors::AMOUNT_INVALID, name, "This must be an integer of minor units, at most 2^53 - 1.");
        match self.json.member(name) {
            None => Ok(None),
            Some(Json::Integer(0)) => Err(positive()),
            Some(Json::Integer(minor)) if *minor <= AMOUNT_MINOR_MAX => Ok(Some(*minor)),
            Some(Json::OtherNumber(spelling)) if is_negative_integer(spelling) => Err(positive()),
            Some(
                Json::Integer(_)
                | Json::OtherNumber(_)
                | Json::Null
                | Json::Bool(_)
                | Json::Text(_)
                | Json::Array(_)
                | Json::Object(_),
            ) => Err(whole()),
        }
    }

    /// Minor units that may be 0: a limit or a part of a fee.
    pub(super) fn minor(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(value) = self.json.member(name).filter(|value| !matches!(value, Json::Null)) else {
            return Ok(None);
        };
        let minor = value.as_integer().filter(|minor| *minor <= AMOUNT_MINOR_MAX);
        let whole =
            || self.fault(errors::AMOUNT_INVALID, name, "This must be an integer of minor units, at most 2^53 - 1.");
        minor.map(Some).ok_or_else(whole)
    }

    /// A count.
    pub(super) fn count(&self, name: &str) -> Result<Option<u32>, Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(None);
        };
        let count = value.as_integer().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        count.map(Some).ok_or_else(|| self.invalid(name, "This must be a positive integer."))
    }

    /// A currency; case and alphabet as in ISO 4217 (F-23).
    pub(super) fn currency(&self, name: &str) -> Result<Option<Currency>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let unknown = |_| self.fault(errors::CURRENCY_UNSUPPORTED, name, "This must be an upper-case ISO 4217 code.");
        Currency::parse(text).map(Some).map_err(unknown)
    }

    /// The members of an object inside this one.
    pub(super) fn object(&self, name: &str, known: &[&str]) -> Result<Option<Fields<'a>>, Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(None);
        };
        Self::open(value, format!("{}/{}", self.pointer, escaped(name)), known).map(Some)
    }

    /// The elements of an array of objects inside this one.
    pub(super) fn objects(&self, name: &str, known: &[&str], count_max: usize) -> Result<Vec<Fields<'a>>, Problem> {
        let pointer = format!("{}/{}", self.pointer, escaped(name));
        let open = |(place, value)| Self::open(value, format!("{pointer}/{place}"), known);
        self.elements(name, count_max)?.iter().enumerate().map(open).collect()
    }

    /// The elements of an array of texts inside this one; none when absent.
    pub(super) fn texts(&self, name: &str, count_max: usize) -> Result<Option<Vec<&'a str>>, Problem> {
        if !self.has(name) {
            return Ok(None);
        }
        let texts = self.elements(name, count_max)?.iter().map(Json::as_text).collect::<Option<Vec<_>>>();
        texts.map(Some).ok_or_else(|| self.invalid(name, "This must be an array of strings."))
    }

    fn elements(&self, name: &str, count_max: usize) -> Result<&'a [Json], Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(&[]);
        };
        let elements = value.as_array().filter(|elements| elements.len() <= count_max);
        elements.ok_or_else(|| self.invalid(name, &format!("This must be an array of at most {count_max} elements.")))
    }

    /// The merchant's own words about an object (F-71).
    pub(super) fn metadata(&self, name: &str) -> Result<Metadata, Problem> {
        let Some(value) = self.json.member(name) else {
            return Ok(Vec::new());
        };
        let members = value.as_object().filter(|members| members.len() <= METADATA_COUNT_MAX);
        let members = members.ok_or_else(|| self.invalid(name, "This must be an object of at most 50 members."))?;
        let entry = |(key, value): &(String, Json)| -> Option<(String, String)> {
            let text = value.as_text().filter(|text| text.len() <= METADATA_VALUE_LENGTH_MAX)?;
            (1..=METADATA_KEY_LENGTH_MAX).contains(&key.chars().count()).then(|| (key.clone(), text.to_owned()))
        };
        let entries = members.iter().map(entry).collect::<Option<Metadata>>();
        entries
            .ok_or_else(|| self.invalid(name, "Keys have 1 to 40 characters, values are strings of at most 500 bytes."))
    }
}

/// `-` and digits that are not all zero.
fn is_negative_integer(spelling: &str) -> bool {
    spelling.strip_prefix('-').is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.bytes().any(|byte| byte != b'0')
    })
}
