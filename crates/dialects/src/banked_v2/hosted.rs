//! What the pages behind the links ask: details of a customer, a checkout, a
//! visit at a mock bank, and letters. Each answer is one read and one envelope
//! at most, but where somebody else wrote in between.
//!
//! An address names no merchant: an id is looked for among the merchants that
//! have applications here.

pub(super) mod checkout;
mod details;
mod letters;

use super::extension::SessionExtension;
use crate::banked::App;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::payment::Payment;
use refundry_engine::hosted::{
    Checkout, CheckoutPages, Decision, DetailsAnswer, DetailsForm, DetailsLink, HostedFuture, HostedPages, Letter,
    LettersSent, NotRenewed,
};
use std::sync::Arc;

/// The pages' side of this dialect.
#[derive(Debug)]
pub(super) struct Pages {
    app: Arc<App>,
}

impl Pages {
    /// The pages of this server.
    pub(super) fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::clone(app) }
    }
}

impl HostedPages for Pages {
    fn details<'a>(&'a self, refund: &'a str, token: &'a str) -> HostedFuture<'a, DetailsLink> {
        Box::pin(async move { Ok(details::open(&self.app, refund, token).await?.0) })
    }

    fn check_details<'a>(
        &'a self,
        refund: &'a str,
        token: &'a str,
        form: DetailsForm,
    ) -> HostedFuture<'a, DetailsAnswer> {
        Box::pin(details::check(&self.app, refund, token, form))
    }

    fn give_details<'a>(
        &'a self,
        refund: &'a str,
        token: &'a str,
        form: DetailsForm,
    ) -> HostedFuture<'a, DetailsAnswer> {
        Box::pin(details::give(&self.app, refund, token, form))
    }

    fn waiting(&self) -> HostedFuture<'_, Vec<(MerchantId, RefundId)>> {
        Box::pin(letters::waiting(&self.app))
    }

    fn letter(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<Letter>> {
        Box::pin(letters::next(&self.app, merchant, refund))
    }

    fn letter_sent(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, ()> {
        Box::pin(letters::sent(&self.app, merchant, refund))
    }

    fn letter_refused(&self, merchant: MerchantId, refund: RefundId, code: u16) -> HostedFuture<'_, ()> {
        Box::pin(letters::refused(&self.app, merchant, refund, code))
    }

    fn renew(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Result<(), NotRenewed>> {
        Box::pin(letters::renew(&self.app, merchant, refund))
    }

    fn details_url(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<String>> {
        Box::pin(letters::url(&self.app, merchant, refund))
    }

    fn letters(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<LettersSent>> {
        Box::pin(letters::log(&self.app, merchant, refund))
    }

    fn authorise_url(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<String>> {
        Box::pin(checkout::url(&self.app, merchant, refund))
    }

    fn payer_told(&self, payment: &Payment) -> Option<String> {
        SessionExtension::of(payment)?.payer?.name.filter(|name| !name.is_empty())
    }
}

impl CheckoutPages for Pages {
    fn checkout<'a>(&'a self, id: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(checkout::show(&self.app, id))
    }

    fn visit<'a>(&'a self, id: &'a str, bank: &'a str) -> HostedFuture<'a, Option<String>> {
        Box::pin(checkout::visit(&self.app, id, bank))
    }

    fn at_bank<'a>(&'a self, visit: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(checkout::at_bank(&self.app, visit))
    }

    fn decide<'a>(&'a self, visit: &'a str, decision: Decision) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(checkout::decide(&self.app, visit, decision))
    }
}
