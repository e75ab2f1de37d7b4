//! How far the sandbox's clock was moved, kept beside the store, so that a
//! restart does not take time back.

use refundry_domain::time::Span;
use refundry_engine::clock::AdvancedClock;
use std::io;
use std::path::Path;

/// The file's name in the data folder: whole nanoseconds as text.
const FILE: &str = "clock";

/// The clock as the last run left it. A missing file is a clock on real time.
pub fn load(data: &Path) -> io::Result<AdvancedClock> {
    let text = match std::fs::read_to_string(data.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AdvancedClock::default()),
        Err(error) => return Err(error),
    };
    let nanos = text
        .trim()
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the clock file holds no number"))?;
    Ok(AdvancedClock::ahead_by(Span(nanos)))
}

/// Keeps how far ahead the clock is, before it is moved there.
pub fn save(data: &Path, ahead: Span) -> io::Result<()> {
    super::files::replace(&data.join(FILE), ahead.0.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_left() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(load(data.path()).unwrap().ahead(), Span(0));
        save(data.path(), Span::seconds(3600)).unwrap();
        assert_eq!(load(data.path()).unwrap().ahead(), Span::seconds(3600));
        std::fs::write(data.path().join(FILE), "soon").unwrap();
        assert!(load(data.path()).is_err());
    }
}
