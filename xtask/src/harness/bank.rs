//! The mock bank's own books: what it was asked to pay and what it paid.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::sandbox::{Client, Credentials, Sandbox};

/// The longest wait for the bank to pay what it was asked.
const PAY_TIMEOUT: Duration = Duration::from_secs(120);
/// A bound on the pages read.
const PAGES_MAX: usize = 100_000;

/// One instruction in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) instruction: String,
    pub(crate) payment: String,
    pub(crate) refund: String,
    pub(crate) amount: u64,
    pub(crate) paid_count: u64,
}

/// All instructions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) lines: Vec<Line>,
}

impl Books {
    /// Reads every page.
    pub(crate) async fn read(client: &mut Client, credentials: &Credentials) -> Result<Self> {
        let authorization = credentials.sandbox()?;
        let mut books = Self::default();
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let path = format!("/sandbox/v1/bank/instructions?limit=1000{after}");
            let page = client.get(&path, Some(&authorization)).await?.expect(200)?;
            ensure!(page["violations"] == 0, "the bank counts violations: {}", page["violations"]);
            let rows = page["data"].as_array().context("the bank's books have no data")?;
            for row in rows {
                books.lines.push(line(row)?);
            }
            match page["next_cursor"].as_str() {
                Some(cursor) if !rows.is_empty() => after = format!("&cursor={cursor}"),
                _ => return Ok(books),
            }
        }
        anyhow::bail!("the bank's books do not end")
    }

    /// No instruction and no refund is paid twice, and no payment gives back
    /// more than it brought.
    pub(crate) fn check(&self, payments: &BTreeMap<String, u64>) -> Result<()> {
        let (mut instructions, mut refunds, mut sums) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        for line in &self.lines {
            let Line { instruction, payment, refund, amount, paid_count } = line;
            ensure!(instructions.insert(instruction), "instruction {instruction} is twice in the bank's books");
            ensure!(*paid_count <= 1, "instruction {instruction} was paid {paid_count} times");
            let paid = refunds.entry(refund).or_insert(0_u64);
            *paid += paid_count;
            ensure!(*paid <= 1, "refund {refund} was paid {paid} times");
            *sums.entry(payment).or_insert(0_u64) += amount * paid_count;
        }
        for (payment, sum) in sums {
            let brought =
                payments.get(payment).with_context(|| format!("the bank paid for {payment}, which is not ours"))?;
            ensure!(sum <= *brought, "payment {payment} brought {brought}, and {sum} went back");
        }
        Ok(())
    }

    /// How many instructions were paid.
    pub(crate) fn paid_count(&self) -> usize {
        self.lines.iter().filter(|line| line.paid_count > 0).count()
    }

    /// The paid instructions: id and amount.
    pub(crate) fn paid(&self) -> BTreeMap<String, u64> {
        let paid = self.lines.iter().filter(|line| line.paid_count > 0);
        paid.map(|line| (line.instruction.clone(), line.amount)).collect()
    }

    /// Minor units paid for one payment.
    pub(crate) fn paid_for(&self, payment: &str) -> u64 {
        let own = self.lines.iter().filter(|line| line.payment == payment);
        own.map(|line| line.amount * line.paid_count).sum()
    }
}

fn line(row: &Value) -> Result<Line> {
    let text = |name: &str| {
        let found = row[name].as_str().map(str::to_owned);
        found.with_context(|| format!("an instruction without {name}: {row}"))
    };
    Ok(Line {
        instruction: text("instruction_id")?,
        payment: text("payment_id")?,
        refund: text("refund_id")?,
        amount: row["amount"].as_u64().context("an instruction without an amount")?,
        paid_count: row["paid_count"].as_u64().context("an instruction without paid_count")?,
    })
}

/// Moves the clock until the bank has paid so many instructions.
pub(crate) async fn paid(sandbox: &Sandbox, count: usize) -> Result<Books> {
    let mut client = sandbox.client().await?;
    let begin = Instant::now();
    loop {
        client.advance(sandbox.credentials(), 5).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let books = Books::read(&mut client, sandbox.credentials()).await?;
        if books.paid_count() >= count {
            return Ok(books);
        }
        let (paid, asked) = (books.paid_count(), books.lines.len());
        ensure!(
            begin.elapsed() < PAY_TIMEOUT,
            "the bank paid {paid} of {count} refunds and was asked for {asked}:\n{}",
            sandbox.log_tail()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(lines: &[(&str, &str, u64, u64)]) -> Books {
        let line = |(instruction, refund, amount, paid_count): &(&str, &str, u64, u64)| Line {
            instruction: (*instruction).to_owned(),
            payment: "p".to_owned(),
            refund: (*refund).to_owned(),
            amount: *amount,
            paid_count: *paid_count,
        };
        Books { lines: lines.iter().map(line).collect() }
    }

    #[test]
    fn paying_twice_is_seen() {
        let payments = BTreeMap::from([("p".to_owned(), 100)]);
        type Row = (&'static str, &'static str, u64, u64);
        let cases: [(&[Row], bool); 6] = [
            (&[("i1", "r1", 60, 1), ("i2", "r2", 40, 1)], true),
            (&[("i1", "r1", 60, 0), ("i2", "r1", 60, 1)], true),
            (&[("i1", "r1", 10, 2)], false),
            (&[("i1", "r1", 10, 1), ("i1", "r2", 10, 1)], false),
            (&[("i1", "r1", 10, 1), ("i2", "r1", 10, 1)], false),
            (&[("i1", "r1", 60, 1), ("i2", "r2", 41, 1)], false),
        ];
        for (lines, good) in cases {
            assert_eq!(books(lines).check(&payments).is_ok(), good, "{lines:?}");
        }
        assert!(books(&[("i1", "r1", 1, 1)]).check(&BTreeMap::new()).is_err());
    }
}
