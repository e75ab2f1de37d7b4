//! The closed model: every connection sends its next request when the answer
//! to the last one is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::MakeRequest;
use super::connection::Connection;
use super::samples::Samples;

/// How long to load.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// A warm-up that does not count, and a time that does.
    Time { warm_up: Duration, measured: Duration },
    /// This many requests over all connections.
    Count(u64),
}

/// Whom to load, how wide and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) bound: Bound,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Answers with a 2xx status in the measured time.
    pub(crate) count: u64,
    /// Every answer, those of the warm-up too.
    pub(crate) answered_count: u64,
    /// Other answers.
    pub(crate) refused_count: u64,
    /// The first of these.
    pub(crate) first_refused: Option<String>,
    pub(crate) latencies: Samples,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// Good answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.answered_count += other.answered_count;
        self.refused_count += other.refused_count;
        self.first_refused = self.first_refused.take().or(other.first_refused);
        self.latencies.extend(other.latencies);
    }

    /// Notes one answer.
    pub(crate) fn note(&mut self, status: u16, body: &[u8], latency: Duration) {
        if (200..300).contains(&status) {
            self.count += 1;
            self.latencies.push(latency);
            return;
        }
        self.refused_count += 1;
        self.first_refused.get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
    }

    /// A bench that is refused measures nothing.
    pub(crate) fn clean(self) -> Result<Self> {
        let first = self.first_refused.as_deref().unwrap_or_default();
        ensure!(self.refused_count == 0, "{} answers without success, the first: {first}", self.refused_count);
        Ok(self)
    }
}

/// Loads the server until the bound is reached.
pub(crate) async fn run(plan: Plan, make: MakeRequest) -> Result<Outcome> {
    let left = Arc::new(AtomicU64::new(match plan.bound {
        Bound::Count(count) => count,
        Bound::Time { .. } => u64::MAX,
    }));
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(Connection::open(plan.address).await?);
    }
    let start = Instant::now();
    let (from, until) = match plan.bound {
        Bound::Count(_) => (start, None),
        Bound::Time { warm_up, measured } => (start + warm_up, Some(start + warm_up + measured)),
    };
    let mut tasks = Vec::with_capacity(plan.connections);
    for (number, connection) in connections.into_iter().enumerate() {
        let window = Window { from, until, left: Arc::clone(&left) };
        tasks.push(tokio::spawn(drive(connection, number, window, Arc::clone(&make))));
    }
    let mut whole = Outcome::default();
    for task in tasks {
        whole.add(task.await.context("a connection's task")??);
    }
    whole.elapsed = until.map_or_else(|| start.elapsed(), |until| until - from);
    Ok(whole)
}

struct Window {
    from: Instant,
    until: Option<Instant>,
    left: Arc<AtomicU64>,
}

async fn drive(mut connection: Connection, number: usize, window: Window, make: MakeRequest) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut request = Vec::with_capacity(1024);
    let take = |left: u64| left.checked_sub(1);
    let mut sent = 0_u64;
    while window.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        request.clear();
        make(number, sent, &mut request);
        sent += 1;
        let begin = Instant::now();
        let answer = connection.call(&request).await?;
        let end = Instant::now();
        outcome.answered_count += 1;
        if window.until.is_some_and(|until| end > until) {
            break;
        }
        if end >= window.from {
            outcome.note(answer.status, answer.body, end - begin);
        }
    }
    Ok(outcome)
}
