//! The schema itself: every statement prepares on it, queries find their
//! indexes, and its constraints hold against plain SQL.

use crate::connect::{Use, connect};
use crate::{migrate, sql};
use rusqlite::{Connection, ErrorCode, StatementStatus};

fn schema() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    migrate::run(&mut connection).unwrap().unwrap();
    connection
}

/// A schema with one of each row that others point at.
fn stocked() -> Connection {
    let connection = schema();
    connection
        .execute_batch(
            "INSERT INTO merchant VALUES (1, zeroblob(16));
             INSERT INTO origin VALUES (1, 'native', '');
             INSERT INTO account VALUES (1, 1, zeroblob(16), 0, 'AUD', '', '', 1, 10, 20, 0, 30, 0, NULL);
             INSERT INTO account VALUES (2, 1, randomblob(16), 1, 'AUD', '', '', 0, 0, 0, 0, 0, 0, NULL);
             INSERT INTO payment VALUES (1, 1, zeroblob(16), 1, 3, 100, 100, 0, NULL, x'01', NULL, 1, NULL, NULL, NULL);
             INSERT INTO refund VALUES (1, 1, zeroblob(16), 1, NULL, 1, 5, 0, NULL, 'name', x'01', NULL);
             INSERT INTO mandate VALUES (1, 1, zeroblob(16), zeroblob(16), NULL, x'01');
             INSERT INTO mandate_use VALUES (1, 5, 2, 2);
             INSERT INTO once VALUES (zeroblob(16), 0, x'01');
             INSERT INTO origin_key VALUES (1, 'uetr', 'x', 1);
             INSERT INTO instruction VALUES ('I', 1, 1);
             INSERT INTO evidence VALUES (1, zeroblob(8), 0, x'01');
             INSERT INTO payout VALUES (1, 1, zeroblob(16), 1, 1, 0, 0, NULL, 0, x'01', x'01');
             INSERT INTO payout_instruction VALUES ('P', 1, 1);
             INSERT INTO payout_evidence VALUES (1, zeroblob(8), 0, x'01');
             INSERT INTO event VALUES (1, 1, 1, 1, x'01', zeroblob(32), NULL);
             INSERT INTO event VALUES (2, NULL, NULL, 1, x'01', zeroblob(32), 1);
             INSERT INTO transfer VALUES (8, 1, 2, 5, 0, NULL);",
        )
        .unwrap();
    connection
}

#[test]
fn every_statement_prepares() {
    let connection = schema();
    for (name, statement) in sql::ALL {
        let prepared = connection.prepare(statement);
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[test]
fn no_query_is_prepared_again_for_another_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    std::fs::File::create(&path).unwrap();
    let mut writer = connect(&path, Use::Write { sync: false, cache_kib: 256 }).unwrap();
    migrate::run(&mut writer).unwrap().unwrap();
    let reader = connect(&path, Use::Read { cache_kib: 256 }).unwrap();
    for connection in [&writer, &reader] {
        for (name, statement) in sql::ALL {
            let mut prepared = connection.prepare(statement).unwrap();
            if !prepared.readonly() || prepared.parameter_count() == 0 {
                continue;
            }
            for value in 1..4_i64 {
                for place in 1..=prepared.parameter_count() {
                    prepared.raw_bind_parameter(place, value).unwrap();
                }
                // A value of another kind finds nothing; that is enough.
                let _ = prepared.raw_query().next();
            }
            assert_eq!(prepared.get_status(StatementStatus::RePrepare), 0, "{name}");
        }
    }
}

#[test]
fn columns_have_the_widths_that_joins_count_on() {
    let connection = schema();
    let width = |statement: &str| connection.prepare(statement).unwrap().column_count();
    assert_eq!(width(sql::EVENT_SCAN), sql::EVENT_WIDTH);
    assert_eq!(width(sql::PAYMENT_SCAN), sql::PAYMENT_WIDTH);
    assert_eq!(width(sql::REFUND_SCAN), sql::REFUND_WIDTH);
    let joined = sql::EVENT_WIDTH + sql::PAYMENT_WIDTH + sql::REFUND_WIDTH;
    assert_eq!(width(sql::EVENT_AFTER), joined + width(sql::PAYOUT_SCAN));
}

#[test]
fn a_refund_touches_no_index_of_its_payment() {
    let connection = schema();
    for statement in [sql::PAYMENT_UPDATE, sql::PAYMENT_LINK] {
        let mut explained = connection.prepare(&format!("EXPLAIN {statement}")).unwrap();
        let count = explained.parameter_count();
        let nothing = rusqlite::params_from_iter(std::iter::repeat_n(rusqlite::types::Null, count));
        let steps: Vec<String> = explained.query_map(nothing, |row| row.get(1)).unwrap().map(Result::unwrap).collect();
        assert!(steps.iter().any(|step| step == "Insert"), "{statement} writes a row");
        assert!(!steps.iter().any(|step| step.starts_with("Idx")), "{statement}: {steps:?}");
    }
}

#[test]
fn no_query_reads_a_whole_table_or_sorts() {
    let connection = schema();
    let whole = [
        "PAYMENT_SCAN",
        "REFUND_SCAN",
        "ACCOUNT_SCAN",
        "EVENT_SCAN",
        "TRANSFER_SCAN",
        "MANDATE_ALL",
        "REGISTRY_ALL",
        "PAYOUT_SCAN",
        "AUDIT_SCAN",
    ];
    for (name, statement) in sql::ALL {
        let explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}"));
        let Ok(mut explained) = explained else { continue };
        let count = explained.parameter_count();
        let nothing = rusqlite::params_from_iter(std::iter::repeat_n(rusqlite::types::Null, count));
        let plan: Vec<String> =
            explained.query_map(nothing, |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap).collect();
        for step in plan {
            // The newest row and the least index entry are found by a "scan"
            // that ends at its first row.
            let ends_at_once = name.contains("NEWEST") || name.contains("_NEXT_");
            let allowed = whole.contains(name) || ends_at_once || *name == "META_CANARIES";
            assert!(allowed || !step.starts_with("SCAN"), "{name}: {step}");
            assert!(!step.contains("TEMP B-TREE"), "{name}: {step}");
        }
    }
}

