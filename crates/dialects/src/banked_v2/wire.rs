//! Bodies in and out, in this provider's spelling. Members stand in the order
//! in which the provider's pages print them.

mod accounts;
mod checkouts;
mod requests;
mod sessions;

pub(super) use accounts::{Listed, bank_accounts, consumer_account, providers};
pub(super) use checkouts::{
    CheckoutBody, NewAuCheckout, PayerAccount, ProviderChoice, Step, au_checkout, checkout_session, chosen_bank,
};
pub(super) use requests::{PayeeInput, RefundRequest, SessionRequest};
pub(super) use sessions::{EventWords, PayeeBody, PayerBody, SessionBody, Shown, session_event};

use super::errors::to_json;
use super::links::Links;
use super::states;
use crate::print::{Text, uuid};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refund::{Gate, Refund, RefundState};
use refundry_domain::time::Timestamp;
use serde::Serialize;

/// The currencies of this generation, with their signs.
const SIGNS: [(Currency, &str); 3] = [(Currency::GBP, "£"), (Currency::EUR, "€"), (Currency::AUD, "$")];

/// Whether this generation speaks of a currency.
pub(super) fn speaks_of(currency: Currency) -> bool {
    SIGNS.iter().any(|(known, _)| *known == currency)
}

/// An amount for people: sign, thousands apart, two decimals.
pub(super) fn formatted(amount: Amount) -> String {
    let sign = SIGNS.iter().find(|(known, _)| *known == amount.currency).map_or("", |(_, sign)| sign);
    let whole = (amount.minor / 100).to_string();
    let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{:02}", amount.minor % 100)
}

/// A refund as its own answers show it: six members, and its id where a
/// setting wants it.
#[derive(Serialize)]
struct RefundBody {
    amount: u64,
    amount_formatted: String,
    payment_session_id: Text<36>,
    refund_payment_session_id: Option<Text<36>>,
    state: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Text<36>>,
}

/// A refund as its session shows it.
#[derive(Serialize)]
pub(super) struct RefundItem {
    amount: u64,
    amount_formatted: String,
    payment_session_id: Text<36>,
    refund_payment_session_id: Option<Text<36>>,
    state: &'static str,
}

fn session_id(links: Links<'_>, refund: &Refund) -> Option<Text<36>> {
    states::has_session(refund).then(|| uuid(links.session_of(refund.id)))
}

fn body(links: Links<'_>, refund: &Refund, session: Option<Text<36>>, url: String) -> RefundBody {
    RefundBody {
        amount: refund.amount.minor,
        amount_formatted: formatted(refund.amount),
        payment_session_id: uuid(refund.payment.0),
        refund_payment_session_id: session,
        state: states::refund(refund.state, links.config),
        url,
        id: links.config.expose_id.then(|| uuid(refund.id.0)),
    }
}

/// The answer to the creation of a refund, also when it is asked for again
/// years later: as it was then, with the first link.
pub(super) fn created_refund(links: Links<'_>, refund: &Refund) -> Vec<u8> {
    let first = refund.at_creation();
    let asks = first.state == RefundState::Awaiting(Gate::Details);
    let session = states::begins_session(first.state) && session_id(links, &first).is_some();
    let session = session.then(|| uuid(links.session_of(first.id)));
    let url = links.details_url(first.id, asks.then_some(0));
    to_json(&body(links, &first, session, url))
}

/// How often the link of a refund that is good now was renewed; none when no
/// link is good.
pub(super) fn good_link(refund: &Refund, renewals: u64, now: Timestamp) -> Option<u64> {
    let waits = refund.state == RefundState::Awaiting(Gate::Details) && now < refund.deadlines.earliest();
    waits.then_some(renewals)
}

fn current(links: Links<'_>, refund: &Refund, renewals: u64, now: Timestamp) -> RefundBody {
    let url = links.details_url(refund.id, good_link(refund, renewals, now));
    body(links, refund, session_id(links, refund), url)
}

/// A refund as it is now.
pub(super) fn current_refund(links: Links<'_>, refund: &Refund, renewals: u64, now: Timestamp) -> Vec<u8> {
    to_json(&current(links, refund, renewals, now))
}

/// A bare array of refunds, each with the renewals of its link.
pub(super) fn refund_list(links: Links<'_>, refunds: &[(Refund, u64)], now: Timestamp) -> Vec<u8> {
    let bodies: Vec<RefundBody> =
        refunds.iter().map(|(refund, renewals)| current(links, refund, *renewals, now)).collect();
    to_json(&bodies)
}

/// A refund in the list of its session.
pub(super) fn refund_item(links: Links<'_>, refund: &Refund) -> RefundItem {
    RefundItem {
        amount: refund.amount.minor,
        amount_formatted: formatted(refund.amount),
        payment_session_id: uuid(refund.payment.0),
        refund_payment_session_id: session_id(links, refund),
        state: states::refund(refund.state, links.config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_for_people() {
        for (minor, currency, text) in [
            (400, Currency::GBP, "£4.00"),
            (5, Currency::EUR, "€0.05"),
            (123_456_789, Currency::AUD, "$1,234,567.89"),
            (100_000, Currency::GBP, "£1,000.00"),
            (99_999, Currency::GBP, "£999.99"),
        ] {
            assert_eq!(formatted(Amount::new(minor, currency)), text);
        }
    }
}
