//! Commands: everything that may be asked of the core.

use crate::approval::ApprovalPolicy;
use crate::deadline::Limits;
use crate::id::{AccountId, MandateId, MandateToken, PaymentId, PersonId, RefundId};
use crate::instruction::{Debit, EvidenceId, Report, Submission};
use crate::ledger::{AccountKind, Book};
use crate::mandate::{MandateState, Period};
use crate::money::{Amount, Currency};
use crate::party::{CreditorSource, Party};
use crate::payment::{Origin, OriginKey, PaymentBlockCode, PaymentState, Provenance};
use crate::reference::Tag;
use crate::refund::{BlockCode, CaseCode, Funding, ReserveAt, Shortage};
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
    /// Fee in minor units.
    pub fee: u64,
    /// An account that the merchant gives, used where the payer's is unknown.
    pub creditor: Option<Party>,
    /// A given account that differs from a known payer account is refused
    /// (otherwise it is ignored).
    pub refuse_other_creditor: bool,
    /// The customer may be asked for an account that nobody knows.
    pub may_ask_details: bool,
    /// Where the money comes from.
    pub funding: Funding,
    /// What to do when it lacks.
    pub shortage: Shortage,
    /// When it is set aside.
    pub reserve_at: ReserveAt,
    /// Wait for a payment that has not settled (otherwise refuse).
    pub wait_for_settlement: bool,
    /// Four eyes, where a policy asks.
    pub approval: Option<ApprovalPolicy>,
    /// The human who asks, where one does.
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

/// Which decision people take about an absent or doubtful attempt (rails M6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentDecision {
    /// Try again under the next number.
    NewAttempt,
    /// Give up: `failed{not_executed}`.
    Fail,
    /// Give up: `cancelled`.
    Cancel,
}

