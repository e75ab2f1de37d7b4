//! The send: every check once more in the commit of the intent, then the
//! claim of the attempt; and what the rail answered to the call.

use super::order::{Ordered, Pair};
use super::{Done, approvals, flow, funds, reports, tick};
use crate::attempt::{Attempt, AttemptState};
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::RefundId;
use crate::instruction::{DebtorAccount, Instruction, Order, Report, Submission};
use crate::party::Creditor;
use crate::payment::{Payment, PaymentBlockCode};
use crate::reason::FailureKind;
use crate::reference::ids_of_attempt;
use crate::refund::{Block, BlockCode, CaseCode, ExpiredAt, Funding, Gate, Refund, RefundState, Reservation, Shortage};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What the checks before a send say.
enum Verdict {
    /// Send it.
    Go,
    /// It was moved elsewhere in this draft, or may not go now.
    Stop,
}

pub(super) fn begin(draft: &mut Draft<'_>, id: RefundId, epoch: u64, lease_until: Timestamp) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let first = refund.state == RefundState::Ready;
    let later = refund.state == RefundState::Submitted
        && refund.newest_attempt().is_some_and(|attempt| attempt.state == AttemptState::Due);
    if !(first || later) || refund.is_blocked() {
        return Ok(Done::Unchanged);
    }
    let at = draft.context().at;
    if first && tick::send_at(&refund) > at && refund.deadlines.earliest() > at {
        return Ok(Done::Unchanged);
    }
    if is_paused(draft, &refund) {
        stop_for_person(draft, &mut payment, &mut refund, BlockCode::Paused);
        flow::put(draft, payment, refund);
        return Ok(Done::Refund(id));
    }
    if is_named_by_another(draft, &refund) {
        flow::open_case(draft, &mut payment, &mut refund, CaseCode::Duplicate);
        stop_for_person(draft, &mut payment, &mut refund, BlockCode::DuplicateSuspect);
        flow::put(draft, payment, refund);
        return Ok(Done::Refund(id));
    }
    if first {
        match check(draft, &mut payment, &mut refund)? {
            Verdict::Go => {}
            Verdict::Stop => {
                flow::put(draft, payment, refund);
                return Ok(Done::Refund(id));
            }
        }
        if refund.attempts.is_empty() {
            refund.attempts.push(Attempt::due(1));
        }
        flow::enter(draft, &mut payment, &mut refund, RefundState::Submitted)?;
        if refund.reservation == Reservation::None {
            funds::reserve(draft, &mut refund)?;
        }
    } else {
        assert!(
            refund.attempts.iter().rev().skip(1).all(|attempt| attempt.state.ended_without_money()),
            "a new attempt needs proof for every earlier one"
        );
        // What was sent before does not fail by itself: a person ends it.
        if payment_is_gone(&payment) || !payment.blocks.is_empty() || waits_for_stray(draft, &payment, &refund) {
            stop_for_person(draft, &mut payment, &mut refund, BlockCode::Operator);
            flow::put(draft, payment, refund);
            return Ok(Done::Refund(id));
        }
    }
    let instruction = claim(draft, &mut payment, &mut refund, epoch, lease_until)?;
    flow::put(draft, payment, refund);
    Ok(Done::Send(Box::new(instruction)))
}

/// The money of the payment did not come, or its bank took it back.
fn payment_is_gone(payment: &Payment) -> bool {
    let counters = payment.counters;
    let over = counters.claimed > counters.claimable.saturating_sub(counters.reversed);
    over || payment.is_blocked_by(PaymentBlockCode::Recall) || !payment.state.credited()
}

/// Its account pays nothing until a person says so (rails M22).
fn is_paused(draft: &Draft<'_>, refund: &Refund) -> bool {
    match refund.funding {
        Funding::Held { account } => draft.account(account).is_some_and(|account| account.paused_at.is_some()),
        Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
    }
}

/// The ids of the attempt to be sent are another one's: it would be taken for
/// that one, and one of both would never be paid.
fn is_named_by_another(draft: &Draft<'_>, refund: &Refund) -> bool {
    let (context, known) = (draft.context(), &draft.facts().instructions);
    if known.is_empty() {
        return false;
    }
    let number = refund.newest_attempt().map_or(1, |attempt| attempt.number);
    let ids = ids_of_attempt(refund, number, context.rules.environment, context.sha256);
    known.get(&ids.instruction_id).is_some_and(|owner| *owner != (Order::Refund(refund.id), number))
}

/// Blocks the refund until a person lifts it.
fn stop_for_person(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund, code: BlockCode) {
    let at = draft.context().at;
    refund.blocks.push(Block { code, by: crate::event::Actor::Engine, at, lifted_at: None });
    draft.refund_event(payment, refund, EventKind::BlockPlaced { code });
}

