//! Fees: what a refund costs the merchant beside its amount. An estimate and
//! the refund that follows it use the same function, in integers.

use crate::money::{Amount, Currency};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Basis points in the whole: a rule of 10 000 charges the amount again.
pub const BASIS_POINTS_WHOLE: u32 = 10_000;
/// The greatest fixed part, minimum or maximum, minor units.
pub const FEE_MINOR_MAX: u64 = 1_000_000_000_000;
/// The longest name of a payment method, bytes.
pub const METHOD_LENGTH_MAX: usize = 40;
/// Most rules of one merchant.
pub const RULE_COUNT_MAX: usize = 500;

/// What one refund of a currency and method costs. The default costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeeRule {
    /// Fixed part, minor units.
    pub flat: u64,
    /// Part of the amount, in hundredths of a percent.
    pub basis_points: u32,
    /// Never less than this, minor units.
    pub min: Option<u64>,
    /// Never more than this, minor units.
    pub max: Option<u64>,
}

impl FeeRule {
    /// True where the rule can be kept: nothing beyond what is exact, and the
    /// minimum is not above the maximum.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let bounded = self.flat.max(self.min.unwrap_or(0)).max(self.max.unwrap_or(0)) <= FEE_MINOR_MAX;
        let ordered = self.min.is_none_or(|min| self.max.is_none_or(|max| min <= max));
        bounded && ordered && self.basis_points <= BASIS_POINTS_WHOLE
    }
}

/// How the part of an amount becomes whole minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FeeRounding {
    /// To the nearer unit; a half goes up.
    #[default]
    HalfUp,
    /// To the nearer unit; a half goes to the even one.
    HalfEven,
    /// Every part of a unit goes up.
    Up,
}

impl FeeRounding {
    /// The stable word of settings and of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::HalfEven => "half_even",
            Self::Up => "up",
        }
    }

    /// The word's meaning.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::HalfUp, Self::HalfEven, Self::Up].into_iter().find(|known| known.code() == code)
    }
}

/// Ten-thousandths as whole ones.
fn rounded(part: u128, rounding: FeeRounding) -> u128 {
    let whole = u128::from(BASIS_POINTS_WHOLE);
    let half = u128::from(BASIS_POINTS_WHOLE.div_ceil(2));
    let down = part.checked_div(whole).unwrap_or(0);
    let rest = part.checked_rem(whole).unwrap_or(0);
    let goes_up = match rounding {
        FeeRounding::HalfUp => rest >= half,
        FeeRounding::HalfEven => rest > half || (rest == half && !down.is_multiple_of(2)),
        FeeRounding::Up => rest > 0,
    };
    down.saturating_add(u128::from(goes_up))
}

/// The fee of an amount: the fixed part, and the part of the amount rounded
/// to the minor unit; then not below the minimum, not above the maximum.
#[must_use]
pub fn fee(rule: &FeeRule, rounding: FeeRounding, amount: u64) -> u64 {
    let part = rounded(u128::from(amount).saturating_mul(u128::from(rule.basis_points)), rounding);
    let sum = u64::try_from(part.saturating_add(u128::from(rule.flat))).unwrap_or(u64::MAX);
    let raised = sum.max(rule.min.unwrap_or(0));
    rule.max.map_or(raised, |max| raised.min(max))
}

/// What becomes of the fee when a refund comes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FeeOnReturn {
    /// It stays charged.
    #[default]
    Keep,
    /// The held account gets it back with the amount.
    Refund,
}

impl FeeOnReturn {
    /// The stable word of settings and of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Refund => "refund",
        }
    }

    /// The word's meaning.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Keep, Self::Refund].into_iter().find(|known| known.code() == code)
    }
}

/// The fees of a merchant. The default costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeeRules {
    /// By currency and payment method; an empty method stands for all that
    /// have no rule of their own.
    pub rules: BTreeMap<(Currency, String), FeeRule>,
    /// When a refund comes back; frozen on each refund at its creation.
    pub on_return: FeeOnReturn,
    /// How parts of minor units become whole ones.
    pub rounding: FeeRounding,
    /// The fees of live refunds count against what can still be refunded.
    pub reduce_refundable: bool,
}

impl FeeRules {
    /// The rule of a currency and method.
    #[must_use]
    pub fn rule(&self, currency: Currency, method: &str) -> FeeRule {
        let own = self.rules.get(&(currency, method.to_owned()));
        own.or_else(|| self.rules.get(&(currency, String::new()))).copied().unwrap_or_default()
    }

    /// What a refund of this much costs.
    #[must_use]
    pub fn fee(&self, amount: Amount, method: &str) -> u64 {
        fee(&self.rule(amount.currency, method), self.rounding, amount.minor)
    }

    /// The same rules under the terms of a door.
    #[must_use]
    pub fn under(&self, terms: FeeTerms) -> Cow<'_, Self> {
        if terms == FeeTerms::default() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            on_return: terms.on_return.unwrap_or(self.on_return),
            rounding: terms.rounding.unwrap_or(self.rounding),
            reduce_refundable: terms.reduce_refundable.unwrap_or(self.reduce_refundable),
            ..self.clone()
        })
    }
}

/// What a door says about fees in place of the merchant's rules; where it says
/// nothing, they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeeTerms {
    /// See [`FeeRules::on_return`].
    pub on_return: Option<FeeOnReturn>,
    /// See [`FeeRules::rounding`].
    pub rounding: Option<FeeRounding>,
    /// See [`FeeRules::reduce_refundable`].
    pub reduce_refundable: Option<bool>,
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the figures of these tests are small")]
mod tests {
    use super::*;

