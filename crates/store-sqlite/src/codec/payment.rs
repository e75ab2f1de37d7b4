//! The record of a payment. Its state and counters stand in columns.

use super::parts::{
    put_amount, put_case, put_hash, put_party, put_text_option, put_time, take_amount, take_case, take_hash,
    take_party, take_time,
};
use super::{FORM, ended, open_record};
use crate::fault::Fault;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::{AccountId, MerchantId, PaymentId, RefundId};
use refundry_domain::payment::{
    Counters, Moments, Origin, Payment, PaymentBlock, PaymentBlockCode, PaymentFailure, PaymentFailureReason,
    PaymentState, Provenance,
};
use refundry_domain::time::Timestamp;
use std::sync::Arc;

/// The form of a body that tells when the payment reached its states; a body
/// of the first form ends before that.
const FORM_WITH_MOMENTS: u8 = 2;
/// The form of a body that tells the method, too, after that.
const FORM_WITH_METHOD: u8 = 3;

/// What stands in columns of its own.
pub(crate) struct PaymentColumns {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// The id.
    pub(crate) id: PaymentId,
    /// Through which door.
    pub(crate) origin: Origin,
    /// Number of the state.
    pub(crate) state: i64,
    /// The counters.
    pub(crate) counters: Counters,
    /// The dialect's name for the payer.
    pub(crate) payer_key: Option<Arc<str>>,
}

/// The stored number of a state.
pub(crate) fn state_number(state: PaymentState) -> i64 {
    match state {
        PaymentState::Open => 0,
        PaymentState::Authorised => 1,
        PaymentState::Executed => 2,
        PaymentState::Settled => 3,
        PaymentState::Failed => 4,
        PaymentState::Reversed => 5,
    }
}

fn state_of(number: i64) -> Result<PaymentState, Malformed> {
    Ok(match number {
        0 => PaymentState::Open,
        1 => PaymentState::Authorised,
        2 => PaymentState::Executed,
        3 => PaymentState::Settled,
        4 => PaymentState::Failed,
        5 => PaymentState::Reversed,
        _ => return Err(Malformed),
    })
}

fn provenance_number(provenance: Provenance) -> u8 {
    match provenance {
        Provenance::OwnCheckout => 0,
        Provenance::StatementEntry => 1,
        Provenance::VerifiedWebhook => 2,
        Provenance::Imported => 3,
    }
}

fn provenance_of(number: u8) -> Result<Provenance, Malformed> {
    Ok(match number {
        0 => Provenance::OwnCheckout,
        1 => Provenance::StatementEntry,
        2 => Provenance::VerifiedWebhook,
        3 => Provenance::Imported,
        _ => return Err(Malformed),
    })
}

fn put_block(to: &mut Encoder, block: &PaymentBlock) {
    to.byte(match block.code {
        PaymentBlockCode::Recall => 0,
        PaymentBlockCode::Dispute => 1,
        PaymentBlockCode::Fraud => 2,
        PaymentBlockCode::Legal => 3,
        PaymentBlockCode::TooOld => 4,
        PaymentBlockCode::RefundedElsewhere => 5,
        PaymentBlockCode::Unverified => 6,
    });
    put_time(to, block.at);
}

fn take_block(from: &mut Decoder<'_>) -> Result<PaymentBlock, Malformed> {
    let code = match from.byte()? {
        0 => PaymentBlockCode::Recall,
        1 => PaymentBlockCode::Dispute,
        2 => PaymentBlockCode::Fraud,
        3 => PaymentBlockCode::Legal,
        4 => PaymentBlockCode::TooOld,
        5 => PaymentBlockCode::RefundedElsewhere,
        6 => PaymentBlockCode::Unverified,
        _ => return Err(Malformed),
    };
    Ok(PaymentBlock { code, at: take_time(from)? })
}

/// The readable part of the record.
pub(crate) fn body(payment: &Payment) -> Vec<u8> {
    let mut to = Encoder::new();
    let form = if payment.method.is_some() { FORM_WITH_METHOD } else { FORM_WITH_MOMENTS };
    to.byte(form).id(payment.account.0);
    put_amount(&mut to, payment.amount);
    to.byte(provenance_number(payment.provenance));
    to.list(&payment.blocks, put_block);
    put_text_option(&mut to, payment.merchant_reference.as_deref());
    to.number(payment.event_count);
    put_hash(&mut to, &payment.chain);
    to.list(&payment.cases, put_case);
    to.list(&payment.adopted, |to, id| {
        to.id(id.0);
    });
    put_time(&mut to, payment.created_at);
    put_time(&mut to, payment.updated_at);
    put_moments(&mut to, payment);
    if let Some(method) = &payment.method {
        to.text(method);
    }
    to.finish()
}

