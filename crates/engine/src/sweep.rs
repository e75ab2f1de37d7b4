//! The sweep after a start, from the rail to the store (rails M21): before
//! anything is sent, every debit that the rail knows is known here, too. A
//! store that was put back from a backup learns in this way what it forgot.

use crate::digest::{fingerprint, sha256};
use crate::envelope::{Envelope, Unavailable, Work};
use crate::mint::derived_id;
use crate::worker::RailWorker;
use crate::worker::due::answered;
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::command::{Command, PayoutStep};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{Debit, EvidenceId, Order, Report, Submission};
use refundry_domain::reference::{ids_of_payout, payment_stem};
use refundry_domain::time::Span;
use std::collections::HashMap;

/// How far before the newest event of the store the sweep begins.
const MARGIN: Span = Span::seconds(600);
/// Debits of one page.
const PAGE: usize = 256;

/// Most payouts that wait to be sent and are compared with an unknown debit.
const UNSENT_MAX: usize = 4_096;

/// Payments by the first half of their stem.
type Stems = HashMap<(MerchantId, String), PaymentId>;

impl RailWorker {
    /// Doubts what was being sent when the process ended, then compares.
    pub async fn sweep(&self) -> Result<(), Unavailable> {
        self.doubt_refunds().await?;
        self.doubt_payouts().await?;
        let since = self.engine().unswept_since().minus(MARGIN);
        let mut stems: Option<Stems> = None;
        let mut after = None;
        loop {
            let page = self.rail().debits_since(since, after.clone(), PAGE, self.engine().now()).await;
            let page = page.map_err(|_| Unavailable::Store)?;
            let Some((_, last)) = page.last() else { break };
            after = Some(last.instruction_id.clone());
            self.take_debits(page, &mut stems).await?;
        }
        let merchant = MerchantId(0);
        let ended = Envelope { merchant, actor: Actor::Engine, once: None, work: Work::Swept };
        self.engine().execute_all(vec![ended]).await.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
    }

    /// Compares what the rail took under these names, whenever that was.
    pub(crate) async fn adopt_named(&self, instruction_ids: Vec<String>) -> Result<(), Unavailable> {
        let found = self.rail().debits_named(instruction_ids).await.map_err(|_| Unavailable::Store)?;
        self.take_debits(found, &mut None).await
    }

    async fn take_debits(&self, page: Vec<(MerchantId, Debit)>, stems: &mut Option<Stems>) -> Result<(), Unavailable> {
        let mut envelopes = Vec::new();
        for (merchant, debit) in page {
            if let Some(envelope) = self.compare(merchant, debit, stems).await? {
                envelopes.push(envelope);
            }
        }
        self.record_all(envelopes).await
    }

    /// On start every `sending` is `unknown` (rails 2.3).
    async fn doubt_refunds(&self) -> Result<(), Unavailable> {
        let mut after = None;
        loop {
            let refunds = self.engine().read(move |reader| reader.sending_refunds(after, PAGE)).await?;
            let Some(last) = refunds.last() else { return Ok(()) };
            after = Some(last.id);
            let doubts = refunds.iter().filter_map(|refund| {
                let command = doubt(Order::Refund(refund.id), refund.newest_attempt()?)?;
                Some(Envelope::command(refund.merchant, self.rail().actor(), command))
            });
            self.record_all(doubts.collect()).await?;
        }
    }

    /// The same for payouts.
    async fn doubt_payouts(&self) -> Result<(), Unavailable> {
        let mut after = None;
        loop {
            let payouts = self.engine().read(move |reader| reader.sending_payouts(after, PAGE)).await?;
            let Some(last) = payouts.last() else { return Ok(()) };
            after = Some(last.id);
            let doubts = payouts.iter().filter_map(|payout| {
                let command = doubt(Order::Payout(payout.id), payout.newest_attempt()?)?;
                Some(Envelope::command(payout.merchant, self.rail().actor(), command))
            });
            self.record_all(doubts.collect()).await?;
        }
    }

