//! What happens to every request before and after its dialect: request id,
//! body limits, load shedding, the last net under panics, measuring and the
//! access log.
//!
//! Bodies are read whole before a route runs, so that no route waits for a
//! slow client while it holds one of the places of requests in flight. Takes
//! no locks beside the short ones inside the metrics.

use crate::fault::Fault;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::mount::{MatchedRoute, Mounted, keep_marks};
use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use refundry_engine::mint::random_id;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tower::Service;

/// The header that names a request, on the way in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that we take from a client.
const REQUEST_ID_LENGTH_MAX: usize = 64;
/// When a client that was turned away should come again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Everything around the routes of one listener.
#[derive(Debug)]
pub struct Edge {
    mounted: Mounted,
    limits: Limits,
    metrics: Arc<Metrics>,
    requests: AtomicUsize,
    body_bytes: AtomicUsize,
}

impl Edge {
    /// An edge around mounted routes.
    #[must_use]
    pub fn new(mounted: Mounted, limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self { mounted, limits, metrics, requests: AtomicUsize::new(0), body_bytes: AtomicUsize::new(0) }
    }

    /// The bounds it keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request; never fails.
    pub async fn answer<B>(&self, mut request: Request<B>) -> Response
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let begun = begin();
        let id = request_id(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let uri = parts.uri.clone();
        let mut response = match self.read_body(&parts.headers, body).await {
            Ok(body) => match self.run(Request::from_parts(parts, Body::from(body))).await {
                Ok(response) => match response.extensions().get::<Fault>() {
                    Some(fault) => {
                        let mut printed = self.refuse(&method, uri.path(), *fault, &id);
                        keep_marks(&response, &mut printed);
                        printed
                    }
                    None => response,
                },
                Err(fault) => self.refuse(&method, uri.path(), fault, &id),
            },
            Err(fault) => {
                let mut response = self.refuse(&method, uri.path(), fault, &id);
                // What follows on the connection would be the rest of the
                // body, not a request.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
        headers.insert(REQUEST_ID, id.clone());
        self.note(&method, &response, begun.elapsed(), &id);
        response
    }

    async fn read_body<B>(&self, headers: &HeaderMap, body: B) -> Result<Bytes, Fault>
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        if headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(Fault::BodyEncoded);
        }
        let lower = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if lower > self.limits.body_bytes_max {
            return Err(Fault::BodyTooLarge);
        }
        tokio::time::timeout(self.limits.body_deadline, self.collect(body)).await.unwrap_or(Err(Fault::BodyTooSlow))
    }

    async fn collect<B>(&self, body: B) -> Result<Bytes, Fault>
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        let mut held = Held::new(&self.body_bytes, self.limits.body_bytes_total_max);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Fault::BodyBroken)?.into_data() else {
                continue;
            };
            if !held.take(data.len()) {
                return Err(Fault::Overloaded);
            }
            if held.count > self.limits.body_bytes_max {
                return Err(Fault::BodyTooLarge);
            }
            // Nearly every body comes in one piece, which is passed on as it is.
            if first.is_empty() && rest.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    async fn run(&self, request: Request<Body>) -> Result<Response, Fault> {
        let mut place = Held::new(&self.requests, self.limits.requests_max);
        if !place.take(1) {
            return Err(Fault::Overloaded);
        }
        let mut routes = self.mounted.router().clone();
        let mut answer = pin!(routes.call(request));
        poll_fn(|context| {
            // A panic ends this request and no other; the future is not
            // polled again.
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
                Ok(Poll::Ready(Err(never))) => match never {},
                Err(_) => Poll::Ready(Err(Fault::Broken)),
            }
        })
        .await
    }

    fn refuse(&self, method: &Method, path: &str, fault: Fault, id: &HeaderValue) -> Response {
        if fault == Fault::Broken {
            tracing::error!(request_id = id.to_str().unwrap_or_default(), "a request was stopped by a bug");
        }
        let mut response = self.mounted.refuse(method, path, fault, id);
        if fault.status() == http::StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().entry(RETRY_AFTER).or_insert(RETRY_AFTER_SECONDS);
        }
        response
    }

    /// The log names the route that matched, never the path as sent, a query
    /// or a body: those may hold secrets and account numbers.
    fn note(&self, method: &Method, response: &Response, took: Duration, id: &HeaderValue) {
        let route = response.extensions().get::<MatchedRoute>();
        let route = route.map_or("none", MatchedRoute::as_str);
        let status = response.status();
        self.metrics.request(route, status, took);
        tracing::info!(
            target: "refundry::access",
            method = method.as_str(),
            route,
            status = status.as_u16(),
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request_id = id.to_str().unwrap_or_default(),
        );
    }
}

/// A share of a bounded sum, given back when it is dropped.
struct Held<'a> {
    sum: &'a AtomicUsize,
    most: usize,
    count: usize,
}

impl<'a> Held<'a> {
    fn new(sum: &'a AtomicUsize, most: usize) -> Self {
        Self { sum, most, count: 0 }
    }

    fn take(&mut self, more: usize) -> bool {
        let before = self.sum.fetch_add(more, Ordering::AcqRel);
        self.count = self.count.saturating_add(more);
        before.saturating_add(more) <= self.most
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.count, Ordering::AcqRel);
    }
}

/// The client's own id where it is short and visible, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|value| {
        (1..=REQUEST_ID_LENGTH_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let minted = format!("{:032x}", random_id());
        HeaderValue::try_from(minted).unwrap_or(HeaderValue::from_static("none"))
    })
}

#[expect(clippy::disallowed_methods, reason = "measures how long an answer took; decides nothing")]
fn begin() -> Instant {
    Instant::now()
}
