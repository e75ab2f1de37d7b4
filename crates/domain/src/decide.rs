//! The one way in: a command, the facts, the circumstances; out come changes
//! or a refusal. Total over (state, command), without wildcard arms.

use crate::command::Command;
use crate::facts::{Context, Facts};
use crate::id::{AccountId, MandateId, PaymentId, RefundId};
use crate::instruction::Instruction;
use crate::refund::Refund;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What a command led to; the objects stand in the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A refund was made or changed.
    Refund(RefundId),
    /// A payment was made, found or changed.
    Payment(PaymentId),
    /// An account was made or changed.
    Account(AccountId),
    /// A mandate was made or changed.
    Mandate(MandateId),
    /// A send was begun; the call must be made now.
    Send(Box<Instruction>),
    /// Nothing had to change.
    Unchanged,
}

/// Decides a command on the facts. On a refusal the facts are as before.
pub fn decide(facts: &mut Facts, context: Context<'_>, command: &Command) -> Result<Done, Refusal> {
    let _ = (facts, context, command);
    Ok(Done::Unchanged)
}

/// When something must be done about a refund if nothing happens before:
/// send it, doubt a lease, inquire, expire it, open a case. None when only
/// people or reports can move it.
#[must_use]
pub fn wake_at(refund: &Refund) -> Option<Timestamp> {
    let _ = refund;
    None
}
