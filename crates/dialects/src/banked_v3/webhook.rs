//! Webhooks: payloads (contract 7.1).

use super::config::Config;
use super::wire::{self, EventHead};
use super::{DIALECT, states};
use crate::banked::webhook::{Generation, subscribed, wants};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::mandate::Mandate;
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refund::{Refund, RefundState, SettledBy};
use refundry_domain::rules::Environment;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;

/// This generation's payloads.
#[derive(Debug)]
pub(super) struct Webhooks {
    canceled_state: bool,
    data_version: bool,
    environment: Environment,
}

impl Webhooks {
    /// Webhooks under these settings.
    pub(super) fn new(config: &Config, environment: Environment) -> Self {
        Self { canceled_state: config.canceled_state, data_version: config.data_version, environment }
    }

    fn head(&self, event: &Event, event_type: &'static str) -> EventHead {
        EventHead { id: event.id().0, event_type, at: event.at, data_version: self.data_version }
    }

    /// A refund's event: what it looked like when it entered the state.
    fn of_refund(&self, event: &Event, refund: &Refund, state: RefundState, endpoint: &Endpoint) -> Option<Rendered> {
        let event_type = states::refund_event(state, is_creation(event, refund, state), self.canceled_state)?;
        // What was heard before the client named the refund is not its business.
        if event.at < refund.created_at
            || *refund.origin.dialect != *DIALECT
            || !wants(endpoint, &refund.origin, event_type)
        {
            return None;
        }
        let shown = states::refund(state, refund.funding, self.canceled_state);
        let body = wire::refund_event(self.head(event, event_type), refund, &shown);
        Some(Rendered { event_type: event_type.to_owned(), body })
    }

    fn of_payin(&self, event: &Event, payment: &Payment, state: PaymentState, endpoint: &Endpoint) -> Option<Rendered> {
        let event_type = match state {
            PaymentState::Open | PaymentState::Reversed => return None,
            PaymentState::Authorised => "payment_initiated",
            PaymentState::Executed => "payment_pending",
            PaymentState::Settled => "payment_sent",
            PaymentState::Failed => "payment_failed",
        };
        if *payment.origin.dialect != *DIALECT || !wants(endpoint, &payment.origin, event_type) {
            return None;
        }
        let body = wire::payin_event(self.head(event, event_type), payment, states::payin(state, false));
        Some(Rendered { event_type: event_type.to_owned(), body })
    }

    /// A mandate's event. A mandate of the merchant as a whole is every
    /// application's business, one of an application only its own.
    fn of_mandate(&self, event: &Event, mandate: &Mandate, state: &str, endpoint: &Endpoint) -> Option<Rendered> {
        let shown = states::mandate(state)?;
        let heard = endpoint.group.is_empty() || mandate.group.is_empty() || *endpoint.group == *mandate.group;
        if !heard || !subscribed(endpoint, shown.event_type) {
            return None;
        }
        let body = wire::mandate_event(self.head(event, shown.event_type), mandate, &shown, self.environment);
        Some(Rendered { event_type: shown.event_type.to_owned(), body })
    }
}

/// Whether this event made the refund known to its client. A debit that the
/// sweep had adopted is made known later, by events that begin anew.
fn is_creation(event: &Event, refund: &Refund, state: RefundState) -> bool {
    let adopted = match refund.state {
        RefundState::Settled { by } => by == SettledBy::Sweep,
        RefundState::Returned { .. } => true,
        RefundState::Awaiting(_)
        | RefundState::Ready
        | RefundState::Submitted
        | RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => false,
    };
    event.number == 1 || (adopted && event.at == refund.created_at && state == refund.first_state)
}

impl Generation for Webhooks {
    fn render(&self, stored: &StoredEvent, _history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        let event = &stored.event;
        if let Some(state) = event.refund_state() {
            return self.of_refund(event, stored.refund.as_ref()?, state, endpoint);
        }
        if let EventKind::MandateEntered { mandate: _, state } = &event.kind {
            return self.of_mandate(event, stored.mandate.as_ref()?, state, endpoint);
        }
        self.of_payin(event, stored.payment.as_ref()?, event.kind.payment_state()?, endpoint)
    }
}
