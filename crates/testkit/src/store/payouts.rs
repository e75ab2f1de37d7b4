//! Payouts: written, read, found by workers, and unique where they must be.

use super::Subject;
use super::shop::{self, Shop};
use super::writing::draft;
use crate::make::{self, AT};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::decide::wake_payout_at;
use refundry_domain::event::EventKind;
use refundry_domain::facts::{Draft, Evidence, Facts};
use refundry_domain::id::PayoutId;
use refundry_domain::instruction::{EvidenceId, Order, Report};
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::refund::{Case, CaseCode};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Keys, PageRequest, PayoutFilter, PayoutPlace, Row, StoreError, Table};
use std::sync::Arc;

const EVIDENCE: EvidenceId = EvidenceId([4; 8]);

fn instruction_id(payout: PayoutId) -> String {
    format!("PAYOUT{:020X}", payout.0 & 0xffff_ffff)
}

fn minutes(count: u64) -> Timestamp {
    AT.plus(Span::seconds(60 * count))
}

/// Writes an event of a payout and puts it into the draft.
fn put_payout(draft: &mut Draft<'_>, mut payout: Payout) {
    let state = payout.state;
    draft.payout_event(&mut payout, EventKind::PayoutEntered { state });
    draft.put_payout(payout);
}

/// One payout of each state, a minute apart, with all that belongs to it.
fn stock(subject: &mut Subject) -> (Shop, Vec<Payout>) {
    let mut shop = shop::stock(subject);
    let mut facts = subject.load(&shop::all_keys(&shop));
    let wallet = facts.accounts[&shop.wallet].clone();
    let mut written = Vec::new();
    for (place, state) in (0_u64..).zip(make::payout_states()) {
        let mut payout = make::payout(shop.ids.payout(), &wallet, 100 + place);
        payout.state = state;
        payout.created_at = minutes(place);
        vary(&mut payout, place);
        let (id, order) = (payout.id, Order::Payout(payout.id));
        let book = facts.books[&(shop.merchant, wallet.currency)];
        draft(&mut facts, shop.merchant, minutes(place), |draft| {
            put_payout(draft, payout);
            draft
                .transfer(shop.wallet, book.payout_clearing, 100, TransferKind::Pending, About::Payout(id))
                .expect("sums fit");
            draft.put_instruction(instruction_id(id), order, 1);
            draft.put_evidence(Evidence { order, id: EVIDENCE, report: Report::Accepted, at: AT });
        });
        written.push(id);
    }
    let record = OnceRecord { fingerprint: Fingerprint([8; 16]), result: OnceResult::Payout(written[0]), at: AT };
    facts.once.insert(KEY, record);
    facts.changes.once.insert(KEY);
    subject.commit(&facts);
    let payouts = written.iter().map(|id| facts.payouts[id].clone()).collect();
    (shop, payouts)
}

const KEY: OnceKey = OnceKey([77; 16]);

fn vary(payout: &mut Payout, place: u64) {
    if place == 0 {
        return;
    }
    let state = match place {
        1 => AttemptState::Sending { epoch: 3, lease_until: minutes(90) },
        2 => AttemptState::Executed,
        3 => AttemptState::Unknown { since: AT, inquire_at: minutes(5), inquiries: 2 },
        _ => AttemptState::Accepted { since: AT },
    };
    payout.attempts = vec![Attempt { number: 1, state, sent_at: Some(AT) }];
    payout.creditor = Party { name: None, account: AccountIdentifier::Iban("GB33BUKB20201555555555".to_owned()) };
    payout.remittance = Some(Arc::from("rent"));
    payout.extension = Arc::from([7, 0, 255]);
    payout.cases = vec![Case { code: CaseCode::Overdue, at: AT, closed_at: Some(AT) }];
    (payout.submitted_at, payout.settled_at, payout.ended_at) = (Some(AT), Some(minutes(1)), Some(minutes(2)));
}

