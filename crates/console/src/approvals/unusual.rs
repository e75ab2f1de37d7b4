//! What an approver should look at before anything else.

use super::load::Loaded;
use crate::page::{Money, PartyView, age};
use refundry_domain::money::Amount;
use refundry_domain::party::{Creditor, CreditorSource};
use refundry_domain::time::{Span, Timestamp};

/// A refund of a payment older than this is unusual.
const OLD: Span = Span::days(90);

/// Every unusual thing about a refund, the gravest first.
pub(super) fn points(loaded: &Loaded, now: Timestamp) -> Vec<String> {
    let mut points = account_points(loaded);
    let (refund, payment) = (&loaded.refund, &loaded.payment);
    let money = |minor| Money(Amount::new(minor, refund.amount.currency)).figures();
    if !payment.blocks.is_empty() {
        points.push("Refunds of this payment are blocked.".to_owned());
    }
    if refund.is_blocked() {
        points.push("This refund is blocked; approving it does not lift the block.".to_owned());
    }
    if payment.counters.reversed > 0 {
        points.push(format!("The bank took {} of the payment back already.", money(payment.counters.reversed)));
    }
    if let Some(account) = loaded.account.as_ref().filter(|_| loaded.balance_after().is_none()) {
        let available = money(account.balance.available());
        points.push(format!("The paying account holds {available}, less than this refund needs."));
    }
    let others = payment.counters.claimed.saturating_sub(refund.amount.minor);
    if others > 0 {
        points.push(format!("Other refunds give {} of the same payment back.", money(others)));
    }
    if payment.created_at.plus(OLD) < now {
        points.push(format!("The payment is {} old.", age(payment.created_at, now)));
    }
    points
}

fn account_points(loaded: &Loaded) -> Vec<String> {
    let mut points = Vec::new();
    let Creditor::Given { party, source } = &loaded.refund.creditor else {
        if loaded.creditor().is_none() {
            points.push("Nobody knows yet which account it goes to.".to_owned());
        }
        return points;
    };
    let who = match source {
        CreditorSource::PayerAccount => return points,
        CreditorSource::MerchantSupplied => "The merchant's request named the account",
        CreditorSource::CustomerSupplied => "The customer entered the account",
        CreditorSource::OperatorOverride => "Two people put this account in place of another",
    };
    match &loaded.payment.debtor {
        Some(debtor) if debtor.account != party.account => {
            let paid = PartyView::of(Some(debtor)).sentence();
            points.push(format!("{who}, and it is not the one the payment came from ({paid})."));
        }
        Some(_) => {}
        None => points.push(format!("{who}; the bank did not say which account paid.")),
    }
    points
}
