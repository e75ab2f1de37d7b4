//! The console over a real engine: everything but sockets and disk is real.

mod approvals;
mod decisions;
mod hostile;
mod sign_in;
mod world;
