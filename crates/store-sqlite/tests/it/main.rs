//! The store from outside: the contract suite on a real file, and what only
//! a file can do.

mod contract;
mod file;
mod stories;
