//! Money of a refund: set aside once, then spent or given back once (I-25),
//! and returned at most once.

use crate::facts::Draft;
use crate::fee::FeeOnReturn;
use crate::id::AccountId;
use crate::ledger::{Book, Subject, TransferKind};
use crate::money::Currency;
use crate::refund::{Funding, Refund, Reservation, SettledBy};
use crate::refusal::Refusal;
use crate::rules::ReturnCharges;

/// What the held account lacks for this refund, if it does: the available sum.
pub(super) fn shortage(draft: &Draft<'_>, refund: &Refund) -> Result<Option<u64>, Refusal> {
    match refund.funding {
        Funding::Held { account } => {
            let account = draft.account(account).ok_or(Refusal::AccountUnknown)?;
            let available = account.balance.available();
            Ok((available < refund.total()).then_some(available))
        }
        Funding::Mandate { .. } | Funding::MerchantAuthorised => Ok(None),
    }
}

fn legs(draft: &mut Draft<'_>, refund: &Refund, kind: TransferKind) -> Result<(), Refusal> {
    let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
    let subject = Subject::Refund(refund.id);
    match refund.funding {
        Funding::Held { account } => {
            draft.transfer(account, book.refund_clearing, refund.amount.minor, kind, subject)?;
            draft.transfer(account, book.fees, refund.fee, kind, subject)?;
        }
        Funding::Mandate { .. } | Funding::MerchantAuthorised => {
            draft.transfer(book.memo_external, book.memo_contra, refund.amount.minor, kind, subject)?;
        }
    }
    Ok(())
}

/// Sets amount and fee aside; the newest event of the draft is the cause.
pub(super) fn reserve(draft: &mut Draft<'_>, refund: &mut Refund) -> Result<(), Refusal> {
    assert!(refund.reservation == Reservation::None, "a refund is reserved at most once");
    legs(draft, refund, TransferKind::Pending)?;
    refund.reservation = Reservation::Pending;
    Ok(())
}

/// Gives back what was set aside, if anything was.
pub(super) fn release(draft: &mut Draft<'_>, refund: &mut Refund) -> Result<(), Refusal> {
    assert!(
        !refund.attempts.iter().any(|attempt| attempt.state.under_way()),
        "a reservation is never voided while an attempt is under way"
    );
    if refund.reservation == Reservation::Pending {
        legs(draft, refund, TransferKind::Void)?;
        refund.reservation = Reservation::Voided;
    }
    Ok(())
}

/// Books the money as gone.
pub(super) fn spend(draft: &mut Draft<'_>, refund: &mut Refund, by: SettledBy) -> Result<(), Refusal> {
    match (by, refund.reservation) {
        (SettledBy::External, _) => release(draft, refund),
        (SettledBy::Attempt(_) | SettledBy::Sweep, Reservation::Pending) => {
            legs(draft, refund, TransferKind::Post)?;
            refund.reservation = Reservation::Posted;
            Ok(())
        }
        (SettledBy::Attempt(_) | SettledBy::Sweep, Reservation::None) => {
            spend_unreserved(draft, refund)?;
            refund.reservation = Reservation::Posted;
            Ok(())
        }
        (SettledBy::Attempt(_) | SettledBy::Sweep, Reservation::Posted | Reservation::Voided) => Ok(()),
    }
}

/// Evidence says the money is gone although we had not set it aside: what the
/// account lacks is owed by the merchant.
fn spend_unreserved(draft: &mut Draft<'_>, refund: &Refund) -> Result<(), Refusal> {
    let Funding::Held { account } = refund.funding else {
        return legs(draft, refund, TransferKind::Posted);
    };
    let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
    let clearing = book.refund_clearing;
    let subject = Subject::Refund(refund.id);
    spend_held(draft, account, (book, clearing), refund.amount.minor, subject)?;
    spend_held(draft, account, (book, book.fees), refund.fee, subject)
}

/// Books money as gone from a held account as far as it is there; the rest is
/// owed by the merchant.
pub(super) fn spend_held(
    draft: &mut Draft<'_>,
    account: AccountId,
    (book, clearing): (Book, AccountId),
    amount: u64,
    subject: Subject,
) -> Result<(), Refusal> {
    let available = draft.account(account).ok_or(Refusal::AccountUnknown)?.balance.available();
    let paid = amount.min(available);
    let owed = amount.saturating_sub(paid);
    draft.transfer(account, clearing, paid, TransferKind::Posted, subject)?;
    draft.transfer(book.due_from_merchant, clearing, owed, TransferKind::Posted, subject)?;
    Ok(())
}

/// Books money of a refund that came back.
pub(super) fn take_back(draft: &mut Draft<'_>, refund: &Refund, amount_back: u64, charges: u64) -> Result<(), Refusal> {
    let subject = Subject::Refund(refund.id);
    match refund.funding {
        Funding::Held { account } => {
            take_back_held(draft, account, refund.amount.currency, (amount_back, charges), subject)?;
            if refund.fee_on_return == FeeOnReturn::Refund {
                let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
                draft.transfer(book.fees, account, refund.fee, TransferKind::Posted, subject)?;
            }
            Ok(())
        }
        Funding::Mandate { .. } | Funding::MerchantAuthorised => {
            let book = draft.book(refund.amount.currency).ok_or(Refusal::AccountUnknown)?;
            draft.transfer(book.memo_contra, book.memo_external, amount_back, TransferKind::Posted, subject)?;
            Ok(())
        }
    }
}

/// The full amount goes to the held account; what the banks kept is the
/// operator's or the merchant's charge (rails R-20).
pub(super) fn take_back_held(
    draft: &mut Draft<'_>,
    account: AccountId,
    currency: Currency,
    (amount_back, charges): (u64, u64),
    subject: Subject,
) -> Result<(), Refusal> {
    let book = draft.book(currency).ok_or(Refusal::AccountUnknown)?;
    draft.transfer(book.return_clearing, account, amount_back, TransferKind::Posted, subject)?;
    match draft.context().rules.return_charges {
        ReturnCharges::Operator => {
            draft.transfer(book.bank_charges, account, charges, TransferKind::Posted, subject)?;
        }
        ReturnCharges::Merchant => {}
    }
    Ok(())
}
