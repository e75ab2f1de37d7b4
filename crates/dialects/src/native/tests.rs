//! Stories of this dialect over a real engine on the store in memory, and
//! tables of what it refuses.

mod approvals;
mod maps;
mod money;
mod people;
mod replays;
mod shop;
mod tenants;
mod webhooks;
