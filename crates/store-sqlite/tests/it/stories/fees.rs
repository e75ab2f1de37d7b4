//! Fees: by rules, on top of the amount, frozen at creation, booked beside it.

use super::stage::Stage;
use refundry_domain::command::{Command, FeeInput};
use refundry_domain::event::Actor;
use refundry_domain::fee::{FeeOnReturn, FeeRule, FeeRules, FeeTerms};
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::instruction::{EvidenceId, Report};
use refundry_domain::money::Currency;
use refundry_domain::refund::{Funding, ReserveAt};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::Envelope;
use refundry_engine::quote::quote;
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use refundry_testkit::rail::Manner;
use std::sync::Arc;

async fn set(stage: &Stage, rules: FeeRules) {
    let merchant = stage.lasting.merchant;
    stage.register(RegistryEntry::Fees(MerchantFees { merchant, rules: Arc::new(rules) })).await;
}

fn rules(rule: FeeRule) -> FeeRules {
    FeeRules { rules: [((Currency::AUD, String::new()), rule)].into(), ..FeeRules::default() }
}

/// 30 and a half percent, at most 200.
fn usual() -> FeeRules {
    rules(FeeRule { flat: 30, basis_points: 50, min: None, max: Some(200) })
}

fn by_rules(method: &str) -> FeeInput {
    FeeInput::ByRules { method: Arc::from(method), terms: FeeTerms::default() }
}

async fn refund(stage: &mut Stage, payment: PaymentId, minor: u64, key: &str) -> Result<RefundId, Refusal> {
    let mut wish = stage.wish(payment, minor, key);
    wish.fee = by_rules("");
    stage.ask(wish).await.map(|refund| refund.id)
}

fn fees(stage: &Stage) -> u64 {
    u64::try_from(stage.account(stage.lasting.book.fees).credit_posted()).expect("fees are never negative")
}

fn last_paid(stage: &Stage) -> String {
    stage.bank().payments().last().expect("something was paid").0.clone()
}

fn returned(stage: &Stage, evidence: u8, amount_back: u64) -> Command {
    let report = Report::Returned { amount_back, code: None };
    Command::RecordReport { instruction_id: last_paid(stage), evidence: EvidenceId([evidence; 8]), report }
}

// conformance: bvnk 13
// conformance: bvnk 28
#[tokio::test]
async fn a_fee_is_charged_on_top_and_frozen() {
    let mut stage = Stage::new(0).await;
    set(&stage, usual()).await;
    let payment = stage.payment(10_000).await;
    stage.fund(4_250 + 51 - 1).await;
    assert_eq!(refund(&mut stage, payment, 4_250, "a").await, Err(Refusal::InsufficientFunds { available: 4_300 }));
    stage.fund(10_000).await;
    let id = refund(&mut stage, payment, 4_250, "a").await.expect("taken");
    assert_eq!((stage.stored(id).fee, stage.in_wallet(), fees(&stage)), (51, 10_000 - 4_301, 0));
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 5_750, "the fee takes nothing of the payment");
    set(&stage, rules(FeeRule { flat: 900, ..FeeRule::default() })).await;
    stage.run().await;
    assert_eq!((stage.state(id), stage.stored(id).fee), ("settled", 51));
    assert_eq!((stage.in_wallet(), fees(&stage)), (10_000 - 4_301, 51));
    stage.end().await;
}

// conformance: bvnk 39
#[tokio::test]
async fn what_was_not_paid_costs_nothing() {
    let mut stage = Stage::new(0).await;
    set(&stage, usual()).await;
    let payment = stage.payment(10_000).await;
    let before = stage.in_wallet();
    stage.bank().next(Manner::RefuseLater("AC04"));
    let failed = refund(&mut stage, payment, 1_000, "a").await.expect("taken");
    let cancelled = refund(&mut stage, payment, 1_000, "b").await.expect("taken");
    stage.done(Command::CancelRefund { refund: cancelled }).await;
    stage.run().await;
    assert_eq!((stage.state(failed), stage.state(cancelled)), ("failed", "cancelled"));
    assert_eq!((stage.in_wallet(), fees(&stage)), (before, 0));
    // Where no held account pays, nobody is charged.
    let mut wish = stage.wish(payment, 1_000, "c");
    (wish.fee, wish.funding, wish.reserve_at) = (by_rules(""), Some(Funding::MerchantAuthorised), ReserveAt::Send);
    assert_eq!(stage.ask(wish).await.expect("taken").fee, 0);
    stage.end().await;
}

