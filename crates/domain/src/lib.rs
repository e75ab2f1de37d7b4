//! The pure core of Refundry: money, payments, the refund machine, mandates,
//! approvals and the ledger.
//!
//! Nothing in here waits, reads a clock, rolls dice, speaks HTTP or SQL, or
//! knows a provider's name. Facts and time come in as arguments, decisions
//! and events go out as values; [`decide::decide`] is the one way in.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm
)]

pub mod approval;
pub mod attempt;
pub mod bytes;
pub mod command;
pub mod deadline;
pub mod decide;
pub mod event;
pub mod facts;
pub mod fee;
pub mod id;
pub mod instruction;
pub mod ledger;
pub mod mandate;
pub mod money;
pub mod once;
pub mod party;
pub mod payment;
pub mod payout;
pub mod reason;
pub mod reference;
pub mod refund;
pub mod refusal;
pub mod rules;
pub mod stray;
pub mod time;
