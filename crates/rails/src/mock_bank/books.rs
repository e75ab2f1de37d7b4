//! The bank's own books: their file, and what tests and the sandbox API read.
//!
//! One SQLite file in write-ahead mode. What was committed survives the end of
//! the process at any moment; the last moments may be lost with the machine's
//! power, which is enough for a simulator. The creditor's account lies in it
//! in the clear, because a debit must be adoptable by its creditor; it is
//! shown masked, and the file can be read by its owner only.

use super::columns::{account, amount, signed_count, state, unsigned};
use super::levers::TimeScale;
use super::outcome::OutcomeKind;
use refundry_domain::id::{PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{Instruction, Order};
use refundry_domain::money::Amount;
use refundry_domain::time::Timestamp;
use rusqlite::{Connection, Row, params};
use std::path::Path;
use std::time::Duration;

/// Version of the tables, kept in `user_version`.
const SCHEMA_VERSION: i64 = 2;
/// The longest page of the books.
const PAGE_LENGTH_MAX: usize = 1_000;
/// Prepared statements kept ready; more than this file and its siblings have.
const STATEMENT_COUNT_MAX: usize = 64;

/// `step` and `step_at` are what the bank does next with an instruction;
/// `follow` is how long what comes after the execution takes. `hidden_count`
/// is how many inquiries still find nothing, `visible_at` the time before
/// which an inquiry does not see the execution. Acknowledged reports are
/// deleted: evidence ids are derived, so that a report can be told again.
const SCHEMA: &str = "
CREATE TABLE instruction (
    n INTEGER PRIMARY KEY,
    instruction_id TEXT NOT NULL UNIQUE,
    end_to_end_id TEXT NOT NULL,
    uetr BLOB NOT NULL,
    merchant BLOB NOT NULL,
    refund BLOB NOT NULL,
    payment BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    creditor_account TEXT NOT NULL,
    creditor_name TEXT,
    debtor_kind INTEGER NOT NULL,
    debtor BLOB NOT NULL,
    content BLOB NOT NULL,
    state INTEGER NOT NULL,
    asked_count INTEGER NOT NULL,
    paid_count INTEGER NOT NULL CHECK (paid_count <= 1),
    taken_at INTEGER NOT NULL,
    executed_at INTEGER,
    kind INTEGER NOT NULL,
    code TEXT,
    follow INTEGER NOT NULL,
    step INTEGER NOT NULL,
    step_at INTEGER,
    visible_at INTEGER NOT NULL,
    hidden_count INTEGER NOT NULL,
    extra_count INTEGER NOT NULL
);
CREATE INDEX instruction_refund ON instruction (refund);
CREATE INDEX instruction_payment ON instruction (payment);
CREATE INDEX instruction_step ON instruction (step_at) WHERE step_at IS NOT NULL;
CREATE TABLE report (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    n INTEGER NOT NULL REFERENCES instruction (n),
    evidence BLOB NOT NULL,
    kind INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    charges INTEGER NOT NULL,
    code TEXT,
    due_at INTEGER NOT NULL
);
CREATE INDEX report_due ON report (due_at, ticket);
CREATE TABLE scenario (
    target_kind INTEGER NOT NULL,
    target BLOB NOT NULL,
    kind INTEGER NOT NULL,
    code TEXT,
    after INTEGER,
    PRIMARY KEY (target_kind, target)
) WITHOUT ROWID;
CREATE TABLE violation (
    id INTEGER PRIMARY KEY,
    instruction_id TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// What version 2 has beyond version 1: the payers' side. A payment's plan
/// stays for ever, its steps are deleted when they are acknowledged.
const PAYIN_SCHEMA: &str = "
CREATE TABLE payin (
    payment BLOB PRIMARY KEY,
    merchant BLOB NOT NULL,
    debtor_account TEXT,
    debtor_name TEXT
) WITHOUT ROWID;
CREATE TABLE payin_step (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    payment BLOB NOT NULL REFERENCES payin (payment),
    state INTEGER NOT NULL,
    failure INTEGER,
    due_at INTEGER NOT NULL
);
CREATE INDEX payin_step_due ON payin_step (due_at, ticket);
";

/// The books cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BankDown {
    /// The database refused.
    #[error("the mock bank's books cannot be read or written")]
    Books(#[from] rusqlite::Error),
    /// The work ended before its answer.
    #[error("the mock bank was stopped at its work")]
    Stopped,
}

/// The books cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made.
    #[error("the mock bank's file cannot be opened")]
    File(#[from] std::io::Error),
    /// The database refused.
    #[error("the mock bank's books cannot be opened")]
    Books(#[from] rusqlite::Error),
    /// Written by another version of this program.
    #[error("the mock bank's books have version {found}, this program reads version {SCHEMA_VERSION}")]
    Version {
        /// What the file says.
        found: i64,
    },
}

/// Where an instruction stands at the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BankState {
    /// Taken, not executed.
    Taken,
    /// The money left.
    Executed,
    /// Refused; no money moved.
    Rejected,
    /// The money left and came back.
    Returned,
    /// Withdrawn before it was executed.
    Withdrawn,
}

impl BankState {
    /// The word in the sandbox API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The number in the books.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Taken => 1,
            Self::Executed => 2,
            Self::Rejected => 3,
            Self::Returned => 4,
            Self::Withdrawn => 5,
        }
    }

    /// The state with this number in the books.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Taken, Self::Executed, Self::Rejected, Self::Returned, Self::Withdrawn]
            .into_iter()
            .find(|state| state.number() == number)
    }
}

