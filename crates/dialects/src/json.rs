//! Strict JSON (RFC 8259), read once into a small tree.
//!
//! Stricter than usual where money is concerned: duplicate members, lone
//! surrogates, NUL and byte order marks are refused, and a number counts as
//! an integer only when it is written with digits alone.

use std::collections::HashSet;
use std::fmt;

/// Deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 32;
/// Most elements of one array or members of one object.
pub const ELEMENT_COUNT_MAX: usize = 1_000;
/// Up to this many members are compared one by one for duplicates.
const SCANNED_MEMBER_COUNT_MAX: usize = 16;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Digits only, and it fits 64 bits.
    Integer(u64),
    /// Any other number, as it was written: `-1`, `4e2`, `400.0`, `-0`, or
    /// beyond 64 bits.
    OtherNumber(String),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; members in the order of the document, each name once.
    Object(Vec<(String, Json)>),
}

/// Why bytes are no JSON that we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON.
    NotJson,
    /// Not UTF-8.
    NotUtf8,
    /// A text or a member's name holds NUL as an escape; the path of the text
    /// or of what is around the name, with `/` between the names.
    Nul(String),
    /// A member is there twice; its path, with `/` between the names.
    DuplicateMember(String),
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// More elements in one place than [`ELEMENT_COUNT_MAX`].
    TooMany,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => to.write_str("not JSON"),
            Self::NotUtf8 => to.write_str("not UTF-8"),
            Self::Nul(path) => write!(to, "NUL stands in {path}"),
            Self::DuplicateMember(path) => write!(to, "the member {path} is given twice"),
            Self::TooDeep => write!(to, "nested deeper than {DEPTH_MAX}"),
            Self::TooMany => write!(to, "more than {ELEMENT_COUNT_MAX} elements in one place"),
        }
    }
}

impl Json {
    /// A member of an object; null counts as absent.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let found = self.as_object()?.iter().find(|(known, _)| known == name)?;
        (found.1 != Self::Null).then_some(&found.1)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The value of an integer written with digits alone.
    #[must_use]
    pub fn as_integer(&self) -> Option<u64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }
}

/// Reads one JSON document.
///
/// # Errors
/// The first fault in the order of the bytes.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    let mut reader = Reader { text, at: 0, depth: 0, path: Vec::new() };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    if reader.at == text.len() { Ok(value) } else { Err(JsonFault::NotJson) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Names of the members around the place that is read, for faults.
    path: Vec<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: u8) -> Result<(), JsonFault> {
        if self.peek() != Some(expected) {
            return Err(JsonFault::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonFault> {
        let rest = self.text.get(self.at..).ok_or(JsonFault::NotJson)?;
        if !rest.starts_with(word) {
            return Err(JsonFault::NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self) -> Result<Json, JsonFault> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) | None => Err(JsonFault::NotJson),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, JsonFault>) -> Result<Json, JsonFault> {
        if self.depth == DEPTH_MAX {
            return Err(JsonFault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Json, JsonFault> {
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(elements));
        }
        loop {
            if elements.len() == ELEMENT_COUNT_MAX {
                return Err(JsonFault::TooMany);
            }
            elements.push(self.value()?);
            if !self.goes_on(b']')? {
                return Ok(Json::Array(elements));
            }
        }
    }

    fn object(&mut self) -> Result<Json, JsonFault> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut seen = HashSet::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            if members.len() == ELEMENT_COUNT_MAX {
                return Err(JsonFault::TooMany);
            }
            let name = self.string()?;
            if is_known(&members, &mut seen, &name) {
                self.path.push(name);
                return Err(JsonFault::DuplicateMember(self.path.join("/")));
            }
            self.skip_space();
            self.take(b':')?;
            self.skip_space();
            self.path.push(name);
            let value = self.value()?;
            if let Some(name) = self.path.pop() {
                members.push((name, value));
            }
            if !self.goes_on(b'}')? {
                return Ok(Json::Object(members));
            }
        }
    }

    /// True after a comma, false after the closing character.
    fn goes_on(&mut self, close: u8) -> Result<bool, JsonFault> {
        self.skip_space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        self.take(b',')?;
        self.skip_space();
        Ok(true)
    }

    fn string(&mut self) -> Result<String, JsonFault> {
        self.take(b'"')?;
        let mut text = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    text.push_str(self.text.get(start..self.at).ok_or(JsonFault::NotJson)?);
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    text.push_str(self.text.get(start..self.at).ok_or(JsonFault::NotJson)?);
                    self.at += 1;
                    text.push(self.escape()?);
                    start = self.at;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                Some(_) | None => return Err(JsonFault::NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let escaped = self.peek().ok_or(JsonFault::NotJson)?;
        self.at += 1;
        Ok(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(JsonFault::NotJson),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonFault> {
        let first = self.four_hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                self.take(b'\\')?;
                self.take(b'u')?;
                let second = self.four_hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(JsonFault::NotJson);
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            // A database text cannot hold NUL, so nobody may send one.
            0 => return Err(JsonFault::Nul(self.path.join("/"))),
            code => code,
        };
        // A low surrogate without a high one before it is no character.
        char::from_u32(code).ok_or(JsonFault::NotJson)
    }

    fn four_hex(&mut self) -> Result<u32, JsonFault> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(JsonFault::NotJson)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(JsonFault::NotJson);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| JsonFault::NotJson)
    }

    fn number(&mut self) -> Result<Json, JsonFault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            Some(_) | None => return Err(JsonFault::NotJson),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let spelling = self.text.get(start..self.at).ok_or(JsonFault::NotJson)?;
        let plain = spelling.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match spelling.parse() {
            Ok(value) if plain => Json::Integer(value),
            Ok(_) | Err(_) => Json::OtherNumber(spelling.to_owned()),
        })
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(JsonFault::NotJson) } else { Ok(()) }
    }
}

