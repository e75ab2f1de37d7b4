//! Reads bodies member by member and collects what is wrong with them, so
//! that a client hears of everything at once.

use crate::json::Json;
use crate::truelayer::errors::Fault;
use std::borrow::Cow;

/// What is wrong with a body: paths and sentences.
#[derive(Debug, Default)]
pub(in crate::truelayer) struct Faults(Vec<(String, Cow<'static, str>)>);

impl Faults {
    /// The value, unless something was wrong.
    pub(in crate::truelayer) fn unless<T>(self, value: Option<T>) -> Result<T, Fault> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => {
                let fault = Fault::invalid_parameters("One or more parameters are not acceptable.");
                Err(self.0.into_iter().fold(fault, |fault, (path, message)| fault.with(&path, message)))
            }
        }
    }
}

/// A member of a body, there or not.
#[derive(Debug, Clone)]
pub(in crate::truelayer) struct Place<'a> {
    value: Option<&'a Json>,
    path: String,
}

impl<'a> Place<'a> {
    /// The body itself, which must be an object.
    pub(in crate::truelayer) fn root(json: &'a Json, faults: &mut Faults) -> Self {
        let place = Self { value: Some(json), path: String::new() };
        if json.as_object().is_none() {
            faults.0.push(("body".to_owned(), Cow::Borrowed("must be a JSON object")));
        }
        place
    }

    /// A member; absent where this is no object. Null counts as absent.
    pub(in crate::truelayer) fn at(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value: self.value.and_then(|json| json.member(name)), path }
    }

    /// The value, where it is there.
    pub(in crate::truelayer) fn value(&self) -> Option<&'a Json> {
        self.value
    }

    /// True when it is there.
    pub(in crate::truelayer) fn is_given(&self) -> bool {
        self.value.is_some()
    }

    /// Something is wrong with it.
    pub(in crate::truelayer) fn fault(&self, faults: &mut Faults, message: impl Into<Cow<'static, str>>) {
        faults.0.push((self.path.clone(), message.into()));
    }

    /// A text, where it is there.
    pub(in crate::truelayer) fn text(&self, faults: &mut Faults) -> Option<&'a str> {
        let text = self.value?.as_text();
        if text.is_none() {
            self.fault(faults, "must be a string");
        }
        text
    }

    /// A text that must be there and not be empty.
    pub(in crate::truelayer) fn required_text(&self, faults: &mut Faults) -> Option<&'a str> {
        if !self.is_given() {
            self.fault(faults, "is required");
            return None;
        }
        let text = self.text(faults)?;
        if text.is_empty() {
            self.fault(faults, "must not be empty");
            return None;
        }
        Some(text)
    }

    /// A text that must be one of these, where it is there.
    pub(in crate::truelayer) fn word(&self, words: &[&'static str], faults: &mut Faults) -> Option<&'static str> {
        let text = self.text(faults)?;
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.fault(faults, "is not one of the values that are taken");
        }
        found
    }

    /// A list of texts, where it is there.
    pub(in crate::truelayer) fn texts(&self, faults: &mut Faults) -> Option<Vec<String>> {
        let listed = self.value?.as_array();
        let texts: Option<Vec<String>> =
            listed.and_then(|listed| listed.iter().map(|json| json.as_text().map(str::to_owned)).collect());
        if texts.is_none() {
            self.fault(faults, "must be a list of strings");
        }
        texts
    }

    /// An object; tells whether it is there, and finds fault with other kinds.
    pub(in crate::truelayer) fn object(&self, faults: &mut Faults) -> bool {
        match self.value {
            None => false,
            Some(json) if json.as_object().is_some() => true,
            Some(_) => {
                self.fault(faults, "must be an object");
                false
            }
        }
    }

    /// A whole number of seconds, at most a year, where it is there.
    pub(in crate::truelayer) fn seconds(&self, faults: &mut Faults) -> Option<u32> {
        const YEAR: u64 = 365 * 86_400;
        let seconds = self.value?.as_integer().filter(|seconds| *seconds <= YEAR);
        let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        if seconds.is_none() {
            self.fault(faults, "must be a whole number of seconds");
        }
        seconds
    }
}
