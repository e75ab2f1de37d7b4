//! What must hold after every command (the numbered invariants of the
//! project), read off the facts alone.

use refundry_domain::attempt::AttemptState;
use refundry_domain::event::Event;
use refundry_domain::facts::Facts;
use refundry_domain::id::{AccountId, PaymentId, RefundId};
use refundry_domain::ledger::{AccountKind, Balance, Subject, Transfer, TransferKind};
use refundry_domain::refund::{Refund, RefundState, Reservation, SettledBy};
use refundry_engine::digest::sha256;
use std::collections::BTreeMap;

/// Checks all of them.
pub(crate) fn check(facts: &Facts) {
    for id in facts.payments.keys() {
        counters(facts, *id);
        chain(facts, *id);
    }
    books_balance(facts);
    balances_follow_transfers(facts);
    for refund in facts.refunds.values() {
        executions(refund);
        attempts(refund);
        events(facts, refund);
        reservation(facts, refund);
    }
}

/// I-1: claimed is the sum of the live refunds and fits.
fn counters(facts: &Facts, id: PaymentId) {
    let counters = facts.payments[&id].counters;
    let live = facts.refunds.values().filter(|refund| refund.payment == id && refund.state.is_live());
    assert_eq!(counters.claimed, live.map(|refund| refund.amount.minor).sum::<u64>(), "I-1: claimed");
    assert!(counters.claimed <= counters.claimable, "I-1: claimed fits");
    if counters.exposure() > 0 {
        let open = facts.payments[&id].cases.iter().any(|case| case.closed_at.is_none());
        assert!(open, "I-1: exposure has an open case");
    }
}

/// I-2: debits and credits of a currency are equal, pending and posted apart.
fn books_balance(facts: &Facts) {
    let mut sums: BTreeMap<_, [u128; 4]> = BTreeMap::new();
    for account in facts.accounts.values() {
        let sum = sums.entry((account.merchant, account.currency)).or_default();
        let Balance { debits_pending, debits_posted, credits_pending, credits_posted } = account.balance;
        for (sum, part) in sum.iter_mut().zip([debits_pending, credits_pending, debits_posted, credits_posted]) {
            *sum += u128::from(part);
        }
    }
    for (book, [debits_pending, credits_pending, debits_posted, credits_posted]) in sums {
        assert_eq!(debits_pending, credits_pending, "I-2: pending sums of {book:?}");
        assert_eq!(debits_posted, credits_posted, "I-2: posted sums of {book:?}");
    }
}

/// I-3: every balance is the sum of its transfers, and held money is never negative.
fn balances_follow_transfers(facts: &Facts) {
    let mut sums: BTreeMap<AccountId, [i128; 4]> = BTreeMap::new();
    for transfer in &facts.changes.transfers {
        let amount = i128::from(transfer.amount);
        let (pending, posted) = match transfer.kind {
            TransferKind::Posted => (0, amount),
            TransferKind::Pending => (amount, 0),
            TransferKind::Post => (-amount, amount),
            TransferKind::Void => (-amount, 0),
        };
        let debit = sums.entry(transfer.debit_account).or_default();
        debit[0] += pending;
        debit[1] += posted;
        let credit = sums.entry(transfer.credit_account).or_default();
        credit[2] += pending;
        credit[3] += posted;
    }
    for account in facts.accounts.values() {
        let Balance { debits_pending, debits_posted, credits_pending, credits_posted } = account.balance;
        let kept = [debits_pending, debits_posted, credits_pending, credits_posted].map(i128::from);
        assert_eq!(kept, sums.get(&account.id).copied().unwrap_or_default(), "I-3: balance of {}", account.kind.code());
        if account.kind == AccountKind::Held {
            assert!(
                account.balance.credit_posted() >= i128::from(debits_pending),
                "I-3: a held account is not negative"
            );
        }
    }
}

/// I-5: at most one execution stands, and only where the state says so.
fn executions(refund: &Refund) {
    let executed = refund.attempts.iter().filter(|attempt| attempt.state == AttemptState::Executed).count();
    let by_attempt = matches!(refund.state, RefundState::Settled { by: SettledBy::Attempt(_) });
    assert_eq!(executed, usize::from(by_attempt), "I-5: executed if and only if settled by an attempt");
    let may_have_moved = refund.attempts.iter().any(|attempt| attempt.state.under_way());
    assert!(!may_have_moved || refund.state == RefundState::Submitted, "I-5: under way only while submitted");
}

