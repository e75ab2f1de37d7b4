//! Commands: everything that may be asked of the core.

mod payouts;
mod requests;

pub use payouts::{PayoutStep, RequestPayout};
pub use requests::{CreateMandate, FeeInput, OpenAccount, RecordPayment, ReferenceInput, RequestRefund};

use crate::id::{AccountId, MandateId, PaymentId, PayoutId, PersonId, RefundId};
use crate::instruction::{Debit, EvidenceId, Order, Report, Submission};
use crate::ledger::Book;
use crate::mandate::MandateState;
use crate::money::Currency;
use crate::party::{CreditorSource, Party};
use crate::payment::{PaymentBlockCode, PaymentFailureReason, PaymentState};
use crate::refund::{BlockCode, CaseCode};
use crate::time::{Span, Timestamp};
use std::sync::Arc;

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
        /// Why, where it goes to failed; without a word it is
        /// [`PaymentFailureReason::Other`].
        failure: Option<PaymentFailureReason>,
    },
    /// A dialect writes down more about a payment of its own. No event and no
    /// money; refused as changed when somebody else wrote since.
    AnnotatePayment {
        /// Which.
        payment: PaymentId,
        /// The extension as the dialect read it.
        before: Arc<[u8]>,
        /// The extension from now on.
        extension: Arc<[u8]>,
    },
    /// Time went on for a payment that nobody authorised.
    TickPayment {
        /// Which.
        payment: PaymentId,
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
    /// A dialect writes down more about a refund of its own. No event and no
    /// money; refused as changed when somebody else wrote since.
    AnnotateRefund {
        /// Which.
        refund: RefundId,
        /// The extension as the dialect read it.
        before: Arc<[u8]>,
        /// The extension from now on.
        extension: Arc<[u8]>,
    },
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
        /// The [`crate::approval::Approval::content`] that they were shown;
        /// refused as changed where it is another by now.
        seen: Option<[u8; 32]>,
        /// Why, in their own words.
        note: Option<Arc<str>>,
    },
    /// A person says no.
    RejectRefund {
        /// Which refund.
        refund: RefundId,
        /// Who.
        by: PersonId,
        /// As with an approval: nobody says no to what they did not see.
        seen: Option<[u8; 32]>,
        /// Why, in their own words.
        note: Option<Arc<str>>,
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
    /// The sandbox lets what was not sent rest for this long from now on; no
    /// time at all lets it go.
    Postpone {
        /// Which refund or payout.
        order: Order,
        /// How long.
        rest: Span,
    },
    /// The sandbox lets a refund's time be up now; what follows is as by the clock.
    EndTime {
        /// Which refund.
        refund: RefundId,
    },
    /// A report about an instruction that neither the store nor the rail's
    /// debits explain.
    RecordStray {
        /// The instruction id that it names.
        instruction_id: String,
        /// The rail's own name of the report.
        evidence: EvidenceId,
        /// What it says.
        report: Report,
    },
    /// People say what a stray was (two of them).
    CloseStray {
        /// The instruction id that it names.
        instruction_id: String,
        /// What it was.
        end: crate::stray::StrayEnd,
        /// Who agreed.
        people: Vec<PersonId>,
    },
    /// A person lets an account pay again that was paused.
    ResumeAccount {
        /// The held account.
        account: AccountId,
        /// Who.
        by: PersonId,
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
    /// Make a payout.
    RequestPayout(Box<RequestPayout>),
    /// A worker goes on with a payout.
    StepPayout {
        /// Which.
        payout: PayoutId,
        /// What it does.
        step: PayoutStep,
    },
}
