//! A merchant's rules: when people must agree, and what refunds cost. Read
//! from memory; changes go through the door once and need an administrator.

use super::call::{Call, json};
use super::errors::Problem;
use super::fields::Fields;
use super::requests;
use super::wire;
use axum::response::Response;
use http::StatusCode;
use refundry_domain::approval::{ApprovalLimits, ApprovalRules, REQUIRED_MAX, VALID_FOR_RANGE};
use refundry_domain::fee::{FeeOnReturn, FeeRounding, FeeRule, FeeRules, RULE_COUNT_MAX};
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use refundry_engine::registry::{MerchantFees, RegistryChange, RegistryEntry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most currencies with limits of their own.
const LIMIT_COUNT_MAX: usize = 200;

/// `GET /v1/approval-policy`.
pub(super) async fn show_policy(call: Call) -> Response {
    let shown = call.query(&[]).and_then(|_| policy_now(&call));
    call.answer(shown)
}

fn policy_now(call: &Call) -> Result<Response, Problem> {
    let rules = call.native.host.engine.directory().approval_rules(call.merchant);
    json(StatusCode::OK, &wire::policy(&rules))
}

/// `PUT /v1/approval-policy`: replaces the rules; approvals that were given
/// under the ones before are void.
pub(super) async fn set_policy(call: Call) -> Response {
    call.answer(try_set_policy(&call).await)
}

async fn try_set_policy(call: &Call) -> Result<Response, Problem> {
    call.administrator()?;
    let rules = policy(&Fields::of_body(&call.json()?, &["refunds", "required", "valid_for_seconds", "limits"])?)?;
    let outcome = call.change(RegistryChange::PutPolicy(rules), None, call.optional_once()?).await?;
    outcome.result.map_err(Problem::from)?;
    policy_now(call)
}

fn policy(fields: &Fields<'_>) -> Result<ApprovalRules, Problem> {
    let standard = ApprovalRules::default();
    let required = fields.count("required")?.map(u8::try_from).transpose();
    let required = required.map_err(|_| fields.invalid("required", &people()))?;
    let rules = ApprovalRules {
        version: 0,
        refunds: fields.flag("refunds")?.ok_or_else(|| fields.missing("refunds"))?,
        required: required.unwrap_or(standard.required),
        valid_for: fields.count("valid_for_seconds")?.map_or(standard.valid_for, |from| Span::seconds(from.into())),
        limits: limits(fields)?,
    };
    if rules.required > REQUIRED_MAX {
        return Err(fields.invalid("required", &people()));
    }
    if !(VALID_FOR_RANGE.0..=VALID_FOR_RANGE.1).contains(&rules.valid_for) {
        return Err(fields.invalid("valid_for_seconds", "This must be from 60 seconds to 365 days."));
    }
    Ok(rules)
}

fn people() -> String {
    format!("This must be from 1 to {REQUIRED_MAX}.")
}

fn limits(fields: &Fields<'_>) -> Result<BTreeMap<Currency, ApprovalLimits>, Problem> {
    const KNOWN: [&str; 5] = ["currency", "refund", "payment", "creditor_day", "day"];
    let mut all = BTreeMap::new();
    for of_currency in fields.objects("limits", &KNOWN, LIMIT_COUNT_MAX)? {
        let currency = of_currency.currency("currency")?.ok_or_else(|| of_currency.missing("currency"))?;
        let limits = ApprovalLimits {
            refund: of_currency.minor("refund")?,
            payment: of_currency.minor("payment")?,
            creditor_day: of_currency.minor("creditor_day")?,
            day: of_currency.minor("day")?,
        };
        if all.insert(currency, limits).is_some() {
            return Err(of_currency.invalid("currency", "This currency is named twice."));
        }
    }
    Ok(all)
}

/// `GET /v1/fees`.
pub(super) async fn show_fees(call: Call) -> Response {
    let shown = call.query(&[]).and_then(|_| fees_now(&call));
    call.answer(shown)
}

fn fees_now(call: &Call) -> Result<Response, Problem> {
    let rules = call.native.host.engine.directory().fee_rules(call.merchant);
    json(StatusCode::OK, &wire::fees(&rules))
}

/// `PUT /v1/fees`: replaces the rules; refunds that are made already keep
/// their fees.
pub(super) async fn set_fees(call: Call) -> Response {
    call.answer(try_set_fees(&call).await)
}

async fn try_set_fees(call: &Call) -> Result<Response, Problem> {
    call.administrator()?;
    let rules = fees(&Fields::of_body(&call.json()?, &["rules", "on_return", "rounding", "reduce_refundable"])?)?;
    let entry = RegistryEntry::Fees(MerchantFees { merchant: call.merchant, rules: Arc::new(rules) });
    let outcome = call.change(RegistryChange::Put(entry), None, call.optional_once()?).await?;
    outcome.result.map_err(Problem::from)?;
    fees_now(call)
}

fn fees(fields: &Fields<'_>) -> Result<FeeRules, Problem> {
    const KNOWN: [&str; 6] = ["currency", "method", "flat", "basis_points", "min", "max"];
    let mut rules = BTreeMap::new();
    for one in fields.objects("rules", &KNOWN, RULE_COUNT_MAX)? {
        let currency = one.currency("currency")?.ok_or_else(|| one.missing("currency"))?;
        let method = requests::method(&one, "method")?.unwrap_or_default().to_owned();
        let basis_points = one.minor("basis_points")?.unwrap_or(0);
        let rule = FeeRule {
            flat: one.minor("flat")?.unwrap_or(0),
            basis_points: u32::try_from(basis_points).unwrap_or(u32::MAX),
            min: one.minor("min")?,
            max: one.minor("max")?,
        };
        if !rule.is_sound() {
            let detail = "At most 10000 basis points, and a minimum that is not above the maximum.";
            return Err(one.invalid("basis_points", detail));
        }
        if rules.insert((currency, method), rule).is_some() {
            return Err(one.invalid("currency", "This currency and method are named twice."));
        }
    }
    Ok(FeeRules {
        rules,
        on_return: fields.word("on_return", FeeOnReturn::from_code)?.unwrap_or_default(),
        rounding: fields.word("rounding", FeeRounding::from_code)?.unwrap_or_default(),
        reduce_refundable: fields.flag("reduce_refundable")?.unwrap_or(false),
    })
}
