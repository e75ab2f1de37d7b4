//! Checkouts without our pages, in this provider's spelling.

use super::PayeeBody;
use super::formatted;
use super::sessions::LineBody;
use crate::banked::errors::{Fault, Kind, to_json};
use crate::banked::read::Fields;
use crate::banked_v2::accounts::MOCK_BANK_AU;
use crate::banked_v2::extension::SessionExtension;
use crate::json::Json;
use crate::print::{Text, uuid};
use refundry_domain::id::PaymentId;
use refundry_domain::payment::Payment;
use refundry_engine::hosted::Bank;
use serde::Serialize;

/// Longest names and numbers, in characters.
const TEXT_LENGTH_MAX: usize = 140;
/// Where the steps of a checkout stand.
const AU_PATH: &str = "/checkout/v3/sessions";

/// What a customer's app shows of a session.
pub(in crate::banked_v2) struct CheckoutBody<'a> {
    /// The session.
    pub(in crate::banked_v2) payment: &'a Payment,
    /// What its merchant said.
    pub(in crate::banked_v2) extension: &'a SessionExtension,
    /// The word of its state.
    pub(in crate::banked_v2) state: &'static str,
    /// The banks on offer.
    pub(in crate::banked_v2) banks: &'a [Bank],
    /// What the customer is told.
    pub(in crate::banked_v2) terms: &'static str,
}

#[derive(Serialize)]
struct Printed<'a> {
    id: Text<36>,
    state: &'static str,
    amount: u64,
    amount_formatted: String,
    currency: &'a str,
    #[serde(rename = "reference")]
    statement_text: &'a str,
    line_items: Vec<LineBody<'a>>,
    payee: PayeeBody<'a>,
    payer_details_required: bool,
    provider_brands: Vec<BrandBody>,
    terms_and_conditions: &'static str,
    end_to_end_id: (),
    affiliate_id: (),
    logo: (),
}

#[derive(Serialize)]
struct BrandBody {
    id: &'static str,
    name: &'static str,
    providers: [ProviderBody; 1],
}

#[derive(Serialize)]
struct ProviderBody {
    id: &'static str,
    name: &'static str,
}

/// A session for a customer's app.
pub(in crate::banked_v2) fn checkout_session(body: &CheckoutBody<'_>) -> Vec<u8> {
    let CheckoutBody { payment, extension, state, banks, terms } = body;
    let currency = payment.amount.currency.code();
    let brand = |bank: &Bank| BrandBody {
        id: bank.id,
        name: bank.name,
        providers: [ProviderBody { id: bank.id, name: bank.name }],
    };
    to_json(&Printed {
        id: uuid(payment.id.0),
        state,
        amount: payment.amount.minor,
        amount_formatted: formatted(payment.amount),
        currency,
        statement_text: &extension.statement_text,
        line_items: extension.line_items.iter().map(|item| LineBody::of(item, currency)).collect(),
        payee: PayeeBody::new(Some(&extension.payee_name), Some(&extension.payee_account)),
        payer_details_required: false,
        provider_brands: banks.iter().map(brand).collect(),
        terms_and_conditions: terms,
        end_to_end_id: (),
        affiliate_id: (),
        logo: (),
    })
}

#[derive(Serialize)]
struct ChosenBody<'a> {
    id: Text<36>,
    state: &'static str,
    url: &'a str,
}

/// A bank was chosen; the customer goes there.
pub(in crate::banked_v2) fn chosen_bank(id: PaymentId, state: &'static str, url: &str) -> Vec<u8> {
    to_json(&ChosenBody { id: uuid(id.0), state, url })
}

/// The bank that a customer chose.
#[derive(Debug)]
pub(in crate::banked_v2) struct ProviderChoice<'j> {
    /// Its id.
    pub(in crate::banked_v2) provider_id: &'j str,
}

impl<'j> ProviderChoice<'j> {
    /// Reads the body.
    pub(in crate::banked_v2) fn read(json: &'j Json) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        let provider_id = fields.required_text(json, "provider_id", TEXT_LENGTH_MAX);
        fields.finish(provider_id.map(|provider_id| Self { provider_id }))
    }
}

/// A checkout that is begun.
#[derive(Debug)]
pub(in crate::banked_v2) struct NewAuCheckout {
    /// Of which payment.
    pub(in crate::banked_v2) payment: PaymentId,
}

impl NewAuCheckout {
    /// Reads the body; pages are in one language, so the locale has no effect.
    pub(in crate::banked_v2) fn read(json: &Json) -> Result<Self, Fault> {
        let (json, mut fields) = Fields::root(json)?;
        fields.text(json, "locale", TEXT_LENGTH_MAX);
        let payment = fields.uuid(json, "payment_id").map(PaymentId);
        fields.finish(payment.map(|payment| Self { payment }))
    }
}

/// The account that pays, as its owner names it.
#[derive(Debug)]
pub(in crate::banked_v2) struct PayerAccount<'j> {
    /// Its owner.
    pub(in crate::banked_v2) name: &'j str,
    /// Its branch.
    pub(in crate::banked_v2) bsb: &'j str,
    /// Its number.
    pub(in crate::banked_v2) number: &'j str,
}

impl<'j> PayerAccount<'j> {
    /// Reads the body; whoever pays agrees to the terms.
    pub(in crate::banked_v2) fn read(json: &'j Json) -> Result<Self, Fault> {
        const ATTRIBUTES: &str = "supplemental_checkout_attributes";
        let (json, mut fields) = Fields::root(json)?;
        if !matches!(json.member("terms_accepted"), Some(Json::Bool(true))) {
            fields.fault(Kind::Schema, "terms_accepted", "must be true");
        }
        let given = fields.required_object(json, ATTRIBUTES);
        let mut text = |name: &str| fields.required_text(given?, &format!("{ATTRIBUTES}/{name}"), TEXT_LENGTH_MAX);
        let (name, number, bsb) = (text("ACCOUNT_NAME"), text("ACCOUNT_NUMBER"), text("BSB_NUMBER"));
        let read = name.zip(number).zip(bsb).map(|((name, number), bsb)| Self { name, bsb, number });
        fields.finish(read)
    }
}

/// What a customer does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::banked_v2) enum Step {
    /// Chooses a bank.
    SelectProvider,
    /// Names the account that pays, and agrees.
    InitiateAuthorisation,
}

#[derive(Serialize)]
struct AuBody {
    id: Text<36>,
    payment: AuPayment,
    actions: Vec<Action>,
}

#[derive(Serialize)]
struct AuPayment {
    id: Text<36>,
    state: &'static str,
}

#[derive(Serialize)]
struct Action {
    action: &'static str,
    href: String,
    data: ActionData,
}

#[derive(Serialize)]
struct ActionData {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    providers: Vec<ProviderBody>,
}

/// A checkout with what can be done next.
pub(in crate::banked_v2) fn au_checkout(
    id: u128,
    payment: PaymentId,
    state: &'static str,
    step: Option<Step>,
) -> Vec<u8> {
    let id = uuid(id);
    let action = |step: Step| {
        let (action, providers) = match step {
            Step::SelectProvider => {
                ("select_provider", vec![ProviderBody { id: MOCK_BANK_AU.id, name: MOCK_BANK_AU.name }])
            }
            Step::InitiateAuthorisation => ("initiate_authorisation", Vec::new()),
        };
        let href = format!("{AU_PATH}/{id}/actions/{action}");
        Action { action, href, data: ActionData { providers } }
    };
    to_json(&AuBody {
        payment: AuPayment { id: uuid(payment.0), state },
        actions: step.map(action).into_iter().collect(),
        id,
    })
}
