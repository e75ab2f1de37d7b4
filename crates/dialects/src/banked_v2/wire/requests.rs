//! The bodies that merchants send.

use crate::account_number::{self, Misread};
use crate::banked::errors::{Fault, Kind, Param};
use crate::banked::read::{Fields, read_url};
use crate::banked_v2::errors::{PAYEE_PATH, SESSION_PATH};
use crate::banked_v2::extension::{LineItem, Payer};
use crate::json::{self, Json};
use refundry_domain::id::PaymentId;
use refundry_domain::money::{AMOUNT_MINOR_MAX, Currency};
use refundry_domain::party::AccountIdentifier;

/// Longest text for the statement, in characters.
const STATEMENT_LENGTH_MAX: usize = 18;
/// Longest names and descriptions, in characters.
const NAME_LENGTH_MAX: usize = 256;
/// Longest mail address, in characters (RFC 5321).
const EMAIL_LENGTH_MAX: usize = 254;
/// Most rows of a session.
const LINE_COUNT_MAX: usize = 100;
/// The parts of an account.
const IBAN: &str = "payee/iban";
const SORT_CODE: &str = "payee/sort_code";
const BSB: &str = "payee/bsb";
const NUMBER: &str = "payee/account_number";
/// Members that are echoed and have no effect.
const ECHOED: [&str; 3] = ["rewards", "frequency", "number_of_payments"];

/// An account as it was named.
#[derive(Debug)]
pub(in crate::banked_v2) struct PayeeInput<'j> {
    /// Its owner's name.
    pub(in crate::banked_v2) name: Option<&'j str>,
    /// The account.
    pub(in crate::banked_v2) account: AccountIdentifier,
}

/// Reads an account that may name one of three schemes. What is wrong is no
/// fault of the request until somebody needs the account (contract 3.3).
fn payee(payee: &Json) -> Result<PayeeInput<'_>, Vec<Param>> {
    let mut fields = Fields::default();
    if payee.as_object().is_none() {
        fields.fault(Kind::Decoding, PAYEE_PATH, "must be an object");
        return fields.into_result(None);
    }
    let name = name(&mut fields, payee, "payee/name").map(str::trim).filter(|name| !name.is_empty());
    let mut text = |path| fields.text(payee, path, NAME_LENGTH_MAX);
    let numbers = (text(IBAN), text(SORT_CODE), text(BSB), text(NUMBER));
    let misread = |bank: &'static str| {
        move |misread: Misread| match misread {
            Misread::Bank => bank,
            Misread::Number => NUMBER,
        }
    };
    let account = match numbers {
        (Some(iban), _, _, _) => account_number::iban(iban).map(AccountIdentifier::Iban).ok_or(IBAN),
        (None, Some(sort_code), _, Some(number)) => account_number::scan(sort_code, number).map_err(misread(SORT_CODE)),
        (None, None, Some(bsb), Some(number)) => account_number::bsb(bsb, number).map_err(misread(BSB)),
        (None, None, None, Some(_)) => Err(SORT_CODE),
        (None, _, _, None) => Err(NUMBER),
    };
    match account {
        Ok(account) => fields.into_result(Some(PayeeInput { name, account })),
        Err(path) => {
            // What has the wrong type is not missing, too.
            if fields.is_clean() {
                fields.fault(Kind::Schema, path, "is missing or not valid");
            }
            fields.into_result(None)
        }
    }
}

/// A name that may be absent: what a person can read on a page or in a letter.
fn name<'j>(fields: &mut Fields, parent: &'j Json, path: &str) -> Option<&'j str> {
    let name = fields.text(parent, path, NAME_LENGTH_MAX)?;
    if name.chars().any(char::is_control) {
        fields.fault(Kind::Schema, path, "must not have control characters");
        return None;
    }
    Some(name)
}

/// The text for a statement: letters, digits and spaces.
fn statement_text<'j>(fields: &mut Fields, json: &'j Json) -> Option<&'j str> {
    const PATH: &str = "reference";
    json.member(PATH)?;
    let text = fields.required_text(json, PATH, STATEMENT_LENGTH_MAX)?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ') && !text.trim().is_empty() {
        return Some(text);
    }
    fields.fault(Kind::Schema, PATH, "letters, digits and spaces only");
    None
}

fn optional_url<'j>(fields: &mut Fields, json: &'j Json, path: &'static str) -> Option<&'j str> {
    json.member(path)?;
    read_url(fields, json, path)
}

