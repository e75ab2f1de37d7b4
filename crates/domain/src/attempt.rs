//! Attempts: one try to execute a refund on one rail (rails 2.3). The
//! refund's state is a function of all of them.

use crate::reason::Failure;
use crate::time::Timestamp;

/// Where one attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptState {
    /// Created, not claimed.
    Due,
    /// Intent committed with this epoch; the call may be under way until the lease ends.
    Sending {
        /// Fencing number of the claim.
        epoch: u64,
        /// When another worker may doubt the first.
        lease_until: Timestamp,
    },
    /// Outcome not known.
    Unknown {
        /// Since when.
        since: Timestamp,
        /// When to inquire next.
        inquire_at: Timestamp,
        /// How often we inquired.
        inquiries: u16,
    },
    /// The rail has it.
    Accepted {
        /// Since when.
        since: Timestamp,
    },
    /// Booked: the money moved.
    Executed,
    /// A definite refusal.
    Rejected {
        /// Why.
        failure: Failure,
    },
    /// Proven not executed (rails M6).
    Absent,
    /// Cancelled before sending, or the rail confirmed the cancellation.
    Withdrawn,
    /// The money came back.
    Returned,
}

impl AttemptState {
    /// True while the money may be on the way and nobody knows the end.
    #[must_use]
    pub fn under_way(self) -> bool {
        match self {
            Self::Sending { .. } | Self::Unknown { .. } | Self::Accepted { .. } => true,
            Self::Due | Self::Executed | Self::Rejected { .. } | Self::Absent | Self::Withdrawn | Self::Returned => {
                false
            }
        }
    }

    /// True when it is proven that no money moved by this attempt.
    #[must_use]
    pub fn ended_without_money(self) -> bool {
        match self {
            Self::Rejected { .. } | Self::Absent | Self::Withdrawn => true,
            Self::Due
            | Self::Sending { .. }
            | Self::Unknown { .. }
            | Self::Accepted { .. }
            | Self::Executed
            | Self::Returned => false,
        }
    }
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u8,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was claimed for the send.
    pub sent_at: Option<Timestamp>,
}

impl Attempt {
    /// A new attempt, not claimed.
    #[must_use]
    pub fn due(number: u8) -> Self {
        Self { number, state: AttemptState::Due, sent_at: None }
    }
}
