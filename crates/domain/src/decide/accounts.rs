//! Books and accounts: set-up, and money from outside.

use super::Done;
use crate::command::OpenAccount;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{AccountId, PersonId};
use crate::ledger::{Account, AccountKind, Balance, Book, LedgerFault, Subject, TransferKind};
use crate::money::{AMOUNT_MINOR_MAX, Currency};
use crate::refusal::Refusal;
use std::sync::Arc;

impl From<LedgerFault> for Refusal {
    fn from(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::Sums => Self::AmountTooLarge,
            LedgerFault::Overdrawn => Self::InsufficientFunds { available: 0 },
        }
    }
}

fn account(draft: &Draft<'_>, id: AccountId, kind: AccountKind, currency: Currency) -> Account {
    let context = draft.context();
    Account {
        id,
        merchant: context.merchant,
        kind,
        currency,
        name: Arc::from(kind.code()),
        group: Arc::from(""),
        eligible: false,
        paused_at: None,
        balance: Balance::default(),
        created_at: context.at,
    }
}

pub(super) fn open_book(draft: &mut Draft<'_>, currency: Currency, book: Book) -> Result<Done, Refusal> {
    if draft.book(currency).is_some() {
        return Err(Refusal::AlreadyExists);
    }
    for (id, kind) in book.ids().into_iter().zip(Book::KINDS) {
        let account = account(draft, id, kind, currency);
        draft.put_account(account);
    }
    draft.put_book(currency, book);
    Ok(Done::Unchanged)
}

pub(super) fn open_account(draft: &mut Draft<'_>, open: &OpenAccount) -> Result<Done, Refusal> {
    if draft.account(open.id).is_some() {
        return Err(Refusal::AlreadyExists);
    }
    let mut opened = account(draft, open.id, open.kind, open.currency);
    opened.name = Arc::clone(&open.name);
    opened.group = Arc::clone(&open.group);
    opened.eligible = open.eligible;
    draft.put_account(opened);
    Ok(Done::Account(open.id))
}

/// Moves money between `opening` and a held account until this much is available.
pub(super) fn set_balance(draft: &mut Draft<'_>, id: AccountId, available: u64) -> Result<Done, Refusal> {
    let account = draft.account(id).filter(|account| account.kind == AccountKind::Held);
    let account = account.ok_or(Refusal::AccountUnknown)?;
    let book = draft.book(account.currency).ok_or(Refusal::AccountUnknown)?;
    if available > AMOUNT_MINOR_MAX {
        return Err(Refusal::AmountTooLarge);
    }
    let now = account.balance.available();
    if available >= now {
        let amount = available.saturating_sub(now);
        draft.loose_event(EventKind::AccountFunded { account: id, amount });
        draft.transfer(book.opening, id, amount, TransferKind::Posted, Subject::Account(id))?;
    } else {
        let amount = now.saturating_sub(available);
        draft.loose_event(EventKind::AccountDrained { account: id, amount });
        draft.transfer(id, book.opening, amount, TransferKind::Posted, Subject::Account(id))?;
    }
    Ok(Done::Account(id))
}

/// Nothing more is sent from this account until a person says so (rails M22).
pub(super) fn pause(draft: &mut Draft<'_>, id: AccountId) -> Result<(), Refusal> {
    let mut account = draft.account(id).ok_or(Refusal::AccountUnknown)?;
    if account.paused_at.is_none() {
        account.paused_at = Some(draft.context().at);
        draft.put_account(account);
        draft.loose_event(EventKind::AccountPaused { account: id });
    }
    Ok(())
}

/// A person found out why bank and ledger differ. The refunds that were
/// stopped are let go one by one.
pub(super) fn resume(draft: &mut Draft<'_>, id: AccountId, by: PersonId) -> Result<Done, Refusal> {
    let mut account = draft.account(id).ok_or(Refusal::AccountUnknown)?;
    if !draft.may_approve(by) {
        return Err(Refusal::NotEligible);
    }
    if account.paused_at.take().is_none() {
        return Ok(Done::Unchanged);
    }
    draft.put_account(account);
    draft.loose_event(EventKind::AccountResumed { account: id });
    Ok(Done::Account(id))
}
