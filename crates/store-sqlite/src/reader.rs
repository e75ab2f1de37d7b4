//! The reading side of the port: a few read-only connections, each call one
//! snapshot.

mod lists;
mod payouts;
mod port;
mod scan;

use crate::connect::{Use, connect};
use crate::fault::Fault;
use crate::rows::Rows;
use crate::sql;
use crate::store::Shared;
use refundry_engine::store::StoreError;
use rusqlite::{Connection, Row};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The readers of a store.
pub(crate) struct SqliteReader {
    // Closed before the lock that is shared is let go.
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    shared: Arc<Shared>,
}

/// A connection on loan; it goes back by itself.
struct Loan<'a> {
    reader: &'a SqliteReader,
    connection: Option<Connection>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Only a panic in a caller's code leaves a transaction behind.
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch(sql::ROLLBACK)
            {
                tracing::error!(%error, "a reader could not end its snapshot");
            }
            self.reader.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            self.reader.returned.notify_one();
        }
    }
}

impl SqliteReader {
    /// Opens so many connections.
    pub(crate) fn open(path: &Path, shared: &Arc<Shared>, count: usize, cache_kib: u32) -> Result<Self, Fault> {
        let idle = (0..count.max(1)).map(|_| connect(path, Use::Read { cache_kib })).collect::<Result<_, _>>()?;
        Ok(Self { shared: Arc::clone(shared), idle: Mutex::new(idle), returned: Condvar::new() })
    }

    fn borrow(&self) -> Loan<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.pop() {
                return Loan { reader: self, connection: Some(connection) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs one or more statements on one snapshot.
    fn read<T>(&self, work: impl FnOnce(Rows<'_>) -> Result<T, Fault>) -> Result<T, StoreError> {
        self.snapshot(|rows| Ok(work(rows)?))
    }

    fn snapshot<T>(&self, work: impl FnOnce(Rows<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let loan = self.borrow();
        let Some(connection) = &loan.connection else {
            return Err(StoreError::Malformed("a reader is missing".to_owned()));
        };
        let run = |statement: &str| -> Result<(), Fault> {
            connection.prepare_cached(statement)?.execute([])?;
            Ok(())
        };
        run(sql::BEGIN_READ)?;
        let rows = Rows { connection, catalog: &self.shared.catalog, sealer: &self.shared.sealer, keep: false };
        let done = work(rows);
        run(sql::COMMIT)?;
        done
    }
}

/// Every row of a query.
fn all<T>(
    rows: Rows<'_>,
    statement: &str,
    values: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = rows.connection.prepare_cached(statement)?;
    let mut found = statement.query(values)?;
    let mut list = Vec::new();
    while let Some(row) = found.next()? {
        list.push(read(row)?);
    }
    Ok(list)
}

/// The first row of a query.
fn first<T>(
    rows: Rows<'_>,
    statement: &str,
    values: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = rows.connection.prepare_cached(statement)?;
    let mut found = statement.query(values)?;
    found.next()?.map(read).transpose()
}
