//! Goals (e), (e2) and (f): what a million refunds take on disk and in
//! memory, and how soon the server answers again after kill -9 on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::purse;
use super::report::{self, Row};
use crate::load::closed::{self, Bound, Plan as Load};
use crate::load::samples::Spread;
use crate::sandbox::{self, Dialect, RefundCall, Sandbox};

const CONNECTIONS: usize = 64;
const REFUNDS_PER_PAYMENT: u64 = 10;
const EMPTY_STARTS: usize = 5;
/// How long an empty server rests before its memory is read.
const REST: Duration = Duration::from_millis(500);
/// Refunds between two lines of progress.
const STEP: u64 = 50_000;
/// The longest wait for the workers to finish what was created.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// What to fill with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    count: u64,
    /// Rails and webhooks paused: the creates alone.
    created_only: bool,
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut plan = Self { count: 1_000_000, created_only: false };
        for word in words {
            match *word {
                "--created-only" => plan.created_only = true,
                number => plan.count = number.parse().with_context(|| format!("how many refunds: `{number}`"))?,
            }
        }
        ensure!(plan.count >= REFUNDS_PER_PAYMENT, "at least {REFUNDS_PER_PAYMENT} refunds");
        Ok(plan)
    }
}

/// What was seen.
struct Seen {
    empty_starts: Spread,
    idle_bytes: u64,
    create_rate: f64,
    loaded_bytes: u64,
    life: Option<Duration>,
    files: BTreeMap<String, u64>,
    restart: Duration,
    first_answer: Duration,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    println!(
        "bench fill: {} refunds{}; some minutes per million and about {:.1} GB of disk",
        plan.count,
        if plan.created_only { ", rails and webhooks paused" } else { " with their whole life" },
        plan.count as f64 * 1.5e-6,
    );
    let folder = sandbox::folder("bench-fill")?;
    let data = folder.path().join("data");
    let (empty_starts, idle_bytes) = empty(folder.path()).await?;
    let product = Sandbox::start(&data).await?;
    if plan.created_only {
        let mut client = product.client().await?;
        for workers in ["rails", "webhooks"] {
            client.switch(product.credentials(), workers, "pause").await?;
        }
    }
    let (create_rate, loaded_bytes, sample) = create(&product, plan).await?;
    let life = if plan.created_only { None } else { Some(settled(&product, &sample).await?) };
    let loaded_bytes = loaded_bytes.max(product.resident_bytes()?);
    product.kill()?;
    let begin = Instant::now();
    let again = Sandbox::start(&data).await?;
    let dialect = Dialect::native(again.credentials())?;
    let found = again.client().await?.refund(&dialect, &sample[0]).await?;
    let first_answer = begin.elapsed();
    ensure!(found.status == 200, "after the restart: {found}");
    let restart = again.ready_after();
    // A graceful end writes the log into the store's file, so that the file tells the whole.
    again.stop()?;
    let files = sizes(&data)?;
    publish(plan, &Seen { empty_starts, idle_bytes, create_rate, loaded_bytes, life, files, restart, first_answer })
}

/// Start times of an empty server, and its memory at rest; the first start,
/// which makes the folder, does not count.
async fn empty(folder: &Path) -> Result<(Spread, u64)> {
    let data = folder.join("empty");
    let (mut seconds, mut idle) = (Vec::new(), 0);
    for start in 0..=EMPTY_STARTS {
        let sandbox = Sandbox::start(&data).await?;
        tokio::time::sleep(REST).await;
        idle = sandbox.resident_bytes()?;
        if start > 0 {
            seconds.push(sandbox.ready_after().as_secs_f64());
        }
        sandbox.stop()?;
    }
    Ok((Spread::of(&seconds).context("no start")?, idle))
}

/// Creates the refunds; tells the rate, the largest memory and some of their ids.
async fn create(product: &Sandbox, plan: Plan) -> Result<(f64, u64, Vec<String>)> {
    let begin = Instant::now();
    let payments = usize::try_from(plan.count / REFUNDS_PER_PAYMENT)?;
    let payments = purse::pay_ins(product, payments, 2 * REFUNDS_PER_PAYMENT).await?;
    println!("  {} pay-ins in {:.1} s", payments.len(), begin.elapsed().as_secs_f64());
    let dialect = Dialect::native(product.credentials())?;
    let (mut made, mut largest, mut seconds) = (0, 0, 0.0);
    while made < plan.count {
        let count = STEP.min(plan.count - made);
        let address = product.address();
        let (run, list, asked) = (format!("fill-{made}"), Arc::clone(&payments), dialect.clone());
        let turn = Arc::new(std::sync::atomic::AtomicU64::new(made));
        let make: crate::load::MakeRequest = Arc::new(move |_, _, to| {
            // Every pay-in in turn, so that each carries the same number of refunds.
            let number = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let payment = list[usize::try_from(number).unwrap_or(0) % list.len()].clone();
            asked.write(&RefundCall { key: format!("{run}-{number}"), payment, amount: 1 }, address, to);
        });
        let outcome = closed::run(Load { address, connections: CONNECTIONS, bound: Bound::Count(count) }, make).await?;
        let outcome = outcome.clean()?;
        made += count;
        seconds += outcome.elapsed.as_secs_f64();
        largest = largest.max(product.resident_bytes()?);
        println!("  {made} refunds, {:.0}/s, {} MB resident", outcome.rate(), largest / 1_000_000);
    }
    let sample = sample(product, &dialect, &payments[0]).await?;
    Ok((made as f64 / seconds, largest, sample))
}

