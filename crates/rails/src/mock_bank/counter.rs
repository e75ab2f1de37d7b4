//! What the bank is asked: instructions, inquiries, withdrawals, scenarios.

use super::books::{BankDown, BankState, names};
use super::columns::{amount, code, creditor, debtor, debtor_columns, signed, signed_count, unreadable};
use super::course::{Desk, Standing};
use super::habits::{Way, way_of};
use super::levers::{TimeScale, iso};
use super::outcome::{Outcome, OutcomeKind, OutcomeRefused, Target, refusal_default, return_default};
use super::plan::Plan;
use super::reports::{Telling, evidence_of, queued_in_op, tell_in_op};
use refundry_domain::bytes::Encoder;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::instruction::{Debit, Instruction, Order, Report, Submission};
use refundry_domain::reason::BankCode;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use refundry_engine::rail::{CancelAnswer, Habit, Inquiry};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Columns of a debit in the order of [`debit_row`].
macro_rules! debit_columns {
    () => {
        "merchant, instruction_id, end_to_end_id, amount, currency, debtor_kind, debtor,
            creditor_account, creditor_name, taken_at"
    };
}

/// Longer than any refund may take.
const FOR_EVER: Span = Span::days(36_500);
/// The longest page of debits.
const DEBITS_PAGE_MAX: usize = 1_000;

