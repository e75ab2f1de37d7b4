//! Port Rail: how money moves and what the bank says of it (rails section 3).

use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::instruction::{Debit, EvidenceId, Instruction, Order, Report, Submission};
use refundry_domain::party::Party;
use refundry_domain::payment::{PaymentFailureReason, PaymentState};
use refundry_domain::reason::BankCode;
use refundry_domain::time::{Span, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// A boxed future, so that rails can stand behind a `dyn`.
pub type RailFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a consent of the merchant works on a rail (rails 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentMeaning {
    /// It permits; we send afterwards.
    Permits,
    /// It is the send.
    Executes,
}

/// What a rail can do (rails 3.2).
#[derive(Debug, Clone, Copy)]
pub struct Capabilities {
    /// The same bytes under the same id may be sent again.
    pub resend_same_id: bool,
    /// An attempt can be asked about.
    pub inquiry: bool,
    /// What it has not executed can be withdrawn.
    pub cancel: bool,
    /// It debits the merchant's account under a mandate.
    pub mandate: bool,
    /// What a consent means.
    pub consent: ConsentMeaning,
    /// The longest remittance text it carries, in characters.
    pub remittance_length_max: usize,
    /// It moves real money.
    pub live: bool,
}

/// What an inquiry brought (rails 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inquiry {
    /// The rail knows it and says so.
    Known {
        /// Its name of this piece of evidence.
        evidence: EvidenceId,
        /// What it says.
        report: Report,
    },
    /// The rail does not know it; proves nothing.
    NotFound,
    /// No answer.
    Unknown,
}

/// What became of a request to withdraw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// Taken; the outcome comes as a report.
    Requested,
    /// The rail cannot, or it is too late.
    Unsupported,
    /// No answer.
    Unknown,
}

/// A report of the rail about one instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whose instruction.
    pub merchant: MerchantId,
    /// Which instruction.
    pub instruction_id: String,
    /// The rail's own name of the report.
    pub evidence: EvidenceId,
    /// What it says.
    pub report: Report,
    /// To be given back to [`Rail::acknowledge`] once it is recorded.
    pub ticket: u64,
}

/// Reports that are due, oldest first, and when the next one will be.
pub type ReportPage = (Vec<Observation>, Option<Timestamp>);

/// A payment reaches a state at the payer's bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayinStep {
    /// Which state: authorised, executed, settled or failed.
    pub to: PaymentState,
    /// When, at the earliest.
    pub at: Timestamp,
    /// Why, where it fails.
    pub failure: Option<PaymentFailureReason>,
}

/// What the payer's bank will do with a payment that its customer decided about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayinPlan {
    /// Who receives it.
    pub merchant: MerchantId,
    /// The payment.
    pub payment: PaymentId,
    /// Who pays, where the bank tells.
    pub debtor: Option<Party>,
    /// What happens, in this order.
    pub steps: Vec<PayinStep>,
}

/// A simulated bank of payers (sandbox). What it did comes as
/// [`Rail::payins`] of the same rail.
pub trait PayerBank: Send + Sync + std::fmt::Debug {
    /// A documented span as long as it takes here.
    fn scaled(&self, span: Span) -> Span {
        span
    }

    /// Who shows in events as having moved payments on by its plans: the same
    /// whether the worker heard of a step or whoever had it played.
    fn payins_actor(&self) -> Actor {
        Actor::Sandbox
    }

    /// Takes a plan; on `Ok` it is durable. A payment has one plan: a later
    /// one is ignored, and `Ok` as well.
    fn play(&self, plan: PayinPlan) -> RailFuture<'_, Result<(), RailDown>>;
}

/// A payment reached a state at the payer's bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayinObservation {
    /// Who receives it.
    pub merchant: MerchantId,
    /// The payment.
    pub payment: PaymentId,
    /// Which state.
    pub to: PaymentState,
    /// Who paid, where the bank tells.
    pub debtor: Option<Party>,
    /// Why, where it failed.
    pub failure: Option<PaymentFailureReason>,
    /// To be given back to [`Rail::acknowledge_payins`] once it is recorded.
    pub ticket: u64,
}

