//! The engine from outside: what it promises to those who stand on it.

mod stable_ids;
