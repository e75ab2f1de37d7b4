//! What the testkit's own pieces promise.

mod stores;
