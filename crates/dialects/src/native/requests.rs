//! What callers ask for: bodies read into values, fault by fault, before any
//! object is looked up.

use super::errors::Problem;
use super::extension::Metadata;
use super::fields::Fields;
use super::states;
use crate::account_number::{digits_of, iban};
use crate::json::Json;
use refundry_domain::fee::METHOD_LENGTH_MAX;
use refundry_domain::id::{AccountId, MandateId, PaymentId};
use refundry_domain::mandate::{MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{OriginKey, PaymentState};
use refundry_domain::refund::Shortage;

/// Longest merchant reference, in characters.
pub(super) const MERCHANT_REFERENCE_LENGTH_MAX: usize = 128;
/// Longest text for the creditor's statement, in characters.
const REMITTANCE_LENGTH_MAX: usize = 140;
/// Longest name of an account's owner, in characters.
const NAME_LENGTH_MAX: usize = 140;
/// Longest name under which the world knows a payment.
const ORIGIN_KEY_LENGTH_MAX: usize = 140;
/// Most such names of one payment.
const ORIGIN_KEY_COUNT_MAX: usize = 16;
/// The kinds of such names.
const ORIGIN_KEY_KINDS: [&str; 5] = ["provider_id", "uetr", "bank_reference", "entry", "end_to_end"];

/// Record a payment.
#[derive(Debug)]
pub(super) struct NewPayment {
    pub amount: Amount,
    pub account: Option<AccountId>,
    pub debtor: Option<Party>,
    pub state: PaymentState,
    pub origin_keys: Vec<OriginKey>,
    pub merchant_reference: Option<String>,
    pub payment_method: Option<String>,
    pub metadata: Metadata,
}

/// Reads a payment to record.
pub(super) fn new_payment(body: &Json) -> Result<NewPayment, Problem> {
    const KNOWN: [&str; 9] = [
        "amount",
        "currency",
        "account_id",
        "debtor",
        "status",
        "origin_keys",
        "merchant_reference",
        "payment_method",
        "metadata",
    ];
    let fields = Fields::of_body(body, &KNOWN)?;
    let minor = fields.amount("amount")?.ok_or_else(|| fields.missing("amount"))?;
    let currency = fields.currency("currency")?.ok_or_else(|| fields.missing("currency"))?;
    let keys = fields.objects("origin_keys", &["kind", "value"], ORIGIN_KEY_COUNT_MAX)?;
    Ok(NewPayment {
        amount: Amount::new(minor, currency),
        account: fields.id("account_id", AccountId::parse)?,
        debtor: party(&fields, "debtor")?,
        state: fields.word("status", states::recordable_of)?.unwrap_or(PaymentState::Settled),
        origin_keys: keys.iter().map(origin_key).collect::<Result<_, _>>()?,
        merchant_reference: fields.identifier("merchant_reference", MERCHANT_REFERENCE_LENGTH_MAX)?.map(str::to_owned),
        payment_method: method(&fields, "payment_method")?.map(str::to_owned),
        metadata: fields.metadata("metadata")?,
    })
}

fn origin_key(fields: &Fields<'_>) -> Result<OriginKey, Problem> {
    let known = |word: &str| ORIGIN_KEY_KINDS.contains(&word).then(|| word.to_owned());
    let kind = fields.word("kind", known)?.ok_or_else(|| fields.missing("kind"))?;
    let value = fields.identifier("value", ORIGIN_KEY_LENGTH_MAX)?.ok_or_else(|| fields.missing("value"))?;
    Ok(OriginKey { kind, value: value.to_owned() })
}

/// Make a refund.
#[derive(Debug)]
pub(super) struct NewRefund {
    pub payment: PaymentId,
    pub amount: Option<u64>,
    pub currency: Option<Currency>,
    pub merchant_reference: Option<String>,
    pub account: Option<AccountId>,
    pub mandate: Option<MandateId>,
    pub shortage: Shortage,
    pub wait_for_settlement: bool,
    pub payment_method: Option<String>,
    pub creditor: Option<Party>,
    pub may_ask_details: bool,
    pub remittance: Option<String>,
    pub metadata: Metadata,
}

/// Reads a refund to make.
pub(super) fn new_refund(body: &Json) -> Result<NewRefund, Problem> {
    const KNOWN: [&str; 13] = [
        "payment_id",
        "payment_method",
        "amount",
        "currency",
        "merchant_reference",
        "account_id",
        "mandate_id",
        "on_insufficient_funds",
        "when_unsettled",
        "creditor",
        "ask_details",
        "remittance",
        "metadata",
    ];
    let fields = Fields::of_body(body, &KNOWN)?;
    if fields.has("account_id") && fields.has("mandate_id") {
        return Err(fields.invalid("mandate_id", "Name an account or a mandate, not both."));
    }
    let wait = |word: &str| match word {
        "wait" => Some(true),
        "refuse" => Some(false),
        _ => None,
    };
    Ok(NewRefund {
        payment: fields.id("payment_id", PaymentId::parse)?.ok_or_else(|| fields.missing("payment_id"))?,
        amount: fields.amount("amount")?,
        currency: fields.currency("currency")?,
        merchant_reference: fields.identifier("merchant_reference", MERCHANT_REFERENCE_LENGTH_MAX)?.map(str::to_owned),
        account: fields.id("account_id", AccountId::parse)?,
        mandate: fields.id("mandate_id", MandateId::parse)?,
        shortage: fields.word("on_insufficient_funds", states::shortage_of)?.unwrap_or(Shortage::Refuse),
        wait_for_settlement: fields.word("when_unsettled", wait)?.unwrap_or(true),
        payment_method: method(&fields, "payment_method")?.map(str::to_owned),
        creditor: party(&fields, "creditor")?,
        may_ask_details: fields.flag("ask_details")?.unwrap_or(false),
        remittance: fields.free_text("remittance", REMITTANCE_LENGTH_MAX)?.map(str::to_owned),
        metadata: fields.metadata("metadata")?,
    })
}

/// Reads the account that a refund waits for.
pub(super) fn creditor(body: &Json) -> Result<Party, Problem> {
    let fields = Fields::of_body(body, &["creditor"])?;
    party(&fields, "creditor")?.ok_or_else(|| fields.missing("creditor"))
}

/// The name of a payment method, as the fee rules know it.
pub(super) fn method<'a>(fields: &Fields<'a>, name: &str) -> Result<Option<&'a str>, Problem> {
    fields.identifier(name, METHOD_LENGTH_MAX)
}

