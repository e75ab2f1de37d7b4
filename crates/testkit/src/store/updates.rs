//! Changing what is there.

use super::Subject;
use super::reads::{END_OF_TIME, all};
use super::shop::{self, Shop};
use super::writing::{batch, draft, put_payment, put_refund};
use crate::make::{self, AT};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::decide::wake_at;
use refundry_domain::event::EventKind;
use refundry_domain::facts::Facts;
use refundry_domain::id::RefundId;
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::mandate::MandateState;
use refundry_domain::money::Currency;
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refund::{RefundState, SettledBy};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Keys, RefundFilter, Row, Table};

/// The time of the second batch.
const LATER: Timestamp = Timestamp(AT.0 + 2_000_000_000_000);

pub(super) fn changes_replace_rows_and_move_indexes(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let sending = shop
        .facts
        .refunds
        .values()
        .find(|refund| refund.state == RefundState::Submitted)
        .expect("one is submitted")
        .clone();
    let keys = Keys {
        at: AT,
        payments_with_refunds: [(shop.merchant, shop.purchase)].into(),
        mandates: [(shop.merchant, shop.mandate)].into(),
        ..Keys::default()
    };
    let mut facts = subject.load(&keys);
    let at = AT.plus(Span::seconds(900));
    draft(&mut facts, shop.merchant, at, |draft| {
        let mut refund = draft.refund(sending.id).expect("it is loaded");
        let number = refund.attempts.last().map_or(1, |attempt| attempt.number);
        refund.attempts.pop();
        refund.attempts.push(Attempt { number, state: AttemptState::Executed, sent_at: Some(AT) });
        refund.state = RefundState::Settled { by: SettledBy::Attempt(number) };
        put_refund(draft, refund);
        let mut payment = draft.payment(shop.purchase).expect("it is loaded");
        payment.state = PaymentState::Reversed;
        payment.counters.reversed = 7;
        put_payment(draft, payment, EventKind::PaymentReversed { amount: 7 });
        let mut mandate = draft.mandate(shop.mandate).expect("it is loaded");
        mandate.state = MandateState::Cancelled;
        draft.put_mandate(mandate);
    });
    subject.commit(&facts);
    assert_moved(subject, &shop, &facts, sending.id);
}

/// Rows and indexes are those of the change.
fn assert_moved(subject: &Subject, shop: &Shop, facts: &Facts, moved: RefundId) {
    let reader = &subject.reader;
    let settled = &facts.refunds[&moved];
    assert_eq!(reader.refund(shop.merchant, moved).expect("read").as_ref(), Some(settled));
    assert_eq!(
        reader.payment(shop.merchant, shop.purchase).expect("read").as_ref(),
        facts.payments.get(&shop.purchase)
    );
    assert_eq!(reader.mandate(shop.merchant, shop.mandate).expect("read").as_ref(), facts.mandates.get(&shop.mandate));
    let sending_now = reader.sending_refunds(None, 100).expect("read");
    assert!(sending_now.iter().all(|refund| refund.id != moved), "it is not sending any more");
    let listed = |word: &str| {
        let filter = RefundFilter { states: vec![word.to_owned()], ..RefundFilter::default() };
        reader.refunds(shop.merchant, &filter, all()).expect("read").iter().any(|refund| refund.id == moved)
    };
    assert!(listed("settled") && !listed("submitted"), "the list of states follows");
    let due = reader.due_refunds(END_OF_TIME, 1_000).expect("read").iter().any(|refund| refund.id == moved);
    assert_eq!(due, wake_at(settled).is_some(), "the wake-up time follows");
    let events = reader.refund_events(shop.merchant, moved).expect("read");
    assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2]);
}

pub(super) fn batches_follow_each_other(subject: &mut Subject) {
    let shop = shop::stock(subject);
    batches_follow_each_other_after(subject, shop);
}

/// Money moves in a second batch: its events and transfers follow the first's.
pub(super) fn batches_follow_each_other_after(subject: &mut Subject, mut shop: Shop) {
    let before = subject.reader.newest_event().expect("read").0;
    subject.writer.commit(&batch(&Facts::default())).expect("an empty batch is taken");
    assert_eq!(subject.reader.newest_event().expect("read").0, before, "an empty batch writes nothing");

    let mut facts = subject.load(&Keys { at: AT, accounts: [(shop.merchant, shop.wallet)].into(), ..Keys::default() });
    let available = facts.accounts[&shop.wallet].balance.available();
    let payment = make::payment(shop.ids.payment(), &facts.accounts[&shop.wallet], 400);
    for amount in [400, 50] {
        credit(&mut facts, &shop, payment.clone(), amount);
    }
    assert_eq!(subject.commit(&facts), before + 1, "the place of the first event");
    assert_eq!(subject.reader.newest_event().expect("read"), (before + 4, LATER));

    let transfers = transfers(subject);
    let last: Vec<_> = transfers.iter().rev().take(4).rev().copied().collect();
    assert_eq!(last, [(before + 2, 0, 399), (before + 2, 1, 1), (before + 4, 0, 49), (before + 4, 1, 1)]);
    let account = subject.reader.account(shop.merchant, shop.wallet).expect("read").expect("it is there");
    assert_eq!(account.balance.available(), available + 450);
    let payment = subject.reader.payment(shop.merchant, payment.id).expect("read").expect("it is there");
    assert_eq!(payment.counters.claimable, 50, "what was decided last in a batch is what is stored");
}

/// Books a pay-in in two shares, as new or once more.
fn credit(facts: &mut Facts, shop: &Shop, payment: Payment, amount: u64) {
    let mut payment = facts.payments.get(&payment.id).cloned().unwrap_or(payment);
    payment.counters.claimable = amount;
    draft(facts, shop.merchant, LATER, |draft| {
        let book = draft.book(Currency::AUD).expect("the account brings its book");
        draft.loose_event(EventKind::AccountFunded { account: shop.wallet, amount });
        put_payment(draft, payment.clone(), EventKind::PaymentSettled { credited: amount });
        for share in [amount - 1, 1] {
            let moved = draft.transfer(
                book.payin_clearing,
                shop.wallet,
                share,
                TransferKind::Posted,
                About::Payment(payment.id),
            );
            moved.expect("sums fit");
        }
    });
}

/// Place, leg and amount of every transfer in order.
fn transfers(subject: &Subject) -> Vec<(u64, u8, u64)> {
    let mut transfers = Vec::new();
    let scanned = subject.reader.scan(Table::Transfers, &mut |row| {
        if let Row::Transfer(transfer) = row {
            transfers.push((transfer.cause, transfer.leg, transfer.amount));
        }
        Ok(())
    });
    scanned.expect("the table is read");
    transfers
}
