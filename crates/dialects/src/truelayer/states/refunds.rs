//! A refund's states in this provider's words (contract 4.2).

use super::{BLOCKED, Destination, Shown, Step, UNKNOWN, reason_of};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::party::Creditor;
use refundry_domain::payment::Payment;
use refundry_domain::refund::{Refund, RefundState};

/// What a state means here. Blocks before the send and cases after it have no
/// word: the status is the state's.
pub(in crate::truelayer) fn step(state: RefundState, destination: Destination) -> Step {
    match state {
        RefundState::Awaiting(_) | RefundState::Ready => Step::Waiting,
        RefundState::Submitted => Step::Sent,
        RefundState::Settled { by: _ } => Step::Paid,
        RefundState::Failed { failure } => Step::Ended(reason_of(failure, destination)),
        RefundState::Rejected { by: _ } => Step::Ended(BLOCKED),
        RefundState::Cancelled { cause: _ } | RefundState::Expired { at: _ } => Step::Ended(UNKNOWN),
        RefundState::Returned { code: _, amount_back: _, charges: _ } => Step::CameBack,
    }
}

/// What a refund shows now, told by its events: they alone know when it
/// entered its states.
pub(in crate::truelayer) fn shown(
    refund: &Refund,
    payment: Option<&Payment>,
    events: &[Event],
    report_returns: bool,
) -> Shown {
    let destination = destination(refund, payment);
    let mut shown = Shown::new();
    for event in events.iter().filter(|event| is_told(event, refund)) {
        if let EventKind::RefundEntered { state } = &event.kind {
            shown.enter(step(*state, destination), event.at, report_returns);
        }
    }
    shown
}

/// What was heard before the client named the refund is not its business: a
/// debit that the sweep had adopted is told anew once it is recognised.
pub(in crate::truelayer) fn is_told(event: &Event, refund: &Refund) -> bool {
    event.at >= refund.created_at
}

/// What kind of account a refund goes to.
pub(in crate::truelayer) fn destination(refund: &Refund, payment: Option<&Payment>) -> Destination {
    let party = match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.and_then(|payment| payment.debtor.as_ref()),
        Creditor::Given { party, source: _ } => Some(party),
    };
    party.map_or(Destination::Other, |party| Destination::of(&party.account))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use refundry_domain::id::PersonId;
    use refundry_domain::reason::{BankCode, Failure, FailureKind};
    use refundry_domain::refund::{CancelCause, ExpiredAt, Gate, SettledBy};
    use refundry_domain::time::Timestamp;

    /// Every state once, with the status and the reason of contract 4.2.
    fn table() -> Vec<(RefundState, Status, Option<&'static str>)> {
        let failed = |kind| RefundState::Failed { failure: Failure::of(kind) };
        let mut rows: Vec<(RefundState, Status, Option<&'static str>)> =
            Gate::ALL.into_iter().map(|gate| (RefundState::Awaiting(gate), Status::Pending, None)).collect();
        rows.extend([
            (RefundState::Ready, Status::Pending, None),
            (RefundState::Submitted, Status::Authorized, None),
            (RefundState::Settled { by: SettledBy::Attempt(1) }, Status::Executed, None),
            (RefundState::Settled { by: SettledBy::Sweep }, Status::Executed, None),
            (RefundState::Settled { by: SettledBy::External }, Status::Executed, None),
            (failed(FailureKind::InsufficientFunds), Status::Failed, Some("insufficient_funds")),
            (RefundState::Rejected { by: PersonId(1) }, Status::Failed, Some("blocked")),
            (RefundState::Cancelled { cause: CancelCause::Requested }, Status::Failed, Some("unknown")),
            (RefundState::Cancelled { cause: CancelCause::Withdrawn }, Status::Failed, Some("unknown")),
            (RefundState::Expired { at: ExpiredAt::Ready }, Status::Failed, Some("unknown")),
            (RefundState::Expired { at: ExpiredAt::Gate(Gate::Approval) }, Status::Failed, Some("unknown")),
            (
                RefundState::Returned { code: BankCode::parse("AC04"), amount_back: 9, charges: 1 },
                Status::Failed,
                Some("returned"),
            ),
        ]);
        rows
    }

    // conformance: truelayer 87
    #[test]
    fn every_state_has_its_word() {
        for (state, status, reason) in table() {
            let mut shown = Shown::new();
            shown.enter(step(state, Destination::Scan), Timestamp(7), true);
            assert_eq!((shown.status, shown.failure_reason), (status, reason), "{state:?}");
            assert_eq!(shown.failed_at.is_some(), status == Status::Failed, "{state:?}");
            if status == Status::Executed {
                // Paid without a send of ours: both times are the same.
                assert_eq!((shown.authorized_at, shown.executed_at), (Some(Timestamp(7)), Some(Timestamp(7))));
            }
        }
    }

    // conformance: truelayer 55
    // conformance: truelayer 82
    // conformance: truelayer 83
    #[test]
    fn times_stay_and_endings_are_told() {
        let returned = RefundState::Returned { code: None, amount_back: 1, charges: 0 };
        let course =
            [RefundState::Ready, RefundState::Submitted, RefundState::Settled { by: SettledBy::Attempt(1) }, returned];
        for report_returns in [true, false] {
            let mut shown = Shown::new();
            let mut endings = Vec::new();
            for (at, state) in course.into_iter().enumerate() {
                let step = step(state, Destination::Other);
                shown.enter(step, Timestamp(i64::try_from(at).unwrap()), report_returns);
                endings.extend(step.ending(report_returns));
            }
            let executed = super::super::Ending::Executed;
            assert_eq!((shown.authorized_at, shown.executed_at), (Some(Timestamp(1)), Some(Timestamp(2))));
            assert_eq!(shown.returned_at, Some(Timestamp(3)));
            if report_returns {
                assert_eq!((shown.status, shown.failed_at), (Status::Failed, Some(Timestamp(3))));
                assert_eq!(endings, [executed, super::super::Ending::Failed("returned")]);
            } else {
                assert_eq!((shown.status, shown.failed_at), (Status::Executed, None));
                assert_eq!(endings, [executed]);
            }
        }
    }

    #[test]
    fn reasons_have_their_words() {
        let code = |kind| Failure { kind, bank_code: BankCode::parse("AC01") };
        let table = [
            (Failure::of(FailureKind::AccountInvalid), Destination::Iban, "invalid_iban"),
            (code(FailureKind::AccountInvalid), Destination::Scan, "invalid_scan"),
            (code(FailureKind::AccountClosed), Destination::Scan, "scheme_error"),
            (code(FailureKind::Unspecified), Destination::Iban, "scheme_error"),
            (Failure::of(FailureKind::Unspecified), Destination::Iban, "unknown"),
            (Failure::of(FailureKind::NotExecuted), Destination::Iban, "server_error"),
            (code(FailureKind::Regulatory), Destination::Iban, "blocked"),
            (Failure::of(FailureKind::PaymentFailed), Destination::Iban, "unknown"),
            (Failure::of(FailureKind::PaymentShort), Destination::Iban, "unknown"),
        ];
        for (failure, destination, word) in table {
            assert_eq!(reason_of(failure, destination), word, "{failure:?}");
        }
        let words = [
            "blocked",
            "insufficient_funds",
            "invalid_iban",
            "invalid_scan",
            "scheme_error",
            "server_error",
            "unknown",
        ];
        for kind in FailureKind::ALL {
            assert!(words.contains(&reason_of(Failure::of(*kind), Destination::Iban)), "{kind:?}");
        }
    }
}
