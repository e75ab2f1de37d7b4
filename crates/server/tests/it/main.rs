//! Real sockets on port 0, requests written byte by byte where it matters.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod edge;
mod house;
mod keys;
mod provision;
mod sandbox;
mod wire;
