//! `policy` and `fees`: when people must agree, and what refunds cost.

use crate::door::{Door, Store};
use anyhow::{Context, bail};
use clap::Subcommand;
use refundry_domain::approval::{ApprovalLimits, ApprovalRules, VALID_FOR};
use refundry_domain::fee::{FeeOnReturn, FeeRounding, FeeRule, FeeRules, METHOD_LENGTH_MAX};
use refundry_domain::money::Currency;
use refundry_domain::time::{NANOS_PER_SECOND, Span};
use refundry_engine::registry::{MerchantFees, RegistryChange, RegistryEntry};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the rules in force.
    Show {
        #[command(flatten)]
        store: Store,
    },
    /// Replace the rules; approvals given under the ones before are void.
    Set {
        #[command(flatten)]
        store: Store,
        /// Whether refunds are covered.
        #[arg(long, action = clap::ArgAction::Set)]
        refunds: bool,
        /// How many other people must agree.
        #[arg(long, default_value_t = 1)]
        required: u8,
        /// How long an approval may wait and stays good, in seconds.
        #[arg(long, default_value_t = VALID_FOR.0 / NANOS_PER_SECOND)]
        valid_for_seconds: u64,
        /// Limits of a currency in minor units, such as
        /// `GBP:refund=10000,payment=20000,creditor_day=30000,day=500000`; a
        /// currency without any has every refund approved.
        #[arg(long = "limit", value_parser = limits)]
        limits: Vec<(Currency, ApprovalLimits)>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeesCommand {
    /// Print the rules in force.
    Show {
        #[command(flatten)]
        store: Store,
    },
    /// Replace the rules; refunds that are made already keep their fees.
    Set {
        #[command(flatten)]
        store: Store,
        /// A rule in minor units, such as `GBP:flat=35` or, for one payment
        /// method, `GBP/fps:flat=20,basis_points=50,min=30,max=900`.
        #[arg(long = "rule", value_parser = rule)]
        rules: Vec<((Currency, String), FeeRule)>,
        /// What becomes of the fee when a refund comes back: keep or refund.
        #[arg(long, default_value = "keep", value_parser = on_return)]
        on_return: FeeOnReturn,
        /// How parts of minor units are rounded: half_up, half_even or up.
        #[arg(long, default_value = "half_up", value_parser = rounding)]
        rounding: FeeRounding,
        /// Fees of live refunds count against what can still be refunded.
        #[arg(long)]
        reduce_refundable: bool,
    },
}

/// `<currency>[/<method>]` and the numbers behind it, by name.
type Spelled<'a> = (Currency, &'a str, Vec<(&'a str, u64)>);

fn spelled(text: &str) -> Result<Spelled<'_>, String> {
    let (head, numbers) = text.split_once(':').unwrap_or((text, ""));
    let (code, method) = head.split_once('/').unwrap_or((head, ""));
    let currency = Currency::parse(code).map_err(|_| format!("{code:?} is no currency"))?;
    let number = |pair: &'_ str| -> Option<(usize, u64)> {
        let (name, value) = pair.split_once('=')?;
        Some((name.len(), value.parse().ok()?))
    };
    let mut read = Vec::new();
    for pair in numbers.split(',').filter(|pair| !pair.is_empty()) {
        let (length, value) = number(pair).ok_or_else(|| format!("{pair:?} is no name with a number"))?;
        read.push((pair.get(..length).unwrap_or_default(), value));
    }
    Ok((currency, method, read))
}

fn limits(text: &str) -> Result<(Currency, ApprovalLimits), String> {
    let (currency, method, numbers) = spelled(text)?;
    if !method.is_empty() {
        return Err("limits are of a currency".to_owned());
    }
    let mut limits = ApprovalLimits::default();
    for (name, minor) in numbers {
        match name {
            "refund" => limits.refund = Some(minor),
            "payment" => limits.payment = Some(minor),
            "creditor_day" => limits.creditor_day = Some(minor),
            "day" => limits.day = Some(minor),
            other => return Err(format!("there is no limit {other:?}")),
        }
    }
    Ok((currency, limits))
}

fn rule(text: &str) -> Result<((Currency, String), FeeRule), String> {
    let (currency, method, numbers) = spelled(text)?;
    let mut rule = FeeRule::default();
    for (name, number) in numbers {
        match name {
            "flat" => rule.flat = number,
            "basis_points" => rule.basis_points = u32::try_from(number).unwrap_or(u32::MAX),
            "min" => rule.min = Some(number),
            "max" => rule.max = Some(number),
            other => return Err(format!("a fee has no {other:?}")),
        }
    }
    let plain = method.len() <= METHOD_LENGTH_MAX && method.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !rule.is_sound() {
        return Err("this is no rule that can be kept".to_owned());
    }
    Ok(((currency, method.to_owned()), rule))
}