/// Times as distances from the creation, which are short and often nothing.
fn put_moment(to: &mut Encoder, at: Option<Timestamp>, created_at: Timestamp) {
    to.option(at, |to, at| {
        let distance = at.0.wrapping_sub(created_at.0);
        // Zigzag: the sign in the lowest bit, so that what is near is short.
        to.number((distance.wrapping_shl(1) ^ (distance >> 63)).cast_unsigned());
    });
}

fn take_moment(from: &mut Decoder<'_>, created_at: Timestamp) -> Result<Option<Timestamp>, Malformed> {
    from.option(Decoder::number).map(|at| {
        at.map(|coded| {
            let distance = (coded >> 1).cast_signed() ^ (coded & 1).cast_signed().wrapping_neg();
            Timestamp(created_at.0.wrapping_add(distance))
        })
    })
}

fn put_moments(to: &mut Encoder, payment: &Payment) {
    let Moments { authorised_at, executed_at, settled_at, failed_at } = payment.moments;
    for at in [authorised_at, executed_at, settled_at, failed_at, payment.expires_at] {
        put_moment(to, at, payment.created_at);
    }
    to.option(payment.failure, |to, failure| {
        to.byte(u8::try_from(state_number(failure.stage)).unwrap_or(u8::MAX)).byte(failure.reason.number());
    });
}

fn take_moments(from: &mut Decoder<'_>, payment: &mut Payment) -> Result<(), Malformed> {
    let created_at = payment.created_at;
    payment.moments = Moments {
        authorised_at: take_moment(from, created_at)?,
        executed_at: take_moment(from, created_at)?,
        settled_at: take_moment(from, created_at)?,
        failed_at: take_moment(from, created_at)?,
    };
    payment.expires_at = take_moment(from, created_at)?;
    payment.failure = from.option(|from| {
        let stage = state_of(i64::from(from.byte()?))?;
        let reason = PaymentFailureReason::from_number(from.byte()?).ok_or(Malformed)?;
        Ok(PaymentFailure { stage, reason })
    })?;
    Ok(())
}

/// The part that is sealed; none when there is nothing to hide.
pub(crate) fn private(payment: &Payment) -> Option<Vec<u8>> {
    if payment.debtor.is_none() && payment.extension.is_empty() {
        return None;
    }
    let mut to = Encoder::new();
    to.byte(FORM);
    to.option(payment.debtor.as_ref(), put_party);
    to.blob(&payment.extension);
    Some(to.finish())
}

/// Puts a payment together from its columns and its two records.
pub(crate) fn read(columns: PaymentColumns, body: &[u8], private: Option<&[u8]>) -> Result<Payment, Fault> {
    let mut open = Decoder::new(body);
    let from = &mut open;
    let form = from.byte()?;
    if !matches!(form, FORM | FORM_WITH_MOMENTS | FORM_WITH_METHOD) {
        return Err(Fault::Malformed(format!("form {form} is not known")));
    }
    let mut payment = Payment {
        id: columns.id,
        merchant: columns.merchant,
        origin: columns.origin,
        state: state_of(columns.state)?,
        counters: columns.counters,
        account: AccountId(from.id()?),
        amount: take_amount(from)?,
        provenance: provenance_of(from.byte()?)?,
        blocks: from.list(take_block)?,
        merchant_reference: from.option(|from| from.text().map(str::to_owned))?,
        event_count: from.number()?,
        chain: take_hash(from)?,
        cases: from.list(take_case)?,
        adopted: from.list(|from| from.id().map(RefundId))?,
        created_at: take_time(from)?,
        updated_at: take_time(from)?,
        moments: Moments::default(),
        failure: None,
        payer_key: columns.payer_key,
        method: None,
        expires_at: None,
        debtor: None,
        extension: Arc::from([]),
    };
    if form != FORM {
        take_moments(from, &mut payment)?;
    }
    if form == FORM_WITH_METHOD {
        payment.method = Some(Arc::from(from.text()?));
    }
    ended(from)?;
    if let Some(private) = private {
        let mut from = open_record(private)?;
        payment.debtor = from.option(take_party)?;
        payment.extension = Arc::from(from.blob()?);
        ended(&from)?;
    }
    Ok(payment)
}
