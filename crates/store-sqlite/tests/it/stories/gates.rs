//! The gates before the send: details, four eyes, funds, authorisation; and
//! refunds that were paid outside.

use super::stage::Stage;
use refundry_domain::approval::ApprovalPolicy;
use refundry_domain::attempt::AttemptState;
use refundry_domain::command::{Command, RequestRefund};
use refundry_domain::id::{PaymentId, PersonId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::CreditorSource;
use refundry_domain::reason::FailureKind;
use refundry_domain::refund::{
    BlockCode, CaseCode, ExpiredAt, Funding, Gate, RefundState, Reservation, SettledBy, Shortage,
};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::resume::resume_account;
use refundry_testkit::make;
use refundry_testkit::rail::Manner;

fn details(refund: RefundId) -> Command {
    let source = CreditorSource::CustomerSupplied;
    Command::GiveDetails { refund, creditor: make::party_uk(), source, people: Vec::new() }
}

#[tokio::test]
async fn an_unknown_payer_is_asked_for_an_account() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment_from(None, 500).await;
    let blind = stage.wish(payment, 100, "blind");
    assert_eq!(stage.ask(blind).await, Err(Refusal::CreditorMissing));
    let asking = |mut request: RequestRefund| {
        request.may_ask_details = true;
        request.limits.details = Some(Span::days(1));
        request
    };
    let (first, second) = (stage.wish(payment, 100, "first"), stage.wish(payment, 400, "second"));
    let first = stage.ask(asking(first)).await.expect("taken");
    let second = stage.ask(asking(second)).await.expect("taken");
    assert_eq!(first.state, RefundState::Awaiting(Gate::Details));
    stage.run().await;
    assert_eq!(stage.bank().call_count(), 0);
    stage.done(details(first.id)).await;
    assert_eq!(stage.refused(details(first.id)).await, Refusal::NotAwaited);
    stage.run().await;
    assert_eq!(stage.state(first.id), "settled");
    stage.wait(Span::days(1)).await;
    let expired = stage.stored(second.id);
    assert_eq!(expired.state, RefundState::Expired { at: ExpiredAt::Gate(Gate::Details) });
    assert_eq!(expired.reservation, Reservation::Voided);
    assert_eq!(stage.refused(details(second.id)).await, Refusal::AlreadyEnded);
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 400, "the claim is free again");
    assert_eq!((stage.bank().payments().len(), stage.in_wallet()), (1, 1_400));
    stage.end().await;
}

fn policy(required: u8) -> Option<ApprovalPolicy> {
    Some(ApprovalPolicy { required, valid_for: Span::days(7), version: 1 })
}

fn approve(refund: RefundId, by: PersonId) -> Command {
    Command::ApproveRefund { refund, by, seen: None, note: None }
}

#[tokio::test]
async fn four_eyes_see_what_is_sent() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let people = stage.people(4).await;
    let [maker, one, two, three] = people[..] else { panic!("four people") };
    let stranger = stage.lasting.ids.person();
    let mut request = stage.wish(payment, 200, "first");
    (request.approval, request.maker) = (policy(2), Some(maker));
    let id = stage.ask(request).await.expect("taken").id;
    assert_eq!(stage.refused(approve(id, maker)).await, Refusal::SelfApproval);
    assert_eq!(stage.refused(approve(id, stranger)).await, Refusal::NotEligible);
    stage.done(approve(id, one)).await;
    assert_eq!(stage.refused(approve(id, one)).await, Refusal::AlreadyDecided);
    stage.run().await;
    assert_eq!(stage.state(id), "awaiting_approval");
    stage.done(approve(id, two)).await;
    assert_eq!(stage.state(id), "ready");

    stage.person(two, false).await;
    stage.run().await;
    let stored = stage.stored(id);
    assert_eq!(stored.state, RefundState::Awaiting(Gate::Approval), "a word without a right is void");
    assert!(stored.approval.is_some_and(|approval| approval.decisions.is_empty()));
    assert_eq!(stage.bank().call_count(), 0);
    assert_eq!(stage.refused(approve(id, two)).await, Refusal::NotEligible);
    stage.done(approve(id, one)).await;
    stage.done(approve(id, three)).await;
    stage.run().await;
    assert_eq!((stage.state(id), stage.bank().payments().len()), ("settled", 1));
    stage.end().await;
}

