//! Four eyes: who is asked, by which rule, what their word binds, and when it
//! is void (design section 3, I-19).

use super::{Done, flow, gates};
use crate::approval::{Approval, ApprovalPolicy, ApprovalRules, Decision, DecisionNote, SumKey, VALID_FOR};
use crate::command::RequestRefund;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{PersonId, RefundId};
use crate::party::{Creditor, CreditorSource};
use crate::payment::Payment;
use crate::refund::{ExpiredAt, Funding, Gate, Refund, RefundState};
use crate::refusal::Refusal;
use crate::rules::Environment;
use std::sync::Arc;

/// The gate of a refund that is being made: the strictest of the merchant's
/// rules, what the dialect asks and what a supplied account asks. Counts the
/// refund where a rule watches a sum.
pub(super) fn asked(
    draft: &mut Draft<'_>,
    request: &RequestRefund,
    payment: &Payment,
    refund: &Refund,
) -> Option<Approval> {
    let of_payment = payment.counters.claimed.saturating_add(refund.amount.minor);
    let by_rules = rules_of(draft, refund).filter(|rules| {
        let limits = rules.limits_of(refund.amount.currency);
        let exceeds = |limit: Option<u64>, sum: u64| limit.is_some_and(|limit| sum > limit);
        let day = limits.day.map(|_| count(draft, refund, None));
        let creditor = limits.creditor_day.and_then(|_| count_creditor(draft, payment, refund));
        exceeds(limits.refund, refund.amount.minor)
            || exceeds(limits.payment, of_payment)
            || day.is_some_and(|sum| exceeds(limits.day, sum))
            || creditor.is_some_and(|sum| exceeds(limits.creditor_day, sum))
    });
    let by_rules = by_rules.map(|rules| rules.policy());
    let policy = strictest([by_rules, request.approval, asked_by_source(draft, refund)])?;
    let maker = request.maker.or_else(|| draft.human());
    Some(gate(draft, payment, refund, (policy, maker)))
}

/// The creditor of a refund was named or replaced after its creation: it is
/// counted, earlier words are void, and the new account may need some.
pub(super) fn creditor_named(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) {
    let by_rules = rules_of(draft, refund).filter(|rules| {
        let limit = rules.limits_of(refund.amount.currency).creditor_day;
        let sum = limit.and_then(|_| count_creditor(draft, payment, refund));
        limit.zip(sum).is_some_and(|(limit, sum)| sum > limit)
    });
    if refund.approval.is_some() {
        return renew(draft, payment, refund);
    }
    let by_rules = by_rules.map(|rules| rules.policy());
    if let Some(policy) = strictest([by_rules, asked_by_source(draft, refund), None]) {
        refund.approval = Some(gate(draft, payment, refund, (policy, None)));
    }
}

/// The merchant's rules, where they cover refunds.
fn rules_of(draft: &Draft<'_>, refund: &Refund) -> Option<Arc<ApprovalRules>> {
    draft.facts().approval_rules.get(&refund.merchant).filter(|rules| rules.refunds).cloned()
}

/// In live an account that the merchant or a customer supplied, or will,
/// waits for another person, unless the merchant's own consent is asked
/// anyway (F-69).
fn asked_by_source(draft: &Draft<'_>, refund: &Refund) -> Option<ApprovalPolicy> {
    let supplied = match refund.creditor.source() {
        Some(CreditorSource::MerchantSupplied | CreditorSource::CustomerSupplied) | None => true,
        // Two people agreed to an override when they made it.
        Some(CreditorSource::PayerAccount | CreditorSource::OperatorOverride) => false,
    };
    let consent = refund.funding == Funding::MerchantAuthorised;
    let live = draft.context().rules.environment == Environment::Live;
    (supplied && live && !consent).then_some(ApprovalPolicy { required: 1, valid_for: VALID_FOR, version: 0 })
}

fn strictest(asking: [Option<ApprovalPolicy>; 3]) -> Option<ApprovalPolicy> {
    asking.into_iter().flatten().filter(|policy| policy.required > 0).reduce(stricter)
}

/// More people, and less time.
fn stricter(one: ApprovalPolicy, other: ApprovalPolicy) -> ApprovalPolicy {
    ApprovalPolicy {
        required: one.required.max(other.required),
        valid_for: one.valid_for.min(other.valid_for),
        version: one.version.max(other.version),
    }
}

/// The version of the merchant's rules; 0 without any.
fn version(draft: &Draft<'_>, refund: &Refund) -> u32 {
    draft.facts().approval_rules.get(&refund.merchant).map_or(0, |rules| rules.version)
}

fn gate(
    draft: &Draft<'_>,
    payment: &Payment,
    refund: &Refund,
    (policy, maker): (ApprovalPolicy, Option<PersonId>),
) -> Approval {
    let context = draft.context();
    let mut approval = Approval {
        policy: ApprovalPolicy { version: version(draft, refund), ..policy },
        maker,
        decisions: Vec::new(),
        notes: Vec::new(),
        content: [0; 32],
        valid_until: context.at.plus(policy.valid_for),
    };
    approval.content = flow::approved_content(payment, refund, &approval, context.sha256);
    approval
}

/// Adds a refund to a sum of its day; what the sum is with it.
fn count(draft: &mut Draft<'_>, refund: &Refund, creditor: Option<String>) -> u64 {
    let (merchant, currency) = (refund.merchant, refund.amount.currency);
    let key = SumKey { merchant, currency, day: draft.context().at.day_number(), creditor };
    let sum = draft.approval_sum(&key).saturating_add(refund.amount.minor);
    draft.put_approval_sum(key, sum);
    sum
}

