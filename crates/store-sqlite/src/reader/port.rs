//! The port's methods.

use super::scan::{self, Each};
use super::{SqliteReader, all, first, lists, payouts};
use crate::codec::stored;
use crate::fault::Fault;
use crate::rows::{self, Rows};
use crate::seal::Place;
use crate::sql;
use crate::write_records::registry_row;
use refundry_domain::bytes::Malformed;
use refundry_domain::event::Event;
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::ledger::Account;
use refundry_domain::mandate::Mandate;
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::Refund;
use refundry_domain::stray::Stray;
use refundry_domain::time::Timestamp;
use refundry_engine::audit::AuditRecord;
use refundry_engine::registry::{RegistryEntry, RegistryKey};
use refundry_engine::store::{
    Delivery, DeliveryState, PageRequest, PayoutFilter, PayoutPlace, Reader, RefundFilter, SettledRange, StoreError,
    StoredEvent, Table,
};
use rusqlite::{Row, params};

fn merchant(rows: Rows<'_>, id: MerchantId) -> Result<Option<i64>, Fault> {
    rows.catalog.merchant(rows.connection, id)
}

fn endpoint(rows: Rows<'_>, id: EndpointId) -> Result<Option<i64>, Fault> {
    first(rows, sql::ENDPOINT_BY_ID, [stored::id(id.0)], |row| Ok(row.get(0)?))
}

fn stored_event(rows: Rows<'_>, row: &Row<'_>) -> Result<StoredEvent, Fault> {
    let (place, event) = rows::event(row)?;
    let mandate = match event.mandate() {
        Some(id) => one(rows, sql::MANDATE_BY_ID, (event.merchant, id.0), |row| Ok(rows.mandate(row)?.1))?,
        None => None,
    };
    let (payment, refund) = (sql::EVENT_WIDTH, sql::EVENT_WIDTH + sql::PAYMENT_WIDTH);
    let payout = refund + sql::REFUND_WIDTH;
    Ok(StoredEvent {
        place,
        event,
        refund: if rows::is_null(row, refund)? { None } else { Some(rows.refund(row, refund)?.refund) },
        payment: if rows::is_null(row, payment)? { None } else { Some(rows.payment(row, payment)?.payment) },
        payout: if rows::is_null(row, payout)? { None } else { Some(rows.payout(row, payout)?.payout) },
        mandate,
    })
}

fn delivery(rows: Rows<'_>, endpoint: EndpointId, row: &Row<'_>) -> Result<Delivery, Fault> {
    let next_at: Option<i64> = row.get(4)?;
    let state = match (row.get::<_, i64>(3)?, next_at) {
        (0, Some(at)) => DeliveryState::Waiting { next_at: Timestamp(at) },
        (1, None) => DeliveryState::Delivered,
        (2, None) => DeliveryState::Exhausted,
        (3, None) => DeliveryState::Stopped,
        _ => return Err(Malformed.into()),
    };
    Ok(Delivery {
        merchant: rows.catalog.merchant_id(rows.connection, row.get(1)?)?,
        endpoint,
        event: stored::unsigned(row.get(0)?)?,
        attempts: row.get(2)?,
        state,
        last_at: Timestamp(row.get(5)?),
        last_status: row.get(6)?,
        last_millis: row.get(7)?,
        last_error: row.get(8)?,
    })
}

fn registry_entry(rows: Rows<'_>, row: &Row<'_>) -> Result<RegistryEntry, Fault> {
    let key = RegistryKey { kind: row.get(0)?, id: row.get(1)? };
    let plain = rows.sealer.open(Place::Registry, &registry_row(&key), rows::bytes(row, 2)?);
    plain
        .and_then(|plain| Ok(RegistryEntry::decode(&plain)?))
        .map_err(|fault| fault.in_record("registry entry", format_args!("{}/{}", key.kind, key.id)))
}

fn newest_event(rows: Rows<'_>) -> Result<(u64, Timestamp), Fault> {
    let newest = first(rows, sql::EVENT_NEWEST, [], rows::event)?;
    Ok(newest.map_or((0, Timestamp::default()), |(place, event)| (place, event.at)))
}