    /// Nothing may be sent before all of it is in the store.
    async fn record_all(&self, envelopes: Vec<Envelope>) -> Result<(), Unavailable> {
        if envelopes.is_empty() {
            return Ok(());
        }
        for outcome in self.engine().execute_all(envelopes).await {
            outcome?;
        }
        Ok(())
    }

    async fn compare(
        &self,
        merchant: MerchantId,
        debit: Debit,
        stems: &mut Option<Stems>,
    ) -> Result<Option<Envelope>, Unavailable> {
        let id = debit.instruction_id.clone();
        let known = self.engine().read(move |reader| {
            let Some((merchant, order, number)) = reader.instruction(&id)? else { return Ok(None) };
            let attempts = match order {
                Order::Refund(id) => reader.refund(merchant, id)?.map(|refund| refund.attempts),
                Order::Payout(id) => reader.payout(merchant, id)?.map(|payout| payout.attempts),
            };
            Ok(attempts.map(|attempts| (attempts, number)))
        });
        if let Some((attempts, number)) = known.await? {
            let behind = attempts.iter().any(|attempt| attempt.number == number && attempt.state.under_way());
            let command = Command::RecordReport {
                evidence: evidence_of(&debit),
                instruction_id: debit.instruction_id,
                report: Report::Executed { amount: debit.amount.minor, charges: 0 },
            };
            return Ok(behind.then(|| Envelope::command(merchant, self.rail().actor(), command)));
        }
        if let Some(payout) = self.unsent_payout(merchant, &debit).await? {
            let step = PayoutStep::RecordTaken { amount: debit.amount.minor, at: debit.at };
            return Ok(Some(Envelope::command(merchant, self.rail().actor(), Command::StepPayout { payout, step })));
        }
        if stems.is_none() {
            *stems = Some(self.load_stems().await?);
        }
        let stem = debit.end_to_end_id.get(..8).unwrap_or_default().to_owned();
        let payment = stems.as_ref().and_then(|stems| stems.get(&(merchant, stem)).copied());
        let refund = RefundId(derived_id(debit.at, &sha256(debit.instruction_id.as_bytes())));
        let command = Command::AdoptDebit { id: refund, payment, debit: Box::new(debit) };
        Ok(Some(Envelope::command(merchant, self.rail().actor(), command)))
    }

    /// A payout of which we know, but not that it was sent. Such a payout is
    /// due, because nothing was sent since the start.
    async fn unsent_payout(&self, merchant: MerchantId, debit: &Debit) -> Result<Option<PayoutId>, Unavailable> {
        let (now, environment) = (self.engine().now(), self.engine().rules().environment);
        let due = self.engine().read(move |reader| reader.due_payouts(now, UNSENT_MAX)).await?;
        let found = due.iter().find(|payout| {
            let ids = || ids_of_payout(payout, 1, environment, sha256);
            payout.merchant == merchant && payout.attempts.is_empty() && ids().instruction_id == debit.instruction_id
        });
        Ok(found.map(|payout| payout.id))
    }

    async fn load_stems(&self) -> Result<Stems, Unavailable> {
        self.engine()
            .read(|reader| {
                let mut stems = Stems::new();
                reader.scan(crate::store::Table::Payments, &mut |row| {
                    if let crate::store::Row::Payment(payment) = row {
                        let stem = payment_stem(&payment.id.to_string(), sha256);
                        stems.insert((payment.merchant, stem), payment.id);
                    }
                    Ok(())
                })?;
                Ok(stems)
            })
            .await
    }
}

/// An attempt that was being sent has no known outcome.
fn doubt(order: Order, newest: &Attempt) -> Option<Command> {
    let AttemptState::Sending { epoch, .. } = newest.state else { return None };
    Some(answered(order, (newest.number, epoch), Submission::Unknown))
}

/// The sweep's own name for what it found, so that it is recorded once.
fn evidence_of(debit: &Debit) -> EvidenceId {
    let hash = fingerprint(&[b"sweep", debit.instruction_id.as_bytes()]).0;
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    EvidenceId(id)
}