#[test]
fn constraints_refuse() {
    let connection = stocked();
    for (why, statement) in [
        ("claimed beyond claimable", "UPDATE payment SET claimed = 101"),
        ("claimable below claimed", "UPDATE payment SET claimable = 99"),
        ("held account overdrawn", "UPDATE account SET debits_posted = 31 WHERE n = 1"),
        ("held account's money promised twice", "UPDATE account SET debits_pending = 11 WHERE n = 1"),
        ("a negative sum", "UPDATE account SET credits_pending = -1 WHERE n = 2"),
        ("mandate count", "UPDATE mandate_use SET used = 3"),
        ("two once-records", "INSERT INTO once VALUES (zeroblob(16), 1, x'01')"),
        ("two instructions of one name", "INSERT INTO instruction VALUES ('I', 1, 2)"),
        ("evidence twice", "INSERT INTO evidence VALUES (1, zeroblob(8), 1, x'02')"),
        ("a payout's evidence changed", "UPDATE payout_evidence SET at = 2"),
        ("two instructions of one payout's attempt", "INSERT INTO payout_instruction VALUES ('Q', 1, 1)"),
        (
            "payout id twice",
            "INSERT INTO payout SELECT 2, merchant, id, account, origin, state, sending, wake_at, created_at, body, private FROM payout",
        ),
        (
            "a payout's event number twice",
            "INSERT INTO event (payout, number, body, hash) VALUES (1, 1, x'01', zeroblob(32))",
        ),
        ("origin key twice", "INSERT INTO origin_key VALUES (1, 'uetr', 'x', 1)"),
        (
            "merchant reference twice",
            "INSERT INTO refund VALUES (2, 1, randomblob(16), 1, 1, 1, 5, 0, NULL, 'name', x'01', NULL)",
        ),
        (
            "refund of no payment",
            "INSERT INTO refund VALUES (2, 1, randomblob(16), 9, 1, 1, 5, 0, NULL, NULL, x'01', NULL)",
        ),
        ("event number twice", "INSERT INTO event VALUES (3, 1, 1, 1, x'01', zeroblob(32), NULL)"),
        ("cause and leg twice", "INSERT INTO transfer VALUES (8, 2, 1, 5, 0, NULL)"),
        ("a transfer of nothing", "INSERT INTO transfer VALUES (9, 1, 2, 0, 0, NULL)"),
        ("a transfer onto itself", "INSERT INTO transfer VALUES (9, 1, 1, 5, 0, NULL)"),
        ("a transfer from nowhere", "INSERT INTO transfer VALUES (9, 7, 1, 5, 0, NULL)"),
        ("an event changes", "UPDATE event SET number = 2"),
        ("an event goes", "DELETE FROM event"),
        ("a transfer changes", "UPDATE transfer SET amount = 6"),
        ("a transfer goes", "DELETE FROM transfer"),
        ("evidence changes", "UPDATE evidence SET at = 1"),
        ("evidence goes", "DELETE FROM evidence"),
        ("a refund that others point at goes", "DELETE FROM refund"),
        ("text in a number's place", "UPDATE payment SET claimed = 'x'"),
    ] {
        let error = connection.execute(statement, []).expect_err(why);
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{why}: {error}");
    }
    assert_eq!(
        connection.execute(sql::ONCE_PUT, rusqlite::params![[0_u8; 16], 1, [1_u8]]).unwrap(),
        0,
        "a refund's key stays"
    );
}

#[test]
fn no_number_has_only_32_bits() {
    // SQLite's INTEGER has 64 bits; anything else would be a text or a float.
    let connection = schema();
    let mut statement = connection
        .prepare("SELECT t.name || '.' || c.name, c.type FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE t.schema = 'main'")
        .unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for column in columns {
        let (name, kind): (String, String) = column.unwrap();
        let plain = matches!(kind.as_str(), "INTEGER" | "TEXT" | "BLOB");
        assert!(plain || name.starts_with("sqlite_"), "{name} is {kind}");
    }
}

#[test]
fn connections_are_set_up_for_their_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    std::fs::File::create(&path).unwrap();
    let number = |connection: &Connection, pragma: &str| -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    };
    let writer = connect(&path, Use::Write { sync: true, cache_kib: 512 }).unwrap();
    for (pragma, value) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("wal_autocheckpoint", 0),
        ("cache_size", -512),
        ("busy_timeout", 5000),
    ] {
        assert_eq!(number(&writer, pragma), value, "{pragma}");
    }
    let reader = connect(&path, Use::Read { cache_kib: 512 }).unwrap();
    assert_eq!(number(&reader, "query_only"), 1);
    assert!(reader.execute("CREATE TABLE t (x)", []).is_err());
}
