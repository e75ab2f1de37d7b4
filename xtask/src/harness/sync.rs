//! Durability before the answer, seen from outside: a sync inside the window
//! of every single refund, and a power loss that takes nothing acknowledged.
//! With syncs switched off the same harness must see loss, or it is blind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};

use super::dice::Dice;
use super::journal::{Comparison, Journal, again};
use super::power;
use super::trace::{self, Trace};
use crate::sandbox::{self, Client, Dialect, RefundCall, Sandbox, Start};

/// Refunds made one by one under strace.
const SINGLE_REFUNDS: usize = 20;
const POWER_LOSSES: usize = 5;
const CLIENTS: usize = 8;
const PAYMENT_AMOUNT: u64 = 1_000_000;

pub(crate) async fn run(folder: &Path, mut dice: Dice) -> Result<()> {
    let found = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
    ensure!(found.is_ok_and(|status| status.success()), "strace is needed and not there: apt-get install strace");
    let synced = windows(&folder.join("single"), true).await?;
    ensure!(synced == SINGLE_REFUNDS, "only {synced} of {SINGLE_REFUNDS} refunds were answered after a sync");
    println!("  {SINGLE_REFUNDS} refunds one by one: a completed sync between request and answer each time");
    let blind = windows(&folder.join("unsynced"), false).await?;
    ensure!(blind == 0, "with syncs off {blind} refunds still show one: the check sees other syncs");
    println!("  with syncs off: none, as it must be");
    for round in 1..=POWER_LOSSES {
        let data = folder.join(format!("power-{round}"));
        let (journal, lost_bytes) = power_loss(&data, true, &mut dice).await?;
        let seen = after(&data, &journal).await?;
        seen.nothing_lost().with_context(|| format!("power loss {round}"))?;
        println!(
            "  power loss {round}: {lost_bytes} unsynced bytes gone, {} acknowledged refunds all there",
            seen.found_count
        );
    }
    blind_check(&folder.join("blind"), &mut dice).await
}

fn start(trace: &Path, syncs: bool) -> Start {
    let mut how = Start { wrapper: trace::wrapper(trace), ..Start::default() };
    if !syncs {
        how.environment.push(("REFUNDRY_TEST_NO_SYNC".to_owned(), "1".to_owned()));
    }
    how
}

/// Makes refunds one by one; tells in how many windows from request to answer a sync completed.
async fn windows(data: &Path, syncs: bool) -> Result<usize> {
    let output = data.with_extension("strace");
    let sandbox = Sandbox::start_with(data, &start(&output, syncs)).await?;
    let mut client = sandbox.client().await?;
    client.pause_workers(sandbox.credentials()).await?;
    let payment = client.pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?;
    let dialects = Dialect::all(sandbox.credentials())?;
    let mut windows = Vec::new();
    for number in 0..SINGLE_REFUNDS {
        // What the pay-in or the refund before left to be done has its time.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let call = RefundCall { key: format!("single-{number}"), payment: payment.clone(), amount: 1 };
        let begin = now();
        again(&mut client, &dialects[number % 2], &call).await?.expect(201)?;
        windows.push((begin, now()));
    }
    sandbox.kill()?;
    let trace = Trace::read(&output)?;
    let within = |(begin, end): &&(f64, f64)| trace.syncs.iter().any(|sync| sync.begin >= *begin && sync.end <= *end);
    Ok(windows.iter().filter(within).count())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Loads a server, kills it, and takes from its folder what was not synced.
async fn power_loss(data: &Path, syncs: bool, dice: &mut Dice) -> Result<(Arc<Journal>, u64)> {
    // The first start makes keys, tables and the pay-in in peace; the loss comes later.
    let sandbox = Sandbox::start(data).await?;
    let payment = sandbox.client().await?.pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?;
    sandbox.stop()?;
    let output = data.with_extension("strace");
    let journal = Journal::open(&data.with_extension("journal"))?;
    let sandbox = Sandbox::start_with(data, &start(&output, syncs)).await?;
    let mut tasks = Vec::new();
    for number in 0..CLIENTS {
        let client = sandbox.client().await?;
        let dialects = Dialect::all(sandbox.credentials())?;
        tasks.push(tokio::spawn(refunds(number, client, dialects, payment.clone(), Arc::clone(&journal))));
    }
    tokio::time::sleep(Duration::from_millis(dice.between(200, 700))).await;
    sandbox.kill()?;
    for task in tasks {
        task.await.context("a client's task")??;
    }
    let lost = power::cut(data, &Trace::read(&output)?)?;
    Ok((journal, lost))
}

/// Refunds until the connection breaks.
async fn refunds(
    number: usize,
    mut client: Client,
    dialects: Vec<Dialect>,
    payment: String,
    journal: Arc<Journal>,
) -> Result<()> {
    for turn in 0.. {
        let dialect = turn % dialects.len();
        let call = RefundCall { key: format!("power-{number}-{turn}"), payment: payment.clone(), amount: 1 };
        let entry = journal.sent(dialect, &call)?;
        match again(&mut client, &dialects[dialect], &call).await {
            Ok(answer) => journal.answered(entry, answer)?,
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Starts on what is left, looks for everything acknowledged, and verifies.
async fn after(data: &Path, journal: &Arc<Journal>) -> Result<Comparison> {
    let sandbox = Sandbox::start(data).await?;
    let seen = journal.compare(&sandbox, 0).await?;
    sandbox.stop()?;
    sandbox::verify(data)?;
    Ok(seen)
}

/// Without syncs the harness must see loss.
async fn blind_check(data: &Path, dice: &mut Dice) -> Result<()> {
    let (journal, lost_bytes) = power_loss(data, false, dice).await?;
    let acknowledged = journal.entries().iter().filter(|entry| entry.acknowledged().is_some()).count();
    ensure!(acknowledged > 0, "no refund was acknowledged, so none could be lost");
    let seen = after(data, &journal).await;
    match seen {
        Ok(seen) if seen.lost_count == 0 => bail!("syncs were off, {lost_bytes} bytes were cut, and no loss was seen"),
        Ok(seen) => {
            println!("  syncs off: {} of {acknowledged} acknowledged refunds lost, as it must be", seen.lost_count)
        }
        Err(error) => {
            let text = format!("{error:#}");
            println!("  syncs off: the store is damaged, as it must be: {}", text.lines().next().unwrap_or_default());
        }
    }
    Ok(())
}
