//! What a rail was asked to pay: a refund with its payment, or a payout.
//! Evidence about both is taken in one way ([`super::reports`]); what differs
//! stands behind [`Ordered`].

use super::{accounts, flow, funds, send};
use crate::attempt::{Attempt, AttemptState, set_state};
use crate::deadline::Pace;
use crate::event::{Actor, EventKind};
use crate::facts::Draft;
use crate::id::AccountId;
use crate::ledger::{Book, Subject};
use crate::money::Amount;
use crate::payment::Payment;
use crate::reason::{BankCode, Failure, FailureKind, kind_of_iso};
use crate::refund::{Block, BlockCode, Case, CaseCode, Funding, Refund, RefundState, Reservation, SettledBy};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// An object with attempts, while a decision works on it.
pub(super) trait Ordered {
    /// How much was ordered.
    fn amount(&self) -> Amount;
    /// What its transfers are about.
    fn subject(&self) -> Subject;
    /// How it is sent and watched.
    fn pace(&self) -> Pace;
    /// The account on which it is cleared.
    fn clearing(&self, book: &Book) -> AccountId;
    /// Its attempts.
    fn attempts(&self) -> &[Attempt];
    /// Its attempts, to be changed.
    fn attempts_mut(&mut self) -> &mut Vec<Attempt>;
    /// Its cases.
    fn cases(&self) -> &[Case];
    /// Its cases, to be changed.
    fn cases_mut(&mut self) -> &mut Vec<Case>;
    /// Writes an event about it.
    fn event(&mut self, draft: &mut Draft<'_>, kind: EventKind);
    /// What a command hears that names an attempt it does not have.
    fn unknown(&self) -> Refusal;
    /// Our reason for a bank's refusal.
    fn failure_of(&self, code: Option<BankCode>) -> Failure;
    /// The bank says that money lacks; true when that is our own affair and
    /// does not end it.
    fn lacks_funds(&mut self, draft: &mut Draft<'_>, number: u8, failure: Failure) -> Result<bool, Refusal>;
    /// The rail refused before accepting.
    fn refused(&mut self, draft: &mut Draft<'_>, sent_at: Option<Timestamp>);
    /// Evidence about what we had not sent (a restored store): the send is
    /// caught up with, and its money set aside where it is there.
    fn catch_up(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal>;
    /// It takes the state that all its attempts together say.
    fn follow(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal>;
    /// True when the rail paid it and nothing came back.
    fn is_paid_by_rail(&self) -> bool;
    /// True when people paid it beside the rail.
    fn is_paid_outside(&self) -> bool;
    /// What was paid came back.
    fn come_back(&mut self, draft: &mut Draft<'_>, code: Option<BankCode>, amounts: (u64, u64)) -> Result<(), Refusal>;

    /// The state of one attempt.
    fn attempt(&self, number: u8) -> Option<&Attempt> {
        self.attempts().iter().find(|attempt| attempt.number == number)
    }

    /// Sets the state of one attempt.
    fn set_attempt(&mut self, number: u8, state: AttemptState) {
        set_state(self.attempts_mut(), number, state);
    }

    /// True when it has or had a case of this code.
    fn had_case(&self, code: CaseCode) -> bool {
        self.cases().iter().any(|case| case.code == code)
    }

    /// Opens a case.
    fn add_case(&mut self, draft: &mut Draft<'_>, code: CaseCode) {
        let at = draft.context().at;
        self.cases_mut().push(Case { code, at, closed_at: None });
        self.event(draft, EventKind::CaseOpened { code });
    }

    /// Closes a case that is open: what it waited for became known.
    fn end_case(&mut self, draft: &mut Draft<'_>, code: CaseCode) {
        let at = draft.context().at;
        let open = self.cases_mut().iter_mut().find(|case| case.code == code && case.closed_at.is_none());
        if let Some(case) = open {
            case.closed_at = Some(at);
            self.event(draft, EventKind::CaseClosed { code });
        }
    }

    /// Opens a case unless one of its kind is open.
    fn open_case(&mut self, draft: &mut Draft<'_>, code: CaseCode) {
        let open = self.cases().iter().any(|case| case.code == code && case.closed_at.is_none());
        if !open {
            self.add_case(draft, code);
        }
    }
}

/// A refund and its payment.
pub(super) struct Pair<'a> {
    /// The payment.
    pub(super) payment: &'a mut Payment,
    /// The refund.
    pub(super) refund: &'a mut Refund,
}

impl Ordered for Pair<'_> {
    fn amount(&self) -> Amount {
        self.refund.amount
    }

    fn subject(&self) -> Subject {
        Subject::Refund(self.refund.id)
    }

    fn pace(&self) -> Pace {
        self.refund.deadlines.limits.pace
    }

    fn clearing(&self, book: &Book) -> AccountId {
        book.refund_clearing
    }

    fn attempts(&self) -> &[Attempt] {
        &self.refund.attempts
    }

    fn attempts_mut(&mut self) -> &mut Vec<Attempt> {
        &mut self.refund.attempts
    }

    fn cases(&self) -> &[Case] {
        &self.refund.cases
    }

    fn cases_mut(&mut self) -> &mut Vec<Case> {
        &mut self.refund.cases
    }

    fn event(&mut self, draft: &mut Draft<'_>, kind: EventKind) {
        draft.refund_event(self.payment, self.refund, kind);
    }

    fn unknown(&self) -> Refusal {
        Refusal::RefundUnknown
    }

    fn failure_of(&self, code: Option<BankCode>) -> Failure {
        let text = code.as_ref().map_or("", BankCode::as_str);
        let kind = match (self.refund.funding, text) {
            (Funding::Mandate { .. }, "MD16" | "MD17") => FailureKind::MandateInactive,
            (Funding::Mandate { .. }, "AM02" | "AM14") => FailureKind::MandateAmountExceeded,
            (Funding::Held { .. } | Funding::Mandate { .. } | Funding::MerchantAuthorised, _) => kind_of_iso(text),
        };
        Failure { kind, bank_code: code }
    }

    /// AM04 on an account that has the money by our ledger (rails M22).
    fn lacks_funds(&mut self, draft: &mut Draft<'_>, number: u8, failure: Failure) -> Result<bool, Refusal> {
        let is_drift = match self.refund.funding {
            // Nothing follows what was to be withdrawn.
            Funding::Held { .. } => draft.context().rules.am04_is_drift && self.refund.withdrawal.is_none(),
            Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
        };
        if !is_drift {
            return Ok(false);
        }
        self.set_attempt(number, AttemptState::Rejected { failure });
        if let Funding::Held { account } = self.refund.funding {
            accounts::pause(draft, account)?;
        }
        let code = BlockCode::Paused;
        self.refund.blocks.push(Block { code, by: Actor::Engine, at: draft.context().at, lifted_at: None });
        self.event(draft, EventKind::BlockPlaced { code });
        self.open_case(draft, CaseCode::Drift);
        flow::open_attempt(draft, self.payment, self.refund)?;
        Ok(true)
    }

    fn refused(&mut self, draft: &mut Draft<'_>, sent_at: Option<Timestamp>) {
        send::return_slot(draft, self.refund, sent_at);
    }

    fn catch_up(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if !self.refund.state.before_send() {
            return Ok(());
        }
        flow::enter(draft, self.payment, self.refund, RefundState::Submitted)?;
        if self.refund.reservation == Reservation::None && funds::shortage(draft, self.refund)?.is_none() {
            funds::reserve(draft, self.refund)?;
        }
        Ok(())
    }

    fn follow(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let Some(next) = flow::state_of_attempts(self.refund) else { return Ok(()) };
        if next == self.refund.state {
            return Ok(());
        }
        match self.refund.state {
            RefundState::Submitted => flow::enter(draft, self.payment, self.refund, next),
            RefundState::Settled { .. } => match next {
                RefundState::Returned { .. } => flow::enter(draft, self.payment, self.refund, next),
                RefundState::Awaiting(_)
                | RefundState::Ready
                | RefundState::Submitted
                | RefundState::Settled { .. }
                | RefundState::Failed { .. }
                | RefundState::Rejected { .. }
                | RefundState::Cancelled { .. }
                | RefundState::Expired { .. } => Ok(()),
            },
            // Ends do not move; contradictions were made cases before.
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. }
            | RefundState::Returned { .. } => Ok(()),
        }
    }

    fn is_paid_by_rail(&self) -> bool {
        matches!(self.refund.state, RefundState::Settled { by: SettledBy::Attempt(_) | SettledBy::Sweep })
    }

    fn is_paid_outside(&self) -> bool {
        self.refund.state == RefundState::Settled { by: SettledBy::External }
    }

    fn come_back(
        &mut self,
        draft: &mut Draft<'_>,
        code: Option<BankCode>,
        (amount_back, charges): (u64, u64),
    ) -> Result<(), Refusal> {
        let state = RefundState::Returned { code, amount_back, charges };
        flow::enter(draft, self.payment, self.refund, state)
    }
}
