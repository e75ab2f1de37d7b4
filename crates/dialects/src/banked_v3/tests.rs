//! Stories over the real router and a real engine on a store in memory, and
//! tables for the pure parts.

mod description;
mod endpoints;
mod idempotency;
mod mandates;
mod oauth;
mod payins;
mod people;
mod refunds;
mod shapes;
mod webhooks;
mod world;
