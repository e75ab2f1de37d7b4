//! The course of an instruction: the steps of its plan when they are due, and
//! what is told of them.

use super::books::{BankDown, BankState};
use super::columns::{code, signed, signed_count, state, unreadable, unsigned};
use super::outcome::{OutcomeKind, refusal};
use super::plan::{Plan, Step};
use super::reports::{Telling, evidence_of, tell_in_op};
use refundry_domain::instruction::Report;
use refundry_domain::reason::BankCode;
use refundry_domain::time::{Span, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// The most steps of all instructions in one call; the rest is due at once in
/// the next one.
const STEPS_PER_CALL_MAX: usize = 5_000;
/// The most steps of one instruction that can be due: execution and return.
const STEPS_PER_INSTRUCTION_MAX: usize = 2;

/// Where an instruction stands and what comes next.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) n: i64,
    pub(super) instruction_id: String,
    pub(super) amount: u64,
    pub(super) state: BankState,
    pub(super) kind: OutcomeKind,
    pub(super) code: Option<BankCode>,
    pub(super) visible_at: Timestamp,
    pub(super) hidden_count: u8,
    follow: Span,
    next: Option<(Step, Timestamp)>,
}

/// The columns of [`Standing`], in its reader's order.
const STANDING: &str = "SELECT n, instruction_id, amount, state, kind, code, visible_at, hidden_count, follow, step, step_at FROM instruction";

impl Standing {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let step_at: Option<i64> = row.get(10)?;
        let next = match step_at {
            None => None,
            Some(at) => Some((Step::from_number(row.get(9)?).ok_or_else(|| unreadable(9))?, Timestamp(at))),
        };
        Ok(Self {
            n: row.get(0)?,
            instruction_id: row.get(1)?,
            amount: unsigned(row, 2)?,
            state: state(row, 3)?,
            kind: OutcomeKind::from_number(row.get(4)?).ok_or_else(|| unreadable(4))?,
            code: code(row, 5)?,
            visible_at: Timestamp(row.get(6)?),
            hidden_count: row.get(7)?,
            follow: Span(unsigned(row, 8)?),
            next,
        })
    }

    /// The report of the execution.
    pub(super) fn executed(&self) -> Report {
        Report::Executed { amount: self.amount, charges: 0 }
    }

    /// The report of a refusal with this instruction's code.
    pub(super) fn rejected(&self) -> Report {
        refusal(self.code)
    }

    /// The report of a return with this instruction's code.
    pub(super) fn returned(&self) -> Report {
        Report::Returned { amount_back: self.amount, code: self.code }
    }
}

/// One transaction at one moment: everything the bank does happens at a desk.
pub(super) struct Desk<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) seed: u64,
    pub(super) now: Timestamp,
}

