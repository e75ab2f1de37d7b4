//! Payouts: what each step does in each state, and the stories of one.

use super::shop::{FLOAT, MERCHANT, Shop, party};
use crate::attempt::AttemptState;
use crate::command::{Command, PayoutStep, RequestPayout};
use crate::deadline::Pace;
use crate::decide::{Done, wake_payout_at};
use crate::event::EventKind;
use crate::id::{AccountId, PayoutId};
use crate::instruction::{DebtorAccount, EvidenceId, Instruction, Order, Report, Submission};
use crate::ledger::{AccountKind, Subject, TransferKind};
use crate::money::{AMOUNT_MINOR_MAX, Amount, Currency};
use crate::payment::Origin;
use crate::payout::{Payout, PayoutState};
use crate::reason::{BankCode, FailureKind};
use crate::reference::Tag;
use crate::refund::{CaseCode, ClientReference, Reservation};
use crate::refusal::Refusal;
use crate::rules::Environment;
use crate::time::Span;
use std::sync::Arc;

const MINE: PayoutId = PayoutId(50_001);

fn ask(id: PayoutId, minor: u64) -> RequestPayout {
    RequestPayout {
        id,
        account: FLOAT,
        amount: Amount::new(minor, Currency::AUD),
        creditor: party(),
        origin: Origin::new("native", ""),
        reference: ClientReference { tag: Tag::Key, value: format!("payout {}", id.0).into() },
        pace: Pace::default(),
        remittance: Some("wages".into()),
        extension: Arc::from([1, 2]),
    }
}

struct Desk {
    shop: Shop,
    evidence: u8,
}

impl Desk {
    /// A float of 10 000 and a payout of 400.
    fn new() -> Self {
        let mut desk = Self { shop: Shop::new(Environment::Sandbox), evidence: 0 };
        desk.request(ask(MINE, 400)).unwrap();
        desk
    }

    fn request(&mut self, request: RequestPayout) -> Result<Done, Refusal> {
        self.shop.try_do(&Command::RequestPayout(Box::new(request)))
    }

    fn step(&mut self, step: PayoutStep) -> Result<Done, Refusal> {
        self.shop.try_do(&Command::StepPayout { payout: MINE, step })
    }

    fn begin(&mut self) -> Result<Done, Refusal> {
        let lease_until = self.shop.at.plus(Span::seconds(30));
        self.step(PayoutStep::BeginSend { epoch: 1, lease_until })
    }

    fn send(&mut self) -> Instruction {
        match self.begin() {
            Ok(Done::Send(instruction)) => *instruction,
            other => panic!("not sent: {other:?}"),
        }
    }

    fn hear(&mut self, report: Report) -> Done {
        self.evidence += 1;
        self.hear_again(report)
    }

    /// The same report under the name of the last one.
    fn hear_again(&mut self, report: Report) -> Done {
        let named = self.shop.facts.instructions.iter().find(|(_, (order, _))| *order == Order::Payout(MINE));
        let instruction_id = named.map_or_else(|| "UNKNOWN".to_owned(), |(id, _)| id.clone());
        let evidence = EvidenceId([self.evidence; 8]);
        let heard = self.shop.try_do(&Command::RecordReport { instruction_id, evidence, report });
        // Nothing went out under that name yet.
        heard.unwrap_or(Done::Unchanged)
    }

    fn payout(&self) -> &Payout {
        &self.shop.facts.payouts[&MINE]
    }

    fn newest(&self) -> AttemptState {
        self.payout().newest_attempt().unwrap().state
    }

    /// A payout in the state of this name.
    fn in_state(state: &str) -> Self {
        let mut desk = Self::new();
        if state == "ready" {
            return desk;
        }
        desk.send();
        match state {
            "settled" => desk.hear(executed()),
            "failed" => desk.hear(Report::Rejected { code: BankCode::parse("AC04") }),
            "returned" => {
                desk.hear(executed());
                desk.hear(Report::Returned { amount_back: 390, code: BankCode::parse("AC06") })
            }
            _ => Done::Unchanged,
        };
        assert_eq!(desk.payout().state.code(), state);
        desk
    }

