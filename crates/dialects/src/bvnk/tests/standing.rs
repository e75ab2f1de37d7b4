//! States: every one has a word, and no path tells a change that there is not.

use super::world::World;
use crate::bvnk::config::WaitingAs;
use crate::bvnk::states::{Standing, Word};
use refundry_domain::command::Command;
use refundry_domain::id::RefundId;
use refundry_domain::instruction::{EvidenceId, Report};
use refundry_domain::money::Currency;
use refundry_domain::reference::ids_of_attempt;
use refundry_domain::refund::{BlockCode, CaseCode, Gate, RefundState};
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_testkit::make;
use refundry_testkit::rail::Manner;
use std::collections::BTreeSet;

// conformance: bvnk 36
#[test]
fn every_state_has_one_word() {
    let plain = |state: RefundState| match state {
        RefundState::Awaiting(Gate::Approval) => Word::PendingApproval,
        RefundState::Awaiting(Gate::Funds) => Word::OnHold,
        RefundState::Awaiting(Gate::Details | Gate::Settlement | Gate::Authorisation)
        | RefundState::Ready
        | RefundState::Submitted => Word::Processing,
        RefundState::Settled { .. } => Word::Completed,
        RefundState::Failed { .. } => Word::Failed,
        RefundState::Rejected { .. } | RefundState::Cancelled { .. } | RefundState::Expired { .. } => Word::Cancelled,
        RefundState::Returned { .. } => Word::Returned,
    };
    let hidden = [CaseCode::Exposure, CaseCode::Unmatched, CaseCode::Returned];
    for state in make::refund_states() {
        let of = |blocks: &[BlockCode], cases: &[CaseCode]| {
            let (blocks, cases) = (blocks.iter().copied().collect(), cases.iter().copied().collect());
            Standing { state, blocks, cases }
        };
        assert_eq!(of(&[], &[]).word(WaitingAs::Processing), plain(state), "{state:?}");
        let held_by_block = matches!(state, RefundState::Ready | RefundState::Awaiting(Gate::Authorisation));
        for block in BlockCode::ALL {
            let expected = if held_by_block { Word::OnHold } else { plain(state) };
            let standing = of(&[*block], &[]);
            assert_eq!(standing.word(WaitingAs::Processing), expected, "{state:?} {block:?}");
            if held_by_block {
                assert_eq!(standing.reason(WaitingAs::Processing).unwrap().code, block.code());
            }
        }
        for case in CaseCode::ALL {
            let held = state == RefundState::Submitted && !hidden.contains(case);
            let standing = of(&[], &[*case]);
            let expected = if held { Word::OnHold } else { plain(state) };
            assert_eq!(standing.word(WaitingAs::Processing), expected, "{state:?} {case:?}");
            if held {
                assert_eq!(standing.reason(WaitingAs::Processing).unwrap().code, case.code());
            }
        }
        let waits = matches!(state, RefundState::Awaiting(Gate::Details | Gate::Settlement | Gate::Authorisation));
        let expected = if waits { Word::OnHold } else { plain(state) };
        assert_eq!(of(&[], &[]).word(WaitingAs::OnHold), expected, "{state:?}");
    }
}

