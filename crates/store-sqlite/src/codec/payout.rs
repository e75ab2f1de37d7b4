//! The record of a payout.

use super::parts::{
    put_amount, put_case, put_hash, put_party, put_text_option, put_time, put_time_option, take_amount, take_case,
    take_hash, take_party, take_text_option, take_time, take_time_option,
};
use super::refund_parts::{
    put_attempt, put_pace, reservation_number, reservation_of, tag_number, tag_of, take_attempt, take_pace,
};
use super::{FORM, ended, form_of, open_paced, open_record};
use crate::fault::Fault;
use refundry_domain::attempt::AttemptState;
use refundry_domain::bytes::{Encoder, Malformed};
use refundry_domain::deadline::Pace;
use refundry_domain::event::{decode_payout_state, encode_payout_state};
use refundry_domain::id::{AccountId, MerchantId, PayoutId};
use refundry_domain::payment::Origin;
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::refund::ClientReference;
use std::sync::Arc;

/// What stands in columns of its own.
pub(crate) struct PayoutColumns {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// The id.
    pub(crate) id: PayoutId,
    /// Through which door.
    pub(crate) origin: Origin,
}

/// The stored number of a state.
pub(crate) fn state_number(state: PayoutState) -> i64 {
    match state {
        PayoutState::Ready => 0,
        PayoutState::Submitted => 1,
        PayoutState::Settled => 2,
        PayoutState::Failed { .. } => 3,
        PayoutState::Returned { .. } => 4,
    }
}

/// True while the newest attempt may be under way with a lease.
pub(crate) fn is_sending(payout: &Payout) -> bool {
    payout.newest_attempt().is_some_and(|attempt| matches!(attempt.state, AttemptState::Sending { .. }))
}

/// The readable part of the record.
pub(crate) fn body(payout: &Payout) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let to = &mut encoder;
    to.byte(form_of(payout.pace)).id(payout.account.0);
    to.byte(tag_number(payout.reference.tag)).text(&payout.reference.value);
    put_amount(to, payout.amount);
    to.byte(reservation_number(payout.reservation));
    encode_payout_state(to, payout.state);
    to.list(&payout.cases, put_case);
    to.list(&payout.attempts, put_attempt);
    to.number(u64::from(payout.event_count));
    put_hash(to, &payout.chain);
    put_time_option(to, payout.submitted_at);
    put_time_option(to, payout.settled_at);
    put_time_option(to, payout.ended_at);
    put_time(to, payout.created_at);
    put_time(to, payout.updated_at);
    if payout.pace != Pace::default() {
        put_pace(to, payout.pace);
    }
    encoder.finish()
}

/// The part that is sealed.
pub(crate) fn private(payout: &Payout) -> Vec<u8> {
    let mut to = Encoder::new();
    to.byte(FORM);
    put_party(&mut to, &payout.creditor);
    put_text_option(&mut to, payout.remittance.as_deref());
    to.blob(&payout.extension);
    to.finish()
}

/// Puts a payout together from its columns and its two records.
pub(crate) fn read(columns: PayoutColumns, body: &[u8], private: &[u8]) -> Result<Payout, Fault> {
    let mut sealed = open_record(private)?;
    let creditor = take_party(&mut sealed)?;
    let remittance = take_text_option(&mut sealed)?;
    let extension = Arc::from(sealed.blob()?);
    ended(&sealed)?;
    let (mut open, paced) = open_paced(body)?;
    let from = &mut open;
    let mut payout = Payout {
        id: columns.id,
        merchant: columns.merchant,
        origin: columns.origin,
        account: AccountId(from.id()?),
        reference: ClientReference { tag: tag_of(from.byte()?)?, value: Arc::from(from.text()?) },
        amount: take_amount(from)?,
        reservation: reservation_of(from.byte()?)?,
        state: decode_payout_state(from)?,
        cases: from.list(take_case)?,
        attempts: from.list(take_attempt)?,
        event_count: u32::try_from(from.number()?).map_err(|_| Malformed)?,
        chain: take_hash(from)?,
        submitted_at: take_time_option(from)?,
        settled_at: take_time_option(from)?,
        ended_at: take_time_option(from)?,
        created_at: take_time(from)?,
        updated_at: take_time(from)?,
        pace: Pace::default(),
        creditor,
        remittance,
        extension,
    };
    if paced {
        payout.pace = take_pace(from)?;
    }
    ended(from)?;
    Ok(payout)
}
