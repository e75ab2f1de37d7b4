//! Webhooks: payloads and retry schedule (contract 7). A client hears of each
//! change of this provider's word, and of nothing else.

pub(super) mod signature;

use super::config::WebhookSuccess;
use super::wire::money::time;
use super::wire::out::{Object, Out};
use super::wire::payin;
use super::wire::payout::{self, Moment, Pair};
use super::{App, DIALECT, states};
use refundry_domain::event::{Event, EventKind};
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::{Rendered, WebhookDialect};
use signature::Signing;
use std::sync::Arc;

/// A payout changed its word, in the names of the first and the second version;
/// this is how a refund is heard of.
const PAYOUT: [&str; 2] = ["bvnk:payment:payout:status-change", "payment:v2:payout:status-change"];
/// A pay-in changed its word.
const PAYIN: [&str; 2] = ["bvnk:payment:payin:status-change", "payment:v2:payin:status-change"];
/// Either of them, as one older client of the provider knows it.
const OLDER: &str = "statusChanged";
/// Tries after the first one.
const REDELIVERY_COUNT_MAX: u32 = 99;
/// The first wait, seconds; it doubles.
const FIRST_WAIT: u64 = 5;
/// The longest wait, seconds.
const WAIT_MAX: u64 = 900;
/// How much of a wait is left to chance: from four fifths to six fifths.
const SPREAD_FIFTHS: u64 = 5;
/// Millionths in one, the range of the jitter.
const MILLION: u64 = 1_000_000;
/// How long a receiver may take.
const TIMEOUT: Span = Span::seconds(10);
/// The longest wait that a receiver may ask for.
const TOLD_WAIT_MAX: Span = Span::days(1);
/// The receiver's way to say that it is there no more.
const GONE: u16 = 410;

/// This provider's webhooks.
#[derive(Debug)]
pub(super) struct Webhooks {
    app: Arc<App>,
}

impl Webhooks {
    /// Webhooks under the settings of the dialect.
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    fn of_refund(&self, stored: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        let (refund, payment) = (stored.refund.as_ref()?, stored.payment.as_ref()?);
        if *refund.origin.dialect != *DIALECT {
            return None;
        }
        let (event, form) = (&stored.event, Form::wanted(endpoint, PAYOUT)?);
        let told = states::told(refund, history, event, self.app.config(event.merchant).waiting_as)?;
        let moment = Moment {
            standing: &told.standing,
            attempt: told.attempt,
            sequence: told.sequence,
            date: super::wire::money::date(event.at),
        };
        let pair = Pair { refund, payment };
        let data = match form {
            Form::First(_) | Form::Older => payout::event(&self.app, pair, &moment),
            Form::Second(_) => {
                let word = moment.standing.word(self.app.config(event.merchant).waiting_as);
                payout::second_at(&self.app, pair, word, event.at)
            }
        };
        Some(form.rendered(event, data))
    }

    fn of_payin(&self, event: &Event, payment: &Payment, endpoint: &Endpoint) -> Option<Rendered> {
        let state = payin_state(&event.kind)?;
        if *payment.origin.dialect != *DIALECT {
            return None;
        }
        let form = Form::wanted(endpoint, PAYIN)?;
        let word = states::payin_word(state, payment.failure.map(|failure| failure.reason));
        let data = match form {
            Form::First(_) | Form::Older => payin::data(&self.app, payment, word),
            Form::Second(_) => payin::second(&self.app, payment, word, event.at),
        };
        Some(form.rendered(event, data))
    }
}

