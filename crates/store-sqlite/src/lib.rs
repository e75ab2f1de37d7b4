//! Port Store on one SQLite file: one writer with group commits, readers on
//! snapshots of their own, checkpoints on a thread of their own.
//!
//! The file is written to be touched little: rows point at each other by
//! small numbers, what no query asks for is one binary column, and no index
//! exists that no query needs. Account numbers, names and secrets are sealed.

mod backup;
mod catalog;
mod checkpoint;
mod codec;
mod connect;
mod fault;
mod keys;
mod load;
mod migrate;
mod network;
mod reader;
mod rows;
mod seal;
mod sql;
mod store;
mod write;
mod write_payouts;
mod write_records;
mod writer;

#[cfg(test)]
mod tests;

pub use keys::{KEY_LENGTH, KeyError, KeyRing};
pub use store::{FILE_NAME, OpenError, Options, SqliteStore};
