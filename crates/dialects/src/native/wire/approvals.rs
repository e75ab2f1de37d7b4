//! The bodies of approvals, policies and fees.

use super::{RefundBody, time};
use refundry_domain::approval::{Approval, ApprovalLimits, ApprovalRules};
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::ledger::Account;
use refundry_domain::money::Currency;
use refundry_domain::refund::Refund;
use refundry_domain::time::NANOS_PER_SECOND;

#[derive(Debug, serde::Serialize)]
struct DecisionBody {
    person_id: String,
    at: String,
}

#[derive(Debug, serde::Serialize)]
struct NoteBody {
    person_id: String,
    text: String,
}

/// Who must agree, who did, and to what exactly.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct ApprovalBody {
    required: u8,
    decisions: Vec<DecisionBody>,
    notes: Vec<NoteBody>,
    maker_id: Option<String>,
    policy_version: u32,
    valid_until: String,
    content: String,
}

/// The approval gate of a refund.
pub(in super::super) fn approval(approval: &Approval) -> ApprovalBody {
    let decisions = approval.decisions.iter();
    let notes = approval.notes.iter();
    ApprovalBody {
        required: approval.policy.required,
        decisions: decisions
            .map(|decision| DecisionBody { person_id: decision.by.to_string(), at: time(decision.at) })
            .collect(),
        notes: notes.map(|note| NoteBody { person_id: note.by.to_string(), text: note.text.to_string() }).collect(),
        maker_id: approval.maker.map(|person| person.to_string()),
        policy_version: approval.policy.version,
        valid_until: time(approval.valid_until),
        content: hex::encode(approval.content),
    }
}

/// What the refund does to the account that pays it.
#[derive(Debug, serde::Serialize)]
struct EffectBody {
    total: u64,
    reserved: bool,
    available_after: Option<u64>,
}

/// A refund that waits for people.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct PendingBody {
    refund: RefundBody,
    approval: Option<ApprovalBody>,
    effect: EffectBody,
}

/// A refund that waits for people, with what their word does. `account` is the
/// held account that pays, where one does.
pub(in super::super) fn pending(refund: &Refund, body: RefundBody, account: Option<&Account>) -> PendingBody {
    let reserved = refund.reservation == refundry_domain::refund::Reservation::Pending;
    let taken = if reserved { 0 } else { refund.total() };
    let available_after = account.map(|account| account.balance.available().saturating_sub(taken));
    PendingBody {
        refund: body,
        approval: refund.approval.as_ref().map(approval),
        effect: EffectBody { total: refund.total(), reserved, available_after },
    }
}

#[derive(Debug, serde::Serialize)]
struct LimitsBody {
    currency: String,
    refund: Option<u64>,
    payment: Option<u64>,
    creditor_day: Option<u64>,
    day: Option<u64>,
}

/// When people must agree.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct PolicyBody {
    version: u32,
    refunds: bool,
    required: u8,
    valid_for_seconds: u64,
    limits: Vec<LimitsBody>,
}

fn limits((currency, limits): (&Currency, &ApprovalLimits)) -> LimitsBody {
    LimitsBody {
        currency: currency.to_string(),
        refund: limits.refund,
        payment: limits.payment,
        creditor_day: limits.creditor_day,
        day: limits.day,
    }
}

/// A merchant's approval rules.
pub(in super::super) fn policy(rules: &ApprovalRules) -> PolicyBody {
    PolicyBody {
        version: rules.version,
        refunds: rules.refunds,
        required: rules.required,
        valid_for_seconds: rules.valid_for.0.checked_div(NANOS_PER_SECOND).unwrap_or(0),
        limits: rules.limits.iter().map(limits).collect(),
    }
}

#[derive(Debug, serde::Serialize)]
struct FeeRuleBody {
    currency: String,
    method: Option<String>,
    flat: u64,
    basis_points: u32,
    min: Option<u64>,
    max: Option<u64>,
}

/// What refunds cost.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct FeesBody {
    rules: Vec<FeeRuleBody>,
    on_return: &'static str,
    rounding: &'static str,
    reduce_refundable: bool,
}

fn fee_rule(((currency, method), rule): (&(Currency, String), &FeeRule)) -> FeeRuleBody {
    FeeRuleBody {
        currency: currency.to_string(),
        method: (!method.is_empty()).then(|| method.clone()),
        flat: rule.flat,
        basis_points: rule.basis_points,
        min: rule.min,
        max: rule.max,
    }
}

/// A merchant's fee rules.
pub(in super::super) fn fees(rules: &FeeRules) -> FeesBody {
    FeesBody {
        rules: rules.rules.iter().map(fee_rule).collect(),
        on_return: rules.on_return.code(),
        rounding: rules.rounding.code(),
        reduce_refundable: rules.reduce_refundable,
    }
}
