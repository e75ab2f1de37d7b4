//! Sockets, limits, mounting, health, metrics and the sandbox API. What the
//! money does is decided elsewhere; this crate carries bytes.

pub mod edge;
pub mod fault;
mod framing;
pub mod health;
pub mod limits;
pub mod listen;
pub mod metrics;
pub mod mount;
pub mod problem;
mod refusals;
pub mod sandbox;
pub mod sources;