#[tokio::test]
async fn people_who_decide_at_once_decide_once() {
    let mut stage = Stage::new(1_000).await;
    let payment = stage.payment(500).await;
    let people = stage.people(2).await;
    let [one, two] = people[..] else { panic!("two people") };
    let mut pair = Vec::new();
    for (required, key) in [(2, "both"), (1, "either"), (1, "contested")] {
        let mut request = stage.wish(payment, 100, key);
        request.approval = policy(required);
        pair.push(stage.ask(request).await.expect("taken").id);
    }
    let [both, either, contested] = pair[..] else { panic!("three refunds") };
    let agreed = tokio::join!(stage.command(approve(both, one)), stage.command(approve(both, two)));
    assert!(agreed.0.is_ok() && agreed.1.is_ok());
    let agreed = tokio::join!(stage.command(approve(either, one)), stage.command(approve(either, two)));
    let faults: Vec<_> = [agreed.0, agreed.1].into_iter().filter_map(Result::err).collect();
    assert_eq!(faults, [Refusal::NotAwaited], "one word is enough");
    let reject = Command::RejectRefund { refund: contested, by: two, seen: None, note: None };
    let (yes, no) = tokio::join!(stage.command(approve(contested, one)), stage.command(reject));
    assert!(yes.is_ok() != no.is_ok(), "one of them was first");
    stage.run().await;
    let wanted = if yes.is_ok() { "settled" } else { "rejected" };
    let states = [both, either, contested].map(|id| stage.state(id));
    assert_eq!(states, ["settled", "settled", wanted]);
    let paid: u64 = stage.bank().payments().iter().map(|(_, amount)| amount.minor).sum();
    assert_eq!(stage.stored_payment(payment).counters.claimed, paid);
    stage.end().await;
}

#[tokio::test]
async fn lacking_money_is_refused_failed_or_awaited() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(2_000).await;
    stage.fund(100).await;
    let refuse = stage.wish(payment, 200, "refuse");
    assert_eq!(stage.ask(refuse).await, Err(Refusal::InsufficientFunds { available: 100 }));
    let mut fail = stage.wish(payment, 200, "fail");
    fail.shortage = Shortage::Fail;
    let failed = stage.ask(fail).await.expect("taken");
    let RefundState::Failed { failure } = failed.state else { panic!("{:?}", failed.state) };
    assert_eq!(failure.kind, FailureKind::InsufficientFunds);
    let mut waiting = Vec::new();
    for key in ["wait", "wait too"] {
        let mut request = stage.wish(payment, 200, key);
        request.shortage = Shortage::Wait;
        let refund = stage.ask(request).await.expect("taken");
        assert_eq!(refund.state, RefundState::Awaiting(Gate::Funds));
        waiting.push(refund.id);
    }
    stage.wait(Span::seconds(60)).await;
    assert_eq!(stage.bank().call_count(), 0);
    stage.fund(200).await;
    stage.wait(Span::seconds(10)).await;
    let mut states: Vec<_> = waiting.iter().map(|id| stage.state(*id)).collect();
    states.sort_unstable();
    assert_eq!(states, ["awaiting_funds", "settled"], "two refunds, money for one");
    stage.fund(200).await;
    stage.wait(Span::seconds(10)).await;
    assert!(waiting.iter().all(|id| stage.state(*id) == "settled"));
    assert_eq!(stage.in_wallet(), 0);
    assert_eq!(stage.stored_payment(payment).counters.claimed, 400);
    stage.end().await;
}

#[tokio::test]
async fn two_commands_cannot_spend_the_last_money_twice() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(2_000).await;
    stage.fund(300).await;
    let (one, two) = (stage.wish(payment, 200, "one"), stage.wish(payment, 200, "two"));
    let answers = tokio::join!(stage.ask(one), stage.ask(two));
    let refusals: Vec<_> = [answers.0, answers.1].into_iter().filter_map(Result::err).collect();
    assert_eq!(refusals, [Refusal::InsufficientFunds { available: 100 }]);
    stage.run().await;
    assert_eq!((stage.in_wallet(), stage.bank().payments().len()), (100, 1));
    stage.end().await;
}

