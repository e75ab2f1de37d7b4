//! Refunds that people make on a page: the customer is asked where nobody
//! knows the account, and the merchant consents at its bank, as it does where a
//! program asks.

use super::extension::RefundExtension;
use super::refunds::{self, Ask};
use super::{DIALECT, sessions};
use crate::banked::App;
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
        if !sessions::is_session(payment) {
            return Err(NotOffered::NotRefundable);
        }
        let directory = self.0.host.engine.directory();
        let merchant = directory.merchants.get(&payment.merchant);
        let merchant_name = merchant.map(|merchant| merchant.name.clone()).unwrap_or_default();
        let ask = Ask {
            payment: payment.id,
            amount: ask.amount,
            application: Arc::clone(&payment.origin.group),
            named: ask.reference(),
            creditor: None,
            maker: Some(ask.by),
            statement_text: ask.text(),
            extension: RefundExtension { merchant_name, ..RefundExtension::default() },
        };
        Ok(Offer { request: refunds::command(&self.0, ask), whole_only: false })
    }
}
