//! Four eyes: who must agree, who did, and to what exactly.

use crate::id::PersonId;
use crate::time::{Span, Timestamp};

/// How many people must agree to a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// How many other people.
    pub required: u8,
    /// How long an approval may wait and stays good.
    pub valid_for: Span,
    /// Version of the policy, part of what an approval binds.
    pub version: u32,
}

/// One person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
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
}
