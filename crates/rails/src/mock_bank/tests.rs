//! Stories of the bank: every lever's course with its times, doubts, restarts
//! and repetitions. A course reads as text: the answer, then each report with
//! the second in which it came.

use super::levers::iso;
use super::outcome::parse_reason;
use super::{
    BankInstruction, BankState, MockBank, Options, Outcome, OutcomeKind, OutcomeRefused, Page, PaidTotal, Target,
    TimeScale, ViolationKind,
};
use refundry_domain::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{DebtorAccount, EvidenceId, Instruction, Order, Report, Submission};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::reason::BankCode;
use refundry_domain::reference::{Scope, instruction_ids};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use refundry_engine::rail::{CancelAnswer, Habit, HabitEnd, HabitText, Inquiry, Rail};
use std::sync::Arc;

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const PAYMENT: PaymentId = PaymentId(7);

struct Fixture {
    folder: tempfile::TempDir,
    bank: Arc<MockBank>,
}

impl Fixture {
    fn new() -> Self {
        Self::scaled(1_000)
    }

    fn scaled(permille: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bank = open(&folder, permille, 1);
        Self { folder, bank }
    }

    /// What is left after the process ended and began again.
    fn restarted(self) -> Self {
        let Self { folder, bank } = self;
        drop(bank);
        let bank = open(&folder, 1_000, 1);
        Self { folder, bank }
    }

    async fn submit(&self, instruction: &Instruction, second: u64) -> Submission {
        self.bank.submit(vec![instruction.clone()], at(second)).await[0]
    }

    async fn query(&self, instruction: &Instruction, second: u64) -> Inquiry {
        self.bank.query(vec![instruction.ids.instruction_id.clone()], at(second)).await[0]
    }

    async fn shown(&self, instruction: &Instruction) -> BankInstruction {
        let page = Page { refund: Some(RefundId(instruction.order.id())), limit: 10, ..Page::default() };
        let shown = self.bank.instructions(page).await.unwrap();
        shown.into_iter().find(|row| row.instruction_id == instruction.ids.instruction_id).unwrap()
    }

    /// Reads and acknowledges every report, moving the clock from one to the
    /// next, beginning at this second.
    async fn drain(&self, second: u64) -> Vec<(u64, Report, EvidenceId)> {
        let mut told = Vec::new();
        let mut now = at(second);
        loop {
            let (due, next) = self.bank.reports(now, 100).await.unwrap();
            self.bank.acknowledge(due.iter().map(|one| one.ticket).collect()).await.unwrap();
            told.extend(due.iter().map(|one| (second_of(now), one.report, one.evidence)));
            match next {
                Some(next) => now = next,
                None => return told,
            }
        }
    }

    async fn course(&self, second: u64) -> String {
        text(&self.drain(second).await)
    }
}

fn open(folder: &tempfile::TempDir, permille: u32, seed: u64) -> Arc<MockBank> {
    let path = folder.path().join("mock_bank.db");
    MockBank::open(Options { path, time_scale: TimeScale { permille }, seed }).unwrap()
}

fn at(second: u64) -> Timestamp {
    START.plus(Span::seconds(second))
}

fn second_of(time: Timestamp) -> u64 {
    u64::try_from(time.0 - START.0).unwrap() / 1_000_000_000
}

/// The numbered refund of an account, 1000 minor units.
fn refund(number: u128, account: &str) -> Instruction {
    attempt(number, 1, account)
}

fn attempt(number: u128, attempt: u8, account: &str) -> Instruction {
    let account = match account.contains('@') {
        true => AccountIdentifier::PayId(account.to_lowercase()),
        false => AccountIdentifier::Bsb { bsb: "111114".into(), number: account.into() },
    };
    let scope = Scope { payment: &PAYMENT.to_string(), merchant: "m", environment: "sandbox", attempt };
    Instruction {
        merchant: MerchantId(3),
        order: Order::Refund(RefundId(number)),
        payment: Some(PAYMENT),
        attempt,
        epoch: 1,
        lease_until: START,
        ids: instruction_ids(&number.to_be_bytes(), scope, sha256),
        amount: Amount::new(1_000, Currency::AUD),
        debtor: DebtorAccount::Held(AccountId(5)),
        creditor: Party { name: Some("Jo Citizen".into()), account },
        remittance: Some("order 12".into()),
        dialect: "native".into(),
    }
}

