//! What workers ask for.

use super::Subject;
use super::reads::END_OF_TIME;
use super::shop::{self, Shop};
use super::writing::{draft, put_refund};
use crate::make::{self, AT};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::decide::wake_at;
use refundry_domain::id::RefundId;
use refundry_domain::mandate::MandateState;
use refundry_domain::refund::{Refund, RefundState};
use refundry_domain::time::{Span, Timestamp};

fn wakes(shop: &Shop) -> Vec<(Timestamp, RefundId)> {
    let mut wakes: Vec<_> =
        shop.facts.refunds.values().filter_map(|refund| Some((wake_at(refund)?, refund.id))).collect();
    wakes.sort();
    wakes
}

pub(super) fn due_refunds_come_in_their_order(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let wakes = wakes(&shop);
    assert_eq!(subject.reader.next_wake().expect("read"), wakes.first().map(|(at, _)| *at));
    let mut times: Vec<Timestamp> = wakes.iter().map(|(at, _)| *at).collect();
    times.dedup();
    for now in times.iter().flat_map(|at| [at.minus(Span(1)), *at]).chain([END_OF_TIME]) {
        let due = subject.reader.due_refunds(now, 1_000).expect("read");
        assert_in_order(&due);
        let mut ids: Vec<RefundId> = due.iter().map(|refund| refund.id).collect();
        let mut expected: Vec<RefundId> = wakes.iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "due at {now:?}");
        for refund in &due {
            assert_eq!(Some(refund), shop.facts.refunds.get(&refund.id));
        }
        let some = subject.reader.due_refunds(now, 2).expect("read");
        let earliest: Vec<_> = due.iter().take(2).map(wake_at).collect();
        assert_eq!(some.iter().map(wake_at).collect::<Vec<_>>(), earliest, "a limit keeps the earliest");
    }
}

fn assert_in_order(due: &[Refund]) {
    let times: Vec<_> = due.iter().map(wake_at).collect();
    assert!(times.is_sorted(), "earliest first: {times:?}");
}

pub(super) fn mandates_fall_due(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let mut facts = refundry_domain::facts::Facts::default();
    let mut waiting = Vec::new();
    draft(&mut facts, shop.merchant, AT, |draft| {
        for hours in [3_u64, 1, 2] {
            let mut made = make::mandate(&mut shop.ids, shop.merchant, refundry_domain::money::Currency::AUD);
            made.state = MandateState::Created;
            made.authorise_before = AT.plus(Span::seconds(hours * 3_600));
            waiting.push(made.clone());
            draft.put_mandate(made);
        }
    });
    subject.commit(&facts);
    for hours in 0..=4 {
        let now = AT.plus(Span::seconds(hours * 3_600));
        let mut due: Vec<_> =
            subject.reader.due_mandates(now, 10).expect("read").iter().map(|mandate| mandate.id).collect();
        due.sort();
        let past = waiting.iter().filter(|mandate| mandate.authorise_before <= now);
        assert_eq!(due, past.map(|mandate| mandate.id).collect::<Vec<_>>(), "after {hours} hours");
    }
    assert_eq!(subject.reader.due_mandates(END_OF_TIME, 2).expect("read").len(), 2, "a limit");
    let due = subject.reader.due_mandates(END_OF_TIME, 100).expect("read");
    assert!(due.iter().all(|mandate| mandate.state == MandateState::Created), "only those that wait for signatories");
}

pub(super) fn sending_refunds_are_found(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let purchase = shop.facts.payments[&shop.purchase].clone();
    let mut facts = subject.load(&shop::all_keys(&shop));
    let lease_until = AT.plus(Span::seconds(30));
    draft(&mut facts, shop.merchant, AT, |draft| {
        for state in [
            AttemptState::Sending { epoch: 1, lease_until },
            AttemptState::Unknown { since: AT, inquire_at: AT, inquiries: 0 },
            AttemptState::Sending { epoch: 2, lease_until },
            AttemptState::Accepted { since: AT },
            AttemptState::Sending { epoch: 3, lease_until },
        ] {
            let mut made = make::refund(shop.ids.refund(), &purchase, 1);
            made.state = RefundState::Submitted;
            made.attempts = vec![
                Attempt { number: 1, state: AttemptState::Absent, sent_at: Some(AT) },
                Attempt { number: 2, state, sent_at: Some(AT) },
            ];
            put_refund(draft, made);
        }
    });
    subject.commit(&facts);
    let is_sending =
        |refund: &&Refund| matches!(refund.newest_attempt(), Some(Attempt { state: AttemptState::Sending { .. }, .. }));
    let sending: Vec<RefundId> = facts.refunds.values().filter(is_sending).map(|refund| refund.id).collect();
    assert!(sending.len() >= 4, "three here and one in the shop");
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = subject.reader.sending_refunds(after, 2).expect("read");
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        found.extend(page.iter().map(|refund| refund.id));
    }
    assert_eq!(found, sending, "pages go by id");
}
