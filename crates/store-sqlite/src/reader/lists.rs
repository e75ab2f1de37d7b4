//! Pages of refunds: by merchant, by payment, by the merchant's reference.

use super::{all, first};
use crate::codec::refund::STATE_WORDS;
use crate::codec::stored;
use crate::fault::Fault;
use crate::rows::Rows;
use crate::sql;
use refundry_domain::id::{AccountId, MerchantId, PaymentId, RefundId};
use refundry_domain::payment::{Payment, family_of};
use refundry_domain::refund::Refund;
use refundry_domain::time::Timestamp;
use refundry_engine::store::{PageRequest, RefundFilter, SettledRange};
use rusqlite::params;

/// Greater than every id: a page without a beginning starts here.
const BEHIND_ALL: [u8; 17] = [0xff; 17];

/// The id before which a page starts, as the file compares it.
pub(super) fn upper_bound(before: Option<u128>) -> Vec<u8> {
    before.map_or_else(|| BEHIND_ALL.to_vec(), |id| stored::id(id).to_vec())
}

/// The group whose refunds are shown, with its family. An empty group is the
/// merchant as a whole and sees everything.
fn group_of(filter: &RefundFilter) -> Option<(&str, &str)> {
    let (dialect, group) = filter.visible_to.as_ref()?;
    (!group.is_empty()).then_some((family_of(dialect), group))
}

/// One bit per state that is wanted; words that are no state's say nothing.
fn state_bits(filter: &RefundFilter) -> i64 {
    let wanted = |word: &str| filter.states.is_empty() || filter.states.iter().any(|wanted| wanted == word);
    STATE_WORDS.iter().enumerate().filter(|(_, word)| wanted(word)).fold(0, |bits, (place, _)| bits | (1 << place))
}

fn shows(filter: &RefundFilter, refund: &Refund) -> bool {
    let hidden =
        filter.visible_to.as_ref().is_some_and(|(dialect, group)| refund.origin.is_hidden_from(dialect, group));
    let state = filter.states.is_empty() || filter.states.iter().any(|word| word == refund.state.code());
    let name = filter.merchant_reference.as_deref();
    let named = name.is_none_or(|name| refund.merchant_reference.as_deref() == Some(name));
    let payment = filter.payment.is_none_or(|payment| payment == refund.payment);
    !hidden && state && named && payment
}

/// A page of a merchant's refunds, newest first.
pub(super) fn refunds(
    rows: Rows<'_>,
    merchant: MerchantId,
    filter: &RefundFilter,
    page: PageRequest<RefundId>,
) -> Result<Vec<Refund>, Fault> {
    let Some(merchant) = rows.catalog.merchant(rows.connection, merchant)? else { return Ok(Vec::new()) };
    if let Some(name) = &filter.merchant_reference {
        let found =
            all(rows, sql::REFUND_BY_REFERENCE, params![merchant, name], |row| Ok(rows.refund(row, 0)?.refund))?;
        return Ok(narrowed(found, filter, page));
    }
    if let Some(payment) = filter.payment {
        return Ok(narrowed(of_payment(rows, merchant, payment)?, filter, page));
    }
    let before = upper_bound(page.before.map(|id| id.0));
    let (family, group) = group_of(filter).unzip();
    let values = params![merchant, before, state_bits(filter), family, group, stored::limit(page.limit)];
    all(rows, sql::REFUND_PAGE, values, |row| Ok(rows.refund(row, 0)?.refund))
}

/// A page of the payments that credited an account, newest first.
pub(super) fn payments_of_account(
    rows: Rows<'_>,
    (merchant, account): (MerchantId, AccountId),
    settled: SettledRange,
    page: PageRequest<(Timestamp, PaymentId)>,
) -> Result<Vec<Payment>, Fault> {
    let Some(merchant) = rows.catalog.merchant(rows.connection, merchant)? else { return Ok(Vec::new()) };
    let place = first(rows, sql::ACCOUNT_PLACE, params![merchant, stored::id(account.0)], |row| Ok(row.get(0)?))?;
    let Some(account): Option<i64> = place else { return Ok(Vec::new()) };
    let (before_at, before_id) = page.before.unzip();
    let values = params![
        account,
        settled.from.0,
        settled.until.0,
        before_at.map_or(i64::MAX, |at| at.0),
        upper_bound(before_id.map(|id| id.0)),
        stored::limit(page.limit)
    ];
    all(rows, sql::PAYMENT_OF_ACCOUNT, values, |row| Ok(rows.payment(row, 0)?.payment))
}

/// All refunds of a payment, the last one first: each names the one before it.
pub(super) fn of_payment(rows: Rows<'_>, merchant: i64, payment: PaymentId) -> Result<Vec<Refund>, Fault> {
    let place = first(rows, sql::PAYMENT_PLACE, params![merchant, stored::id(payment.0)], |row| Ok(row.get(1)?))?;
    let mut next: Option<i64> = place.flatten();
    let mut found = Vec::new();
    while let Some(n) = next {
        let row = first(rows, sql::REFUND_BY_N, [n], |row| rows.refund(row, 0))?;
        let row = row.ok_or_else(|| Fault::Malformed(format!("refund row {n} is missing")))?;
        next = row.previous;
        found.push(row.refund);
    }
    Ok(found)
}

fn narrowed(mut found: Vec<Refund>, filter: &RefundFilter, page: PageRequest<RefundId>) -> Vec<Refund> {
    found.retain(|refund| shows(filter, refund) && page.before.is_none_or(|before| refund.id < before));
    found.sort_unstable_by_key(|refund| std::cmp::Reverse(refund.id));
    found.truncate(page.limit);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_words() {
        let bits = |words: &[&str]| {
            let states = words.iter().map(|word| (*word).to_owned()).collect();
            state_bits(&RefundFilter { states, ..RefundFilter::default() })
        };
        assert_eq!(bits(&[]), (1 << STATE_WORDS.len()) - 1);
        assert_eq!(bits(&["settled", "no such word"]), 1 << 7);
        assert_eq!(bits(&["no such word"]), 0);
    }
}
