//! What only this dialect knows of a refund or pay-in: texts that it echoes.
//! Stored with the object in the core's own notation.

use super::DIALECT;
use crate::banked::checkout::{decision_of, number_of};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_engine::hosted::Decision;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;
/// First byte of a pay-in's once its checkout was visited.
const VISITED_VERSION: u8 = 2;

/// Texts that a client gave and gets back.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    /// The client's own end-to-end id; never the one on the rail.
    pub(super) end_to_end: Option<&'a str>,
    /// Free remittance text.
    pub(super) unstructured: Option<&'a str>,
    /// Structured creditor reference.
    pub(super) structured: Option<&'a str>,
    /// Pairs in the order in which they are printed.
    pub(super) metadata: Option<Vec<(&'a str, &'a str)>>,
    /// Name of the ultimate creditor (pay-ins).
    pub(super) creditor_name: Option<&'a str>,
    /// Where the payer goes afterwards (pay-ins).
    pub(super) redirect_url: Option<&'a str>,
    /// The bank that the payer chose (pay-ins).
    pub(super) bank: Option<&'a str>,
    /// What the payer decided there (pay-ins).
    pub(super) decision: Option<Decision>,
}

impl<'a> Texts<'a> {
    /// The stored form; empty when nothing was given.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        if *self == Self::default() {
            return Arc::from([]);
        }
        let mut to = Encoder::new();
        let visited = self.bank.is_some() || self.decision.is_some();
        to.byte(if visited { VISITED_VERSION } else { VERSION });
        for text in [self.end_to_end, self.unstructured, self.structured, self.creditor_name, self.redirect_url] {
            to.option(text, |to, text| {
                to.text(text);
            });
        }
        to.option(self.metadata.as_deref(), |to, pairs| {
            to.list(pairs, |to, (key, value)| {
                to.text(key).text(value);
            });
        });
        if visited {
            to.option(self.bank, |to, bank| {
                to.text(bank);
            });
            to.option(self.decision, |to, decision| {
                to.byte(number_of(decision));
            });
        }
        Arc::from(to.finish())
    }

    fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let version = from.byte()?;
        if !matches!(version, VERSION | VISITED_VERSION) {
            return Err(Malformed);
        }
        let mut read = Self {
            end_to_end: from.option(Decoder::text)?,
            unstructured: from.option(Decoder::text)?,
            structured: from.option(Decoder::text)?,
            creditor_name: from.option(Decoder::text)?,
            redirect_url: from.option(Decoder::text)?,
            metadata: from.option(|from| from.list(|from| Ok((from.text()?, from.text()?))))?,
            ..Self::default()
        };
        if version == VISITED_VERSION {
            read.bank = from.option(Decoder::text)?;
            read.decision = from.option(|from| decision_of(from.byte()?))?;
        }
        Ok(read)
    }

    /// The texts of a refund; none for one of another door.
    pub(super) fn of_refund(refund: &'a Refund) -> Self {
        Self::of(&refund.origin.dialect, &refund.extension)
    }

    /// The texts of a pay-in; none for one of another door.
    pub(super) fn of_payment(payment: &'a Payment) -> Self {
        Self::of(&payment.origin.dialect, &payment.extension)
    }

    fn of(dialect: &str, bytes: &'a [u8]) -> Self {
        if dialect != DIALECT || bytes.is_empty() {
            return Self::default();
        }
        // Our own record that does not read back hides its texts and nothing else.
        Self::decode(bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let texts = Texts {
            end_to_end: Some("e2e"),
            unstructured: Some(""),
            structured: None,
            metadata: Some(vec![("7", "seven"), ("é", "/")]),
            creditor_name: Some("Fernhill"),
            redirect_url: Some("https://shop.example.org/"),
            ..Texts::default()
        };
        let bytes = texts.encode();
        assert_eq!(Texts::of(DIALECT, &bytes), texts);
        assert_eq!(Texts::of("native", &bytes), Texts::default());
        let visited = Texts { bank: Some("mock-bank-au"), decision: Some(Decision::Decline), ..texts };
        assert_eq!(Texts::of(DIALECT, &visited.encode()), visited);
        assert_eq!(Texts::default().encode().len(), 0);
        let empty = Texts { metadata: Some(vec![]), ..Texts::default() };
        assert_eq!(Texts::of(DIALECT, &empty.encode()), empty);
    }
}
