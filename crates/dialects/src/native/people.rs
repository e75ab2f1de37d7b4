//! Refunds that people make on a page: the payment's own account pays, and the
//! fee is the one of the merchant's rules. So are those of payments that no
//! other dialect made.

use super::{NativeState, extension, refunds};
use refundry_domain::command::RequestRefund;
use refundry_domain::payment::Payment;
use refundry_engine::person_refund::{NotOffered, Offer, PersonRefund, PersonRefunds};
use std::sync::Arc;

/// This dialect's side of it.
#[derive(Debug)]
pub(super) struct People(pub(super) Arc<NativeState>);

impl PersonRefunds for People {
    fn dialect(&self) -> &'static str {
        extension::DIALECT
    }

    fn offer(&self, payment: &Payment, ask: &PersonRefund) -> Result<Offer, NotOffered> {
        if payment.debtor.is_none() {
            return Err(NotOffered::PayerUnknown);
        }
        let request = RequestRefund {
            amount: ask.amount,
            maker: Some(ask.by),
            remittance: ask.text(),
            ..refunds::blank(&self.0, payment.id, ask.reference())
        };
        Ok(Offer { request, whole_only: false })
    }
}
