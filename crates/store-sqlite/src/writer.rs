//! The writing side of the port.

use crate::catalog::NewNames;
use crate::checkpoint::Bound;
use crate::fault::Fault;
use crate::load::{self, Loaded};
use crate::rows::Rows;
use crate::sql;
use crate::store::Shared;
use crate::write::{Newest, Writing};
use refundry_domain::facts::Facts;
use refundry_engine::store::{Batch, Keys, StoreError, Writer};
use rusqlite::Connection;
use std::sync::Arc;

/// The one writer of a store.
pub(crate) struct SqliteWriter {
    connection: Connection,
    shared: Arc<Shared>,
    loaded: Loaded,
    newest: Newest,
    bound: Bound,
    /// Set after a fault whose outcome is not known.
    broken: bool,
}

impl SqliteWriter {
    /// A writer over the connection that writes.
    pub(crate) fn new(connection: Connection, shared: Arc<Shared>) -> Result<Self, Fault> {
        let number = |statement: &str| connection.query_row(statement, [], |row| row.get(0));
        let newest = Newest {
            payment: number(sql::PAYMENT_NEWEST_N)?,
            refund: number(sql::REFUND_NEWEST_N)?,
            event: number(sql::EVENT_NEWEST_SEQ)?,
        };
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let bound = Bound::new(Arc::clone(&shared.log), u64::try_from(page_bytes).unwrap_or(0));
        Ok(Self { connection, shared, loaded: Loaded::default(), newest, bound, broken: false })
    }

    fn rows<'a>(connection: &'a Connection, shared: &'a Shared) -> Rows<'a> {
        Rows { connection, catalog: &shared.catalog, sealer: &shared.sealer, keep: true }
    }

    fn run(&self, statement: &str) -> Result<(), Fault> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    fn load(&mut self, keys: &Keys) -> Result<Facts, Fault> {
        self.loaded.clear();
        self.run(sql::BEGIN_READ)?;
        let facts = load::facts(Self::rows(&self.connection, &self.shared), &mut self.loaded, keys);
        let ended = self.run(sql::COMMIT);
        let facts = facts?;
        ended.map(|()| facts)
    }

    /// Writes a batch up to and with its COMMIT.
    fn write(&mut self, batch: &Batch<'_>) -> Result<(Newest, NewNames), Fault> {
        self.run(sql::BEGIN_WRITE)?;
        let mut writing = Writing {
            rows: Self::rows(&self.connection, &self.shared),
            batch,
            loaded: &mut self.loaded,
            names: NewNames::default(),
            newest: self.newest,
        };
        writing.all()?;
        let (newest, names) = (writing.newest, writing.names);
        self.run(sql::COMMIT)?;
        Ok((newest, names))
    }

    /// Goes back to the state before the batch, or says that nobody knows.
    fn undo(&mut self, fault: Fault) -> StoreError {
        self.loaded = Loaded::default();
        // Some faults make SQLite roll back by itself.
        let undone = if self.connection.is_autocommit() { Ok(()) } else { self.run(sql::ROLLBACK) };
        match undone {
            Ok(()) if fault.leaves_nothing_behind() => fault.into(),
            Ok(()) => {
                self.broken = true;
                StoreError::Broken(Box::new(fault))
            }
            Err(second) => {
                self.broken = true;
                tracing::error!(error = %fault, "a batch failed and could not be undone");
                StoreError::Broken(Box::new(second))
            }
        }
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.broken { Err(StoreError::Broken("an earlier batch has no known outcome".into())) } else { Ok(()) }
    }
}

impl Writer for SqliteWriter {
    fn begin(&mut self, keys: &Keys) -> Result<Facts, StoreError> {
        self.usable()?;
        Ok(self.load(keys)?)
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        self.usable()?;
        let first = u64::try_from(self.newest.event).unwrap_or(0).saturating_add(1);
        if batch.is_empty() {
            return Ok(first);
        }
        match self.write(batch) {
            Ok((newest, names)) => {
                self.newest = newest;
                self.shared.catalog.absorb(names);
                self.shared.log.committed();
            }
            Err(fault) => return Err(self.undo(fault)),
        }
        // The batch is durable; a log that stays long is no reason to say otherwise.
        if let Err(fault) = self.bound.keep(&self.connection) {
            tracing::warn!(error = %fault, "the log could not begin anew");
        }
        Ok(first)
    }
}

/// Stands in where the writer is gone already, or the store is read-only.
pub(crate) struct NoWriter;

impl Writer for NoWriter {
    fn begin(&mut self, _: &Keys) -> Result<Facts, StoreError> {
        Err(StoreError::Broken("this store has no writer to give".into()))
    }

    fn commit(&mut self, _: &Batch<'_>) -> Result<u64, StoreError> {
        Err(StoreError::Broken("this store has no writer to give".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyRing, Options, SqliteStore};
    use refundry_domain::id::EndpointId;
    use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
    use refundry_engine::store::DeliveryUpdate;
    use refundry_testkit::make::AT;

    fn open(folder: &std::path::Path) -> (SqliteStore, SqliteWriter) {
        let options = Options { sync: false, ..Options::new(folder, KeyRing::of(1, [7; 32])) };
        let store = SqliteStore::open(options).unwrap();
        let writer = store.bare_writer().unwrap();
        (store, writer)
    }

    fn answer(key: u8, length: usize) -> Facts {
        let mut facts = Facts::default();
        let result = OnceResult::Answer { status: 200, body: vec![key; length] };
        let key = OnceKey([key; 16]);
        facts.once.insert(key, OnceRecord { fingerprint: Fingerprint([0; 16]), result, at: AT });
        facts.changes.once.insert(key);
        facts
    }

    fn batch(facts: &Facts) -> Batch<'_> {
        Batch { facts, registry_put: &[], registry_remove: &[], audit: &[], deliveries: &[] }
    }

    fn known(writer: &mut SqliteWriter, key: u8) -> bool {
        let once = [OnceKey([key; 16])].into();
        !writer.begin(&Keys { once, ..Keys::default() }).unwrap().once.is_empty()
    }

    #[test]
    fn a_full_disk_is_rolled_back_and_may_pass_later() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, mut writer) = open(folder.path());
        writer.commit(&batch(&answer(1, 10))).unwrap();
        let pages: i64 = writer.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        writer.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let large = answer(2, 100_000);
        assert!(matches!(writer.commit(&batch(&large)), Err(StoreError::Full(_))));
        assert!(known(&mut writer, 1) && !known(&mut writer, 2));
        writer.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        writer.commit(&batch(&large)).unwrap();
        assert!(known(&mut writer, 2));
    }

    #[test]
    fn after_any_other_fault_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, mut writer) = open(folder.path());
        writer.connection.execute_batch("DROP TABLE delivery; DROP TABLE endpoint").unwrap();
        let facts = Facts::default();
        let deliveries = [DeliveryUpdate { rows: Vec::new(), cursors: vec![(EndpointId(1), 1)] }];
        let broken = Batch { deliveries: &deliveries, ..batch(&facts) };
        assert!(matches!(writer.commit(&broken), Err(StoreError::Broken(_))));
        assert!(matches!(writer.commit(&batch(&answer(1, 10))), Err(StoreError::Broken(_))));
        assert!(matches!(writer.begin(&Keys::default()), Err(StoreError::Broken(_))));
    }
}
