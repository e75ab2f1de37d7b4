//! Bodies in and out: the only place, beside states, errors and webhooks,
//! where this provider's spelling stands.

pub(super) mod accounts;
pub(super) mod flow;
pub(super) mod payments;
pub(super) mod payouts;
pub(super) mod refunds;
