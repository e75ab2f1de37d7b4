//! Stories of money: what a refund goes through, and what is left of it.

use super::shop::{ANNA, BEN, CARA, FLOAT, MANDATE, MERCHANT, Shop, party};
use crate::command::{AbsentDecision, Command};
use crate::id::RefundId;
use crate::instruction::{EvidenceId, Report, Submission};
use crate::mandate::MandateState;
use crate::payment::PaymentState;
use crate::reason::BankCode;
use crate::refund::{BlockCode, CaseCode, Funding, RefundState, ReserveAt, Shortage};
use crate::refusal::Refusal;
use crate::rules::Environment;
use crate::time::Span;

fn hear(shop: &mut Shop, id: &str, number: u8, report: Report) {
    let evidence = EvidenceId([number; 8]);
    shop.ok(Command::RecordReport { instruction_id: id.to_owned(), evidence, report });
}

fn executed(amount: u64) -> Report {
    Report::Executed { amount, charges: 0 }
}

fn sandbox() -> Shop {
    Shop::new(Environment::Sandbox)
}

#[test]
fn partial_refunds_reach_the_amount_and_not_one_unit_more() {
    let mut shop = sandbox();
    let payment = shop.payment(1_000, PaymentState::Settled, Some(party()));
    for minor in [400, 599] {
        let ask = shop.ask(payment, minor);
        shop.request(ask);
    }
    let ask = shop.ask(payment, 2);
    let refused = shop.try_do(&Command::RequestRefund(Box::new(ask)));
    assert_eq!(refused, Err(Refusal::AmountExceedsRefundable { remaining: 1 }));
    let mut rest = shop.ask(payment, 0);
    rest.amount = None;
    let id = shop.request(rest);
    assert_eq!(shop.refund(id).amount.minor, 1);
    let ask = shop.ask(payment, 1);
    assert_eq!(shop.try_do(&Command::RequestRefund(Box::new(ask))), Err(Refusal::AlreadyRefunded));
}

// conformance: rails 29
#[test]
fn a_return_frees_the_full_amount_once_and_a_second_one_is_unexplained() {
    let mut shop = sandbox();
    let payment = shop.payment(100, PaymentState::Settled, Some(party()));
    let before = shop.available();
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let sent = shop.send(id).ids.instruction_id;
    hear(&mut shop, &sent, 1, executed(100));
    assert_eq!(shop.available(), before - 100);
    hear(&mut shop, &sent, 2, Report::Returned { amount_back: 95, code: None });
    assert_eq!(shop.available(), before, "the full amount is back, the charges are the operator's");
    assert_eq!(shop.facts.payments[&payment].counters.claimed, 0);
    hear(&mut shop, &sent, 2, Report::Returned { amount_back: 95, code: None });
    assert!(shop.refund(id).cases.is_empty(), "the same report again says nothing");
    hear(&mut shop, &sent, 3, Report::Returned { amount_back: 100, code: None });
    assert!(shop.refund(id).has_open_case(CaseCode::Returned));
    assert_eq!(shop.available(), before);
}

