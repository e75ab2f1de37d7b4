//! kill -9 at random while clients refund through both dialects; after every
//! restart the clients' own journal is held against the server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::bank::{self, Books};
use super::dice::Dice;
use super::journal::{Journal, again};
use crate::sandbox::{self, Client, Dialect, RefundCall, Sandbox};

const CLIENTS: usize = 16;
/// Pay-ins made in each cycle, small enough that some refunds are refused.
const PAYMENTS: usize = 8;
const PAYMENT_AMOUNT: u64 = 60;
/// Cycles between two looks into the bank's books.
const BOOKS_EVERY: usize = 5;

pub(crate) async fn run(folder: &Path, cycles: usize, mut dice: Dice) -> Result<()> {
    let data = folder.join("data");
    let journal = Journal::open(&folder.join("journal"))?;
    let mut payments = BTreeMap::new();
    let mut checked = 0;
    for cycle in 1..=cycles {
        let kept = one_cycle(cycle, &data, &journal, &mut dice, &mut payments, &mut checked).await;
        kept.with_context(|| format!("cycle {cycle}, server log {}", tail(&data)))?;
    }
    finish(&data, &journal, &payments).await
}

async fn one_cycle(
    cycle: usize,
    data: &Path,
    journal: &Arc<Journal>,
    dice: &mut Dice,
    payments: &mut BTreeMap<String, u64>,
    checked: &mut usize,
) -> Result<()> {
    let sandbox = Sandbox::start(data).await?;
    let seen = journal.compare(&sandbox, *checked).await?;
    seen.nothing_lost()?;
    *checked = journal.entries().len();
    let mut client = sandbox.client().await?;
    if cycle.is_multiple_of(BOOKS_EVERY) {
        Books::read(&mut client, sandbox.credentials()).await?.check(payments)?;
    }
    let mut fresh = Vec::new();
    for _ in 0..PAYMENTS {
        fresh.push(client.pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?);
    }
    payments.extend(fresh.iter().map(|id| (id.clone(), PAYMENT_AMOUNT)));
    let fresh: Arc<[String]> = fresh.into();
    let ready_after = sandbox.ready_after();
    let mut tasks = Vec::new();
    for number in 0..CLIENTS {
        let refunder = Refunder {
            name: format!("k{cycle}-{number}"),
            client: sandbox.client().await?,
            dialects: Dialect::all(sandbox.credentials())?,
            payments: Arc::clone(&fresh),
            journal: Arc::clone(journal),
            dice: dice.split(),
        };
        tasks.push(tokio::spawn(refunder.run()));
    }
    tokio::time::sleep(Duration::from_millis(dice.between(5, 120))).await;
    client.advance(sandbox.credentials(), dice.between(1, 4)).await?;
    tokio::time::sleep(Duration::from_millis(dice.between(5, 120))).await;
    sandbox.kill()?;
    let mut answers = 0;
    for task in tasks {
        answers += task.await.context("a client's task")??;
    }
    sandbox::verify(data)?;
    println!(
        "  cycle {cycle}: {answers} answers before the kill; of the cycle before {} found, {} repeated; ready after {} ms",
        seen.found_count,
        seen.repeated_count,
        ready_after.as_millis(),
    );
    Ok(())
}

/// One client: refunds until the connection breaks.
struct Refunder {
    name: String,
    client: Client,
    dialects: Vec<Dialect>,
    payments: Arc<[String]>,
    journal: Arc<Journal>,
    dice: Dice,
}

impl Refunder {
    /// Tells how many answers came.
    async fn run(mut self) -> Result<usize> {
        for number in 0.. {
            let dialect = usize::from(self.dice.between(0, 2) == 1);
            let payment = self.payments[usize::try_from(self.dice.between(0, self.payments.len() as u64))?].clone();
            let call = RefundCall { key: format!("{}-{number}", self.name), payment, amount: self.dice.between(1, 10) };
            let entry = self.journal.sent(dialect, &call)?;
            let Ok(answer) = again(&mut self.client, &self.dialects[dialect], &call).await else {
                return Ok(number);
            };
            ensure!(answer.status < 500, "{}: {answer}", call.key);
            self.journal.answered(entry, answer)?;
            // Thinking keeps the store small and lets the rail's worker have its turn.
            tokio::time::sleep(Duration::from_millis(self.dice.between(0, 6))).await;
        }
        Ok(0)
    }
}

/// The whole journal against one last start, and the bank's books to the unit:
/// also what a kill cut in the middle of its call is paid in the end, once.
async fn finish(data: &Path, journal: &Arc<Journal>, payments: &BTreeMap<String, u64>) -> Result<()> {
    let sandbox = Sandbox::start(data).await?;
    journal.compare(&sandbox, 0).await?.nothing_lost()?;
    let seen = journal.compare(&sandbox, 0).await?;
    seen.nothing_lost()?;
    let books = bank::paid(&sandbox, seen.found_count).await?;
    books.check(payments)?;
    let paid = books.paid_count();
    ensure!(paid == seen.found_count, "{} refunds acknowledged, {paid} paid", seen.found_count);
    for (payment, sum) in journal.acknowledged_sums() {
        let paid = books.paid_for(&payment);
        ensure!(paid == sum, "payment {payment}: {sum} acknowledged, {paid} paid");
    }
    sandbox.stop()?;
    sandbox::verify(data)?;
    println!("  {} refunds acknowledged, none lost, each paid once; {} refused", seen.found_count, seen.refused_count);
    Ok(())
}

fn tail(data: &Path) -> String {
    let text = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
