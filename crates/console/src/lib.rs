//! Pages that people see: sign-in, approvals, and the components that every
//! hosted page is made of.
//!
//! Rendered on the server from templates that escape everything; a page works
//! without JavaScript and loads nothing from outside. A page decides nothing:
//! it reads a snapshot and gives commands to the engine's door.

pub mod password;
pub mod totp;
