//! Four eyes: who must agree, who did, and to what exactly; and a merchant's
//! rules about when they must.

use crate::id::{MerchantId, PersonId};
use crate::money::Currency;
use crate::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest note of a decision, in characters.
pub const NOTE_LENGTH_MAX: usize = 500;
/// How long an approval may wait and stays good where nobody says otherwise.
pub const VALID_FOR: Span = Span::days(7);
/// Most people that a policy may ask for.
pub const REQUIRED_MAX: u8 = 10;
/// The shortest and the longest time that an approval may be good for.
pub const VALID_FOR_RANGE: (Span, Span) = (Span::seconds(60), Span::days(365));

/// How many people must agree to a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// How many other people.
    pub required: u8,
    /// How long an approval may wait and stays good.
    pub valid_for: Span,
    /// Version of the merchant's rules, part of what an approval binds; 0
    /// where it has none.
    pub version: u32,
}

/// Above which sums of one currency people must agree, minor units. A limit
/// that is not there asks nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApprovalLimits {
    /// One refund.
    pub refund: Option<u64>,
    /// All live refunds of one payment, with this one.
    pub payment: Option<u64>,
    /// All refunds to one creditor's account asked for on one day, with this one.
    pub creditor_day: Option<u64>,
    /// All refunds asked for on one day, with this one.
    pub day: Option<u64>,
}

impl ApprovalLimits {
    /// Nobody is asked for anything above nothing.
    #[must_use]
    pub fn every_refund() -> Self {
        Self { refund: Some(0), ..Self::default() }
    }
}

/// When a merchant's people must agree to a refund. Whoever has the role of an
/// approver may; the maker may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRules {
    /// Counts up with every change; an approval given under another one is void.
    pub version: u32,
    /// Refunds are covered; what is off asks nobody.
    pub refunds: bool,
    /// How many other people.
    pub required: u8,
    /// How long an approval may wait and stays good.
    pub valid_for: Span,
    /// The limits by currency; a currency without any has every refund approved.
    pub limits: BTreeMap<Currency, ApprovalLimits>,
}

impl Default for ApprovalRules {
    /// Off; and one other person for every refund as soon as it is on.
    fn default() -> Self {
        Self { version: 0, refunds: false, required: 1, valid_for: VALID_FOR, limits: BTreeMap::new() }
    }
}

impl ApprovalRules {
    /// The limits of a currency.
    #[must_use]
    pub fn limits_of(&self, currency: Currency) -> ApprovalLimits {
        self.limits.get(&currency).copied().unwrap_or_else(ApprovalLimits::every_refund)
    }

    /// What they ask of a refund when they ask.
    #[must_use]
    pub fn policy(&self) -> ApprovalPolicy {
        ApprovalPolicy { required: self.required, valid_for: self.valid_for, version: self.version }
    }

    /// True where the rules can be kept.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let (shortest, longest) = VALID_FOR_RANGE;
        (1..=REQUIRED_MAX).contains(&self.required) && (shortest..=longest).contains(&self.valid_for)
    }
}

/// A sum that a limit watches: what was asked for on one day (UTC), of one
/// creditor's account or of all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SumKey {
    /// Whose refunds.
    pub merchant: MerchantId,
    /// In which currency.
    pub currency: Currency,
    /// Days since 1970.
    pub day: i64,
    /// The creditor's canonical account; none for all of them.
    pub creditor: Option<String>,
}

impl std::fmt::Debug for SumKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = if self.creditor.is_some() { "one creditor" } else { "all" };
        write!(to, "SumKey({} {} day {} of {whose})", self.merchant, self.currency, self.day)
    }
}

/// One person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
}

/// Why somebody decided as they did, in their own words.
#[derive(Clone, PartialEq, Eq)]
pub struct DecisionNote {
    /// Who.
    pub by: PersonId,
    /// The words; people write names into them, so they are kept sealed.
    pub text: Arc<str>,
}

impl std::fmt::Debug for DecisionNote {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "DecisionNote(by {})", self.by)
    }
}

/// The approval gate of one refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The policy that asks.
    pub policy: ApprovalPolicy,
    /// The human who made the refund, where one did; may not approve.
    pub maker: Option<PersonId>,
    /// Who agreed so far, each once.
    pub decisions: Vec<Decision>,
    /// What those who decided wrote about it, earlier and void words included.
    pub notes: Vec<DecisionNote>,
    /// The hash of what they agreed to (I-19, F-68).
    pub content: [u8; 32],
    /// Until when their word is good.
    pub valid_until: Timestamp,
}

impl Approval {
    /// True when enough people agreed.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.decisions.len() >= usize::from(self.policy.required)
    }

    /// True when this person agreed already.
    #[must_use]
    pub fn has_word_of(&self, person: PersonId) -> bool {
        self.decisions.iter().any(|decision| decision.by == person)
    }
}
