//! Payouts: one, a page of an account, and what workers ask for.

use super::{all, first};
use crate::codec::stored;
use crate::fault::Fault;
use crate::rows::{self, Rows};
use crate::sql;
use refundry_domain::id::{MerchantId, PayoutId};
use refundry_domain::instruction::Order;
use refundry_domain::payout::Payout;
use refundry_domain::time::Timestamp;
use refundry_engine::store::{PageRequest, PayoutFilter, PayoutPlace};
use rusqlite::params;

/// A page of an account's payouts, newest first.
pub(super) fn page(
    rows: Rows<'_>,
    merchant: MerchantId,
    filter: &PayoutFilter,
    page: PageRequest<PayoutPlace>,
) -> Result<Vec<Payout>, Fault> {
    let Some(merchant) = rows.catalog.merchant(rows.connection, merchant)? else { return Ok(Vec::new()) };
    let account =
        first(rows, sql::ACCOUNT_PLACE, params![merchant, stored::id(filter.account.0)], |row| Ok(row.get(0)?))?;
    let Some(account): Option<i64> = account else { return Ok(Vec::new()) };
    let (before_at, before) = match page.before {
        Some(place) => (place.created_at.0, super::lists::upper_bound(Some(place.id.0))),
        None => (i64::MAX, super::lists::upper_bound(None)),
    };
    let values = params![account, filter.from.0, filter.to.0, before_at, before, stored::limit(page.limit)];
    all(rows, sql::PAYOUT_PAGE, values, |row| Ok(rows.payout(row, 0)?.payout))
}

/// Payouts that something must be done about.
pub(super) fn due(rows: Rows<'_>, now: Timestamp, limit: usize) -> Result<Vec<Payout>, Fault> {
    all(rows, sql::PAYOUT_DUE, params![now.0, stored::limit(limit)], |row| Ok(rows.payout(row, 0)?.payout))
}

/// Payouts that are being sent, by id.
pub(super) fn sending(rows: Rows<'_>, after: Option<PayoutId>, limit: usize) -> Result<Vec<Payout>, Fault> {
    let after = after.map_or_else(Vec::new, |id| stored::id(id.0).to_vec());
    all(rows, sql::PAYOUT_SENDING, params![after, stored::limit(limit)], |row| Ok(rows.payout(row, 0)?.payout))
}

/// Whose payout an instruction id is.
pub(super) fn instruction(rows: Rows<'_>, id: &str) -> Result<Option<(MerchantId, Order, u8)>, Fault> {
    first(rows, sql::PAYOUT_INSTRUCTION_GET, [id], |row| {
        let merchant = rows.catalog.merchant_id(rows.connection, row.get(0)?)?;
        Ok((merchant, Order::Payout(PayoutId(rows::id(row, 1)?)), row.get(2)?))
    })
}