fn word(report: Report) -> String {
    let code =
        |code: Option<refundry_domain::reason::BankCode>| code.map_or_else(String::new, |code| format!(" {code:?}"));
    match report {
        Report::Accepted => "accepted".into(),
        Report::Screening => "screening".into(),
        Report::Executed { amount, charges } => format!("executed {amount}-{charges}"),
        Report::Rejected { code: why } => format!("rejected{}", code(why)),
        Report::Returned { amount_back, code: why } => format!("returned {amount_back}{}", code(why)),
        Report::Withdrawn => "withdrawn".into(),
        Report::Lapsed => "lapsed".into(),
    }
}

fn text(told: &[(u64, Report, EvidenceId)]) -> String {
    told.iter().map(|(second, report, _)| format!("{second}: {}", word(*report))).collect::<Vec<_>>().join(", ")
}

fn after(kind: OutcomeKind, seconds: u64) -> Outcome {
    Outcome { after: Some(Span::seconds(seconds)), ..Outcome::of(kind) }
}

// conformance: rails 45
// conformance: banked 81
// conformance: banked 82
#[tokio::test]
async fn every_account_lever_has_its_course() {
    let table = [
        ("0505101", "5: executed 1000-0", BankState::Executed),
        ("0505102", "", BankState::Taken),
        ("0505105", "5: rejected AM04", BankState::Rejected),
        ("AAPP101@sandbox.com", "5: executed 1000-0", BankState::Executed),
        ("aapp102@SANDBOX.com", "", BankState::Taken),
        ("0505105@sandbox.com", "5: rejected AM04", BankState::Rejected),
        ("0130105", "30: rejected AM04", BankState::Rejected),
        ("020211", "2: executed 1000-0", BankState::Executed),
        ("992120", "1: executed 1000-0", BankState::Executed),
        ("12345678", "1: executed 1000-0", BankState::Executed),
    ];
    for (account, course, state) in table {
        let fixture = Fixture::new();
        let asked = refund(1, account);
        assert_eq!(fixture.submit(&asked, 0).await, Submission::Accepted, "{account}");
        assert_eq!(fixture.course(0).await, course, "{account}");
        let shown = fixture.shown(&asked).await;
        let paid = u64::from(state == BankState::Executed);
        assert_eq!((shown.state, shown.asked_count, shown.paid_count), (state, 1, paid), "{account}");
    }
}

// conformance: banked 82
#[tokio::test]
async fn the_time_scale_stretches_the_documented_delays_only() {
    for (permille, second) in [(0, 0), (1_000, 5), (2_000, 10)] {
        let fixture = Fixture::scaled(permille);
        fixture.submit(&refund(1, "0505105"), 0).await;
        assert_eq!(fixture.course(0).await, format!("{second}: rejected AM04"), "{permille}");
    }
    let fixture = Fixture::scaled(0);
    fixture.bank.set_outcome(Target::Refund(RefundId(1)), after(OutcomeKind::Late, 60), START).await.unwrap();
    fixture.submit(&refund(1, "0505101"), 0).await;
    assert_eq!(fixture.course(0).await, "60: executed 1000-0");
}

const SCENARIOS: &[(OutcomeKind, &str)] = &[
    (OutcomeKind::Settle, "5: executed 1000-0"),
    (OutcomeKind::Fail, "5: rejected MS03"),
    (OutcomeKind::Return, "5: executed 1000-0, 5: returned 1000 AC04"),
    (OutcomeKind::Hold, "0: screening"),
    (OutcomeKind::Timeout, "125: executed 1000-0"),
    (OutcomeKind::ReportTwice, "0: accepted, 0: accepted, 5: executed 1000-0, 5: executed 1000-0"),
    (OutcomeKind::Late, "3605: executed 1000-0"),
    (OutcomeKind::OutOfOrder, "5: executed 1000-0, 5: accepted"),
    (OutcomeKind::Contradict, "5: executed 1000-0, 5: rejected MS03"),
    // It waited before it was sent.
    (OutcomeKind::Wait, "5: executed 1000-0"),
];

// conformance: rails 45
#[tokio::test]
async fn a_scenario_of_the_refund_or_its_payment_rules_the_course() {
    assert_eq!(SCENARIOS.len(), OutcomeKind::ALL.len());
    for (kind, course) in SCENARIOS {
        for target in [Target::Refund(RefundId(1)), Target::Payment(PAYMENT)] {
            let fixture = Fixture::new();
            fixture.bank.set_outcome(target, Outcome::of(*kind), START).await.unwrap();
            let lost = matches!(kind, OutcomeKind::Timeout);
            let answer = if lost { Submission::Unknown } else { Submission::Accepted };
            assert_eq!(fixture.submit(&refund(1, "0505105"), 0).await, answer, "{kind:?}");
            assert_eq!(fixture.course(0).await, *course, "{kind:?} {target:?}");
        }
    }
}

