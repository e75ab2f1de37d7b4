//! Evidence: what a rail reports, late, doubled, out of order or
//! contradictory. The machine takes evidence, not order; the first final word
//! is kept and a contradiction opens a case (rails M8, M23).

use super::order::{Ordered, Pair};
use super::{Done, flow, payouts, send};
use crate::attempt::AttemptState;
use crate::facts::{Draft, Evidence};
use crate::instruction::{EvidenceId, Order, Report};
use crate::ledger::TransferKind;
use crate::reason::{BankCode, Failure, FailureKind, says_duplicate, says_unknown};
use crate::refund::CaseCode;
use crate::refusal::Refusal;

pub(super) fn record(
    draft: &mut Draft<'_>,
    instruction_id: &str,
    evidence: EvidenceId,
    report: Report,
) -> Result<Done, Refusal> {
    let context = draft.context();
    let Some((order, number)) = draft.facts().instructions.get(instruction_id).copied() else {
        // The rail is asked what it was before anything is said about it.
        return Err(Refusal::RefundUnknown);
    };
    if draft.facts().evidence.contains(&(order, evidence)) {
        return Ok(Done::Unchanged);
    }
    draft.put_evidence(Evidence { order, id: evidence, report, at: context.at });
    match order {
        Order::Refund(id) => {
            let (mut payment, mut refund) = flow::pair(draft, id)?;
            apply(draft, &mut Pair { payment: &mut payment, refund: &mut refund }, number, report)?;
            flow::put(draft, payment, refund);
            Ok(Done::Refund(id))
        }
        Order::Payout(id) => {
            let mut payout = payouts::known(draft, id)?;
            apply(draft, &mut payout, number, report)?;
            draft.put_payout(payout);
            Ok(Done::Payout(id))
        }
    }
}

/// Applies a report to one attempt and lets its order follow.
pub(super) fn apply(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    number: u8,
    report: Report,
) -> Result<(), Refusal> {
    let Some(state) = order.attempt(number).map(|attempt| attempt.state) else {
        return Err(order.unknown());
    };
    match report {
        Report::Accepted => {
            // Whatever was being checked about it was checked.
            order.end_case(draft, CaseCode::Screening);
            accepted(draft, order, (number, state))
        }
        Report::Screening => {
            accepted(draft, order, (number, state))?;
            if state.under_way() {
                order.open_case(draft, CaseCode::Screening);
            }
            Ok(())
        }
        Report::Executed { amount, charges } => executed(draft, order, (number, state), (amount, charges)),
        Report::Rejected { code } => rejected(draft, order, (number, state), code),
        Report::Returned { amount_back, code } => returned(draft, order, (number, state), (amount_back, code)),
        Report::Withdrawn => ended(draft, order, (number, state), AttemptState::Withdrawn),
        Report::Lapsed => {
            let failure = Failure::of(FailureKind::Expired);
            ended(draft, order, (number, state), AttemptState::Rejected { failure })
        }
    }
}

fn accepted(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, state): (u8, AttemptState),
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due | AttemptState::Sending { .. } | AttemptState::Unknown { .. } => {
            order.catch_up(draft)?;
            let since = draft.context().at;
            order.set_attempt(number, AttemptState::Accepted { since });
            Ok(())
        }
        AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => Ok(()),
    }
}

fn executed(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, state): (u8, AttemptState),
    (amount, charges): (u64, u64),
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            if amount.checked_sub(charges) != Some(order.amount().minor) {
                order.open_case(draft, CaseCode::Difference);
                return Ok(());
            }
            order.catch_up(draft)?;
            order.set_attempt(number, AttemptState::Executed);
            order.follow(draft)?;
            if charges > 0 {
                let book = draft.book(order.amount().currency).ok_or(Refusal::AccountUnknown)?;
                let (clearing, subject) = (order.clearing(&book), order.subject());
                draft.transfer(book.bank_charges, clearing, charges, TransferKind::Posted, subject)?;
            }
            let moved = order
                .attempts()
                .iter()
                .filter(|attempt| matches!(attempt.state, AttemptState::Executed | AttemptState::Returned));
            if moved.count() > 1 || order.is_paid_outside() {
                order.open_case(draft, CaseCode::Conflict);
            }
            Ok(())
        }
        AttemptState::Rejected { .. } | AttemptState::Absent | AttemptState::Withdrawn => {
            order.open_case(draft, CaseCode::Conflict);
            Ok(())
        }
        AttemptState::Executed | AttemptState::Returned => Ok(()),
    }
}

fn rejected(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, state): (u8, AttemptState),
    code: Option<BankCode>,
) -> Result<(), Refusal> {
    let text = code.as_ref().map_or("", BankCode::as_str);
    let doubtful = match state {
        AttemptState::Sending { .. } | AttemptState::Unknown { .. } => true,
        AttemptState::Due
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => false,
    };
    if says_duplicate(text) || (doubtful && says_unknown(text)) {
        // It has seen this before: find the original, never fail, never resend.
        send::doubt(draft, order, number);
        if says_duplicate(text) {
            order.open_case(draft, CaseCode::Duplicate);
        }
        return Ok(());
    }
    let failure = order.failure_of(code);
    let lacks = failure.kind == FailureKind::InsufficientFunds && state.under_way();
    if lacks && order.lacks_funds(draft, number, failure)? {
        return Ok(());
    }
    ended(draft, order, (number, state), AttemptState::Rejected { failure })
}

/// A definite end without money.
fn ended(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, state): (u8, AttemptState),
    end: AttemptState,
) -> Result<(), Refusal> {
    match state {
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            order.catch_up(draft)?;
            order.set_attempt(number, end);
            order.follow(draft)
        }
        AttemptState::Executed | AttemptState::Returned => {
            order.open_case(draft, CaseCode::Conflict);
            Ok(())
        }
        AttemptState::Rejected { .. } | AttemptState::Absent | AttemptState::Withdrawn => Ok(()),
    }
}

fn returned(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, state): (u8, AttemptState),
    (amount_back, code): (u64, Option<BankCode>),
) -> Result<(), Refusal> {
    let ordered = order.amount().minor;
    match state {
        AttemptState::Executed => {}
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. } => {
            // Heard first: it was executed before it came back (rails M23).
            executed(draft, order, (number, state), (ordered, 0))?;
        }
        AttemptState::Returned => return second_return(draft, order, amount_back),
        // A batch booking credits back what was refused (rails 8.5): not ours.
        AttemptState::Rejected { .. } => return Ok(()),
        AttemptState::Absent | AttemptState::Withdrawn => {
            order.open_case(draft, CaseCode::Conflict);
            return Ok(());
        }
    }
    if !order.is_paid_by_rail() {
        order.open_case(draft, CaseCode::Conflict);
        return Ok(());
    }
    let kept = amount_back.min(ordered);
    order.set_attempt(number, AttemptState::Returned);
    order.come_back(draft, code, (kept, ordered.saturating_sub(kept)))?;
    let excess = amount_back.saturating_sub(kept);
    if excess > 0 {
        second_return(draft, order, excess)?;
    }
    Ok(())
}

/// Money that came back twice, or too much of it, is unexplained.
fn second_return(draft: &mut Draft<'_>, order: &mut impl Ordered, amount: u64) -> Result<(), Refusal> {
    order.add_case(draft, CaseCode::Returned);
    let book = draft.book(order.amount().currency).ok_or(Refusal::AccountUnknown)?;
    let subject = order.subject();
    draft.transfer(book.return_clearing, book.suspense, amount, TransferKind::Posted, subject)?;
    Ok(())
}