/// Whether a name was read before. Small objects are scanned; a large one is
/// put into a set, so that a hostile body costs no quadratic time.
fn is_known(members: &[(String, Json)], seen: &mut HashSet<String>, name: &str) -> bool {
    if members.len() < SCANNED_MEMBER_COUNT_MAX {
        return members.iter().any(|(known, _)| known == name);
    }
    if seen.is_empty() {
        seen.extend(members.iter().map(|(known, _)| known.clone()));
    }
    !seen.insert(name.to_owned())
}

/// The canonical bytes of a value: compact, members sorted by name. Two
/// documents that differ only in spaces and order of members have the same.
#[must_use]
pub fn canonical(value: &Json) -> Vec<u8> {
    let mut to = Vec::with_capacity(256);
    write_canonical(&mut to, value);
    to
}

fn write_canonical(to: &mut Vec<u8>, value: &Json) {
    match value {
        Json::Null => to.extend_from_slice(b"null"),
        Json::Bool(true) => to.extend_from_slice(b"true"),
        Json::Bool(false) => to.extend_from_slice(b"false"),
        Json::Integer(value) => to.extend_from_slice(value.to_string().as_bytes()),
        Json::OtherNumber(spelling) => to.extend_from_slice(spelling.as_bytes()),
        Json::Text(text) => write_text(to, text),
        Json::Array(elements) => {
            to.push(b'[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    to.push(b',');
                }
                write_canonical(to, element);
            }
            to.push(b']');
        }
        Json::Object(members) => {
            let mut sorted: Vec<&(String, Json)> = members.iter().collect();
            sorted.sort_unstable_by(|left, right| left.0.cmp(&right.0));
            to.push(b'{');
            for (place, (name, member)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    to.push(b',');
                }
                write_text(to, name);
                to.push(b':');
                write_canonical(to, member);
            }
            to.push(b'}');
        }
    }
}

