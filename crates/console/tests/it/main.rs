//! The console over a real engine: everything but sockets and disk is real.
#![expect(clippy::unwrap_used, reason = "a story ends where its world breaks")]

mod approvals;
mod authenticator;
mod decisions;
mod hosted;
mod hostile;
mod refunds;
mod sign_in;
mod world;
