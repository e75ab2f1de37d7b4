//! Payments by account, by payer and by their time.

use super::Subject;
use super::reads::{END_OF_TIME, all};
use super::shop::{self, Shop};
use super::writing::{draft, put_payment};
use crate::make::{self, AT};
use refundry_domain::event::EventKind;
use refundry_domain::facts::Facts;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::{Moments, Payment, PaymentFailure, PaymentFailureReason, PaymentState};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Keys, PageRequest, SettledRange};
use std::sync::Arc;

/// Beyond everything in the shop.
const LATER: Timestamp = Timestamp(AT.0 + 900_000_000_000_000);

fn after(seconds: u64) -> Timestamp {
    LATER.plus(Span::seconds(seconds))
}

/// A payment into an account of the shop that is not its wallet.
fn payment(shop: &mut Shop, into: &refundry_domain::ledger::Account, state: PaymentState) -> Payment {
    let id = shop.ids.payment();
    let mut made = make::payment(id, into, 300);
    (made.state, made.moments) = (state, Moments::default());
    made
}

/// Writes payments; gives back what the batch changed.
fn write(subject: &mut Subject, shop: &Shop, payments: &[Payment]) -> Facts {
    let accounts = payments.iter().map(|payment| (shop.merchant, payment.account)).collect();
    let known = payments.iter().map(|payment| (shop.merchant, payment.id)).collect();
    let mut facts = subject.load(&Keys { at: AT, accounts, payments: known, ..Keys::default() });
    draft(&mut facts, shop.merchant, LATER, |draft| {
        for payment in payments {
            put_payment(draft, payment.clone(), EventKind::PaymentRecorded);
        }
    });
    subject.commit(&facts);
    facts
}

fn spare(subject: &Subject, shop: &Shop) -> refundry_domain::ledger::Account {
    let accounts = subject.reader.accounts(shop.merchant).expect("read");
    accounts.into_iter().find(|account| account.id != shop.wallet).expect("there are two")
}

fn ids(payments: &[Payment]) -> Vec<PaymentId> {
    payments.iter().map(|payment| payment.id).collect()
}

pub(super) fn payments_of_an_account_go_by_their_settlement(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let account = spare(subject, &shop);
    // Settled in another order than made, two of them at the same instant.
    let mut made: Vec<Payment> = Vec::new();
    for seconds in [Some(50), Some(10), Some(30), Some(30), None] {
        let mut one = payment(&mut shop, &account, PaymentState::Executed);
        if let Some(seconds) = seconds {
            one.state = PaymentState::Settled;
            one.moments.enter(PaymentState::Settled, after(seconds));
        }
        made.push(one);
    }
    write(subject, &shop, &made);
    let list = |subject: &Subject, merchant, from: u64, until: u64, page| {
        let settled = SettledRange { from: after(from), until: after(until) };
        ids(&subject.reader.payments_of_account(merchant, account.id, settled, page).expect("read"))
    };
    let by_time = [made[0].id, made[3].id, made[2].id, made[1].id];
    assert_eq!(list(subject, shop.merchant, 0, 100, all()), by_time);
    assert_eq!(list(subject, shop.merchant, 10, 50, all()), by_time[1..], "the end is not in it");
    assert_eq!(list(subject, shop.merchant, 11, 51, all()), by_time[..3], "the beginning is");
    assert!(list(subject, shop.other, 0, 100, all()).is_empty(), "another merchant's account");
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: 1, before };
        let settled = SettledRange { from: after(0), until: after(100) };
        let page = subject.reader.payments_of_account(shop.merchant, account.id, settled, page).expect("read");
        let Some(last) = page.last() else { break };
        before = last.moments.settled_at.map(|at| (at, last.id));
        paged.extend(ids(&page));
    }
    assert_eq!(paged, by_time, "pages go on where the last one ended");

    // The one that was only executed settles now; another is given back.
    made[4].state = PaymentState::Settled;
    made[4].moments.enter(PaymentState::Settled, after(40));
    made[1].state = PaymentState::Reversed;
    write(subject, &shop, &[made[4].clone(), made[1].clone()]);
    let moved = [made[0].id, made[4].id, made[3].id, made[2].id, made[1].id];
    assert_eq!(list(subject, shop.merchant, 0, 100, all()), moved);
    let of_wallet = subject.reader.payments_of_account(
        shop.merchant,
        shop.wallet,
        SettledRange { from: Timestamp(i64::MIN), until: END_OF_TIME },
        all(),
    );
    let expected = shop
        .facts
        .payments
        .values()
        .filter(|payment| payment.account == shop.wallet && payment.moments.settled_at.is_some());
    assert_eq!(of_wallet.expect("read").len(), expected.count());
}

pub(super) fn payments_of_a_payer_are_found(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let account = spare(subject, &shop);
    let mut made: Vec<Payment> = Vec::new();
    for key in [Some("client:ada"), None, Some("client:ada"), Some("client:ad"), Some("client:ada")] {
        let mut one = payment(&mut shop, &account, PaymentState::Open);
        one.payer_key = key.map(Arc::from);
        made.push(one);
    }
    write(subject, &shop, &made);
    let of = |merchant, key, limit| subject.reader.payments_of_payer(merchant, key, limit).expect("read");
    let ada = of(shop.merchant, "client:ada", 10);
    assert_eq!(ids(&ada), [made[4].id, made[2].id, made[0].id], "newest first");
    assert_eq!(ada[0].payer_key.as_deref(), Some("client:ada"));
    assert_eq!(ids(&of(shop.merchant, "client:ada", 2)), [made[4].id, made[2].id]);
    assert_eq!(ids(&of(shop.merchant, "client:ad", 10)), [made[3].id]);
    assert!(of(shop.merchant, "client:", 10).is_empty());
    assert!(of(shop.other, "client:ada", 10).is_empty(), "another merchant's payer");
}

pub(super) fn payments_fall_due(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let account = spare(subject, &shop);
    let mut made: Vec<Payment> = Vec::new();
    for (seconds, state) in [
        (Some(30), PaymentState::Open),
        (Some(10), PaymentState::Open),
        (Some(5), PaymentState::Authorised),
        (None, PaymentState::Open),
        (Some(20), PaymentState::Open),
    ] {
        let mut one = payment(&mut shop, &account, state);
        one.expires_at = seconds.map(after);
        made.push(one);
    }
    write(subject, &shop, &made);
    let due =
        |subject: &Subject, seconds, limit| ids(&subject.reader.due_payments(after(seconds), limit).expect("read"));
    assert_eq!(subject.reader.next_payment_due().expect("read"), Some(after(10)));
    assert!(due(subject, 9, 10).is_empty());
    assert_eq!(due(subject, 20, 10), [made[1].id, made[4].id], "earliest first");
    assert_eq!(due(subject, 99, 2), [made[1].id, made[4].id], "a limit keeps the earliest");

    let mut failed = made[1].clone();
    failed.state = PaymentState::Failed;
    failed.moments.failed_at = Some(after(10));
    failed.failure = Some(PaymentFailure { stage: PaymentState::Open, reason: PaymentFailureReason::Expired });
    let facts = write(subject, &shop, &[failed.clone()]);
    assert_eq!(subject.reader.next_payment_due().expect("read"), Some(after(20)));
    assert_eq!(due(subject, 99, 10), [made[4].id, made[0].id]);
    let read = subject.reader.payment(shop.merchant, failed.id).expect("read");
    assert_eq!(read.as_ref(), facts.payments.get(&failed.id), "with its failure");
}