fn payments(rows: Rows<'_>, of: MerchantId, page: PageRequest<PaymentId>) -> Result<Vec<Payment>, Fault> {
    let Some(n) = merchant(rows, of)? else { return Ok(Vec::new()) };
    let values = params![n, lists::upper_bound(page.before.map(|id| id.0)), stored::limit(page.limit)];
    all(rows, sql::PAYMENT_PAGE, values, |row| Ok(rows.payment(row, 0)?.payment))
}

fn refund_events(rows: Rows<'_>, of: MerchantId, id: RefundId) -> Result<Vec<Event>, Fault> {
    let Some(n) = merchant(rows, of)? else { return Ok(Vec::new()) };
    let place: Option<i64> = first(rows, sql::REFUND_PLACE, params![n, stored::id(id.0)], |row| Ok(row.get(0)?))?;
    let Some(place) = place else { return Ok(Vec::new()) };
    all(rows, sql::EVENT_OF_REFUND, [place], |row| Ok(rows::event(row)?.1))
}

fn instruction(rows: Rows<'_>, id: &str) -> Result<Option<(MerchantId, Order, u8)>, Fault> {
    let refund = first(rows, sql::INSTRUCTION_GET, [id], |row| {
        let merchant = rows.catalog.merchant_id(rows.connection, row.get(0)?)?;
        Ok((merchant, Order::Refund(RefundId(rows::id(row, 1)?)), row.get(2)?))
    })?;
    match refund {
        Some(refund) => Ok(Some(refund)),
        None => payouts::instruction(rows, id),
    }
}

fn deliveries(rows: Rows<'_>, of: MerchantId, id: EndpointId, page: PageRequest<u64>) -> Result<Vec<Delivery>, Fault> {
    let (Some(n), Some(place)) = (merchant(rows, of)?, endpoint(rows, id)?) else { return Ok(Vec::new()) };
    let before = page.before.and_then(|event| i64::try_from(event).ok()).unwrap_or(i64::MAX);
    let values = params![place, before, n, stored::limit(page.limit)];
    all(rows, sql::DELIVERY_PAGE, values, |row| delivery(rows, id, row))
}

fn next_delivery(rows: Rows<'_>, id: EndpointId) -> Result<Option<Timestamp>, Fault> {
    let Some(place) = endpoint(rows, id)? else { return Ok(None) };
    let at: Option<Option<i64>> = first(rows, sql::DELIVERY_NEXT, [place], |row| Ok(row.get(0)?))?;
    Ok(at.flatten().map(Timestamp))
}

/// A row of a merchant, by its id.
fn one<T>(
    rows: Rows<'_>,
    statement: &str,
    key: (MerchantId, u128),
    read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    match merchant(rows, key.0)? {
        Some(n) => first(rows, statement, params![n, stored::id(key.1)], read),
        None => Ok(None),
    }
}

impl Reader for SqliteReader {
    fn payment(&self, merchant: MerchantId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.read(|rows| one(rows, sql::PAYMENT_BY_ID, (merchant, id.0), |row| Ok(rows.payment(row, 0)?.payment)))
    }

    fn payments(&self, merchant: MerchantId, page: PageRequest<PaymentId>) -> Result<Vec<Payment>, StoreError> {
        self.read(|rows| payments(rows, merchant, page))
    }

    fn payments_of_account(
        &self,
        merchant: MerchantId,
        account: AccountId,
        settled: SettledRange,
        page: PageRequest<(Timestamp, PaymentId)>,
    ) -> Result<Vec<Payment>, StoreError> {
        self.read(|rows| lists::payments_of_account(rows, (merchant, account), settled, page))
    }

    fn payments_of_payer(&self, of: MerchantId, payer_key: &str, limit: usize) -> Result<Vec<Payment>, StoreError> {
        self.read(|rows| match merchant(rows, of)? {
            Some(n) => all(rows, sql::PAYMENT_OF_PAYER, params![n, payer_key, stored::limit(limit)], |row| {
                Ok(rows.payment(row, 0)?.payment)
            }),
            None => Ok(Vec::new()),
        })
    }

    fn refund(&self, merchant: MerchantId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.read(|rows| one(rows, sql::REFUND_BY_ID, (merchant, id.0), |row| Ok(rows.refund(row, 0)?.refund)))
    }

    fn refunds(
        &self,
        merchant: MerchantId,
        filter: &RefundFilter,
        page: PageRequest<RefundId>,
    ) -> Result<Vec<Refund>, StoreError> {
        self.read(|rows| lists::refunds(rows, merchant, filter, page))
    }

