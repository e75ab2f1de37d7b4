//! What a refund costs the wallet, by the merchant's rules for the currency
//! and the payment method, under the terms that are set for this door
//! (contract 8.1). The engine charges by the same rules and terms.

use super::App;
use super::auth::Caller;
use super::config::Config;
use super::extension::PayinNotes;
use refundry_domain::command::FeeInput;
use refundry_domain::fee::FeeRules;
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;
use std::sync::Arc;

/// What the door is asked to charge.
pub(super) fn charged(config: &Config, payment: &Payment) -> FeeInput {
    FeeInput::ByRules { method: Arc::from(PayinNotes::of(payment).method), terms: config.fee_terms }
}

/// The caller's rules as they are now, for what is read under them.
pub(super) fn rules(app: &App, caller: &Caller) -> FeeRules {
    let rules = app.host.engine.directory().fee_rules(caller.merchant);
    rules.under(caller.config.fee_terms).into_owned()
}

/// What giving back this much of a pay-in would cost now, minor units.
pub(super) fn estimated(app: &App, caller: &Caller, payment: &Payment, minor: u64) -> u64 {
    let notes = PayinNotes::of(payment);
    rules(app, caller).fee(Amount::new(minor, payment.amount.currency), payment.fee_method(&notes.method))
}
