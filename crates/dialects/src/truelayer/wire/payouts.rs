//! Payouts in this provider's spelling (contract 3.15).

use super::identifiers;
use super::metadata::Metadata;
use super::refunds::{Faults, ReferenceRules, minor_units, statement_text};
use crate::json::{self, Json};
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::DIALECT;
use crate::truelayer::errors::Fault;
use crate::truelayer::states::Shown;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::AccountId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payout::Payout;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;
/// Name of the object that says who receives it.
const BENEFICIARY: &str = "beneficiary";
/// Longest name of an account holder, in characters.
const NAME_LENGTH_MAX: usize = 140;

/// Who receives a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) enum Receiver<'a> {
    /// An account that the request names.
    External(Party),
    /// The account that a payment of a user came from.
    Source {
        /// The source.
        id: &'a str,
        /// The user.
        user_id: &'a str,
    },
    /// The merchant's own account elsewhere.
    Business,
    /// The account that a user chooses.
    User {
        /// The user, where the request names one.
        id: Option<&'a str>,
        /// What the user is called.
        name: Option<&'a str>,
    },
}

/// A request to pay out.
#[derive(Debug)]
pub(in crate::truelayer) struct PayoutRequest<'a> {
    /// The merchant account that pays.
    pub(in crate::truelayer) account: AccountId,
    /// How much.
    pub(in crate::truelayer) amount: Amount,
    /// Who receives it.
    pub(in crate::truelayer) receiver: Receiver<'a>,
    /// The text on the receiver's statement.
    pub(in crate::truelayer) statement_text: Cow<'a, str>,
    /// What is stored with it and echoed.
    pub(in crate::truelayer) extension: Arc<[u8]>,
}

/// The rules about a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::truelayer) struct PayoutRules {
    /// About the text on the statement.
    pub(in crate::truelayer) statement: ReferenceRules,
    /// Whether check digits are looked at.
    pub(in crate::truelayer) verify_check_digits: bool,
    /// Most minor units; none where nobody limits it.
    pub(in crate::truelayer) amount_max: Option<u64>,
}

impl<'a> PayoutRequest<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    /// The faults of all fields.
    pub(in crate::truelayer) fn read(body: &'a Json, rules: PayoutRules) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let text = |name: &str| body.member(name).and_then(Json::as_text);
        let account = text("merchant_account_id").and_then(|id| AccountId::parse(id).ok());
        let account = faults.take("merchant_account_id", account.ok_or("Must be the id of a merchant account."));
        let minor = body.member("amount_in_minor").ok_or_else(|| "The amount is required.".to_owned());
        let minor = minor.and_then(minor_units).and_then(|minor| match rules.amount_max {
            Some(most) if minor > most => Err(format!("The amount must be at most {most}.")),
            Some(_) | None => Ok(minor),
        });
        let minor = faults.take("amount_in_minor", minor);
        let currency = text("currency").and_then(|code| Currency::parse(code).ok());
        let currency = faults.take("currency", currency.ok_or("Must be the currency of the merchant account."));
        let metadata = faults.take("metadata", Metadata::read(body.member("metadata")));
        let beneficiary = body.member(BENEFICIARY).ok_or("The beneficiary is required.");
        let beneficiary = faults.take(BENEFICIARY, beneficiary);
        let receiver = beneficiary.and_then(|given| receiver(given, rules, &mut faults));
        let statement = beneficiary.and_then(|given| {
            faults.take("beneficiary.reference", statement_text(given.member("reference"), rules.statement))
        });
        let request = account.zip(minor.zip(currency)).zip(receiver.zip(statement)).zip(beneficiary.zip(metadata)).map(
            |(((account, (minor, currency)), (receiver, statement_text)), (given, metadata))| Self {
                account,
                amount: Amount::new(minor, currency),
                receiver,
                statement_text,
                extension: encode(given, &metadata),
            },
        );
        faults.finish(request)
    }
}

