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
use super::refunds::{Ask, command};
use crate::banked::{App, FAMILY};
use refundry_domain::command::{Command, ReferenceInput};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::payment::Payment;
use refundry_domain::reference::Tag;
use refundry_domain::refusal::Refusal;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{Answer, Envelope, KEPT_FOR, Once, Unavailable};
use refundry_engine::hosted::{
    Checkout, Decision, DetailsAnswer, DetailsForm, DetailsLink, HostedFuture, HostedPages, Letter, LettersSent,
    NotRenewed, PersonRefund,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often a page tries again when somebody else was faster.
const ATTEMPT_COUNT_MAX: usize = 5;

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

/// The merchants that an id in an address may belong to.
fn merchants(app: &App) -> BTreeSet<MerchantId> {
    let directory = app.host.engine.directory();
    directory.groups.values().filter(|group| group.dialect == FAMILY).map(|group| group.merchant).collect()
}

fn merchant_name(app: &App, merchant: MerchantId) -> String {
    let directory = app.host.engine.directory();
    directory.merchants.get(&merchant).map(|merchant| merchant.name.clone()).unwrap_or_default()
}

/// What became of an envelope that may be refused.
async fn execute(app: &App, envelope: Envelope) -> Result<Result<Answer, Refusal>, Unavailable> {
    Ok(app.host.engine.execute(envelope).await?.result)
}

/// Makes a refund for a person: for the application that made the session, or
/// the merchant's first one.
async fn refund(app: &App, ask: PersonRefund) -> Result<Result<RefundId, Refusal>, Unavailable> {
    let (merchant, id) = (ask.merchant, ask.payment);
    let Some(payment) = app.host.engine.read(move |reader| reader.payment(merchant, id)).await? else {
        return Ok(Err(Refusal::PaymentUnknown));
    };
    let application = if payment.origin.family() == FAMILY {
        Arc::clone(&payment.origin.group)
    } else {
        let directory = app.host.engine.directory();
        let mut own = directory.groups.values().filter(|group| group.dialect == FAMILY && group.merchant == merchant);
        Arc::from(own.next().map(|group| group.id.as_str()).unwrap_or_default())
    };
    let amount = ask.amount.map_or_else(|| "rest".to_owned(), |minor| minor.to_string());
    let once = Once {
        key: once_key(&[b"banked form", merchant.to_string().as_bytes(), ask.intent.as_bytes()]),
        fingerprint: fingerprint(&[id.to_string().as_bytes(), amount.as_bytes(), ask.remittance.as_bytes()]),
        keep_world_refusals: false,
        kept_for: KEPT_FOR,
    };
    let request = command(
        app,
        Ask {
            payment: id,
            amount: ask.amount,
            application,
            named: ReferenceInput::Named { tag: Tag::Ui, value: ask.intent },
            creditor: None,
            maker: Some(ask.by),
            statement_text: Some(ask.remittance).filter(|text| !text.is_empty()).map(Arc::from),
            extension: super::extension::RefundExtension {
                merchant_name: merchant_name(app, merchant),
                ..super::extension::RefundExtension::default()
            },
        },
    );
    let command = Command::RequestRefund(Box::new(request));
    let envelope = Envelope::command(merchant, Actor::Person(ask.by), command).once(Some(once));
    let answer = execute(app, envelope).await?;
    Ok(answer.map(|answer| match answer {
        Answer::Refund(refund) => refund.id,
        Answer::Payout(_)
        | Answer::Payment(_)
        | Answer::Account(_)
        | Answer::Mandate(_)
        | Answer::Send(_)
        | Answer::Kept { .. }
        | Answer::Done => RefundId(0),
    }))
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

    fn refund(&self, ask: PersonRefund) -> HostedFuture<'_, Result<RefundId, Refusal>> {
        Box::pin(refund(&self.app, ask))
    }
}
