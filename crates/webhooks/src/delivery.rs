//! One HTTP request to a receiver: a POST, its total time and the size of the
//! answer limited, the answer's body read and thrown away.

use refundry_domain::time::{Span, Timestamp};
use refundry_engine::clock::real_now;
use refundry_engine::egress::EgressRefusal;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::error::Error;
use std::time::Duration;
use url::Url;

/// How much of an answer's body is read before the connection is closed.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// Nobody is asked to wait for longer, seconds.
const ASKED_SECONDS_MAX: u64 = 366 * 86_400;
/// How deep an error's causes are followed.
const CAUSES_MAX: usize = 16;

/// What to send.
#[derive(Clone)]
pub struct Post<'a> {
    /// The endpoint's URL, as registered.
    pub url: &'a str,
    /// The dialect's headers; `content-type` is JSON unless one of these says
    /// otherwise.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long all of it may take, from the lookup to the answer's last byte.
    pub timeout: Duration,
}

/// A receiver's complete answer; anything of its body is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// For how long the receiver asks to be left alone, by `Retry-After`.
    pub retry_after: Option<Span>,
}

/// Why there was no complete answer. The texts are shown to the merchant and
/// tell nothing about our network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The policy refuses the place.
    #[error("not allowed: {0}")]
    Refused(EgressRefusal),
    /// The answer, or its end, did not come in time.
    #[error("the receiver did not answer in time")]
    TimedOut {
        /// The status, if that much came.
        status: Option<u16>,
    },
    /// The name has no address.
    #[error("the host name did not resolve")]
    Unresolved,
    /// Nobody listens there, or the network is broken.
    #[error("the receiver could not be connected to")]
    NotConnected,
    /// The TLS handshake or the certificate failed.
    #[error("the tls handshake failed: {0}")]
    Tls(TlsFault),
    /// The connection broke, or what came was not HTTP.
    #[error("the receiver's answer was broken")]
    Broken,
    /// A header of the dialect cannot be sent.
    #[error("the request could not be built")]
    Unsendable,
}

impl Failed {
    /// The HTTP status, where at least that came.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Self::TimedOut { status } => status,
            Self::Refused(_)
            | Self::Unresolved
            | Self::NotConnected
            | Self::Tls(_)
            | Self::Broken
            | Self::Unsendable => None,
        }
    }
}

/// What is wrong with a receiver's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is expired, for another host or from nobody we trust.
    #[error("the certificate is not valid")]
    Certificate,
    /// Anything else, such as an old version.
    #[error("no common protocol")]
    Protocol,
}

/// Makes the request.
pub(crate) async fn send(client: &reqwest::Client, url: Url, post: Post<'_>) -> Result<Answered, Failed> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &post.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failed::Unsendable)?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| Failed::Unsendable)?);
    }
    let mut status = None;
    let exchange = exchange(client.post(url).headers(headers).body(post.body), &mut status);
    match tokio::time::timeout(post.timeout, exchange).await {
        Ok(done) => done,
        Err(_) => Err(Failed::TimedOut { status }),
    }
}

async fn exchange(request: reqwest::RequestBuilder, status: &mut Option<u16>) -> Result<Answered, Failed> {
    let mut response = request.send().await.map_err(|error| reason(&error))?;
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|text| asked_wait(text, real_now()));
    let answered = Answered { status: response.status().as_u16(), retry_after };
    *status = Some(answered.status);
    let mut read: usize = 0;
    while read < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => read = read.saturating_add(chunk.len()),
            Ok(None) => break,
            // The status is the receipt; a body that breaks off afterwards
            // takes nothing of it back.
            Err(_) => break,
        }
    }
    Ok(answered)
}

/// The wait that a `Retry-After` asks for: seconds, or a date (RFC 9110,
/// 10.2.3), which the receiver reads from a real clock.
fn asked_wait(text: &str, real_now: Timestamp) -> Option<Span> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Span::seconds(seconds.min(ASKED_SECONDS_MAX)));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(real_now.unix_seconds());
    Some(Span::seconds(u64::try_from(seconds).unwrap_or(0).min(ASKED_SECONDS_MAX)))
}

/// Finds what went wrong among an error's causes.
fn reason(error: &reqwest::Error) -> Failed {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    let mut fault = if error.is_connect() { Failed::NotConnected } else { Failed::Broken };
    for _ in 0..CAUSES_MAX {
        let Some(cause) = next else { break };
        if let Some(refusal) = cause.downcast_ref::<EgressRefusal>() {
            return Failed::Refused(*refusal);
        }
        let text = cause.to_string();
        if text == "dns error" {
            fault = Failed::Unresolved;
        }
        if text.contains("invalid peer certificate") {
            return Failed::Tls(TlsFault::Certificate);
        }
        if error.is_connect() && is_tls_fault(cause, &text) {
            fault = Failed::Tls(TlsFault::Protocol);
        }
        next = source_of(cause);
    }
    if error.is_timeout() { Failed::TimedOut { status: None } } else { fault }
}

/// The cause behind a cause. An `io::Error` hides the error that it carries
/// and names that one's own source instead.
fn source_of<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => cause.source(),
    }
}

/// Words of the TLS library; they only choose the text that is shown.
fn is_tls_fault(cause: &(dyn Error + 'static), text: &str) -> bool {
    let carried =
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData);
    carried || text.contains("fatal alert") || text.contains("corrupt message") || text.contains("peer is incompatible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_asks_in_seconds_or_by_a_date() {
        let now = Timestamp(1_700_000_000_000_000_000);
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("18446744073709551615", Some(ASKED_SECONDS_MAX)),
            ("Tue, 14 Nov 2023 22:15:20 GMT", Some(120)),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(asked_wait(text, now), seconds.map(Span::seconds), "{text:?}");
        }
    }
}
