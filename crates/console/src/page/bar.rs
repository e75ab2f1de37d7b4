//! The payment bar: what was received, what is claimed, what this refund
//! takes, what stays free. The picture comes with its numbers.

use super::Money;
use refundry_domain::money::{Amount, Currency};

/// One part of the bar.
#[derive(Debug, Clone)]
pub struct BarPart {
    /// The class of the stylesheet.
    pub class: &'static str,
    /// What it is.
    pub label: &'static str,
    /// How much.
    pub money: Money,
    /// Where it begins, in thousandths.
    pub from: u64,
    /// How wide it is, in thousandths.
    pub width: u64,
}

/// A payment's amount and what becomes of it.
#[derive(Debug, Clone)]
pub struct PaymentBar {
    /// The parts, from the left.
    pub parts: Vec<BarPart>,
    /// The same as a sentence.
    pub sentence: String,
}

impl PaymentBar {
    /// A bar of `received` minor units, of which other refunds claim
    /// `claimed` and this one claims `this`.
    #[must_use]
    pub fn new(currency: Currency, received: u64, claimed: u64, this: u64) -> Self {
        let money = |minor| Money(Amount::new(minor, currency));
        let free = received.saturating_sub(claimed).saturating_sub(this);
        let parts = [
            ("part-claimed", "Other refunds", claimed),
            ("part-this", "This refund", this),
            ("part-free", "Stays with you", free),
        ];
        let parts = Self::scaled(currency, parts);
        let sentence = format!(
            "Of {} received, other refunds take {}, this refund takes {}, and {} stays.",
            money(received).figures(),
            money(claimed).figures(),
            money(this).figures(),
            money(free).figures()
        );
        Self { parts: parts.to_vec(), sentence }
    }

    /// A bar of a payment of `received` minor units, of which refunds claim
    /// `claimed`.
    #[must_use]
    pub fn of_payment(currency: Currency, received: u64, claimed: u64) -> Self {
        let money = |minor| Money(Amount::new(minor, currency));
        let free = received.saturating_sub(claimed);
        let parts = [("part-this", "Given back or on its way", claimed), ("part-free", "Can be given back", free)];
        let sentence = format!(
            "Of {} received, {} was given back or is on its way, and {} can still be given back.",
            money(received).figures(),
            money(claimed).figures(),
            money(free).figures()
        );
        Self { parts: Self::scaled(currency, parts).to_vec(), sentence }
    }

    /// The parts beside each other: class, label, minor units.
    fn scaled<const COUNT: usize>(
        currency: Currency,
        parts: [(&'static str, &'static str, u64); COUNT],
    ) -> [BarPart; COUNT] {
        let sum = parts.iter().fold(0_u64, |sum, (_, _, minor)| sum.saturating_add(*minor));
        let whole = u128::from(sum.max(1));
        let mut from = 0;
        parts.map(|(class, label, minor)| {
            let width = u64::try_from(u128::from(minor).saturating_mul(1_000) / whole).unwrap_or(0);
            let part = BarPart { class, label, money: Money(Amount::new(minor, currency)), from, width };
            from += width;
            part
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_bar_and_never_more() {
        for (received, claimed, this) in [(10_000, 2_500, 5_000), (0, 0, 0), (100, 300, 200), (u64::MAX, 1, 1)] {
            let bar = PaymentBar::new(Currency::GBP, received, claimed, this);
            let whole: u64 = bar.parts.iter().map(|part| part.width).sum();
            assert!(whole <= 1_000, "{received} {claimed} {this}");
        }
        let bar = PaymentBar::new(Currency::GBP, 10_000, 2_500, 5_000);
        assert_eq!(
            bar.parts.iter().map(|part| (part.from, part.width)).collect::<Vec<_>>(),
            [(0, 250), (250, 500), (750, 250)]
        );
    }
}
