//! Deliveries over real sockets, with receivers that behave badly.
#![expect(clippy::unwrap_used, reason = "tests")]

mod egress;
mod manager;
mod queue;
mod receiver;
mod stage;
mod tls;
mod urls;
