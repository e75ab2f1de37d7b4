//! Stories on the real store: what has no dialect yet (approval, details,
//! funds, authorisation, return, recall, external refunds), and what happens
//! when a rail, a process or a disk lets us down.

mod changes;
mod fees;
mod gates;
mod money;
mod once;
mod payouts;
mod policies;
mod sending;
mod stage;
mod strays;
mod sweep;
