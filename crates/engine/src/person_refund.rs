//! Refunds that people of a merchant make on a page. How such a refund is
//! funded, priced and named is told by the dialect of its payment, so that it
//! is what a program would have made there; the page, the price that it shows
//! and the door are the same for all.

use crate::digest::{fingerprint, once_key};
use crate::engine::Engine;
use crate::envelope::{Answer, Envelope, KEPT_FOR, Once, Unavailable};
use crate::quote::{self, Quote};
use crate::registry::Directory;
use crate::store::{Reader, StoreError};
use refundry_domain::command::{Command, ReferenceInput, RequestRefund};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId, PersonId};
use refundry_domain::ledger::Account;
use refundry_domain::payment::Payment;
use refundry_domain::reference::Tag;
use refundry_domain::refund::{Funding, Refund};
use refundry_domain::refusal::Refusal;
use std::sync::Arc;

/// A refund that a person asks for on a page.
#[derive(Debug, Clone)]
pub struct PersonRefund {
    /// Whose.
    pub merchant: MerchantId,
    /// The payment to give back.
    pub payment: PaymentId,
    /// Minor units; none for all that is left.
    pub amount: Option<u64>,
    /// Text for the customer.
    pub remittance: String,
    /// The form's single-use id: the same form makes one refund.
    pub intent: Arc<str>,
    /// Who asks.
    pub by: PersonId,
}

impl PersonRefund {
    /// What the refund is named by.
    #[must_use]
    pub fn reference(&self) -> ReferenceInput {
        ReferenceInput::Named { tag: Tag::Ui, value: Arc::clone(&self.intent) }
    }

    /// The text for the customer, where there is one.
    #[must_use]
    pub fn text(&self) -> Option<Arc<str>> {
        Some(&*self.remittance).filter(|text| !text.is_empty()).map(Arc::from)
    }

    fn once(&self) -> Once {
        let amount = self.amount.map_or_else(|| "rest".to_owned(), |minor| minor.to_string());
        let payment = self.payment.to_string();
        Once {
            key: once_key(&[b"person form", self.merchant.to_string().as_bytes(), self.intent.as_bytes()]),
            fingerprint: fingerprint(&[payment.as_bytes(), amount.as_bytes(), self.remittance.as_bytes()]),
            keep_world_refusals: false,
            kept_for: KEPT_FOR,
        }
    }
}

/// Why nobody can make a refund of a payment on a page, whatever the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOffered {
    /// Its state, or what lies on it, does not allow any.
    NotRefundable,
    /// The time in which it could be given back is over.
    TooLate,
    /// Nobody knows whose account it came from, and nobody would be asked.
    PayerUnknown,
    /// It went to an account that is not held here.
    HeldElsewhere,
    /// No dialect here knows it.
    NobodyKnows,
}

/// What a dialect offers to a person.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The refund, ready for the door.
    pub request: RequestRefund,
    /// Its method sends back the whole or nothing.
    pub whole_only: bool,
}

/// How refunds of one dialect's payments are made for people.
pub trait PersonRefunds: Send + Sync {
    /// The dialect, as origins of its payments name it.
    fn dialect(&self) -> &'static str;

    /// How a refund of this payment would be made: from where the money
    /// comes, under which fee, within which limits.
    ///
    /// # Errors
    /// The dialect gives none of it back.
    fn offer(&self, payment: &Payment, ask: &PersonRefund) -> Result<Offer, NotOffered>;
}

/// Everybody who makes refunds for people. What no dialect made, such as a
/// payment of the sandbox, is refunded by the last one.
#[derive(Clone, Default)]
pub struct RefundDesk(Vec<Arc<dyn PersonRefunds>>);

impl std::fmt::Debug for RefundDesk {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_list().entries(self.0.iter().map(|dialect| dialect.dialect())).finish()
    }
}

/// What a page shows before anything is made.
#[derive(Debug, Clone)]
pub struct Prospect {
    /// The payment as it is now.
    pub payment: Payment,
    /// What would be made.
    pub request: RequestRefund,
    /// The whole or nothing.
    pub whole_only: bool,
    /// The held account that pays, where one does.
    pub account: Option<Account>,
    /// What can still be refunded, minor units.
    pub refundable: u64,
}

