//! The checkout behind a pay-in's `checkout_url`: the payer chooses a bank and
//! decides there.
//!
//! Round trips: a look is one read; a choice and a decision are one envelope
//! more each, and again where somebody else wrote in between.

use super::DIALECT;
use super::extension::Texts;
use crate::banked::App;
use crate::banked::accounts::{self, Linked};
use crate::banked::checkout::{
    self, ATTEMPT_COUNT_MAX, Decided, execute, merchant_name, merchants, open_visit, read_visit,
};
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::payment::Payment;
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::hosted::{Checkout, CheckoutPages, CheckoutState, Decision, HostedFuture};
use std::sync::Arc;

/// The checkouts of this generation.
#[derive(Debug)]
pub(super) struct Pages(pub(super) Arc<App>);

/// A pay-in, and the account that it pays into.
struct Payin {
    payment: Payment,
    account: Option<Linked>,
}

/// Looks an id up among the pay-ins that were made here.
async fn find(app: &App, id: &str, merchant: Option<MerchantId>) -> Result<Option<Payin>, Unavailable> {
    let Ok(id) = PaymentId::parse(id) else { return Ok(None) };
    let whose = merchant.map_or_else(|| merchants(app), |merchant| [merchant].into());
    let found = app.host.engine.read(move |reader| {
        for merchant in whose {
            let Some(payment) = reader.payment(merchant, id)? else { continue };
            if *payment.origin.dialect != *DIALECT {
                return Ok(None);
            }
            let linked = accounts::linked(reader.accounts(merchant)?, &payment.origin.group);
            let account = linked.into_iter().find(|account| account.id == payment.account);
            return Ok(Some(Payin { payment, account }));
        }
        Ok(None)
    });
    found.await
}

fn shown(app: &App, payin: &Payin) -> Checkout {
    let payment = &payin.payment;
    let texts = Texts::of_payment(payment);
    let name = merchant_name(app, payment.merchant);
    Checkout {
        merchant: payment.merchant,
        id: payment.id.0,
        refund: false,
        amount: payment.amount,
        creditor_name: Some(texts.creditor_name.map_or_else(|| name.clone(), str::to_owned)),
        merchant_name: name,
        creditor_account: payin.account.as_ref().map(|account| account.number.masked()),
        creditor_source: None,
        remittance: texts.unstructured.or(texts.structured).unwrap_or_default().to_owned(),
        own_text: None,
        items: Vec::new(),
        state: checkout::state_of(payment, texts.decision),
        bank: texts.bank.and_then(accounts::bank),
        banks: accounts::banks(app, payment.amount.currency, false),
        success_url: texts.redirect_url.map(str::to_owned),
        error_url: texts.redirect_url.map(str::to_owned),
    }
}

fn annotate(payment: &Payment, texts: &Texts<'_>) -> Envelope {
    let command = Command::AnnotatePayment {
        payment: payment.id,
        before: Arc::clone(&payment.extension),
        extension: texts.encode(),
    };
    Envelope::command(payment.merchant, Actor::Customer, command)
}

async fn visit(app: &App, id: &str, bank: &str) -> Result<Option<String>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some(payin) = find(app, id, None).await? else { return Ok(None) };
        let Checkout { merchant, id, state, banks, .. } = shown(app, &payin);
        let Some(bank) = banks.iter().find(|known| known.id == bank) else { return Ok(None) };
        if state != CheckoutState::Open {
            return Ok(None);
        }
        let token = open_visit(app, merchant, id);
        let texts = Texts::of_payment(&payin.payment);
        if texts.bank == Some(bank.id) {
            return Ok(Some(token));
        }
        let envelope = annotate(&payin.payment, &Texts { bank: Some(bank.id), ..texts });
        if execute(app, envelope).await?.is_ok() {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

async fn visited(app: &App, visit: &str) -> Result<Option<Payin>, Unavailable> {
    let Some((merchant, id)) = read_visit(app, visit) else { return Ok(None) };
    find(app, &id, Some(merchant)).await
}

/// The first decision counts: it is written down before the bank hears it.
async fn decide(app: &App, visit: &str, decision: Decision) -> Result<Option<Checkout>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some(payin) = visited(app, visit).await? else { return Ok(None) };
        let checkout = shown(app, &payin);
        let texts = Texts::of_payment(&payin.payment);
        if let Some(decided) = texts.decision {
            let decided = Decided { bank: texts.bank, decision: decided, payer_name: None };
            checkout::play(app, &payin.payment, decided).await?;
            return Ok(Some(checkout));
        }
        if checkout.state != CheckoutState::Open {
            return Ok(Some(checkout));
        }
        // Taken or not: the next round reads what is written.
        let _ = execute(app, annotate(&payin.payment, &Texts { decision: Some(decision), ..texts })).await?;
    }
    Ok(None)
}

impl CheckoutPages for Pages {
    fn checkout<'a>(&'a self, id: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(async move { Ok(find(&self.0, id, None).await?.map(|payin| shown(&self.0, &payin))) })
    }

    fn visit<'a>(&'a self, id: &'a str, bank: &'a str) -> HostedFuture<'a, Option<String>> {
        Box::pin(visit(&self.0, id, bank))
    }

    fn at_bank<'a>(&'a self, visit: &'a str) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(async move { Ok(visited(&self.0, visit).await?.map(|payin| shown(&self.0, &payin))) })
    }

    fn decide<'a>(&'a self, visit: &'a str, decision: Decision) -> HostedFuture<'a, Option<Checkout>> {
        Box::pin(decide(&self.0, visit, decision))
    }
}
