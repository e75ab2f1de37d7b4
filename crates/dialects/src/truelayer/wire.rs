//! Bodies in and out: the only place, beside states, errors and webhooks,
//! where this provider's spelling stands.

pub(super) mod accounts;
pub(super) mod flow;
pub(super) mod identifiers;
pub(super) mod metadata;
pub(super) mod mock_bank;
pub(super) mod payments;
pub(super) mod payouts;
pub(super) mod providers;
pub(super) mod refunds;
pub(super) mod transactions;
