//! Payments: recording them once, moving them on, taking them back.

use super::{Done, flow};
use crate::command::RecordPayment;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{PaymentId, RefundId};
use crate::ledger::{AccountKind, Subject, TransferKind};
use crate::money::AMOUNT_MINOR_MAX;
use crate::party::Party;
use crate::payment::{
    Counters, Moments, Payment, PaymentBlock, PaymentBlockCode, PaymentFailure, PaymentFailureReason, PaymentState,
    Provenance,
};
use crate::reason::FailureKind;
use crate::refund::{BlockCode, Case, CaseCode, Refund};
use crate::refusal::Refusal;
use crate::rules::Environment;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finds the payment by any of its origin keys, else creates it (rails 8.6).
pub(super) fn record(draft: &mut Draft<'_>, record: &RecordPayment) -> Result<Done, Refusal> {
    let merchant = draft.context().merchant;
    let known: BTreeSet<PaymentId> = record
        .origin_keys
        .iter()
        .filter_map(|key| draft.facts().origin_keys.get(&(merchant, key.clone())).copied())
        .collect();
    if let Some(first) = known.first().copied() {
        return found(draft, record, first, known.len() > 1);
    }
    if draft.payment(record.id).is_some() {
        return Err(Refusal::AlreadyExists);
    }
    let account = draft.account(record.account).filter(|account| account.kind == AccountKind::Held);
    let account = account.ok_or(Refusal::AccountUnknown)?;
    if account.currency != record.amount.currency {
        return Err(Refusal::CurrencyMismatch);
    }
    match record.amount.minor {
        0 => return Err(Refusal::AmountNotPositive),
        minor if minor > AMOUNT_MINOR_MAX => return Err(Refusal::AmountTooLarge),
        _ => {}
    }
    let mut payment = blank(draft, record);
    draft.payment_event(&mut payment, EventKind::PaymentRecorded);
    match record.state {
        PaymentState::Open => {}
        PaymentState::Authorised => draft.payment_event(&mut payment, EventKind::PaymentAuthorised),
        PaymentState::Executed => draft.payment_event(&mut payment, EventKind::PaymentExecuted),
        PaymentState::Settled => credit(draft, &mut payment, record.amount.minor)?,
        PaymentState::Failed | PaymentState::Reversed => return Err(Refusal::TransitionImpossible),
    }
    for key in &record.origin_keys {
        draft.put_origin_key(key.clone(), payment.id);
    }
    let id = payment.id;
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

fn found(draft: &mut Draft<'_>, record: &RecordPayment, id: PaymentId, ambiguous: bool) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    let merchant = payment.merchant;
    for key in &record.origin_keys {
        if !draft.facts().origin_keys.contains_key(&(merchant, key.clone())) {
            draft.put_origin_key(key.clone(), id);
        }
    }
    if ambiguous && !payment.is_blocked_by(PaymentBlockCode::Unverified) {
        place(draft, &mut payment, PaymentBlockCode::Unverified);
        open_case(draft, &mut payment, CaseCode::Unmatched);
    }
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

fn blank(draft: &Draft<'_>, record: &RecordPayment) -> Payment {
    let context = draft.context();
    let unverified = context.rules.environment == Environment::Live && record.provenance == Provenance::Imported;
    let block = PaymentBlock { code: PaymentBlockCode::Unverified, at: context.at };
    let created_at = record.occurred_at.map_or(context.at, |at| at.min(context.at));
    let mut moments = Moments::default();
    moments.enter(record.state, created_at);
    Payment {
        id: record.id,
        merchant: context.merchant,
        origin: record.origin.clone(),
        account: record.account,
        amount: record.amount,
        debtor: record.debtor.clone(),
        state: record.state,
        moments,
        failure: None,
        payer_key: record.payer_key.clone(),
        expires_at: record.expires_at,
        provenance: record.provenance,
        blocks: if unverified { vec![block] } else { Vec::new() },
        counters: Counters { claimable: record.amount.minor, claimed: 0, reversed: 0 },
        merchant_reference: record.merchant_reference.clone(),
        method: record.method.clone(),
        extension: Arc::clone(&record.extension),
        event_count: 0,
        chain: [0; 32],
        cases: Vec::new(),
        adopted: Vec::new(),
        created_at,
        updated_at: context.at,
    }
}

fn credit(draft: &mut Draft<'_>, payment: &mut Payment, credited: u64) -> Result<(), Refusal> {
    let book = draft.book(payment.amount.currency).ok_or(Refusal::AccountUnknown)?;
    payment.state = PaymentState::Settled;
    payment.counters.claimable = credited;
    draft.payment_event(payment, EventKind::PaymentSettled { credited });
    draft.transfer(
        book.payin_clearing,
        payment.account,
        credited,
        TransferKind::Posted,
        Subject::Payment(payment.id),
    )?;
    Ok(())
}

/// The live refunds of a payment, oldest first.
fn live_refunds(draft: &Draft<'_>, payment: PaymentId) -> Vec<Refund> {
    let listed: Vec<RefundId> = draft.facts().live_refunds.get(&payment).cloned().unwrap_or_default();
    let mut refunds: Vec<Refund> = listed.into_iter().filter_map(|id| draft.refund(id)).collect();
    refunds.sort_by_key(|refund| (refund.created_at, refund.id));
    refunds
}

pub(super) fn advance(
    draft: &mut Draft<'_>,
    id: PaymentId,
    to: PaymentState,
    credited: Option<u64>,
    debtor: Option<&Party>,
    failure: Option<PaymentFailureReason>,
) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    if payment.debtor.is_none() {
        payment.debtor = debtor.cloned();
    }
    let rank = |state: PaymentState| match state {
        PaymentState::Open => 0_u8,
        PaymentState::Authorised => 1,
        PaymentState::Executed => 2,
        PaymentState::Settled | PaymentState::Failed => 3,
        PaymentState::Reversed => 4,
    };
    if payment.state == to {
        return Ok(Done::Unchanged);
    }
    if rank(to) <= rank(payment.state) || to == PaymentState::Reversed {
        return Err(Refusal::TransitionImpossible);
    }
    // What the payer agreed to cannot be taken back by whoever asked for it.
    let taken_back = matches!(failure, Some(PaymentFailureReason::Cancelled | PaymentFailureReason::Expired));
    if to == PaymentState::Failed && taken_back && payment.state != PaymentState::Open {
        return Err(Refusal::TransitionImpossible);
    }
    payment.updated_at = draft.context().at;
    payment.moments.enter(to, payment.updated_at);
    match to {
        PaymentState::Authorised => {
            payment.state = to;
            draft.payment_event(&mut payment, EventKind::PaymentAuthorised);
        }
        PaymentState::Executed => {
            payment.state = to;
            draft.payment_event(&mut payment, EventKind::PaymentExecuted);
        }
        PaymentState::Settled => settle(draft, &mut payment, credited)?,
        PaymentState::Failed => fail(draft, &mut payment, failure.unwrap_or(PaymentFailureReason::Other))?,
        PaymentState::Open | PaymentState::Reversed => return Err(Refusal::TransitionImpossible),
    }
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

/// It will not come: refunds that wait for it fail in the same commit.
pub(super) fn fail(draft: &mut Draft<'_>, payment: &mut Payment, reason: PaymentFailureReason) -> Result<(), Refusal> {
    let at = draft.context().at;
    payment.failure = Some(PaymentFailure { stage: payment.state, reason });
    payment.state = PaymentState::Failed;
    payment.moments.enter(PaymentState::Failed, at);
    payment.updated_at = at;
    draft.payment_event(payment, EventKind::PaymentFailed);
    let (waiting, gone) = waiting_and_gone(draft, payment.id);
    for mut refund in waiting {
        flow::fail(draft, payment, &mut refund, FailureKind::PaymentFailed)?;
        draft.put_refund(refund);
    }
    if gone > 0 {
        payment.counters.reversed = payment.counters.claimable;
        open_case(draft, payment, CaseCode::Exposure);
    }
    Ok(())
}

/// Replaces what the dialect keeps with the payment, if nobody did since it
/// was read. What failed is told to the world as it was then, so it stays.
pub(super) fn annotate(
    draft: &mut Draft<'_>,
    id: PaymentId,
    before: &[u8],
    extension: &Arc<[u8]>,
) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    if *payment.extension != *before {
        return Err(Refusal::Changed);
    }
    if payment.state == PaymentState::Failed {
        return Err(Refusal::TransitionImpossible);
    }
    payment.extension = Arc::clone(extension);
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

/// The live refunds that were not sent, and the sum of those that do not fail
/// any more: paid outside, or known from a rail's evidence.
fn waiting_and_gone(draft: &Draft<'_>, payment: PaymentId) -> (Vec<Refund>, u64) {
    let (waiting, gone): (Vec<Refund>, Vec<Refund>) =
        live_refunds(draft, payment).into_iter().partition(|refund| refund.state.before_send());
    let sum = gone.iter().fold(0_u64, |sum, refund| sum.saturating_add(refund.amount.minor));
    (waiting, sum)
}

/// The pay-in was credited: held refunds that no longer fit fail in the same
/// commit, the others pass the settlement gate.
fn settle(draft: &mut Draft<'_>, payment: &mut Payment, credited: Option<u64>) -> Result<(), Refusal> {
    let credited = credited.unwrap_or(payment.amount.minor);
    if credited > AMOUNT_MINOR_MAX {
        return Err(Refusal::AmountTooLarge);
    }
    let (waiting, gone) = waiting_and_gone(draft, payment.id);
    credit(draft, payment, credited)?;
    let mut room = credited.saturating_sub(gone);
    if gone > credited {
        // More was given back than came: evidence breaks no constraint.
        payment.counters.claimable = gone;
        payment.counters.reversed = gone.saturating_sub(credited);
        open_case(draft, payment, CaseCode::Exposure);
    }
    for mut refund in waiting {
        if let Some(left) = room.checked_sub(refund.amount.minor) {
            room = left;
            flow::advance(draft, payment, &mut refund)?;
        } else {
            flow::fail(draft, payment, &mut refund, FailureKind::PaymentShort)?;
        }
        draft.put_refund(refund);
    }
    assert!(payment.counters.claimed <= payment.counters.claimable, "what does not fit was failed");
    Ok(())
}

/// The bank took it back: evidence, always recorded. What is not sent does
/// not go out; what was given and is missing is owed by the merchant.
pub(super) fn reverse(draft: &mut Draft<'_>, id: PaymentId, amount: Option<u64>) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    if !payment.state.credited() {
        return Err(Refusal::TransitionImpossible);
    }
    let left = payment.counters.claimable.saturating_sub(payment.counters.reversed);
    let amount = amount.unwrap_or(left);
    let reversed = payment.counters.reversed.checked_add(amount).filter(|sum| *sum <= AMOUNT_MINOR_MAX);
    payment.counters.reversed = reversed.ok_or(Refusal::AmountTooLarge)?;
    payment.state = PaymentState::Reversed;
    payment.updated_at = draft.context().at;
    for mut refund in live_refunds(draft, id) {
        if refund.state.before_send() {
            flow::fail(draft, &mut payment, &mut refund, FailureKind::PaymentBlocked)?;
            draft.put_refund(refund);
        }
    }
    draft.payment_event(&mut payment, EventKind::PaymentReversed { amount });
    let book = draft.book(payment.amount.currency).ok_or(Refusal::AccountUnknown)?;
    let available = draft.account(payment.account).ok_or(Refusal::AccountUnknown)?.balance.available();
    // What refunds already gave away is owed, even when other money lies there.
    let kept = amount.saturating_sub(payment.counters.exposure()).min(available);
    let owed = amount.saturating_sub(kept);
    let subject = Subject::Payment(id);
    draft.transfer(payment.account, book.payin_clearing, kept, TransferKind::Posted, subject)?;
    draft.transfer(book.due_from_merchant, book.payin_clearing, owed, TransferKind::Posted, subject)?;
    if !payment.is_blocked_by(PaymentBlockCode::Recall) {
        place(draft, &mut payment, PaymentBlockCode::Recall);
    }
    if payment.counters.exposure() > 0 {
        open_case(draft, &mut payment, CaseCode::Exposure);
    }
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}

fn place(draft: &mut Draft<'_>, payment: &mut Payment, code: PaymentBlockCode) {
    payment.blocks.push(PaymentBlock { code, at: draft.context().at });
    draft.payment_event(payment, EventKind::PaymentBlock { code: number_of(code), placed: true });
}

fn open_case(draft: &mut Draft<'_>, payment: &mut Payment, code: CaseCode) {
    if payment.cases.iter().any(|case| case.code == code && case.closed_at.is_none()) {
        return;
    }
    payment.cases.push(Case { code, at: draft.context().at, closed_at: None });
    draft.payment_event(payment, EventKind::CaseOpened { code });
}

/// The stored number of a payment's block code.
fn number_of(code: PaymentBlockCode) -> u8 {
    match code {
        PaymentBlockCode::Recall => 0,
        PaymentBlockCode::Dispute => 1,
        PaymentBlockCode::Fraud => 2,
        PaymentBlockCode::Legal => 3,
        PaymentBlockCode::TooOld => 4,
        PaymentBlockCode::RefundedElsewhere => 5,
        PaymentBlockCode::Unverified => 6,
    }
}

/// Places or lifts a block; refunds that were not sent are stopped with it.
pub(super) fn block(
    draft: &mut Draft<'_>,
    id: PaymentId,
    code: PaymentBlockCode,
    placed: bool,
) -> Result<Done, Refusal> {
    let mut payment = draft.payment(id).ok_or(Refusal::PaymentUnknown)?;
    if payment.is_blocked_by(code) == placed {
        return Ok(Done::Unchanged);
    }
    if placed {
        place(draft, &mut payment, code);
        let context = draft.context();
        for mut refund in live_refunds(draft, id) {
            let stopped =
                refund.blocks.iter().any(|block| block.code == BlockCode::Operator && block.lifted_at.is_none());
            if refund.state.before_send() && !stopped {
                let by = context.actor.clone();
                let code = BlockCode::Operator;
                refund.blocks.push(crate::refund::Block { code, by, at: context.at, lifted_at: None });
                draft.refund_event(&mut payment, &mut refund, EventKind::BlockPlaced { code });
                draft.put_refund(refund);
            }
        }
    } else {
        payment.blocks.retain(|block| block.code != code);
        draft.payment_event(&mut payment, EventKind::PaymentBlock { code: number_of(code), placed: false });
    }
    payment.updated_at = draft.context().at;
    draft.put_payment(payment);
    Ok(Done::Payment(id))
}