/// A payment session that is asked for.
#[derive(Debug)]
pub(in crate::banked_v2) struct SessionRequest<'j> {
    /// The text on the payer's statement.
    pub(in crate::banked_v2) statement_text: &'j str,
    /// Where the payer goes after paying.
    pub(in crate::banked_v2) success_url: Option<&'j str>,
    /// Where the payer goes otherwise.
    pub(in crate::banked_v2) error_url: Option<&'j str>,
    /// What is bought.
    pub(in crate::banked_v2) line_items: Vec<LineItem>,
    /// The currency of all of it.
    pub(in crate::banked_v2) currency: Currency,
    /// The sum, minor units.
    pub(in crate::banked_v2) total: u64,
    /// Into which account, where one was named.
    pub(in crate::banked_v2) payee: Option<PayeeInput<'j>>,
    /// Who pays.
    pub(in crate::banked_v2) payer: Option<Payer>,
    /// A receipt is wanted.
    pub(in crate::banked_v2) email_receipt: bool,
    /// Members without an effect, canonical JSON; empty for none.
    pub(in crate::banked_v2) echoed: String,
}

impl<'j> SessionRequest<'j> {
    /// Reads the body; every fault is named.
    pub(in crate::banked_v2) fn read(json: &'j Json) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        if json.member("reference").is_none() {
            fields.missing("reference");
        }
        let statement_text = statement_text(&mut fields, json);
        let success_url = optional_url(&mut fields, json, "success_url");
        let error_url = optional_url(&mut fields, json, "error_url");
        let (line_items, currency) = line_items(&mut fields, json).unzip();
        let payee = json.member(PAYEE_PATH).map(payee).transpose();
        let payee = payee.unwrap_or_else(|faults| {
            fields.add(faults);
            None
        });
        let payer = fields.object(json, "payer").map(|payer| Payer {
            name: owned(name(&mut fields, payer, "payer/name")),
            email: email(&mut fields, payer),
        });
        let email_receipt = flag(&mut fields, json, "email_receipt");
        let total = line_items.as_deref().and_then(|items| total(&mut fields, items));
        let read = match (statement_text, line_items, currency, total) {
            (Some(statement_text), Some(line_items), Some(currency), Some(total)) => Some(Self {
                statement_text,
                success_url,
                error_url,
                line_items,
                currency,
                total,
                payee,
                payer,
                email_receipt,
                echoed: echoed(json),
            }),
            _ => None,
        };
        fields.finish(read)
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A mail address: one `@` with something on both sides and nothing that ends
/// a header line. Whether it exists only a letter can tell.
fn email(fields: &mut Fields, payer: &Json) -> Option<String> {
    const PATH: &str = "payer/email";
    let text = fields.text(payer, PATH, EMAIL_LENGTH_MAX).filter(|text| !text.is_empty())?;
    let parts = text.split_once('@').filter(|(local, host)| !local.is_empty() && !host.is_empty());
    let formed = parts.is_some_and(|(_, host)| !host.contains('@'));
    if formed && !text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Some(text.to_owned());
    }
    fields.fault(Kind::Schema, PATH, "must be a mail address");
    None
}

fn flag(fields: &mut Fields, json: &Json, path: &'static str) -> bool {
    match json.member(path) {
        None => false,
        Some(found) => found.as_bool().unwrap_or_else(|| {
            fields.fault(Kind::Decoding, path, "must be true or false");
            false
        }),
    }
}

fn echoed(json: &Json) -> String {
    let members = json.as_object().unwrap_or_default();
    let given = members.iter().filter(|(name, value)| ECHOED.contains(&name.as_str()) && *value != Json::Null);
    let given: Vec<(String, Json)> = given.cloned().collect();
    if given.is_empty() {
        return String::new();
    }
    String::from_utf8(json::canonical(&Json::Object(given))).unwrap_or_default()
}

/// The rows, and the currency that all of them have.
fn line_items(fields: &mut Fields, json: &Json) -> Option<(Vec<LineItem>, Currency)> {
    const PATH: &str = "line_items";
    let Some(found) = json.member(PATH) else {
        fields.missing(PATH);
        return None;
    };
    let Some(rows) = found.as_array() else {
        fields.fault(Kind::Decoding, PATH, "must be an array");
        return None;
    };
    if rows.is_empty() || rows.len() > LINE_COUNT_MAX {
        fields.fault(Kind::Schema, PATH, format!("must have 1 to {LINE_COUNT_MAX} elements"));
        return None;
    }
    let mut items = Vec::with_capacity(rows.len());
    let mut currency = None;
    for (place, row) in rows.iter().enumerate() {
        let (item, own) = line_item(fields, row, &format!("{PATH}/{place}"))?;
        if *currency.get_or_insert(own) != own {
            fields.fault(Kind::Currency, &format!("{PATH}/{place}/currency"), "must be the same in all");
            return None;
        }
        items.push(item);
    }
    currency.map(|currency| (items, currency))
}

