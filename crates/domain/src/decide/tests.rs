//! Tables and stories of the machine.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "a test that overflows or meets another state fails, which is what it is for"
)]

mod pace;
mod pairs;
mod payins;
mod payouts;
mod shop;
mod stories;
