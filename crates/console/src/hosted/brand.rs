//! A merchant's colour and logo on its pages, as files of our own: a small
//! stylesheet and a picture, named after their content. A colour that could
//! not be read is made darker, or lighter on a dark page, until it can.

use super::Hosted;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use refundry_domain::id::MerchantId;
use refundry_engine::digest::sha256;
use refundry_engine::registry::Brand;
use std::sync::Arc;

/// What text on an accent must reach against it (WCAG 2.2, 1.4.3).
const CONTRAST_MIN: f64 = 4.5;
/// The paper that links stand on: `--paper` in light, `--raised` in dark.
const LIGHT_PAPER: [u8; 3] = [0xf7, 0xf7, 0xf4];
const DARK_PAPER: [u8; 3] = [0x18, 0x21, 0x20];
/// Steps from a colour to black or white.
const STEPS: u16 = 20;

/// Where a brand's stylesheet is served; none where it has no colour.
pub(super) fn style_path(brand: &Brand) -> Option<String> {
    Some(path(brand.merchant, style(brand.colour?).as_bytes(), "css"))
}

/// Where a brand's logo is served; none where it has none.
pub(super) fn logo_path(brand: &Brand) -> Option<String> {
    let logo = brand.logo.as_ref()?;
    let ending = Brand::media_of(logo)?.rsplit('/').next()?;
    Some(path(brand.merchant, logo, ending))
}

fn path(merchant: MerchantId, content: &[u8], ending: &str) -> String {
    let hash = hex::encode(sha256(content).get(..6).unwrap_or_default());
    format!("/assets/brand/{merchant}-{hash}.{ending}")
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The colour, moved towards `end` as little as makes it readable on `paper`.
fn readable(colour: [u8; 3], paper: [u8; 3], end: u8) -> [u8; 3] {
    let mixed = |step: u16| {
        colour.map(|part| {
            let mixed = (u16::from(part) * (STEPS - step) + u16::from(end) * step) / STEPS;
            u8::try_from(mixed).unwrap_or(end)
        })
    };
    (0..=STEPS).map(mixed).find(|mixed| contrast(*mixed, paper) >= CONTRAST_MIN).unwrap_or([end; 3])
}

fn style(colour: [u8; 3]) -> String {
    let light = hex::encode(readable(colour, LIGHT_PAPER, 0));
    let dark = hex::encode(readable(colour, DARK_PAPER, 255));
    format!(
        ":root {{ --accent: #{light}; --accent-ink: #ffffff; }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --accent: #{dark}; --accent-ink: #06100f; }} }}\n"
    )
}

/// The colour of a button in a letter, on white.
pub(crate) fn letter_accent(brand: Option<&Brand>) -> String {
    let colour = brand.and_then(|brand| brand.colour).unwrap_or([0x0b, 0x5a, 0x5e]);
    format!("#{}", hex::encode(readable(colour, LIGHT_PAPER, 0)))
}

/// `GET /assets/brand/{file}`.
pub(super) async fn serve(State(hosted): State<Arc<Hosted>>, Path(file): Path<String>) -> Response {
    let found = find(&hosted, &file);
    let (status, media, body) = match found {
        Some((media, body)) => (StatusCode::OK, media, body),
        None => (StatusCode::NOT_FOUND, "text/plain", Body::from("There is nothing at this path.\n")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if status == StatusCode::OK {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    }
    response
}

fn find(hosted: &Hosted, file: &str) -> Option<(&'static str, Body)> {
    let (merchant, _) = file.rsplit_once('-')?;
    let merchant = MerchantId::parse(merchant).ok()?;
    let brand = hosted.engine().directory().brands.get(&merchant).map(Arc::clone)?;
    let asked = format!("/assets/brand/{file}");
    if style_path(&brand).as_ref() == Some(&asked) {
        return Some(("text/css; charset=utf-8", Body::from(style(brand.colour?))));
    }
    let logo = brand.logo.as_ref().filter(|_| logo_path(&brand).as_ref() == Some(&asked))?;
    Some((Brand::media_of(logo)?, Body::from(logo.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_becomes_readable_and_a_good_one_stays() {
        for part in [0_u8, 51, 128, 200, 255] {
            for other in [0_u8, 90, 180, 255] {
                let colour = [part, other, 255 - part];
                let (light, dark) = (readable(colour, LIGHT_PAPER, 0), readable(colour, DARK_PAPER, 255));
                assert!(contrast(light, LIGHT_PAPER) >= CONTRAST_MIN && contrast(light, [255; 3]) >= CONTRAST_MIN);
                assert!(contrast(dark, DARK_PAPER) >= CONTRAST_MIN && contrast(dark, [6, 16, 15]) >= CONTRAST_MIN);
            }
        }
        assert_eq!(readable([0x0b, 0x5a, 0x5e], LIGHT_PAPER, 0), [0x0b, 0x5a, 0x5e]);
        assert!(style([255, 255, 0]).contains("--accent-ink: #ffffff"));
    }
}
