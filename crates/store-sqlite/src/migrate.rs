//! Migrations: numbered SQL files, each run once inside a transaction of its
//! own and remembered with its checksum.

use crate::fault::Fault;
use refundry_engine::digest::sha256;
use rusqlite::{Connection, TransactionBehavior};

/// A numbered change of the schema.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// All of them; the first has number 1. Never changed once released.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_initial", sql: include_str!("../sql/0001_initial.sql") },
    Migration { name: "0002_payments", sql: include_str!("../sql/0002_payments.sql") },
    Migration { name: "0003_payouts", sql: include_str!("../sql/0003_payouts.sql") },
    Migration { name: "0004_strays", sql: include_str!("../sql/0004_strays.sql") },
    Migration { name: "0005_one_index_less", sql: include_str!("../sql/0005_one_index_less.sql") },
    Migration { name: "0006_approvals", sql: include_str!("../sql/0006_approvals.sql") },
    Migration { name: "0007_audit", sql: include_str!("../sql/0007_audit.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (
    version  INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    checksum BLOB NOT NULL CHECK (length(checksum) = 32)
) STRICT";

/// What the file says about its schema does not fit this program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A newer program wrote it.
    Newer {
        /// Version of the file.
        found: i64,
        /// Newest version that we know.
        known: i64,
    },
    /// A migration that was run is not the one we have under its number.
    Changed {
        /// Its number.
        version: i64,
    },
    /// The file has no schema, or not all of it, and may not be written.
    Incomplete,
}

fn known() -> i64 {
    crate::codec::stored::limit(MIGRATIONS.len())
}

fn applied(connection: &Connection) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let mut statement = connection.prepare("SELECT version, checksum FROM migration ORDER BY version")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn compare(applied: &[(i64, Vec<u8>)]) -> Result<usize, Misfit> {
    if let Some((found, _)) = applied.last().filter(|(version, _)| *version > known()) {
        return Err(Misfit::Newer { found: *found, known: known() });
    }
    for ((version, checksum), (expected, migration)) in applied.iter().zip((1..).zip(MIGRATIONS)) {
        if *version != expected || checksum[..] != sha256(migration.sql.as_bytes()) {
            return Err(Misfit::Changed { version: *version });
        }
    }
    Ok(applied.len())
}

/// Looks at the schema without changing it.
pub(crate) fn check(connection: &Connection) -> Result<Result<(), Misfit>, Fault> {
    let exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'";
    if !connection.prepare(exists)?.exists([])? {
        return Ok(Err(Misfit::Incomplete));
    }
    Ok(match compare(&applied(connection)?) {
        Ok(count) if count == MIGRATIONS.len() => Ok(()),
        Ok(_) => Err(Misfit::Incomplete),
        Err(misfit) => Err(misfit),
    })
}

/// Brings the schema up to date.
pub(crate) fn run(connection: &mut Connection) -> Result<Result<(), Misfit>, Fault> {
    connection.execute_batch(TABLE)?;
    let done = match compare(&applied(connection)?) {
        Ok(done) => done,
        Err(misfit) => return Ok(Err(misfit)),
    };
    for (version, migration) in (1_i64..).zip(MIGRATIONS).skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO migration (version, name, checksum) VALUES (?1, ?2, ?3)",
            rusqlite::params![version, migration.name, sha256(migration.sql.as_bytes())],
        )?;
        transaction.commit()?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_once_and_knows_itself() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(check(&connection).unwrap(), Err(Misfit::Incomplete));
        for _ in 0..2 {
            assert_eq!(run(&mut connection).unwrap(), Ok(()));
        }
        assert_eq!(check(&connection).unwrap(), Ok(()));
    }

    #[test]
    fn a_file_of_the_first_schema_keeps_its_payments() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        let first = &MIGRATIONS[0];
        connection.execute_batch(first.sql).unwrap();
        let values = rusqlite::params![1, first.name, sha256(first.sql.as_bytes())];
        connection.execute("INSERT INTO migration VALUES (?1, ?2, ?3)", values).unwrap();
        connection
            .execute_batch(
                "INSERT INTO merchant VALUES (1, zeroblob(16));
                 INSERT INTO origin VALUES (1, 'native', '');
                 INSERT INTO payment VALUES (1, 1, zeroblob(16), 1, 3, 100, 0, 0, NULL, x'01', NULL);
                 INSERT INTO account VALUES (1, 1, randomblob(16), 1, 'AUD', 'bank', '', 0, 0, 0, 0, 0, 77),
                     (2, 1, randomblob(16), 1, 'GBP', 'bank', '', 0, 0, 0, 0, 0, 78);
                 INSERT INTO book VALUES (1, 'AUD', zeroblob(176)), (1, 'GBP', zeroblob(176));",
            )
            .unwrap();
        assert_eq!(check(&connection).unwrap(), Err(Misfit::Incomplete));
        assert_eq!(run(&mut connection).unwrap(), Ok(()));
        let kept = connection.query_row("SELECT claimable, settled_at, payer_key FROM payment", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<String>>(2)?))
        });
        assert_eq!(kept.unwrap(), (100, None, None));
        // Each book has a twelfth account of its currency, as old as the others.
        let twelfth = "SELECT group_concat(currency || kind || '/' || created_at || substr(hex(id), 13, 1)) FROM (
            SELECT b.currency, a.kind, a.created_at, a.id FROM book b
            JOIN account a ON a.id = substr(b.accounts, 177) AND a.currency = b.currency ORDER BY b.currency)";
        let twelfth = connection.query_row(twelfth, [], |row| row.get::<_, String>(0));
        assert_eq!(twelfth.unwrap(), "AUD5/774,GBP5/784");
    }

    #[test]
    fn a_newer_or_changed_schema_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap().unwrap();
        connection.execute("INSERT INTO migration VALUES (99, 'later', zeroblob(32))", []).unwrap();
        assert_eq!(run(&mut connection).unwrap(), Err(Misfit::Newer { found: 99, known: known() }));
        connection.execute("DELETE FROM migration WHERE version = 99", []).unwrap();
        connection.execute("UPDATE migration SET checksum = zeroblob(32)", []).unwrap();
        assert_eq!(run(&mut connection).unwrap(), Err(Misfit::Changed { version: 1 }));
        assert_eq!(check(&connection).unwrap(), Err(Misfit::Changed { version: 1 }));
    }

    #[test]
    fn every_table_is_strict() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap().unwrap();
        let loose: i64 = connection
            .query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(loose, 0);
    }
}