impl Desk<'_> {
    /// Does what is due, in the order of the due times.
    pub(super) fn run_due(&self) -> Result<(), BankDown> {
        let sql = format!("{STANDING} WHERE step_at <= ?1 ORDER BY step_at, n LIMIT ?2");
        let mut left = STEPS_PER_CALL_MAX;
        while left > 0 {
            let mut statement = self.tx.prepare_cached(&sql)?;
            let limit = signed_count(left);
            let due = statement.query_map(params![self.now.0, limit], Standing::read)?;
            let due = due.collect::<Result<Vec<_>, _>>()?;
            if due.is_empty() {
                break;
            }
            left = left.saturating_sub(due.len());
            for standing in due {
                self.step(&standing)?;
            }
        }
        Ok(())
    }

    /// The instruction with this id, after what is due for it was done.
    pub(super) fn standing(&self, instruction_id: &str) -> Result<Option<Standing>, BankDown> {
        self.settled_up(&format!("{STANDING} WHERE instruction_id = ?1"), &instruction_id)
    }

    /// The newest instruction of a refund, after what is due for it was done.
    pub(super) fn newest_of(&self, refund: u128) -> Result<Option<Standing>, BankDown> {
        let sql = format!("{STANDING} WHERE refund = ?1 ORDER BY n DESC LIMIT 1");
        self.settled_up(&sql, &refund.to_be_bytes())
    }

    fn settled_up(&self, sql: &str, key: &dyn rusqlite::ToSql) -> Result<Option<Standing>, BankDown> {
        let read = || self.tx.prepare_cached(sql)?.query_row([key], Standing::read).optional();
        let mut standing = read()?;
        for _ in 0..STEPS_PER_INSTRUCTION_MAX {
            let due = standing.as_ref().filter(|found| found.next.is_some_and(|(_, at)| at <= self.now));
            let Some(found) = due else { break };
            self.step(found)?;
            standing = read()?;
        }
        Ok(standing)
    }

    fn step(&self, standing: &Standing) -> Result<(), BankDown> {
        match standing.next {
            None => Ok(()),
            Some((Step::Execute, at)) => self.execute(standing, at),
            Some((Step::Reject, at)) => {
                self.enter(standing, BankState::Rejected)?;
                self.tell(standing, standing.rejected(), at)
            }
            Some((Step::Return, at)) => {
                let ordinal = match standing.state {
                    BankState::Returned => self.next_extra(standing)?,
                    BankState::Taken | BankState::Executed | BankState::Rejected | BankState::Withdrawn => 0,
                };
                self.enter(standing, BankState::Returned)?;
                self.tell_as(standing, standing.returned(), at, ordinal)
            }
        }
    }

    /// The money leaves; this is the only place that counts it as paid.
    fn execute(&self, standing: &Standing, at: Timestamp) -> Result<(), BankDown> {
        let then = at.plus(standing.follow);
        let comes_back = matches!(standing.kind, OutcomeKind::Return).then_some(then);
        let visible_at = if matches!(standing.kind, OutcomeKind::Late) { then } else { at };
        let sql = "UPDATE instruction SET state = ?2, paid_count = paid_count + 1, executed_at = ?3,
                visible_at = ?4, step = ?5, step_at = ?6 WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute(params![
            standing.n,
            BankState::Executed.number(),
            at.0,
            visible_at.0,
            Step::Return.number(),
            comes_back.map(|at| at.0),
        ])?;
        let executed = standing.executed();
        match standing.kind {
            OutcomeKind::Settle | OutcomeKind::Wait | OutcomeKind::Return | OutcomeKind::Fail => {
                self.tell(standing, executed, at)
            }
            OutcomeKind::Hold => {
                // The check is over before the money is seen to have left.
                let ordinal = self.next_extra(standing)?;
                self.tell_as(standing, Report::Accepted, at, ordinal)?;
                self.tell(standing, executed, then)
            }
            OutcomeKind::Timeout | OutcomeKind::Late => self.tell(standing, executed, then),
            OutcomeKind::ReportTwice => {
                self.tell(standing, executed, at)?;
                self.tell(standing, executed, at)
            }
            OutcomeKind::OutOfOrder => {
                self.tell(standing, executed, at)?;
                self.tell(standing, Report::Accepted, then)
            }
            OutcomeKind::Contradict => {
                self.tell(standing, executed, at)?;
                let ordinal = self.next_extra(standing)?;
                self.tell_as(standing, standing.rejected(), then, ordinal)
            }
        }
    }

    /// Enters a state in which nothing more is planned.
    pub(super) fn enter(&self, standing: &Standing, state: BankState) -> Result<(), BankDown> {
        let sql = "UPDATE instruction SET state = ?2, step_at = NULL, hidden_count = 0 WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute(params![standing.n, state.number()])?;
        Ok(())
    }

    /// Changes what is planned for an instruction that is under way.
    pub(super) fn replan(&self, standing: &Standing, plan: Plan) -> Result<(), BankDown> {
        let sql = "UPDATE instruction SET kind = ?2, code = ?3, follow = ?4, step = ?5, step_at = ?6,
                hidden_count = ?7 WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute(params![
            standing.n,
            plan.kind.number(),
            plan.code.as_ref().map(BankCode::as_str),
            signed(plan.follow.0)?,
            plan.step_number(),
            plan.next.map(|(_, at)| at.0),
            plan.hidden_count,
        ])?;
        for report in plan.opening {
            self.tell(standing, *report, self.now)?;
        }
        Ok(())
    }

    /// Sends back what was executed, at this time.
    pub(super) fn plan_return(&self, standing: &Standing, code: BankCode, at: Timestamp) -> Result<(), BankDown> {
        let sql = "UPDATE instruction SET kind = ?2, code = ?3, step = ?4, step_at = ?5 WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute(params![
            standing.n,
            OutcomeKind::Return.number(),
            code.as_str(),
            Step::Return.number(),
            at.0,
        ])?;
        Ok(())
    }

    /// Tells what really happened.
    pub(super) fn tell(&self, standing: &Standing, report: Report, due_at: Timestamp) -> Result<(), BankDown> {
        self.tell_as(standing, report, due_at, 0)
    }

    /// Tells something under a name of its own.
    pub(super) fn tell_as(
        &self,
        standing: &Standing,
        report: Report,
        due_at: Timestamp,
        ordinal: u32,
    ) -> Result<(), BankDown> {
        let evidence = evidence_of(self.seed, &standing.instruction_id, report, ordinal);
        tell_in_op(self.tx, standing.n, Telling { report, evidence, due_at })
    }

    /// Number of the next piece of evidence besides what happened.
    pub(super) fn next_extra(&self, standing: &Standing) -> Result<u32, BankDown> {
        let sql = "UPDATE instruction SET extra_count = extra_count + 1 WHERE n = ?1 RETURNING extra_count";
        Ok(self.tx.prepare_cached(sql)?.query_row([standing.n], |row| row.get(0))?)
    }
}