impl Prospect {
    /// What this much would cost now.
    ///
    /// # Errors
    /// Why the amount would be refused.
    pub fn quote(&self, directory: &Directory, minor: u64) -> Result<Quote, Refusal> {
        quote::within(directory, &self.payment, (Some(minor), &self.request.fee), self.refundable)
    }

    /// True where it can only be given back all at once and this is not all.
    #[must_use]
    pub fn is_too_little(&self, minor: u64) -> bool {
        self.whole_only && minor != self.payment.counters.claimable
    }
}

impl RefundDesk {
    /// A desk of these dialects; the last one takes what nobody else knows.
    #[must_use]
    pub fn new(dialects: Vec<Arc<dyn PersonRefunds>>) -> Self {
        Self(dialects)
    }

    /// Where nobody makes refunds for people.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How the payment's dialect would make it.
    ///
    /// # Errors
    /// It would not.
    pub fn offer(&self, payment: &Payment, ask: &PersonRefund) -> Result<Offer, NotOffered> {
        let own = self.0.iter().find(|known| known.dialect() == &*payment.origin.dialect);
        own.or_else(|| self.0.last()).ok_or(NotOffered::NobodyKnows)?.offer(payment, ask)
    }

    /// What a page shows of a payment to this person: two or three reads.
    ///
    /// # Errors
    /// The store; inside it, why there is nothing to offer.
    pub fn look(
        &self,
        reader: &dyn Reader,
        directory: &Directory,
        payment: &Payment,
        by: PersonId,
    ) -> Result<Result<Prospect, NotOffered>, StoreError> {
        let ask = PersonRefund {
            merchant: payment.merchant,
            payment: payment.id,
            amount: None,
            remittance: String::new(),
            intent: Arc::from(""),
            by,
        };
        let Offer { request, whole_only } = match self.offer(payment, &ask) {
            Ok(offer) => offer,
            Err(why) => return Ok(Err(why)),
        };
        let account = match request.funding {
            None => reader.account(payment.merchant, payment.account)?,
            Some(Funding::Held { account }) => reader.account(payment.merchant, account)?,
            Some(Funding::Mandate { .. } | Funding::MerchantAuthorised) => None,
        };
        let rules = directory.fee_rules(payment.merchant);
        let refundable = quote::refundable(reader, &quote::under(&rules, &request.fee), payment)?;
        Ok(Ok(Prospect { payment: payment.clone(), request, whole_only, account, refundable }))
    }

    /// Makes a refund; a later call with the same intent finds it. One read
    /// and one envelope.
    ///
    /// # Errors
    /// The engine is not available; inside it, why nothing was made.
    pub async fn make(&self, engine: &Engine, ask: PersonRefund) -> Result<Result<Refund, NotMade>, Unavailable> {
        let (merchant, id) = (ask.merchant, ask.payment);
        let Some(payment) = engine.read(move |reader| reader.payment(merchant, id)).await? else {
            return Ok(Err(NotMade::Refused(Refusal::PaymentUnknown)));
        };
        let request = match self.offer(&payment, &ask) {
            Err(why) => return Ok(Err(NotMade::NotOffered(why))),
            Ok(Offer { whole_only: true, .. }) if ask.amount != Some(payment.counters.claimable) => {
                return Ok(Err(NotMade::WholeOnly));
            }
            Ok(Offer { request, .. }) => request,
        };
        debug_assert!(request.maker == Some(ask.by) && request.amount == ask.amount, "the dialect kept what was asked");
        let envelope = Envelope::command(merchant, Actor::Person(ask.by), Command::RequestRefund(Box::new(request)));
        let outcome = engine.execute(envelope.once(Some(ask.once()))).await?;
        Ok(match outcome.result {
            Ok(Answer::Refund(refund)) => Ok(Refund::clone(&refund)),
            // The key of a form leads to nothing but a refund.
            Ok(
                Answer::Payout(_)
                | Answer::Payment(_)
                | Answer::Account(_)
                | Answer::Mandate(_)
                | Answer::Send(_)
                | Answer::Kept { .. }
                | Answer::Done,
            ) => Err(NotMade::Refused(Refusal::KeyReused)),
            Err(refusal) => Err(NotMade::Refused(refusal)),
        })
    }
}

/// Why a person's refund was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMade {
    /// The dialect offers none of this payment.
    NotOffered(NotOffered),
    /// It can only be given back all at once.
    WholeOnly,
    /// The core refused it.
    Refused(Refusal),
}
