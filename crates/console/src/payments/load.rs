//! What a payment's page reads: the payment and its refunds in one snapshot,
//! and what the dialect knows of the refunds' links.

use crate::app::Console;
use crate::page::Money;
use crate::stop::Stop;
use crate::visitor::Visitor;
use refundry_domain::id::PaymentId;
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;
use refundry_domain::refund::{Gate, Refund, RefundState};
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::LettersSent;
use refundry_engine::person_refund::{NotOffered, Prospect};
use refundry_engine::store::{PageRequest, RefundFilter};
use std::sync::Arc;

/// Refunds that are shown; the newest.
const REFUNDS_MAX: usize = 200;

/// A payment and what stands around it.
pub(super) struct Loaded {
    pub(super) payment: Payment,
    /// Newest first.
    pub(super) refunds: Vec<(Refund, Ways)>,
    /// What a refund made now would be.
    pub(super) prospect: Result<Prospect, NotOffered>,
}

impl Loaded {
    /// How much can be given back here, minor units.
    pub(super) fn free(&self) -> Money {
        let counted = self.payment.counters.refundable();
        let minor = self.prospect.as_ref().map_or(counted, |prospect| prospect.refundable);
        Money(Amount::new(minor, self.payment.amount.currency))
    }
}

/// Where a refund's links lead, while they are good.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// The customer's link, as it was mailed.
    pub(super) details: Option<String>,
    /// What is known of its letters.
    pub(super) letters: Option<LettersSent>,
    /// Where the merchant consents.
    pub(super) authorise: Option<String>,
}

/// The payment of this id, if it is the visitor's merchant's.
pub(super) async fn by_id(console: &Console, visitor: &Visitor, id: &str) -> Result<Loaded, Stop> {
    let id = PaymentId::parse(id).map_err(|_| Stop::NotFound)?;
    let merchant = visitor.person.merchant;
    let (desk, directory, person) = (console.refunds.clone(), Arc::clone(&visitor.directory), visitor.person.id);
    let found = console
        .engine
        .read(move |reader| {
            let Some(payment) = reader.payment(merchant, id)? else { return Ok(None) };
            let filter = RefundFilter { payment: Some(id), ..RefundFilter::default() };
            let refunds = reader.refunds(merchant, &filter, PageRequest { limit: REFUNDS_MAX, before: None })?;
            let prospect = desk.look(reader, &directory, &payment, person)?;
            Ok(Some((payment, refunds, prospect)))
        })
        .await?;
    let (payment, found, prospect) = found.ok_or(Stop::NotFound)?;
    let mut refunds = Vec::with_capacity(found.len());
    for refund in found {
        let ways = ways(console, &refund).await?;
        refunds.push((refund, ways));
    }
    Ok(Loaded { payment, refunds, prospect })
}

async fn ways(console: &Console, refund: &Refund) -> Result<Ways, Unavailable> {
    let mut ways = Ways::default();
    for pages in &console.pages {
        match refund.state {
            RefundState::Awaiting(Gate::Details) if ways.details.is_none() => {
                ways.details = pages.details_url(refund.merchant, refund.id).await?;
                ways.letters = pages.letters(refund.merchant, refund.id).await?;
            }
            RefundState::Awaiting(Gate::Authorisation) if ways.authorise.is_none() => {
                ways.authorise = pages.authorise_url(refund.merchant, refund.id).await?;
            }
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Submitted
            | RefundState::Settled { .. }
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. }
            | RefundState::Returned { .. } => {}
        }
    }
    Ok(ways)
}
