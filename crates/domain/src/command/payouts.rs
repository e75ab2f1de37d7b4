//! What the commands about payouts carry.

use crate::deadline::Pace;
use crate::id::{AccountId, PayoutId};
use crate::instruction::Submission;
use crate::money::Amount;
use crate::party::Party;
use crate::payment::Origin;
use crate::refund::{CaseCode, ClientReference};
use crate::time::Timestamp;
use std::sync::Arc;

/// Make a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPayout {
    /// Its id, minted by the engine.
    pub id: PayoutId,
    /// The held account that pays.
    pub account: AccountId,
    /// How much; the currency must be the account's.
    pub amount: Amount,
    /// Who receives it.
    pub creditor: Party,
    /// Through which door.
    pub origin: Origin,
    /// What the client will say again; never used for another payout of the
    /// account by the same group, because the ids on the rail come from it.
    pub reference: ClientReference,
    /// How it is sent and watched.
    pub pace: Pace,
    /// Text for the creditor's statement.
    pub remittance: Option<Arc<str>>,
    /// What only the dialect understands.
    pub extension: Arc<[u8]>,
}

/// What a worker does about a payout; see the commands of the same names
/// about refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStep {
    /// Claim a due attempt: the send intent, committed before any call.
    BeginSend {
        /// Fencing number of the claiming worker.
        epoch: u64,
        /// When another worker may doubt this one.
        lease_until: Timestamp,
    },
    /// The rail answered the submission.
    RecordSubmission {
        /// Which attempt.
        attempt: u8,
        /// Under which claim; a stale one is ignored.
        epoch: u64,
        /// What it answered.
        outcome: Submission,
    },
    /// An inquiry brought nothing: not found, or no answer.
    RecordInquiry {
        /// Which attempt.
        attempt: u8,
    },
    /// Claim an unknown attempt for the same bytes under the same id.
    Resend {
        /// Which attempt.
        attempt: u8,
        /// Fencing number of the claiming worker.
        epoch: u64,
        /// When another worker may doubt this one.
        lease_until: Timestamp,
    },
    /// The rail took a debit under the id of a payout that we did not know we
    /// had sent (rails M21).
    RecordTaken {
        /// How much it took, minor units.
        amount: u64,
        /// When.
        at: Timestamp,
    },
    /// Time went on: doubt leases, open cases.
    Tick,
    /// A person closes a case.
    CloseCase {
        /// What kind.
        code: CaseCode,
    },
}
