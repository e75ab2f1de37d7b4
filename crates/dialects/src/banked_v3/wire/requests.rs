//! The bodies that merchants send.

use super::{ACCOUNT_TYPE, Fields, IDENTITY_TYPE, sort_metadata};
use crate::banked::read::read_url;
use crate::banked_v3::errors::{FLOAT_PATH, Fault, Kind, PAYIN_PATH, TOKEN_PATH};
use crate::banked_v3::extension::Texts;
use crate::json::Json;
use refundry_domain::id::{AccountId, MandateToken, PaymentId};
use refundry_domain::money::Currency;

/// Most pairs of metadata.
const PAIR_COUNT_MAX: usize = 50;
/// Longest key of metadata, in characters.
const KEY_LENGTH_MAX: usize = 40;
/// Longest value of metadata, in characters.
const VALUE_LENGTH_MAX: usize = 500;
/// Longest reference texts, in characters.
const SHORT_TEXT_LENGTH_MAX: usize = 35;
/// Longest free remittance text, in characters.
const REMITTANCE_LENGTH_MAX: usize = 280;

/// How the merchant pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Under a standing mandate.
    Mandate(MandateToken),
    /// From a float account.
    Float(AccountId),
}

/// A refund that is asked for.
#[derive(Debug)]
pub(crate) struct RefundRequest<'j> {
    /// Minor units.
    pub(crate) amount: u64,
    /// The currency, where one was named.
    pub(crate) currency: Option<Currency>,
    /// The pay-in to give back.
    pub(crate) payment: PaymentId,
    /// How it is paid.
    pub(crate) method: Method,
    /// What is echoed.
    pub(crate) texts: Texts<'j>,
}

impl<'j> RefundRequest<'j> {
    /// Reads the body; every fault is named.
    pub(crate) fn read(json: &'j Json, currencies: &[Currency]) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let amount = fields.amount(json, "amount", Kind::Schema);
        let currency = read_currency(&mut fields, json, currencies);
        let payment = fields
            .required_object(json, "original_payin_information")
            .and_then(|origin| fields.uuid(origin, PAYIN_PATH))
            .map(PaymentId);
        let method =
            fields.required_object(json, "processing_method").and_then(|method| read_method(&mut fields, method));
        let texts = read_texts(&mut fields, json);
        let read = match (amount, payment, method) {
            (Some(amount), Some(payment), Some(method)) => Some(Self { amount, currency, payment, method, texts }),
            _ => None,
        };
        fields.finish(read)
    }
}

fn read_currency(fields: &mut Fields, json: &Json, currencies: &[Currency]) -> Option<Currency> {
    let text = fields.text(json, "currency", 255)?;
    let known = currencies.iter().find(|currency| currency.code() == text);
    if known.is_none() {
        let names: Vec<&str> = currencies.iter().map(Currency::code).collect();
        fields.fault(Kind::Currency, "currency", format!("must be {}", names.join(" or ")));
    }
    known.copied()
}

fn read_method(fields: &mut Fields, method: &Json) -> Option<Method> {
    const TYPE: &str = "processing_method/method_type";
    match fields.required_text(method, TYPE, 255)? {
        "MANDATE" => {
            refuse_member(fields, method, "processing_method/debtor_account", "not with MANDATE");
            let mandate = fields.required_object(method, "processing_method/mandate")?;
            fields.uuid(mandate, TOKEN_PATH).map(|token| Method::Mandate(MandateToken(token)))
        }
        "ACCOUNT_TO_ACCOUNT" => {
            refuse_member(fields, method, "processing_method/mandate", "not with ACCOUNT_TO_ACCOUNT");
            let account = fields.required_object(method, "processing_method/debtor_account")?;
            fields.word(account, "processing_method/debtor_account/account_type", ACCOUNT_TYPE);
            fields.uuid(account, FLOAT_PATH).map(|id| Method::Float(AccountId(id)))
        }
        _ => {
            fields.fault(Kind::Schema, TYPE, "must be MANDATE or ACCOUNT_TO_ACCOUNT");
            None
        }
    }
}

