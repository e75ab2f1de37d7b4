//! What payments did at a simulated payers' bank becomes true here.

use super::{RailWorker, STEP_MAX};
use crate::envelope::{Envelope, Outcome, Unavailable};
use crate::rail::PayinObservation;
use refundry_domain::command::Command;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Timestamp;
use tokio::sync::watch;

impl RailWorker {
    /// Steps that are due move their payments on; acknowledged only once they
    /// are decided. Returns when the next one is due.
    pub(super) async fn take_payins(&self) -> Option<Timestamp> {
        loop {
            let (steps, next) = self.rail.payins(self.engine.now(), STEP_MAX).await.ok()?;
            if steps.is_empty() {
                return next;
            }
            let tickets: Vec<u64> = steps.iter().map(|step| step.ticket).collect();
            let envelopes = steps.into_iter().map(|step| self.advance(step)).collect();
            let outcomes = self.engine.execute_all(envelopes).await;
            let count = tickets.len();
            let decided = tickets.into_iter().zip(&outcomes).filter(|(_, outcome)| is_decided(outcome));
            let decided: Vec<u64> = decided.map(|(ticket, _)| ticket).collect();
            if decided.len() < count || self.rail.acknowledge_payins(decided).await.is_err() {
                return None;
            }
        }
    }

    fn advance(&self, step: PayinObservation) -> Envelope {
        let PayinObservation { merchant, payment, to, debtor, failure, ticket: _ } = step;
        let command = Command::AdvancePayment { payment, to, credited: None, debtor, failure };
        Envelope::command(merchant, self.rail.actor(), command)
    }
}

/// A payment that moved already, or that a restored backup does not know, is
/// no reason to be told again.
fn is_decided(outcome: &Result<Outcome, Unavailable>) -> bool {
    match outcome {
        Ok(outcome) => {
            match outcome.result {
                Ok(_) | Err(Refusal::TransitionImpossible | Refusal::PaymentUnknown) => {}
                Err(refusal) => tracing::warn!(code = refusal.code(), "a payment's step was refused"),
            }
            true
        }
        Err(unavailable) => {
            tracing::warn!(error = %unavailable, "a payment's step was not decided");
            false
        }
    }
}

/// Ends when the rail has news; never where it has none to give.
pub(super) async fn heard(news: &mut Option<watch::Receiver<u64>>) {
    if let Some(news) = news
        && news.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