// conformance: rails 50
#[test]
fn a_return_heard_first_is_settled_and_returned() {
    let mut shop = sandbox();
    let payment = shop.payment(100, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let sent = shop.send(id);
    shop.ok(Command::RecordSubmission { refund: id, attempt: 1, epoch: 1, outcome: Submission::Unknown });
    let events = shop.facts.changes.events.len();
    hear(&mut shop, &sent.ids.instruction_id, 1, Report::Returned { amount_back: 100, code: BankCode::parse("AC04") });
    let states: Vec<_> =
        shop.facts.changes.events[events..].iter().filter_map(crate::event::Event::refund_state).collect();
    let codes: Vec<_> = states.iter().map(|state| state.code()).collect();
    assert_eq!(codes, ["settled", "returned"]);
}

// conformance: rails 25
#[test]
fn reports_in_any_order_end_in_the_same_state() {
    let reports = [Report::Accepted, Report::Screening, executed(100), Report::Accepted];
    let mut ends = std::collections::BTreeSet::new();
    for order in permutations(&[0, 1, 2, 3]) {
        let mut shop = sandbox();
        let payment = shop.payment(100, PaymentState::Settled, Some(party()));
        let ask = shop.ask(payment, 100);
        let id = shop.request(ask);
        let sent = shop.send(id).ids.instruction_id;
        for place in order {
            hear(&mut shop, &sent, u8::try_from(place).unwrap(), reports[place]);
        }
        ends.insert(shop.state(id));
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["settled"]);
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    items
        .iter()
        .flat_map(|first| {
            let rest: Vec<usize> = items.iter().copied().filter(|item| item != first).collect();
            permutations(&rest).into_iter().map(move |mut tail| {
                tail.insert(0, *first);
                tail
            })
        })
        .collect()
}

// conformance: rails 28
#[test]
fn a_refusal_after_the_money_left_is_a_case() {
    let mut shop = sandbox();
    let payment = shop.payment(100, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let sent = shop.send(id).ids.instruction_id;
    hear(&mut shop, &sent, 1, executed(100));
    hear(&mut shop, &sent, 2, Report::Rejected { code: BankCode::parse("MS03") });
    assert_eq!(shop.state(id), "settled");
    assert!(shop.refund(id).has_open_case(CaseCode::Conflict));
}

// conformance: rails 30
#[test]
fn a_duplicate_answer_is_searched_not_failed() {
    let mut shop = sandbox();
    let payment = shop.payment(100, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    shop.send(id);
    let outcome = Submission::Rejected { code: BankCode::parse("AM05") };
    shop.ok(Command::RecordSubmission { refund: id, attempt: 1, epoch: 1, outcome });
    assert_eq!(shop.state(id), "submitted");
    assert!(shop.refund(id).has_open_case(CaseCode::Duplicate));
    assert_eq!(shop.refund(id).attempts.len(), 1);
}

// conformance: rails 51
#[test]
fn missing_money_at_the_bank_is_drift_on_a_held_account() {
    let mut shop = Shop::new(Environment::Live);
    let payment = shop.payment(100, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let sent = shop.send(id).ids.instruction_id;
    hear(&mut shop, &sent, 1, Report::Rejected { code: BankCode::parse("AM04") });
    assert_eq!(shop.state(id), "submitted");
    assert!(shop.refund(id).has_open_case(CaseCode::Drift));
    let begin = shop.begin(id);
    assert_eq!(shop.ok(begin), crate::decide::Done::Unchanged, "the pause stops it");
    shop.ok(Command::LiftBlock { refund: id, code: BlockCode::Paused });
    let begin = shop.begin(id);
    shop.ok(begin);
    assert!(shop.refund(id).is_blocked(), "its account is paused, too");
    let stranger = Command::ResumeAccount { account: super::shop::FLOAT, by: crate::id::PersonId(99) };
    assert_eq!(shop.try_do(&stranger), Err(Refusal::NotEligible));
    shop.ok(Command::ResumeAccount { account: super::shop::FLOAT, by: ANNA });
    shop.ok(Command::LiftBlock { refund: id, code: BlockCode::Paused });
    let second = shop.send(id);
    assert_eq!(second.attempt, 2);
    hear(&mut shop, &second.ids.instruction_id, 2, executed(100));
    assert_eq!(shop.state(id), "settled");
}

// conformance: rails 33
#[test]
fn approval_is_bound_to_its_content_and_its_people() {
    let mut shop = sandbox();
    let payment = shop.payment(1_000, PaymentState::Settled, Some(party()));
    let mut ask = shop.ask(payment, 100);
    ask.approval = Shop::policy(2);
    ask.maker = Some(ANNA);
    let id = shop.request(ask);
    for (by, outcome) in [
        (ANNA, Some(Refusal::SelfApproval)),
        (BEN, None),
        (BEN, Some(Refusal::AlreadyDecided)),
        (crate::id::PersonId(99), Some(Refusal::NotEligible)),
        (CARA, None),
    ] {
        let said = shop.try_do(&Command::ApproveRefund { refund: id, by, seen: None, note: None });
        assert_eq!(said.err(), outcome, "{by}");
    }
    assert_eq!(shop.state(id), "ready");
    shop.facts.approvers.remove(&(MERCHANT, BEN));
    let begin = shop.begin(id);
    shop.ok(begin);
    assert_eq!(shop.state(id), "awaiting_approval", "a role that was taken away voids the word");
    shop.facts.approvers.insert((MERCHANT, BEN));
    for by in [BEN, CARA] {
        shop.ok(Command::ApproveRefund { refund: id, by, seen: None, note: None });
    }
    let people = vec![BEN, CARA];
    let source = crate::party::CreditorSource::OperatorOverride;
    shop.ok(Command::GiveDetails { refund: id, creditor: party(), source, people });
    assert_eq!(shop.state(id), "awaiting_approval", "another account voids the word");
    shop.ok(Command::ReversePayment { payment, amount: None });
    assert_eq!(shop.state(id), "failed");
}

// conformance: rails 53
#[test]
fn a_recall_after_a_refund_is_owed_and_stops_the_next_one() {
    let mut shop = sandbox();
    let payment = shop.payment(1_000, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 400);
    let id = shop.request(ask);
    let sent = shop.send(id).ids.instruction_id;
    hear(&mut shop, &sent, 1, executed(400));
    shop.ok(Command::ReversePayment { payment, amount: None });
    let counters = shop.facts.payments[&payment].counters;
    assert_eq!((counters.exposure(), counters.refundable()), (400, 0));
    assert_eq!(shop.state(id), "settled");
    assert!(shop.facts.payments[&payment].cases.iter().any(|case| case.code == CaseCode::Exposure));
    let ask = shop.ask(payment, 1);
    assert_eq!(shop.try_do(&Command::RequestRefund(Box::new(ask))), Err(Refusal::PaymentBlocked));
}

#[test]
fn held_refunds_that_no_longer_fit_fail_when_the_payment_settles_short() {
    let mut shop = sandbox();
    let payment = shop.payment(1_000, PaymentState::Executed, Some(party()));
    let ids: Vec<RefundId> =
        [600, 400].map(|minor| shop.ask(payment, minor)).into_iter().map(|ask| shop.request(ask)).collect();
    shop.ok(Command::AdvancePayment {
        payment,
        to: PaymentState::Settled,
        credited: Some(900),
        debtor: None,
        failure: None,
    });
    assert_eq!((shop.state(ids[0]), shop.state(ids[1])), ("ready", "failed"));
}

#[test]
fn a_mandate_is_asked_again_in_the_commit_of_the_send() {
    for (prepare, reason) in [
        (
            Command::MoveMandate { mandate: MANDATE, to: MandateState::Suspended { by_merchant: true } },
            "mandate_inactive",
        ),
        (Command::MoveMandate { mandate: MANDATE, to: MandateState::Expired }, "mandate_expired"),
    ] {
        let mut shop = sandbox();
        let payment = shop.payment(9_000, PaymentState::Settled, Some(party()));
        let mut ask = shop.ask(payment, 100);
        ask.funding = Some(Funding::Mandate { mandate: MANDATE, debtor_account: Some(FLOAT) });
        let id = shop.request(ask);
        shop.ok(prepare);
        let begin = shop.begin(id);
        shop.ok(begin);
        assert_eq!(failure(&shop, id), reason);
    }
}

fn failure(shop: &Shop, id: RefundId) -> &'static str {
    match shop.refund(id).state {
        RefundState::Failed { failure } => failure.kind.code(),
        other => other.code(),
    }
}

#[test]
fn a_mandate_holds_its_limit_and_its_count() {
    let mut shop = sandbox();
    let payment = shop.payment(90_000, PaymentState::Settled, Some(party()));
    let ends: Vec<_> = [5_001, 10, 10, 10]
        .into_iter()
        .map(|minor| {
            let mut ask = shop.ask(payment, minor);
            ask.funding = Some(Funding::Mandate { mandate: MANDATE, debtor_account: None });
            let id = shop.request(ask);
            let begin = shop.begin(id);
            shop.ok(begin);
            failure(&shop, id)
        })
        .collect();
    assert_eq!(ends, ["mandate_amount_exceeded", "submitted", "submitted", "mandate_count"]);
}

#[test]
fn money_that_lacks_is_refused_recorded_or_waited_for() {
    for (shortage, reserve_at, outcome) in [
        (Shortage::Refuse, ReserveAt::Creation, "refused"),
        (Shortage::Fail, ReserveAt::Creation, "insufficient_funds"),
        (Shortage::Wait, ReserveAt::Creation, "awaiting_funds"),
        (Shortage::Fail, ReserveAt::Send, "insufficient_funds"),
        (Shortage::Wait, ReserveAt::Send, "awaiting_funds"),
    ] {
        let mut shop = sandbox();
        let payment = shop.payment(500, PaymentState::Settled, Some(party()));
        shop.ok(Command::SetBalance { account: FLOAT, available: 50 });
        let mut ask = shop.ask(payment, 100);
        (ask.shortage, ask.reserve_at) = (shortage, reserve_at);
        let id = ask.id;
        let made = shop.try_do(&Command::RequestRefund(Box::new(ask)));
        if outcome == "refused" {
            assert_eq!(made, Err(Refusal::InsufficientFunds { available: 50 }));
            continue;
        }
        let begin = shop.begin(id);
        shop.ok(begin);
        assert_eq!(failure(&shop, id), outcome);
        if outcome == "awaiting_funds" {
            shop.ok(Command::SetBalance { account: FLOAT, available: 100 });
            shop.pass(Span::seconds(6));
            shop.ok(Command::Tick { refund: id });
            assert_eq!(shop.state(id), "ready");
            shop.send(id);
            assert_eq!(shop.available(), 0);
        }
    }
}

// conformance: rails 48
#[test]
fn the_clock_alone_never_ends_what_was_sent() {
    let mut shop = sandbox();
    let payment = shop.payment(500, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let sent = shop.send(id).ids.instruction_id;
    hear(&mut shop, &sent, 1, Report::Accepted);
    shop.pass(Span::days(60));
    shop.ok(Command::Tick { refund: id });
    assert_eq!(shop.state(id), "submitted");
    assert!(shop.refund(id).withdrawal.is_some_and(|asked| asked.because_expired));
    assert_eq!(shop.facts.payments[&payment].counters.claimed, 100);
    hear(&mut shop, &sent, 2, Report::Withdrawn);
    assert_eq!(failure(&shop, id), "expired");
    assert_eq!(shop.available(), 10_500, "what was set aside is free again");
}

// conformance: rails 31
#[test]
fn a_new_attempt_needs_proof_and_two_people() {
    let mut shop = sandbox();
    let payment = shop.payment(500, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    shop.send(id);
    let people = vec![ANNA, BEN];
    let again = Command::DecideAbsent { refund: id, decision: AbsentDecision::NewAttempt, people: people.clone() };
    assert_eq!(shop.try_do(&again), Err(Refusal::ProofMissing));
    shop.ok(Command::RecordSubmission { refund: id, attempt: 1, epoch: 1, outcome: Submission::Unknown });
    for _ in 0..5 {
        shop.ok(Command::RecordInquiry { refund: id, attempt: 1 });
    }
    assert_eq!(shop.try_do(&again), Err(Refusal::ProofMissing), "not found is no proof");
    let alone = Command::RecordAbsent { refund: id, people: vec![ANNA, ANNA] };
    assert_eq!(shop.try_do(&alone), Err(Refusal::MorePeopleNeeded));
    shop.ok(Command::RecordAbsent { refund: id, people });
    shop.ok(again);
    assert_eq!(shop.state(id), "submitted");
    let second = shop.send(id);
    assert_eq!(second.attempt, 2);
    shop.ok(Command::CancelRefund { refund: id });
    assert_eq!(shop.state(id), "submitted", "the rail is asked, its word decides");
}

#[test]
fn paid_outside_takes_two_people_and_gives_the_reservation_back() {
    let mut shop = sandbox();
    let payment = shop.payment(500, PaymentState::Settled, Some(party()));
    let ask = shop.ask(payment, 100);
    let id = shop.request(ask);
    let before = shop.available();
    shop.ok(Command::RecordExternal { refund: id, people: vec![ANNA, BEN] });
    assert_eq!(shop.state(id), "settled");
    assert_eq!(shop.available(), before + 100);
    assert_eq!(shop.facts.payments[&payment].counters.claimed, 100, "it keeps the claim");
}

#[test]
fn a_supplied_account_waits_for_a_person_in_live() {
    for (environment, state) in [(Environment::Live, "awaiting_approval"), (Environment::Sandbox, "ready")] {
        let mut shop = Shop::new(environment);
        let payment = shop.payment(500, PaymentState::Settled, None);
        let mut ask = shop.ask(payment, 100);
        ask.creditor = Some(party());
        let id = shop.request(ask);
        assert_eq!(shop.state(id), state);
    }
}
