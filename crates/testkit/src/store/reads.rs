//! Reading single objects, events and whole tables.

use super::Subject;
use super::shop::{self, Shop};
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::ledger::AccountKind;
use refundry_domain::time::Timestamp;
use refundry_engine::store::{PageRequest, RefundFilter, Row, SettledRange, StoreError, Table};

/// Far after everything in these tests.
pub(super) const END_OF_TIME: Timestamp = Timestamp(i64::MAX);

/// A page that holds everything.
pub(super) fn all<Id>() -> PageRequest<Id> {
    PageRequest { limit: 1_000, before: None }
}

pub(super) fn an_empty_store_answers(subject: &mut Subject) {
    let reader = &subject.reader;
    let merchant = MerchantId(1);
    assert_eq!(reader.payment(merchant, PaymentId(1)).expect("read"), None);
    assert_eq!(reader.refund(merchant, RefundId(1)).expect("read"), None);
    assert_eq!(reader.account(merchant, AccountId(1)).expect("read"), None);
    assert_eq!(reader.mandate(merchant, MandateId(1)).expect("read"), None);
    assert!(reader.payments(merchant, all()).expect("read").is_empty());
    let ever = SettledRange { from: Timestamp(i64::MIN), until: END_OF_TIME };
    assert!(reader.payments_of_account(merchant, AccountId(1), ever, all()).expect("read").is_empty());
    assert!(reader.payments_of_payer(merchant, "payer", 10).expect("read").is_empty());
    assert!(reader.due_payments(END_OF_TIME, 10).expect("read").is_empty());
    assert_eq!(reader.next_payment_due().expect("read"), None);
    assert!(reader.refunds(merchant, &RefundFilter::default(), all()).expect("read").is_empty());
    assert!(reader.refund_events(merchant, RefundId(1)).expect("read").is_empty());
    assert!(reader.accounts(merchant).expect("read").is_empty());
    assert!(reader.mandates(merchant).expect("read").is_empty());
    assert!(reader.due_refunds(END_OF_TIME, 10).expect("read").is_empty());
    assert_eq!(reader.next_wake().expect("read"), None);
    assert!(reader.due_mandates(END_OF_TIME, 10).expect("read").is_empty());
    assert!(reader.sending_refunds(None, 10).expect("read").is_empty());
    assert_eq!(reader.instruction("NONE").expect("read"), None);
    assert!(reader.events_after(0, 10).expect("read").is_empty());
    assert!(reader.event(0).expect("read").is_none());
    assert!(reader.event(1).expect("read").is_none());
    assert_eq!(reader.newest_event().expect("read").0, 0);
    assert_eq!(reader.delivery_cursor(EndpointId(1)).expect("read"), 0);
    assert!(reader.due_deliveries(EndpointId(1), END_OF_TIME, 10).expect("read").is_empty());
    assert_eq!(reader.next_delivery(EndpointId(1)).expect("read"), None);
    assert!(reader.deliveries(merchant, EndpointId(1), all()).expect("read").is_empty());
    assert!(reader.registry().expect("read").is_empty());
    assert!(reader.all_mandates().expect("read").is_empty());
}

pub(super) fn what_was_written_reads_back(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let (reader, facts) = (&subject.reader, &shop.facts);
    for (id, payment) in &facts.payments {
        assert_eq!(reader.payment(payment.merchant, *id).expect("read").as_ref(), Some(payment));
        assert_eq!(
            reader.payment(stranger(&shop, payment.merchant), *id).expect("read"),
            None,
            "another merchant's payment"
        );
    }
    for (id, refund) in &facts.refunds {
        assert_eq!(reader.refund(refund.merchant, *id).expect("read").as_ref(), Some(refund));
        assert_eq!(
            reader.refund(stranger(&shop, refund.merchant), *id).expect("read"),
            None,
            "another merchant's refund"
        );
    }
    for (id, account) in &facts.accounts {
        assert_eq!(reader.account(account.merchant, *id).expect("read").as_ref(), Some(account));
        assert_eq!(
            reader.account(stranger(&shop, account.merchant), *id).expect("read"),
            None,
            "another merchant's account"
        );
    }
    for (id, mandate) in &facts.mandates {
        assert_eq!(reader.mandate(mandate.merchant, *id).expect("read").as_ref(), Some(mandate));
        assert_eq!(reader.mandate(shop.other, *id).expect("read"), None, "another merchant's mandate");
    }
    lists(subject, &shop);
}

/// Lists without pages, and whose an instruction id is.
fn lists(subject: &Subject, shop: &Shop) {
    let (reader, facts) = (&subject.reader, &shop.facts);
    for merchant in [shop.merchant, shop.other] {
        let mut listed = reader.accounts(merchant).expect("read");
        listed.sort_by_key(|account| account.id);
        let held =
            facts.accounts.values().filter(|account| account.merchant == merchant && account.kind == AccountKind::Held);
        assert_eq!(listed, held.cloned().collect::<Vec<_>>(), "a merchant sees its held accounts");
        let newest_first = facts.mandates.values().rev().filter(|mandate| mandate.merchant == merchant);
        assert_eq!(reader.mandates(merchant).expect("read"), newest_first.cloned().collect::<Vec<_>>());
    }
    let mut mandates = reader.all_mandates().expect("read");
    mandates.sort_by_key(|mandate| mandate.id);
    assert_eq!(mandates, facts.mandates.values().cloned().collect::<Vec<_>>());
    for (id, (order, attempt)) in &facts.instructions {
        let Order::Refund(refund) = order else { continue };
        let merchant = facts.refunds.get(refund).expect("it was written").merchant;
        assert_eq!(reader.instruction(id).expect("read"), Some((merchant, *order, *attempt)));
    }
}

