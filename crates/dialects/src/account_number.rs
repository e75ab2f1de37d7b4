//! Account numbers as people and programs write them, read into the form that
//! the core keeps.

use refundry_domain::party::AccountIdentifier;
use std::ops::RangeInclusive;

/// Digits of a sort code, and of a bank state branch.
const BANK_LENGTH: RangeInclusive<usize> = 6..=6;
/// Digits of an account number in the United Kingdom.
const SCAN_LENGTH: RangeInclusive<usize> = 8..=8;
/// Digits of an account number in Australia.
const BSB_LENGTH: RangeInclusive<usize> = 1..=9;
/// Characters of an IBAN (ISO 13616).
const IBAN_LENGTH: RangeInclusive<usize> = 15..=34;
/// Characters of an alias.
const ALIAS_LENGTH: RangeInclusive<usize> = 1..=256;

/// Which part of an account is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread {
    /// Sort code or bank state branch.
    Bank,
    /// Account number, IBAN or alias.
    Number,
}

/// A number without the spaces and hyphens that people put between its groups.
#[must_use]
pub fn digits_of(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, ' ' | '-')).collect()
}

fn digits(text: &str, lengths: &RangeInclusive<usize>) -> Option<String> {
    let digits = digits_of(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && lengths.contains(&digits.len());
    plain.then_some(digits)
}

/// An account in the United Kingdom.
///
/// # Errors
/// The part that is not right.
pub fn scan(sort_code: &str, number: &str) -> Result<AccountIdentifier, Misread> {
    let sort_code = digits(sort_code, &BANK_LENGTH).ok_or(Misread::Bank)?;
    let number = digits(number, &SCAN_LENGTH).ok_or(Misread::Number)?;
    Ok(AccountIdentifier::Scan { sort_code, number })
}

/// An account in Australia.
///
/// # Errors
/// The part that is not right.
pub fn bsb(bsb: &str, number: &str) -> Result<AccountIdentifier, Misread> {
    let bsb = digits(bsb, &BANK_LENGTH).ok_or(Misread::Bank)?;
    let number = digits(number, &BSB_LENGTH).ok_or(Misread::Number)?;
    Ok(AccountIdentifier::Bsb { bsb, number })
}

/// An alias of the New Payments Platform: an e-mail address, a telephone
/// number, or another name in visible characters.
///
/// # Errors
/// It is none.
pub fn pay_id(text: &str) -> Result<AccountIdentifier, Misread> {
    let alias = text.trim().to_ascii_lowercase();
    let fits = ALIAS_LENGTH.contains(&alias.len()) && alias.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(AccountIdentifier::PayId(alias)) } else { Err(Misread::Number) }
}

/// The British account that an IBAN names: four letters of the bank, sort
/// code, account number.
#[must_use]
pub fn scan_of_iban(iban: &str) -> Option<AccountIdentifier> {
    let own = iban.strip_prefix("GB").filter(|rest| rest.len() == 20)?;
    scan(own.get(6..12)?, own.get(12..)?).ok()
}

/// An IBAN in its electronic form, when length, alphabet and check digits are
/// right (ISO 13616, ISO 7064 MOD 97-10).
#[must_use]
pub fn iban(text: &str) -> Option<String> {
    let iban: String = text.chars().filter(|character| *character != ' ').collect::<String>().to_ascii_uppercase();
    let bytes = iban.as_bytes();
    let shaped = IBAN_LENGTH.contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.get(..2)?.iter().all(u8::is_ascii_uppercase)
        && bytes.get(2..4)?.iter().all(u8::is_ascii_digit);
    if !shaped {
        return None;
    }
    let (head, tail) = iban.split_at_checked(4)?;
    (mod_97(&format!("{tail}{head}")) == 1).then_some(iban)
}

/// The IBAN of a national number, with its check digits.
#[must_use]
pub fn iban_of(country: &str, national: &str) -> String {
    let check = 98 - mod_97(&format!("{national}{country}00"));
    format!("{country}{check:02}{national}")
}

/// The remainder of a text whose letters count 10 to 35.
fn mod_97(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        (shifted + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibans_are_checked() {
        assert_eq!(iban("GB33 BUKB 2020 1555 5555 55").as_deref(), Some("GB33BUKB20201555555555"));
        assert_eq!(iban("de89370400440532013000").as_deref(), Some("DE89370400440532013000"));
        for bad in ["", "GB33BUKB20201555555554", "GB33", "3333BUKB20201555555555", "GB33BUKB2020155555555é"] {
            assert_eq!(iban(bad), None, "{bad}");
        }
        assert_eq!(iban_of("DE", "370400440532013000"), "DE89370400440532013000");
        assert_eq!(scan_of_iban("GB33BUKB20201555555555").unwrap().canonical(), "scan:202015:55555555");
        assert_eq!(scan_of_iban("DE89370400440532013000"), None);
    }

    #[test]
    fn national_numbers_have_their_lengths() {
        assert_eq!(scan("04-00-99", "5512 0934").unwrap().canonical(), "scan:040099:55120934");
        assert_eq!(bsb("062-000", "1234").unwrap().canonical(), "bsb:062000:1234");
        assert_eq!(pay_id(" Ann@Example.org").unwrap().canonical(), "payid:ann@example.org");
        assert_eq!(scan("0400", "55120934"), Err(Misread::Bank));
        assert_eq!(scan("040099", "5512093x"), Err(Misread::Number));
        assert_eq!(bsb("062000", "1234567890"), Err(Misread::Number));
        assert_eq!(pay_id("a b"), Err(Misread::Number));
    }
}
