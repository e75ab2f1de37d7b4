//! Keys that seal what must not be readable on a stolen disk.
//!
//! A key file holds one line per key, `<version>:<64 hex digits>`. Every key
//! opens; the one with the highest version seals; the one with the lowest
//! version makes the blind indices, so that they survive a rotation.

use aws_lc_rs::rand;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Length of one key in bytes.
pub const KEY_LENGTH: usize = 32;

/// Longest key file that is read, so that a wrong path does no harm.
const FILE_LENGTH_MAX: u64 = 64 * 1024;

/// Why no key ring came of it. The texts never hold any of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the key file cannot be read or made")]
    Io(#[from] io::Error),
    /// A line is not `<version>:<64 hex digits>`.
    #[error("line {0} of the key file is not `<version 0..255>:<64 hex digits>`")]
    Line(usize),
    /// The ring has no key.
    #[error("the key file holds no key")]
    Empty,
    /// Two keys have one version.
    #[error("the key file holds two keys of version {0}")]
    Twice(u8),
    /// The system gave no randomness.
    #[error("the system's random source failed")]
    Random,
}

/// One key and its version.
#[derive(Clone)]
pub(crate) struct VersionedKey {
    /// Written in front of everything that it seals.
    pub(crate) version: u8,
    /// The key itself.
    pub(crate) bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

/// The keys that a store opens with, oldest first.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<VersionedKey>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "KeyRing({} keys)", self.keys.len())
    }
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub fn of(version: u8, key: [u8; KEY_LENGTH]) -> Self {
        Self { keys: vec![VersionedKey { version, bytes: Zeroizing::new(key) }] }
    }

    /// A ring of these keys, each with its version.
    pub fn from_keys(keys: impl IntoIterator<Item = (u8, [u8; KEY_LENGTH])>) -> Result<Self, KeyError> {
        let mut keys: Vec<VersionedKey> =
            keys.into_iter().map(|(version, bytes)| VersionedKey { version, bytes: Zeroizing::new(bytes) }).collect();
        keys.sort_by_key(|key| key.version);
        if let Some(twice) = keys.windows(2).find(|pair| pair[0].version == pair[1].version) {
            return Err(KeyError::Twice(twice[0].version));
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// Reads the text of a key file; empty lines and lines that begin with
    /// `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(parse_line(line).ok_or(KeyError::Line(index + 1))?);
        }
        Self::from_keys(keys)
    }

    /// Reads a key file.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let mut text = Zeroizing::new(String::new());
        File::open(path)?.take(FILE_LENGTH_MAX).read_to_string(&mut text)?;
        Self::parse(&text)
    }

    /// Reads a key file, or makes one with a new key of version 1 that only
    /// its owner may read, and syncs it: data sealed with a key that is lost
    /// is lost.
    pub fn open_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::from_file(path) {
            Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let mut bytes = Zeroizing::new([0_u8; KEY_LENGTH]);
        rand::fill(bytes.as_mut()).map_err(|_| KeyError::Random)?;
        let mut text = Zeroizing::new(String::from("1:"));
        for byte in bytes.iter() {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self::of(1, *bytes))
    }

    /// Every key, oldest first.
    pub(crate) fn keys(&self) -> &[VersionedKey] {
        &self.keys
    }
}

fn parse_line(line: &str) -> Option<(u8, [u8; KEY_LENGTH])> {
    let (version, hex) = line.split_once(':')?;
    let hex = hex.as_bytes();
    if hex.len() != KEY_LENGTH * 2 {
        return None;
    }
    let mut bytes = [0_u8; KEY_LENGTH];
    for (to, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *to = u8::try_from(high * 16 + low).ok()?;
    }
    Some((version.trim().parse().ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_refuses_the_rest() {
        let key = "ab".repeat(32);
        let ring = KeyRing::parse(&format!("# keys\n2:{key}\n\n1:{key}\n")).unwrap();
        assert_eq!(ring.keys().iter().map(|key| key.version).collect::<Vec<_>>(), [1, 2]);
        for (bad, text) in [("", "no key"), ("1:ab", "line 1"), ("300:", "line 1")] {
            assert!(KeyRing::parse(bad).unwrap_err().to_string().contains(text), "{bad}");
        }
        assert!(matches!(KeyRing::parse(&format!("1:{key}\n1:{key}")), Err(KeyError::Twice(1))));
        assert!(!format!("{ring:?}").contains("ab"));
    }

    #[test]
    fn makes_a_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let first = KeyRing::open_or_create(&path).unwrap();
        let second = KeyRing::open_or_create(&path).unwrap();
        assert_eq!(first.keys()[0].bytes, second.keys()[0].bytes);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
