//! The `Authorization` header: attributes in any order, each in quotes.

/// The longest header that is read, bytes.
const LENGTH_MAX: usize = 4_096;
/// The longest nonce, characters.
const NONCE_LENGTH_MAX: usize = 64;
/// The longest time, digits.
const TS_LENGTH_MAX: usize = 12;

/// The header, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bvnk) struct Header<'a> {
    /// Public id of the key.
    pub(in crate::bvnk) id: &'a str,
    /// Seconds since 1970, as the client wrote them.
    pub(in crate::bvnk) ts: &'a str,
    /// What makes the request its own.
    pub(in crate::bvnk) nonce: &'a str,
    /// The signature.
    pub(in crate::bvnk) mac: &'a str,
    /// Hash of the body.
    pub(in crate::bvnk) hash: Option<&'a str>,
    /// Whatever the application adds.
    pub(in crate::bvnk) ext: Option<&'a str>,
    /// An application that acts for another.
    pub(in crate::bvnk) app: Option<&'a str>,
    /// Whom it acts for.
    pub(in crate::bvnk) dlg: Option<&'a str>,
}

/// Why a header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bvnk) enum HeaderFault {
    /// Another scheme.
    OtherScheme,
    /// Our scheme, and it does not read.
    Malformed(&'static str),
}

impl<'a> Header<'a> {
    /// Reads the value of a header.
    pub(in crate::bvnk) fn read(value: &'a str) -> Result<Self, HeaderFault> {
        let malformed = HeaderFault::Malformed;
        let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("hawk") {
            return Err(HeaderFault::OtherScheme);
        }
        if value.len() > LENGTH_MAX {
            return Err(malformed("is too long"));
        }
        let mut found = Found::default();
        let mut rest = rest.trim();
        loop {
            let (name, after) = rest.split_once('=').ok_or(malformed("has an attribute without a value"))?;
            let after = after.strip_prefix('"').ok_or(malformed("has a value without quotes"))?;
            let (text, after) = after.split_once('"').ok_or(malformed("has a value without an end"))?;
            let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\');
            if !visible {
                return Err(malformed("has a value with characters that are not allowed"));
            }
            found.put(name.trim(), text)?;
            let after = after.trim_start();
            if after.is_empty() {
                return found.finish();
            }
            rest = after.strip_prefix(',').ok_or(malformed("has attributes without a comma between them"))?.trim();
        }
    }
}

/// The attributes so far.
#[derive(Default)]
struct Found<'a> {
    attributes: [Option<&'a str>; 8],
}

/// The attributes that there are; the first four must be there.
const NAMES: [&str; 8] = ["id", "ts", "nonce", "mac", "hash", "ext", "app", "dlg"];

impl<'a> Found<'a> {
    fn put(&mut self, name: &str, text: &'a str) -> Result<(), HeaderFault> {
        let place = NAMES.iter().position(|known| *known == name);
        let place = place.and_then(|place| self.attributes.get_mut(place));
        let place = place.ok_or(HeaderFault::Malformed("has an attribute that does not exist"))?;
        if place.replace(text).is_some() {
            return Err(HeaderFault::Malformed("has an attribute twice"));
        }
        Ok(())
    }

    fn finish(self) -> Result<Header<'a>, HeaderFault> {
        let missing = HeaderFault::Malformed("lacks an attribute");
        let [id, ts, nonce, mac, hash, ext, app, dlg] = self.attributes;
        let header = Header {
            id: id.ok_or(missing)?,
            ts: ts.ok_or(missing)?,
            nonce: nonce.ok_or(missing)?,
            mac: mac.ok_or(missing)?,
            hash,
            ext,
            app,
            dlg,
        };
        let digits = (1..=TS_LENGTH_MAX).contains(&header.ts.len()) && header.ts.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(HeaderFault::Malformed("has a ts that is no number of seconds"));
        }
        let graphic = header.nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !graphic || !(1..=NONCE_LENGTH_MAX).contains(&header.nonce.len()) {
            return Err(HeaderFault::Malformed("has a nonce of 0 or more than 64 characters"));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // conformance: bvnk 2
    #[test]
    fn attributes_come_in_any_order() {
        let parts = [r#"id="a""#, r#"ts="1""#, r#"nonce="n""#, r#"mac="m=""#];
        let mut orders = 0;
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                for c in (0..4).filter(|c| *c != a && *c != b) {
                    let d = 6 - a - b - c;
                    let text = format!("hAwK {}, {},{} ,{}", parts[a], parts[b], parts[c], parts[d]);
                    let header = Header::read(&text).unwrap();
                    assert_eq!((header.id, header.ts, header.nonce, header.mac), ("a", "1", "n", "m="), "{text}");
                    orders += 1;
                }
            }
        }
        assert_eq!(orders, 24);
    }

    // conformance: bvnk 6
    #[test]
    fn what_does_not_read_is_malformed() {
        let good = r#"Hawk id="a", ts="1", nonce="n", mac="m""#;
        assert!(Header::read(good).is_ok());
        assert!(Header::read(&format!(r#"{good}, hash="h", ext="some data", app="x", dlg="""#)).is_ok());
        for bad in [
            "Hawk",
            "Hawk ",
            r#"Hawk id="a", ts="1", nonce="n""#,
            r#"Hawk id=a, ts="1", nonce="n", mac="m""#,
            r#"Hawk id="a" ts="1", nonce="n", mac="m""#,
            r#"Hawk id="a", ts="1", nonce="n", mac="m", mac="m""#,
            r#"Hawk id="a", ts="1", nonce="n", mac="m", who="me""#,
            r#"Hawk id="a", ts="1", nonce="n", mac="m","#,
            r#"Hawk id="a", ts="-1", nonce="n", mac="m""#,
            r#"Hawk id="a", ts="1234567890123", nonce="n", mac="m""#,
            r#"Hawk id="a", ts="1", nonce="", mac="m""#,
            r#"Hawk id="a\", ts="1", nonce="n", mac="m""#,
            "Hawk id=\"\u{e9}\", ts=\"1\", nonce=\"n\", mac=\"m\"",
        ] {
            assert!(matches!(Header::read(bad), Err(HeaderFault::Malformed(_))), "{bad}");
        }
        let long = format!(r#"{good}, ext="{}""#, "x".repeat(4_096));
        assert!(matches!(Header::read(&long), Err(HeaderFault::Malformed(_))));
        assert_eq!(Header::read("Basic abc"), Err(HeaderFault::OtherScheme));
        assert_eq!(Header::read(""), Err(HeaderFault::OtherScheme));
    }
}
