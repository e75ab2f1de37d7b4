//! The mock bank: a real rail in the sandbox (rails 10.1).
//!
//! Outcome and delay of an instruction come from the documented account
//! numbers and aliases ([`levers`]) or from a scenario set for its refund or
//! payment ([`outcome`]). Books of its own ([`books`]) lie in one SQLite file
//! beside the engine's store, so that a test can compare what was paid with
//! what was asked, also after the engine was put back to an older backup.
//!
//! Nothing happens by a timer: what is due is done when the bank is next
//! spoken to, in the order of the due times, so that the same calls with the
//! same seed and clock give the same course. Every operation is one
//! transaction on one connection behind a lock, off the async threads.

mod bank;
pub mod books;
mod columns;
mod counter;
mod course;
mod habits;
pub mod levers;
pub mod outcome;
mod payins;
mod plan;
mod reports;

pub use bank::{MockBank, Options};
pub use books::{BankDown, BankInstruction, BankState, OpenError, Page, PaidTotal, Violation, ViolationKind};
pub use levers::{PayinCourse, PayinEnd, TimeScale, payin_course};
pub use outcome::{Outcome, OutcomeKind, OutcomeRefused, Target, parse_reason};

#[cfg(test)]
mod tests;