#[tokio::test]
async fn what_is_to_wait_is_withheld_until_another_outcome_is_set() {
    let fixture = Fixture::new();
    let orders = [(Order::Refund(RefundId(1)), Some(PAYMENT)), (Order::Refund(RefundId(2)), Some(PAYMENT))];
    let payout = (Order::Payout(PayoutId(3)), None);
    let withheld = async || {
        let answers = fixture.bank.withheld(orders.iter().copied().chain([payout]).collect()).await;
        answers.iter().map(|rest| rest.map(|rest| rest > Span::days(3_650))).collect::<Vec<_>>()
    };
    let set = async |target, kind| fixture.bank.set_outcome(target, Outcome::of(kind), START).await.unwrap();
    assert_eq!(withheld().await, [], "nothing ever waited");
    set(Target::Payment(PAYMENT), OutcomeKind::Wait).await;
    set(Target::Payout(PayoutId(3)), OutcomeKind::Wait).await;
    assert_eq!(withheld().await, [Some(true), Some(true), Some(true)]);
    set(Target::Refund(RefundId(1)), OutcomeKind::Settle).await;
    assert_eq!(withheld().await, [None, Some(true), Some(true)], "the refund's own comes first");
    fixture.bank.set_outcome(Target::Payout(PayoutId(3)), after(OutcomeKind::Wait, 60), START).await.unwrap();
    assert_eq!(withheld().await[2], Some(false), "a minute and no more");
    fixture.submit(&refund(1, "0505102"), 0).await;
    let late = fixture.bank.set_outcome(Target::Refund(RefundId(1)), Outcome::of(OutcomeKind::Wait), at(1)).await;
    assert!(matches!(late, Err(OutcomeRefused::Sent)), "the bank has it");
}

#[tokio::test]
async fn what_no_bank_refuses_can_be_asked_for_too() {
    for (word, course) in [("not_executed", "1: rejected NOTEXEC"), ("expired", "1: lapsed")] {
        let fixture = Fixture::new();
        let outcome = Outcome { reason: parse_reason(word), ..Outcome::of(OutcomeKind::Fail) };
        assert!(outcome.reason.is_some());
        fixture.bank.set_outcome(Target::Refund(RefundId(1)), outcome, START).await.unwrap();
        fixture.submit(&refund(1, "12345678"), 0).await;
        assert_eq!(fixture.course(0).await, course);
    }
}

// conformance: rails 45
#[tokio::test]
async fn a_scenario_takes_a_reason_and_a_time() {
    let reason = Some(iso("AC06"));
    let table = [
        (OutcomeKind::Settle, 9, "9: executed 1000-0"),
        (OutcomeKind::Fail, 9, "9: rejected AC06"),
        (OutcomeKind::Return, 9, "1: executed 1000-0, 10: returned 1000 AC06"),
        (OutcomeKind::Timeout, 9, "129: executed 1000-0"),
        (OutcomeKind::Late, 9, "10: executed 1000-0"),
        (OutcomeKind::OutOfOrder, 9, "1: executed 1000-0, 10: accepted"),
        (OutcomeKind::Contradict, 9, "1: executed 1000-0, 10: rejected AC06"),
    ];
    for (kind, seconds, course) in table {
        let fixture = Fixture::new();
        let outcome = Outcome { reason, ..after(kind, seconds) };
        fixture.bank.set_outcome(Target::Refund(RefundId(1)), outcome, START).await.unwrap();
        fixture.submit(&refund(1, "12345678"), 0).await;
        assert_eq!(fixture.course(0).await, course, "{kind:?}");
    }
}

#[tokio::test]
async fn the_refunds_scenario_comes_before_the_payments() {
    let fixture = Fixture::new();
    let set = |target, kind| fixture.bank.set_outcome(target, Outcome::of(kind), START);
    set(Target::Refund(RefundId(1)), OutcomeKind::Fail).await.unwrap();
    set(Target::Payment(PAYMENT), OutcomeKind::Hold).await.unwrap();
    fixture.submit(&refund(1, "12345678"), 0).await;
    assert_eq!(fixture.course(0).await, "1: rejected MS03");
    fixture.submit(&refund(2, "12345678"), 10).await;
    assert_eq!(fixture.course(10).await, "10: screening");
}