fn receiver<'a>(given: &'a Json, rules: PayoutRules, faults: &mut Faults) -> Option<Receiver<'a>> {
    let text = |name: &str| given.member(name).and_then(Json::as_text).filter(|text| !text.is_empty());
    let required = |name: &str| text(name).ok_or("Is required.");
    match text("type") {
        Some("external_account") => {
            let name = required("account_holder_name")
                .and_then(|name| if name.chars().count() > NAME_LENGTH_MAX { Err("Is too long.") } else { Ok(name) });
            let name = faults.take("beneficiary.account_holder_name", name);
            let account = external_account(given, rules, faults);
            name.zip(account).map(|(name, account)| Receiver::External(Party { name: Some(name.to_owned()), account }))
        }
        Some("payment_source") => {
            let id = faults.take("beneficiary.payment_source_id", required("payment_source_id"));
            let user_id = faults.take("beneficiary.user_id", required("user_id"));
            id.zip(user_id).map(|(id, user_id)| Receiver::Source { id, user_id })
        }
        Some("business_account") => Some(Receiver::Business),
        Some("user_determined") => {
            let user = |name: &str| given.member("user").and_then(|user| user.member(name)).and_then(Json::as_text);
            let name = match user("name") {
                Some(name) if name.chars().count() > NAME_LENGTH_MAX => Err("Is too long."),
                name => Ok(name.filter(|name| !name.is_empty())),
            };
            let name = faults.take("beneficiary.user.name", name)?;
            Some(Receiver::User { id: user("id").filter(|id| !id.is_empty()), name })
        }
        Some(_) | None => {
            let message = "Must be external_account, payment_source, business_account or user_determined.";
            faults.add("beneficiary.type", message);
            None
        }
    }
}

fn external_account(given: &Json, rules: PayoutRules, faults: &mut Faults) -> Option<AccountIdentifier> {
    const FIELD: &str = "beneficiary.account_identifier";
    let identifier = faults.take(FIELD, given.member("account_identifier").ok_or("Is required."))?;
    match identifiers::read(identifier, rules.verify_check_digits) {
        Ok(account) => Some(account),
        Err((member, message)) => {
            faults.add(&format!("{FIELD}.{member}"), message);
            None
        }
    }
}

/// What is stored with a payout: the beneficiary as it was given, and pairs.
fn encode(beneficiary: &Json, metadata: &Metadata<'_>) -> Arc<[u8]> {
    let mut to = Encoder::new();
    to.byte(VERSION).blob(&json::canonical(beneficiary)).blob(&metadata.encode());
    Arc::from(to.finish())
}

/// What was stored with a payout.
#[derive(Debug, Default)]
pub(in crate::truelayer) struct Stored<'a> {
    /// The beneficiary as it was given.
    pub(in crate::truelayer) beneficiary: Option<Box<RawValue>>,
    /// Pairs that are echoed.
    pub(in crate::truelayer) metadata: Metadata<'a>,
}

impl<'a> Stored<'a> {
    /// Reads a stored extension back. A record of ours that does not read
    /// back hides what it held and nothing else.
    pub(in crate::truelayer) fn decode(bytes: &'a [u8]) -> Self {
        let read = || {
            let mut from = Decoder::new(bytes);
            if from.byte()? != VERSION {
                return Err(Malformed);
            }
            let given = String::from_utf8(from.blob()?.to_vec()).map_err(|_| Malformed)?;
            let beneficiary = RawValue::from_string(given).map_err(|_| Malformed)?;
            Ok(Self { beneficiary: Some(beneficiary), metadata: Metadata::decode(from.blob()?) })
        };
        read().unwrap_or_default()
    }

    /// What was stored with a payout; nothing with one of another door.
    pub(in crate::truelayer) fn of(payout: &'a Payout) -> Self {
        if *payout.origin.dialect == *DIALECT { Self::decode(&payout.extension) } else { Self::default() }
    }

    /// What webhooks tell of the beneficiary: no account number.
    pub(in crate::truelayer) fn told(&self) -> Option<Told> {
        serde_json::from_str(self.beneficiary.as_ref()?.get()).ok()
    }
}

/// A beneficiary in a webhook.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::truelayer) struct Told {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_source_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

/// A payout as answers show it.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct PayoutBody<'a> {
    id: Text<36>,
    merchant_account_id: Text<36>,
    amount_in_minor: u64,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    beneficiary: Option<Box<RawValue>>,
    status: &'static str,
    created_at: Text<30>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Text<30>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// A payout and what it shows.
pub(in crate::truelayer) fn body<'a>(payout: &'a Payout, stored: Stored<'a>, shown: &Shown) -> PayoutBody<'a> {
    PayoutBody {
        id: uuid(payout.id.0),
        merchant_account_id: uuid(payout.account.0),
        amount_in_minor: payout.amount.minor,
        currency: payout.amount.currency.code(),
        beneficiary: stored.beneficiary,
        status: shown.status.word(),
        created_at: rfc3339_nanos(payout.created_at),
        authorized_at: shown.authorized_at.map(rfc3339_nanos),
        executed_at: shown.executed_at.map(rfc3339_nanos),
        failed_at: shown.failed_at.map(rfc3339_nanos),
        failure_reason: shown.failure_reason,
        metadata: stored.metadata,
    }
}
