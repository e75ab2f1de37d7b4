//! The record of a refund.

use super::parts::{
    put_amount, put_case, put_party, put_text_option, put_time, put_time_option, take_amount, take_case, take_party,
    take_text_option, take_time, take_time_option,
};
use super::refund_parts::{
    put_approval, put_attempt, put_authorisation, put_block, put_deadlines, put_funding, put_note, put_pace,
    put_withdrawal, reservation_number, reservation_of, reserve_number, reserve_of, shortage_number, shortage_of,
    source_number, source_of, tag_number, tag_of, take_approval, take_attempt, take_authorisation, take_block,
    take_deadlines, take_funding, take_note, take_pace, take_withdrawal,
};
use super::{FORM, ended, form_of, open_form, open_paced};
use crate::fault::Fault;
use refundry_domain::approval::Approval;
use refundry_domain::attempt::AttemptState;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::deadline::Pace;
use refundry_domain::event::{decode_state, encode_state, gate_number};
use refundry_domain::fee::FeeOnReturn;
use refundry_domain::id::{MerchantId, PaymentId, RefundId};
use refundry_domain::party::{Creditor, CreditorSource};
use refundry_domain::payment::Origin;
use refundry_domain::refund::{ClientReference, Refund, RefundState};
use std::sync::Arc;

/// What stands in columns of its own.
pub(crate) struct RefundColumns {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// The id.
    pub(crate) id: RefundId,
    /// Through which door.
    pub(crate) origin: Origin,
    /// The merchant's own reference.
    pub(crate) merchant_reference: Option<Arc<str>>,
}

/// The form of a sealed part that ends with the notes of those who decided; one
/// without notes is as it was before there were any.
const FORM_NOTES: u8 = 2;
/// Beside the number of when money is set aside: the fee goes back with a return.
const FEE_GOES_BACK: u8 = 0x10;

/// The native words of the states in the order of their stored numbers.
pub(crate) const STATE_WORDS: [&str; 13] = [
    "awaiting_details",
    "awaiting_settlement",
    "awaiting_approval",
    "awaiting_funds",
    "awaiting_authorisation",
    "ready",
    "submitted",
    "settled",
    "failed",
    "rejected",
    "cancelled",
    "expired",
    "returned",
];

/// The greatest number of a live state: those come first.
pub(crate) const LIVE_STATE_MAX: i64 = 7;

/// The stored number of a state.
pub(crate) fn state_number(state: &RefundState) -> i64 {
    match state {
        RefundState::Awaiting(gate) => i64::from(gate_number(*gate)),
        RefundState::Ready => 5,
        RefundState::Submitted => 6,
        RefundState::Settled { .. } => 7,
        RefundState::Failed { .. } => 8,
        RefundState::Rejected { .. } => 9,
        RefundState::Cancelled { .. } => 10,
        RefundState::Expired { .. } => 11,
        RefundState::Returned { .. } => 12,
    }
}

/// True while the newest attempt may be under way with a lease.
pub(crate) fn is_sending(refund: &Refund) -> bool {
    refund.newest_attempt().is_some_and(|attempt| match attempt.state {
        AttemptState::Sending { .. } => true,
        AttemptState::Due
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Rejected { .. }
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => false,
    })
}

/// The readable part of the record.
pub(crate) fn body(refund: &Refund) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let to = &mut encoder;
    let pace = refund.deadlines.limits.pace;
    to.byte(form_of(pace)).id(refund.payment.0).number(refund.payment_amount);
    to.byte(tag_number(refund.reference.tag)).text(&refund.reference.value);
    put_amount(to, refund.amount);
    to.number(refund.fee);
    match &refund.creditor {
        Creditor::Unknown => to.byte(0),
        Creditor::Payer => to.byte(1),
        Creditor::Given { party: _, source } => to.byte(2).byte(source_number(*source)),
    };
    put_funding(to, &refund.funding);
    to.byte(shortage_number(refund.shortage));
    let fee_goes_back = match refund.fee_on_return {
        FeeOnReturn::Keep => 0,
        FeeOnReturn::Refund => FEE_GOES_BACK,
    };
    to.byte(reserve_number(refund.reserve_at) | fee_goes_back);
    to.byte(reservation_number(refund.reservation));
    encode_state(to, refund.state);
    encode_state(to, refund.first_state);
    to.option(refund.approval.as_ref(), put_approval);
    put_authorisation(to, refund.authorisation);
    put_time_option(to, refund.waits_for_funds);
    to.list(&refund.blocks, put_block);
    to.list(&refund.cases, put_case);
    to.list(&refund.attempts, put_attempt);
    to.option(refund.withdrawal, put_withdrawal);
    put_deadlines(to, &refund.deadlines);
    to.number(u64::from(refund.event_count));
    put_time(to, refund.created_at);
    put_time(to, refund.updated_at);
    if pace != Pace::default() {
        put_pace(to, pace);
    }
    encoder.finish()
}