fn refuse_member(fields: &mut Fields, parent: &Json, path: &'static str, reason: &'static str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    if parent.member(name).is_some() {
        fields.fault(Kind::Schema, path, reason);
    }
}

fn read_texts<'j>(fields: &mut Fields, json: &'j Json) -> Texts<'j> {
    const STRUCTURED: &str = "remittance_information/structured";
    const CREDITOR: &str = "remittance_information/structured/creditor_reference_information";
    let mut texts = Texts::default();
    if let Some(names) = fields.object(json, "payment_identification") {
        let path = "payment_identification/end_to_end_identification";
        texts.end_to_end = fields.text(names, path, SHORT_TEXT_LENGTH_MAX);
    }
    if let Some(remittance) = fields.object(json, "remittance_information") {
        let path = "remittance_information/unstructured";
        texts.unstructured = fields.text(remittance, path, REMITTANCE_LENGTH_MAX);
        texts.structured = fields
            .object(remittance, STRUCTURED)
            .and_then(|structured| fields.object(structured, CREDITOR))
            .and_then(|creditor| {
                let path = "remittance_information/structured/creditor_reference_information/reference";
                fields.text(creditor, path, SHORT_TEXT_LENGTH_MAX)
            });
    }
    texts.metadata = read_metadata(fields, json);
    texts
}

fn read_metadata<'j>(fields: &mut Fields, json: &'j Json) -> Option<Vec<(&'j str, &'j str)>> {
    let members = fields.object(json, "metadata")?.as_object()?;
    if members.len() > PAIR_COUNT_MAX {
        fields.fault(Kind::Schema, "metadata", format!("at most {PAIR_COUNT_MAX} pairs"));
        return None;
    }
    let mut pairs = Vec::with_capacity(members.len());
    for (key, value) in members.iter().filter(|(_, value)| *value != Json::Null) {
        if key.chars().count() > KEY_LENGTH_MAX {
            fields.fault(Kind::Schema, "metadata", format!("keys have at most {KEY_LENGTH_MAX} characters"));
            return None;
        }
        let path = format!("metadata/{key}");
        match value.as_text() {
            None => fields.fault(Kind::Decoding, &path, "must be a string"),
            Some(text) if text.chars().count() > VALUE_LENGTH_MAX => {
                fields.fault(Kind::Schema, &path, format!("at most {VALUE_LENGTH_MAX} characters"));
            }
            Some(text) => pairs.push((key.as_str(), text)),
        }
    }
    sort_metadata(&mut pairs);
    Some(pairs)
}

/// A pay-in that is asked for.
#[derive(Debug)]
pub(crate) struct PayinRequest<'j> {
    /// Minor units.
    pub(crate) amount: u64,
    /// The currency.
    pub(crate) currency: Currency,
    /// The account to credit, where one was named.
    pub(crate) account: Option<AccountId>,
    /// What is kept and echoed.
    pub(crate) texts: Texts<'j>,
}

impl<'j> PayinRequest<'j> {
    /// Reads the body; every fault is named.
    pub(crate) fn read(json: &'j Json, currencies: &[Currency]) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let amount = fields.amount(json, "amount", Kind::Amount);
        let currency = read_currency(&mut fields, json, currencies);
        if json.member("currency").is_none() {
            fields.missing("currency");
        }
        let account = fields.object(json, "creditor_account").and_then(|account| {
            fields.word(account, "creditor_account/account_type", ACCOUNT_TYPE);
            fields.uuid(account, "creditor_account/bank_account_id").map(AccountId)
        });
        let mut texts = read_texts(&mut fields, json);
        if let Some(checkout) = fields.required_object(json, "checkout_config") {
            texts.redirect_url = read_url(&mut fields, checkout, "checkout_config/redirect_url");
        }
        if let Some(party) = fields.object(json, "ultimate_creditor") {
            fields.word(party, "ultimate_creditor/identity_type", IDENTITY_TYPE);
            texts.creditor_name = fields.required_text(party, "ultimate_creditor/name", 140);
        }
        let read = match (amount, currency) {
            (Some(amount), Some(currency)) => Some(Self { amount, currency, account, texts }),
            _ => None,
        };
        fields.finish(read)
    }
}
