//! Events: every change of state writes exactly one, numbered per refund and
//! chained by hash per payment, or per payout (design section 8).

mod entered;

use crate::bytes::{Decoder, Encoder, Malformed};
use crate::id::{AccountId, EventId, MandateId, MerchantId, PaymentId, PayoutId, PersonId, RefundId};
use crate::payout::PayoutState;
use crate::reason::{BankCode, Failure, FailureKind};
use crate::refund::{BlockCode, CancelCause, CaseCode, ExpiredAt, Gate, RefundState, SettledBy};
use crate::time::Timestamp;
use std::sync::Arc;

/// Who caused something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The engine itself: clocks, gates.
    Engine,
    /// A program, by the public id of its credential.
    Credential(Arc<str>),
    /// A human being.
    Person(PersonId),
    /// The customer, on a page of ours.
    Customer,
    /// A rail's report.
    Rail(Arc<str>),
    /// The sandbox API.
    Sandbox,
    /// Whoever runs this installation, at the command line.
    Operator,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A payment was recorded.
    PaymentRecorded,
    /// The payer agreed.
    PaymentAuthorised,
    /// The payer's bank sent it.
    PaymentExecuted,
    /// It was credited, with this much (minor units).
    PaymentSettled {
        /// Minor units.
        credited: u64,
    },
    /// It will not come.
    PaymentFailed,
    /// The bank took back this much (minor units, this time).
    PaymentReversed {
        /// Minor units.
        amount: u64,
    },
    /// A block was placed or lifted, by its number.
    PaymentBlock {
        /// Number of the code.
        code: u8,
        /// True when it was placed.
        placed: bool,
    },
    /// A refund entered this state.
    RefundEntered {
        /// The state.
        state: RefundState,
    },
    /// The creditor's account was given.
    DetailsGiven,
    /// A person agreed.
    ApprovalGiven {
        /// Who.
        by: PersonId,
    },
    /// The agreed content changed, so the approvals are void.
    ApprovalVoided,
    /// The merchant consented at its bank.
    AuthorisationGiven,
    /// A block was placed on a refund.
    BlockPlaced {
        /// Why.
        code: BlockCode,
    },
    /// A block was lifted.
    BlockLifted {
        /// Which.
        code: BlockCode,
    },
    /// A case was opened.
    CaseOpened {
        /// What kind.
        code: CaseCode,
    },
    /// A case was closed.
    CaseClosed {
        /// What kind.
        code: CaseCode,
    },
    /// A further attempt was opened.
    AttemptOpened {
        /// Its number.
        number: u8,
    },
    /// The rail was asked to withdraw it.
    WithdrawalAsked,
    /// A mandate changed its state.
    MandateEntered {
        /// The mandate.
        mandate: MandateId,
        /// The state's word.
        state: Arc<str>,
    },
    /// Money was put into an account from outside (minor units).
    AccountFunded {
        /// The account.
        account: AccountId,
        /// Minor units.
        amount: u64,
    },
    /// Money was taken out of an account to the outside (minor units).
    AccountDrained {
        /// The account.
        account: AccountId,
        /// Minor units.
        amount: u64,
    },
    /// A payout entered this state.
    PayoutEntered {
        /// The state.
        state: PayoutState,
    },
    /// A debit or report of a rail belongs to nothing we know.
    StrayFound {
        /// The instruction id that it names.
        instruction: Arc<str>,
        /// What went to suspense, minor units.
        amount: u64,
    },
    /// Money of a stray came back.
    StrayReturned {
        /// The instruction id that it names.
        instruction: Arc<str>,
        /// Minor units.
        amount: u64,
    },
    /// People said what a stray was.
    StrayClosed {
        /// The instruction id that it names.
        instruction: Arc<str>,
        /// True when it was explained, false when it was written off.
        explained: bool,
    },
    /// An account pays nothing more: its bank says that it lacks what our
    /// ledger shows (rails M22).
    AccountPaused {
        /// The account.
        account: AccountId,
    },
    /// A person let an account pay again.
    AccountResumed {
        /// The account.
        account: AccountId,
    },
}

