//! What belongs to nothing we know: once into suspense, and out of it by the
//! word of two people.

use super::stage::Stage;
use refundry_domain::command::Command;
use refundry_domain::event::EventKind;
use refundry_domain::id::{PaymentId, PersonId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::refusal::Refusal;
use refundry_domain::stray::StrayEnd;
use refundry_domain::time::Span;
use refundry_testkit::make;
use refundry_testkit::rail::Manner;

/// A restored store whose bank paid 80 for a payment that the store forgot;
/// swept. Gives the instruction's id.
async fn with_a_stray(available: u64) -> (Stage, PaymentId, String) {
    let mut stage = Stage::new(available).await;
    let backup = stage.backup("before");
    let forgotten = stage.payment(80).await;
    stage.settled(forgotten, 80, "forgotten").await;
    let (instruction, _) = stage.bank().payments().pop().expect("it paid");
    let stage = stage.rewind(&backup).await;
    stage.sweep().await;
    (stage, forgotten, instruction)
}

async fn remember(stage: &Stage, payment: PaymentId) {
    let record = make::record_payment(payment, stage.lasting.wallet, Amount::new(80, Currency::AUD));
    stage.done(Command::RecordPayment(record)).await;
}

fn suspense(stage: &Stage) -> i128 {
    stage.account(stage.lasting.book.suspense).credit_posted()
}

fn open_strays(stage: &Stage) -> Vec<String> {
    let open = stage.reader().strays(stage.lasting.merchant).expect("it reads");
    open.into_iter().map(|stray| stray.instruction_id).collect()
}

fn close(instruction: &str, end: StrayEnd, people: &[PersonId]) -> Command {
    Command::CloseStray { instruction_id: instruction.to_owned(), end, people: people.to_vec() }
}

// conformance: rails 40
// conformance: rails 44
#[tokio::test]
async fn a_stray_is_booked_once_and_closed_by_two_people() {
    let (mut stage, forgotten, instruction) = with_a_stray(100).await;
    for _ in 0..2 {
        stage = stage.restart().await;
        stage.sweep().await;
    }
    assert_eq!((suspense(&stage), open_strays(&stage)), (-80, vec![instruction.clone()]), "every sweep sees it again");
    remember(&stage, forgotten).await;
    let people = stage.people(2).await;
    let again = stage.wish(forgotten, 80, "forgotten");
    assert_eq!(stage.ask(again).await, Err(Refusal::PaymentBlocked), "a person explains the debit first");

    let wallet = stage.lasting.wallet;
    let end = StrayEnd::Explained { account: wallet };
    assert_eq!(stage.refused(close(&instruction, end, &people[..1])).await, Refusal::MorePeopleNeeded);
    assert_eq!(stage.refused(close("nothing", end, &people)).await, Refusal::CaseUnknown);
    let elsewhere = StrayEnd::Explained { account: stage.lasting.book.fees };
    assert_eq!(stage.refused(close(&instruction, elsewhere, &people)).await, Refusal::AccountUnknown);
    stage.done(close(&instruction, end, &people)).await;
    assert_eq!((suspense(&stage), stage.in_wallet(), open_strays(&stage)), (0, 100, Vec::new()));
    assert_eq!(stage.refused(close(&instruction, end, &people)).await, Refusal::CaseUnknown);
    let told = stage.reader().events_after(0, 1_000).expect("it reads").pop().expect("an event").event.kind;
    assert_eq!(told, EventKind::StrayClosed { instruction: instruction.as_str().into(), explained: true });

    let other = stage.payment(50).await;
    stage.settled(other, 50, "other").await;
    stage = stage.restart().await;
    stage.sweep().await;
    assert_eq!((suspense(&stage), open_strays(&stage)), (0, Vec::new()), "it stays closed");
    stage.end().await;
}

#[tokio::test]
async fn the_merchant_owes_what_its_wallet_lacks_and_the_operator_bears_the_rest() {
    for (explained, wallet, due, charges) in [(true, 0, -50, 0), (false, 30, 0, -80)] {
        let (mut stage, _, instruction) = with_a_stray(30).await;
        let people = stage.people(2).await;
        let end = if explained { StrayEnd::Explained { account: stage.lasting.wallet } } else { StrayEnd::WrittenOff };
        stage.done(close(&instruction, end, &people)).await;
        let book = stage.lasting.book;
        assert_eq!(suspense(&stage), 0);
        assert_eq!((stage.in_wallet(), stage.account(book.due_from_merchant).credit_posted()), (wallet, due));
        assert_eq!(stage.account(book.bank_charges).credit_posted(), charges);
        stage.end().await;
    }
}

#[tokio::test]
async fn what_comes_back_of_a_stray_leaves_suspense_once() {
    let (mut stage, _, instruction) = with_a_stray(0).await;
    let people = stage.people(2).await;
    stage.done(close(&instruction, StrayEnd::WrittenOff, &people)).await;
    stage.bank().give_back(&instruction, 80, "AC04");
    stage.run().await;
    stage.bank().repeat_everything();
    stage.sweep().await;
    stage.run().await;
    assert_eq!((suspense(&stage), open_strays(&stage)), (80, vec![instruction.clone()]), "it is open again");
    let wallet = stage.lasting.wallet;
    stage.done(close(&instruction, StrayEnd::Explained { account: wallet }, &people)).await;
    assert_eq!((suspense(&stage), stage.in_wallet()), (0, 80));
    stage.end().await;
}

// conformance: rails 50
#[tokio::test]
async fn a_return_nobody_knows_of_waits_for_its_debit() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.bank().next(Manner::Keep);
    stage.refund(payment, 300, "first").await;
    stage.run().await;
    let mut stage = stage.rewind(&backup).await;
    stage.sweep().await;
    stage.lasting.clock.advance(Span::days(1));
    stage.payment(10).await;
    let mut stage = stage.restart().await;
    stage.sweep().await;

    // Taken a day before anything that this process compares.
    stage.bank().pay_kept();
    let (instruction, _) = stage.bank().payments().pop().expect("it paid");
    stage.bank().give_back(&instruction, 300, "AC04");
    stage.run().await;
    stage.sweep().await;
    assert_eq!(open_strays(&stage), Vec::<String>::new());
    assert_eq!((stage.stored_payment(payment).counters.refundable(), stage.in_wallet()), (500, 510));
    let again = stage.wish(payment, 300, "first");
    let again = stage.ask(again).await.expect("it is recognised");
    assert_eq!((again.state.code(), stage.bank().call_count()), ("returned", 1));
    stage.end().await;
}

#[tokio::test]
async fn reports_without_a_debit_are_kept_once() {
    let mut stage = Stage::new(0).await;
    let payment = stage.payment(500).await;
    let backup = stage.backup("before");
    stage.bank().next(Manner::RefuseLater("AC04"));
    stage.refund(payment, 300, "first").await;
    stage.worker.step().await;
    assert_eq!((stage.bank().call_count(), stage.bank().report_count()), (1, 1), "it is not heard yet");
    let mut stage = stage.rewind(&backup).await;
    stage.sweep().await;
    stage.run().await;
    let strays = open_strays(&stage);
    assert_eq!((strays.len(), stage.bank().report_count()), (1, 0));
    stage.bank().repeat_everything();
    stage.sweep().await;
    stage.run().await;
    assert_eq!((open_strays(&stage), suspense(&stage)), (strays.clone(), 0));
    let people = stage.people(2).await;
    stage.done(close(&strays[0], StrayEnd::WrittenOff, &people)).await;
    assert_eq!(open_strays(&stage), Vec::<String>::new());
    // Whatever nobody knew, the rail was swept again before more is sent.
    stage.sweep().await;
    let other = stage.payment(50).await;
    stage.settled(other, 50, "other").await;
    stage.end().await;
}