pub(super) fn payouts_read_back(subject: &mut Subject) {
    let (shop, payouts) = stock(subject);
    for payout in &payouts {
        let reader = &subject.reader;
        assert_eq!(reader.payout(shop.merchant, payout.id).expect("read").as_ref(), Some(payout));
        assert_eq!(reader.payout(shop.other, payout.id).expect("read"), None, "another merchant's payout");
        let named = reader.instruction(&instruction_id(payout.id)).expect("read");
        assert_eq!(named, Some((shop.merchant, Order::Payout(payout.id), 1)));
        let keys = Keys { at: AT, payouts: [(shop.merchant, payout.id)].into(), ..Keys::default() };
        assert_complete(&subject.load(&keys), payout, "a payout's key");
        let asked = (shop.merchant, instruction_id(payout.id), Some(EVIDENCE));
        let facts = subject.load(&Keys { at: AT, instructions: [asked].into(), ..Keys::default() });
        assert_complete(&facts, payout, "an instruction");
        assert_eq!(facts.instructions[&instruction_id(payout.id)], (Order::Payout(payout.id), 1));
        assert!(facts.evidence.contains(&(Order::Payout(payout.id), EVIDENCE)), "evidence that is recorded");
        let foreign = (shop.other, instruction_id(payout.id), Some(EVIDENCE));
        let payouts = [(shop.other, payout.id)].into();
        let facts = subject.load(&Keys { at: AT, payouts, instructions: [foreign].into(), ..Keys::default() });
        assert!(facts.payouts.is_empty() && facts.instructions.is_empty(), "another merchant's keys bring nothing");
    }
    let once = subject.load(&Keys { once: [KEY].into(), ..Keys::default() }).once;
    assert_eq!(once[&KEY].result, OnceResult::Payout(payouts[0].id));
    let mut scanned = Vec::new();
    let read = subject.reader.scan(Table::Payouts, &mut |row| {
        scanned.extend(if let Row::Payout(payout) = row { Some(payout) } else { None });
        Ok(())
    });
    read.expect("the table is read");
    assert_eq!(scanned, payouts, "a scan reads every payout once");
    let (newest, _) = subject.reader.newest_event().expect("read");
    let told = subject.reader.event(newest).expect("read").expect("it is there");
    let last = payouts.last().expect("there are payouts");
    assert_eq!(told.payout.as_ref(), Some(last), "an event brings its payout as it is now");
    assert_eq!((told.event.payout, told.event.number, told.event.hash), (Some(last.id), 1, last.chain));
}

fn assert_complete(facts: &Facts, payout: &Payout, what: &str) {
    assert_eq!(facts.payouts.get(&payout.id), Some(payout), "{what} brings the payout");
    assert!(facts.accounts.contains_key(&payout.account), "{what} brings its account");
    let book = facts.books.get(&(payout.merchant, payout.amount.currency)).expect("the book is there");
    assert!(facts.accounts.contains_key(&book.payout_clearing), "{what} brings the clearing account");
}

pub(super) fn payouts_are_paged(subject: &mut Subject) {
    let (shop, payouts) = stock(subject);
    let filter = |from, to| PayoutFilter { account: shop.wallet, from, to };
    let whole = filter(Timestamp(i64::MIN), Timestamp(i64::MAX));
    let list = |filter: &PayoutFilter, limit, before| {
        let found = subject.reader.payouts(shop.merchant, filter, PageRequest { limit, before }).expect("read");
        found.iter().map(|payout| payout.id).collect::<Vec<_>>()
    };
    let newest_first: Vec<PayoutId> = payouts.iter().rev().map(|payout| payout.id).collect();
    assert_eq!(list(&whole, 100, None), newest_first);
    let mut walked = Vec::new();
    let mut before = None;
    loop {
        let page = list(&whole, 4, before);
        let Some(last) = page.last() else { break };
        before = payouts.iter().find(|payout| payout.id == *last).map(PayoutPlace::of);
        walked.extend(page);
    }
    assert_eq!(walked, newest_first, "pages go on where the last one ended");
    let inclusive = list(&filter(minutes(1), minutes(3)), 100, None);
    assert_eq!(inclusive, [payouts[3].id, payouts[2].id, payouts[1].id], "both ends belong to the range");
    let other = shop.facts.accounts.values().find(|account| account.id != shop.wallet).expect("there are others").id;
    assert_eq!(list(&PayoutFilter { account: other, ..whole }, 100, None), []);
    let page = PageRequest { limit: 9, before: None };
    assert_eq!(subject.reader.payouts(shop.other, &whole, page).expect("read"), [], "another merchant's account");
}

