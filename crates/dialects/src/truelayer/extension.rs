//! What only this dialect knows of a payment: who pays, the words that are
//! echoed, and how far the authorisation went. Stored with the payment in the
//! core's own notation; the store seals it, because it holds names and account
//! numbers.

use super::DIALECT;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::payment::Payment;
use std::fmt;
use std::sync::Arc;

/// First byte of a stored extension.
const VERSION: u8 = 1;

/// Where an authorisation stands: what the client has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The payer chooses a bank.
    ProviderSelection,
    /// The payer agrees to be sent there.
    Consent,
    /// The bank wants to know more.
    Form,
    /// The payer goes to the bank.
    Redirect,
    /// The payer came back; the bank has the word.
    Wait,
    /// The payer came back without having paid, and may try again.
    Retry,
}

impl Step {
    fn number(self) -> u8 {
        match self {
            Self::ProviderSelection => 0,
            Self::Consent => 1,
            Self::Form => 2,
            Self::Redirect => 3,
            Self::Wait => 4,
            Self::Retry => 5,
        }
    }

    fn from_number(number: u8) -> Result<Self, Malformed> {
        Ok(match number {
            0 => Self::ProviderSelection,
            1 => Self::Consent,
            2 => Self::Form,
            3 => Self::Redirect,
            4 => Self::Wait,
            5 => Self::Retry,
            _ => return Err(Malformed),
        })
    }
}

/// What the payer does at the mock bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Pays.
    Execute,
    /// Is not let in.
    RejectAuthorisation,
    /// Agrees, and the bank does not send the money.
    RejectExecution,
    /// Changes their mind.
    Cancel,
}

impl Deed {
    fn number(self) -> u8 {
        match self {
            Self::Execute => 0,
            Self::RejectAuthorisation => 1,
            Self::RejectExecution => 2,
            Self::Cancel => 3,
        }
    }

    fn from_number(number: u8) -> Result<Self, Malformed> {
        Ok(match number {
            0 => Self::Execute,
            1 => Self::RejectAuthorisation,
            2 => Self::RejectExecution,
            3 => Self::Cancel,
            _ => return Err(Malformed),
        })
    }
}

/// A deed and how long the mock bank takes its time, where it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// What the payer did.
    pub(super) deed: Deed,
    /// Seconds from the return to the execution.
    pub(super) execution_delay: Option<u32>,
    /// Seconds from the execution to the settlement.
    pub(super) settlement_delay: Option<u32>,
}

/// An authorisation that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    /// The client can show a consent.
    pub(super) consent: bool,
    /// The client can show a form.
    pub(super) form: bool,
    /// Where the payer goes when all is done.
    pub(super) return_uri: Option<String>,
    /// Where the bank sends the payer, instead of our own page.
    pub(super) direct_return_uri: Option<String>,
    /// What comes next.
    pub(super) step: Step,
    /// What the payer did at the mock bank.
    pub(super) choice: Option<Choice>,
}

/// What the dialect keeps with a payment.
#[derive(Default, Clone, PartialEq, Eq)]
pub(super) struct PaymentExtension {
    /// The payer's id for this client.
    pub(super) user_id: String,
    /// The payer's name, for the mock bank's account.
    pub(super) payer_name: Option<String>,
    /// Pairs that are echoed, in the order in which they were given.
    pub(super) metadata: Vec<(String, String)>,
    /// The payment method as the client gave it, canonical JSON.
    pub(super) method: String,
    /// The payer chooses the bank (otherwise the client did).
    pub(super) user_selected: bool,
    /// The bank.
    pub(super) provider: Option<String>,
    /// The scheme over which the money comes.
    pub(super) scheme: Option<String>,
    /// The money goes to an account that we do not hold: it never settles
    /// here and cannot be refunded.
    pub(super) external: bool,
    /// A failed attempt does not end the payment.
    pub(super) may_retry: bool,
    /// The authorisation, once begun.
    pub(super) flow: Option<Flow>,
}

impl fmt::Debug for PaymentExtension {
    /// Without names and account numbers.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "PaymentExtension({:?}, {:?})", self.provider, self.flow)
    }
}

