//! The sweep from the rail to the store (rails M21): a debit that only the
//! rail knows becomes a settled refund of the payment that its ids name, or
//! lies in suspense until a person explains it.

use super::order::Pair;
use super::{Done, flow, reports, strays};
use crate::attempt::{Attempt, AttemptState};
use crate::deadline::{Deadlines, Limits};
use crate::facts::Draft;
use crate::fee::FeeOnReturn;
use crate::id::{PaymentId, RefundId};
use crate::instruction::{Debit, DebtorAccount, Order, Report};
use crate::party::{Creditor, CreditorSource};
use crate::payment::{Origin, Payment};
use crate::reference::{Tag, ids_of_attempt};
use crate::refund::{
    Authorisation, ClientReference, Funding, Refund, RefundState, Reservation, ReserveAt, SettledBy, Shortage,
};
use crate::refusal::Refusal;
use std::sync::Arc;

pub(super) fn adopt(
    draft: &mut Draft<'_>,
    id: RefundId,
    payment: Option<PaymentId>,
    debit: &Debit,
) -> Result<Done, Refusal> {
    if draft.facts().instructions.contains_key(&debit.instruction_id) {
        return Ok(Done::Unchanged);
    }
    let Some(mut payment) = payment.and_then(|id| draft.payment(id)) else {
        return strays::of_debit(draft, debit);
    };
    if let Some((mut refund, number)) = same_instruction(draft, &payment, debit) {
        // Our record of the refund survived, that of its send did not.
        if refund.attempts.iter().all(|attempt| attempt.number != number) {
            refund.attempts.push(Attempt::due(number));
        }
        draft.put_instruction(debit.instruction_id.clone(), Order::Refund(refund.id), number);
        let report = Report::Executed { amount: debit.amount.minor, charges: 0 };
        reports::apply(draft, &mut Pair { payment: &mut payment, refund: &mut refund }, number, report)?;
        let id = refund.id;
        flow::put(draft, payment, refund);
        return Ok(Done::Refund(id));
    }
    let agrees = debit.amount.currency == payment.amount.currency
        && debit.amount.minor <= payment.counters.refundable()
        && payment.debtor.as_ref().is_none_or(|debtor| debtor.account == debit.creditor.account);
    if !agrees {
        return strays::of_debit(draft, debit);
    }
    let mut refund = adopted(draft, id, &payment, debit);
    payment.counters.claimed = payment.counters.claimed.saturating_add(refund.amount.minor);
    payment.adopted.push(id);
    draft.put_instruction(debit.instruction_id.clone(), Order::Refund(id), 1);
    flow::enter(draft, &mut payment, &mut refund, RefundState::Settled { by: SettledBy::Sweep })?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

/// A refund of this payment that would go out, or went out, under this id.
fn same_instruction(draft: &Draft<'_>, payment: &Payment, debit: &Debit) -> Option<(Refund, u8)> {
    let context = draft.context();
    let listed = draft.facts().live_refunds.get(&payment.id)?;
    listed.iter().filter_map(|id| draft.refund(*id)).find_map(|refund| {
        let newest = refund.newest_attempt().map_or(1, |attempt| attempt.number);
        let number = (1..=newest).find(|number| {
            ids_of_attempt(&refund, *number, context.rules.environment, context.sha256).instruction_id
                == debit.instruction_id
        })?;
        Some((refund, number))
    })
}

fn adopted(draft: &Draft<'_>, id: RefundId, payment: &Payment, debit: &Debit) -> Refund {
    let at = draft.context().at;
    Refund {
        id,
        merchant: payment.merchant,
        payment: payment.id,
        payment_amount: payment.amount.minor,
        origin: Origin::new("adopted", ""),
        reference: ClientReference { tag: Tag::Auto, value: Arc::from(debit.instruction_id.as_str()) },
        merchant_reference: None,
        amount: debit.amount,
        fee: 0,
        fee_on_return: FeeOnReturn::Keep,
        creditor: if payment.debtor.is_some() {
            Creditor::Payer
        } else {
            Creditor::Given { party: debit.creditor.clone(), source: CreditorSource::MerchantSupplied }
        },
        funding: match debit.debtor {
            DebtorAccount::Held(account) => Funding::Held { account },
            DebtorAccount::Mandate(mandate) => Funding::Mandate { mandate, debtor_account: None },
            DebtorAccount::Merchant => Funding::MerchantAuthorised,
        },
        shortage: Shortage::Fail,
        reserve_at: ReserveAt::Send,
        reservation: Reservation::None,
        state: RefundState::Submitted,
        first_state: RefundState::Settled { by: SettledBy::Sweep },
        approval: None,
        authorisation: Authorisation::NotNeeded,
        waits_for_funds: None,
        blocks: Vec::new(),
        cases: Vec::new(),
        attempts: vec![Attempt { number: 1, state: AttemptState::Executed, sent_at: Some(debit.at) }],
        withdrawal: None,
        deadlines: Deadlines::starting(Limits::default(), at),
        remittance: None,
        extension: Arc::from(Vec::new()),
        event_count: 0,
        created_at: at,
        updated_at: at,
    }
}
