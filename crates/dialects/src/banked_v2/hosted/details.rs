//! The details that a refund waits for: whose link it is, and what a customer
//! entered.

use crate::account_number::{self, Misread};
use crate::banked::App;
use crate::banked::checkout::{execute, merchant_name, merchants};
use crate::banked_v2::extension::RefundExtension;
use crate::banked_v2::sessions::links;
use crate::banked_v2::wire;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::RefundId;
use refundry_domain::money::Currency;
use refundry_domain::party::{AccountIdentifier, Creditor, CreditorSource, Party};
use refundry_domain::refund::Refund;
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::hosted::{
    AccountFields, DetailsAnswer, DetailsAsked, DetailsField, DetailsForm, DetailsLink, FieldFault,
};

/// Longest name of an account's holder, in characters.
const NAME_LENGTH_MAX: usize = 140;

/// Where a link leads, with its refund while it is open.
pub(super) async fn open(app: &App, refund: &str, token: &str) -> Result<(DetailsLink, Option<Refund>), Unavailable> {
    let Ok(id) = RefundId::parse(refund) else { return Ok((DetailsLink::Unknown, None)) };
    let whose = merchants(app);
    let found = app.host.engine.read(move |reader| {
        for merchant in whose {
            if let Some(refund) = reader.refund(merchant, id)? {
                return Ok(Some(refund));
            }
        }
        Ok(None)
    });
    let Some(refund) = found.await? else { return Ok((DetailsLink::Unknown, None)) };
    let renewals = RefundExtension::of(&refund).renewals;
    // Every token that this refund ever had is compared: an old one is told
    // apart from a wrong one.
    let opened = (0..=renewals).rev().find(|made| links(app).opens(id, *made, token));
    let link = match opened {
        None => DetailsLink::Unknown,
        Some(_) if given_by_customer(&refund) => DetailsLink::Used,
        Some(_) if wire::good_link(&refund, renewals, app.host.engine.now()).is_none() => over(&refund),
        Some(made) if made < renewals => DetailsLink::Replaced,
        Some(_) => DetailsLink::Open(asked(app, &refund)),
    };
    let refund = matches!(link, DetailsLink::Open(_)).then_some(refund);
    Ok((link, refund))
}

fn given_by_customer(refund: &Refund) -> bool {
    refund.creditor.source() == Some(CreditorSource::CustomerSupplied)
}

/// A link without use: others gave the details, or its time is over.
fn over(refund: &Refund) -> DetailsLink {
    if refund.creditor == Creditor::Unknown { DetailsLink::Over } else { DetailsLink::Used }
}

/// The forms for a currency, the usual one first.
fn forms(currency: Currency) -> Vec<AccountFields> {
    if currency == Currency::GBP {
        vec![AccountFields::SortCode]
    } else if currency == Currency::AUD {
        vec![AccountFields::Bsb, AccountFields::PayId]
    } else {
        vec![AccountFields::Iban]
    }
}

fn asked(app: &App, refund: &Refund) -> DetailsAsked {
    DetailsAsked {
        merchant: refund.merchant,
        merchant_name: merchant_name(app, refund.merchant),
        amount: refund.amount,
        remittance: refund.remittance.as_deref().map(str::to_owned),
        forms: forms(refund.amount.currency),
        until: refund.deadlines.earliest(),
    }
}

/// Reads what a customer entered and changes nothing.
pub(super) async fn check(
    app: &App,
    refund: &str,
    token: &str,
    form: DetailsForm,
) -> Result<DetailsAnswer, Unavailable> {
    let (link, found) = open(app, refund, token).await?;
    let Some(found) = found else { return Ok(DetailsAnswer::Link(link)) };
    Ok(match read(&form, found.amount.currency) {
        Ok(creditor) => DetailsAnswer::Taken { masked: creditor.account.masked() },
        Err(faults) => DetailsAnswer::Faults(faults),
    })
}

