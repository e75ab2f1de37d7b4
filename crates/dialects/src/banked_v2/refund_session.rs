//! A refund as a payment session of its own: the merchant is the payer, the
//! customer the payee. Nothing of it is stored: it is a view of the refund.

use super::extension::{LineItem, RefundExtension};
use super::links::Links;
use super::states;
use super::wire::{PayeeBody, PayerBody, SessionBody, Shown};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::party::{Creditor, Party};
use refundry_domain::refund::{Refund, RefundState};
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use serde_json::Map;

/// What is told of a refund's life in its session.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moments {
    /// When the session was made; none while there is none.
    pub(super) created_at: Option<Timestamp>,
    /// When the money left.
    pub(super) sent_at: Option<Timestamp>,
    /// It was on its way already.
    pub(super) was_pending: bool,
}

/// What a refund's events tell, from its creation on: what was heard before
/// the client named it is not its business.
pub(super) fn moments<'e>(refund: &Refund, events: impl Iterator<Item = &'e Event>) -> Moments {
    let mut moments = Moments::default();
    for event in events.filter(|event| event.at >= refund.created_at) {
        let EventKind::RefundEntered { state } = &event.kind else { continue };
        if states::begins_session(*state) {
            moments.created_at.get_or_insert(event.at);
        }
        match state {
            RefundState::Settled { by: _ } => {
                moments.sent_at.get_or_insert(event.at);
            }
            RefundState::Submitted => moments.was_pending = true,
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. }
            | RefundState::Returned { .. } => {}
        }
    }
    moments
}

/// Who receives a refund.
pub(super) fn creditor<'a>(refund: &'a Refund, payer: Option<&'a Party>) -> Option<&'a Party> {
    match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payer,
        Creditor::Given { party, source: _ } => Some(party),
    }
}

/// A refund's session with the texts that it shows.
#[derive(Debug)]
pub(super) struct RefundSession<'a> {
    refund: &'a Refund,
    links: Links<'a>,
    extension: RefundExtension,
    statement_text: String,
    line_items: [LineItem; 1],
    created_at: Timestamp,
}

impl<'a> RefundSession<'a> {
    /// The session of a refund that has one.
    pub(super) fn new(links: Links<'a>, refund: &'a Refund, moments: Moments) -> Self {
        let line_item =
            LineItem { name: "Refund".to_owned(), amount: refund.amount.minor, quantity: 1, description: None };
        Self {
            refund,
            links,
            extension: RefundExtension::of(refund),
            statement_text: links.statement_text(refund.id),
            line_items: [line_item],
            created_at: moments.created_at.unwrap_or(refund.created_at),
        }
    }

    /// What it shows when the refund is in a state.
    pub(super) fn shown(&self, state: RefundState, moments: Moments) -> Shown {
        Shown { state: states::refund_session(state, self.extension.provider.is_some()), sent_at: moments.sent_at }
    }

    /// The session; `payer` is who paid what the refund gives back.
    pub(super) fn body<'b>(&'b self, payer: Option<&'b Party>) -> SessionBody<'b> {
        let creditor = creditor(self.refund, payer);
        let session = self.links.session_of(self.refund.id);
        SessionBody {
            id: session,
            amount: self.refund.amount,
            created_at: self.created_at,
            statement_text: &self.statement_text,
            success_url: &self.extension.success_url,
            error_url: &self.extension.error_url,
            line_items: &self.line_items,
            payee: PayeeBody::new(
                creditor.and_then(|party| party.name.as_deref()),
                creditor.map(|party| &party.account),
            ),
            payer: Some(PayerBody { name: Some(&self.extension.merchant_name), email: None }),
            email_receipt: false,
            live: self.links.host.environment == Environment::Live,
            url: self.links.checkout_url(session),
            refunds: Vec::new(),
            echoed: Map::new(),
        }
    }
}
