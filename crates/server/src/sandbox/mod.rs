//! The sandbox: what it has from its first start on, its levers, and its
//! inbox (design section 9). In live none of its routes is mounted.

mod bank;
mod checkouts;
mod clients;
pub mod clock_file;
pub mod document;
mod files;
pub mod inbox;
mod keys;
mod letters;
mod levers;
mod payments;
mod people;
pub mod provision;
mod routes;
mod state;
mod wire;

pub use routes::routes;
pub use state::{Parts, Sandbox};