impl Desk<'_> {
    /// Takes an instruction, or recognises it.
    pub(super) fn submit(
        &self,
        instruction: &Instruction,
        scale: TimeScale,
        habits: &[Habit],
    ) -> Result<Submission, BankDown> {
        let way = way_of(instruction, scale, habits);
        let plan = match (self.scenario(instruction)?, way) {
            (Some(outcome), Way::Account(_, delay) | Way::Habit(_, delay)) => {
                Plan::by_outcome(outcome, delay, self.now)
            }
            (None, Way::Account(lever, delay)) => Plan::by_account(lever, delay, self.now),
            (None, Way::Habit(outcome, delay)) => Plan::by_outcome(outcome, delay, self.now),
        };
        let content = content_of(instruction);
        let Some(n) = self.insert(instruction, &plan, &content)? else {
            return self.resubmitted(instruction, &content);
        };
        for report in plan.opening {
            let evidence = evidence_of(self.seed, &instruction.ids.instruction_id, *report, 0);
            tell_in_op(self.tx, n, Telling { report: *report, evidence, due_at: self.now })?;
        }
        Ok(answer(plan.kind, plan.hidden_count))
    }

    /// Writes a new instruction; none when its id is known.
    fn insert(&self, instruction: &Instruction, plan: &Plan, content: &[u8; 16]) -> Result<Option<i64>, BankDown> {
        let sql = "INSERT INTO instruction (instruction_id, end_to_end_id, uetr, merchant, refund, payment,
                attempt, amount, currency, creditor_account, creditor_name, debtor_kind, debtor, content,
                state, asked_count, paid_count, taken_at, kind, code, follow, step, step_at, visible_at,
                hidden_count, extra_count)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 1, 0, ?16, ?17, ?18,
                ?19, ?20, ?21, ?16, ?22, 0)
            ON CONFLICT (instruction_id) DO NOTHING RETURNING n";
        let (debtor_kind, debtor) = debtor_columns(instruction.debtor);
        let (order, payment) = names(instruction);
        let mut statement = self.tx.prepare_cached(sql)?;
        let n = statement.query_row(
            params![
                instruction.ids.instruction_id,
                instruction.ids.end_to_end_id,
                instruction.ids.uetr.to_be_bytes(),
                instruction.merchant.0.to_be_bytes(),
                order,
                payment,
                instruction.attempt,
                signed(instruction.amount.minor)?,
                instruction.amount.currency.code(),
                instruction.creditor.account.canonical(),
                instruction.creditor.name,
                debtor_kind,
                debtor,
                content,
                BankState::Taken.number(),
                self.now.0,
                plan.kind.number(),
                plan.code.as_ref().map(BankCode::as_str),
                signed(plan.follow.0)?,
                plan.step_number(),
                plan.next.map(|(_, at)| at.0),
                plan.hidden_count,
            ],
            |row| row.get(0),
        );
        Ok(n.optional()?)
    }

    /// An id that is known already: the same content is answered as before and
    /// its end told again, other content is a violation. DU05 says that the id
    /// was used, so that the original is searched and nothing is failed.
    fn resubmitted(&self, instruction: &Instruction, content: &[u8; 16]) -> Result<Submission, BankDown> {
        let id = &instruction.ids.instruction_id;
        let counted =
            "UPDATE instruction SET asked_count = asked_count + 1 WHERE instruction_id = ?1 RETURNING content";
        let known: [u8; 16] = self.tx.prepare_cached(counted)?.query_row([id], |row| row.get(0))?;
        if known != *content {
            let sql = "INSERT INTO violation (instruction_id, at) VALUES (?1, ?2)";
            self.tx.prepare_cached(sql)?.execute(params![id, self.now.0])?;
            return Ok(Submission::Rejected { code: Some(iso("DU05")) });
        }
        // A refund that its store lost comes back under a new id of ours, but
        // under the same instruction id: from now on it is that refund's.
        let sql = "UPDATE instruction SET refund = ?2, payment = ?3 WHERE instruction_id = ?1";
        let (refund, payment) = names(instruction);
        self.tx.prepare_cached(sql)?.execute(params![id, refund, payment])?;
        let Some(standing) = self.standing(id)? else {
            return Ok(Submission::Accepted);
        };
        if !queued_in_op(self.tx, standing.n)? {
            self.tell_again(&standing, self.now)?;
        }
        Ok(answer(standing.kind, standing.hidden_count))
    }

    /// Tells the end of an instruction under the names it was told before.
    fn tell_again(&self, standing: &Standing, at: Timestamp) -> Result<(), BankDown> {
        match standing.state {
            BankState::Taken => Ok(()),
            BankState::Executed => self.tell(standing, standing.executed(), at),
            BankState::Rejected => self.tell(standing, standing.rejected(), at),
            BankState::Returned => {
                self.tell(standing, standing.executed(), at)?;
                self.tell(standing, standing.returned(), at)
            }
            BankState::Withdrawn => self.tell(standing, Report::Withdrawn, at),
        }
    }

    /// The scenario set for the refund, else for its payment.
    fn scenario(&self, instruction: &Instruction) -> Result<Option<Outcome>, BankDown> {
        let (refund, payment) = names(instruction);
        self.scenario_of(refund, payment)
    }

    fn scenario_of(&self, refund: [u8; 16], payment: [u8; 16]) -> Result<Option<Outcome>, BankDown> {
        let sql = "SELECT kind, code, after FROM scenario
            WHERE (target_kind = 1 AND target = ?1) OR (target_kind = 2 AND target = ?2)
            ORDER BY target_kind LIMIT 1";
        let mut statement = self.tx.prepare_cached(sql)?;
        let found = statement.query_row(params![refund, payment], |row| {
            let after: Option<i64> = row.get(2)?;
            Ok(Outcome {
                kind: OutcomeKind::from_number(row.get(0)?).ok_or_else(|| unreadable(0))?,
                reason: code(row, 1)?,
                after: after.and_then(|after| u64::try_from(after).ok()).map(Span),
            })
        });
        Ok(found.optional()?)
    }

    /// How long something is to wait before the bank takes it.
    pub(super) fn withheld(&self, order: Order, payment: Option<PaymentId>) -> Result<Option<Span>, BankDown> {
        let (order, payment) = (order.id(), payment.map_or(order.id(), |payment| payment.0));
        let scenario = self.scenario_of(order.to_be_bytes(), payment.to_be_bytes())?;
        let waits = scenario.filter(|outcome| outcome.kind == OutcomeKind::Wait);
        Ok(waits.map(|outcome| outcome.after.unwrap_or(FOR_EVER)))
    }

    /// Answers an inquiry.
    pub(super) fn query(&self, instruction_id: &str) -> Result<Inquiry, BankDown> {
        let Some(standing) = self.standing(instruction_id)? else {
            return Ok(Inquiry::NotFound);
        };
        if standing.hidden_count > 0 {
            let sql = "UPDATE instruction SET hidden_count = hidden_count - 1 WHERE n = ?1";
            self.tx.prepare_cached(sql)?.execute([standing.n])?;
            return Ok(Inquiry::NotFound);
        }
        let report = match standing.state {
            BankState::Executed if self.now < standing.visible_at => Report::Accepted,
            BankState::Taken => Report::Accepted,
            BankState::Executed => standing.executed(),
            BankState::Rejected => standing.rejected(),
            BankState::Returned => standing.returned(),
            BankState::Withdrawn => Report::Withdrawn,
        };
        let evidence = evidence_of(self.seed, &standing.instruction_id, report, 0);
        Ok(Inquiry::Known { evidence, report })
    }

    /// Withdraws what is not executed; the confirmation comes as a report.
    pub(super) fn cancel(&self, instruction_id: &str) -> Result<CancelAnswer, BankDown> {
        let Some(standing) = self.standing(instruction_id)? else {
            return Ok(CancelAnswer::Unsupported);
        };
        match standing.state {
            BankState::Taken => {
                self.enter(&standing, BankState::Withdrawn)?;
                self.tell(&standing, Report::Withdrawn, self.now)?;
                Ok(CancelAnswer::Requested)
            }
            BankState::Withdrawn => {
                if !queued_in_op(self.tx, standing.n)? {
                    self.tell_again(&standing, self.now)?;
                }
                Ok(CancelAnswer::Requested)
            }
            BankState::Executed | BankState::Rejected | BankState::Returned => Ok(CancelAnswer::Unsupported),
        }
    }

    /// Forces an outcome. A refusal is an answer of the bank, so what was due
    /// before it stays done.
    pub(super) fn set_outcome(&self, target: Target, outcome: Outcome) -> Result<Result<(), OutcomeRefused>, BankDown> {
        let order = match target {
            Target::Payment(payment) => return self.keep_scenario(2, payment.0, outcome).map(Ok),
            Target::Refund(refund) => refund.0,
            Target::Payout(payout) => payout.0,
        };
        let Some(standing) = self.newest_of(order)? else {
            return self.keep_scenario(1, order, outcome).map(Ok);
        };
        let at = self.now.plus(outcome.after.unwrap_or_default());
        let executed = match standing.state {
            BankState::Taken if outcome.kind == OutcomeKind::Wait => return Ok(Err(OutcomeRefused::Sent)),
            BankState::Taken => {
                self.replan(&standing, Plan::by_outcome(outcome, Span(0), self.now))?;
                return self.keep_scenario(1, order, outcome).map(Ok);
            }
            BankState::Executed | BankState::Returned => true,
            BankState::Rejected | BankState::Withdrawn => false,
        };
        match outcome.kind {
            OutcomeKind::ReportTwice => {
                self.tell_again(&standing, at)?;
                self.tell_again(&standing, at)?;
            }
            OutcomeKind::Contradict => {
                let code = Some(outcome.reason.unwrap_or_else(refusal_default));
                let report = if executed { Report::Rejected { code } } else { standing.executed() };
                let ordinal = self.next_extra(&standing)?;
                self.tell_as(&standing, report, at, ordinal)?;
            }
            OutcomeKind::Return if executed => {
                let code = outcome.reason.unwrap_or_else(return_default);
                self.plan_return(&standing, code, at)?;
            }
            OutcomeKind::Settle
            | OutcomeKind::Fail
            | OutcomeKind::Return
            | OutcomeKind::Hold
            | OutcomeKind::Timeout
            | OutcomeKind::Late
            | OutcomeKind::Wait
            | OutcomeKind::OutOfOrder => {
                if executed {
                    return Ok(Err(OutcomeRefused::Executed));
                }
                if outcome.kind == OutcomeKind::Wait {
                    return Ok(Err(OutcomeRefused::Sent));
                }
                // No money moved: it is for the next attempt.
                self.keep_scenario(1, order, outcome)?;
            }
        }
        Ok(Ok(()))
    }

    fn keep_scenario(&self, target_kind: u8, target: u128, outcome: Outcome) -> Result<(), BankDown> {
        let sql = "INSERT INTO scenario (target_kind, target, kind, code, after) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (target_kind, target)
            DO UPDATE SET kind = excluded.kind, code = excluded.code, after = excluded.after";
        self.tx.prepare_cached(sql)?.execute(params![
            target_kind,
            target.to_be_bytes(),
            outcome.kind.number(),
            outcome.reason.as_ref().map(BankCode::as_str),
            outcome.after.map(|after| signed(after.0)).transpose()?,
        ])?;
        Ok(())
    }
}

