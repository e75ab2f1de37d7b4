//! Reports of the rail become evidence, and are acknowledged only once they
//! are recorded.
//!
//! Round trips: one page of reports, one transaction for them. When reports
//! name what nobody here ordered: one question to the rail, one transaction
//! for what it took under these names, one for the reports again.

use crate::envelope::{Envelope, Outcome};
use crate::rail::Observation;
use crate::worker::{RailWorker, STEP_MAX, log_refusal};
use refundry_domain::command::Command;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Timestamp;

/// What became of a page: tickets that are recorded, and reports that name
/// what the store does not know.
type Taken = (Vec<u64>, Vec<Observation>);

impl RailWorker {
    /// Takes what is due; returns when the next one is.
    pub(crate) async fn take_reports(&self) -> Option<Timestamp> {
        loop {
            let Ok((seen, next)) = self.rail().reports(self.engine().now(), STEP_MAX).await else {
                return None;
            };
            let count = seen.len();
            if count == 0 {
                return next;
            }
            let (mut recorded, strangers) = self.record_reports(seen).await;
            if !strangers.is_empty() {
                recorded.extend(self.explain(strangers).await);
            }
            if recorded.len() < count || self.rail().acknowledge(recorded).await.is_err() {
                return None;
            }
        }
    }

    async fn record_reports(&self, seen: Vec<Observation>) -> Taken {
        let commands = seen.iter().map(|seen| Command::RecordReport {
            instruction_id: seen.instruction_id.clone(),
            evidence: seen.evidence,
            report: seen.report,
        });
        let envelopes = self.about(&seen, commands);
        let outcomes = self.engine().execute_all(envelopes).await;
        let (mut recorded, mut strangers) = (Vec::with_capacity(seen.len()), Vec::new());
        for (seen, outcome) in seen.into_iter().zip(outcomes) {
            if matches!(outcome, Ok(Outcome { result: Err(Refusal::RefundUnknown), .. })) {
                strangers.push(seen);
                continue;
            }
            log_refusal(&outcome);
            if outcome.is_ok() {
                recorded.push(seen.ticket);
            }
        }
        (recorded, strangers)
    }

    fn about(&self, seen: &[Observation], commands: impl Iterator<Item = Command>) -> Vec<Envelope> {
        let envelopes = seen.iter().zip(commands);
        envelopes.map(|(seen, command)| Envelope::command(seen.merchant, self.rail().actor(), command)).collect()
    }

    /// Reports about what nobody here ordered: the store forgot something.
    /// What the rail took under these names is adopted first, so that its
    /// reports find it; the rest lies with the strays. Nothing more is sent
    /// before the rail was swept again.
    async fn explain(&self, strangers: Vec<Observation>) -> Vec<u64> {
        self.sweep_again();
        let mut names: Vec<String> = strangers.iter().map(|seen| seen.instruction_id.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if let Err(error) = self.adopt_named(names).await {
            tracing::warn!(error = %error, "reports about unknown instructions wait for the rail");
            return Vec::new();
        }
        let (mut recorded, strays) = self.record_reports(strangers).await;
        let commands = strays.iter().map(|seen| Command::RecordStray {
            instruction_id: seen.instruction_id.clone(),
            evidence: seen.evidence,
            report: seen.report,
        });
        let outcomes = self.engine().execute_all(self.about(&strays, commands)).await;
        for (stray, outcome) in strays.iter().zip(outcomes) {
            log_refusal(&outcome);
            if outcome.is_ok() {
                recorded.push(stray.ticket);
            }
        }
        recorded
    }
}
