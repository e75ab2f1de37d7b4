//! What time alone moves besides refunds: mandates that wait for signatories,
//! and payments that nobody authorised.

use super::{RailWorker, STEP_MAX};
use crate::envelope::Envelope;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::time::Timestamp;

impl RailWorker {
    pub(super) async fn tick_mandates(&self) {
        let now = self.engine.now();
        let Ok(due) = self.engine.read(move |reader| reader.due_mandates(now, STEP_MAX)).await else { return };
        let ticks = due.into_iter().map(|mandate| {
            Envelope::command(mandate.merchant, Actor::Engine, Command::TickMandate { mandate: mandate.id })
        });
        self.record(ticks.collect()).await;
    }

    /// Lets payments fail that are past their time; tells when the next one
    /// is, where that is known.
    pub(super) async fn tick_payments(&self) -> Option<Timestamp> {
        let now = self.engine.now();
        let found = self.engine.read(move |reader| {
            let due = reader.due_payments(now, STEP_MAX)?;
            let next = if due.is_empty() { reader.next_payment_due()? } else { None };
            Ok((due, next))
        });
        let (due, next) = found.await.ok()?;
        let more = (due.len() == STEP_MAX).then_some(now);
        let ticks = due.into_iter().map(|payment| {
            Envelope::command(payment.merchant, Actor::Engine, Command::TickPayment { payment: payment.id })
        });
        self.record(ticks.collect()).await;
        more.or(next)
    }
}