/// Writes a JSON string with the escapes that JavaScript's `JSON.stringify`
/// uses: short ones where they exist, lower-case hex, nothing else escaped.
pub fn write_text(to: &mut Vec<u8>, text: &str) {
    to.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => to.extend_from_slice(b"\\\""),
            b'\\' => to.extend_from_slice(b"\\\\"),
            8 => to.extend_from_slice(b"\\b"),
            9 => to.extend_from_slice(b"\\t"),
            10 => to.extend_from_slice(b"\\n"),
            12 => to.extend_from_slice(b"\\f"),
            13 => to.extend_from_slice(b"\\r"),
            0..0x20 => to.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => to.push(byte),
        }
    }
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Json, JsonFault> {
        parse(text.as_bytes())
    }

    #[test]
    fn only_plain_digits_are_integers() {
        for (text, value) in [("0", 0), ("400", 400), ("18446744073709551615", u64::MAX)] {
            assert_eq!(read(text), Ok(Json::Integer(value)), "{text}");
        }
        for text in ["-1", "-0", "4e2", "4E+2", "400.0", "0.0", "0e0", "18446744073709551616"] {
            assert_eq!(read(text), Ok(Json::OtherNumber(text.into())), "{text}");
        }
        for text in ["+1", "01", "-", "1.", ".5", "1e", "0x10", "NaN", "Infinity", "1_000", "٤٠٠"] {
            assert_eq!(read(text), Err(JsonFault::NotJson), "{text}");
        }
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let cases: &[(&[u8], JsonFault)] = &[
            (b"{\"a\":1,\"a\":2}", JsonFault::DuplicateMember("a".into())),
            (b"{\"a\":{\"b\":1,\"c\":[],\"b\":1}}", JsonFault::DuplicateMember("a/b".into())),
            (b"{\"a\":1,\"\\u0061\":2}", JsonFault::DuplicateMember("a".into())),
            (b"\"\\ud800\"", JsonFault::NotJson),
            (b"\"\\udc00\"", JsonFault::NotJson),
            (b"\"\\ud800\\u0041\"", JsonFault::NotJson),
            (b"\"\\u0000\"", JsonFault::Nul(String::new())),
            (b"{\"a\":{\"b\":[\"x\\u0000\"]}}", JsonFault::Nul("a/b".into())),
            (b"\"\0\"", JsonFault::NotJson),
            (b"\"a\nb\"", JsonFault::NotJson),
            (b"\xef\xbb\xbf{}", JsonFault::NotJson),
            (b"\"\xff\"", JsonFault::NotUtf8),
            (b"", JsonFault::NotJson),
            (b"{}x", JsonFault::NotJson),
            (b"{\"a\":1,}", JsonFault::NotJson),
            (b"[1,]", JsonFault::NotJson),
            (b"{a:1}", JsonFault::NotJson),
            (b"'a'", JsonFault::NotJson),
            (b"{} // note", JsonFault::NotJson),
            (b"\"\\u12\xc3\xa9\"", JsonFault::NotJson),
            (b"\"\\u+123\"", JsonFault::NotJson),
        ];
        for (bytes, fault) in cases {
            assert_eq!(parse(bytes).as_ref(), Err(fault), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn depth_and_width_have_limits() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(read(&nested(DEPTH_MAX + 1)), Err(JsonFault::TooDeep));
        let wide = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert!(read(&wide(ELEMENT_COUNT_MAX)).is_ok());
        assert_eq!(read(&wide(ELEMENT_COUNT_MAX + 1)), Err(JsonFault::TooMany));
        let members = |count: usize, last: &str| {
            let mut members: Vec<String> = (0..count).map(|number| format!("\"m{number}\":1")).collect();
            members.push(last.to_owned());
            format!("{{{}}}", members.join(","))
        };
        assert!(read(&members(999, "\"x\":1")).is_ok());
        assert_eq!(read(&members(1_000, "\"x\":1")), Err(JsonFault::TooMany));
        assert_eq!(read(&members(50, "\"m7\":1")), Err(JsonFault::DuplicateMember("m7".into())));
    }

    #[test]
    fn agrees_with_a_lenient_reader_on_good_documents() {
        for text in
            [r#"{"a":[1,true,null,{"b":"x\n\"\\\/\b\f\r\t"}],"é":"\u00e9\ud83d\ude00"}"#, " [ ] ", r#""\u2028""#]
        {
            let ours = canonical(&read(text).unwrap());
            let theirs: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&ours).unwrap(), theirs, "{text}");
        }
    }

    #[test]
    fn canonical_bytes_ignore_order_and_space() {
        let left = read(r#"{ "b": {"y":1, "x":"\u0041"}, "a": [1, 2] }"#).unwrap();
        let right = read(r#"{"a":[1,2],"b":{"x":"A","y":1}}"#).unwrap();
        assert_eq!(canonical(&left), canonical(&right));
        assert_eq!(canonical(&left), br#"{"a":[1,2],"b":{"x":"A","y":1}}"#);
        let other = read(r#"{"a":[2,1],"b":{"x":"A","y":1}}"#).unwrap();
        assert_ne!(canonical(&left), canonical(&other));
    }

    #[test]
    fn null_members_count_as_absent() {
        let json = read(r#"{"a":null,"b":2}"#).unwrap();
        assert_eq!(json.member("a"), None);
        assert_eq!(json.member("b").and_then(Json::as_integer), Some(2));
        assert_eq!(json.member("c"), None);
    }
}
