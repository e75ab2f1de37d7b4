//! The record of a mandate; the whole of it is sealed, because it holds the
//! token.

use super::parts::{put_currency, put_time, take_currency, take_time};
use super::{FORM, ended, open_record};
use crate::fault::Fault;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId};
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::time::Timestamp;
use std::sync::Arc;

fn put_state(to: &mut Encoder, state: MandateState) {
    match state {
        MandateState::Created => to.byte(0),
        MandateState::Active => to.byte(1),
        MandateState::Pending => to.byte(2),
        MandateState::Suspended { by_merchant } => to.byte(3).byte(u8::from(by_merchant)),
        MandateState::Cancelled => to.byte(4),
        MandateState::Declined => to.byte(5),
        MandateState::Expired => to.byte(6),
        MandateState::Failed => to.byte(7),
    };
}

fn take_state(from: &mut Decoder<'_>) -> Result<MandateState, Malformed> {
    Ok(match from.byte()? {
        0 => MandateState::Created,
        1 => MandateState::Active,
        2 => MandateState::Pending,
        3 => MandateState::Suspended { by_merchant: from.flag()? },
        4 => MandateState::Cancelled,
        5 => MandateState::Declined,
        6 => MandateState::Expired,
        7 => MandateState::Failed,
        _ => return Err(Malformed),
    })
}

fn period_number(period: Period) -> u8 {
    match period {
        Period::None => 0,
        Period::Intraday => 1,
        Period::Day => 2,
        Period::Week => 3,
        Period::Fortnight => 4,
        Period::Month => 5,
        Period::Quarter => 6,
        Period::HalfYear => 7,
        Period::Year => 8,
    }
}

fn period_of(number: u8) -> Result<Period, Malformed> {
    Ok(match number {
        0 => Period::None,
        1 => Period::Intraday,
        2 => Period::Day,
        3 => Period::Week,
        4 => Period::Fortnight,
        5 => Period::Month,
        6 => Period::Quarter,
        7 => Period::HalfYear,
        8 => Period::Year,
        _ => return Err(Malformed),
    })
}

/// When the mandate stops waiting for its signatories, while it does.
pub(crate) fn due_at(mandate: &Mandate) -> Option<Timestamp> {
    match mandate.state {
        MandateState::Created => Some(mandate.authorise_before),
        MandateState::Active
        | MandateState::Pending
        | MandateState::Suspended { .. }
        | MandateState::Cancelled
        | MandateState::Declined
        | MandateState::Expired
        | MandateState::Failed => None,
    }
}

/// Writes a mandate.
pub(crate) fn private(mandate: &Mandate) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let to = &mut encoder;
    let number = |to: &mut Encoder, value: u64| {
        to.number(value);
    };
    to.byte(FORM).id(mandate.token.0).text(&mandate.group);
    to.option(mandate.debtor_account, |to, id| {
        to.id(id.0);
    });
    put_currency(to, mandate.currency);
    to.option(mandate.amount_max, number);
    to.option(mandate.amount, number);
    to.byte(period_number(mandate.period));
    to.option(mandate.count_max.map(u64::from), number);
    put_state(to, mandate.state);
    super::parts::put_text_option(to, mandate.merchant_reference.as_deref());
    for at in [mandate.authorise_before, mandate.created_at, mandate.updated_at] {
        put_time(to, at);
    }
    encoder.finish()
}

/// Reads a mandate.
pub(crate) fn read(merchant: MerchantId, id: MandateId, private: &[u8]) -> Result<Mandate, Fault> {
    let mut open = open_record(private)?;
    let from = &mut open;
    let mandate = Mandate {
        id,
        merchant,
        token: MandateToken(from.id()?),
        group: Arc::from(from.text()?),
        debtor_account: from.option(Decoder::id)?.map(AccountId),
        currency: take_currency(from)?,
        amount_max: from.option(Decoder::number)?,
        amount: from.option(Decoder::number)?,
        period: period_of(from.byte()?)?,
        count_max: from.option(|from| u32::try_from(from.number()?).map_err(|_| Malformed))?,
        state: take_state(from)?,
        merchant_reference: from.option(|from| from.text().map(str::to_owned))?,
        authorise_before: take_time(from)?,
        created_at: take_time(from)?,
        updated_at: take_time(from)?,
    };
    ended(from)?;
    Ok(mandate)
}
