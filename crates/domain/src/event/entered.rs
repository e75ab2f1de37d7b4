//! Which state an event tells of.

use super::{Event, EventKind};
use crate::payment::PaymentState;
use crate::refund::RefundState;

impl Event {
    /// The state that the refund entered, where it did.
    #[must_use]
    pub fn refund_state(&self) -> Option<RefundState> {
        match &self.kind {
            EventKind::RefundEntered { state } => Some(*state),
            EventKind::PaymentRecorded
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
            | EventKind::BlockPlaced { .. }
            | EventKind::BlockLifted { .. }
            | EventKind::CaseOpened { .. }
            | EventKind::CaseClosed { .. }
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
            | EventKind::AccountResumed { .. } => None,
        }
    }
}

impl EventKind {
    /// The state that the payment entered, where it did.
    #[must_use]
    pub fn payment_state(&self) -> Option<PaymentState> {
        match self {
            EventKind::PaymentAuthorised => Some(PaymentState::Authorised),
            EventKind::PaymentExecuted => Some(PaymentState::Executed),
            EventKind::PaymentSettled { .. } => Some(PaymentState::Settled),
            EventKind::PaymentFailed => Some(PaymentState::Failed),
            EventKind::PaymentReversed { .. } => Some(PaymentState::Reversed),
            EventKind::PaymentRecorded
            | EventKind::PaymentBlock { .. }
            | EventKind::RefundEntered { .. }
            | EventKind::DetailsGiven
            | EventKind::ApprovalGiven { .. }
            | EventKind::ApprovalVoided
            | EventKind::AuthorisationGiven
            | EventKind::BlockPlaced { .. }
            | EventKind::BlockLifted { .. }
            | EventKind::CaseOpened { .. }
            | EventKind::CaseClosed { .. }
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
            | EventKind::AccountResumed { .. } => None,
        }
    }
}
