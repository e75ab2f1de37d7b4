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
            Some(name) => format!("{} {}", isolated(name), self.account),
            None => self.account.clone(),
        }
    }
}

/// A text that somebody else wrote, in the middle of a sentence of ours: it
/// cannot turn the direction of what stands after it, such as an amount.
#[must_use]
pub fn isolated(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    // Explicit directions (Unicode Standard Annex 9, section 2) could end the isolate.
    let plain = text.chars().filter(|letter| !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    std::iter::once('\u{2068}').chain(plain).chain(['\u{2069}']).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_turns_nothing_but_itself() {
        assert_eq!(isolated("Alex Chen"), "Alex Chen");
        assert_eq!(isolated("Zoë"), "\u{2068}Zoë\u{2069}");
        assert_eq!(isolated("مريم \u{2069}\u{202e}عبد"), "\u{2068}مريم عبد\u{2069}");
        let party = PartyView { name: Some("\u{202e}evil".to_owned()), account: "••78".to_owned() };
        assert_eq!(party.sentence(), "\u{2068}evil\u{2069} ••78");
    }
}