    /// Sums of an account: pending debits, posted balance.
    fn sums(&self, kind: AccountKind) -> (u64, i128) {
        let mut found = self.shop.facts.accounts.values().filter(|account| account.kind == kind);
        let balance = found.next().unwrap().balance;
        (balance.credits_pending, balance.credit_posted())
    }

    /// The states that its events tell, and that they are one unbroken chain.
    fn told(&self) -> Vec<&'static str> {
        let events: Vec<_> = self.shop.facts.changes.events.iter().filter(|event| event.payout == Some(MINE)).collect();
        let mut previous = [0; 32];
        for (number, event) in (1..).zip(&events) {
            assert_eq!((event.number, event.previous), (number, previous), "events follow each other");
            assert_eq!((event.payment, event.refund), (None, None));
            previous = event.hash;
        }
        let count = u32::try_from(events.len()).unwrap();
        assert_eq!((self.payout().chain, self.payout().event_count), (previous, count));
        let state = |kind: &EventKind| match kind {
            EventKind::PayoutEntered { state } => Some(state.code()),
            _ => None,
        };
        events.iter().filter_map(|event| state(&event.kind)).collect()
    }
}

fn executed() -> Report {
    Report::Executed { amount: 400, charges: 0 }
}

#[test]
fn every_step_in_every_state() {
    let answered = |outcome| PayoutStep::RecordSubmission { attempt: 1, epoch: 1, outcome };
    let again = |at| PayoutStep::Resend { attempt: 1, epoch: 2, lease_until: at };
    let states = ["ready", "submitted", "settled", "failed", "returned"];
    type Act = fn(&mut Desk);
    let steps: [(&str, Act); 11] = [
        ("begin", |desk| drop(desk.begin())),
        ("tick after a day", |desk| {
            desk.shop.pass(Span::days(1));
            desk.step(PayoutStep::Tick).unwrap();
        }),
        ("close no case", |desk| {
            let refused = desk.step(PayoutStep::CloseCase { code: CaseCode::Overdue });
            assert_eq!(refused, Err(Refusal::CaseUnknown));
        }),
        ("inquiry", |desk| drop(desk.step(PayoutStep::RecordInquiry { attempt: 1 }))),
        ("taken", |desk| {
            let step = PayoutStep::RecordTaken { amount: 400, at: desk.shop.at };
            desk.step(step).unwrap();
        }),
        ("accepted", |desk| drop(desk.hear(Report::Accepted))),
        ("executed", |desk| drop(desk.hear(executed()))),
        ("executed short", |desk| drop(desk.hear(Report::Executed { amount: 399, charges: 0 }))),
        ("rejected", |desk| drop(desk.hear(Report::Rejected { code: None }))),
        ("returned", |desk| drop(desk.hear(Report::Returned { amount_back: 400, code: None }))),
        ("withdrawn", |desk| drop(desk.hear(Report::Withdrawn))),
    ];
    let mut table = String::new();
    for (name, act) in steps {
        table.push_str(&format!("{name}:"));
        for state in states {
            let mut desk = Desk::in_state(state);
            act(&mut desk);
            let cases: Vec<&str> = desk.payout().cases.iter().map(|case| case.code.code()).collect();
            let cases = if cases.is_empty() { String::new() } else { format!("({})", cases.join(" ")) };
            table.push_str(&format!(" {}{cases}", desk.payout().state.code()));
            desk.told();
        }
        table.push('\n');
    }
    // An attempt that nobody made answers nothing.
    let mut unsent = Desk::new();
    assert_eq!(unsent.step(answered(Submission::Accepted)), Err(Refusal::PayoutUnknown));
    assert_eq!(unsent.step(again(unsent.shop.at)), Ok(Done::Unchanged));
    assert_eq!(
        table,
        "begin: submitted submitted settled failed returned\n\
         tick after a day: ready submitted settled failed returned\n\
         close no case: ready submitted settled failed returned\n\
         inquiry: ready submitted settled failed returned\n\
         taken: settled submitted settled failed returned\n\
         accepted: ready submitted settled failed returned\n\
         executed: ready settled settled failed(conflict) returned\n\
         executed short: ready submitted(difference) settled failed(conflict) returned\n\
         rejected: ready failed settled(conflict) failed returned(conflict)\n\
         returned: ready returned returned failed returned(returned)\n\
         withdrawn: ready failed settled(conflict) failed returned(conflict)\n"
    );
}

