//! The payment of the past that every sandbox client has (contract 8.1).

use super::extension::PaymentExtension;
use super::{App, DIALECT};
use refundry_domain::command::RecordPayment;
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{Origin, PaymentState, Provenance};
use refundry_domain::reference::as_uuid_v4;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::mint;
use serde_json::json;
use std::sync::Arc;

/// When it settled: 2021-06-15, at noon.
const AT: Timestamp = Timestamp(1_623_758_400_000_000_000);
/// How much it was, minor units.
const AMOUNT: u64 = 7_450;
/// Who paid.
const PAYER: &str = "Ida Korhonen";
/// Their bank, and how the money came.
const PROVIDER: (&str, &str) = ("mock-payments-gb-redirect", "faster_payments_service");

/// The payment; its ids follow from the client's, so that making it again
/// changes nothing.
pub(super) fn payment(app: &App, client_id: &str, account: AccountId) -> RecordPayment {
    let user = as_uuid_v4(first_half(&sha256(format!("user of {client_id}").as_bytes())));
    let user_id = PaymentId(user).to_string();
    let payer_key = format!("{DIALECT}:{client_id}:{user_id}");
    RecordPayment {
        id: PaymentId(mint::derived_id(AT, &sha256(format!("payment of {client_id}").as_bytes()))),
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::from(client_id) },
        account,
        amount: Amount::new(AMOUNT, Currency::GBP),
        debtor: Some(Party {
            name: Some(PAYER.to_owned()),
            account: AccountIdentifier::Scan { sort_code: "040099".to_owned(), number: "55120934".to_owned() },
        }),
        state: PaymentState::Settled,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: None,
        payer_key: Some(Arc::from(payer_key)),
        occurred_at: Some(AT),
        expires_at: None,
        extension: extension(user_id, account).encode(),
    }
}

/// As if the client had asked for it.
fn extension(user_id: String, account: AccountId) -> PaymentExtension {
    let (provider, scheme) = PROVIDER;
    let method = json!({
        "type": "bank_transfer",
        "provider_selection": { "type": "preselected", "provider_id": provider, "scheme_id": scheme },
        "beneficiary": { "type": "merchant_account", "merchant_account_id": account.to_string() },
    });
    PaymentExtension {
        user_id,
        payer_name: Some(PAYER.to_owned()),
        method: method.to_string(),
        provider: Some(provider.to_owned()),
        scheme: Some(scheme.to_owned()),
        ..PaymentExtension::default()
    }
}

fn first_half(hash: &[u8; 32]) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(half)
}