/// The part that is sealed; none when there is nothing to hide.
pub(crate) fn private(refund: &Refund) -> Option<Vec<u8>> {
    let party = match &refund.creditor {
        Creditor::Given { party, source: _ } => Some(party),
        Creditor::Unknown | Creditor::Payer => None,
    };
    let notes = refund.approval.as_ref().map_or(&[][..], |approval| &approval.notes);
    if party.is_none() && refund.remittance.is_none() && refund.extension.is_empty() && notes.is_empty() {
        return None;
    }
    let mut to = Encoder::new();
    to.byte(if notes.is_empty() { FORM } else { FORM_NOTES });
    to.option(party, put_party);
    put_text_option(&mut to, refund.remittance.as_deref());
    to.blob(&refund.extension);
    if !notes.is_empty() {
        to.list(notes, put_note);
    }
    Some(to.finish())
}

enum CreditorTag {
    Unknown,
    Payer,
    Given(CreditorSource),
}

fn take_creditor(from: &mut Decoder<'_>) -> Result<CreditorTag, Malformed> {
    Ok(match from.byte()? {
        0 => CreditorTag::Unknown,
        1 => CreditorTag::Payer,
        2 => CreditorTag::Given(source_of(from.byte()?)?),
        _ => return Err(Malformed),
    })
}

/// Puts a refund together from its columns and its two records.
pub(crate) fn read(columns: RefundColumns, body: &[u8], private: Option<&[u8]>) -> Result<Refund, Fault> {
    let (mut party, mut remittance, mut extension, mut notes) = (None, None, Arc::from([]), Vec::new());
    if let Some(private) = private {
        let has_notes = private.first() == Some(&FORM_NOTES);
        let mut from = open_form(private, if has_notes { FORM_NOTES } else { FORM })?;
        party = from.option(take_party)?;
        remittance = take_text_option(&mut from)?;
        extension = Arc::from(from.blob()?);
        if has_notes {
            notes = from.list(take_note)?;
        }
        ended(&from)?;
    }
    let (mut open, paced) = open_paced(body)?;
    let from = &mut open;
    let fee_goes_back;
    let mut refund = Refund {
        id: columns.id,
        merchant: columns.merchant,
        origin: columns.origin,
        merchant_reference: columns.merchant_reference,
        payment: PaymentId(from.id()?),
        payment_amount: from.number()?,
        reference: ClientReference { tag: tag_of(from.byte()?)?, value: Arc::from(from.text()?) },
        amount: take_amount(from)?,
        fee: from.number()?,
        fee_on_return: FeeOnReturn::Keep,
        creditor: match take_creditor(from)? {
            CreditorTag::Unknown => Creditor::Unknown,
            CreditorTag::Payer => Creditor::Payer,
            CreditorTag::Given(source) => Creditor::Given { party: party.ok_or(Malformed)?, source },
        },
        funding: take_funding(from)?,
        shortage: shortage_of(from.byte()?)?,
        reserve_at: {
            let number = from.byte()?;
            fee_goes_back = number & FEE_GOES_BACK != 0;
            reserve_of(number & !FEE_GOES_BACK)?
        },
        reservation: reservation_of(from.byte()?)?,
        state: decode_state(from)?,
        first_state: decode_state(from)?,
        approval: from.option(take_approval)?.map(|approval| Approval { notes, ..approval }),
        authorisation: take_authorisation(from)?,
        waits_for_funds: take_time_option(from)?,
        blocks: from.list(take_block)?,
        cases: from.list(take_case)?,
        attempts: from.list(take_attempt)?,
        withdrawal: from.option(take_withdrawal)?,
        deadlines: take_deadlines(from)?,
        event_count: u32::try_from(from.number()?).map_err(|_| Malformed)?,
        created_at: take_time(from)?,
        updated_at: take_time(from)?,
        remittance,
        extension,
    };
    if paced {
        refund.deadlines.limits.pace = take_pace(from)?;
    }
    if fee_goes_back {
        refund.fee_on_return = FeeOnReturn::Refund;
    }
    ended(from)?;
    Ok(refund)
}
