//! Whole tables, row by row.

use crate::codec::stored;
use crate::fault::Fault;
use crate::rows::{self, Rows};
use crate::sql;
use crate::write_records::LEGS;
use refundry_domain::bytes::Malformed;
use refundry_domain::id::AccountId;
use refundry_domain::ledger::TransferKind;
use refundry_engine::audit::AuditRecord;
use refundry_engine::store::{Row, StoreError, StoredTransfer, Table};
use std::collections::HashMap;

/// Takes one row after the other.
pub(super) type Each<'a> = &'a mut dyn FnMut(Row) -> Result<(), StoreError>;

/// Accounts by their numbers, as far as transfers named them.
type Accounts = HashMap<i64, AccountId>;

/// Reads one table in its order.
pub(super) fn table(rows: Rows<'_>, table: Table, each: Each<'_>) -> Result<(), StoreError> {
    let mut accounts = Accounts::new();
    match table {
        Table::Accounts => stream(rows, sql::ACCOUNT_SCAN, each, |row| Ok(Row::Account(rows.account(row)?.1))),
        Table::Transfers => {
            stream(rows, sql::TRANSFER_SCAN, each, |row| Ok(Row::Transfer(transfer(rows, row, &mut accounts)?)))
        }
        Table::Payments => stream(rows, sql::PAYMENT_SCAN, each, |row| Ok(Row::Payment(rows.payment(row, 0)?.payment))),
        Table::Refunds => stream(rows, sql::REFUND_SCAN, each, |row| Ok(Row::Refund(rows.refund(row, 0)?.refund))),
        Table::Payouts => stream(rows, sql::PAYOUT_SCAN, each, |row| Ok(Row::Payout(rows.payout(row, 0)?.payout))),
        Table::Events => stream(rows, sql::EVENT_SCAN, each, |row| {
            let (place, event) = rows::event(row)?;
            Ok(Row::Event { place, event })
        }),
        Table::Audit => stream(rows, sql::AUDIT_SCAN, each, |row| Ok(Row::Audit(audit_record(row)?))),
    }
}

/// A change of the registry as it is stored.
pub(super) fn audit_record(row: &rusqlite::Row<'_>) -> Result<AuditRecord, Fault> {
    let record = AuditRecord::decode(rows::bytes(row, 1)?)?;
    let number: u64 = stored::unsigned(row.get(0)?)?;
    if record.number == number {
        Ok(record)
    } else {
        Err(Fault::Malformed(format!("change {number} has another number")))
    }
}

fn stream(
    rows: Rows<'_>,
    statement: &str,
    each: Each<'_>,
    mut read: impl FnMut(&rusqlite::Row<'_>) -> Result<Row, Fault>,
) -> Result<(), StoreError> {
    let mut statement = rows.connection.prepare_cached(statement).map_err(Fault::from)?;
    let mut found = statement.query([]).map_err(Fault::from)?;
    while let Some(row) = found.next().map_err(Fault::from)? {
        each(read(row)?)?;
    }
    Ok(())
}

fn transfer(rows: Rows<'_>, row: &rusqlite::Row<'_>, accounts: &mut Accounts) -> Result<StoredTransfer, Fault> {
    let number: i64 = row.get(0)?;
    let kind: usize = stored::small(row.get(4)?)?;
    Ok(StoredTransfer {
        cause: stored::unsigned(number.div_euclid(LEGS))?,
        leg: stored::small(number.rem_euclid(LEGS))?,
        debit_account: account(rows, row.get(1)?, accounts)?,
        credit_account: account(rows, row.get(2)?, accounts)?,
        amount: stored::unsigned(row.get(3)?)?,
        kind: TransferKind::ALL.get(kind).copied().ok_or(Malformed)?,
    })
}

fn account(rows: Rows<'_>, n: i64, accounts: &mut Accounts) -> Result<AccountId, Fault> {
    if let Some(id) = accounts.get(&n) {
        return Ok(*id);
    }
    let found = super::first(rows, sql::ACCOUNT_ID_BY_N, [n], |row| Ok(AccountId(rows::id(row, 0)?)))?;
    let id = found.ok_or_else(|| Fault::Malformed(format!("account row {n} is missing")))?;
    accounts.insert(n, id);
    Ok(id)
}
