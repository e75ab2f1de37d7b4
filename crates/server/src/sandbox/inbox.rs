//! The inbox: receives webhooks without a credential and shows them, so that
//! a newcomer needs no server of their own.
//!
//! In memory and bounded in names, letters and bytes; the oldest letter of a
//! name gives way to a new one. One short lock, never held across a wait.

use refundry_domain::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Most names.
pub const NAMES_MAX: usize = 64;
/// Most letters of one name.
pub const LETTERS_MAX: usize = 1000;
/// Most bytes of one letter's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of all bodies of one name.
const NAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest name.
const NAME_LENGTH_MAX: usize = 64;

/// One received webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// Header names in lower case, and their values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a letter was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The name is empty, too long, or holds other than letters, digits, `-`, `_` and `.`.
    NameMalformed,
    /// All names are in use.
    TooManyNames,
    /// The body is too large.
    BodyTooLarge,
}

/// All letters.
#[derive(Debug, Default)]
pub struct Inbox {
    boxes: Mutex<HashMap<String, Letters>>,
}

#[derive(Debug, Default)]
struct Letters {
    newest_last: VecDeque<Letter>,
    bytes: usize,
}

impl Inbox {
    /// Takes a letter.
    pub fn put(&self, name: &str, letter: Letter) -> Result<(), NotTaken> {
        if !well_formed(name) {
            return Err(NotTaken::NameMalformed);
        }
        if letter.body.len() > BODY_BYTES_MAX {
            return Err(NotTaken::BodyTooLarge);
        }
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        if !boxes.contains_key(name) && boxes.len() >= NAMES_MAX {
            return Err(NotTaken::TooManyNames);
        }
        let letters = boxes.entry(name.to_owned()).or_default();
        letters.bytes += letter.body.len();
        letters.newest_last.push_back(letter);
        while letters.newest_last.len() > LETTERS_MAX || letters.bytes > NAME_BYTES_MAX {
            let Some(oldest) = letters.newest_last.pop_front() else { break };
            letters.bytes -= oldest.body.len();
        }
        Ok(())
    }

    /// The newest letters of a name, newest first; none for an unknown name.
    #[must_use]
    pub fn newest(&self, name: &str, limit: usize) -> Vec<Letter> {
        let boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let letters = boxes.get(name);
        letters.map(|letters| letters.newest_last.iter().rev().take(limit).cloned().collect()).unwrap_or_default()
    }
}

fn well_formed(name: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(body: &[u8]) -> Letter {
        Letter { at: Timestamp(0), headers: Vec::new(), body: body.to_vec() }
    }

    #[test]
    fn keeps_the_newest_and_shows_them_first() {
        let inbox = Inbox::default();
        for number in 0..LETTERS_MAX + 2 {
            assert_eq!(inbox.put("native", letter(number.to_string().as_bytes())), Ok(()));
        }
        let shown = inbox.newest("native", usize::MAX);
        assert_eq!(shown.len(), LETTERS_MAX);
        assert_eq!(shown[0].body, (LETTERS_MAX + 1).to_string().as_bytes());
        assert_eq!(shown[LETTERS_MAX - 1].body, b"2");
        assert_eq!(inbox.newest("native", 3).len(), 3);
        assert!(inbox.newest("other", 3).is_empty());
    }

    #[test]
    fn is_bounded_in_names_and_bytes() {
        let inbox = Inbox::default();
        for name in ["", "a/b", "é", &"x".repeat(65)] {
            assert_eq!(inbox.put(name, letter(b"")), Err(NotTaken::NameMalformed), "{name}");
        }
        assert_eq!(inbox.put("a", letter(&vec![0; BODY_BYTES_MAX + 1])), Err(NotTaken::BodyTooLarge));
        for number in 0..NAMES_MAX {
            assert_eq!(inbox.put(&number.to_string(), letter(b"")), Ok(()));
        }
        assert_eq!(inbox.put("one-more", letter(b"")), Err(NotTaken::TooManyNames));
        assert_eq!(inbox.put("7", letter(b"")), Ok(()));
        for _ in 0..200 {
            assert_eq!(inbox.put("8", letter(&vec![0; BODY_BYTES_MAX])), Ok(()));
        }
        assert_eq!(inbox.newest("8", usize::MAX).len(), NAME_BYTES_MAX / BODY_BYTES_MAX);
    }
}
