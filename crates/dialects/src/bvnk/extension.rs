//! What only this dialect knows of a refund or pay-in. Stored with the object
//! in the core's own notation.

use super::DIALECT;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::money::Currency;
use refundry_domain::once::Fingerprint;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;

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
}

impl PayinNotes {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        to.byte(VERSION).text(&self.method).text(&self.reference).byte(u8::from(self.entity == Entity::Company));
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            method: from.text()?.to_owned(),
            reference: from.text()?.to_owned(),
            entity: if from.flag()? { Entity::Company } else { Entity::Individual },
        })
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
        })
    }
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
        let notes = PayinNotes { method: "ACH".into(), reference: "INV".into(), entity: Entity::Company };
        assert_eq!(PayinNotes::decode(&notes.encode()), Ok(notes));
        assert!(PayinNotes::decode(&[9]).is_err());
    }
}
