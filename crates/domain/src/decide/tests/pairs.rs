//! The text table of every (state, command) pair: what the command does to a
//! refund in that state. Complete by construction: both lists are walked whole.

use super::shop::{ANNA, BEN, CARA, MANDATE, Shop, party};
use crate::command::{AbsentDecision, Command};
use crate::decide::Done;
use crate::id::{PaymentId, RefundId};
use crate::instruction::{EvidenceId, Order, Report, Submission};
use crate::party::CreditorSource;
use crate::payment::{PaymentBlockCode, PaymentState};
use crate::refund::{BlockCode, CaseCode, Funding};
use crate::rules::Environment;
use crate::time::Span;

const TABLE: &str = include_str!("pairs.txt");

/// A refund in each state of design section 3.
const STATES: [&str; 13] = [
    "awaiting_details",
    "awaiting_settlement",
    "awaiting_approval",
    "awaiting_funds",
    "awaiting_authorisation",
    "ready",
    "submitted",
    "settled",
    "failed",
    "rejected",
    "cancelled",
    "expired",
    "returned",
];

fn report(shop: &mut Shop, refund: RefundId, report: Report) -> Command {
    let known = shop.facts.instructions.iter().find(|(_, (id, _))| *id == Order::Refund(refund));
    let instruction_id = known.map_or_else(|| "UNKNOWN".to_owned(), |(id, _)| id.clone());
    Command::RecordReport { instruction_id, evidence: EvidenceId([9; 8]), report }
}

fn refund_in(shop: &mut Shop, state: &str) -> RefundId {
    let settled = PaymentState::Settled;
    match state {
        "awaiting_details" => {
            let payment = shop.payment(500, settled, None);
            let ask = shop.ask(payment, 100);
            shop.request(ask)
        }
        "awaiting_settlement" => {
            let payment = shop.payment(500, PaymentState::Executed, Some(party()));
            let ask = shop.ask(payment, 100);
            shop.request(ask)
        }
        "awaiting_approval" | "rejected" => {
            let payment = shop.payment(500, settled, Some(party()));
            let mut ask = shop.ask(payment, 100);
            ask.approval = Shop::policy(1);
            let id = shop.request(ask);
            if state == "rejected" {
                shop.ok(Command::RejectRefund { refund: id, by: ANNA, seen: None, note: None });
            }
            id
        }
        "awaiting_funds" => {
            let payment = shop.payment(500, settled, Some(party()));
            shop.ok(Command::SetBalance { account: super::shop::FLOAT, available: 0 });
            let mut ask = shop.ask(payment, 100);
            ask.shortage = crate::refund::Shortage::Wait;
            shop.request(ask)
        }
        "awaiting_authorisation" => {
            let payment = shop.payment(500, settled, Some(party()));
            let mut ask = shop.ask(payment, 100);
            ask.funding = Some(Funding::MerchantAuthorised);
            shop.request(ask)
        }
        _ => {
            let payment = shop.payment(500, settled, Some(party()));
            let ask = shop.ask(payment, 100);
            let id = shop.request(ask);
            drive(shop, id, state);
            id
        }
    }
}

fn drive(shop: &mut Shop, id: RefundId, state: &str) {
    match state {
        "ready" => {}
        "cancelled" => {
            shop.ok(Command::CancelRefund { refund: id });
        }
        "expired" => {
            shop.pass(Span::days(31));
            shop.ok(Command::Tick { refund: id });
        }
        _ => {
            shop.send(id);
            let said = match state {
                "settled" | "returned" => Some(Report::Executed { amount: 100, charges: 0 }),
                "failed" => Some(Report::Rejected { code: None }),
                _ => None,
            };
            if let Some(said) = said {
                let command = report(shop, id, said);
                shop.ok(command);
            }
            if state == "returned" {
                let mut command = report(shop, id, Report::Returned { amount_back: 100, code: None });
                if let Command::RecordReport { evidence, .. } = &mut command {
                    *evidence = EvidenceId([8; 8]);
                }
                shop.ok(command);
            }
        }
    }
}

/// Every command about a payment, by name.
fn payment_commands(payment: PaymentId) -> Vec<(&'static str, Command)> {
    vec![
        (
            "payment settles",
            Command::AdvancePayment { payment, to: PaymentState::Settled, credited: None, debtor: None, failure: None },
        ),
        (
            "payment fails",
            Command::AdvancePayment { payment, to: PaymentState::Failed, credited: None, debtor: None, failure: None },
        ),
        ("payment reversed", Command::ReversePayment { payment, amount: None }),
        ("payment's time is up", Command::TickPayment { payment }),
        ("payment annotated", Command::AnnotatePayment { payment, before: [].into(), extension: [7].into() }),
        ("payment blocked", Command::BlockPayment { payment, code: PaymentBlockCode::Dispute }),
    ]
}

