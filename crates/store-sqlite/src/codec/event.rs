//! The records of events, evidence and the subjects of transfers. An event's
//! number and hash stand in columns.

use super::parts::{put_hash, put_time, take_hash, take_time};
use super::{FORM, ended, open_form, open_record};
use crate::fault::Fault;
use refundry_domain::bytes::{Decoder, Encoder};
use refundry_domain::event::{Event, decode_actor, decode_kind, encode_actor, encode_bank_code, encode_kind};
use refundry_domain::id::{AccountId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Report;
use refundry_domain::ledger::Subject;

/// The form of an event that is on a payout's chain.
const FORM_PAYOUT: u8 = 2;

/// Writes an event.
pub(crate) fn body(event: &Event) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let to = &mut encoder;
    match event.payout {
        Some(payout) => to.byte(FORM_PAYOUT).id(event.merchant.0).id(payout.0),
        None => to.byte(FORM).id(event.merchant.0),
    };
    to.option(event.payment, |to, id| {
        to.id(id.0);
    });
    to.option(event.refund, |to, id| {
        to.id(id.0);
    });
    put_time(to, event.at);
    encode_actor(to, &event.actor);
    encode_kind(to, &event.kind);
    put_hash(to, &event.previous);
    encoder.finish()
}

/// Reads an event.
pub(crate) fn read(number: u32, body: &[u8], hash: [u8; 32]) -> Result<Event, Fault> {
    let of_payout = body.first() == Some(&FORM_PAYOUT);
    let mut open = if of_payout { open_form(body, FORM_PAYOUT)? } else { open_record(body)? };
    let from = &mut open;
    let merchant = MerchantId(from.id()?);
    let payout = if of_payout { Some(PayoutId(from.id()?)) } else { None };
    let event = Event {
        merchant,
        payout,
        payment: from.option(Decoder::id)?.map(PaymentId),
        refund: from.option(Decoder::id)?.map(RefundId),
        number,
        at: take_time(from)?,
        actor: decode_actor(from)?,
        kind: decode_kind(from)?,
        previous: take_hash(from)?,
        hash,
    };
    ended(from)?;
    Ok(event)
}

/// Writes a rail's report. It is kept as evidence for people; no decision
/// reads it again.
pub(crate) fn report(report: &Report) -> Vec<u8> {
    let mut to = Encoder::new();
    to.byte(FORM);
    match report {
        Report::Accepted => to.byte(0),
        Report::Screening => to.byte(1),
        Report::Executed { amount, charges } => to.byte(2).number(*amount).number(*charges),
        Report::Rejected { code } => encode_bank_code(to.byte(3), *code),
        Report::Returned { amount_back, code } => encode_bank_code(to.byte(4).number(*amount_back), *code),
        Report::Withdrawn => to.byte(5),
        Report::Lapsed => to.byte(6),
    };
    to.finish()
}

/// What a transfer is about, unless that is what its event is about.
pub(crate) fn subject(subject: &Subject, event: &Event) -> Option<Vec<u8>> {
    let of_event = event.refund.map(Subject::Refund).or(event.payment.map(Subject::Payment));
    let of_event = of_event.or(event.payout.map(Subject::Payout));
    if of_event == Some(*subject) {
        return None;
    }
    let mut to = Encoder::new();
    match subject {
        Subject::Refund(RefundId(id)) => to.byte(0).id(*id),
        Subject::Payment(PaymentId(id)) => to.byte(1).id(*id),
        Subject::Account(AccountId(id)) => to.byte(2).id(*id),
        Subject::Payout(PayoutId(id)) => to.byte(3).id(*id),
    };
    Some(to.finish())
}