/// Instructions whose money left, also where it came back, and that were taken
/// or executed since a time; in the order in which they were taken.
pub(super) fn debits_since(
    connection: &Connection,
    since: Timestamp,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(MerchantId, Debit)>, BankDown> {
    let sql = concat!(
        "SELECT ",
        debit_columns!(),
        " FROM instruction
        WHERE n > coalesce((SELECT n FROM instruction WHERE instruction_id = ?1), 0)
            AND paid_count > 0 AND max(taken_at, executed_at) >= ?2
        ORDER BY n LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![after, since.0, signed_count(limit.min(DEBITS_PAGE_MAX))], debit_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same by instruction id, whenever they were taken.
pub(super) fn debits_named(connection: &Connection, ids: &[String]) -> Result<Vec<(MerchantId, Debit)>, BankDown> {
    let sql = concat!("SELECT ", debit_columns!(), " FROM instruction WHERE instruction_id = ?1 AND paid_count > 0");
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(statement.query_row([id], debit_row).optional()?);
    }
    Ok(found)
}

fn debit_row(row: &Row<'_>) -> rusqlite::Result<(MerchantId, Debit)> {
    let debit = Debit {
        instruction_id: row.get(1)?,
        end_to_end_id: row.get(2)?,
        amount: amount(row, 3)?,
        debtor: debtor(row, 5)?,
        creditor: creditor(row, 7)?,
        at: Timestamp(row.get(9)?),
    };
    Ok((MerchantId(u128::from_be_bytes(row.get(0)?)), debit))
}

/// The answer to a submission: lost as long as the bank hides it.
fn answer(kind: OutcomeKind, hidden_count: u8) -> Submission {
    match kind {
        OutcomeKind::Timeout if hidden_count > 0 => Submission::Unknown,
        OutcomeKind::Settle
        | OutcomeKind::Fail
        | OutcomeKind::Return
        | OutcomeKind::Hold
        | OutcomeKind::Timeout
        | OutcomeKind::ReportTwice
        | OutcomeKind::Late
        | OutcomeKind::Wait
        | OutcomeKind::OutOfOrder
        | OutcomeKind::Contradict => Submission::Accepted,
    }
}

/// What a bank would read in the instruction. Our own names of refund and
/// payment are no part of it: a refund re-created after a loss has new ones.
fn content_of(instruction: &Instruction) -> [u8; 16] {
    let (debtor_kind, debtor) = debtor_columns(instruction.debtor);
    let mut content = Encoder::new();
    content
        .id(instruction.merchant.0)
        .text(&instruction.ids.end_to_end_id)
        .id(instruction.ids.uetr)
        .number(instruction.amount.minor)
        .text(instruction.amount.currency.code())
        .byte(debtor_kind)
        .id(u128::from_be_bytes(debtor))
        .text(&instruction.creditor.account.canonical())
        .option(instruction.creditor.name.as_deref(), |to, name| {
            to.text(name);
        })
        .option(instruction.remittance.as_deref(), |to, text| {
            to.text(text);
        });
    let mut hash = [0; 16];
    for (to, from) in hash.iter_mut().zip(sha256(&content.finish())) {
        *to = from;
    }
    hash
}
