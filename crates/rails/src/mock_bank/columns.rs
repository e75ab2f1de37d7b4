//! Single values in the books' columns: how they are written and read back.

use super::books::{BankDown, BankState};
use refundry_domain::id::{AccountId, MandateId};
use refundry_domain::instruction::DebtorAccount;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::reason::BankCode;
use rusqlite::Row;
use rusqlite::types::Type;

/// Minor units in this column and the currency in the next one.
pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Amount> {
    let code: String = row.get(column + 1)?;
    let currency = Currency::parse(&code).map_err(|_| unreadable(column + 1))?;
    Ok(Amount::new(unsigned(row, column)?, currency))
}

/// The state whose number is in this column.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<BankState> {
    BankState::from_number(row.get(column)?).ok_or_else(|| unreadable(column))
}

/// The creditor: account in this column, name in the next one.
pub(super) fn creditor(row: &Row<'_>, column: usize) -> rusqlite::Result<Party> {
    Ok(Party { account: account(row, column)?, name: row.get(column + 1)? })
}

/// The debtor: kind in this column, id in the next one.
pub(super) fn debtor(row: &Row<'_>, column: usize) -> rusqlite::Result<DebtorAccount> {
    let kind: u8 = row.get(column)?;
    let id = u128::from_be_bytes(row.get(column + 1)?);
    match kind {
        1 => Ok(DebtorAccount::Held(AccountId(id))),
        2 => Ok(DebtorAccount::Mandate(MandateId(id))),
        3 => Ok(DebtorAccount::Merchant),
        _ => Err(unreadable(column)),
    }
}

/// Kind and id of a debtor in the books.
pub(super) fn debtor_columns(debtor: DebtorAccount) -> (u8, [u8; 16]) {
    match debtor {
        DebtorAccount::Held(id) => (1, id.0.to_be_bytes()),
        DebtorAccount::Mandate(id) => (2, id.0.to_be_bytes()),
        DebtorAccount::Merchant => (3, [0; 16]),
    }
}

/// The account whose canonical form is in this column.
pub(super) fn account(row: &Row<'_>, column: usize) -> rusqlite::Result<AccountIdentifier> {
    let text: String = row.get(column)?;
    parse_canonical(&text).ok_or_else(|| unreadable(column))
}

/// Reads the canonical form of an account back.
fn parse_canonical(text: &str) -> Option<AccountIdentifier> {
    let (scheme, rest) = text.split_once(':')?;
    let halves = || rest.split_once(':').map(|(bank, number)| (bank.to_owned(), number.to_owned()));
    match scheme {
        "scan" => halves().map(|(sort_code, number)| AccountIdentifier::Scan { sort_code, number }),
        "bsb" => halves().map(|(bsb, number)| AccountIdentifier::Bsb { bsb, number }),
        "iban" => Some(AccountIdentifier::Iban(rest.to_owned())),
        "payid" => Some(AccountIdentifier::PayId(rest.to_owned())),
        "other" => {
            let (scheme, rest) = rest.split_once(':')?;
            let (bank, number) = rest.split_once(':')?;
            Some(AccountIdentifier::Other {
                scheme: scheme.to_owned(),
                bank: bank.to_owned(),
                number: number.to_owned(),
            })
        }
        _ => None,
    }
}

/// A value that this program never wrote.
pub(super) fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "a value of another program".to_owned(), Type::Null)
}

/// An unsigned value that is in this column.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| unreadable(column))
}

/// A count as SQLite takes it.
pub(super) fn signed_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The code in this column, if any.
pub(super) fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<BankCode>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| BankCode::parse(&text).ok_or_else(|| unreadable(column))).transpose()
}

/// An unsigned value as SQLite takes it.
pub(super) fn signed(value: u64) -> Result<i64, BankDown> {
    i64::try_from(value).map_err(|error| BankDown::Books(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_comes_back_from_its_text() {
        let accounts = [
            AccountIdentifier::Scan { sort_code: "040099".into(), number: "55120934".into() },
            AccountIdentifier::Bsb { bsb: "111114".into(), number: "0505101".into() },
            AccountIdentifier::Iban("DE02120300000000202051".into()),
            AccountIdentifier::PayId("a:b@example.com".into()),
            AccountIdentifier::Other { scheme: "aba".into(), bank: "021000021".into(), number: "1:2".into() },
        ];
        for account in accounts {
            assert_eq!(parse_canonical(&account.canonical()).as_ref(), Some(&account));
        }
        for bad in ["", "0505101", "swift:1", "bsb:1"] {
            assert_eq!(parse_canonical(bad), None, "{bad}");
        }
    }
}
