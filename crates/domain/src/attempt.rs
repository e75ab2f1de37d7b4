//! Attempts: one try to execute a refund on one rail (rails 2.3). The
//! refund's state is a function of all of them.

use crate::reason::Failure;
use crate::time::{Span, Timestamp};

/// The longest wait between two inquiries.
const INQUIRY_WAIT_MAX: Span = Span::seconds(3_600);

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
    /// True when an answer to the call of this claim still says something:
    /// after the lease it is evidence all the same.
    #[must_use]
    pub fn heeds_answer_to(self, epoch: u64) -> bool {
        match self {
            Self::Sending { epoch: claimed, .. } => claimed == epoch,
            Self::Unknown { .. } => true,
            Self::Due
            | Self::Accepted { .. }
            | Self::Executed
            | Self::Rejected { .. }
            | Self::Absent
            | Self::Withdrawn
            | Self::Returned => false,
        }
    }

    /// An unknown attempt after an inquiry that brought nothing: ask again
    /// later, twice as late each time. "Not found" is no proof (rails M7).
    #[must_use]
    pub fn asked_in_vain(self, at: Timestamp, every: Span) -> Option<Self> {
        match self {
            Self::Unknown { since, inquiries, .. } => {
                let factor = 1_u64.checked_shl(u32::from(inquiries)).unwrap_or(u64::MAX);
                let wait = Span(every.0.saturating_mul(factor).min(INQUIRY_WAIT_MAX.0));
                let inquiries = inquiries.saturating_add(1);
                Some(Self::Unknown { since, inquire_at: at.plus(wait), inquiries })
            }
            Self::Due
            | Self::Sending { .. }
            | Self::Accepted { .. }
            | Self::Executed
            | Self::Rejected { .. }
            | Self::Absent
            | Self::Withdrawn
            | Self::Returned => None,
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

/// Sets the state of one of these attempts.
pub fn set_state(attempts: &mut [Attempt], number: u8, state: AttemptState) {
    for attempt in attempts {
        if attempt.number == number {
            attempt.state = state;
        }
    }
}

/// What all attempts together say (rails 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Nothing was sent yet.
    NotBegun,
    /// The attempt of this number went through.
    Executed(u8),
    /// One went through and its money came back.
    Returned,
    /// The end is open.
    UnderWay,
    /// The newest was refused, and none moved money.
    Rejected(Failure),
    /// The newest was withdrawn, and none moved money.
    Withdrawn,
}

/// Sums these attempts up, oldest first.
#[must_use]
pub fn course(attempts: &[Attempt]) -> Course {
    let Some(newest) = attempts.last() else { return Course::NotBegun };
    if attempts.len() == 1 && newest.state == AttemptState::Due {
        return Course::NotBegun;
    }
    let find = |wanted: fn(AttemptState) -> bool| attempts.iter().find(|attempt| wanted(attempt.state));
    if let Some(executed) = find(|state| state == AttemptState::Executed) {
        return Course::Executed(executed.number);
    }
    if find(|state| state == AttemptState::Returned).is_some() {
        return Course::Returned;
    }
    if find(AttemptState::under_way).is_some() {
        return Course::UnderWay;
    }
    match newest.state {
        AttemptState::Rejected { failure } => Course::Rejected(failure),
        AttemptState::Withdrawn => Course::Withdrawn,
        AttemptState::Due
        | AttemptState::Absent
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Returned => Course::UnderWay,
    }
}
