//! The refund: one enum for its state, its gates, its blocks and cases, and
//! the attempts to execute it (design section 3).

use crate::approval::Approval;
use crate::attempt::Attempt;
use crate::deadline::Deadlines;
use crate::event::Actor;
use crate::fee::FeeOnReturn;
use crate::id::{AccountId, MandateId, MerchantId, PaymentId, PersonId, RefundId};
use crate::money::Amount;
use crate::party::Creditor;
use crate::payment::Origin;
use crate::reason::{BankCode, Failure};
use crate::reference::Tag;
use crate::time::Timestamp;
use std::sync::Arc;

/// What may still stand between a refund and its send, in the order shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// The creditor's account is unknown.
    Details,
    /// The payment has not settled.
    Settlement,
    /// Other people must agree.
    Approval,
    /// The paying account lacks money, and the command said wait.
    Funds,
    /// The merchant must consent at its own bank.
    Authorisation,
}

impl Gate {
    /// Every gate, in order.
    pub const ALL: [Self; 5] = [Self::Details, Self::Settlement, Self::Approval, Self::Funds, Self::Authorisation];

    /// The stable word, as in `awaiting_<word>` and `expired{<word>}`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Settlement => "settlement",
            Self::Approval => "approval",
            Self::Funds => "funds",
            Self::Authorisation => "authorisation",
        }
    }
}

/// What made a refund final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledBy {
    /// The attempt of this number.
    Attempt(u8),
    /// A debit that only the rail knew, adopted by the sweep (rails M21).
    Sweep,
    /// Paid outside, recorded by two people.
    External,
}

/// Why a refund was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelCause {
    /// Somebody asked for it before the send.
    Requested,
    /// The bank confirmed the withdrawal, or no attempt went through.
    Withdrawn,
}

/// Where the clock caught a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiredAt {
    /// At a gate.
    Gate(Gate),
    /// After the last gate, before the send.
    Ready,
}

impl ExpiredAt {
    /// The stable word of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Gate(gate) => gate.code(),
            Self::Ready => "ready",
        }
    }
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The first unmet gate.
    Awaiting(Gate),
    /// All gates passed, waiting for a worker.
    Ready,
    /// The intent to send is recorded.
    Submitted,
    /// Final on the rail, or paid outside.
    Settled {
        /// By what.
        by: SettledBy,
    },
    /// Ended without money moving.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// An approver said no.
    Rejected {
        /// Who.
        by: PersonId,
    },
    /// Withdrawn.
    Cancelled {
        /// Why.
        cause: CancelCause,
    },
    /// Ran out of time before the send.
    Expired {
        /// Where.
        at: ExpiredAt,
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

impl RefundState {
    /// The stable word of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Awaiting(Gate::Details) => "awaiting_details",
            Self::Awaiting(Gate::Settlement) => "awaiting_settlement",
            Self::Awaiting(Gate::Approval) => "awaiting_approval",
            Self::Awaiting(Gate::Funds) => "awaiting_funds",
            Self::Awaiting(Gate::Authorisation) => "awaiting_authorisation",
            Self::Ready => "ready",
            Self::Submitted => "submitted",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired { .. } => "expired",
            Self::Returned { .. } => "returned",
        }
    }

    /// True while it takes or may yet take money from its payment.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            Self::Awaiting(_) | Self::Ready | Self::Submitted | Self::Settled { .. } => true,
            Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::Cancelled { .. }
            | Self::Expired { .. }
            | Self::Returned { .. } => false,
        }
    }

    /// True before the intent to send was recorded.
    #[must_use]
    pub fn before_send(self) -> bool {
        match self {
            Self::Awaiting(_) | Self::Ready => true,
            Self::Submitted
            | Self::Settled { .. }
            | Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::Cancelled { .. }
            | Self::Expired { .. }
            | Self::Returned { .. } => false,
        }
    }

    /// True when nothing but a return may follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Awaiting(_) | Self::Ready | Self::Submitted => false,
            Self::Settled { .. }
            | Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::Cancelled { .. }
            | Self::Expired { .. }
            | Self::Returned { .. } => true,
        }
    }
}

/// Where the money of a refund comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funding {
    /// Money that we book: wallet, float, merchant account.
    Held {
        /// The paying account.
        account: AccountId,
    },
    /// The merchant's own account under a standing authority.
    Mandate {
        /// The mandate.
        mandate: MandateId,
        /// The settlement account behind it, where one is registered.
        debtor_account: Option<AccountId>,
    },
    /// The merchant consents at its bank, refund by refund.
    MerchantAuthorised,
}

/// What to do when the held account lacks money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Refuse the command; nothing is created.
    Refuse,
    /// Record the refund as failed.
    Fail,
    /// Wait in `awaiting_funds`.
    Wait,
}

/// When amount and fee are set aside in the held account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveAt {
    /// At creation (for a held refund: when its payment settles).
    Creation,
    /// In the commit of the send intent.
    Send,
}

/// Money set aside for a refund; once, and resolved once (I-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Not yet.
    None,
    /// Set aside.
    Pending,
    /// Spent.
    Posted,
    /// Given back.
    Voided,
}

