//! What is due on the rail, refunds and payouts alike, and the commands that
//! say what became of it.

use crate::digest::sha256;
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::command::{Command, PayoutStep};
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::instruction::{Order, Submission};
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::reference::{ids_of_attempt, ids_of_payout};
use refundry_domain::refund::{Refund, RefundState};
use refundry_domain::rules::Environment;
use refundry_domain::time::{Span, Timestamp};

/// What a due refund or payout needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be sent.
    Send,
    /// The rail must be asked about this attempt.
    Inquiry(u8),
    /// The rail must be asked to withdraw this attempt.
    Withdrawal(u8),
    /// Time went on.
    Tick,
}

/// One refund or payout that something must be done about.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// What.
    pub(crate) order: Order,
    /// The payment that a refund gives back.
    pub(crate) payment: Option<PaymentId>,
    /// How long it rested where it is.
    pub(crate) rest: Span,
    /// What it needs.
    pub(crate) need: Need,
    /// It may not be sent any more and only waits to be told so.
    pub(crate) expired: bool,
    /// The instruction id of the attempt that is asked about or withdrawn.
    pub(crate) instruction_id: String,
}

/// The claim of a worker: its fencing number, and until when it is good.
pub(crate) type Claim = (u64, Timestamp);

impl Due {
    /// What a refund needs.
    pub(crate) fn refund(refund: &Refund, now: Timestamp, environment: Environment) -> Self {
        let need = need_of_refund(refund, now);
        let id_of = |attempt| ids_of_attempt(refund, attempt, environment, sha256).instruction_id;
        Self {
            merchant: refund.merchant,
            order: Order::Refund(refund.id),
            payment: Some(refund.payment),
            rest: refund.deadlines.limits.pace.rest,
            need,
            expired: refund.deadlines.earliest() <= now && refund.state == RefundState::Ready,
            instruction_id: asked_about(need).map(id_of).unwrap_or_default(),
        }
    }

    /// What a payout needs.
    pub(crate) fn payout(payout: &Payout, now: Timestamp, environment: Environment) -> Self {
        let need = match payout.state {
            PayoutState::Ready => Need::Send,
            PayoutState::Submitted => payout.newest_attempt().map_or(Need::Tick, |newest| need_of_attempt(newest, now)),
            PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. } => Need::Tick,
        };
        let id_of = |attempt| ids_of_payout(payout, attempt, environment, sha256).instruction_id;
        Self {
            merchant: payout.merchant,
            order: Order::Payout(payout.id),
            payment: None,
            rest: payout.pace.rest,
            need,
            expired: false,
            instruction_id: asked_about(need).map(id_of).unwrap_or_default(),
        }
    }
}

fn asked_about(need: Need) -> Option<u8> {
    match need {
        Need::Inquiry(attempt) | Need::Withdrawal(attempt) => Some(attempt),
        Need::Send | Need::Tick => None,
    }
}

fn need_of_refund(refund: &Refund, now: Timestamp) -> Need {
    if refund.state == RefundState::Ready {
        return Need::Send;
    }
    let Some(newest) = refund.newest_attempt() else { return Need::Tick };
    if refund.state != RefundState::Submitted {
        return Need::Tick;
    }
    match refund.withdrawal {
        None if refund.deadlines.overall_at <= now => return Need::Tick,
        Some(asked) if !asked.passed_on && newest.state.under_way() => return Need::Withdrawal(newest.number),
        None | Some(_) => {}
    }
    need_of_attempt(newest, now)
}

fn need_of_attempt(newest: &Attempt, now: Timestamp) -> Need {
    match newest.state {
        AttemptState::Due => Need::Send,
        AttemptState::Unknown { inquire_at, .. } if inquire_at <= now => Need::Inquiry(newest.number),
        AttemptState::Unknown { .. }
        | AttemptState::Sending { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => Need::Tick,
    }
}

/// The intent to send.
pub(crate) fn begin(order: Order, (epoch, lease_until): Claim) -> Command {
    match order {
        Order::Refund(refund) => Command::BeginSend { refund, epoch, lease_until },
        Order::Payout(payout) => Command::StepPayout { payout, step: PayoutStep::BeginSend { epoch, lease_until } },
    }
}

/// What the rail answered to the call of a claim.
pub(crate) fn answered(order: Order, (attempt, epoch): (u8, u64), outcome: Submission) -> Command {
    match order {
        Order::Refund(refund) => Command::RecordSubmission { refund, attempt, epoch, outcome },
        Order::Payout(payout) => {
            Command::StepPayout { payout, step: PayoutStep::RecordSubmission { attempt, epoch, outcome } }
        }
    }
}

/// An inquiry brought nothing.
pub(crate) fn asked_in_vain(order: Order, attempt: u8) -> Command {
    match order {
        Order::Refund(refund) => Command::RecordInquiry { refund, attempt },
        Order::Payout(payout) => Command::StepPayout { payout, step: PayoutStep::RecordInquiry { attempt } },
    }
}

/// The same bytes once more.
pub(crate) fn resend(order: Order, attempt: u8, (epoch, lease_until): Claim) -> Command {
    match order {
        Order::Refund(refund) => Command::Resend { refund, attempt, epoch, lease_until },
        Order::Payout(payout) => {
            Command::StepPayout { payout, step: PayoutStep::Resend { attempt, epoch, lease_until } }
        }
    }
}

/// Time went on.
pub(crate) fn tick(order: Order) -> Command {
    match order {
        Order::Refund(refund) => Command::Tick { refund },
        Order::Payout(payout) => Command::StepPayout { payout, step: PayoutStep::Tick },
    }
}
