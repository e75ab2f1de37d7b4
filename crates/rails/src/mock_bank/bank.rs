//! The mock bank behind the engine's port.

use super::books::{BankDown, BankInstruction, Books, OpenError, Page, PaidTotal, Violation};
use super::counter::{debits_named, debits_since};
use super::course::Desk;
use super::levers::{PayinCourse, TimeScale, payin_course};
use super::outcome::{Outcome, OutcomeKind, OutcomeRefused, Target};
use super::payins;
use super::reports::{acknowledge_in_op, due_in_op, next_in_op};
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::instruction::{Debit, Instruction, Order, Submission};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::rail::{
    CancelAnswer, Capabilities, ConsentMeaning, Habit, Inquiry, Observation, PayerBank, PayinPage, PayinPlan, Rail,
    RailDown, RailFuture,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::watch;

/// The longest text for the creditor's statement (ISO 20022, unstructured).
const REMITTANCE_LENGTH_MAX: usize = 140;

/// How long what cannot be asked about waits.
const ASK_AGAIN: Span = Span::seconds(1);

/// How to open the bank.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its file, made when it is not there.
    pub path: PathBuf,
    /// Multiplies the documented delays.
    pub time_scale: TimeScale,
    /// Enters the names of the evidence: the same seed gives the same course.
    pub seed: u64,
}

/// A simulated bank with durable books of its own. Cheap to share.
#[derive(Debug)]
pub struct MockBank {
    books: Arc<Mutex<Books>>,
    paused: AtomicBool,
    /// Something may have been asked to wait before it is taken.
    waits: AtomicBool,
    time_scale: TimeScale,
    news: watch::Sender<u64>,
    /// Set once, when the dialects are known.
    habits: OnceLock<Arc<[Habit]>>,
}