/// One instruction as the bank shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankInstruction {
    /// Its id.
    pub instruction_id: String,
    /// Its end-to-end id.
    pub end_to_end_id: String,
    /// The refund or payout that last asked for it.
    pub order: Order,
    /// The payment of that refund.
    pub payment: Option<PaymentId>,
    /// Number of the attempt.
    pub attempt: u8,
    /// How much.
    pub amount: Amount,
    /// Who receives it, masked.
    pub creditor_masked: String,
    /// Where it stands.
    pub state: BankState,
    /// How often it was submitted.
    pub asked_count: u64,
    /// How often money left for it: 0 or 1.
    pub paid_count: u64,
    /// When the bank took it.
    pub at: Timestamp,
}

/// Which instructions to show, in the order in which the bank took them.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only those of this payment.
    pub payment: Option<PaymentId>,
    /// Only those of this refund.
    pub refund: Option<RefundId>,
    /// The instruction id of the last one seen.
    pub after: Option<String>,
    /// How many; a thousand at most.
    pub limit: usize,
}

/// What left for a payment's refunds, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaidTotal {
    /// Instructions whose money left.
    pub count: u64,
    /// What left, also where it came back later.
    pub paid: u64,
    /// What came back.
    pub returned: u64,
}

/// Something that must never happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub kind: ViolationKind,
    /// The instruction.
    pub instruction_id: String,
    /// When.
    pub at: Timestamp,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// An instruction id was used again for other content.
    ContentChanged,
    /// A refund's money left under two instruction ids and is still away.
    PaidTwice,
}

/// The open books.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) connection: Connection,
    pub(super) time_scale: TimeScale,
    pub(super) seed: u64,
}