/// One link of a payment's or payout's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The merchant.
    pub merchant: MerchantId,
    /// The payment whose chain it is on; none for payouts and mandates.
    pub payment: Option<PaymentId>,
    /// The refund it is about.
    pub refund: Option<RefundId>,
    /// The payout whose chain it is on.
    pub payout: Option<PayoutId>,
    /// 1, 2, 3… per refund or payout, or per payment for its own events.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: EventKind,
    /// The hash of the event before it on the chain.
    pub previous: [u8; 32],
    /// The hash of this one.
    pub hash: [u8; 32],
}

impl Event {
    /// The id that webhooks carry: taken from the hash, so that it is the
    /// same for every delivery and needs no room of its own.
    #[must_use]
    pub fn id(&self) -> EventId {
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(self.hash) {
            *to = from;
        }
        EventId(crate::reference::as_uuid_v4(u128::from_be_bytes(bytes)))
    }

    /// The bytes that are hashed: everything but the hash itself.
    #[must_use]
    pub fn hashed_bytes(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        // The second form names a payout, too; the first one is for all else.
        to.byte(if self.payout.is_some() { 2 } else { 1 }).id(self.merchant.0);
        if let Some(payout) = self.payout {
            to.id(payout.0);
        }
        to.option(self.payment, |to, id| {
            to.id(id.0);
        });
        to.option(self.refund, |to, id| {
            to.id(id.0);
        });
        to.number(u64::from(self.number)).signed(self.at.0);
        encode_actor(&mut to, &self.actor);
        encode_kind(&mut to, &self.kind);
        let mut bytes = to.finish();
        bytes.extend_from_slice(&self.previous);
        bytes
    }

    /// The mandate that it is about.
    #[must_use]
    pub fn mandate(&self) -> Option<MandateId> {
        if let EventKind::MandateEntered { mandate, state: _ } = &self.kind { Some(*mandate) } else { None }
    }
}

/// Writes an actor.
pub fn encode_actor(to: &mut Encoder, actor: &Actor) {
    match actor {
        Actor::Engine => to.byte(0),
        Actor::Credential(id) => to.byte(1).text(id),
        Actor::Person(id) => to.byte(2).id(id.0),
        Actor::Customer => to.byte(3),
        Actor::Rail(name) => to.byte(4).text(name),
        Actor::Sandbox => to.byte(5),
        Actor::Operator => to.byte(6),
    };
}

/// Reads an actor.
pub fn decode_actor(from: &mut Decoder<'_>) -> Result<Actor, Malformed> {
    Ok(match from.byte()? {
        0 => Actor::Engine,
        1 => Actor::Credential(Arc::from(from.text()?)),
        2 => Actor::Person(PersonId(from.id()?)),
        3 => Actor::Customer,
        4 => Actor::Rail(Arc::from(from.text()?)),
        5 => Actor::Sandbox,
        6 => Actor::Operator,
        _ => return Err(Malformed),
    })
}

/// Writes a refund's state.
pub fn encode_state(to: &mut Encoder, state: RefundState) {
    match state {
        RefundState::Awaiting(gate) => to.byte(0).byte(gate_number(gate)),
        RefundState::Ready => to.byte(1),
        RefundState::Submitted => to.byte(2),
        RefundState::Settled { by } => match by {
            SettledBy::Attempt(number) => to.byte(3).byte(0).byte(number),
            SettledBy::Sweep => to.byte(3).byte(1),
            SettledBy::External => to.byte(3).byte(2),
        },
        RefundState::Failed { failure } => {
            to.byte(4).byte(failure.kind.number());
            encode_bank_code(to, failure.bank_code)
        }
        RefundState::Rejected { by } => to.byte(5).id(by.0),
        RefundState::Cancelled { cause } => match cause {
            CancelCause::Requested => to.byte(6).byte(0),
            CancelCause::Withdrawn => to.byte(6).byte(1),
        },
        RefundState::Expired { at } => match at {
            ExpiredAt::Gate(gate) => to.byte(7).byte(gate_number(gate)),
            ExpiredAt::Ready => to.byte(7).byte(9),
        },
        RefundState::Returned { code, amount_back, charges } => {
            to.byte(8);
            encode_bank_code(to, code).number(amount_back).number(charges)
        }
    };
}

