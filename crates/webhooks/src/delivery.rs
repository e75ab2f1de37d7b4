//! One HTTP request to a receiver: a POST, its total time and the size of the
//! answer limited, the answer's body read and thrown away.

use refundry_engine::egress::EgressRefusal;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::error::Error;
use std::time::Duration;
use url::Url;

/// How much of an answer's body is read before the connection is closed.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
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
    let answered = Answered { status: response.status().as_u16() };
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