/// A command; the merchant, the actor and the time stand in the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Set up the accounts of a merchant's book in a currency.
    OpenBook {
        /// The currency.
        currency: Currency,
        /// The ids of its accounts.
        book: Book,
    },
    /// Open an account.
    OpenAccount(OpenAccount),
    /// Bring money in or out from outside so that this much is available (sandbox, set-up).
    SetBalance {
        /// The held account.
        account: AccountId,
        /// Available afterwards, minor units.
        available: u64,
    },
    /// Record a pay-in.
    RecordPayment(RecordPayment),
    /// Move a pay-in on.
    AdvancePayment {
        /// Which.
        payment: PaymentId,
        /// Where to: authorised, executed, settled or failed.
        to: PaymentState,
        /// What was really credited, where it differs from the amount (minor units).
        credited: Option<u64>,
        /// The payer, where the bank told us now.
        debtor: Option<Party>,
    },
    /// The bank took a pay-in back: evidence, always recorded.
    ReversePayment {
        /// Which.
        payment: PaymentId,
        /// How much this time, minor units; none means all that is left of it.
        amount: Option<u64>,
    },
    /// Stop refunds of a payment.
    BlockPayment {
        /// Which.
        payment: PaymentId,
        /// Why.
        code: PaymentBlockCode,
    },
    /// Allow them again.
    UnblockPayment {
        /// Which.
        payment: PaymentId,
        /// Which block.
        code: PaymentBlockCode,
    },
    /// Make a refund.
    RequestRefund(Box<RequestRefund>),
    /// The customer, merchant or operators give the creditor's account.
    GiveDetails {
        /// Which refund.
        refund: RefundId,
        /// The account.
        creditor: Party,
        /// Who gave it.
        source: CreditorSource,
        /// The people who agreed to an operator's override.
        people: Vec<PersonId>,
    },
    /// A person agrees.
    ApproveRefund {
        /// Which refund.
        refund: RefundId,
        /// Who.
        by: PersonId,
    },
    /// A person says no.
    RejectRefund {
        /// Which refund.
        refund: RefundId,
        /// Who.
        by: PersonId,
    },
    /// The merchant consented at its bank.
    AuthoriseRefund {
        /// Which refund.
        refund: RefundId,
    },
    /// The merchant declined at its bank.
    DeclineAuthorisation {
        /// Which refund.
        refund: RefundId,
    },
    /// Withdraw a refund: at once before the send, by asking the rail after it.
    CancelRefund {
        /// Which.
        refund: RefundId,
    },
    /// Stop a refund before the send.
    PlaceBlock {
        /// Which.
        refund: RefundId,
        /// Why.
        code: BlockCode,
    },
    /// Let it go on.
    LiftBlock {
        /// Which.
        refund: RefundId,
        /// Which block.
        code: BlockCode,
    },
    /// A person closes a case.
    CloseCase {
        /// Which refund.
        refund: RefundId,
        /// What kind.
        code: CaseCode,
    },
    /// Paid outside: two people, evidence, nothing was sent.
    RecordExternal {
        /// Which refund.
        refund: RefundId,
        /// Who agreed.
        people: Vec<PersonId>,
    },
    /// Decide about an attempt proven absent (two people).
    DecideAbsent {
        /// Which refund.
        refund: RefundId,
        /// What to do.
        decision: AbsentDecision,
        /// Who agreed.
        people: Vec<PersonId>,
    },
    /// Two people and the final statement prove that the newest attempt did not execute.
    RecordAbsent {
        /// Which refund.
        refund: RefundId,
        /// Who agreed.
        people: Vec<PersonId>,
    },
    /// Claim a due attempt: the send intent, committed before any call.
    BeginSend {
        /// Which refund.
        refund: RefundId,
        /// Fencing number of the claiming worker.
        epoch: u64,
        /// When another worker may doubt this one.
        lease_until: Timestamp,
    },
    /// The rail answered the submission.
    RecordSubmission {
        /// Which refund.
        refund: RefundId,
        /// Which attempt.
        attempt: u8,
        /// Under which claim; a stale one is ignored.
        epoch: u64,
        /// What it answered.
        outcome: Submission,
    },
    /// The rail reported something.
    RecordReport {
        /// Under this instruction id.
        instruction_id: String,
        /// The rail's own name of the report.
        evidence: EvidenceId,
        /// What it says.
        report: Report,
    },
    /// An inquiry brought nothing: not found, or no answer.
    RecordInquiry {
        /// Which refund.
        refund: RefundId,
        /// Which attempt.
        attempt: u8,
    },
    /// Claim an unknown attempt for the same bytes under the same id, where the
    /// rail's duplicate check is declared safe (rails M4).
    Resend {
        /// Which refund.
        refund: RefundId,
        /// Which attempt.
        attempt: u8,
        /// Fencing number of the claiming worker.
        epoch: u64,
        /// When another worker may doubt this one.
        lease_until: Timestamp,
    },
    /// The worker passed a withdrawal request to the rail.
    RecordWithdrawalPassed {
        /// Which refund.
        refund: RefundId,
    },
    /// Time went on: expire gates, doubt leases, open cases, ask withdrawals.
    Tick {
        /// Which refund.
        refund: RefundId,
    },
    /// The sandbox lets a refund's time be up now; what follows is as by the clock.
    EndTime {
        /// Which refund.
        refund: RefundId,
    },
    /// A debit that the rail knows and the store does not (rails M21).
    AdoptDebit {
        /// Id of the refund, if one must be made.
        id: RefundId,
        /// The payment that its stem names, where there is one.
        payment: Option<PaymentId>,
        /// What the rail knows.
        debit: Box<Debit>,
    },
    /// Set up a mandate.
    CreateMandate(Box<CreateMandate>),
    /// A mandate moves.
    MoveMandate {
        /// Which.
        mandate: MandateId,
        /// Where to.
        to: MandateState,
    },
    /// Time went on for a mandate that waits for signatories.
    TickMandate {
        /// Which.
        mandate: MandateId,
    },
}
