//! The record of a thing that may happen once. The kind of its result stands
//! in a column; the body of a kept answer is sealed.

use super::parts::{put_time, take_time};
use super::{FORM, ended, open_form, open_record};
use crate::fault::Fault;
use crate::seal::{Place, Sealer};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::{AccountId, EndpointId, MandateId, PaymentId, PayoutId, RefundId};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::refusal::Refusal;

/// The kind of a record that made money leave; such a key never expires.
pub(crate) const KIND_FOR_EVER: i64 = 0;
/// The form of such a record that led to a payout; the first one led to a refund.
const FORM_PAYOUT: u8 = 2;

/// The stored number of a result's kind.
pub(crate) fn kind(record: &OnceRecord) -> i64 {
    match record.result {
        OnceResult::Refund(_) | OnceResult::Payout(_) => KIND_FOR_EVER,
        OnceResult::Payment(_) => 1,
        OnceResult::Mandate(_) => 2,
        OnceResult::Account(_) => 3,
        OnceResult::Endpoint(_) => 4,
        OnceResult::Refused(_) => 5,
        OnceResult::Answer { .. } => 6,
    }
}

/// Writes a record.
pub(crate) fn value(key: &OnceKey, record: &OnceRecord, sealer: &Sealer) -> Result<Vec<u8>, Fault> {
    let mut to = Encoder::new();
    let form = if matches!(record.result, OnceResult::Payout(_)) { FORM_PAYOUT } else { FORM };
    to.byte(form).id(u128::from_be_bytes(record.fingerprint.0));
    put_time(&mut to, record.at);
    match &record.result {
        OnceResult::Refund(RefundId(id))
        | OnceResult::Payout(PayoutId(id))
        | OnceResult::Payment(PaymentId(id))
        | OnceResult::Mandate(MandateId(id))
        | OnceResult::Account(AccountId(id))
        | OnceResult::Endpoint(EndpointId(id)) => {
            to.id(*id);
        }
        OnceResult::Refused(refusal) => {
            to.number(u64::from(refusal.number()));
            to.list(&refusal.details(), |to, detail| {
                to.number(*detail);
            });
        }
        OnceResult::Answer { status, body } => {
            to.number(u64::from(*status)).blob(&sealer.seal(Place::Answer, &key.0, body)?);
        }
    }
    Ok(to.finish())
}

/// Reads a record.
pub(crate) fn read(key: &OnceKey, kind: i64, value: &[u8], sealer: &Sealer) -> Result<OnceRecord, Fault> {
    let of_payout = kind == KIND_FOR_EVER && value.first() == Some(&FORM_PAYOUT);
    let mut open = if of_payout { open_form(value, FORM_PAYOUT)? } else { open_record(value)? };
    let from = &mut open;
    let fingerprint = Fingerprint(from.id()?.to_be_bytes());
    let at = take_time(from)?;
    let result = match kind {
        KIND_FOR_EVER if of_payout => OnceResult::Payout(PayoutId(from.id()?)),
        KIND_FOR_EVER => OnceResult::Refund(RefundId(from.id()?)),
        1 => OnceResult::Payment(PaymentId(from.id()?)),
        2 => OnceResult::Mandate(MandateId(from.id()?)),
        3 => OnceResult::Account(AccountId(from.id()?)),
        4 => OnceResult::Endpoint(EndpointId(from.id()?)),
        5 => {
            let number = u16::try_from(from.number()?).map_err(|_| Malformed)?;
            let details = from.list(Decoder::number)?;
            OnceResult::Refused(Refusal::from_parts(number, &details).ok_or(Malformed)?)
        }
        6 => OnceResult::Answer {
            status: u16::try_from(from.number()?).map_err(|_| Malformed)?,
            body: sealer.open(Place::Answer, &key.0, from.blob()?)?,
        },
        _ => return Err(Malformed.into()),
    };
    ended(from)?;
    Ok(OnceRecord { fingerprint, result, at })
}
