//! Bank accounts and their holders (contract 3.5, 7.2).

use super::out::Object;
use crate::bvnk::config::AccountNumbers;
use crate::bvnk::extension::{Entity, Holder};
use refundry_domain::party::AccountIdentifier;

/// Characters of an account number that are always shown.
const SHOWN_LENGTH: usize = 4;

/// The parts of an account as this provider names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bvnk) struct Parts {
    /// The word of the format.
    pub(in crate::bvnk) format: String,
    /// The number, masked or not.
    pub(in crate::bvnk) number: String,
    /// The bank's code, where the format has one.
    pub(in crate::bvnk) bank: Option<String>,
}

impl Parts {
    /// The same with this bank's code, where the account does not hold one.
    fn or_bank(self, code: &str) -> Self {
        let told = Some(code).filter(|code| !code.is_empty()).map(str::to_owned);
        Self { bank: self.bank.or(told), ..self }
    }
}

/// The parts of an account.
pub(in crate::bvnk) fn parts(account: &AccountIdentifier, numbers: AccountNumbers) -> Parts {
    let (format, number, bank) = match account {
        AccountIdentifier::Scan { sort_code, number } => ("SCAN".to_owned(), number, Some(sort_code.clone())),
        AccountIdentifier::Bsb { bsb, number } => ("BSB".to_owned(), number, Some(bsb.clone())),
        AccountIdentifier::Iban(iban) => ("IBAN".to_owned(), iban, None),
        AccountIdentifier::PayId(alias) => ("PAYID".to_owned(), alias, None),
        AccountIdentifier::Other { scheme, bank, number } => {
            (scheme.to_ascii_uppercase(), number, Some(bank.clone()).filter(|bank| !bank.is_empty()))
        }
    };
    let number = match numbers {
        AccountNumbers::Masked => masked(number),
        AccountNumbers::Full => number.clone(),
    };
    Parts { format, number, bank }
}

/// The last characters, never more than half of them.
fn masked(number: &str) -> String {
    let count = number.chars().count();
    let shown = SHOWN_LENGTH.min(count / 2);
    let tail: String = number.chars().skip(count - shown).collect();
    format!("****{tail}")
}

/// First and last name of a person.
pub(in crate::bvnk) fn names(name: &str) -> (&str, &str) {
    let name = name.trim();
    name.rsplit_once(' ').map_or((name, ""), |(first, last)| (first.trim_end(), last))
}

/// The beneficiary of a payout's details.
pub(in crate::bvnk) fn beneficiary(holder: Holder<'_>, numbers: AccountNumbers) -> Object {
    let Holder { party, entity, bank_code } = holder;
    let name = party.name.as_deref().unwrap_or_default();
    let who = match entity {
        Entity::Individual => {
            let (first, last) = names(name);
            let details = Object::new().put("firstName", first).put("lastName", last);
            Object::new().put("entityType", "INDIVIDUAL").put("individualDetails", details)
        }
        Entity::Company => Object::new()
            .put("entityType", "COMPANY")
            .put("companyDetails", Object::new().put("name", name))
            .put("businessDetails", Object::new().put("businessName", name)),
    };
    let Parts { format, number, bank } = parts(&party.account, numbers).or_bank(bank_code);
    let account = Object::new().put("format", format).put("accountNumber", number).put_some("bankCode", bank);
    who.put("bankAccount", account)
}

/// The account as webhooks and the ledger show it.
pub(in crate::bvnk) fn bank_account(holder: Holder<'_>, numbers: AccountNumbers) -> Object {
    let Parts { format, number, bank } = parts(&holder.party.account, numbers).or_bank(holder.bank_code);
    Object::new().put_some("bankCode", bank).put("accountNumber", number).put("accountNumberFormat", format)
}

/// The holder as webhooks and the ledger show it.
pub(in crate::bvnk) fn entity(holder: Holder<'_>) -> Object {
    let Holder { party, entity, bank_code: _ } = holder;
    let name = party.name.as_deref().unwrap_or_default();
    match entity {
        Entity::Individual => {
            let (first, last) = names(name);
            Object::new().put("type", "INDIVIDUAL").put("firstName", first).put("lastName", last)
        }
        Entity::Company => Object::new().put("type", "COMPANY").put("name", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // conformance: bvnk 35
    #[test]
    fn numbers_are_masked() {
        let other = |number: &str| AccountIdentifier::Other {
            scheme: "aba".into(),
            bank: "021000021".into(),
            number: number.into(),
        };
        for (account, shown) in [
            (AccountIdentifier::Scan { sort_code: "200415".into(), number: "60312207".into() }, "****2207"),
            (AccountIdentifier::Iban("DE02120300000000202051".into()), "****2051"),
            (AccountIdentifier::PayId("ada@example.com".into()), "****.com"),
            (other("12345"), "****45"),
            (other("1"), "****"),
        ] {
            assert_eq!(parts(&account, AccountNumbers::Masked).number, shown);
            assert!(!parts(&account, AccountNumbers::Full).number.contains('*'));
        }
        assert_eq!(names("Nadia Anne Okafor"), ("Nadia Anne", "Okafor"));
        assert_eq!(names("Nadia"), ("Nadia", ""));
    }
}
