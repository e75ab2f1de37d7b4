//! What moved on a held account: the pages of the store's lists put together,
//! for dialects that show an account's transactions. All of it reads.

use refundry_domain::id::{AccountId, MerchantId, RefundId};
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{PageRequest, PayoutFilter, PayoutPlace, Reader, RefundFilter, SettledRange, StoreError};

/// Rows that are read at once.
const ROWS_PER_READ: usize = 500;
/// A refund's id holds the time at which it was minted, a moment before it is
/// created; what was adopted after a loss has an id of its own time.
const ID_SLACK: Span = Span::days(1);

/// Whose account.
#[derive(Debug, Clone, Copy)]
pub struct HeldAccount {
    /// The merchant.
    pub merchant: MerchantId,
    /// The account.
    pub account: AccountId,
}

/// Whether a refund is paid by an account.
#[must_use]
pub fn is_paid_by(refund: &Refund, account: AccountId) -> bool {
    match refund.funding {
        Funding::Held { account: paying } => paying == account,
        Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
    }
}

/// Payments that credited an account in this range, the newest first.
///
/// # Errors
/// The store is not available.
pub fn payments(reader: &dyn Reader, of: HeldAccount, settled: SettledRange) -> Result<Vec<Payment>, StoreError> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = PageRequest { limit: ROWS_PER_READ, before };
        let found = reader.payments_of_account(of.merchant, of.account, settled, page)?;
        before = found.last().and_then(|last| last.moments.settled_at.map(|at| (at, last.id)));
        let more = found.len() == ROWS_PER_READ && before.is_some();
        all.extend(found);
        if !more {
            return Ok(all);
        }
    }
}

/// Refunds that an account pays and that were made from `from` to `to`, both
/// included, the newest first.
///
/// # Errors
/// The store is not available.
pub fn refunds(
    reader: &dyn Reader,
    of: HeldAccount,
    filter: &RefundFilter,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Refund>, StoreError> {
    // Ids are in the order of time.
    let oldest = id_at(from.minus(ID_SLACK));
    let mut all = Vec::new();
    let mut before = Some(id_at(to.plus(ID_SLACK)));
    loop {
        let found = reader.refunds(of.merchant, filter, PageRequest { limit: ROWS_PER_READ, before })?;
        before = found.last().map(|last| last.id);
        let more = found.len() == ROWS_PER_READ && before.is_some_and(|last| last > oldest);
        let wanted =
            |refund: &Refund| is_paid_by(refund, of.account) && from <= refund.created_at && refund.created_at <= to;
        all.extend(found.into_iter().filter(wanted));
        if !more {
            return Ok(all);
        }
    }
}

/// Payouts that an account pays and that were made from `from` to `to`, both
/// included, the newest first.
///
/// # Errors
/// The store is not available.
pub fn payouts(
    reader: &dyn Reader,
    of: HeldAccount,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Payout>, StoreError> {
    let filter = PayoutFilter { account: of.account, from, to };
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let found = reader.payouts(of.merchant, &filter, PageRequest { limit: ROWS_PER_READ, before })?;
        before = found.last().map(PayoutPlace::of);
        let more = found.len() == ROWS_PER_READ;
        all.extend(found);
        if !more {
            return Ok(all);
        }
    }
}

/// The id that is minted at an instant.
fn id_at(at: Timestamp) -> RefundId {
    RefundId(u128::try_from(at.0 / 1_000_000).unwrap_or(0) << 80)
}
