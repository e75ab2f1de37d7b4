//! The ledger: accounts with pending and posted sides, and immutable
//! transfers of one amount from one account to another (design section 5).

use crate::id::{AccountId, MerchantId, PaymentId, PayoutId, RefundId};
use crate::money::Currency;
use crate::time::Timestamp;
use std::sync::Arc;

/// What an account is for; its place in the list is its stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Money of the merchant that we hold: liability, never negative.
    Held,
    /// This book's share of a bank account: asset, moved by statements only.
    Bank,
    /// Pay-ins reported and not yet booked by the bank.
    PayinClearing,
    /// Refunds reported and not yet booked.
    RefundClearing,
    /// Returns reported and not yet booked.
    ReturnClearing,
    /// Payouts reported and not yet booked.
    PayoutClearing,
    /// Fees earned.
    Fees,
    /// Charges of banks.
    BankCharges,
    /// What the merchant owes after recalls.
    DueFromMerchant,
    /// What nobody has explained yet.
    Suspense,
    /// The only door for initial money.
    Opening,
    /// Money outside that we neither own nor see.
    MemoExternal,
    /// Its other side.
    MemoContra,
}

impl AccountKind {
    /// Every kind; its place is its stored number.
    pub const ALL: [Self; 13] = [
        Self::Held,
        Self::Bank,
        Self::PayinClearing,
        Self::RefundClearing,
        Self::ReturnClearing,
        Self::PayoutClearing,
        Self::Fees,
        Self::BankCharges,
        Self::DueFromMerchant,
        Self::Suspense,
        Self::Opening,
        Self::MemoExternal,
        Self::MemoContra,
    ];

    /// The stable word of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Bank => "bank",
            Self::PayinClearing => "payin_clearing",
            Self::RefundClearing => "refund_clearing",
            Self::ReturnClearing => "return_clearing",
            Self::PayoutClearing => "payout_clearing",
            Self::Fees => "fees",
            Self::BankCharges => "bank_charges",
            Self::DueFromMerchant => "due_from_merchant",
            Self::Suspense => "suspense",
            Self::Opening => "opening",
            Self::MemoExternal => "memo_external",
            Self::MemoContra => "memo_contra",
        }
    }

    /// The stored number.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }

    /// The kind with this stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The four running sums of an account, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Debits set aside.
    pub debits_pending: u64,
    /// Debits done.
    pub debits_posted: u64,
    /// Credits set aside.
    pub credits_pending: u64,
    /// Credits done.
    pub credits_posted: u64,
}

impl Balance {
    /// What a credit account holds: posted credits minus posted debits.
    #[must_use]
    pub fn credit_posted(&self) -> i128 {
        i128::from(self.credits_posted).saturating_sub(i128::from(self.debits_posted))
    }

    /// What may still be spent: the posted balance minus pending debits.
    #[must_use]
    pub fn available(&self) -> u64 {
        let left = self.credit_posted().saturating_sub(i128::from(self.debits_pending));
        u64::try_from(left.max(0)).unwrap_or(u64::MAX)
    }
}

/// A ledger account of one merchant and one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The id; held accounts show it to merchants.
    pub id: AccountId,
    /// Whose book it is in.
    pub merchant: MerchantId,
    /// What it is for.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// A name for people.
    pub name: Arc<str>,
    /// The credential group it belongs to; empty for the whole merchant.
    pub group: Arc<str>,
    /// It may pay refunds.
    pub eligible: bool,
    /// Since when it pays nothing, because its bank says that it lacks what
    /// our ledger shows (rails M22).
    pub paused_at: Option<Timestamp>,
    /// The running sums.
    pub balance: Balance,
    /// Creation.
    pub created_at: Timestamp,
}

/// How a transfer moves the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferKind {
    /// At once.
    Posted,
    /// Set aside.
    Pending,
    /// What was set aside is done.
    Post,
    /// What was set aside is given back.
    Void,
}

impl TransferKind {
    /// Every kind; its place is its stored number.
    pub const ALL: [Self; 4] = [Self::Posted, Self::Pending, Self::Post, Self::Void];

    /// The stored number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Posted => 0,
            Self::Pending => 1,
            Self::Post => 2,
            Self::Void => 3,
        }
    }
}

/// What a transfer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A refund.
    Refund(RefundId),
    /// A payment.
    Payment(PaymentId),
    /// A payout.
    Payout(PayoutId),
    /// An account's own money: top-ups, opening.
    Account(AccountId),
}

