//! Codes that a telephone reads, drawn on the server: no picture is loaded
//! from anywhere, and the secret in it goes nowhere else.

use qrcodegen::{QrCode, QrCodeEcc};

/// Empty modules around the code, as readers want them.
const QUIET: i32 = 4;

/// A code as a picture: one path on a square.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrPicture {
    /// Width and height, with what is empty around it.
    pub size: i32,
    /// The dark modules, as the data of a path.
    pub path: String,
}

impl QrPicture {
    /// The picture of a text; none where it is longer than any code.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let begin = x;
                while x < code.size() && code.get_module(x, y) {
                    x = x.saturating_add(1);
                }
                if x > begin {
                    let (left, top) = (begin.saturating_add(QUIET), y.saturating_add(QUIET));
                    path.push_str(&format!("M{left} {top}h{}v1H{left}z", x.saturating_sub(begin)));
                }
                x = x.saturating_add(1);
            }
        }
        Some(Self { size: code.size().saturating_add(QUIET.saturating_mul(2)), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_finders_and_its_margin() {
        let picture = QrPicture::of("otpauth://totp/Refundry:ada@shop.example?secret=ABC").unwrap();
        // The top edges of the two upper finders are seven modules long.
        assert!(picture.path.starts_with("M4 4h7v1H4z"), "{}", picture.path);
        let right = picture.size - QUIET - 7;
        assert!(picture.path.contains(&format!("M{right} 4h7v1H{right}z")), "{}", picture.path);
        assert_eq!(QrPicture::of(&"x".repeat(5_000)), None);
    }
}
