//! Absolute times by which a refund must have passed a gate, and one overall.
//! The earliest wins; it is compared in the same commit as the send.

use crate::refund::Gate;
use crate::time::{Span, Timestamp};

/// How a refund or payout is sent and watched, apart from its deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// It stays in `ready` for at least this long after its last change, so
    /// that it can be seen there; nothing, where nobody asks for it.
    pub rest: Span,
    /// Accepted by a rail and not heard of for this long, it gets a case.
    pub overdue_after: Span,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rest: Span(0), overdue_after: Span::days(1) }
    }
}

impl Pace {
    /// When what changed last at this time may be sent.
    #[must_use]
    pub fn send_at(&self, changed_at: Timestamp) -> Timestamp {
        changed_at.plus(self.rest)
    }
}

/// How long each gate and the whole way to the send may take (rails R-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From creation to the send.
    pub overall: Span,
    /// From entering the details gate.
    pub details: Option<Span>,
    /// From entering the approval gate.
    pub approval: Option<Span>,
    /// From entering the funds gate.
    pub funds: Option<Span>,
    /// From entering the authorisation gate.
    pub authorisation: Option<Span>,
    /// How it is sent and watched.
    pub pace: Pace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            overall: Span::days(30),
            details: None,
            approval: None,
            funds: None,
            authorisation: None,
            pace: Pace::default(),
        }
    }
}

impl Limits {
    /// The span of one gate, where it has one of its own.
    #[must_use]
    pub fn of(&self, gate: Gate) -> Option<Span> {
        match gate {
            Gate::Details => self.details,
            Gate::Settlement => None,
            Gate::Approval => self.approval,
            Gate::Funds => self.funds,
            Gate::Authorisation => self.authorisation,
        }
    }
}

/// The deadlines of one refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// The spans that were promised at creation.
    pub limits: Limits,
    /// Creation plus the overall span.
    pub overall_at: Timestamp,
    /// End of the gate that is shown now, where it has its own.
    pub gate_at: Option<Timestamp>,
}

impl Deadlines {
    /// The deadlines of a refund created now.
    #[must_use]
    pub fn starting(limits: Limits, at: Timestamp) -> Self {
        Self { limits, overall_at: at.plus(limits.overall), gate_at: None }
    }

    /// The earliest of them.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.gate_at.map_or(self.overall_at, |gate_at| gate_at.min(self.overall_at))
    }
}
