//! The contract suite of the port, on real files.

use refundry_store_sqlite::{KeyRing, Options, SqliteStore};
use std::path::Path;

fn options(folder: &Path) -> Options {
    // Nothing here cuts the power, so that nothing has to wait for the disk.
    Options { sync: false, ..Options::new(folder, KeyRing::of(1, [7; 32])) }
}

#[test]
fn passes_the_suite() {
    let folders = std::cell::RefCell::new(Vec::new());
    refundry_testkit::store::suite(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(options(folder.path())).expect("it opens");
        folders.borrow_mut().push(folder);
        (store.writer(), store.reader())
    });
}

#[test]
fn a_restart_keeps_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    refundry_testkit::store::restart(|| {
        let store = SqliteStore::open(options(folder.path())).expect("it opens");
        (store.writer(), store.reader())
    });
}
