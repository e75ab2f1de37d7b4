//! Banks on offer, and how the accounts of merchants and of payers at the mock
//! bank are named to the world (contract 3.11, 3.13, 8.2).

use super::App;
use crate::account_number;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::{Account, AccountKind};
use refundry_domain::money::Currency;
use refundry_domain::party::AccountIdentifier;
use refundry_engine::digest::sha256;
use refundry_engine::hosted::Bank;

/// The sandbox's bank, and where payers and merchants have accounts.
pub(crate) const MOCK_BANK: Bank = Bank { id: "mock-bank", name: "Mock Bank" };
/// A bank that keeps its customers' accounts to itself.
pub(crate) const MOCK_BANK_NO_DETAILS: Bank = Bank { id: "mock-bank-no-details", name: "Mock Bank (no details)" };
/// The sandbox's bank in Australia.
pub(crate) const MOCK_BANK_AU: Bank = Bank { id: "mock-bank-au", name: "Mock Bank AU" };

/// The first account in pounds (contract 8.2).
const FIRST_SORT_CODE: &str = "010203";
const FIRST_NUMBER: &str = "12345678";
/// The mock bank's sort code and bank state branch.
const SORT_CODE: &str = "040099";
const BSB: &str = "111114";
/// Its name in IBANs.
const IBAN_BANK: &str = "MOCK";
/// The account of every payer at the mock bank (contract 3.13).
const PAYER_NUMBER: &str = "55120934";

/// An account that an application may be paid into.
#[derive(Debug, Clone)]
pub(crate) struct Linked {
    /// The account.
    pub(crate) id: AccountId,
    /// Its currency.
    pub(crate) currency: Currency,
    /// How the world names it.
    pub(crate) number: AccountIdentifier,
    own: bool,
    eligible: bool,
}

/// The accounts that an application may be paid into, oldest first. Their
/// numbers are functions of their ids.
pub(crate) fn linked(mut accounts: Vec<Account>, application: &str) -> Vec<Linked> {
    accounts.retain(|account| {
        account.kind == AccountKind::Held && (account.group.is_empty() || *account.group == *application)
    });
    accounts.sort_by_key(|account| (account.created_at, account.id));
    let first = accounts.iter().find(|account| account.currency == Currency::GBP).map(|account| account.id);
    let link = |account: &Account| Linked {
        id: account.id,
        currency: account.currency,
        number: number_of(account.id, account.currency, first == Some(account.id)),
        own: !account.group.is_empty(),
        eligible: account.eligible,
    };
    accounts.iter().map(link).collect()
}

/// The account that is paid into when none is named: the application's own
/// before the merchant's.
pub(crate) fn default_of(linked: &[Linked], currency: Currency) -> Option<&Linked> {
    let mut fitting: Vec<&Linked> = linked.iter().filter(|account| account.currency == currency).collect();
    fitting.sort_by_key(|account| (!account.own, !account.eligible));
    fitting.first().copied()
}

fn number_of(id: AccountId, currency: Currency, is_first_in_pounds: bool) -> AccountIdentifier {
    if is_first_in_pounds {
        return first_in_pounds();
    }
    let hash = sha256(format!("bank account {id}").as_bytes());
    let digits: String = hash.iter().take(8).map(|byte| char::from(b'0' + byte % 10)).collect();
    at_mock_bank(currency, digits)
}

/// The number of a merchant's first account in pounds.
pub(crate) fn first_in_pounds() -> AccountIdentifier {
    scan(FIRST_SORT_CODE, FIRST_NUMBER.to_owned())
}

fn scan(sort_code: &str, number: String) -> AccountIdentifier {
    AccountIdentifier::Scan { sort_code: sort_code.to_owned(), number }
}

fn at_mock_bank(currency: Currency, number: String) -> AccountIdentifier {
    if currency == Currency::AUD {
        return AccountIdentifier::Bsb { bsb: BSB.to_owned(), number };
    }
    if currency == Currency::EUR {
        return AccountIdentifier::Iban(account_number::iban_of("IE", &format!("{IBAN_BANK}{SORT_CODE}{number}")));
    }
    scan(SORT_CODE, number)
}

/// The account of a payer at the mock bank.
pub(crate) fn of_payer(currency: Currency) -> AccountIdentifier {
    at_mock_bank(currency, PAYER_NUMBER.to_owned())
}

/// The banks for payments or refunds in a currency; none outside the sandbox,
/// where nothing connects us to one.
pub(crate) fn banks(app: &App, currency: Currency, refund: bool) -> Vec<Bank> {
    if app.host.payer_bank.is_none() {
        return Vec::new();
    }
    let main = if currency == Currency::AUD { MOCK_BANK_AU } else { MOCK_BANK };
    if refund { vec![main] } else { vec![main, MOCK_BANK_NO_DETAILS] }
}

/// The bank of this id.
pub(crate) fn bank(id: &str) -> Option<Bank> {
    [MOCK_BANK, MOCK_BANK_NO_DETAILS, MOCK_BANK_AU].into_iter().find(|bank| bank.id == id)
}
