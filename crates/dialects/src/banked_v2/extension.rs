//! What only this dialect knows of a payment or refund. Stored with the object
//! in the core's own notation; the store seals it, because it holds names,
//! addresses and account numbers.

use super::DIALECT;
use crate::banked::checkout::{decision_of, number_of};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::party::AccountIdentifier;
use refundry_domain::payment::Payment;
use refundry_domain::refund::Refund;
use refundry_domain::time::Timestamp;
use refundry_engine::hosted::{Decision, LetterRefused};
use std::fmt;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;
/// First byte of a refund's extension since letters may be refused for good.
const REFUND_VERSION: u8 = 2;

/// A row of what was bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineItem {
    /// What it is.
    pub(super) name: String,
    /// Minor units of one.
    pub(super) amount: u64,
    /// How many.
    pub(super) quantity: u64,
    /// More about it.
    pub(super) description: Option<String>,
}

/// Who pays, in the merchant's words.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Payer {
    /// Their name.
    pub(super) name: Option<String>,
    /// Where letters go.
    pub(super) email: Option<String>,
}

impl fmt::Debug for Payer {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Payer(..)")
    }
}

/// What the dialect keeps with a payment session.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SessionExtension {
    /// The merchant's words for the payer's statement.
    pub(super) statement_text: String,
    /// Where the payer goes after paying; empty for nowhere.
    pub(super) success_url: String,
    /// Where the payer goes otherwise; empty for nowhere.
    pub(super) error_url: String,
    /// What was bought.
    pub(super) line_items: Vec<LineItem>,
    /// Who is paid.
    pub(super) payee_name: String,
    /// Into which account, as the merchant named it.
    pub(super) payee_account: AccountIdentifier,
    /// Who pays.
    pub(super) payer: Option<Payer>,
    /// The merchant wants a receipt sent.
    pub(super) email_receipt: bool,
    /// Members without an effect, canonical JSON; empty for none.
    pub(super) echoed: String,
    /// The bank that the payer chose.
    pub(super) provider: Option<String>,
    /// What the payer decided there.
    pub(super) decision: Option<Decision>,
}

impl fmt::Debug for SessionExtension {
    /// Without names, addresses and account numbers.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "SessionExtension({:?})", self.provider)
    }
}

impl SessionExtension {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        to.byte(VERSION).text(&self.statement_text).text(&self.success_url).text(&self.error_url);
        to.list(&self.line_items, |to, item| {
            to.text(&item.name).number(item.amount).number(item.quantity);
            option_text(to, item.description.as_deref());
        });
        to.text(&self.payee_name);
        encode_account(&mut to, &self.payee_account);
        to.option(self.payer.as_ref(), |to, payer| {
            option_text(to, payer.name.as_deref());
            option_text(to, payer.email.as_deref());
        });
        to.byte(u8::from(self.email_receipt)).text(&self.echoed);
        option_text(&mut to, self.provider.as_deref());
        to.option(self.decision, |to, decision| {
            to.byte(number_of(decision));
        });
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let from = &mut from;
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            statement_text: owned(from)?,
            success_url: owned(from)?,
            error_url: owned(from)?,
            line_items: from.list(|from| {
                Ok(LineItem {
                    name: owned(from)?,
                    amount: from.number()?,
                    quantity: from.number()?,
                    description: from.option(owned)?,
                })
            })?,
            payee_name: owned(from)?,
            payee_account: decode_account(from)?,
            payer: from.option(|from| Ok(Payer { name: from.option(owned)?, email: from.option(owned)? }))?,
            email_receipt: from.flag()?,
            echoed: owned(from)?,
            provider: from.option(owned)?,
            decision: from.option(|from| decision_of(from.byte()?))?,
        })
    }

    /// What was stored with a payment; none for one of another door.
    pub(super) fn of(payment: &Payment) -> Option<Self> {
        if *payment.origin.dialect != *DIALECT {
            return None;
        }
        Self::decode(&payment.extension).ok()
    }
}

/// What the dialect keeps with a refund.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct RefundExtension {
    /// Where the merchant goes after authorising; empty for nowhere.
    pub(super) success_url: String,
    /// Where the merchant goes otherwise; empty for nowhere.
    pub(super) error_url: String,
    /// The merchant's name at the refund's creation.
    pub(super) merchant_name: String,
    /// How often the link for details was renewed.
    pub(super) renewals: u64,
    /// When letters with the link went out, oldest first.
    pub(super) letters: Vec<Timestamp>,
    /// How many of them brought the link that is good now.
    pub(super) letters_of_link: u64,
    /// The bank that the merchant chose.
    pub(super) provider: Option<String>,
    /// The letter with the link that is good now was refused for good.
    pub(super) refused: Option<LetterRefused>,
}

