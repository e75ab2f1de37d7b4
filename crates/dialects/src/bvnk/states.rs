//! Total maps from our states to this provider's words (contract 4).

use super::config::WaitingAs;
use refundry_domain::event::{Event, EventKind};
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};
use refundry_domain::reason::{BankCode, FailureKind, kind_of_iso};
use refundry_domain::refund::{BlockCode, CancelCause, CaseCode, Gate, Refund, RefundState};
use std::collections::BTreeSet;

/// A state on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// Other people must agree.
    PendingApproval,
    /// Under way.
    Processing,
    /// It waits for somebody.
    OnHold,
    /// Paid.
    Completed,
    /// Not paid.
    Failed,
    /// Withdrawn.
    Cancelled,
    /// Paid, and it came back.
    Returned,
}

impl Word {
    /// The word.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Processing => "PROCESSING",
            Self::OnHold => "ON_HOLD",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Returned => "RETURNED",
        }
    }

    /// The word of the older reads.
    pub(super) fn legacy(self) -> &'static str {
        match self {
            Self::Completed => "SUCCESSFUL",
            Self::PendingApproval | Self::Processing | Self::OnHold => "PENDING",
            Self::Failed | Self::Returned => "FAILED",
            Self::Cancelled => "REJECTED",
        }
    }
}

/// Why a refund shows what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// A stable code.
    pub(super) code: String,
    /// What people read.
    pub(super) description: String,
}

/// Where a refund stands, as far as this provider's words tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// The state.
    pub(super) state: RefundState,
    /// What stops it.
    pub(super) blocks: BTreeSet<BlockCode>,
    /// What waits for a person.
    pub(super) cases: BTreeSet<CaseCode>,
}

impl Standing {
    /// Where a refund stands now.
    pub(super) fn of(refund: &Refund) -> Self {
        let blocks = refund.blocks.iter().filter(|block| block.lifted_at.is_none()).map(|block| block.code);
        let cases = refund.cases.iter().filter(|case| case.closed_at.is_none()).map(|case| case.code);
        Self { state: refund.state, blocks: blocks.collect(), cases: cases.collect() }
    }

    /// The word.
    pub(super) fn word(&self, waiting: WaitingAs) -> Word {
        let held = |is_held: bool| if is_held { Word::OnHold } else { Word::Processing };
        let waits = match waiting {
            WaitingAs::Processing => Word::Processing,
            WaitingAs::OnHold => Word::OnHold,
        };
        match self.state {
            RefundState::Awaiting(Gate::Details | Gate::Settlement) => waits,
            RefundState::Awaiting(Gate::Approval) => Word::PendingApproval,
            RefundState::Awaiting(Gate::Funds) => Word::OnHold,
            RefundState::Awaiting(Gate::Authorisation) if self.blocks.is_empty() => waits,
            RefundState::Awaiting(Gate::Authorisation) => Word::OnHold,
            RefundState::Ready => held(!self.blocks.is_empty()),
            RefundState::Submitted => held(self.cases.iter().any(|case| shows(*case))),
            RefundState::Settled { by: _ } => Word::Completed,
            RefundState::Failed { failure: _ } => Word::Failed,
            RefundState::Rejected { by: _ } | RefundState::Cancelled { cause: _ } | RefundState::Expired { at: _ } => {
                Word::Cancelled
            }
            RefundState::Returned { .. } => Word::Returned,
        }
    }

    /// Why, where this provider says so.
    pub(super) fn reason(&self, waiting: WaitingAs) -> Option<Reason> {
        let plain = |code: &str| Some(Reason { code: code.to_owned(), description: sentence(code) });
        match self.state {
            RefundState::Failed { failure } => Some(with_code(failure.kind, failure.bank_code)),
            RefundState::Rejected { by: _ } => plain("approval_rejected"),
            RefundState::Cancelled { cause: CancelCause::Requested } => plain("cancelled_by_merchant"),
            RefundState::Cancelled { cause: CancelCause::Withdrawn } => plain("cancelled_at_bank"),
            RefundState::Expired { at } => plain(&format!("{}_timeout", at.code())),
            RefundState::Returned { code, .. } => {
                let kind = code.map_or(FailureKind::Unspecified, |code| kind_of_iso(code.as_str()));
                Some(with_code(kind, code))
            }
            RefundState::Awaiting(_) | RefundState::Ready | RefundState::Submitted => {
                if self.word(waiting) != Word::OnHold {
                    return None;
                }
                let block = self.blocks.first().filter(|_| self.state.before_send()).map(|block| block.code());
                let case = self.cases.iter().find(|case| shows(**case)).map(|case| case.code());
                let gate = if let RefundState::Awaiting(gate) = self.state { Some(gate.code()) } else { None };
                plain(if gate == Some("funds") { "funds" } else { block.or(case).or(gate)? })
            }
            RefundState::Settled { by: _ } => None,
        }
    }
}