#[tokio::test]
async fn an_instruction_under_way_changes_its_course() {
    for (kind, course) in [
        (OutcomeKind::Settle, "20: executed 1000-0"),
        (OutcomeKind::Fail, "20: rejected MS03"),
        (OutcomeKind::Return, "20: executed 1000-0, 20: returned 1000 AC04"),
        (OutcomeKind::Timeout, "140: executed 1000-0"),
        (OutcomeKind::ReportTwice, "20: accepted, 20: accepted, 20: executed 1000-0, 20: executed 1000-0"),
        (OutcomeKind::Contradict, "20: executed 1000-0, 20: rejected MS03"),
    ] {
        let fixture = Fixture::new();
        fixture.submit(&refund(1, "0505102"), 0).await;
        assert_eq!(fixture.course(0).await, "");
        fixture.bank.set_outcome(Target::Refund(RefundId(1)), Outcome::of(kind), at(20)).await.unwrap();
        assert_eq!(fixture.course(20).await, course, "{kind:?}");
    }
}

#[tokio::test]
async fn after_the_execution_only_three_outcomes_apply() {
    let still = [OutcomeKind::Return, OutcomeKind::ReportTwice, OutcomeKind::Contradict];
    for kind in OutcomeKind::ALL {
        let fixture = Fixture::new();
        fixture.submit(&refund(1, "12345678"), 0).await;
        // Nobody read the report yet: the outcome itself must see that it is due.
        let answer = fixture.bank.set_outcome(Target::Refund(RefundId(1)), Outcome::of(*kind), at(9)).await;
        assert_eq!(answer.is_ok(), still.contains(kind), "{kind:?}");
        if let Err(refused) = answer {
            assert!(matches!(refused, OutcomeRefused::Executed), "{kind:?}");
            assert_eq!(fixture.course(9).await, "9: executed 1000-0", "{kind:?}");
        }
        assert_eq!(fixture.shown(&refund(1, "12345678")).await.paid_count, 1);
    }
}

#[tokio::test]
async fn an_executed_one_comes_back_twice_under_two_names() {
    let fixture = Fixture::new();
    fixture.submit(&refund(1, "12345678"), 0).await;
    assert_eq!(fixture.course(0).await, "1: executed 1000-0");
    let target = Target::Refund(RefundId(1));
    fixture.bank.set_outcome(target, after(OutcomeKind::Return, 30), at(10)).await.unwrap();
    assert_eq!(fixture.shown(&refund(1, "12345678")).await.state, BankState::Executed);
    let first = fixture.drain(10).await;
    assert_eq!(text(&first), "40: returned 1000 AC04");
    fixture.bank.set_outcome(target, Outcome::of(OutcomeKind::Return), at(50)).await.unwrap();
    let second = fixture.drain(50).await;
    assert_eq!(text(&second), "50: returned 1000 AC04");
    assert_ne!(first[0].2, second[0].2);
    let paid = fixture.bank.paid_total(PAYMENT).await.unwrap();
    assert_eq!(paid, PaidTotal { count: 1, paid: 1_000, returned: 1_000 });
}

#[tokio::test]
async fn a_refused_one_is_contradicted_but_not_paid() {
    let fixture = Fixture::new();
    fixture.submit(&refund(1, "0505105"), 0).await;
    assert_eq!(fixture.course(0).await, "5: rejected AM04");
    let target = Target::Refund(RefundId(1));
    fixture.bank.set_outcome(target, Outcome::of(OutcomeKind::Contradict), at(10)).await.unwrap();
    assert_eq!(fixture.course(10).await, "10: executed 1000-0");
    assert_eq!(fixture.bank.paid_total(PAYMENT).await.unwrap(), PaidTotal::default());

    // Anything else is for the next attempt.
    fixture.bank.set_outcome(target, Outcome::of(OutcomeKind::Settle), at(20)).await.unwrap();
    assert_eq!(fixture.course(20).await, "");
    fixture.submit(&attempt(1, 2, "0505105"), 30).await;
    assert_eq!(fixture.course(30).await, "35: executed 1000-0");
    assert_eq!(fixture.bank.violations().await.unwrap(), []);
}

