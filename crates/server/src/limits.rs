//! Every bound on what a stranger can make the server hold or wait for.

use std::time::Duration;

/// The bounds of one listener (reliability F-12 to F-17).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Requests being answered at once; more are refused with 503.
    pub requests_max: usize,
    /// Bytes of one request's line and headers.
    pub header_bytes_max: usize,
    /// From the first look for a request to the end of its headers; it is
    /// also how long an idle connection is kept.
    pub header_deadline: Duration,
    /// Bytes of one request's body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies being read at once; more are refused with 503.
    pub body_bytes_total_max: usize,
    /// From the end of the headers to the end of the body.
    pub body_deadline: Duration,
    /// How long requests that were begun may take when the server stops.
    pub stop_deadline: Duration,
    /// How long a connection that we end may go on sending, so that the
    /// client can read our last answer.
    pub linger_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            requests_max: 2048,
            header_bytes_max: 32 * 1024,
            header_deadline: Duration::from_secs(10),
            body_bytes_max: 1024 * 1024,
            body_bytes_total_max: 256 * 1024 * 1024,
            body_deadline: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(25),
            linger_deadline: Duration::from_secs(2),
        }
    }
}