fn on_return(text: &str) -> Result<FeeOnReturn, String> {
    FeeOnReturn::from_code(text).ok_or_else(|| "must be keep or refund".to_owned())
}

fn rounding(text: &str) -> Result<FeeRounding, String> {
    FeeRounding::from_code(text).ok_or_else(|| "must be half_up, half_even or up".to_owned())
}

/// `policy show` and `policy set`.
pub(crate) async fn policy(command: PolicyCommand) -> anyhow::Result<ExitCode> {
    let door = match command {
        PolicyCommand::Show { store } => Door::open(&store)?,
        PolicyCommand::Set { store, refunds, required, valid_for_seconds, limits } => {
            let valid_for = Span::seconds(valid_for_seconds);
            let count = limits.len();
            let rules =
                ApprovalRules { version: 0, refunds, required, valid_for, limits: limits.into_iter().collect() };
            if rules.limits.len() != count {
                bail!("a currency is named twice");
            }
            if !rules.is_sound() {
                bail!("one to ten people, and from a minute to a year");
            }
            let door = Door::open(&store)?;
            door.change(RegistryChange::PutPolicy(rules)).await.context("the policy was not changed")?;
            door
        }
    };
    print_policy(&door.directory().approval_rules(door.merchant));
    door.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn print_policy(rules: &ApprovalRules) {
    println!("version {}", rules.version);
    if !rules.refunds {
        println!("refunds are approved by nobody");
        return;
    }
    let seconds = rules.valid_for.0 / NANOS_PER_SECOND;
    println!("refunds are approved by {} other people within {seconds} seconds", rules.required);
    for (currency, limits) in &rules.limits {
        let named = [
            ("refund", limits.refund),
            ("payment", limits.payment),
            ("creditor_day", limits.creditor_day),
            ("day", limits.day),
        ];
        let shown: Vec<String> =
            named.iter().filter_map(|(name, minor)| Some(format!("{name}={}", (*minor)?))).collect();
        let above = if shown.is_empty() { "never".to_owned() } else { format!("above {}", shown.join(", ")) };
        println!("{currency}: {above}");
    }
    println!("every other currency: always");
}

/// `fees show` and `fees set`.
pub(crate) async fn fees(command: FeesCommand) -> anyhow::Result<ExitCode> {
    let door = match command {
        FeesCommand::Show { store } => Door::open(&store)?,
        FeesCommand::Set { store, rules, on_return, rounding, reduce_refundable } => {
            let count = rules.len();
            let rules = FeeRules { rules: rules.into_iter().collect(), on_return, rounding, reduce_refundable };
            if rules.rules.len() != count {
                bail!("a currency and method are named twice");
            }
            let door = Door::open(&store)?;
            let entry = RegistryEntry::Fees(MerchantFees { merchant: door.merchant, rules: Arc::new(rules) });
            door.change(RegistryChange::Put(entry)).await.context("the fees were not changed")?;
            door
        }
    };
    print_fees(&door.directory().fee_rules(door.merchant));
    door.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn print_fees(fees: &FeeRules) {
    for ((currency, method), rule) in &fees.rules {
        let of = if method.is_empty() { currency.to_string() } else { format!("{currency}/{method}") };
        let bound = |name: &str, minor: Option<u64>| minor.map(|minor| format!(",{name}={minor}")).unwrap_or_default();
        let (least, most) = (bound("min", rule.min), bound("max", rule.max));
        println!("{of}:flat={},basis_points={}{least}{most}", rule.flat, rule.basis_points);
    }
    println!("everything else: nothing");
    println!("on return: {}", fees.on_return.code());
    println!("rounding: {}", fees.rounding.code());
    println!("fees reduce what is refundable: {}", fees.reduce_refundable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_fees_are_spelled_by_name() {
        let (currency, read) = limits("GBP:refund=100,day=0").unwrap();
        assert_eq!(currency, Currency::GBP);
        assert_eq!(read, ApprovalLimits { refund: Some(100), day: Some(0), ..ApprovalLimits::default() });
        assert_eq!(limits("EUR").unwrap().1, ApprovalLimits::default());
        let ((currency, method), read) = rule("GBP/fps:flat=20,basis_points=50,min=30,max=900").unwrap();
        assert_eq!((currency, method.as_str()), (Currency::GBP, "fps"));
        assert_eq!(read, FeeRule { flat: 20, basis_points: 50, min: Some(30), max: Some(900) });
        for bad in ["", "XXX:flat=1", "GBP:flat", "GBP:flat=-1", "GBP:colour=1", "GBP:min=2,max=1", "GBP/a b:flat=1"] {
            assert!(rule(bad).is_err(), "{bad}");
        }
        for bad in ["GBP/fps:refund=1", "GBP:refund=x", "GBP:flat=1"] {
            assert!(limits(bad).is_err(), "{bad}");
        }
    }
}
