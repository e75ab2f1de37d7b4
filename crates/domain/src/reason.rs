//! Why a refund failed or came back: our reason, and the code the bank gave.

use std::fmt;

/// A reason code as the bank sent it (ISO 20022 external code set, or the
/// rail's own), at most eight characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BankCode([u8; 8]);

impl BankCode {
    /// Parses one to eight ASCII letters and digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            return None;
        }
        let mut code = [0; 8];
        for (to, from) in code.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        Some(Self(code))
    }

    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        self.0.get(..end).and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for BankCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

macro_rules! failure_kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal;)+) => {
        /// Why a refund ended without money moving (rails 7.2, and our own checks).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FailureKind { $($(#[$doc])* $name),+ }

        impl FailureKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code in the native API.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The stable number in stored records.
            #[must_use]
            pub fn number(self) -> u8 {
                match self { $(Self::$name => $number),+ }
            }

            /// The kind with this stored number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// The kind with this native code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

failure_kinds! {
    /// The creditor's account does not exist or is malformed.
    AccountInvalid = 1, "account_invalid";
    /// The merchant's own account was refused.
    OwnAccount = 2, "own_account";
    /// The creditor's account is closed.
    AccountClosed = 3, "account_closed";
    /// The creditor's account is blocked.
    AccountBlocked = 4, "account_blocked";
    /// The name does not match the account.
    NameMismatch = 5, "name_mismatch";
    /// The creditor died.
    PayeeDeceased = 6, "payee_deceased";
    /// The paying account lacks money.
    InsufficientFunds = 7, "insufficient_funds";
    /// A limit of the bank or the scheme.
    LimitExceeded = 8, "limit_exceeded";
    /// Found to be a duplicate, by two people.
    Duplicate = 9, "duplicate";
    /// The rail cannot pay this account.
    Unsupported = 10, "unsupported";
    /// A regulatory reason.
    Regulatory = 11, "regulatory";
    /// Suspected fraud.
    FraudSuspect = 12, "fraud_suspect";
    /// The instruction's form was refused.
    Format = 13, "format";
    /// Too late in the day.
    CutOff = 14, "cut_off";
    /// A technical refusal.
    Technical = 15, "technical";
    /// The bank gave no usable reason.
    Unspecified = 16, "unspecified";
    /// Proven not executed.
    NotExecuted = 17, "not_executed";
    /// Withdrawn after its time was up, or lapsed at the rail.
    Expired = 18, "expired";
    /// The payment failed before it settled.
    PaymentFailed = 19, "payment_failed";
    /// The payment was credited with less than its refunds ask.
    PaymentShort = 20, "payment_short";
    /// The payment was reversed, recalled or blocked before the send.
    PaymentBlocked = 21, "payment_blocked";
    /// Above the mandate's limit per refund.
    MandateAmountExceeded = 22, "mandate_amount_exceeded";
    /// Outside the mandate's other amount terms.
    MandateAmount = 23, "mandate_amount";
    /// The mandate's count of this period is used up.
    MandateCount = 24, "mandate_count";
    /// The mandate is not active any more.
    MandateInactive = 25, "mandate_inactive";
    /// The mandate ran out.
    MandateExpired = 26, "mandate_expired";
    /// The merchant declined at its bank.
    AuthorisationDeclined = 27, "authorisation_declined";
    /// The merchant's own account is closed.
    OwnAccountClosed = 28, "own_account_closed";
    /// The merchant's own account is blocked.
    OwnAccountBlocked = 29, "own_account_blocked";
    /// The creditor's alias is unknown.
    AliasUnknown = 30, "alias_unknown";
}

/// A failure: our kind and, where a bank spoke, its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Our kind.
    pub kind: FailureKind,
    /// What the bank said.
    pub bank_code: Option<BankCode>,
}

impl Failure {
    /// A failure of our own finding.
    #[must_use]
    pub const fn of(kind: FailureKind) -> Self {
        Self { kind, bank_code: None }
    }
}

/// A rail says that it executed nothing, and that neither bank nor account is why.
pub const NOT_EXECUTED: &str = "NOTEXEC";

/// Our kind for an ISO reason code (rails 7.2, the default table).
#[must_use]
pub fn kind_of_iso(code: &str) -> FailureKind {
    match code {
        "AC01" | "AC03" | "AC15" | "BE06" | "RC01" | "RC04" | "UCRD" => FailureKind::AccountInvalid,
        "AC02" | "AC05" | "DNOR" => FailureKind::OwnAccount,
        "AC04" | "AC07" => FailureKind::AccountClosed,
        "AC06" | "AG01" => FailureKind::AccountBlocked,
        "BE01" | "RVNM" => FailureKind::NameMismatch,
        "MD07" => FailureKind::PayeeDeceased,
        "AM04" => FailureKind::InsufficientFunds,
        "AM02" | "AM03" | "AM13" | "AM14" | "AM21" => FailureKind::LimitExceeded,
        "AG03" | "CNOR" | "AC14" => FailureKind::Unsupported,
        "RR01" | "RR02" | "RR03" | "RR04" => FailureKind::Regulatory,
        "FR01" | "FRAD" => FailureKind::FraudSuspect,
        "FF01" | "DT01" | "BE04" => FailureKind::Format,
        "TM01" => FailureKind::CutOff,
        "AB07" | "AB08" | "AB09" | "AB10" | "ED05" => FailureKind::Technical,
        // No code of the standard: a rail's own word for a definite "nothing of
        // it was executed, and that is our fault".
        NOT_EXECUTED => FailureKind::NotExecuted,
        other if other.starts_with("CH") => FailureKind::Format,
        _ => FailureKind::Unspecified,
    }
}

/// True for the codes that say "I have seen this before": they never fail a
/// refund by themselves (rails 7.2).
#[must_use]
pub fn says_duplicate(code: &str) -> bool {
    matches!(code, "AM05" | "DUPL" | "DU01" | "DU02" | "DU03" | "DU04" | "DU05")
}

/// True for the codes after which the outcome is unknown (rails 7.2).
#[must_use]
pub fn says_unknown(code: &str) -> bool {
    matches!(code, "AB05" | "AB06")
}