// conformance: rails 51
#[tokio::test]
async fn a_bank_that_lacks_money_we_have_is_drift() {
    let mut stage = Stage::with(Rules::of(Environment::Live), 1_000).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::Refuse("AM04"));
    let id = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    let stored = stage.stored(id);
    assert_eq!(stored.state, RefundState::Submitted);
    assert!(stored.has_open_case(CaseCode::Drift) && stored.is_blocked());
    assert_eq!(stored.newest_attempt().map(|attempt| (attempt.number, attempt.state)), Some((2, AttemptState::Due)));
    // The account is paused, not only this refund.
    let other = stage.refund(payment, 100, "other").await.id;
    let payout = make::request_payout(
        stage.lasting.ids.payout(),
        stage.lasting.wallet,
        Amount::new(50, Currency::AUD),
        "payout",
    );
    let paid_out = payout.id;
    stage.done(Command::RequestPayout(Box::new(payout))).await;
    stage.wait(Span::seconds(3_600)).await;
    stage.done(Command::LiftBlock { refund: other, code: BlockCode::Paused }).await;
    stage = stage.restart().await;
    stage.sweep().await;
    stage.run().await;
    assert_eq!(stage.bank().call_count(), 1, "nothing goes out before a person lets the account go");
    assert_eq!((stage.state(other), stage.stored(other).is_blocked()), ("ready", true));

    let stranger = stage.lasting.ids.person();
    assert_eq!(resume(&stage, stranger).await, Err(Refusal::NotEligible));
    let person = stage.people(1).await[0];
    assert_eq!(resume(&stage, person).await, Ok(3));
    assert_eq!(resume(&stage, person).await, Ok(0), "once more changes nothing");
    stage.run().await;
    assert_eq!(stage.stored(id).state, RefundState::Settled { by: SettledBy::Attempt(2) });
    assert_eq!(stage.state(other), "settled");
    let paid_out = stage.reader().payout(stage.lasting.merchant, paid_out).expect("it reads").expect("it is there");
    assert_eq!((paid_out.state.code(), paid_out.has_open_case(CaseCode::Drift)), ("settled", false));
    assert_eq!((stage.in_wallet(), stage.bank().payments().len()), (1_150, 3));
    stage.end().await;
}

async fn resume(stage: &Stage, by: PersonId) -> Result<usize, Refusal> {
    let (merchant, account) = (stage.lasting.merchant, stage.lasting.wallet);
    resume_account(&stage.engine, merchant, account, by).await.expect("decided")
}

fn by_the_merchant(stage: &mut Stage, payment: PaymentId, key: &str) -> RequestRefund {
    let mut request = stage.wish(payment, 200, key);
    request.funding = Some(Funding::MerchantAuthorised);
    request
}

#[tokio::test]
async fn the_merchants_consent_permits_and_its_no_frees() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let (yes, no) = (by_the_merchant(&mut stage, payment, "yes"), by_the_merchant(&mut stage, payment, "no"));
    let (yes, no) = (stage.ask(yes).await.expect("taken").id, stage.ask(no).await.expect("taken").id);
    stage.run().await;
    assert_eq!((stage.state(yes), stage.bank().call_count()), ("awaiting_authorisation", 0));
    stage.done(Command::AuthoriseRefund { refund: yes }).await;
    stage.done(Command::DeclineAuthorisation { refund: no }).await;
    assert_eq!(stage.refused(Command::AuthoriseRefund { refund: no }).await, Refusal::AlreadyEnded);
    stage.run().await;
    assert_eq!((stage.state(yes), stage.bank().payments().len()), ("settled", 1));
    let RefundState::Failed { failure } = stage.stored(no).state else { panic!("{}", stage.state(no)) };
    assert_eq!(failure.kind, FailureKind::AuthorisationDeclined);
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 300);
    assert_eq!(stage.in_wallet(), 500, "the merchant pays from its own account");
    stage.end().await;
}