    fn refunds_of_payment(&self, of: MerchantId, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        self.read(|rows| {
            let Some(n) = merchant(rows, of)? else { return Ok(Vec::new()) };
            lists::of_payment(rows, n, payment)
        })
    }

    fn pending_approvals(&self, of: MerchantId, page: PageRequest<RefundId>) -> Result<Vec<Refund>, StoreError> {
        self.read(|rows| {
            let Some(n) = merchant(rows, of)? else { return Ok(Vec::new()) };
            let values = params![n, lists::upper_bound(page.before.map(|id| id.0)), stored::limit(page.limit)];
            all(rows, sql::REFUND_PENDING, values, |row| Ok(rows.refund(row, 0)?.refund))
        })
    }

    fn refund_events(&self, merchant: MerchantId, id: RefundId) -> Result<Vec<Event>, StoreError> {
        self.read(|rows| refund_events(rows, merchant, id))
    }

    fn payout(&self, merchant: MerchantId, id: PayoutId) -> Result<Option<Payout>, StoreError> {
        self.read(|rows| one(rows, sql::PAYOUT_BY_ID, (merchant, id.0), |row| Ok(rows.payout(row, 0)?.payout)))
    }

    fn payouts(
        &self,
        merchant: MerchantId,
        filter: &PayoutFilter,
        page: PageRequest<PayoutPlace>,
    ) -> Result<Vec<Payout>, StoreError> {
        self.read(|rows| payouts::page(rows, merchant, filter, page))
    }

    fn due_payouts(&self, now: Timestamp, limit: usize) -> Result<Vec<Payout>, StoreError> {
        self.read(|rows| payouts::due(rows, now, limit))
    }

    fn sending_payouts(&self, after: Option<PayoutId>, limit: usize) -> Result<Vec<Payout>, StoreError> {
        self.read(|rows| payouts::sending(rows, after, limit))
    }

    fn accounts(&self, of: MerchantId) -> Result<Vec<Account>, StoreError> {
        self.read(|rows| match merchant(rows, of)? {
            Some(n) => all(rows, sql::ACCOUNT_HELD, [n], |row| Ok(rows.account(row)?.1)),
            None => Ok(Vec::new()),
        })
    }

    fn account(&self, merchant: MerchantId, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(|rows| one(rows, sql::ACCOUNT_BY_ID, (merchant, id.0), |row| Ok(rows.account(row)?.1)))
    }

    fn mandates(&self, of: MerchantId) -> Result<Vec<Mandate>, StoreError> {
        self.read(|rows| match merchant(rows, of)? {
            Some(n) => all(rows, sql::MANDATE_OF_MERCHANT, [n], |row| Ok(rows.mandate(row)?.1)),
            None => Ok(Vec::new()),
        })
    }

    fn mandate(&self, merchant: MerchantId, id: MandateId) -> Result<Option<Mandate>, StoreError> {
        self.read(|rows| one(rows, sql::MANDATE_BY_ID, (merchant, id.0), |row| Ok(rows.mandate(row)?.1)))
    }

    fn due_refunds(&self, now: Timestamp, limit: usize) -> Result<Vec<Refund>, StoreError> {
        let values = params![now.0, stored::limit(limit)];
        self.read(|rows| all(rows, sql::REFUND_DUE, values, |row| Ok(rows.refund(row, 0)?.refund)))
    }

    fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|rows| {
            let least = |statement| first(rows, statement, [], |row| Ok(row.get::<_, Option<i64>>(0)?));
            let (refund, payout) = (least(sql::REFUND_NEXT_WAKE)?, least(sql::PAYOUT_NEXT_WAKE)?);
            Ok(refund.flatten().into_iter().chain(payout.flatten()).min().map(Timestamp))
        })
    }

    fn due_payments(&self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, StoreError> {
        let values = params![now.0, stored::limit(limit)];
        self.read(|rows| all(rows, sql::PAYMENT_DUE, values, |row| Ok(rows.payment(row, 0)?.payment)))
    }

    fn next_payment_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|rows| {
            let at: Option<Option<i64>> = first(rows, sql::PAYMENT_NEXT_DUE, [], |row| Ok(row.get(0)?))?;
            Ok(at.flatten().map(Timestamp))
        })
    }

    fn due_mandates(&self, now: Timestamp, limit: usize) -> Result<Vec<Mandate>, StoreError> {
        let values = params![now.0, stored::limit(limit)];
        self.read(|rows| all(rows, sql::MANDATE_DUE, values, |row| Ok(rows.mandate(row)?.1)))
    }

    fn sending_refunds(&self, after: Option<RefundId>, limit: usize) -> Result<Vec<Refund>, StoreError> {
        // The empty run of bytes is less than every id.
        let after = after.map_or_else(Vec::new, |id| stored::id(id.0).to_vec());
        let values = params![after, stored::limit(limit)];
        self.read(|rows| all(rows, sql::REFUND_SENDING, values, |row| Ok(rows.refund(row, 0)?.refund)))
    }

    fn instruction(&self, instruction_id: &str) -> Result<Option<(MerchantId, Order, u8)>, StoreError> {
        self.read(|rows| instruction(rows, instruction_id))
    }

    fn strays(&self, of: MerchantId) -> Result<Vec<Stray>, StoreError> {
        self.read(|rows| match merchant(rows, of)? {
            Some(n) => all(rows, sql::STRAY_OPEN, [n], |row| rows.stray(of, row)),
            None => Ok(Vec::new()),
        })
    }

    fn events_after(&self, place: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let values = params![i64::try_from(place).unwrap_or(i64::MAX), stored::limit(limit)];
        self.read(|rows| all(rows, sql::EVENT_AFTER, values, |row| stored_event(rows, row)))
    }

    fn event(&self, place: u64) -> Result<Option<StoredEvent>, StoreError> {
        let Some(before) = place.checked_sub(1) else { return Ok(None) };
        let values = params![i64::try_from(before).unwrap_or(i64::MAX), 1];
        let found = self.read(|rows| first(rows, sql::EVENT_AFTER, values, |row| stored_event(rows, row)))?;
        Ok(found.filter(|event| event.place == place))
    }

    fn newest_event(&self) -> Result<(u64, Timestamp), StoreError> {
        self.read(newest_event)
    }

    fn delivery_cursor(&self, endpoint: EndpointId) -> Result<u64, StoreError> {
        self.read(|rows| {
            let cursor =
                first(rows, sql::ENDPOINT_CURSOR, [stored::id(endpoint.0)], |row| stored::unsigned(row.get(0)?))?;
            Ok(cursor.unwrap_or(0))
        })
    }

    fn due_deliveries(&self, id: EndpointId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.read(|rows| match endpoint(rows, id)? {
            Some(place) => {
                let values = params![place, now.0, stored::limit(limit)];
                all(rows, sql::DELIVERY_DUE, values, |row| delivery(rows, id, row))
            }
            None => Ok(Vec::new()),
        })
    }

    fn next_delivery(&self, endpoint: EndpointId) -> Result<Option<Timestamp>, StoreError> {
        self.read(|rows| next_delivery(rows, endpoint))
    }

    fn deliveries(
        &self,
        merchant: MerchantId,
        endpoint: EndpointId,
        page: PageRequest<u64>,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.read(|rows| deliveries(rows, merchant, endpoint, page))
    }

    fn audit(&self, of: MerchantId, page: PageRequest<u64>) -> Result<Vec<AuditRecord>, StoreError> {
        let before = page.before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        self.read(|rows| match merchant(rows, of)? {
            Some(n) => all(rows, sql::AUDIT_PAGE, params![n, before, stored::limit(page.limit)], scan::audit_record),
            None => Ok(Vec::new()),
        })
    }

    fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        self.read(|rows| all(rows, sql::REGISTRY_ALL, [], |row| registry_entry(rows, row)))
    }

    fn all_mandates(&self) -> Result<Vec<Mandate>, StoreError> {
        self.read(|rows| all(rows, sql::MANDATE_ALL, [], |row| Ok(rows.mandate(row)?.1)))
    }

    fn scan(&self, table: Table, each: Each<'_>) -> Result<(), StoreError> {
        self.scan_all(&[table], each)
    }

    fn scan_all(&self, tables: &[Table], each: Each<'_>) -> Result<(), StoreError> {
        self.snapshot(|rows| tables.iter().try_for_each(|table| scan::table(rows, *table, each)))
    }
}
