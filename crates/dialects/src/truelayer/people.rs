//! Refunds that people make on a page: the merchant account that the payment
//! credited pays, as it does for programs.

use super::extension::PaymentExtension;
use super::{App, DIALECT, refunds};
use refundry_domain::command::RequestRefund;
use refundry_domain::payment::Payment;
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
        if PaymentExtension::of(payment).is_some_and(|extension| extension.external) {
            return Err(NotOffered::HeldElsewhere);
        }
        if payment.debtor.is_none() && payment.state.credited() {
            return Err(NotOffered::PayerUnknown);
        }
        let request = RequestRefund {
            amount: ask.amount,
            maker: Some(ask.by),
            remittance: ask.text(),
            ..refunds::blank(&self.0, payment.id, payment.origin.clone(), ask.reference())
        };
        Ok(Offer { request, whole_only: false })
    }
}
