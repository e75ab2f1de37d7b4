//! Connections and their pragmas.

use crate::fault::Fault;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for a lock that another one holds briefly.
const BUSY: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps; more than there are.
const STATEMENTS: usize = 128;

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use {
    /// The only one that writes rows.
    Write {
        /// Wait for the disk at every commit.
        sync: bool,
        /// Page cache, KiB.
        cache_kib: u32,
    },
    /// Moves the write-ahead log into the file.
    Checkpoint {
        /// Wait for the disk.
        sync: bool,
    },
    /// Reads.
    Read {
        /// Page cache, KiB.
        cache_kib: u32,
    },
}

/// Opens a connection to an existing file.
pub(crate) fn connect(path: &Path, purpose: Use) -> Result<Connection, Fault> {
    // Every connection is used by one thread at a time, so that SQLite's own
    // mutex per connection would only cost.
    let access = match purpose {
        Use::Write { .. } | Use::Checkpoint { .. } => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Use::Read { .. } => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A plan never depends on a bound value. Without this, statements whose
    // index has a condition are prepared again at every run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    match purpose {
        Use::Write { sync, cache_kib } => {
            journal(&connection)?;
            synchronous(&connection, sync)?;
            cache(&connection, cache_kib)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        Use::Checkpoint { sync } => {
            synchronous(&connection, sync)?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        Use::Read { cache_kib } => {
            cache(&connection, cache_kib)?;
            connection.pragma_update(None, "query_only", true)?;
        }
    }
    Ok(connection)
}

/// Turns the write-ahead log on; a file system that cannot do it is refused.
fn journal(connection: &Connection) -> Result<(), Fault> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" { Ok(()) } else { Err(Fault::Refused("the file system does not allow a write-ahead log")) }
}

fn synchronous(connection: &Connection, sync: bool) -> Result<(), Fault> {
    Ok(connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "OFF" })?)
}

fn cache(connection: &Connection, kib: u32) -> Result<(), Fault> {
    // A negative size is in KiB, a positive one in pages.
    Ok(connection.pragma_update(None, "cache_size", -i64::from(kib))?)
}
