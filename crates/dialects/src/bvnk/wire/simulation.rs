//! Pay-ins of the sandbox, in both versions (contract 9.1).

use super::input::{amount_object, amount_of, missing};
use crate::bvnk::config::Config;
use crate::bvnk::errors::Fault;
use crate::bvnk::extension::{Entity, PayinNotes};
use crate::json::Json;
use refundry_domain::money::{AMOUNT_MINOR_MAX, Amount};
use refundry_domain::party::{AccountIdentifier, Party};

/// Longest text, characters.
const TEXT_LENGTH_MAX: usize = 140;
/// Longest account number or bank's code, characters.
const NUMBER_LENGTH_MAX: usize = 34;
/// The sort code where the request names none.
const SORT_CODE: &str = "040099";

/// Which version of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bvnk) enum Version {
    /// `payins/simulate`.
    First,
    /// `payins/simulation`.
    Second,
}

/// A pay-in that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bvnk) struct Simulated {
    /// The wallet that it credits.
    pub(in crate::bvnk) wallet: String,
    /// How much.
    pub(in crate::bvnk) amount: Amount,
    /// Who pays; none to try a refund to nobody knows whom.
    pub(in crate::bvnk) payer: Option<Party>,
    /// What else there is to know.
    pub(in crate::bvnk) notes: PayinNotes,
}

impl Simulated {
    /// Reads a body.
    ///
    /// # Errors
    /// A field that is wrong; a method that the currency does not have.
    pub(in crate::bvnk) fn read(body: &Json, version: Version, config: &Config) -> Result<Self, Fault> {
        let (text_field, method_field) = match version {
            Version::First => ("paymentReference", "paymentMethod"),
            Version::Second => ("remittanceInformation", "method"),
        };
        let amount = body.member("amount").ok_or_else(|| missing("amount"))?;
        let amount = match (version, amount) {
            (Version::First, _) | (Version::Second, Json::Object(_)) => amount_object(amount, "amount", config)?,
            (Version::Second, value) => amount_of(value, body, ("amount", "currency"), config)?,
        };
        if amount.minor > AMOUNT_MINOR_MAX {
            return Err(Fault::field("amount.value", "is too large"));
        }
        let method = text(body, method_field, TEXT_LENGTH_MAX)?.ok_or_else(|| missing(method_field))?;
        if !is_offered(method, amount.currency.code(), version) {
            return Err(Fault::method_unsupported());
        }
        let empty = Json::Object(Vec::new());
        let originator = body.member("originator").unwrap_or(&empty);
        let entity = match originator.member("entity").and_then(|entity| entity.member("type")) {
            Some(kind) if kind.as_text() == Some("COMPANY") => Entity::Company,
            Some(_) | None => Entity::Individual,
        };
        let (payer, bank_code) = payer(originator, amount.currency.code())?;
        Ok(Self {
            wallet: text(body, "walletId", TEXT_LENGTH_MAX)?.ok_or_else(|| missing("walletId"))?.to_owned(),
            amount,
            payer,
            notes: PayinNotes {
                method: method.to_owned(),
                reference: text(body, text_field, TEXT_LENGTH_MAX)?.unwrap_or_default().to_owned(),
                entity,
                bank_code,
            },
        })
    }
}

/// The methods of a currency.
fn is_offered(method: &str, currency: &str, version: Version) -> bool {
    match (currency, method) {
        ("GBP", "CHAPS") => version == Version::First,
        ("GBP", "FASTER_PAYMENT" | "SWIFT")
        | ("EUR", "SEPA_CT" | "SEPA_INST" | "SWIFT")
        | ("USD", "ACH" | "ACH_SAME_DAY" | "FEDWIRE" | "CUBIX" | "SWIFT") => true,
        (_, _) => false,
    }
}

fn text<'b>(object: &'b Json, name: &str, length_max: usize) -> Result<Option<&'b str>, Fault> {
    let Some(value) = object.member(name) else { return Ok(None) };
    let text = value.as_text().filter(|text| text.chars().count() <= length_max && !text.chars().any(char::is_control));
    text.map(Some).ok_or_else(|| Fault::field(name, "must be a text that is not too long"))
}

/// Who pays, and the code of the bank where the account does not hold one.
fn payer(originator: &Json, currency: &str) -> Result<(Option<Party>, String), Fault> {
    let name = text(originator, "name", TEXT_LENGTH_MAX)?.map(str::to_owned);
    let Some(account) = originator.member("bankAccount") else { return Ok((None, String::new())) };
    let usual = match currency {
        "GBP" => "SCAN",
        "EUR" => "IBAN",
        _ => "ABA",
    };
    let format = text(account, "accountNumberFormat", TEXT_LENGTH_MAX)?.unwrap_or(usual);
    let number = text(account, "accountNumber", NUMBER_LENGTH_MAX)?;
    let number = plain(number.ok_or_else(|| missing("originator.bankAccount.accountNumber"))?);
    let bank = plain(text(account, "bankCode", NUMBER_LENGTH_MAX)?.unwrap_or_default());
    let wrong = || Fault::field("originator.bankAccount.accountNumber", "is no account number of this format");
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let alphanumeric = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let beside = if format == "IBAN" { bank.clone() } else { String::new() };
    if !beside.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Fault::field("originator.bankAccount.bankCode", "is no code of a bank"));
    }
    let account = match format {
        "SCAN" => {
            let sort_code = if bank.is_empty() { SORT_CODE.to_owned() } else { bank };
            if !digits(&sort_code, 6) || !digits(&number, 8) {
                return Err(wrong());
            }
            AccountIdentifier::Scan { sort_code, number }
        }
        "IBAN" if alphanumeric && (15..=34).contains(&number.len()) => AccountIdentifier::Iban(number),
        "ABA" | "SWIFT" | "CUBIX" if alphanumeric => {
            AccountIdentifier::Other { scheme: format.to_ascii_lowercase(), bank, number }
        }
        "IBAN" | "ABA" | "SWIFT" | "CUBIX" => return Err(wrong()),
        _ => return Err(Fault::field("originator.bankAccount.accountNumberFormat", "is no format that we know")),
    };
    Ok((Some(Party { name, account }), beside))
}

/// Without spaces and hyphens, upper case.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect()
}
