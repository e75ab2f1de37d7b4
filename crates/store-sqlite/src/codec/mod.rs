//! The binary form of records: what no query asks for stands in one `body`,
//! what must not be readable on a stolen disk in one sealed `private`.
//!
//! Every record begins with a byte that tells its form. A form never changes;
//! a new one gets a new number and the old one stays readable. Numbers of
//! enums are written out here and not taken from their order in the core.

pub(crate) mod account;
pub(crate) mod event;
pub(crate) mod mandate;
pub(crate) mod once;
pub(crate) mod parts;
pub(crate) mod payment;
pub(crate) mod payout;
pub(crate) mod refund;
pub(crate) mod refund_parts;
pub(crate) mod stored;

#[cfg(test)]
mod tests;

use crate::fault::Fault;
use refundry_domain::bytes::Decoder;
use refundry_domain::deadline::Pace;

/// The form that is written today.
pub(crate) const FORM: u8 = 1;

/// The form of a refund's or payout's readable part that ends with its pace;
/// one with the usual pace is written as it was before there was any.
pub(crate) const FORM_PACED: u8 = 2;

/// The form of such a part with this pace.
pub(crate) fn form_of(pace: Pace) -> u8 {
    if pace == Pace::default() { FORM } else { FORM_PACED }
}

/// Starts reading such a part; true when it ends with its pace.
pub(crate) fn open_paced(bytes: &[u8]) -> Result<(Decoder<'_>, bool), Fault> {
    let paced = bytes.first() == Some(&FORM_PACED);
    Ok((open_form(bytes, if paced { FORM_PACED } else { FORM })?, paced))
}

/// Starts reading a record of the form that we know.
pub(crate) fn open_record(bytes: &[u8]) -> Result<Decoder<'_>, Fault> {
    open_form(bytes, FORM)
}

/// Starts reading a record of one form.
pub(crate) fn open_form(bytes: &[u8], form: u8) -> Result<Decoder<'_>, Fault> {
    let mut from = Decoder::new(bytes);
    match from.byte()? {
        found if found == form => Ok(from),
        other => Err(Fault::Malformed(format!("form {other} is not known"))),
    }
}

/// Nothing may be left behind the last field of a record.
pub(crate) fn ended(from: &Decoder<'_>) -> Result<(), Fault> {
    if from.is_empty() { Ok(()) } else { Err(Fault::Malformed("bytes are left over".to_owned())) }
}
