//! Total maps from our states to this provider's words (contract 4.2, 4.3).
//! Refunds and payouts share one machine; payments have their own.

pub(super) mod payments;
pub(super) mod payouts;
pub(super) mod refunds;

use refundry_domain::party::AccountIdentifier;
use refundry_domain::reason::{Failure, FailureKind};
use refundry_domain::time::Timestamp;

/// Stopped by a rule or by a person.
const BLOCKED: &str = "blocked";
/// The receiving account or a bank on the way refused it.
const SCHEME_ERROR: &str = "scheme_error";
/// The money came back after it was paid out.
const RETURNED: &str = "returned";
/// The paying account lacks the money.
const INSUFFICIENT_FUNDS: &str = "insufficient_funds";
/// The receiving account number is invalid or unknown: an international one,
/// and one with a sort code.
const INVALID_IBAN: &str = "invalid_iban";
const INVALID_SCAN: &str = "invalid_scan";
/// A fault on our side, or nobody could be reached, and nothing was sent.
const SERVER_ERROR: &str = "server_error";
/// No reason that this provider has a word for.
const UNKNOWN: &str = "unknown";

/// Where a refund or payout stands, in this provider's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Created, nothing sent yet.
    Pending,
    /// Handed to the scheme.
    Authorized,
    /// Paid out; may still come back.
    Executed,
    /// Not paid, or paid and returned.
    Failed,
}

impl Status {
    /// The word on the wire.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Authorized => "authorized",
            Self::Executed => "executed",
            Self::Failed => "failed",
        }
    }
}

/// What a state of ours means to this provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing was sent.
    Waiting,
    /// The intent to send is recorded.
    Sent,
    /// Final on the rail.
    Paid,
    /// Ended without money moving, for this reason.
    Ended(&'static str),
    /// The money came back.
    CameBack,
}

impl Step {
    /// What a webhook tells of it; nothing while it is under way.
    pub(super) fn ending(self, report_returns: bool) -> Option<Ending> {
        match self {
            Self::Waiting | Self::Sent => None,
            Self::Paid => Some(Ending::Executed),
            Self::Ended(reason) => Some(Ending::Failed(reason)),
            Self::CameBack => report_returns.then_some(Ending::Failed(RETURNED)),
        }
    }
}

/// What a webhook tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was paid out.
    Executed,
    /// It failed, for this reason.
    Failed(&'static str),
}

/// What kind of account the money goes to: an invalid one has two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// An international account number.
    Iban,
    /// Sort code and account number.
    Scan,
    /// Another kind, or unknown.
    Other,
}

impl Destination {
    /// The kind of this account.
    pub(super) fn of(account: &AccountIdentifier) -> Self {
        match account {
            AccountIdentifier::Iban(_) => Self::Iban,
            AccountIdentifier::Scan { .. } => Self::Scan,
            AccountIdentifier::Bsb { .. } | AccountIdentifier::PayId(_) | AccountIdentifier::Other { .. } => {
                Self::Other
            }
        }
    }
}

/// What a refund or payout shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The status.
    pub(super) status: Status,
    /// When it was handed over; kept afterwards.
    pub(super) authorized_at: Option<Timestamp>,
    /// When it was paid out; kept after a return.
    pub(super) executed_at: Option<Timestamp>,
    /// When it failed.
    pub(super) failed_at: Option<Timestamp>,
    /// Why it failed.
    pub(super) failure_reason: Option<&'static str>,
    /// When the money came back, also where a return is not reported.
    pub(super) returned_at: Option<Timestamp>,
}

impl Shown {
    /// Before anything happened.
    pub(super) fn new() -> Self {
        Self {
            status: Status::Pending,
            authorized_at: None,
            executed_at: None,
            failed_at: None,
            failure_reason: None,
            returned_at: None,
        }
    }

    /// Takes the next step. What is executed was always authorized, too, at
    /// the same instant where the send was jumped over.
    pub(super) fn enter(&mut self, step: Step, at: Timestamp, report_returns: bool) {
        match step {
            Step::Waiting => self.status = Status::Pending,
            Step::Sent => {
                self.authorized_at.get_or_insert(at);
                self.status = Status::Authorized;
            }
            Step::Paid => self.pay(at),
            Step::Ended(reason) => self.fail(at, reason),
            Step::CameBack => {
                self.pay(at);
                self.returned_at = Some(at);
                if report_returns {
                    self.fail(at, RETURNED);
                }
            }
        }
    }

    fn pay(&mut self, at: Timestamp) {
        self.authorized_at.get_or_insert(at);
        self.executed_at.get_or_insert(at);
        self.status = Status::Executed;
    }

    fn fail(&mut self, at: Timestamp, reason: &'static str) {
        self.failed_at = Some(at);
        self.failure_reason = Some(reason);
        self.status = Status::Failed;
    }
}

/// A reason of ours that has this word; none for other texts, and for what is
/// no refusal.
pub(super) fn failure_of_word(word: &str) -> Option<FailureKind> {
    Some(match word {
        BLOCKED => FailureKind::Regulatory,
        INSUFFICIENT_FUNDS => FailureKind::InsufficientFunds,
        INVALID_IBAN | INVALID_SCAN => FailureKind::AccountInvalid,
        SCHEME_ERROR => FailureKind::Technical,
        SERVER_ERROR => FailureKind::NotExecuted,
        UNKNOWN => FailureKind::Expired,
        _ => return None,
    })
}

/// This provider's word for our reason.
pub(super) fn reason_of(failure: Failure, destination: Destination) -> &'static str {
    match failure.kind {
        FailureKind::InsufficientFunds => INSUFFICIENT_FUNDS,
        FailureKind::FraudSuspect | FailureKind::Regulatory => BLOCKED,
        FailureKind::AccountInvalid => match destination {
            Destination::Iban => INVALID_IBAN,
            Destination::Scan => INVALID_SCAN,
            Destination::Other => SCHEME_ERROR,
        },
        FailureKind::AccountClosed
        | FailureKind::AccountBlocked
        | FailureKind::NameMismatch
        | FailureKind::PayeeDeceased
        | FailureKind::LimitExceeded
        | FailureKind::Unsupported
        | FailureKind::Format
        | FailureKind::CutOff
        | FailureKind::Technical
        | FailureKind::OwnAccount
        | FailureKind::OwnAccountClosed
        | FailureKind::OwnAccountBlocked
        | FailureKind::AliasUnknown => SCHEME_ERROR,
        FailureKind::NotExecuted => SERVER_ERROR,
        FailureKind::Unspecified if failure.bank_code.is_some() => SCHEME_ERROR,
        FailureKind::Unspecified
        | FailureKind::Duplicate
        | FailureKind::Expired
        | FailureKind::PaymentFailed
        | FailureKind::PaymentShort
        | FailureKind::PaymentBlocked
        | FailureKind::MandateAmountExceeded
        | FailureKind::MandateAmount
        | FailureKind::MandateCount
        | FailureKind::MandateInactive
        | FailureKind::MandateExpired
        | FailureKind::AuthorisationDeclined => UNKNOWN,
    }
}
