//! Refunds that people make on a page (contract 8.3, P10): from the pay-in's
//! wallet, under the fee, the window and the states that count for programs.

use super::extension::{PayinNotes, RefundNotes};
use super::refunds::{self, Asked};
use super::{App, DIALECT};
use refundry_domain::payment::Payment;
use refundry_engine::digest::fingerprint;
use refundry_engine::person_refund::{NotOffered, Offer, PersonRefund, PersonRefunds};
use std::sync::Arc;

/// This dialect's side of it.
#[derive(Debug)]
pub(super) struct People(pub(super) Arc<App>);

impl PersonRefunds for People {
    fn dialect(&self) -> &'static str {
        DIALECT
    }

    fn offer(&self, payment: &Payment, ask: &PersonRefund) -> Result<Offer, NotOffered> {
        let config = self.0.config(payment.merchant);
        if let Some(bar) = refunds::bar(&self.0, &config, payment) {
            return Err(bar);
        }
        // The text for the customer is what programs name their reference.
        let notes = RefundNotes {
            customer_reference: ask.remittance.clone(),
            metadata: String::new(),
            request: fingerprint(&[b"page", ask.intent.as_bytes()]),
        };
        let asked = Asked {
            minor: ask.amount,
            reference: ask.reference(),
            merchant_reference: None,
            maker: Some(ask.by),
            notes,
        };
        let request = refunds::command(&self.0, &config, payment, asked);
        Ok(Offer { request, whole_only: !config.takes_parts(&PayinNotes::of(payment).method) })
    }
}
