//! How a merchant's pages and letters look.

use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::MerchantId;
use std::fmt;
use std::sync::Arc;

/// Longest name, in characters.
pub const BRAND_NAME_LENGTH_MAX: usize = 80;
/// Largest logo, in bytes.
pub const LOGO_BYTES_MAX: usize = 65_536;

/// What the pages and letters of a merchant show of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Brand {
    /// Whose.
    pub merchant: MerchantId,
    /// Its name for customers, where it is another than the merchant's.
    pub name: Option<String>,
    /// The colour of buttons and links: red, green, blue. Pages make it darker
    /// or lighter where it could not be read.
    pub colour: Option<[u8; 3]>,
    /// A small picture: PNG, JPEG or WebP, at most [`LOGO_BYTES_MAX`].
    pub logo: Option<Arc<[u8]>>,
}

impl fmt::Debug for Brand {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Brand(of {}, {:?})", self.merchant, self.name)
    }
}

impl Brand {
    /// A brand that changes nothing.
    #[must_use]
    pub fn plain(merchant: MerchantId) -> Self {
        Self { merchant, name: None, colour: None, logo: None }
    }

    /// The media type of a picture that browsers show and that holds no
    /// script; none for anything else.
    #[must_use]
    pub fn media_of(picture: &[u8]) -> Option<&'static str> {
        if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some("image/png");
        }
        if picture.starts_with(b"\xff\xd8\xff") {
            return Some("image/jpeg");
        }
        let webp = picture.starts_with(b"RIFF") && picture.get(8..12) == Some(b"WEBP".as_slice());
        webp.then_some("image/webp")
    }

    /// True when it can be kept: name and logo within their limits, and the
    /// logo a picture that we know.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let name = self.name.as_ref().is_none_or(|name| {
            let length = name.chars().count();
            (1..=BRAND_NAME_LENGTH_MAX).contains(&length) && !name.chars().any(char::is_control)
        });
        let logo = self.logo.as_ref().is_none_or(|logo| logo.len() <= LOGO_BYTES_MAX && Self::media_of(logo).is_some());
        name && logo
    }

    pub(super) fn put(&self, to: &mut Encoder) {
        to.id(self.merchant.0);
        to.option(self.name.as_deref(), |to, name| {
            to.text(name);
        });
        to.option(self.colour.as_ref(), |to, colour| {
            to.blob(colour);
        });
        to.option(self.logo.as_ref(), |to, logo| {
            to.blob(logo);
        });
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            merchant: MerchantId(from.id()?),
            name: from.option(|from| from.text().map(str::to_owned))?,
            colour: from.option(|from| from.blob()?.try_into().map_err(|_| Malformed))?,
            logo: from.option(|from| from.blob().map(Arc::from))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_without_scripts_are_logos() {
        let png = b"\x89PNG\r\n\x1a\nrest".as_slice();
        let webp = b"RIFF\0\0\0\0WEBPVP8 ".as_slice();
        for (picture, media) in [
            (png, Some("image/png")),
            (b"\xff\xd8\xff\xe0".as_slice(), Some("image/jpeg")),
            (webp, Some("image/webp")),
            (b"<svg onload=alert(1)>".as_slice(), None),
            (b"GIF89a".as_slice(), None),
            (b"".as_slice(), None),
        ] {
            assert_eq!(Brand::media_of(picture), media);
            let brand = Brand { logo: Some(picture.into()), ..Brand::plain(MerchantId(1)) };
            assert_eq!(brand.is_sound(), media.is_some());
        }
        let large =
            Brand { logo: Some([png, &vec![0; LOGO_BYTES_MAX]].concat().into()), ..Brand::plain(MerchantId(1)) };
        assert!(!large.is_sound());
        for name in ["", "two\nlines", &"x".repeat(BRAND_NAME_LENGTH_MAX + 1)] {
            assert!(!Brand { name: Some(name.to_owned()), ..Brand::plain(MerchantId(1)) }.is_sound(), "{name:?}");
        }
    }
}
