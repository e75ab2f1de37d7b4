//! BVNK's API through the real binary, as its clients meet it.

mod clients;
mod oracles;
mod people;
mod places;
mod receiver;
mod seeds;
pub(crate) mod shop;
mod webhooks;
