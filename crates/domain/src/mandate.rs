//! Mandates: a standing authority to debit the merchant's own account
//! (Banked contract 3.10). The count per period is a counter row with a
//! constraint of its own.

use crate::id::{AccountId, MandateId, MandateToken, MerchantId};
use crate::money::Currency;
use crate::reason::FailureKind;
use crate::time::Timestamp;
use std::sync::Arc;

/// Where a mandate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MandateState {
    /// Waiting for the signatories.
    Created,
    /// Usable.
    Active,
    /// An amendment waits.
    Pending,
    /// Paused by one side; that side alone may resume.
    Suspended {
        /// True when the merchant's side suspended it.
        by_merchant: bool,
    },
    /// Ended for good.
    Cancelled,
    /// The signatories said no.
    Declined,
    /// The signatories did not answer in time, or the validity ended.
    Expired,
    /// The network refused it.
    Failed,
}

impl MandateState {
    /// The stable word in the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended { .. } => "suspended",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// May the mandate go from here to there?
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Created => {
                matches!(next, Self::Active | Self::Declined | Self::Expired | Self::Failed | Self::Cancelled)
            }
            Self::Active => matches!(next, Self::Pending | Self::Suspended { .. } | Self::Cancelled | Self::Expired),
            Self::Pending => matches!(next, Self::Active | Self::Suspended { .. } | Self::Cancelled | Self::Expired),
            Self::Suspended { .. } => matches!(next, Self::Active | Self::Cancelled | Self::Expired),
            Self::Cancelled | Self::Declined | Self::Expired | Self::Failed => false,
        }
    }
}

/// The span that a mandate's count is for (PayTo frequencies).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// No count.
    None,
    /// Several times a day: counted per day.
    Intraday,
    /// Calendar day, UTC.
    Day,
    /// Week from Monday.
    Week,
    /// Two weeks.
    Fortnight,
    /// Calendar month.
    Month,
    /// Calendar quarter.
    Quarter,
    /// Half a calendar year.
    HalfYear,
    /// Calendar year.
    Year,
}

impl Period {
    /// Every period with its native word.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::None, "none"),
        (Self::Intraday, "intraday"),
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Fortnight, "fortnight"),
        (Self::Month, "month"),
        (Self::Quarter, "quarter"),
        (Self::HalfYear, "half_year"),
        (Self::Year, "year"),
    ];

    /// A number that is the same for all instants of one period.
    #[must_use]
    pub fn index_at(self, at: Timestamp) -> i64 {
        let day = at.day_number();
        let (year, month) = year_and_month(day);
        match self {
            Self::None => 0,
            Self::Intraday | Self::Day => day,
            // 1970-01-01 was a Thursday, so Monday-based weeks are shifted by 3.
            Self::Week => day.saturating_add(3).div_euclid(7),
            Self::Fortnight => day.saturating_add(3).div_euclid(14),
            Self::Month => year.saturating_mul(12).saturating_add(month),
            Self::Quarter => year.saturating_mul(4).saturating_add(month.div_euclid(3)),
            Self::HalfYear => year.saturating_mul(2).saturating_add(month.div_euclid(6)),
            Self::Year => year,
        }
    }
}

/// Year and month (0..=11) of a day number, proleptic Gregorian calendar
/// (the days-to-civil algorithm, eras of 400 years).
fn year_and_month(day: i64) -> (i64, i64) {
    let shifted = day.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let corrections = day_of_era
        .div_euclid(1_460)
        .saturating_sub(day_of_era.div_euclid(36_524))
        .saturating_add(day_of_era.div_euclid(146_096));
    let year_of_era = day_of_era.saturating_sub(corrections).div_euclid(365);
    let before = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100));
    let day_of_year = day_of_era.saturating_sub(before);
    let march_month = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let month = march_month.saturating_add(2).rem_euclid(12);
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (if month <= 1 { year.saturating_add(1) } else { year }, month)
}

/// A mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// The id that answers show.
    pub id: MandateId,
    /// The merchant.
    pub merchant: MerchantId,
    /// The name that requests use; never shown again after creation.
    pub token: MandateToken,
    /// The application it belongs to; empty for the merchant as a whole.
    pub group: Arc<str>,
    /// The merchant's settlement account, where one is registered.
    pub debtor_account: Option<AccountId>,
    /// The currency it pays.
    pub currency: Currency,
    /// Most per refund, minor units.
    pub amount_max: Option<u64>,
    /// Exactly this per refund (alone), or least (with `amount_max`).
    pub amount: Option<u64>,
    /// What the count is for.
    pub period: Period,
    /// Most refunds in one period.
    pub count_max: Option<u32>,
    /// Where it stands.
    pub state: MandateState,
    /// The merchant's own name for it.
    pub merchant_reference: Option<String>,
    /// End of the signatories' window.
    pub authorise_before: Timestamp,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Mandate {
    /// What is wrong with an amount in minor units under this mandate's terms.
    #[must_use]
    pub fn misfit(&self, minor: u64) -> Option<FailureKind> {
        match (self.amount, self.amount_max) {
            (_, Some(most)) if minor > most => Some(FailureKind::MandateAmountExceeded),
            (Some(least), Some(_)) if minor < least => Some(FailureKind::MandateAmount),
            (Some(exact), None) if minor > exact => Some(FailureKind::MandateAmountExceeded),
            (Some(exact), None) if minor != exact => Some(FailureKind::MandateAmount),
            _ => None,
        }
    }

    /// Why a mandate that is not active cannot be used at the send.
    #[must_use]
    pub fn unusable(&self) -> Option<FailureKind> {
        match self.state {
            MandateState::Active => None,
            MandateState::Expired => Some(FailureKind::MandateExpired),
            MandateState::Created
            | MandateState::Pending
            | MandateState::Suspended { .. }
            | MandateState::Cancelled
            | MandateState::Declined
            | MandateState::Failed => Some(FailureKind::MandateInactive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn calendar_months_are_right() {
        // (day number, year, month counted from 0)
        for (day, year, month) in [(0, 1970, 0), (59, 1970, 2), (11_016, 2000, 1), (20_777, 2026, 10), (-1, 1969, 11)] {
            assert_eq!(year_and_month(day), (year, month), "day {day}");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        let monday = Timestamp(0).plus(Span::days(4));
        assert_eq!(Period::Week.index_at(monday.minus(Span(1))), 0);
        assert_eq!(Period::Week.index_at(monday), 1);
    }
}
