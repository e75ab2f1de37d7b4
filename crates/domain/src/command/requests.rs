//! What the larger commands carry.

use crate::approval::ApprovalPolicy;
use crate::deadline::Limits;
use crate::fee::FeeTerms;
use crate::id::{AccountId, MandateId, MandateToken, PaymentId, PersonId, RefundId};
use crate::ledger::AccountKind;
use crate::mandate::Period;
use crate::money::{Amount, Currency};
use crate::party::Party;
use crate::payment::{Origin, OriginKey, PaymentState, Provenance};
use crate::reference::Tag;
use crate::refund::{Funding, ReserveAt, Shortage};
use crate::time::Timestamp;
use std::sync::Arc;

/// What the client named its refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceInput {
    /// A name of its own.
    Named {
        /// What kind.
        tag: Tag,
        /// The name.
        value: Arc<str>,
    },
    /// None: the hash of [`crate::reference::auto_hash`]; the core adds the number.
    Auto {
        /// Lower-case hex.
        hash: Arc<str>,
    },
}

/// What a refund costs the merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeeInput {
    /// This much, minor units; 0 for nothing.
    Given(u64),
    /// What the merchant's rules say of this payment method, where a held
    /// account pays; nobody is charged elsewhere.
    ByRules {
        /// How the payment came, in the words of the fee rules, as far as the
        /// door knows; what the payment itself knows counts for more.
        method: Arc<str>,
        /// What the door says in place of the merchant's rules.
        terms: FeeTerms,
    },
}

/// Make a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRefund {
    /// Its id, minted by the engine.
    pub id: RefundId,
    /// The payment to give back.
    pub payment: PaymentId,
    /// How much in minor units; none means all that is left.
    pub amount: Option<u64>,
    /// The currency the client named, to be compared with the payment's.
    pub currency: Option<Currency>,
    /// Through which door.
    pub origin: Origin,
    /// What the client will say again.
    pub reference: ReferenceInput,
    /// The merchant's own reference, unique where given.
    pub merchant_reference: Option<Arc<str>>,
    /// What it costs; frozen on the refund.
    pub fee: FeeInput,
    /// An account that the merchant gives, used where the payer's is unknown.
    pub creditor: Option<Party>,
    /// A given account that differs from a known payer account is refused
    /// (otherwise it is ignored).
    pub refuse_other_creditor: bool,
    /// The customer may be asked for an account that nobody knows.
    pub may_ask_details: bool,
    /// Where the money comes from; none is the payment's own account.
    pub funding: Option<Funding>,
    /// What to do when it lacks.
    pub shortage: Shortage,
    /// When it is set aside.
    pub reserve_at: ReserveAt,
    /// Wait for a payment that has not settled (otherwise refuse).
    pub wait_for_settlement: bool,
    /// Four eyes beyond the merchant's own rules; the stricter counts.
    pub approval: Option<ApprovalPolicy>,
    /// The human who asks, where it is not the one behind the envelope's actor.
    pub maker: Option<PersonId>,
    /// How long it may take.
    pub limits: Limits,
    /// Text for the creditor's statement.
    pub remittance: Option<Arc<str>>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
}

/// Record a pay-in: find it by any origin key, else create it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPayment {
    /// Its id, if it is new.
    pub id: PaymentId,
    /// Through which door.
    pub origin: Origin,
    /// The held account that it credits.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
    /// Who paid.
    pub debtor: Option<Party>,
    /// Where it stands.
    pub state: PaymentState,
    /// How we know.
    pub provenance: Provenance,
    /// The names under which the world knows it.
    pub origin_keys: Vec<OriginKey>,
    /// The merchant's own reference.
    pub merchant_reference: Option<String>,
    /// How it came, in the words of the fee rules, where that is known.
    pub method: Option<Arc<str>>,
    /// The dialect's name for the payer; see [`Payment::payer_key`].
    ///
    /// [`Payment::payer_key`]: crate::payment::Payment::payer_key
    pub payer_key: Option<Arc<str>>,
    /// When it happened, where that is longer ago than its recording; a later
    /// time than now is taken as now.
    pub occurred_at: Option<Timestamp>,
    /// When it fails unless it was authorised before.
    pub expires_at: Option<Timestamp>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
}

/// Set up a mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateMandate {
    /// Its id.
    pub id: MandateId,
    /// Its token.
    pub token: MandateToken,
    /// The credential group; empty for the whole merchant.
    pub group: Arc<str>,
    /// The settlement account behind it.
    pub debtor_account: Option<AccountId>,
    /// The currency it pays.
    pub currency: Currency,
    /// Most per refund, minor units.
    pub amount_max: Option<u64>,
    /// Exactly, or least.
    pub amount: Option<u64>,
    /// What the count is for.
    pub period: Period,
    /// Most refunds in a period.
    pub count_max: Option<u32>,
    /// The merchant's own name for it.
    pub merchant_reference: Option<String>,
}

/// Open an account that merchants see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAccount {
    /// Its id.
    pub id: AccountId,
    /// Its kind; held for merchants.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// A name for people.
    pub name: Arc<str>,
    /// The credential group; empty for the whole merchant.
    pub group: Arc<str>,
    /// It may pay refunds.
    pub eligible: bool,
}
