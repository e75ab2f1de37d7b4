//! The load generator: HTTP/1.1 by hand over kept-alive connections, a closed
//! model (N connections, each waits for its answer) and an open one (a fixed
//! rate, latency counted from the intended start).

pub(crate) mod closed;
pub(crate) mod connection;
pub(crate) mod open;
pub(crate) mod samples;

use std::sync::Arc;

/// Writes the `n`th request of a connection into the buffer, which is empty.
pub(crate) type MakeRequest = Arc<dyn Fn(usize, u64, &mut Vec<u8>) + Send + Sync>;
