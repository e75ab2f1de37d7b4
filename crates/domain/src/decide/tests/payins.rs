//! Stories of pay-ins: when they came where, how they fail, what dialects
//! write down about them.

use super::shop::{FLOAT, Shop};
use crate::command::{Command, RecordPayment};
use crate::decide::Done;
use crate::event::EventKind;
use crate::id::PaymentId;
use crate::money::{Amount, Currency};
use crate::payment::{Moments, Origin, Payment, PaymentFailure, PaymentFailureReason, PaymentState, Provenance};
use crate::refusal::Refusal;
use crate::rules::Environment;
use crate::time::{Span, Timestamp};

fn record(id: u128, state: PaymentState) -> RecordPayment {
    RecordPayment {
        id: PaymentId(id),
        origin: Origin::new("native", ""),
        account: FLOAT,
        amount: Amount::new(500, Currency::AUD),
        debtor: None,
        state,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: None,
        payer_key: Some("payer-1".into()),
        occurred_at: None,
        expires_at: None,
        extension: [1].into(),
    }
}

fn advance(payment: PaymentId, to: PaymentState, failure: Option<PaymentFailureReason>) -> Command {
    Command::AdvancePayment { payment, to, credited: None, debtor: None, failure }
}

fn stored(shop: &Shop, id: PaymentId) -> Payment {
    shop.facts.payments[&id].clone()
}

fn moments(shop: &Shop, id: PaymentId) -> [Option<u64>; 4] {
    let Moments { authorised_at, executed_at, settled_at, failed_at } = stored(shop, id).moments;
    let since = |at: Timestamp| u64::try_from(at.0 - shop.at.0).ok().map(|nanos| nanos / 1_000_000_000);
    [authorised_at, executed_at, settled_at, failed_at].map(|at| at.map(|at| since(at).unwrap()))
}