/// Everything that may have changed since the gates were passed.
fn check(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<Verdict, Refusal> {
    let at = draft.context().at;
    if refund.deadlines.earliest() <= at {
        flow::withdraw_due(refund);
        flow::enter(draft, payment, refund, RefundState::Expired { at: ExpiredAt::Ready })?;
        return Ok(Verdict::Stop);
    }
    if payment_is_gone(payment) {
        flow::fail(draft, payment, refund, FailureKind::PaymentBlocked)?;
        return Ok(Verdict::Stop);
    }
    if !payment.blocks.is_empty() || waits_for_stray(draft, payment, refund) {
        stop_for_person(draft, payment, refund, BlockCode::Operator);
        return Ok(Verdict::Stop);
    }
    if !approvals::hold(draft, payment, refund) {
        approvals::renew(draft, payment, refund);
        flow::enter(draft, payment, refund, RefundState::Awaiting(Gate::Approval))?;
        return Ok(Verdict::Stop);
    }
    if let Some(kind) = mandate_fault(draft, refund)? {
        flow::fail(draft, payment, refund, kind)?;
        return Ok(Verdict::Stop);
    }
    if refund.reservation == Reservation::None && funds::shortage(draft, refund)?.is_some() {
        match refund.shortage {
            Shortage::Wait => {
                refund.waits_for_funds = Some(at.plus(flow::FUNDS_RECHECK));
                flow::enter(draft, payment, refund, RefundState::Awaiting(Gate::Funds))?;
            }
            Shortage::Refuse | Shortage::Fail => flow::fail(draft, payment, refund, FailureKind::InsufficientFunds)?,
        }
        return Ok(Verdict::Stop);
    }
    take_slot(draft, refund);
    Ok(Verdict::Go)
}

/// A debit that nobody can explain names this payer: the refund waits until a
/// person lets it go (rails M21).
fn waits_for_stray(draft: &Draft<'_>, payment: &Payment, refund: &Refund) -> bool {
    let named = payment
        .debtor
        .as_ref()
        .is_some_and(|party| draft.facts().stray_creditors.contains(&(payment.merchant, party.account.canonical())));
    named && !refund.blocks.iter().any(|block| block.code == BlockCode::Operator && block.lifted_at.is_some())
}

fn mandate_fault(draft: &Draft<'_>, refund: &Refund) -> Result<Option<FailureKind>, Refusal> {
    let Funding::Mandate { mandate, .. } = refund.funding else { return Ok(None) };
    let mandate = draft.mandate(mandate).ok_or(Refusal::MandateUnknown)?;
    if let Some(kind) = mandate.unusable().or_else(|| mandate.misfit(refund.amount.minor)) {
        return Ok(Some(kind));
    }
    let used = draft.mandate_used(mandate.id, mandate.period.index_at(draft.context().at));
    Ok(mandate.count_max.is_some_and(|most| used >= most).then_some(FailureKind::MandateCount))
}

/// Takes a slot of the mandate's period; the store holds the limit, too.
fn take_slot(draft: &mut Draft<'_>, refund: &Refund) {
    let Funding::Mandate { mandate, .. } = refund.funding else { return };
    let Some(mandate) = draft.mandate(mandate).filter(|mandate| mandate.count_max.is_some()) else { return };
    let period = mandate.period.index_at(draft.context().at);
    let used = draft.mandate_used(mandate.id, period).saturating_add(1);
    draft.put_mandate_used(mandate.id, period, used);
}

/// Gives the slot back: the rail refused before accepting.
pub(super) fn return_slot(draft: &mut Draft<'_>, refund: &Refund, sent_at: Option<Timestamp>) {
    let Funding::Mandate { mandate, .. } = refund.funding else { return };
    let Some(mandate) = draft.mandate(mandate).filter(|mandate| mandate.count_max.is_some()) else { return };
    let period = mandate.period.index_at(sent_at.unwrap_or(draft.context().at));
    if let Some(used) = draft.mandate_used(mandate.id, period).checked_sub(1) {
        draft.put_mandate_used(mandate.id, period, used);
    }
}

/// Claims the newest attempt for a call: its number, and whether it was sent
/// before; the time of the first send stays.
pub(super) fn start_attempt(
    order: &mut impl Ordered,
    at: Timestamp,
    (epoch, lease_until): (u64, Timestamp),
) -> (u8, bool) {
    let Some(newest) = order.attempts_mut().last_mut() else { return (1, false) };
    let named = newest.sent_at.is_some();
    newest.state = AttemptState::Sending { epoch, lease_until };
    newest.sent_at = newest.sent_at.or(Some(at));
    (newest.number, named)
}

fn claim(
    draft: &mut Draft<'_>,
    payment: &mut Payment,
    refund: &mut Refund,
    epoch: u64,
    lease_until: Timestamp,
) -> Result<Instruction, Refusal> {
    let context = draft.context();
    let (number, named) = start_attempt(&mut Pair { payment, refund }, context.at, (epoch, lease_until));
    let order = Order::Refund(refund.id);
    let ids = ids_of_attempt(refund, number, context.rules.environment, context.sha256);
    // A repeated send is named already; its facts do not hold the name.
    if !named && !draft.facts().instructions.contains_key(&ids.instruction_id) {
        draft.put_instruction(ids.instruction_id.clone(), order, number);
    }
    let creditor = match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.debtor.clone(),
        Creditor::Given { party, .. } => Some(party.clone()),
    };
    Ok(Instruction {
        merchant: refund.merchant,
        order,
        payment: Some(refund.payment),
        attempt: number,
        epoch,
        lease_until,
        ids,
        amount: refund.amount,
        debtor: match refund.funding {
            Funding::Held { account } => DebtorAccount::Held(account),
            Funding::Mandate { mandate, .. } => DebtorAccount::Mandate(mandate),
            Funding::MerchantAuthorised => DebtorAccount::Merchant,
        },
        creditor: creditor.ok_or(Refusal::CreditorMissing)?,
        remittance: refund.remittance.clone(),
        dialect: std::sync::Arc::clone(&refund.origin.dialect),
    })
}

