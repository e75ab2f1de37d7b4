//! What a client says when it asks for a payment (contract 3.2).

use super::read::{Faults, Place};
use crate::json::{self, Json};
use crate::truelayer::errors::Fault;
use crate::truelayer::providers::catalogue::{self, Filter, Provider};
use crate::truelayer::wire::flow::{self, FlowRequest};
use crate::truelayer::wire::identifiers;
use crate::truelayer::wire::metadata::Metadata;
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::money::{AMOUNT_MINOR_MAX, Currency};
use refundry_domain::party::AccountIdentifier;

/// The currencies of this provider.
const CURRENCIES: [&str; 4] = ["GBP", "EUR", "PLN", "NOK"];
/// Most that a payment into a merchant account may be in the sandbox, minor
/// units (vendor documentation).
const SANDBOX_AMOUNT_MAX: u64 = 5_000_000;
/// Longest text that is kept of a name, in characters.
const NAME_LENGTH_MAX: usize = 256;

/// What of the settings a body is read under.
#[derive(Debug, Clone, Copy)]
pub(in crate::truelayer) struct Limits<'a> {
    /// Amounts into merchant accounts are limited.
    pub(in crate::truelayer) sandbox: bool,
    /// Check digits of account numbers are looked at.
    pub(in crate::truelayer) verify_check_digits: bool,
    /// Where payers may be sent; empty for anywhere.
    pub(in crate::truelayer) return_uris: &'a [String],
}

/// Where the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) enum Beneficiary {
    /// To an account of the merchant that we hold.
    MerchantAccount(AccountId),
    /// To an account elsewhere.
    ExternalAccount,
}

/// How the payer's bank is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) enum Selection {
    /// The payer chooses one of these.
    UserSelected(Filter),
    /// The client chose.
    Preselected {
        /// The bank.
        provider: &'static Provider,
        /// Over which scheme.
        scheme: &'static str,
    },
}

/// A wish for a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct PaymentRequest {
    /// Minor units.
    pub(in crate::truelayer) amount: u64,
    /// One that this provider knows.
    pub(in crate::truelayer) currency: Currency,
    /// Where the money goes.
    pub(in crate::truelayer) beneficiary: Beneficiary,
    /// How the payer's bank is found.
    pub(in crate::truelayer) selection: Selection,
    /// The payer's account, where the client knows it.
    pub(in crate::truelayer) remitter: Option<AccountIdentifier>,
    /// The payer's name, where the client knows it.
    pub(in crate::truelayer) payer_name: Option<String>,
    /// The payer's id, where the client knows it.
    pub(in crate::truelayer) user_id: Option<String>,
    /// Pairs that are echoed.
    pub(in crate::truelayer) metadata: Vec<(String, String)>,
    /// The payment method as it was given, canonical JSON.
    pub(in crate::truelayer) method: String,
    /// The authorisation begins at once.
    pub(in crate::truelayer) flow: Option<FlowRequest>,
    /// A failed attempt shall not end the payment.
    pub(in crate::truelayer) retry: bool,
    /// The answer tells the address of the hosted page, which sends the payer
    /// there afterwards.
    pub(in crate::truelayer) hosted_page: Option<Option<String>>,
}

impl PaymentRequest {
    /// Reads a body without nulls; `as_sent` has them, because a null among
    /// the metadata is a fault.
    ///
    /// # Errors
    /// 400 that names every member that is wrong.
    pub(in crate::truelayer) fn read(json: &Json, as_sent: &Json, limits: Limits<'_>) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let metadata = Metadata::read(as_sent.member("metadata"));
        let request = read(json, metadata, limits, &mut faults);
        faults.unless(request)
    }
}

