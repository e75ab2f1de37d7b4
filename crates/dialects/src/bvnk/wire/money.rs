//! Amounts and times as this provider writes them.

use super::out::{Object, Out};
use crate::print::rfc3339_nanos;
use refundry_domain::money::Amount;
use refundry_domain::time::Timestamp;

/// Digits of a time that are shown: up to the milliseconds.
const TIME_LENGTH: usize = 23;
/// Digits of a date.
const DATE_LENGTH: usize = 10;

/// An amount as a number with the currency's decimals: `77.50`.
pub(in crate::bvnk) fn printed(amount: Amount) -> String {
    printed_signed(i128::from(amount.minor), amount.currency.exponent())
}

/// The same of a sum that may be below zero.
pub(in crate::bvnk) fn printed_signed(minor: i128, exponent: u8) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let digits = minor.unsigned_abs().to_string();
    let exponent = usize::from(exponent);
    let digits = format!("{digits:0>width$}", width = exponent + 1);
    match digits.split_at_checked(digits.len() - exponent) {
        Some((whole, part)) if exponent > 0 => format!("{sign}{whole}.{part}"),
        Some(_) | None => format!("{sign}{digits}"),
    }
}

/// `{value, currency}`, as in the bodies of requests' answers.
pub(in crate::bvnk) fn money(amount: Amount) -> Object {
    Object::new().put("value", Out::Raw(printed(amount))).put("currency", amount.currency.code())
}

/// `{amount, currency}` with a number, as the second version has it.
pub(in crate::bvnk) fn sum(amount: Amount) -> Object {
    Object::new().put("amount", Out::Raw(printed(amount))).put("currency", amount.currency.code())
}

/// `{value, currencyCode}`, as in webhooks and the ledger.
pub(in crate::bvnk) fn coded(amount: Amount) -> Object {
    Object::new().put("value", Out::Raw(printed(amount))).put("currencyCode", amount.currency.code())
}

/// A time with milliseconds.
pub(in crate::bvnk) fn time(at: Timestamp) -> String {
    let text = rfc3339_nanos(at);
    format!("{}Z", text.as_str().get(..TIME_LENGTH).unwrap_or_default())
}

/// A date.
pub(in crate::bvnk) fn date(at: Timestamp) -> String {
    rfc3339_nanos(at).as_str().get(..DATE_LENGTH).unwrap_or_default().to_owned()
}

/// Reads an amount from the text of a number or string: digits with an
/// optional point. More decimals than the currency has must be zeros. What is
/// beyond all amounts is the largest number: too much for whoever asks for it.
///
/// # Errors
/// What is wrong with it.
pub(in crate::bvnk) fn parse(text: &str, exponent: u8) -> Result<u64, &'static str> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err("must be a plain decimal number above zero");
    }
    let exponent = usize::from(exponent);
    let (kept, rest) = part.split_at(exponent.min(part.len()));
    if rest.bytes().any(|byte| byte != b'0') {
        return Err("has more decimals than the currency");
    }
    // Only digits are left, so that nothing but their number can be wrong.
    match format!("{whole}{kept:0<exponent$}").parse() {
        Ok(0) => Err("must be above zero"),
        Ok(minor) => Ok(minor),
        Err(_) => Ok(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::money::{AMOUNT_MINOR_MAX, Currency};

    // conformance: bvnk 21
    #[test]
    fn decimals_are_read_exactly() {
        for good in ["150", "150.0", "150.00", "150.000", "0150.00"] {
            assert_eq!(parse(good, 2), Ok(15_000), "{good}");
        }
        assert_eq!((parse("0.01", 2), parse("12", 0), parse("1.234", 3)), (Ok(1), Ok(12), Ok(1_234)));
        assert_eq!(parse("90071992547409.91", 2), Ok(AMOUNT_MINOR_MAX));
        for bad in ["150.001", "1.5e2", "-1", "0", "0.00", "1,5", "", ".5", "5.", "+1", " 1", "1 ", "NaN", "0x1"] {
            assert!(parse(bad, 2).is_err(), "{bad}");
        }
        for beyond in ["90071992547409.92", &"9".repeat(40)] {
            assert!(parse(beyond, 2).is_ok_and(|minor| minor > AMOUNT_MINOR_MAX), "{beyond}");
        }
    }

    #[test]
    fn amounts_have_their_decimals() {
        for (minor, code, text) in [(100, "GBP", "1.00"), (5, "EUR", "0.05"), (0, "USD", "0.00"), (7, "JPY", "7")] {
            assert_eq!(printed(Amount::new(minor, Currency::parse(code).unwrap())), text);
        }
        assert_eq!(printed_signed(-1_205, 2), "-12.05");
    }

    #[test]
    fn times_have_milliseconds() {
        let at = Timestamp(1_773_357_041_118_204_007);
        assert_eq!((time(at), date(at)), ("2026-03-12T23:10:41.118Z".to_owned(), "2026-03-12".to_owned()));
    }
}