#[tokio::test]
async fn doubled_reports_share_their_name_and_contradictions_do_not() {
    let fixture = Fixture::new();
    for (number, kind) in [(1, OutcomeKind::ReportTwice), (2, OutcomeKind::Contradict)] {
        fixture.bank.set_outcome(Target::Refund(RefundId(number)), Outcome::of(kind), START).await.unwrap();
    }
    fixture.submit(&refund(1, "12345678"), 0).await;
    let doubled = fixture.drain(0).await;
    assert_eq!((doubled[0].2, doubled[2].2), (doubled[1].2, doubled[3].2));
    assert_ne!(doubled[0].2, doubled[2].2);
    fixture.submit(&refund(2, "12345678"), 10).await;
    let contradicting = fixture.drain(10).await;
    assert_ne!(contradicting[0].2, contradicting[1].2);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_third_inquiry() {
    let fixture = Fixture::new();
    let asked = refund(1, "12345678");
    fixture.bank.set_outcome(Target::Payment(PAYMENT), Outcome::of(OutcomeKind::Timeout), START).await.unwrap();
    assert_eq!(fixture.submit(&asked, 0).await, Submission::Unknown);
    assert_eq!(fixture.query(&asked, 10).await, Inquiry::NotFound);
    assert_eq!(fixture.submit(&asked, 12).await, Submission::Unknown);
    assert_eq!(fixture.query(&asked, 20).await, Inquiry::NotFound);
    assert_eq!(fixture.submit(&asked, 25).await, Submission::Accepted);
    let Inquiry::Known { evidence, report } = fixture.query(&asked, 30).await else { panic!("known by now") };
    assert_eq!(word(report), "executed 1000-0");
    let told = fixture.drain(30).await;
    assert_eq!((text(&told).as_str(), told[0].2), ("121: executed 1000-0", evidence));
    let shown = fixture.shown(&asked).await;
    assert_eq!((shown.asked_count, shown.paid_count), (3, 1));
}

#[tokio::test]
async fn an_inquiry_tells_what_the_reports_tell() {
    let table = [
        ("0505101", 1, "accepted"),
        ("0505101", 9, "executed 1000-0"),
        ("0505102", 9, "accepted"),
        ("0505105", 9, "rejected AM04"),
    ];
    for (account, second, report) in table {
        let fixture = Fixture::new();
        let asked = refund(1, account);
        fixture.submit(&asked, 0).await;
        let Inquiry::Known { report: known, .. } = fixture.query(&asked, second).await else { panic!("{account}") };
        assert_eq!(word(known), report, "{account} after {second} s");
    }
    let fixture = Fixture::new();
    assert_eq!(fixture.query(&refund(9, "0505101"), 0).await, Inquiry::NotFound);
    fixture.bank.set_outcome(Target::Refund(RefundId(1)), Outcome::of(OutcomeKind::Late), START).await.unwrap();
    let late = refund(1, "12345678");
    fixture.submit(&late, 0).await;
    for (second, report) in [(60, "accepted"), (3_601, "executed 1000-0")] {
        let Inquiry::Known { report: known, .. } = fixture.query(&late, second).await else { panic!("{second}") };
        assert_eq!(word(known), report, "{second}");
    }
}

#[tokio::test]
async fn only_what_is_not_executed_is_withdrawn() {
    let table = [
        ("0505102", 1_000, CancelAnswer::Requested, "1000: withdrawn", 0),
        ("0505101", 4, CancelAnswer::Requested, "4: withdrawn", 0),
        ("0505101", 5, CancelAnswer::Unsupported, "5: executed 1000-0", 1),
        ("0505105", 5, CancelAnswer::Unsupported, "5: rejected AM04", 0),
    ];
    for (account, second, answer, course, paid_count) in table {
        let fixture = Fixture::new();
        let asked = refund(1, account);
        let id = asked.ids.instruction_id.clone();
        fixture.submit(&asked, 0).await;
        assert_eq!(fixture.bank.cancel(id.clone(), at(second)).await, answer, "{account}");
        assert_eq!(fixture.bank.cancel(id, at(second)).await, answer, "{account} again");
        assert_eq!(fixture.course(second).await, course, "{account}");
        assert_eq!(fixture.shown(&asked).await.paid_count, paid_count, "{account}");
    }
    let fixture = Fixture::new();
    assert_eq!(fixture.bank.cancel("NONE".into(), START).await, CancelAnswer::Unsupported);
}

#[tokio::test]
async fn the_same_id_again_is_answered_and_counted_but_not_paid() {
    let fixture = Fixture::new();
    let asked = refund(1, "0505101");
    let answers = fixture.bank.submit(vec![asked.clone(), asked.clone()], at(0)).await;
    assert_eq!(answers, [Submission::Accepted; 2]);
    let first = fixture.drain(0).await;
    assert_eq!(text(&first), "5: executed 1000-0");

    // A store that lost the refund asks again under a new refund id.
    let again = Instruction { order: Order::Refund(RefundId(99)), epoch: 4, lease_until: at(60), ..asked.clone() };
    assert_eq!(fixture.submit(&again, 50).await, Submission::Accepted);
    let second = fixture.drain(50).await;
    assert_eq!(text(&second), "50: executed 1000-0");
    assert_eq!(first[0].2, second[0].2, "the same fact has the same name");
    let shown = fixture.shown(&again).await;
    assert_eq!((shown.asked_count, shown.paid_count, shown.creditor_masked.as_str()), (3, 1, "••01"));
    assert_eq!(fixture.bank.violations().await.unwrap(), []);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_violation() {
    let asked = refund(1, "0505101");
    let mut others = vec![asked.clone(); 6];
    others[0].amount = Amount::new(1_001, Currency::AUD);
    others[1].amount = Amount::new(1_000, Currency::GBP);
    others[2].debtor = DebtorAccount::Mandate(MandateId(5));
    others[3].creditor.name = None;
    others[4].creditor.account = AccountIdentifier::Iban("DE02120300000000202051".into());
    others[5].remittance = None;
    for other in others {
        let fixture = Fixture::new();
        fixture.submit(&asked, 0).await;
        let code = Some(iso("DU05"));
        assert_eq!(fixture.submit(&other, 1).await, Submission::Rejected { code }, "{other:?}");
        let violations = fixture.bank.violations().await.unwrap();
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].kind, ViolationKind::ContentChanged);
        assert_eq!((violations[0].at, &violations[0].instruction_id), (at(1), &asked.ids.instruction_id));
        assert_eq!(fixture.course(1).await, "5: executed 1000-0");
    }
}