#[tokio::test]
async fn what_was_paid_outside_takes_two_people_and_moves_no_money() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let people = stage.people(2).await;
    let [one, two] = people[..] else { panic!("two people") };
    let stranger = stage.lasting.ids.person();
    let refund = stage.refund(payment, 200, "cash").await.id;
    assert_eq!(stage.in_wallet(), 300);
    let record = |people: &[PersonId]| Command::RecordExternal { refund, people: people.to_vec() };
    assert_eq!(stage.refused(record(&[one])).await, Refusal::MorePeopleNeeded);
    assert_eq!(stage.refused(record(&[one, one])).await, Refusal::MorePeopleNeeded);
    assert_eq!(stage.refused(record(&[one, stranger])).await, Refusal::NotEligible);
    stage.done(record(&[one, two])).await;
    stage.run().await;
    let stored = stage.stored(refund);
    assert_eq!(stored.state, RefundState::Settled { by: SettledBy::External });
    assert_eq!((stored.reservation, stage.in_wallet()), (Reservation::Voided, 500));
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 300, "the claim stands");
    assert_eq!(stage.bank().call_count(), 0);

    stage.bank().next(Manner::Keep);
    let sent = stage.refund(payment, 100, "bank").await.id;
    stage.run().await;
    let late = Command::RecordExternal { refund: sent, people: vec![one, two] };
    assert_eq!(stage.refused(late).await, Refusal::AlreadySubmitted);
    stage.end().await;
}

/// A refund whose first attempt was refused for drift; the second one waits
/// behind its block.
async fn drifted(stage: &mut Stage) -> (PaymentId, RefundId) {
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::Refuse("AM04"));
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    assert!(stage.stored(refund).is_blocked());
    (payment, refund)
}

#[tokio::test]
async fn a_recall_stops_a_second_attempt_too() {
    let mut stage = Stage::with(Rules::of(Environment::Live), 1_000).await;
    let (payment, refund) = drifted(&mut stage).await;
    stage.done(Command::ReversePayment { payment, amount: None }).await;
    let person = stage.people(1).await[0];
    assert_eq!(resume(&stage, person).await, Ok(1));
    stage.run().await;
    assert_eq!(stage.bank().call_count(), 1, "its payment is not there any more");
    assert!(stage.stored(refund).is_blocked());
    stage.done(Command::CancelRefund { refund }).await;
    assert_eq!(stage.state(refund), "cancelled");
    assert_eq!(stage.stored_payment(payment).counters.exposure(), 0);
    stage.end().await;
}

#[tokio::test]
async fn a_second_attempt_is_not_sent_after_its_time() {
    let mut stage = Stage::with(Rules::of(Environment::Live), 1_000).await;
    let (payment, refund) = drifted(&mut stage).await;
    stage.wait(Span::days(31)).await;
    let _ = stage.command(Command::LiftBlock { refund, code: BlockCode::Paused }).await;
    stage.run().await;
    assert_eq!(stage.bank().call_count(), 1, "{}", stage.state(refund));
    let RefundState::Failed { failure } = stage.stored(refund).state else { panic!("{}", stage.state(refund)) };
    assert_eq!(failure.kind, FailureKind::Expired);
    assert_eq!((stage.stored_payment(payment).counters.refundable(), stage.in_wallet()), (500, 1_500));
    stage.end().await;
}

#[tokio::test]
async fn nothing_follows_what_was_to_be_withdrawn() {
    let mut stage = Stage::with(Rules::of(Environment::Live), 1_000).await;
    let payment = stage.payment(500).await;
    stage.bank().next(Manner::Keep);
    let refund = stage.refund(payment, 200, "first").await.id;
    stage.run().await;
    stage.done(Command::CancelRefund { refund }).await;
    stage.bank().refuse_kept("AM04");
    stage.run().await;
    assert_eq!((stage.state(refund), stage.stored(refund).attempts.len()), ("failed", 1));
    assert_eq!((stage.bank().call_count(), stage.in_wallet()), (1, 1_500));
    stage.end().await;
}