/// The consent of the merchant at its bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorisation {
    /// This funding needs none.
    NotNeeded,
    /// Not given yet.
    Needed,
    /// Given.
    Given {
        /// When.
        at: Timestamp,
    },
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl $name {
            /// Every code; its place is its stored number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word of the native API.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The stored number.
            #[must_use]
            pub fn number(self) -> u8 {
                Self::ALL.iter().position(|code| *code == self)
                    .and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
            }

            /// The code with this stored number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number)).copied()
            }

            /// The code with this word.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().find(|known| known.code() == code).copied()
            }
        }
    };
}

codes! {
    /// What may stop a refund before the send.
    BlockCode {
        /// The bank or a list is being asked.
        Screening = "screening",
        /// A person stopped it.
        Operator = "operator",
        /// Its mandate is suspended.
        MandateSuspended = "mandate_suspended",
        /// A hard limit.
        Limit = "limit",
        /// Equal to a keyless refund made just before.
        DuplicateSuspect = "duplicate_suspect",
        /// The payee's name does not match.
        PayeeCheck = "payee_check",
        /// Its account or rail is paused.
        Paused = "paused",
    }
}

codes! {
    /// What waits for a person; a case moves no money by itself.
    CaseCode {
        /// Nobody knows what became of an attempt.
        UnknownOutcome = "unknown_outcome",
        /// Submitted for too long.
        Overdue = "overdue",
        /// The bank wants a signature.
        BankSignature = "bank_signature",
        /// The bank is checking.
        Screening = "screening",
        /// The bank doubts the payee's name.
        PayeeCheck = "payee_check",
        /// Proven absent; people decide what next.
        Absent = "absent",
        /// The bank says it has seen this before.
        Duplicate = "duplicate",
        /// Two final reports contradict each other.
        Conflict = "conflict",
        /// A report names another amount.
        Difference = "difference",
        /// More was given back than is left of the payment.
        Exposure = "exposure",
        /// The bank's balance and our ledger differ.
        Drift = "drift",
        /// Nobody knows what this belongs to.
        Unmatched = "unmatched",
        /// Money came back in a way that wants a look.
        Returned = "returned",
    }
}

/// A block; kept after it was lifted, so that history can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Why.
    pub code: BlockCode,
    /// Who placed it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

/// A case on a refund or a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What kind.
    pub code: CaseCode,
    /// When it was opened.
    pub at: Timestamp,
    /// When a person closed it.
    pub closed_at: Option<Timestamp>,
}

/// We asked the rail to withdraw a submitted refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// When.
    pub asked_at: Timestamp,
    /// True when the refund's time was up, false when somebody cancelled it.
    pub because_expired: bool,
    /// Set when the worker has passed the request to the rail.
    pub passed_on: bool,
}

/// What the client said that makes the refund the same again after a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientReference {
    /// What kind of name.
    pub tag: Tag,
    /// The name.
    pub value: Arc<str>,
}

/// A refund of exactly one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The same id in every dialect.
    pub id: RefundId,
    /// The merchant; in a refund it is the debtor.
    pub merchant: MerchantId,
    /// The payment that is given back.
    pub payment: PaymentId,
    /// The payment's amount in minor units, for answers.
    pub payment_amount: u64,
    /// Through which door it was made.
    pub origin: Origin,
    /// What the client will say again.
    pub reference: ClientReference,
    /// The merchant's own reference, unique where given.
    pub merchant_reference: Option<Arc<str>>,
    /// How much, in the payment's currency.
    pub amount: Amount,
    /// The fee in minor units, frozen at creation.
    pub fee: u64,
    /// What becomes of it if the refund comes back, frozen at creation.
    pub fee_on_return: FeeOnReturn,
    /// Who receives it.
    pub creditor: Creditor,
    /// Where the money comes from.
    pub funding: Funding,
    /// What to do when money lacks.
    pub shortage: Shortage,
    /// When money is set aside.
    pub reserve_at: ReserveAt,
    /// Money set aside.
    pub reservation: Reservation,
    /// Where it stands.
    pub state: RefundState,
    /// Where it stood when it was created, for repeated answers.
    pub first_state: RefundState,
    /// The approval gate, where a policy asks.
    pub approval: Option<Approval>,
    /// The consent gate.
    pub authorisation: Authorisation,
    /// It waits for money; when to look again.
    pub waits_for_funds: Option<Timestamp>,
    /// What stops it before the send.
    pub blocks: Vec<Block>,
    /// What waits for a person.
    pub cases: Vec<Case>,
    /// The attempts to execute it, oldest first.
    pub attempts: Vec<Attempt>,
    /// We asked the rail to withdraw it.
    pub withdrawal: Option<Withdrawal>,
    /// By when it must be sent.
    pub deadlines: Deadlines,
    /// Text for the creditor's statement.
    pub remittance: Option<Arc<str>>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
    /// How many events were written about it.
    pub event_count: u32,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Refund {
    /// The refund as the answer to its creation showed it.
    #[must_use]
    pub fn at_creation(&self) -> Self {
        let mut first = self.clone();
        first.state = self.first_state;
        first.updated_at = self.created_at;
        first.event_count = 1;
        first.attempts.clear();
        first.cases.clear();
        first.withdrawal = None;
        first.blocks.retain(|block| block.at == self.created_at);
        for block in &mut first.blocks {
            block.lifted_at = None;
        }
        first
    }

    /// True while a block stops the send.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocks.iter().any(|block| block.lifted_at.is_none())
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

    /// What leaves the held account: amount and fee, minor units.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.amount.minor.saturating_add(self.fee)
    }
}
