//! Webhook deliveries and the registry.

use super::Subject;
use super::reads::END_OF_TIME;
use super::shop;
use crate::make::{self, AT};
use refundry_domain::event::Actor;
use refundry_domain::facts::Facts;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::audit::AuditRecord;
use refundry_engine::registry::{RegistryEntry, RegistryKey};
use refundry_engine::store::{Batch, Delivery, DeliveryState, DeliveryUpdate, PageRequest, Row, Table};

fn delivery(merchant: MerchantId, endpoint: EndpointId, event: u64, state: DeliveryState) -> Delivery {
    Delivery {
        merchant,
        endpoint,
        event,
        attempts: 2,
        state,
        last_at: AT,
        last_status: 503,
        last_millis: 41,
        last_error: "the receiver said 503".to_owned(),
    }
}

fn waiting(seconds: u64) -> DeliveryState {
    DeliveryState::Waiting { next_at: AT.plus(Span::seconds(seconds)) }
}

fn put(subject: &mut Subject, rows: &[Delivery], cursors: &[(EndpointId, u64)]) {
    let updates = [
        DeliveryUpdate { rows: rows.to_vec(), cursors: Vec::new() },
        DeliveryUpdate { rows: Vec::new(), cursors: cursors.to_vec() },
    ];
    let batch =
        Batch { facts: &Facts::default(), registry_put: &[], registry_remove: &[], audit: &[], deliveries: &updates };
    subject.writer.commit(&batch).expect("deliveries are taken");
}

fn due(subject: &Subject, endpoint: EndpointId, now: Timestamp, limit: usize) -> Vec<u64> {
    subject.reader.due_deliveries(endpoint, now, limit).expect("read").iter().map(|delivery| delivery.event).collect()
}

pub(super) fn deliveries_wait_and_end(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let (here, there, merchant) = (shop.ids.endpoint(), shop.ids.endpoint(), shop.merchant);
    let rows = [
        delivery(merchant, here, 1, DeliveryState::Delivered),
        delivery(merchant, here, 2, waiting(30)),
        delivery(merchant, here, 3, waiting(10)),
        delivery(merchant, here, 4, DeliveryState::Exhausted),
        delivery(merchant, here, 5, DeliveryState::Stopped),
        delivery(merchant, here, 6, waiting(20)),
        delivery(merchant, there, 2, waiting(5)),
    ];
    put(subject, &rows, &[(here, 6), (there, 2)]);

    assert_eq!(subject.reader.delivery_cursor(here).expect("read"), 6);
    assert_eq!(subject.reader.delivery_cursor(there).expect("read"), 2);
    assert_eq!(subject.reader.next_delivery(here).expect("read"), Some(AT.plus(Span::seconds(10))));
    assert!(due(subject, here, AT.plus(Span::seconds(9)), 10).is_empty());
    assert_eq!(due(subject, here, AT.plus(Span::seconds(20)), 10), [3, 6], "earliest first");
    assert_eq!(due(subject, here, END_OF_TIME, 10), [3, 6, 2]);
    assert_eq!(due(subject, here, END_OF_TIME, 1), [3], "a limit keeps the earliest");
    assert_eq!(due(subject, there, END_OF_TIME, 10), [2]);
    let page = |limit, before| subject.reader.deliveries(merchant, here, PageRequest { limit, before }).expect("read");
    let newest_first: Vec<_> = rows.iter().rev().filter(|row| row.endpoint == here).cloned().collect();
    assert_eq!(page(10, None), newest_first);
    assert_eq!(page(2, Some(5)), newest_first[2..4]);
    assert!(
        subject.reader.deliveries(shop.other, here, PageRequest { limit: 10, before: None }).expect("read").is_empty()
    );
    replaced(subject, merchant, here);
}