/// The same of its creditor's account; none while nobody knows that.
fn count_creditor(draft: &mut Draft<'_>, payment: &Payment, refund: &Refund) -> Option<u64> {
    let account = match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.debtor.as_ref().map(|party| party.account.canonical()),
        Creditor::Given { party, .. } => Some(party.account.canonical()),
    };
    account.map(|account| count(draft, refund, Some(account)))
}

/// Earlier words are void; the content is bound anew, under the merchant's
/// rules as they are now.
pub(super) fn renew(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) {
    let context = draft.context();
    let Some(mut approval) = refund.approval.clone() else { return };
    let had_decisions = !approval.decisions.is_empty();
    approval.decisions.clear();
    if let Some(rules) = rules_of(draft, refund).filter(|rules| rules.version != approval.policy.version) {
        approval.policy = stricter(rules.policy(), approval.policy);
    }
    approval.policy.version = version(draft, refund);
    approval.valid_until = context.at.plus(approval.policy.valid_for);
    approval.content = flow::approved_content(payment, refund, &approval, context.sha256);
    refund.approval = Some(approval);
    if refund.state == RefundState::Awaiting(Gate::Approval) {
        refund.deadlines.gate_at = flow::gate_end(refund, Gate::Approval, context.at);
    }
    if had_decisions {
        draft.refund_event(payment, refund, EventKind::ApprovalVoided);
    }
}

/// The refund waits for people from now on: what nobody decided yet gets its
/// full time, however long the gates before it took.
pub(super) fn begin_waiting(draft: &mut Draft<'_>, payment: &mut Payment, refund: &mut Refund) {
    let at = draft.context().at;
    let stale = |approval: &Approval| approval.decisions.is_empty() || approval.valid_until <= at;
    if refund.approval.as_ref().is_some_and(stale) {
        renew(draft, payment, refund);
    }
}

/// The agreed content is the executed one, the rules are those of then, the
/// word is still good, and those who gave it may still give it.
pub(super) fn hold(draft: &Draft<'_>, payment: &Payment, refund: &Refund) -> bool {
    let Some(approval) = &refund.approval else { return true };
    let context = draft.context();
    approval.complete()
        && context.at < approval.valid_until
        && approval.policy.version == version(draft, refund)
        && approval.content == flow::approved_content(payment, refund, approval, context.sha256)
        && approval.decisions.iter().all(|decision| draft.may_approve(decision.by))
}

/// Whether this person may decide now; one that is shown later may be met early.
fn decidable(draft: &Draft<'_>, refund: &Refund, by: PersonId) -> Result<(), Refusal> {
    let has_decided = refund.approval.as_ref().is_some_and(|approval| approval.has_word_of(by));
    if has_decided || refund.state == (RefundState::Rejected { by }) {
        return Err(Refusal::AlreadyDecided);
    }
    if refund.state == (RefundState::Expired { at: ExpiredAt::Gate(Gate::Approval) }) {
        return Err(Refusal::ApprovalExpired);
    }
    if !refund.state.before_send() {
        return Err(gates::past_send(refund));
    }
    let approval = refund.approval.as_ref().filter(|approval| !approval.complete()).ok_or(Refusal::NotAwaited)?;
    if approval.valid_until <= draft.context().at {
        return Err(Refusal::ApprovalExpired);
    }
    if approval.maker == Some(by) {
        return Err(Refusal::SelfApproval);
    }
    if draft.may_approve(by) { Ok(()) } else { Err(Refusal::NotEligible) }
}

/// A word is about what was shown; whoever says nothing of it takes it as it is.
fn same_as_seen(refund: &Refund, seen: Option<[u8; 32]>) -> Result<(), Refusal> {
    let bound = refund.approval.as_ref().map(|approval| approval.content);
    if seen.is_some() && seen != bound { Err(Refusal::Changed) } else { Ok(()) }
}

fn note_down(refund: &mut Refund, by: PersonId, note: Option<&Arc<str>>) {
    if let Some((approval, text)) = refund.approval.as_mut().zip(note) {
        approval.notes.push(DecisionNote { by, text: Arc::clone(text) });
    }
}

pub(super) fn approve(
    draft: &mut Draft<'_>,
    id: RefundId,
    by: PersonId,
    (seen, note): (Option<[u8; 32]>, Option<&Arc<str>>),
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    decidable(draft, &refund, by)?;
    same_as_seen(&refund, seen)?;
    if refund.creditor == Creditor::Unknown {
        // Nobody can agree to an account that nobody knows.
        return Err(Refusal::NotAwaited);
    }
    let current = version(draft, &refund);
    if refund.approval.as_ref().is_some_and(|approval| approval.policy.version != current) {
        renew(draft, &mut payment, &mut refund);
    }
    let at = draft.context().at;
    if let Some(approval) = &mut refund.approval {
        approval.decisions.push(Decision { by, at });
    }
    note_down(&mut refund, by, note);
    draft.refund_event(&mut payment, &mut refund, EventKind::ApprovalGiven { by });
    flow::advance(draft, &mut payment, &mut refund)?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}

pub(super) fn reject(
    draft: &mut Draft<'_>,
    id: RefundId,
    by: PersonId,
    (seen, note): (Option<[u8; 32]>, Option<&Arc<str>>),
) -> Result<Done, Refusal> {
    let (mut payment, mut refund) = flow::pair(draft, id)?;
    decidable(draft, &refund, by)?;
    same_as_seen(&refund, seen)?;
    note_down(&mut refund, by, note);
    flow::withdraw_due(&mut refund);
    flow::enter(draft, &mut payment, &mut refund, RefundState::Rejected { by })?;
    flow::put(draft, payment, refund);
    Ok(Done::Refund(id))
}