impl PaymentExtension {
    /// The stored form.
    pub(super) fn encode(&self) -> Arc<[u8]> {
        let mut to = Encoder::new();
        to.byte(VERSION).text(&self.user_id);
        option_text(&mut to, self.payer_name.as_deref());
        to.list(&self.metadata, |to, (key, value)| {
            to.text(key).text(value);
        });
        to.text(&self.method).byte(u8::from(self.user_selected));
        option_text(&mut to, self.provider.as_deref());
        option_text(&mut to, self.scheme.as_deref());
        to.byte(u8::from(self.external)).byte(u8::from(self.may_retry));
        to.option(self.flow.as_ref(), encode_flow);
        Arc::from(to.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let from = &mut from;
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            user_id: owned(from)?,
            payer_name: from.option(owned)?,
            metadata: from.list(|from| Ok((owned(from)?, owned(from)?)))?,
            method: owned(from)?,
            user_selected: from.flag()?,
            provider: from.option(owned)?,
            scheme: from.option(owned)?,
            external: from.flag()?,
            may_retry: from.flag()?,
            flow: from.option(decode_flow)?,
        })
    }

    /// What was stored with a payment; none for one of another door.
    pub(super) fn of(payment: &Payment) -> Option<Self> {
        if *payment.origin.dialect != *DIALECT {
            return None;
        }
        Self::decode(&payment.extension).ok()
    }

    /// The step of the authorisation, where one was begun.
    pub(super) fn step(&self) -> Option<Step> {
        self.flow.as_ref().map(|flow| flow.step)
    }
}

fn owned(from: &mut Decoder<'_>) -> Result<String, Malformed> {
    from.text().map(str::to_owned)
}

fn option_text(to: &mut Encoder, text: Option<&str>) {
    to.option(text, |to, text| {
        to.text(text);
    });
}

fn encode_flow(to: &mut Encoder, flow: &Flow) {
    to.byte(u8::from(flow.consent)).byte(u8::from(flow.form));
    option_text(to, flow.return_uri.as_deref());
    option_text(to, flow.direct_return_uri.as_deref());
    to.byte(flow.step.number());
    to.option(flow.choice, |to, choice| {
        to.byte(choice.deed.number());
        for delay in [choice.execution_delay, choice.settlement_delay] {
            to.option(delay, |to, seconds| {
                to.number(u64::from(seconds));
            });
        }
    });
}

fn decode_flow(from: &mut Decoder<'_>) -> Result<Flow, Malformed> {
    Ok(Flow {
        consent: from.flag()?,
        form: from.flag()?,
        return_uri: from.option(owned)?,
        direct_return_uri: from.option(owned)?,
        step: Step::from_number(from.byte()?)?,
        choice: from.option(|from| {
            Ok(Choice {
                deed: Deed::from_number(from.byte()?)?,
                execution_delay: from.option(seconds)?,
                settlement_delay: from.option(seconds)?,
            })
        })?,
    })
}

fn seconds(from: &mut Decoder<'_>) -> Result<u32, Malformed> {
    u32::try_from(from.number()?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mut stored = PaymentExtension {
            user_id: "51843173-645f-4680-aa2f-45e6614a9d30".into(),
            payer_name: Some("Ida Korhonen".into()),
            metadata: vec![("é".into(), "/".into()), ("order".into(), String::new())],
            method: r#"{"type":"bank_transfer"}"#.into(),
            user_selected: true,
            provider: Some("mock".into()),
            scheme: None,
            external: true,
            may_retry: true,
            flow: None,
        };
        assert_eq!(PaymentExtension::decode(&stored.encode()), Ok(stored.clone()));
        for number in 0..6 {
            let deed = Deed::from_number(number).ok();
            stored.flow = Some(Flow {
                consent: number == 1,
                form: number == 2,
                return_uri: Some("https://shop.example.org/back".into()),
                direct_return_uri: None,
                step: Step::from_number(number).unwrap(),
                choice: deed.map(|deed| Choice { deed, execution_delay: None, settlement_delay: Some(86_400) }),
            });
            assert_eq!(PaymentExtension::decode(&stored.encode()), Ok(stored.clone()));
        }
        assert_eq!(PaymentExtension::decode(&[]), Err(Malformed));
        assert!(Step::from_number(6).is_err() && Deed::from_number(4).is_err());
        assert!(!format!("{stored:?}").contains("Ida"));
    }
}