impl RefundExtension {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        to.byte(REFUND_VERSION).text(&self.success_url).text(&self.error_url).text(&self.merchant_name);
        to.number(self.renewals);
        to.list(&self.letters, |to, at| {
            to.signed(at.0);
        });
        to.number(self.letters_of_link);
        option_text(&mut to, self.provider.as_deref());
        to.option(self.refused, |to, refused| {
            to.number(u64::from(refused.code)).signed(refused.at.0);
        });
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let from = &mut from;
        let version = from.byte()?;
        if !matches!(version, VERSION | REFUND_VERSION) {
            return Err(Malformed);
        }
        Ok(Self {
            success_url: owned(from)?,
            error_url: owned(from)?,
            merchant_name: owned(from)?,
            renewals: from.number()?,
            letters: from.list(|from| from.signed().map(Timestamp))?,
            letters_of_link: from.number()?,
            provider: from.option(owned)?,
            refused: if version == VERSION { None } else { from.option(refused)? },
        })
    }

    /// What was stored with a refund; none for one of another door.
    pub(super) fn own(refund: &Refund) -> Option<Self> {
        if *refund.origin.dialect != *DIALECT {
            return None;
        }
        Self::decode(&refund.extension).ok()
    }

    /// The same, or nothing where it is of another door.
    pub(super) fn of(refund: &Refund) -> Self {
        Self::own(refund).unwrap_or_default()
    }
}

fn refused(from: &mut Decoder<'_>) -> Result<LetterRefused, Malformed> {
    let code = u16::try_from(from.number()?).map_err(|_| Malformed)?;
    Ok(LetterRefused { code, at: Timestamp(from.signed()?) })
}

fn owned(from: &mut Decoder<'_>) -> Result<String, Malformed> {
    from.text().map(str::to_owned)
}

fn option_text(to: &mut Encoder, text: Option<&str>) {
    to.option(text, |to, text| {
        to.text(text);
    });
}

fn encode_account(to: &mut Encoder, account: &AccountIdentifier) {
    match account {
        AccountIdentifier::Scan { sort_code, number } => to.byte(0).text(sort_code).text(number),
        AccountIdentifier::Bsb { bsb, number } => to.byte(1).text(bsb).text(number),
        AccountIdentifier::Iban(iban) => to.byte(2).text(iban),
        AccountIdentifier::PayId(alias) => to.byte(3).text(alias),
        AccountIdentifier::Other { scheme, bank, number } => to.byte(4).text(scheme).text(bank).text(number),
    };
}

fn decode_account(from: &mut Decoder<'_>) -> Result<AccountIdentifier, Malformed> {
    Ok(match from.byte()? {
        0 => AccountIdentifier::Scan { sort_code: owned(from)?, number: owned(from)? },
        1 => AccountIdentifier::Bsb { bsb: owned(from)?, number: owned(from)? },
        2 => AccountIdentifier::Iban(owned(from)?),
        3 => AccountIdentifier::PayId(owned(from)?),
        4 => AccountIdentifier::Other { scheme: owned(from)?, bank: owned(from)?, number: owned(from)? },
        _ => return Err(Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let session = SessionExtension {
            statement_text: "Fernhill 2093".into(),
            success_url: "https://shop.example.org/ok".into(),
            error_url: String::new(),
            line_items: vec![LineItem { name: "Rug".into(), amount: 2_500, quantity: 2, description: None }],
            payee_name: "Fernhill Ltd".into(),
            payee_account: AccountIdentifier::Scan { sort_code: "010203".into(), number: "12345678".into() },
            payer: Some(Payer { name: None, email: Some("ida@example.org".into()) }),
            email_receipt: true,
            echoed: "{}".into(),
            provider: Some("mock-bank".into()),
            decision: Some(Decision::KeepPending),
        };
        assert_eq!(SessionExtension::decode(&session.encode()), Ok(session.clone()));
        assert!(!format!("{session:?}").contains("ida"));
        for account in [
            AccountIdentifier::Bsb { bsb: "111114".into(), number: "1".into() },
            AccountIdentifier::Iban("DE89370400440532013000".into()),
            AccountIdentifier::PayId("a@b".into()),
        ] {
            let session = SessionExtension { payee_account: account, payer: None, ..session.clone() };
            assert_eq!(SessionExtension::decode(&session.encode()), Ok(session));
        }
        let refund = RefundExtension {
            success_url: "https://shop.example.org/r-ok".into(),
            merchant_name: "Fernhill Ltd".into(),
            renewals: 2,
            letters: vec![Timestamp(7), Timestamp(9)],
            letters_of_link: 1,
            ..RefundExtension::default()
        };
        assert_eq!(RefundExtension::decode(&refund.encode()), Ok(refund.clone()));
        // As it was written before letters could be refused: one byte less.
        let mut first = refund.encode().to_vec();
        first.pop();
        first[0] = VERSION;
        assert_eq!(RefundExtension::decode(&first), Ok(refund.clone()));
        let refused = Some(LetterRefused { code: 550, at: Timestamp(11) });
        let refund = RefundExtension { refused, ..refund };
        assert_eq!(RefundExtension::decode(&refund.encode()), Ok(refund));
    }
}