pub(super) fn workers_find_payouts(subject: &mut Subject) {
    let (shop, payouts) = stock(subject);
    let mut wakes: Vec<_> = payouts.iter().filter_map(|payout| Some((wake_payout_at(payout)?, payout.id))).collect();
    wakes.sort();
    assert_eq!(wakes.len(), 2, "one waits to be sent, one has a lease");
    let refunds = shop.facts.refunds.values().filter_map(refundry_domain::decide::wake_at).min();
    let earliest = wakes.first().map(|(at, _)| *at).into_iter().chain(refunds).min();
    assert_eq!(subject.reader.next_wake().expect("read"), earliest, "the earliest of refunds and payouts");
    for now in [AT.minus(Span(1)), AT, minutes(90)] {
        let due = subject.reader.due_payouts(now, 10).expect("read");
        let found: Vec<_> = due.iter().map(|payout| payout.id).collect();
        let expected: Vec<_> = wakes.iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        assert_eq!(found, expected, "due at {now:?}");
    }
    assert_eq!(subject.reader.due_payouts(minutes(90), 1).expect("read").len(), 1, "a limit");
    let sending = subject.reader.sending_payouts(None, 10).expect("read");
    assert_eq!(sending.iter().map(|payout| payout.id).collect::<Vec<_>>(), [payouts[1].id]);
    assert_eq!(subject.reader.sending_payouts(Some(payouts[1].id), 10).expect("read"), []);
}

pub(super) fn a_payout_is_written_over(subject: &mut Subject) {
    let (shop, payouts) = stock(subject);
    let sending = payouts[1].id;
    let mut facts = subject.load(&Keys { at: AT, payouts: [(shop.merchant, sending)].into(), ..Keys::default() });
    draft(&mut facts, shop.merchant, minutes(10), |draft| {
        let mut payout = draft.payout(sending).expect("it is loaded");
        payout.state = PayoutState::Settled;
        payout.attempts[0].state = AttemptState::Executed;
        put_payout(draft, payout);
    });
    subject.commit(&facts);
    let now = subject.reader.payout(shop.merchant, sending).expect("read").expect("it is there");
    assert_eq!((now.state, now.event_count), (PayoutState::Settled, 2));
    assert_eq!(now, facts.payouts[&sending]);
    assert_eq!(subject.reader.sending_payouts(None, 10).expect("read"), []);
    let due = subject.reader.due_payouts(minutes(1_000), 10).expect("read");
    assert!(due.iter().all(|payout| payout.id != sending), "nothing is due any more");
}

pub(super) fn what_was_said_of_a_payout_is_unique(subject: &mut Subject) {
    type Change = fn(&mut Draft<'_>, &Payout);
    let changes: [(&str, Change); 3] = [
        ("instruction id", |draft, payout| {
            draft.put_instruction(instruction_id(payout.id), Order::Payout(payout.id), 2);
        }),
        ("evidence", |draft, payout| {
            let order = Order::Payout(payout.id);
            draft.put_evidence(Evidence { order, id: EVIDENCE, report: Report::Lapsed, at: AT });
        }),
        ("event number", |draft, payout| {
            let mut again = payout.clone();
            again.event_count = 0;
            put_payout(draft, again);
        }),
    ];
    let (shop, payouts) = stock(subject);
    for (what, change) in changes {
        let keys = Keys { at: AT, payouts: [(shop.merchant, payouts[1].id)].into(), ..Keys::default() };
        let mut facts = subject.load(&keys);
        draft(&mut facts, shop.merchant, AT, |draft| change(draft, &payouts[1]));
        let refused = subject.writer.commit(&super::writing::batch(&facts));
        assert!(matches!(refused, Err(StoreError::Constraint(_))), "{what}: {refused:?}");
    }
    let mut facts = Facts::default();
    let result = OnceResult::Account(shop.wallet);
    facts.once.insert(KEY, OnceRecord { fingerprint: Fingerprint([8; 16]), result, at: AT });
    facts.changes.once.insert(KEY);
    let refused = subject.writer.commit(&super::writing::batch(&facts));
    assert!(matches!(refused, Err(StoreError::Constraint(_))), "a key that made a payout never expires: {refused:?}");
}
