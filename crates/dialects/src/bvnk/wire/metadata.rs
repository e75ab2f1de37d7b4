//! Pairs that the client gives and gets back; numbers come back with the
//! text that was sent.

use super::out::quote;
use crate::bvnk::errors::Fault;
use crate::json::Json;

/// Most pairs.
const PAIR_COUNT_MAX: usize = 10;
/// Longest key, characters.
const KEY_LENGTH_MAX: usize = 40;
/// Longest text, characters.
const TEXT_LENGTH_MAX: usize = 255;

/// Reads the pairs into the JSON text that is stored and echoed; empty when
/// none were given.
///
/// # Errors
/// A limit of the contract (3.3).
pub(in crate::bvnk) fn read(body: &Json) -> Result<String, Fault> {
    let Some(given) = body.member("metadata") else { return Ok(String::new()) };
    let wrong = |message: &str| Fault::field("metadata", message);
    let pairs = given.as_object().ok_or_else(|| wrong("must be an object"))?;
    if pairs.len() > PAIR_COUNT_MAX {
        return Err(wrong("has more than 10 pairs"));
    }
    let mut text = String::from("{");
    for (place, (key, value)) in pairs.iter().enumerate() {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !plain || !(1..=KEY_LENGTH_MAX).contains(&key.len()) {
            return Err(wrong("has a key that is not 1 to 40 letters, digits, _ or -"));
        }
        if place > 0 {
            text.push(',');
        }
        quote(key, &mut text);
        text.push(':');
        match value {
            Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Json::Integer(value) => text.push_str(&value.to_string()),
            Json::OtherNumber(spelling) => text.push_str(spelling),
            Json::Text(value) => {
                if value.chars().count() > TEXT_LENGTH_MAX || value.contains(['<', '>']) {
                    return Err(wrong("has a text of more than 255 characters, or with < or >"));
                }
                quote(value, &mut text);
            }
            Json::Null | Json::Array(_) | Json::Object(_) => {
                return Err(wrong("has a value that is no text, number or boolean"));
            }
        }
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        read(&crate::json::parse(text.as_bytes()).unwrap()).ok()
    }

    // conformance: bvnk 26
    #[test]
    fn limits_and_echo() {
        let text = r#"{"commodo_98c":-7730204.67308791,"a-b":"esse magna","n":46641026,"t":true,"e":1.50e+2}"#;
        assert_eq!(of(&format!(r#"{{"metadata":{text}}}"#)).as_deref(), Some(text));
        let pairs = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|number| format!("\"k{number}\":1")).collect();
            format!(r#"{{"metadata":{{{}}}}}"#, pairs.join(","))
        };
        assert!(of(&pairs(10)).is_some() && of(&pairs(11)).is_none());
        let key = |length: usize| format!(r#"{{"metadata":{{"{}":1}}}}"#, "k".repeat(length));
        assert!(of(&key(40)).is_some() && of(&key(41)).is_none() && of(&key(0)).is_none());
        let value = |text: &str| format!(r#"{{"metadata":{{"k":{text}}}}}"#);
        assert!(of(&value(&format!("\"{}\"", "é".repeat(255)))).is_some());
        let long = format!("\"{}\"", "é".repeat(256));
        for bad in ["\"<b>\"", "\"a>\"", "null", "[1]", "{}", &long] {
            assert_eq!(of(&value(bad)), None, "{bad}");
        }
        assert_eq!((of("{}"), of(r#"{"metadata":null}"#)), (Some(String::new()), Some(String::new())));
        assert!(of(r#"{"metadata":[]}"#).is_none() && of(r#"{"metadata":{"k k":1}}"#).is_none());
    }
}
