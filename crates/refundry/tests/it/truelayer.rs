//! TrueLayer's API through the real binary, as its clients meet it.

pub(crate) mod client;
mod libraries;
mod outcomes;
mod refunds;
mod seeds;
mod walks;
mod webhooks;
