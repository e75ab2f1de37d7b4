//! States, makers and refusals as sentences.

use crate::page::{Chip, Tone};
use crate::visitor::Visitor;
use refundry_domain::refund::{ExpiredAt, Funding, Gate, Refund, RefundState};
use refundry_domain::refusal::Refusal;

/// Where a refund stands: icon and words.
pub(crate) fn chip(state: RefundState) -> Chip {
    let (tone, word) = match state {
        RefundState::Awaiting(Gate::Details) => (Tone::Waiting, "Waiting for the customer's bank details"),
        RefundState::Awaiting(Gate::Settlement) => (Tone::Waiting, "Waiting until the payment has settled"),
        RefundState::Awaiting(Gate::Approval) => (Tone::Waiting, "Waiting for approval"),
        RefundState::Awaiting(Gate::Funds) => (Tone::Waiting, "Waiting for money in the account"),
        RefundState::Awaiting(Gate::Authorisation) => (Tone::Waiting, "Waiting for consent at your bank"),
        RefundState::Ready => (Tone::Waiting, "About to be sent"),
        RefundState::Submitted => (Tone::Waiting, "Sent to the bank"),
        RefundState::Settled { .. } => (Tone::Good, "Paid"),
        RefundState::Failed { .. } => (Tone::Bad, "Failed"),
        RefundState::Rejected { .. } => (Tone::Bad, "Rejected"),
        RefundState::Cancelled { .. } => (Tone::Bad, "Withdrawn"),
        RefundState::Expired { .. } => (Tone::Bad, "Ran out of time"),
        RefundState::Returned { .. } => (Tone::Warning, "Came back"),
    };
    Chip { tone, word: word.to_owned() }
}

/// Where a refund stands, when there is nothing to decide any more.
pub(super) fn standing(refund: &Refund, visitor: &Visitor) -> String {
    match refund.state {
        RefundState::Awaiting(_) => "Enough people approved it; it waits for something else.".to_owned(),
        RefundState::Ready => "It is approved and about to be sent.".to_owned(),
        RefundState::Submitted => "It is approved and was sent to the bank.".to_owned(),
        RefundState::Settled { .. } => "It was paid.".to_owned(),
        RefundState::Failed { failure } => {
            format!("It failed ({}); its amount can be refunded again.", failure.kind.code().replace('_', " "))
        }
        RefundState::Rejected { by } => {
            format!("{} rejected it. Nothing was sent, and this cannot be undone.", visitor.name_of(by))
        }
        RefundState::Cancelled { .. } => "It was withdrawn. Nothing was sent.".to_owned(),
        RefundState::Expired { at: ExpiredAt::Gate(Gate::Approval) } => {
            "Nobody decided in time. Nothing was sent.".to_owned()
        }
        RefundState::Expired { .. } => "It ran out of time. Nothing was sent.".to_owned(),
        RefundState::Returned { .. } => "It was paid and came back; its amount can be refunded again.".to_owned(),
    }
}

/// Who asked for a refund.
pub(super) fn maker(refund: &Refund, visitor: &Visitor) -> String {
    let person = refund.approval.as_ref().and_then(|approval| approval.maker);
    person.map_or_else(|| "A program of the merchant".to_owned(), |person| visitor.name_of(person))
}

/// Where the money comes from.
pub(super) fn funding(funding: Funding, account: Option<&str>) -> String {
    match funding {
        Funding::Held { .. } => match account.filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => "An account held here".to_owned(),
        },
        Funding::Mandate { .. } => "Your own bank account, under a mandate".to_owned(),
        Funding::MerchantAuthorised => "Your own bank account; you consent at your bank".to_owned(),
    }
}

/// Sentences for what people can meet here; the engine's codes for the rest.
const REFUSALS: [(Refusal, &str); 18] = [
    (Refusal::SelfApproval, "You asked for this refund, so another person must decide about it."),
    (Refusal::AlreadyDecided, "You decided about this refund already."),
    (Refusal::NotEligible, "Your role does not decide about refunds any more."),
    (Refusal::ApprovalExpired, "The time to decide about this refund is over."),
    (Refusal::NotAwaited, "This refund does not wait for a decision any more; somebody else was quicker."),
    (Refusal::AlreadySubmitted, "This refund was sent already."),
    (Refusal::AlreadyEnded, "This refund has ended already; somebody else was quicker."),
    (Refusal::RefundUnknown, "There is no such refund."),
    (Refusal::Changed, "The refund changed since you looked at it. This is how it is now: look at it again."),
    (Refusal::AlreadyRefunded, "Everything of this payment was given back meanwhile, or is on its way."),
    (Refusal::PaymentNotSettled, "The money of this payment has not arrived."),
    (Refusal::PaymentFailed, "Nothing was paid, so nothing can be given back."),
    (Refusal::PaymentBlocked, "Refunds of this payment are blocked."),
    (Refusal::AccountNotEligible, "The account that this payment came into pays no refunds."),
    (Refusal::CreditorMissing, "Nobody knows which account the payment came from."),
    (Refusal::KeyReused, "This form made another refund already. Look at the refunds below."),
    (Refusal::DuplicateReference, "This form made a refund already. Look at the refunds below."),
    (Refusal::RefundBlocked, "This refund is blocked."),
];

/// Why the engine did not take a step.
pub(crate) fn refusal(refusal: Refusal) -> String {
    if matches!(refusal, Refusal::AmountExceedsRefundable { .. }) {
        return "Less than that is left of this payment by now.".to_owned();
    }
    if matches!(refusal, Refusal::InsufficientFunds { .. }) {
        return "The account has not enough money for the refund and its fee.".to_owned();
    }
    let known = REFUSALS.iter().find(|(known, _)| *known == refusal);
    known.map_or_else(
        || format!("The engine refused it: {}.", refusal.code().replace('_', " ")),
        |(_, text)| (*text).to_owned(),
    )
}
