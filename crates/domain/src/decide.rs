//! The one way in: a command, the facts, the circumstances; out come changes
//! or a refusal. Total over (state, command), without wildcard arms.

mod accounts;
mod adopt;
mod approvals;
mod flow;
mod funds;
mod gates;
mod mandates;
mod order;
mod payments;
mod payouts;
mod people;
mod reports;
mod request;
mod send;
mod strays;
mod tick;

#[cfg(test)]
mod tests;

pub use flow::state_of_attempts;
pub use payouts::wake_payout_at;
pub use tick::wake_at;

use crate::command::Command;
use crate::facts::{Context, Draft, Facts};
use crate::id::{AccountId, MandateId, PaymentId, PayoutId, RefundId};
use crate::instruction::Instruction;
use crate::refusal::Refusal;

/// What a command led to; the objects stand in the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A refund was made or changed.
    Refund(RefundId),
    /// A payout was made or changed.
    Payout(PayoutId),
    /// A payment was made, found or changed.
    Payment(PaymentId),
    /// An account was made or changed.
    Account(AccountId),
    /// A mandate was made or changed.
    Mandate(MandateId),
    /// A send was begun; the call must be made now.
    Send(Box<Instruction>),
    /// Nothing had to change.
    Unchanged,
}

/// Decides a command on the facts. On a refusal the facts are as before.
pub fn decide(facts: &mut Facts, context: Context<'_>, command: &Command) -> Result<Done, Refusal> {
    let mut draft = Draft::new(facts, context);
    let done = dispatch(&mut draft, command)?;
    draft.commit();
    Ok(done)
}

fn dispatch(draft: &mut Draft<'_>, command: &Command) -> Result<Done, Refusal> {
    match command {
        Command::OpenBook { currency, book } => accounts::open_book(draft, *currency, *book),
        Command::OpenAccount(open) => accounts::open_account(draft, open),
        Command::SetBalance { account, available } => accounts::set_balance(draft, *account, *available),
        Command::RecordPayment(record) => payments::record(draft, record),
        Command::AdvancePayment { payment, to, credited, debtor, failure } => {
            payments::advance(draft, *payment, *to, *credited, debtor.as_ref(), *failure)
        }
        Command::AnnotatePayment { payment, before, extension } => {
            payments::annotate(draft, *payment, before, extension)
        }
        Command::TickPayment { payment } => tick::tick_payment(draft, *payment),
        Command::ReversePayment { payment, amount } => payments::reverse(draft, *payment, *amount),
        Command::BlockPayment { payment, code } => payments::block(draft, *payment, *code, true),
        Command::UnblockPayment { payment, code } => payments::block(draft, *payment, *code, false),
        Command::RequestRefund(request) => request::request(draft, request),
        Command::AnnotateRefund { refund, before, extension } => gates::annotate(draft, *refund, before, extension),
        Command::GiveDetails { refund, creditor, source, people } => {
            gates::give_details(draft, *refund, creditor, *source, people)
        }
        Command::ApproveRefund { refund, by, seen, note } => {
            approvals::approve(draft, *refund, *by, (*seen, note.as_ref()))
        }
        Command::RejectRefund { refund, by, seen, note } => {
            approvals::reject(draft, *refund, *by, (*seen, note.as_ref()))
        }
        Command::AuthoriseRefund { refund } => gates::authorise(draft, *refund),
        Command::DeclineAuthorisation { refund } => gates::decline(draft, *refund),
        Command::CancelRefund { refund } => gates::cancel(draft, *refund),
        Command::PlaceBlock { refund, code } => people::place_block(draft, *refund, *code),
        Command::LiftBlock { refund, code } => people::lift_block(draft, *refund, *code),
        Command::CloseCase { refund, code } => people::close_case(draft, *refund, *code),
        Command::RecordExternal { refund, people } => people::record_external(draft, *refund, people),
        Command::RecordAbsent { refund, people } => people::record_absent(draft, *refund, people),
        Command::DecideAbsent { refund, decision, people } => people::decide_absent(draft, *refund, *decision, people),
        Command::BeginSend { refund, epoch, lease_until } => send::begin(draft, *refund, *epoch, *lease_until),
        Command::RecordSubmission { refund, attempt, epoch, outcome } => {
            send::record_submission(draft, *refund, *attempt, *epoch, *outcome)
        }
        Command::RecordInquiry { refund, attempt } => send::record_inquiry(draft, *refund, *attempt),
        Command::Resend { refund, attempt, epoch, lease_until } => {
            send::resend(draft, *refund, *attempt, (*epoch, *lease_until))
        }
        Command::RecordWithdrawalPassed { refund } => send::record_withdrawal_passed(draft, *refund),
        Command::RecordReport { instruction_id, evidence, report } => {
            reports::record(draft, instruction_id, *evidence, *report)
        }
        Command::Tick { refund } => tick::tick(draft, *refund),
        Command::Postpone { order, rest } => tick::postpone(draft, *order, *rest),
        Command::EndTime { refund } => tick::end_time(draft, *refund),
        Command::RecordStray { instruction_id, evidence, report } => {
            strays::record(draft, instruction_id, *evidence, *report)
        }
        Command::CloseStray { instruction_id, end, people } => strays::close(draft, instruction_id, *end, people),
        Command::ResumeAccount { account, by } => accounts::resume(draft, *account, *by),
        Command::AdoptDebit { id, payment, debit } => adopt::adopt(draft, *id, *payment, debit),
        Command::CreateMandate(create) => mandates::create(draft, create),
        Command::MoveMandate { mandate, to } => mandates::enter(draft, *mandate, *to),
        Command::TickMandate { mandate } => mandates::tick(draft, *mandate),
        Command::RequestPayout(request) => payouts::request(draft, request),
        Command::StepPayout { payout, step } => payouts::step(draft, *payout, *step),
    }
}