/// A few more refunds, to be looked for later.
async fn sample(product: &Sandbox, dialect: &Dialect, payment: &str) -> Result<Vec<String>> {
    let mut sample = Vec::new();
    let mut client = product.client().await?;
    for number in 0..4_u64 {
        let call = RefundCall { key: format!("fill-sample-{number}"), payment: payment.to_owned(), amount: 1 };
        let body = dialect.body(&call);
        let made = client.send(dialect.request(&call, &body)).await?.expect(201)?;
        sample.push(made["id"].as_str().context("a refund without an id")?.to_owned());
    }
    Ok(sample)
}

/// Waits until the last refunds are settled, and with them those before.
async fn settled(product: &Sandbox, sample: &[String]) -> Result<Duration> {
    let begin = Instant::now();
    let dialect = Dialect::native(product.credentials())?;
    let mut client = product.client().await?;
    for id in sample {
        loop {
            let body = client.refund(&dialect, id).await?.expect(200)?;
            match body["status"].as_str() {
                Some("settled") => break,
                Some("failed" | "cancelled" | "expired") => {
                    bail!("a refund of the fill ended as {}", body["status"])
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
            ensure!(begin.elapsed() < SETTLE_TIMEOUT, "the workers do not finish");
        }
    }
    println!("  the last refund was settled {:.1} s after its creation", begin.elapsed().as_secs_f64());
    Ok(begin.elapsed())
}

fn sizes(data: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            found.insert(entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len());
        }
    }
    Ok(found)
}

fn publish(plan: Plan, seen: &Seen) -> Result<()> {
    report::publish("fill", &rows(plan, seen), &notes(plan, seen))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Gigabytes per million refunds.
fn per_million(plan: Plan, bytes: u64) -> f64 {
    bytes as f64 / plan.count as f64 * 1e6 / 1e9
}

/// A figure that must not pass its limit.
fn row(goal: &'static str, unit: &str, owed: f64, figure: f64, how: String) -> Row {
    Row { goal, owed: format!("{owed} {unit}"), measured: format!("{figure:.3} {unit}"), met: figure <= owed, how }
}

fn rows(plan: Plan, seen: &Seen) -> Vec<Row> {
    let own = |name: &str| !["mock_bank", "-wal", "-shm"].iter().any(|part| name.contains(part));
    let files = seen.files.iter().filter(|(name, _)| own(name));
    let disk = per_million(plan, files.map(|(_, bytes)| bytes).sum());
    let (idle, loaded) = (megabytes(seen.idle_bytes), megabytes(seen.loaded_bytes));
    let starts = format!("process start to 200 from /readyz, {} s", report::spread(seen.empty_starts, 3));
    let restart =
        format!("kill -9 after the fill, then start to a refund read; ready after {:.3} s", seen.restart.as_secs_f64());
    vec![
        row("(e) disk per million refunds", "GB", 1.2, disk, "the store's own file; others below".to_owned()),
        row("(e2) memory, idle", "MB", 60.0, idle, "VmRSS of an empty sandbox at rest".to_owned()),
        row("(e2) memory, filled and under load", "MB", 300.0, loaded, "largest VmRSS between steps".to_owned()),
        row("(f) start, empty", "s", 0.3, seen.empty_starts.median, starts),
        row("(f) start after kill -9, filled", "s", 2.0, seen.first_answer.as_secs_f64(), restart),
    ]
}

fn notes(plan: Plan, seen: &Seen) -> Vec<String> {
    let life = match seen.life {
        Some(life) => format!(
            ", paid by the mock bank meanwhile; the last was settled {:.1} s after its creation",
            life.as_secs_f64()
        ),
        None => "; rail workers and webhooks paused".to_owned(),
    };
    let mut notes = vec![format!(
        "{} refunds of 1, {REFUNDS_PER_PAYMENT} per pay-in, created at {:.0}/s over {CONNECTIONS} connections{life}.",
        plan.count, seen.create_rate,
    )];
    for (name, bytes) in seen.files.iter().filter(|(_, bytes)| **bytes > 1_000_000) {
        let (size, share) = (megabytes(*bytes), per_million(plan, *bytes));
        notes.push(format!("`{name}`: {size:.0} MB, {share:.2} GB per million."));
    }
    notes
}
