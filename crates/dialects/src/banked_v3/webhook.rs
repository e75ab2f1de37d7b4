//! Webhooks: payloads, signature, retry schedule (contract 7).

use super::config::Config;
use super::wire::{self, EventHead};
use super::{DIALECT, FAMILY, states};
use aws_lc_rs::hmac;
use refundry_domain::event::{Event, EventKind};
use refundry_domain::mandate::Mandate;
use refundry_domain::payment::{Origin, Payment, PaymentState};
use refundry_domain::refund::{Refund, RefundState, SettledBy};
use refundry_domain::rules::Environment;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};

/// Tries after the first one.
const REDELIVERY_COUNT_MAX: u32 = 25;
/// The receiver's way to end a delivery: the thing is gone.
const GONE: u16 = 410;
/// Millionths in one, the range of the jitter.
const MILLION: u64 = 1_000_000;

/// This provider's webhooks.
#[derive(Debug)]
pub(super) struct Webhooks {
    canceled_state: bool,
    data_version: bool,
    environment: Environment,
    timeout: Span,
}

impl Webhooks {
    /// Webhooks under these settings.
    pub(super) fn new(config: &Config, environment: Environment) -> Self {
        Self {
            canceled_state: config.canceled_state,
            data_version: config.data_version,
            environment,
            timeout: config.webhook_timeout,
        }
    }

    fn head(&self, event: &Event, event_type: &'static str) -> EventHead {
        EventHead { id: event.id().0, event_type, at: event.at, data_version: self.data_version }
    }

    /// A refund's event: what it looked like when it entered the state.
    fn of_refund(&self, event: &Event, refund: &Refund, state: RefundState, endpoint: &Endpoint) -> Option<Rendered> {
        let event_type = states::refund_event(state, is_creation(event, refund, state), self.canceled_state)?;
        // What was heard before the client named the refund is not its business.
        if event.at < refund.created_at || !wants(endpoint, &refund.origin, event_type) {
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
        if !wants(endpoint, &payment.origin, event_type) {
            return None;
        }
        let body = wire::payin_event(self.head(event, event_type), payment, states::payin(state));
        Some(Rendered { event_type: event_type.to_owned(), body })
    }

    /// A mandate's event. A mandate of the merchant as a whole is every
    /// application's business, one of an application only its own.
    fn of_mandate(&self, event: &Event, mandate: &Mandate, state: &str, endpoint: &Endpoint) -> Option<Rendered> {
        let shown = states::mandate(state)?;
        let heard = endpoint.group.is_empty() || mandate.group.is_empty() || *endpoint.group == *mandate.group;
        if !heard || endpoint.dialect != FAMILY || !subscribed(endpoint, shown.event_type) {
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

/// Whether an endpoint gets this event of an object of this origin.
fn wants(endpoint: &Endpoint, origin: &Origin, event_type: &str) -> bool {
    endpoint.dialect == FAMILY
        && *origin.dialect == *DIALECT
        && (endpoint.group.is_empty() || *endpoint.group == *origin.group)
        && subscribed(endpoint, event_type)
}

fn subscribed(endpoint: &Endpoint, event_type: &str) -> bool {
    endpoint.events.is_empty() || endpoint.events.iter().any(|wanted| wanted == event_type)
}

impl WebhookDialect for Webhooks {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn render(&self, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        let event = &stored.event;
        if endpoint.merchant != event.merchant {
            return None;
        }
        let payin = |state| stored.payment.as_ref().and_then(|payment| self.of_payin(event, payment, state, endpoint));
        match &event.kind {
            EventKind::RefundEntered { state } => {
                let refund = stored.refund.as_ref()?;
                self.of_refund(event, refund, *state, endpoint)
            }
            EventKind::PaymentAuthorised => payin(PaymentState::Authorised),
            EventKind::PaymentExecuted => payin(PaymentState::Executed),
            EventKind::PaymentSettled { credited: _ } => payin(PaymentState::Settled),
            EventKind::PaymentFailed => payin(PaymentState::Failed),
            EventKind::MandateEntered { mandate: _, state } => {
                let mandate = stored.mandate.as_ref()?;
                self.of_mandate(event, mandate, state, endpoint)
            }
            EventKind::PaymentRecorded
            | EventKind::PaymentReversed { .. }
            | EventKind::PaymentBlock { .. }
            | EventKind::DetailsGiven
            | EventKind::ApprovalGiven { .. }
            | EventKind::ApprovalVoided
            | EventKind::AuthorisationGiven
            | EventKind::BlockPlaced { .. }
            | EventKind::BlockLifted { .. }
            | EventKind::CaseOpened { .. }
            | EventKind::CaseClosed { .. }
            | EventKind::AttemptOpened { .. }
            | EventKind::WithdrawalAsked
            | EventKind::AccountFunded { .. }
            | EventKind::AccountDrained { .. }
            | EventKind::PayoutEntered { .. }
            | EventKind::StrayFound { .. }
            | EventKind::StrayReturned { .. }
            | EventKind::StrayClosed { .. }
            | EventKind::AccountPaused { .. }
            | EventKind::AccountResumed { .. } => None,
        }
    }

    fn sign(
        &self,
        _event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let seconds = at.unix_seconds();
        let key = hmac::Key::new(hmac::HMAC_SHA256, endpoint.secret.as_bytes());
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("{seconds}.").as_bytes());
        signed.update(body);
        let signature = hex::encode(signed.sign());
        vec![("banked-signature", format!("{seconds}.{signature}"))]
    }

    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span> {
        if failed_tries == 0 || failed_tries > REDELIVERY_COUNT_MAX {
            return None;
        }
        // After try n, counted from 0: n^4 + 15 + random(0..30) x (n + 1) seconds.
        let tries = u64::from(failed_tries);
        let fixed = (tries - 1).pow(4) + 15;
        let random = Span::seconds(30 * tries).0 / MILLION * u64::from(jitter);
        Some(Span(Span::seconds(fixed).0.saturating_add(random)))
    }

    fn timeout(&self) -> Span {
        self.timeout
    }

    fn stops_on(&self, status: u16) -> bool {
        status == GONE
    }
}
