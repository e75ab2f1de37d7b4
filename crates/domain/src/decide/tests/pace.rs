//! How long something rests before it is sent, and when silence gets a case.

use super::shop::{FLOAT, Shop, party};
use crate::command::{Command, PayoutStep, RequestPayout};
use crate::deadline::{Limits, Pace};
use crate::decide::{Done, wake_at, wake_payout_at};
use crate::id::{PayoutId, RefundId};
use crate::instruction::{Order, Submission};
use crate::money::{Amount, Currency};
use crate::payment::{Origin, PaymentState};
use crate::reference::Tag;
use crate::refund::{CaseCode, ClientReference};
use crate::refusal::Refusal;
use crate::rules::Environment;
use crate::time::{Span, Timestamp};
use std::sync::Arc;

const PAYOUT: PayoutId = PayoutId(60_001);
const PACE: Pace = Pace { rest: Span::seconds(10), overdue_after: Span::seconds(600) };

/// A shop with a refund and a payout of this pace, both ready.
fn shop(pace: Pace) -> (Shop, RefundId) {
    let mut shop = Shop::new(Environment::Sandbox);
    let payment = shop.payment(1_000, PaymentState::Settled, Some(party()));
    let mut ask = shop.ask(payment, 100);
    ask.limits = Limits { overall: Span::seconds(3_600), pace, ..Limits::default() };
    let refund = shop.request(ask);
    shop.ok(Command::RequestPayout(Box::new(RequestPayout {
        id: PAYOUT,
        account: FLOAT,
        amount: Amount::new(100, Currency::AUD),
        creditor: party(),
        origin: Origin::new("native", ""),
        reference: ClientReference { tag: Tag::Key, value: "payout".into() },
        pace,
        remittance: None,
        extension: Arc::from([]),
    })));
    (shop, refund)
}

fn wakes(shop: &Shop, refund: RefundId) -> [Option<Timestamp>; 2] {
    [wake_at(shop.refund(refund)), wake_payout_at(&shop.facts.payouts[&PAYOUT])]
}

/// Tries to send both; whether each went.
fn send(shop: &mut Shop, refund: RefundId) -> [bool; 2] {
    let lease_until = shop.at.plus(Span::seconds(30));
    let of_refund = shop.begin(refund);
    let step = PayoutStep::BeginSend { epoch: 1, lease_until };
    [of_refund, Command::StepPayout { payout: PAYOUT, step }].map(|begin| matches!(shop.ok(begin), Done::Send(_)))
}

fn postpone(shop: &mut Shop, refund: RefundId, rest: Span) -> [Result<Done, Refusal>; 2] {
    [Order::Refund(refund), Order::Payout(PAYOUT)].map(|order| shop.try_do(&Command::Postpone { order, rest }))
}

#[test]
fn what_rests_is_sent_after_it() {
    for (pace, seconds) in [(Pace::default(), 0), (PACE, 10)] {
        let (mut shop, refund) = shop(pace);
        let send_at = shop.at.plus(Span::seconds(seconds));
        assert_eq!(wakes(&shop, refund), [Some(send_at); 2]);
        if seconds > 0 {
            assert_eq!(send(&mut shop, refund), [false; 2], "not before its time");
            assert_eq!(shop.state(refund), "ready");
        }
        shop.at = send_at;
        assert_eq!(send(&mut shop, refund), [true; 2]);
    }
}

#[test]
fn a_rest_is_made_longer_and_ended() {
    let (mut shop, refund) = shop(PACE);
    let year = Span::days(365);
    shop.pass(Span::seconds(5));
    assert!(postpone(&mut shop, refund, year).iter().all(Result::is_ok));
    let deadline = shop.refund(refund).deadlines.overall_at;
    assert_eq!(wakes(&shop, refund), [Some(deadline), Some(shop.at.plus(year))], "a refund has a deadline");
    shop.pass(Span::seconds(60));
    assert_eq!(send(&mut shop, refund), [false; 2]);
    assert!(postpone(&mut shop, refund, Span(0)).iter().all(Result::is_ok));
    assert_eq!(wakes(&shop, refund), [Some(shop.at); 2]);
    assert_eq!(send(&mut shop, refund), [true; 2]);
    let sent = Err(Refusal::AlreadySubmitted);
    assert_eq!(postpone(&mut shop, refund, year), [sent.clone(), sent], "too late");
}

#[test]
fn a_rest_does_not_outlast_the_deadline() {
    let (mut shop, refund) = shop(PACE);
    postpone(&mut shop, refund, Span::days(365)).into_iter().for_each(|done| drop(done.unwrap()));
    shop.at = shop.refund(refund).deadlines.overall_at;
    assert_eq!(send(&mut shop, refund), [false; 2]);
    assert_eq!(shop.state(refund), "expired");
}

#[test]
fn silence_is_a_case_after_the_time_that_was_given() {
    for pace in [Pace::default(), PACE] {
        let (mut shop, refund) = shop(Pace { rest: Span(0), ..pace });
        assert_eq!(send(&mut shop, refund), [true; 2]);
        let outcome = Submission::Accepted;
        shop.ok(Command::RecordSubmission { refund, attempt: 1, epoch: 1, outcome });
        let step = PayoutStep::RecordSubmission { attempt: 1, epoch: 1, outcome };
        shop.ok(Command::StepPayout { payout: PAYOUT, step });
        let overdue_at = shop.at.plus(pace.overdue_after);
        for (at, overdue) in [(Timestamp(overdue_at.0 - 1), false), (overdue_at, true)] {
            shop.at = at;
            // The refund's hour is up in one of the two; that is another story.
            shop.ok(Command::Tick { refund });
            shop.ok(Command::StepPayout { payout: PAYOUT, step: PayoutStep::Tick });
            let cases = [shop.refund(refund).cases.clone(), shop.facts.payouts[&PAYOUT].cases.clone()];
            for cases in cases {
                assert_eq!(cases.iter().any(|case| case.code == CaseCode::Overdue), overdue, "{pace:?} {cases:?}");
            }
        }
    }
}