impl Books {
    /// Opens the file, or makes it with empty books.
    pub(super) fn open(path: &Path, time_scale: TimeScale, seed: u64) -> Result<Self, OpenError> {
        make_private(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_COUNT_MAX);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            SCHEMA_VERSION => {}
            0 | 1 => {
                let tx = connection.transaction()?;
                if found == 0 {
                    tx.execute_batch(SCHEMA)?;
                }
                tx.execute_batch(PAYIN_SCHEMA)?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                tx.commit()?;
            }
            found => return Err(OpenError::Version { found }),
        }
        Ok(Self { connection, time_scale, seed })
    }

    /// True when the operator stopped the sending.
    pub(super) fn paused(&self) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM setting WHERE name = 'paused' AND value = 1)";
        self.connection.query_row(sql, [], |row| row.get(0))
    }

    /// True when something was ever asked to wait.
    pub(super) fn waits(&self) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM scenario WHERE kind = ?1)";
        self.connection.query_row(sql, [OutcomeKind::Wait.number()], |row| row.get(0))
    }

    /// Stops the sending, or lets it go on.
    pub(super) fn set_paused(&mut self, paused: bool) -> Result<(), BankDown> {
        let sql = "INSERT INTO setting (name, value) VALUES ('paused', ?1)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.connection.execute(sql, [i64::from(paused)])?;
        Ok(())
    }

    /// One page of the instructions.
    pub(super) fn instructions(&self, page: &Page) -> Result<Vec<BankInstruction>, BankDown> {
        let narrowed = match (page.refund, page.payment) {
            (Some(_), Some(_)) => "refund = ?3 AND payment = ?4 AND",
            (Some(_), None) => "refund = ?3 AND ?4 IS NULL AND",
            (None, Some(_)) => "?3 IS NULL AND payment = ?4 AND",
            (None, None) => "?3 IS NULL AND ?4 IS NULL AND",
        };
        let sql = format!(
            "SELECT instruction_id, end_to_end_id, refund, payment, attempt, amount, currency,
                creditor_account, state, asked_count, paid_count, taken_at FROM instruction
            WHERE {narrowed} n > coalesce((SELECT n FROM instruction WHERE instruction_id = ?1), 0)
            ORDER BY n LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = signed_count(page.limit.min(PAGE_LENGTH_MAX));
        let refund = page.refund.map(|id| id.0.to_be_bytes());
        let payment = page.payment.map(|id| id.0.to_be_bytes());
        let rows = statement.query_map(params![page.after, limit, refund, payment], shown)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What left for the refunds of a payment.
    pub(super) fn paid_total(&self, payment: PaymentId) -> Result<PaidTotal, BankDown> {
        let sql = "SELECT count(*), coalesce(sum(amount), 0),
                coalesce(sum(amount) FILTER (WHERE state = ?2), 0)
            FROM instruction WHERE payment = ?1 AND paid_count > 0";
        let mut statement = self.connection.prepare_cached(sql)?;
        let returned = BankState::Returned.number();
        Ok(statement.query_row(params![payment.0.to_be_bytes(), returned], |row| {
            Ok(PaidTotal { count: unsigned(row, 0)?, paid: unsigned(row, 1)?, returned: unsigned(row, 2)? })
        })?)
    }

    /// Everything that must not have happened, but did.
    pub(super) fn violations(&self) -> Result<Vec<Violation>, BankDown> {
        let mut violations = Vec::new();
        let changed = "SELECT instruction_id, at FROM violation ORDER BY id";
        let twice = "SELECT max(instruction_id), max(executed_at) FROM instruction
            WHERE state = 2 GROUP BY refund HAVING count(*) > 1";
        for (sql, kind) in [(changed, ViolationKind::ContentChanged), (twice, ViolationKind::PaidTwice)] {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement
                .query_map([], |row| Ok(Violation { kind, instruction_id: row.get(0)?, at: Timestamp(row.get(1)?) }))?;
            for row in rows {
                violations.push(row?);
            }
        }
        Ok(violations)
    }
}

/// The two ids under which an instruction is kept: a refund's and its
/// payment's; a payout stands in both places.
pub(super) fn names(instruction: &Instruction) -> ([u8; 16], [u8; 16]) {
    let order = instruction.order.id();
    (order.to_be_bytes(), instruction.payment.map_or(order, |payment| payment.0).to_be_bytes())
}

fn shown(row: &Row<'_>) -> rusqlite::Result<BankInstruction> {
    let (order, payment) = (u128::from_be_bytes(row.get(2)?), u128::from_be_bytes(row.get(3)?));
    let is_payout = order == payment;
    Ok(BankInstruction {
        instruction_id: row.get(0)?,
        end_to_end_id: row.get(1)?,
        order: if is_payout { Order::Payout(PayoutId(order)) } else { Order::Refund(RefundId(order)) },
        payment: (!is_payout).then_some(PaymentId(payment)),
        attempt: row.get(4)?,
        amount: amount(row, 5)?,
        creditor_masked: account(row, 7)?.masked(),
        state: state(row, 8)?,
        asked_count: unsigned(row, 9)?,
        paid_count: unsigned(row, 10)?,
        at: Timestamp(row.get(11)?),
    })
}

/// Makes the file, if it is not there, for its owner only: SQLite gives its
/// side files the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
