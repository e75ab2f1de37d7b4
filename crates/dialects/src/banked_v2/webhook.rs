//! Webhooks: payloads (contract 7.2). A refund has no events of its own here:
//! its payment session sends those of a session, under its own id.

use super::config::Config;
use super::extension::SessionExtension;
use super::links::Links;
use super::refund_session::{self, RefundSession};
use super::states::{self, EventName};
use super::wire::{self, EventWords, Shown};
use super::{DIALECT, sessions};
use crate::banked::webhook::{Generation, wants};
use crate::host::Host;
use refundry_domain::event::Event;
use refundry_domain::payment::{Origin, Payment, PaymentState};
use refundry_domain::refund::{Refund, RefundState};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;
use std::fmt;
use std::sync::Arc;

/// This generation's payloads.
pub(super) struct Webhooks {
    host: Arc<Host>,
    config: Config,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Webhooks(..)")
    }
}

impl Webhooks {
    /// Webhooks of this server.
    pub(super) fn new(host: &Arc<Host>, config: &Config) -> Self {
        Self { host: Arc::clone(host), config: config.clone() }
    }

    fn links(&self) -> Links<'_> {
        Links { host: &self.host, config: &self.config }
    }

    fn of_session(
        &self,
        event: &Event,
        payment: &Payment,
        state: PaymentState,
        endpoint: &Endpoint,
    ) -> Option<Rendered> {
        // Whoever deleted a session knows that it will not be paid.
        if sessions::is_deleted(payment) {
            return None;
        }
        let words = words(endpoint, &payment.origin, states::session_event(state, &self.config)?)?;
        let extension = SessionExtension::of(payment)?;
        let shown = Shown {
            state: states::session(state, true, &self.config),
            sent_at: (state == PaymentState::Settled).then_some(event.at),
        };
        let body = sessions::session_body(self.links(), payment, &extension, Vec::new());
        Some(Rendered { event_type: words.name.to_owned(), body: wire::session_event(&body, shown, words) })
    }

    /// What a refund's session says when the refund enters a state; each word
    /// once, and nothing before there was a session.
    fn of_refund(
        &self,
        event: &Event,
        stored: &StoredEvent,
        state: RefundState,
        told: (&[Event], &Endpoint),
    ) -> Option<Rendered> {
        let (history, endpoint) = told;
        let refund: &Refund = stored.refund.as_ref()?;
        let words = words(endpoint, &refund.origin, states::refund_session_event(state)?)?;
        let before = refund_session::moments(refund, history.iter().take_while(|past| past.number < event.number));
        let repeated = match state {
            RefundState::Submitted => before.was_pending,
            RefundState::Settled { by: _ } => before.sent_at.is_some(),
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. }
            | RefundState::Returned { .. } => false,
        };
        if before.created_at.is_none() || repeated || event.at < refund.created_at || !states::has_session(refund) {
            return None;
        }
        let until = history.iter().take_while(|past| past.number <= event.number);
        let moments = refund_session::moments(refund, until);
        let session = RefundSession::new(self.links(), refund, moments);
        let payer = stored.payment.as_ref().and_then(|payment| payment.debtor.as_ref());
        let body = wire::session_event(&session.body(payer), session.shown(state, moments), words);
        Some(Rendered { event_type: words.name.to_owned(), body })
    }
}

/// The name under which an endpoint gets an event, if it wants it.
fn words(endpoint: &Endpoint, origin: &Origin, name: EventName) -> Option<EventWords> {
    if *origin.dialect != *DIALECT {
        return None;
    }
    if wants(endpoint, origin, name.full) {
        return Some(EventWords { name: name.full, redacted: false });
    }
    wants(endpoint, origin, name.redacted).then_some(EventWords { name: name.redacted, redacted: true })
}

impl Generation for Webhooks {
    fn needs_history(&self, stored: &StoredEvent) -> bool {
        let own = stored.refund.as_ref().is_some_and(|refund| *refund.origin.dialect == *DIALECT);
        own && stored.event.refund_state().is_some_and(|state| states::refund_session_event(state).is_some())
    }

    fn render(&self, stored: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        let event = &stored.event;
        if let Some(state) = event.refund_state() {
            return self.of_refund(event, stored, state, (history, endpoint));
        }
        self.of_session(event, stored.payment.as_ref()?, event.kind.payment_state()?, endpoint)
    }
}
