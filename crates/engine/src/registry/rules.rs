//! The rules of a merchant: when people must agree, and what refunds cost.

use refundry_domain::approval::{ApprovalLimits, ApprovalRules};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::fee::{FeeOnReturn, FeeRounding, FeeRule, FeeRules};
use refundry_domain::id::MerchantId;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use std::sync::Arc;

/// When people of a merchant must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantPolicy {
    /// Whose.
    pub merchant: MerchantId,
    /// When.
    pub rules: Arc<ApprovalRules>,
}

/// What refunds cost a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantFees {
    /// Whose.
    pub merchant: MerchantId,
    /// How much.
    pub rules: Arc<FeeRules>,
}

fn put_minor(to: &mut Encoder, minor: Option<u64>) {
    to.option(minor, |to, minor| {
        to.number(minor);
    });
}

fn take_minor(from: &mut Decoder<'_>) -> Result<Option<u64>, Malformed> {
    from.option(Decoder::number)
}

fn take_currency(from: &mut Decoder<'_>) -> Result<Currency, Malformed> {
    Currency::parse(from.text()?).map_err(|_| Malformed)
}

fn small(from: &mut Decoder<'_>) -> Result<u32, Malformed> {
    u32::try_from(from.number()?).map_err(|_| Malformed)
}

impl MerchantPolicy {
    pub(super) fn put(&self, to: &mut Encoder) {
        let rules = &self.rules;
        to.id(self.merchant.0).number(u64::from(rules.version)).byte(u8::from(rules.refunds));
        to.byte(rules.required).number(rules.valid_for.0);
        let limits: Vec<_> = rules.limits.iter().collect();
        to.list(&limits, |to, (currency, limits)| {
            to.text(currency.code());
            for minor in [limits.refund, limits.payment, limits.creditor_day, limits.day] {
                put_minor(to, minor);
            }
        });
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let merchant = MerchantId(from.id()?);
        let rules = ApprovalRules {
            version: small(from)?,
            refunds: from.flag()?,
            required: from.byte()?,
            valid_for: Span(from.number()?),
            limits: from.list(take_limits)?.into_iter().collect(),
        };
        Ok(Self { merchant, rules: Arc::new(rules) })
    }
}

fn take_limits(from: &mut Decoder<'_>) -> Result<(Currency, ApprovalLimits), Malformed> {
    let currency = take_currency(from)?;
    let limits = ApprovalLimits {
        refund: take_minor(from)?,
        payment: take_minor(from)?,
        creditor_day: take_minor(from)?,
        day: take_minor(from)?,
    };
    Ok((currency, limits))
}

impl MerchantFees {
    pub(super) fn put(&self, to: &mut Encoder) {
        let rules = &self.rules;
        let all: Vec<_> = rules.rules.iter().collect();
        to.id(self.merchant.0).list(&all, |to, ((currency, method), rule)| {
            to.text(currency.code()).text(method).number(rule.flat).number(u64::from(rule.basis_points));
            put_minor(to, rule.min);
            put_minor(to, rule.max);
        });
        let gives_back = match rules.on_return {
            FeeOnReturn::Keep => 0,
            FeeOnReturn::Refund => 1,
        };
        to.byte(gives_back).byte(u8::from(rules.reduce_refundable));
        match rules.rounding {
            // As it was before there was anything else.
            FeeRounding::HalfUp => {}
            FeeRounding::HalfEven => {
                to.byte(1);
            }
            FeeRounding::Up => {
                to.byte(2);
            }
        }
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let merchant = MerchantId(from.id()?);
        let rules = FeeRules {
            rules: from.list(take_rule)?.into_iter().collect(),
            on_return: if from.flag()? { FeeOnReturn::Refund } else { FeeOnReturn::Keep },
            reduce_refundable: from.flag()?,
            rounding: match if from.is_empty() { 0 } else { from.byte()? } {
                0 => FeeRounding::HalfUp,
                1 => FeeRounding::HalfEven,
                2 => FeeRounding::Up,
                _ => return Err(Malformed),
            },
        };
        Ok(Self { merchant, rules: Arc::new(rules) })
    }
}

fn take_rule(from: &mut Decoder<'_>) -> Result<((Currency, String), FeeRule), Malformed> {
    let key = (take_currency(from)?, from.text()?.to_owned());
    let (flat, basis_points) = (from.number()?, small(from)?);
    Ok((key, FeeRule { flat, basis_points, min: take_minor(from)?, max: take_minor(from)? }))
}