/// The cases that a client hears of while a refund is with the bank.
fn shows(case: CaseCode) -> bool {
    match case {
        CaseCode::UnknownOutcome
        | CaseCode::Overdue
        | CaseCode::Screening
        | CaseCode::BankSignature
        | CaseCode::PayeeCheck
        | CaseCode::Absent
        | CaseCode::Duplicate
        | CaseCode::Conflict
        | CaseCode::Difference
        | CaseCode::Drift => true,
        CaseCode::Exposure | CaseCode::Unmatched | CaseCode::Returned => false,
    }
}

fn with_code(kind: FailureKind, code: Option<BankCode>) -> Reason {
    let mut description = sentence(kind.code());
    if let Some(code) = code {
        description.push_str(&format!(" ({})", code.as_str()));
    }
    Reason { code: kind.code().to_owned(), description }
}

/// A code as people read it.
fn sentence(code: &str) -> String {
    let text = code.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What a refund's event tells: the standing after it, and which of the
/// changes of the word it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Where the refund stood then.
    pub(super) standing: Standing,
    /// 1, 2, 3… per refund.
    pub(super) sequence: u32,
    /// The attempt that was the newest one then.
    pub(super) attempt: u8,
}

/// What an event of a refund tells a client; none when the word stays.
pub(super) fn told(refund: &Refund, history: &[Event], event: &Event, waiting: WaitingAs) -> Option<Told> {
    // What was heard before the client named the refund is not its business.
    let own = history.iter().filter(|past| past.at >= refund.created_at && past.number <= event.number);
    let mut standing: Option<Standing> = None;
    let mut shown = None;
    let (mut sequence, mut attempt) = (0_u32, 1_u8);
    for past in own {
        if let EventKind::AttemptOpened { number } = &past.kind {
            attempt = *number;
        }
        after(&mut standing, refund, &past.kind);
        let word = standing.as_ref().map(|standing| standing.word(waiting));
        let changed = word.is_some() && word != shown;
        if changed {
            shown = word;
            sequence = sequence.saturating_add(1);
        }
        if past.number == event.number {
            return standing.filter(|_| changed).map(|standing| Told { standing, sequence, attempt });
        }
    }
    None
}

fn after(standing: &mut Option<Standing>, refund: &Refund, kind: &EventKind) {
    if let EventKind::RefundEntered { state } = kind {
        match standing {
            Some(known) => known.state = *state,
            None => {
                // What stopped it from the first has no event of its own.
                let first = refund.blocks.iter().filter(|block| block.at == refund.created_at).map(|block| block.code);
                *standing = Some(Standing { state: *state, blocks: first.collect(), cases: BTreeSet::new() });
            }
        }
    }
    let Some(known) = standing else { return };
    match kind {
        EventKind::BlockPlaced { code } => {
            known.blocks.insert(*code);
        }
        EventKind::BlockLifted { code } => {
            known.blocks.remove(code);
        }
        EventKind::CaseOpened { code } => {
            known.cases.insert(*code);
        }
        EventKind::CaseClosed { code } => {
            known.cases.remove(code);
        }
        EventKind::RefundEntered { .. }
        | EventKind::PaymentRecorded
        | EventKind::PaymentAuthorised
        | EventKind::PaymentExecuted
        | EventKind::PaymentSettled { .. }
        | EventKind::PaymentFailed
        | EventKind::PaymentReversed { .. }
        | EventKind::PaymentBlock { .. }
        | EventKind::DetailsGiven
        | EventKind::ApprovalGiven { .. }
        | EventKind::ApprovalVoided
        | EventKind::AuthorisationGiven
        | EventKind::AttemptOpened { .. }
        | EventKind::WithdrawalAsked
        | EventKind::MandateEntered { .. }
        | EventKind::AccountFunded { .. }
        | EventKind::AccountDrained { .. }
        | EventKind::PayoutEntered { .. }
        | EventKind::StrayFound { .. }
        | EventKind::StrayReturned { .. }
        | EventKind::StrayClosed { .. }
        | EventKind::AccountPaused { .. }
        | EventKind::AccountResumed { .. } => {}
    }
}

/// What a pay-in shows.
pub(super) fn payin(payment: &Payment) -> &'static str {
    payin_word(payment.state, payment.failure.map(|failure| failure.reason))
}

/// What a pay-in shows in a state.
pub(super) fn payin_word(state: PaymentState, failure: Option<PaymentFailureReason>) -> &'static str {
    match state {
        PaymentState::Open | PaymentState::Authorised | PaymentState::Executed => Word::Processing.text(),
        PaymentState::Settled => Word::Completed.text(),
        PaymentState::Reversed => Word::Returned.text(),
        PaymentState::Failed => match failure {
            Some(PaymentFailureReason::Cancelled | PaymentFailureReason::Expired) => Word::Cancelled.text(),
            Some(
                PaymentFailureReason::AuthorisationFailed
                | PaymentFailureReason::NotAuthorised
                | PaymentFailureReason::RejectedByBank
                | PaymentFailureReason::RejectedByScheme
                | PaymentFailureReason::Other,
            )
            | None => Word::Failed.text(),
        },
    }
}
