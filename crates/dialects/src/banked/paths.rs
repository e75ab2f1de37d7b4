//! What requests of all generations have in their paths.

use super::App;
use super::errors::{Fault, Kind, Shape};
use super::wire;
use crate::answer;
use axum::extract::Path;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::response::Response;
use bytes::Bytes;
use http::{StatusCode, Uri};
use std::sync::Arc;

/// The shape of errors below a path.
pub(crate) fn shape_of(path: &str) -> Shape {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/v3/payins") {
        Shape::Payin
    } else if below("/v3") {
        Shape::V3
    } else {
        Shape::V2
    }
}

/// The answer to a path that leads nowhere.
pub(crate) fn not_found(app: &App, path: &str) -> Response {
    if path.starts_with("/oauth") {
        return answer::json(404, wire::oauth_error("not_found"));
    }
    Fault::not_found("No such path").respond(shape_of(path), &app.config)
}

/// The answer to a request that was refused before any route ran.
pub(crate) fn refuse(app: &App, status: u16, detail: &'static str, path: &str) -> Response {
    let kind = Kind::of_status(status);
    let mut reply = Fault::new(kind, detail).reply(shape_of(path), &app.config);
    reply.status = status;
    reply.respond()
}

/// The answer to a method that a path does not have.
pub(crate) async fn method_not_allowed(State(app): State<Arc<App>>, uri: Uri) -> Response {
    if uri.path().starts_with("/oauth") {
        return answer::json(405, wire::oauth_error("invalid_request"));
    }
    Fault::new(Kind::MethodNotAllowed, "This path has other methods").respond(shape_of(uri.path()), &app.config)
}

/// The body of a request, unless it was too large or broke off.
pub(crate) fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Fault> {
    body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Fault::new(Kind::TooLarge, "The body is too large")
        } else {
            Fault::new(Kind::Decoding, "The body could not be read")
        }
    })
}

/// The id in a path; what is not UTF-8 names nothing.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(id)| id).unwrap_or_default()
}
