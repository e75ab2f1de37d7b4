//! Stories over the real routers of the family and a real engine on a store in
//! memory, and tables for the pure parts.

mod checkouts;
mod description;
mod details;
mod idempotency;
mod pages;
mod refunds;
mod seed;
mod sessions;
mod settings;
mod shapes;
mod signatures;
mod strangers;
mod webhooks;
mod world;
