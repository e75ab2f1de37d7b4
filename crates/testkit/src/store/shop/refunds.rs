//! Refunds of every state and with every kind of content.

use super::super::writing::{draft_by, put_refund};
use super::after;
use crate::make::{self, Ids};
use refundry_domain::approval::{Approval, ApprovalPolicy, Decision, DecisionNote};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::event::Actor;
use refundry_domain::facts::Facts;
use refundry_domain::id::{MandateId, PaymentId, PersonId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::party::{Creditor, CreditorSource};
use refundry_domain::payment::Origin;
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::reference::Tag;
use refundry_domain::refund::{
    Authorisation, Block, BlockCode, Case, CaseCode, Funding, Gate, Refund, RefundState, Reservation, ReserveAt,
    Shortage, Withdrawal,
};
use refundry_domain::time::Span;
use std::sync::Arc;

/// One refund of each state, each with its amount in hundreds of its place.
pub(super) fn refunds(facts: &mut Facts, ids: &mut Ids, purchase: PaymentId, mandate: MandateId) {
    let payment = facts.payments.get(&purchase).cloned().expect("the payment is there");
    for (place, state) in make::refund_states().into_iter().enumerate() {
        let mut made = make::refund(ids.refund(), &payment, 100 * (place as u64 + 1));
        made.state = state;
        made.created_at = after(100 + place);
        vary(&mut made, place, mandate);
        attempts(&mut made, place);
        let (id, live, minor) = (made.id, state.is_live(), made.amount.minor);
        let tried: Vec<u8> = made.attempts.iter().map(|attempt| attempt.number).collect();
        draft_by(facts, payment.merchant, after(100 + place), &actor(place), |draft| {
            put_refund(draft, made);
            let mut claimed = draft.payment(purchase).expect("the payment is in the draft");
            claimed.counters.claimed += if live { minor } else { 0 };
            if place == 3 {
                claimed.adopted.push(id);
            }
            draft.put_payment(claimed);
            for attempt in tried {
                draft.put_instruction(instruction_id(id, attempt), Order::Refund(id), attempt);
            }
        });
    }
}

/// A made-up instruction id, unique for refund and attempt.
pub(in crate::store) fn instruction_id(refund: RefundId, attempt: u8) -> String {
    format!("{:026X}", ((refund.0 & 0xffff_ffff) << 8) | u128::from(attempt))
}

fn actor(place: usize) -> Actor {
    match place % 6 {
        0 => Actor::Engine,
        1 => Actor::Credential(Arc::from("key-1")),
        2 => Actor::Person(PersonId(4)),
        3 => Actor::Customer,
        4 => Actor::Rail(Arc::from("mock")),
        _ => Actor::Sandbox,
    }
}

/// Gives each refund other contents.
fn vary(refund: &mut Refund, place: usize, mandate: MandateId) {
    let (at, wallet) = (refund.created_at, refund.funding);
    let sources =
        [CreditorSource::MerchantSupplied, CreditorSource::CustomerSupplied, CreditorSource::OperatorOverride];
    refund.creditor = match place % 4 {
        0 => Creditor::Payer,
        1 if refund.state == RefundState::Awaiting(Gate::Details) => Creditor::Unknown,
        kind => Creditor::Given { party: make::party_uk(), source: sources[kind - 1] },
    };
    refund.funding = match place % 3 {
        0 => wallet,
        1 => Funding::Mandate { mandate, debtor_account: None },
        _ => Funding::MerchantAuthorised,
    };
    refund.origin = if place.is_multiple_of(2) { Origin::new("native", "till") } else { Origin::new("second", "app") };
    refund.reference.tag = [Tag::Ref, Tag::Key, Tag::Ui, Tag::File, Tag::Auto][place % 5];
    refund.shortage = [Shortage::Refuse, Shortage::Fail, Shortage::Wait][place % 3];
    refund.reserve_at = [ReserveAt::Creation, ReserveAt::Send][place % 2];
    refund.reservation = [Reservation::None, Reservation::Pending, Reservation::Posted, Reservation::Voided][place % 4];
    refund.authorisation = [Authorisation::NotNeeded, Authorisation::Needed, Authorisation::Given { at }][place % 3];
    if !place.is_multiple_of(2) {
        fill(refund, place);
    }
}

/// Fills every field that may be empty.
fn fill(refund: &mut Refund, place: usize) {
    let at = refund.created_at;
    refund.merchant_reference = Some(Arc::from(format!("credit note {place}")));
    refund.first_state = RefundState::Awaiting(Gate::Approval);
    refund.fee = 25;
    refund.waits_for_funds = Some(at.plus(Span::seconds(5)));
    refund.remittance = Some(Arc::from("Thank you, Zoë"));
    refund.extension = Arc::from([1, 0, 254]);
    refund.deadlines.limits.approval = Some(Span::days(2));
    refund.deadlines.gate_at = Some(at.plus(Span::days(2)));
    refund.withdrawal = Some(Withdrawal { asked_at: at, because_expired: place % 4 == 1, passed_on: place % 4 == 3 });
    burden(refund, place);
}

/// An approval, blocks and cases.
fn burden(refund: &mut Refund, place: usize) {
    let at = refund.created_at;
    let policy = ApprovalPolicy { required: 2, valid_for: Span::days(2), version: 7 };
    let decisions = vec![Decision { by: PersonId(1), at }, Decision { by: PersonId(2), at }];
    refund.approval = Some(Approval {
        policy,
        maker: Some(PersonId(3)),
        decisions,
        notes: vec![DecisionNote { by: PersonId(2), text: Arc::from("a known customer") }],
        content: [6; 32],
        valid_until: at.plus(Span::days(2)),
    });
    let blocks = BlockCode::ALL.iter().map(|code| Block {
        code: *code,
        by: actor(place),
        at,
        lifted_at: (*code != BlockCode::Limit).then_some(at),
    });
    refund.blocks = blocks.collect();
    refund.cases =
        CaseCode::ALL.iter().map(|code| Case { code: *code, at, closed_at: (place % 4 == 1).then_some(at) }).collect();
}

/// Attempts that ended without money, then one that fits the state's kind.
fn attempts(refund: &mut Refund, place: usize) {
    let at = refund.created_at;
    let newest = match refund.state {
        RefundState::Ready => AttemptState::Due,
        RefundState::Submitted => AttemptState::Sending { epoch: 9, lease_until: at.plus(Span::seconds(30)) },
        RefundState::Settled { .. } => AttemptState::Executed,
        RefundState::Returned { .. } => AttemptState::Returned,
        RefundState::Failed { failure } => AttemptState::Rejected { failure },
        RefundState::Cancelled { .. } => AttemptState::Withdrawn,
        RefundState::Awaiting(_) | RefundState::Rejected { .. } | RefundState::Expired { .. } => {
            return;
        }
    };
    let rejected = AttemptState::Rejected {
        failure: Failure { kind: FailureKind::Technical, bank_code: BankCode::parse("AB08") },
    };
    let earlier = if place.is_multiple_of(2) {
        vec![rejected, AttemptState::Absent, AttemptState::Withdrawn]
    } else {
        Vec::new()
    };
    refund.attempts = (1..)
        .zip(earlier.into_iter().chain([newest]))
        .map(|(number, state)| Attempt { number, state, sent_at: (state != AttemptState::Due).then_some(at) })
        .collect();
}
