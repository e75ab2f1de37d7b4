//! Payments: the pay-ins that may be given back, and the counters that decide
//! about money.

use crate::id::{AccountId, MerchantId, PaymentId, RefundId};
use crate::money::Amount;
use crate::party::Party;
use crate::refund::Case;
use crate::time::Timestamp;
use std::sync::Arc;

/// Through which dialect and for which credential group an object was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Name of the dialect's folder.
    pub dialect: Arc<str>,
    /// Application or client; empty where keys belong to the merchant.
    pub group: Arc<str>,
}

/// The family that a dialect belongs to: the generations of one wire language
/// share their groups and are named `<family>_v<number>`; any other dialect is
/// a family of its own.
#[must_use]
pub fn family_of(dialect: &str) -> &str {
    match dialect.rsplit_once("_v") {
        Some((family, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => family,
        Some(_) | None => dialect,
    }
}

impl Origin {
    /// The family of the dialect, see [`family_of`].
    #[must_use]
    pub fn family(&self) -> &str {
        family_of(&self.dialect)
    }

    /// What one group made is unknown to the others of its family, in all
    /// generations. Other doors of the merchant see it, and so do callers for
    /// the merchant as a whole, who have no group.
    #[must_use]
    pub fn is_hidden_from(&self, dialect: &str, group: &str) -> bool {
        !group.is_empty() && *self.group != *group && self.family() == family_of(dialect)
    }

    /// An origin from two texts.
    #[must_use]
    pub fn new(dialect: &str, group: &str) -> Self {
        Self { dialect: Arc::from(dialect), group: Arc::from(group) }
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// Not authorised yet.
    Open,
    /// The payer agreed.
    Authorised,
    /// The payer's bank sent it.
    Executed,
    /// Credited to us.
    Settled,
    /// It will not come.
    Failed,
    /// The bank took some or all of it back after it settled.
    Reversed,
}

impl PaymentState {
    /// The stable word in the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Authorised => "authorised",
            Self::Executed => "executed",
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::Reversed => "reversed",
        }
    }

    /// True when the money arrived, whatever was taken back since.
    #[must_use]
    pub fn credited(self) -> bool {
        match self {
            Self::Settled | Self::Reversed => true,
            Self::Open | Self::Authorised | Self::Executed | Self::Failed => false,
        }
    }
}

/// When a payment reached its states. A state that was jumped over has the
/// instant of the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// The payer agreed.
    pub authorised_at: Option<Timestamp>,
    /// The payer's bank sent it.
    pub executed_at: Option<Timestamp>,
    /// Credited to us.
    pub settled_at: Option<Timestamp>,
    /// It was known that it will not come.
    pub failed_at: Option<Timestamp>,
}

impl Moments {
    /// The payment entered this state.
    pub fn enter(&mut self, state: PaymentState, at: Timestamp) {
        let (authorised, executed, settled) = match state {
            PaymentState::Open | PaymentState::Failed => (false, false, false),
            PaymentState::Authorised => (true, false, false),
            PaymentState::Executed => (true, true, false),
            PaymentState::Settled | PaymentState::Reversed => (true, true, true),
        };
        let passed = [
            (authorised, &mut self.authorised_at),
            (executed, &mut self.executed_at),
            (settled, &mut self.settled_at),
            (state == PaymentState::Failed, &mut self.failed_at),
        ];
        for (reached, moment) in passed {
            if reached {
                moment.get_or_insert(at);
            }
        }
    }
}

/// Why a payment will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaymentFailureReason {
    /// Something broke while the payer authorised it.
    AuthorisationFailed,
    /// The payer said no.
    NotAuthorised,
    /// The payer's bank refused it.
    RejectedByBank,
    /// It was refused on its way, after the payer's bank took it.
    RejectedByScheme,
    /// Whoever asked for it took it back.
    Cancelled,
    /// Nobody authorised it in time.
    Expired,
    /// No reason is known.
    Other,
}

impl PaymentFailureReason {
    /// All of them; the place is the stored number.
    pub const ALL: [Self; 7] = [
        Self::AuthorisationFailed,
        Self::NotAuthorised,
        Self::RejectedByBank,
        Self::RejectedByScheme,
        Self::Cancelled,
        Self::Expired,
        Self::Other,
    ];

    /// The stored number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::AuthorisationFailed => 0,
            Self::NotAuthorised => 1,
            Self::RejectedByBank => 2,
            Self::RejectedByScheme => 3,
            Self::Cancelled => 4,
            Self::Expired => 5,
            Self::Other => 6,
        }
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }

    /// The stable word in the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AuthorisationFailed => "authorisation_failed",
            Self::NotAuthorised => "not_authorised",
            Self::RejectedByBank => "rejected_by_bank",
            Self::RejectedByScheme => "rejected_by_scheme",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Other => "other",
        }
    }
}

