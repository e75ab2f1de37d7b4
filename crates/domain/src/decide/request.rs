//! Making a refund: every check before anything is created, then the claim.

use super::{Done, approvals, flow, funds};
use crate::command::{FeeInput, ReferenceInput, RequestRefund};
use crate::deadline::Deadlines;
use crate::event::{Actor, EventKind};
use crate::facts::{Draft, KeylessSeen};
use crate::fee::FeeOnReturn;
use crate::ledger::AccountKind;
use crate::money::{AMOUNT_MINOR_MAX, Amount};
use crate::once::{Fingerprint, OnceRecord, OnceResult};
use crate::party::{Creditor, CreditorSource};
use crate::payment::{Origin, Payment, PaymentState};
use crate::reason::{Failure, FailureKind};
use crate::reference::{Tag, ids_of_attempt, instruction_id_of_request, merchant_reference_key};
use crate::refund::{
    Authorisation, Block, BlockCode, ClientReference, Funding, Refund, RefundState, Reservation, SettledBy, Shortage,
};
use crate::refusal::Refusal;
use crate::rules::KeylessRepeat;
use std::sync::Arc;

pub(super) fn request(draft: &mut Draft<'_>, request: &RequestRefund) -> Result<Done, Refusal> {
    let payment = draft.payment(request.payment).filter(|payment| !is_foreign(payment, request));
    let mut payment = payment.ok_or(Refusal::PaymentUnknown)?;
    let (named, suspect) = name(draft, request)?;
    if let Some(done) = recognise(draft, request, &payment, &named)? {
        return Ok(done);
    }
    if let Some(own) = &request.merchant_reference {
        let key = merchant_reference_key(payment.merchant, own, draft.context().sha256);
        if draft.facts().once.contains_key(&key) {
            return Err(Refusal::DuplicateReference);
        }
    }
    refuse_second_name(draft, request)?;
    check_funding(draft, request, &payment)?;
    check_payment(draft, request, &payment)?;
    let minor = check_amount(draft, request, &payment)?;
    let creditor = choose_creditor(request, &payment)?;
    let mut refund = blank(draft, request, &payment, named, Amount::new(minor, payment.amount.currency));
    refund.creditor = creditor;
    (refund.fee, refund.fee_on_return) = fee_of(draft, request, &payment, &refund)?;
    refund.approval = approvals::asked(draft, request, &payment, &refund);
    if suspect {
        refund.blocks.push(Block {
            code: BlockCode::DuplicateSuspect,
            by: Actor::Engine,
            at: refund.created_at,
            lifted_at: None,
        });
    }
    create(draft, &mut payment, &mut refund)?;
    record_names(draft, request, &refund);
    let id = refund.id;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// An instruction went out under what this request is named by, beside any
/// idempotency key: the ids of its attempts would be another refund's.
fn refuse_second_name(draft: &Draft<'_>, request: &RequestRefund) -> Result<(), Refusal> {
    let context = draft.context();
    let id = instruction_id_of_request(context.merchant, request, context.rules.environment, context.sha256);
    let taken = id.is_some_and(|id| draft.facts().instructions.contains_key(&id));
    if taken { Err(Refusal::DuplicateReference) } else { Ok(()) }
}

/// Writes the new refund into its first state and claims its amount.
fn create(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) -> Result<(), Refusal> {
    let reserve = flow::wants_reservation(payment, refund);
    let shortage = if reserve { funds::shortage(draft, refund)? } else { None };
    let mut state = None;
    match (shortage, refund.shortage) {
        (None, _) => {}
        (Some(available), Shortage::Refuse) => return Err(Refusal::InsufficientFunds { available }),
        (Some(_), Shortage::Wait) => refund.waits_for_funds = Some(refund.created_at.plus(flow::FUNDS_RECHECK)),
        (Some(_), Shortage::Fail) => {
            state = Some(RefundState::Failed { failure: Failure::of(FailureKind::InsufficientFunds) });
        }
    }
    let gate = flow::unmet_gate(payment, refund);
    let state = state.unwrap_or_else(|| gate.map_or(RefundState::Ready, RefundState::Awaiting));
    let claimed = payment.counters.claimed.checked_add(refund.amount.minor).ok_or(Refusal::AmountTooLarge)?;
    payment.counters.claimed = claimed;
    refund.first_state = state;
    flow::enter(draft, payment, refund, state)?;
    if reserve && shortage.is_none() {
        funds::reserve(draft, refund)?;
    }
    assert!(claimed <= payment.counters.claimable, "a command claims at most what is refundable");
    Ok(())
}

/// What the client will say again, and whether it looks like a repetition.
fn name(draft: &Draft<'_>, request: &RequestRefund) -> Result<(ClientReference, bool), Refusal> {
    match &request.reference {
        ReferenceInput::Named { tag, value } => Ok((ClientReference { tag: *tag, value: Arc::clone(value) }, false)),
        ReferenceInput::Auto { hash } => {
            let context = draft.context();
            let seen = draft.facts().keyless.get(&(request.payment, hash.to_string()));
            let number = seen.map_or(0, |seen| seen.count).saturating_add(1);
            let repeated = seen.is_some_and(|seen| context.at < seen.latest_at.plus(context.rules.keyless_window));
            let value = Arc::from(format!("{hash}.{number}"));
            let named = ClientReference { tag: Tag::Auto, value };
            match (repeated, context.rules.keyless_repeat) {
                (true, KeylessRepeat::Refuse) => Err(Refusal::DuplicateSuspect),
                (true, KeylessRepeat::Block) => Ok((named, true)),
                (true, KeylessRepeat::Allow) | (false, _) => Ok((named, false)),
            }
        }
    }
}

/// A debit that the sweep adopted is the refund that this client names again.
fn recognise(
    draft: &mut Draft<'_>,
    request: &RequestRefund,
    payment: &Payment,
    reference: &ClientReference,
) -> Result<Option<Done>, Refusal> {
    if payment.adopted.is_empty() {
        return Ok(None);
    }
    let probe = blank(draft, request, payment, reference.clone(), payment.amount);
    let context = draft.context();
    let ids: Vec<String> = (1..=crate::reference::ATTEMPT_COUNT_MAX)
        .map(|attempt| ids_of_attempt(&probe, attempt, context.rules.environment, context.sha256).instruction_id)
        .collect();
    let found = payment.adopted.iter().filter_map(|id| draft.refund(*id)).find(|adopted| {
        ids.iter().any(|id| **id == *adopted.reference.value)
            && request.amount.is_none_or(|minor| minor == adopted.amount.minor)
    });
    let Some(mut refund) = found else { return Ok(None) };
    let mut payment = payment.clone();
    payment.adopted.retain(|id| *id != refund.id);
    refund.origin = request.origin.clone();
    refund.reference = reference.clone();
    refund.merchant_reference = request.merchant_reference.clone();
    refund.extension = Arc::clone(&request.extension);
    refund.remittance = request.remittance.clone();
    refund.funding = resolved_funding(draft, request, &payment);
    refund.first_state = RefundState::Ready;
    refund.created_at = context.at;
    refund.deadlines = Deadlines::starting(request.limits, context.at);
    // The client hears of its refund as if it had been made now.
    let settled = RefundState::Settled { by: SettledBy::Sweep };
    let came_back = (refund.state != settled).then_some(refund.state);
    for state in [RefundState::Ready, RefundState::Submitted, settled].into_iter().chain(came_back) {
        draft.refund_event(&mut payment, &mut refund, EventKind::RefundEntered { state });
    }
    record_names(draft, request, &refund);
    let id = refund.id;
    flow::put(draft, payment, refund);
    Ok(Some(Done::Refund(id)))
}

/// A payment that is hidden from who asks is none (design section 5).
fn is_foreign(payment: &Payment, request: &RequestRefund) -> bool {
    payment.origin.is_hidden_from(&request.origin.dialect, &request.origin.group)
}

/// An account or mandate of one group serves that group and callers without one.
pub(super) fn may_use(group: &str, origin: &Origin) -> bool {
    group.is_empty() || origin.group.is_empty() || *group == *origin.group
}

/// The payment's own account, unless the request names another source; the
/// settlement account behind a mandate is the mandate's to name.
fn resolved_funding(draft: &Draft<'_>, request: &RequestRefund, payment: &Payment) -> Funding {
    let funding = request.funding.unwrap_or(Funding::Held { account: payment.account });
    match funding {
        Funding::Mandate { mandate, debtor_account } => {
            let known = draft.mandate(mandate).and_then(|mandate| mandate.debtor_account);
            Funding::Mandate { mandate, debtor_account: known.or(debtor_account) }
        }
        Funding::Held { .. } | Funding::MerchantAuthorised => funding,
    }
}

fn check_payment(draft: &Draft<'_>, request: &RequestRefund, payment: &Payment) -> Result<(), Refusal> {
    match payment.state {
        PaymentState::Settled | PaymentState::Reversed => {}
        PaymentState::Failed => return Err(Refusal::PaymentFailed),
        PaymentState::Open => return Err(Refusal::PaymentNotSettled),
        PaymentState::Authorised | PaymentState::Executed => {
            if !request.wait_for_settlement {
                return Err(Refusal::PaymentNotSettled);
            }
        }
    }
    let stray = payment
        .debtor
        .as_ref()
        .is_some_and(|party| draft.facts().stray_creditors.contains(&(payment.merchant, party.account.canonical())));
    if !payment.blocks.is_empty() || payment.counters.exposure() > 0 || stray {
        return Err(Refusal::PaymentBlocked);
    }
    Ok(())
}

fn check_amount(draft: &Draft<'_>, request: &RequestRefund, payment: &Payment) -> Result<u64, Refusal> {
    if request.currency.is_some_and(|currency| currency != payment.amount.currency) {
        return Err(Refusal::CurrencyMismatch);
    }
    let counted = fees_counted(draft, request, payment);
    let remaining = payment.counters.refundable().saturating_sub(counted);
    match request.amount {
        Some(0) => Err(Refusal::AmountNotPositive),
        Some(minor) if minor > AMOUNT_MINOR_MAX => Err(Refusal::AmountTooLarge),
        Some(_) | None if remaining == 0 => Err(Refusal::AlreadyRefunded),
        Some(minor) if minor > remaining => Err(Refusal::AmountExceedsRefundable { remaining }),
        Some(minor) => Ok(minor),
        None => Ok(remaining),
    }
}

/// The fees of live refunds, where the merchant counts them against what can
/// still be refunded.
fn fees_counted(draft: &Draft<'_>, request: &RequestRefund, payment: &Payment) -> u64 {
    let facts = draft.facts();
    let by_door = match &request.fee {
        FeeInput::Given(_) => None,
        FeeInput::ByRules { terms, .. } => terms.reduce_refundable,
    };
    let by_rules = || facts.fee_rules.get(&payment.merchant).is_some_and(|rules| rules.reduce_refundable);
    if !by_door.unwrap_or_else(by_rules) {
        return 0;
    }
    let live = facts.live_refunds.get(&payment.id).into_iter().flatten();
    live.filter_map(|id| facts.refunds.get(id)).fold(0, |sum, refund| sum.saturating_add(refund.fee))
}

/// What the refund costs, and what becomes of that if it comes back. It comes
/// on top of the amount and may be more than a small one.
fn fee_of(
    draft: &Draft<'_>,
    request: &RequestRefund,
    payment: &Payment,
    refund: &Refund,
) -> Result<(u64, FeeOnReturn), Refusal> {
    let rules = draft.facts().fee_rules.get(&refund.merchant).map(Arc::clone).unwrap_or_default();
    let (fee, on_return) = match (&request.fee, refund.funding) {
        (FeeInput::Given(minor), _) => (*minor, rules.on_return),
        (FeeInput::ByRules { method, terms }, Funding::Held { .. }) => {
            let rules = rules.under(*terms);
            (rules.fee(refund.amount, payment.fee_method(method)), rules.on_return)
        }
        (FeeInput::ByRules { .. }, Funding::Mandate { .. } | Funding::MerchantAuthorised) => (0, FeeOnReturn::Keep),
    };
    if fee > AMOUNT_MINOR_MAX { Err(Refusal::FeeTooLarge) } else { Ok((fee, on_return)) }
}

fn check_funding(draft: &Draft<'_>, request: &RequestRefund, payment: &Payment) -> Result<(), Refusal> {
    let currency = match resolved_funding(draft, request, payment) {
        Funding::Held { account } => {
            let account = draft
                .account(account)
                .filter(|account| account.kind == AccountKind::Held && may_use(&account.group, &request.origin));
            let account = account.ok_or(Refusal::AccountUnknown)?;
            if !account.eligible {
                return Err(Refusal::AccountNotEligible);
            }
            account.currency
        }
        Funding::Mandate { mandate, .. } => {
            let mandate = draft.mandate(mandate).filter(|mandate| may_use(&mandate.group, &request.origin));
            let mandate = mandate.ok_or(Refusal::MandateUnknown)?;
            if mandate.unusable().is_some() {
                return Err(Refusal::MandateNotActive);
            }
            mandate.currency
        }
        Funding::MerchantAuthorised => payment.amount.currency,
    };
    if currency == payment.amount.currency { Ok(()) } else { Err(Refusal::FundingCurrency) }
}

fn choose_creditor(request: &RequestRefund, payment: &Payment) -> Result<Creditor, Refusal> {
    match (&payment.debtor, &request.creditor) {
        (Some(debtor), Some(given)) if request.refuse_other_creditor && given.account != debtor.account => {
            Err(Refusal::PayeeMismatch)
        }
        (Some(_), _) => Ok(Creditor::Payer),
        (None, Some(given)) => Ok(Creditor::Given { party: given.clone(), source: CreditorSource::MerchantSupplied }),
        (None, None) if request.may_ask_details => Ok(Creditor::Unknown),
        (None, None) => Err(Refusal::CreditorMissing),
    }
}

fn blank(
    draft: &Draft<'_>,
    request: &RequestRefund,
    payment: &Payment,
    reference: ClientReference,
    amount: Amount,
) -> Refund {
    let at = draft.context().at;
    Refund {
        id: request.id,
        merchant: payment.merchant,
        payment: payment.id,
        payment_amount: payment.amount.minor,
        origin: request.origin.clone(),
        reference,
        merchant_reference: request.merchant_reference.clone(),
        amount,
        fee: 0,
        fee_on_return: FeeOnReturn::Keep,
        creditor: Creditor::Unknown,
        funding: resolved_funding(draft, request, payment),
        shortage: request.shortage,
        reserve_at: request.reserve_at,
        reservation: Reservation::None,
        state: RefundState::Ready,
        first_state: RefundState::Ready,
        approval: None,
        authorisation: match request.funding {
            Some(Funding::MerchantAuthorised) => Authorisation::Needed,
            Some(Funding::Held { .. } | Funding::Mandate { .. }) | None => Authorisation::NotNeeded,
        },
        waits_for_funds: None,
        blocks: Vec::new(),
        cases: Vec::new(),
        attempts: Vec::new(),
        withdrawal: None,
        deadlines: Deadlines::starting(request.limits, at),
        remittance: request.remittance.clone(),
        extension: Arc::clone(&request.extension),
        event_count: 0,
        created_at: at,
        updated_at: at,
    }
}

fn record_names(draft: &mut Draft<'_>, request: &RequestRefund, refund: &Refund) {
    let context = draft.context();
    if let Some(own) = &request.merchant_reference {
        let key = merchant_reference_key(refund.merchant, own, context.sha256);
        let result = OnceResult::Refund(refund.id);
        draft.put_once(key, OnceRecord { fingerprint: Fingerprint([0; 16]), result, at: context.at });
    }
    if let ReferenceInput::Auto { hash } = &request.reference {
        let count = draft.facts().keyless.get(&(request.payment, hash.to_string())).map_or(0, |seen| seen.count);
        let seen = KeylessSeen { count: count.saturating_add(1), latest_at: context.at };
        draft.put_keyless(request.payment, hash, seen);
    }
}
