//! Problem details (RFC 9457) for what no provider's dialect owns: unknown
//! paths, the server's faults, and the sandbox's own routes.

use crate::fault::Fault;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

/// The media type of problem details.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The members of every problem: the native ones, and `trace_id` beside
/// `request_id`, so that the generic answers of an origin that several
/// dialects share carry what each of them looks for (design section 1).
#[derive(Serialize)]
struct Members<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    retryable: bool,
    request_id: &'a str,
    trace_id: &'a str,
}

/// A problem that does not know its request yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code.
    pub code: &'static str,
    /// A sentence for people; no secrets, no account numbers.
    pub detail: String,
    /// Whether the same request may pass later.
    pub retryable: bool,
}

impl Problem {
    /// A problem that the same request will meet again.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retryable: false }
    }

    /// The same, but it may be gone next time.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The answer to the request with this id at this path.
    #[must_use]
    pub fn print(&self, request_id: &str, path: &str) -> Response {
        let members = Members {
            r#type: format!("/problems/{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: path,
            code: self.code,
            retryable: self.retryable,
            request_id,
            trace_id: request_id,
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&members).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"refundry\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self { status: fault.status(), code: fault.code(), detail: fault.detail().into(), retryable: fault.retryable() }
    }
}

impl IntoResponse for Problem {
    /// Marks the answer; [`print_problems`] around the routes prints it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// Prints the problems that routes below it returned; for the server's own
/// routes.
pub async fn print_problems(request: Request, next: Next) -> Response {
    let id = request.headers().get(crate::edge::REQUEST_ID).cloned();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        Some(problem) => problem.print(id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default(), &path),
        None => response,
    }
}