#[test]
fn a_payout_is_checked_before_it_is_made() {
    let other = |change: fn(&mut RequestPayout)| {
        let mut request = ask(PayoutId(2), 400);
        change(&mut request);
        request
    };
    let mut desk = Desk::new();
    let table = [
        (ask(MINE, 400), Refusal::AlreadyExists),
        (other(|request| request.reference.value = format!("payout {}", MINE.0).into()), Refusal::DuplicateReference),
        (other(|request| request.account = AccountId(99)), Refusal::AccountUnknown),
        (other(|request| request.account = AccountId(10)), Refusal::AccountUnknown),
        (other(|request| request.amount.minor = 0), Refusal::AmountNotPositive),
        (other(|request| request.amount.minor = AMOUNT_MINOR_MAX + 1), Refusal::AmountTooLarge),
        (other(|request| request.amount.currency = Currency::GBP), Refusal::FundingCurrency),
    ];
    for (request, refusal) in table {
        assert_eq!(desk.request(request), Err(refusal));
    }
    desk.shop.facts.accounts.get_mut(&FLOAT).unwrap().group = "till".into();
    let mut foreign = ask(PayoutId(2), 400);
    foreign.origin.group = "office".into();
    assert_eq!(desk.request(foreign), Err(Refusal::AccountUnknown), "another group's account");
    desk.shop.facts.accounts.get_mut(&FLOAT).unwrap().eligible = false;
    assert_eq!(desk.request(ask(PayoutId(2), 400)), Err(Refusal::AccountNotEligible));
    assert_eq!(desk.shop.facts.payouts.len(), 1, "nothing was made");
}

#[test]
fn money_is_set_aside_with_the_intent_and_leaves_when_paid() {
    let mut desk = Desk::new();
    assert_eq!(desk.shop.available(), 10_000, "nothing is set aside for what waits");
    assert_eq!(wake_payout_at(desk.payout()), Some(desk.shop.at));
    let instruction = desk.send();
    assert_eq!((instruction.order, instruction.payment, instruction.attempt), (Order::Payout(MINE), None, 1));
    assert_eq!((instruction.amount.minor, instruction.debtor), (400, DebtorAccount::Held(FLOAT)));
    assert_eq!(instruction.creditor, party());
    assert_eq!(instruction.remittance.as_deref(), Some("wages"));
    assert_eq!((desk.shop.available(), desk.sums(AccountKind::PayoutClearing)), (9_600, (400, 0)));
    assert_eq!(desk.begin(), Ok(Done::Unchanged), "it is sent once");
    assert_eq!(desk.hear(Report::Accepted), Done::Payout(MINE));
    desk.hear(executed());
    assert_eq!((desk.shop.available(), desk.sums(AccountKind::PayoutClearing)), (9_600, (0, 400)));
    assert_eq!(desk.payout().reservation, Reservation::Posted);
    assert_eq!(desk.payout().settled_at, Some(desk.shop.at));
    assert_eq!(wake_payout_at(desk.payout()), None);
    assert_eq!(desk.told(), ["ready", "submitted", "settled"]);
    let about = |transfer: &&crate::ledger::Transfer| transfer.subject == Subject::Payout(MINE);
    let kinds: Vec<_> = desk.shop.facts.changes.transfers.iter().filter(about).map(|leg| leg.kind).collect();
    assert_eq!(kinds, [TransferKind::Pending, TransferKind::Post]);
    let first = desk.payout().at_creation();
    assert_eq!((first.state, first.event_count, first.attempts.len()), (PayoutState::Ready, 1, 0));
}

