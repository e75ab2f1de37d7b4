//! What the testkit's own pieces promise, and what the core keeps under
//! random commands.

mod invariants;
mod machine;
mod payins;
mod payouts;
mod simulation;
mod stores;
mod stories;