/// I-8: a new attempt number only after every earlier one ended without money.
fn attempts(refund: &Refund) {
    let numbers: Vec<u8> = refund.attempts.iter().map(|attempt| attempt.number).collect();
    assert!(
        (1..).zip(&numbers).all(|(expected, number)| expected == *number),
        "I-8: numbers without a gap: {numbers:?}"
    );
    let earlier = refund.attempts.iter().rev().skip(1);
    assert!(
        earlier.into_iter().all(|attempt| attempt.state.ended_without_money()),
        "I-8: earlier attempts ended: {:?}",
        refund.attempts
    );
}

fn own_events(facts: &Facts, refund: RefundId) -> impl Iterator<Item = &Event> {
    facts.changes.events.iter().filter(move |event| event.refund == Some(refund))
}

/// I-12: events are numbered without a gap and the newest state is the state.
fn events(facts: &Facts, refund: &Refund) {
    let numbers: Vec<u32> = own_events(facts, refund.id).map(|event| event.number).collect();
    assert!(
        (1..).zip(&numbers).all(|(expected, number)| expected == *number),
        "I-12: numbers without a gap: {numbers:?}"
    );
    assert_eq!(numbers.len(), refund.event_count as usize, "I-12: the refund counts its events");
    let newest = own_events(facts, refund.id).filter_map(Event::refund_state).last();
    assert_eq!(newest, Some(refund.state), "I-12: the newest event tells the state");
}

/// Every event of a payment's chain holds the hash of the one before.
fn chain(facts: &Facts, id: PaymentId) {
    let payment = &facts.payments[&id];
    let mut previous = [0; 32];
    let mut count = 0;
    for event in facts.changes.events.iter().filter(|event| event.payment == Some(id)) {
        assert_eq!(event.previous, previous, "the chain is whole");
        assert_eq!(event.hash, sha256(&event.hashed_bytes()), "the hash is that of the event");
        previous = event.hash;
        count += 1;
    }
    assert_eq!((payment.chain, payment.event_count), (previous, count), "the payment knows the end of its chain");
}

/// I-25: money is set aside once per leg and resolved once, never given back
/// while an attempt is under way.
fn reservation(facts: &Facts, refund: &Refund) {
    let of_refund: Vec<&Transfer> =
        facts.changes.transfers.iter().filter(|transfer| transfer.subject == Subject::Refund(refund.id)).collect();
    let count = |kind: TransferKind| {
        let mut legs: BTreeMap<(AccountId, AccountId), usize> = BTreeMap::new();
        for transfer in of_refund.iter().filter(|transfer| transfer.kind == kind) {
            *legs.entry((transfer.debit_account, transfer.credit_account)).or_default() += 1;
        }
        legs
    };
    let (pending, posted, voided) =
        (count(TransferKind::Pending), count(TransferKind::Post), count(TransferKind::Void));
    assert!(pending.values().all(|times| *times == 1), "I-25: each leg is reserved at most once");
    match refund.reservation {
        Reservation::None => {
            assert!(pending.is_empty() && posted.is_empty() && voided.is_empty(), "I-25: nothing reserved")
        }
        Reservation::Pending => assert!(posted.is_empty() && voided.is_empty(), "I-25: not resolved yet"),
        Reservation::Posted => assert!(posted == pending && voided.is_empty(), "I-25: resolved once, spent"),
        Reservation::Voided => assert!(voided == pending && posted.is_empty(), "I-25: resolved once, given back"),
    }
    let under_way = refund.attempts.iter().any(|attempt| attempt.state.under_way());
    assert!(!under_way || refund.reservation != Reservation::Voided, "I-25: not given back while under way");
    assert!(!refund.state.is_final() || refund.reservation != Reservation::Pending, "I-25: an end resolves it");
}

/// I-12, of one command: a refund that changed its state wrote an event of it,
/// and each state entered is told once.
pub(crate) fn check_step(before: &BTreeMap<RefundId, RefundState>, new_events: &[Event], facts: &Facts) {
    for refund in facts.refunds.values() {
        let told: Vec<RefundState> =
            new_events.iter().filter(|event| event.refund == Some(refund.id)).filter_map(Event::refund_state).collect();
        if before.get(&refund.id) != Some(&refund.state) {
            assert_eq!(told.last(), Some(&refund.state), "I-12: a change of state is told");
        }
        let mut distinct = told.clone();
        distinct.dedup();
        assert_eq!(distinct, told, "I-12: and told once");
    }
}
