//! The one way in which every request is taken: who signed it, then its body.

use super::App;
use super::auth::{self, Caller};
use super::config::Config;
use super::errors::Fault;
use super::keys::Scope;
use crate::json::{self, Json};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use refundry_domain::id::MerchantId;
use std::sync::{Arc, OnceLock};
use url::form_urlencoded;

/// Largest body, bytes (contract 5.2).
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A signed request.
#[derive(Debug)]
pub(super) struct Call {
    /// Who signed it.
    pub(super) caller: Caller,
    /// Its headers.
    pub(super) headers: HeaderMap,
    uri: Uri,
    body: Bytes,
}

/// Whose request it is, for those around the handler, once that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Merchant(pub(super) Arc<OnceLock<MerchantId>>);

impl FromRequest<Arc<App>> for Call {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let too_large = || Fault::of_status(413, "The body is too large.");
        let body = Bytes::from_request(Request::new(body), app).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                too_large()
            } else {
                Fault::field("body", "could not be read")
            }
        })?;
        if body.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        let caller = auth::caller(app, &parts, &body)?;
        if let Some(Merchant(cell)) = parts.extensions.get::<Merchant>() {
            let _ = cell.set(caller.merchant);
        }
        // An estimate changes nothing, whatever its method.
        if parts.method.is_safe() || parts.uri.path().ends_with("/estimate") {
            auth::read_once(app, &caller).await?;
        }
        Ok(Self { caller, headers: parts.headers, uri: parts.uri, body })
    }
}

impl Call {
    /// Checks that the key opens this.
    ///
    /// # Errors
    /// 403 when it does not.
    pub(super) fn needs(&self, app: &App, scope: Scope) -> Result<(), Fault> {
        auth::check_scope(app, &self.caller, scope)
    }

    /// The settings in force for who called.
    pub(super) fn config(&self) -> &Config {
        &self.caller.config
    }

    /// The body; none when nothing was sent.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn body(&self) -> Result<Option<Json>, Fault> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let json = json::parse(&self.body).map_err(|fault| Fault::of_json(&fault))?;
        match json {
            Json::Object(_) => Ok(Some(json)),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::OtherNumber(_) | Json::Text(_) | Json::Array(_) => {
                Err(Fault::field("body", "must be an object"))
            }
        }
    }

    /// The parameters of the query, decoded.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let query = self.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }
}

/// A parameter of a query; an empty one counts as absent.
pub(super) fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| &**value)
}