/// The state of a pay-in whose word an event changes.
fn payin_state(kind: &EventKind) -> Option<PaymentState> {
    match kind {
        EventKind::PaymentRecorded => Some(PaymentState::Executed),
        EventKind::PaymentSettled { credited: _ } => Some(PaymentState::Settled),
        EventKind::PaymentFailed => Some(PaymentState::Failed),
        EventKind::PaymentReversed { amount: _ } => Some(PaymentState::Reversed),
        EventKind::PaymentAuthorised
        | EventKind::PaymentExecuted
        | EventKind::PaymentBlock { .. }
        | EventKind::RefundEntered { .. }
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
        | EventKind::MandateEntered { .. }
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

/// Which body an endpoint gets: what it names among its events says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The first version, under its name; that of an endpoint that names nothing.
    First(&'static str),
    /// The second one, under its name.
    Second(&'static str),
    /// The body of the first under the name that came before it.
    Older,
}

impl Form {
    fn wanted(endpoint: &Endpoint, [first, second]: [&'static str; 2]) -> Option<Self> {
        let names = |name: &str| endpoint.events.iter().any(|event| event == name);
        if endpoint.events.is_empty() || names(first) {
            Some(Self::First(first))
        } else if names(second) {
            Some(Self::Second(second))
        } else {
            names(OLDER).then_some(Self::Older)
        }
    }

    fn rendered(self, event: &Event, data: Object) -> Rendered {
        let (head, event_type) = match self {
            Self::First(name) | Self::Second(name) => (Object::new(), name),
            Self::Older => (Object::new().put("source", "payment"), OLDER),
        };
        let body = head
            .put("event", event_type)
            .put("eventId", event.id().to_string())
            .put("timestamp", time(event.at))
            .put("data", data);
        Rendered { event_type: event_type.to_owned(), body: Out::from(body).print_ascii() }
    }
}

impl WebhookDialect for Webhooks {
    fn family(&self) -> &'static str {
        DIALECT
    }

    fn render(&self, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        self.render_after(stored, &[], endpoint)
    }

    fn needs_history(&self, stored: &StoredEvent) -> bool {
        stored.refund.as_ref().is_some_and(|refund| *refund.origin.dialect == *DIALECT)
    }

    fn render_after(&self, stored: &StoredEvent, history: &[Event], endpoint: &Endpoint) -> Option<Rendered> {
        if endpoint.merchant != stored.event.merchant || endpoint.dialect != DIALECT {
            return None;
        }
        match (&stored.refund, &stored.payment) {
            (Some(_), _) => self.of_refund(stored, history, endpoint),
            (None, Some(payment)) => self.of_payin(&stored.event, payment, endpoint),
            (None, None) => None,
        }
    }

    fn sign(
        &self,
        _event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        _at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        // Nothing that is signed tells the time; how long a secret signs is
        // the engine's to say, so that a sandbox can go beyond it.
        signature::headers(endpoint, body, self.app.host.engine.now())
    }

    fn signature_schemes(&self) -> &'static [&'static str] {
        &signature::SCHEMES
    }

    fn endpoint_settings(&self, scheme: Option<&str>, replaced: Option<(&Endpoint, &str, Timestamp)>) -> Vec<u8> {
        let settings = scheme.map(Signing::of_scheme);
        let settings = settings.or_else(|| replaced.map(|(before, _, _)| Signing::read(&before.settings)));
        let settings = settings.unwrap_or_default();
        match replaced {
            Some((before, new_secret, at)) => settings.after(before, new_secret, at).encode(),
            None => settings.encode(),
        }
    }

    fn retry_after(&self, failed_tries: u32, jitter: u32) -> Option<Span> {
        if failed_tries == 0 || failed_tries > REDELIVERY_COUNT_MAX {
            return None;
        }
        let doubled = 1_u64.checked_shl(failed_tries - 1).and_then(|times| times.checked_mul(FIRST_WAIT));
        let wait = Span::seconds(doubled.unwrap_or(WAIT_MAX).min(WAIT_MAX)).0;
        let fifth = wait / SPREAD_FIFTHS;
        let chance = (2 * fifth).checked_div(MILLION).unwrap_or(0).saturating_mul(u64::from(jitter));
        Some(Span((wait - fifth).saturating_add(chance)))
    }

    fn timeout(&self) -> Span {
        TIMEOUT
    }

    fn is_taken_by(&self, endpoint: &Endpoint, status: u16) -> bool {
        match self.app.config(endpoint.merchant).webhook_success {
            WebhookSuccess::AnyOfThe200s => (200..300).contains(&status),
            WebhookSuccess::Only200 => status == 200,
        }
    }

    fn waits_as_told_up_to(&self) -> Option<Span> {
        Some(TOLD_WAIT_MAX)
    }

    fn stops_on(&self, status: u16) -> bool {
        status == GONE
    }

    fn disables_on(&self, status: u16) -> bool {
        status == GONE
    }
}
