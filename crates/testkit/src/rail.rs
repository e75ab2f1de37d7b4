//! A rail that does what a test tells it, and keeps the books of a bank: what
//! it was asked, what it paid, what it will tell.

use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::instruction::{Debit, EvidenceId, Instruction, Report, Submission};
use refundry_domain::money::Amount;
use refundry_domain::reason::BankCode;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::fingerprint;
use refundry_engine::rail::{
    CancelAnswer, Capabilities, ConsentMeaning, Inquiry, Observation, PayerBank, PayinObservation, PayinPage,
    PayinPlan, Rail, RailDown, RailFuture,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the rail treats one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes it, pays, and reports that it paid.
    Pay,
    /// Takes it and waits to be told more.
    Keep,
    /// Answers a refusal with this bank code.
    Refuse(&'static str),
    /// Takes it and reports a refusal later.
    RefuseLater(&'static str),
    /// Pays, but its answer is lost on the way.
    LoseAnswer,
    /// Never hears of it.
    LoseRequest,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Kept,
    Paid,
    Refused(Option<BankCode>),
    Withdrawn,
}

#[derive(Debug)]
struct Order {
    instruction: Instruction,
    stage: Stage,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Ledger {
    manners: VecDeque<Manner>,
    orders: BTreeMap<String, Order>,
    payments: Vec<(String, Amount)>,
    returned: Vec<(String, Report)>,
    reports: VecDeque<Observation>,
    /// What payers' banks do, with its time.
    payins: Vec<(Timestamp, PayinObservation)>,
    tickets: u64,
    calls: usize,
    down: bool,
}

/// The rail; pays what it gets unless told otherwise.
#[derive(Debug, Default)]
pub struct ScriptedRail(Mutex<Ledger>);

fn evidence(instruction_id: &str, report: &Report) -> EvidenceId {
    let hash = fingerprint(&[instruction_id.as_bytes(), format!("{report:?}").as_bytes()]).0;
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    EvidenceId(id)
}

impl Stage {
    fn report(self, amount: Amount) -> Report {
        match self {
            Self::Kept => Report::Accepted,
            Self::Paid => Report::Executed { amount: amount.minor, charges: 0 },
            Self::Refused(code) => Report::Rejected { code },
            Self::Withdrawn => Report::Withdrawn,
        }
    }
}

impl Ledger {
    fn tell(&mut self, instruction_id: &str, report: Report) {
        let Some(order) = self.orders.get(instruction_id) else { return };
        self.tickets += 1;
        self.reports.push_back(Observation {
            merchant: order.instruction.merchant,
            instruction_id: instruction_id.to_owned(),
            evidence: evidence(instruction_id, &report),
            report,
            ticket: self.tickets,
        });
    }

    fn take(&mut self, instruction: Instruction, at: Timestamp) -> Submission {
        self.calls += 1;
        let manner = self.manners.pop_front().unwrap_or(Manner::Pay);
        if manner == Manner::LoseRequest {
            return Submission::Unknown;
        }
        let id = instruction.ids.instruction_id.clone();
        if let Some(known) = self.orders.get(&id) {
            let same =
                known.instruction.amount == instruction.amount && known.instruction.creditor == instruction.creditor;
            assert!(same, "an instruction id has one content for ever");
            return Submission::Rejected { code: BankCode::parse("DUPL") };
        }
        self.orders.insert(id.clone(), Order { instruction, stage: Stage::Kept, at });
        match manner {
            Manner::Pay => {
                self.finish(&id, Stage::Paid);
                Submission::Accepted
            }
            Manner::Keep => Submission::Accepted,
            Manner::Refuse(code) => {
                self.set(&id, Stage::Refused(BankCode::parse(code)));
                Submission::Rejected { code: BankCode::parse(code) }
            }
            Manner::RefuseLater(code) => {
                self.finish(&id, Stage::Refused(BankCode::parse(code)));
                Submission::Accepted
            }
            Manner::LoseAnswer => {
                self.finish(&id, Stage::Paid);
                self.reports.pop_back();
                Submission::Unknown
            }
            Manner::LoseRequest => Submission::Unknown,
        }
    }

    fn set(&mut self, id: &str, stage: Stage) -> Option<Report> {
        let order = self.orders.get_mut(id).filter(|order| order.stage == Stage::Kept)?;
        order.stage = stage;
        if stage == Stage::Paid {
            self.payments.push((id.to_owned(), order.instruction.amount));
        }
        Some(stage.report(order.instruction.amount))
    }

    /// Ends an order that is kept, and tells.
    fn finish(&mut self, id: &str, stage: Stage) {
        if let Some(report) = self.set(id, stage) {
            self.tell(id, report);
        }
    }
}

impl ScriptedRail {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next submission is treated; several wait in line.
    pub fn next(&self, manner: Manner) {
        self.ledger().manners.push_back(manner);
    }

    /// While down it gives no reports and no debits, and answers nothing.
    pub fn set_down(&self, down: bool) {
        self.ledger().down = down;
    }

    /// True while it is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.ledger().down
    }

    /// Pays what it kept, all of it.
    pub fn pay_kept(&self) {
        self.finish_kept(Stage::Paid);
    }

    /// Refuses what it kept, all of it, with this bank code.
    pub fn refuse_kept(&self, code: &str) {
        self.finish_kept(Stage::Refused(BankCode::parse(code)));
    }

    fn finish_kept(&self, stage: Stage) {
        let mut ledger = self.ledger();
        let kept = ledger.orders.iter().filter(|(_, order)| order.stage == Stage::Kept);
        for id in kept.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            ledger.finish(&id, stage);
        }
    }

    /// Sends back a payment, so much of it (minor units); once.
    pub fn give_back(&self, instruction_id: &str, amount_back: u64, code: &str) {
        let mut ledger = self.ledger();
        let report = Report::Returned { amount_back, code: BankCode::parse(code) };
        let given_back = (instruction_id.to_owned(), report);
        if ledger.returned.iter().any(|(id, _)| id == instruction_id) {
            return;
        }
        ledger.returned.push(given_back);
        ledger.tell(instruction_id, report);
    }

    /// Forgets how the next submissions were to be treated.
    pub fn forget_manners(&self) {
        self.ledger().manners.clear();
    }

    /// Tells everything it ever told once more.
    pub fn repeat_everything(&self) {
        let mut ledger = self.ledger();
        let stages = ledger.orders.iter().map(|(id, order)| {
            let report = order.stage.report(order.instruction.amount);
            (id.clone(), report)
        });
        let told: Vec<(String, Report)> = stages.chain(ledger.returned.iter().cloned()).collect();
        for (id, report) in told {
            ledger.tell(&id, report);
        }
    }

    /// Every payment it made, in order: instruction id and amount.
    #[must_use]
    pub fn payments(&self) -> Vec<(String, Amount)> {
        self.ledger().payments.clone()
    }

    /// Every payment that was not given back.
    #[must_use]
    pub fn standing_payments(&self) -> Vec<(String, Amount)> {
        let ledger = self.ledger();
        let returned = |id: &String| ledger.returned.iter().any(|(returned, _)| returned == id);
        ledger.payments.iter().filter(|(id, _)| !returned(id)).cloned().collect()
    }

    /// How many reports wait to be taken.
    #[must_use]
    pub fn report_count(&self) -> usize {
        let ledger = self.ledger();
        if ledger.down { 0 } else { ledger.reports.len() }
    }

    /// How often it was asked to pay.
    #[must_use]
    pub fn call_count(&self) -> usize {
        self.ledger().calls
    }
}

impl Rail for ScriptedRail {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resend_same_id: false,
            inquiry: true,
            cancel: true,
            mandate: true,
            consent: ConsentMeaning::Permits,
            remittance_length_max: 140,
            live: false,
        }
    }

    fn submit(&self, instructions: Vec<Instruction>, now: Timestamp) -> RailFuture<'_, Vec<Submission>> {
        let mut ledger = self.ledger();
        let down = ledger.down;
        let answers: Vec<Submission> = instructions
            .into_iter()
            .map(|instruction| if down { Submission::Unknown } else { ledger.take(instruction, now) })
            .collect();
        Box::pin(async move { answers })
    }

    fn query(&self, instruction_ids: Vec<String>, _now: Timestamp) -> RailFuture<'_, Vec<Inquiry>> {
        let ledger = self.ledger();
        let inquire = |id: String| {
            if ledger.down {
                return Inquiry::Unknown;
            }
            let Some(order) = ledger.orders.get(&id) else { return Inquiry::NotFound };
            let report = order.stage.report(order.instruction.amount);
            Inquiry::Known { evidence: evidence(&id, &report), report }
        };
        let answers: Vec<Inquiry> = instruction_ids.into_iter().map(inquire).collect();
        Box::pin(async move { answers })
    }

    fn cancel(&self, instruction_id: String, _now: Timestamp) -> RailFuture<'_, CancelAnswer> {
        let mut ledger = self.ledger();
        let kept = ledger.orders.get(&instruction_id).map(|order| order.stage == Stage::Kept);
        let answer = match kept {
            _ if ledger.down => CancelAnswer::Unknown,
            Some(true) => {
                ledger.finish(&instruction_id, Stage::Withdrawn);
                CancelAnswer::Requested
            }
            Some(false) | None => CancelAnswer::Unsupported,
        };
        Box::pin(async move { answer })
    }

    fn reports(
        &self,
        _now: Timestamp,
        limit: usize,
    ) -> RailFuture<'_, Result<(Vec<Observation>, Option<Timestamp>), RailDown>> {
        let ledger = self.ledger();
        let told =
            if ledger.down { Err(RailDown) } else { Ok((ledger.reports.iter().take(limit).cloned().collect(), None)) };
        Box::pin(async move { told })
    }

    fn acknowledge(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        self.ledger().reports.retain(|report| !tickets.contains(&report.ticket));
        Box::pin(async move { Ok(()) })
    }

    fn debits_since(
        &self,
        since: Timestamp,
        after: Option<String>,
        limit: usize,
        _now: Timestamp,
    ) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        let ledger = self.ledger();
        let later = ledger.orders.iter().filter(|(id, order)| {
            order.stage == Stage::Paid && order.at >= since && after.as_ref().is_none_or(|after| *id > after)
        });
        let page: Vec<_> = later.map(debit_of).take(limit).collect();
        let page = if ledger.down { Err(RailDown) } else { Ok(page) };
        Box::pin(async move { page })
    }

    fn debits_named(&self, ids: Vec<String>) -> RailFuture<'_, Result<Vec<(MerchantId, Debit)>, RailDown>> {
        let ledger = self.ledger();
        let named = ledger.orders.iter().filter(|(id, order)| order.stage == Stage::Paid && ids.contains(id));
        let named: Vec<_> = named.map(debit_of).collect();
        let named = if ledger.down { Err(RailDown) } else { Ok(named) };
        Box::pin(async move { named })
    }

    fn payins(&self, now: Timestamp, limit: usize) -> RailFuture<'_, Result<PayinPage, RailDown>> {
        let ledger = self.ledger();
        let due = ledger.payins.iter().filter(|(at, _)| *at <= now).map(|(_, step)| step.clone()).take(limit).collect();
        let next = ledger.payins.iter().map(|(at, _)| *at).filter(|at| *at > now).min();
        let page = if ledger.down { Err(RailDown) } else { Ok((due, next)) };
        Box::pin(async move { page })
    }

    fn acknowledge_payins(&self, tickets: Vec<u64>) -> RailFuture<'_, Result<(), RailDown>> {
        self.ledger().payins.retain(|(_, step)| !tickets.contains(&step.ticket));
        Box::pin(async move { Ok(()) })
    }
}

