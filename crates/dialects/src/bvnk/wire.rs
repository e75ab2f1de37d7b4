//! Bodies in and out: the only place with this spelling, words of states and
//! errors apart.

pub(super) mod accounts;
pub(super) mod input;
pub(super) mod metadata;
pub(super) mod money;
pub(super) mod out;
pub(super) mod page;
pub(super) mod payin;
pub(super) mod payout;
pub(super) mod simulation;
