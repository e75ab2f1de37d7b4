//! Kinds of problems that the server itself prints in this shape: what it
//! finds before a route runs, and what the sandbox's API refuses. They stand
//! here so that every `type` leads to its meaning; a test of the server holds
//! them against what it sends.

use super::{Kind, kind, passing};
use http::StatusCode;

/// Beside those that the native API has, too.
pub(in crate::native) const OF_SERVER: [Kind; 10] = [
    kind("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this server takes."),
    passing("body_too_slow", StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."),
    passing("body_broken", StatusCode::BAD_REQUEST, "The body broke off before its end."),
    kind("content_encoding_unsupported", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Bodies are sent without encoding."),
    passing("unavailable", StatusCode::SERVICE_UNAVAILABLE, "The server does not take requests now."),
    passing("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server made a mistake."),
    kind("invalid_request", StatusCode::BAD_REQUEST, "The sandbox's API cannot take this request."),
    kind("already_executed", StatusCode::CONFLICT, "The money has left; few outcomes still apply."),
    passing("bank_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The mock bank does not answer."),
    kind("too_many_inboxes", StatusCode::CONFLICT, "All names of inboxes are in use."),
];