#[test]
fn what_lacks_at_the_send_ends_it() {
    let mut desk = Desk::new();
    desk.shop.ok(Command::SetBalance { account: FLOAT, available: 399 });
    assert_eq!(desk.begin(), Ok(Done::Payout(MINE)));
    let PayoutState::Failed { failure } = desk.payout().state else { panic!("{:?}", desk.payout().state) };
    assert_eq!((failure.kind, failure.bank_code), (FailureKind::InsufficientFunds, None));
    assert_eq!((desk.shop.available(), desk.payout().reservation), (399, Reservation::None));
    assert!(desk.shop.facts.instructions.is_empty(), "nothing went out");
    assert_eq!(desk.payout().ended_at, Some(desk.shop.at));
    assert_eq!(desk.told(), ["ready", "failed"]);
}

#[test]
fn a_refusal_gives_the_money_back_and_a_return_brings_it_back() {
    let desk = Desk::in_state("failed");
    assert_eq!((desk.shop.available(), desk.payout().reservation), (10_000, Reservation::Voided));
    let mut desk = Desk::in_state("returned");
    let state = desk.payout().state;
    assert_eq!(state, PayoutState::Returned { code: BankCode::parse("AC06"), amount_back: 390, charges: 10 });
    assert_eq!(desk.shop.available(), 10_000, "the operator bears the charges");
    assert_eq!(desk.sums(AccountKind::BankCharges), (0, -10));
    let returned = Report::Returned { amount_back: 390, code: BankCode::parse("AC06") };
    assert_eq!(desk.hear_again(returned), Done::Unchanged, "the same piece of evidence says nothing new");
    assert_eq!(desk.shop.available(), 10_000);
    desk.hear(returned);
    assert_eq!(desk.shop.available(), 10_000, "a second return is unexplained");
    assert_eq!(desk.sums(AccountKind::Suspense), (0, 390));
    assert_eq!(desk.told(), ["ready", "submitted", "settled", "returned"]);
}

#[test]
fn a_return_may_be_the_first_thing_heard() {
    let mut desk = Desk::new();
    desk.send();
    desk.hear(Report::Returned { amount_back: 400, code: None });
    assert_eq!(desk.told(), ["ready", "submitted", "settled", "returned"]);
    assert_eq!(desk.shop.available(), 10_000);
}

#[test]
fn silence_is_doubted_asked_about_and_shown_to_people() {
    let mut desk = Desk::new();
    desk.send();
    desk.shop.pass(Span::seconds(29));
    assert_eq!(desk.step(PayoutStep::Tick), Ok(Done::Unchanged), "the lease is good");
    desk.shop.pass(Span::seconds(1));
    desk.step(PayoutStep::Tick).unwrap();
    let AttemptState::Unknown { inquire_at, .. } = desk.newest() else { panic!("{:?}", desk.newest()) };
    assert_eq!(wake_payout_at(desk.payout()), Some(inquire_at));
    for wait in [5, 5, 10, 20, 40] {
        desk.shop.pass(Span::seconds(wait));
        desk.step(PayoutStep::RecordInquiry { attempt: 1 }).unwrap();
    }
    let AttemptState::Unknown { inquiries, .. } = desk.newest() else { panic!("{:?}", desk.newest()) };
    assert_eq!((inquiries, desk.payout().state.code(), desk.shop.available()), (5, "submitted", 9_600));
    desk.shop.pass(Span::seconds(900));
    desk.step(PayoutStep::Tick).unwrap();
    assert!(desk.payout().has_open_case(CaseCode::UnknownOutcome));
    let lease_until = desk.shop.at.plus(Span::seconds(30));
    let again = PayoutStep::Resend { attempt: 1, epoch: 2, lease_until };
    let Ok(Done::Send(repeated)) = desk.step(again) else { panic!("the rail knows repeated ids") };
    assert_eq!((repeated.attempt, repeated.epoch, desk.payout().attempts.len()), (1, 2, 1));
    let late = PayoutStep::RecordSubmission { attempt: 1, epoch: 1, outcome: Submission::Accepted };
    assert_eq!(desk.step(late), Ok(Done::Unchanged), "a stale claim's answer");
    desk.hear(executed());
    desk.step(PayoutStep::CloseCase { code: CaseCode::UnknownOutcome }).unwrap();
    assert_eq!((desk.payout().state.code(), desk.shop.available()), ("settled", 9_600));
}

