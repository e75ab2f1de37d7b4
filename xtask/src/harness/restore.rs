//! A backup from before the last hundred refunds is put back, the bank keeps
//! its books, and the clients repeat their calls: nothing is paid twice.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::bank::{self, Books};
use super::journal::again;
use crate::sandbox::{self, Client, Dialect, RefundCall, Sandbox};

const PAYMENTS: usize = 10;
const PAYMENT_AMOUNT: u64 = 1_000;
/// Refunds before the backup, and again as many after it.
const REFUNDS: usize = 100;
/// Of those after the backup, how many nobody asks for again.
const FORGOTTEN: usize = 10;

pub(crate) async fn run(folder: &Path) -> Result<()> {
    let (data, copy) = (folder.join("data"), folder.join("copy"));
    let sandbox = Sandbox::start(&data).await?;
    let mut client = sandbox.client().await?;
    let mut payments = BTreeMap::new();
    for _ in 0..PAYMENTS {
        payments.insert(client.pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?, PAYMENT_AMOUNT);
    }
    let ids: Vec<String> = payments.keys().cloned().collect();
    let before = refund(&sandbox, &calls("before", &ids)).await?;
    bank::paid(&sandbox, before).await?;
    sandbox.stop()?;
    copy_store(&data, &copy)?;

    let sandbox = Sandbox::start(&data).await?;
    let after = calls("after", &ids);
    let more = refund(&sandbox, &after).await?;
    let books = bank::paid(&sandbox, before + more).await?;
    books.check(&payments)?;
    sandbox.kill()?;
    put_back(&copy, &data)?;
    println!("  {before} refunds before the backup, {more} after it, all paid; backup put back");

    let sandbox = Sandbox::start(&data).await?;
    let repeated = refund(&sandbox, &after[FORGOTTEN..]).await?;
    ensure!(repeated == more - FORGOTTEN, "{repeated} of {} repeated calls were taken", more - FORGOTTEN);
    adopted(&sandbox, &books, &after[FORGOTTEN..]).await?;
    sandbox.stop()?;
    sandbox::verify(&data)?;
    println!(
        "  {repeated} calls repeated, {FORGOTTEN} forgotten: same instruction ids, no second payment, verify clean"
    );
    Ok(())
}

/// Calls in both dialects, ten per payment and side of the backup.
fn calls(side: &str, payments: &[String]) -> Vec<(usize, RefundCall)> {
    let call = |number: usize| {
        let payment = payments[number % payments.len()].clone();
        let amount = 1 + number as u64 % 7;
        (number % 2, RefundCall { key: format!("{side}-{number}"), payment, amount })
    };
    (0..REFUNDS).map(call).collect()
}

/// Sends the calls; tells how many were acknowledged.
async fn refund(sandbox: &Sandbox, calls: &[(usize, RefundCall)]) -> Result<usize> {
    let dialects = Dialect::all(sandbox.credentials())?;
    let mut client = sandbox.client().await?;
    for (dialect, call) in calls {
        let answer = again(&mut client, &dialects[*dialect], call).await?;
        answer.expect(201).with_context(|| format!("{} {}", dialects[*dialect].name, call.key))?;
    }
    Ok(calls.len())
}

/// Waits until the repeated refunds are settled, then holds the bank's books
/// against those from before the restore.
async fn adopted(sandbox: &Sandbox, books: &Books, repeated: &[(usize, RefundCall)]) -> Result<()> {
    let mut client = sandbox.client().await?;
    let dialects = Dialect::all(sandbox.credentials())?;
    for (dialect, call) in repeated {
        settled(sandbox, &mut client, &dialects[*dialect], call).await?;
    }
    let now = Books::read(&mut client, sandbox.credentials()).await?;
    ensure!(
        now.paid() == books.paid(),
        "the bank's payments changed: {} before the restore, {} after it",
        books.paid_count(),
        now.paid_count()
    );
    for payment in now.lines.iter().map(|line| &line.payment) {
        let path = format!("/v1/payments/{payment}");
        let shown = client.get(&path, Some(&dialects[0].authorization)).await?;
        let claimed = shown.expect(200)?["counters"]["claimed"].as_u64();
        let paid = now.paid_for(payment);
        ensure!(claimed == Some(paid), "the bank paid {paid} for a payment that says {shown}");
    }
    Ok(())
}

async fn settled(sandbox: &Sandbox, client: &mut Client, dialect: &Dialect, call: &RefundCall) -> Result<()> {
    const TURNS_MAX: usize = 200;
    let made = again(client, dialect, call).await?.expect(201)?;
    let id = made["id"].as_str().context("a refund without an id")?;
    let mut last = String::new();
    for _ in 0..TURNS_MAX {
        let shown = client.refund(dialect, id).await?;
        let body = shown.expect(200)?;
        if dialect.is_settled(&body) {
            return Ok(());
        }
        last = shown.to_string();
        client.advance(sandbox.credentials(), 5).await?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    anyhow::bail!("{} {} is not settled: {last}\n{}", dialect.name, call.key, sandbox.log_tail())
}

/// The store's own files: all but the bank's.
fn copy_store(data: &Path, copy: &Path) -> Result<()> {
    std::fs::create_dir_all(copy)?;
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !of_the_bank(&entry.file_name().to_string_lossy()) {
            std::fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn put_back(copy: &Path, data: &Path) -> Result<()> {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !of_the_bank(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    copy_store(copy, data)
}

fn of_the_bank(name: &str) -> bool {
    name.starts_with("mock_bank")
}