/// The changes of contract 4.3.
fn is_allowed(from: &str, to: &str) -> bool {
    match (from, to) {
        ("", "PENDING_APPROVAL" | "PROCESSING" | "ON_HOLD")
        | ("PENDING_APPROVAL", "PROCESSING" | "ON_HOLD" | "CANCELLED" | "COMPLETED")
        | ("PROCESSING", "PENDING_APPROVAL" | "ON_HOLD" | "COMPLETED" | "FAILED" | "CANCELLED")
        | ("ON_HOLD", "PENDING_APPROVAL" | "PROCESSING" | "COMPLETED" | "FAILED" | "CANCELLED")
        | ("COMPLETED", "RETURNED") => true,
        (_, _) => false,
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

// conformance: bvnk 37
#[tokio::test]
async fn no_path_tells_a_change_that_there_is_not() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen = BTreeSet::new();
    for round in 0..24 {
        let world = World::new().await;
        let payin = world.gbp("100").await;
        let refund = world.refund(&payin, "1", "key-0001").await;
        let id = RefundId::parse(&refund).unwrap();
        world.rail.next(
            [Manner::Pay, Manner::Keep, Manner::RefuseLater("AC04"), Manner::LoseAnswer, Manner::LoseRequest]
                [usize::try_from(dice.roll(5)).unwrap()],
        );
        for _ in 0..8 {
            let code = BlockCode::ALL[usize::try_from(dice.roll(BlockCode::ALL.len() as u64)).unwrap()];
            let command = match dice.roll(6) {
                0 => Some(Command::PlaceBlock { refund: id, code }),
                1 => Some(Command::LiftBlock { refund: id, code }),
                2 => Some(Command::CancelRefund { refund: id }),
                _ => None,
            };
            if let Some(command) = command {
                let envelope = refundry_engine::envelope::Envelope::command(
                    world.merchant,
                    refundry_domain::event::Actor::Sandbox,
                    command,
                );
                let _ = world.engine.execute(envelope).await.unwrap();
            } else if dice.roll(4) == 0 && !world.rail.payments().is_empty() {
                world.rail.give_back(&world.rail.payments()[0].0, 100, "AC04");
            }
            if dice.roll(2) == 0 {
                world.wait(Span::seconds(dice.roll(1_200))).await;
            }
        }
        let words = world.words(&refund).await;
        assert!(!words.is_empty());
        let from = std::iter::once("").chain(words.iter().map(String::as_str));
        for (from, to) in from.zip(words.iter()) {
            assert!(is_allowed(from, to), "{round}: {words:?}");
            seen.insert((from.to_owned(), to.clone()));
        }
        assert_eq!(words.last().unwrap(), &world.status(&refund).await, "the last word is that of the read");
        let sequence: Vec<u64> =
            world.told(&refund).await.iter().map(|data| data["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequence, (1..=words.len() as u64).collect::<Vec<_>>());
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

// conformance: bvnk 39
#[tokio::test]
async fn what_fails_gives_everything_back() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    let before = world.available(Currency::GBP).await;
    world.rail.next(Manner::RefuseLater("AC04"));
    let refund = world.refund(&payin, "60", "key-0001").await;
    assert_eq!(world.available(Currency::GBP).await, before - 6_000);
    world.work().await;
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/statusReason/code")),
        ("FAILED".to_owned(), "account_closed".to_owned())
    );
    assert_eq!(world.available(Currency::GBP).await, before);
    assert_eq!(world.words(&refund).await, ["PROCESSING", "FAILED"]);
    let again = world.refund(&payin, "100", "key-0002").await;
    let cancelled = RefundId::parse(&again).unwrap();
    world.command(Command::CancelRefund { refund: cancelled }).await;
    let shown = world.get(&format!("/payment/v1/payouts/{again}")).await;
    assert_eq!(shown.member("/statusReason/code"), "cancelled_by_merchant");
    assert_eq!(world.available(Currency::GBP).await, before);
    world.refund(&payin, "100", "key-0003").await;
}

// conformance: bvnk 40
#[tokio::test]
async fn nobody_knows_is_not_failed() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    world.rail.next(Manner::LoseRequest);
    for _ in 0..40 {
        world.rail.next(Manner::LoseRequest);
    }
    let refund = world.refund(&payin, "60", "key-0001").await;
    world.work().await;
    assert_eq!(world.status(&refund).await, "PROCESSING");
    for _ in 0..16 {
        world.wait(Span::seconds(60)).await;
        assert_ne!(world.status(&refund).await, "FAILED");
    }
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/statusReason/code")),
        ("ON_HOLD".to_owned(), "unknown_outcome".to_owned())
    );
    assert_eq!(world.words(&refund).await, ["PROCESSING", "ON_HOLD"]);
}

// conformance: bvnk 58
#[tokio::test]
async fn a_check_of_the_bank_is_told_and_its_end() {
    let world = World::new().await;
    let payin = world.gbp("100").await;
    world.rail.next(Manner::Keep);
    let refund = world.refund(&payin, "60", "key-0001").await;
    world.work().await;
    let stored = world.stored(&refund).await;
    let instruction_id = ids_of_attempt(&stored, 1, world.host.environment, sha256).instruction_id;
    for (number, report, word) in [(1, Report::Screening, "ON_HOLD"), (2, Report::Accepted, "PROCESSING")] {
        let (instruction_id, evidence) = (instruction_id.clone(), EvidenceId([number; 8]));
        world.command(Command::RecordReport { instruction_id, evidence, report }).await;
        assert_eq!(world.status(&refund).await, word);
    }
    world.rail.pay_kept();
    world.work().await;
    assert_eq!(world.words(&refund).await, ["PROCESSING", "ON_HOLD", "PROCESSING", "COMPLETED"]);
}