#[test]
fn a_state_that_is_jumped_over_has_the_same_instant() {
    use PaymentState::{Authorised, Executed, Failed, Open, Settled};
    // The states one second after the other, and the second of each moment.
    type Row = (&'static [PaymentState], [Option<u64>; 4]);
    let table: &[Row] = &[
        (&[Open], [None, None, None, None]),
        (&[Open, Authorised], [Some(1), None, None, None]),
        (&[Open, Authorised, Executed, Settled], [Some(1), Some(2), Some(3), None]),
        (&[Open, Settled], [Some(1), Some(1), Some(1), None]),
        (&[Open, Executed, Settled], [Some(1), Some(1), Some(2), None]),
        (&[Open, Failed], [None, None, None, Some(1)]),
        (&[Executed, Failed], [Some(0), Some(0), None, Some(1)]),
        (&[Settled], [Some(0), Some(0), Some(0), None]),
    ];
    for (states, expected) in table {
        let mut shop = Shop::new(Environment::Sandbox);
        let start = shop.at;
        let id = PaymentId(1);
        for (place, state) in states.iter().enumerate() {
            if place == 0 {
                shop.ok(Command::RecordPayment(record(1, *state)));
            } else {
                shop.pass(Span::seconds(1));
                shop.ok(advance(id, *state, None));
            }
        }
        shop.at = start;
        assert_eq!(&moments(&shop, id), expected, "{states:?}");
    }
}

#[test]
fn what_happened_before_it_was_recorded_keeps_its_time() {
    let mut shop = Shop::new(Environment::Sandbox);
    let (now, earlier) = (shop.at, shop.at.minus(Span::days(3)));
    for (id, occurred_at, expected) in
        [(1, Some(earlier), earlier), (2, Some(now.plus(Span::days(1))), now), (3, None, now)]
    {
        shop.ok(Command::RecordPayment(RecordPayment { occurred_at, ..record(id, PaymentState::Settled) }));
        let payment = stored(&shop, PaymentId(id));
        assert_eq!((payment.created_at, payment.moments.settled_at), (expected, Some(expected)));
        assert_eq!(payment.updated_at, now);
        assert_eq!(payment.payer_key.as_deref(), Some("payer-1"));
    }
}

#[test]
fn a_failure_has_a_stage_and_a_reason() {
    use PaymentFailureReason::{Cancelled, Other, RejectedByBank};
    let table = [
        (PaymentState::Open, Some(Cancelled), Cancelled),
        (PaymentState::Authorised, Some(RejectedByBank), RejectedByBank),
        (PaymentState::Executed, None, Other),
    ];
    for (stage, said, reason) in table {
        let mut shop = Shop::new(Environment::Sandbox);
        shop.ok(Command::RecordPayment(record(1, stage)));
        shop.ok(advance(PaymentId(1), PaymentState::Failed, said));
        let payment = stored(&shop, PaymentId(1));
        assert_eq!((payment.state, payment.failure), (PaymentState::Failed, Some(PaymentFailure { stage, reason })));
        let later = advance(PaymentId(1), PaymentState::Settled, None);
        assert_eq!(shop.try_do(&later), Err(Refusal::TransitionImpossible));
    }
}

#[test]
fn an_open_payment_fails_at_its_expiry_and_no_other_does() {
    let mut shop = Shop::new(Environment::Sandbox);
    let expires_at = Some(shop.at.plus(Span::seconds(60)));
    for (id, state) in [(1, PaymentState::Open), (2, PaymentState::Open), (3, PaymentState::Settled)] {
        shop.ok(Command::RecordPayment(RecordPayment { expires_at, ..record(id, state) }));
    }
    shop.ok(advance(PaymentId(2), PaymentState::Authorised, None));
    let due: Vec<_> = (1..=3).map(|id| stored(&shop, PaymentId(id)).due_at()).collect();
    assert_eq!(due, [expires_at, None, None]);

    shop.pass(Span::seconds(59));
    assert_eq!(shop.ok(Command::TickPayment { payment: PaymentId(1) }), Done::Unchanged);
    shop.pass(Span::seconds(1));
    let events = shop.facts.changes.events.len();
    for id in 1..=3 {
        shop.ok(Command::TickPayment { payment: PaymentId(id) });
    }
    let expired = PaymentFailure { stage: PaymentState::Open, reason: PaymentFailureReason::Expired };
    let payment = stored(&shop, PaymentId(1));
    assert_eq!((payment.failure, payment.moments.failed_at, payment.due_at()), (Some(expired), expires_at, None));
    let told: Vec<_> = shop.facts.changes.events.drain(events..).map(|event| event.kind).collect();
    assert!(matches!(told[..], [EventKind::PaymentFailed]), "{told:?}");
    assert_eq!(stored(&shop, PaymentId(2)).state, PaymentState::Authorised);
    assert_eq!(stored(&shop, PaymentId(3)).state, PaymentState::Settled);
}

#[test]
fn an_annotation_is_refused_when_somebody_wrote_since() {
    let mut shop = Shop::new(Environment::Sandbox);
    shop.ok(Command::RecordPayment(record(1, PaymentState::Open)));
    let before = stored(&shop, PaymentId(1));
    let events = shop.facts.changes.events.len();
    let annotate = |before: u8, after: u8| Command::AnnotatePayment {
        payment: PaymentId(1),
        before: [before].into(),
        extension: [after].into(),
    };
    shop.pass(Span::seconds(5));
    assert_eq!(shop.ok(annotate(1, 2)), Done::Payment(PaymentId(1)));
    assert_eq!(shop.try_do(&annotate(1, 3)), Err(Refusal::Changed));
    let after = stored(&shop, PaymentId(1));
    assert_eq!(after, Payment { extension: [2].into(), ..before }, "nothing else changes");
    assert_eq!(shop.facts.changes.events.len(), events, "and nobody is told");
    shop.ok(advance(PaymentId(1), PaymentState::Failed, None));
    assert_eq!(shop.try_do(&annotate(2, 3)), Err(Refusal::TransitionImpossible), "it is told as it failed");
    let unknown = Command::AnnotatePayment { payment: PaymentId(9), before: [].into(), extension: [].into() };
    assert_eq!(shop.try_do(&unknown), Err(Refusal::PaymentUnknown));
}

#[test]
fn reasons_are_numbered() {
    for (number, reason) in (0_u8..).zip(PaymentFailureReason::ALL) {
        assert_eq!((reason.number(), PaymentFailureReason::from_number(number)), (number, Some(reason)));
    }
    assert_eq!(PaymentFailureReason::from_number(7), None);
}