fn read(
    json: &Json,
    metadata: Result<Metadata<'_>, String>,
    limits: Limits<'_>,
    faults: &mut Faults,
) -> Option<PaymentRequest> {
    let body = Place::root(json, faults);
    let amount = amount(&body.at("amount_in_minor"), faults);
    let currency = currency(&body.at("currency"), faults);
    let method = body.at("payment_method");
    if !method.object(faults) && !method.is_given() {
        method.fault(faults, "is required");
    }
    let kind = method.at("type");
    if kind.required_text(faults).is_some_and(|kind| kind != "bank_transfer") {
        kind.fault(faults, "must be bank_transfer");
    }
    let beneficiary = beneficiary(&method.at("beneficiary"), limits, faults);
    if limits.sandbox
        && matches!(beneficiary, Some(Beneficiary::MerchantAccount(_)))
        && amount.is_some_and(|amount| amount > SANDBOX_AMOUNT_MAX)
    {
        body.at("amount_in_minor").fault(faults, "must be at most 5000000 in the sandbox");
    }
    let place = method.at("provider_selection");
    let selection = selection(&place, &body.at("currency"), currency, faults);
    let remitter = remitter(&place.at("remitter"), limits, faults);
    let (user_id, user_name) = user(&body.at("user"), faults);
    let metadata = metadata.map_err(|message| body.at("metadata").fault(faults, message)).ok();
    let flow = body.at("authorization_flow");
    let flow = flow.object(faults).then(|| FlowRequest::at(&flow, limits.return_uris, faults));
    let hosted_page = hosted_page(&body.at("hosted_page"), limits, faults);
    let (remitter_name, remitter) = remitter;
    Some(PaymentRequest {
        amount: amount?,
        currency: currency?,
        beneficiary: beneficiary?,
        selection: selection?,
        remitter,
        payer_name: remitter_name.or(user_name),
        user_id,
        metadata: owned(&metadata?),
        method: method.value().map(|json| String::from_utf8_lossy(&json::canonical(json)).into_owned())?,
        retry: body.at("retry").is_given() || method.at("retry").is_given(),
        flow,
        hosted_page,
    })
}

fn amount(place: &Place<'_>, faults: &mut Faults) -> Option<u64> {
    let amount = place.value().and_then(Json::as_integer);
    let amount = amount.filter(|amount| (1..=AMOUNT_MINOR_MAX).contains(amount));
    if amount.is_none() {
        place.fault(faults, "must be a whole number of at least 1");
    }
    amount
}

fn currency(place: &Place<'_>, faults: &mut Faults) -> Option<Currency> {
    if place.required_text(faults)?.is_empty() {
        return None;
    }
    let code = place.word(&CURRENCIES, faults)?;
    Currency::parse(code).ok()
}

fn beneficiary(place: &Place<'_>, limits: Limits<'_>, faults: &mut Faults) -> Option<Beneficiary> {
    if !place.object(faults) {
        if !place.is_given() {
            place.fault(faults, "is required");
        }
        return None;
    }
    let kind = place.at("type");
    kind.required_text(faults)?;
    if kind.word(&["merchant_account", "external_account"], faults)? == "merchant_account" {
        let id = place.at("merchant_account_id");
        place.at("account_holder_name").text(faults);
        let Ok(account) = AccountId::parse(id.required_text(faults)?) else {
            id.fault(faults, "is not an account of yours");
            return None;
        };
        return Some(Beneficiary::MerchantAccount(account));
    }
    for name in ["account_holder_name", "reference"] {
        place.at(name).required_text(faults);
    }
    identifier(&place.at("account_identifier"), limits, faults)?;
    Some(Beneficiary::ExternalAccount)
}

fn identifier(place: &Place<'_>, limits: Limits<'_>, faults: &mut Faults) -> Option<AccountIdentifier> {
    let Some(json) = place.value() else {
        place.fault(faults, "is required");
        return None;
    };
    match identifiers::read(json, limits.verify_check_digits) {
        Ok(account) => Some(account),
        Err((name, message)) => {
            let wrong = if name.is_empty() { place.clone() } else { place.at(name) };
            wrong.fault(faults, message);
            None
        }
    }
}

fn remitter(place: &Place<'_>, limits: Limits<'_>, faults: &mut Faults) -> (Option<String>, Option<AccountIdentifier>) {
    if !place.object(faults) {
        return (None, None);
    }
    let name = place.at("account_holder_name").text(faults).and_then(short_name);
    let account = place.at("account_identifier");
    let account = if account.is_given() { identifier(&account, limits, faults) } else { None };
    (name, account)
}

