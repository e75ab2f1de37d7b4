//! Payouts: outgoing payments that give back no pay-in (design section 3).
//! A payout is its own object, with the attempts and the reservation of a
//! refund and without a payment, gates or blocks.

use crate::attempt::Attempt;
use crate::deadline::Pace;
use crate::id::{AccountId, MerchantId, PayoutId};
use crate::money::Amount;
use crate::party::Party;
use crate::payment::Origin;
use crate::reason::{BankCode, Failure};
use crate::refund::{Case, CaseCode, ClientReference, Reservation};
use crate::time::Timestamp;
use std::sync::Arc;

/// Where a payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutState {
    /// Waiting for a worker.
    Ready,
    /// The intent to send is recorded and the money set aside.
    Submitted,
    /// Final on the rail.
    Settled,
    /// Ended without money moving.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// The money came back after settlement.
    Returned {
        /// The bank's reason.
        code: Option<BankCode>,
        /// What came back, minor units.
        amount_back: u64,
        /// What the banks kept, minor units.
        charges: u64,
    },
}

impl PayoutState {
    /// The stable word of our own.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Submitted => "submitted",
            Self::Settled => "settled",
            Self::Failed { .. } => "failed",
            Self::Returned { .. } => "returned",
        }
    }

    /// True when nothing but a return may follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Ready | Self::Submitted => false,
            Self::Settled | Self::Failed { .. } | Self::Returned { .. } => true,
        }
    }
}

/// An outgoing payment from a held account to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// The same id in every dialect.
    pub id: PayoutId,
    /// The merchant; in a payout it is the debtor.
    pub merchant: MerchantId,
    /// The held account that pays.
    pub account: AccountId,
    /// Through which door it was made.
    pub origin: Origin,
    /// What the client will say again.
    pub reference: ClientReference,
    /// How much, in the account's currency.
    pub amount: Amount,
    /// Who receives it.
    pub creditor: Party,
    /// Text for the creditor's statement.
    pub remittance: Option<Arc<str>>,
    /// How it is sent and watched.
    pub pace: Pace,
    /// Money set aside; in the commit of the send intent.
    pub reservation: Reservation,
    /// Where it stands.
    pub state: PayoutState,
    /// What waits for a person.
    pub cases: Vec<Case>,
    /// The attempts to execute it, oldest first.
    pub attempts: Vec<Attempt>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
    /// How many events its chain has.
    pub event_count: u32,
    /// The hash of its newest event.
    pub chain: [u8; 32],
    /// When it was submitted, the attempt's intent recorded.
    pub submitted_at: Option<Timestamp>,
    /// When it settled; stays after a return.
    pub settled_at: Option<Timestamp>,
    /// When it failed or came back.
    pub ended_at: Option<Timestamp>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Payout {
    /// The payout as the answer to its creation showed it.
    #[must_use]
    pub fn at_creation(&self) -> Self {
        let mut first = self.clone();
        first.state = PayoutState::Ready;
        first.reservation = Reservation::None;
        first.updated_at = self.created_at;
        first.event_count = 1;
        first.attempts.clear();
        first.cases.clear();
        (first.submitted_at, first.settled_at, first.ended_at) = (None, None, None);
        first
    }

    /// True while a case of this code is open.
    #[must_use]
    pub fn has_open_case(&self, code: CaseCode) -> bool {
        self.cases.iter().any(|case| case.code == code && case.closed_at.is_none())
    }

    /// The newest attempt.
    #[must_use]
    pub fn newest_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}
