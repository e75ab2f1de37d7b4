//! Account identifiers in this provider's spelling, and the numbers that
//! accounts of ours show. In the sandbox only length and characters of given
//! numbers are looked at: clients use made-up ones (contract 8.1).

use crate::json::Json;
use refundry_domain::id::AccountId;
use refundry_domain::money::Currency;
use refundry_domain::party::AccountIdentifier;
use refundry_engine::digest::sha256;
use serde::Serialize;

/// The bank that our sandbox's accounts are with, as IBANs spell it.
const BANK: &str = "MOCK";
/// Its sort code.
const SORT_CODE: &str = "040099";
/// Shortest and longest IBAN (ISO 13616).
const IBAN_LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;
/// Digits of a Polish account number.
const NRB_LENGTH: usize = 26;
/// Digits of a Norwegian account number.
const BBAN_LENGTH: usize = 11;

/// One identifier of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::truelayer) enum Identifier {
    /// United Kingdom.
    SortCodeAccountNumber {
        /// Six digits.
        sort_code: String,
        /// Eight digits.
        account_number: String,
    },
    /// International.
    Iban {
        /// Upper case, without spaces.
        iban: String,
    },
    /// Norway.
    Bban {
        /// Eleven digits.
        bban: String,
    },
    /// Poland.
    Nrb {
        /// 26 digits.
        nrb: String,
    },
}

/// How an account of a party is shown: its own form first, an international
/// number derived from it after that.
pub(in crate::truelayer) fn of_party(account: &AccountIdentifier) -> Vec<Identifier> {
    match account {
        AccountIdentifier::Scan { sort_code, number } => vec![
            Identifier::SortCodeAccountNumber { sort_code: sort_code.clone(), account_number: number.clone() },
            Identifier::Iban { iban: iban("GB", &format!("{BANK}{sort_code}{number}")) },
        ],
        AccountIdentifier::Iban(text) => {
            let national = match text.split_at_checked(4) {
                Some((country, digits)) if country.starts_with("NO") => {
                    Some(Identifier::Bban { bban: digits.to_owned() })
                }
                Some((country, _)) if country.starts_with("PL") => {
                    text.get(2..).map(|nrb| Identifier::Nrb { nrb: nrb.to_owned() })
                }
                Some(_) | None => None,
            };
            national.into_iter().chain([Identifier::Iban { iban: text.clone() }]).collect()
        }
        // Accounts of other countries come from other doors; this is the one
        // kind here that holds any number.
        AccountIdentifier::Bsb { bsb: bank, number } | AccountIdentifier::Other { scheme: _, bank, number } => {
            vec![Identifier::Bban { bban: format!("{bank}{number}") }]
        }
        AccountIdentifier::PayId(alias) => vec![Identifier::Bban { bban: alias.clone() }],
    }
}

/// The numbers of an account that we hold: a pure function of its id.
pub(in crate::truelayer) fn of_account(id: AccountId, currency: Currency) -> Vec<Identifier> {
    of_party(&account_number(id, currency))
}

/// The account number behind [`of_account`].
pub(in crate::truelayer) fn account_number(id: AccountId, currency: Currency) -> AccountIdentifier {
    let digits = |count: usize| derived_digits(b"account number", id, count);
    match currency.code() {
        "GBP" => AccountIdentifier::Scan { sort_code: SORT_CODE.to_owned(), number: digits(8) },
        "PLN" => AccountIdentifier::Iban(iban("PL", &digits(24))),
        "NOK" => AccountIdentifier::Iban(iban("NO", &digits(BBAN_LENGTH))),
        _ => AccountIdentifier::Iban(iban("IE", &format!("{BANK}{SORT_CODE}{}", digits(8)))),
    }
}

/// The account that the operator of a sandbox has approved for taking money
/// out of this one.
pub(in crate::truelayer) fn approved_iban(id: AccountId) -> String {
    iban("GB", &format!("{BANK}{SORT_CODE}{}", derived_digits(b"approved account", id, 8)))
}

fn derived_digits(label: &[u8], id: AccountId, count: usize) -> String {
    let mut bytes = label.to_vec();
    bytes.extend_from_slice(&id.0.to_be_bytes());
    sha256(&bytes).iter().take(count).map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// An IBAN with its check digits (ISO 13616, ISO 7064 MOD 97-10).
pub(in crate::truelayer) fn iban(country: &str, rest: &str) -> String {
    let check = 98 - mod_97(&format!("{rest}{country}00"));
    format!("{country}{check:02}{rest}")
}

/// The remainder of a text whose letters count 10 to 35.
fn mod_97(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        (shifted + value) % 97
    })
}

/// True when the check digits of an IBAN agree.
pub(in crate::truelayer) fn checks(text: &str) -> bool {
    text.split_at_checked(4).is_some_and(|(head, rest)| mod_97(&format!("{rest}{head}")) == 1)
}

