//! The queue of what the bank tells, and how a report lies in it.

use super::books::BankDown;
use super::columns::{code, signed, signed_count, unreadable, unsigned};
use refundry_domain::id::MerchantId;
use refundry_domain::instruction::{EvidenceId, Report};
use refundry_domain::reason::BankCode;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::rail::Observation;
use rusqlite::{Transaction, params};

/// A report to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telling {
    /// What is told.
    pub(super) report: Report,
    /// The bank's name of it.
    pub(super) evidence: EvidenceId,
    /// When.
    pub(super) due_at: Timestamp,
}

/// The bank's name of a piece of evidence: the same fact of the same
/// instruction has the same name, however often it is told. `ordinal` is 0
/// for what really happened and counts what the bank was made to say besides.
pub(super) fn evidence_of(seed: u64, instruction_id: &str, report: Report, ordinal: u32) -> EvidenceId {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(b"refundry-mock-bank-v1");
    bytes.extend_from_slice(&seed.to_be_bytes());
    bytes.push(Columns::of(report).kind);
    bytes.extend_from_slice(&ordinal.to_be_bytes());
    bytes.extend_from_slice(instruction_id.as_bytes());
    let mut name = [0; 8];
    for (to, from) in name.iter_mut().zip(sha256(&bytes)) {
        *to = from;
    }
    EvidenceId(name)
}

/// Puts a report into the queue.
pub(super) fn tell_in_op(tx: &Transaction<'_>, n: i64, telling: Telling) -> Result<(), BankDown> {
    let columns = Columns::of(telling.report);
    let sql = "INSERT INTO report (n, evidence, kind, amount, charges, code, due_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    tx.prepare_cached(sql)?.execute(params![
        n,
        telling.evidence.0,
        columns.kind,
        signed(columns.amount)?,
        signed(columns.charges)?,
        columns.code.as_ref().map(BankCode::as_str),
        telling.due_at.0,
    ])?;
    Ok(())
}

/// Reports that are due, oldest first.
pub(super) fn due_in_op(tx: &Transaction<'_>, now: Timestamp, limit: usize) -> Result<Vec<Observation>, BankDown> {
    let sql = "SELECT merchant, instruction_id, evidence, report.kind, report.amount, charges, report.code, ticket
        FROM report JOIN instruction USING (n) WHERE due_at <= ?1 ORDER BY due_at, ticket LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![now.0, signed_count(limit)], |row| {
        Ok(Observation {
            merchant: MerchantId(u128::from_be_bytes(row.get(0)?)),
            instruction_id: row.get(1)?,
            evidence: EvidenceId(row.get(2)?),
            report: Columns {
                kind: row.get(3)?,
                amount: unsigned(row, 4)?,
                charges: unsigned(row, 5)?,
                code: code(row, 6)?,
            }
            .report()
            .ok_or_else(|| unreadable(3))?,
            ticket: unsigned(row, 7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The time of the next thing the bank will do or tell: a report that is not
/// due yet, or a step, which is past when too much was due at once.
pub(super) fn next_in_op(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, BankDown> {
    let step = "SELECT min(step_at) FROM instruction WHERE step_at IS NOT NULL";
    let report = "SELECT min(due_at) FROM report WHERE due_at > ?1";
    let step: Option<i64> = tx.prepare_cached(step)?.query_row([], |row| row.get(0))?;
    let report: Option<i64> = tx.prepare_cached(report)?.query_row([now.0], |row| row.get(0))?;
    Ok(step.into_iter().chain(report).min().map(Timestamp))
}

/// Drops these reports from the queue.
pub(super) fn acknowledge_in_op(tx: &Transaction<'_>, tickets: &[u64]) -> Result<(), BankDown> {
    let mut statement = tx.prepare_cached("DELETE FROM report WHERE ticket = ?1")?;
    for ticket in tickets {
        statement.execute([signed(*ticket)?])?;
    }
    Ok(())
}

/// True while something about this instruction is still in the queue.
pub(super) fn queued_in_op(tx: &Transaction<'_>, n: i64) -> Result<bool, BankDown> {
    let sql = "SELECT EXISTS (SELECT 1 FROM report WHERE n = ?1)";
    Ok(tx.prepare_cached(sql)?.query_row([n], |row| row.get(0))?)
}

/// A report in columns.
struct Columns {
    kind: u8,
    amount: u64,
    charges: u64,
    code: Option<BankCode>,
}

impl Columns {
    fn of(report: Report) -> Self {
        let plain = |kind| Self { kind, amount: 0, charges: 0, code: None };
        match report {
            Report::Accepted => plain(1),
            Report::Screening => plain(2),
            Report::Executed { amount, charges } => Self { amount, charges, ..plain(3) },
            Report::Rejected { code } => Self { code, ..plain(4) },
            Report::Returned { amount_back, code } => Self { amount: amount_back, code, ..plain(5) },
            Report::Withdrawn => plain(6),
            Report::Lapsed => plain(7),
        }
    }

    fn report(self) -> Option<Report> {
        match self.kind {
            1 => Some(Report::Accepted),
            2 => Some(Report::Screening),
            3 => Some(Report::Executed { amount: self.amount, charges: self.charges }),
            4 => Some(Report::Rejected { code: self.code }),
            5 => Some(Report::Returned { amount_back: self.amount, code: self.code }),
            6 => Some(Report::Withdrawn),
            7 => Some(Report::Lapsed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_from_its_columns() {
        let code = BankCode::parse("AM04");
        let reports = [
            Report::Accepted,
            Report::Screening,
            Report::Executed { amount: 1_000, charges: 3 },
            Report::Rejected { code },
            Report::Rejected { code: None },
            Report::Returned { amount_back: 995, code },
            Report::Withdrawn,
            Report::Lapsed,
        ];
        for report in reports {
            assert_eq!(Columns::of(report).report(), Some(report));
        }
    }

    #[test]
    fn a_fact_has_one_name() {
        let name = |seed, id, report, ordinal| evidence_of(seed, id, report, ordinal);
        let executed = Report::Executed { amount: 1_000, charges: 0 };
        let first = name(1, "A", executed, 0);
        assert_eq!(first, name(1, "A", executed, 0));
        let others = [
            name(2, "A", executed, 0),
            name(1, "B", executed, 0),
            name(1, "A", Report::Accepted, 0),
            name(1, "A", executed, 1),
        ];
        assert!(!others.contains(&first));
    }
}