/// Takes what a customer entered. The engine lets one form in: whoever comes
/// second finds the link used.
pub(super) async fn give(
    app: &App,
    refund: &str,
    token: &str,
    form: DetailsForm,
) -> Result<DetailsAnswer, Unavailable> {
    let (link, found) = open(app, refund, token).await?;
    let Some(found) = found else { return Ok(DetailsAnswer::Link(link)) };
    let creditor = match read(&form, found.amount.currency) {
        Ok(creditor) => creditor,
        Err(faults) => return Ok(DetailsAnswer::Faults(faults)),
    };
    let masked = creditor.account.masked();
    let source = CreditorSource::CustomerSupplied;
    let command = Command::GiveDetails { refund: found.id, creditor, source, people: Vec::new() };
    match execute(app, Envelope::command(found.merchant, Actor::Customer, command)).await? {
        Ok(_) => Ok(DetailsAnswer::Taken { masked }),
        Err(_) => Ok(DetailsAnswer::Link(open(app, refund, token).await?.0)),
    }
}

/// The account in a form.
fn read(form: &DetailsForm, currency: Currency) -> Result<Party, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let mut fault = |field, says| faults.push(FieldFault { field, says });
    if !forms(currency).contains(&form.form) {
        fault(DetailsField::Form, "Choose one of the forms on this page.");
    }
    let name = form.holder_name.trim();
    if name.is_empty() {
        fault(DetailsField::HolderName, "Enter the name of the account's holder.");
    } else if name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        fault(DetailsField::HolderName, "Enter a name of at most 140 letters.");
    }
    let account = account(form, &mut fault);
    match account {
        Some(account) if faults.is_empty() => Ok(Party { name: Some(name.to_owned()), account }),
        Some(_) | None => Err(faults),
    }
}

/// What to enter as bank code and as number, for people.
fn wanted(form: AccountFields) -> (&'static str, &'static str) {
    match form {
        AccountFields::SortCode => {
            ("Enter the 6 digits of your sort code.", "Enter the 8 digits of your account number.")
        }
        AccountFields::Bsb => ("Enter the 6 digits of your BSB.", "Enter the 1 to 9 digits of your account number."),
        AccountFields::Iban => ("", "Check the IBAN: a letter or digit is wrong or missing."),
        AccountFields::PayId => ("", "Enter your PayID: an e-mail address, a telephone or business number."),
    }
}

/// Reads the account in a form with this bank code and number.
fn account_of(form: AccountFields, bank_code: &str, number: &str) -> Result<AccountIdentifier, Misread> {
    match form {
        AccountFields::SortCode => account_number::scan(bank_code, number),
        AccountFields::Bsb => account_number::bsb(bank_code, number),
        AccountFields::Iban => account_number::iban(number).map(AccountIdentifier::Iban).ok_or(Misread::Number),
        AccountFields::PayId => account_number::pay_id(number).and_then(looks_like_one),
    }
}

/// An alias that a person has: an e-mail address or a number; a business may
/// have a name.
fn looks_like_one(alias: AccountIdentifier) -> Result<AccountIdentifier, Misread> {
    let AccountIdentifier::PayId(text) = &alias else { return Ok(alias) };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
    let good = match text.split_once('@') {
        Some((local, domain)) => {
            !local.is_empty()
                && domain.contains('.')
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        }
        None if is_number => (9..=15).contains(&digits),
        None => text.len() >= 3,
    };
    if good { Ok(alias) } else { Err(Misread::Number) }
}

fn account(form: &DetailsForm, fault: &mut impl FnMut(DetailsField, &'static str)) -> Option<AccountIdentifier> {
    let (bank, number) = wanted(form.form);
    let read = account_of(form.form, &form.bank_code, &form.number);
    if read == Err(Misread::Bank) {
        fault(DetailsField::BankCode, bank);
    }
    // With a bank code that is right the number is judged by itself, so that
    // both faults are told at once.
    if account_of(form.form, "000000", &form.number).is_err() {
        fault(DetailsField::Number, number);
    }
    read.ok()
}
