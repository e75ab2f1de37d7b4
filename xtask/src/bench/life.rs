//! Goal (h): whole lives per second against creates per second. A life is a
//! refund created over HTTP, submitted, settled by the mock bank, and each of
//! its webhooks delivered to the sandbox's own inbox and recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::purse;
use super::report::{self, Row};
use crate::load::closed::{self, Bound, Outcome, Plan};
use crate::load::samples::{Samples, Spread, millis};
use crate::sandbox::{self, Client, Dialect, RefundCall, Sandbox, Start};

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);
/// Refunds of one round whose lives are awaited.
const LIVES: u64 = 4_000;
const PAYMENTS: usize = 1_000;
const PAYMENT_AMOUNT: u64 = 1_000_000;
const RATIO_OWED: f64 = 0.25;
/// The longest that the lives of one round may take.
const ROUND_AT_MOST: Duration = Duration::from_secs(60);

/// Refunds whose webhooks are counted, to learn how many one of them has.
const PILOTS: u64 = 10;
/// A server that delivered nothing for so long has nothing left to deliver.
const QUIET: Duration = Duration::from_millis(1_500);
/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(20);

const DELIVERED: &str = "refundry_webhook_tries_total{result=\"delivered\"}";
const FAILED: &str = "refundry_webhook_tries_total{result=\"failed\"}";

/// A sandbox whose mock bank pays at once: the bench is about our own pace.
pub(crate) fn hurried() -> Start {
    let environment = vec![("REFUNDRY_MOCK_BANK__TIME_SCALE_PERMILLE".to_owned(), "0".to_owned())];
    Start { environment, ..Start::default() }
}

/// Counts the deliveries of refunds, and so knows when their lives are over:
/// the last webhook follows the last change of state.
pub(crate) struct Lives {
    client: Client,
    /// Webhooks of one refund, over all endpoints.
    pub(crate) webhooks: u64,
    /// What the counter shows when everything expected was delivered.
    target: u64,
}

impl Lives {
    /// Waits until the server is quiet, then learns from a few refunds how
    /// many webhooks one of them has.
    pub(crate) async fn learn(product: &Sandbox, dialect: &Dialect, payment: &str) -> Result<Self> {
        let mut lives = Self { client: product.client().await?, webhooks: 0, target: 0 };
        let before = lives.quiet().await?;
        for number in 0..PILOTS {
            let call = RefundCall { key: format!("pilot-{number}"), payment: payment.to_owned(), amount: 1 };
            let body = dialect.body(&call);
            lives.client.send(dialect.request(&call, &body)).await?.expect(201)?;
        }
        lives.target = lives.quiet().await?;
        let heard = lives.target - before;
        ensure!(heard > 0 && heard.is_multiple_of(PILOTS), "{heard} webhooks for {PILOTS} refunds");
        lives.webhooks = heard / PILOTS;
        Ok(lives)
    }

    /// The counter, once it stands still.
    async fn quiet(&mut self) -> Result<u64> {
        let (mut count, mut since) = (self.client.metric(DELIVERED).await?, Instant::now());
        while since.elapsed() < QUIET {
            tokio::time::sleep(LOOK).await;
            let now = self.client.metric(DELIVERED).await?;
            if now != count {
                (count, since) = (now, Instant::now());
            }
        }
        Ok(count)
    }

    /// So many refunds more were, or are being, created.
    pub(crate) fn expect(&mut self, refunds: u64) {
        self.target += refunds * self.webhooks;
    }

