//! What only this dialect knows of a refund or pay-in. Stored with the object
//! in the core's own notation.

use super::DIALECT;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::money::Currency;
use refundry_domain::once::Fingerprint;
use refundry_domain::party::Party;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;
/// The same of a pay-in whose payer's bank was named beside an account that
/// needs no such name.
const VERSION_WITH_BANK: u8 = 2;

/// Whether a holder is a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Entity {
    /// A person.
    #[default]
    Individual,
    /// A company.
    Company,
}

/// What a refund's client said, and gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefundNotes {
    /// The client's own text.
    pub(super) customer_reference: String,
    /// The pairs as JSON text; empty for none.
    pub(super) metadata: String,
    /// Hash of the request, for those who repeat it.
    pub(super) request: Fingerprint,
}

impl RefundNotes {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        to.byte(VERSION).text(&self.customer_reference).text(&self.metadata).blob(&self.request.0);
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            customer_reference: from.text()?.to_owned(),
            metadata: from.text()?.to_owned(),
            request: Fingerprint(from.blob()?.try_into().map_err(|_| Malformed)?),
        })
    }

    /// The notes of a refund; none for one of another door.
    pub(super) fn of(refund: &Refund) -> Option<Self> {
        // Our own record that does not read back hides its texts and nothing else.
        (*refund.origin.dialect == *DIALECT).then(|| Self::decode(&refund.extension).ok()).flatten()
    }
}

/// How a pay-in came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PayinNotes {
    /// The method's word.
    pub(super) method: String,
    /// The text on the statement.
    pub(super) reference: String,
    /// Who paid.
    pub(super) entity: Entity,
    /// The code of the payer's bank where the account does not hold one; empty
    /// where nobody told.
    pub(super) bank_code: String,
}

impl PayinNotes {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        let version = if self.bank_code.is_empty() { VERSION } else { VERSION_WITH_BANK };
        to.byte(version).text(&self.method).text(&self.reference).byte(u8::from(self.entity == Entity::Company));
        if version == VERSION_WITH_BANK {
            to.text(&self.bank_code);
        }
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let version = from.byte()?;
        if !matches!(version, VERSION | VERSION_WITH_BANK) {
            return Err(Malformed);
        }
        Ok(Self {
            method: from.text()?.to_owned(),
            reference: from.text()?.to_owned(),
            entity: if from.flag()? { Entity::Company } else { Entity::Individual },
            bank_code: if version == VERSION_WITH_BANK { from.text()?.to_owned() } else { String::new() },
        })
    }

    /// The payer with what is known of them.
    pub(super) fn holder<'a>(&'a self, party: &'a Party) -> Holder<'a> {
        Holder { party, entity: self.entity, bank_code: &self.bank_code }
    }

    /// The notes of a pay-in. One that came through another door and does not
    /// know its method has the usual one of its currency.
    pub(super) fn of(payment: &Payment) -> Self {
        let own = *payment.origin.dialect == *DIALECT;
        let known = own.then(|| Self::decode(&payment.extension).ok()).flatten();
        known.unwrap_or_else(|| Self {
            method: payment.method.as_deref().unwrap_or_else(|| usual_method(payment.amount.currency)).to_owned(),
            reference: payment.merchant_reference.clone().unwrap_or_default(),
            entity: Entity::Individual,
            bank_code: String::new(),
        })
    }
}

/// Whose account it is, and what stands beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder<'a> {
    /// Name and account.
    pub(super) party: &'a Party,
    /// Whether it is a person.
    pub(super) entity: Entity,
    /// The code of the bank where the account does not hold one; may be empty.
    pub(super) bank_code: &'a str,
}

/// How money of a currency usually comes, as far as anybody can tell: by a
/// method that takes refunds in parts.
fn usual_method(currency: Currency) -> &'static str {
    match currency.code() {
        "GBP" => "FASTER_PAYMENT",
        "EUR" => "SEPA_CT",
        "AUD" => "NPP",
        _ => "SWIFT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let notes = RefundNotes {
            customer_reference: "ticket-88412".into(),
            metadata: "{\"a\":1}".into(),
            request: Fingerprint([7; 16]),
        };
        assert_eq!(RefundNotes::decode(&notes.encode()), Ok(notes));
        for bank_code in ["", "BYLADEM1001"] {
            let (method, bank_code) = ("ACH".to_owned(), bank_code.to_owned());
            let notes = PayinNotes { method, reference: "INV".into(), entity: Entity::Company, bank_code };
            assert_eq!(PayinNotes::decode(&notes.encode()), Ok(notes));
        }
        assert!(PayinNotes::decode(&[9]).is_err());
    }
}
