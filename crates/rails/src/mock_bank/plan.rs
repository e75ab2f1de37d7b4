//! What is planned for an instruction when it is taken, or when a scenario is
//! set for it under way.

use super::levers::{Ending, RefundLever};
use super::outcome::{Outcome, OutcomeKind, refusal_default, return_default};
use refundry_domain::instruction::Report;
use refundry_domain::reason::BankCode;
use refundry_domain::time::{Span, Timestamp};

/// How long the report of a late execution takes without a time of its own.
const LATE_SECONDS: u64 = 3_600;
/// How long the report takes when the answer was lost, so that inquiries come
/// first.
const REPORT_AFTER_LOSS_SECONDS: u64 = 120;
/// How many inquiries find nothing when the answer was lost.
const HIDDEN_COUNT: u8 = 2;
/// What the bank does next with an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The money leaves.
    Execute,
    /// It is refused.
    Reject,
    /// The money comes back.
    Return,
}

impl Step {
    /// The number in the books.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Execute => 1,
            Self::Reject => 2,
            Self::Return => 3,
        }
    }

    /// The step with this number in the books.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Execute, Self::Reject, Self::Return].into_iter().find(|step| step.number() == number)
    }
}

/// What is planned for an instruction that was not executed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// The scenario.
    pub(super) kind: OutcomeKind,
    /// The code of its refusal or return.
    pub(super) code: Option<BankCode>,
    /// What is done next, and when.
    pub(super) next: Option<(Step, Timestamp)>,
    /// From the execution to what follows it.
    pub(super) follow: Span,
    /// Inquiries that find nothing.
    pub(super) hidden_count: u8,
    /// What is told at once.
    pub(super) opening: &'static [Report],
}

impl Plan {
    /// The next step's number in the books, 0 for none.
    pub(super) fn step_number(&self) -> u8 {
        self.next.map_or(0, |(step, _)| step.number())
    }

    /// The plan that the creditor's account asks for.
    pub(super) fn by_account(lever: RefundLever, delay: Span, now: Timestamp) -> Self {
        let settle = Outcome::of(OutcomeKind::Settle);
        match lever.ending {
            Ending::Settle => Self::by_outcome(settle, delay, now),
            Ending::Reject(code) => {
                let fail = Outcome { reason: Some(code), ..Outcome::of(OutcomeKind::Fail) };
                Self::by_outcome(fail, delay, now)
            }
            // Nothing is said of a check: the refund is simply not heard of.
            Ending::Stay => Self { opening: &[], ..Self::by_outcome(Outcome::of(OutcomeKind::Hold), delay, now) },
        }
    }

    /// The plan that a scenario asks for; `delay` is the account's own.
    pub(super) fn by_outcome(outcome: Outcome, delay: Span, now: Timestamp) -> Self {
        let first = |span: Span| now.plus(span);
        let chosen = outcome.after.unwrap_or(delay);
        let then = outcome.after.unwrap_or_default();
        let plan = |next: Option<(Step, Timestamp)>| Self {
            kind: outcome.kind,
            code: outcome.reason,
            next,
            follow: Span(0),
            hidden_count: 0,
            opening: &[],
        };
        let refusal = Some(outcome.reason.unwrap_or_else(refusal_default));
        match outcome.kind {
            // It waited before it was sent.
            OutcomeKind::Wait => plan(Some((Step::Execute, first(delay)))),
            OutcomeKind::Settle => plan(Some((Step::Execute, first(chosen)))),
            OutcomeKind::Fail => Self { code: refusal, ..plan(Some((Step::Reject, first(chosen)))) },
            OutcomeKind::Return => Self {
                code: Some(outcome.reason.unwrap_or_else(return_default)),
                follow: then,
                ..plan(Some((Step::Execute, first(delay))))
            },
            OutcomeKind::Hold => Self {
                follow: then,
                opening: &[Report::Screening],
                ..plan(outcome.after.map(|_| (Step::Execute, first(delay))))
            },
            OutcomeKind::Timeout => Self {
                follow: Span::seconds(REPORT_AFTER_LOSS_SECONDS),
                hidden_count: HIDDEN_COUNT,
                ..plan(Some((Step::Execute, first(chosen))))
            },
            OutcomeKind::ReportTwice => {
                Self { opening: &[Report::Accepted, Report::Accepted], ..plan(Some((Step::Execute, first(chosen)))) }
            }
            OutcomeKind::Late => Self {
                follow: outcome.after.unwrap_or(Span::seconds(LATE_SECONDS)),
                ..plan(Some((Step::Execute, first(delay))))
            },
            OutcomeKind::OutOfOrder => Self { follow: then, ..plan(Some((Step::Execute, first(delay)))) },
            OutcomeKind::Contradict => {
                Self { code: refusal, follow: then, ..plan(Some((Step::Execute, first(delay)))) }
            }
        }
    }
}
