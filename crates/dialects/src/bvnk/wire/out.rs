//! JSON as this provider prints it: amounts are numbers with the currency's
//! decimals, numbers of others are echoed as they were written, and in
//! webhooks every byte is ASCII.

/// A value to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bvnk) enum Out {
    /// Printed as it is: numbers, and JSON that was checked before.
    Raw(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Out>),
    /// An object.
    Object(Object),
}

/// An object in the making; members stand in the order in which they were put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::bvnk) struct Object {
    members: Vec<(&'static str, Out)>,
}

impl Out {
    /// `null`.
    pub(in crate::bvnk) fn null() -> Self {
        Self::Raw("null".to_owned())
    }

    /// The bytes.
    pub(in crate::bvnk) fn print(&self) -> Vec<u8> {
        let mut to = String::with_capacity(512);
        self.write(&mut to);
        to.into_bytes()
    }

    /// The bytes with everything beyond ASCII escaped: one verifier of this
    /// provider turns bytes into characters one by one.
    pub(in crate::bvnk) fn print_ascii(&self) -> Vec<u8> {
        let mut to = String::with_capacity(1_024);
        self.write(&mut to);
        let mut ascii = String::with_capacity(to.len());
        for character in to.chars() {
            if character.is_ascii() {
                ascii.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
        ascii.into_bytes()
    }

    fn write(&self, to: &mut String) {
        match self {
            Self::Raw(text) => to.push_str(text),
            Self::Text(text) => quote(text, to),
            Self::List(items) => {
                to.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        to.push(',');
                    }
                    item.write(to);
                }
                to.push(']');
            }
            Self::Object(object) => {
                to.push('{');
                for (place, (name, value)) in object.members.iter().enumerate() {
                    if place > 0 {
                        to.push(',');
                    }
                    quote(name, to);
                    to.push(':');
                    value.write(to);
                }
                to.push('}');
            }
        }
    }
}

/// Writes a JSON string.
pub(in crate::bvnk) fn quote(text: &str, to: &mut String) {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    crate::json::write_text(&mut bytes, text);
    to.push_str(&String::from_utf8_lossy(&bytes));
}

impl Object {
    /// An object without members.
    pub(in crate::bvnk) fn new() -> Self {
        Self::default()
    }

    /// Puts a member.
    pub(in crate::bvnk) fn put(mut self, name: &'static str, value: impl Into<Out>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Puts a member that may be absent; absent ones are left out.
    pub(in crate::bvnk) fn put_some(self, name: &'static str, value: Option<impl Into<Out>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// Puts a member that the original does not have, where such are wanted.
    pub(in crate::bvnk) fn extra(self, wanted: bool, name: &'static str, value: impl Into<Out>) -> Self {
        if wanted { self.put(name, value) } else { self }
    }
}

impl From<Object> for Out {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<&str> for Out {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Out {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Out {
    fn from(value: bool) -> Self {
        Self::Raw(value.to_string())
    }
}

impl From<u64> for Out {
    fn from(value: u64) -> Self {
        Self::Raw(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // conformance: bvnk 49
    #[test]
    fn webhooks_are_ascii() {
        let out: Out = Object::new().put("name", "Zo\u{eb} \u{1f600} \"x\"").into();
        assert_eq!(out.print_ascii(), br#"{"name":"Zo\u00eb \ud83d\ude00 \"x\""}"#);
        let read: serde_json::Value = serde_json::from_slice(&out.print_ascii()).unwrap();
        assert_eq!(read["name"], "Zo\u{eb} \u{1f600} \"x\"");
        assert_eq!(out.print(), "{\"name\":\"Zo\u{eb} \u{1f600} \\\"x\\\"\"}".as_bytes());
    }
}
