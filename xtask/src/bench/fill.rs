//! Goals (e), (e2) and (f): what a million refunds take on disk and in
//! memory, and how soon the server answers again after kill -9 on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::life::{self, Lives};
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
/// Refunds created between two lines of progress.
const STEP: u64 = 50_000;
/// The same where the lives of each step end before the next one begins.
const LIFE_STEP: u64 = 10_000;
const AT_MOST_MINUTES: u64 = 120;
const SAMPLE_AT_MOST: Duration = Duration::from_secs(30);

/// What to fill with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    count: u64,
    /// Rails and webhooks paused: the creates alone.
    created_only: bool,
    /// A fill that would take longer ends with an error.
    at_most: Duration,
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let at_most = Duration::from_secs(60 * AT_MOST_MINUTES);
        let mut plan = Self { count: 1_000_000, created_only: false, at_most };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--created-only" => plan.created_only = true,
                "--at-most" => {
                    let minutes = words.next().context("--at-most without minutes")?;
                    let minutes: u64 = minutes.parse().with_context(|| format!("how many minutes: `{minutes}`"))?;
                    plan.at_most = Duration::from_secs(60 * minutes);
                }
                number => plan.count = number.parse().with_context(|| format!("how many refunds: `{number}`"))?,
            }
        }
        ensure!(plan.count >= REFUNDS_PER_PAYMENT, "at least {REFUNDS_PER_PAYMENT} refunds");
        Ok(plan)
    }

    fn step(self) -> u64 {
        if self.created_only { STEP } else { LIFE_STEP }
    }
}

/// What was seen.
struct Seen {
    empty_starts: Spread,
    idle_bytes: u64,
    made: Made,
    files: BTreeMap<String, u64>,
    restart: Duration,
    first_answer: Duration,
}