/// Set up a mandate.
#[derive(Debug)]
pub(super) struct NewMandate {
    pub application: Option<String>,
    pub merchant_reference: Option<String>,
    pub debtor_account: Option<AccountId>,
    pub currency: Currency,
    pub amount: Option<u64>,
    pub amount_max: Option<u64>,
    pub period: Period,
    pub count_max: Option<u32>,
}

/// Reads a mandate to set up.
pub(super) fn new_mandate(body: &Json) -> Result<NewMandate, Problem> {
    const KNOWN: [&str; 8] = [
        "application",
        "merchant_reference",
        "debtor_account_id",
        "currency",
        "amount",
        "amount_max",
        "period",
        "count_max",
    ];
    let fields = Fields::of_body(body, &KNOWN)?;
    let read = NewMandate {
        application: fields.identifier("application", MERCHANT_REFERENCE_LENGTH_MAX)?.map(str::to_owned),
        merchant_reference: fields.identifier("merchant_reference", MERCHANT_REFERENCE_LENGTH_MAX)?.map(str::to_owned),
        debtor_account: fields.id("debtor_account_id", AccountId::parse)?,
        currency: fields.currency("currency")?.ok_or_else(|| fields.missing("currency"))?,
        amount: fields.amount("amount")?,
        amount_max: fields.amount("amount_max")?,
        period: fields.word("period", states::period_of)?.unwrap_or(Period::None),
        count_max: fields.count("count_max")?,
    };
    if let (Some(amount), Some(amount_max)) = (read.amount, read.amount_max)
        && amount > amount_max
    {
        return Err(fields.invalid("amount_max", "The maximum must not be below the amount."));
    }
    if read.period == Period::None && read.count_max.is_some() {
        return Err(fields.invalid("count_max", "A count needs a period."));
    }
    Ok(read)
}

