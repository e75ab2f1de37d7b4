//! What a refund costs the wallet, by the merchant's rules for the currency
//! and the payment method (contract 8.1). The door charges by the same rules.

use super::App;
use super::extension::PayinNotes;
use refundry_domain::command::FeeInput;
use refundry_domain::fee::{FeeRules, fee};
use refundry_domain::id::MerchantId;
use refundry_domain::payment::Payment;
use std::sync::Arc;

/// What the door is asked to charge.
pub(super) fn charged(payment: &Payment) -> FeeInput {
    FeeInput::ByRules { method: Arc::from(PayinNotes::of(payment).method) }
}

/// The merchant's rules as they are now, for what is read under them.
pub(super) fn rules(app: &App, merchant: MerchantId) -> Arc<FeeRules> {
    app.host.engine.directory().fee_rules(merchant)
}

/// What giving back this much of a pay-in would cost now, minor units.
pub(super) fn estimated(app: &App, payment: &Payment, minor: u64) -> u64 {
    let directory = app.host.engine.directory();
    let rule = directory.fee_rule(payment.merchant, payment.amount.currency, &PayinNotes::of(payment).method);
    fee(&rule, minor)
}