/// Every command that can touch a refund, by name.
fn commands(shop: &mut Shop, id: RefundId) -> Vec<(&'static str, Command)> {
    let payment = shop.refund(id).payment;
    let people = vec![ANNA, BEN];
    let ask = shop.ask(payment, 10);
    let source = CreditorSource::CustomerSupplied;
    let outcome = |outcome| Command::RecordSubmission { refund: id, attempt: 1, epoch: 1, outcome };
    let mut list = vec![
        ("request another", Command::RequestRefund(Box::new(ask))),
        ("annotated", Command::AnnotateRefund { refund: id, before: [].into(), extension: [7].into() }),
        ("give details", Command::GiveDetails { refund: id, creditor: party(), source, people: Vec::new() }),
        (
            "override creditor",
            Command::GiveDetails {
                refund: id,
                creditor: party(),
                source: CreditorSource::OperatorOverride,
                people: people.clone(),
            },
        ),
        ("approve", Command::ApproveRefund { refund: id, by: CARA, seen: None, note: None }),
        ("reject", Command::RejectRefund { refund: id, by: CARA, seen: None, note: None }),
        ("authorise", Command::AuthoriseRefund { refund: id }),
        ("decline", Command::DeclineAuthorisation { refund: id }),
        ("cancel", Command::CancelRefund { refund: id }),
        ("place block", Command::PlaceBlock { refund: id, code: BlockCode::Operator }),
        ("lift block", Command::LiftBlock { refund: id, code: BlockCode::Operator }),
        ("close case", Command::CloseCase { refund: id, code: CaseCode::Overdue }),
        ("record external", Command::RecordExternal { refund: id, people: people.clone() }),
        ("record absent", Command::RecordAbsent { refund: id, people: people.clone() }),
        ("decide absent", Command::DecideAbsent { refund: id, decision: AbsentDecision::Fail, people }),
        ("begin send", shop.begin(id)),
        ("submission accepted", outcome(Submission::Accepted)),
        ("submission rejected", outcome(Submission::Rejected { code: None })),
        ("submission unknown", outcome(Submission::Unknown)),
        ("inquiry without result", Command::RecordInquiry { refund: id, attempt: 1 }),
        ("resend", Command::Resend { refund: id, attempt: 1, epoch: 2, lease_until: shop.at.plus(Span::seconds(30)) }),
        ("withdrawal passed on", Command::RecordWithdrawalPassed { refund: id }),
        ("tick", Command::Tick { refund: id }),
        ("time is up", Command::EndTime { refund: id }),
        ("postponed", Command::Postpone { order: Order::Refund(id), rest: Span::seconds(9) }),
    ];
    list.extend(payment_commands(payment));
    let suspended = crate::mandate::MandateState::Suspended { by_merchant: true };
    list.push(("mandate suspended", Command::MoveMandate { mandate: MANDATE, to: suspended }));
    for (name, said) in [
        ("report accepted", Report::Accepted),
        ("report screening", Report::Screening),
        ("report executed", Report::Executed { amount: 100, charges: 0 }),
        ("report executed, other amount", Report::Executed { amount: 99, charges: 0 }),
        ("report rejected", Report::Rejected { code: None }),
        ("report returned", Report::Returned { amount_back: 100, code: None }),
        ("report returned short", Report::Returned { amount_back: 95, code: None }),
        ("report withdrawn", Report::Withdrawn),
        ("report lapsed", Report::Lapsed),
    ] {
        list.push((name, report(shop, id, said)));
    }
    list
}

fn table() -> String {
    let mut text = String::new();
    for state in STATES {
        let count = {
            let mut shop = Shop::new(Environment::Sandbox);
            let id = refund_in(&mut shop, state);
            assert_eq!(shop.state(id), state);
            commands(&mut shop, id).len()
        };
        for place in 0..count {
            let mut shop = Shop::new(Environment::Sandbox);
            let id = refund_in(&mut shop, state);
            let (name, command) = commands(&mut shop, id).remove(place);
            let before = shop.refund(id).clone();
            let outcome = match shop.try_do(&command) {
                Err(refusal) => {
                    assert_eq!(&before, shop.refund(id), "a refusal changes nothing");
                    format!("refused: {}", refusal.code())
                }
                Ok(Done::Unchanged) => "unchanged".to_owned(),
                Ok(_) => {
                    let after = shop.refund(id);
                    let cases: Vec<_> = after.cases.iter().map(|case| case.code.code()).collect();
                    let cases = if cases.is_empty() { String::new() } else { format!(", case {}", cases.join(" ")) };
                    format!("{}{cases}", after.state.code())
                }
            };
            text.push_str(&format!("{state:<24}{name:<32}{outcome}\n"));
        }
    }
    text
}

#[test]
fn every_pair_does_what_the_table_says() {
    let table = table();
    if std::env::var_os("REFUNDRY_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/decide/tests/pairs.txt"), &table).unwrap();
        return;
    }
    for (line, (is, should)) in table.lines().zip(TABLE.lines()).enumerate() {
        assert_eq!(is, should, "line {} of pairs.txt", line + 1);
    }
    assert_eq!(table.lines().count(), TABLE.lines().count());
}
