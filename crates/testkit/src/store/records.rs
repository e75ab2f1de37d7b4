//! Once-records, counters, strays.

use super::Subject;
use super::shop;
use crate::make::AT;
use refundry_domain::facts::{Facts, KeylessSeen};
use refundry_domain::instruction::EvidenceId;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::stray::StrayClosed;
use refundry_domain::time::Span;
use refundry_engine::store::Keys;

pub(super) fn records_read_back(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let facts = subject.load(&shop::all_keys(&shop));
    assert_eq!(facts.once, shop.facts.once, "once-records of every result");
    assert_eq!(facts.keyless, shop.facts.keyless);
    assert_eq!(facts.approval_sums, shop.facts.approval_sums);
    assert_eq!(facts.stray_creditors, shop.facts.stray_creditors, "strays that name a creditor");
    assert_eq!(facts.strays, shop.facts.strays);
    assert_eq!(facts.instructions, shop.facts.instructions);
    assert_eq!(facts.origin_keys, shop.facts.origin_keys);
    let asked: Vec<_> = facts
        .evidence
        .iter()
        .filter(|(refund, _)| shop.facts.instructions.values().any(|(about, _)| about == refund))
        .collect();
    let written = shop
        .facts
        .evidence
        .iter()
        .filter(|(refund, _)| shop.facts.instructions.values().any(|(about, _)| about == refund));
    assert_eq!(asked, written.collect::<Vec<_>>());
}

pub(super) fn counters_are_replaced(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let keyless = (shop.purchase, "c0ffee".to_owned());
    let sum = shop.facts.approval_sums.keys().next().expect("there are sums").clone();
    let keys = Keys {
        at: AT,
        mandates: [(shop.merchant, shop.mandate)].into(),
        keyless: [keyless.clone()].into(),
        approval_sums: [sum.clone()].into(),
        ..Keys::default()
    };
    let mut facts = subject.load(&keys);
    let period = facts.mandates[&shop.mandate].period.index_at(AT);
    let seen = KeylessSeen { count: 3, latest_at: AT.plus(Span::seconds(5)) };
    super::writing::draft(&mut facts, shop.merchant, AT, |draft| {
        assert_eq!(draft.mandate_used(shop.mandate, period), 1);
        draft.put_mandate_used(shop.mandate, period, 3);
        draft.put_keyless(keyless.0, &keyless.1, seen);
        draft.put_approval_sum(sum.clone(), draft.approval_sum(&sum) + 1);
    });
    subject.commit(&facts);
    let facts = subject.load(&keys);
    assert_eq!(facts.mandate_uses.get(&(shop.mandate, period)), Some(&3), "the count itself may be reached");
    assert_eq!(facts.keyless.get(&keyless), Some(&seen));
    assert_eq!(facts.approval_sums.get(&sum), Some(&(shop.facts.approval_sums[&sum] + 1)));
}

/// One row per merchant and instruction id; a closed one names no creditor.
pub(super) fn strays_are_closed_and_opened(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let id = "UNKNOWN2";
    let listed = |subject: &Subject| -> Vec<String> {
        let open = subject.reader.strays(shop.merchant).expect("read");
        open.into_iter().map(|stray| stray.instruction_id).collect()
    };
    assert_eq!(listed(subject), ["UNKNOWN1", id]);
    assert_eq!(subject.reader.strays(shop.other).expect("read"), []);
    let keys = Keys {
        at: AT,
        instructions: [(shop.merchant, id.to_owned(), None), (shop.other, id.to_owned(), None)].into(),
        strays: [shop.merchant].into(),
        ..Keys::default()
    };
    let closed = StrayClosed { at: AT.plus(Span::seconds(9)), explained: true };
    for closed in [Some(closed), None] {
        let mut facts = subject.load(&keys);
        let mut stray = facts.strays[&(shop.merchant, id.to_owned())].clone();
        stray.amount = Some(Amount::new(70, Currency::AUD));
        stray.in_suspense = -70;
        stray.evidence.push(EvidenceId([2; 8]));
        stray.closed = closed;
        super::writing::draft(&mut facts, shop.merchant, AT, |draft| draft.put_stray(stray.clone()));
        subject.commit(&facts);
        let facts = subject.load(&keys);
        assert_eq!(facts.strays.values().collect::<Vec<_>>(), [&stray], "not the other merchant's");
        assert!(facts.books.contains_key(&(shop.merchant, Currency::AUD)), "a stray brings its book");
        assert_eq!(facts.stray_creditors.is_empty(), closed.is_some());
        assert_eq!(listed(subject).contains(&id.to_owned()), closed.is_none());
    }
}

/// A key that made no refund is forgotten after a while (the caller looks at
/// its time) and may then be written again.
pub(super) fn a_forgotten_key_is_written_over(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let forgotten = shop.facts.once.iter().find(|(_, record)| matches!(record.result, OnceResult::Answer { .. }));
    let key: OnceKey = *forgotten.expect("the shop keeps an answer").0;
    let record = OnceRecord {
        fingerprint: Fingerprint([3; 16]),
        result: OnceResult::Payment(shop.purchase),
        at: AT.plus(Span::days(90)),
    };
    let mut facts = Facts::default();
    facts.once.insert(key, record.clone());
    facts.changes.once.insert(key);
    subject.commit(&facts);
    let facts = subject.load(&Keys { once: [key].into(), ..Keys::default() });
    assert_eq!(facts.once.get(&key), Some(&record));
}
