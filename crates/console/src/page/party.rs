//! Whom money comes from or goes to, masked.

use refundry_domain::party::{CreditorSource, Party};

/// A name, where known, and a masked account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyView {
    /// Account holder.
    pub name: Option<String>,
    /// The account, masked.
    pub account: String,
}

impl PartyView {
    /// The view of a party; without one the account is not known.
    #[must_use]
    pub fn of(party: Option<&Party>) -> Self {
        match party {
            Some(party) => Self { name: party.name.clone(), account: party.account.masked() },
            None => Self { name: None, account: "an account that is not known yet".to_owned() },
        }
    }

    /// In the middle of a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} {}", self.account),
            None => self.account.clone(),
        }
    }
}

/// Where a creditor's account came from, as a sentence.
#[must_use]
pub fn source_sentence(source: Option<CreditorSource>) -> &'static str {
    match source {
        None => "Nobody has named an account yet",
        Some(CreditorSource::PayerAccount) => "The account that the payment came from",
        Some(CreditorSource::MerchantSupplied) => "Named by the merchant's request",
        Some(CreditorSource::CustomerSupplied) => "Entered by the customer",
        Some(CreditorSource::OperatorOverride) => "Put there by two people in place of another",
    }
}
