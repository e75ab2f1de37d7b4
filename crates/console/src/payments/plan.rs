//! What people are told before a refund is made: where the money comes from,
//! what it costs, and what happens next; or why none can be made here.

use super::load::Loaded;
use super::view::may_refund;
use crate::page::{Money, Notice, Tone};
use crate::visitor::Visitor;
use refundry_domain::money::Amount;
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refund::{Funding, Shortage};
use refundry_engine::person_refund::{NotMade, NotOffered, Prospect};
use refundry_engine::quote::Quote;

/// Why this visitor cannot refund this payment; none when they can.
pub(super) fn disabled(loaded: &Loaded, visitor: &Visitor) -> Option<String> {
    let payment = &loaded.payment;
    let arrived = match payment.state {
        PaymentState::Settled => true,
        PaymentState::Authorised | PaymentState::Executed => {
            loaded.prospect.as_ref().is_ok_and(|prospect| prospect.request.wait_for_settlement)
        }
        PaymentState::Open | PaymentState::Failed | PaymentState::Reversed => false,
    };
    let why = if payment.state == PaymentState::Failed {
        "Nothing was paid, so nothing can be given back."
    } else if !arrived {
        "The money has not arrived, or was taken back."
    } else if payment.counters.refundable() == 0 {
        "Everything was given back or is on its way."
    } else if !payment.blocks.is_empty() {
        "Refunds of this payment are blocked."
    } else if !may_refund(&visitor.person) {
        "Your role looks at payments and makes no refunds."
    } else {
        return match &loaded.prospect {
            Err(why) => Some(not_offered(*why).to_owned()),
            Ok(prospect) => unfunded(prospect).map(str::to_owned),
        };
    };
    Some(why.to_owned())
}

fn unfunded(prospect: &Prospect) -> Option<&'static str> {
    if prospect.refundable == 0 {
        return Some("What is left of it is less than the fees of its refunds.");
    }
    let pays = prospect.account.as_ref().is_none_or(|account| account.eligible);
    (!pays).then_some(
        "The account that this payment came into pays no refunds. A program can refund it out of another one, or \
         under a mandate.",
    )
}

fn not_offered(why: NotOffered) -> &'static str {
    match why {
        NotOffered::NotRefundable => "This payment cannot be given back as it stands.",
        NotOffered::TooLate => "The time in which this payment could be given back is over.",
        NotOffered::PayerUnknown => {
            "Nobody knows which account it came from. A program can make the refund and name the account."
        }
        NotOffered::HeldElsewhere => "The money went to an account that is not held here.",
        NotOffered::NobodyKnows => "No way to make refunds on this page is set up.",
    }
}

/// Why nothing was made.
pub(super) fn not_made(why: NotMade) -> String {
    match why {
        NotMade::NotOffered(why) => not_offered(why).to_owned(),
        NotMade::WholeOnly => "This payment can only be given back as a whole.".to_owned(),
        NotMade::Refused(refusal) => crate::approvals::refusal_sentence(refusal),
    }
}

/// Where the money comes from.
pub(super) fn source(prospect: &Prospect) -> String {
    match (&prospect.account, prospect.request.funding) {
        (Some(account), _) if account.name.is_empty() => "An account held here".to_owned(),
        (Some(account), _) => format!("{}, an account held here", account.name),
        (None, Some(Funding::Mandate { .. })) => "Your own bank account, under a mandate".to_owned(),
        (None, Some(Funding::MerchantAuthorised)) => "Your own bank account; you consent at your bank".to_owned(),
        (None, Some(Funding::Held { .. }) | None) => "An account held here".to_owned(),
    }
}

/// What a refund costs, and what the account has then.
pub(super) struct Price {
    /// Beside the amount; none where nothing is charged.
    pub(super) fee: Option<Money>,
    /// Amount and fee.
    pub(super) total: Money,
    /// What the paying account can spend afterwards; none where it is not held
    /// here, or has not enough.
    pub(super) left: Option<Money>,
    /// It has not enough.
    pub(super) short: Option<Notice>,
}

/// The price of a refund, as the door will charge it.
pub(super) fn price(prospect: &Prospect, quote: Quote) -> Price {
    let money = |minor| Money(Amount::new(minor, quote.amount.currency));
    let total = quote.amount.minor.saturating_add(quote.fee);
    let available = prospect.account.as_ref().map(|account| account.balance.available());
    let left = available.and_then(|available| available.checked_sub(total)).map(money);
    let short = available.filter(|available| *available < total).map(|available| {
        let then = match prospect.request.shortage {
            Shortage::Refuse => "Unless money comes in first, the refund will not be made.",
            Shortage::Wait => "The refund waits until there is enough.",
            Shortage::Fail => "Unless money comes in first, the refund will fail.",
        };
        Notice::new(Tone::Warning, format!("The account has only {}", money(available).figures()), then)
    });
    Price { fee: Some(money(quote.fee)).filter(|_| quote.fee > 0), total: money(total), left, short }
}

/// What happens after it is made, in its order.
pub(super) fn steps(visitor: &Visitor, prospect: &Prospect, minor: u64) -> Vec<&'static str> {
    let (payment, request) = (&prospect.payment, &prospect.request);
    let mut steps = Vec::new();
    if payment.debtor.is_none() {
        steps.push(match request.funding {
            Some(Funding::MerchantAuthorised) => "The customer is asked which account it should go to.",
            Some(Funding::Held { .. } | Funding::Mandate { .. }) | None => {
                "A program of yours names the account that it should go to."
            }
        });
    }
    if payment.state != PaymentState::Settled {
        steps.push("It waits until the payment has settled.");
    }
    match request.approval {
        Some(_) => steps.push("Another person approves it."),
        None => steps.extend(approval_step(visitor, payment, minor)),
    }
    if request.funding == Some(Funding::MerchantAuthorised) {
        steps.push("You consent at your bank. Nothing is sent before that.");
    }
    steps.push("The bank sends it.");
    steps
}

/// Whether another person must agree, as far as the merchant's rules tell
/// before it is made; what is counted per day is known only then.
fn approval_step(visitor: &Visitor, payment: &Payment, minor: u64) -> Option<&'static str> {
    let rules = visitor.directory.approval_rules(payment.merchant);
    if !rules.refunds {
        return None;
    }
    let limits = rules.limits_of(payment.amount.currency);
    let of_payment = payment.counters.claimed.saturating_add(minor);
    let surely = limits.refund.is_some_and(|limit| minor > limit)
        || limits.payment.is_some_and(|limit| of_payment > limit)
        || limits.day.is_some_and(|limit| minor > limit)
        || limits.creditor_day.is_some_and(|limit| minor > limit && payment.debtor.is_some());
    if surely {
        return Some("Another person approves it.");
    }
    let perhaps = limits.day.is_some() || limits.creditor_day.is_some();
    perhaps.then_some("Another person approves it, where the sums of today ask for that.")
}