#[tokio::test]
async fn a_refund_paid_under_two_ids_is_a_violation() {
    let fixture = Fixture::new();
    fixture.submit(&attempt(1, 1, "12345678"), 0).await;
    fixture.submit(&attempt(1, 2, "12345678"), 1).await;
    fixture.course(0).await;
    let violations = fixture.bank.violations().await.unwrap();
    assert_eq!(violations.iter().map(|one| one.kind).collect::<Vec<_>>(), [ViolationKind::PaidTwice]);
    let paid = fixture.bank.paid_total(PAYMENT).await.unwrap();
    assert_eq!(paid, PaidTotal { count: 2, paid: 2_000, returned: 0 });
}

// conformance: rails 45
#[tokio::test]
async fn the_same_seed_gives_the_same_course() {
    let mut courses = Vec::new();
    for seed in [1, 1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture { bank: open(&folder, 1_000, seed), folder };
        for (number, (kind, _)) in (1..).zip(SCENARIOS) {
            fixture.bank.set_outcome(Target::Refund(RefundId(number)), Outcome::of(*kind), START).await.unwrap();
        }
        let batch = (1..12).map(|number| refund(number, "0505101")).collect();
        fixture.bank.submit(batch, START).await;
        courses.push(fixture.drain(0).await);
    }
    assert_eq!(courses[0], courses[1]);
    assert_eq!(text(&courses[0]), text(&courses[2]));
    assert_ne!(courses[0], courses[2], "another seed names its evidence otherwise");
}

/// Who speaks to the bank in which order, and how late, changes nothing.
#[tokio::test]
async fn the_course_does_not_depend_on_who_asks_first() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let fixture = Fixture::new();
        let asked = refund(1, "0505101");
        fixture.bank.set_outcome(Target::Payment(PAYMENT), after(OutcomeKind::Return, 10), START).await.unwrap();
        fixture.submit(&asked, 0).await;
        for call in order {
            match call {
                0 => assert!(matches!(
                    fixture.query(&asked, 20).await,
                    Inquiry::Known { report: Report::Returned { .. }, .. }
                )),
                1 => {
                    let id = asked.ids.instruction_id.clone();
                    assert_eq!(fixture.bank.cancel(id, at(20)).await, CancelAnswer::Unsupported);
                }
                _ => assert_eq!(fixture.bank.reports(at(20), 10).await.unwrap().0.len(), 2),
            }
        }
        assert_eq!(fixture.course(20).await, "20: executed 1000-0, 20: returned 1000 AC04", "{order:?}");
    }
}

// conformance: rails 45
#[tokio::test]
async fn a_restart_keeps_courses_reports_scenarios_and_the_kill_switch() {
    let fixture = Fixture::new();
    fixture.bank.set_outcome(Target::Refund(RefundId(3)), Outcome::of(OutcomeKind::Fail), START).await.unwrap();
    fixture.submit(&refund(1, "12345678"), 0).await;
    fixture.submit(&refund(2, "0505105"), 0).await;
    let (due, next) = fixture.bank.reports(at(2), 10).await.unwrap();
    assert_eq!((due.len(), next), (1, Some(at(5))));
    fixture.bank.pause(true).await.unwrap();

    let fixture = fixture.restarted();
    assert!(fixture.bank.is_paused());
    fixture.bank.pause(false).await.unwrap();
    assert_eq!(fixture.course(2).await, "2: executed 1000-0, 5: rejected AM04");

    let fixture = fixture.restarted();
    assert!(!fixture.bank.is_paused());
    fixture.submit(&refund(3, "12345678"), 10).await;
    assert_eq!(fixture.course(10).await, "11: rejected MS03");
    assert_eq!(fixture.bank.paid_total(PAYMENT).await.unwrap().paid, 1_000);
}

