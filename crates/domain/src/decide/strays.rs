//! What belongs to nothing we know: into suspense, what came back of it out
//! again, and the word of two people about the rest (rails M21).

use super::{Done, people};
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{AccountId, PersonId};
use crate::instruction::{Debit, EvidenceId, Report};
use crate::ledger::{AccountKind, Subject, TransferKind};
use crate::refusal::Refusal;
use crate::stray::{Stray, StrayClosed, StrayEnd};
use std::sync::Arc;

/// Nobody knows what a debit paid for: suspense, and its payee's refunds wait.
pub(super) fn of_debit(draft: &mut Draft<'_>, debit: &Debit) -> Result<Done, Refusal> {
    let minor = debit.amount.minor;
    let mut stray = match draft.stray(&debit.instruction_id) {
        // Seen by an earlier sweep.
        Some(known) if known.amount.is_some() => return Ok(Done::Unchanged),
        // Its reports came first.
        Some(known) => known,
        None => blank(draft, &debit.instruction_id),
    };
    stray.amount = Some(debit.amount);
    stray.creditor = Some(debit.creditor.account.canonical());
    stray.closed = None;
    let book = draft.book(debit.amount.currency);
    let instruction = Arc::from(debit.instruction_id.as_str());
    draft.loose_event(EventKind::StrayFound { instruction, amount: minor });
    if let Some(book) = book {
        let subject = Subject::Account(book.suspense);
        draft.transfer(book.suspense, book.refund_clearing, minor, TransferKind::Posted, subject)?;
        stray.in_suspense = i64::try_from(minor).map_err(|_| Refusal::AmountTooLarge)?;
    }
    draft.put_stray(stray);
    Ok(Done::Unchanged)
}

fn blank(draft: &Draft<'_>, instruction_id: &str) -> Stray {
    let context = draft.context();
    Stray {
        merchant: context.merchant,
        instruction_id: instruction_id.to_owned(),
        amount: None,
        creditor: None,
        at: context.at,
        in_suspense: 0,
        evidence: Vec::new(),
        closed: None,
    }
}

/// A report that nothing explains; money that came back leaves suspense.
pub(super) fn record(
    draft: &mut Draft<'_>,
    instruction_id: &str,
    evidence: EvidenceId,
    report: Report,
) -> Result<Done, Refusal> {
    let mut stray = match draft.stray(instruction_id) {
        Some(known) if known.evidence.contains(&evidence) => return Ok(Done::Unchanged),
        Some(known) => known,
        None => {
            draft.loose_event(EventKind::StrayFound { instruction: Arc::from(instruction_id), amount: 0 });
            blank(draft, instruction_id)
        }
    };
    stray.evidence.push(evidence);
    match report {
        Report::Returned { amount_back, code: _ } => take_back(draft, &mut stray, amount_back)?,
        Report::Accepted
        | Report::Screening
        | Report::Executed { .. }
        | Report::Rejected { .. }
        | Report::Withdrawn
        | Report::Lapsed => {}
    }
    draft.put_stray(stray);
    Ok(Done::Unchanged)
}

/// What came back makes up for what lies in suspense; one that was closed is
/// open again. Without a debit nobody knows a currency, and a person reads the
/// report.
fn take_back(draft: &mut Draft<'_>, stray: &mut Stray, amount_back: u64) -> Result<(), Refusal> {
    let Some(book) = stray.amount.and_then(|amount| draft.book(amount.currency)) else { return Ok(()) };
    let instruction = Arc::from(stray.instruction_id.as_str());
    draft.loose_event(EventKind::StrayReturned { instruction, amount: amount_back });
    let subject = Subject::Account(book.suspense);
    draft.transfer(book.return_clearing, book.suspense, amount_back, TransferKind::Posted, subject)?;
    let back = i64::try_from(amount_back).map_err(|_| Refusal::AmountTooLarge)?;
    stray.in_suspense = stray.in_suspense.saturating_sub(back);
    stray.closed = None;
    Ok(())
}

/// Two people say what it was; its payee's payments may be refunded again.
pub(super) fn close(
    draft: &mut Draft<'_>,
    instruction_id: &str,
    end: StrayEnd,
    people: &[PersonId],
) -> Result<Done, Refusal> {
    let mut stray = draft.stray(instruction_id).filter(|stray| stray.closed.is_none()).ok_or(Refusal::CaseUnknown)?;
    people::enough(draft, people)?;
    let explained = match end {
        StrayEnd::Explained { .. } => true,
        StrayEnd::WrittenOff => false,
    };
    let instruction = Arc::from(instruction_id);
    draft.loose_event(EventKind::StrayClosed { instruction, explained });
    clear_suspense(draft, &stray, end)?;
    stray.in_suspense = 0;
    stray.closed = Some(StrayClosed { at: draft.context().at, explained });
    draft.put_stray(stray);
    Ok(Done::Unchanged)
}

fn clear_suspense(draft: &mut Draft<'_>, stray: &Stray, end: StrayEnd) -> Result<(), Refusal> {
    let Some(amount) = stray.amount.filter(|_| stray.in_suspense != 0) else { return Ok(()) };
    let book = draft.book(amount.currency).ok_or(Refusal::AccountUnknown)?;
    let (minor, gone) = (stray.in_suspense.unsigned_abs(), stray.in_suspense > 0);
    let subject = Subject::Account(book.suspense);
    let bearer = match end {
        StrayEnd::Explained { account } => {
            let available = held(draft, account, stray)?;
            if gone {
                let paid = minor.min(available);
                let owed = minor.saturating_sub(paid);
                draft.transfer(account, book.suspense, paid, TransferKind::Posted, subject)?;
                draft.transfer(book.due_from_merchant, book.suspense, owed, TransferKind::Posted, subject)?;
                return Ok(());
            }
            account
        }
        StrayEnd::WrittenOff => book.bank_charges,
    };
    let (debit, credit) = if gone { (bearer, book.suspense) } else { (book.suspense, bearer) };
    draft.transfer(debit, credit, minor, TransferKind::Posted, subject)?;
    Ok(())
}

/// What may be spent of a held account in the stray's currency.
fn held(draft: &Draft<'_>, account: AccountId, stray: &Stray) -> Result<u64, Refusal> {
    let found = draft.account(account).filter(|account| account.kind == AccountKind::Held);
    let found = found.ok_or(Refusal::AccountUnknown)?;
    if stray.amount.is_some_and(|amount| amount.currency != found.currency) {
        return Err(Refusal::CurrencyMismatch);
    }
    Ok(found.balance.available())
}
