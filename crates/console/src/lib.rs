//! Pages that people see: sign-in, approvals, and the components that every
//! hosted page is made of.
//!
//! Rendered on the server from templates that escape everything; a page works
//! without JavaScript and loads nothing from outside. A page decides nothing:
//! it reads a snapshot and gives commands to the engine's door.

mod app;
mod approvals;
mod authenticator;
pub mod form;
mod hosted;
pub mod known;
pub mod letter;
pub mod link;
pub mod page;
pub mod password;
mod payments;
mod peer;
mod routes;
mod second_factor;
mod session;
mod sign_in;
mod stop;
mod throttle;
pub mod totp;
mod visitor;

pub use app::{Console, Letters, Parts, Renewed, TroubleOf};
pub use hosted::{Hosted, HostedParts};
