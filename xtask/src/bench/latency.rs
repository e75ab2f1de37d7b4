//! Goal (d): the tail of durable creates at a fixed rate, against the disk's
//! own sync. Open model: latency counts from the time at which the request
//! should have begun.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::report::{self, Row};
use super::{machine, purse};
use crate::load::open::{self, Plan};
use crate::load::samples::{Samples, Spread, millis};
use crate::sandbox::{self, Dialect, Sandbox};

const ROUNDS: usize = 5;
const RATE: u32 = 2_000;
const CONNECTIONS: usize = 128;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(10);
const PAYMENTS: usize = 4_000;
const PAYMENT_AMOUNT: u64 = 1_000_000;
const RATIO_OWED: f64 = 40.0;

pub(crate) async fn run() -> Result<()> {
    println!("bench latency: about a minute; rail workers and webhooks paused");
    let folder = sandbox::folder("bench-latency")?;
    let product = Sandbox::start(&folder.path().join("data")).await?;
    product.client().await?.pause_workers(product.credentials()).await?;
    let payments = purse::pay_ins(&product, PAYMENTS, PAYMENT_AMOUNT).await?;
    let dialect = Dialect::native(product.credentials())?;
    let (mut ratios, mut whole, mut probes) = (Vec::new(), Samples::default(), Samples::default());
    for round in 1..=ROUNDS {
        let sync = machine::sync_probe(folder.path())?;
        let address = product.address();
        let make = purse::creates(format!("latency-{round}"), dialect.clone(), payments.clone(), address);
        let plan = Plan { address, rate: RATE, connections: CONNECTIONS, warm_up: WARM_UP, measured: MEASURED };
        let outcome = open::run(plan, make).await?.clean()?;
        let (p99, p50) = (outcome.latencies.percentile(0.99), sync.percentile(0.5));
        let ratio = p99.as_secs_f64() / p50.as_secs_f64();
        println!(
            "  round {round}: {} requests, p50 {}, p99 {}, p99.9 {}; sync p50 {}; ratio {ratio:.1}",
            outcome.latencies.len(),
            millis(outcome.latencies.percentile(0.5)),
            millis(p99),
            millis(outcome.latencies.percentile(0.999)),
            millis(p50),
        );
        ratios.push(ratio);
        whole.extend(outcome.latencies);
        probes.extend(sync);
    }
    let ratio = Spread::of(&ratios).context("no round")?;
    let how = format!(
        "creates p50 {}, p99 {}, p99.9 {}; fdatasync after a 1 KB append p50 {}",
        millis(whole.percentile(0.5)),
        millis(whole.percentile(0.99)),
        millis(whole.percentile(0.999)),
        millis(probes.percentile(0.5)),
    );
    let row = Row {
        goal: "(d) p99 at 2,000 req/s ÷ p50 of append + fdatasync",
        owed: format!("at most {RATIO_OWED}"),
        measured: report::spread(ratio, 1),
        met: ratio.median <= RATIO_OWED,
        how,
    };
    let note = format!(
        "Open model over {CONNECTIONS} connections, latency from the intended start, {ROUNDS} rounds of {} s; rail workers and webhooks paused.",
        MEASURED.as_secs()
    );
    report::publish("latency", &[row], &[note])
}
