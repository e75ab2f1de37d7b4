//! Scenarios: what the bank is made to do with a refund (design section 9).

use super::books::BankDown;
use super::levers::iso;
use refundry_domain::id::{PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::Report;
use refundry_domain::reason::{BankCode, FailureKind, NOT_EXECUTED};
use refundry_domain::time::Span;

macro_rules! outcome_kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal;)+) => {
        /// What the bank does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OutcomeKind { $($(#[$doc])* $name),+ }

        impl OutcomeKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in the sandbox API.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The kind with this word.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }

            /// The number in the books.
            pub(super) fn number(self) -> u8 {
                match self { $(Self::$name => $number),+ }
            }

            /// The kind with this number in the books.
            pub(super) fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

outcome_kinds! {
    /// Executed.
    Settle = 1, "settle";
    /// Refused, MS03 unless a reason is given.
    Fail = 2, "fail";
    /// Executed, then sent back, AC04 unless a reason is given.
    Return = 3, "return";
    /// Accepted and checked by the bank until another outcome is set, or, with
    /// `after`, for the account's own delay: then executed, and told `after` that.
    Hold = 4, "hold";
    /// Taken and executed, but the answer is lost and the first inquiries
    /// find nothing; the report comes late.
    Timeout = 5, "timeout";
    /// Executed, and every report comes twice.
    ReportTwice = 6, "report_twice";
    /// Executed, but the report comes much later.
    Late = 7, "late";
    /// The report of the execution comes before that of the acceptance.
    OutOfOrder = 8, "out_of_order";
    /// Executed, and then reported as refused; on a refused one the reverse.
    Contradict = 9, "contradict";
    /// Not taken yet: what was not sent stays with us until another outcome is
    /// set, or for as long as `after` says; then executed.
    Wait = 10, "wait";
}

/// An outcome to force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What the bank does.
    pub kind: OutcomeKind,
    /// The code that it gives for a refusal or a return.
    pub reason: Option<BankCode>,
    /// For `settle`, `fail`, `timeout` and `report_twice`: how long until the
    /// bank executes or refuses; without it the account's own delay, or at
    /// once where the instruction is already under way. For `return`, `late`,
    /// `out_of_order` and `contradict`: how long what follows the execution
    /// takes; without it nothing, for `late` an hour. For `wait`: how much
    /// later it is taken; without it never. Not scaled: the clock
    /// can be moved.
    pub after: Option<Span>,
}

impl Outcome {
    /// This outcome with its default reason and times.
    #[must_use]
    pub const fn of(kind: OutcomeKind) -> Self {
        Self { kind, reason: None, after: None }
    }
}

/// What an outcome is set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A refund, also one whose instruction the bank has not seen yet: its
    /// instruction under way, else its next one.
    Refund(RefundId),
    /// The same for a payout.
    Payout(PayoutId),
    /// The later refunds of a payment; an outcome of the refund comes first.
    Payment(PaymentId),
}

/// Why an outcome was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeRefused {
    /// The money has left; only `return`, `report_twice` and `contradict`
    /// still apply.
    #[error("the instruction is executed already")]
    Executed,
    /// The bank has the instruction, so that it waits for nothing any more.
    #[error("the instruction was sent already")]
    Sent,
    /// The books could not be written.
    #[error("the outcome could not be set")]
    Down(#[from] BankDown),
}

/// In place of a code: what was not executed by the end of its validity is
/// reported as lapsed.
const LAPSED: &str = "LAPSED";

/// What the bank tells of an instruction that it refused with this code.
pub(super) fn refusal(code: Option<BankCode>) -> Report {
    if code.is_some_and(|code| code.as_str() == LAPSED) { Report::Lapsed } else { Report::Rejected { code } }
}

/// The code of a refusal that names no reason.
pub(super) fn refusal_default() -> BankCode {
    iso("MS03")
}

/// The code of a return that names no reason.
pub(super) fn return_default() -> BankCode {
    iso("AC04")
}

/// Reads the reason of a scenario: an ISO code of four characters, or one of
/// our failure words that a bank can mean (rails 7.2).
#[must_use]
pub fn parse_reason(text: &str) -> Option<BankCode> {
    if let Some(kind) = FailureKind::from_code(text) {
        return code_of(kind);
    }
    (text.len() == 4).then(|| BankCode::parse(text)).flatten()
}

/// The code by which a bank says this; none for what no bank says.
fn code_of(kind: FailureKind) -> Option<BankCode> {
    let code = match kind {
        FailureKind::AccountInvalid => "AC01",
        FailureKind::OwnAccount => "AC02",
        FailureKind::AccountClosed => "AC04",
        FailureKind::AccountBlocked => "AC06",
        FailureKind::NameMismatch => "BE01",
        FailureKind::PayeeDeceased => "MD07",
        FailureKind::InsufficientFunds => "AM04",
        FailureKind::LimitExceeded | FailureKind::MandateAmountExceeded => "AM14",
        FailureKind::Duplicate => "AM05",
        FailureKind::Unsupported => "AG03",
        FailureKind::Regulatory => "RR04",
        FailureKind::FraudSuspect => "FR01",
        FailureKind::Format => "FF01",
        FailureKind::CutOff => "TM01",
        FailureKind::Technical => "ED05",
        FailureKind::Unspecified => "MS03",
        FailureKind::MandateInactive => "MD16",
        FailureKind::OwnAccountClosed => "AC05",
        FailureKind::NotExecuted => NOT_EXECUTED,
        FailureKind::Expired => LAPSED,
        FailureKind::PaymentFailed
        | FailureKind::PaymentShort
        | FailureKind::PaymentBlocked
        | FailureKind::MandateAmount
        | FailureKind::MandateCount
        | FailureKind::MandateExpired
        | FailureKind::AuthorisationDeclined
        | FailureKind::OwnAccountBlocked
        | FailureKind::AliasUnknown => return None,
    };
    Some(iso(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::reason::{kind_of_iso, says_duplicate};

    #[test]
    fn words_and_numbers_come_back() {
        for kind in OutcomeKind::ALL {
            assert_eq!(OutcomeKind::from_code(kind.code()), Some(*kind));
            assert_eq!(OutcomeKind::from_number(kind.number()), Some(*kind));
        }
        assert_eq!((OutcomeKind::from_code("explode"), OutcomeKind::from_number(0)), (None, None));
    }

    #[test]
    fn a_reason_is_a_code_or_our_word() {
        let read = |text: &str| parse_reason(text).map(|code| code.as_str().to_owned());
        let table = [
            ("AC04", Some("AC04")),
            ("insufficient_funds", Some("AM04")),
            ("format", Some("FF01")),
            ("cut_off", Some("TM01")),
            ("not_executed", Some("NOTEXEC")),
            ("expired", Some("LAPSED")),
            ("payment_failed", None),
            ("payment_short", None),
            ("", None),
            ("AM045", None),
            ("AM-4", None),
        ];
        for (text, code) in table {
            assert_eq!(read(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn a_word_means_its_code() {
        let by_the_rail = [
            FailureKind::Expired,
            FailureKind::MandateAmountExceeded,
            FailureKind::MandateInactive,
            FailureKind::OwnAccountClosed,
        ];
        for kind in FailureKind::ALL.iter().filter(|kind| !by_the_rail.contains(kind)) {
            let Some(code) = code_of(*kind) else { continue };
            let meant = kind_of_iso(code.as_str()) == *kind;
            assert!(meant || says_duplicate(code.as_str()), "{kind:?} {code:?}");
        }
    }
}