// conformance: bvnk 38
#[tokio::test]
async fn a_return_gives_the_fee_back_where_the_merchant_says_so_and_once() {
    for (on_return, kept) in [(FeeOnReturn::Keep, 35), (FeeOnReturn::Refund, 0)] {
        let mut stage = Stage::new(0).await;
        set(&stage, FeeRules { on_return, ..usual() }).await;
        let payment = stage.payment(10_000).await;
        let id = refund(&mut stage, payment, 1_000, "a").await.expect("taken");
        // What was promised then counts, whatever the rules say when it comes back.
        let other = if kept == 0 { FeeOnReturn::Keep } else { FeeOnReturn::Refund };
        set(&stage, FeeRules { on_return: other, ..usual() }).await;
        let stage = stage.restart().await;
        stage.sweep().await;
        assert_eq!(stage.stored(id).fee_on_return, on_return);
        stage.run().await;
        assert_eq!((stage.state(id), stage.in_wallet(), fees(&stage)), ("settled", 10_000 - 1_035, 35));
        for evidence in [1, 1, 2] {
            let _ = stage.command(returned(&stage, evidence, 1_000)).await;
            assert_eq!((stage.state(id), stage.in_wallet()), ("returned", 10_000 - kept), "{on_return:?}");
        }
        assert_eq!(stage.stored_payment(payment).counters.refundable(), 10_000);
        stage.end().await;
    }
}

#[tokio::test]
async fn a_short_return_restores_the_whole_remainder() {
    let mut stage = Stage::new(0).await;
    set(&stage, FeeRules { on_return: FeeOnReturn::Refund, ..usual() }).await;
    let payment = stage.payment(10_000).await;
    let id = refund(&mut stage, payment, 1_000, "a").await.expect("taken");
    stage.run().await;
    stage.done(returned(&stage, 1, 900)).await;
    assert_eq!((stage.state(id), stage.in_wallet()), ("returned", 10_000), "the operator bears the bank's charge");
    assert_eq!(stage.stored_payment(payment).counters.refundable(), 10_000);
    stage.end().await;
}

#[tokio::test]
async fn an_estimate_is_the_charge() {
    let mut stage = Stage::new(0).await;
    let reduce_refundable = true;
    set(&stage, FeeRules { reduce_refundable, ..usual() }).await;
    let payment = stage.payment(100_000).await;
    stage.fund(1_000_000).await;
    let mut left = 100_000;
    for (place, amount) in [Some(1), Some(99), Some(12_345), Some(40_000), None].into_iter().enumerate() {
        let stored = stage.stored_payment(payment);
        let directory = stage.engine.directory();
        let quoted =
            quote(stage.reader(), &directory, &stored, (amount, &by_rules("any"))).expect("it reads").expect("good");
        assert_eq!(quoted.refundable, left);
        let mut wish = stage.wish(payment, 1, &format!("r{place}"));
        (wish.amount, wish.fee) = (amount, by_rules("any"));
        let made = stage.ask(wish).await.expect("taken");
        assert_eq!((quoted.amount, quoted.fee), (made.amount, made.fee), "{amount:?}");
        left = u64::saturating_sub(left, made.amount.minor + made.fee);
        let too_much = refund(&mut stage, payment, left + 1, &format!("too much {place}")).await;
        let remaining = left;
        let expected =
            if left == 0 { Refusal::AlreadyRefunded } else { Refusal::AmountExceedsRefundable { remaining } };
        assert_eq!(too_much, Err(expected));
    }
    stage.run().await;
    stage.end().await;
}

#[tokio::test]
async fn two_hundred_refunds_at_once_never_overdraw_the_wallet() {
    let mut stage = Stage::new(0).await;
    set(&stage, usual()).await;
    let payment = stage.payment(200_000).await;
    // Enough for 120 of them with their fees, one unit short of the next.
    stage.fund(120 * (1_000 + 35) + 1_034).await;
    let merchant = stage.lasting.merchant;
    let mut envelopes = Vec::new();
    for place in 0..200 {
        let mut wish = stage.wish(payment, 1_000, &format!("r{place}"));
        wish.fee = by_rules("");
        envelopes.push(Envelope::command(merchant, Actor::Engine, Command::RequestRefund(Box::new(wish))));
    }
    let outcomes = stage.engine.execute_all(envelopes).await;
    let results: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("decided").result).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 120);
    let short = Refusal::InsufficientFunds { available: 1_034 };
    assert!(results.into_iter().filter_map(Result::err).all(|refusal| refusal == short));
    stage.run().await;
    assert_eq!((stage.in_wallet(), fees(&stage)), (1_034, 120 * 35));
    assert_eq!(stage.bank().payments().len(), 120);
    stage.end().await;
}