/// Reads a refund's state.
pub fn decode_state(from: &mut Decoder<'_>) -> Result<RefundState, Malformed> {
    Ok(match from.byte()? {
        0 => RefundState::Awaiting(gate_of(from.byte()?)?),
        1 => RefundState::Ready,
        2 => RefundState::Submitted,
        3 => RefundState::Settled {
            by: match from.byte()? {
                0 => SettledBy::Attempt(from.byte()?),
                1 => SettledBy::Sweep,
                2 => SettledBy::External,
                _ => return Err(Malformed),
            },
        },
        4 => RefundState::Failed { failure: decode_failure(from)? },
        5 => RefundState::Rejected { by: PersonId(from.id()?) },
        6 => {
            RefundState::Cancelled { cause: if from.flag()? { CancelCause::Withdrawn } else { CancelCause::Requested } }
        }
        7 => RefundState::Expired {
            at: match from.byte()? {
                9 => ExpiredAt::Ready,
                gate => ExpiredAt::Gate(gate_of(gate)?),
            },
        },
        8 => RefundState::Returned {
            code: decode_bank_code(from)?,
            amount_back: from.number()?,
            charges: from.number()?,
        },
        _ => return Err(Malformed),
    })
}

/// Writes a payout's state.
pub fn encode_payout_state(to: &mut Encoder, state: PayoutState) {
    match state {
        PayoutState::Ready => to.byte(0),
        PayoutState::Submitted => to.byte(1),
        PayoutState::Settled => to.byte(2),
        PayoutState::Failed { failure } => {
            to.byte(3).byte(failure.kind.number());
            encode_bank_code(to, failure.bank_code)
        }
        PayoutState::Returned { code, amount_back, charges } => {
            to.byte(4);
            encode_bank_code(to, code).number(amount_back).number(charges)
        }
    };
}

/// Reads a payout's state.
pub fn decode_payout_state(from: &mut Decoder<'_>) -> Result<PayoutState, Malformed> {
    Ok(match from.byte()? {
        0 => PayoutState::Ready,
        1 => PayoutState::Submitted,
        2 => PayoutState::Settled,
        3 => PayoutState::Failed { failure: decode_failure(from)? },
        4 => PayoutState::Returned {
            code: decode_bank_code(from)?,
            amount_back: from.number()?,
            charges: from.number()?,
        },
        _ => return Err(Malformed),
    })
}

/// Writes an optional bank code.
pub fn encode_bank_code(to: &mut Encoder, code: Option<BankCode>) -> &mut Encoder {
    to.text(code.as_ref().map_or("", BankCode::as_str))
}

/// Reads an optional bank code.
pub fn decode_bank_code(from: &mut Decoder<'_>) -> Result<Option<BankCode>, Malformed> {
    Ok(BankCode::parse(from.text()?))
}

/// Reads a failure: the kind's number and the bank's code.
pub fn decode_failure(from: &mut Decoder<'_>) -> Result<Failure, Malformed> {
    let kind = FailureKind::from_number(from.byte()?).ok_or(Malformed)?;
    Ok(Failure { kind, bank_code: decode_bank_code(from)? })
}

/// The stored number of a gate.
#[must_use]
pub fn gate_number(gate: Gate) -> u8 {
    match gate {
        Gate::Details => 0,
        Gate::Settlement => 1,
        Gate::Approval => 2,
        Gate::Funds => 3,
        Gate::Authorisation => 4,
    }
}

/// The gate with this stored number.
pub fn gate_of(number: u8) -> Result<Gate, Malformed> {
    Gate::ALL.get(usize::from(number)).copied().ok_or(Malformed)
}