/// The files as they lie there while the bank is open are what a process that
/// was killed leaves behind.
#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let fixture = Fixture::new();
    fixture.submit(&refund(1, "12345678"), 0).await;
    fixture.bank.reports(at(2), 10).await.unwrap();
    fixture.submit(&refund(2, "12345678"), 2).await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["mock_bank.db", "mock_bank.db-wal"] {
        std::fs::copy(fixture.folder.path().join(name), folder.path().join(name)).unwrap();
    }
    let left = Fixture { bank: open(&folder, 1_000, 1), folder };
    assert_eq!(left.course(2).await, "2: executed 1000-0, 3: executed 1000-0");
    assert_eq!(left.submit(&refund(1, "12345678"), 9).await, Submission::Accepted);
    assert_eq!(left.bank.paid_total(PAYMENT).await.unwrap().paid, 2_000);
}

#[tokio::test]
async fn reports_come_again_until_they_are_acknowledged() {
    let fixture = Fixture::new();
    let batch = (1..=5).map(|number| refund(number, "12345678")).collect();
    fixture.bank.submit(batch, START).await;
    let (first, _) = fixture.bank.reports(at(1), 2).await.unwrap();
    let (again, _) = fixture.bank.reports(at(1), 2).await.unwrap();
    assert_eq!(first, again);
    fixture.bank.acknowledge(vec![first[0].ticket]).await.unwrap();
    let (rest, next) = fixture.bank.reports(at(1), 10).await.unwrap();
    assert_eq!((rest.len(), next), (4, None));
    assert!(rest.iter().all(|one| one.ticket != first[0].ticket));
}

#[tokio::test]
async fn the_sweep_reads_every_debit_once() {
    let fixture = Fixture::new();
    for number in 1..=6 {
        fixture
            .submit(&refund(number, if number == 3 { "0505105" } else { "12345678" }), u64::try_from(number).unwrap())
            .await;
    }
    fixture.bank.set_outcome(Target::Refund(RefundId(4)), Outcome::of(OutcomeKind::Return), at(60)).await.unwrap();
    fixture.course(60).await;
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = fixture.bank.debits_since(at(3), cursor, 2, at(3)).await.unwrap();
        let Some((merchant, last)) = page.last() else {
            break;
        };
        assert_eq!(*merchant, MerchantId(3));
        cursor = Some(last.instruction_id.clone());
        seen.extend(page.into_iter().map(|(_, debit)| debit));
    }
    // The second one was taken before and executed just then; the third refused.
    assert_eq!(seen.iter().map(|debit| second_of(debit.at)).collect::<Vec<_>>(), [2, 4, 5, 6]);
    let asked = refund(4, "12345678");
    let debit = &seen[1];
    assert_eq!((&debit.instruction_id, &debit.end_to_end_id), (&asked.ids.instruction_id, &asked.ids.end_to_end_id));
    assert_eq!((debit.amount, debit.debtor, &debit.creditor), (asked.amount, asked.debtor, &asked.creditor));
}

