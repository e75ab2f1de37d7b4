//! Envelopes: what comes through the one write door, and what goes back.

use crate::registry::RegistryChange;
use crate::store::DeliveryUpdate;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::instruction::Instruction;
use refundry_domain::ledger::Account;
use refundry_domain::mandate::Mandate;
use refundry_domain::once::{Fingerprint, OnceKey};
use refundry_domain::party::Party;
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::{BlockCode, Refund};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;

/// An idempotency key and what came with it.
#[derive(Debug, Clone, Copy)]
pub struct Once {
    /// Hash of the key and its scope.
    pub key: OnceKey,
    /// Hash of the request.
    pub fingerprint: Fingerprint,
    /// Keep refusals that depend on the state of the world, too (the
    /// dialect's contract asks for it).
    pub keep_world_refusals: bool,
    /// How long the record counts, unless it led to money going out: such a
    /// one counts for ever. [`KEPT_FOR`] unless a dialect is set otherwise.
    pub kept_for: Span,
}

/// How long a record counts that led to no money going out.
pub const KEPT_FOR: Span = Span::days(30);

/// What is to be done.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an envelope is boxed once, whatever it holds")]
pub enum Work {
    /// A decision of the core.
    Command(Box<Command>),
    /// A change of credentials, endpoints, people; with the answer to keep
    /// under the key.
    Registry {
        /// What changes.
        change: RegistryChange,
        /// Status and body, as the dialect rendered them.
        answer: Option<(u16, Vec<u8>)>,
    },
    /// Nothing but the record: the dialect refused the request by its form
    /// and its contract wants the answer kept.
    Keep {
        /// HTTP status.
        status: u16,
        /// Body.
        body: Vec<u8>,
    },
    /// Results of webhook deliveries.
    Deliveries(DeliveryUpdate),
    /// The sweep after the start has compared everything.
    Swept,
}

/// One request through the door.
#[derive(Debug)]
pub struct Envelope {
    /// Whose money.
    pub merchant: MerchantId,
    /// Who asks.
    pub actor: Actor,
    /// The idempotency key, where one came.
    pub once: Option<Once>,
    /// What is to be done.
    pub work: Work,
}

impl Envelope {
    /// An envelope without a key around a command.
    #[must_use]
    pub fn command(merchant: MerchantId, actor: Actor, command: Command) -> Self {
        Self { merchant, actor, once: None, work: Work::Command(Box::new(command)) }
    }

    /// What stops the refund that this envelope would send, if it would.
    pub(crate) fn stop(&self) -> Option<Self> {
        let Work::Command(command) = &self.work else { return None };
        let Command::BeginSend { refund, .. } = &**command else { return None };
        let block = Command::PlaceBlock { refund: *refund, code: BlockCode::DuplicateSuspect };
        Some(Self::command(self.merchant, Actor::Engine, block))
    }

    /// The same with an idempotency key.
    #[must_use]
    pub fn once(mut self, once: Option<Once>) -> Self {
        self.once = once;
        self
    }
}

/// What was done, as it is after the commit.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A refund. On a replay it is the refund as it is now; the answer to the
    /// first call is rendered from [`Refund::at_creation`].
    Refund(Box<Refund>),
    /// A payout. On a replay it is the payout as it is now; the answer to the
    /// first call is rendered from [`Payout::at_creation`].
    Payout(Box<Payout>),
    /// A payment.
    Payment(Box<Payment>),
    /// An account.
    Account(Box<Account>),
    /// A mandate.
    Mandate(Box<Mandate>),
    /// A send was begun and must be made now.
    Send(Box<Instruction>),
    /// An answer that was kept for the dialect.
    Kept {
        /// HTTP status.
        status: u16,
        /// Body.
        body: Vec<u8>,
    },
    /// Done, and there is nothing to show.
    Done,
}

/// The end of an envelope that was decided.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The key was known and nothing was done now.
    pub replayed: bool,
    /// What was done, or why not.
    pub result: Result<Answer, Refusal>,
    /// Who paid what a refund gives back, where the result is a refund and
    /// the bank told us.
    pub payer: Option<Party>,
}

/// Why an envelope was not decided; nothing was changed by it, or (in flight)
/// another one with its key is being decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The queue is full.
    #[error("the engine is overloaded")]
    Overloaded,
    /// The store does not take commits now.
    #[error("the store is not available")]
    Store,
    /// The first call with this key has no outcome yet.
    #[error("a request with this key is in progress")]
    InFlight,
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}
