//! Parts that several records have.

use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::refund::{Case, CaseCode};
use refundry_domain::time::{Span, Timestamp};
use std::sync::Arc;

/// Writes a currency: its three letters.
pub(crate) fn put_currency(to: &mut Encoder, currency: Currency) {
    for letter in currency.code().bytes() {
        to.byte(letter);
    }
}

/// Reads a currency.
pub(crate) fn take_currency(from: &mut Decoder<'_>) -> Result<Currency, Malformed> {
    let letters = [from.byte()?, from.byte()?, from.byte()?];
    // The four that nearly all rows have need no search in the list.
    for known in [Currency::AUD, Currency::EUR, Currency::GBP, Currency::USD] {
        if known.code().as_bytes() == letters {
            return Ok(known);
        }
    }
    let text = std::str::from_utf8(&letters).map_err(|_| Malformed)?;
    Currency::parse(text).map_err(|_| Malformed)
}

/// Writes an amount.
pub(crate) fn put_amount(to: &mut Encoder, amount: Amount) {
    to.number(amount.minor);
    put_currency(to, amount.currency);
}

/// Reads an amount.
pub(crate) fn take_amount(from: &mut Decoder<'_>) -> Result<Amount, Malformed> {
    Ok(Amount { minor: from.number()?, currency: take_currency(from)? })
}

/// Writes a time.
pub(crate) fn put_time(to: &mut Encoder, at: Timestamp) {
    to.signed(at.0);
}

/// Reads a time.
pub(crate) fn take_time(from: &mut Decoder<'_>) -> Result<Timestamp, Malformed> {
    from.signed().map(Timestamp)
}

/// Writes a time that may be missing.
pub(crate) fn put_time_option(to: &mut Encoder, at: Option<Timestamp>) {
    to.option(at, put_time);
}

/// Reads a time that may be missing.
pub(crate) fn take_time_option(from: &mut Decoder<'_>) -> Result<Option<Timestamp>, Malformed> {
    from.option(take_time)
}

/// Writes a span that may be missing.
pub(crate) fn put_span_option(to: &mut Encoder, span: Option<Span>) {
    to.option(span, |to, span| {
        to.number(span.0);
    });
}

/// Reads a span that may be missing.
pub(crate) fn take_span_option(from: &mut Decoder<'_>) -> Result<Option<Span>, Malformed> {
    from.option(Decoder::number).map(|span| span.map(Span))
}

/// Writes a text that may be missing.
pub(crate) fn put_text_option(to: &mut Encoder, text: Option<&str>) {
    to.option(text, |to, text| {
        to.text(text);
    });
}

/// Reads a text that may be missing.
pub(crate) fn take_text_option(from: &mut Decoder<'_>) -> Result<Option<Arc<str>>, Malformed> {
    from.option(|from| from.text().map(Arc::from))
}

/// Reads 32 bytes that were written without a length.
pub(crate) fn take_hash(from: &mut Decoder<'_>) -> Result<[u8; 32], Malformed> {
    let mut hash = [0; 32];
    let (high, low) = (from.id()?.to_be_bytes(), from.id()?.to_be_bytes());
    for (to, from) in hash.iter_mut().zip(high.into_iter().chain(low)) {
        *to = from;
    }
    Ok(hash)
}

/// Writes 32 bytes without a length.
pub(crate) fn put_hash(to: &mut Encoder, hash: &[u8; 32]) {
    for byte in hash {
        to.byte(*byte);
    }
}

/// Writes a name and an account; only ever into what is sealed.
pub(crate) fn put_party(to: &mut Encoder, party: &Party) {
    put_text_option(to, party.name.as_deref());
    match &party.account {
        AccountIdentifier::Scan { sort_code, number } => to.byte(0).text(sort_code).text(number),
        AccountIdentifier::Bsb { bsb, number } => to.byte(1).text(bsb).text(number),
        AccountIdentifier::Iban(iban) => to.byte(2).text(iban),
        AccountIdentifier::PayId(alias) => to.byte(3).text(alias),
        AccountIdentifier::Other { scheme, bank, number } => to.byte(4).text(scheme).text(bank).text(number),
    };
}

/// Reads a name and an account.
pub(crate) fn take_party(from: &mut Decoder<'_>) -> Result<Party, Malformed> {
    let name = from.option(|from| from.text().map(str::to_owned))?;
    let text = |from: &mut Decoder<'_>| from.text().map(str::to_owned);
    let account = match from.byte()? {
        0 => AccountIdentifier::Scan { sort_code: text(from)?, number: text(from)? },
        1 => AccountIdentifier::Bsb { bsb: text(from)?, number: text(from)? },
        2 => AccountIdentifier::Iban(text(from)?),
        3 => AccountIdentifier::PayId(text(from)?),
        4 => AccountIdentifier::Other { scheme: text(from)?, bank: text(from)?, number: text(from)? },
        _ => return Err(Malformed),
    };
    Ok(Party { name, account })
}

/// Writes a case.
pub(crate) fn put_case(to: &mut Encoder, case: &Case) {
    to.byte(case.code.number());
    put_time(to, case.at);
    put_time_option(to, case.closed_at);
}

/// Reads a case.
pub(crate) fn take_case(from: &mut Decoder<'_>) -> Result<Case, Malformed> {
    Ok(Case {
        code: CaseCode::from_number(from.byte()?).ok_or(Malformed)?,
        at: take_time(from)?,
        closed_at: take_time_option(from)?,
    })
}