/// An immutable move of money; the pair (cause, leg) is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Debited account.
    pub debit_account: AccountId,
    /// Credited account.
    pub credit_account: AccountId,
    /// Minor units of both accounts' currency.
    pub amount: u64,
    /// How it moves the sums.
    pub kind: TransferKind,
    /// What it is about.
    pub subject: Subject,
    /// Place of the causing event in [`crate::facts::Changes::events`].
    pub cause: usize,
    /// 0, 1, 2… among the transfers of one cause.
    pub leg: u8,
}

/// The accounts of a merchant's book in one currency, held ones apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Book {
    /// Share of the bank account.
    pub bank: AccountId,
    /// Pay-ins on their way.
    pub payin_clearing: AccountId,
    /// Refunds on their way.
    pub refund_clearing: AccountId,
    /// Returns on their way.
    pub return_clearing: AccountId,
    /// Fees earned.
    pub fees: AccountId,
    /// Charges of banks.
    pub bank_charges: AccountId,
    /// What the merchant owes.
    pub due_from_merchant: AccountId,
    /// The unexplained.
    pub suspense: AccountId,
    /// Initial money.
    pub opening: AccountId,
    /// Money outside.
    pub memo_external: AccountId,
    /// Its other side.
    pub memo_contra: AccountId,
    /// Payouts on their way.
    pub payout_clearing: AccountId,
}

impl Book {
    /// The kinds a book has, in the order of [`Book::from_ids`].
    pub const KINDS: [AccountKind; 12] = [
        AccountKind::Bank,
        AccountKind::PayinClearing,
        AccountKind::RefundClearing,
        AccountKind::ReturnClearing,
        AccountKind::Fees,
        AccountKind::BankCharges,
        AccountKind::DueFromMerchant,
        AccountKind::Suspense,
        AccountKind::Opening,
        AccountKind::MemoExternal,
        AccountKind::MemoContra,
        AccountKind::PayoutClearing,
    ];

    /// A book from the ids of its accounts, in the order of [`Book::KINDS`].
    #[must_use]
    pub fn from_ids(ids: [AccountId; 12]) -> Self {
        let [
            bank,
            payin_clearing,
            refund_clearing,
            return_clearing,
            fees,
            bank_charges,
            due_from_merchant,
            suspense,
            opening,
            memo_external,
            memo_contra,
            payout_clearing,
        ] = ids;
        Self {
            bank,
            payin_clearing,
            refund_clearing,
            return_clearing,
            fees,
            bank_charges,
            due_from_merchant,
            suspense,
            opening,
            memo_external,
            memo_contra,
            payout_clearing,
        }
    }

    /// The ids in the order of [`Book::KINDS`].
    #[must_use]
    pub fn ids(&self) -> [AccountId; 12] {
        [
            self.bank,
            self.payin_clearing,
            self.refund_clearing,
            self.return_clearing,
            self.fees,
            self.bank_charges,
            self.due_from_merchant,
            self.suspense,
            self.opening,
            self.memo_external,
            self.memo_contra,
            self.payout_clearing,
        ]
    }
}

/// A move that the sums do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerFault {
    /// A sum would leave 64 bits, or give back more than was set aside.
    Sums,
    /// A held account would be overdrawn.
    Overdrawn,
}

/// Moves the sums of one side of a transfer. Held accounts never go negative.
pub fn apply_side(account: &mut Account, amount: u64, kind: TransferKind, debit: bool) -> Result<(), LedgerFault> {
    let balance = &mut account.balance;
    let (pending, posted) = if debit {
        (&mut balance.debits_pending, &mut balance.debits_posted)
    } else {
        (&mut balance.credits_pending, &mut balance.credits_posted)
    };
    let add = |sum: u64| sum.checked_add(amount).ok_or(LedgerFault::Sums);
    let take = |sum: u64| sum.checked_sub(amount).ok_or(LedgerFault::Sums);
    match kind {
        TransferKind::Posted => *posted = add(*posted)?,
        TransferKind::Pending => *pending = add(*pending)?,
        TransferKind::Post => {
            *pending = take(*pending)?;
            *posted = add(*posted)?;
        }
        TransferKind::Void => *pending = take(*pending)?,
    }
    let spent = i128::from(account.balance.debits_pending);
    if account.kind == AccountKind::Held && account.balance.credit_posted() < spent {
        return Err(LedgerFault::Overdrawn);
    }
    Ok(())
}
