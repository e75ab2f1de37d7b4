//! Many callers at once: on one payment, exactly what it brought is given
//! back; with one key, exactly one refund.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Barrier;

use super::bank;
use super::journal::again;
use crate::sandbox::{self, Client, Dialect, RefundCall, Reply, Sandbox};

const CALLERS: usize = 200;
const SAME_KEY_CALLERS: usize = 100;
const PAYMENT_AMOUNT: u64 = 1_000;
const REFUND_AMOUNT: u64 = 100;
const ACCEPTED: usize = 10;

pub(crate) async fn run(folder: &Path, rounds: usize) -> Result<()> {
    let data = folder.join("data");
    let sandbox = Sandbox::start(&data).await?;
    let mut payments = BTreeMap::new();
    let mut paid = 0;
    for dialect in Dialect::all(sandbox.credentials())? {
        let dialect = Arc::new(dialect);
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            callers.push(sandbox.client().await?);
        }
        for round in 1..=rounds {
            let payment = one_payment(&sandbox, &dialect, &mut callers, round).await;
            payments.insert(payment.with_context(|| format!("{} round {round}", dialect.name))?, PAYMENT_AMOUNT);
            let payment = one_key(&sandbox, &dialect, &mut callers, round).await;
            payments.insert(payment.with_context(|| format!("{} round {round}", dialect.name))?, PAYMENT_AMOUNT);
            paid += ACCEPTED + 1;
        }
        println!(
            "  {}: {rounds} rounds, {ACCEPTED} of {CALLERS} accepted each; one refund for {SAME_KEY_CALLERS} callers of a key",
            dialect.name
        );
    }
    let books = bank::paid(&sandbox, paid).await?;
    books.check(&payments)?;
    ensure!(books.paid_count() == paid, "{paid} refunds accepted, {} paid", books.paid_count());
    sandbox.stop()?;
    sandbox::verify(&data)
}

/// 200 callers ask for 100 each of a payment of 1000; tells the payment.
async fn one_payment(
    sandbox: &Sandbox,
    dialect: &Arc<Dialect>,
    callers: &mut Vec<Client>,
    round: usize,
) -> Result<String> {
    let payment = callers[0].pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?;
    let calls = (0..CALLERS).map(|number| RefundCall {
        key: format!("storm-{}-{round}-{number}", dialect.name),
        payment: payment.clone(),
        amount: REFUND_AMOUNT,
    });
    let answers = at_once(dialect, callers, calls.collect()).await?;
    let accepted = answers.iter().filter(|answer| answer.status == 201).count();
    let broken = answers.iter().find(|answer| answer.status >= 500 || answer.status == 429);
    if let Some(answer) = broken {
        anyhow::bail!("a caller was told {answer}");
    }
    ensure!(accepted == ACCEPTED, "{accepted} of {CALLERS} were accepted, want {ACCEPTED}");
    Ok(payment)
}

/// 100 callers send the same key and body; tells the payment.
async fn one_key(sandbox: &Sandbox, dialect: &Arc<Dialect>, callers: &mut Vec<Client>, round: usize) -> Result<String> {
    let payment = callers[0].pay_in(sandbox.credentials(), PAYMENT_AMOUNT).await?;
    let key = format!("one-{}-{round}", dialect.name);
    let call = RefundCall { key, payment: payment.clone(), amount: REFUND_AMOUNT };
    let answers = at_once(dialect, callers, vec![call; SAME_KEY_CALLERS]).await?;
    let different: BTreeSet<(u16, &[u8])> =
        answers.iter().map(|answer| (answer.status, answer.body.as_slice())).collect();
    let (status, body) = different.first().context("no answer")?;
    let shown = String::from_utf8_lossy(body);
    ensure!(different.len() == 1, "{} different answers to one key, one of them {status} {shown}", different.len());
    ensure!(*status == 201, "one key: {status} {shown}");
    Ok(payment)
}

/// Sends one call on each connection, all released together.
async fn at_once(dialect: &Arc<Dialect>, callers: &mut Vec<Client>, calls: Vec<RefundCall>) -> Result<Vec<Reply>> {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let mut tasks = Vec::with_capacity(calls.len());
    for call in calls {
        let mut client = callers.pop().context("too few callers")?;
        let (barrier, dialect) = (Arc::clone(&barrier), Arc::clone(dialect));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            let answer = again(&mut client, &dialect, &call).await;
            (client, answer)
        }));
    }
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        let (client, answer) = task.await.context("a caller's task")?;
        callers.push(client);
        answers.push(answer?);
    }
    Ok(answers)
}