#[tokio::test]
async fn what_fell_due_while_nobody_asked_is_a_debit() {
    let fixture = Fixture::new();
    let late = refund(1, "0505101");
    fixture.submit(&late, 1).await;
    let id = late.ids.instruction_id.clone();
    assert_eq!(fixture.bank.debits_named(vec![id.clone()]).await.unwrap(), [], "nothing left yet");
    assert_eq!(fixture.bank.debits_since(START, None, 9, at(1)).await.unwrap(), []);
    let swept = fixture.bank.debits_since(START, None, 9, at(600)).await.unwrap();
    assert_eq!(swept.iter().map(|(_, debit)| debit.instruction_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    let named = fixture.bank.debits_named(vec!["UNKNOWN".to_owned(), id]).await.unwrap();
    assert_eq!(named, swept, "an unknown name brings nothing");
}

#[tokio::test]
async fn the_books_are_read_in_pages_and_by_payment() {
    let fixture = Fixture::new();
    let other = Instruction { payment: Some(PaymentId(8)), ..refund(9, "0505101@sandbox.com") };
    let batch = (1..=3).map(|number| refund(number, "12345678")).chain([other]).collect();
    fixture.bank.submit(batch, START).await;
    let read = |page: Page| fixture.bank.instructions(page);
    let first = read(Page { limit: 3, ..Page::default() }).await.unwrap();
    let after = Some(first[2].instruction_id.clone());
    let second = read(Page { limit: 3, after, ..Page::default() }).await.unwrap();
    let refunds: Vec<u128> = first.iter().chain(&second).map(|row| row.order.id()).collect();
    assert_eq!(refunds, [1, 2, 3, 9]);
    assert_eq!(second[0].creditor_masked, "••@sandbox.com");
    let ours = read(Page { payment: Some(PAYMENT), limit: 10, ..Page::default() }).await.unwrap();
    assert_eq!(ours.len(), 3);
    let both = Page { payment: Some(PAYMENT), refund: Some(RefundId(9)), limit: 10, after: None };
    assert_eq!(read(both).await.unwrap(), []);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

// conformance: truelayer 61
#[tokio::test]
async fn a_text_is_a_lever_of_its_dialect() {
    let habit = |remittance: Option<&str>, seconds, end| Habit {
        dialect: "native".into(),
        text: remittance.map_or(HabitText::Any, |text| HabitText::Exactly(text.into())),
        after: Span::seconds(seconds),
        end,
    };
    let habits = vec![
        habit(None, 3, HabitEnd::Execute),
        habit(Some("BACK"), 4, HabitEnd::Return { after: Span::seconds(6) }),
        habit(Some("NO"), 5, HabitEnd::Reject { code: BankCode::parse("ED05").unwrap() }),
    ];
    let table = [
        ("BACK", "12345678", "native", "4: executed 1000-0, 10: returned 1000 AC04"),
        ("NO", "12345678", "native", "5: rejected ED05"),
        ("back", "12345678", "native", "3: executed 1000-0"),
        ("order", "0707105", "native", "7: rejected AM04"),
        ("BACK", "0707105", "native", "4: executed 1000-0, 10: returned 1000 AC04"),
        ("BACK", "12345678", "other", "1: executed 1000-0"),
    ];
    for (remittance, account, dialect, course) in table {
        let fixture = Fixture::new();
        fixture.bank.set_habits(habits.clone());
        let asked = Instruction { remittance: Some(remittance.into()), dialect: dialect.into(), ..refund(1, account) };
        fixture.submit(&asked, 0).await;
        assert_eq!(fixture.course(0).await, course, "{remittance} {account} {dialect}");
    }
    // A scenario comes before every habit.
    let fixture = Fixture::new();
    fixture.bank.set_habits(habits);
    let asked = Instruction { remittance: Some("BACK".into()), ..refund(1, "12345678") };
    let target = Target::Refund(RefundId(asked.order.id()));
    fixture.bank.set_outcome(target, Outcome::of(OutcomeKind::Settle), at(0)).await.unwrap();
    fixture.submit(&asked, 0).await;
    assert_eq!(fixture.course(0).await, "4: executed 1000-0");
}

// conformance: bvnk 58
#[tokio::test]
async fn a_word_at_the_beginning_may_name_a_code() {
    let habit = |word: &str, end| Habit {
        dialect: "native".into(),
        text: HabitText::Beginning(word.into()),
        after: Span::seconds(1),
        end,
    };
    let habits = vec![
        habit("FAILED", HabitEnd::Reject { code: BankCode::parse("MS03").unwrap() }),
        habit("RETURN", HabitEnd::Return { after: Span::seconds(1) }),
        habit("HOLD", HabitEnd::Hold { after: Span::seconds(1) }),
        habit("UNKNOWN", HabitEnd::LoseAnswer),
    ];
    let table = [
        ("FAILED", "1: rejected MS03"),
        ("FAILED-AC04 order 7", "1: rejected AC04"),
        ("FAILED-ac04", "1: rejected MS03"),
        ("FAILED-AC044", "1: rejected MS03"),
        ("FAILED-12", "1: rejected MS03"),
        ("RETURN", "1: executed 1000-0, 2: returned 1000 AC04"),
        ("RETURN-MD07", "1: executed 1000-0, 2: returned 1000 MD07"),
        ("HOLD it", "0: screening, 1: accepted, 2: executed 1000-0"),
        ("failed", "1: executed 1000-0"),
    ];
    for (text, course) in table {
        let fixture = Fixture::new();
        fixture.bank.set_habits(habits.clone());
        let asked = Instruction { remittance: Some(text.into()), ..refund(1, "12345678") };
        fixture.submit(&asked, 0).await;
        assert_eq!(fixture.course(0).await, course, "{text}");
    }
}