#[test]
fn a_bank_that_saw_it_before_does_not_fail_it() {
    let mut desk = Desk::new();
    desk.send();
    let code = BankCode::parse("DUPL");
    desk.step(PayoutStep::RecordSubmission { attempt: 1, epoch: 1, outcome: Submission::Rejected { code } }).unwrap();
    assert!(matches!(desk.newest(), AttemptState::Unknown { .. }));
    assert!(desk.payout().has_open_case(CaseCode::Duplicate));
}

#[test]
fn a_debit_of_a_forgotten_send_settles_it() {
    let mut sent = Desk::new();
    let known = sent.send().ids;
    let mut desk = Desk::new();
    desk.shop.ok(Command::SetBalance { account: FLOAT, available: 300 });
    let at = desk.shop.at;
    desk.step(PayoutStep::RecordTaken { amount: 400, at }).unwrap();
    assert_eq!(desk.told(), ["ready", "submitted", "settled"]);
    assert!(desk.shop.facts.instructions.contains_key(&known.instruction_id), "the ids are those of the send");
    assert_eq!(desk.shop.available(), 0, "what lacked is owed by the merchant");
    assert_eq!(desk.sums(AccountKind::DueFromMerchant), (0, -100));
    assert_eq!(desk.step(PayoutStep::RecordTaken { amount: 400, at }), Ok(Done::Unchanged));
}

#[test]
fn a_debit_that_nobody_explains_holds_it_until_a_person_looked() {
    let mut desk = Desk::new();
    desk.shop.facts.stray_creditors.insert((MERCHANT, party().account.canonical()));
    assert_eq!(desk.begin(), Ok(Done::Payout(MINE)));
    assert!(desk.payout().has_open_case(CaseCode::Unmatched));
    let taken = PayoutStep::RecordTaken { amount: 400, at: desk.shop.at };
    assert_eq!((desk.payout().state.code(), wake_payout_at(desk.payout())), ("ready", None));
    assert_eq!(desk.begin(), Ok(Done::Unchanged));
    assert_eq!(desk.step(taken), Ok(Done::Unchanged), "it may be the one that lies in suspense");
    desk.step(PayoutStep::CloseCase { code: CaseCode::Unmatched }).unwrap();
    assert!(wake_payout_at(desk.payout()).is_some());
    desk.send();
}

#[test]
fn ids_come_from_what_the_client_says_again() {
    let mut first = Desk::new();
    let once = first.send().ids;
    let mut made_again = Desk { shop: Shop::new(Environment::Sandbox), evidence: 0 };
    let mut request = ask(PayoutId(77), 400);
    request.reference = ask(MINE, 400).reference;
    made_again.request(request).unwrap();
    let lease_until = made_again.shop.at;
    let step = PayoutStep::BeginSend { epoch: 1, lease_until };
    let Done::Send(sent) = made_again.shop.ok(Command::StepPayout { payout: PayoutId(77), step }) else {
        panic!("it was not sent")
    };
    assert_eq!(sent.ids, once, "a payout that is made again after a loss goes out under the same ids");
}