fn line_item(fields: &mut Fields, row: &Json, path: &str) -> Option<(LineItem, Currency)> {
    if row.as_object().is_none() {
        fields.fault(Kind::Decoding, path, "must be an object");
        return None;
    }
    let name = fields.required_text(row, &format!("{path}/name"), NAME_LENGTH_MAX);
    let amount = fields.amount(row, &format!("{path}/amount"), Kind::Schema);
    let quantity = fields.amount(row, &format!("{path}/quantity"), Kind::Schema);
    let description = fields.text(row, &format!("{path}/description"), NAME_LENGTH_MAX);
    let path = format!("{path}/currency");
    let code = fields.required_text(row, &path, 255);
    let currency = code.and_then(|code| {
        let known = Currency::parse(code).ok().filter(|currency| super::speaks_of(*currency));
        if known.is_none() {
            fields.fault(Kind::Currency, &path, "must be GBP, EUR or AUD");
        }
        known
    });
    let item =
        LineItem { name: name?.to_owned(), amount: amount?, quantity: quantity?, description: owned(description) };
    Some((item, currency?))
}

fn total(fields: &mut Fields, items: &[LineItem]) -> Option<u64> {
    let sum = items.iter().try_fold(0_u64, |sum, item| sum.checked_add(item.amount.checked_mul(item.quantity)?));
    let sum = sum.filter(|sum| *sum <= AMOUNT_MINOR_MAX);
    if sum.is_none() {
        fields.fault(Kind::Amount, "line_items", "the sum is too large");
    }
    sum
}

/// A refund that is asked for.
#[derive(Debug)]
pub(in crate::banked_v2) struct RefundRequest<'j> {
    /// The session to give back.
    pub(in crate::banked_v2) payment: PaymentId,
    /// Minor units as written, 0 for everything below 1; none for all that is left.
    pub(in crate::banked_v2) amount: Option<u64>,
    /// The text for the customer.
    pub(in crate::banked_v2) statement_text: Option<&'j str>,
    /// Where the merchant goes after authorising.
    pub(in crate::banked_v2) success_url: Option<&'j str>,
    /// Where the merchant goes otherwise.
    pub(in crate::banked_v2) error_url: Option<&'j str>,
    /// The customer's account, or what is wrong with it; nobody looks at
    /// either unless the account is unknown.
    pub(in crate::banked_v2) payee: Option<Result<PayeeInput<'j>, Vec<Param>>>,
}

impl<'j> RefundRequest<'j> {
    /// Reads the body; every fault is named. An amount that is an integer is
    /// taken as it is: what may be refunded is decided with the session.
    pub(in crate::banked_v2) fn read(json: &'j Json, text_required: bool) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let payment = fields.uuid(json, SESSION_PATH).map(PaymentId);
        let amount = json.member("amount").and_then(|amount| integer(&mut fields, amount));
        if text_required && json.member("reference").is_none() {
            fields.missing("reference");
        }
        let statement_text = statement_text(&mut fields, json);
        let success_url = optional_url(&mut fields, json, "success_url");
        let error_url = optional_url(&mut fields, json, "error_url");
        let payee = json.member(PAYEE_PATH).map(payee);
        let read = payment.map(|payment| Self { payment, amount, statement_text, success_url, error_url, payee });
        fields.finish(read)
    }
}

fn integer(fields: &mut Fields, amount: &Json) -> Option<u64> {
    match amount {
        Json::Integer(minor) => Some(*minor),
        Json::OtherNumber(text) => {
            let (digits, below) = text.strip_prefix('-').map_or((text.as_str(), false), |digits| (digits, true));
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Some(if below { 0 } else { u64::MAX });
            }
            fields.fault(Kind::Decoding, "amount", "must be an integer of minor units, written with digits only");
            None
        }
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => {
            fields.fault(Kind::Decoding, "amount", "must be an integer of minor units, written with digits only");
            None
        }
    }
}
