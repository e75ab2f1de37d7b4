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
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::mandate::MandateState;
use refundry_domain::money::Currency;
use refundry_domain::payment::PaymentState;
use refundry_domain::refund::{RefundState, SettledBy};
use refundry_domain::time::Span;
use refundry_engine::store::{Keys, RefundFilter, Row, Table};

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
        refund.attempts.push(Attempt {
            number,
            state: AttemptState::Executed,
            sent_at: Some(AT),
        });
        refund.state = RefundState::Settled {
            by: SettledBy::Attempt(number),
        };
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

    let reader = &subject.reader;
    let settled = &facts.refunds[&sending.id];
    assert_eq!(
        reader
            .refund(shop.merchant, sending.id)
            .expect("read")
            .as_ref(),
        Some(settled)
    );
    assert_eq!(
        reader
            .payment(shop.merchant, shop.purchase)
            .expect("read")
            .as_ref(),
        facts.payments.get(&shop.purchase)
    );
    assert_eq!(
        reader
            .mandate(shop.merchant, shop.mandate)
            .expect("read")
            .as_ref(),
        facts.mandates.get(&shop.mandate)
    );
    let sending_now = reader.sending_refunds(None, 100).expect("read");
    assert!(
        sending_now.iter().all(|refund| refund.id != sending.id),
        "it is not sending any more"
    );
    let listed = |word: &str| {
        let filter = RefundFilter {
            states: vec![word.to_owned()],
            ..RefundFilter::default()
        };
        reader
            .refunds(shop.merchant, &filter, all())
            .expect("read")
            .iter()
            .any(|refund| refund.id == sending.id)
    };
    assert!(
        listed("settled") && !listed("submitted"),
        "the list of states follows"
    );
    let due = reader
        .due_refunds(END_OF_TIME, 1_000)
        .expect("read")
        .iter()
        .any(|refund| refund.id == sending.id);
    assert_eq!(due, wake_at(settled).is_some(), "the wake-up time follows");
    let events = reader
        .refund_events(shop.merchant, sending.id)
        .expect("read");
    assert_eq!(
        events.iter().map(|event| event.number).collect::<Vec<_>>(),
        [1, 2]
    );
}

pub(super) fn batches_follow_each_other(subject: &mut Subject) {
    let shop = shop::stock(subject);
    batches_follow_each_other_after(subject, shop);
}

/// Money moves in a second batch: its events and transfers follow the first's.
pub(super) fn batches_follow_each_other_after(subject: &mut Subject, mut shop: Shop) {
    let before = subject.reader.newest_event().expect("read").0;
    subject
        .writer
        .commit(&batch(&Facts::default()))
        .expect("an empty batch is taken");
    assert_eq!(
        subject.reader.newest_event().expect("read").0,
        before,
        "an empty batch writes nothing"
    );

    let mut facts = subject.load(&Keys {
        at: AT,
        accounts: [(shop.merchant, shop.wallet)].into(),
        ..Keys::default()
    });
    let available = facts.accounts[&shop.wallet].balance.available();
    let at = AT.plus(Span::seconds(2_000));
    let payment = make::payment(shop.ids.payment(), &facts.accounts[&shop.wallet], 400);
    for amount in [400, 50] {
        let mut payment = facts
            .payments
            .get(&payment.id)
            .cloned()
            .unwrap_or_else(|| payment.clone());
        payment.counters.claimable = amount;
        draft(&mut facts, shop.merchant, at, |draft| {
            let book = draft
                .book(Currency::AUD)
                .expect("the account brings its book");
            draft.loose_event(EventKind::AccountFunded {
                account: shop.wallet,
                amount,
            });
            put_payment(
                draft,
                payment.clone(),
                EventKind::PaymentSettled { credited: amount },
            );
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
    assert_eq!(
        subject.commit(&facts),
        before + 1,
        "the place of the first event"
    );
    assert_eq!(
        subject.reader.newest_event().expect("read"),
        (before + 4, at)
    );

    let mut transfers = Vec::new();
    let scanned = subject.reader.scan(Table::Transfers, &mut |row| {
        if let Row::Transfer(transfer) = row {
            transfers.push((transfer.cause, transfer.leg, transfer.amount));
        }
        Ok(())
    });
    scanned.expect("the table is read");
    let last: Vec<_> = transfers.iter().rev().take(4).rev().copied().collect();
    assert_eq!(
        last,
        [
            (before + 2, 0, 399),
            (before + 2, 1, 1),
            (before + 4, 0, 49),
            (before + 4, 1, 1)
        ]
    );
    let account = subject
        .reader
        .account(shop.merchant, shop.wallet)
        .expect("read")
        .expect("it is there");
    assert_eq!(account.balance.available(), available + 450);
    let payment = subject
        .reader
        .payment(shop.merchant, payment.id)
        .expect("read")
        .expect("it is there");
    assert_eq!(
        payment.counters.claimable, 50,
        "what was decided last in a batch is what is stored"
    );
}