impl PayerBank for ScriptedRail {
    fn payins_actor(&self) -> Actor {
        self.actor()
    }

    /// Unlike the port asks, a second plan is played as well: what follows
    /// when a payment moved already is for tests to see.
    fn play(&self, plan: PayinPlan) -> RailFuture<'_, Result<(), RailDown>> {
        let PayinPlan { merchant, payment, debtor, steps } = plan;
        let mut ledger = self.ledger();
        for step in steps {
            ledger.tickets += 1;
            let ticket = ledger.tickets;
            let (to, failure, debtor) = (step.to, step.failure, debtor.clone());
            ledger.payins.push((step.at, PayinObservation { merchant, payment, to, debtor, failure, ticket }));
        }
        ledger.payins.sort_by_key(|(at, step)| (*at, step.ticket));
        Box::pin(async move { Ok(()) })
    }
}

fn debit_of((id, order): (&String, &Order)) -> (MerchantId, Debit) {
    let instruction = &order.instruction;
    let debit = Debit {
        instruction_id: id.clone(),
        end_to_end_id: instruction.ids.end_to_end_id.clone(),
        amount: instruction.amount,
        debtor: instruction.debtor,
        creditor: instruction.creditor.clone(),
        at: order.at,
    };
    (instruction.merchant, debit)
}