    /// Waits until all that is expected was delivered.
    pub(crate) async fn wait(&mut self, at_most: Duration) -> Result<()> {
        let begin = Instant::now();
        loop {
            let delivered = self.client.metric(DELIVERED).await?;
            if delivered >= self.target {
                let failed = self.client.metric(FAILED).await?;
                ensure!(failed == 0, "{failed} tries to deliver to the inbox failed");
                return Ok(());
            }
            let missing = self.target - delivered;
            ensure!(begin.elapsed() < at_most, "{missing} webhooks are missing after {} s", at_most.as_secs());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A server that only creates, and one that does all of it.
struct Bench {
    creating: Sandbox,
    living: Sandbox,
    creating_payments: Arc<[String]>,
    living_payments: Arc<[String]>,
    lives: Lives,
}

/// What the rounds brought.
#[derive(Default)]
struct Rounds {
    ratios: Vec<f64>,
    lives: Vec<f64>,
    creates: Vec<f64>,
    /// Answers to creates while the workers run.
    latencies: Samples,
}

pub(crate) async fn run() -> Result<()> {
    println!("bench life: about a minute, at most {} minutes", ROUNDS as u64 * ROUND_AT_MOST.as_secs() / 60 + 2);
    let folder = sandbox::folder("bench-life")?;
    let creating = Sandbox::start(&folder.path().join("creating")).await?;
    creating.client().await?.pause_workers(creating.credentials()).await?;
    let living = Sandbox::start_with(&folder.path().join("living"), &hurried()).await?;
    let creating_payments = purse::pay_ins(&creating, PAYMENTS, PAYMENT_AMOUNT).await?;
    let living_payments = purse::pay_ins(&living, PAYMENTS, PAYMENT_AMOUNT).await?;
    let dialect = Dialect::native(living.credentials())?;
    let lives = Lives::learn(&living, &dialect, &living_payments[0]).await?;
    let webhooks = lives.webhooks;
    let mut bench = Bench { creating, living, creating_payments, living_payments, lives };
    let rounds = bench.rounds().await?;
    let row = row(&rounds)?;
    let note = format!(
        "Native dialect, {CONNECTIONS} connections, {ROUNDS} rounds in turns: creates for {} s with rail worker and webhooks paused, then {LIVES} refunds from the first request to the last webhook recorded. A refund has {webhooks} webhooks here; they go to the inbox of the same process. The mock bank pays at once.",
        MEASURED.as_secs()
    );
    report::publish("life", &[row], &[note])
}

impl Bench {
    async fn rounds(&mut self) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        for round in 1..=ROUNDS {
            let bound = Bound::Time { warm_up: WARM_UP, measured: MEASURED };
            let creates = load(&self.creating, &self.creating_payments, round, bound).await?.rate();
            self.lives.expect(LIVES);
            let begin = Instant::now();
            let outcome = load(&self.living, &self.living_payments, round, Bound::Count(LIVES)).await?;
            self.lives.wait(ROUND_AT_MOST).await?;
            let lives = LIVES as f64 / begin.elapsed().as_secs_f64();
            println!(
                "  round {round}: creates alone {creates:.0}/s; {LIVES} lives {lives:.0}/s (created at {:.0}/s, p99 {}); ratio {:.3}",
                outcome.rate(),
                millis(outcome.latencies.percentile(0.99)),
                lives / creates,
            );
            rounds.ratios.push(lives / creates);
            rounds.lives.push(lives);
            rounds.creates.push(creates);
            rounds.latencies.extend(outcome.latencies);
        }
        Ok(rounds)
    }
}

async fn load(product: &Sandbox, payments: &Arc<[String]>, round: usize, bound: Bound) -> Result<Outcome> {
    let (address, dialect) = (product.address(), Dialect::native(product.credentials())?);
    let make = purse::creates(format!("life-{round}"), dialect, Arc::clone(payments), address);
    closed::run(Plan { address, connections: CONNECTIONS, bound }, make).await?.clean()
}

fn row(rounds: &Rounds) -> Result<Row> {
    let spread = |figures: &[f64]| Spread::of(figures).context("no round");
    let ratio = spread(&rounds.ratios)?;
    let how = format!(
        "lives {}/s, creates alone {}/s; creates while lives are led: p50 {}, p99 {}",
        report::spread(spread(&rounds.lives)?, 0),
        report::spread(spread(&rounds.creates)?, 0),
        millis(rounds.latencies.percentile(0.5)),
        millis(rounds.latencies.percentile(0.99)),
    );
    Ok(Row {
        goal: "(h) whole lives per second ÷ creates per second",
        owed: format!("{RATIO_OWED}"),
        measured: report::spread(ratio, 3),
        met: ratio.median >= RATIO_OWED,
        how,
    })
}
