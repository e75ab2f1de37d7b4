//! A session to try in a sandbox: paid, and from a bank that does not tell the
//! customer's account, so that its refund goes the long way.

use super::accounts::{self, MOCK_BANK_NO_DETAILS};
use super::auth;
use super::extension::{LineItem, Payer, SessionExtension};
use crate::banked::App;
use crate::host::{Provisioned, SandboxPlan};
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::PaymentId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::{Origin, OriginKey, PaymentState, Provenance};
use refundry_engine::mint;
use serde_json::Value;
use std::sync::Arc;

/// What the sample costs.
const SAMPLE: Amount = Amount { minor: 5_000, currency: Currency::GBP };
/// The member that names it, and under which kind of name it is made once.
const MEMBER: &str = "payment_session_id";

/// What the generation adds to the family's application, which is there.
pub(super) fn provision(app: &App, plan: &SandboxPlan<'_>) -> Provisioned {
    let mut members = plan.seed.as_object().cloned().unwrap_or_default();
    let application = plan.given("application_id").unwrap_or_default().to_owned();
    members.insert("client_key".to_owned(), Value::String(auth::client_key(&app.host, &application)));
    let Some(account) = plan.accounts.get(&SAMPLE.currency).filter(|_| !application.is_empty()) else {
        return Provisioned { members, ..Provisioned::default() };
    };
    let given = plan.given(MEMBER).and_then(|text| PaymentId::parse(text).ok());
    let id = given.unwrap_or_else(|| PaymentId(mint::new_id(plan.at)));
    members.insert(MEMBER.to_owned(), Value::String(id.to_string()));
    let record = RecordPayment {
        id,
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::from(&*application) },
        account: *account,
        amount: SAMPLE,
        debtor: None,
        state: PaymentState::Settled,
        provenance: Provenance::OwnCheckout,
        origin_keys: vec![OriginKey { kind: MEMBER.to_owned(), value: application }],
        merchant_reference: Some(sample().statement_text),
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: sample().encode(),
    };
    Provisioned { commands: vec![Command::RecordPayment(record)], members, ..Provisioned::default() }
}

fn sample() -> SessionExtension {
    SessionExtension {
        statement_text: "Sample candles".to_owned(),
        success_url: String::new(),
        error_url: String::new(),
        line_items: vec![LineItem {
            name: "Candle".to_owned(),
            amount: SAMPLE.minor / 2,
            quantity: 2,
            description: None,
        }],
        payee_name: "Demo Merchant".to_owned(),
        payee_account: accounts::first_in_pounds(),
        payer: Some(Payer {
            name: Some("Sam Customer".to_owned()),
            email: Some("sam.customer@example.org".to_owned()),
        }),
        email_receipt: false,
        echoed: String::new(),
        provider: Some(MOCK_BANK_NO_DETAILS.id.to_owned()),
        decision: None,
    }
}
