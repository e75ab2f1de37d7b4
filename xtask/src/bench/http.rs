//! Goals (a) and (a2): durable creates per second against a constant answer
//! on the same stack, at 64 and at 256 connections.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::reference;
use super::report::{self, Row};
use super::{machine, purse};
use crate::load::MakeRequest;
use crate::load::closed::{self, Bound, Outcome, Plan};
use crate::load::connection::Request;
use crate::load::samples::{Samples, Spread, millis};
use crate::sandbox::{self, Dialect, Sandbox};

const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(4);
const PAYMENTS: usize = 4_000;
const PAYMENT_AMOUNT: u64 = 1_000_000;

/// Goal, connections and the ratio that the first release owes.
const GOALS: [(&str, usize, f64); 2] =
    [("(a) durable create ÷ constant answer, 64 connections", 64, 0.18), ("(a2) the same, 256 connections", 256, 0.22)];

/// Both servers and what is sent to them.
struct Bench {
    product: Sandbox,
    constant: reference::Server,
    payments: Arc<[String]>,
    dialect: Dialect,
}

/// What the rounds of one goal brought.
#[derive(Default)]
struct Rounds {
    ratios: Vec<f64>,
    product: Vec<f64>,
    constant: Vec<f64>,
    /// Processor time of the product per create, in microseconds.
    processor_micros: Vec<f64>,
    latencies: Samples,
}

pub(crate) async fn run() -> Result<()> {
    println!("bench http: about two minutes; rail workers and webhooks paused");
    let folder = sandbox::folder("bench-http")?;
    let sync = machine::sync_probe(folder.path())?;
    let product = Sandbox::start(&folder.path().join("data")).await?;
    product.client().await?.pause_workers(product.credentials()).await?;
    let payments = purse::pay_ins(&product, PAYMENTS, PAYMENT_AMOUNT).await?;
    let dialect = Dialect::native(product.credentials())?;
    let bench = Bench { product, constant: reference::Server::start()?, payments, dialect };
    let mut rows = Vec::new();
    for (goal, connections, owed) in GOALS {
        let rounds = bench.rounds(connections).await?;
        rows.push(row(goal, owed, &rounds)?);
    }
    let notes = vec![
        format!(
            "fdatasync after a 1 KB append: p50 {}, p99 {}.",
            millis(sync.percentile(0.5)),
            millis(sync.percentile(0.99))
        ),
        format!(
            "Native dialect, refunds of 1 over {PAYMENTS} pay-ins, each with its own idempotency key; rail workers and webhooks paused; {ROUNDS} rounds in turns of {} s each.",
            MEASURED.as_secs()
        ),
    ];
    report::publish("http", &rows, &notes)
}

impl Bench {
    async fn rounds(&self, connections: usize) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        for round in 1..=ROUNDS {
            let constant = self.constant_answers(connections).await?;
            let before = self.product.processor_time()?;
            let product = self.creates(connections, round).await?;
            let processor = self.product.processor_time()?.saturating_sub(before);
            let micros = processor.as_secs_f64() * 1e6 / product.answered_count.max(1) as f64;
            rounds.processor_micros.push(micros);
            println!(
                "  {connections} connections, round {round}: constant {:.0}/s, durable creates {:.0}/s, ratio {:.3}, p99 {}, {micros:.0} µs of processor each",
                constant.rate(),
                product.rate(),
                product.rate() / constant.rate(),
                millis(product.latencies.percentile(0.99)),
            );
            rounds.ratios.push(product.rate() / constant.rate());
            rounds.product.push(product.rate());
            rounds.constant.push(constant.rate());
            rounds.latencies.extend(product.latencies);
        }
        Ok(rounds)
    }

    async fn creates(&self, connections: usize, round: usize) -> Result<Outcome> {
        let address = self.product.address();
        let run = format!("http-{connections}-{round}");
        let make = purse::creates(run, self.dialect.clone(), Arc::clone(&self.payments), address);
        let plan = Plan { address, connections, bound: Bound::Time { warm_up: WARM_UP, measured: MEASURED } };
        closed::run(plan, make).await?.clean()
    }

    async fn constant_answers(&self, connections: usize) -> Result<Outcome> {
        let address = self.constant.address;
        let payments = Arc::clone(&self.payments);
        let make: MakeRequest = Arc::new(move |connection, number, to| {
            let body = format!(r#"{{"payment_id":"{}","amount":1}}"#, payments[connection % payments.len()]);
            let key = format!("reference-{connection}-{number}");
            let request = Request {
                method: "POST",
                path: reference::PATH,
                authorization: Some(reference::BEARER),
                idempotency_key: Some(&key),
                body: Some(&body),
            };
            request.write(address, to);
        });
        let plan = Plan { address, connections, bound: Bound::Time { warm_up: WARM_UP, measured: MEASURED } };
        closed::run(plan, make).await?.clean()
    }
}

fn row(goal: &'static str, owed: f64, rounds: &Rounds) -> Result<Row> {
    let ratio = Spread::of(&rounds.ratios).context("no round")?;
    let product = Spread::of(&rounds.product).context("no round")?;
    let constant = Spread::of(&rounds.constant).context("no round")?;
    let how = format!(
        "creates {}/s, p50 {}, p99 {}, {} µs of processor each; constant answer {}/s",
        report::spread(product, 0),
        millis(rounds.latencies.percentile(0.5)),
        millis(rounds.latencies.percentile(0.99)),
        report::spread(Spread::of(&rounds.processor_micros).context("no round")?, 0),
        report::spread(constant, 0),
    );
    let measured = report::spread(ratio, 3);
    Ok(Row { goal, owed: format!("{owed}"), measured, met: ratio.median >= owed, how })
}