pub(super) fn record_submission(
    draft: &mut Draft<'_>,
    id: RefundId,
    number: u8,
    epoch: u64,
    outcome: Submission,
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let mut pair = Pair { payment: &mut payment, refund: &mut refund };
    if !take_answer(draft, &mut pair, (number, epoch), outcome)? {
        return Ok(Done::Unchanged);
    }
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// Takes what the rail answered to the call of a claim; false where that says
/// nothing any more.
pub(super) fn take_answer(
    draft: &mut Draft<'_>,
    order: &mut impl Ordered,
    (number, epoch): (u8, u64),
    outcome: Submission,
) -> Result<bool, Refusal> {
    let attempt = order.attempt(number).copied().ok_or(order.unknown())?;
    if !attempt.state.heeds_answer_to(epoch) {
        return Ok(false);
    }
    match outcome {
        Submission::Accepted => reports::apply(draft, order, number, Report::Accepted)?,
        Submission::Rejected { code } => {
            order.refused(draft, attempt.sent_at);
            reports::apply(draft, order, number, Report::Rejected { code })?;
        }
        Submission::Unknown => doubt(draft, order, number),
    }
    Ok(true)
}

/// Nobody knows what became of the call; inquiries follow, never a new id.
pub(super) fn doubt(draft: &Draft<'_>, order: &mut impl Ordered, number: u8) {
    let context = draft.context();
    let inquire_at = context.at.plus(context.rules.inquiry_every);
    if order.attempt(number).is_some_and(|attempt| matches!(attempt.state, AttemptState::Sending { .. })) {
        order.set_attempt(number, AttemptState::Unknown { since: context.at, inquire_at, inquiries: 0 });
    }
}

/// The rail did not know it or did not answer: ask again later.
pub(super) fn ask_later(draft: &Draft<'_>, order: &mut impl Ordered, number: u8) {
    let context = draft.context();
    let found = order.attempt(number).map(|attempt| attempt.state);
    if let Some(state) = found.and_then(|state| state.asked_in_vain(context.at, context.rules.inquiry_every)) {
        order.set_attempt(number, state);
    }
}

pub(super) fn record_inquiry(draft: &mut Draft<'_>, id: RefundId, number: u8) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let before = refund.attempts.clone();
    ask_later(draft, &mut Pair { payment: &mut payment, refund: &mut refund }, number);
    if refund.attempts == before {
        return Ok(Done::Unchanged);
    }
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// True where the newest attempt is unknown and the rail recognises its id.
pub(super) fn may_repeat(draft: &Draft<'_>, order: &impl Ordered, number: u8) -> bool {
    let unknown = order
        .attempts()
        .last()
        .is_some_and(|attempt| attempt.number == number && matches!(attempt.state, AttemptState::Unknown { .. }));
    unknown && draft.context().rules.resend_same_id
}

/// The rail does not know the instruction, which proves nothing; where it
/// recognises a repeated id, the same bytes may go out again. Never under a
/// new id, and not once a withdrawal was asked for.
pub(super) fn resend(
    draft: &mut Draft<'_>,
    id: RefundId,
    number: u8,
    (epoch, lease_until): (u64, Timestamp),
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    let stopped = payment_is_gone(&payment) || !payment.blocks.is_empty() || refund.withdrawal.is_some();
    let stopped = stopped || is_paused(draft, &refund);
    if stopped || !may_repeat(draft, &Pair { payment: &mut payment, refund: &mut refund }, number) {
        return Ok(Done::Unchanged);
    }
    let instruction = claim(draft, &mut payment, &mut refund, epoch, lease_until)?;
    flow::put(draft, payment, refund);
    Ok(Done::Send(Box::new(instruction)))
}

pub(super) fn record_withdrawal_passed(draft: &mut Draft<'_>, id: RefundId) -> Result<Done, Refusal> {
    let (payment, mut refund) = flow::pair(draft, id)?;
    let Some(asked) = &mut refund.withdrawal else { return Ok(Done::Unchanged) };
    if asked.passed_on {
        return Ok(Done::Unchanged);
    }
    asked.passed_on = true;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}
