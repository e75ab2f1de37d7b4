//! A refund as the payout that it is (contract 3.5, 3.11).

use super::accounts::{beneficiary, entity};
use super::money::{coded, money, printed, sum, time};
use super::out::{Object, Out};
use crate::bvnk::App;
use crate::bvnk::extension::{Holder, PayinNotes, RefundNotes};
use crate::bvnk::states::{Reason, Standing, Word};
use crate::bvnk::wallets;
use refundry_domain::money::Amount;
use refundry_domain::party::Creditor;
use refundry_domain::payment::Payment;
use refundry_domain::reference::ids_of_attempt;
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;

/// A refund with its pay-in.
#[derive(Debug, Clone, Copy)]
pub(in crate::bvnk) struct Pair<'a> {
    /// The refund.
    pub(in crate::bvnk) refund: &'a Refund,
    /// The pay-in.
    pub(in crate::bvnk) payment: &'a Payment,
}

impl<'a> Pair<'a> {
    /// Who receives it, where that is known; `how` are the pay-in's notes,
    /// which tell of its payer.
    pub(in crate::bvnk) fn creditor<'h>(self, how: &'h PayinNotes) -> Option<Holder<'h>>
    where
        'a: 'h,
    {
        match &self.refund.creditor {
            Creditor::Unknown => None,
            Creditor::Payer => self.payment.debtor.as_ref().map(|party| how.holder(party)),
            Creditor::Given { party, source: _ } => Some(Holder { party, entity: how.entity, bank_code: "" }),
        }
    }

    /// The fee.
    pub(in crate::bvnk) fn fee(self) -> Amount {
        Amount::new(self.refund.fee, self.refund.amount.currency)
    }

    /// The wallet that pays.
    pub(in crate::bvnk) fn wallet(self) -> String {
        match self.refund.funding {
            Funding::Held { account } => wallets::spelling(account),
            Funding::Mandate { .. } | Funding::MerchantAuthorised => wallets::spelling(self.payment.account),
        }
    }

    /// The text that the payee's bank sees for an attempt.
    pub(in crate::bvnk) fn payment_reference(self, app: &App, attempt: u8) -> String {
        ids_of_attempt(self.refund, attempt, app.host.environment, sha256).end_to_end_id
    }

    fn newest_attempt(self) -> u8 {
        self.refund.newest_attempt().map_or(1, |attempt| attempt.number)
    }
}

/// `{code, description}`.
pub(in crate::bvnk) fn reason(reason: Reason) -> Object {
    Object::new().put("code", reason.code).put("description", reason.description)
}

/// The pairs that the client gave.
pub(in crate::bvnk) fn metadata(notes: Option<&RefundNotes>) -> Out {
    let text = notes.map(|notes| &*notes.metadata).filter(|text| !text.is_empty());
    Out::Raw(text.unwrap_or("{}").to_owned())
}

/// The status of a payout; `refunds` of the same pay-in are put by whoever
/// lists them.
pub(in crate::bvnk) fn status(app: &App, pair: Pair<'_>) -> Object {
    let Pair { refund, payment } = pair;
    let config = &app.config(refund.merchant);
    let more = config.additive_fields;
    let notes = RefundNotes::of(refund);
    let standing = Standing::of(refund);
    let word = standing.word(config.waiting_as);
    let why = standing.reason(config.waiting_as).filter(|_| more).map(reason);
    let payin = more.then(|| payment.id.to_string());
    let own_text = notes.as_ref().filter(|_| more).map(|notes| notes.customer_reference.clone());
    let how = PayinNotes::of(payment);
    let holder = pair.creditor(&how).map(|holder| beneficiary(holder, config.account_numbers));
    let details = Object::new().put("type", "FIAT").put_some("beneficiary", holder);
    let approval = approval(refund).filter(|_| more && word == Word::PendingApproval);
    Object::new()
        .put("transactionReference", refund.id.to_string())
        .put_some("payinTransactionReference", payin)
        .put("paymentReference", pair.payment_reference(app, pair.newest_attempt()))
        .put_some("customerReference", own_text)
        .put("amount", money(refund.amount))
        .put("fee", money(pair.fee()))
        .put("walletId", pair.wallet())
        .put("status", word.text())
        .put_some("statusReason", why)
        .put("createdAt", time(refund.created_at))
        .extra(more, "updatedAt", time(refund.updated_at))
        .put_some("approval", approval)
        .put("details", details)
        .put("metadata", metadata(notes.as_ref()))
        .extra(more, "labels", Out::List(vec!["REFUND".into()]))
}