/// Writes what happened.
pub fn encode_kind(to: &mut Encoder, kind: &EventKind) {
    match kind {
        EventKind::PaymentRecorded => to.byte(0),
        EventKind::PaymentAuthorised => to.byte(1),
        EventKind::PaymentExecuted => to.byte(2),
        EventKind::PaymentSettled { credited } => to.byte(3).number(*credited),
        EventKind::PaymentFailed => to.byte(4),
        EventKind::PaymentReversed { amount } => to.byte(5).number(*amount),
        EventKind::PaymentBlock { code, placed } => to.byte(6).byte(*code).byte(u8::from(*placed)),
        EventKind::RefundEntered { state } => {
            to.byte(7);
            encode_state(to, *state);
            to
        }
        EventKind::DetailsGiven => to.byte(8),
        EventKind::ApprovalGiven { by } => to.byte(9).id(by.0),
        EventKind::ApprovalVoided => to.byte(10),
        EventKind::AuthorisationGiven => to.byte(11),
        EventKind::BlockPlaced { code } => to.byte(12).byte(code.number()),
        EventKind::BlockLifted { code } => to.byte(13).byte(code.number()),
        EventKind::CaseOpened { code } => to.byte(14).byte(code.number()),
        EventKind::CaseClosed { code } => to.byte(15).byte(code.number()),
        EventKind::AttemptOpened { number } => to.byte(16).byte(*number),
        EventKind::WithdrawalAsked => to.byte(17),
        EventKind::MandateEntered { mandate, state } => to.byte(18).id(mandate.0).text(state),
        EventKind::AccountFunded { account, amount } => to.byte(19).id(account.0).number(*amount),
        EventKind::AccountDrained { account, amount } => to.byte(20).id(account.0).number(*amount),
        EventKind::PayoutEntered { state } => {
            to.byte(21);
            encode_payout_state(to, *state);
            to
        }
        EventKind::StrayFound { instruction, amount } => to.byte(40).text(instruction).number(*amount),
        EventKind::StrayReturned { instruction, amount } => to.byte(41).text(instruction).number(*amount),
        EventKind::StrayClosed { instruction, explained } => to.byte(42).text(instruction).byte(u8::from(*explained)),
        EventKind::AccountPaused { account } => to.byte(43).id(account.0),
        EventKind::AccountResumed { account } => to.byte(44).id(account.0),
    };
}

/// Reads what happened.
pub fn decode_kind(from: &mut Decoder<'_>) -> Result<EventKind, Malformed> {
    let block = |number: u8| BlockCode::from_number(number).ok_or(Malformed);
    let case = |number: u8| CaseCode::from_number(number).ok_or(Malformed);
    Ok(match from.byte()? {
        0 => EventKind::PaymentRecorded,
        1 => EventKind::PaymentAuthorised,
        2 => EventKind::PaymentExecuted,
        3 => EventKind::PaymentSettled { credited: from.number()? },
        4 => EventKind::PaymentFailed,
        5 => EventKind::PaymentReversed { amount: from.number()? },
        6 => EventKind::PaymentBlock { code: from.byte()?, placed: from.flag()? },
        7 => EventKind::RefundEntered { state: decode_state(from)? },
        8 => EventKind::DetailsGiven,
        9 => EventKind::ApprovalGiven { by: PersonId(from.id()?) },
        10 => EventKind::ApprovalVoided,
        11 => EventKind::AuthorisationGiven,
        12 => EventKind::BlockPlaced { code: block(from.byte()?)? },
        13 => EventKind::BlockLifted { code: block(from.byte()?)? },
        14 => EventKind::CaseOpened { code: case(from.byte()?)? },
        15 => EventKind::CaseClosed { code: case(from.byte()?)? },
        16 => EventKind::AttemptOpened { number: from.byte()? },
        17 => EventKind::WithdrawalAsked,
        18 => EventKind::MandateEntered { mandate: MandateId(from.id()?), state: Arc::from(from.text()?) },
        19 => EventKind::AccountFunded { account: AccountId(from.id()?), amount: from.number()? },
        20 => EventKind::AccountDrained { account: AccountId(from.id()?), amount: from.number()? },
        21 => EventKind::PayoutEntered { state: decode_payout_state(from)? },
        40 => EventKind::StrayFound { instruction: Arc::from(from.text()?), amount: from.number()? },
        41 => EventKind::StrayReturned { instruction: Arc::from(from.text()?), amount: from.number()? },
        42 => EventKind::StrayClosed { instruction: Arc::from(from.text()?), explained: from.flag()? },
        43 => EventKind::AccountPaused { account: AccountId(from.id()?) },
        44 => EventKind::AccountResumed { account: AccountId(from.id()?) },
        _ => return Err(Malformed),
    })
}