/// A later try replaces its row and moves what is due.
fn replaced(subject: &mut Subject, merchant: MerchantId, here: EndpointId) {
    let mut done = delivery(merchant, here, 3, DeliveryState::Delivered);
    done.attempts = 3;
    done.last_status = 200;
    done.last_error = String::new();
    put(subject, &[done.clone(), delivery(merchant, here, 7, waiting(60))], &[(here, 7)]);
    assert_eq!(due(subject, here, END_OF_TIME, 10), [6, 2, 7], "a row is replaced by (endpoint, event)");
    assert_eq!(subject.reader.next_delivery(here).expect("read"), Some(AT.plus(Span::seconds(20))));
    assert_eq!(subject.reader.delivery_cursor(here).expect("read"), 7);
    let third = subject.reader.deliveries(merchant, here, PageRequest { limit: 1, before: Some(4) }).expect("read");
    assert_eq!(third, [done]);
}

pub(super) fn the_registry_is_put_and_removed(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let mut entries = make::registry_entries(&mut shop.ids, shop.merchant);
    entries.extend(make::registry_entries(&mut shop.ids, shop.other));
    let mut write = |put: &[RegistryEntry], remove: &[RegistryKey]| {
        let batch =
            Batch { facts: &Facts::default(), registry_put: put, registry_remove: remove, audit: &[], deliveries: &[] };
        subject.writer.commit(&batch).expect("the registry is written");
        let mut stored = subject.reader.registry().expect("read");
        stored.sort_by_key(RegistryEntry::key);
        stored
    };
    let sorted = |entries: &[RegistryEntry]| {
        let mut sorted = entries.to_vec();
        sorted.sort_by_key(RegistryEntry::key);
        sorted
    };
    assert_eq!(write(&entries, &[]), sorted(&entries));

    for entry in &mut entries {
        if let RegistryEntry::Credential(credential) = entry {
            credential.revoked_at = Some(AT);
            credential.expires_at = Some(AT);
        }
    }
    let revoked: Vec<_> =
        entries.iter().filter(|entry| matches!(entry, RegistryEntry::Credential(_))).cloned().collect();
    assert_eq!(write(&revoked, &[]), sorted(&entries), "an entry is replaced by its key");

    let endpoints: Vec<_> =
        entries.iter().filter(|entry| matches!(entry, RegistryEntry::Endpoint(_))).map(RegistryEntry::key).collect();
    entries.retain(|entry| !matches!(entry, RegistryEntry::Endpoint(_)));
    assert_eq!(write(&[], &endpoints), sorted(&entries), "an entry is removed by its key");
}

pub(super) fn changes_are_kept_in_order(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let change = |merchant, number: u64| AuditRecord {
        merchant,
        number,
        at: AT,
        by: Actor::Operator,
        person: None,
        kind: "policy".to_owned(),
        id: String::new(),
        words: format!("version {number}"),
        previous: [0; 32],
    };
    let records: Vec<_> = (1..=5).map(|number| change(shop.merchant, number)).chain([change(shop.other, 1)]).collect();
    let facts = Facts::default();
    let batch = Batch { facts: &facts, registry_put: &[], registry_remove: &[], audit: &records, deliveries: &[] };
    subject.writer.commit(&batch).expect("the changes are written");
    let page = |merchant, limit, before| {
        let found = subject.reader.audit(merchant, PageRequest { limit, before }).expect("read");
        found.iter().map(|record| record.number).collect::<Vec<_>>()
    };
    assert_eq!(page(shop.merchant, 10, None), [5, 4, 3, 2, 1], "newest first");
    assert_eq!(page(shop.merchant, 2, Some(4)), [3, 2]);
    assert_eq!(page(shop.other, 10, None), [1]);
    let mut scanned = Vec::new();
    let read = subject.reader.scan(Table::Audit, &mut |row| {
        if let Row::Audit(record) = row {
            scanned.push(record);
        }
        Ok(())
    });
    read.expect("read");
    let mine: Vec<_> = scanned.iter().filter(|record| record.merchant == shop.merchant).cloned().collect();
    assert_eq!((mine.as_slice(), scanned.len()), (&records[..5], 6));
}