/// What the fill itself brought.
struct Made {
    /// Creates per second while they were sent.
    create_rate: f64,
    /// Whole lives per second, and the webhooks of each.
    lives: Option<(f64, u64)>,
    loaded_bytes: u64,
    /// Refunds to be looked for later.
    sample: Vec<String>,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    println!(
        "bench fill: {} refunds{}; about {:.1} GB of disk, at most {} minutes; the first step tells how long",
        plan.count,
        if plan.created_only { ", rails and webhooks paused" } else { " with their whole life" },
        plan.count as f64 * 2.5e-6,
        plan.at_most.as_secs() / 60,
    );
    let folder = sandbox::folder("bench-fill")?;
    let data = folder.path().join("data");
    let (empty_starts, idle_bytes) = empty(folder.path()).await?;
    let product = Sandbox::start_with(&data, &life::hurried()).await?;
    if plan.created_only {
        product.client().await?.pause_workers(product.credentials()).await?;
    }
    let made = fill(&product, plan).await?;
    product.kill()?;
    let begin = Instant::now();
    let again = Sandbox::start_with(&data, &life::hurried()).await?;
    let dialect = Dialect::native(again.credentials())?;
    let found = again.client().await?.refund(&dialect, &made.sample[0]).await?;
    let first_answer = begin.elapsed();
    ensure!(found.status == 200, "after the restart: {found}");
    let restart = again.ready_after();
    // A graceful end writes the log into the store's file, so that the file tells the whole.
    again.stop()?;
    let files = sizes(&data)?;
    publish(plan, &Seen { empty_starts, idle_bytes, made, files, restart, first_answer })
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

/// Makes the refunds, step by step.
async fn fill(product: &Sandbox, plan: Plan) -> Result<Made> {
    let begin = Instant::now();
    let payments = usize::try_from(plan.count / REFUNDS_PER_PAYMENT)?;
    let payments = purse::pay_ins(product, payments, 4 * REFUNDS_PER_PAYMENT).await?;
    println!("  {} pay-ins in {:.1} s", payments.len(), begin.elapsed().as_secs_f64());
    let dialect = Dialect::native(product.credentials())?;
    let mut lives = match plan.created_only {
        true => None,
        false => Some(Lives::learn(product, &dialect, &payments[0]).await?),
    };
    let begin = Instant::now();
    let (mut done, mut loaded_bytes, mut seconds) = (0, 0, 0.0);
    while done < plan.count {
        let count = plan.step().min(plan.count - done);
        if let Some(lives) = &mut lives {
            lives.expect(count);
        }
        seconds += create(product, &payments, done, count).await?.as_secs_f64();
        loaded_bytes = loaded_bytes.max(product.resident_bytes()?);
        if let Some(lives) = &mut lives {
            lives.wait(plan.at_most.saturating_sub(begin.elapsed())).await?;
            loaded_bytes = loaded_bytes.max(product.resident_bytes()?);
        }
        done += count;
        progress(plan, done, begin.elapsed(), loaded_bytes)?;
    }
    let whole = begin.elapsed().as_secs_f64();
    let sample = sample(product, &dialect, &payments[0], &mut lives).await?;
    let lives = lives.map(|lives| (plan.count as f64 / whole, lives.webhooks));
    Ok(Made { create_rate: plan.count as f64 / seconds, lives, loaded_bytes, sample })
}

/// One line, and an end where the rest would take too long.
fn progress(plan: Plan, done: u64, elapsed: Duration, bytes: u64) -> Result<()> {
    let rate = done as f64 / elapsed.as_secs_f64();
    let left = (plan.count - done) as f64 / rate;
    println!("  {done} refunds, {rate:.0}/s, {} MB resident; {:.0} s left", bytes / 1_000_000, left.ceil());
    let minutes = (elapsed.as_secs_f64() + left) / 60.0;
    ensure!(
        minutes * 60.0 <= plan.at_most.as_secs_f64(),
        "this would take {minutes:.0} minutes in all; allow them with --at-most"
    );
    Ok(())
}

/// Creates one step's refunds; tells how long that took.
async fn create(product: &Sandbox, payments: &Arc<[String]>, from: u64, count: u64) -> Result<Duration> {
    let (address, dialect) = (product.address(), Dialect::native(product.credentials())?);
    let payments = Arc::clone(payments);
    let turn = Arc::new(std::sync::atomic::AtomicU64::new(from));
    let make: crate::load::MakeRequest = Arc::new(move |_, _, to| {
        // Every pay-in in turn, so that each carries the same number of refunds.
        let number = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let payment = payments[usize::try_from(number).unwrap_or(0) % payments.len()].clone();
        dialect.write(&RefundCall { key: format!("fill-{number}"), payment, amount: 1 }, address, to);
    });
    let outcome = closed::run(Load { address, connections: CONNECTIONS, bound: Bound::Count(count) }, make).await?;
    Ok(outcome.clean()?.elapsed)
}

/// A few more refunds, to be looked for later; where lives are led, to their end.
async fn sample(product: &Sandbox, dialect: &Dialect, payment: &str, lives: &mut Option<Lives>) -> Result<Vec<String>> {
    let mut sample = Vec::new();
    let mut client = product.client().await?;
    for number in 0..4_u64 {
        let call = RefundCall { key: format!("fill-sample-{number}"), payment: payment.to_owned(), amount: 1 };
        let body = dialect.body(&call);
        let made = client.send(dialect.request(&call, &body)).await?.expect(201)?;
        sample.push(made["id"].as_str().context("a refund without an id")?.to_owned());
    }
    let Some(lives) = lives else { return Ok(sample) };
    lives.expect(sample.len() as u64);
    lives.wait(SAMPLE_AT_MOST).await?;
    for id in &sample {
        let body = client.refund(dialect, id).await?.expect(200)?;
        if !dialect.is_settled(&body) {
            bail!("a refund whose webhooks are all delivered is {}", body["status"]);
        }
    }
    Ok(sample)
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
    let (idle, loaded) = (megabytes(seen.idle_bytes), megabytes(seen.made.loaded_bytes));
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
    let life = match seen.made.lives {
        Some((rate, webhooks)) => format!(
            "; {rate:.0} whole lives/s: submitted, paid at once by the mock bank, settled, {webhooks} webhooks each delivered to the sandbox's inbox and recorded"
        ),
        None => "; rail workers and webhooks paused".to_owned(),
    };
    let mut notes = vec![format!(
        "{} refunds of 1, {REFUNDS_PER_PAYMENT} per pay-in, created at {:.0}/s over {CONNECTIONS} connections{life}.",
        plan.count, seen.made.create_rate,
    )];
    for (name, bytes) in seen.files.iter().filter(|(_, bytes)| **bytes > 1_000_000) {
        let (size, share) = (megabytes(*bytes), per_million(plan, *bytes));
        notes.push(format!("`{name}`: {size:.0} MB, {share:.2} GB per million."));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_bounded() {
        let minutes = |minutes| Duration::from_secs(60 * minutes);
        let plan = Plan::parse(&["20000", "--at-most", "5"]).unwrap();
        assert_eq!(plan, Plan { count: 20_000, created_only: false, at_most: minutes(5) });
        let plan = Plan::parse(&["--created-only"]).unwrap();
        assert_eq!(plan, Plan { count: 1_000_000, created_only: true, at_most: minutes(AT_MOST_MINUTES) });
        for words in [&["3"][..], &["--at-most"], &["--at-most", "x"], &["many"]] {
            assert!(Plan::parse(words).is_err(), "{words:?}");
        }
        let plan = Plan::parse(&["20000", "--at-most", "1"]).unwrap();
        assert!(progress(plan, 10_000, Duration::from_secs(29), 0).is_ok());
        assert!(progress(plan, 10_000, Duration::from_secs(31), 0).is_err());
    }
}
