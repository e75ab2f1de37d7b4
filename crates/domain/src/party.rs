//! Debtors and creditors: a name and an account. Their `Debug` form is masked,
//! because it may end in a log.

use std::fmt;

/// A bank account as the schemes name it. Numbers hold digits only, an IBAN
/// is upper case without spaces, a `PayID` is lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum AccountIdentifier {
    /// United Kingdom: sort code and account number.
    Scan {
        /// Six digits.
        sort_code: String,
        /// Eight digits.
        number: String,
    },
    /// Australia: bank state branch and account number.
    Bsb {
        /// Six digits.
        bsb: String,
        /// One to nine digits.
        number: String,
    },
    /// International bank account number (ISO 13616).
    Iban(String),
    /// An alias of the New Payments Platform.
    PayId(String),
    /// An account of another scheme, such as one of the United States.
    Other {
        /// The scheme's word, lower case: `aba`, `swift`, `cubix`.
        scheme: String,
        /// The bank's number or code in that scheme; may be empty.
        bank: String,
        /// The account's number.
        number: String,
    },
}

impl AccountIdentifier {
    /// The text form that enters the stable reference (rails 3.4).
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Scan { sort_code, number } => format!("scan:{sort_code}:{number}"),
            Self::Bsb { bsb, number } => format!("bsb:{bsb}:{number}"),
            Self::Iban(iban) => format!("iban:{iban}"),
            Self::PayId(alias) => format!("payid:{alias}"),
            Self::Other { scheme, bank, number } => format!("other:{scheme}:{bank}:{number}"),
        }
    }

    /// The form that people see: the scheme and the last characters only.
    #[must_use]
    pub fn masked(&self) -> String {
        let tail = |text: &str, keep: usize| -> String {
            let count = text.chars().count();
            let keep = keep.min(count.saturating_div(2));
            let tail: String = text.chars().skip(count.saturating_sub(keep)).collect();
            format!("••{tail}")
        };
        match self {
            Self::Scan { number, .. } | Self::Bsb { number, .. } | Self::Other { number, .. } => tail(number, 2),
            Self::Iban(iban) => {
                format!("{}{}", iban.get(..2).unwrap_or_default(), tail(iban, 4))
            }
            Self::PayId(alias) => match alias.split_once('@') {
                Some((_, host)) => format!("••@{host}"),
                None => tail(alias, 2),
            },
        }
    }
}

impl fmt::Debug for AccountIdentifier {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.masked())
    }
}

/// Whose account it is: a name, where known, and an account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Party {
    /// Account holder as the bank gave it.
    pub name: Option<String>,
    /// The account.
    pub account: AccountIdentifier,
}

impl fmt::Debug for Party {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Party({})", self.account.masked())
    }
}

/// Where the creditor's account of a refund came from (design section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CreditorSource {
    /// The account that the payment came from.
    PayerAccount,
    /// The merchant named it in the request.
    MerchantSupplied,
    /// The customer entered it on a page of ours.
    CustomerSupplied,
    /// Two people put it in place of a known one.
    OperatorOverride,
}

/// Who receives a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creditor {
    /// Nobody knows yet; the details gate asks.
    Unknown,
    /// The payment's own debtor, kept on the payment.
    Payer,
    /// An account given for this refund.
    Given {
        /// The account.
        party: Party,
        /// Who gave it.
        source: CreditorSource,
    },
}

impl Creditor {
    /// The source code of the creditor, where one is known.
    #[must_use]
    pub fn source(&self) -> Option<CreditorSource> {
        match self {
            Self::Unknown => None,
            Self::Payer => Some(CreditorSource::PayerAccount),
            Self::Given { source, .. } => Some(*source),
        }
    }
}