    /// Numbers that look random and are the same in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, below: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % below
        }
    }

    /// The same with fractions: ten-thousandths of a minor unit, compared
    /// with the halves between whole ones.
    fn exactly(rule: &FeeRule, amount: u64) -> u64 {
        let numerator = u128::from(rule.flat) * 10_000 + u128::from(amount) * u128::from(rule.basis_points);
        let (down, rest) = (numerator / 10_000, numerator % 10_000);
        let rounded = if rest * 2 >= 10_000 { down + 1 } else { down };
        let mut fee = rounded;
        if let Some(min) = rule.min
            && fee < u128::from(min)
        {
            fee = u128::from(min);
        }
        if let Some(max) = rule.max
            && fee > u128::from(max)
        {
            fee = u128::from(max);
        }
        u64::try_from(fee).unwrap()
    }

    #[test]
    fn agrees_with_exact_fractions() {
        let mut dice = Dice(0x2545_f491_4f6c_dd1d);
        for _ in 0..10_000 {
            let ceiling = [10, 1_000, 100_000, crate::money::AMOUNT_MINOR_MAX][usize::try_from(dice.roll(4)).unwrap()];
            let amount = dice.roll(ceiling);
            let min = (dice.roll(2) == 0).then(|| dice.roll(500));
            let max = (dice.roll(2) == 0).then(|| min.unwrap_or(0) + dice.roll(5_000));
            let basis_points = u32::try_from(dice.roll(10_001)).unwrap();
            let rule = FeeRule { flat: dice.roll(1_000), basis_points, min, max };
            assert!(rule.is_sound());
            assert_eq!(fee(&rule, FeeRounding::HalfUp, amount), exactly(&rule, amount), "{rule:?} of {amount}");
        }
    }

    #[test]
    fn rounds_half_up_and_keeps_its_bounds() {
        let rule = |flat, basis_points, min, max| FeeRule { flat, basis_points, min, max };
        for (rule, amount, expected) in [
            (rule(0, 50, None, None), 99, 0),
            (rule(0, 50, None, None), 100, 1),
            (rule(0, 50, None, None), 299, 1),
            (rule(0, 50, None, None), 300, 2),
            (rule(35, 0, None, None), 4_250, 35),
            (rule(10, 100, Some(25), Some(90)), 500, 25),
            (rule(10, 100, Some(25), Some(90)), 5_000, 60),
            (rule(10, 100, Some(25), Some(90)), 50_000, 90),
            (FeeRule::default(), u64::MAX, 0),
            (rule(u64::MAX, 10_000, None, None), u64::MAX, u64::MAX),
        ] {
            assert_eq!(fee(&rule, FeeRounding::HalfUp, amount), expected, "{rule:?} of {amount}");
        }
    }

    #[test]
    fn halves_go_where_the_rounding_says() {
        let rule = FeeRule { basis_points: 50, ..FeeRule::default() };
        // Half a percent of these is 0.495, 0.5, 0.505, 1, 1.5 and 2.5.
        let amounts = [99, 100, 101, 200, 300, 500];
        for (rounding, expected) in [
            (FeeRounding::HalfUp, [0, 1, 1, 1, 2, 3]),
            (FeeRounding::HalfEven, [0, 0, 1, 1, 2, 2]),
            (FeeRounding::Up, [1, 1, 1, 1, 2, 3]),
        ] {
            assert_eq!(amounts.map(|amount| fee(&rule, rounding, amount)), expected, "{rounding:?}");
            assert_eq!(FeeRounding::from_code(rounding.code()), Some(rounding));
        }
        assert_eq!(FeeRounding::from_code("down"), None);
    }

    #[test]
    fn a_door_may_have_terms_of_its_own() {
        let rules = FeeRules { on_return: FeeOnReturn::Refund, ..FeeRules::default() };
        assert_eq!(*rules.under(FeeTerms::default()), rules);
        let terms = FeeTerms { on_return: Some(FeeOnReturn::Keep), reduce_refundable: Some(true), rounding: None };
        let expected = FeeRules { on_return: FeeOnReturn::Keep, reduce_refundable: true, ..rules.clone() };
        assert_eq!(*rules.under(terms), expected);
    }

    #[test]
    fn a_method_without_a_rule_takes_its_currency_s() {
        let flat = |flat| FeeRule { flat, ..FeeRule::default() };
        let gbp = |method: &str| (Currency::GBP, method.to_owned());
        let rules = FeeRules { rules: [(gbp(""), flat(20)), (gbp("fps"), flat(35))].into(), ..FeeRules::default() };
        for (currency, method, expected) in
            [(Currency::GBP, "fps", 35), (Currency::GBP, "chaps", 20), (Currency::EUR, "fps", 0)]
        {
            assert_eq!(rules.rule(currency, method).flat, expected, "{currency} {method}");
        }
    }

    #[test]
    fn rules_that_contradict_themselves_are_unsound() {
        let rule = FeeRule { flat: 1, basis_points: 10, min: Some(5), max: Some(5) };
        assert!(rule.is_sound());
        for unsound in [
            FeeRule { min: Some(6), ..rule },
            FeeRule { basis_points: 10_001, ..rule },
            FeeRule { flat: FEE_MINOR_MAX + 1, ..rule },
        ] {
            assert!(!unsound.is_sound(), "{unsound:?}");
        }
    }
}
