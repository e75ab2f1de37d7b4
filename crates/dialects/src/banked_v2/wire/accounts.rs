//! Accounts and banks in this provider's spelling.

use crate::banked::errors::to_json;
use crate::print::{Text, uuid};
use refundry_domain::id::AccountId;
use refundry_domain::party::{AccountIdentifier, Party};
use serde::Serialize;

/// The members by which an account is named; what its scheme does not have is
/// absent.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Numbers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bsb: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iban: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_id: Option<&'a str>,
}

impl<'a> Numbers<'a> {
    /// The members of an account.
    pub(super) fn of(account: &'a AccountIdentifier) -> Self {
        let none = Self::default();
        match account {
            AccountIdentifier::Scan { sort_code, number } => {
                Self { account_number: Some(number), sort_code: Some(sort_code), ..none }
            }
            AccountIdentifier::Bsb { bsb, number } => Self { account_number: Some(number), bsb: Some(bsb), ..none },
            AccountIdentifier::Iban(iban) => Self { iban: Some(iban), ..none },
            AccountIdentifier::PayId(alias) => Self { pay_id: Some(alias), ..none },
            AccountIdentifier::Other { scheme: _, bank: _, number } => Self { account_number: Some(number), ..none },
        }
    }
}

#[derive(Serialize)]
struct BankAccountBody<'a> {
    id: Text<36>,
    name: &'a str,
    #[serde(flatten)]
    numbers: Numbers<'a>,
    account_type: &'static str,
    account_sub_type: &'static str,
    currency: &'a str,
    /// Accounts of ours need no consent to be read.
    consent_expires_at: (),
    provider: &'static str,
}

/// An account of the merchant, for [`bank_accounts`].
#[derive(Debug)]
pub(in crate::banked_v2) struct Listed<'a> {
    /// Its id.
    pub(in crate::banked_v2) id: AccountId,
    /// Its owner's name.
    pub(in crate::banked_v2) name: &'a str,
    /// How the world names it.
    pub(in crate::banked_v2) account: &'a AccountIdentifier,
    /// Its currency.
    pub(in crate::banked_v2) currency: &'a str,
    /// The bank that it is with.
    pub(in crate::banked_v2) provider: &'static str,
}

/// The accounts of an application, as a bare array.
pub(in crate::banked_v2) fn bank_accounts(listed: &[Listed<'_>]) -> Vec<u8> {
    let bodies: Vec<BankAccountBody<'_>> = listed
        .iter()
        .map(|listed| BankAccountBody {
            id: uuid(listed.id.0),
            name: listed.name,
            numbers: Numbers::of(listed.account),
            account_type: "business",
            account_sub_type: "current",
            currency: listed.currency,
            consent_expires_at: (),
            provider: listed.provider,
        })
        .collect();
    to_json(&bodies)
}

#[derive(Serialize)]
struct ProviderBody {
    id: &'static str,
    name: &'static str,
    status: &'static str,
    supports_batch: bool,
}

/// The banks, by id and name, as a bare array.
pub(in crate::banked_v2) fn providers(banks: &[(&'static str, &'static str)]) -> Vec<u8> {
    let body = |(id, name): &(&'static str, &'static str)| ProviderBody {
        id,
        name,
        status: "AVAILABLE",
        supports_batch: false,
    };
    to_json(&banks.iter().map(body).collect::<Vec<_>>())
}

#[derive(Serialize)]
struct ConsumerAccountBody<'a> {
    name: Option<&'a str>,
    #[serde(flatten)]
    numbers: Numbers<'a>,
}

/// The account that a payment came from.
pub(in crate::banked_v2) fn consumer_account(party: &Party) -> Vec<u8> {
    to_json(&ConsumerAccountBody { name: party.name.as_deref(), numbers: Numbers::of(&party.account) })
}
