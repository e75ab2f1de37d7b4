//! What a rail is asked to do, and what it tells us.

use crate::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use crate::money::Amount;
use crate::party::Party;
use crate::reason::BankCode;
use crate::reference::InstructionIds;
use crate::time::Timestamp;
use std::sync::Arc;

/// Whose account the rail debits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebtorAccount {
    /// An account that we book.
    Held(AccountId),
    /// The merchant's own account under a mandate.
    Mandate(MandateId),
    /// The merchant's own account, by its consent.
    Merchant,
}

/// What an instruction pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// A refund.
    Refund(RefundId),
    /// A payout.
    Payout(PayoutId),
}

impl Order {
    /// The 128 bits of its id, whichever it is.
    #[must_use]
    pub fn id(self) -> u128 {
        match self {
            Self::Refund(RefundId(id)) | Self::Payout(PayoutId(id)) => id,
        }
    }
}

/// One instruction: the content is fixed for ever by its ids (I-7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The merchant.
    pub merchant: MerchantId,
    /// What it executes.
    pub order: Order,
    /// The payment that is given back, where it is a refund.
    pub payment: Option<PaymentId>,
    /// Number of the attempt.
    pub attempt: u8,
    /// Fencing number of the claim.
    pub epoch: u64,
    /// After this time the worker must not call any more.
    pub lease_until: Timestamp,
    /// The ids under which the world knows it.
    pub ids: InstructionIds,
    /// How much.
    pub amount: Amount,
    /// Who pays.
    pub debtor: DebtorAccount,
    /// Who receives.
    pub creditor: Party,
    /// Text for the creditor's statement.
    pub remittance: Option<Arc<str>>,
    /// The dialect it came through, for documented levers.
    pub dialect: Arc<str>,
}

/// What the rail answered to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submission {
    /// The rail has it.
    Accepted,
    /// The rail states that it will not execute it.
    Rejected {
        /// The bank's code.
        code: Option<BankCode>,
    },
    /// Anything else: time-out, reset, unreadable.
    Unknown,
}

/// What a rail told us about an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// In process.
    Accepted,
    /// In process, but the bank is checking.
    Screening,
    /// Money left, minor units.
    Executed {
        /// Minor units.
        amount: u64,
        /// Charges that the bank itemised, minor units.
        charges: u64,
    },
    /// Definitely refused.
    Rejected {
        /// The bank's code.
        code: Option<BankCode>,
    },
    /// Money came back.
    Returned {
        /// What came back, minor units.
        amount_back: u64,
        /// The bank's code.
        code: Option<BankCode>,
    },
    /// The withdrawal is confirmed.
    Withdrawn,
    /// Not executed by the end of its validity.
    Lapsed,
}

/// The rail's own name of a piece of evidence, hashed to eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(pub [u8; 8]);

/// A debit that the rail knows, as the sweep reads it (rails M21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// The instruction id it was ordered under.
    pub instruction_id: String,
    /// Its end-to-end id; the first half of the stem names the payment.
    pub end_to_end_id: String,
    /// How much.
    pub amount: Amount,
    /// Who pays.
    pub debtor: DebtorAccount,
    /// Who received it.
    pub creditor: Party,
    /// When the rail took it.
    pub at: Timestamp,
}
