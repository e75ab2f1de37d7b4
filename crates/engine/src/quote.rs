//! What a refund would cost and how much can still be refunded, before it is
//! made. The same functions and rules decide when it is made.

use crate::registry::Directory;
use crate::store::{PageRequest, Reader, RefundFilter, StoreError};
use refundry_domain::command::FeeInput;
use refundry_domain::fee::FeeRules;
use refundry_domain::money::{AMOUNT_MINOR_MAX, Amount};
use refundry_domain::payment::Payment;
use refundry_domain::refusal::Refusal;
use std::borrow::Cow;

/// What a refund would cost now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// How much would be given back.
    pub amount: Amount,
    /// What it would cost beside that, minor units.
    pub fee: u64,
    /// How much can still be refunded, minor units.
    pub refundable: u64,
}

/// What can still be refunded of a payment, minor units; less the fees of its
/// live refunds where the merchant counts them. One read where it does.
pub fn refundable(reader: &dyn Reader, rules: &FeeRules, payment: &Payment) -> Result<u64, StoreError> {
    let remaining = payment.counters.refundable();
    if !rules.reduce_refundable {
        return Ok(remaining);
    }
    let filter = RefundFilter { payment: Some(payment.id), ..RefundFilter::default() };
    let all = PageRequest { limit: usize::MAX, before: None };
    let refunds = reader.refunds(payment.merchant, &filter, all)?;
    let live = refunds.iter().filter(|refund| refund.state.is_live());
    Ok(live.fold(remaining, |rest, refund| rest.saturating_sub(refund.fee)))
}

/// What a refund of this amount (none: of all that is left) from a held
/// account would cost under this fee input, or why the amount would be
/// refused. It says nothing about funds, blocks and the payment's state.
pub fn quote(
    reader: &dyn Reader,
    directory: &Directory,
    payment: &Payment,
    (amount, fee): (Option<u64>, &FeeInput),
) -> Result<Result<Quote, Refusal>, StoreError> {
    let remaining = refundable(reader, &under(&directory.fee_rules(payment.merchant), fee), payment)?;
    Ok(within(directory, payment, (amount, fee), remaining))
}

/// The same where it is known how much can still be refunded, minor units.
pub(crate) fn within(
    directory: &Directory,
    payment: &Payment,
    (amount, fee): (Option<u64>, &FeeInput),
    remaining: u64,
) -> Result<Quote, Refusal> {
    match amount {
        Some(0) => Err(Refusal::AmountNotPositive),
        Some(minor) if minor > AMOUNT_MINOR_MAX => Err(Refusal::AmountTooLarge),
        Some(_) | None if remaining == 0 => Err(Refusal::AlreadyRefunded),
        Some(minor) if minor > remaining => Err(Refusal::AmountExceedsRefundable { remaining }),
        Some(_) | None => {
            let amount = Amount::new(amount.unwrap_or(remaining), payment.amount.currency);
            let rules = directory.fee_rules(payment.merchant);
            let fee = match fee {
                FeeInput::Given(minor) => *minor,
                FeeInput::ByRules { method, .. } => under(&rules, fee).fee(amount, payment.fee_method(method)),
            };
            Ok(Quote { amount, fee, refundable: remaining })
        }
    }
}

/// The merchant's rules under what a door says about fees.
pub(crate) fn under<'r>(rules: &'r FeeRules, fee: &FeeInput) -> Cow<'r, FeeRules> {
    match fee {
        FeeInput::Given(_) => Cow::Borrowed(rules),
        FeeInput::ByRules { terms, .. } => rules.under(*terms),
    }
}
