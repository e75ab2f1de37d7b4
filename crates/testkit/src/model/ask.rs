//! What the tests ask of both, in words of their own.

/// What a test may ask; `refund` is a place in the list of refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named after the core's commands")]
pub enum Ask {
    Request(Wish),
    GiveDetails { refund: usize },
    Approve { refund: usize },
    Reject { refund: usize },
    Authorise { refund: usize },
    Decline { refund: usize },
    Cancel { refund: usize },
    External { refund: usize },
    Begin { refund: usize },
    Answer { refund: usize, answer: Answer },
    Report { refund: usize, attempt: usize, evidence: u8, news: News },
    Inquiry { refund: usize },
    Absent { refund: usize },
    DecideAbsent { refund: usize, choice: Choice },
    Tick { refund: usize },
    Wait { days: u64 },
    Execute,
    Settle { credited: u64 },
    Fail,
    Reverse { amount: u64 },
    Balance { available: u64 },
}

/// What a new refund is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named after the core's command")]
pub struct Wish {
    pub amount: u64,
    pub fee: u64,
    pub shortage: Lack,
    pub reserve_at_send: bool,
    pub wait_for_settlement: bool,
    pub approval: bool,
    pub consent: bool,
}

/// What to do when the account lacks money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the core's words")]
pub enum Lack {
    Refuse,
    Fail,
    Wait,
}

/// What the rail answers to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the core's words")]
pub enum Answer {
    Accepted,
    Rejected,
    Unknown,
}

/// What the rail reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the core's words")]
pub enum News {
    Accepted,
    Executed,
    Rejected,
    Returned { back: u64 },
    Withdrawn,
    Lapsed,
}

/// What people decide about an absent attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the core's words")]
pub enum Choice {
    Again,
    Fail,
    Cancel,
}

/// How one attempt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the core's words")]
pub enum Try {
    Due,
    Sending,
    Unknown,
    Accepted,
    Executed,
    Rejected,
    Absent,
    Withdrawn,
    Returned,
}

impl Try {
    /// The rail has it or may have it.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Sending | Self::Unknown | Self::Accepted)
    }
}
