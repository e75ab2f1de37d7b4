//! What the pages about a refund read, in one snapshot.

use crate::app::Console;
use crate::stop::Stop;
use crate::visitor::Visitor;
use refundry_domain::event::Event;
use refundry_domain::id::RefundId;
use refundry_domain::ledger::Account;
use refundry_domain::party::{Creditor, Party};
use refundry_domain::payment::Payment;
use refundry_domain::refund::{Funding, Refund, Reservation};
use refundry_engine::store::{Reader, StoreError};

/// A refund and what stands around it.
pub(crate) struct Loaded {
    pub(crate) refund: Refund,
    pub(crate) payment: Payment,
    /// The held account that pays, where one does.
    pub(crate) account: Option<Account>,
    /// Its events, oldest first; only read for its own page.
    pub(crate) events: Vec<Event>,
}

impl Loaded {
    /// Reads what belongs to a refund. Two reads.
    pub(crate) fn of(reader: &dyn Reader, refund: Refund) -> Result<Self, StoreError> {
        let payment = reader
            .payment(refund.merchant, refund.payment)?
            .ok_or_else(|| StoreError::Malformed("a refund's payment".to_owned()))?;
        let account = match refund.funding {
            Funding::Held { account } => reader.account(refund.merchant, account)?,
            Funding::Mandate { .. } | Funding::MerchantAuthorised => None,
        };
        Ok(Self { refund, payment, account, events: Vec::new() })
    }

    /// Who receives it, where that is known.
    pub(crate) fn creditor(&self) -> Option<&Party> {
        match &self.refund.creditor {
            Creditor::Unknown => None,
            Creditor::Payer => self.payment.debtor.as_ref(),
            Creditor::Given { party, .. } => Some(party),
        }
    }

    /// What the paying account will be able to spend when it is paid, minor
    /// units; none where it lacks the money now, or is not ours to know.
    pub(crate) fn balance_after(&self) -> Option<u64> {
        let available = self.account.as_ref()?.balance.available();
        match self.refund.reservation {
            // It was taken off already.
            Reservation::Pending | Reservation::Posted => Some(available),
            Reservation::None | Reservation::Voided => available.checked_sub(self.refund.total()),
        }
    }
}

/// The refund of this id, if it is the visitor's merchant's and people decide
/// about it.
pub(crate) async fn by_id(console: &Console, visitor: &Visitor, id: &str) -> Result<Loaded, Stop> {
    let id = RefundId::parse(id).map_err(|_| Stop::NotFound)?;
    let merchant = visitor.person.merchant;
    let found = console
        .engine
        .read(move |reader| {
            let Some(refund) = reader.refund(merchant, id)? else { return Ok(None) };
            let mut loaded = Loaded::of(reader, refund)?;
            loaded.events = reader.refund_events(merchant, id)?;
            Ok(Some(loaded))
        })
        .await?;
    found.filter(|loaded| loaded.refund.approval.is_some()).ok_or(Stop::NotFound)
}
