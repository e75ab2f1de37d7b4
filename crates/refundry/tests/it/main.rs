//! Black-box stories: the real binary, real sockets, a real store.
//!
//! Every story starts its own server, so that a moved clock, an emptied
//! account or a paused bank is its own business.
#![expect(clippy::unwrap_used, reason = "a story ends where its world breaks")]

mod banked_clients;
mod browser;
mod bvnk;
mod console;
mod doors;
mod hostile;
mod keys;
mod letters;
mod library;
mod outcomes;
mod pages;
mod payouts;
mod people;
mod readme;
mod restart;
mod seeds;
mod server;
mod settings;
mod storms;
mod strangers;
mod timeouts;
mod truelayer;
