//! The stylesheet, the script and the icon, inside the binary. Their names
//! carry a hash of their content, so that browsers may keep them for ever.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use refundry_engine::digest::sha256;
use std::sync::LazyLock;

/// A file that pages load.
pub struct Asset {
    media: &'static str,
    text: &'static str,
    path: LazyLock<String>,
}

impl std::fmt::Debug for Asset {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Asset({})", self.path())
    }
}

fn path_of(name: &str, ending: &str, text: &str) -> String {
    let hash = hex::encode(sha256(text.as_bytes()).get(..6).unwrap_or_default());
    format!("/assets/{name}-{hash}.{ending}")
}

const STYLE_TEXT: &str = include_str!("../../assets/refundry.css");
const SCRIPT_TEXT: &str = include_str!("../../assets/refundry.js");
const ICON_TEXT: &str = include_str!("../../assets/icon.svg");

/// The one stylesheet.
pub static STYLE: Asset = Asset {
    media: "text/css; charset=utf-8",
    text: STYLE_TEXT,
    path: LazyLock::new(|| path_of("refundry", "css", STYLE_TEXT)),
};
/// The one script.
pub static SCRIPT: Asset = Asset {
    media: "text/javascript; charset=utf-8",
    text: SCRIPT_TEXT,
    path: LazyLock::new(|| path_of("refundry", "js", SCRIPT_TEXT)),
};
/// The icon of a tab.
pub static ICON: Asset =
    Asset { media: "image/svg+xml", text: ICON_TEXT, path: LazyLock::new(|| path_of("icon", "svg", ICON_TEXT)) };

impl Asset {
    /// Where it is served.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn file(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    fn respond(&self) -> Response {
        let mut response = Response::new(Body::from(self.text));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        response
    }
}

/// `GET /assets/{file}`.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let found = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.file() == file);
    found.map_or_else(
        || {
            let mut response = Response::new(Body::from("There is nothing at this path.\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        },
        Asset::respond,
    )
}
