//! Pairs that a client gave with a refund or payout and gets back, and their
//! stored form.

use crate::json::Json;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Most pairs.
const PAIR_COUNT_MAX: usize = 10;
/// Longest key, in characters.
const KEY_LENGTH_MAX: usize = 40;
/// Longest value, in characters.
const VALUE_LENGTH_MAX: usize = 500;
/// First byte of a stored extension that holds pairs.
const VERSION: u8 = 1;

/// Pairs in the order in which they were given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct Metadata<'a>(pub(in crate::truelayer) Vec<(&'a str, &'a str)>);

impl<'a> Metadata<'a> {
    /// Reads the member of a request; absent and null are none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::truelayer) fn read(json: Option<&'a Json>) -> Result<Self, String> {
        let Some(json) = json else { return Ok(Self::default()) };
        let members = json.as_object().ok_or("must be an object of strings")?;
        if members.len() > PAIR_COUNT_MAX {
            return Err(format!("must have at most {PAIR_COUNT_MAX} pairs"));
        }
        let mut pairs = Vec::with_capacity(members.len());
        for (key, value) in members {
            let value = value.as_text().ok_or("must be an object of strings")?;
            if key.chars().count() > KEY_LENGTH_MAX {
                return Err(format!("keys must have at most {KEY_LENGTH_MAX} characters"));
            }
            if value.chars().count() > VALUE_LENGTH_MAX {
                return Err(format!("values must have at most {VALUE_LENGTH_MAX} characters"));
            }
            pairs.push((key.as_str(), value));
        }
        Ok(Self(pairs))
    }

    /// True when there is nothing to show.
    pub(in crate::truelayer) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stored form; empty for none.
    pub(in crate::truelayer) fn encode(&self) -> Arc<[u8]> {
        if self.is_empty() {
            return Arc::from([]);
        }
        let mut to = Encoder::new();
        to.byte(VERSION).list(&self.0, |to, (key, value)| {
            to.text(key).text(value);
        });
        Arc::from(to.finish())
    }

    /// Reads the stored form back. A record of ours that does not read back
    /// hides its pairs and nothing else.
    pub(in crate::truelayer) fn decode(bytes: &'a [u8]) -> Self {
        let read = |bytes: &'a [u8]| {
            let mut from = Decoder::new(bytes);
            if from.byte()? != VERSION {
                return Err(Malformed);
            }
            from.list(|from| Ok((from.text()?, from.text()?)))
        };
        Self(read(bytes).unwrap_or_default())
    }
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    // conformance: truelayer 58
    #[test]
    fn pairs_have_limits() {
        let read = |text: &str| {
            let json = json::parse(text.as_bytes()).unwrap();
            Metadata::read(Some(&json)).map(|found| found.0.len())
        };
        let pairs = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|number| format!("\"k{number}\":\"v\"")).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let pair = |key: usize, value: usize| format!("{{\"{}\":\"{}\"}}", "é".repeat(key), "é".repeat(value));
        let good = [("{}".to_owned(), 0), (pairs(10), 10), (pair(40, 500), 1), (pair(0, 0), 1)];
        for (text, count) in good {
            assert_eq!(read(&text), Ok(count), "{text}");
        }
        let bad = [pairs(11), pair(41, 1), pair(1, 501), "{\"a\":null}".into(), "{\"a\":1}".into(), "[]".into()];
        for text in bad {
            assert!(read(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let pairs = Metadata(vec![("case", "88"), ("a", "")]);
        assert_eq!(Metadata::decode(&pairs.encode()), pairs);
        assert_eq!(serde_json::to_string(&pairs).unwrap(), r#"{"case":"88","a":""}"#);
        assert!(Metadata::decode(&Metadata::default().encode()).is_empty());
        assert!(Metadata::decode(&[9, 9]).is_empty());
    }
}
