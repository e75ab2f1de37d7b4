//! Tests of the dialect: everything but the sockets, the disk and the bank is
//! real.

mod accounts;
mod idempotency;
mod keys;
mod paying;
mod payment_tables;
mod payouts;
mod people;
mod refunds;
mod settings;
mod shop;
mod signatures;
mod tokens;
mod transport;
mod webhooks;
pub(in crate::truelayer) mod world;