fn approval(refund: &Refund) -> Option<Object> {
    let approval = refund.approval.as_ref()?;
    let requested_at = approval.valid_until.minus(approval.policy.valid_for);
    Some(
        Object::new()
            .put("requestedAt", time(requested_at))
            .put("expiresAt", time(refund.deadlines.gate_at.unwrap_or(approval.valid_until)))
            .put("required", u64::from(approval.policy.required))
            .put("given", approval.decisions.len() as u64),
    )
}

/// The second version of the read.
pub(in crate::bvnk) fn second(app: &App, pair: Pair<'_>) -> Object {
    let word = Standing::of(pair.refund).word(app.config(pair.refund.merchant).waiting_as);
    second_at(app, pair, word, pair.refund.updated_at)
}

/// The same as it was when it had this word.
pub(in crate::bvnk) fn second_at(app: &App, pair: Pair<'_>, word: Word, at: Timestamp) -> Object {
    let Pair { refund, payment } = pair;
    let notes = PayinNotes::of(payment);
    let directory = app.host.engine.directory();
    let merchant = directory.merchants.get(&refund.merchant).map_or("", |merchant| &merchant.name);
    let company = Object::new().put("type", "COMPANY").put("legalName", merchant);
    let originator = sum(refund.amount).put("walletId", pair.wallet()).put("entity", company);
    let payee = pair.creditor(&notes).map(entity);
    Object::new()
        .put("id", refund.id.to_string())
        .put("type", "FIAT")
        .put("method", notes.method)
        .put("status", word.text())
        .put("direction", "OUT")
        .put("createdAt", time(refund.created_at))
        .put("updatedAt", time(at))
        .put("fees", Object::new().put("processingFee", sum(pair.fee())))
        .put("originator", originator)
        .put("beneficiary", sum(refund.amount).put_some("entity", payee))
}

/// The oldest read.
pub(in crate::bvnk) fn legacy(app: &App, refund: &Refund) -> Object {
    Object::new()
        .put("uuid", refund.id.to_string())
        .put("status", Standing::of(refund).word(app.config(refund.merchant).waiting_as).legacy())
        .put("amount", Out::Raw(printed(refund.amount)))
        .put("currency", refund.amount.currency.code())
}

/// A line of a pay-in's list of refunds.
pub(in crate::bvnk) fn line(app: &App, refund: &Refund) -> Object {
    Object::new()
        .put("transactionReference", refund.id.to_string())
        .put("status", Standing::of(refund).word(app.config(refund.merchant).waiting_as).text())
        .put("amount", money(refund.amount))
        .put("fee", money(Amount::new(refund.fee, refund.amount.currency)))
        .put("createdAt", time(refund.created_at))
}

/// What a webhook tells of a refund at one moment.
#[derive(Debug)]
pub(in crate::bvnk) struct Moment<'a> {
    /// Where it stood.
    pub(in crate::bvnk) standing: &'a Standing,
    /// The attempt that was the newest one.
    pub(in crate::bvnk) attempt: u8,
    /// Which change of the word it was.
    pub(in crate::bvnk) sequence: u32,
    /// The day.
    pub(in crate::bvnk) date: String,
}

/// The `data` of a refund's webhook.
pub(in crate::bvnk) fn event(app: &App, pair: Pair<'_>, moment: &Moment<'_>) -> Object {
    let Pair { refund, payment } = pair;
    let config = &app.config(refund.merchant);
    let more = config.additive_fields;
    let notes = RefundNotes::of(refund);
    let how = PayinNotes::of(payment);
    let id = refund.id.to_string();
    let payin = payment.id.to_string();
    let payee = pair.creditor(&how).map(|holder| {
        let account = super::accounts::bank_account(holder, config.account_numbers);
        Object::new().put("entity", entity(holder)).put("bankAccount", account)
    });
    let related = Object::new().put("transactionReference", payin.as_str()).put("type", "PAYIN");
    let why = moment.standing.reason(config.waiting_as).filter(|_| more).map(reason);
    Object::new()
        .put("status", moment.standing.word(config.waiting_as).text())
        .put("transactionReference", id.as_str())
        .put("uuid", id)
        .extra(more, "payinTransactionReference", payin)
        .put("paymentReference", pair.payment_reference(app, moment.attempt))
        .put_some("customerReference", notes.as_ref().map(|notes| notes.customer_reference.clone()))
        .put("valueDate", moment.date.as_str())
        .put("amount", coded(refund.amount))
        .put("fee", coded(pair.fee()))
        .put("paymentMethod", how.method)
        .put("originator", Object::new().put("walletId", pair.wallet()))
        .put_some("beneficiary", payee)
        .put("metadata", metadata(notes.as_ref()))
        .extra(more, "labels", Out::List(vec!["REFUND".into()]))
        .extra(more, "relatedPayments", Out::List(vec![related.into()]))
        .put_some("statusReason", why)
        .extra(more, "sequence", u64::from(moment.sequence))
}