fn stranger(shop: &Shop, merchant: MerchantId) -> MerchantId {
    if merchant == shop.merchant { shop.other } else { shop.merchant }
}

pub(super) fn events_and_scans_keep_their_order(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let (reader, facts) = (&subject.reader, &shop.facts);
    let written = &facts.changes.events;
    assert_eq!(&subject.events(), written, "events in the order of the batch");
    assert_eq!(
        reader.newest_event().expect("read"),
        (written.len() as u64, written.last().expect("there are events").at)
    );
    for (place, event) in (1..).zip(written) {
        let stored = reader.event(place).expect("read").expect("it is there");
        assert_eq!((stored.place, &stored.event), (place, event));
        assert_eq!(
            stored.refund.as_ref(),
            event.refund.and_then(|id| facts.refunds.get(&id)),
            "the refund as it is now"
        );
        assert_eq!(
            stored.payment.as_ref(),
            event.payment.and_then(|id| facts.payments.get(&id)),
            "the payment as it is now"
        );
        let mandate = event.mandate().and_then(|id| facts.mandates.get(&id));
        assert_eq!(stored.mandate.as_ref(), mandate, "the mandate as it is now");
    }
    let some = reader.events_after(3, 4).expect("read");
    assert_eq!(some.iter().map(|stored| stored.place).collect::<Vec<_>>(), [4, 5, 6, 7]);
    let with_objects = some.iter().chain(&reader.events_after(20, 1_000).expect("read")).cloned().collect::<Vec<_>>();
    for stored in with_objects {
        let refund = stored.event.refund.and_then(|id| facts.refunds.get(&id));
        let payment = stored.event.payment.and_then(|id| facts.payments.get(&id));
        assert_eq!((stored.refund.as_ref(), stored.payment.as_ref()), (refund, payment));
    }
    assert!(reader.events_after(written.len() as u64, 10).expect("read").is_empty());
    refund_events(subject, &shop);
    scans(subject, &shop);
}

fn refund_events(subject: &Subject, shop: &Shop) {
    let (reader, facts) = (&subject.reader, &shop.facts);
    let written = &facts.changes.events;
    for (id, refund) in &facts.refunds {
        let own: Vec<_> = written.iter().filter(|event| event.refund == Some(*id)).cloned().collect();
        assert_eq!(reader.refund_events(refund.merchant, *id).expect("read"), own);
        assert!(reader.refund_events(stranger(shop, refund.merchant), *id).expect("read").is_empty());
    }
}

fn scans(subject: &Subject, shop: &Shop) {
    let facts = &shop.facts;
    let mut rows = Vec::new();
    let tables = [Table::Accounts, Table::Transfers, Table::Payments, Table::Refunds, Table::Events];
    for table in tables {
        let scanned = subject.reader.scan(table, &mut |row| {
            rows.push(format!("{row:?}"));
            Ok(())
        });
        scanned.expect("the table is read");
    }
    let mut together = Vec::new();
    let scanned = subject.reader.scan_all(&tables, &mut |row| {
        together.push(format!("{row:?}"));
        Ok(())
    });
    scanned.expect("the tables are read");
    assert_eq!(rows, together, "scans read the same, alone and together");

    let mut expected: Vec<String> =
        facts.accounts.values().map(|account| format!("{:?}", Row::Account(account.clone()))).collect();
    expected.extend(facts.changes.transfers.iter().map(|transfer| {
        let stored = refundry_engine::store::StoredTransfer {
            cause: transfer.cause as u64 + 1,
            leg: transfer.leg,
            debit_account: transfer.debit_account,
            credit_account: transfer.credit_account,
            amount: transfer.amount,
            kind: transfer.kind,
        };
        format!("{:?}", Row::Transfer(stored))
    }));
    expected.extend(facts.payments.values().map(|payment| format!("{:?}", Row::Payment(payment.clone()))));
    expected.extend(facts.refunds.values().map(|refund| format!("{:?}", Row::Refund(refund.clone()))));
    expected.extend(
        (1..)
            .zip(&facts.changes.events)
            .map(|(place, event)| format!("{:?}", Row::Event { place, event: event.clone() })),
    );
    assert_eq!(rows.len(), expected.len(), "a scan reads every row once");
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected, "rows by id, transfers and events by place");
    }
}

pub(super) fn a_scan_stops_at_an_error(subject: &mut Subject) {
    shop::stock(subject);
    let mut seen = 0;
    let scanned = subject.reader.scan_all(&[Table::Accounts, Table::Events], &mut |_| {
        seen += 1;
        if seen == 3 { Err(StoreError::Malformed("enough".to_owned())) } else { Ok(()) }
    });
    assert!(matches!(scanned, Err(StoreError::Malformed(_))), "the caller's error comes back: {scanned:?}");
    assert_eq!(seen, 3, "and nothing is read after it");
}