impl MockBank {
    /// Opens the books, or makes empty ones.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let Options { path, time_scale, seed } = options;
        let books = Books::open(&path, time_scale, seed)?;
        let (paused, waits) = (AtomicBool::new(books.paused()?), AtomicBool::new(books.waits()?));
        let news = watch::Sender::new(0);
        let books = Arc::new(Mutex::new(books));
        Ok(Arc::new(Self { books, paused, waits, time_scale, news, habits: OnceLock::new() }))
    }

    /// True while the kill switch is on: nothing may be submitted, but
    /// everything else goes on. The engine's worker asks before it claims.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Turns the kill switch on or off; it outlives a restart.
    pub async fn pause(&self, paused: bool) -> Result<(), BankDown> {
        // Off is only believed once it is written, on is believed at once.
        if paused {
            self.paused.store(true, Ordering::SeqCst);
        }
        self.run(move |books| books.set_paused(paused)).await?;
        self.paused.store(paused, Ordering::SeqCst);
        Ok(())
    }

    /// How it treats the instructions of each dialect; only the first call
    /// counts. Their spans are documented ones, to be scaled.
    pub fn set_habits(&self, habits: Vec<Habit>) {
        let _ = self.habits.set(Arc::from(habits));
    }

    /// Forces an outcome (design section 9).
    pub async fn set_outcome(&self, target: Target, outcome: Outcome, now: Timestamp) -> Result<(), OutcomeRefused> {
        if outcome.kind == OutcomeKind::Wait {
            self.waits.store(true, Ordering::SeqCst);
        }
        self.run(move |books| books.at_desk(now, |desk| desk.set_outcome(target, outcome))).await?
    }

    /// One page of the books, in the order in which the bank took the
    /// instructions.
    pub async fn instructions(&self, page: Page) -> Result<Vec<BankInstruction>, BankDown> {
        self.run(move |books| books.instructions(&page)).await
    }

    /// What left for the refunds of a payment.
    pub async fn paid_total(&self, payment: PaymentId) -> Result<PaidTotal, BankDown> {
        self.run(move |books| books.paid_total(payment)).await
    }

    /// Everything that must not have happened, but did.
    pub async fn violations(&self) -> Result<Vec<Violation>, BankDown> {
        self.run(|books| books.violations()).await
    }

    /// How a pay-in from this account number or alias goes, and its delay
    /// under this bank's time scale.
    #[must_use]
    pub fn payin(&self, number: &str) -> (PayinCourse, Span) {
        let course = payin_course(number);
        (course, self.time_scale.scale(course.delay_seconds))
    }

    /// Works on the books away from the async threads.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Books) -> Result<T, BankDown> + Send + 'static,
    ) -> Result<T, BankDown> {
        let books = Arc::clone(&self.books);
        let done = tokio::task::spawn_blocking(move || {
            // A panic inside an operation rolled its transaction back, so the
            // books behind a poisoned lock are whole.
            work(&mut books.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.unwrap_or(Err(BankDown::Stopped))
    }
}

impl Books {
    /// One transaction at this moment, committed when the work succeeds.
    fn at_desk<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&Desk<'_>) -> Result<T, BankDown>,
    ) -> Result<T, BankDown> {
        let seed = self.seed;
        let tx = self.connection.transaction()?;
        let done = work(&Desk { tx: &tx, seed, now })?;
        tx.commit()?;
        Ok(done)
    }
}

/// What the engine gets to see of a fault of the books.
fn down(fault: BankDown) -> RailDown {
    tracing::warn!(error = &fault as &dyn std::error::Error, "the mock bank does not answer");
    RailDown
}

impl Rail for MockBank {
    fn name(&self) -> &'static str {
        "mock_bank"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resend_same_id: true,
            inquiry: true,
            cancel: true,
            mandate: true,
            consent: ConsentMeaning::Permits,
            remittance_length_max: REMITTANCE_LENGTH_MAX,
            live: false,
        }
    }

    fn withheld(&self, orders: Vec<(Order, Option<PaymentId>)>) -> RailFuture<'_, Vec<Option<Span>>> {
        Box::pin(async move {
            if !self.waits.load(Ordering::SeqCst) {
                return Vec::new();
            }
            let count = orders.len();
            let answers = self.run(move |books| {
                let at = Timestamp(0);
                let each = |desk: &Desk<'_>| orders.iter().map(|(order, of)| desk.withheld(*order, *of)).collect();
                books.at_desk(at, each)
            });
            // A bank that does not answer takes nothing now; it is asked again.
            answers.await.map_err(down).unwrap_or_else(|RailDown| vec![Some(ASK_AGAIN); count])
        })
    }

    fn submit(&self, instructions: Vec<Instruction>, now: Timestamp) -> RailFuture<'_, Vec<Submission>> {
        Box::pin(async move {
            let count = instructions.len();
            let habits = self.habits.get().cloned().unwrap_or_default();
            let answers = self.run(move |books| {
                let scale = books.time_scale;
                books.at_desk(now, |desk| {
                    instructions.iter().map(|instruction| desk.submit(instruction, scale, &habits)).collect()
                })
            });
            // Nothing tells whether the commit went through: the outcome of
            // each one is unknown (rails A1).
            answers.await.map_err(down).unwrap_or_else(|RailDown| vec![Submission::Unknown; count])
        })
    }

    fn query(&self, instruction_ids: Vec<String>, now: Timestamp) -> RailFuture<'_, Vec<Inquiry>> {
        Box::pin(async move {
            let count = instruction_ids.len();
            let answers = self
                .run(move |books| books.at_desk(now, |desk| instruction_ids.iter().map(|id| desk.query(id)).collect()));
            answers.await.map_err(down).unwrap_or_else(|RailDown| vec![Inquiry::Unknown; count])
        })
    }

    fn cancel(&self, instruction_id: String, now: Timestamp) -> RailFuture<'_, CancelAnswer> {
        Box::pin(async move {
            let answer = self.run(move |books| books.at_desk(now, |desk| desk.cancel(&instruction_id)));
            answer.await.map_err(down).unwrap_or(CancelAnswer::Unknown)
        })
    }

    fn reports(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> RailFuture<'_, Result<(Vec<Observation>, Option<Timestamp>), RailDown>> {
        Box::pin(async move {
            let told = self.run(move |books| {
                books.at_desk(now, |desk| {
                    desk.run_due()?;
                    Ok((due_in_op(desk.tx, now, limit)?, next_in_op(desk.tx, now)?))
                })
            });
            told.await.map_err(down)
        })
    }

    fn acknowledge(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        Box::pin(async move {
            let done = self.run(move |books| {
                let tx = books.connection.transaction()?;
                acknowledge_in_op(&tx, &tickets)?;
                Ok(tx.commit()?)
            });
            done.await.map_err(down)
        })
    }

    fn debits_since(
        &self,
        since: Timestamp,
        after: Option<String>,
        limit: usize,
        now: Timestamp,
    ) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        Box::pin(async move {
            // What fell due while nobody asked is a debit by now.
            let page = self.run(move |books| {
                books.at_desk(now, |desk| {
                    desk.run_due()?;
                    debits_since(desk.tx, since, after.as_deref(), limit)
                })
            });
            page.await.map_err(down)
        })
    }

    fn debits_named(&self, instruction_ids: Vec<String>) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        Box::pin(async move {
            let named = self.run(move |books| debits_named(&books.connection, &instruction_ids));
            named.await.map_err(down)
        })
    }

    fn payins(&self, now: Timestamp, limit: usize) -> RailFuture<'_, Result<PayinPage, RailDown>> {
        Box::pin(async move {
            let page = self.run(move |books| payins::due(&books.connection, now, limit));
            page.await.map_err(down)
        })
    }

    fn acknowledge_payins(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        Box::pin(async move {
            let done = self.run(move |books| {
                let tx = books.connection.transaction()?;
                payins::acknowledge_in_op(&tx, &tickets)?;
                Ok(tx.commit()?)
            });
            done.await.map_err(down)
        })
    }

    fn news(&self) -> Option<watch::Receiver<u64>> {
        Some(self.news.subscribe())
    }
}

impl PayerBank for MockBank {
    fn payins_actor(&self) -> Actor {
        self.actor()
    }

    fn scaled(&self, span: Span) -> Span {
        self.time_scale.scale_span(span)
    }

    fn play(&self, plan: PayinPlan) -> RailFuture<'_, Result<(), RailDown>> {
        Box::pin(async move {
            let done = self.run(move |books| {
                let tx = books.connection.transaction()?;
                payins::take_in_op(&tx, &plan)?;
                Ok(tx.commit()?)
            });
            done.await.map_err(down)?;
            self.news.send_modify(|count| *count = count.wrapping_add(1));
            Ok(())
        })
    }
}