/// How a payment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentFailure {
    /// Where it stood before.
    pub stage: PaymentState,
    /// Why.
    pub reason: PaymentFailureReason,
}

/// How we know of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// Paid on a checkout of ours.
    OwnCheckout,
    /// Seen on a bank statement.
    StatementEntry,
    /// Told by a provider's signed webhook.
    VerifiedWebhook,
    /// Typed in or uploaded by a person, or recorded through the API.
    Imported,
}

/// Why a payment may not be refunded now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaymentBlockCode {
    /// The payer's bank asked for it back.
    Recall,
    /// A dispute is open.
    Dispute,
    /// Suspected fraud.
    Fraud,
    /// A legal reason.
    Legal,
    /// Past the time in which it may be refunded.
    TooOld,
    /// Given back outside this engine.
    RefundedElsewhere,
    /// Imported and not yet confirmed.
    Unverified,
}

/// A block on a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentBlock {
    /// Why.
    pub code: PaymentBlockCode,
    /// Since when.
    pub at: Timestamp,
}

/// The counters of a payment, minor units (design section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// The amount while it is on its way, what was credited once it settled.
    pub claimable: u64,
    /// Sum of the live refunds.
    pub claimed: u64,
    /// What the bank took back.
    pub reversed: u64,
}

impl Counters {
    /// What a command may still claim.
    #[must_use]
    pub fn refundable(&self) -> u64 {
        self.claimable.saturating_sub(self.reversed).saturating_sub(self.claimed)
    }

    /// What we gave or promised beyond what we have.
    #[must_use]
    pub fn exposure(&self) -> u64 {
        self.claimed.saturating_add(self.reversed).saturating_sub(self.claimable)
    }
}

/// A name under which the world knows a payment; unique per merchant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginKey {
    /// Kind of name: `provider_id`, `uetr`, `bank_reference`, `entry`, `end_to_end`.
    pub kind: String,
    /// The name.
    pub value: String,
}

/// A pay-in that may be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The same id in every dialect.
    pub id: PaymentId,
    /// The merchant who received it.
    pub merchant: MerchantId,
    /// Through which door it was made.
    pub origin: Origin,
    /// The held account that it credits.
    pub account: AccountId,
    /// What was asked for.
    pub amount: Amount,
    /// Who paid, where the bank told us.
    pub debtor: Option<Party>,
    /// Where it stands.
    pub state: PaymentState,
    /// When it came there.
    pub moments: Moments,
    /// How it failed, where it did.
    pub failure: Option<PaymentFailure>,
    /// The dialect's name for the payer, by which all payments of one payer
    /// are found. It is stored in the clear and never changes: no name, no
    /// account number and no secret may stand in it.
    pub payer_key: Option<Arc<str>>,
    /// When it fails unless it was authorised before.
    pub expires_at: Option<Timestamp>,
    /// How we know of it.
    pub provenance: Provenance,
    /// Why it may not be refunded.
    pub blocks: Vec<PaymentBlock>,
    /// The counters that decide.
    pub counters: Counters,
    /// The merchant's own reference.
    pub merchant_reference: Option<String>,
    /// How it came, in the words of the fee rules; none where nobody told.
    pub method: Option<Arc<str>>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
    /// How many events its chain has, refunds' included.
    pub event_count: u64,
    /// The hash of its newest event.
    pub chain: [u8; 32],
    /// What waits for a person.
    pub cases: Vec<Case>,
    /// Refunds adopted by the sweep that no client has named again (rails M21);
    /// their `reference` holds the instruction id.
    pub adopted: Vec<RefundId>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change of the payment itself.
    pub updated_at: Timestamp,
}

impl Payment {
    /// True when a block of this code lies on it.
    #[must_use]
    pub fn is_blocked_by(&self, code: PaymentBlockCode) -> bool {
        self.blocks.iter().any(|block| block.code == code)
    }

    /// The method by which fees of its refunds are ruled: its own, whatever a
    /// door says; what the door says where it is not known.
    #[must_use]
    pub fn fee_method<'a>(&'a self, said: &'a str) -> &'a str {
        self.method.as_deref().unwrap_or(said)
    }

    /// When something must be done about it if nothing happens before: an
    /// open payment fails at its expiry. A refund never changes this.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.expires_at.filter(|_| self.state == PaymentState::Open)
    }
}
