//! The store in memory passes the contract suite.

use refundry_testkit::memory::MemoryStore;
use refundry_testkit::store;

#[test]
fn memory_keeps_the_contract() {
    store::suite(|| MemoryStore::new().open());
}

#[test]
fn memory_outlives_its_handles() {
    let memory = MemoryStore::new();
    store::restart(|| memory.open());
}
