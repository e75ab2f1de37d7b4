//! What tests stand on: a clock that moves by hand, a store in memory, the
//! contract suite that every store must pass, and builders for the core's
//! nouns. Nothing here ships.

pub mod clock;
pub mod make;
pub mod memory;
pub mod model;
pub mod rail;
pub mod store;
pub mod story;
