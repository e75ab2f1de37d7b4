//! Refunds that people make on a page: the account that the pay-in came into
//! pays. A mandate is named by its token, which only programs have.

use super::extension::Texts;
use super::{App, DIALECT, refunds};
use refundry_domain::command::RequestRefund;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Funding;
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
        if !self.0.config.currencies.contains(&payment.amount.currency) {
            return Err(NotOffered::NotRefundable);
        }
        if payment.debtor.is_none() {
            return Err(NotOffered::PayerUnknown);
        }
        let texts = Texts { unstructured: Some(&*ask.remittance), ..Texts::default() };
        let request = RequestRefund {
            amount: ask.amount,
            reference: ask.reference(),
            funding: Some(Funding::Held { account: payment.account }),
            maker: Some(ask.by),
            remittance: ask.text(),
            extension: texts.encode(),
            ..refunds::blank(&self.0, payment.id, Arc::clone(&payment.origin.group))
        };
        Ok(Offer { request, whole_only: false })
    }
}
