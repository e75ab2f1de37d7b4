//! A payout's states in this provider's words: the machine of refunds
//! (contract 3.15).

use super::{Destination, Shown, Step, reason_of};
use refundry_domain::payout::{Payout, PayoutState};

/// What a state means here.
pub(in crate::truelayer) fn step(state: PayoutState, destination: Destination) -> Step {
    match state {
        PayoutState::Ready => Step::Waiting,
        PayoutState::Submitted => Step::Sent,
        PayoutState::Settled => Step::Paid,
        PayoutState::Failed { failure } => Step::Ended(reason_of(failure, destination)),
        PayoutState::Returned { code: _, amount_back: _, charges: _ } => Step::CameBack,
    }
}

/// What a payout shows now.
pub(in crate::truelayer) fn shown(payout: &Payout, report_returns: bool) -> Shown {
    let mut shown = Shown::new();
    let now = step(payout.state, Destination::of(&payout.creditor.account));
    let ended_at = match now {
        Step::Ended(_) | Step::CameBack => payout.ended_at,
        Step::Waiting | Step::Sent | Step::Paid => None,
    };
    let course = [(Step::Sent, payout.submitted_at), (Step::Paid, payout.settled_at), (now, ended_at)];
    for (step, at) in course {
        if let Some(at) = at {
            shown.enter(step, at, report_returns);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use refundry_domain::reason::{Failure, FailureKind};
    use refundry_domain::time::Timestamp;

    // conformance: truelayer 87
    #[test]
    fn every_state_has_its_word() {
        let failure = Failure::of(FailureKind::InsufficientFunds);
        for (state, status, reason) in [
            (PayoutState::Ready, Status::Pending, None),
            (PayoutState::Submitted, Status::Authorized, None),
            (PayoutState::Settled, Status::Executed, None),
            (PayoutState::Failed { failure }, Status::Failed, Some("insufficient_funds")),
            (PayoutState::Returned { code: None, amount_back: 1, charges: 0 }, Status::Failed, Some("returned")),
        ] {
            let mut shown = Shown::new();
            shown.enter(step(state, Destination::Iban), Timestamp(1), true);
            assert_eq!((shown.status, shown.failure_reason), (status, reason), "{state:?}");
        }
    }
}