/// Reads an account identifier of a request.
///
/// # Errors
/// The name of the member that is wrong (empty for the object itself), and
/// what is wrong with it.
pub(in crate::truelayer) fn read(
    json: &Json,
    verify_check_digits: bool,
) -> Result<AccountIdentifier, (&'static str, &'static str)> {
    let text = |name: &'static str| {
        let given = json.member(name).ok_or((name, "is required"))?;
        let text = given.as_text().ok_or((name, "must be a string"))?;
        Ok::<String, (&'static str, &'static str)>(text.chars().filter(|letter| *letter != ' ').collect())
    };
    let digits = |name: &'static str, length: usize, message: &'static str| {
        let found = text(name)?;
        let good = found.len() == length && found.bytes().all(|byte| byte.is_ascii_digit());
        if good { Ok(found) } else { Err((name, message)) }
    };
    match text("type")?.as_str() {
        "sort_code_account_number" => {
            let plain: String = text("sort_code")?.chars().filter(|letter| *letter != '-').collect();
            if plain.len() != 6 || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(("sort_code", "must be 6 digits"));
            }
            Ok(AccountIdentifier::Scan { sort_code: plain, number: digits("account_number", 8, "must be 8 digits")? })
        }
        "iban" => {
            let found = text("iban")?.to_ascii_uppercase();
            let (country, rest) = found.split_at_checked(2).unwrap_or_default();
            let good = IBAN_LENGTHS.contains(&found.len())
                && country.bytes().all(|byte| byte.is_ascii_uppercase())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !good || (verify_check_digits && !checks(&found)) {
                return Err(("iban", "is not a valid IBAN"));
            }
            Ok(AccountIdentifier::Iban(found))
        }
        "nrb" => {
            let found = format!("PL{}", digits("nrb", NRB_LENGTH, "must be 26 digits")?);
            if verify_check_digits && !checks(&found) {
                return Err(("nrb", "is not a valid NRB"));
            }
            Ok(AccountIdentifier::Iban(found))
        }
        "bban" => {
            let found = digits("bban", BBAN_LENGTH, "must be 11 digits")?;
            Ok(AccountIdentifier::Iban(iban("NO", &found)))
        }
        _ => Err(("type", "is not a known type of account identifier")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn ibans_check() {
        for known in ["GB82WEST12345698765432", "NO9386011117947", "PL61109010140000071219812874"] {
            assert!(checks(known), "{known}");
            let (head, rest) = known.split_at(4);
            assert_eq!(iban(&head[..2], rest), known);
        }
        assert!(!checks("GB83WEST12345698765432"));
        assert_eq!(iban("GB", "MOCK04009948210377"), "GB39MOCK04009948210377");
        assert_eq!(iban("GB", "MOCK04009955120934"), "GB29MOCK04009955120934");
    }

    #[test]
    fn accounts_have_numbers_of_their_own() {
        for (code, kinds) in [
            ("GBP", vec!["sort_code_account_number", "iban"]),
            ("EUR", vec!["iban"]),
            ("PLN", vec!["nrb", "iban"]),
            ("NOK", vec!["bban", "iban"]),
        ] {
            let currency = Currency::parse(code).unwrap();
            let shown = serde_json::to_value(of_account(AccountId(7), currency)).unwrap();
            let types: Vec<&str> = shown.as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
            assert_eq!(types, kinds);
            let iban = shown.as_array().unwrap().last().unwrap()["iban"].as_str().unwrap();
            assert!(checks(iban), "{iban}");
            assert_eq!(of_account(AccountId(7), currency), of_account(AccountId(7), currency));
            assert_ne!(of_account(AccountId(7), currency), of_account(AccountId(8), currency));
        }
        assert!(checks(&approved_iban(AccountId(7))));
    }

    #[test]
    fn identifiers_are_read_by_length_and_characters() {
        let read = |text: &str, verify| super::read(&json::parse(text.as_bytes()).unwrap(), verify);
        let scan = r#"{"type":"sort_code_account_number","sort_code":"04-00-99","account_number":"48210377"}"#;
        let expected = AccountIdentifier::Scan { sort_code: "040099".into(), number: "48210377".into() };
        assert_eq!(read(scan, true), Ok(expected));
        let nrb = r#"{"type":"nrb","nrb":"12345678901234567890123456"}"#;
        assert_eq!(read(nrb, false), Ok(AccountIdentifier::Iban("PL12345678901234567890123456".into())));
        assert_eq!(read(nrb, true), Err(("nrb", "is not a valid NRB")));
        assert_eq!(
            read(r#"{"type":"bban","bban":"86011117947"}"#, true),
            Ok(AccountIdentifier::Iban("NO9386011117947".into()))
        );
        let spaced = r#"{"type":"iban","iban":"gb39 MOCK 0400 9948 2103 77"}"#;
        assert_eq!(read(spaced, true), Ok(AccountIdentifier::Iban("GB39MOCK04009948210377".into())));
        for (text, member) in [
            (r#"{"type":"iban","iban":"GB39"}"#, "iban"),
            (r#"{"type":"iban","iban":"é9"}"#, "iban"),
            (r#"{"type":"iban"}"#, "iban"),
            (r#"{"type":"sort_code_account_number","sort_code":"1","account_number":"48210377"}"#, "sort_code"),
            (r#"{"type":"sort_code_account_number","sort_code":"040099","account_number":"4"}"#, "account_number"),
            (r#"{"type":"bban","bban":"x"}"#, "bban"),
            (r#"{"type":"pigeon"}"#, "type"),
            (r#"{}"#, "type"),
            (r#"{"type":7}"#, "type"),
        ] {
            assert_eq!(read(text, false).unwrap_err().0, member, "{text}");
        }
    }
}