/// Reads the state that a mandate shall have.
pub(super) fn mandate_state(body: &Json) -> Result<MandateState, Problem> {
    let fields = Fields::of_body(body, &["state"])?;
    fields.word("state", states::mandate_state_of)?.ok_or_else(|| fields.missing("state"))
}

/// The members that name a party.
const PARTY: [&str; 6] = ["name", "iban", "sort_code", "bsb", "account_number", "payid"];

/// Reads a party: a name, and exactly one account.
fn party(fields: &Fields<'_>, name: &str) -> Result<Option<Party>, Problem> {
    let Some(inner) = fields.object(name, &PARTY)? else {
        return Ok(None);
    };
    let schemes = ["iban", "sort_code", "bsb", "payid"];
    let named: Vec<&str> = schemes.into_iter().filter(|scheme| inner.has(scheme)).collect();
    let number = inner.text("account_number")?.map(digits_of);
    let digits = |member: &str, text: &str, lengths: std::ops::RangeInclusive<usize>| -> Result<String, Problem> {
        let digits = digits_of(text);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && lengths.contains(&digits.len());
        if plain { Ok(digits) } else { Err(inner.invalid(member, "This must be digits of the right number.")) }
    };
    let numbered = |lengths| match &number {
        Some(number) => digits("account_number", number, lengths),
        None => Err(inner.missing("account_number")),
    };
    let account = match (named.as_slice(), &number) {
        (["iban"], None) => {
            let text = inner.text("iban")?.unwrap_or_default();
            AccountIdentifier::Iban(
                iban(text)
                    .ok_or_else(|| inner.invalid("iban", "This is no IBAN: letters or check digits are wrong."))?,
            )
        }
        (["sort_code"], _) => AccountIdentifier::Scan {
            sort_code: digits("sort_code", inner.text("sort_code")?.unwrap_or_default(), 6..=6)?,
            number: numbered(8..=8)?,
        },
        (["bsb"], _) => AccountIdentifier::Bsb {
            bsb: digits("bsb", inner.text("bsb")?.unwrap_or_default(), 6..=6)?,
            number: numbered(1..=9)?,
        },
        (["payid"], None) => {
            let alias = inner.identifier("payid", NAME_LENGTH_MAX)?.unwrap_or_default();
            AccountIdentifier::PayId(alias.to_ascii_lowercase())
        }
        _ => {
            let detail = "Name one account: iban, sort_code and account_number, bsb and account_number, or payid.";
            return Err(fields.invalid(name, detail));
        }
    };
    Ok(Some(Party { name: inner.free_text("name", NAME_LENGTH_MAX)?.map(str::to_owned), account }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_has_one_account() {
        // (body, canonical account, or none when refused)
        let cases = [
            (
                r#"{"d":{"name":"Ann","sort_code":"04-00-99","account_number":"55120934"}}"#,
                Some("scan:040099:55120934"),
            ),
            (r#"{"d":{"bsb":"062-000","account_number":"1234 5678"}}"#, Some("bsb:062000:12345678")),
            (r#"{"d":{"payid":"Ann@Example.org"}}"#, Some("payid:ann@example.org")),
            (r#"{"d":{"iban":"GB33BUKB20201555555555"}}"#, Some("iban:GB33BUKB20201555555555")),
            (r#"{"d":{"name":"Ann"}}"#, None),
            (r#"{"d":{"iban":"GB33BUKB20201555555555","payid":"a@b"}}"#, None),
            (r#"{"d":{"sort_code":"040099"}}"#, None),
            (r#"{"d":{"sort_code":"0400","account_number":"55120934"}}"#, None),
            (r#"{"d":{"sort_code":"040099","account_number":"5512093x"}}"#, None),
            (r#"{"d":{"nick":"Ann","payid":"a@b"}}"#, None),
            (r#"{"d":"Ann"}"#, None),
        ];
        for (body, expected) in cases {
            let json = crate::json::parse(body.as_bytes()).expect("a body");
            let fields = Fields::of_body(&json, &["d"]).expect("known members");
            let read = party(&fields, "d").ok().flatten().map(|party| party.account.canonical());
            assert_eq!(read.as_deref(), expected, "{body}");
        }
    }
}
