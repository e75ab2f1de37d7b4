//! Stories over the real router and a real engine on a store in memory, and
//! tables for the pure parts.

mod approvals;
mod edges;
mod estimates;
mod forms;
mod idempotency;
mod people;
mod reads;
mod refunds;
mod sandbox;
mod settings;
mod signatures;
mod standing;
mod webhooks;
mod world;
