//! A small binary notation for records: length-prefixed texts, variable-length
//! integers, one byte per tag. Events are hashed in this form, so it may grow
//! at the end of a record but never change.

/// The bytes are cut short or hold a value that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Writes a record.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An empty record.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::with_capacity(128) }
    }

    /// The finished record.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// One byte: a tag or a boolean.
    pub fn byte(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    /// An unsigned integer, seven bits a byte, least significant first.
    pub fn number(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            let low = u8::try_from(value & 0x7f).unwrap_or(0x7f);
            self.bytes.push(low | 0x80);
            value >>= 7;
        }
        self.bytes.push(u8::try_from(value).unwrap_or(0x7f));
        self
    }

    /// A signed integer of 64 bits, big-endian.
    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A 128-bit identifier.
    pub fn id(&mut self, value: u128) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A length-prefixed run of bytes.
    pub fn blob(&mut self, value: &[u8]) -> &mut Self {
        self.number(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(value);
        self
    }

    /// A length-prefixed UTF-8 text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.blob(value.as_bytes())
    }

    /// A tag byte 0 or 1, and the value when it is there.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            None => {
                self.byte(0);
            }
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
        }
        self
    }

    /// A count and then every item.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.number(u64::try_from(items.len()).unwrap_or(u64::MAX));
        for item in items {
            write(self, item);
        }
        self
    }
}

/// Reads a record back.
#[derive(Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

/// The longest list a record may hold.
const LIST_LENGTH_MAX: u64 = 100_000;

impl<'a> Decoder<'a> {
    /// Starts at the beginning of a record.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True when nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = tail;
        Ok(head)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed)
    }

    /// A boolean written as 0 or 1.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    /// An unsigned integer.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return Err(Malformed);
            }
            value |= low.checked_shl(shift).ok_or(Malformed)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A signed integer of 64 bits.
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let bytes: [u8; 8] = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(i64::from_be_bytes(bytes))
    }

    /// A 128-bit identifier.
    pub fn id(&mut self) -> Result<u128, Malformed> {
        let bytes: [u8; 16] = self.take(16)?.try_into().map_err(|_| Malformed)?;
        Ok(u128::from_be_bytes(bytes))
    }

    /// A run of bytes.
    pub fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(count)
    }

    /// A UTF-8 text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.blob()?).map_err(|_| Malformed)
    }

    /// An optional value.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// A list of values.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let count = self.number()?;
        if count > LIST_LENGTH_MAX {
            return Err(Malformed);
        }
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mut encoder = Encoder::new();
        for number in [0, 1, 127, 128, 300, u64::MAX] {
            encoder.number(number);
        }
        encoder.signed(-5).id(u128::MAX).text("Rückgabe").option(Some(7), |to, value| {
            to.number(value);
        });
        let bytes = encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        for number in [0, 1, 127, 128, 300, u64::MAX] {
            assert_eq!(decoder.number(), Ok(number));
        }
        assert_eq!(decoder.signed(), Ok(-5));
        assert_eq!(decoder.id(), Ok(u128::MAX));
        assert_eq!(decoder.text(), Ok("Rückgabe"));
        assert_eq!(decoder.option(Decoder::number), Ok(Some(7)));
        assert!(decoder.is_empty());
        assert_eq!(decoder.byte(), Err(Malformed));
    }

    #[test]
    fn every_cut_is_noticed() {
        let mut encoder = Encoder::new();
        encoder.text("abc").number(300).id(7);
        let bytes = encoder.finish();
        for length in 0..bytes.len() {
            let cut = bytes.get(..length).unwrap_or_default();
            let mut decoder = Decoder::new(cut);
            let read = decoder.text().and_then(|_| decoder.number()).and_then(|_| decoder.id());
            assert_eq!(read, Err(Malformed), "cut at {length}");
        }
    }
}