fn short_name(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|sign| !sign.is_control()).take(NAME_LENGTH_MAX).collect();
    (!name.trim().is_empty()).then_some(name)
}

/// Where bank and currency do not fit, either may be the wrong one: both are named.
fn selection(
    place: &Place<'_>,
    currency_place: &Place<'_>,
    currency: Option<Currency>,
    faults: &mut Faults,
) -> Option<Selection> {
    place.object(faults);
    let kind = place.at("type");
    let preselected = kind.word(&["user_selected", "preselected"], faults) == Some("preselected");
    let currency = currency?;
    if !preselected {
        let filter = read_filter(&place.at("filter"), faults);
        if filter.paying(currency).next().is_none() {
            place.at("filter").fault(faults, "leaves no provider for this currency");
            currency_place.fault(faults, "is not paid by any provider that the filter leaves");
        }
        return Some(Selection::UserSelected(filter));
    }
    let id = place.at("provider_id");
    let Some(provider) = catalogue::find(id.required_text(faults)?) else {
        id.fault(faults, "is not a provider");
        return None;
    };
    if provider.currency != currency.code() {
        id.fault(faults, "does not pay this currency");
        currency_place.fault(faults, "is not paid by this provider");
        return None;
    }
    let wishes = place.at("scheme_selection");
    let named = if place.at("scheme_id").is_given() { place.at("scheme_id") } else { wishes.at("scheme_id") };
    let scheme = match named.text(faults) {
        Some(_) => named.word(provider.schemes, faults)?,
        None => provider.scheme(wishes_instant(&wishes)),
    };
    Some(Selection::Preselected { provider, scheme })
}

fn wishes_instant(place: &Place<'_>) -> bool {
    place.at("type").value().and_then(Json::as_text).is_some_and(|kind| kind.starts_with("instant"))
}

/// The filter and the wish for a scheme of a payment method that was read
/// before.
pub(in crate::truelayer) fn stored_selection(method: &str) -> (Filter, bool) {
    let Ok(json) = json::parse(method.as_bytes()) else { return (Filter::default(), false) };
    let mut faults = Faults::default();
    let selection = Place::root(&json, &mut faults).at("provider_selection");
    (read_filter(&selection.at("filter"), &mut faults), wishes_instant(&selection.at("scheme_selection")))
}

/// Reads the members by which banks are chosen.
pub(in crate::truelayer) fn read_filter(place: &Place<'_>, faults: &mut Faults) -> Filter {
    const CHANNELS: [&str; 3] = ["general_availability", "public_beta", "private_beta"];
    place.object(faults);
    // All banks of the mock world are generally available and for everybody.
    place.at("release_channel").word(&CHANNELS, faults);
    place.at("customer_segments").texts(faults);
    let excludes = place.at("excludes");
    excludes.object(faults);
    Filter {
        countries: place.at("countries").texts(faults),
        currencies: place.at("currencies").texts(faults),
        only: place.at("provider_ids").texts(faults),
        except: excludes.at("provider_ids").texts(faults).unwrap_or_default(),
    }
}

fn user(place: &Place<'_>, faults: &mut Faults) -> (Option<String>, Option<String>) {
    place.object(faults);
    let id = place.at("id");
    let name = place.at("name").text(faults).and_then(short_name);
    for member in ["email", "phone"] {
        place.at(member).text(faults);
    }
    let Some(text) = id.text(faults) else { return (None, name) };
    // Users have ids of the same kind as payments.
    let parsed = PaymentId::parse(text);
    if parsed.is_err() {
        id.fault(faults, "must be a UUID");
    }
    (parsed.ok().map(|id| id.to_string()), name)
}

fn owned(Metadata(pairs): &Metadata<'_>) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn hosted_page(place: &Place<'_>, limits: Limits<'_>, faults: &mut Faults) -> Option<Option<String>> {
    place.object(faults).then(|| flow::uri(&place.at("return_uri"), limits.return_uris, faults))
}

/// Reads the body of a search for banks.
pub(in crate::truelayer) fn search(json: &Json) -> Result<Filter, Fault> {
    let mut faults = Faults::default();
    let body = Place::root(json, &mut faults);
    let filter = read_filter(&body, &mut faults);
    faults.unless(Some(filter))
}
