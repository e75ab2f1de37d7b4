//! The engine: the one write door, the ports it stands on, and the workers.
//!
//! Everything that changes money is an [`envelope::Envelope`] given to
//! [`engine::Engine::execute`]. No database driver, no HTTP client and no
//! provider's name is in here.
#![deny(clippy::float_arithmetic)]

pub mod audit;
pub mod clock;
mod committer;
pub mod digest;
pub mod egress;
pub mod engine;
pub mod envelope;
pub mod hosted;
mod keys;
pub mod mint;
pub mod notifier;
pub mod person_refund;
pub mod quote;
pub mod rail;
pub mod registry;
mod reports;
pub mod resume;
pub mod store;
mod sweep;
mod unswept;
pub mod verify;
pub mod webhook;
pub mod worker;
