//! Mandates: made by the operator, signed by others within a window.

use super::Done;
use crate::command::CreateMandate;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::MandateId;
use crate::mandate::{Mandate, MandateState};
use crate::refusal::Refusal;
use std::sync::Arc;

pub(super) fn create(draft: &mut Draft<'_>, create: &CreateMandate) -> Result<Done, Refusal> {
    if draft.mandate(create.id).is_some() {
        return Err(Refusal::AlreadyExists);
    }
    if let Some(account) = create.debtor_account {
        let account = draft.account(account).ok_or(Refusal::AccountUnknown)?;
        if account.currency != create.currency {
            return Err(Refusal::FundingCurrency);
        }
    }
    let context = draft.context();
    let mandate = Mandate {
        id: create.id,
        merchant: context.merchant,
        token: create.token,
        group: Arc::clone(&create.group),
        debtor_account: create.debtor_account,
        currency: create.currency,
        amount_max: create.amount_max,
        amount: create.amount,
        period: create.period,
        count_max: create.count_max,
        state: MandateState::Created,
        merchant_reference: create.merchant_reference.clone(),
        authorise_before: context.at.plus(context.rules.mandate_window),
        created_at: context.at,
        updated_at: context.at,
    };
    put(draft, mandate);
    Ok(Done::Mandate(create.id))
}

fn put(draft: &mut Draft<'_>, mandate: Mandate) {
    draft.loose_event(EventKind::MandateEntered { mandate: mandate.id, state: Arc::from(mandate.state.code()) });
    draft.put_mandate(mandate);
}

pub(super) fn enter(draft: &mut Draft<'_>, id: MandateId, to: MandateState) -> Result<Done, Refusal> {
    let mut mandate = draft.mandate(id).ok_or(Refusal::MandateUnknown)?;
    let context = draft.context();
    if mandate.state == to {
        return Ok(Done::Unchanged);
    }
    let late = mandate.state == MandateState::Created && mandate.authorise_before <= context.at;
    let to = if late { MandateState::Expired } else { to };
    if !mandate.state.may_become(to) {
        return Err(Refusal::TransitionImpossible);
    }
    mandate.state = to;
    mandate.updated_at = context.at;
    put(draft, mandate);
    Ok(Done::Mandate(id))
}

/// Signatories who did not answer in time have said nothing: it expires.
pub(super) fn tick(draft: &mut Draft<'_>, id: MandateId) -> Result<Done, Refusal> {
    let mandate = draft.mandate(id).ok_or(Refusal::MandateUnknown)?;
    if mandate.state == MandateState::Created && mandate.authorise_before <= draft.context().at {
        return enter(draft, id, MandateState::Expired);
    }
    Ok(Done::Unchanged)
}