/// Steps of payments that are due, in order, and when the next one will be.
pub type PayinPage = (Vec<PayinObservation>, Option<Timestamp>);

/// How a simulated bank ends an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HabitEnd {
    /// Executed.
    Execute,
    /// Executed, and sent back later.
    Return {
        /// How much later.
        after: Span,
    },
    /// Refused.
    Reject {
        /// With this code.
        code: BankCode,
    },
    /// Checked by the bank first, and executed after that.
    Hold {
        /// From the end of the check to the report of the execution.
        after: Span,
    },
    /// Executed, but the answer to the submission is lost.
    LoseAnswer,
}

/// Which texts a habit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HabitText {
    /// All that no other habit of the dialect is about, also none at all.
    Any,
    /// Exactly this one.
    Exactly(Arc<str>),
    /// Those that begin with this word. A reason code of four characters may
    /// follow it after a hyphen: it takes the place of the habit's own.
    Beginning(Arc<str>),
}

/// How a simulated bank treats the instructions that came through one dialect,
/// where nobody asked for something else: documented levers of a sandbox that
/// are texts and not accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habit {
    /// The dialect.
    pub dialect: Arc<str>,
    /// Only instructions with such a text.
    pub text: HabitText,
    /// From the submission to the execution or refusal.
    pub after: Span,
    /// The end.
    pub end: HabitEnd,
}

/// The rail did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rail does not answer")]
pub struct RailDown;

/// One way to move money. A rail holds no state of ours and never repeats a
/// call by itself.
pub trait Rail: Send + Sync + std::fmt::Debug {
    /// Name for settings, metrics and actors.
    fn name(&self) -> &'static str;

    /// What it can do; constant per configuration.
    fn capabilities(&self) -> Capabilities;

    /// How much longer each of these refunds and payouts, with the payment of
    /// a refund, is to rest before it is sent: a sandbox's bank may be asked to
    /// let them wait. In the same order; empty where none waits.
    fn withheld(&self, _orders: Vec<(Order, Option<PaymentId>)>) -> RailFuture<'_, Vec<Option<Span>>> {
        Box::pin(async { Vec::new() })
    }

    /// Sends these instructions, each exactly once; the answers come in the
    /// same order. `now` is the engine's clock.
    fn submit(&self, instructions: Vec<Instruction>, now: Timestamp) -> RailFuture<'_, Vec<Submission>>;

    /// Asks about instructions by id, in order; read-only.
    fn query(&self, instruction_ids: Vec<String>, now: Timestamp) -> RailFuture<'_, Vec<Inquiry>>;

    /// Asks to withdraw an instruction.
    fn cancel(&self, instruction_id: String, now: Timestamp) -> RailFuture<'_, CancelAnswer>;

    /// Reports that are due and not acknowledged, oldest first, and the time
    /// of the next one that is not due yet.
    fn reports(&self, now: Timestamp, limit: usize) -> RailFuture<'_, Result<ReportPage, RailDown>>;

    /// These reports are recorded and need not come again.
    fn acknowledge(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>>;

    /// Debits taken since a time, for the sweep (rails M21); pages by `after`,
    /// the instruction id of the last one seen. `now` is the engine's clock.
    fn debits_since(
        &self,
        since: Timestamp,
        after: Option<String>,
        limit: usize,
        now: Timestamp,
    ) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>>;

    /// The debits ordered under these ids, whenever they were taken; an id
    /// under which nothing was taken brings nothing.
    fn debits_named(&self, instruction_ids: Vec<String>) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>>;

    /// Steps of payments that are due and not acknowledged, in the order in
    /// which they happened, and the time of the next one that is not due yet.
    fn payins(&self, _now: Timestamp, _limit: usize) -> RailFuture<'_, Result<PayinPage, RailDown>> {
        Box::pin(async { Ok((Vec::new(), None)) })
    }

    /// These steps are recorded and need not come again.
    fn acknowledge_payins(&self, _tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        Box::pin(async { Ok(()) })
    }

    /// Changes when the rail was told something by others than the worker, so
    /// that it is asked again at once; none where that cannot be.
    fn news(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// The actor that its reports are recorded under.
    fn actor(&self) -> Actor {
        Actor::Rail(Arc::from(self.name()))
    }
}
